"""`fcir rebuild`: build a damaged warehouse again, from a copy of its audit and the landing folder."""

from typing import Annotated

import typer

from dagster_project.cli.data_root import repair_damage, require_home_folder, start
from dagster_project.cli.options import require_reason
from dagster_project.cli.run import print_rebuilt, run
from dagster_project.config import contracts_of
from dagster_project.console import say
from dagster_project.errors import UsageError
from dagster_project.publication.space import Need
from dagster_project.recovery.history import history_file, is_of_earlier_version
from dagster_project.recovery.intent import read_intent
from dagster_project.warehouse.lock import note_step, writer_lock
from dagster_project.warehouse.tables import CLEAR_VALUES
from dagster_project.writing import private_files


def rebuild(
    context: typer.Context,
    without_missing: Annotated[
        bool,
        typer.Option(
            "--without-missing",
            help="Continue without the rows of files that are gone; their figures change and are marked.",
        ),
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, kept in the record.")] = "",
) -> None:
    """Move a damaged or an older warehouse aside and build it again, with the same loads and figures; then run.

    The audit comes from the warehouse, if that part of it can be read, or from
    the copy that each run writes. The rows come from the landing folder.
    Refuses if files are gone.

    Examples:
      fcir rebuild
      fcir rebuild --without-missing --reason "the 2019 file share is lost"
    """
    from dagster_project.recovery.rebuild import rebuild as rebuild_warehouse
    from dagster_project.verification.warehouse import verify_warehouse

    settings = start(debug=bool(context.obj))
    if reason:
        reason = require_reason(reason, "the 2019 file share is lost")
    require_home_folder(settings)
    contracts = contracts_of(settings)
    repair_damage(settings)
    with writer_lock(settings.lock_file, command="fcir rebuild"), private_files():
        note_step(settings.lock_file, "verifying the warehouse")
        if read_intent(settings) is None:
            if not settings.warehouse.exists() and not history_file(settings).exists():
                raise UsageError(f"{settings.warehouse} does not exist; nothing was done. Load and publish: fcir run")
            findings, _, _ = verify_warehouse(settings, contracts)
            faults = [item for item in findings if item.is_fault and item.calls_for_rebuild]
            if settings.warehouse.exists() and not faults and not is_of_earlier_version(settings):
                raise UsageError(
                    f"{settings.warehouse} is not damaged; nothing was done. Load what is new and publish: fcir run"
                )
            for fault in faults:
                say(f"  {fault.place}: {fault.what}")
            if any(fault.what.startswith(CLEAR_VALUES) for fault in faults):
                say(
                    "  Publications of before may have these values too. After this command, delete all folders in "
                    f"{settings.home}/published*/ and published_force/*/ to which `current` does not point"
                )
        note_step(settings.lock_file, "rebuilding the warehouse")
        extracts = (file.lstat().st_size for file in settings.landing.rglob("*") if file.is_file())
        need = Need(settings, "fcir rebuild", extracts_bytes=sum(extracts), published=settings.published)
        with need.required():
            say("Reading the landing folder again ...")
            print_rebuilt(rebuild_warehouse(settings, contracts, reason=reason, without_missing=without_missing))
    run(context)
