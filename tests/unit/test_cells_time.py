"""What a point in time means: London local time against zoneinfo, the missing hour, the hour that comes twice."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from judging_helpers import GOOD, STAYS, connect, judge

from dagster_project.extracts.cells import is_summer_reading, is_winter_reading, london_offset_of, london_time_of

LONDON = ZoneInfo("Europe/London")

# A failing example is a list of rows, and the assertion names the one; shrinking the list would tell nothing more.
MANY = settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def changes(year: int) -> list[datetime]:
    """The two instants of the year at which the clocks change: 01:00 UTC of the last Sundays of March and October."""
    found = []
    for month in (3, 10):
        last = date(year, month, 31)
        sunday = last - timedelta(days=(last.weekday() + 1) % 7)
        found.append(datetime(sunday.year, sunday.month, sunday.day, 1, tzinfo=UTC))
    return found


anywhere = st.datetimes(datetime(1996, 1, 1), datetime(2037, 12, 31)).map(lambda value: value.replace(tzinfo=UTC))  # noqa: DTZ001
near_a_change = st.builds(
    lambda year, which, seconds: changes(year)[which] + timedelta(seconds=seconds),
    st.integers(1996, 2037),
    st.integers(0, 1),
    st.integers(-10_000, 10_000),
)
instants = (anywhere | near_a_change).map(lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000))


# Seconds from the change on; few of them, so that two times of a row are often equal.
tens_of_minutes = st.integers(-3, 9).map(lambda count: 600 * count)


def readings(local: datetime) -> list[datetime]:
    """The instants, in UTC, at which a London clock shows a time; none, one or two."""
    found = {local.replace(tzinfo=LONDON, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(instant for instant in found if instant.astimezone(LONDON).replace(tzinfo=None) == local)


def utc(row: dict[str, Any], column: str) -> datetime | None:
    return row[column] and row[column].replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def session():
    with connect() as connection:
        yield connection


def spelled(local: datetime, spelling: int) -> str:
    """A local time as extracts write it; all of them keep the milliseconds."""
    iso = local.isoformat(timespec="milliseconds")
    return [iso, iso.replace("T", " "), iso.replace(".", ","), f"{local.day}/{local:%m/%Y %H:%M:%S}.{iso[-3:]}"][
        spelling
    ]


@MANY
@given(st.lists(st.tuples(instants, st.integers(0, 3)), min_size=200, max_size=250))
def test_a_local_time_is_the_instant_at_which_a_london_clock_shows_it(session, moments):
    locals_ = [instant.astimezone(LONDON).replace(tzinfo=None) for instant, _ in moments]
    rows = [
        {**GOOD, "begun_at": spelled(local, spelling), "kind": "999", "ended_at": None}
        for local, (_, spelling) in zip(locals_, moments, strict=True)
    ]
    for local, row in zip(locals_, judge(session, rows), strict=True):
        possible = readings(local)
        assert row["fault"] is None, local
        assert utc(row, "begun_at") == possible[0], local
        assert row["is_dst_ambiguous"] == (len(possible) == 2), local


@MANY
@given(st.lists(st.tuples(instants, st.sampled_from(["0", "60", None])), min_size=200, max_size=250))
def test_the_stated_offset_settles_the_doubled_hour_and_no_other(session, moments):
    locals_ = [instant.astimezone(LONDON).replace(tzinfo=None) for instant, _ in moments]
    rows = [
        {**GOOD, "begun_at": spelled(local, 0), "kind": "999", "ended_at": None, "offset_minutes": offset}
        for local, (_, offset) in zip(locals_, moments, strict=True)
    ]
    for local, (_, offset), row in zip(locals_, moments, judge(session, rows), strict=True):
        possible = readings(local)
        is_double = len(possible) == 2
        assert utc(row, "begun_at") == possible[1 if is_double and offset == "0" else 0], (local, offset)
        assert row["is_dst_ambiguous"] == (is_double and offset is None), (local, offset)
        true_offset = (local - possible[0].replace(tzinfo=None)) // timedelta(minutes=1)
        disagrees = not is_double and offset is not None and int(offset) != true_offset
        assert row["offset_disagreements"] == disagrees, (local, offset)


@MANY
@given(st.lists(st.tuples(instants, st.integers(-14 * 4, 14 * 4)), min_size=200, max_size=250))
def test_an_offset_in_the_text_is_believed(session, moments):
    rows = []
    for instant, quarters in moments:
        text = instant.astimezone(timezone(timedelta(minutes=15 * quarters))).isoformat(timespec="milliseconds")
        text = re.sub(r"\+00:00$", "Z", text) if quarters == 0 else text
        rows.append({**GOOD, "begun_at": text, "kind": "999", "ended_at": None})
    for (instant, _), text, row in zip(moments, rows, judge(session, rows), strict=True):
        assert row["fault"] is None, text
        assert utc(row, "begun_at") == instant, text
        assert not row["is_dst_ambiguous"]


@MANY
@given(st.lists(st.tuples(st.integers(1996, 2037), st.integers(0, 3_599_999)), min_size=200, max_size=250))
def test_a_local_time_of_the_missing_hour_never_existed(session, moments):
    rows = []
    for year, milliseconds in moments:
        local = changes(year)[0].replace(tzinfo=None) + timedelta(milliseconds=milliseconds)
        assert readings(local) == []
        rows.append({**GOOD, "begun_at": spelled(local, 0)})
    for row in judge(session, rows):
        assert (row["fault"], row["fault_column"]) == ("time_never_existed", "begun_at")


def test_the_rule_of_summer_time_says_what_the_engine_says_of_every_half_hour_of_sixty_years(session):
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
        """  # noqa: S608 (expressions of the project)
    ).fetchall()
    assert found == [(1_051_921, 0)]


