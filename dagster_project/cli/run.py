"""`fcir run`: load every delivery that is new, changed or not yet accepted; build, test and publish."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dagster_project.cli.damage import publication_damage
from dagster_project.cli.data_root import (
    erase_restored_people,
    finish_killed_replacement,
    repair_damage,
    require_home_folder,
    require_usable_key,
    start,
    warn_of_earlier_key,
    warn_of_open_folders,
)
from dagster_project.cli.exits import Exit
from dagster_project.cli.jobs import run_job
from dagster_project.cli.options import day_option, named_contracts, parse_day, require_reason
from dagster_project.cli.summary import (
    end_with_summary,
    print_expected,
    print_failed_files,
    print_publication,
    print_unresolved,
)
from dagster_project.clock import utc_now
from dagster_project.config import contracts_of
from dagster_project.console import say, warn
from dagster_project.errors import UsageError
from dagster_project.loading.deadlines import ExpectedDelivery, expected_deliveries
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.plan import Range, RunPlan, expected_days, plan_run
from dagster_project.loading.waivers import Waiver, waive
from dagster_project.loading.withdrawals import withdrawn_days
from dagster_project.publication.pointer import pointer_of
from dagster_project.record.store import append
from dagster_project.recovery.history import (
    difference_from_copy,
    history_file,
    require_sound_warehouse,
    save_heads,
    save_history,
)
from dagster_project.recovery.intent import read_intent
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.state import UnresolvedDelivery, reading_audit, unresolved_deliveries
from dagster_project.warehouse.tables import has_other_epochs, require_same_privacy
from dagster_project.words import be, counted, in_shell, printable
from dagster_project.writing import private_files

if TYPE_CHECKING:
    from dagster_project.recovery.rebuild import Rebuilt


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

    Exit code 1 if a delivery is missing or rejected; everything else is done.

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
    finish_interrupted_rebuild(settings)
    for waiver in accept_rejected(settings, accept, reason) if accept else ():
        say(
            f"{waiver.source} {waiver.extract_date} will be loaded as it is: {waiver.reason}",
            source=waiver.source,
            extract_date=waiver.extract_date,
            reason=waiver.reason,
        )
    finish_killed_replacement(settings)
    erase_restored_people(settings)
    warn_of_earlier_key(settings)
    wanted = Range(day_option("--from", from_), day_option("--to", to))
    if wanted.first and wanted.last and wanted.first > wanted.last:
        raise UsageError(f"--from {wanted.first} is after --to {wanted.last}; nothing was done. Swap the two")
    started = time.monotonic()
    work = find_work(settings, wanted=wanted, sources=source or [])
    repair_damage(settings)
    if not work.is_needed:
        _end_without_work(settings, work, wanted=wanted, sources=source or [])
    # Files in a source's folder are reported with the source.
    of_sources = tuple(f"{name}/" for name in named_contracts(settings, []))
    for warning in work.planned.plan.warnings:
        if not warning.startswith(of_sources):
            warn(warning)
    result = run_job(
        settings, "nightly", wanted=wanted, sources=source or [], planned=work.planned, debug=bool(context.obj)
    )
    warn_of_open_folders(settings)
    end_with_summary(settings, result, time.monotonic() - started)


def finish_interrupted_rebuild(settings: Settings) -> None:
    """Finish a rebuild that was killed, and check that the warehouse can be used.

    Raises:
        RowsMissing: files that it needs are gone. The damaged warehouse is where it was.
        DatabaseUnreadable: the warehouse is damaged, or missing although there is a copy of its audit.
        WarehouseLocked: another run holds the warehouse.
    """
    require_home_folder(settings)
    if read_intent(settings):
        from dagster_project.recovery.rebuild import finish_rebuild

        with writer_lock(settings.lock_file, command="fcir rebuild"), private_files():
            if done := finish_rebuild(settings, contracts_of(settings)):
                print_rebuilt(done)
    require_sound_warehouse(settings)


def print_rebuilt(done: "Rebuilt") -> None:
    """Print what a rebuild has restored, what is lost, and where the damaged files are."""
    facts: Any = done.facts
    restored, lost, again = facts["loads"], facts["lost"], facts["loaded_again"]
    say(f"Rebuilt      {counted(restored, 'load')}; the audit comes from {facts['audit_from']}", **facts)
    for name in lost:
        warn(f"{name} is lost: its rows cannot be restored, and its figures change")
    if again:
        say(f"             {counted(len(again), 'load')} of another version of the contract; they are loaded again")
    say(f"Damaged      {done.damaged} (no longer needed: rm -r {in_shell(done.damaged)})")


def _write_missing_copy(settings: Settings) -> None:
    """Write the copy of the audit again if it is missing, damaged or older, as a killed run leaves it."""
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        found = difference_from_copy(connection, settings) if connection else None
    if not found:
        return
    with writer_lock(settings.lock_file, command="fcir run"):
        save_history(settings)
    warn(f"{history_file(settings)}: {found.what}; it is written again. No action is needed.")


@dataclass(frozen=True)
class Work:
    """The work of a run."""

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
        PseudonymKeyError: the key cannot be used, is lost, or does not belong to the warehouse.
        TableMismatch: a raw table has clear values in a column that became personal, or the reverse.
    """
    from dagster_project.transformation.build import is_current, last_build
    from dagster_project.transformation.engine import engine_of

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
        require_usable_key(settings, connection)
        planned = plan_run(connection, landing, contracts, wanted=wanted)
        landing, plan = planned.landing, planned.plan
        if connection is None:
            # An empty warehouse is published too, but not while the first delivery is still being written.
            return Work(planned, is_needed=bool(plan.deliveries) or not plan.held, unresolved=())
        # Loading refuses it too, but with nothing new no load begins.
        require_same_privacy(connection, every.values())
        owed = expected_days(connection, landing, every, wanted=wanted, now=now)
        left = tuple(unresolved_deliveries(connection))
        known = {(delivery.source, delivery.extract_date) for delivery in plan.deliveries}
        known |= set(connection.execute("select distinct source, extract_date from audit.load").fetchall())
        is_missing_news = any((source, day) not in known for source in contracts for day in owed.get(source, ()))
        is_needed = (
            bool(plan.deliveries)
            or is_missing_news
            or has_other_epochs(connection, every.values())
            or bool(withdrawn_days(connection, settings.landing, plan, contracts, wanted=wanted))
            or any(
                wanted.is_open and contracts[item.source].first_delivery and item.extract_date not in owed[item.source]
                for item in left
                if item.status == "missing_delivery" and item.source in contracts and item.source in owed
            )
            or not is_current(connection, settings)
            or not engine_of(settings).has_build(connection, last_build(connection))
            or not pointer_of(settings.published).exists()
            or any(publication_damage(settings))
        )
        expected = tuple(expected_deliveries(connection, landing, contracts, now=now))
        return Work(planned, is_needed, left, expected)


