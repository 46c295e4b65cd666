"""The control charts of the marts against `naive_control_charts` on hundreds of random charts, to the last digit.

The models are compiled by dbt and run in memory on tables that hold the charts, so that no call has to be made up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from compiled_project import CompiledProject, build_nodes
from naive_control_charts import baselines_of, chart
from random_control_charts import MEASURES, Charts, draw

MODELS = ("int_control_chart_limit", "kpi_measure_spc")
TABLES = {
    "intermediate.int_measure_monthly": (
        "force_code varchar, measure varchar, month_start date, value decimal(38, 6), target decimal(38, 6),"
        " is_delivered boolean, is_provisional boolean, share_of_days_loaded decimal(38, 6)"
    ),
    "reference.measure_catalogue": "measure varchar, unit varchar, better varchar",
    "reference.measure_parts": "measure varchar, role varchar, part varchar, weight integer",
    "reference.control_chart_baselines": "force_code varchar, measure varchar, valid_from date",
}
Rows = dict[tuple[str, str, date], dict[str, Any]]


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
def marts(charts: Charts, project: CompiledProject) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        for schema in ("intermediate", "marts", "reference"):
            connection.execute(f"create schema {schema}")
        for table, columns in TABLES.items():
            connection.execute(f"create table {table} ({columns})")
        _fill(connection, charts)
        build_nodes(connection, [project.by_name[name] for name in MODELS])
        yield connection


def _fill(connection: duckdb.DuckDBPyConnection, charts: Charts) -> None:
    """Write the charts in an order that means nothing."""
    months = [
        (
            *(force, measure, month.month_start, month.value, month.target),
            *(month.is_delivered, month.is_provisional, month.share_of_days_loaded),
        )
        for (force, measure), chart_months in charts.months.items()
        for month in chart_months
    ]
    parts = [(name, "numerator", "a.part", 1) for name in MEASURES]
    parts += [(name, "numerator", "another.part", -1) for name, measure in MEASURES.items() if measure.takes_off]
    parts += [(name, "denominator", "another.part", -1) for name, measure in MEASURES.items() if not measure.takes_off]
    rows = {
        "intermediate.int_measure_monthly": months,
        "reference.measure_catalogue": [(name, measure.unit, measure.better) for name, measure in MEASURES.items()],
        "reference.measure_parts": parts,
        "reference.control_chart_baselines": [
            (baseline.force_code, baseline.measure, baseline.valid_from) for baseline in charts.baselines
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


def test_every_column_of_every_chart_equals_the_naive_computation(
    expected: Rows, marts: duckdb.DuckDBPyConnection
) -> None:
    columns = list(next(iter(expected.values())))
    names = ", ".join(["force_code", "measure", "month_start", *columns])
    rows = marts.execute(f"select {names} from marts.kpi_measure_spc").fetchall()  # noqa: S608 - names of ours
    actual = {row[:3]: dict(zip(columns, row[3:], strict=True)) for row in rows}
    assert len(actual) == len(rows)
    assert actual.keys() == expected.keys()
    wrong = [
        (*key, column, expected[key][column], actual[key][column])
        for key in sorted(expected)
        for column in columns
        if expected[key][column] != actual[key][column]
    ]
    assert not wrong, f"{len(wrong)} differ: {wrong[:12]}"


def test_a_chart_has_the_columns_of_the_naive_computation_and_no_floating_point(
    expected: Rows, marts: duckdb.DuckDBPyConnection
) -> None:
    types = dict(
        marts.execute(
            "select column_name, data_type from information_schema.columns where table_name = 'kpi_measure_spc'"
        ).fetchall()
    )
    assert types.keys() == {"force_code", "measure", "month_start", *next(iter(expected.values()))}
    assert set(types.values()) == {"VARCHAR", "DATE", "BOOLEAN", "BIGINT", "DECIMAL(38,6)"}


def test_the_charts_exercise_every_verdict_and_every_line_that_a_figure_can_lie_on(
    charts: Charts, expected: Rows
) -> None:
    seen = {
        (row["signal"], row["variation"], MEASURES[key[1]].better)
        for key, row in expected.items()
        if row["variation"] is not None
    }
    for rule in ("outside_limits", "shift", "trend", "two_of_three"):
        for better, verdicts in {
            "lower": {"improving", "concerning"},
            "higher": {"improving", "concerning"},
            "neither": {"special_cause"},
        }.items():
            assert {verdict for signal, verdict, way in seen if (signal, way) == (rule, better)} == verdicts, rule
    assert {row["assurance"] for row in expected.values()} == {
        *("consistently_meets", "consistently_misses", "hit_and_miss"),
        None,
    }
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
