"""The job that compacts the lake is there on Spark alone, and leaves every row."""

import dagster as dg
import pytest

from dagster_project.definitions import definitions as load_definitions
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import connect
from dagster_project.warehouse.tables import ensure_tables

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def definitions(spark):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FCIR_HOME", str(spark.home))
        patch.setenv("FCIR_SPARK_PORT", str(spark.spark_port))
        patch.setenv("FCIR_TARGET", "duckdb")
        on_duckdb = load_definitions()
        patch.setenv("FCIR_TARGET", "spark")
        yield load_definitions(), on_duckdb


def test_the_lake_is_compacted_every_sunday_where_there_is_one(definitions):
    on_spark, on_duckdb = (found.get_repository_def() for found in definitions)
    schedule = on_spark.get_schedule_def("compact_lake_sunday")
    assert (schedule.job_name, schedule.cron_schedule) == ("compact_lake", "0 12 * * 0")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert on_spark.has_job("drop_lake")
    assert not on_duckdb.has_job("compact_lake")


def test_assets_name_the_engine_that_builds_them(definitions):
    for found, engine in zip(definitions, ("spark", "duckdb"), strict=True):
        [spec] = [spec for spec in found.resolve_all_asset_specs() if spec.key.path == ["marts", "fct_call"]]
        assert spec.kinds == {"dbt", engine}


def test_a_table_that_is_compacted_has_one_file_and_all_rows(definitions, spark):
    with loading_connection(spark.warehouse) as connection:
        ensure_tables(connection, [])
        connection.execute("delete from audit.lake_owner; insert into audit.lake_owner values ('upkeep')")
    with connect(spark) as lake:
        # Other tests of this Spark have other data roots.
        lake.execute("create schema if not exists audit")
        marker = "select 'upkeep' as owner, '' as rows_id, '' as build_id"
        lake.execute(f"create or replace table audit.lake using iceberg as {marker}")
        lake.execute("create schema if not exists raw")
        lake.execute("create schema if not exists other")
        lake.execute("create or replace table other.small using iceberg as select 0 as number")
        lake.execute("insert into other.small select 1")
        lake.execute("create or replace table raw.small using iceberg as select 0 as number")
        for number in range(1, 6):
            lake.execute(f"insert into raw.small select {number}")
        files = "select count(*) from raw.small.files"
        assert lake.rows(files) == [(6,)]
    job = definitions[0].resolve_job_def("compact_lake")
    assert job.execute_in_process().success
    with connect(spark) as lake:
        assert lake.rows(files) == [(1,)]
        assert lake.rows("select count(*), sum(number) from raw.small") == [(6, 15)]
        # A statement of today may still be read; a week is kept.
        assert lake.rows("select count(*) > 6 from raw.small.snapshots") == [(True,)]
        assert lake.rows("select count(*) from other.small.files") == [(2,)], "a table of another project"
        for table in ("raw.small", "other.small"):
            lake.execute(f"drop table {table} purge")
