"""Which build in a lake extends the one before it, whatever happened in between."""

import pytest

from dagster_project.settings import Settings, Target
from dagster_project.transformation.build import FACTS, stale_because
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import LakeError, connect, has_lake
from tests.unit.lake_helpers import Killed, Project, set_up, start_fake_spark


@pytest.fixture
def on_spark(tmp_path):
    settings = Settings(home=tmp_path, target=Target.SPARK, _env_file=None)
    set_up(settings)
    return settings


@pytest.fixture
def on_duckdb(on_spark):
    return on_spark.model_copy(update={"target": Target.DUCKDB})


@pytest.fixture
def spark(monkeypatch):
    return start_fake_spark(monkeypatch)


@pytest.fixture
def project(monkeypatch, on_spark, spark):
    """A project that was built in the lake."""
    project = Project(monkeypatch)
    assert spark
    assert project.build_all(on_spark)
    return project


def test_a_build_extends_the_last_one(project, on_spark):
    assert not project.build_all(on_spark)


def test_the_lake_is_built_from_scratch_after_duckdb_has_built_from_scratch_without_a_new_change(
    project, on_spark, on_duckdb
):
    with loading_connection(on_spark.warehouse) as connection:
        # What a changed contract and a hub whose member was restored do.
        connection.execute("delete from audit.build_started")
    assert project.build_all(on_duckdb)
    assert project.build_all(on_spark)


def foreign_lake(connection, spark):  # noqa: ARG001 - as the others
    spark.tables.execute("update audit.lake set owner = 'another'")


def purged_rows(connection, spark):  # noqa: ARG001 - as the others
    connection.execute("insert into audit.purge values ('crimes', date '2020-01-01', timestamp '2026-11-29')")


def another_time_zone(connection, spark):  # noqa: ARG001 - as the others
    spark.settings["spark.sql.session.timeZone"] = "Europe/London"


@pytest.mark.parametrize("cause", [foreign_lake, purged_rows, another_time_zone])
def test_a_refused_build_leaves_the_tables_of_the_last_one_and_its_record(project, on_spark, on_duckdb, spark, cause):
    assert project.build_all(on_duckdb) is False
    with loading_connection(on_spark.warehouse) as connection:
        # The next build on Spark is one from scratch.
        connection.execute("delete from audit.lake")
        cause(connection, spark)
        steps = connection.execute("from audit.build_step order by all").fetchall()
    marts, modified = on_spark.marts.read_bytes(), on_spark.marts.stat().st_mtime_ns
    with pytest.raises(LakeError, match="Nothing was built"):
        project.build(on_spark, FACTS)
    assert (on_spark.marts.read_bytes(), on_spark.marts.stat().st_mtime_ns) == (marts, modified)
    with loading_connection(on_spark.warehouse) as connection:
        assert connection.execute("from audit.build_step order by all").fetchall() == steps
        assert stale_because(connection) is None


def test_a_build_from_scratch_that_spark_ends_before_dbt_begins_leaves_the_marts(project, on_spark, spark):
    with loading_connection(on_spark.warehouse) as connection:
        connection.execute("delete from audit.build_started")
    spark.killed_at = "select load_id, count(*)"
    with pytest.raises(Killed):
        project.build(on_spark, FACTS)
    with loading_connection(on_spark.warehouse) as connection:
        assert connection.execute("select count(*) from marts.fct_call").fetchall() == [(0,)]


def test_a_refused_data_root_does_not_count_as_one_with_a_lake(on_spark, on_duckdb, spark):
    spark.tables.execute(
        "create schema audit; create table audit.lake as select 'another' as owner, '' as rows_id, '' as build_id"
    )
    with (
        connect(on_spark) as lake,
        loading_connection(on_spark.warehouse) as connection,
        pytest.raises(LakeError, match="belongs to another data root"),
    ):
        lake.claim(connection, ["marts"])
    assert not has_lake(on_duckdb)