@MANY
@given(
    st.lists(
        st.tuples(
            st.integers(1996, 2037),
            tens_of_minutes,
            st.sampled_from([None, "0", "60"]),
            tens_of_minutes,
        ),
        min_size=200,
        max_size=250,
    )
)
def test_another_time_of_the_doubled_hour_takes_the_first_reading_that_is_not_before_the_start(session, moments):
    rows, told = [], []
    for year, start, offset, end in moments:
        # Local seconds from 01:00, so that some of either lie in the hour that comes twice.
        base = changes(year)[1].replace(tzinfo=None)
        begun, ended = base + timedelta(seconds=start), base + timedelta(seconds=end)
        rows.append(
            {**GOOD, "begun_at": spelled(begun, 0), "offset_minutes": offset, "ended_at": None, "kind": "999"}
            | {"booked_at": spelled(ended, 0)}
        )
        told.append((begun, offset, ended))
    for (begun, offset, ended), row in zip(told, judge(session, rows, contract=unordered()), strict=True):
        starts, ends = readings(begun), readings(ended)
        settled = len(starts) == 2 and offset is not None
        start = starts[1] if settled and offset == "0" else starts[0]
        # A time before the row's own start in either reading is left in the first.
        late_enough = [reading for reading in ends if reading >= start]
        assert utc(row, "begun_at") == start, (begun, offset, ended)
        assert utc(row, "booked_at") == (late_enough or ends)[0], (begun, offset, ended)
        end_is_open = len(ends) == 2 and len(late_enough) != 1
        assert row["is_dst_ambiguous"] == ((len(starts) == 2 and not settled) or end_is_open), (begun, offset, ended)


def unordered():
    """The contract of the tests without its order of times."""
    return replace(STAYS, columns=tuple(replace(column, not_before=(), not_after=()) for column in STAYS.columns))


