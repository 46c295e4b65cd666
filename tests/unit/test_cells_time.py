"""What a point in time means: London local time against zoneinfo, the missing hour, the hour that comes twice."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.extracts.cells import is_summer_reading, is_winter_reading, london_offset_of, london_time_of
from tests.unit.judging_helpers import GOOD, STAYS, examples, judge

LONDON = ZoneInfo("Europe/London")

MANY = examples(4)


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
years, offsets = st.integers(1996, 2037), st.sampled_from([None, "0", "60"])
tens_of_minutes = st.integers(-3, 9).map(lambda count: 600 * count)


def readings(local: datetime) -> list[datetime]:
    """The instants, in UTC, at which a London clock shows a time; none, one or two."""
    found = {local.replace(tzinfo=LONDON, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(instant for instant in found if instant.astimezone(LONDON).replace(tzinfo=None) == local)


def utc(row: dict[str, Any], column: str) -> datetime | None:
    return row[column] and row[column].replace(tzinfo=UTC)


def spelled(local: datetime, spelling: int) -> str:
    """A local time as extracts write it; all of them keep the milliseconds."""
    iso = local.isoformat(timespec="milliseconds")
    return [iso, iso.replace("T", " "), iso.replace(".", ","), f"{local.day}/{local:%m/%Y %H:%M:%S}.{iso[-3:]}"][
        spelling
    ]


def begun(text: str, **cells: str | None) -> dict[str, str | None]:
    """A row that began then, and is of no kind that must end."""
    return {**GOOD, "kind": "999", "ended_at": None, "begun_at": text, **cells}


@MANY
@given(st.lists(st.tuples(instants, st.integers(0, 3)), min_size=200, max_size=250))
def test_a_local_time_is_the_instant_when_a_london_clock_shows_it(session, moments):
    locals_ = [instant.astimezone(LONDON).replace(tzinfo=None) for instant, _ in moments]
    rows = [begun(spelled(local, spelling)) for local, (_, spelling) in zip(locals_, moments, strict=True)]
    for local, row in zip(locals_, judge(session, rows), strict=True):
        possible = readings(local)
        assert row["fault"] is None, local
        assert utc(row, "begun_at") == possible[0], local
        assert row["is_dst_ambiguous"] == (len(possible) == 2), local


@MANY
@given(st.lists(st.tuples(instants, st.sampled_from(["0", "60", None])), min_size=200, max_size=250))
def test_a_stated_offset_decides_in_the_repeated_hour_only(session, moments):
    locals_ = [instant.astimezone(LONDON).replace(tzinfo=None) for instant, _ in moments]
    pairs = zip(locals_, moments, strict=True)
    rows = [begun(spelled(local, 0), offset_minutes=offset) for local, (_, offset) in pairs]
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
        rows.append(begun(text))
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
        """  # noqa: S608 (expressions of the project)
    ).fetchall()
    assert found == [(1_051_921, 0)]


@MANY
@given(st.lists(st.tuples(years, tens_of_minutes, offsets, tens_of_minutes), min_size=200, max_size=250))
def test_a_later_time_in_the_repeated_hour_is_not_before_the_start(session, moments):
    rows, expected = [], []
    for year, start, offset, end in moments:
        # Local seconds from 01:00, so that some of either lie in the hour that comes twice.
        base = changes(year)[1].replace(tzinfo=None)
        start_time, end_time = base + timedelta(seconds=start), base + timedelta(seconds=end)
        rows.append(begun(spelled(start_time, 0), offset_minutes=offset, booked_at=spelled(end_time, 0)))
        expected.append((start_time, offset, end_time))
    for (start_time, offset, end_time), row in zip(expected, judge(session, rows, contract=unordered()), strict=True):
        starts, ends = readings(start_time), readings(end_time)
        settled = len(starts) == 2 and offset is not None
        start = starts[1] if settled and offset == "0" else starts[0]
        # A time before the row's own start in either reading is left in the first.
        late_enough = [reading for reading in ends if reading >= start]
        case = (start_time, offset, end_time)
        assert utc(row, "begun_at") == start, case
        assert utc(row, "booked_at") == (late_enough or ends)[0], case
        end_is_open = len(ends) == 2 and len(late_enough) != 1
        assert row["is_dst_ambiguous"] == ((len(starts) == 2 and not settled) or end_is_open), case


def test_a_time_in_the_repeated_hour_is_not_before_any_time_that_it_follows(session):
    columns = [
        replace(column, not_before=("ended_at",)) if column.name == "booked_at" else column for column in STAYS.columns
    ]
    under = replace(STAYS, columns=tuple(replace(column, not_after=()) for column in reversed(columns)))
    (row,) = judge(
        session,
        [begun("2022-10-30 01:50") | {"ended_at": "2022-10-30 01:05", "booked_at": "2022-10-30 01:55"}],
        contract=under,
    )
    assert [f"{utc(row, name):%H:%M}" for name in ("begun_at", "ended_at", "booked_at")] == ["00:50", "01:05", "01:55"]


def unordered():
    """The contract of the tests without its order of times."""
    return replace(STAYS, columns=tuple(replace(column, not_before=(), not_after=()) for column in STAYS.columns))


@MANY
@given(st.lists(st.tuples(anywhere, st.booleans()), min_size=200, max_size=250))
def test_a_serial_number_counts_days_from_1900_or_1904(session, moments):
    for is_1904 in (False, True):
        epoch = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        rows, expected = [], []
        for local in (instant.astimezone(LONDON).replace(tzinfo=None) for instant, kind in moments if kind is is_1904):
            serial = (local - epoch) / timedelta(days=1)
            # A whole number is a plain date and has no time of day.
            if f"{serial:.9f}".rstrip("0")[-1] != ".":
                rows.append(begun(f"{serial:.9f}"))
                expected.append(readings(local)[0])
        judged = judge(session, rows, serial_days=1462 if is_1904 else 0)
        for row, instant, cells in zip(judged, expected, rows, strict=True):
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
    rows = judge(session, [begun(text) for text, _ in POINTS])
    for (text, instant), row in zip(POINTS, rows, strict=True):
        assert row["fault"] is None, text
        assert row["begun_at"] == datetime.fromisoformat(instant), text


NO_POINTS = [
    ("2022-07-01", "no_time_of_day"),
    ("01/07/2022", "no_time_of_day"),
    ("44864", "no_time_of_day"),
    ("07/13/2022 10:00", "not_a_timestamp"),
    ("2022-02-29 10:00", "not_a_timestamp"),
]
NO_POINTS += [(f"2022-07-01 {time}", "not_a_timestamp") for time in ("24:00", "10:60", "10:00:60", "10:00 PM")]
NO_POINTS += [
    (text, "not_a_timestamp")
    for text in (
        *("2022-7-1 10:00", "2022-07-01 10:00+15:00", "0000-07-01 10:00", "19999.5", "80000.5", "1656666000"),
        *("infinity", "epoch", "now"),
    )
]


def test_other_texts_are_refused_and_plain_dates_have_a_reason_of_their_own(session):
    rows = judge(session, [{**GOOD, "begun_at": text} for text, _ in NO_POINTS])
    for (text, code), row in zip(NO_POINTS, rows, strict=True):
        assert (row["fault"], row["fault_column"]) == (code, "begun_at"), text