def _end_without_work(settings: Settings, work: Work, *, wanted: Range, sources: Sequence[str]) -> NoReturn:
    """Say that nothing is new, and what needs attention and is published; end the command."""
    _write_missing_copy(settings)
    with writer_lock(settings.lock_file, command="fcir run"):
        outcome = "needs attention" if work.unresolved else "done"
        append(settings, "run", outcome=outcome, detail={"nothing_new": True, "started_by": "command line"})
    warn_of_open_folders(settings)
    for warning in work.planned.plan.warnings:
        warn(warning)
    wanted_sources = named_contracts(settings, sources)
    incomplete = sum(source in wanted_sources and day in wanted for source, day in work.planned.landing.held_days)
    say(
        f"Nothing is new but {counted(incomplete, 'delivery')} that {be(incomplete)} not complete; run again when "
        f"{'it is' if incomplete == 1 else 'they are'}: fcir run"
        if incomplete
        else "Nothing is new: every delivery in the landing folder is loaded, built and published."
    )
    print_expected(work.expected)
    print_unresolved(work.unresolved)
    failed = print_failed_files(settings.published)
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
    with writer_lock(settings.lock_file, command="fcir run"), loading_connection(settings.warehouse) as connection:
        waivers = []
        for source, day in deliveries:
            waiver = waive(connection, source, day, reason)
            facts = {"source": source, "extract_date": str(day), "content": waiver.content}
            append(settings, "accept", reason=waiver.reason, detail=facts, connection=connection)
            save_heads(settings, connection)
            waivers.append(waiver)
        return waivers


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
