"""The generic test `integrity` finds a fault of every kind, and names the fault and its rows.

The project `integrity/` has two tiny lists with a test of integrity each: `visits` with a fault of every kind that it
knows, `stations` with none. They are built as the warehouse is.
"""

import shutil
from functools import partial
from pathlib import Path

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.defs.transformations import transformation_assets
from dagster_project.settings import CONTRACTS, DBT_PROJECT, read_settings
from dagster_project.transformation import project
from dagster_project.transformation.__main__ import run
from dagster_project.transformation.build import NodeResult, build
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables

# Visits A to C have no fault; the nulls of B and C are not faults of a sum or of a foreign key.
PROJECT = Path(__file__).with_name("integrity")
FAULTS = {
    "reason is empty": 3,
    "reason is none of bail, lover's quarrel": 2,
    "people is not the sum of adults, children": 1,
    "four came": 1,
    "another row has the same force, visit": 2,
    "force, station is not in stations (dbt/seeds/stations.csv)": 2,
    "day is no opened of stations (dbt/seeds/stations.csv)": 1,
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder, home = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("home")
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
    macros = ("macros/file_of_seed.sql", "macros/generate_schema_name.sql", "tests/generic/integrity.sql")
    for name in ("profiles.yml", *macros):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(DBT_PROJECT / name, folder / name)
    (folder / "models").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "DBT_PROJECT", folder)
        patch.setenv("FCIR_HOME", str(home))
        settings = read_settings()
        with loading_connection(settings.warehouse) as connection:
            ensure_tables(connection, load_contracts(CONTRACTS).values())
        yield settings


@pytest.fixture(scope="module")
def nodes(settings) -> dict[str, NodeResult]:
    manifest = project.read_manifest(project.ensure_manifest(settings))
    report = build(settings, partial(run, settings), run_id="run", manifest=manifest)
    return {node.name: node for node in report.nodes}


@pytest.fixture(scope="module")
def visits(nodes) -> NodeResult:
    return nodes["integrity_of_visits"]


def test_every_kind_of_fault_is_found_and_its_condition_finds_the_rows(settings, visits):
    assert visits.status == "fail"
    assert {fault.text: fault.rows for fault in visits.faults} == FAULTS
    assert visits.failures == sum(FAULTS.values())
    found = {}
    with loading_connection(settings.warehouse) as connection:
        for fault in visits.faults:
            rows = connection.execute(f"select visit from reference.visits where {fault.rows_where}").fetchall()
            found[fault.text] = "".join(sorted(visit for (visit,) in rows))
    # All rows that are alike are shown, also the one that could stay.
    assert found == dict(zip(FAULTS, ("DEF", "GH", "I", "I", "JJJ", "KL", "M"), strict=True))


def test_a_table_without_faults_or_without_rows_passes(settings, nodes, visits):
    stations = nodes["integrity_of_stations"]
    assert (stations.status, stations.failures, stations.faults) == ("pass", 0, ())
    with loading_connection(settings.warehouse) as connection:
        connection.execute("begin")
        connection.execute("delete from reference.visits")
        assert connection.execute(visits.sql).fetchall() == []
        connection.execute("rollback")


def test_the_message_names_faults_and_rows_and_shows_no_value(settings, visits):
    text, query = visits.message.split(". Rows: ")
    assert text == "; ".join(f"{rows} row{'s' * (rows > 1)}: {text}" for text, rows in FAULTS.items())
    assert "Elvis" not in visits.message
    with loading_connection(settings.warehouse) as connection:
        assert len(connection.execute(query).fetchall()) == 12


def test_dagster_describes_the_rules_of_a_table(settings):
    tables = transformation_assets(project.ensure_manifest(settings), settings)
    [spec] = [spec for spec in tables.check_specs if spec.asset_key.path[-1] == "visits"]
    assert spec.name == "integrity_of_visits"
    assert spec.description == (
        "grain: force, visit. required: visit, reason. "
        "accepted: reason bail, lover's quarrel; force kent, surrey. "
        "totals: total people; parts adults, children, total adults; parts adults. "
        "conditions: text four came; where people = 4. parents: columns force, station; to ref('stations'), "
        "columns day; to ref('stations'); to_columns opened, columns force; to ref('stations'). "
        "A failure stops the run: nothing is published, and what was published before stays."
    )
