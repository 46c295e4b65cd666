"""The event log behind kept connections holds what Dagster's own does, in the same files, and is faster."""

import contextlib
import inspect

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Engine, event

from dagster_project.cli.jobs import prepare_dagster_home
from dagster_project.defs.event_log import KeptEventLogStorage, written_together
from dagster_project.settings import Settings

RUNS = 12


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def counted(context: dg.AssetExecutionContext) -> None:
    context.log_event(dg.AssetMaterialization("counted", metadata={"rows": 3}, partition="b"))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    settings = Settings(home=tmp_path)
    prepare_dagster_home(settings)
    return settings


def test_events_of_many_runs_are_where_dagster_looks_for_them(settings):
    with dg.DagsterInstance.get() as instance:
        runs = [dg.materialize([counted], instance=instance, partition_key="a").run_id for _ in range(RUNS)]
        counts = [len(instance.all_logs(run)) for run in runs]
        # More runs than files are kept open; the first one's is opened again.
        assert len(instance.all_logs(runs[0])) == counts[0] > 5
        assert instance.get_materialized_partitions(dg.AssetKey("counted")) == {"a", "b"}
    own = SqliteEventLogStorage(str(settings.dagster_home / "history" / "runs"))
    assert [len(own.get_logs_for_run(run)) for run in runs] == counts
    assert own.get_materialized_partitions(dg.AssetKey("counted")) == {"a", "b"}


def test_every_method_replaces_one_of_dagster_with_the_same_parameters():
    """A method that Dagster renames is not called any more: nothing breaks, but it is slow again."""
    for name in ("from_config_value", "store_event", "_connect"):
        own, theirs = (inspect.signature(getattr(one, name)) for one in (KeptEventLogStorage, SqliteEventLogStorage))
        assert list(own.parameters) == list(theirs.parameters), name
    assert list(inspect.signature(SqliteEventLogStorage.has_table).parameters) == ["self", "table_name"]
    # Called by the methods above.
    assert list(inspect.signature(SqliteEventLogStorage.prepare_insert_event).parameters) == ["self", "event"]
    assert list(inspect.signature(SqliteEventLogStorage.conn_string_for_shard).parameters) == ["self", "shard_name"]


@pytest.mark.usefixtures("settings")
def test_a_hundred_events_open_no_more_files_than_ten():
    @dg.op(config_schema=int)
    def log(context: dg.OpExecutionContext) -> None:
        for _ in range(context.op_config):
            context.log_event(dg.AssetMaterialization("logged"))

    def connections(events: int) -> int:
        opened = []

        def listen(connection, _) -> None:
            opened.append(connection.execute("pragma database_list").fetchall())

        logs, run_config = dg.GraphDefinition("logs", node_defs=[log]), {"ops": {"log": {"config": events}}}
        event.listen(Engine, "connect", listen)
        try:
            with dg.DagsterInstance.get() as instance:
                assert logs.execute_in_process(instance=instance, run_config=run_config)
        finally:
            event.remove(Engine, "connect", listen)
        return sum("history/runs" in file for rows in opened for _, _, file in rows)

    connections(1)
    assert connections(100) == connections(10)


@pytest.mark.parametrize("together", [written_together, lambda _: contextlib.nullcontext()], ids=["together", "singly"])
def test_marks_that_are_written_together_say_what_single_ones_do(settings, together):
    @dg.asset
    def marked(context: dg.AssetExecutionContext) -> None:
        with together(context.instance):
            for day in ("a", "b", "c"):
                context.log_event(dg.AssetMaterialization("marked", metadata={"of": day}, partition=day))

    with dg.DagsterInstance.get() as instance:
        run = dg.materialize([marked], instance=instance).run_id
        marks = instance.fetch_materializations(marked.key, limit=9, ascending=True).records
        asset = instance.get_asset_records([marked.key])[0].asset_entry
    assert [mark.partition_key for mark in marks] == ["a", "b", "c", None]
    assert [mark.asset_materialization.metadata["of"].value for mark in marks[:3]] == ["a", "b", "c"]
    assert asset.last_materialization_storage_id == marks[-1].storage_id
    own = SqliteEventLogStorage(str(settings.dagster_home / "history" / "runs"))
    of_run = [entry.dagster_event_type for entry in own.get_logs_for_run(run)]
    assert of_run.count(dg.DagsterEventType.ASSET_MATERIALIZATION) == 4
    assert own.get_materialized_partitions(marked.key) == {"a", "b", "c"}


@pytest.mark.usefixtures("settings")
def test_marks_are_kept_when_what_comes_after_them_fails():
    @dg.asset
    def days(context: dg.AssetExecutionContext) -> None:
        with written_together(context.instance):
            context.log_event(dg.AssetMaterialization("days", partition="a"))
            raise dg.Failure("broken")

    with dg.DagsterInstance.get() as instance:
        assert not dg.materialize([days], instance=instance, raise_on_error=False).success
        assert instance.get_materialized_partitions(dg.AssetKey("days")) == {"a"}


def test_an_event_log_that_dagster_made_goes_on(settings):
    folder = settings.dagster_home / "history" / "runs"
    folder.mkdir(parents=True)
    SqliteEventLogStorage(str(folder)).dispose()
    with dg.DagsterInstance.get() as instance:
        run = dg.materialize([counted], instance=instance, partition_key="a").run_id
        assert instance.all_logs(run)
    kept = KeptEventLogStorage(str(folder))
    assert kept.get_logs_for_run(run)
