"""The dbt project keeps its own rules, passes its unit tests, and builds before anything was delivered."""

import csv
import json
import os
import re
import shutil
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.contracts import load_contracts
from dagster_project.disclosure.force_rows import ForceRows, whole_release
from dagster_project.disclosure.releases import Whole
from dagster_project.settings import CONTRACTS, DBT_PROJECT, Settings
from dagster_project.transformation.project import ensure_manifest, invoke, marts_of, read_manifest, target_path
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.dbt.running import run_dbt

# Reads the graph of the project, not a table: a unit test has nothing to give it. A pytest compares it instead.
WITHOUT_INPUTS = {"data_dictionary"}
# All of an int_ model, which has the unit tests.
COPIES = {"published_versions", "revisions"}
# What the models of a layer may read: CONTRIBUTING.md, "Layers of the dbt project".
READS = {
    "staging": {"raw", "audit", "staging"},
    "changes": {"raw", "staging", "changes"},
    "core": {"reference", "staging", "changes", "core"},
    "measures": {"reference", "staging", "changes", "core", "measures"},
    "kpis": {"reference", "changes", "core", "measures", "kpis"},
    "national": {"reference", "core", "measures", "national"},
    "papers": {"reference", "staging", "core", "measures", "kpis", "papers"},
    "quality": {"staging", "quality"},
    "dictionary": {"reference"},
}
# Current rows of the two sources that hold what papers printed: no facts, and compared with measures alone.
PRINTED = {"int_published_figures_current", "int_published_statements_current"}


@pytest.fixture(scope="module")
def manifest(settings):
    return read_manifest(ensure_manifest(settings))


@pytest.fixture(scope="module")
def models(manifest):
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


def test_everything_builds_before_anything_was_delivered_and_every_unit_test_passes(settings):
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
    results = run_dbt(settings, "build", "--exclude-resource-type", "exposure")
    assert sum(item.node.resource_type == "unit_test" for item in results) > 25


def test_a_full_build_drops_what_an_earlier_version_left_and_nothing_else(settings):
    def relations() -> set[str]:
        with loading_connection(settings.warehouse) as connection:
            names = "select schema_name || '.' || {0}_name from duckdb_{0}s()"
            rows = connection.execute(f"{names.format('table')} union all {names.format('view')}").fetchall()
        return {name for (name,) in rows}

    before = relations()
    with loading_connection(settings.warehouse) as connection:
        connection.execute("create schema intermediate; create table intermediate.int_touched_month (id bigint)")
        connection.execute("create view staging.stg_crimes_touched as select 1 as id")
    run_dbt(settings, "build", "--select", "dim_force")
    assert relations() - before == {"intermediate.int_touched_month", "staging.stg_crimes_touched"}
    run_dbt(settings, "build", "--full-refresh", "--select", "dim_force")
    assert relations() == before


def test_a_data_root_that_was_moved_is_not_parsed_again(settings, manifest, tmp_path):
    assert manifest
    moved = Settings(home=tmp_path, _env_file=None)
    target_path(moved).mkdir()
    for name in ("partial_parse.msgpack", "manifest.fingerprint"):
        shutil.copy(target_path(settings) / name, target_path(moved))
    assert read_manifest(ensure_manifest(moved))["nodes"].keys() == manifest["nodes"].keys()
    counts = json.loads((target_path(moved) / "perf_info.json").read_text(encoding="utf-8"))
    assert (counts["path_count"] > 300, counts["parsed_path_count"]) == (True, 0)


@pytest.mark.parametrize("damage", [b"", b"{"], ids=["empty", "cut"])
def test_a_damaged_manifest_is_parsed_again(settings, manifest, tmp_path, damage):
    damaged = Settings(home=tmp_path, _env_file=None)
    shutil.copytree(target_path(settings), target_path(damaged))
    (target_path(damaged) / "manifest.json").write_bytes(damage)
    (target_path(damaged) / "partial_parse.msgpack").write_bytes(damage)
    assert read_manifest(ensure_manifest(damaged))["nodes"].keys() == manifest["nodes"].keys()


def test_dbt_leaves_the_environment_as_it_was(settings, monkeypatch):
    monkeypatch.setenv("FCIR_MEMORY_LIMIT", "1GB")
    before = dict(os.environ)
    parsed = invoke(settings, ["parse", "--no-write-json"])
    assert dict(os.environ) == before
    invoke(settings, ["compile", "--select", "dim_force"], manifest=parsed)
    assert dict(os.environ) == before


