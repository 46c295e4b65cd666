"""The dbt project keeps its own rules: layers, names, contracts, what is public, and SQL that runs on both engines."""

import csv
import re
from typing import Any

import pytest
import yaml

from dagster_project.contracts import load_contracts
from dagster_project.disclosure.force_rows import ForceRows, whole_release
from dagster_project.disclosure.releases import Whole
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from dagster_project.transformation.project import marts_of, read_manifest

SUBJECTS = {"calls", "contact", "crime"}
# What the models of a folder may read: CONTRIBUTING.md, "Layers of the dbt project".
READS = {
    "staging": {"raw", "audit", "staging", "reference"},
    "changes": {"raw", "audit", "staging", "changes"},
    "core": {"reference", "audit", "core"},
    "calls": {"reference", "audit", "staging", "changes", "core", "completeness", "calls"},
    "contact": {"reference", "audit", "staging", "changes", "core", "completeness", "contact"},
    "crime": {"reference", "audit", "staging", "changes", "core", "completeness", "crime"},
    "completeness": {"reference", "audit", "completeness"},
    "measures": {"reference", "audit", "changes", "core", "completeness", "measures", *SUBJECTS},
    "national": {"reference", "staging", "changes", "core", "completeness", "measures", "national", *SUBJECTS},
    "papers": {"reference", "audit", "staging", "changes", "core", "completeness", "measures", "papers", *SUBJECTS},
    "quality": {"audit", "quality"},
    "dictionary": {"reference"},
}
PREFIXES = {
    "staging": "stg_",
    "changes": "chg_",
    "core": "dim_",
    "completeness": "kpi_",
    "measures": "kpi_",
    "national": ("national_", "fct_"),
    **dict.fromkeys(SUBJECTS, ("fct_", "dim_", "kpi_")),
}
# They read the two sources that hold what papers printed: no facts, and compared with measures alone.
PRINTED = {"int_statement", "reconciliation"}
BELOW_A_FORCE = {
    *("district", "offence_code", "cancel_code", "contact_type", "days_band", "hour_of_day", "date_day", "change"),
}


@pytest.fixture(scope="module")
def manifest(compiled_manifest) -> dict[str, Any]:
    return read_manifest(compiled_manifest)


@pytest.fixture(scope="module")
def models(manifest) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.fixture(scope="module")
def integrity_tests(manifest) -> list[dict[str, Any]]:
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    return [node for node in tests if (node.get("test_metadata") or {}).get("name") == "integrity"]


def layer_of(node: dict[str, Any]) -> str:
    """Source (raw, audit), reference of a seed, or the folder of a model."""
    if node["resource_type"] == "source":
        return node["source_name"]
    if node["resource_type"] == "seed":
        return "reference"
    return node["fqn"][1]


def seed(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_model_is_named_by_its_folder_and_reads_only_what_its_folder_may_read(manifest, models):
    nodes = manifest["nodes"] | manifest["sources"]
    for name, model in models.items():
        folder, parents = layer_of(model), model["depends_on"]["nodes"]
        assert name.startswith("int_" if "intermediate" in model["fqn"] else PREFIXES.get(folder, "")), name
        assert {layer_of(nodes[parent]) for parent in parents} <= READS[folder], name
        delivered = {nodes[parent]["fqn"][2] for parent in parents if ".stg_" in parent}
        if not name.startswith(("stg_", "fct_")) and name not in PRINTED:
            assert delivered == set(), f"{name}: only facts read staging of a delivered source"


def ancestors(manifest: dict[str, Any], unique_id: str) -> set[str]:
    """Names of the models that a model is made of, directly or not."""
    found: set[str] = set()
    waiting = [unique_id]
    while waiting:
        parents = manifest["nodes"][waiting.pop()]["depends_on"]["nodes"]
        waiting += [parent for parent in parents if parent.startswith("model.") and parent not in found]
        found.update(waiting)
    return {parent.split(".")[-1] for parent in found}


def test_no_subject_depends_on_another_even_by_way_of_others(manifest, models):
    folder_of = {name: layer_of(model) for name, model in models.items()}
    for name, model in models.items():
        subjects = {folder_of[parent] for parent in ancestors(manifest, model["unique_id"])} & SUBJECTS
        if folder_of[name] in SUBJECTS | {"completeness", "core"}:
            assert subjects <= {folder_of[name]}, name


def test_a_figure_of_calls_needs_at_most_eight_models(manifest, models):
    # Besides seeds: staging, changed rows, two facts, what a call counts for, its sums, complete days and months.
    upstream = {
        name: ancestors(manifest, model["unique_id"]) for name, model in models.items() if layer_of(model) == "calls"
    }
    assert {name: parents for name, parents in upstream.items() if len(parents) > 8} == {}


def test_a_yaml_file_is_named_by_what_it_has_and_stands_beside_the_sql_that_it_describes():
    for path in [*(DBT_PROJECT / "models").rglob("*.yml"), *(DBT_PROJECT / "seeds").rglob("*.yml")]:
        [(kind, items)] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader).items()
        assert re.fullmatch(rf"_\w+__{kind}\.yml", path.name), path
        for item in items if kind in ("models", "unit_tests") else ():
            assert (path.parent / f"{item.get('model', item['name'])}.sql").is_file(), item["name"]


