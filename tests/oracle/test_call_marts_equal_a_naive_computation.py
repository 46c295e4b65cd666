"""kpi_call_definitions and kpi_staffing_hourly against `naive_call_marts` on calls and parameters that were drawn.

One build for all of it, of a copy of the project with other parameters and one model more, which asks the macros of
Erlang's formulas for loads that no force has.
"""

from __future__ import annotations

import csv
import itertools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from naive_call_marts import LINES, THRESHOLDS, NaiveCalls, least_operators, service_level, wait
from random_calls import Calls, draw

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from dagster_project.warehouse.tables import ensure_tables

FORCES = ("kent", "essex")
LOADS = [Decimal(text) for text in (
    "0.000001", "0.00001", "0.001", "0.01", "0.05", "0.1", "0.25", "0.5", "0.75", "0.999999", "1", "1.000001", "1.5",
    "2", "3", "4.5", "6", "8", "10", "13.7", "20", "33.333333", "50", "80", "120", "200", "350", "500",
)]  # fmt: skip
MORE_LOADS = [Decimal(1000), Decimal(2500), Decimal(10_000)]
HANDLES = [Decimal(1), Decimal(60), Decimal("317.25"), Decimal(3600)]
TARGETS = [Decimal(0), Decimal(1), Decimal(10), Decimal(90), Decimal(600)]
LEVELS = [Decimal(text) for text in ("0.000001", "50", "80", "90", "95", "99", "99.9", "99.999999", "100")]
ERLANG_MODEL = """
select
    erlangs,
    handle_seconds,
    target_seconds,
    level,
    operators,
    {{ least_operators("erlangs", "handle_seconds", "target_seconds", "level") }} as least,
    {{ erlang_c_service_level_pct("operators", "erlangs", "handle_seconds", "target_seconds") }} as service_level,
    {{ erlang_c_wait_seconds("operators", "erlangs", "handle_seconds") }} as wait
from main.erlang_input
"""


@pytest.fixture(scope="module")
def calls() -> Calls:
    return draw(20221030, FORCES)


@pytest.fixture(scope="module")
def naive(calls: Calls) -> dict[str, NaiveCalls]:
    return {force: NaiveCalls(calls, force) for force in FORCES}


@pytest.fixture(scope="module")
def marts(calls: Calls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("calls")
    warehouse, project = folder / "warehouse.duckdb", folder / "dbt"
    shutil.copytree(DBT_PROJECT, project)
    _write_parameters(project / "seeds" / "call_parameters.csv", calls)
    (project / "models" / "intermediate" / "erlang_output.sql").write_text(
        "{{ config(materialized='table') }}" + ERLANG_MODEL, encoding="utf-8"
    )
    with duckdb.connect(str(warehouse)) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        _load(connection, calls)
        _ask(connection)
    environment = os.environ | {
        "FCIR_WAREHOUSE": str(warehouse),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    models = ["+kpi_call_definitions", "+kpi_staffing_hourly", "+kpi_calls_monthly", "erlang_output"]
    result = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "build", "--profiles-dir", "."),
            *("--exclude-resource-type", "test", "unit_test", "--select", *models),
        ],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        yield connection


def _write_parameters(path: Path, calls: Calls) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                *("force_code", "line", "valid_from", "valid_to", "answer_target_seconds", "short_abandon_seconds"),
                *("called_back_counts_as_answered", "staffing_service_level_pct", "after_call_seconds", "source"),
            ]
        )
        for row in calls.parameters:
            back = str(row.back_is_answered).lower()
            rules = [row.target, row.short, back, row.level, row.after_call]
            writer.writerow([row.force, row.line, row.first, row.last, *rules, "drawn"])


def _load(connection: duckdb.DuckDBPyConnection, calls: Calls) -> None:
    """Write the calls as the loading engine leaves them: one load a day."""
    numbers = {day: number for number, day in enumerate(sorted(calls.delivered), start=1)}
    moment = datetime(2023, 6, 1, tzinfo=UTC).replace(tzinfo=None)
    connection.executemany(
        "insert into audit.load (load_id, source, extract_date, file_name, file_sha256, rows_read, rows_loaded,"
        " rows_quarantined, status, is_synthetic, loaded_at, run_id, change_seq)"
        " values (?, 'call_segments', ?, 'file', 'hash', 0, 0, 0, 'loaded', false, ?, 'run', ?)",
        [(number, day, moment, number) for day, number in numbers.items()],
    )
    names = [*calls.segments[0], "load_id", "source_row"]
    connection.executemany(
        f"insert into raw.call_segments ({', '.join(names)}) values ({', '.join('?' * len(names))})",  # noqa: S608 - names of ours
        [
            (*segment.values(), numbers[segment["extract_date"]], position)
            for position, segment in enumerate(calls.segments, start=1)
        ],
    )


def _ask(connection: duckdb.DuckDBPyConnection) -> None:
    """Every combination of load, times and level, and for each load some operators from too few to plenty."""
    connection.execute(
        "create table main.erlang_input (erlangs decimal(38, 6), handle_seconds decimal(38, 6),"
        " target_seconds decimal(18, 6), level decimal(38, 6), operators bigint)"
    )
    dice = random.Random(7)
    cases = [
        (*case, int(case[0]) + dice.choice([0, 1, 1, 2, 3, 5, 8, 20]))
        for case in itertools.product(LOADS + MORE_LOADS, HANDLES, TARGETS, LEVELS)
    ]
    connection.executemany("insert into main.erlang_input values (?, ?, ?, ?, ?)", cases)


