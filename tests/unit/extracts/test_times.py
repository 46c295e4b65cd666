"""What a local time in London means: the hour that is skipped, and what decides in the hour that comes twice."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product

import pytest

from dagster_project.extracts.cells import is_summer_reading, is_winter_reading, london_offset_of, london_time_of
from tests.unit.extracts.plain_cells import instants, reading
from tests.unit.extracts.stays import GOOD, STAYS, judge

FREE = [replace(column, not_before=(), not_after=(), required_when={}) for column in STAYS.columns]
NAMES = ("force_code", "stay_id", "begun_at", "offset_minutes", "booked_at", "ended_at")
TIMES = replace(STAYS, columns=tuple(column for column in FREE if column.name in NAMES))
"""A contract without rules between its times."""


def sundays(year: int) -> list[datetime]:
    """The last Sundays of March and October."""
    ends = [date(year, month, 31) for month in (3, 10)]
    return [datetime.combine(end - timedelta(days=(end.weekday() + 1) % 7), datetime.min.time()) for end in ends]


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


def test_a_time_near_a_change_is_the_first_instant_at_which_a_london_clock_shows_it(session):
    days = [day + timedelta(days=shift) for year in range(1972, 2038) for day in sundays(year) for shift in (-7, 0, 7)]
    texts = [str(day + timedelta(minutes=30 * step, seconds=-1)) for day in days for step in range(9)]
    rows = judge(session, [{"stay_id": "1", "begun_at": text} for text in texts], contract=TIMES)
    for text, row in zip(texts, rows, strict=True):
        found = (row["fault"] or row["begun_at"], bool(row.get("is_dst_ambiguous")))
        assert found == reading(STAYS.column("begun_at"), text), text


def test_an_offset_or_the_start_decides_in_the_hour_that_comes_twice(session):
    # Every ten minutes from 00:30 to 02:30, and an offset that is stated or not.
    steps = [sundays(2022)[1] + timedelta(minutes=10 * step) for step in range(3, 16)]
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


WARNINGS = {
    # Of an extract of 1 July 2022, whose last local hour is 22:00 to 23:00 UTC.
    "2022-07-01 23:59:59": set(),
    "2022-07-02 00:00:00": {"rows_after_extract_date"},
    "2022-07-02 23:59:59": {"rows_after_extract_date"},
    "2022-07-03 00:00:00": {"rows_after_extract_date", "rows_outside_day"},
    "2022-06-30 00:00:00": set(),
    "2022-06-29 23:59:59": {"rows_outside_day"},
    "2022-05-31 01:00:00": {"rows_outside_day"},
    "2022-05-31 00:59:59": {"rows_outside_day", "rows_long_before_extract_date"},
}


@pytest.mark.parametrize("rows_may_be_of_any_day", [False, True])
def test_an_event_of_another_day_is_counted_by_its_local_day(session, rows_may_be_of_any_day):
    under = replace(TIMES, allows_events_outside_day=rows_may_be_of_any_day)
    rows = [{"stay_id": "1", "begun_at": text} for text in WARNINGS]
    for (text, counted), row in zip(
        WARNINGS.items(), judge(session, rows, contract=under, extract_date=date(2022, 7, 1)), strict=True
    ):
        found = {name for name in row if name.startswith("rows_") and row[name]}
        assert found == (counted - {"rows_outside_day"} if rows_may_be_of_any_day else counted), text
