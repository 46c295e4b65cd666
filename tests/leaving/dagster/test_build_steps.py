"""Facts, measures and papers are built one after the other; a failure leaves the steps before it as they are."""

import shutil
from collections.abc import Iterator

import dagster as dg
import pytest

from dagster_project.cli.jobs import RunResult, run_job
from dagster_project.definitions import definitions as load_definitions
from dagster_project.defs.automation import QUIET_CONSOLE
from dagster_project.settings import DBT_PROJECT, Settings
from dagster_project.transformation import project
from tests.leaving.dagster import tiny_landing

BROKEN = "marts/board_paper"
FINAL, FAULT = "select * from final", "select * from final where error('broken by the test') is null"


@pytest.fixture(scope="module")
def copied_project(settings, tmp_path_factory) -> Iterator[None]:
    """The dbt project in a folder of its own, with a paper that fails."""
    assert settings
    folder = tmp_path_factory.mktemp("project") / "dbt"
    shutil.copytree(DBT_PROJECT, folder)
    [model] = folder.rglob("board_paper.sql")
    text = model.read_text(encoding="utf-8")
    assert text.count(FINAL) == 1
    model.write_text(text.replace(FINAL, FAULT), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "DBT_PROJECT", folder)
        yield


@pytest.fixture(scope="module")
def outcome(settings: Settings, copied_project: None) -> RunResult:
    assert copied_project is None
    tiny_landing.write(settings.landing)
    return run_job(settings, "nightly")


@pytest.fixture(scope="module")
def definitions(outcome: RunResult) -> dg.Definitions:
    assert outcome
    return load_definitions()


@pytest.fixture(scope="module")
def step_of(definitions) -> dict[str, str]:
    """By asset, the step that makes it."""
    return {
        spec.key.to_user_string(): assets.node_def.name
        for assets in definitions.assets
        if isinstance(assets, dg.AssetsDefinition) and assets.node_def.name in ("facts", "measures", "papers")
        for spec in assets.specs
    }


def run(definitions: dg.Definitions, *keys: str) -> dg.ExecuteInProcessResult:
    """Run assets alone, as the UI does."""
    with dg.DagsterInstance.get() as instance:
        return (
            definitions.get_repository_def()
            .get_job("__ASSET_JOB")
            .execute_in_process(
                instance=instance,
                run_config=QUIET_CONSOLE,
                asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
                raise_on_error=False,
            )
        )


def test_a_paper_that_fails_is_the_only_failure_and_nothing_is_published(outcome, settings):
    [failure] = outcome.failures
    assert failure.startswith("papers: dbt: ")
    assert "broken by the test" in failure
    assert not (settings.published / "current").exists()


def test_facts_and_measures_are_made_and_checked_when_a_paper_fails(outcome, definitions, step_of):
    assert outcome
    with dg.DagsterInstance.get() as instance:
        made = {key for key in step_of if instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))}
        records = instance.get_records_for_run(
            instance.get_runs()[0].run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    checks = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in records]
    before = {key for key, step in step_of.items() if step != "papers"}
    assert {"marts/fct_call", "marts/kpi_calls_monthly", "staging/stg_crimes", "reference/offences"} <= before <= made
    assert BROKEN in set(step_of) - made
    graph = definitions.resolve_asset_graph()
    expected = {key for key in graph.asset_check_keys if key.asset_key.to_user_string() in before}
    passed = {check.asset_check_key for check in checks if check.passed}
    assert expected - passed == set()


def test_what_was_not_built_whole_is_not_published_by_hand(outcome, settings):
    assert outcome
    [failure] = run_job(settings, "publish").failures
    assert "the marts were not built and tested from all that is loaded" in failure


@pytest.mark.parametrize("job", ["publish", "publish_public", "publish_force"])
def test_a_closed_gate_is_a_failure_with_its_message_and_without_an_error_of_python(outcome, definitions, job):
    assert outcome
    force = {"ops": {"force_edition": {"config": {"force": "kent"}}}} if job == "publish_force" else {}
    with dg.DagsterInstance.get() as instance:
        result = (
            definitions.get_repository_def()
            .get_job(job)
            .execute_in_process(instance=instance, run_config=QUIET_CONSOLE | force, raise_on_error=False)
        )
    [failure] = result.filter_events(lambda event: event.is_step_failure)
    said = failure.step_failure_data.user_failure_data
    assert said is not None
    assert "the marts were not built and tested from all that is loaded" in said.description
    assert failure.step_failure_data.error.cause is None


def test_a_table_can_be_made_alone_from_the_ui(definitions):
    result = run(definitions, "marts/kpi_calls_monthly")
    assert result.success
    assert [event.asset_key.to_user_string() for event in result.get_asset_materialization_events()] == [
        "marts/kpi_calls_monthly"
    ]
    checks = {(check.asset_key.path[-1], check.passed) for check in result.get_asset_check_evaluations()}
    assert checks == {("kpi_calls_monthly", True)}


def test_a_step_waits_for_those_before_it_when_the_project_has_changed(definitions, step_of, settings):
    [model] = project.DBT_PROJECT.rglob("board_paper.sql")
    model.write_text(model.read_text(encoding="utf-8").replace(FAULT, FINAL), encoding="utf-8")
    papers = [key for key, step in step_of.items() if step == "papers"]
    [failure] = run(definitions, *papers).filter_events(lambda event: event.is_step_failure)
    cause = "papers: files in dbt/ have changed since the build of facts began. Nothing was built."
    assert cause in failure.step_failure_data.error.cause.message
    assert run_job(settings, "nightly").failures == ()
    assert (settings.published / "current").exists()


def test_a_step_that_failed_can_be_run_again_alone_and_published(definitions, step_of, settings):
    with dg.DagsterInstance.get() as instance:
        result = run(definitions, *(key for key, step in step_of.items() if step == "facts"))
        assert result.success
        assert instance
    for name in ("measures", "papers"):
        assert run(definitions, *(key for key, step in step_of.items() if step == name)).success
    assert run_job(settings, "publish").failures == ()


def test_a_project_that_changed_after_the_build_is_named_as_the_cause(definitions, settings):
    assert definitions
    [model] = project.DBT_PROJECT.rglob("board_paper.sql")
    text = model.read_text(encoding="utf-8")
    model.write_text(f"{text}\n", encoding="utf-8")
    [failure] = run_job(settings, "publish").failures
    model.write_text(text, encoding="utf-8")
    assert "files in dbt/ have changed since the marts were built and tested. Nothing was published" in failure
