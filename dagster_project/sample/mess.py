"""Disorder as source systems make it: late, unfinished, corrected, repeated and faulty rows.

The truth stays what it is: the row that counts is moved to a later extract or file, never changed; copies that are
wrong arrive before it, and faulty copies carry keys of their own. Spelling and files do not belong here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from dagster_project.sample import calls, chats, reports
from dagster_project.sample.deliveries import Deliveries, File, Kind
from dagster_project.sample.draws import choose, where_true
from dagster_project.sample.styles import style_of
from dagster_project.sample.timeline import DAY, NONE, Array, Timeline

# Writes wrong but possible values into copies; every copy has to differ from its row.
Falsify = Callable[[np.random.Generator, Deliveries, Array], None]

_LATE, _CORRECTED = 0.002, 0.001  # shares of rows that come days late, or wrong at first
_IN_LATE_FILE, _IN_CORRECTED_FILE = 18, 12
_TWO_FILES_EVERY = 31  # days between two days with a late file, and between two with a corrected one


@dataclass(frozen=True)
class Fault:
    """What makes a copy of a row faulty.

    Attributes:
        text: what stands in cells in place of the value.
        put: values of columns.
        clear: columns that lose their value.
        shift: a column that becomes another one plus seconds.
        width: cells too many or, negative, too few; CSV only.
    """

    text: Mapping[str, str] = field(default_factory=dict)
    put: Mapping[str, str] = field(default_factory=dict)
    clear: tuple[str, ...] = ()
    shift: tuple[str, str, int] | None = None
    width: int = 0


@dataclass(frozen=True)
class Habits:
    """How one source goes wrong.

    Attributes:
        key: column that gives faulty rows a key of their own.
        event: column that says when the row's event happened.
        falsify: makes the first, wrong version of a row.
        faults: taken in turn.
        faults_a_month: number of faulty rows in each month.
        first_two_files: number of the first day that has two files.
    """

    key: str
    event: str
    falsify: Falsify
    faults: tuple[Fault, ...]
    faults_a_month: int
    first_two_files: int


def spoil(rng: np.random.Generator, deliveries: Deliveries, *, timeline: Timeline) -> None:
    """Spread the rows of a source over its extracts as the source system would.

    Args:
        rng: source of the draws.
        deliveries: the true rows, each in the extract of its day; changed in place.
        timeline: the days of the sample.
    """
    habits = _HABITS[deliveries.source]
    # Which of its two readings a file without offsets means is settled row by row: keep such rows where they are.
    deliveries.touched |= timeline.is_repeated_hour(deliveries.columns[habits.event])
    if deliveries.source == "call_segments":
        _unfinished_calls(rng, deliveries, timeline=timeline)
    if deliveries.source == "live_chats":
        _unfinished_chats(deliveries, timeline=timeline)
    last = len(timeline.days) - 1
    for first, file, moved, wrong in (
        (habits.first_two_files, File.LATE, _IN_LATE_FILE, 4),
        (habits.first_two_files + 12, File.CORRECTED, 4, _IN_CORRECTED_FILE),
    ):
        for day in range(first, last, _TWO_FILES_EVERY):
            that_day = deliveries.day == day
            deliveries.file[deliveries.pick(rng, count=moved, among=that_day)] = file
            rows = deliveries.pick(rng, count=wrong, among=that_day)
            habits.falsify(rng, deliveries, deliveries.copy(rows, rank=0))
            deliveries.file[rows] = file
            deliveries.quarantined += len(rows)
    _late(rng, deliveries, last=last)
    rows = deliveries.pick(rng, count=int(_CORRECTED * len(deliveries)), among=deliveries.day < last - 5)
    habits.falsify(rng, deliveries, deliveries.copy(rows, rank=0))
    deliveries.day[rows] += rng.integers(1, 6, len(rows))
    faults = 0
    for month in timeline.months:
        days = [n for n, day in enumerate(timeline.days) if f"{day:%Y-%m}" == month]
        repeated = deliveries.pick(rng, count=1, among=_in_main_files(deliveries, days))
        deliveries.copy(repeated, rank=1)
        overtaken = deliveries.pick(rng, count=1, among=_in_main_files(deliveries, days))
        habits.falsify(rng, deliveries, deliveries.copy(overtaken, rank=-1))
        deliveries.quarantined += len(repeated) + len(overtaken)
        for _ in range(habits.faults_a_month):
            _add_fault(rng, deliveries, habits, number=faults, days=days, timeline=timeline)
            faults += 1
    if deliveries.source == "call_segments":
        _clock_change(rng, deliveries, timeline=timeline)


def _in_main_files(deliveries: Deliveries, days: list[int]) -> Array:
    return (deliveries.day >= days[0]) & (deliveries.day <= days[-1]) & (deliveries.file == int(File.MAIN))


def _unfinished_calls(rng: np.random.Generator, deliveries: Deliveries, *, timeline: Timeline) -> None:
    """Deliver what the system knew at midnight, and the whole row once it was complete."""
    rows = calls.in_progress_at_midnight(deliveries, timeline=timeline)
    unfinished = deliveries.copy(rows, rank=0)
    deliveries.clear("talk_seconds", unfinished[rng.random(len(rows)) < 0.5])
    talking = unfinished[deliveries.columns["talk_seconds"][unfinished] != NONE]
    so_far = timeline.midnight_after(deliveries.columns["arrived_at"][talking]) - (
        deliveries.columns["arrived_at"][talking] + deliveries.columns["queue_seconds"][talking] // 10
    )
    deliveries.columns["talk_seconds"][talking] = so_far * 10
    deliveries.day[rows] += 1
    deliveries.touched[rows] = True

    rows = calls.called_back_on_a_later_day(deliveries, timeline=timeline)
    rows = rows[~deliveries.touched[rows]]
    deliveries.clear("called_back_at", deliveries.copy(rows, rank=0))
    deliveries.day[rows] = timeline.day(deliveries.columns["called_back_at"][rows])
    deliveries.touched[rows] = True


def _unfinished_chats(deliveries: Deliveries, *, timeline: Timeline) -> None:
    """Deliver sessions open at midnight as ended by it, and as they were in the next extract."""
    rows = chats.open_at_midnight(deliveries, timeline=timeline)
    rows = rows[~deliveries.touched[rows]]
    unfinished = deliveries.copy(rows, rank=0)
    midnight = timeline.midnight_after(deliveries.columns["requested_at"][rows])
    deliveries.columns["ended_at"][unfinished] = midnight - 1
    deliveries.day[rows] += 1
    deliveries.touched[rows] = True


def _late(rng: np.random.Generator, deliveries: Deliveries, *, last: int) -> None:
    rows = deliveries.pick(rng, count=int(_LATE * len(deliveries)), among=deliveries.day < last - 3)
    deliveries.day[rows] += rng.integers(1, 4, len(rows))


def _clock_change(rng: np.random.Generator, deliveries: Deliveries, *, timeline: Timeline) -> None:
    """Leave out the offset of a third of the calls in the repeated hour, and give two others a wrong one."""
    columns = deliveries.columns
    repeated = np.flatnonzero(timeline.is_repeated_hour(columns["arrived_at"]))
    deliveries.clear("utc_offset_minutes", repeated[rng.random(len(repeated)) < 0.33])
    if len(repeated):
        days_before = int(deliveries.day[repeated[0]]) - 18
        rows = deliveries.pick(rng, count=2, among=deliveries.day == days_before)
        columns["utc_offset_minutes"][rows] = 60 - columns["utc_offset_minutes"][rows]


def _add_fault(
    rng: np.random.Generator,
    deliveries: Deliveries,
    habits: Habits,
    *,
    number: int,
    days: list[int],
    timeline: Timeline,
) -> None:
    """Add a faulty copy of a row of the month, where its file can hold the fault."""
    fault = habits.faults[number % len(habits.faults)]
    can_hold = [day for day in days if _can_hold(fault, deliveries, timeline=timeline, day=day)]
    among = np.isin(deliveries.day, can_hold) & (deliveries.file == int(File.MAIN))
    if fault.shift is not None:
        among &= deliveries.columns[fault.shift[1]] != NONE
    copies = deliveries.copy(deliveries.pick(rng, count=1, among=among), rank=2)
    for row in copies.tolist():
        deliveries.columns[habits.key][row] += f"-{number + 1}"
        for column, value in fault.put.items():
            deliveries.columns[column][row] = value
        for column in fault.clear:
            deliveries.clear(column, np.array([row]))
        if fault.shift is not None:
            column, base, seconds = fault.shift
            deliveries.columns[column][row] = deliveries.columns[base][row] + seconds
        if fault.text:
            deliveries.cells[row] = dict(fault.text)
        if fault.width:
            deliveries.width[row] = fault.width
        deliveries.quarantined += 1


def _can_hold(fault: Fault, deliveries: Deliveries, *, timeline: Timeline, day: int) -> bool:
    style = style_of(deliveries.source, day=day, date=timeline.days[day], file=File.MAIN)
    if style.extension == "parquet":
        return not fault.width and all(deliveries.kinds[column] is Kind.TEXT for column in fault.text)
    return style.is_csv or not fault.width


def _falsify_calls(rng: np.random.Generator, deliveries: Deliveries, rows: Array) -> None:
    """A third each of wrong lines, wrong talk times and wrong dispositions."""
    columns = deliveries.columns
    kind = rng.integers(0, 3, len(rows))
    line = rows[kind == 0]
    columns["line"][line] = np.where(columns["line"][line] == "other", "101", "other")
    talk = rows[kind == 1]
    columns["talk_seconds"][talk] += 900
    answer = rows[kind == 2]
    was_answered = columns["disposition"][answer] == "answered"
    columns["disposition"][answer] = np.where(was_answered, "disconnected", "answered")
    columns["talk_seconds"][answer] = np.where(was_answered, 0, 1200)


def _falsify_contacts(rng: np.random.Generator, deliveries: Deliveries, rows: Array) -> None:
    """The mark of a partner force wrong, some with another type."""
    columns = deliveries.columns
    columns["from_partner_force"][rows] = 1 - columns["from_partner_force"][rows]
    other = rows[rng.random(len(rows)) < 0.4]
    columns["contact_type"][other] = "other"


def _falsify_reports(rng: np.random.Generator, deliveries: Deliveries, rows: Array) -> None:
    """The wrong service."""
    services = deliveries.columns["service"]
    others = reports.choose_service(rng, len(rows))
    services[rows] = np.where(services[rows] == "report_a_crime", others, "report_a_crime")


def _falsify_chats(rng: np.random.Generator, deliveries: Deliveries, rows: Array) -> None:
    """The incident wrong, some with another topic."""
    columns = deliveries.columns
    columns["created_incident"][rows] = 1 - columns["created_incident"][rows]
    other = rows[rng.random(len(rows)) < 0.4]
    columns["topic"][other] = "other"


def _falsify_crimes(rng: np.random.Generator, deliveries: Deliveries, rows: Array) -> None:
    """The status wrong: cancelled for recorded and the reverse."""
    columns = deliveries.columns
    was_recorded = columns["status"][rows] == "recorded"
    codes = choose(rng, len(rows), of=("C2", "C3", "C4"), weights=(1, 1, 1))
    columns["status"][rows] = np.where(was_recorded, "cancelled", "recorded")
    columns["cancelled_at"][rows] = np.where(was_recorded, columns["updated_at"][rows], NONE)
    columns["cancel_code"][rows] = where_true(was_recorded, codes)


_HABITS = {
    "call_segments": Habits(
        key="call_id",
        event="arrived_at",
        falsify=_falsify_calls,
        faults=(
            Fault(text={"arrived_at": "31/09/2022 25:10"}),
            Fault(text={"disposition": "answerd"}),
            Fault(text={"queue_seconds": "-12"}),
            Fault(width=-2),
            Fault(clear=("arrived_at",)),
            Fault(text={"line": "112"}),
            Fault(shift=("called_back_at", "arrived_at", -600)),
            Fault(text={"queue_seconds": "n/k"}),
            Fault(width=1),
            Fault(text={"segment_no": "0"}),
            Fault(put={"disposition": "answered"}, clear=("queue_seconds",)),
        ),
        faults_a_month=4,
        first_two_files=4,
    ),
    "digital_contacts": Habits(
        key="contact_id",
        event="received_at",
        falsify=_falsify_contacts,
        faults=(
            Fault(text={"received_at": "yesterday"}),
            Fault(text={"contact_type": "fax"}),
            Fault(clear=("received_at",)),
            Fault(text={"from_partner_force": "maybe"}),
            Fault(text={"received_at": "2022-13-41T10:00:00"}),
            Fault(clear=("contact_type",)),
        ),
        faults_a_month=2,
        first_two_files=9,
    ),
    "online_crime_reports": Habits(
        key="submission_id",
        event="submitted_at",
        falsify=_falsify_reports,
        faults=(
            Fault(shift=("started_at", "submitted_at", 300)),
            Fault(text={"service": "report_crime"}),
            Fault(clear=("submitted_at",)),
            Fault(width=1),
            Fault(text={"submitted_at": "30/02/2023 10:00"}),
        ),
        faults_a_month=2,
        first_two_files=13,
    ),
    "live_chats": Habits(
        key="chat_id",
        event="requested_at",
        falsify=_falsify_chats,
        faults=(
            Fault(shift=("ended_at", "accepted_at", -60)),
            Fault(clear=("requested_at",)),
            Fault(text={"topic": "weather"}),
            Fault(text={"created_incident": "perhaps"}),
            Fault(text={"ended_at": "n/k"}),
        ),
        faults_a_month=2,
        first_two_files=17,
    ),
    "crimes": Habits(
        key="crime_ref",
        event="updated_at",
        falsify=_falsify_crimes,
        faults=(
            Fault(text={"status": "pending"}),
            Fault(clear=("offence_code",)),
            Fault(put={"status": "cancelled"}, clear=("cancelled_at",)),
            Fault(put={"status": "cancelled"}, shift=("cancelled_at", "recorded_at", -DAY)),
            Fault(text={"report_channel": "pigeon"}),
            Fault(clear=("recorded_at",)),
        ),
        faults_a_month=2,
        first_two_files=6,
    ),
}
