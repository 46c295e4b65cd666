"""Numbers of data roots: in load numbers, in the record of the warehouse, and in the state of deliveries."""

from pathlib import Path

import duckdb
import pytest

from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.roots import (
    LOADS_OF_A_ROOT,
    NoLoadNumberLeft,
    RootMismatch,
    last_load,
    next_load,
    record_root,
    root_of,
)
from dagster_project.warehouse.tables import ensure_tables
from tests.leaving.unit.loading_helpers import CONTRACTS, Installation, visits
from tests.leaving.unit.test_deliveries_over_time import TUESDAY


def numbered(home: Path, number: int) -> Installation:
    return Installation(home, root_number=number)


def test_loads_of_the_first_root_have_the_numbers_that_they_always_had(tmp_path):
    installation = numbered(tmp_path, 0)
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    installation.run()
    assert installation.query("select load_id from audit.load") == [(1,)]


def test_loads_carry_the_number_of_their_root_and_stay_below_two_to_the_31(tmp_path):
    installation = numbered(tmp_path, 127)
    for suffix in ("", "_b"):
        installation.land(TUESDAY, *visits(TUESDAY, 2 + len(suffix)), suffix=suffix)
        installation.run()
    loads = [load for (load,) in installation.query("select load_id from audit.load order by 1")]
    assert loads == [127 * 2**24 + 1, 127 * 2**24 + 2, 127 * 2**24 + 3]
    assert {root_of(load) for load in loads} == {127}
    assert max(loads) < 2**31
    assert installation.query("select root_number from audit.correction") == [(127,)]
    assert {*installation.query("select root_number from audit.expectation_result")} == {(127,)}


def test_a_root_keeps_its_number(tmp_path):
    installation = numbered(tmp_path, 3)
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    installation.run()
    with pytest.raises(RootMismatch, match=r"has number 3, and FCIR_ROOT_NUMBER is 4.*set FCIR_ROOT_NUMBER=3"):
        numbered(tmp_path, 4).run()
    numbered(tmp_path, 3).run()


def test_a_warehouse_of_a_version_without_numbers_is_root_0(tmp_path):
    installation = numbered(tmp_path, 0)
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    installation.run()
    with duckdb.connect(str(installation.settings.warehouse)) as connection:
        connection.execute("delete from audit.root")
    with pytest.raises(RootMismatch, match="has number 0, and FCIR_ROOT_NUMBER is 5"):
        numbered(tmp_path, 5).run()
    installation.run()


def test_the_settings_decide_until_the_first_load_and_the_record_from_then_on(tmp_path):
    with loading_connection(tmp_path / "warehouse.duckdb") as connection:
        ensure_tables(connection, CONTRACTS.values())
        for number in (0, None, 5):
            record_root(connection, number)
            assert connection.execute("from audit.root").fetchall() == [(number,)]
        add_load(connection, 5 * LOADS_OF_A_ROOT + 1)
        record_root(connection, 5)
        with pytest.raises(RootMismatch, match="has loads of its own"):
            record_root(connection, None)
        assert connection.execute("from audit.root").fetchall() == [(5,)]


def test_a_hub_loads_nothing_itself(tmp_path):
    with loading_connection(tmp_path / "warehouse.duckdb") as connection:
        ensure_tables(connection, CONTRACTS.values())
        record_root(connection, None)
        add_load(connection, 5 * LOADS_OF_A_ROOT + 1)
        record_root(connection, None)
        with pytest.raises(RootMismatch, match="is a hub, and FCIR_MEMBERS is not set"):
            record_root(connection, 0)


def add_load(connection: duckdb.DuckDBPyConnection, load_id: int, change: int = 1) -> None:
    """Record a load without rows."""
    connection.execute(
        "insert into audit.load (load_id, source, extract_date, rows_read, rows_loaded, rows_quarantined, "
        "status, is_synthetic, loaded_at, run_id, change_seq) "
        "values (?, 'visits', '2022-11-01', 0, 0, 0, 'empty', false, '2022-11-02', 'run', ?)",
        [load_id, change],
    )


def test_a_root_without_numbers_left_loads_nothing(tmp_path):
    installation = numbered(tmp_path, 1)
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    installation.run()
    with loading_connection(installation.settings.warehouse) as connection:
        connection.execute("update audit.load set load_id = ?", [2 * LOADS_OF_A_ROOT - 3])
        assert next_load(connection, 2) == 2 * LOADS_OF_A_ROOT - 2
        with pytest.raises(NoLoadNumberLeft, match="root 1 has no number left for 3 more loads"):
            next_load(connection, 3)
        assert last_load(connection) == 2 * LOADS_OF_A_ROOT - 3


def test_publications_of_earlier_versions_know_which_loads_they_have(tmp_path):
    warehouse = tmp_path / "warehouse.duckdb"
    with loading_connection(warehouse) as connection:
        ensure_tables(connection, CONTRACTS.values())
        connection.execute("alter table audit.publication add column newest_load_id bigint")
        for number, (change, newest) in enumerate([(2, 2), (6, 4)], 1):
            connection.execute(
                "insert into audit.publication values (?, 'run', '2022-11-02', ?, 'project', true, ?)",
                [number, change, newest],
            )
        for load, change in enumerate([6, 2, 3, 6, 8], 1):
            add_load(connection, load, change)
        for _ in range(2):
            ensure_tables(connection, CONTRACTS.values())
            found = connection.execute("select first_change_seq from audit.load order by load_id").fetchall()
            assert found == [(2,), (2,), (6,), (6,), (8,)]
        assert connection.execute("select count(*) from audit.publication").fetchall() == [(2,)]
