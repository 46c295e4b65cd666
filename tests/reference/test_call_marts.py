"""kpi_call_definitions and kpi_staffing_hourly against `call_marts`, on calls and parameters that were drawn.

The macros of Erlang's formulas are tested on their own as well, for loads that no force has.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.reference.call_marts import LINES, THRESHOLDS, NaiveCalls, least_operators, service_level, wait
from tests.reference.calls import draw
from tests.reference.compiled_project import CompiledProject, insert, run_dbt, warehouse
from tests.reference.raw_tables import build_world
from tests.reference.worlds import World

FORCES = ("kent", "essex")
SEEDS = range(6)
TABLES = ("kpi_call_definitions", "kpi_staffing_hourly", "kpi_calls_monthly")
LOADS = [
    Decimal(text)
    for text in (
        "0.000001",
        "0.00001",
        "0.001",
        "0.01",
        "0.05",
        "0.1",
        "0.25",
        "0.5",
        "0.75",
        "0.999999",
        "1",
        "1.000001",
        "1.5",
        "2",
        "3",
        "4.5",
        "6",
        "8",
        "10",
        "13.7",
        "20",
        "33.333333",
        "50",
        "80",
        "120",
        "200",
        "350",
        "500",
    )
]
MORE_LOADS = [Decimal(1000), Decimal(2500), Decimal(10_000)]
HANDLES = [Decimal(1), Decimal(60), Decimal("317.25"), Decimal(3600)]
TARGETS = [Decimal(0), Decimal(1), Decimal(10), Decimal(90), Decimal(600)]
LEVELS = [Decimal(text) for text in ("0.000001", "50", "80", "90", "95", "99", "99.9", "99.999999", "100")]
ERLANG = """
select
    erlangs, handle_seconds, target_seconds, level, operators,
    {{ least_operators("erlangs", "handle_seconds", "target_seconds", "level") }} as least,
    {{ erlang_c_service_level_pct("operators", "erlangs", "handle_seconds", "target_seconds") }} as service_level,
    {{ erlang_c_wait_seconds("operators", "erlangs", "handle_seconds") }} as wait
from asked
"""


@pytest.fixture(scope="module", params=SEEDS)
def calls(request: pytest.FixtureRequest) -> World:
    return draw(request.param, FORCES)


@pytest.fixture(scope="module")
def naive(calls: World) -> dict[str, NaiveCalls]:
    return {force: NaiveCalls(calls, force) for force in FORCES}


@pytest.fixture(scope="module")
def marts(calls: World, project: CompiledProject) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as connection:
        build_world(connection, project, calls, *TABLES)
        yield connection


@pytest.fixture(scope="module")
def answers(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """Results of the macros for every combination of load, times and level, and some operators for each load."""
    # A copy, since dbt writes to it; parsed already, so that dbt compiles these macros alone.
    folder = tmp_path_factory.mktemp("erlang") / "compiled"
    shutil.copytree(compiled, folder)
    output = run_dbt(folder, ["compile", "--inline", ERLANG])
    sql = output[output.index("select") :]
    dice = random.Random(7)
    asked = [
        {
            "erlangs": load,
            "handle_seconds": handle,
            "target_seconds": target,
            "level": level,
            "operators": int(load) + dice.choice([0, 1, 1, 2, 3, 5, 8, 20]),
        }
        for load, handle, target, level in itertools.product(LOADS + MORE_LOADS, HANDLES, TARGETS, LEVELS)
    ]
    with duckdb.connect() as connection:
        connection.execute(
            "create table asked (erlangs decimal(38, 6), handle_seconds decimal(38, 6),"
            " target_seconds decimal(18, 6), level decimal(38, 6), operators bigint)"
        )
        insert(connection, "asked", asked)
        return connection.execute(f"{sql} order by all").fetchall()


@pytest.mark.parametrize("force", FORCES)
def test_short_abandon_definitions_equal_plain_computation(
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
def test_staffing_hours_equal_plain_computation(
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


def test_threshold_in_force_gives_monthly_figures(marts: duckdb.DuckDBPyConnection) -> None:
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


def test_drawn_calls_cover_every_rule(naive: dict[str, NaiveCalls]) -> None:
    definitions = [item for force in FORCES for item in naive[force].definitions().items()]
    assert naive[FORCES[0]].thresholds - {Decimal(seconds) for seconds in THRESHOLDS}
    months = {(force, line, key[1]) for force in FORCES for key in naive[force].definitions() for line in LINES}
    with_one = {
        (force, key[0], key[1]) for force in FORCES for key, row in naive[force].definitions().items() if row[0]
    }
    assert with_one < months, "in no month does the threshold change"
    assert any(row[1] is None for _, row in definitions), "every month was delivered"
    hours = [row for force in FORCES for row in naive[force].staffing().values()]
    assert {row[0] for row in hours} >= {0, 2, 3, 4}, "weekdays are all delivered alike"
    assert max(row[7] or 0 for row in hours) > 7, "no hour is busy"
    assert any(row[7] == 0 for row in hours), "no hour is without calls"
    for force in FORCES:
        spoken = {(c["line"], c["day"].isoweekday(), c["hour"]) for c in naive[force].calls if c["spoke"]}
        silent = {(c["line"], c["day"].isoweekday(), c["hour"]) for c in naive[force].calls if c["line"] in LINES}
        assert silent - spoken, "somebody answered in every hour"


def test_erlang_functions_equal_exact_arithmetic(answers: list[tuple[Any, ...]]) -> None:
    wrong = []
    for case in random.Random(3).sample([answer for answer in answers if answer[0] <= 500], 700):
        load, handle, target, level, operators, *actual = case
        enough = operators > load
        expected = [
            least_operators(load, handle, target, level),
            service_level(operators, load, handle, target) if enough else None,
            wait(operators, load, handle) if enough else None,
        ]
        if actual != expected:
            wrong.append((*case, expected))
    assert wrong == []


def test_tried_operators_always_suffice(answers: list[tuple[Any, ...]]) -> None:
    assert len(answers) == len(LOADS + MORE_LOADS) * len(HANDLES) * len(TARGETS) * len(LEVELS)
    assert [answer for answer in answers if answer[5] is None] == []
