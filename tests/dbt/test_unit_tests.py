"""Every unit test of the models passes, and every data test of an empty warehouse, without dbt; dbt judges alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT, Settings
from dagster_project.transformation.project import invoke, parse
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.compiled_project import CompiledProject, build_node, read_project, warehouse
from tests.dbt.unit_tests import passes

FILES = [path.read_text(encoding="utf-8") for path in sorted((DBT_PROJECT / "models").rglob("*__unit_tests.yml"))]
TEXTS = {text.partition("\n")[0]: text for file in FILES for text in re.split(r"^  - name: ", file, flags=re.M)[1:]}
# Those of an incremental build, and those with another variable or macro, need another compilation: dbt runs them.
OTHER = re.compile(r"^    overrides:\s+(vars|macros: (?!\{is_incremental: false\}))", re.MULTILINE)
OF_DBT = [name for name, text in TEXTS.items() if OTHER.search(text)]


@pytest.fixture(scope="module")
def built(project: CompiledProject) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse to which nothing was delivered."""
    with warehouse() as connection:
        for node in project.nodes.values():
            if node.kind != "test":
                build_node(connection, node)
        yield connection


def test_data_tests_find_nothing_before_anything_was_delivered(
    built: duckdb.DuckDBPyConnection, project: CompiledProject
) -> None:
    tests = [node for node in project.nodes.values() if node.kind == "test"]
    assert len(tests) > 75
    assert {node.name: build_node(built, node) for node in tests} == {node.name: 0 for node in tests}


@pytest.mark.parametrize("name", sorted(TEXTS.keys() - {*OF_DBT}))
def test_unit_test_passes(name: str, built: duckdb.DuckDBPyConnection, project: CompiledProject) -> None:
    [test] = [test for test in project.manifest["unit_tests"].values() if test["name"] == name]
    assert passes(built, project, test)


def test_dbt_judges_as_the_runner_does_and_runs_what_it_cannot(
    built: duckdb.DuckDBPyConnection, project: CompiledProject, compiled_manifest: Path, settings: Settings
) -> None:
    parsed = parse(settings)
    tests = {test.name: test for test in parsed.unit_tests.values()}
    both = ["an_offence_that_the_list_lacks_is_unclassified", "the_newest_row_of_a_chat_is_kept"]
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        compiled = read_project(compiled_manifest)
        for node in compiled.with_ancestors(tests[name].model for name in (*OF_DBT, *both)):
            build_node(connection, node)
    for name in both:
        assert passes(built, project, asdict(tests[name]))
        # With a row less, it has to fail.
        tests[name].expect.rows.pop()
        assert not passes(built, project, asdict(tests[name]))
    results = invoke(settings, ["test", "--select", *OF_DBT, *both], manifest=parsed).results
    judged = {item.node.name: str(item.status) for item in results if item.node.resource_type == "unit_test"}
    assert judged == dict.fromkeys(OF_DBT, "pass") | dict.fromkeys(both, "fail")
