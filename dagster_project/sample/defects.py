"""Defects as source systems cause them: late, unfinished, corrected, repeated and faulty rows.

The true events do not change: the row that counts is moved to a later extract or file but never changed. Wrong copies
arrive before it, and faulty copies have keys of their own. Spelling and files do not belong here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from dagster_project.sample import calls, chats, reports
from dagster_project.sample.deliveries import Deliveries, File, Kind
from dagster_project.sample.draws import choose, where_true
from dagster_project.sample.forces import KENT
from dagster_project.sample.styles import day_number, style_of
from dagster_project.sample.timeline import DAY, NONE, Array, Timeline

# Writes wrong but valid values into copies; every copy must differ from its row.
WrongValues = Callable[[np.random.Generator, Deliveries, Array], None]

_LATE, _CORRECTED = 0.002, 0.001  # shares of rows that arrive days late, or wrong at first
_IN_LATE_FILE, _IN_CORRECTED_FILE = 18, 12
# A run warns of a delivery with 1% of its rows quarantined: at most one superseded row per 200 rows, and one bad row
# only on days with 120 rows or more.
_ROWS_FOR_A_SUPERSEDED, _ROWS_FOR_A_BAD = 200, 120
_TWO_FILES_EVERY = 31  # days between two late files, and between two corrected files


@dataclass(frozen=True)
class Fault:
    """The fault of a copy of a row.

    Attributes:
        text: text in cells, instead of the value.
        put: values to set, by column.
        clear: columns to empty.
        shift: a column that is set to another column plus seconds.
        width: number of extra cells, or, if negative, of missing cells; CSV only.
    """

    text: Mapping[str, str] = field(default_factory=dict)
    put: Mapping[str, str] = field(default_factory=dict)
    clear: tuple[str, ...] = ()
    shift: tuple[str, str, int] | None = None
    width: int = 0


@dataclass(frozen=True)
class Defects:
    """The defects of one source.

    Attributes:
        key: column in which faulty rows get a key of their own.
        event: column with the time of the row's event.
        wrong_values: writes the wrong first version of a row.
        faults: faults, used in turn.
        faults_a_month: faulty rows per month.
        first_two_files: number of the first day with two files.
    """

    key: str
    event: str
    wrong_values: WrongValues
    faults: tuple[Fault, ...]
    faults_a_month: int
    first_two_files: int


def inject_defects(rng: np.random.Generator, deliveries: Deliveries, *, month: int, timeline: Timeline) -> None:
    """Spread the rows of a source and month over its extracts, as the source system would.

    All defects except rows unfinished at midnight affect the large force only: for some sources, one faulty row is more
    than 1% of the small force's month and would mark its figures.

    The rows, each in the extract of its day, are changed in place.
    """
    defects = _DEFECTS[deliveries.source]
    # A file without offsets resolves the repeated hour row by row, from their order: keep such rows in place.
    deliveries.is_defective |= timeline.is_repeated_hour(deliveries.columns[defects.event])
    if deliveries.source == "call_segments":
        _unfinished_calls(rng, deliveries, timeline=timeline)
    if deliveries.source == "live_chats":
        _unfinished_chats(deliveries, timeline=timeline)
    deliveries.is_defective |= deliveries.columns["force_code"] != KENT.code
    last = len(timeline.days) - 1
    days = range(timeline.month_starts[month], timeline.month_starts[month + 1])
    with_two_files: set[int] = set()
    for first, file, moved, wrong in (
        (defects.first_two_files, File.LATE, _IN_LATE_FILE, 4),
        (defects.first_two_files + 12, File.CORRECTED, 4, _IN_CORRECTED_FILE),
    ):
        for day in days:
            if (day_number(timeline.days[day]) - first) % _TWO_FILES_EVERY or day == last:
                continue
            that_day = deliveries.day == day
            with_two_files.add(day)
            deliveries.file[deliveries.pick(rng, count=moved, among=that_day)] = file
            wrong = min(wrong, int(that_day.sum()) // _ROWS_FOR_A_SUPERSEDED)
            rows = deliveries.pick(rng, count=wrong, among=that_day)
            superseded = deliveries.copy(rows, rank=0)
            defects.wrong_values(rng, deliveries, superseded)
            deliveries.file[rows] = file
            deliveries.quarantined[superseded] = True
    rows = deliveries.pick(rng, count=int(_LATE * len(deliveries)), among=deliveries.day < last - 3)
    deliveries.day[rows] += rng.integers(1, 4, len(rows))
    rows = deliveries.pick(rng, count=int(_CORRECTED * len(deliveries)), among=deliveries.day < last - 5)
    defects.wrong_values(rng, deliveries, deliveries.copy(rows, rank=0))
    deliveries.day[rows] += rng.integers(1, 6, len(rows))
    # At most one bad row a day, and none on a day with few rows.
    large = np.bincount(deliveries.day, minlength=len(timeline.days)) >= _ROWS_FOR_A_BAD
    whole = [day for day in days if large[day] and day not in with_two_files]
    repeated = deliveries.copy(_one_of(rng, deliveries, whole), rank=1)
    superseded = deliveries.copy(_one_of(rng, deliveries, whole), rank=-1)
    defects.wrong_values(rng, deliveries, superseded)
    deliveries.quarantined[repeated] = deliveries.quarantined[superseded] = True
    for number in range(defects.faults_a_month):
        fault = month * defects.faults_a_month + number
        _add_fault(rng, deliveries, defects, number=fault, days=whole, timeline=timeline)
    if deliveries.source == "call_segments":
        _clock_change(rng, deliveries, timeline=timeline)


def _one_of(rng: np.random.Generator, deliveries: Deliveries, days: list[int], *, among: Array | None = None) -> Array:
    """Draw a row from some days, if there is one, and remove its day from the list."""
    of_days = np.isin(deliveries.day, days)
    row = deliveries.pick(rng, count=1, among=of_days if among is None else of_days & among)
    for day in deliveries.day[row].tolist():
        days.remove(day)
    return row


def _unfinished_calls(rng: np.random.Generator, deliveries: Deliveries, *, timeline: Timeline) -> None:
    """Deliver the row as known at midnight, and the complete row later."""
    rows = calls.in_progress_at_midnight(deliveries, timeline=timeline)
    unfinished = deliveries.copy(rows, rank=0)
    deliveries.clear("talk_seconds", unfinished[rng.random(len(rows)) < 0.5])
    talking = unfinished[deliveries.columns["talk_seconds"][unfinished] != NONE]
    so_far = timeline.midnight_after(deliveries.columns["arrived_at"][talking]) - (
        deliveries.columns["arrived_at"][talking] + deliveries.columns["queue_seconds"][talking] // 10
    )
    deliveries.columns["talk_seconds"][talking] = so_far * 10
    deliveries.day[rows] += 1
    deliveries.is_defective[rows] = True

    rows = calls.called_back_on_a_later_day(deliveries, timeline=timeline)
    rows = rows[~deliveries.is_defective[rows]]
    deliveries.clear("called_back_at", deliveries.copy(rows, rank=0))
    deliveries.day[rows] = timeline.day(deliveries.columns["called_back_at"][rows])
    deliveries.is_defective[rows] = True


def _unfinished_chats(deliveries: Deliveries, *, timeline: Timeline) -> None:
    """Deliver sessions that were open at midnight as ended then, and correctly in the next extract."""
    rows = chats.open_at_midnight(deliveries, timeline=timeline)
    rows = rows[~deliveries.is_defective[rows]]
    unfinished = deliveries.copy(rows, rank=0)
    midnight = timeline.midnight_after(deliveries.columns["requested_at"][rows])
    deliveries.columns["ended_at"][unfinished] = midnight - 1
    deliveries.day[rows] += 1
    deliveries.is_defective[rows] = True


def _clock_change(rng: np.random.Generator, deliveries: Deliveries, *, timeline: Timeline) -> None:
    """Remove the offset of a third of the calls in the repeated hour, and set a wrong one for two others."""
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
    defects: Defects,
    *,
    number: int,
    days: list[int],
    timeline: Timeline,
) -> None:
    """Add a faulty copy of a row of one of the days, if its file format can contain the fault."""
    fault = defects.faults[number % len(defects.faults)]
    can_hold = [day for day in days if _can_hold(fault, deliveries, timeline=timeline, day=day)]
    among = np.isin(deliveries.day, can_hold)
    if fault.shift is not None:
        among &= deliveries.columns[fault.shift[1]] != NONE
    copies = deliveries.copy(_one_of(rng, deliveries, days, among=among), rank=2)
    for row in copies.tolist():
        deliveries.columns[defects.key][row] += f"-{number + 1}"
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
        deliveries.quarantined[row] = True


def _can_hold(fault: Fault, deliveries: Deliveries, *, timeline: Timeline, day: int) -> bool:
    style = style_of(deliveries.source, date=timeline.days[day], file=File.MAIN)
    if style.extension == "parquet":
        return not fault.width and all(deliveries.kinds[column] is Kind.TEXT for column in fault.text)
    return style.is_csv or not fault.width


def _wrong_calls(rng: np.random.Generator, deliveries: Deliveries, rows: Array) -> None:
    """Set wrong lines, wrong talk times and wrong dispositions, a third each."""
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


def _flip(rng: np.random.Generator, deliveries: Deliveries, rows: Array, *, mark: str, kind: str) -> None:
    """Invert a boolean column, and set the kind of four in ten rows to `other`."""
    columns = deliveries.columns
    columns[mark][rows] = 1 - columns[mark][rows]
    columns[kind][rows[rng.random(len(rows)) < 0.4]] = "other"


def _wrong_reports(rng: np.random.Generator, deliveries: Deliveries, rows: Array) -> None:
    """Set a wrong service."""
    services = deliveries.columns["service"]
    others = reports.choose_service(rng, len(rows))
    services[rows] = np.where(services[rows] == "report_a_crime", others, "report_a_crime")


def _wrong_crimes(rng: np.random.Generator, deliveries: Deliveries, rows: Array) -> None:
    """Set a wrong status: cancelled for recorded and the reverse."""
    columns = deliveries.columns
    was_recorded = columns["status"][rows] == "recorded"
    codes = choose(rng, len(rows), of=("C2", "C3", "C4"), weights=(1, 1, 1))
    columns["status"][rows] = np.where(was_recorded, "cancelled", "recorded")
    columns["cancelled_at"][rows] = np.where(was_recorded, columns["updated_at"][rows], NONE)
    columns["cancel_code"][rows] = where_true(was_recorded, codes)


_DEFECTS = {
    "call_segments": Defects(
        key="call_id",
        event="arrived_at",
        wrong_values=_wrong_calls,
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
    "digital_contacts": Defects(
        key="contact_id",
        event="received_at",
        wrong_values=partial(_flip, mark="from_partner_force", kind="contact_type"),
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
    "online_crime_reports": Defects(
        key="submission_id",
        event="submitted_at",
        wrong_values=_wrong_reports,
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
    "live_chats": Defects(
        key="chat_id",
        event="requested_at",
        wrong_values=partial(_flip, mark="created_incident", kind="topic"),
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
    "crimes": Defects(
        key="crime_ref",
        event="updated_at",
        wrong_values=_wrong_crimes,
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
