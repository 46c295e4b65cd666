"""What Dagster shows of the two nights of the root `troubled`: its events, as the UI reads them."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from dagster_project.defs.lists import list_of
from dagster_project.settings import PROJECT_ROOT
from tests.dagster.conftest import use
from tests.roots import DataRoot
from tests.troubled import DAYS, MISSING, REJECTED

FIRST, WARNED, _, LAST = (day.isoformat() for day in DAYS)


@pytest.fixture(scope="module")
def instance(troubled, tmp_path_factory) -> Iterator[dg.DagsterInstance]:
    """A copy of the storage: Dagster writes to one that it opens."""
    home = tmp_path_factory.mktemp("night")
    shutil.copytree(troubled.root.home / "dagster", home / "dagster")
    with pytest.MonkeyPatch.context() as patch:
        use(patch, DataRoot(home))
        with dg.DagsterInstance.get() as instance:
            yield instance


@pytest.fixture(scope="module")
def nights(instance) -> list[dg.DagsterRun]:
    """The runs, the first night first."""
    return list(reversed(instance.get_runs()))


@pytest.fixture(scope="module")
def latest(instance) -> dict[str, Any]:
    """The latest materialisation of every asset that has one."""
    events = {key.to_user_string(): instance.get_latest_materialization_event(key) for key in instance.all_asset_keys()}
    return {name: event.asset_materialization for name, event in events.items() if event}


@pytest.fixture(scope="module")
def checks(instance, nights) -> list[dict[tuple[str, str], dg.AssetCheckEvaluation]]:
    """By asset and name, for each night."""
    of_type = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    found = []
    for night in nights:
        records = instance.get_records_for_run(night.run_id, of_type=of_type).records
        results = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in records]
        found.append({(result.asset_key.to_user_string(), result.check_name): result for result in results})
    return found


def shown(event: Any) -> dict[str, Any]:
    """Metadata of an event; of a table the cells of its rows, which the UI shows as they are.

    In Markdown, the name of a file or column could be a link, or a picture that the browser fetches from its sender.
    """
    return {
        name: [list(record.data.values()) for record in value.records]
        if isinstance(value, dg.TableMetadataValue)
        else getattr(value, "value", value)
        for name, value in event.metadata.items()
    }


def test_a_missing_and_a_rejected_delivery_fail_each_run_after_it_has_published(instance, nights, latest, troubled):
    for night in nights:
        assert (night.job_name, night.status) == ("nightly", dg.DagsterRunStatus.FAILURE)
        [record] = instance.get_records_for_run(night.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        assert record.event_log_entry.step_key == "published__run_verdict"
        failed = record.event_log_entry.dagster_event.step_failure_data
        assert failed.error.stack == []
        failure = failed.user_failure_data
        assert failure.description.startswith(f"2 deliveries need attention: call_segments {REJECTED} rejected: ")
        assert f"; crimes {MISSING} missing" in failure.description
        assert [len(cells) for cells in shown(failure).values()] == [2, 0]
    assert Path(shown(latest["published/database"])["folder"]).name == troubled.root.current.resolve().name


def test_the_record_of_actions_names_what_became_of_each_run(nights, troubled):
    entries = troubled.root.actions()
    details = [{"job": "nightly", "dagster_run": night.run_id, "started_by": "command line"} for night in nights]
    assert [(entry["outcome"], entry["details"]) for entry in entries if entry["action"] == "run"] == [
        ("needs attention", detail | {"failed_steps": ["published__run_verdict"]}) for detail in details
    ]


def test_a_night_has_at_most_900_events_besides_those_of_the_days_it_loads(instance, nights):
    logs = [[entry.dagster_event for entry in instance.all_logs(night.run_id)] for night in nights]
    days = [sum(bool(event and event.partition) for event in log) for log in logs]
    counts = [len(log) - of_days for log, of_days in zip(logs, days, strict=True)]
    assert 600 < min(counts) <= max(counts) <= 900


def test_the_log_has_a_line_for_each_source_and_step(troubled):
    first, second = (
        {line.partition(" (")[0] for line in re.sub(" +", " ", night.out).splitlines()} for night in troubled[1:]
    )
    assert first >= {
        "sources call_segments 4 deliveries, 10 rows loaded, 1 quarantined, 1 REJECTED",
        "sources crimes 3 deliveries, 5 rows loaded, 3 quarantined, 1 MISSING",
        "build tables done, from scratch",
        "publish papers 1 paper, 1 new or changed",
    }
    assert second >= {
        "sources call_segments 3 deliveries, 6 rows loaded, 1 quarantined, 2 corrected, 1 REJECTED",
        "sources crimes nothing new",
        "build tables done, incremental",
    }


def test_the_ui_finds_a_run_of_the_command_line_under_its_job(nights, definitions):
    [location] = yaml.safe_load((PROJECT_ROOT / "deploy" / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    label = f"{definitions.get_repository_def().name}@{location['python_module']['location_name']}"
    for night in nights:
        assert (night.tags["fcir/started_by"], night.tags[".dagster/repository"]) == ("command line", label)
        # The first page of the UI shows runs of an origin alone.
        origin = night.remote_job_origin
        assert (origin.repository_origin.get_label(), origin.job_name) == (label, "nightly")


def test_a_day_shows_its_rows_and_what_a_correction_changed(instance):
    newest = instance.fetch_materializations(dg.AssetRecordsFilter(dg.AssetKey(["raw", "call_segments"])), limit=9)
    days = [record.asset_materialization for record in reversed(newest.records)]
    names = ("dagster/partition_row_count", "rows_read", "rows_quarantined", "files", "status", "is_correction")
    assert [(day.partition, *map(shown(day).get, (*names, "correction"))) for day in days if day.partition] == [
        (FIRST, 3, 4, 1, 1, "loaded", False, None),
        (WARNED, 4, 4, 0, 1, "loaded", False, None),
        (LAST, 3, 3, 0, 1, "loaded", False, None),
        (FIRST, 4, 5, 1, 2, "loaded", True, "1 row added, 0 removed, 0 changed"),
        (LAST, 2, 2, 0, 1, "loaded", True, "0 rows added, 1 removed, 2 changed (queue_seconds 2)"),
    ]


def test_a_source_shows_its_rows_and_why_a_delivery_was_rejected(latest):
    source = shown(latest["raw/call_segments"])
    [[rejected]], warnings = source.pop("rejected_deliveries"), source.pop("warnings")
    assert rejected.startswith(f"{REJECTED}: call_segments_{REJECTED}.csv: required columns are missing")
    assert any(warning.startswith("call_segments/: an entry of 0 bytes") for [warning] in warnings)
    rows = {"rows_read": 7, "rows_loaded": 6, "rows_quarantined": 1, "dagster/row_count": 10}
    assert source == rows | {"days_loaded": 3, "deliveries": 3, "rejected": 1, "missing": 0}
    # With a rejected delivery, a source is not fresh.
    assert "landing/call_segments" not in latest
    arrived = shown(latest["landing/crimes"])
    assert (arrived["deliveries"], arrived["files"], arrived["newest_extract_date"]) == (3, 4, LAST)
    # The second night had no delivery of it.
    assert shown(latest["raw/crimes"])["missing"] == 1
    assert [record.data for record in list_of("warning", ["a", "b", "c"], 2).records] == [
        {"warning": one} for one in "ab"
    ]


def test_every_executable_asset_is_materialized_and_every_check_of_what_came_has_a_result(latest, checks, definitions):
    graph = definitions.resolve_asset_graph()
    executable = {key.to_user_string() for key in graph.executable_asset_keys}
    # What leaves the force is published by jobs of its own.
    editions = {key for key in executable if key.startswith(("published_public/", "published_force/"))}
    assert executable - set(latest) == editions | {"published/run_verdict"}
    names = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys}
    first, second = (set(of_night) for of_night in checks)
    assert first == names
    # The second night has calls alone: an expectation on another source keeps its last result.
    others = {key for key in names if key[0].startswith("raw/") and key[0] != "raw/call_segments"}
    assert names - second == {key for key in others if key[1] != "files_can_be_read"}


def test_failed_checks_show_counts_days_and_rows_and_nothing_else(checks):
    error, warn = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
    first, second = (
        {
            name: (of.severity, shown(of))
            for (asset, name), of in night.items()
            if asset == "raw/call_segments" and not of.passed
        }
        for night in checks
    )
    for night in (first, second):
        [[reason]] = night["files_can_be_read"][1].pop("reasons")
        assert reason.startswith(f"call_segments_{REJECTED}.csv: required columns are missing: disposition;")
    unreadable = {"evaluated": 4, "unexpected": 1, "failed_extract_dates": REJECTED.isoformat()}
    one = {"unexpected": 1, "dimension": "accuracy"}
    quarantined = one | {"evaluated": 3, "failed_extract_dates": FIRST}
    waited = one | {"evaluated": 10, "failed_extract_dates": WARNED, "source_rows": [[WARNED, 2, 5]]}
    of_both = {"files_can_be_read": (error, unreadable)}
    assert first == of_both | {
        "few_rows_are_quarantined": (warn, quarantined),
        "queue_time_is_below_two_hours": (warn, waited),
    }
    assert second == of_both | {"few_rows_are_quarantined": (warn, quarantined | {"evaluated": 2})}
    names = {"evaluated", "unexpected", "dimension", "failed_extract_dates", "source_rows", "reasons"}
    for (asset, _), result in (item for night in checks for item in night.items()):
        of_dbt = {"failures", "faults", "unique_id", "invocation_id", "status", "dagster_dbt/failed_row_count"}
        assert set(result.metadata) <= (names if asset.startswith("raw/") else of_dbt)


def test_stored_tables_show_their_rows_and_views_none(latest, troubled):
    # A publication adds its own rows to the marts of versions.
    tables = troubled.root.warehouse(
        "select schema_name, table_name from duckdb_tables() where schema_name not in ('raw', 'incoming') "
        "and table_name not in ('published_versions', 'revisions')"
    )
    rows = {
        f"{schema}/{name}": troubled.root.warehouse(f'select count(*) from "{schema}"."{name}"')[0][0]
        for schema, name in tables
        if f"{schema}/{name}" in latest
    }
    assert {key.partition("/")[0] for key in rows} == {"changes", "measures", "marts", "reference"}
    assert {key: shown(latest[key])["dagster/row_count"] for key in rows} == rows
    assert not any("dagster/row_count" in latest[key].metadata for key in latest if key.startswith("staging/"))


def test_columns_lead_back_to_the_extract(latest):
    def origins(asset: str, column: str) -> set[str]:
        lineage = latest[asset].metadata["dagster/column_lineage"].lineage.deps_by_column
        return {f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in lineage.get(column, [])}

    assert origins("staging/stg_call_segments", "arrived_date") == {"raw/call_segments.arrived_at"}
    assert origins("marts/fct_call", "is_answered") >= {"marts/fct_call_segment.disposition"}
    assert origins("marts/load_audit", "rows_read") == {"audit/load.rows_read"}
    # The open-source UI shows no lineage of columns.
    rows = shown(latest["marts/fct_call"])["columns_come_from"]
    assert ["arrived_date", "marts/fct_call_segment.arrived_date"] in rows


def test_origins_are_columns_that_exist_and_types_those_of_the_database(latest, definitions, troubled):
    types: dict[str, dict[str, str]] = {}
    for key, column, kind in troubled.root.warehouse(
        "select schema_name || '/' || table_name, column_name, lower(data_type) from duckdb_columns()"
    ):
        types.setdefault(key, {})[column] = kind
    # Dagster has the types of marts from their dbt contracts, and the others from the database.
    metadata = {spec.key.to_user_string(): spec.metadata for spec in definitions.resolve_all_asset_specs()}
    schemas = {key: of["dagster/column_schema"] for key, of in metadata.items() if key.startswith("marts/")}
    for key, event in latest.items():
        if "dagster/column_schema" in event.metadata:
            schemas[key] = event.metadata["dagster/column_schema"].schema
        lineage = event.metadata.get("dagster/column_lineage")
        for deps in lineage.lineage.deps_by_column.values() if lineage else ():
            assert all(dep.column_name in types[dep.asset_key.to_user_string()] for dep in deps), key
    assert len(schemas) > 100
    for key, schema in schemas.items():
        assert {column.name: column.type.replace(", ", ",") for column in schema.columns} == types[key], key
        assert not key.startswith("staging/") or all(column.description for column in schema.columns), key


def test_parts_of_the_publication_show_how_much_there_is_of_them(latest, troubled):
    current = troubled.root.current.resolve()
    [[tables]] = troubled.root.published("select count(*) from duckdb_tables()")
    parts = ("board_paper", "database", "manifest", "site")
    paper, database, manifest, site = (shown(latest[f"published/{name}"]) for name in parts)
    assert (paper["papers"], paper["papers_new_or_changed"]) == (1, 1)
    assert (database["tables"], database["bytes"]) == (tables, (current / "fcir.duckdb").stat().st_size)
    files = sum(path.is_file() for path in current.rglob("*"))
    assert (manifest["files"], manifest["failed_renderings"]) == (files, 0)
    assert site["pages"] == len(list(current.rglob("*.html"))) > 0
