"""What the code location shows before anything has run."""

import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.defs.automation import nightly_schedule
from dagster_project.defs.partitions import extract_dates
from dagster_project.defs.publication import publication_specs
from dagster_project.disclosure.force_rows import ForceRows
from dagster_project.settings import CONTRACTS, PROJECT_ROOT, Settings, read_settings
from dagster_project.transformation.project import ensure_manifest, marts_of, read_manifest
from dagster_project.validation.expectations import expectations_of
from dagster_project.warehouse.tables import raw_columns
from tests.dagster.asset_specs import FILE, as_text, described

SOURCES = sorted(load_contracts(CONTRACTS))
# Stages in the order of the data; a group is a stage, or a stage and its subject (kpis_calls).
STAGES = (
    *("sources", "reference", "staging", "changes", "facts", "measures", "kpis", "papers", "quality", "dictionary"),
    *("publication", "public_edition", "force_edition"),
)


@pytest.fixture(scope="module")
def specs(definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


@pytest.fixture(scope="module")
def nightly(definitions) -> dg.JobDefinition:
    return definitions.resolve_job_def("nightly")


def test_the_code_location_can_be_loaded_and_run(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_loading_the_code_location_raises_no_warnings_of_this_project(settings):
    code = "from dagster_project.definitions import definitions; definitions().get_repository_def()"
    command = [sys.executable, "-W", "default", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=settings.home)
    own = str(PROJECT_ROOT / "dagster_project")
    assert [line for line in (done.stderr + done.stdout).splitlines() if line.startswith(own)] == []


def test_every_asset_has_a_description_owner_kind_and_stage(specs):
    for key, spec in specs.items():
        assert spec.description, key
        assert spec.owners, key
        assert spec.kinds, key
        assert spec.tags.get("stage"), key


def test_descriptions_are_sentences_without_code(specs):
    for key, spec in specs.items():
        text = spec.description or ""
        assert text.rstrip().endswith("."), key
        assert "```" not in text, key
        assert not re.search(r"\bselect\b.*\bfrom\b", text, re.IGNORECASE), key


def stage_of(spec: dg.AssetSpec) -> str:
    return spec.group_name if spec.group_name in STAGES else spec.group_name.partition("_")[0]


def test_groups_are_stages_or_a_stage_and_its_subject(specs):
    assert {stage_of(spec) for spec in specs.values()} == set(STAGES)


def test_a_group_has_at_most_25_assets(specs):
    sizes = Counter(spec.group_name for spec in specs.values())
    assert {group: size for group, size in sizes.items() if size > 25} == {}


def test_groups_follow_each_other_without_a_way_back(specs):
    backwards = [
        f"{dep.asset_key.to_user_string()} -> {key}"
        for key, spec in specs.items()
        for dep in spec.deps
        if STAGES.index(stage_of(specs[dep.asset_key.to_user_string()])) > STAGES.index(stage_of(spec))
    ]
    assert backwards == []


def test_assets_equal_the_file_of_asset_specs(definitions):
    assert as_text(described(definitions)) == FILE.read_text(encoding="utf-8"), (
        "the assets are not those of tests/dagster/asset_specs.json; if the change is wanted, write the file again: "
        ".venv/bin/python -m tests.dagster.asset_specs"
    )


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_leads_from_its_landing_folder_to_the_board_paper(graph, source):
    # What is published nationally is no event, so no measure counts it.
    measures = () if source == "national_call_answering" else ("measures",)
    chain = ["landing", "raw", "staging", *measures, "marts", "published"]
    reached = {f"landing/{source}"}
    waiting = [dg.AssetKey(["landing", source])]
    while waiting:
        for child in graph.get(waiting.pop()).child_keys:
            if child.to_user_string() not in reached:
                reached.add(child.to_user_string())
                waiting.append(child)
    assert f"raw/{source}" in reached
    assert f"staging/stg_{source}" in reached
    assert {key.split("/")[0] for key in reached} >= set(chain)
    assert "published/database" in reached
    compared = {
        "published_figures": "marts/reconciliation",
        "published_statements": "marts/claims",
    }
    assert compared.get(source, "published/board_paper") in reached
    assert "published/site" in reached


@pytest.mark.parametrize("source", SOURCES)
def test_a_daily_source_is_partitioned_by_the_london_day_of_its_extract_and_no_other(specs, source):
    partitions = specs[f"raw/{source}"].partitions_def
    assert (partitions is not None) == load_contracts(CONTRACTS)[source].is_daily
    assert partitions is None or (isinstance(partitions, dg.DailyPartitionsDefinition))
    assert partitions is None or partitions.timezone == "Europe/London"


def test_before_the_first_delivery_no_day_but_today_could_be_loaded(tmp_path):
    days = extract_dates(Settings(home=tmp_path, _env_file=None), load_contracts(CONTRACTS))
    assert len(days.get_partition_keys()) == 1


@pytest.mark.parametrize("year", [2019, 2025])
def test_days_begin_with_the_first_file_of_a_daily_source(tmp_path, year):
    settings = land(
        tmp_path,
        f"crimes_{year}-03-04.csv",
        "crimes_2025-06-01.csv",
        "crimes_1999-01-01.csv",
        "crimes_2999-01-01.csv",
        "crimes_2018.csv",
        "published_figures_2015-01-01.csv",
    )
    days = extract_dates(settings, load_contracts(CONTRACTS))
    assert days.get_first_partition_key() == f"{year}-03-04"
    noon = datetime(2025, 6, 2, 12, tzinfo=UTC)
    assert days.get_partition_keys(current_time=noon)[-1] == "2025-06-02", "the day that is not over may lie there"
    short = days.time_window_for_partition_key("2025-03-30")
    long = days.time_window_for_partition_key("2025-10-26")
    assert [(window.end.timestamp() - window.start.timestamp()) / 3600 for window in (short, long)] == [23, 25]


def test_days_of_synthetic_extracts_end_with_the_newest(tmp_path):
    settings = land(tmp_path, "crimes_2019-03-04.csv", "live_chats_2019-03-06.csv")
    (settings.landing / "SYNTHETIC").touch()
    days = extract_dates(settings, load_contracts(CONTRACTS))
    assert days.get_partition_keys() == ["2019-03-04", "2019-03-05", "2019-03-06"]


def test_days_without_files_are_known_from_the_published_audit(tmp_path):
    settings = land(tmp_path, "crimes_2019-03-04.csv")
    contracts = load_contracts(CONTRACTS)
    folder = settings.published / "one"
    folder.mkdir(parents=True)
    (settings.published / "current").symlink_to("one")
    (folder / "fcir.duckdb").write_text("no database")
    assert extract_dates(settings, contracts).get_first_partition_key() == "2019-03-04"
    (folder / "fcir.duckdb").unlink()
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute(
            """
            create table marts.load_audit as
            from (values
                ('crimes', date '2018-02-03', 'missing_delivery', null),
                ('crimes', date '2018-12-31', 'rejected', timestamp '2019-01-02'),
                ('crimes', date '2019-01-01', 'replaced', null),
                ('published_figures', date '2015-01-01', 'loaded', null)
            ) as load_audit (source, extract_date, status, withdrawn_at)
            """
        )
    assert extract_dates(settings, contracts).get_first_partition_key() == "2019-01-01"


def land(home: Path, *names: str) -> Settings:
    """Empty files of these names, each in the folder of its source."""
    settings = Settings(home=home, _env_file=None)
    for name in names:
        folder = settings.landing / name.partition("_1")[0].partition("_2")[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return settings


@pytest.mark.parametrize("source", SOURCES)
def test_every_expectation_of_a_source_is_a_check_of_it(graph, source):
    contract = load_contracts(CONTRACTS)[source]
    shown = {check.name for check in graph.get(dg.AssetKey(["raw", source])).check_keys}
    assert shown == {expectation.name for expectation in expectations_of(contract)} | {"files_can_be_read"}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_shows_the_columns_of_its_contract_and_calls_personal_ones_so(specs, source):
    contract = load_contracts(CONTRACTS)[source]
    shown = {column.name: column for column in specs[f"raw/{source}"].metadata["dagster/column_schema"].columns}
    assert set(shown) == {"force_code", *raw_columns(contract)}
    for column in contract.columns:
        assert shown[column.name].description, column.name
        assert ("Personal" in shown[column.name].description) == column.is_personal


@pytest.mark.parametrize("source", SOURCES)
def test_daily_sources_are_fresh_by_nine_and_others_have_no_deadline(specs, source):
    is_daily = load_contracts(CONTRACTS)[source].is_daily
    for key in (f"landing/{source}", f"raw/{source}"):
        policy = specs[key].freshness_policy
        assert (policy is not None) == is_daily
        if policy is not None:
            assert (policy.deadline_cron, policy.timezone) == ("0 9 * * *", "Europe/London")


def test_published_assets_are_fresh_by_nine(specs):
    published = [spec for key, spec in specs.items() if key.startswith("published/")]
    assert {spec.freshness_policy.deadline_cron for spec in published} == {"0 9 * * *"}


def test_dbt_tests_are_checks_of_the_tables_that_they_look_at(graph):
    checked = {key.asset_key.path[0] for key in graph.asset_check_keys}
    assert {"marts", "reference", "measures"} <= checked
    unchecked = [
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if key.path[0] == "marts" and not graph.get(key).check_keys
    ]
    assert unchecked == []


def test_checks_say_in_words_what_they_claim_and_do_not_repeat_the_table(graph):
    specs = {key: graph.get_check_spec(key) for key in graph.asset_check_keys}
    for key, spec in specs.items():
        assert spec.description, key
        assert key.asset_key.path[-1] not in key.name, key
        assert "{" not in spec.description, key
    text = specs[dg.AssetCheckKey(dg.AssetKey(["marts", "kpi_calls_monthly"]), "integrity")].description
    assert text.startswith("No two rows have the same force_code, line, month_start. Never empty: force_code, line, ")
    assert "received is the sum of answered, not_answered. Every force_code is in dim_force. A failure " in text


def test_checks_say_what_a_failure_does(graph):
    for key in graph.asset_check_keys:
        description = graph.get_check_spec(key).description
        outcomes = ("rejects the delivery", "is a warning: the delivery is loaded", "is a warning: the marts", "stops")
        assert sum(f"A failure {outcome}" in description for outcome in outcomes) == 1, description
    raw = dg.AssetKey(["raw", "call_segments"])
    assert graph.get_check_spec(dg.AssetCheckKey(raw, "some_calls_are_answered")).description.endswith(
        "A failure rejects the delivery, unless an operator accepts it."
    )


def test_columns_of_marts_show_with_type_and_description(specs):
    for key, spec in specs.items():
        if key.startswith("marts/"):
            columns = spec.metadata["dagster/column_schema"].columns
            assert columns, key
            assert all(column.description and column.type for column in columns), key


def test_every_asset_links_its_code_or_its_location(specs):
    for key, spec in specs.items():
        schema = key.split("/")[0]
        if schema in ("landing", "raw"):
            assert "kind: DataContract" in spec.metadata["contract"].md_str, key
            assert (PROJECT_ROOT / spec.metadata["contract_file"].text).is_file(), key
        if schema in ("staging", "changes", "measures", "marts"):
            sql = (PROJECT_ROOT / spec.metadata["sql_file"].text).read_text(encoding="utf-8")
            assert spec.metadata["sql"].md_str == f"```sql\n{sql}```", key
        if schema in ("landing", "published") and key != "published/run_verdict":
            assert spec.metadata["dagster/uri"], key
        if schema not in ("landing", "published", "published_public", "published_force"):
            database = "fcir" if schema == "marts" else "warehouse"
            assert spec.metadata["dagster/table_name"] == f"{database}.{key.replace('/', '.')}"


def test_without_an_address_a_page_of_the_site_is_a_path(specs):
    assert pages_of(specs["marts/kpi_measure_monthly"]) == {
        "lineage_page": "published/current/dictionary/lineage.html#!/model/model.fcir.kpi_measure_monthly",
        "dictionary_page": "published/current/dictionary/kpi_measure_monthly.html",
        "measures_page": "published/current/measures/index.html",
    }
    assert pages_of(specs["raw/crimes"]) == {"quality_page": "published/current/quality/index.html#crimes"}
    assert pages_of(specs["published/board_paper"]) == {"page": "published/current/board_paper.html"}
    assert specs["published/site"].metadata["dagster/uri"].endswith("/published/current/index.html")


def test_with_an_address_the_pages_of_the_site_are_links(settings, definitions, monkeypatch):
    assert definitions
    monkeypatch.setenv("FCIR_SITE_URL", "https://intranet.example/fcir/")
    manifest = read_manifest(ensure_manifest(settings))
    specs = publication_specs(manifest, read_settings())
    assert {spec.metadata["page"].url for spec in specs if "page" in spec.metadata} >= {
        "https://intranet.example/fcir/index.html",
        "https://intranet.example/fcir/quality/index.html",
    }


def pages_of(spec: dg.AssetSpec) -> dict[str, str]:
    return {name: value.text for name, value in spec.metadata.items() if re.fullmatch("(.*_)?page", name)}


def test_the_parts_of_a_publication_stand_after_the_marts_that_their_code_reads(specs):
    package = PROJECT_ROOT / "dagster_project" / "publication"
    code = [*package.glob("report/*.py"), *package.glob("site/*.py"), *package.glob("cookbook/*.sql")]
    read = {name for file in code for name in re.findall(r"marts\.([a-z]\w*)", file.read_text(encoding="utf-8"))}
    parts = ("board_paper", "measures", "quality", "dictionary", "site")
    deps = {dep.asset_key.path[-1] for part in parts for dep in specs[f"published/{part}"].deps}
    assert deps - set(parts) | {"measures"} == read


def test_the_exposure_of_the_public_edition_lists_the_marts_with_a_release(settings):
    manifest = read_manifest(ensure_manifest(settings))
    [exposure] = [item for item in manifest["exposures"].values() if item["name"] == "public_edition"]
    released = {mart.name for mart in marts_of(manifest) if mart.releases}
    assert {node.rpartition(".")[2] for node in exposure["depends_on"]["nodes"]} == released


def test_the_nightly_job_runs_every_asset_but_the_editions_in_one_process(graph, nightly, definitions):
    of_night = set(nightly.asset_layer.executable_asset_keys)
    of_editions = set()
    for name, folder in (("publish_public", "published_public"), ("publish_force", "published_force")):
        job = definitions.resolve_job_def(name)
        keys = set(job.asset_layer.executable_asset_keys)
        assert {key.path[0] for key in keys} == {folder}
        assert job.executor_def is nightly.executor_def is dg.in_process_executor
        of_editions |= keys
    assert of_night == set(graph.executable_asset_keys) - of_editions


def test_the_edition_of_a_force_stands_after_the_marts_that_state_a_part_in_it(specs, settings):
    marts = marts_of(read_manifest(ensure_manifest(settings)))
    stated = {mart.name for mart in marts if mart.force_rows is not ForceRows.NONE}
    assert {dep.asset_key.path[-1] for dep in specs["published_force/tables"].deps} == stated


def test_backfills_of_the_ui_run_in_one_process_too(definitions):
    assert definitions.executor is dg.in_process_executor
    assert definitions.get_repository_def().get_job("__ASSET_JOB").executor_def is dg.in_process_executor


def test_the_schedule_is_on_and_runs_at_a_quarter_past_four_in_london(definitions):
    schedule = definitions.get_repository_def().get_schedule_def(nightly_schedule.name)
    assert schedule.job_name == "nightly"
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("15 4 * * *", "Europe/London")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


@pytest.mark.parametrize("source", SOURCES)
def test_a_load_is_tried_again_once_and_a_range_of_days_is_one_run(definitions, graph, source):
    node = definitions.get_repository_def().get_job("nightly").graph.node_named(f"load_{source}")
    assert node.definition.retry_policy.max_retries == 1
    assert graph.get(dg.AssetKey(["raw", source])).backfill_policy == dg.BackfillPolicy.single_run()


def test_nothing_is_sent_to_anybody_and_one_run_goes_at_a_time():
    text = (PROJECT_ROOT / "deploy" / "dagster.yaml").read_text(encoding="utf-8")
    assert re.search(r"^telemetry:\n  enabled: false$", text, re.MULTILINE)
    assert re.search(r"^nux:\n  enabled: false$", text, re.MULTILINE)
    assert "max_concurrent_runs: 1" in text