def test_every_model_states_its_grain_and_every_mart_what_it_promises(models):
    for name, model in models.items():
        assert re.search(r"\bOne row (per|for)\b[^.]*\.$", model["description"].strip()), name
        if model["schema"] == "marts":
            assert model["config"]["contract"]["enforced"], name
            assert [column for column, item in model["columns"].items() if not item["description"].strip()] == [], name
            # A mart that does not say is in no edition either; this makes its author decide.
            assert {"public", "force_edition"} <= model["config"]["meta"].keys(), name


def test_the_grain_of_every_mart_is_tested_once_after_the_parents_that_the_test_names(manifest, integrity_tests):
    """References in a list of an argument are found by dbt too: else a test could run before its parents are built."""
    grains = {}
    for node in integrity_tests:
        arguments, name = node["test_metadata"]["kwargs"], node["attached_node"].split(".")[-1]
        assert name not in grains
        grains[name] = set(arguments.get("grain", ()))
        parents = {f"ref('{unique_id.split('.')[-1]}')" for unique_id in node["depends_on"]["nodes"]}
        assert {parent["to"] for parent in arguments.get("parents", [])} <= parents, name
    assert {mart.name: grains.get(mart.name) for mart in marts_of(manifest)} == {
        mart.name: set(mart.grain) for mart in marts_of(manifest)
    }


def test_no_event_person_or_detail_of_another_force_leaves_it(manifest):
    columns = [column for contract in load_contracts(CONTRACTS).values() for column in contract.columns]
    personal = {column.name for column in columns if column.is_personal}
    hidden = personal | {"load_id", "source_row", "file_name", "file_sha256", "run_id"}
    for mart in marts_of(manifest):
        assert not (mart.releases and (mart.name.startswith("fct_") or "operator" in mart.name)), mart.name
        for release in mart.releases:
            assert not set(release.columns) & hidden, mart.name
            if isinstance(release, Whole) and mart.name not in ("dim_date", "dim_offence"):
                assert not set(release.columns) & BELOW_A_FORCE, mart.name
            if isinstance(release, Whole) and "measure" in release.columns:
                assert "reference.public_measures" in (release.where or ""), mart.name
        # Only marts that a reader of the public edition may read have rows of other forces; those that have all rows
        # are public in all their columns, the dictionary apart.
        if mart.force_rows is ForceRows.ALL:
            assert not set(mart.columns) & hidden, mart.name
            if mart.name != "data_dictionary":
                assert set(whole_release(mart.releases).columns) >= set(mart.columns), mart.name
        elif mart.force_rows not in (ForceRows.OWN, ForceRows.NONE):
            assert not set(whole_release(mart.releases).columns) & hidden, mart.name


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


def code_in(*folders: str) -> dict[str, str]:
    """The SQL of each file in lower case and without comments, by file name; what belongs to an engine is left out."""
    return {
        path.name: re.sub(r"\{#.*?#\}|--[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.S).lower()
        for folder in folders
        for path in (DBT_PROJECT / folder).rglob("*.sql")
        if path.parent.name != "engines"
    }


BANNED = {
    r"::": "a cast is written cast(x as type)",
    r"\bqualify\b": "QUALIFY is not known to Spark",
    r"\b(double|float|real)\b": "sums of doubles differ from run to run",
    r"\bexclude\s*\(": "EXCLUDE is not known to Spark",
    r"\basof\b": "ASOF is not known to Spark",
    r"(?<![:/])//": "floor division is not known to Spark",
    r"\border by(?![^)]*nulls)": "every order says where nulls go",
}
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


def test_sql_is_portable():
    for rules, folders in ((BANNED, ("models",)), (SILENT, ("models", "macros", "tests"))):
        for name, code in code_in(*folders).items():
            for pattern, reason in rules.items():
                assert not re.search(pattern, code), f"{name}: {reason}"


def test_every_macro_that_depends_on_the_engine_exists_for_both():
    texts = {path: path.read_text(encoding="utf-8") for path in (DBT_PROJECT / "macros").rglob("*.sql")}
    dispatched = {name for text in texts.values() for name in re.findall(r'adapter\.dispatch\(["\'](\w+)', text)}
    engines = "".join(text for path, text in texts.items() if path.parent.name == "engines")
    made = set(re.findall(r"macro (duckdb|spark)__(\w+)\(", engines))
    assert {(engine, name) for name in dispatched for engine in ("duckdb", "spark")} <= made
