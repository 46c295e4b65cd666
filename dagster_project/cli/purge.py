"""`fcir purge`: remove detail past its retention; figures stay."""

from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.data_root import require_home_folder, start
from dagster_project.cli.options import confirm, require_reason
from dagster_project.cli.person import locked_vault
from dagster_project.cli.run import run
from dagster_project.clock import london_today
from dagster_project.config import contracts_of
from dagster_project.console import say, warn
from dagster_project.errors import UsageError
from dagster_project.publication.space import require_space
from dagster_project.settings import Settings, Target
from dagster_project.transformation.build import stale_because
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import has_lake
from dagster_project.warehouse.state import purged_before
from dagster_project.words import counted, listed

if TYPE_CHECKING:
    # It loads pyarrow, which most commands do without.
    from dagster_project.privacy.purge import PurgePlan

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
    from dagster_project.privacy.purge import delete_unused_identifiers, events_of, plan_purge
    from dagster_project.privacy.purge import purge as purge_detail
    from dagster_project.privacy.retention import holds_in_force, purged_from, read_retention, retention_file

    settings = start(debug=bool(context.obj))
    require_home_folder(settings)
    if settings.target is Target.SPARK:
        raise UsageError(
            "FCIR_TARGET=spark: fcir purge removes rows from the warehouse, and the lake would keep them in its "
            "snapshots. Nothing was purged. Build with FCIR_TARGET=duckdb to purge"
        )
    if apply:
        reason = require_reason(reason, "retention schedule 2026")
    sources = events_of(settings, contracts_of(settings))
    rules = read_retention(retention_file(settings), sources)
    if not rules:
        raise UsageError(
            f"{retention_file(settings)}: there is no retention list. Nothing was purged. Write one, as CSV, for "
            f"example:\n  valid_from,source,months,reason\n  {london_today()},{next(iter(sources))},84,schedule 2026"
        )
    with locked_vault(settings, "fcir purge") as (people, contracts):
        with loading_connection(settings.warehouse) as connection:
            if cause := stale_because(connection, settings):
                raise UsageError(f"{cause}, so figures cannot be compared. Nothing was purged. Run first: fcir run")
            known = purged_before(connection)
        holds = holds_in_force(settings, sources)
        plan = plan_purge(settings, contracts, purged_from(rules, london_today(), known), holds)
        _show(settings, plan)
        if not apply:
            say("Nothing was changed. To purge: fcir purge --apply --reason TEXT")
            return
        if plan.is_empty:
            if known:
                # A purge that was killed may have left them.
                delete_unused_identifiers(settings, contracts, people)
            say("There is nothing to purge.")
            return
        if not yes:
            confirm("purge", "purged")
        if holds_in_force(settings, sources) != holds:
            raise UsageError(
                "retention/holds.csv has changed since the rows to purge were found. Nothing was purged. See what "
                "would be purged under the new list: fcir purge"
            )
        require_space(settings, "fcir purge --apply", settings.published)
        compared = purge_detail(settings, contracts, people, plan, reason=reason)
    say(f"Purged       {counted(compared, 'table')} of figures unchanged", tables=compared)
    if plan.landing:
        warn(
            "files in the landing folder still contain the detail; files of purged days are not loaded again. Delete "
            "those of which all rows are past the retention period; keep the others, which fcir rebuild reads"
        )
    if has_lake(settings):
        warn("the lake still has the purged rows. Remove it with the Dagster job drop_lake, as docs/spark.md says")
    warn("backups still contain the detail; delete them when they are no longer needed")
    run(context)


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
        ("Landing files that keep them", plan.landing),
    ):
        say(f"{title}: {listed(names, _NAMED) or 'none'}")
