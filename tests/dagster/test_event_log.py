"""The event log behind kept connections holds what Dagster's own does, in the same files."""

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from dagster_project.event_log import KeptEventLogStorage
from dagster_project.operations import prepare_dagster_home
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


def test_an_event_log_that_dagster_made_goes_on(settings):
    folder = settings.dagster_home / "history" / "runs"
    folder.mkdir(parents=True)
    SqliteEventLogStorage(str(folder)).dispose()
    with dg.DagsterInstance.get() as instance:
        run = dg.materialize([counted], instance=instance, partition_key="a").run_id
        assert instance.all_logs(run)
    kept = KeptEventLogStorage(str(folder))
    assert kept.get_logs_for_run(run)
    kept.dispose()
