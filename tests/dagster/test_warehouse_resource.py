"""What the warehouse has once a run has it, whatever the run does with it."""

import dagster as dg

from dagster_project.contracts import load_contracts
from dagster_project.defs.resources import Warehouse
from dagster_project.settings import CONTRACTS, read_settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables

SINCE_VERSION_0_2 = "select count(*) from duckdb_columns() where table_name = 'build_step' and column_name = 'engine'"


def test_a_run_that_loads_nothing_has_the_tables_of_this_version(tmp_path, monkeypatch):
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    settings = read_settings()
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        connection.execute("alter table audit.build_step drop column engine")
        connection.execute("drop table audit.lake")
    with dg.build_resources({"warehouse": Warehouse()}):
        pass
    with loading_connection(settings.warehouse) as connection:
        assert connection.execute(SINCE_VERSION_0_2).fetchall() == [(1,)]
        assert connection.execute("from audit.lake").fetchall() == []


def test_a_run_makes_no_warehouse_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    with dg.build_resources({"warehouse": Warehouse()}):
        pass
    assert not read_settings().warehouse.exists()
