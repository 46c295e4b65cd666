"""One nightly run over a tiny landing folder, and what Dagster shows of it."""

from collections import Counter
from pathlib import Path

import dagster as dg
import pytest
import yaml

from dagster_project.cli.jobs import run_job
from dagster_project.loading import landing, plan
from dagster_project.settings import PROJECT_ROOT
from dagster_project.warehouse.connection import open_read_only
from tests.dagster import tiny_landing
from tests.dagster.tiny_landing import CALLER, DAYS, MISSING, REJECTED


@pytest.fixture(scope="module")
def looks() -> Counter[str]:
    """How often the run has listed the landing folder, and compared it with the warehouse."""
    return Counter()


@pytest.fixture(scope="module")
def outcome(settings, definitions, looks):
    """How the run ended; the definitions are loaded before, as a web server would have them."""
    assert definitions
    tiny_landing.write(settings.landing)

    def counted(module, name):
        original = getattr(module, name)

        def look(*arguments, **options):
            looks[name] += 1
            return original(*arguments, **options)

        return look

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landing, "scan", counted(landing, "scan"))
        patch.setattr(plan, "plan_deliveries", counted(plan, "plan_deliveries"))
        return run_job(settings, "nightly")


@pytest.fixture(scope="module")
def instance(outcome):
    assert outcome
    with dg.DagsterInstance.get() as instance:
        yield instance


@pytest.fixture(scope="module")
def run(instance) -> dg.DagsterRun:
    [run] = instance.get_runs()
    return run


@pytest.fixture(scope="module")
def latest(instance, definitions) -> dict[str, dg.AssetMaterialization]:
    """The latest materialisation of every asset that has one."""
    keys = [spec.key for spec in definitions.resolve_all_asset_specs()]
    events = {key.to_user_string(): instance.get_latest_materialization_event(key) for key in keys}
    return {name: event.asset_materialization for name, event in events.items() if event}


@pytest.fixture(scope="module")
def checks(instance, run) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    evaluations = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in records]
    return {(evaluation.asset_key.to_user_string(), evaluation.check_name): evaluation for evaluation in evaluations}


def test_a_run_that_the_schedule_starts_plans_once_for_all_sources(outcome, looks):
    assert outcome
    # The second listing is that of the command, for its last lines.
    assert looks == {"scan": 2, "plan_deliveries": 1}


def test_a_missing_and_a_rejected_delivery_fail_the_run_after_it_has_published(outcome, instance, run, settings):
    assert not outcome.success
    assert outcome.failures == ()
    unresolved = {(fault.source, fault.extract_date) for fault in outcome.unresolved}
    assert unresolved == {("call_segments", REJECTED), ("crimes", MISSING)}
    assert run.status is dg.DagsterRunStatus.FAILURE
    [record] = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    assert record.event_log_entry.step_key == "published__run_verdict"
    description = record.event_log_entry.dagster_event.step_failure_data.user_failure_data.description
    assert f"call_segments {REJECTED}" in description
    assert f"crimes {MISSING}" in description
    assert (settings.published / "current" / "fcir.duckdb").exists()


@pytest.mark.parametrize(
    ("source", "missing"),
    [("call_segments", {REJECTED}), ("crimes", {MISSING}), ("live_chats", set()), ("digital_contacts", set())],
)
def test_exactly_the_accepted_days_show_as_loaded(instance, source, missing):
    shown = instance.get_materialized_partitions(dg.AssetKey(["raw", source]))
    assert shown == {day.isoformat() for day in DAYS if day not in missing}


def test_a_day_shows_its_rows_and_what_became_of_them(instance):
    of_day = dg.AssetRecordsFilter(dg.AssetKey(["raw", "call_segments"]), asset_partitions=[DAYS[0].isoformat()])
    [record] = instance.fetch_materializations(of_day, limit=5).records
    shown = values_of(record.asset_materialization)
    assert shown.items() >= {"rows_read": 4, "dagster/partition_row_count": 3, "rows_quarantined": 1}.items()


def values_of(materialization: dg.AssetMaterialization) -> dict[str, object]:
    return {name: getattr(item, "value", None) for name, item in materialization.metadata.items()}


def test_a_source_shows_its_rows_and_why_a_delivery_was_rejected(latest):
    shown = values_of(latest["raw/call_segments"])
    assert (shown["dagster/row_count"], shown["days_loaded"], shown["rejected"]) == (10, 3, 1)
    [rejected] = latest["raw/call_segments"].metadata["rejected_deliveries"].records
    assert "disposition" in rejected.data["rejected"]


def test_the_landing_assets_show_deliveries_even_when_they_were_rejected(latest):
    shown = values_of(latest["landing/call_segments"])
    assert (shown["deliveries"], shown["newest_extract_date"]) == (4, DAYS[3].isoformat())


