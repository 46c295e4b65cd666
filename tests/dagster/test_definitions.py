"""What the code location shows before anything has run."""

import re
from dataclasses import replace
from datetime import UTC, datetime, time

import dagster as dg
import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.defs.partitions import extract_dates
from dagster_project.defs.policies import with_policies
from dagster_project.defs.publication import publication_specs
from dagster_project.defs.sources import landing_spec
from dagster_project.settings import CONTRACTS, PROJECT_ROOT, Settings
from dagster_project.transformation.project import read_manifest
from dagster_project.warehouse.tables import raw_columns
from tests.dagster.asset_specs import FILE, as_text
from tests.roots import DataRoot

CONTRACT = load_contracts(CONTRACTS)


@pytest.fixture(scope="module")
def specs(definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def test_assets_equal_the_file_of_asset_specs(definitions):
    dg.Definitions.validate_loadable(definitions)
    assert as_text(definitions) == FILE.read_text(encoding="utf-8"), (
        "the assets are not those of tests/dagster/asset_specs.json; if the change is wanted, write the file again: "
        ".venv/bin/python -m tests.dagster.asset_specs"
    )


def test_every_asset_has_a_description_in_sentences_its_code_or_table_and_described_columns(specs):
    for key, spec in specs.items():
        assert (spec.description or "").rstrip().endswith("."), key
        schema = key.split("/")[0]
        if schema in ("landing", "raw"):
            assert "kind: DataContract" in spec.metadata["contract"].md_str, key
            assert (PROJECT_ROOT / spec.metadata["contract_file"].text).is_file(), key
        if schema in ("staging", "changes", "measures", "marts"):
            sql = (PROJECT_ROOT / spec.metadata["sql_file"].text).read_text(encoding="utf-8")
            assert spec.metadata["sql"].md_str == f"```sql\n{sql}```", key
        if schema == "marts":
            columns = spec.metadata["dagster/column_schema"].columns
            assert columns, key
            assert all(column.description and column.type for column in columns), key
        if schema not in ("landing", "published", "published_public", "published_force"):
            database = "fcir" if schema == "marts" else "warehouse"
            assert spec.metadata["dagster/table_name"] == f"{database}.{key.replace('/', '.')}"
    for source, due in (("crimes", "One is due for each day, by 09:00 London"), ("published_figures", "irregularly")):
        assert due in specs[f"landing/{source}"].description
        assert specs[f"landing/{source}"].metadata["dagster/uri"].endswith(f"/landing/{source}")


def test_a_page_of_the_site_is_a_link_if_its_address_is_known_and_else_a_path(specs, parsed_project, tmp_path):
    def pages_of(spec: dg.AssetSpec) -> dict[str, str]:
        return {name: value.text for name, value in spec.metadata.items() if re.fullmatch("(.*_)?page", name)}

    assert pages_of(specs["marts/kpi_measure_monthly"]) == {
        "dictionary_page": "published/current/dictionary.html#kpi_measure_monthly",
        "measures_page": "published/current/measures/index.html",
    }
    assert specs["reference/offences"].metadata["csv_file"].text == "dbt/seeds/offences.csv"
    assert pages_of(specs["raw/crimes"]) == {"trust_page": "published/current/trust.html#faults"}
    assert pages_of(specs["published/board_paper"]) == {"page": "published/current/board_paper.html"}
    assert specs["published/site"].metadata["dagster/uri"].endswith("/published/current/index.html")
    settings = Settings(home=tmp_path, site_url="https://intranet.example/fcir/", _env_file=None)
    of_site = publication_specs(read_manifest(parsed_project / "manifest.json"), settings)
    urls = {spec.metadata["page"].url for spec in of_site if "page" in spec.metadata}
    assert urls >= {f"https://intranet.example/fcir/{page}" for page in ("index.html", "trust.html")}


def test_the_parts_of_a_publication_stand_after_the_marts_that_their_code_reads(specs):
    package = PROJECT_ROOT / "dagster_project" / "publication"
    code = [file for folder in ("report", "site", "cookbook") for file in (package / folder).rglob("*")]
    texts = [file.read_text(encoding="utf-8") for file in code if file.suffix in (".py", ".sql")]
    read = {name for text in texts for name in re.findall(r"marts\.([a-z]\w*)", text)}
    parts = ("board_paper", "measures", "trust", "dictionary", "site")
    deps = {dep.asset_key.path[-1] for part in parts for dep in specs[f"published/{part}"].deps}
    assert deps - set(parts) | {"measures"} == read


def test_a_source_shows_its_columns_and_is_loaded_in_one_run_that_is_tried_again(specs, graph, definitions):
    nodes = definitions.get_repository_def().get_job("nightly").graph
    for source, contract in CONTRACT.items():
        columns = specs[f"raw/{source}"].metadata["dagster/column_schema"].columns
        assert {column.name for column in columns} == {"force_code", *raw_columns(contract)}
        personal = {column.name for column in contract.columns if column.is_personal}
        assert {column.name for column in columns if "Personal" in column.description} == personal
        assert graph.get(dg.AssetKey(["raw", source])).backfill_policy == dg.BackfillPolicy.single_run()
        assert nodes.node_named(f"load_{source}").definition.retry_policy.max_retries == 1


def test_checks_say_in_words_what_they_claim_and_what_a_failure_does(graph):
    described = {key: graph.get_check_spec(key).description for key in graph.asset_check_keys}
    outcomes = (
        "rejects the delivery",
        "leaves the day incomplete",
        "is a warning: the delivery is loaded",
        "is a warning: the marts",
        "stops",
    )
    for text in described.values():
        assert "{" not in text
        assert sum(f"A failure {outcome}" in text for outcome in outcomes) == 1, text
    answered = described[dg.AssetCheckKey(dg.AssetKey(["raw", "call_segments"]), "some_calls_are_answered")]
    assert answered.endswith(
        "A failure rejects the delivery, one of a single force leaves the day of that force incomplete, unless an "
        "operator accepts it."
    )


def test_jobs_run_in_one_process_and_the_nightly_one_makes_all_but_what_leaves_the_force(graph, definitions):
    selected = {}
    for name in ("nightly", "publish", "publish_public", "publish_force"):
        job = definitions.resolve_job_def(name)
        assert job.executor_def is dg.in_process_executor
        selected[name] = set(job.asset_layer.executable_asset_keys)
    leaving = selected["publish_public"] | selected["publish_force"]
    assert selected.pop("nightly") == set(graph.executable_asset_keys) - leaving
    schemas = {name: {key.path[0] for key in keys} for name, keys in selected.items()}
    editions = {edition: {edition.replace("publish", "published")} for edition in ("publish_public", "publish_force")}
    assert schemas == {"publish": {"published"}, **editions}
    # Backfills of the UI.
    assert definitions.get_repository_def().get_job("__ASSET_JOB").executor_def is dg.in_process_executor


def test_the_schedule_and_the_sensors_of_alerts_are_on_and_that_of_new_deliveries_is_off(definitions):
    repository = definitions.get_repository_def()
    schedule = repository.get_schedule_def("nightly_0415")
    stated = (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone)
    assert stated == ("nightly", "15 4 * * *", "Europe/London")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    states = {one.name: (one.default_status.value, one.minimum_interval_seconds) for one in repository.sensor_defs}
    alerts = dict.fromkeys(("overdue_deliveries", "new_paper", "thresholds"), ("RUNNING", 300))
    alerts |= {"failed_runs": ("RUNNING", 60)}
    assert states == alerts | {"new_deliveries": ("STOPPED", 300)}


@pytest.mark.parametrize(("by", "cron", "window"), [("06:30", "30 6 * * *", 23_400), ("00:00", "0 0 * * *", 3_600)])
def test_the_pages_show_the_deadline_that_the_contract_states_and_an_owner(by, cron, window, tmp_path):
    stated = {"crimes": replace(CONTRACT["crimes"], delivered_by=time.fromisoformat(by), owner="")}
    (tmp_path / "manifest.json").write_text('{"groups": {}}', encoding="utf-8")
    specs = [landing_spec(stated["crimes"], Settings(home=tmp_path, _env_file=None))]
    [spec] = with_policies(specs, contracts=stated, manifest=tmp_path / "manifest.json")
    policy = spec.freshness_policy
    assert (policy.deadline_cron, policy.lower_bound_delta.total_seconds()) == (cron, window)
    # A contract may name no team.
    assert spec.owners == ["team:data-engineering"]


def landed(home, *names: str) -> Settings:
    """Empty files of these names, each in the folder of its source."""
    for name in names:
        DataRoot(home).land(name)
    return Settings(home=home, _env_file=None)


def test_days_begin_with_the_first_file_of_a_daily_source(tmp_path):
    unnamed = ["crimes_2014-03-31.csv", "crimes_2999-01-01.csv", "crimes_2018.csv", "published_figures_2015-01-01.csv"]
    settings = landed(tmp_path, "crimes_2019-03-04.csv", "crimes_2025-06-01.csv", *unnamed)
    days = extract_dates(settings, CONTRACT)
    assert days.get_first_partition_key() == "2019-03-04"
    noon = datetime(2025, 6, 2, 12, tzinfo=UTC)
    assert days.get_partition_keys(current_time=noon)[-1] == "2025-06-02", "the day that is not over may lie there"
    short, long = (days.time_window_for_partition_key(day) for day in ("2025-03-30", "2025-10-26"))
    assert [(window.end.timestamp() - window.start.timestamp()) / 3600 for window in (short, long)] == [23, 25]


def test_without_deliveries_today_is_the_only_day_and_synthetic_ones_end_with_the_newest(tmp_path):
    assert len(extract_dates(landed(tmp_path / "empty"), CONTRACT).get_partition_keys()) == 1
    settings = landed(tmp_path, "crimes_2019-03-04.csv", "live_chats_2019-03-06.csv")
    (settings.landing / "SYNTHETIC").touch()
    assert extract_dates(settings, CONTRACT).get_partition_keys() == ["2019-03-04", "2019-03-05", "2019-03-06"]


def test_days_without_files_are_known_from_the_published_audit(tmp_path):
    settings = landed(tmp_path, "crimes_2019-03-04.csv")
    database = settings.published / "one" / "fcir.duckdb"
    database.parent.mkdir(parents=True)
    (settings.published / "current").symlink_to("one")
    database.write_text("no database")
    assert extract_dates(settings, CONTRACT).get_first_partition_key() == "2019-03-04"
    database.unlink()
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.load_audit as
            from (values
                ('crimes', date '2018-02-03', 'missing_delivery', null),
                ('crimes', date '2018-12-31', 'rejected', timestamp '2019-01-02'),
                ('crimes', date '2019-01-01', 'replaced', null),
                ('published_figures', date '2015-01-01', 'loaded', null)
            ) as load_audit (source, extract_date, status, withdrawn_at)
            """
        )
    assert extract_dates(settings, CONTRACT).get_first_partition_key() == "2019-01-01"
