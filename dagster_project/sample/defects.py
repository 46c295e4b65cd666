"""Defects as source systems cause them: late, unfinished, corrected, repeated and faulty rows.

The true events do not change: the row that counts is moved to a later extract or file but never changed. Wrong copies
arrive before it, and faulty copies have keys of their own. Spelling and files do not belong here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from dagster_project.contracts import CellType
from dagster_project.sample import calls, chats, reports
from dagster_project.sample.deliveries import WIDTH, Deliveries, File
from dagster_project.sample.draws import choose, where_true
from dagster_project.sample.forces import KENT
from dagster_project.sample.styles import day_number, style_of
from dagster_project.sample.timeline import DAY, NONE, Array, Timeline

# Writes wrong but valid values into copies; every copy must differ from its row.
WrongValues = Callable[[np.random.Generator, Deliveries, Array], None]

# The fault of a copy of a row, by column: another text, None for no value, or another column and seconds after it;
# under `WIDTH` the number of extra cells or, if negative, of missing ones, which only CSV can hold.
Fault = Mapping[str, str | int | tuple[str, int] | None]

_LATE, _CORRECTED = 0.002, 0.001  # shares of rows that arrive days late, or wrong at first
_IN_LATE_FILE, _IN_CORRECTED_FILE = 18, 12
# A run warns of a delivery with 1% of its rows quarantined: at most one superseded row per 200 rows, and one bad row
# only on days with 120 rows or more.
_ROWS_FOR_A_SUPERSEDED, _ROWS_FOR_A_BAD = 200, 120
_TWO_FILES_EVERY = 31  # days between two late files, and between two corrected files


@dataclass(frozen=True)
class Defects:
    """The defects of one source.

    Attributes:
        wrong_values: writes the wrong first version of a row.
        first_two_files: number of the first day with two files.
        faults: faults, used in turn.
        faults_a_month: faulty rows per month.
    """

    wrong_values: WrongValues
    first_two_files: int
    faults: tuple[Fault, ...]
    faults_a_month: int = 2


def inject_defects(rng: np.random.Generator, deliveries: Deliveries, *, month: int, timeline: Timeline) -> None:
    """Spread the rows of a source and month over its extracts, as the source system would.

    All defects except rows unfinished at midnight affect the large force only: for some sources, one faulty row is more
    than 1% of the small force's month and would mark its figures.

    The rows, each in the extract of its day, are changed in place.
    """
    defects = _DEFECTS[deliveries.source]
    # A file without offsets resolves the repeated hour row by row, from their order: keep such rows in place.
    deliveries.is_defective |= timeline.is_repeated_hour(deliveries.columns[deliveries.event])
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
    for value in fault.values():
        if isinstance(value, tuple):
            among &= deliveries.columns[value[0]] != NONE
    copies = deliveries.copy(_one_of(rng, deliveries, days, among=among), rank=2)
    for row in copies.tolist():
        deliveries.columns[deliveries.key][row] += f"-{number + 1}"
        deliveries.faults[row] = {}
        for column, value in fault.items():
            if value is None:
                deliveries.clear(column, np.array([row]))
            elif isinstance(value, tuple):
                base, seconds = value
                deliveries.columns[column][row] = deliveries.columns[base][row] + seconds
            else:
                deliveries.faults[row][column] = value
        deliveries.quarantined[row] = True


def _can_hold(fault: Fault, deliveries: Deliveries, *, timeline: Timeline, day: int) -> bool:
    style = style_of(deliveries.source, date=timeline.days[day], file=File.MAIN)
    if style.extension == "parquet":
        texts = [column for column, value in fault.items() if isinstance(value, str)]
        return WIDTH not in fault and all(deliveries.types[column] is CellType.TEXT for column in texts)
    return style.is_csv or WIDTH not in fault


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
        _wrong_calls,
        4,
        (
            {"arrived_at": "31/09/2022 25:10"},
            {"disposition": "answerd"},
            {"queue_seconds": "-12"},
            {WIDTH: -2},
            {"arrived_at": None},
            {"line": "112"},
            {"called_back_at": ("arrived_at", -600)},
            {"queue_seconds": "n/k"},
            {WIDTH: 1},
            {"segment_no": "0"},
            {"disposition": "answered", "queue_seconds": None},
        ),
        faults_a_month=4,
    ),
    "digital_contacts": Defects(
        partial(_flip, mark="from_partner_force", kind="contact_type"),
        9,
        (
            {"received_at": "yesterday"},
            {"contact_type": "fax"},
            {"received_at": None},
            {"from_partner_force": "maybe"},
            {"received_at": "2022-13-41T10:00:00"},
            {"contact_type": None},
        ),
    ),
    "online_crime_reports": Defects(
        _wrong_reports,
        13,
        (
            {"started_at": ("submitted_at", 300)},
            {"service": "report_crime"},
            {"submitted_at": None},
            {WIDTH: 1},
            {"submitted_at": "30/02/2023 10:00"},
        ),
    ),
    "live_chats": Defects(
        partial(_flip, mark="created_incident", kind="topic"),
        17,
        (
            {"ended_at": ("accepted_at", -60)},
            {"requested_at": None},
            {"topic": "weather"},
            {"created_incident": "perhaps"},
            {"ended_at": "n/k"},
        ),
    ),
    "crimes": Defects(
        _wrong_crimes,
        6,
        (
            {"status": "pending"},
            {"offence_code": None},
            {"status": "cancelled", "cancelled_at": None},
            {"status": "cancelled", "cancelled_at": ("recorded_at", -DAY)},
            {"report_channel": "pigeon"},
            {"recorded_at": None},
        ),
    ),
}
