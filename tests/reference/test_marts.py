"""Every column of the marts of measures, calls and days against plain Python, over one world of small histories."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import product
from typing import Any

import duckdb
import pytest

from dagster_project.settings import DBT_PROJECT
from tests.reference.compiled_project import CompiledProject, warehouse
from tests.reference.history import CONTACT_TYPES, DAILY_SOURCES, LONDON
from tests.reference.measures import (
    LINES,
    MILLION,
    Calendar,
    Measure,
    NaiveWarehouse,
    days_of,
    local,
    percentile,
    quotient,
    rounded,
    shifted,
)
from tests.reference.test_small_histories import build
from tests.reference.worlds import World, draw_world

FORCES = 40
with (DBT_PROJECT / "seeds" / "measure_catalogue.csv").open(encoding="utf-8", newline="") as _file:
    _CATALOGUE = list(csv.DictReader(_file))
BOARD_PAPER = [row["measure"] for row in _CATALOGUE if row["in_board_paper"] == "true"]
HEADLINES = [row["measure"] for row in _CATALOGUE if row["is_headline"] == "true" and row["is_additive"] == "true"]
WIDE = {
    "kpi_crime_monthly": (
        "crime",
        {
            name: name
            for name in (
                "recorded_crime", "cancelled_crime", "pct_cancelled", "pct_cancelled_of_recorded",
                "pct_cancelled_of_initially_recorded", "pct_cohort_cancelled", "days_to_cancel",
            )
        },
    ),
    "kpi_ocr_monthly": (
        "ocr",
        {name: name for name in ("report_a_crime_submissions", "missing_person", "sexual_offence", "rural_crime")},
    ),
    "kpi_live_chat_monthly": (
        "live_chat",
        {
            "live_chats": "live_chats", "accepted": "accepted", "pct_not_accepted": "pct_not_accepted",
            "avg_wait_seconds": "avg_wait_time", "avg_duration_seconds": "avg_duration",
            "chats_per_operator_hour": "chats_per_operator_hour", "avg_concurrent_chats": "avg_concurrent_chats",
            "max_concurrent_chats": "max_concurrent_chats",
        },
    ),
}  # fmt: skip
OF_DIGITAL = {
    "digital_contacts": "digital.digital_contacts", "report_a_crime_submissions": "ocr.report_a_crime_submissions",
    "live_chats": "live_chat.live_chats", "other_than_ocr_and_chat": "digital.other_than_ocr_and_chat",
    "share_of_non_emergency": "digital.share_of_non_emergency", "non_emergency_demand": "demand.non_emergency",
    "total_demand": "demand.total",
}  # fmt: skip
OF_CALLS = {
    "received": "received", "answered": "answered", "not_answered": "not_answered",
    "pct_not_answered": "pct_not_answered", "avg_queue_seconds": "avg_queue_time",
    "avg_queue_seconds_all": "avg_queue_time_all", "avg_talk_seconds": "avg_talk_time",
    "pct_answered_within_target": "pct_answered_within_target",
    "pct_received_within_target": "pct_received_within_target", "median_queue_seconds": "median_queue_time",
    "p90_queue_seconds": "p90_queue_time", "max_queue_seconds": "max_queue_time", "called_back": "called_back",
    "pct_called_back_same_day": "pct_called_back_same_day", "talk_hours": "talk_hours",
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(3, forces=FORCES)


@pytest.fixture(scope="module")
def naive(world: World) -> dict[str, NaiveWarehouse]:
    return {force: NaiveWarehouse(world.history, force, world.definitions) for force in world.forces}


@pytest.fixture(scope="module")
def marts(world: World, project: CompiledProject) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as connection:
        build(connection, list(project.nodes.values()), world)
        yield connection


@pytest.fixture(scope="module")
def months(naive: dict[str, NaiveWarehouse]) -> dict[tuple[str, str, date], dict[str, Any]]:
    return {key: row for one in naive.values() for key, row in one.rows().items()}


def rows_of(connection: duckdb.DuckDBPyConnection, table: str, key: list[str]) -> dict[tuple, dict[str, Any]]:
    cursor = connection.execute(f"select * from marts.{table}")  # noqa: S608 - a name of this file
    names = [item[0] for item in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    found = {tuple(row.pop(name) for name in key): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_period_has_its_sums_its_figure_and_its_days(
    naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    expected = {key: row for one in naive.values() for key, row in one.periods().items()}
    found = rows_of(marts, "kpi_measure_period", ["force_code", "measure", "month_start", "period"])
    for row in found.values():
        del row["display_value"]
    wrong = [(key, found.get(key), row) for key, row in expected.items() if found.get(key) != row]
    assert not wrong, f"{len(wrong)} differ: {wrong[:3]}"
    assert found.keys() == expected.keys()


def test_the_newest_complete_month_of_each_force_is_shown_first(
    shown_months: dict[tuple[str, date], dict[str, Any]], marts: duckdb.DuckDBPyConnection
) -> None:
    found = rows_of(marts, "report_months", ["force_code", "month_start"])
    assert found == shown_months
    defaults = [force for (force, _), row in found.items() if row["is_default"]]
    assert sorted(defaults) == sorted({force for force, _ in found}) != []


@pytest.fixture(scope="module")
def shown_months(world: World, naive: dict[str, NaiveWarehouse]) -> dict[tuple[str, date], dict[str, Any]]:
    """What report_months has to hold: spelt out month by month from the days that were delivered."""
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


def test_a_running_month_has_its_days_beside_the_same_weekdays_before(
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


def test_every_week_has_its_sums_its_figure_and_its_days(
    naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    expected = {key: row for one in naive.values() for key, row in one.weeks().items()}
    found = rows_of(marts, "kpi_measure_weekly", ["force_code", "measure", "week_start"])
    wrong = [(key, found.get(key), row) for key, row in expected.items() if found.get(key) != row]
    assert not wrong, f"{len(wrong)} differ: {wrong[:3]}"
    assert found.keys() == expected.keys()
    assert {row["is_provisional"] for row in found.values() if row["value"] is not None} == {True, False}


def test_wide_tables_are_pivots_of_the_long_one(
    months: dict[tuple[str, str, date], dict[str, Any]], marts: duckdb.DuckDBPyConnection
) -> None:
    expected: dict[str, dict[tuple, dict[str, Any]]] = {}
    for table, (section, columns) in WIDE.items():
        expected[table] = wide(months, {column: f"{section}.{name}" for column, name in columns.items()})
    expected["kpi_digital_monthly"] = wide(months, OF_DIGITAL)
    for table, rows in expected.items():
        assert rows_of(marts, table, ["force_code", "month_start"]) == rows, table
    for line in LINES:
        rows = wide(months, {column: f"calls_{line}.{name}" for column, name in OF_CALLS.items()})
        found = rows_of(marts, "kpi_calls_monthly", ["force_code", "line", "month_start"])
        assert {(key[0], key[2]): row for key, row in found.items() if key[1] == line} == rows
    types = rows_of(marts, "kpi_digital_by_type_monthly", ["force_code", "month_start", "contact_type"])
    for kind in CONTACT_TYPES:
        rows = wide(months, {"contacts": f"digital.{kind}"})
        assert {key[:2]: row for key, row in types.items() if key[2] == kind} == rows
    assert {key[2] for key in types} == set(CONTACT_TYPES)


def wide(
    months: dict[tuple[str, str, date], dict[str, Any]], columns: dict[str, str]
) -> dict[tuple[str, date], dict[str, Any]]:
    """Measures side by side: provisional when any is, with the lowest share of days."""
    rows: dict[tuple[str, date], dict[str, Any]] = {}
    for column, measure in columns.items():
        for (force, name, month), row in months.items():
            if name == measure:
                shown = rows.setdefault(
                    (force, month),
                    {**dict.fromkeys(columns), "is_provisional": False, "share_of_days_loaded": 100},
                )
                shown[column] = row["value"]
                shown["is_provisional"] = shown["is_provisional"] or row["is_provisional"]
                shown["share_of_days_loaded"] = min(shown["share_of_days_loaded"], row["share_of_days_loaded"])
    return rows


def figures(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """What is shown of some calls; nothing of none but that there were none."""
    answered = [call for call in calls if call["answered"]]
    queues = [call["queue"] for call in answered if call["queue"] is not None]
    missed = len(calls) - len(answered)
    return {
        "received": len(calls),
        "answered": len(answered),
        "not_answered": missed,
        "pct_not_answered": rounded(Fraction(100 * missed, len(calls))) if calls else None,
        "avg_queue_seconds": rounded(Fraction(sum(queues), len(answered))) if answered else None,
        "avg_talk_seconds": rounded(sum(call["talk"] for call in answered) / len(answered)) if answered else None,
        "pct_answered_within_target": (
            rounded(Fraction(100 * sum(call["in_time"] for call in answered), len(answered))) if answered else None
        ),
        "median_queue_seconds": rounded(percentile(queues, Fraction(1, 2))),
        "p90_queue_seconds": rounded(percentile(queues, Fraction(9, 10))),
        "called_back": sum(not call["answered"] and call["back"] is not None for call in calls),
    }


def test_calls_by_day(naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection) -> None:
    expected = {}
    for force, one in naive.items():
        delivered = one.delivered["call_segments"]
        if not delivered:
            continue
        months = {(day.year, day.month) for day in delivered}
        span = list(all_days(min(months), max(months)))
        called = {call["day"] for call in one.received}
        shown = [day for day in span if min(delivered) <= day <= max(delivered) or day in called]
        for line, day in product(LINES, shown):
            calls = [call for call in one.received if call["line"] == line and call["day"] == day]
            row = figures(calls) if calls or day in delivered else dict.fromkeys(figures([]))
            expected[force, line, day] = row | {"is_provisional": day not in delivered}
    assert rows_of(marts, "kpi_calls_daily", ["force_code", "line", "date_day"]) == expected


def all_days(first: tuple[int, int], last: tuple[int, int]) -> Iterator[date]:
    day = date(*first, 1)
    while (day.year, day.month) <= last:
        yield day
        day += timedelta(days=1)


def test_calls_by_hour_of_the_week(naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection) -> None:
    calls: dict[tuple, list[dict[str, Any]]] = {}
    for force, one in naive.items():
        for call in one.received:
            moment = local(call["at"])
            key = (force, call["line"], moment.date().replace(day=1), moment.isoweekday(), moment.hour)
            calls.setdefault(key, []).append(call)
    expected = {}
    for force, one in naive.items():
        delivered = one.delivered["call_segments"]
        for month in sorted({(day.year, day.month) for day in delivered}):
            loaded, days = sum((day.year, day.month) == month for day in delivered), len(days_of(month))
            completeness = {
                "is_provisional": loaded < days,
                "share_of_days_loaded": rounded(Fraction(100 * loaded, days)),
            }
            for line, weekday, hour in product(LINES, range(1, 8), range(24)):
                key = (force, line, date(*month, 1), weekday, hour)
                expected[key] = figures(calls.get(key, [])) | completeness
    key = ["force_code", "line", "month_start", "day_of_week", "hour_of_day"]
    assert rows_of(marts, "kpi_calls_hourly", key) == expected


def test_crimes_by_district(naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection) -> None:
    counted: dict[tuple, dict[str, Any]] = {}
    for force, one in naive.items():
        delivered = one.delivered["crimes"]
        for crime in one.crimes:
            for column, at in (("recorded_crime", "recorded_at"), ("cancelled_crime", "cancelled_at")):
                if at == "cancelled_at" and crime["status"] != "cancelled":
                    continue
                month = local(crime[at]).date().replace(day=1)
                loaded = sum((day.year, day.month) == (month.year, month.month) for day in delivered)
                if loaded:
                    days = len(days_of((month.year, month.month)))
                    row = counted.setdefault(
                        (force, month, crime["district"]),
                        {
                            "recorded_crime": 0, "cancelled_crime": 0, "is_provisional": loaded < days,
                            "share_of_days_loaded": rounded(Fraction(100 * loaded, days)),
                        },
                    )  # fmt: skip
                    row[column] += 1
    assert rows_of(marts, "kpi_crime_by_district_monthly", ["force_code", "month_start", "district"]) == counted


def test_the_calendar(marts: duckdb.DuckDBPyConnection) -> None:
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