@MANY
@given(st.lists(st.tuples(anywhere, st.booleans()), min_size=200, max_size=250))
def test_a_serial_number_counts_days_from_1900_or_1904(session, moments):
    for is_1904 in (False, True):
        # A whole serial number has no time of day: midnight cannot be told from a plain date.
        chosen = [
            instant for instant, in_1904 in moments if in_1904 is is_1904 and f"{instant:%H%M}" not in ("0000", "2300")
        ]
        epoch = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        rows, expected = [], []
        for instant in chosen:
            local = instant.astimezone(LONDON).replace(tzinfo=None)
            serial = (local - epoch) / timedelta(days=1)
            # A whole number has no time of day: midnight cannot be told from a plain date.
            if f"{serial:.9f}".rstrip("0")[-1] != ".":
                rows.append({**GOOD, "kind": "999", "ended_at": None, "begun_at": f"{serial:.9f}"})
                expected.append(readings(local)[0])
        for row, instant, cells in zip(
            judge(session, rows, serial_days=1462 if is_1904 else 0), expected, rows, strict=True
        ):
            # Nine decimals of a day are a tenth of a millisecond.
            assert row["fault"] is None, cells
            assert abs(utc(row, "begun_at") - instant) <= timedelta(milliseconds=1), cells


@pytest.mark.parametrize("serial_days", [0, 1462])
def test_a_serial_date_counts_from_the_same_day_as_a_serial_time(session, serial_days):
    serial = (date(2022, 10, 30) - date(1899, 12, 30)).days - serial_days
    row = judge(session, [{**GOOD, "paid_on": str(serial)}], serial_days=serial_days)[0]
    assert row["paid_on"] == date(2022, 10, 30)


POINTS = [
    ("2022-07-01 10:00", "2022-07-01 09:00:00"),
    ("2022-12-01T10:00:30", "2022-12-01 10:00:30"),
    ("03/11/2022 9:05", "2022-11-03 09:05:00"),
    ("3/1/2022 09:05:07", "2022-01-03 09:05:07"),
    ("2022-07-01T10:00:00Z", "2022-07-01 10:00:00"),
    ("2022-07-01 10:00:00+0100", "2022-07-01 09:00:00"),
    ("2022-07-01 10:00:00 +01", "2022-07-01 09:00:00"),
    ("2022-07-01T10:00:00.1234567", "2022-07-01 09:00:00.123456"),
    ("2022-07-01T10:00:00.999999999Z", "2022-07-01 10:00:00.999999"),
    ("2022-10-30 01:30+01:00", "2022-10-30 00:30:00"),
    ("2022-10-30 01:30+00:00", "2022-10-30 01:30:00"),
]


def test_a_point_in_time_is_read(session):
    rows = judge(session, [{**GOOD, "begun_at": text, "ended_at": None, "kind": "999"} for text, _ in POINTS])
    for (text, instant), row in zip(POINTS, rows, strict=True):
        assert row["fault"] is None, text
        assert row["begun_at"] == datetime.fromisoformat(instant), text


NO_POINTS = [
    ("2022-07-01", "no_time_of_day"),
    ("01/07/2022", "no_time_of_day"),
    ("44864", "no_time_of_day"),
    ("07/13/2022 10:00", "not_a_timestamp"),
    ("2022-02-29 10:00", "not_a_timestamp"),
    ("2022-07-01 24:00", "not_a_timestamp"),
    ("2022-07-01 10:60", "not_a_timestamp"),
    ("2022-07-01 10:00:60", "not_a_timestamp"),
    ("2022-7-1 10:00", "not_a_timestamp"),
    ("2022-07-01 10:00 PM", "not_a_timestamp"),
    ("2022-07-01 10:00+15:00", "not_a_timestamp"),
    ("0000-07-01 10:00", "not_a_timestamp"),
    ("19999.5", "not_a_timestamp"),
    ("80000.5", "not_a_timestamp"),
    ("1656666000", "not_a_timestamp"),
    ("infinity", "not_a_timestamp"),
    ("epoch", "not_a_timestamp"),
    ("now", "not_a_timestamp"),
]


def test_what_is_no_point_in_time_is_refused_and_told_from_a_plain_date(session):
    rows = judge(session, [{**GOOD, "begun_at": text} for text, _ in NO_POINTS])
    for (text, code), row in zip(NO_POINTS, rows, strict=True):
        assert (row["fault"], row["fault_column"]) == (code, "begun_at"), text
