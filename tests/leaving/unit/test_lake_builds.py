"""Which build in a lake extends the one before it, whatever happened in between."""

import shutil

import pytest

from dagster_project.settings import Settings, Target
from dagster_project.transformation.build import (
    FACTS,
    MEASURES,
    PAPERS,
    STEPS,
    BuildOrderError,
    build_step,
    last_build,
    stale_because,
)
from dagster_project.transformation.engine import Spark
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import connect, has_lake
from dagster_project.warehouse.spark import LakeError
from tests.leaving.unit.lake_helpers import Killed, Project, set_up, start_fake_spark


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
        # What a changed contract does.
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


def test_a_lake_whose_marker_was_dropped_is_taken_over(project, on_spark, spark):
    spark.tables.execute("drop table audit.lake")
    assert project.build_all(on_spark)


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


def accept_a_row(settings):
    """Accept a load of one crime."""
    with loading_connection(settings.warehouse) as connection:
        connection.execute(
            """
            insert into audit.load by name
            select
                7 as load_id, 'crimes' as source, date '2026-11-29' as extract_date, 'loaded' as status,
                1 as rows_read, 1 as rows_loaded, 0 as rows_quarantined, false as is_synthetic, 'run' as run_id,
                timestamp '2026-11-29 04:00' as loaded_at, 1 as change_seq
            """
        )
        connection.execute("insert into raw.crimes by name select 7 as load_id, 1 as source_row")


def crimes_of(spark):
    return spark.tables.execute("select load_id from raw.crimes").fetchall()


def test_one_of_two_data_roots_that_claim_an_empty_lake_at_the_same_time_is_refused(
    on_spark, on_duckdb, spark, tmp_path
):
    other = on_spark.model_copy(update={"home": tmp_path / "other"})
    set_up(other)
    accept_a_row(other)

    def claim_for_the_other() -> None:
        with connect(other) as lake, loading_connection(other.warehouse) as connection:
            lake.claim(connection, ["marts"])
            lake.append(connection)

    spark.before["table `audit`.`lake`"] = claim_for_the_other
    with (
        connect(on_spark) as lake,
        loading_connection(on_spark.warehouse) as connection,
        pytest.raises(LakeError, match=r"belongs to another data root\. Nothing was built"),
    ):
        lake.claim(connection, ["marts"])
    assert crimes_of(spark) == [(7,)]
    assert not has_lake(on_duckdb)
    with connect(other) as lake, loading_connection(other.warehouse) as connection:
        lake.require_own(connection, ["marts"])


def test_what_spark_says_of_a_marker_that_it_cannot_create_is_repeated(on_spark, spark):
    from pyhive.exc import OperationalError  # here: without the Spark client, the test is skipped

    def refuse() -> None:
        raise OperationalError("no permission")

    spark.before["table `audit`.`lake`"] = refuse
    with (
        connect(on_spark) as lake,
        loading_connection(on_spark.warehouse) as connection,
        pytest.raises(LakeError, match=r"Spark refused a statement: no permission"),
    ):
        lake.claim(connection, [])


@pytest.mark.parametrize("change", ["update audit.lake set owner = 'another'", "drop table audit.lake"])
@pytest.mark.usefixtures("project")
def test_a_lake_that_another_data_root_took_over_is_not_marked(on_spark, spark, change):
    spark.tables.execute(change)
    spark.killed_at = MARKER
    with (
        connect(on_spark) as lake,
        loading_connection(on_spark.warehouse) as connection,
        pytest.raises(LakeError, match="belongs to another data root"),
    ):
        lake.begin_build(connection)


def doubled_rows(spark):
    spark.tables.execute("insert into raw.crimes from raw.crimes")


def lost_rows(spark):
    spark.tables.execute("delete from raw.crimes")


def older_loads(spark):
    spark.tables.execute("delete from audit.load")


def build_of_a_copy(spark):
    spark.tables.execute("update audit.lake set build_id = 'of a copy'")


@pytest.mark.parametrize(
    ("change", "step"),
    [(doubled_rows, FACTS), (lost_rows, FACTS), (older_loads, FACTS), (build_of_a_copy, FACTS), (doubled_rows, PAPERS)],
)
def test_a_step_is_not_recorded_if_the_lake_changed_while_dbt_built(project, on_spark, spark, step, change):
    accept_a_row(on_spark)
    for before in STEPS[: STEPS.index(step)]:
        project.build(on_spark, before)
    project.while_dbt_builds = lambda: change(spark)
    with pytest.raises(LakeError, match=r"of the lake changed while dbt built.*not recorded as built.*fcir run"):
        project.build(on_spark, step)
    project.while_dbt_builds = lambda: None
    for later in STEPS[1:]:
        with pytest.raises((LakeError, BuildOrderError)):
            project.build(on_spark, later)
    # Facts may have rows that no pending load names.
    assert project.build_all(on_spark)
    assert crimes_of(spark) == [(7,)]
    assert not project.build_all(on_spark)


def test_an_append_of_a_killed_run_that_spark_commits_late_does_not_count(project, on_spark, spark):
    accept_a_row(on_spark)
    spark.killed_at = "insert into `raw`.`crimes`"
    with pytest.raises(Killed):
        project.build(on_spark, FACTS)
    spark.killed_at = ""
    project.while_dbt_builds = lambda: spark.tables.execute("insert into raw.crimes by name select 7 as load_id")
    with pytest.raises(
        LakeError, match=r"raw\.crimes or audit\.load of the lake changed while dbt built.*killed run late"
    ):
        project.build(on_spark, FACTS)
    project.while_dbt_builds = lambda: None
    assert project.build_all(on_spark)
    assert crimes_of(spark) == [(7,)]


def test_an_append_that_spark_commits_between_two_steps_is_undone_without_an_error(project, on_spark, spark):
    accept_a_row(on_spark)
    project.build(on_spark, FACTS)
    doubled_rows(spark)
    for step in STEPS[1:]:
        assert not project.build(on_spark, step).is_full_refresh
    assert crimes_of(spark) == [(7,)]


# What a replacement of values does, and what a changed contract does.
@pytest.mark.parametrize("unknown", ["audit.lake", "audit.build_started"])
def test_facts_do_not_count_as_built_after_one_was_built_alone_when_all_were_to_be_built(project, on_spark, unknown):
    project.build(on_spark, FACTS)
    with loading_connection(on_spark.warehouse) as connection:
        connection.execute(f"delete from {unknown}")
    build_step(on_spark, FACTS, run_id="run", parsed=project, only=["test.fcir.facts"])
    with pytest.raises(BuildOrderError, match="facts are not built and tested from all that is loaded"):
        project.build(on_spark, MEASURES)
    assert project.build_all(on_spark)


def test_facts_count_as_built_after_one_of_them_was_built_alone(project, on_spark):
    project.build(on_spark, FACTS)
    build_step(on_spark, FACTS, run_id="run", parsed=project, only=["test.fcir.facts"])
    assert not project.build(on_spark, MEASURES).is_full_refresh
