"""`fcir status`: what is loaded, missing, rejected and published, even while a run holds the warehouse."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from dagster_project.cli.damage import find_damage, publication_damage
from dagster_project.cli.data_root import require_home_folder, start, warn_of_open_folders
from dagster_project.cli.exits import Exit
from dagster_project.cli.summary import print_attention, print_publication
from dagster_project.clock import utc_now
from dagster_project.config import contracts_of
from dagster_project.console import aligned, is_json, say, warn
from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.loading.deadlines import ExpectedDelivery, OverdueSource, expected_deliveries, overdue_sources
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.people import read_people
from dagster_project.loading.plan import Range, plan_deliveries, was_rejected
from dagster_project.operations.actions import actions
from dagster_project.publication.files import DATABASE, current_publication, pointer_of
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import reading_connection
from dagster_project.warehouse.history import require_same_warehouse
from dagster_project.warehouse.lock import Holder, WarehouseLocked, holder_of, killed_holder
from dagster_project.warehouse.state import (
    AffectedFigures,
    AffectedMonth,
    DayWithoutRow,
    SourceState,
    UnresolvedDelivery,
    affected_figures,
    affected_months,
    days_without_loaded_row,
    reading_audit,
    source_states,
    unresolved_deliveries,
)
from dagster_project.words import be, counted

# Number of attempts to read the state when runs take and release the warehouse in between.
_READINGS = 3


def status(
    everything: Annotated[
        bool, typer.Option("--all", help="Show every delivery that needs attention, with the full reason.")
    ] = False,
    max_age: Annotated[
        str | None, typer.Option("--max-age", metavar="26h", help="Exit code 1 if no run ended well for that long.")
    ] = None,
) -> None:
    """Show, for each source, what is loaded, missing, rejected and quarantined, and what is published.

    During a run: its current step, and the state of the last publication.
    Exit code 1 if a delivery is missing, rejected or incomplete, a table or test failed,
    or a file is damaged or left out; with --max-age also if a delivery is overdue, or the last run
    that ended well is older.
    A delivery is expected until the deadline of its source, then missing.

    Examples:
      fcir status
      fcir status --all
      fcir status --max-age 26h
    """
    settings = start()
    allowed = _duration(max_age) if max_age else None
    state = read_state(settings)
    is_late = allowed is not None and _is_late(state, allowed)
    warn_of_open_folders(settings)
    # Files that a run is writing are not damaged; a publication is complete before its pointer is set.
    damaged = list(publication_damage(settings)) if state.locked else find_damage(settings)
    for damage in damaged:
        warn(f"{damage}. Run: fcir run")
    if state.locked:
        _print_holder(state)
    elif state.killed and state.killed.command.startswith(("fcir run", "fcir publish", "Dagster")):
        warn(
            f"{state.killed.command} (process {state.killed.pid}, started {_moment(state.killed.since)}) was killed"
            f"{f' while {state.killed.step}' if state.killed.step else ''}. Nothing is half loaded. Run: fcir run",
            killed_at_step=state.killed.step,
        )
    if not state.sources:
        if not state.locked:
            _print_nothing_loaded(settings, state)
        raise typer.Exit(Exit.DATA if damaged or is_late else Exit.WELL)
    if is_json():
        for item in state.sources:
            say(f"{item.source}: {counted(item.days_loaded, 'day')} loaded", **asdict(item))
    else:
        _print_states(state.sources)
    if state.last_run:
        outcome, ended = state.last_run
        say(f"Last run     {outcome}, {_moment(ended)}", outcome=outcome)
    if state.failed_subjects:
        say(
            f"Not built    {', '.join(state.failed_subjects)}: a table or a test failed, so nothing was published. "
            "What failed is in the log of the run: fcir ui. After correcting it: fcir run",
            failed_subjects=state.failed_subjects,
        )
    if state.waiting:
        waiting = counted(state.waiting, "delivery")
        say(f"{waiting} in the landing folder {be(state.waiting)} new or changed. Run: fcir run")
    elif not state.is_published:
        say("What is loaded is not published yet. Run: fcir run")
    _print_incomplete(state.held)
    # A screen has 24 lines: seven sources with header and publication take 12, what needs attention takes 7.
    few, most, width = (None, None, None) if everything or is_json() else (1, 3, shutil.get_terminal_size().columns)
    others = {
        "overdue source": state.overdue,
        "fully quarantined day": state.without_row,
        "affected month": state.affected,
        "marked month": state.by_effect,
    }
    failed = print_attention(
        settings.published, state.expected, state.unresolved, others=others, few=few, most=most, width=width
    )
    if not any(damage.file.is_relative_to(settings.published) for damage in damaged):
        print_publication(settings, is_short=True)
    needs_attention = state.unresolved or state.failed_subjects or damaged or failed or is_late
    raise typer.Exit(Exit.DATA if needs_attention else Exit.WELL)


def _duration(text: str) -> timedelta:
    """Return `26h`, `90m` or `2d` as a duration.

    Raises:
        UsageError: it is something else.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if found is None:
        raise UsageError(f"--max-age {text}: expected a number of minutes, hours or days, as in 90m, 26h, 2d")
    return int(found[1]) * {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[found[2]]


def _is_late(state: State, allowed: timedelta) -> bool:
    """Warn of overdue sources, or if no run has ended well for longer than allowed.

    A run that found faults of data has ended well. While a command holds the warehouse, the time counts since that
    began.
    """
    if state.overdue:
        names = ", ".join(source.source for source in state.overdue)
        warn(f"overdue: {names}. With --max-age, the exit code is 1 for that. Ask the owner of the source")
    newest = state.running.since if state.running else state.well_ended
    if newest and utc_now() - newest <= allowed:
        return bool(state.overdue)
    since = f"since {_moment(newest)}" if newest else "yet"
    warn(f"no run has ended well {since}. For the last one, see its log: fcir ui. To try again: fcir run")
    return True


def _print_holder(state: State) -> None:
    """Print what holds the warehouse, since when and at which step, and what the state below refers to."""
    holder = state.running
    if holder is None:
        say(f"The warehouse cannot be read at present: {state.locked}")
    else:
        step = f": {holder.step}, since {_moment(holder.step_since)}" if holder.step else ""
        say(
            f"{holder.command or 'A command'} is running (process {holder.pid}, started {_moment(holder.since)}){step}",
            **asdict(holder),
        )
    say(
        f"Below is the state of the last publication, {state.published_as}; for the current state, wait "
        "for the run to end."
        if state.published_as
        else "Nothing is published yet. When this has ended, see the state of the sources: fcir status"
    )


def _moment(instant: datetime) -> str:
    """Return an instant in this machine's time zone, with its date unless that is today."""
    local = instant.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == datetime.now().astimezone().date() else f"{local:%Y-%m-%d %H:%M:%S}"


def _print_nothing_loaded(settings: Settings, state: State) -> None:
    if settings.landing.is_dir():
        waits = f"{counted(state.waiting, 'delivery')} {'waits' if state.waiting == 1 else 'wait'}"
        say(f"Nothing is loaded yet; {waits} in {settings.landing}. Run: fcir run")
        _print_incomplete(state.held)
    else:
        say(
            f"Nothing is loaded yet, and there is no landing folder {settings.landing}. Is FCIR_HOME right? In a new "
            "installation, create the folder, or write synthetic extracts: fcir sample"
        )


def _print_incomplete(held: int) -> None:
    if held:
        say(f"{counted(held, 'delivery')} {be(held)} not complete yet; fcir run loads what is complete")


def _print_states(sources: Sequence[SourceState]) -> None:
    titles = ("source", "days", "missing", "rejected", "rows", "quarantined", "newest")
    rows = [
        (
            item.source,
            f"{item.days_loaded:,}",
            f"{item.days_missing:,}",
            f"{item.days_rejected:,}",
            f"{item.rows_loaded:,}",
            f"{item.rows_quarantined:,}",
            str(item.newest or "never"),
        )
        for item in sources
    ]
    for line in aligned(titles, rows, right=titles[1:]):
        print(line)


@dataclass(frozen=True)
class State:
    """The state that `fcir status` shows."""

    sources: tuple[SourceState, ...]
    unresolved: tuple[UnresolvedDelivery, ...]
    waiting: int = 0
    """Deliveries in the landing folder that a run would load; unknown while the warehouse is held."""
    held: int = 0
    """Deliveries in the landing folder that are not complete yet; unknown while the warehouse is held."""
    overdue: tuple[OverdueSource, ...] = ()
    expected: tuple[ExpectedDelivery, ...] = ()
    """Deliveries before their deadline, of sources that are not overdue."""
    without_row: tuple[DayWithoutRow, ...] = ()
    """Accepted deliveries of which all rows are quarantined."""
    affected: tuple[AffectedMonth, ...] = ()
    """Months that the last build marked: more than 1% of their rows are quarantined."""
    by_effect: tuple[AffectedFigures, ...] = ()
    """Figures that the last build marked because quarantined rows could matter to them."""
    is_published: bool = True
    """Whether the publication includes everything loaded."""
    last_run: tuple[str, datetime] | None = None
    """Outcome and end of the last run; unknown while the warehouse is held."""
    failed_subjects: tuple[str, ...] = ()
    """Subjects that the last run could not build or whose tests failed; unknown while the warehouse is held."""
    well_ended: datetime | None = None
    """When a run last ended well; unknown while the warehouse is held."""
    killed: Holder | None = None
    """The last process that wrote to the warehouse, if it was killed."""
    locked: str | None = None
    """Reason for which the warehouse cannot be read; the fields above are then the state of the last publication."""
    running: Holder | None = None
    """The process that holds the warehouse, if it belongs to this project."""
    published_as: str | None = None
    """Name of the publication that the state is from, while the warehouse is held; None if there is none."""


def read_state(settings: Settings, *, now: datetime | None = None) -> State:
    """Return the state of every source from the warehouse, or from the last publication while the warehouse is held.

    A run commits its loads source by source, and publishes last. So the state is never read between the two: it is read
    from the warehouse under the reader lock, else from the publication, which is complete or does not exist.

    Raises:
        DatabaseUnreadable: the warehouse is damaged, or the publication if the warehouse is held.
        PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
    """
    contracts = contracts_of(settings)
    require_home_folder(settings)
    # Between the two reads a run may have ended, so that the warehouse can be read again.
    for _ in range(_READINGS):
        try:
            return _state_of_warehouse(settings, contracts, now or utc_now())
        except WarehouseLocked as locked:
            reason = str(locked)
            holder = holder_of(settings.lock_file)
            if holder or not locked.holder:
                break
    return _state_of_publication(settings, reason, holder)


def _state_of_warehouse(settings: Settings, contracts: Mapping[str, Contract], now: datetime) -> State:
    from dagster_project.transformation.build import is_current

    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        # Under the lock, so that no run has taken files in the meantime.
        landing = scan_landing(settings, contracts)
        require_same_warehouse(settings, connection)
        read_people(settings, connection)
        # Rejected ones wait for a decision, not for a run.
        planned = plan_deliveries(connection, landing, contracts, wanted=Range()).deliveries
        waiting = sum(not was_rejected(connection, delivery) for delivery in planned)
        killed = killed_holder(settings.lock_file)
        if connection is None:
            return State((), (), waiting, len(landing.held_days), killed=killed)
        overdue = tuple(overdue_sources(connection, landing, contracts, now=now))
        late = {source.source for source in overdue}
        expected = expected_deliveries(connection, landing, contracts, now=now)
        runs = [row for row in actions(connection) if row["action"] == "run"]
        well = [row["acted_at"] for row in runs if row["outcome"] not in ("failed", "killed")]
        return State(
            tuple(source_states(connection)),
            tuple(unresolved_deliveries(connection)),
            waiting,
            len(landing.held_days),
            overdue,
            tuple(item for item in expected if item.source not in late),
            tuple(days_without_loaded_row(connection)),
            tuple(affected_months(connection)),
            tuple(affected_figures(connection)),
            last_run=(runs[-1]["outcome"], runs[-1]["acted_at"]) if runs else None,
            failed_subjects=tuple(runs[-1]["details"].get("failed_subjects", ())) if runs else (),
            well_ended=well[-1] if well else None,
            is_published=is_current(connection, settings) and pointer_of(settings.published).exists(),
            killed=killed,
        )


def _state_of_publication(settings: Settings, locked: str, holder: Holder | None) -> State:
    if not pointer_of(settings.published).exists():
        return State((), (), locked=locked, running=holder)
    folder = current_publication(settings.published)
    with reading_connection(folder / DATABASE) as connection:
        return State(
            tuple(source_states(connection, is_published=True)),
            tuple(unresolved_deliveries(connection, is_published=True)),
            without_row=tuple(days_without_loaded_row(connection, is_published=True)),
            affected=tuple(affected_months(connection)),
            by_effect=tuple(affected_figures(connection)),
            locked=locked,
            running=holder,
            published_as=folder.name,
        )
