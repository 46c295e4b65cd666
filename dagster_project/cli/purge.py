"""`fcir purge`: remove detail past its retention; figures stay."""

import json
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.data_root import finish_killed_replacement, require_home_folder, start, warn_of_lake
from dagster_project.cli.exits import Exit
from dagster_project.cli.options import confirm, require_reason
from dagster_project.cli.run import finish_interrupted_rebuild, run
from dagster_project.clock import london_today
from dagster_project.config import contracts_of
from dagster_project.console import say, warn
from dagster_project.errors import UsageError
from dagster_project.publication.space import Need
from dagster_project.settings import Settings, Target
from dagster_project.transformation.build import stale_because
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.words import counted, listed
from dagster_project.writing import private_files

if TYPE_CHECKING:
    # It loads pyarrow, which most commands do without.
    from dagster_project.privacy.purging import PurgePlan
    from dagster_project.privacy.retention import Hold

_NAMED = 12


def purge(
    context: typer.Context,
    apply: Annotated[
        bool, typer.Option("--apply", help="Purge; without this option, only show what would be purged.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, kept in the record.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Purge without asking for confirmation.")] = False,
) -> None:
    """Remove detail that is older than its retention period, source by source, and then run; figures stay.

    In the data root, retention/retention.csv says for how many months the
    detail of a source is kept, and retention/holds.csv which days are held.
    Files in the landing folder and in backups are not changed.

    Examples:
      fcir purge
      fcir purge --apply --reason "retention schedule 2026"
    """
    from dagster_project.privacy.purged_rows import event_keys
    from dagster_project.privacy.purging import NOT_CHANGED, plan_purge
    from dagster_project.privacy.purging import purge as purge_detail
    from dagster_project.privacy.retention import (
        holds_in_force,
        purged_from,
        read_retention,
        retention_file,
    )

    settings = start(debug=bool(context.obj))
    require_home_folder(settings)
    _require_possible(settings)
    if apply:
        reason = require_reason(reason, "retention schedule 2026")
    finish_interrupted_rebuild(settings)
    finish_killed_replacement(settings)
    contracts = contracts_of(settings)
    sources = event_keys(settings)
    rules = read_retention(retention_file(settings), sources)
    if not rules:
        raise UsageError(
            f"{retention_file(settings)}: there is no retention list. Nothing was purged. Write one, as CSV, for "
            f"example:\n  valid_from,source,months,reason\n  {london_today()},{next(iter(sources))},84,schedule 2026"
        )
    with writer_lock(settings.lock_file, command="fcir purge"), private_files():
        with loading_connection(settings.warehouse) as connection:
            ensure_tables(connection, contracts.values())
            if cause := stale_because(connection, settings):
                raise UsageError(f"{cause}, so figures cannot be compared. Nothing was purged. Run first: fcir run")
            known = dict(connection.execute("select source, purged_before from audit.purge").fetchall())
        holds = holds_in_force(settings, sources)
        plan = plan_purge(settings, contracts, purged_from(rules, london_today(), known), holds)
        _show(settings, plan)
        if not apply:
            say("Nothing was changed. To purge: fcir purge --apply --reason TEXT")
            return
        if plan.is_empty:
            say("There is nothing to purge.")
            return
        if not yes:
            confirm("purge", "purged")
        require_same_holds(settings, sources, plan.holds)
        need = Need(settings, "fcir purge --apply", published=settings.published, is_rewriting=True)
        with need.required():
            certificate = purge_detail(settings, contracts, plan, reason=reason)
    say(f"Purged       every table of figures is unchanged; certificate {certificate}", certificate=str(certificate))
    if plan.landing:
        warn("files in the landing folder still contain the detail; they are not loaded again. Delete them")
    if plan.landing_with_others:
        warn(
            "files in the landing folder have purged rows and rows that stay. Keep them until the rest is purged too: "
            "fcir rebuild and fcir keys rotate read them again"
        )
    warn_of_lake(settings, is_purge=True)
    if plan.backups:
        warn("backups still contain the detail; delete them when they are no longer needed")
    left = json.loads(certificate.read_text(encoding="utf-8"))[NOT_CHANGED]
    if left:
        warn(
            f"{counted(len(left), 'file')} below the data root could not be read or changed, and may still have purged "
            f"rows: {listed(left, _NAMED)}. Remove them, with their publication if they are of one (fcir verify)"
        )
    try:
        run(context)
    except typer.Exit as ended:
        # A run ends so, whatever its exit code is.
        if ended.exit_code != Exit.WELL or not left:
            raise
    if left:
        raise typer.Exit(Exit.DATA)


def require_same_holds(settings: Settings, sources: Collection[str], planned: Sequence["Hold"]) -> None:
    """Check that no hold was added, changed or removed, or has ended, while the plan was made and confirmed.

    Raises:
        UsageError: one was.
        RetentionError: the list of holds cannot be used.
    """
    from dagster_project.privacy.retention import holds_file, holds_in_force

    if holds_in_force(settings, sources) != list(planned):
        raise UsageError(
            f"{holds_file(settings)} has changed since the rows to purge were found. Nothing was purged. See what "
            "would be purged under the new list: fcir purge"
        )


def _require_possible(settings: Settings) -> None:
    """Check that the data root can be purged.

    Raises:
        UsageError: it builds on Spark, or nothing is loaded.
    """
    if settings.target is Target.SPARK:
        raise UsageError(
            "FCIR_TARGET=spark: fcir purge removes rows from the warehouse, and the lake would keep them in its "
            "snapshots. Nothing was purged. Build with FCIR_TARGET=duckdb to purge"
        )
    if not settings.warehouse.exists():
        raise UsageError(f"{settings.warehouse}: nothing is loaded yet. Nothing was purged. Run: fcir run")


def _show(settings: Settings, plan: "PurgePlan") -> None:
    say(f"Past the retention period, in {settings.home}:")
    for source in plan.sources:
        held = f"; {counted(source.held_rows, 'row')} held" if source.held_rows else ""
        say(
            f"  {source.source}: before {source.purged_before}, {counted(source.rows, 'row')} of "
            f"{counted(source.days, 'extract date')}{held}"
        )
    for title, names in (
        ("Publications to rewrite", plan.publications),
        ("Backups that keep them", plan.backups),
        ("Landing files that keep them", plan.landing),
        ("Landing files that keep them, and rows that stay", plan.landing_with_others),
    ):
        say(f"{title}: {listed(names, _NAMED) or 'none'}")
    if not settings.backups:
        say("No backup folders are configured (FCIR_BACKUPS), so none are searched.")
