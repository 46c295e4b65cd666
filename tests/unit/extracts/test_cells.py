"""Cells of every type: what a text means, or which fault it is; what a local time means when the clocks change."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from dagster_project.contracts import CellType, Column
from tests.cases import cases_of
from tests.unit.extracts.stays import GOOD, STAYS, judge

COLUMNS = {
    column.name: column
    for column in (
        Column("pieces", CellType.INTEGER, ""),
        Column("metres", CellType.DECIMAL, "", precision=9, scale=3),
        Column("waited", CellType.SECONDS, ""),
        Column("begun_at", CellType.TIMESTAMP, ""),
        Column("sent_at", CellType.TIMESTAMP, "", time_formats=("%s", "%Q", "%d/%m/%y %H:%M")),
        Column("paid_on", CellType.DATE, ""),
        Column("billed_for", CellType.MONTH, ""),
        Column("is_regular", CellType.BOOLEAN, ""),
        Column("kind", CellType.TEXT, "", values={"Short Stay": "", "long": "", "999": ""}),
        Column("offset_minutes", CellType.INTEGER, "", values={"0": "", "60": ""}),
    )
}


CASES = cases_of(__file__)
VALUES = {
    **{"metres": Decimal, "waited": Decimal, "begun_at": datetime.fromisoformat},
    "sent_at": datetime.fromisoformat,
    **{"paid_on": date.fromisoformat, "billed_for": date.fromisoformat},
}
"""What a value of the file is, unless it is as YAML reads it."""


def readings(name: str) -> dict[str, object]:
    """The value of each text of a column, or the code of its fault."""
    of = CASES["readings"][name]
    values = {text: VALUES.get(name, lambda value: value)(value) for text, value in of["values"].items()}
    return values | {text: code for code, texts in of["faults"].items() for text in texts}


def judged(session, column: Column, texts: Collection[str], serial_days: int = 0) -> dict[str, object]:
    """The value of each text, or the code of its fault, under a contract without rules between columns."""
    keys = tuple(STAYS.column(name) for name in ("force_code", "stay_id"))
    start = {"start_column": "begun_at" if column.name == "begun_at" else None, "event_column": None}
    rows = [{"stay_id": "1", column.name: text} for text in texts]
    found = judge(session, rows, contract=replace(STAYS, columns=(*keys, column), **start), serial_days=serial_days)
    return {text: row["fault"] or row[column.name] for text, row in zip(texts, found, strict=True)}


@pytest.mark.parametrize("name", CASES["readings"])
def test_a_text_has_this_value_or_this_fault(session, name):
    assert judged(session, COLUMNS[name], readings(name)) == readings(name)


def test_a_serial_number_counts_from_the_first_day_of_its_workbook(session):
    moments = {
        "44864.25": datetime.fromisoformat("2026-10-31 06:00"),
        "79999.5": datetime.fromisoformat("2123-01-11 12:00"),
        "44864": "no_time_of_day",
    }
    assert judged(session, COLUMNS["begun_at"], moments, serial_days=1462) == moments
    days = {"44864": date(2026, 10, 31), "80001": "not_a_date"}
    assert judged(session, COLUMNS["paid_on"], days, serial_days=1462) == days


def test_a_format_without_a_time_of_day_reads_dates_none_of_which_is_before_another_time_of_its_day(session):
    formats = {"begun_at": ("%m/%d/%Y", "%d.%m.%y %H:%M"), "ended_at": ("%d%b%Y",)}
    columns = [replace(column, time_formats=formats.get(column.name, ())) for column in STAYS.columns]
    rows = [
        GOOD | {"begun_at": begun, "ended_at": ended}
        for begun, ended in (("10/29/2022", "29Oct2022"), ("29.10.22 23:59", "2022-10-29"), ("29/10/2022", "29Oct2022"))
    ]
    found = judge(session, rows, contract=replace(STAYS, columns=tuple(columns)))
    assert [f"{row['begun_at']:%d %H:%M:%S}, {row['ended_at']:%d %H:%M:%S}" for row in found[:2]] == [
        "28 23:00:00, 29 22:59:59",
        "29 22:59:00, 29 22:59:59",
    ]
    assert found[2]["fault"] == "not_a_timestamp"


# -- what a local time in London means

FREE = [replace(column, not_before=(), not_after=(), required_when={}) for column in STAYS.columns]
NAMES = ("force_code", "stay_id", "begun_at", "offset_minutes", "booked_at", "ended_at")
TIMES = replace(STAYS, columns=tuple(column for column in FREE if column.name in NAMES))
"""A contract without rules between its times."""


def instants(local: datetime) -> list[datetime]:
    """The times in UTC at which a London clock shows a time: one or two."""
    found = [local.replace(tzinfo=UTC) - timedelta(hours=ahead) for ahead in (1, 0)]
    shown = [instant.astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None) for instant in found]
    return [instant.replace(tzinfo=None) for instant, clock in zip(found, shown, strict=True) if clock == local]


def test_an_offset_or_the_start_decides_in_the_hour_that_comes_twice(session):
    # Every ten minutes from 00:30 to 02:30, and an offset that is stated or not.
    steps = [datetime(2022, 10, 30) + timedelta(minutes=10 * step) for step in range(3, 16)]  # noqa: DTZ001 (local)
    cases = list(product(steps, (None, "0", "60"), steps))
    rows = [
        {"stay_id": "1", "begun_at": str(start), "offset_minutes": offset, "booked_at": str(later)}
        for start, offset, later in cases
    ]
    for (start, offset, later), row in zip(cases, judge(session, rows, contract=TIMES), strict=True):
        case = f"{start:%H:%M} {offset} {later:%H:%M}"
        starts, laters = instants(start), instants(later)
        is_open = len(starts) == 2 and offset is None
        begun = starts[-1] if offset == "0" else starts[0]
        # A reading before the start is ruled out, unless both are.
        possible = [instant for instant in laters if instant >= begun] or laters
        assert (row["begun_at"], row["booked_at"]) == (begun, possible[0]), case
        assert row["is_dst_ambiguous"] == (is_open or (len(laters) == 2 and len(possible) == 2)), case
        stated = offset and timedelta(minutes=int(offset)) != start - starts[0]
        assert row["offset_disagreements"] == bool(len(starts) == 1 and stated), case


def test_a_time_in_the_hour_that_comes_twice_is_not_before_any_time_that_it_follows(session):
    def times(booked: str, **not_before: tuple[str, ...]) -> list[str]:
        columns = tuple(replace(c, not_before=not_before.get(c.name, ())) for c in reversed(TIMES.columns))
        cells = {"begun_at": "2022-10-30 01:50", "ended_at": "2022-10-30 01:05", "booked_at": f"2022-10-30 {booked}"}
        (row,) = judge(session, [{**GOOD, **cells}], contract=replace(TIMES, columns=columns))
        return [f"{row[name]:%H:%M}" for name in cells]

    assert times("01:55") == ["00:50", "01:05", "00:55"]
    assert times("01:55", booked_at=("ended_at",)) == ["00:50", "01:05", "01:55"]
    # Times in a circle have no order.
    assert times("01:05", booked_at=("ended_at",), ended_at=("booked_at",)) == ["00:50", "01:05", "01:05"]


OTHER, OUTSIDE = "rows_of_other_days", "rows_outside_day"
WARNINGS = {text: set(codes) for text, codes in CASES["warnings"].items()}


@pytest.mark.parametrize("rows_may_be_of_any_day", [False, True])
def test_an_event_of_another_day_is_counted_by_its_local_day(session, rows_may_be_of_any_day):
    under = replace(TIMES, allows_events_outside_day=rows_may_be_of_any_day)
    rows = [{"stay_id": "1", "begun_at": text} for text in WARNINGS]
    for (text, counted), row in zip(
        WARNINGS.items(), judge(session, rows, contract=under, extract_date=date(2022, 7, 1)), strict=True
    ):
        found = {name for name in row if name.startswith("rows_") and row[name]}
        assert found == (counted - {OTHER, OUTSIDE} if rows_may_be_of_any_day else counted), text
