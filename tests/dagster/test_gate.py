"""A faulty model or a failed data test stops the publication; what was built before it stays."""

from collections.abc import Callable

import dagster as dg
import pytest

from dagster_project.defs.automation import QUIET_CONSOLE
from dagster_project.transformation.dbt import Dbt
from tests.compiled_engine import CompiledDbt
from tests.compiled_project import CompiledProject
from tests.roots import CALLS, DataRoot, call

FAULT = "select 'two rows have one key' as fault, 2 as faulty_rows, 'call_id = 1' as rows_where"
FAULTS = "2 rows: two rows have one key"
KEY = dg.AssetKey(["marts", "fct_call"])
CALLS_OF_NOVEMBER = "select sum(received) from marts.kpi_calls_daily where date_day = '2022-11-01'"


@pytest.fixture
def published(three_days: DataRoot, tmp_path) -> DataRoot:
    """A published root with a late file in its landing folder: a call on a day that had none."""
    root = three_days.copy(tmp_path / "home")
    root.land("call_segments_2022-11-01_late.csv", CALLS, call(40, "2022-11-01"))
    return root


@pytest.fixture
def faulty(monkeypatch) -> Callable[..., None]:
    """Return a function that gives a node other SQL than that of the project, and of a test the severity."""

    def replace(name: str, sql: str, severity: str = "error") -> None:
        nodes = CompiledDbt.project.manifest["nodes"]
        [(unique_id, entry)] = [item for item in nodes.items() if item[1]["name"] == name]
        changed = entry | {"compiled_code": sql, "config": entry["config"] | {"severity": severity}}
        monkeypatch.setattr(CompiledDbt, "project", CompiledProject({"nodes": nodes | {unique_id: changed}}))

    return replace


@pytest.fixture
def shown(enter, published) -> Callable[[], tuple[list[dg.AssetCheckEvaluation], set[str]]]:
    """Return a function that gives what Dagster shows of the newest run: failed checks, and assets that were made."""

    def shown() -> tuple[list[dg.AssetCheckEvaluation], set[str]]:
        enter(published)
        with dg.DagsterInstance.get() as instance:
            [run] = instance.get_runs(limit=1)
            events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
        of_type = dg.DagsterEventType.ASSET_CHECK_EVALUATION
        checks = [event.asset_check_evaluation_data for event in events if event.event_type is of_type]
        made = {event.asset_key.to_user_string() for event in events if event.is_step_materialization}
        return [check for check in checks if not check.passed and check.asset_key.path[0] != "raw"], made

    return shown


def test_a_failed_data_test_stops_all_that_reads_its_table_and_the_publication_and_leaves_other_subjects(
    published, faulty, shown
):
    before, figures = published.current.resolve(), published.figures()
    faulty("integrity_of_fct_call", FAULT)
    done = published.fcir("run")
    assert done.code == 1
    assert f"failed: dbt: calls: integrity_of_fct_call: {FAULTS}. Rows: " in done.out
    assert "The run failed" in done.out
    [check], made = shown()
    assert (check.severity, check.asset_key.path[-1]) == (dg.AssetCheckSeverity.ERROR, "fct_call")
    assert check.check_name == "integrity_of_fct_call"
    assert check.metadata["failures"].value == 2
    [fault] = check.metadata["faults"].records
    assert fault.data == {"fault": "two rows have one key", "rows": 2, "rows_where": "call_id = 1"}
    assert made >= {"raw/call_segments", "marts/fct_call_segment", "marts/fct_call", "marts/fct_crime"}
    assert {key for key in made if key.startswith(("marts/kpi_calls", "marts/board_paper", "published/"))} == set()
    status = published.fcir("status")
    assert status.code == 1
    assert "Not built    calls: a table or a test failed, so nothing was published." in status.out
    assert published.fcir("publish").code == 1
    assert (published.current.resolve(), published.figures(), published.damage()) == (before, figures, [])


def test_a_faulty_model_of_the_papers_leaves_all_else_built_and_a_warning_stops_nothing(published, faulty, shown):
    before = published.current.resolve()
    faulty("integrity_of_fct_call", FAULT, "warn")
    faulty("reconciliation", "select nothing")
    done = published.fcir("run")
    assert done.code == 1
    assert f"warning: integrity_of_fct_call: {FAULTS}" in done.out
    assert "failed: dbt: papers: reconciliation: Binder Error" in done.out
    assert published.warehouse(CALLS_OF_NOVEMBER) == [(1,)]
    assert (published.current.resolve(), published.published(CALLS_OF_NOVEMBER)) == (before, [(0,)])
    [check], made = shown()
    assert check.severity is dg.AssetCheckSeverity.WARN
    # The UI shows a description as Markdown; this is code.
    assert check.description == f"`{FAULTS}. Rows: select * from fcir.marts.fct_call where call_id = 1`"
    assert "marts/kpi_calls_monthly" in made


def test_a_test_without_a_result_stops_the_publication(published, monkeypatch):
    before = published.current.resolve()
    of_all = CompiledDbt.project
    [lost] = [key for key, node in of_all.nodes.items() if node.name == "integrity_of_fct_call"]
    kept = {key: entry for key, entry in of_all.manifest["nodes"].items() if key != lost}
    monkeypatch.setattr(CompiledDbt, "project", CompiledProject({"nodes": kept}))
    done = published.fcir("run")
    assert (done.code, published.current.resolve()) == (1, before)
    assert "failed: dbt: calls: integrity_of_fct_call: expected, but it never ran" in done.out


def test_the_ui_builds_and_tests_one_table(published, enter, definitions, monkeypatch):
    monkeypatch.setattr(Dbt, "cli", CompiledDbt.cli)
    enter(published)
    with dg.DagsterInstance.get() as instance:
        job = definitions.get_repository_def().get_job("__ASSET_JOB")
        result = job.execute_in_process(instance=instance, run_config=QUIET_CONSOLE, asset_selection=[KEY])
    assert [event.asset_key for event in result.get_asset_materialization_events()] == [KEY]
    assert [(check.asset_key, check.passed) for check in result.get_asset_check_evaluations()] == [(KEY, True)]