def test_every_table_is_built_with_a_quarter_of_the_memory_of_a_build(sample, tmp_path):
    warehouse, manifest = tmp_path / "warehouse.duckdb", sample.home / "dbt" / "manifest.json"
    for file in (sample.home / "warehouse.duckdb", sample.home / "marts.duckdb"):
        shutil.copy(file, tmp_path)
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    tables = [node for node in models if node["config"]["materialized"] != "view"]
    limits = {"threads": 2, "memory_limit": "100MB", "temp_directory": str(tmp_path / "spilled")}
    with duckdb.connect(str(warehouse), config=limits) as connection:
        connection.execute(f"attach '{tmp_path / 'marts.duckdb'}' as fcir (read_only)")
        for node in tables:
            connection.execute(f"create or replace temp table built as {node['compiled_code']}")
    assert len(tables) > 60


def seed(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def layer_of(node: dict[str, Any]) -> str:
    """Source (raw, audit), reference of a seed, or the layer of a model."""
    if node["resource_type"] == "source":
        return node["source_name"]
    if node["resource_type"] == "seed":
        return "reference"
    return node["fqn"][2] if node["fqn"][1] == "marts" else node["fqn"][1]


def test_a_model_reads_only_what_its_layer_may_read(manifest, models):
    nodes = manifest["nodes"] | manifest["sources"]
    for name, model in models.items():
        read = {layer_of(nodes[parent]) for parent in model["depends_on"]["nodes"]}
        assert read <= READS[layer_of(model)], name


def test_only_core_and_the_printed_figures_read_staging_of_a_delivered_source(manifest, models):
    nodes = manifest["nodes"] | manifest["sources"]
    for name, model in models.items():
        if layer_of(model) not in ("staging", "core") and name not in PRINTED:
            staged = [nodes[parent]["fqn"] for parent in model["depends_on"]["nodes"] if ".stg_" in parent]
            assert {fqn[2] for fqn in staged} <= {"audit"}, name


def test_the_prefix_of_a_model_is_its_layer(models):
    prefixes = {
        "staging": "stg_",
        "changes": "chg_",
        "core": ("fct_", "dim_"),
        "measures": "int_",
        "kpis": "kpi_",
        "national": "national_",
    }
    for name, model in models.items():
        assert name.startswith(prefixes.get(layer_of(model), "")), name


def test_a_yaml_file_is_named_by_its_folder_and_what_it_holds():
    for path in [*(DBT_PROJECT / "models").rglob("*.yml"), *(DBT_PROJECT / "seeds").rglob("*.yml")]:
        (kind,) = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert path.name == f"_{path.parent.name}__{kind}.yml", path


def test_a_model_is_described_and_unit_tested_beside_its_sql():
    for path in (DBT_PROJECT / "models").rglob("*.yml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for model in content.get("models", []):
            assert (path.parent / f"{model['name']}.sql").is_file(), model["name"]
        for unit_test in content.get("unit_tests", []):
            assert (path.parent / f"{unit_test['model']}.sql").is_file(), unit_test["name"]


def test_every_description_of_a_model_ends_with_its_grain(models):
    for name, model in models.items():
        assert re.search(r"\bOne row (per|for)\b[^.]*\.$", model["description"].strip()), name


def test_every_mart_has_an_enforced_contract_and_every_column_is_described(models):
    for name, model in models.items():
        if model["schema"] != "marts":
            continue
        assert model["config"]["contract"]["enforced"], name
        undescribed = [column for column, item in model["columns"].items() if not item["description"].strip()]
        assert undescribed == [], name


def integrity_tests(manifest) -> list[dict[str, Any]]:
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "integrity"
    ]


def test_the_grain_of_every_mart_is_tested(manifest):
    tested = {
        node["attached_node"].split(".")[-1]: node["test_metadata"]["kwargs"].get("grain", ())
        for node in integrity_tests(manifest)
    }
    for mart in marts_of(manifest):
        assert set(tested.get(mart.name, ())) == set(mart.grain), mart.name


def test_a_table_has_one_test_of_integrity_that_waits_for_the_parents_that_it_names(manifest):
    """References in a list of an argument are found by dbt too: else a test could run before its parents are built."""
    tests = integrity_tests(manifest)
    tables = [node["attached_node"] for node in tests]
    assert len(set(tables)) == len(tables)
    for node in tests:
        parents = {f"ref('{unique_id.split('.')[-1]}')" for unique_id in node["depends_on"]["nodes"]}
        named = {parent["to"] for parent in node["test_metadata"]["kwargs"].get("parents", [])}
        assert named <= parents, node["attached_node"]


def test_every_mart_says_whether_it_is_public(models):
    # A mart that does not say is not published either; this makes its author decide.
    for name, model in models.items():
        assert model["schema"] != "marts" or "public" in model["config"]["meta"], name


def test_every_mart_says_which_rows_the_edition_of_a_force_contains(models):
    # A mart that does not say is in no edition either; this makes its author decide.
    for name, model in models.items():
        assert model["schema"] != "marts" or "force_edition" in model["config"]["meta"], name


def test_detail_of_other_forces_is_in_no_edition_of_a_force(manifest):
    """Only marts that a reader of the public edition may read have rows of other forces."""
    columns = [column for contract in load_contracts(CONTRACTS).values() for column in contract.columns]
    personal = {column.name for column in columns if column.is_personal}
    traces = {"load_id", "source_row", "file_name", "file_sha256", "run_id"}
    for mart in marts_of(manifest):
        if mart.force_rows in (ForceRows.OWN, ForceRows.NONE):
            continue
        shown = set(mart.columns)
        if mart.force_rows is not ForceRows.ALL:
            shown = set(whole_release(mart.releases).columns)
        assert not shown & (personal | traces), mart.name
        # Descriptions apart, a table with all rows is public in all its columns.
        if mart.force_rows is ForceRows.ALL and mart.name != "data_dictionary":
            assert set(whole_release(mart.releases).columns) >= set(mart.columns), mart.name


def test_no_event_and_nothing_about_an_operator_is_public(manifest):
    released = {mart.name: mart for mart in marts_of(manifest) if mart.releases}
    assert [name for name in released if name.startswith("fct_") or "operator" in name] == []
    columns = [column for contract in load_contracts(CONTRACTS).values() for column in contract.columns]
    hidden = {column.name for column in columns if column.is_personal} | {"load_id", "source_row", "file_name"}
    for mart in released.values():
        for release in mart.releases:
            assert not set(release.columns) & hidden, mart.name


def test_dimensions_below_force_level_are_public_under_control_only(manifest):
    below = {
        "district",
        "offence_code",
        "cancel_code",
        "contact_type",
        "days_band",
        "hour_of_day",
        "date_day",
        "change",
    }
    for mart in marts_of(manifest):
        for release in mart.releases:
            if isinstance(release, Whole) and mart.name not in ("dim_date", "dim_offence"):
                assert not set(release.columns) & below, mart.name
            if isinstance(release, Whole) and "measure" in release.columns:
                assert "reference.public_measures" in (release.where or ""), mart.name


def test_the_public_list_has_measures_of_the_catalogue_and_no_breakdown_as_a_whole():
    release = {row["measure"]: row["release"] for row in seed("public_measures")}
    catalogue = {row["measure"]: row for row in seed("measure_catalogue")}
    assert set(release) <= set(catalogue)
    assert [name for name, row in catalogue.items() if row["breakdown"] and release.get(name) == "whole"] == []
    # A paper of the public edition would lack a line that it has elsewhere.
    in_paper = [name for name, row in catalogue.items() if row["in_board_paper"] == "true"]
    assert [name for name in in_paper if release.get(name, "whole") != "whole"] == []


def test_every_measure_has_synonyms_and_every_synonym_a_measure_or_section():
    terms = {row["term"] for row in seed("measure_synonyms")}
    catalogue = seed("measure_catalogue")
    names = {row["name"] for row in catalogue}
    # The labels of these say all, in the words that people use.
    assert names - terms == {"other", "other_than_ocr_and_chat", "report_a_crime"}
    assert terms - names == {row["section"] for row in catalogue} - {"demand"} - names


def test_every_kpi_and_report_has_a_unit_test(manifest, models):
    tested = {unit_test["model"] for unit_test in manifest["unit_tests"].values()}
    layers = ("kpis", "national", "papers", "quality", "dictionary")
    needed = {name for name, model in models.items() if layer_of(model) in layers}
    assert needed - tested == WITHOUT_INPUTS | COPIES


def code_of_models() -> dict[str, str]:
    """The SQL of each model in lower case and without comments, by file name."""
    return {
        path.name: re.sub(r"\{#.*?#\}|--[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.S).lower()
        for path in (DBT_PROJECT / "models").rglob("*.sql")
    }


def test_sql_of_models_is_portable():
    banned = {
        r"::": "a cast is written cast(x as type)",
        r"\bqualify\b": "QUALIFY is not known to Spark",
        r"\b(double|float|real)\b": "sums of doubles differ from run to run",
        r"\bexclude\s*\(": "EXCLUDE is not known to Spark",
        r"\basof\b": "ASOF is not known to Spark",
        r"(?<![:/])//": "floor division is not known to Spark",
    }
    for name, code in code_of_models().items():
        for pattern, reason in banned.items():
            assert not re.search(pattern, code), f"{name}: {reason}"


# Differences that give another figure and no error. Spark: docs of the macros in macros/engines/spark*.sql.
SILENT = {
    r"\btarget\.(type|name)\b|\badapter\.type\b": "what differs between engines belongs in macros/engines",
    r"\b(duckdb|spark)__\w+": "what differs between engines belongs in macros/engines",
    r"\bdiv\b": "div of decimals is a bigint in Spark, and wraps; use int_div()",
    r"(?<!cast\()\b(row_number|rank|dense_rank|ntile)\(\w*\) over": "a window number is an int in Spark; cast it",
    r"\bconcat\(": "concat() leaves nulls out in DuckDB and is null in Spark; use ||",
    r"\b(any_value|first|last|mode)\(": "engines choose different rows; use min()",
    r"\blike '[^']*\\": "a backslash is an escape in like in Spark only",
    r"""replace\(\s*["']'["'],\s*["']''["']\)""": "two literals in Spark; use dbt.escape_single_quotes",
}


@pytest.mark.parametrize(
    "sql",
    [
        "{% if target.type == 'spark' %}",
        "adapter.type()",
        "{{ spark__int_div(a, b) }}",
        "a div b",
        "row_number() over (order by a)",
        """text | replace("'", "''")""",
        "concat('calls_', line)",
        "any_value(label)",
        "label like '100\\%'",
    ],
)
def test_each_silent_difference_is_found(sql):
    assert [pattern for pattern in SILENT if re.search(pattern, sql)]


def test_nothing_outside_macros_engines_depends_on_the_engine():
    for folder in ("models", "macros", "tests"):
        for path in (DBT_PROJECT / folder).rglob("*.sql"):
            if path.parent.name == "engines":
                continue
            code = re.sub(r"\{#.*?#\}|--[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.S).lower()
            for pattern, reason in SILENT.items():
                assert not re.search(pattern, code), f"{path.name}: {reason}"


def test_every_macro_that_depends_on_the_engine_exists_for_both():
    code = {path: path.read_text(encoding="utf-8") for path in (DBT_PROJECT / "macros").rglob("*.sql")}
    dispatched = {name for text in code.values() for name in re.findall(r'adapter\.dispatch\(["\'](\w+)', text)}
    assert dispatched
    engines = "".join(text for path, text in code.items() if path.parent.name == "engines")
    for name in dispatched:
        for engine in ("duckdb", "spark"):
            assert f"macro {engine}__{name}(" in engines, f"{engine}__{name}"


def test_no_mart_repeats_a_quotient_of_the_catalogue():
    sums: dict[str, dict[str, set[str]]] = {}
    for row in seed("measure_parts"):
        sums.setdefault(row["measure"], {}).setdefault(row["role"], set()).add(row["part"].partition(".")[2])
    quotients = {
        (*roles["numerator"], *roles["denominator"])
        for roles in sums.values()
        if len(roles.get("numerator", ())) == len(roles.get("denominator", ())) == 1
    }
    assert ("not_answered", "received") in quotients
    ratio = re.compile(r'\bratio\(\s*"(?:\w+\.)?(\w+)",\s*"(?:\w+\.)?(\w+)"')
    for path in (DBT_PROJECT / "models").rglob("*.sql"):
        assert not set(ratio.findall(path.read_text(encoding="utf-8"))) & quotients, path.name


def test_every_order_says_where_nulls_go():
    for name, code in code_of_models().items():
        for clause in re.findall(r"\border by\b(.*?)(?:\brows\b|\brange\b|\)|\blimit\b|$)", code, flags=re.S):
            assert "nulls" in clause, f"{name}: order by{clause}"
