"""The jobs that compact and drop a lake touch that of their data root alone."""

import dagster as dg
import pytest

from dagster_project.cli.data_root import warn_of_lake
from dagster_project.defs.lake import compact_lake, drop_lake
from dagster_project.defs.resources import Warehouse
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import connect, has_lake
from tests.leaving.unit.lake_helpers import FakeSpark, set_up, start_fake_spark

FORGET = {"ops": {"drop_tables": {"config": {"is_gone": True}}}}


@pytest.fixture
def spark(monkeypatch, settings: Settings) -> FakeSpark:
    """A lake of the data root, with tables of this project and of others."""
    spark = start_fake_spark(monkeypatch)
    set_up(settings)
    with connect(settings) as lake, loading_connection(settings.warehouse) as connection:
        connection.execute("delete from audit.lake_owner")
        lake.claim(connection, ["marts"])
        lake.append(connection)
        lake.mirror(connection, ["build", "load"])
    spark.tables.execute("create view audit.pending_load as select * from audit.load")
    spark.tables.execute("create schema marts; create table marts.fct_call as select 1 as answered")
    spark.tables.execute("create schema other; create table other.orders as select 1 as number")
    return spark


def tables(spark: FakeSpark) -> set[str]:
    rows = spark.tables.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
    return {name for (name,) in rows}


def run(job: dg.JobDefinition, config: dict[str, object] | None = None) -> str:
    """Run a job; return the message of its failure, or nothing."""
    result = job.execute_in_process(config or {}, resources={"warehouse": Warehouse()}, raise_on_error=False)
    failures = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return " ".join(str(error.cause.message if error.cause else error.message) for error in failures)


def test_the_lake_of_the_data_root_is_compacted(spark):
    assert run(compact_lake) == ""
    assert any("marts.fct_call" in call for call in spark.calls)
    assert not any("other." in call for call in spark.calls)


@pytest.mark.parametrize("job", [compact_lake, drop_lake], ids=["compact", "drop"])
@pytest.mark.parametrize(
    "change", ["update audit.lake set owner = 'another'", "drop table audit.lake"], ids=["another", "none"]
)
def test_a_lake_that_is_not_that_of_the_data_root_is_left_as_it_is(spark, job, change):
    spark.tables.execute(change)
    before = tables(spark)
    assert "are not those of this data root" in run(job)
    assert (spark.calls, tables(spark)) == ([], before)


def test_a_dropped_lake_is_gone_and_the_data_root_has_none(spark, settings):
    assert has_lake(settings)
    assert run(drop_lake) == ""
    assert tables(spark) == {"other.orders"}
    assert not has_lake(settings)


def test_a_lake_whose_removal_was_killed_is_removed_by_the_next_attempt(spark, settings):
    spark.killed_at = "drop table if exists `marts`"
    assert run(drop_lake) != ""
    spark.killed_at = ""
    assert has_lake(settings)
    assert run(drop_lake) == ""
    assert tables(spark) == {"other.orders"}


def test_a_lake_that_is_gone_is_forgotten_without_spark(spark, settings):
    before = tables(spark)
    spark.killed_at = " "
    assert run(drop_lake, FORGET) == ""
    assert tables(spark) == before
    assert not has_lake(settings)


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("is_purged", [False, True])
def test_what_is_said_of_a_lake_after_an_erasure_can_be_done(settings, caplog, is_purged):
    with loading_connection(settings.warehouse) as connection:
        connection.execute("delete from audit.purge")
        if is_purged:
            connection.execute("insert into audit.purge values ('crimes', date '2020-01-01', timestamp '2026-11-29')")
    warn_of_lake(settings)
    assert "still has the old values" in caplog.text
    assert "Dagster job drop_lake" in caplog.text
    assert ("FCIR_TARGET=spark fcir run" in caplog.text) is not is_purged
