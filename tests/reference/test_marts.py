"""Every column of the marts of measures, calls and days against plain Python, over one world of small histories."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from dagster_project.settings import DBT_PROJECT
from tests.reference.compiled_project import CompiledProject, warehouse
from tests.reference.history import DAILY_SOURCES, LONDON
from tests.reference.marts import TABLES, differences, rows_of
from tests.reference.measures import (
    MILLION,
    Calendar,
    Measure,
    NaiveWarehouse,
    days_of,
    quotient,
    shifted,
)
from tests.reference.raw_tables import build_world
from tests.reference.worlds import World, draw_world

FORCES = 40
with (DBT_PROJECT / "seeds" / "measure_catalogue.csv").open(encoding="utf-8", newline="") as _file:
    _CATALOGUE = list(csv.DictReader(_file))
BOARD_PAPER = [row["measure"] for row in _CATALOGUE if row["in_board_paper"] == "true"]
HEADLINES = [row["measure"] for row in _CATALOGUE if row["is_headline"] == "true" and row["is_additive"] == "true"]


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(3, forces=FORCES)


@pytest.fixture(scope="module")
def naive(world: World) -> dict[str, NaiveWarehouse]:
    return {force: NaiveWarehouse(world.history, force, world.definitions) for force in world.forces}


@pytest.fixture(scope="module")
def marts(world: World, project: CompiledProject) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as connection:
        build_world(connection, project, world)
        yield connection


# Printed texts have tests beside dbt's models; the reference does not know where a call was read from.
UNCHECKED = {"display_value", "load_id", "source_row", "extract_date", "caller_number", "called_back_date"}


@pytest.mark.parametrize("table", TABLES)
def test_table_equals_plain_computation(
    table: str, naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    key, expected_rows = TABLES[table]
    found, expected = rows_of(marts, table, key), expected_rows(naive)
    wrong = differences(table, found, expected)
    assert not wrong, f"{len(wrong)} differ: {wrong[:3]}"
    assert next(iter(found.values())).keys() - next(iter(expected.values())).keys() <= UNCHECKED


def test_default_month_is_newest_complete_month_of_force(
    shown_months: dict[tuple[str, date], dict[str, Any]], marts: duckdb.DuckDBPyConnection
) -> None:
    found = rows_of(marts, "report_months", ["force_code", "month_start"])
    assert found == shown_months
    defaults = [force for (force, _), row in found.items() if row["is_default"]]
    assert sorted(defaults) == sorted({force for force, _ in found}) != []


@pytest.fixture(scope="module")
def shown_months(world: World, naive: dict[str, NaiveWarehouse]) -> dict[tuple[str, date], dict[str, Any]]:
    """Return the expected rows of report_months: spelt out month by month from the days that were delivered."""
    newest = max(day for source in DAILY_SOURCES for day in world.history.delivered[source])
    rows: dict[tuple[str, date], dict[str, Any]] = {}
    for force, one in naive.items():
        days_of_measure = {
            name: Calendar(measure.sources, one.delivered).fewest for name, measure in one.measures.items()
        }
        months = sorted(
            {month for name in BOARD_PAPER for month, loaded in days_of_measure.get(name, {}).items() if loaded}
        )
        own = {}
        for month in months:
            fewest = min(
                loaded.get(month, 0)
                for loaded in days_of_measure.values()
                if loaded.get(month) or loaded.get(shifted(month, -1))
            )
            days = len(days_of(month))
            is_shown = fewest == days or newest > days_of(month)[-1] + timedelta(days=10)
            own[month] = (days, fewest, is_shown)
        default = max((month for month in months if own[month][2]), default=months[0] if months else None)
        for month, (days, fewest, _) in own.items():
            rows[force, date(*month, 1)] = {
                "days": days,
                "days_loaded": fewest,
                "is_provisional": fewest < days,
                "is_default": month == default,
                "is_running": month > default,
            }
    return rows


def test_running_month_is_compared_with_same_weekdays(
    naive: dict[str, NaiveWarehouse],
    shown_months: dict[tuple[str, date], dict[str, Any]],
    marts: duckdb.DuckDBPyConnection,
) -> None:
    found = rows_of(marts, "report_month_so_far", ["force_code", "measure", "month_start"])
    expected: dict[tuple, dict[str, Any]] = {}
    for (force, month), shown in shown_months.items():
        if not shown["is_running"]:
            continue
        for name in HEADLINES:
            measure = naive[force].measures[name]
            calendar = Calendar(measure.sources, naive[force].delivered)
            days = [day for day in days_of((month.year, month.month)) if day in calendar.loaded]
            if days and (month.year, month.month) in calendar.delivered:
                expected[force, name, month] = so_far(measure, calendar, days)
    assert expected, "no month runs, so nothing is tested: draw another world"
    for key, row in found.items():
        for name in ("display_value", "compared_display_value"):
            del row[name]
        # The formula of the running month holds for both, and here each month has its own.
        if key[1] == "crime.pct_cancelled":
            del row["compared_value"], expected[key]["compared_value"]
    assert found == expected


def so_far(measure: Measure, calendar: Calendar, days: list[date]) -> dict[str, Any]:
    """A running month of a measure by its delivered days."""

    def before(weeks: int) -> list[date]:
        return [day - timedelta(weeks=weeks) for day in days]

    nearest = 5 if days[-1].day > 28 else 4
    weeks = next((weeks for weeks in (52, nearest) if set(before(weeks)) <= calendar.loaded), None)
    value, per_day = figure_of(measure, days)
    compared_value, compared_per_day = figure_of(measure, before(weeks)) if weeks else (None, None)
    length = len(days_of((days[0].year, days[0].month)))
    return {
        "days": length,
        "days_loaded": len(days),
        "first_day": days[0],
        "last_day": days[-1],
        "value": value,
        "per_day": per_day,
        "compared_weeks": weeks,
        "compared_first_day": before(weeks)[0] if weeks else None,
        "compared_last_day": before(weeks)[-1] if weeks else None,
        "compared_value": compared_value,
        "compared_per_day": compared_per_day,
        "is_provisional": len(days) < length,
    }


def figure_of(measure: Measure, days: list[date]) -> tuple[Any, Any]:
    """The figure of some days, and per day where it is a sum."""
    top = sum(measure.days.get(day, (0, 0))[0] for day in days)
    bottom = sum(measure.days.get(day, (0, 0))[1] for day in days)
    times, over = measure.scale
    if measure.is_ratio:
        return (quotient(top * times, bottom * over) if bottom > 0 else None), None
    return quotient(top * times, over * MILLION), quotient(top * times, over * MILLION * len(days))


def test_calendar_has_every_day_with_its_attributes(marts: duckdb.DuckDBPyConnection) -> None:
    with (DBT_PROJECT / "seeds" / "bank_holidays.csv").open(encoding="utf-8", newline="") as lines:
        holidays = {date.fromisoformat(row["holiday_date"]): row["holiday_name"] for row in csv.DictReader(lines)}

    def noon(day: date) -> float:
        return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).astimezone(LONDON).utcoffset().total_seconds()

    found = rows_of(marts, "dim_date", ["date_day"])
    first, last = min(found)[0], max(found)[0]
    assert (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)
    assert len(found) == (last - first).days + 1
    for (day,), row in found.items():
        april = day.year if day.month >= 4 else day.year - 1
        shift = noon(day) - noon(day - timedelta(days=1))
        assert row == {
            "year": day.year,
            "month_start": day.replace(day=1),
            "month_label": day.strftime("%b %Y"),
            "financial_year": f"{april}/{(april + 1) % 100:02}",
            "financial_year_start": date(april, 4, 1),
            "day_of_week": day.isoweekday(),
            "day_name": day.strftime("%A"),
            "is_weekend": day.isoweekday() >= 6,
            "is_bank_holiday": day in holidays,
            "bank_holiday_name": holidays.get(day),
            "days_in_month": len(days_of((day.year, day.month))),
            "clock_change": "forward" if shift > 0 else "back" if shift < 0 else "none",
        }, day
