"""Every column of the published marts and facts against plain Python, over a drawn world of small histories."""

from __future__ import annotations

import csv
import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT, Settings
from dagster_project.tracing.read import trace_figure
from dagster_project.warehouse.connection import loading_connection, open_read_only
from dagster_project.warehouse.tables import ensure_tables
from tests.compiled_project import CompiledProject, insert, read_project, warehouse
from tests.dbt.rendering import macros_of
from tests.reference.call_marts import least_operators, service_level, wait
from tests.reference.contact_marts import returns, unanswered
from tests.reference.crime_marts import BANDS
from tests.reference.history import BUSY, DAILY_SOURCES, LONDON, World, days_of, draw_world
from tests.reference.marts import FACTS, TABLES
from tests.reference.measures import NaiveWarehouse, percentile, rounded
from tests.reference.raw_tables import build_world
from tests.reference.tables import Naive, differences, rows_of

# The fourth world has every case. WORLDS=20 tries as many.
SEEDS = range(4, 4 + int(os.environ.get("WORLDS", "1")))


@pytest.fixture(scope="module", params=SEEDS)
def world(request: pytest.FixtureRequest) -> World:
    return draw_world(request.param, forces=8)


@pytest.fixture(scope="module")
def settings(world: World, compiled_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A data root in which the world is built."""
    settings = Settings(home=tmp_path_factory.mktemp("world"), _env_file=None)
    with loading_connection(settings.warehouse) as connection:
        connection.execute("set TimeZone = 'UTC'")
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        build_world(connection, read_project(compiled_manifest), world)
    return settings


@pytest.fixture(scope="module")
def marts(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_read_only(settings.warehouse) as connection:
        yield connection


@pytest.fixture(scope="module")
def naive(world: World, marts: duckdb.DuckDBPyConnection) -> Naive:
    assert marts, "its rows are numbered when they are loaded"
    return {force: NaiveWarehouse(world.history, force, world.definitions) for force in world.forces}


@pytest.mark.parametrize("name", [*TABLES, *FACTS])
def test_table_equals_plain_computation(name: str, naive: Naive, marts: duckdb.DuckDBPyConnection) -> None:
    key, expected_rows = (TABLES | FACTS)[name]
    found, expected = rows_of(marts, name, key), expected_rows(naive)
    wrong = differences(name, found, expected)
    assert not wrong, f"{len(wrong)} differ: {wrong[:5]}"
    assert next(iter(found.values())).keys() == next(iter(expected.values())).keys()


@pytest.mark.parametrize("world", SEEDS[:1], indirect=True)
def test_the_world_has_every_case(naive: Naive) -> None:
    rows = {name: list(expected(naive).items()) for name, (_, expected) in (TABLES | FACTS).items()}
    # A column of one value would show little.
    columns = [(name, column) for name, of in rows.items() for column in of[0][1]]
    same = {(name, column) for name, column in columns if len({row[column] for _, row in rows[name]}) == 1}
    # No identifiers begin again in a world.
    assert {(name, column) for name, column in same if not column.endswith("_epoch")} == set()
    moved = [key[1] for key, row in rows["kpi_measure_monthly"] if row["value"] and row["last_12_months"]]
    assert set(moved) == naive[BUSY[0]].measures.keys()
    bands = {(key[2], key[5]) for key, _ in rows["kpi_cancellation_detail_monthly"]}
    assert bands == set(product(("event", "cohort"), BANDS))
    # Month of recording without a delivery, later month without one, later month complete.
    cells = {
        (row["recorded_crime"] is None, row["cancelled"] is None, row["is_observed"])
        for _, row in rows["kpi_crime_maturity"]
    }
    assert len(cells) == 5
    assert {key[2] for key, _ in rows["kpi_chat_concurrency_monthly"]} >= {1, 2, 3}
    hours = [row for _, row in rows["kpi_staffing_hourly"]]
    assert {row["days"] for row in hours} >= {0, 2, 3, 4, 5}
    assert max(row["operators_required"] or 0 for row in hours) >= 4
    pairs = [(call, returns(one, call)) for one in naive.values() for call in unanswered(one)]
    gaps = {step[0] - call["arrived_at"] for call, found in pairs for step in found}
    assert {timedelta(microseconds=1), timedelta(hours=24, microseconds=-1)} <= gaps


def test_any_percentile_of_any_amount_equals_a_plain_computation() -> None:
    macros = macros_of("duckdb")
    draw = random.Random(4)
    amounts = {
        f"amount {number}": [Decimal(draw.randrange(400)) / draw.choice((1, 8, 1000)) for _ in range(1 + number)]
        for number in range(60)
    }
    percents = (0, 1, 25, 50, 75, 90, 99, 100)
    with duckdb.connect() as connection:
        connection.execute("create table counts (amount varchar, value decimal(18, 6), events bigint)")
        rows = [(name, *pair) for name, values in amounts.items() for pair in Counter(values).items()]
        connection.executemany("insert into counts values (?, ?, ?)", rows)
        ranked, figure = macros["ranked_values"]("counts", ["amount"]), macros["percentile"]("percent")
        query = f"select amount, percent, {figure} from ({ranked}), unnest(?::integer[]) as p (percent) group by all"
        found = {row[:2]: row[2] for row in connection.execute(query, [list(percents)]).fetchall()}
    assert found == {
        (name, percent): rounded(percentile(values, Fraction(percent, 100)))
        for name, values in amounts.items()
        for percent in percents
    }


def test_calendar_has_every_day_with_its_attributes(marts: duckdb.DuckDBPyConnection) -> None:
    with (DBT_PROJECT / "seeds" / "bank_holidays.csv").open(encoding="utf-8", newline="") as lines:
        holidays = {date.fromisoformat(row["holiday_date"]): row["holiday_name"] for row in csv.DictReader(lines)}

    def summer_time(day: date) -> timedelta:
        return datetime(day.year, day.month, day.day, 12, tzinfo=LONDON).utcoffset() or timedelta(0)

    found = rows_of(marts, "dim_date", ["date_day"])
    first, last = min(found)[0], max(found)[0]
    assert (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)
    assert len(found) == (last - first).days + 1
    for (day,), row in found.items():
        april = day.year if day.month >= 4 else day.year - 1
        shift = summer_time(day) - summer_time(day - timedelta(days=1))
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
            "clock_change": "forward" if shift > timedelta(0) else "back" if shift else "none",
        }, day


def test_threads_and_row_order_do_not_change_any_table(
    project: CompiledProject, world: World, marts: duckdb.DuckDBPyConnection
) -> None:
    tables = [node for node in project.nodes.values() if node.kind == "table"]
    with warehouse(threads=8) as shuffled:
        build_world(shuffled, project, world, shuffle=7)

        def contents(connection: duckdb.DuckDBPyConnection, name: str) -> object:
            sums = f"select count(*), sum(cast(hash(found) as hugeint)) from {name} as found"
            return connection.execute(sums).fetchone()

        names = [f"{node.schema}.{node.name}" for node in tables]
        assert [name for name in names if contents(shuffled, name) != contents(marts, name)] == []


def test_events_of_parts_add_up_to_daily_sums_and_count_each_row_once(marts: duckdb.DuckDBPyConnection) -> None:
    differ = marts.execute(
        """
        with counted as (
            select force_code, day, part, sum(amount) as amount from measures.int_part_event group by all
        )
        from counted
        full join measures.int_part_daily as sums using (force_code, day, part)
        where coalesce(counted.amount, 0) is distinct from coalesce(sums.amount, 0)
        """
    ).fetchall()
    assert differ == []
    repeated = marts.execute(
        "select force_code, part, date_trunc('month', day), load_id, source_row from measures.int_part_event "
        "group by all having count(*) > 1"
    ).fetchall()
    assert repeated == []
    counted = marts.execute("select distinct part from measures.int_part_event").fetchall()
    assert set(counted) == set(marts.execute("select distinct part from reference.measure_parts").fetchall())


def test_every_measure_is_traced_to_loaded_rows_that_add_up(
    naive: Naive, marts: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    listed: set[tuple[str, int, int]] = set()
    for measure in sorted(naive[BUSY[0]].measures):
        force, month, value = marts.execute(
            "select force_code, month_start, value from measures.int_measure_monthly where measure = ? "
            "order by abs(value) desc nulls last, month_start, force_code limit 1",
            [measure],
        ).fetchall()[0]
        trace = trace_figure(settings, measure, month, force=force, with_rows=True)
        assert trace.figure["value"] == value != 0, measure
        assert trace.faults == (), measure
        # Counts and sums of a file agree with the listed rows.
        for part in trace.parts:
            rows = [row for row in trace.rows if row["part"] == part.part]
            assert part.files or part.amount == 0, (measure, part.part)
            assert sum(file["row_count"] for file in part.files) == len(rows)
            assert part.amount == sum(row["amount"] for row in rows if row["amount"] is not None)
        listed |= {(row["source"], row["load_id"], row["source_row"]) for row in trace.rows}
    for source in DAILY_SOURCES:
        current = marts.execute(
            f"select raw.load_id, raw.source_row from raw.{source} as raw "
            "inner join audit.load as load on raw.load_id = load.load_id and load.status = 'loaded'"
        ).fetchall()
        rows_of_source = {row[1:] for row in listed if row[0] == source}
        assert rows_of_source
        assert rows_of_source <= set(current)


def test_trace_of_calls_lists_all_their_segments(naive: Naive, settings: Settings) -> None:
    one = naive[BUSY[0]]
    unanswered_999 = [call for call in one.received if call["line"] == "999" and not call["counts_as_answered"]]
    months = Counter(f"{call['day']:%Y-%m}" for call in unanswered_999)
    [(month, number)] = months.most_common(1)
    first_day = date.fromisoformat(f"{month}-01")
    trace = trace_figure(settings, "calls_999.not_answered", first_day, force=BUSY[0], with_rows=True)
    assert len([row for row in trace.rows if row["amount"] is not None]) == number > 0
    calls = {call["call_id"] for call in unanswered_999 if f"{call['day']:%Y-%m}" == month}
    found = {(row["load_id"], row["source_row"]) for row in trace.rows}
    segments = [segment for segment in one.rows["call_segments"] if segment["call_id"] in calls]
    assert found == {(segment["load_id"], segment["source_row"]) for segment in segments}


LOADS = [
    Decimal(text) for text in ("0.000001", "0.01", "0.25", "0.999999", "1", "1.5", "4.5", "13.7", "33.333333", "120")
]
HANDLES = [Decimal(1), Decimal("317.25"), Decimal(3600)]
TARGETS = [Decimal(0), Decimal(10), Decimal(600)]
LEVELS = [Decimal(text) for text in ("0.000001", "50", "90", "99.9", "100")]


def test_erlang_c_equals_exact_arithmetic_for_loads_that_no_force_has() -> None:
    names = ("offered_erlangs", "avg_handle_seconds", "answer_target_seconds", "service_level_target_pct")
    asked = list(product([*LOADS, Decimal(2500)], HANDLES, TARGETS, LEVELS))
    with duckdb.connect() as connection:
        connection.execute(
            "create table asked (offered_erlangs decimal(38, 6), avg_handle_seconds decimal(38, 6), "
            "answer_target_seconds decimal(18, 6), service_level_target_pct decimal(38, 6))"
        )
        insert(connection, "asked", [dict(zip(names, given, strict=True)) for given in asked])
        query = f"select {', '.join(names)}, operators, service_level_pct, wait_seconds from ("
        answers = connection.execute(f"{query}{macros_of('duckdb')['erlang_c']('asked')}) order by all").fetchall()
    least: dict[tuple[Decimal, ...], int] = {}
    wrong = []
    for *given, operators, level, seconds in answers:
        load, handle, target, wanted = given
        if level >= wanted:
            least.setdefault(tuple(given), operators)
        if load <= 200 and (level, seconds) != (
            service_level(operators, load, handle, target),
            wait(operators, load, handle),
        ):
            wrong.append((given, operators, level, seconds))
    assert wrong == []
    assert least.keys() == set(asked), "the operators that are tried do not suffice"
    assert {given: least[given] for given in asked if given[0] <= 200} == {
        given: least_operators(*given) for given in asked if given[0] <= 200
    }