@pytest.mark.parametrize("force", FORCES)
def test_every_definition_of_short_abandons_equals_the_naive_computation(
    force: str, naive: dict[str, NaiveCalls], marts: duckdb.DuckDBPyConnection
) -> None:
    rows = marts.execute(
        "select line, month_start, short_abandon_seconds, is_in_force, received, short_abandons,"
        " received_less_short_abandons, answered, not_answered, pct_not_answered, pct_not_answered_of_received,"
        " answered_within_target, pct_within_target_of_answered, pct_within_target_of_received,"
        " pct_within_target_of_received_less_short_abandons, avg_queue_seconds, is_provisional, share_of_days_loaded"
        " from marts.kpi_call_definitions where force_code = ?",
        [force],
    ).fetchall()
    assert {row[:3]: row[3:] for row in rows} == naive[force].definitions()


@pytest.mark.parametrize("force", FORCES)
def test_operators_of_every_hour_equal_the_naive_computation(
    force: str, naive: dict[str, NaiveCalls], marts: duckdb.DuckDBPyConnection
) -> None:
    rows = marts.execute(
        "select line, month_start, day_of_week, hour_of_day, days, received, calls_per_hour, avg_handle_seconds,"
        " offered_erlangs, answer_target_seconds, service_level_target_pct, operators_required,"
        " expected_service_level_pct, expected_wait_seconds, occupancy_pct, is_provisional, share_of_days_loaded"
        " from marts.kpi_staffing_hourly where force_code = ?",
        [force],
    ).fetchall()
    expected = naive[force].staffing()
    actual = {row[:4]: row[4:] for row in rows}
    assert actual.keys() == expected.keys()
    wrong = [(key, expected[key], actual[key]) for key in sorted(expected) if actual[key] != expected[key]]
    assert not wrong, f"{len(wrong)} differ: {wrong[:5]}"


def test_the_threshold_in_force_gives_the_figures_of_the_month(marts: duckdb.DuckDBPyConnection) -> None:
    in_force = marts.execute(
        "select d.received_less_short_abandons, d.answered, d.not_answered, d.pct_not_answered,"
        " d.pct_within_target_of_answered, d.pct_within_target_of_received_less_short_abandons, d.avg_queue_seconds,"
        " d.is_provisional, d.share_of_days_loaded, m.received, m.answered, m.not_answered, m.pct_not_answered,"
        " m.pct_answered_within_target, m.pct_received_within_target, m.avg_queue_seconds, m.is_provisional,"
        " m.share_of_days_loaded, d.short_abandons"
        " from marts.kpi_call_definitions d join marts.kpi_calls_monthly m using (force_code, line, month_start)"
        " where d.is_in_force"
    ).fetchall()
    assert [row for row in in_force if row[:9] != row[9:18]] == []
    assert any(row[18] for row in in_force), "no month in force has short abandons"


def test_the_drawn_calls_exercise_every_rule(naive: dict[str, NaiveCalls]) -> None:
    definitions = [item for force in FORCES for item in naive[force].definitions().items()]
    assert {row.short for row in naive[FORCES[0]].parameters} - {Decimal(seconds) for seconds in THRESHOLDS}
    months = {(force, line, key[1]) for force in FORCES for key in naive[force].definitions() for line in LINES}
    with_one = {
        (force, key[0], key[1]) for force in FORCES for key, row in naive[force].definitions().items() if row[0]
    }
    assert with_one < months, "in no month does the threshold change"
    assert any(row[1] is None for _, row in definitions), "every month was delivered"
    hours = [row for force in FORCES for row in naive[force].staffing().values()]
    assert {row[0] for row in hours} >= {0, 2, 3, 4}, "weekdays are all delivered alike"
    assert max(row[7] or 0 for row in hours) > 10, "no hour is busy"
    assert any(row[7] == 0 for row in hours), "no hour is without calls"
    for force in FORCES:
        spoken = {(c["line"], c["day"].isoweekday(), c["hour"]) for c in naive[force].calls if c["spoke"]}
        silent = {(c["line"], c["day"].isoweekday(), c["hour"]) for c in naive[force].calls if c["line"] in LINES}
        assert silent - spoken, "somebody answered in every hour"


def test_erlangs_functions_equal_exact_arithmetic(marts: duckdb.DuckDBPyConnection) -> None:
    cases = marts.execute(
        "select erlangs, handle_seconds, target_seconds, level, operators, least, service_level, wait"
        " from intermediate.erlang_output where erlangs <= 500 order by all"
    ).fetchall()
    wrong = []
    for load, handle, target, level, operators, least, reached, waited in random.Random(3).sample(cases, 700):
        enough = operators > load
        expected = (
            least_operators(load, handle, target, level),
            service_level(operators, load, handle, target) if enough else None,
            wait(operators, load, handle) if enough else None,
        )
        if (least, reached, waited) != expected:
            wrong.append((load, handle, target, level, operators, expected, (least, reached, waited)))
    assert wrong == []


def test_the_operators_tried_always_suffice(marts: duckdb.DuckDBPyConnection) -> None:
    tried, unmet = marts.execute(
        "select count(*), count(*) filter (where least is null) from intermediate.erlang_output"
    ).fetchone()
    assert (tried, unmet) == (len(LOADS + MORE_LOADS) * len(HANDLES) * len(TARGETS) * len(LEVELS), 0)
