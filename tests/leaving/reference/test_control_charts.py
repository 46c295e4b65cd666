"""The control charts of the marts against `control_charts` on hundreds of random charts, to the last digit.

The models are compiled by dbt and run in memory on tables that hold the charts, so that no calls are needed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.leaving.reference.chart_series import MEASURES, Charts, draw, draw_weekly
from tests.leaving.reference.compiled_project import CompiledProject, build_nodes
from tests.leaving.reference.control_charts import RULES, Month, baselines_of, chart

MODELS = (
    *("int_control_chart_limit", "kpi_measure_spc", "kpi_measure_spc_as_of"),
    *("int_control_chart_limit_weekly", "kpi_measure_spc_weekly"),
)
WEEKS = 53
# Last months that a chart is asked for; to draw each of them by hand takes minutes.
AS_OF_MONTHS = 4
TABLES = {
    "measures.int_measure_monthly": (
        "force_code varchar, measure varchar, month_start date, value decimal(38, 6), target decimal(38, 6),"
        " formula_measure varchar,"
        " is_delivered boolean, is_provisional boolean, share_of_days_loaded decimal(38, 6)"
    ),
    "measures.int_measure_weekly": (
        "force_code varchar, measure varchar, week_start date, value decimal(38, 6), target decimal(38, 6),"
        " formula_measure varchar,"
        " is_provisional boolean, share_of_days_loaded decimal(38, 6)"
    ),
    "reference.measure_catalogue": "measure varchar, unit varchar, better varchar, chart_type varchar",
    "reference.measure_parts": "measure varchar, role varchar, part varchar, weight integer",
    "reference.control_chart_baselines": "force_code varchar, measure varchar, valid_from date",
}
Rows = dict[tuple[str, str, date], dict[str, Any]]
RowsAsOf = dict[tuple[str, str, date, date], dict[str, Any]]


@pytest.fixture(scope="module")
def charts() -> Charts:
    return draw(20221030, forces=300)


@pytest.fixture(scope="module")
def expected(charts: Charts) -> Rows:
    return {
        (force, measure, month): row
        for (force, measure), months in charts.months.items()
        for month, row in chart(months, MEASURES[measure], baselines_of(force, measure, charts.baselines)).items()
    }


@pytest.fixture(scope="module")
def expected_as_of(charts: Charts) -> RowsAsOf:
    """Charts of the months up to some of their months, each with its last two years."""
    dice = random.Random(5)
    found: RowsAsOf = {}
    for (force, measure), months in charts.months.items():
        starts = baselines_of(force, measure, charts.baselines)
        for last in dice.sample(months, min(AS_OF_MONTHS, len(months))):
            until = [month for month in months if month.month_start <= last.month_start]
            for month, row in sorted(chart(until, MEASURES[measure], starts).items())[-24:]:
                found[force, measure, last.month_start, month] = row
    return found


@pytest.fixture(scope="module")
def weeks(charts: Charts) -> Charts:
    return draw_weekly(20221031, 200, charts.baselines)


@pytest.fixture(scope="module")
def expected_weekly(weeks: Charts) -> Rows:
    """Charts of the last complete weeks alone."""
    found: Rows = {}
    for (force, measure), all_weeks in weeks.months.items():
        complete = sorted(filter(_is_complete, all_weeks), key=lambda week: week.month_start)[-WEEKS:]
        rows = chart(complete, MEASURES[measure], baselines_of(force, measure, weeks.baselines))
        found |= {(force, measure, week): row for week, row in rows.items()}
    return found


def _is_complete(week: Month) -> bool:
    return week.is_delivered and not week.is_provisional


@pytest.fixture(scope="module")
def marts(charts: Charts, weeks: Charts, project: CompiledProject) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        for schema in ("measures", "marts", "reference"):
            connection.execute(f"create schema {schema}")
        for table, columns in TABLES.items():
            connection.execute(f"create table {table} ({columns})")
        _fill(connection, charts, weeks)
        build_nodes(connection, [project.by_name[name] for name in MODELS])
        yield connection


def _fill(connection: duckdb.DuckDBPyConnection, charts: Charts, weeks: Charts) -> None:
    """Write the charts in an order that means nothing."""
    months = [
        (
            *(force, measure, month.month_start, month.value, month.target, month.formula),
            *(month.is_delivered, month.is_provisional, month.share_of_days_loaded),
        )
        for (force, measure), chart_months in charts.months.items()
        for month in chart_months
    ]
    weekly = [
        (
            *(force, measure, week.month_start, week.value, week.target, week.formula),
            not _is_complete(week),
            week.share_of_days_loaded,
        )
        for (force, measure), chart_weeks in weeks.months.items()
        for week in chart_weeks
    ]
    parts = [(name, "numerator", "a.part", 1) for name in MEASURES]
    parts += [(name, "numerator", "another.part", -1) for name, measure in MEASURES.items() if measure.takes_off]
    parts += [(name, "denominator", "another.part", -1) for name, measure in MEASURES.items() if not measure.takes_off]
    rows = {
        "measures.int_measure_monthly": months,
        "measures.int_measure_weekly": weekly,
        "reference.measure_catalogue": [
            (name, measure.unit, measure.better, "xmr") for name, measure in MEASURES.items()
        ],
        "reference.measure_parts": parts,
        "reference.control_chart_baselines": [
            (baseline.force_code, baseline.measure, baseline.valid_from) for baseline in weeks.baselines
        ],
    }
    for table, values in rows.items():
        random.Random(7).shuffle(values)
        schema = connection.table(table).arrow().schema
        columns = [
            pa.array(column, field.type) for column, field in zip(zip(*values, strict=True), schema, strict=True)
        ]
        given = pa.table(columns, schema=schema)
        connection.from_arrow(given).insert_into(table)


def test_monthly_charts_equal_plain_computation(expected: Rows, marts: duckdb.DuckDBPyConnection) -> None:
    actual = _rows(marts, "kpi_measure_spc", ["force_code", "measure", "month_start"], expected)
    assert actual.keys() == expected.keys()
    _assert_equal(actual, expected)


def test_weekly_charts_of_53_complete_weeks_equal_plain_computation(
    weeks: Charts, expected_weekly: Rows, marts: duckdb.DuckDBPyConnection
) -> None:
    actual = _rows(marts, "kpi_measure_spc_weekly", ["force_code", "measure", "week_start"], expected_weekly)
    assert actual.keys() == expected_weekly.keys()
    _assert_equal(actual, expected_weekly)
    assert any(len(chart_weeks) > 2 * WEEKS for chart_weeks in weeks.months.values())


def test_chart_as_of_month_is_chart_of_months_until_then(
    charts: Charts, expected_as_of: RowsAsOf, marts: duckdb.DuckDBPyConnection
) -> None:
    key = ["force_code", "measure", "as_of_month", "month_start"]
    actual = _rows(marts, "kpi_measure_spc_as_of", key, expected_as_of)
    months = {chart: [month.month_start for month in chart_months] for chart, chart_months in charts.months.items()}
    assert actual.keys() == {
        (*chart, last, month)
        for chart, of_chart in months.items()
        for place, last in enumerate(of_chart)
        for month in of_chart[max(0, place - 23) : place + 1]
    }
    _assert_equal(actual, expected_as_of)
    # Limits that moved after it, and a signal that the whole series does not show, or the other way round.
    whole = _rows(marts, "kpi_measure_spc", ["force_code", "measure", "month_start"], expected_as_of)
    for column in ("upper_limit", "signal", "is_trial", "assurance"):
        assert any(
            row[column] != whole[force, measure, month][column]
            for (force, measure, _, month), row in expected_as_of.items()
        ), column


def _rows(
    marts: duckdb.DuckDBPyConnection, table: str, key: list[str], like: Mapping[Any, dict[str, Any]]
) -> dict[Any, dict[str, Any]]:
    columns = list(next(iter(like.values())))
    rows = marts.execute(f"select {', '.join([*key, *columns])} from marts.{table}").fetchall()
    found = {row[: len(key)]: dict(zip(columns, row[len(key) :], strict=True)) for row in rows}
    assert len(found) == len(rows)
    return found


def _assert_equal(actual: Mapping[Any, dict[str, Any]], expected: Mapping[Any, dict[str, Any]]) -> None:
    wrong = [
        (*key, column, value, actual[key][column])
        for key, row in sorted(expected.items())
        for column, value in row.items()
        if value != actual[key][column]
    ]
    assert not wrong, f"{len(wrong)} differ: {wrong[:12]}"


@pytest.mark.parametrize(
    ("table", "period"),
    [
        ("kpi_measure_spc", {"month_start"}),
        ("kpi_measure_spc_as_of", {"as_of_month", "month_start"}),
        ("kpi_measure_spc_weekly", {"week_start"}),
    ],
)
def test_charts_have_expected_columns_and_no_floating_point(
    table: str, period: set[str], expected: Rows, marts: duckdb.DuckDBPyConnection
) -> None:
    types = dict(
        marts.execute(
            "select column_name, data_type from information_schema.columns where table_name = ?", [table]
        ).fetchall()
    )
    assert types.keys() == {"force_code", "measure", *period, *next(iter(expected.values()))}
    assert set(types.values()) == {"VARCHAR", "DATE", "BOOLEAN", "BIGINT", "DECIMAL(38,6)"}


def test_charts_cover_every_verdict_and_line(charts: Charts, expected: Rows) -> None:
    seen = {
        (row["signal"], row["variation"], MEASURES[key[1]].better)
        for key, row in expected.items()
        if row["variation"] is not None
    }
    for rule in RULES:
        for better, verdicts in {
            "lower": {"improving", "concerning"},
            "higher": {"improving", "concerning"},
            "neither": {"unusual"},
        }.items():
            found = {verdict for signal, verdict, way in seen if (signal, way) == (rule, better)}
            # A trend that a shift contradicts is unusual whichever way is better.
            assert found == verdicts | ({"unusual"} if rule == "trend" else set()), rule
    assert {row["assurance"] for row in expected.values()} == {
        *("consistently_meets", "consistently_misses", "hit_and_miss"),
        None,
    }
    assert {row["is_target_met"] for row in expected.values()} == {True, False, None}
    assert {0, 1, 2, 11, 12} <= {row["points"] for row in expected.values()}
    for line in ("mean", "lower_limit", "upper_limit"):
        assert any(row[line] == row["value"] and row["lower_limit"] != row["upper_limit"] for row in expected.values())
    for line in ("lower_limit", "upper_limit"):
        verdicts = {
            row["assurance"]
            for row in expected.values()
            if row["target"] is not None is not row[line] and row["target"] == row[line]
        }
        assert len(verdicts - {None}) > 1, line
    assert any(row["lower_limit"] is not None and row["lower_limit"] < 0 for row in expected.values())
    starts = {(key[0], key[1]): set() for key in expected}
    for key, row in expected.items():
        starts[key[0], key[1]].add(row["baseline_start"])
    assert sum(len(each) > 2 for each in starts.values()) > 10
    own = {(baseline.force_code, baseline.measure) for baseline in charts.baselines}
    assert any(key in own and ("*", key[1]) in own for key in charts.months)
