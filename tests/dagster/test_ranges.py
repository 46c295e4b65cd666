"""Runs over partitions as the UI starts them: the days that they load and show as loaded."""

import shutil
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest

from dagster_project.cli.jobs import prepare_dagster_home
from dagster_project.definitions import definitions
from dagster_project.defs.automation import QUIET_CONSOLE
from dagster_project.defs.resources import Deliveries
from dagster_project.loading import landing
from dagster_project.loading.landing import hold_back
from dagster_project.settings import Settings, read_settings
from tests.dagster import tiny_landing
from tests.dagster.tiny_landing import DAYS, MISSING, REJECTED

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture(scope="module")
def repository(settings):
    """The code location over the tiny landing folder: its first day is the first partition."""
    tiny_landing.write(settings.landing)
    return definitions().get_repository_def()


@pytest.fixture
def home(tmp_path, monkeypatch, repository):
    """A home of the test's own with the tiny landing in it; the definitions are the module's."""
    assert repository
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    prepare_dagster_home(read_settings())
    tiny_landing.write(tmp_path / "landing")
    return tmp_path


def run(repository, source, first=None, last=None) -> tuple[dg.ExecuteInProcessResult, set[str]]:
    """Run one source over a range, or without one; return the result and the days that show as loaded."""
    key = dg.AssetKey(["raw", source])
    with dg.DagsterInstance.get() as instance:
        result = repository.get_job("__ASSET_JOB").execute_in_process(
            instance=instance,
            run_config=QUIET_CONSOLE,
            asset_selection=[key],
            raise_on_error=False,
            tags={RANGE_START: first.isoformat(), RANGE_END: last.isoformat()} if first and last else {},
        )
        return result, set(instance.get_materialized_partitions(key))


def loaded(home, source: str) -> set[str]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select distinct extract_date from audit.load where source = ? and status = 'loaded'", [source]
        ).fetchall()
    return {day.isoformat() for (day,) in rows}


def failure(result: dg.ExecuteInProcessResult) -> str:
    [event] = result.filter_events(lambda event: event.is_step_failure)
    return event.step_failure_data.user_failure_data.description or ""


def test_a_range_loads_its_days_and_no_others(home, repository):
    result, shown = run(repository, "live_chats", DAYS[1], DAYS[2])
    assert result.success
    assert shown == loaded(home, "live_chats") == {DAYS[1].isoformat(), DAYS[2].isoformat()}


@pytest.mark.parametrize(
    ("source", "fault"),
    [("call_segments", REJECTED), ("live_chats", DAYS[1]), ("crimes", MISSING)],
    ids=["rejected", "still being written", "missing"],
)
def test_a_faulty_day_of_a_range_is_not_shown_as_loaded_and_fails_the_run(home, repository, monkeypatch, source, fault):
    if source == "live_chats":
        written = home / "landing" / source / f"{source}_{fault}.csv"

        def write(_: float) -> None:
            written.write_bytes(written.read_bytes() + b"\n")

        monkeypatch.setenv("FCIR_QUIET_SECONDS", "300")
        monkeypatch.setattr(landing, "hold_back", partial(hold_back, sleep=write))
    result, shown = run(repository, source, DAYS[0], DAYS[3])
    assert not result.success
    assert shown == loaded(home, source) == {day.isoformat() for day in DAYS if day != fault}
    assert fault.isoformat() in failure(result)


def test_an_irregular_source_has_no_missing_days(home, repository):
    result, shown = run(repository, "published_figures")
    assert result.success
    assert shown == set()
    assert loaded(home, "published_figures") == {DAYS[3].isoformat()}


def test_the_partitions_begin_with_the_first_delivery(home, repository):
    assert home
    days = repository.asset_graph.get(dg.AssetKey(["raw", "crimes"])).partitions_def
    assert days.get_first_partition_key() == DAYS[0].isoformat()
    assert not days.has_partition_key((DAYS[0] - timedelta(days=1)).isoformat())
    assert days.has_partition_key(DAYS[3].isoformat())


def test_a_day_that_was_loaded_before_stays_shown(home, repository):
    run(repository, "live_chats", DAYS[0], DAYS[1])
    result, shown = run(repository, "live_chats", DAYS[0], DAYS[2])
    assert result.success
    assert shown == loaded(home, "live_chats") == {day.isoformat() for day in DAYS[:3]}


def test_a_rejected_correction_fails_the_run_and_leaves_the_day_loaded(home, repository):
    run(repository, "live_chats", DAYS[0], DAYS[0])
    file = home / "landing" / "live_chats" / f"live_chats_{DAYS[0]}.csv"
    file.write_text("chat_id\nL1\n", encoding="utf-8")
    result, shown = run(repository, "live_chats", DAYS[0], DAYS[0])
    assert not result.success
    assert shown == loaded(home, "live_chats") == {DAYS[0].isoformat()}


def test_each_day_shows_its_own_row_count(home, repository):
    assert home
    run(repository, "live_chats", DAYS[0], DAYS[2])
    with dg.DagsterInstance.get() as instance:
        for day in DAYS[:3]:
            records = instance.fetch_materializations(
                dg.AssetRecordsFilter(dg.AssetKey(["raw", "live_chats"]), asset_partitions=[day.isoformat()]), limit=1
            ).records
            metadata = records[0].asset_materialization.metadata
            assert metadata["dagster/partition_row_count"].value == 1


def test_a_run_with_nothing_new_shows_the_last_result_of_every_check(home, repository):
    first, _ = run(repository, "call_segments", DAYS[1], DAYS[1])
    assert home
    again, _ = run(repository, "call_segments", DAYS[1], DAYS[1])
    before, after = ({check.check_name: check for check in one.get_asset_check_evaluations()} for one in (first, again))
    assert {name: check.passed for name, check in before.items()} == {n: check.passed for n, check in after.items()}
    assert not after["queue_time_is_below_two_hours"].passed
    assert after["queue_time_is_below_two_hours"].metadata["failed_extract_dates"].value == DAYS[1].isoformat()
    assert "validated_at" in after["queue_time_is_below_two_hours"].metadata


def test_a_delivery_that_cannot_be_read_does_not_hide_the_last_result_of_a_check(home, repository):
    assert home
    run(repository, "call_segments", DAYS[1], DAYS[1])
    result, _ = run(repository, "call_segments", REJECTED, REJECTED)
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["files_can_be_read"].passed
    assert not checks["queue_time_is_below_two_hours"].passed


def test_a_run_of_the_schedule_or_the_ui_needs_space_too(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99_000_000))
    settings = Settings(home=tmp_path, _env_file=None)
    settings.landing.mkdir()
    context = SimpleNamespace(has_partition_key=False, has_partition_key_range=False)
    warehouse = SimpleNamespace(settings=settings, contracts={})
    with pytest.raises(
        dg.Failure, match=r"has 99 MB free, but fcir run needs about 100 MB .*Free some space"
    ) as failed:
        Deliveries().plan(context, warehouse)
    assert not failed.value.allow_retries
