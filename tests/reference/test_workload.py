"""The marts of demand and workload against `workload` on small histories with dated definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import duckdb
import pytest

from tests.reference import workload
from tests.reference.callers import draw_callers
from tests.reference.compiled_project import CompiledProject, warehouse
from tests.reference.measures import MILLION, NaiveWarehouse
from tests.reference.raw_tables import build_world
from tests.reference.worlds import World

MARTS: dict[str, tuple[tuple[str, ...], Callable[[NaiveWarehouse], dict[Any, dict[str, Any]]]]] = {
    "kpi_displacement_monthly": (("month_start",), workload.displacement),
    "kpi_chat_operator_monthly": (("operator_id", "month_start"), workload.chat_operators),
    "kpi_chat_concurrency_monthly": (("month_start", "concurrent_chats"), workload.chat_levels),
    "kpi_digital_ledger_monthly": (("month_start", "contact_type"), workload.digital_ledger),
}


@pytest.fixture(scope="module", params=range(3))
def world(request: pytest.FixtureRequest) -> World:
    return draw_callers(request.param, forces=120)


@pytest.fixture(scope="module")
def naive(world: World) -> dict[str, NaiveWarehouse]:
    return {force: NaiveWarehouse(world.history, force, world.definitions) for force in world.forces}


@pytest.fixture(scope="module")
def marts(world: World, project: CompiledProject) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as connection:
        build_world(connection, project, world, *MARTS, shuffle=1)
        yield connection


@pytest.mark.parametrize("mart", MARTS)
def test_workload_mart_equals_plain_computation(
    mart: str, naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    key, computed = MARTS[mart]
    expected = {(force, *at): row for force, of_force in naive.items() for at, row in computed(of_force).items()}
    found = marts.execute(f"select * from marts.{mart}")  # noqa: S608 - names of ours
    columns = [column[0] for column in found.description]
    rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    actual = {tuple(row.pop(column) for column in ("force_code", *key)): row for row in rows}
    assert len(actual) == len(rows)
    assert actual.keys() == expected.keys()
    wrong = [(at, expected[at], actual[at]) for at in sorted(expected) if actual[at] != expected[at]]
    assert not wrong, f"{len(wrong)} of {len(expected)} differ: {wrong[:3]}"


def test_seconds_by_concurrent_chats_add_up_to_operator_seconds(
    naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    expected: dict[tuple[str, date], Fraction] = {}
    for force, of_force in naive.items():
        for (_, month), chats in workload.held(of_force).items():
            at = force, date(*month, 1)
            expected[at] = expected.get(at, Fraction(0)) + Fraction(workload.busy(chats), MILLION)
    found = marts.execute(
        "select force_code, month_start, sum(operator_seconds) from marts.kpi_chat_concurrency_monthly group by all"
    ).fetchall()
    assert {row[:2]: Fraction(row[2]) for row in found} == {at: length for at, length in expected.items() if length}


def test_histories_cover_all_returns_and_up_to_three_concurrent_chats(naive: dict[str, NaiveWarehouse]) -> None:
    rows = [row for of_force in naive.values() for row in workload.displacement(of_force).values()]
    known = [row for row in rows if row["not_answered"] is not None]
    counts = [name for name, value in known[0].items() if type(value) is int]
    assert len(counts) == 10
    assert {name: sum(row[name] for row in known) > 10 for name in counts} == dict.fromkeys(counts, True)
    assert any(row["came_back"] < row["with_caller"] < row["not_answered"] for row in known)
    most = {row["max_concurrent_chats"] for of in naive.values() for row in workload.chat_operators(of).values()}
    assert {0, 1, 2, 3} <= most


def test_histories_cover_24_hour_limits_and_ties(naive: dict[str, NaiveWarehouse]) -> None:
    gaps: set[timedelta] = set()
    ties: set[frozenset[str]] = set()
    for of_force in naive.values():
        for call in workload.unanswered(of_force):
            if call["caller"] is None:
                continue
            gaps |= {step[0] - call["at"] for step in workload.steps(of_force, call["caller"])}
            back = workload.returns(of_force, call)
            first = min((found[0] for found in back), default=None)
            ties.add(frozenset(found[1] for found in back if found[0] == first))
    day, instant = timedelta(hours=24), timedelta(microseconds=1)
    assert {instant, day - instant, day} <= gaps
    assert {frozenset(pair) for pair in (("999", "101"), ("999", "digital"), ("101", "digital"))} <= ties