def test_every_executable_asset_is_materialized_except_the_verdict(latest, definitions):
    executable = {key.to_user_string() for key in definitions.resolve_asset_graph().executable_asset_keys}
    # What leaves the force is published by a job of its own.
    never = {key for key in executable if key.startswith(("published_public/", "published_force/"))} | {
        "published/run_verdict"
    }
    assert executable - set(latest) == never


def test_every_check_has_a_result(checks, definitions):
    keys = definitions.resolve_asset_graph().asset_check_keys
    assert set(checks) == {(key.asset_key.to_user_string(), key.name) for key in keys}


def test_a_failed_expectation_shows_counts_days_and_rows(checks):
    check = checks["raw/call_segments", "queue_time_is_below_two_hours"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.metadata["unexpected"].value == 1
    assert check.metadata["failed_extract_dates"].value == DAYS[1].isoformat()
    [row] = [record.data for record in check.metadata["source_rows"].records]
    assert row["extract_date"] == DAYS[1].isoformat()
    assert row["source_row"] == 5


def test_a_file_that_cannot_be_read_fails_its_own_check(checks):
    check = checks["raw/call_segments", "files_can_be_read"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert (check.metadata["evaluated"].value, check.metadata["unexpected"].value) == (4, 1)
    assert check.metadata["failed_extract_dates"].value == REJECTED.isoformat()
    [reason] = check.metadata["reasons"].records
    assert "disposition" in reason.data["reason"]
    assert checks["raw/crimes", "files_can_be_read"].passed


def test_no_check_shows_anything_but_counts_days_and_rows(checks):
    for (asset, name), check in checks.items():
        allowed = {"evaluated", "unexpected", "dimension", "failed_extract_dates", "source_rows", "reasons"}
        if not asset.startswith("raw/"):
            allowed = {"failures", "seconds"}
        assert set(check.metadata) <= allowed, (asset, name)


def test_the_checks_of_dbt_passed(checks):
    assert [key for key, check in checks.items() if not key[0].startswith("raw/") and not check.passed] == []


def test_stored_tables_show_their_rows(latest, settings):
    """Views show none: counting them would run them again. A publication adds its own rows to the marts of versions."""
    with open_read_only(settings.warehouse) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where schema_name in ('changes', 'measures', 'marts', 'reference') "
            "and table_name not in ('published_versions', 'revisions')"
        ).fetchall()
        assert {schema for schema, _ in tables} == {"changes", "measures", "marts", "reference"}
        for schema, name in tables:
            [[count]] = connection.execute(f'select count(*) from "{schema}"."{name}"').fetchall()  # noqa: S608 - own names
            assert latest[f"{schema}/{name}"].metadata["dagster/row_count"].value == count, name


def test_columns_lead_back_to_the_extract(latest):
    def origins(asset: str, column: str) -> set[str]:
        lineage = latest[asset].metadata["dagster/column_lineage"].lineage.deps_by_column
        return {f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in lineage.get(column, [])}

    assert origins("staging/stg_call_segments", "arrived_date") == {"raw/call_segments.arrived_at"}
    assert origins("marts/fct_call_segment", "queue_seconds") == {"staging/stg_call_segments.queue_seconds"}
    assert origins("marts/fct_call", "is_answered") >= {"marts/fct_call_segment.disposition"}
    assert origins("staging/stg_loads", "rows_read") == {"audit/load.rows_read"}
    assert "measures/int_measure_monthly.value" in origins("marts/kpi_calls_monthly", "received")


def test_the_origins_of_columns_can_be_read_in_the_open_source_ui(latest):
    records = latest["marts/fct_call"].metadata["columns_come_from"].records
    shown = {record.data["column"]: record.data["comes_from"] for record in records}
    assert shown["arrived_date"] == "marts/fct_call_segment.arrived_date"


def test_each_column_of_a_mart_shows_its_type_in_the_database(latest, definitions, settings):
    """The marts are in a database of their own; Dagster has the types of their dbt contracts."""
    with open_read_only(settings.warehouse) as connection:
        stored = connection.execute(
            "select table_name, column_name, lower(data_type) from duckdb_columns() where schema_name = 'marts'"
        ).fetchall()
    shown = [
        (spec.key.path[1], column.name, column.type.replace(", ", ","))
        for spec in definitions.resolve_all_asset_specs()
        if spec.key.path[0] == "marts" and spec.key.to_user_string() in latest
        for column in spec.metadata["dagster/column_schema"].columns
    ]
    assert sorted(shown) == sorted(stored)
    assert len(shown) > 500


def test_nearly_every_column_of_a_model_has_an_origin(latest, definitions):
    """A few have none by right: counts of rows, literals, the dictionary that is made of texts."""
    columns = with_origin = 0
    for spec in definitions.resolve_all_asset_specs():
        key = spec.key.to_user_string()
        if spec.key.path[0] == "marts" and key != "marts/data_dictionary":
            lineage = latest[key].metadata["dagster/column_lineage"].lineage.deps_by_column
            columns += len(spec.metadata["dagster/column_schema"].columns)
            with_origin += len(lineage)
    assert with_origin / columns > 0.97


def test_no_origin_is_an_asset_or_a_column_that_does_not_exist(latest, definitions, settings):
    assets = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}
    with open_read_only(settings.warehouse) as connection:
        query = "select schema_name || '/' || table_name || '.' || column_name from duckdb_columns()"
        known = {name for (name,) in connection.execute(query).fetchall()}
    for key, materialization in latest.items():
        shown = materialization.metadata.get("dagster/column_lineage")
        for deps in shown.lineage.deps_by_column.values() if shown else ():
            for dep in deps:
                assert dep.asset_key.to_user_string() in assets, key
                assert f"{dep.asset_key.to_user_string()}.{dep.column_name}" in known, key


