"""Which build in a lake extends the one before it, whatever happened in between."""

import shutil

import pytest

from dagster_project.settings import Settings, Target
from dagster_project.transformation.build import (
    FACTS,
    MEASURES,
    STEPS,
    BuildOrderError,
    build_step,
    last_build,
    stale_because,
)
from dagster_project.transformation.engine import Spark
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


def kill() -> None:
    raise Killed


def killed_while_dbt_builds(project, settings, step=FACTS):
    """Start a step that is killed while dbt changes tables."""
    project.while_dbt_builds = kill
    with pytest.raises(Killed):
        project.build(settings, step)
    project.while_dbt_builds = lambda: None


MARKER = "create or replace table `audit`.`lake`"
BUILDS = "create or replace table `audit`.`build`"


@pytest.mark.parametrize("killed_at", ["create schema if not exists raw", MARKER, BUILDS])
@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_build_that_is_killed_before_dbt_begins_is_continued(project, on_spark, spark, killed_at, step):
    for before in STEPS[: STEPS.index(step)]:
        project.build(on_spark, before)
    spark.killed_at = killed_at
    with pytest.raises(Killed):
        project.build(on_spark, step)
    spark.killed_at = ""
    assert not project.build_all(on_spark)


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_build_that_is_killed_while_dbt_builds_is_continued(project, on_spark, step):
    for before in STEPS[: STEPS.index(step)]:
        project.build(on_spark, before)
    for _ in range(2):
        killed_while_dbt_builds(project, on_spark, step)
    assert not project.build(on_spark, step).is_full_refresh
    assert not project.build_all(on_spark)


def test_a_build_that_is_killed_after_it_was_recorded_is_complete(project, on_spark, spark):
    for step in STEPS[:-1]:
        project.build(on_spark, step)

    def kill_next() -> None:
        spark.killed_at = BUILDS

    project.while_dbt_builds = kill_next
    with pytest.raises(Killed):
        project.build(on_spark, STEPS[-1])
    project.while_dbt_builds, spark.killed_at = (lambda: None), ""
    with loading_connection(on_spark.warehouse) as connection:
        assert Spark(on_spark).has_build(connection, last_build(connection))


def test_a_build_from_scratch_that_is_killed_is_one_from_scratch_again(project, on_spark):
    with loading_connection(on_spark.warehouse) as connection:
        connection.execute("delete from audit.build_started")
    killed_while_dbt_builds(project, on_spark)
    assert project.build_all(on_spark)


@pytest.mark.parametrize("killed", [0, 1])
def test_the_lake_is_built_from_scratch_after_a_kill_and_the_restoration_of_an_earlier_warehouse(
    project, on_spark, tmp_path, killed
):
    for _ in range(killed):
        killed_while_dbt_builds(project, on_spark)
    copy = shutil.copy2(on_spark.warehouse, tmp_path / "copy.duckdb")
    killed_while_dbt_builds(project, on_spark)
    shutil.copy2(copy, on_spark.warehouse)
    assert project.build_all(on_spark)


def test_the_lake_is_built_from_scratch_after_it_was_restored(project, on_spark, spark):
    spark.tables.execute("create table copy as from audit.lake")
    project.build_all(on_spark)
    spark.tables.execute("delete from audit.lake; insert into audit.lake from copy")
    assert project.build_all(on_spark)


def test_a_later_step_is_refused_if_values_were_replaced_after_the_one_before_it(project, on_spark):
    project.build(on_spark, FACTS)
    with loading_connection(on_spark.warehouse) as connection:
        connection.execute("delete from audit.lake")
    with pytest.raises(LakeError, match=r"Nothing was built.*Materialize facts first, or run: fcir run"):
        project.build(on_spark, MEASURES)
    assert project.build_all(on_spark)


def test_a_single_table_is_not_built_in_a_lake_without_the_facts_that_duckdb_built(project, on_spark, on_duckdb):
    project.build_all(on_duckdb)
    with pytest.raises(BuildOrderError, match="measures: facts were last built with another engine"):
        build_step(on_spark, MEASURES, run_id="run", parsed=project, only=["test.fcir.measures"])


def foreign_lake(connection, spark):  # noqa: ARG001 - as the others
    spark.tables.execute("update audit.lake set owner = 'another'")


def purged_rows(connection, spark):  # noqa: ARG001 - as the others
    connection.execute("insert into audit.purge values ('crimes', date '2020-01-01', timestamp '2026-11-29')")


def another_time_zone(connection, spark):  # noqa: ARG001 - as the others
    spark.settings["spark.sql.session.timeZone"] = "Europe/London"


def a_server_that_obeys_dbt(connection, spark):  # noqa: ARG001 - as the others
    spark.obeys_sessions = True


@pytest.mark.parametrize("cause", [foreign_lake, purged_rows, another_time_zone, a_server_that_obeys_dbt])
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


def test_a_server_that_obeys_what_dbt_asks_for_is_said_to_be_unusable(on_spark, spark):
    spark.obeys_sessions = True
    with (
        connect(on_spark) as lake,
        pytest.raises(LakeError, match=r"spark\.sql\.ansi\.enabled of Spark is false; expected true.*cannot be used"),
    ):
        lake.require_exact()


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        ("raw.crimes", r"run in Spark: drop table raw\.crimes purge; then run: fcir run\. Otherwise use a catalog"),
        ("raw.orders", r"stays\. Use a catalog"),
        ("marts.orders", r"stays\. Use a catalog"),
    ],
)
def test_what_a_killed_first_run_left_can_be_dropped(on_spark, spark, found, remedy):
    spark.tables.execute(f"create schema {found.partition('.')[0]}; create table {found} as select 1 as load_id")
    with (
        connect(on_spark) as lake,
        loading_connection(on_spark.warehouse) as connection,
        pytest.raises(LakeError, match=rf"has tables of another project.*{remedy}"),
    ):
        lake.require_own(connection, ["marts"])
