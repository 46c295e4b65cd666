"""`fcir rebuild`: build a damaged or an older warehouse again."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from dagster_project.cli.data_root import require_home_folder, start
from dagster_project.cli.options import require_reason
from dagster_project.cli.run import run
from dagster_project.config import contracts_of
from dagster_project.console import say, warn
from dagster_project.errors import UsageError
from dagster_project.publication.space import require_space
from dagster_project.settings import Settings
from dagster_project.warehouse.history import read_history
from dagster_project.warehouse.lock import note_step, writer_lock
from dagster_project.words import counted, listed
from dagster_project.writing import private_files

_NAMED = 12


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
    """Set a damaged or an older warehouse aside and build it again, with the same loads and figures; then run.

    The audit comes from the warehouse, if that part of it can be read, or from
    the copy in history/ that each run writes. The rows come from the landing
    folder. Refuses if files are gone. A vault that is missing or too old is
    replaced by a new one, with new surrogates.

    Examples:
      fcir rebuild
      fcir rebuild --without-missing --reason "the 2019 file share is lost"
    """
    from dagster_project.operations.rebuild import rebuild as rebuild_warehouse
    from dagster_project.operations.verify import verify_warehouse

    settings = start(debug=bool(context.obj))
    if reason:
        reason = require_reason(reason, "the 2019 file share is lost")
    require_home_folder(settings)
    contracts = contracts_of(settings)
    with writer_lock(settings.lock_file, command="fcir rebuild"), private_files():
        note_step(settings.lock_file, "verifying the warehouse")
        if not settings.warehouse.exists() and not read_history(settings.history):
            raise UsageError(f"{settings.warehouse} does not exist; nothing was done. Load and publish: fcir run")
        findings, _ = verify_warehouse(settings, contracts)
        faults = [item for item in findings if item.needs_rebuild]
        if not faults:
            raise UsageError(
                f"{settings.warehouse} is not damaged; nothing was done. Load what is new and publish: fcir run"
            )
        for fault in faults:
            say(f"  {fault.place}: {fault.what}")
        note_step(settings.lock_file, "rebuilding the warehouse")
        require_space(settings, "fcir rebuild", settings.published)
        say("Reading the landing folder again ...")
        _show(settings, rebuild_warehouse(settings, contracts, reason=reason, without_missing=without_missing))
    run(context)


def _show(settings: Settings, facts: Mapping[str, Any]) -> None:
    damaged = settings.home / facts["damaged"]
    say(f"Rebuilt      audit from {facts['audit_from']}; the files of before are in {damaged}", **facts)
    for name, what in (("loaded_again", "loaded again"), ("lost", "lost; their figures change and are marked")):
        names = [str(item) for item in facts.get(name, ())]
        if names:
            warn(f"{counted(len(names), 'load')} {what}: {listed(names, _NAMED)}")
