"""Cells of every type: what a text means, or which fault it is; what a local time means when the clocks change."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from dagster_project.contracts import CellType, Column
from dagster_project.extracts.cells import is_summer_reading, is_winter_reading, london_offset_of, london_time_of
from tests.unit.extracts.stays import GOOD, STAYS, judge

COLUMNS = {
    column.name: column
    for column in (
        Column("pieces", CellType.INTEGER, ""),
        Column("metres", CellType.DECIMAL, "", precision=9, scale=3),
        Column("waited", CellType.SECONDS, ""),
        Column("begun_at", CellType.TIMESTAMP, ""),
        Column("paid_on", CellType.DATE, ""),
        Column("billed_for", CellType.MONTH, ""),
        Column("is_regular", CellType.BOOLEAN, ""),
        Column("kind", CellType.TEXT, "", values={"Short Stay": "", "long": "", "999": ""}),
        Column("offset_minutes", CellType.INTEGER, "", values={"0": "", "60": ""}),
    )
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


# The value of a text, or the code of its fault.
READINGS: dict[str, dict[str, object]] = {
    "pieces": {
        "1,234": 1234,
        "-17": -17,
        "0,002": 2,
        "9" * 18: 10**18 - 1,
        "123,456,789,012,345,678": 123456789012345678,
        **dict.fromkeys(("1,23", "1234,567", "1.0", "1e3", "+1", "٣", "0x10", "1_000", "'1"), "not_an_integer"),
        **dict.fromkeys(("9" * 19, "1,234,567,890,123,456,789", ",123", "--1", "1-"), "not_an_integer"),
    },
    "metres": {
        "1,234.5": Decimal("1234.5"),
        "-0.125": Decimal("-0.125"),
        "999999.999": Decimal("999999.999"),
        "000,000,001.500000": Decimal("1.5"),
        f"{'0' * 37}1.{'0' * 40}": Decimal(1),
        **dict.fromkeys(("0.1435", "0.14300010", "-1,234.0001"), "too_many_decimals"),
        **dict.fromkeys(("1000000", "1,0", "1e-3", ".5", "5.", "1.2.3", "--1", "0" * 39), "not_a_decimal"),
    },
    "waited": {
        "17": Decimal(17),
        "1,234.5": Decimal("1234.5"),
        "-5": Decimal(-5),
        "0.0000005": Decimal("0.000001"),
        "4m 56s": Decimal(296),
        "1H 2M 3.5S": Decimal("3723.5"),
        "1h": Decimal(3600),
        "2h5s": Decimal(7205),
        "4 m 5.5 s": Decimal("245.5"),
        "05:07": Decimal(307),
        "75:07": Decimal(4507),
        "5:07.5": Decimal("307.5"),
        "1234567:00": Decimal(74074020),
        "1:05:07.25": Decimal("3907.25"),
        "26:00:00": Decimal(93600),
        **dict.fromkeys(("1:75:00", "1:05:75", "5:7", "1:2:3:4", "1.234,5", "1,23", "-00:05", "5m4h"), "not_seconds"),
        **dict.fromkeys((".", "::", "s", "NaN", "inf", "1e3", "4m 56", "1.5m", "12345678:00", "75:60"), "not_seconds"),
        **dict.fromkeys(("999999999999h", "9999999999999h 5s", "1000000000000s"), "not_seconds"),
        "999999999999.9999999": "not_seconds",
        "999999999999": Decimal(999999999999),
    },
    "begun_at": {
        "2022-07-01 10:00": utc("2022-07-01 09:00"),
        "2022-12-01T10:00:30": utc("2022-12-01 10:00:30"),
        "03/11/2022 9:05": utc("2022-11-03 09:05"),
        "3/1/2022  9:05:07": utc("2022-01-03 09:05:07"),
        "03/11/2022T09:05:07,5": utc("2022-11-03 09:05:07.5"),
        "31/07/2022 23:59:59.9": utc("2022-07-31 22:59:59.9"),
        "2022-07-01T10:00:00Z": utc("2022-07-01 10:00"),
        "2022-07-01 10:00 z": utc("2022-07-01 10:00"),
        "2022-07-01 10:00:00+0100": utc("2022-07-01 09:00"),
        "2022-07-01 10:00:00 -14:59": utc("2022-07-02 00:59"),
        "2022-07-01T10:00+01": utc("2022-07-01 09:00"),
        "2022-07-01T10:00:00.1234567": utc("2022-07-01 09:00:00.123456"),
        "2022-07-01T10:00:00,999999999z": utc("2022-07-01 10:00:00.999999"),
        "2022-10-30 01:30": utc("2022-10-30 00:30"),
        "2022-10-30 01:30+00:00": utc("2022-10-30 01:30"),
        "2022-03-27 00:59:59": utc("2022-03-27 00:59:59"),
        **dict.fromkeys(("2022-03-27 01:00", "27/03/2022 01:59:59"), "time_never_existed"),
        "2022-03-27 02:00:00": utc("2022-03-27 01:00"),
        "44864.25": utc("2022-10-30 06:00"),
        "80000.0": "no_time_of_day",
        **dict.fromkeys(("2022-07-01", "01/07/2022", "1/7/2022", "44864", "44864.000", "20000"), "no_time_of_day"),
        **dict.fromkeys(("07/13/2022 10:00", "2022-02-29 10:00", "2022-7-1 10:00"), "not_a_timestamp"),
        **dict.fromkeys(("0000-07-01 10:00", "0999-07-01 10:00:00", "1/7/0999 10:00"), "not_a_timestamp"),
        **dict.fromkeys(("2022-07-01 24:00", "1/7/2022 24:00", "2022-07-01 10:60"), "not_a_timestamp"),
        **dict.fromkeys(("2022-07-01 10:00:60", "2022-07-01 10:00 PM", "1/7/2022 10:00Z"), "not_a_timestamp"),
        **dict.fromkeys(("2022-07-01 10:00+1", "2022-07-01 10:00+01:60"), "not_a_timestamp"),
        "2022-07-01 10:00:00.1234567890": "not_a_timestamp",
        **dict.fromkeys(("2022-07-01 10:00+15:00", "19999.5", "80000.5", "1656666000", "12345"), "not_a_timestamp"),
        **dict.fromkeys(("infinity", "epoch", "now", "31/02/2022", "23/10/2015 T1:41:00"), "not_a_timestamp"),
        "1900-01-01 23:59:59": "before_1900",
        "1900-01-02 00:00": utc("1900-01-02 00:00"),
    },
    "paid_on": {
        "2022-10-30": date(2022, 10, 30),
        "29/02/2024": date(2024, 2, 29),
        "3/1/2022": date(2022, 1, 3),
        "2022-10-30 00:00:00": date(2022, 10, 30),
        "2022-10-30T00:00": date(2022, 10, 30),
        "2022-10-30 00:00:00.000": date(2022, 10, 30),
        "44864": date(2022, 10, 30),
        "80000": date(2119, 1, 11),
        "20000": date(1954, 10, 3),
        **dict.fromkeys(("29/02/2023", "11/13/2022", "2022-10-30 10:00:00", "2022-3-15", "20221030"), "not_a_date"),
        **dict.fromkeys(("2022-10-30 00:00:01", "2022-10-30 00:00:00.01", "1/1/0999"), "not_a_date"),
        **dict.fromkeys(("0000-01-01", "0999-12-31", "19999", "80001", "44864.0", "15 March 2023"), "not_a_date"),
        "1900-01-01": "before_1900",
        "1900-01-02": date(1900, 1, 2),
    },
    "billed_for": {
        "2022-10": date(2022, 10, 1),
        "2022-12": date(2022, 12, 1),
        "1900-02": date(1900, 2, 1),
        "1900-01": "before_1900",
        **dict.fromkeys(("2022-13", "2022-1", "2022-00", "2022/01", "202201", "Jan 2023", "0999-01"), "not_a_month"),
    },
    "is_regular": {
        **dict.fromkeys(("y", "yES", "TRUE", "1"), True),
        **dict.fromkeys(("N", "nO", "false", "0"), False),
        **dict.fromkeys(("2", "ja", "on", "maybe", "-1"), "not_a_boolean"),
    },
    "kind": {
        **dict.fromkeys(("short stay", "SHORT STAY"), "Short Stay"),
        "LONG": "long",
        "999": "999",
        **dict.fromkeys(("longer", "999.0", "None", "n.a.", "--"), "not_in_list"),
    },
    "offset_minutes": {
        "0": 0,
        "00": 0,
        "60": 60,
        "060": 60,
        "-0": 0,
        **dict.fromkeys(("30", "60.0", "BST"), "not_in_list"),
    },
}


def judged(session, column: Column, texts: Collection[str], serial_days: int = 0) -> dict[str, object]:
    """The value of each text, or the code of its fault, under a contract without rules between columns."""
    keys = tuple(STAYS.column(name) for name in ("force_code", "stay_id"))
    start = {"start_column": "begun_at" if column.name == "begun_at" else None, "event_column": None}
    rows = [{"stay_id": "1", column.name: text} for text in texts]
    found = judge(session, rows, contract=replace(STAYS, columns=(*keys, column), **start), serial_days=serial_days)
    return {text: row["fault"] or row[column.name] for text, row in zip(texts, found, strict=True)}


@pytest.mark.parametrize("name", READINGS)
def test_a_text_has_this_value_or_this_fault(session, name):
    assert judged(session, COLUMNS[name], READINGS[name]) == READINGS[name]


def test_a_serial_number_counts_from_the_first_day_of_its_workbook(session):
    moments = {"44864.25": utc("2026-10-31 06:00"), "79999.5": utc("2123-01-11 12:00"), "44864": "no_time_of_day"}
    assert judged(session, COLUMNS["begun_at"], moments, serial_days=1462) == moments
    days = {"44864": date(2026, 10, 31), "80001": "not_a_date"}
    assert judged(session, COLUMNS["paid_on"], days, serial_days=1462) == days


# -- what a local time in London means

FREE = [replace(column, not_before=(), not_after=(), required_when={}) for column in STAYS.columns]
NAMES = ("force_code", "stay_id", "begun_at", "offset_minutes", "booked_at", "ended_at")
TIMES = replace(STAYS, columns=tuple(column for column in FREE if column.name in NAMES))
"""A contract without rules between its times."""


def test_the_rule_of_summer_time_agrees_with_the_engine_for_sixty_years(session):
    found = session.execute(
        f"""
        with times as (
            select unnest(generate_series(timestamp '1980-01-01', timestamp '2040-01-01', interval 30 minute)) as local
        )

        select count(*), count(*) filter (
            where {is_summer_reading("local")} is distinct from
                ({london_time_of("local - interval 1 hour")} = local)
            or {is_winter_reading("local")} is distinct from ({london_time_of("local")} = local)
            or {london_offset_of("local")} is distinct from date_diff('minute', local, {london_time_of("local")})
        )
        from times
        """
    ).fetchall()
    assert found == [(1_051_921, 0)]


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
WARNINGS = {
    # Of an extract of 1 July 2022, whose last local hour is 22:00 to 23:00 UTC.
    "2022-07-01 00:00:00": set(),
    "2022-07-01 23:59:59": set(),
    "2022-07-02 00:00:00": {OTHER, "rows_after_extract_date"},
    "2022-07-02 23:59:59": {OTHER, "rows_after_extract_date"},
    "2022-07-03 00:00:00": {OTHER, "rows_after_extract_date", OUTSIDE},
    "2022-06-30 23:59:59": {OTHER},
    "2022-06-30 00:00:00": {OTHER},
    "2022-06-29 23:59:59": {OTHER, OUTSIDE},
    "2022-05-31 01:00:00": {OTHER, OUTSIDE},
    "2022-05-31 00:59:59": {OTHER, OUTSIDE, "rows_long_before_extract_date"},
}


@pytest.mark.parametrize("rows_may_be_of_any_day", [False, True])
def test_an_event_of_another_day_is_counted_by_its_local_day(session, rows_may_be_of_any_day):
    under = replace(TIMES, allows_events_outside_day=rows_may_be_of_any_day)
    rows = [{"stay_id": "1", "begun_at": text} for text in WARNINGS]
    for (text, counted), row in zip(
        WARNINGS.items(), judge(session, rows, contract=under, extract_date=date(2022, 7, 1)), strict=True
    ):
        found = {name for name in row if name.startswith("rows_") and row[name]}
        assert found == (counted - {OTHER, OUTSIDE} if rows_may_be_of_any_day else counted), text
