"""Every measure and period of 640 small histories, and that neither threads nor the order of rows matter."""

from __future__ import annotations

import duckdb
import pytest

from tests.reference.compiled_project import CompiledProject, Node, build_nodes, contents, warehouse
from tests.reference.marts import TABLES, differences, rows_of
from tests.reference.measures import NaiveWarehouse
from tests.reference.raw_tables import load_definitions, load_history
from tests.reference.worlds import World, draw_world

WORLDS = 8
FORCES = 80


def build(
    connection: duckdb.DuckDBPyConnection, nodes: list[Node], world: World, *, shuffle: int | None = None
) -> None:
    """Some nodes over a world, by its definitions."""
    load_history(connection, world.history, shuffle=shuffle)
    build_nodes(connection, [node for node in nodes if node.kind == "seed"])
    load_definitions(connection, world.definitions)
    build_nodes(connection, [node for node in nodes if node.kind != "seed"])


@pytest.mark.parametrize("seed", range(WORLDS))
def test_every_measure_and_period_equals_the_plain_computation(seed: int, project: CompiledProject) -> None:
    world = draw_world(seed, forces=FORCES)
    naive = {force: NaiveWarehouse(world.history, force, world.definitions) for force in world.forces}
    key, expected = TABLES["kpi_measure_monthly"]
    with warehouse() as connection:
        build(connection, project.ancestors("kpi_measure_monthly"), world)
        wrong = differences("kpi_measure_monthly", rows_of(connection, "kpi_measure_monthly", key), expected(naive))
    assert not wrong, f"{len(wrong)} differ: {wrong[:3]}"


def test_one_thread_and_rows_in_order_give_what_eight_threads_and_shuffled_rows_give(project: CompiledProject) -> None:
    world = draw_world(99, forces=60)
    with warehouse(threads=1) as one, warehouse(threads=8) as eight:
        nodes = list(project.nodes.values())
        build(one, nodes, world)
        build(eight, nodes, world, shuffle=7)
        differing = [
            node.name for node in nodes if node.kind == "table" and contents(one, node) != contents(eight, node)
        ]
    assert differing == []


def test_the_events_of_every_part_add_up_to_its_sum_of_the_day(project: CompiledProject) -> None:
    world = draw_world(31, forces=FORCES)
    wanted = {node.unique_id for name in ("int_measure_monthly", "int_part_event") for node in project.ancestors(name)}
    with warehouse() as connection:
        build(connection, [node for node in project.nodes.values() if node.unique_id in wanted], world)
        differ = connection.execute(
            """
            with counted as (
                select force_code, day, part, sum(amount) as amount
                from measures.int_part_event
                group by force_code, day, part
                having sum(amount) <> 0
            )

            select force_code, day, part, counted.amount, sums.amount
            from counted
            full join measures.int_part_daily as sums using (force_code, day, part)
            where counted.amount is distinct from sums.amount
            """
        ).fetchall()
        assert differ == []
        # A row of an extract counts once for a part of a month.
        repeated = connection.execute(
            "select force_code, part, date_trunc('month', day), load_id, source_row from measures.int_part_event "
            "group by all having count(*) > 1"
        ).fetchall()
        assert repeated == []
        counted = connection.execute("select distinct part from measures.int_part_event").fetchall()
        named = connection.execute("select distinct part from reference.measure_parts").fetchall()
        assert set(counted) == set(named)