def test_every_part_of_the_publication_says_how_much_there_is_of_it(latest, settings):
    current = (settings.published / "current").resolve()
    parts = ("site", "measures", "quality", "dictionary")
    pages = {name: latest[f"published/{name}"].metadata["pages"].value for name in parts}
    assert pages["site"] == len(list(current.rglob("*.html")))
    assert pages["quality"] == len(list((current / "quality").rglob("*.html"))) == 1
    assert pages["dictionary"] == len(list((current / "dictionary").glob("*.html"))) > 40
    assert pages["measures"] == len(list((current / "measures").rglob("*.html")))
    assert latest["published/board_paper"].metadata["papers"].value >= 1


def test_parts_of_the_publication_show_a_preview_of_their_figures(latest, settings):
    preview = {name: latest[f"published/{name}"].metadata["preview"].value for name in ("board_paper", "quality")}
    with open_read_only(settings.warehouse) as connection:
        expected = connection.execute(
            "select display_value from marts.board_paper where force_code = 'kent' and section = 'calls_999' "
            "and measure = 'received' order by month_start desc limit 1"
        ).fetchone()
    assert f"| 999 calls | Calls Received | {expected[0]} |" in preview["board_paper"]
    assert "| call_segments | 3 | 0 | 1 |" in preview["quality"]
    assert "| kpi_calls_monthly | " in latest["published/database"].metadata["preview"].value


def test_audit_tables_show_their_rows_and_columns_at_the_end_of_a_run(latest, settings):
    shown = {key: event.metadata for key, event in latest.items() if key.startswith("audit/")}
    assert len(shown) == 11
    with open_read_only(settings.warehouse) as connection:
        for key, metadata in shown.items():
            name = key.partition("/")[2]
            columns = connection.execute(f'describe audit."{name}"').fetchall()
            shown_columns = [column.name for column in metadata["dagster/column_schema"].schema.columns]
            assert shown_columns == [name for name, *_ in columns], key
        [(loads,)] = connection.execute("select count(*) from audit.load").fetchall()
    assert shown["audit/load"]["dagster/row_count"].value == loads > 0


def test_columns_before_the_marts_show_the_type_that_the_database_gave_them(latest):
    for key in ("staging/stg_call_segments", "measures/int_call_hourly", "reference/offences"):
        columns = latest[key].metadata["dagster/column_schema"].schema.columns
        assert all(column.type and column.description for column in columns), key
    columns = latest["staging/stg_call_segments"].metadata["dagster/column_schema"].schema.columns
    types = {column.name: column.type for column in columns}
    assert (types["arrived_at"], types["arrived_date"]) == ("timestamp", "date")


def test_the_publication_says_where_it_is(latest):
    folder = latest["published/database"].metadata["folder"].value
    assert (Path(folder) / "fcir.duckdb").exists()


def test_a_personal_value_is_nowhere_in_what_dagster_keeps(outcome, settings):
    assert outcome
    files = [path for path in settings.dagster_home.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert CALLER.encode() not in content, path.name
        assert CALLER.encode("utf-16-le") not in content, path.name


def test_the_run_says_that_the_command_line_started_it(run):
    assert run.job_name == "nightly"
    assert run.tags["fcir/started_by"] == "command line"


def test_the_ui_finds_the_run_under_its_job(run, definitions):
    location = yaml.safe_load((PROJECT_ROOT / "deploy" / "workspace.yaml").read_text(encoding="utf-8"))
    name = location["load_from"][0]["python_module"]["location_name"]
    label = f"{definitions.get_repository_def().name}@{name}"
    assert run.tags[".dagster/repository"] == label
    # The first page of the UI shows runs of an origin alone.
    assert (run.remote_job_origin.repository_origin.get_label(), run.remote_job_origin.job_name) == (label, "nightly")
