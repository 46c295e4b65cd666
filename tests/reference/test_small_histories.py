"""Every measure and period of 240 small histories, and that neither threads nor the order of rows matter."""

from __future__ import annotations

import pytest

from tests.reference.compiled_project import CompiledProject, fingerprint, warehouse
from tests.reference.marts import TABLES, differences, rows_of
from tests.reference.measures import NaiveWarehouse
from tests.reference.raw_tables import build_world
from tests.reference.worlds import draw_world

WORLDS = 3
FORCES = 80


@pytest.mark.parametrize("seed", range(WORLDS))
def test_monthly_measures_equal_plain_computation(seed: int, project: CompiledProject) -> None:
    world = draw_world(seed, forces=FORCES)
    naive = {force: NaiveWarehouse(world.history, force, world.definitions) for force in world.forces}
    key, expected = TABLES["kpi_measure_monthly"]
    with warehouse() as connection:
        build_world(connection, project, world, "kpi_measure_monthly")
        wrong = differences("kpi_measure_monthly", rows_of(connection, "kpi_measure_monthly", key), expected(naive))
    assert not wrong, f"{len(wrong)} differ: {wrong[:3]}"


def test_threads_and_row_order_do_not_change_any_table(project: CompiledProject) -> None:
    world = draw_world(99, forces=60)
    with warehouse(threads=1) as one, warehouse(threads=8) as eight:
        build_world(one, project, world)
        build_world(eight, project, world, shuffle=7)
        tables = [node for node in project.nodes.values() if node.kind == "table"]
        differing = [node.name for node in tables if fingerprint(one, node) != fingerprint(eight, node)]
    assert differing == []


def test_part_events_add_up_to_daily_sums(project: CompiledProject) -> None:
    world = draw_world(31, forces=FORCES)
    with warehouse() as connection:
        build_world(connection, project, world, "int_measure_monthly", "int_part_event")
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
