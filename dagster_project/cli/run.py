"""`fcir run`: load every delivery that is new, changed or not yet accepted; build, test and publish."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, NoReturn

import typer

from dagster_project.cli.damage import publication_damage
from dagster_project.cli.data_root import (
    require_home_folder,
    start,
    warn_of_open_folders,
)
from dagster_project.cli.exits import Exit
from dagster_project.cli.jobs import run_job
from dagster_project.cli.options import day_option, named_contracts, parse_day, require_reason
from dagster_project.cli.summary import end_with_summary, print_attention, print_publication
from dagster_project.clock import utc_now
from dagster_project.config import contracts_of
from dagster_project.console import say, warn
from dagster_project.errors import UsageError
from dagster_project.loading.deadlines import ExpectedDelivery, expected_deliveries
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.people import people_for_loading, read_people
from dagster_project.loading.plan import Range, RunPlan, expected_days, plan_run
from dagster_project.loading.waivers import Waiver, waive
from dagster_project.loading.withdrawals import withdrawn_days
from dagster_project.operations.actions import enter
from dagster_project.publication.files import pointer_of
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.history import require_sound_warehouse, save_history
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.state import UnresolvedDelivery, reading_audit, unresolved_deliveries
from dagster_project.words import be, counted, printable
from dagster_project.writing import private_files


def run(
    context: typer.Context,
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First extract date.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last extract date.")] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="SOURCE", help="Load only this source; may be repeated.")
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="SOURCE/DAY", help="Load this rejected delivery anyway; needs --reason."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why you accept it; kept in the audit.")] = "",
) -> None:
    """Load every delivery that is new, changed or not yet accepted; build, test and publish.

    Exit code 1 if a delivery is missing, rejected or incomplete; everything else is
    done.

    Examples:
      fcir run
      fcir run --from 2022-10-01 --to 2022-10-31 --source crimes
      fcir run --accept call_segments/2022-10-30 --reason "telephony was down"
    """
    settings = start(debug=bool(context.obj))
    if accept and (from_ or to or source):
        raise UsageError("--accept names the delivery by source and day; leave out --from, --to and --source")
    if reason and not accept:
        raise UsageError('--reason belongs to an accepted delivery: fcir run --accept SOURCE/DAY --reason "..."')
    require_home_folder(settings)
    require_sound_warehouse(settings)
    for waiver in accept_rejected(settings, accept, reason) if accept else ():
        say(
            f"{waiver.source} {waiver.extract_date} will be loaded as it is: {waiver.reason}",
            source=waiver.source,
            extract_date=waiver.extract_date,
            reason=waiver.reason,
        )
    wanted = Range(day_option("--from", from_), day_option("--to", to))
    if wanted.first and wanted.last and wanted.first > wanted.last:
        raise UsageError(f"--from {wanted.first} is after --to {wanted.last}; nothing was done. Swap the two")
    started = time.monotonic()
    work = find_work(settings, wanted=wanted, sources=source or [])
    if not work.is_needed:
        _end_without_work(settings, work, wanted=wanted, sources=source or [])
    # Files in a source's folder are reported with the source.
    for warning in work.planned.plan.warnings:
        if warning.source is None:
            warn(str(warning))
    result = run_job(settings, "nightly", wanted=wanted, sources=source or [], debug=bool(context.obj))
    warn_of_open_folders(settings)
    end_with_summary(settings, result, time.monotonic() - started)


@dataclass(frozen=True)
class Work:
    """The work of a run, as it is known before the lock is taken: the run itself plans again under it."""

    planned: RunPlan
    is_needed: bool
    """Whether something is new, or the publication does not match the loaded data."""
    unresolved: tuple[UnresolvedDelivery, ...]
    expected: tuple[ExpectedDelivery, ...] = ()


def find_work(settings: Settings, *, wanted: Range, sources: Sequence[str], now: datetime | None = None) -> Work:
    """Compare the landing folder with the warehouse, without changes.

    Args:
        settings: the data root.
        wanted: extract dates to load.
        sources: sources to compare; empty: all.
        now: the time, for tests; None: the clock.

    Raises:
        UsageError: a source is unknown, or there is no landing folder.
        WarehouseLocked: a run holds the warehouse.
        DatabaseUnreadable: the warehouse is damaged.
        PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
    """
    from dagster_project.transformation.build import has_build, is_current

    contracts = named_contracts(settings, sources)
    now = now or utc_now()
    require_home_folder(settings)
    if not settings.landing.is_dir():
        raise UsageError(
            f"{settings.landing}: no such folder; nothing was done. Is FCIR_HOME right ({settings.home})? Is a share "
            "not mounted? In a new installation, create the folder, or write synthetic extracts: fcir sample"
        )
    every = contracts_of(settings)
    landing = scan_landing(settings, every, wait_for=contracts)
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        # Even without anything to load: a copy of the keys may be lost by the next run.
        read_people(settings, connection)
        planned = plan_run(connection, landing, contracts, wanted=wanted)
        landing, plan = planned.landing, planned.plan
        if connection is None:
            # An empty warehouse is published too, but not while the first delivery is still being written.
            return Work(planned, is_needed=bool(plan.deliveries) or not plan.held, unresolved=())
        owed = expected_days(connection, landing, every, wanted=wanted, now=now)
        left = tuple(unresolved_deliveries(connection))
        known = {(delivery.source, delivery.extract_date) for delivery in plan.deliveries}
        known |= set(connection.execute("select distinct source, extract_date from audit.load").fetchall())
        is_missing_news = any((source, day) not in known for source in contracts for day in owed.get(source, ()))
        is_needed = (
            bool(plan.deliveries)
            or is_missing_news
            or bool(withdrawn_days(connection, settings.landing, plan, contracts, wanted=wanted))
            or any(
                wanted.is_open and item.extract_date not in owed.get(item.source, ())
                for item in left
                if item.status == "missing_delivery"
                and (contract := contracts.get(item.source))
                and (contract.first_delivery or not contract.is_daily)
            )
            or not is_current(connection, settings)
            or not has_build(settings, connection)
            or not pointer_of(settings.published).exists()
            or any(publication_damage(settings))
        )
        expected = tuple(expected_deliveries(connection, landing, contracts, now=now))
        return Work(planned, is_needed, left, expected)


def _end_without_work(settings: Settings, work: Work, *, wanted: Range, sources: Sequence[str]) -> NoReturn:
    """Say that nothing is new, and what needs attention and is published; end the command."""
    if settings.warehouse.exists():
        with writer_lock(settings.lock_file, command="fcir run"), private_files():
            with loading_connection(settings.warehouse) as connection:
                # An older vault that was restored gets who was erased since.
                people_for_loading(settings, connection)
            # A run that was killed may have left an older copy of the audit.
            outcome = "needs attention" if work.unresolved else "done"
            enter(settings, "run", outcome=outcome, details={"nothing_new": True, "started_by": "command line"})
    warn_of_open_folders(settings)
    for warning in work.planned.plan.warnings:
        warn(str(warning))
    wanted_sources = named_contracts(settings, sources)
    incomplete = sum(source in wanted_sources and day in wanted for source, day in work.planned.landing.held_days)
    say(
        f"Nothing is new but {counted(incomplete, 'delivery')} that {be(incomplete)} not complete; run again when "
        f"{'it is' if incomplete == 1 else 'they are'}: fcir run"
        if incomplete
        else "Nothing is new: every delivery in the landing folder is loaded, built and published."
    )
    failed = print_attention(settings.published, work.expected, work.unresolved)
    print_publication(settings)
    raise typer.Exit(Exit.DATA if work.unresolved or failed else Exit.WELL)


def accept_rejected(settings: Settings, names: Sequence[str], reason: str) -> list[Waiver]:
    """Record a waiver for rejected deliveries; the next run loads them.

    Each name is `SOURCE/DAY`.

    Raises:
        WaiverError: a delivery cannot be accepted this way; waivers for those before it are recorded.
        UsageError: a name is not `SOURCE/DAY`, its source is unknown, the reason cannot be kept, or nothing is loaded.
        WarehouseLocked: a run holds the warehouse.
    """
    deliveries = [_delivery_named(settings, name) for name in names]
    reason = require_reason(reason, "telephony was down")
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        if connection is None:
            raise UsageError("nothing is loaded yet, so nothing is rejected. Run: fcir run")
    with writer_lock(settings.lock_file, command="fcir run"), private_files():
        try:
            with loading_connection(settings.warehouse) as connection:
                return [waive(connection, source, day, reason) for source, day in deliveries]
        finally:
            save_history(settings)


def _delivery_named(settings: Settings, name: str) -> tuple[str, date]:
    """Return source and extract date of a delivery named `SOURCE/DAY`."""
    source, _, text = name.partition("/")
    day = parse_day(text)
    if day is None:
        raise UsageError(
            f"--accept {printable(name)}: expected SOURCE/DAY, for example call_segments/2022-10-30. Nothing was "
            "changed. What is rejected: fcir status"
        )
    return next(iter(named_contracts(settings, [source]))), day
