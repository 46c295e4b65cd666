"""Runs over partitions as the UI starts them: the days that they load and show as loaded."""

from collections.abc import Callable
from functools import partial

import dagster as dg
import pytest

from dagster_project.cli.jobs import prepare_dagster_home
from dagster_project.defs.automation import QUIET_CONSOLE
from dagster_project.loading import landing, plan
from dagster_project.loading.landing import hold_back
from tests.roots import DataRoot
from tests.troubled import DAYS, MISSING, REJECTED, land_first_night

FIRST, SECOND, THIRD, LAST = (day.isoformat() for day in DAYS)
Result = tuple[dg.ExecuteInProcessResult, set[str]]


@pytest.fixture
def home(tmp_path, enter) -> DataRoot:
    """A data root with the deliveries of `troubled`; the definitions have their days as partitions."""
    root = DataRoot(tmp_path / "home")
    land_first_night(root)
    prepare_dagster_home(enter(root))
    return root


@pytest.fixture
def run(home, definitions) -> Callable[..., Result]:  # noqa: ARG001 - runs read it
    """Return a function that runs sources over a range or without one; it gives the result and the days shown."""

    job = definitions.get_repository_def().get_job("__ASSET_JOB")

    def run(*sources: str, first: str = "", last: str = "", **tags: str) -> Result:
        keys = [dg.AssetKey(["raw", source]) for source in sources]
        if first:
            tags |= {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        with dg.DagsterInstance.get() as instance:
            options = {"run_config": QUIET_CONSOLE, "asset_selection": keys, "tags": tags, "raise_on_error": False}
            result = job.execute_in_process(instance=instance, **options)
            return result, set(instance.get_materialized_partitions(keys[0]))

    return run


def loaded(home: DataRoot, source: str) -> set[str]:
    sql = f"select distinct extract_date from audit.load where source = '{source}' and status = 'loaded'"
    return {day.isoformat() for (day,) in home.warehouse(sql)}


def recorded(home: DataRoot) -> list[tuple[str, str, list[str]]]:
    """Outcome of each run in the record of actions, what started it, and its failed steps."""
    runs = [of for of in home.actions() if of["action"] == "run"]
    return [(of["outcome"], of["details"]["started_by"], of["details"].get("failed_steps", [])) for of in runs]


def test_a_range_loads_its_days_and_shows_those_that_were_loaded_before(home, run):
    result, shown = run("live_chats", first=SECOND, last=THIRD)
    assert result.success
    assert shown == loaded(home, "live_chats") == {SECOND, THIRD}
    result, shown = run("live_chats", first=SECOND, last=LAST)
    assert result.success
    assert shown == loaded(home, "live_chats") == {SECOND, THIRD, LAST}
    days = [event.materialization for event in result.get_asset_materialization_events() if event.partition]
    shown = [(day.partition, day.metadata["status"].value) for day in days if "status" in day.metadata]
    assert shown == [(SECOND, "unchanged"), (THIRD, "unchanged"), (LAST, "loaded")]
    assert {day.metadata["dagster/partition_row_count"].value for day in days if "status" in day.metadata} == {1}
    assert recorded(home) == [("done", "Dagster UI", [])] * 2


@pytest.mark.parametrize(
    ("source", "fault"),
    [("call_segments", REJECTED), ("live_chats", DAYS[1]), ("crimes", MISSING)],
    ids=["rejected", "still being written", "missing"],
)
def test_a_faulty_day_of_a_range_is_not_shown_as_loaded_and_fails_the_run(home, run, monkeypatch, source, fault):
    if source == "live_chats":
        written = home.home / "landing" / source / f"{source}_{fault}.csv"

        def write(_: float) -> None:
            written.write_bytes(written.read_bytes() + b"\n")

        monkeypatch.setenv("FCIR_QUIET_SECONDS", "300")
        monkeypatch.setattr(landing, "hold_back", partial(hold_back, sleep=write))
    result, shown = run(source, first=FIRST, last=LAST)
    assert not result.success
    assert shown == loaded(home, source) == {day.isoformat() for day in DAYS if day != fault}
    [failure] = result.filter_events(lambda event: event.is_step_failure)
    message = f"{source}: no accepted delivery for {fault}. The other days of the range are loaded"
    assert failure.step_failure_data.user_failure_data.description.startswith(message)
    assert recorded(home) == [("failed", "Dagster UI", [f"load_{source}"])]


def test_a_rejected_correction_fails_the_run_and_leaves_the_day_loaded(home, run):
    run("live_chats", first=FIRST, last=FIRST)
    home.land(f"live_chats_{FIRST}.csv", "chat_id", "L1")
    result, shown = run("live_chats", first=FIRST, last=FIRST)
    assert not result.success
    assert shown == loaded(home, "live_chats") == {FIRST}


def test_a_run_without_a_range_loads_every_source_of_one_plan_and_an_irregular_one_has_no_days(home, run, monkeypatch):
    plans = []
    original = plan.plan_deliveries
    monkeypatch.setattr(plan, "plan_deliveries", lambda *a, **b: plans.append(a) or original(*a, **b))
    schedule, sensor = {"dagster/schedule_name": "nightly_0415"}, {"dagster/sensor_name": "new_deliveries"}
    result, shown = run("published_figures", "live_chats", **schedule)
    assert (result.success, shown, len(plans)) == (True, set(), 1)
    assert loaded(home, "published_figures") == {LAST}
    assert loaded(home, "live_chats") == {FIRST, SECOND, THIRD, LAST}
    run("published_figures", **sensor)
    assert recorded(home) == [("done", "schedule nightly_0415", []), ("done", "sensor new_deliveries", [])]


def test_a_run_with_nothing_new_or_nothing_readable_leaves_the_last_result_of_every_expectation(run):
    def checks(day: str) -> dict[str, dg.AssetCheckEvaluation]:
        result, _ = run("call_segments", first=day, last=day)
        return {check.check_name: check for check in result.get_asset_check_evaluations()}

    first, again, unreadable = checks(SECOND), checks(SECOND), checks(THIRD)
    waited = first["queue_time_is_below_two_hours"]
    assert (waited.passed, waited.metadata["failed_extract_dates"].value) == (False, SECOND)
    assert set(again) == set(unreadable) == {"files_can_be_read"}
    assert (again["files_can_be_read"].passed, unreadable["files_can_be_read"].passed) == (True, False)
