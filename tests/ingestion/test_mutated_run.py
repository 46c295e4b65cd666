"""A whole run over mutated extracts: it ends, and no file or table that it writes has a personal value."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dagster_project.sql import table
from dagster_project.warehouse.connection import open_read_only
from tests.end_to_end.command import Command
from tests.ingestion.stacked_mutations import mutated_extracts
from tests.reference.drafts import DEFAULT_FORCE, MARKER
from tests.reference.extract_files import written

SEED, COUNT = 20221031, 150


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Command:
    home = tmp_path_factory.mktemp("mutated_run") / "home"
    command = Command(home, settings={"FCIR_FORCE": DEFAULT_FORCE})
    command.know_the_project(parsed_project)
    for draft in mutated_extracts(SEED, COUNT):
        path = home / "landing" / draft.source / draft.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(draft))
    return command


@pytest.fixture(scope="module")
def run(command: Command) -> subprocess.CompletedProcess[str]:
    return command.run("run")


@pytest.fixture
def home(command: Command) -> Path:
    return command.home


def test_run_publishes_the_rest_when_deliveries_are_rejected(run, command):
    assert run.returncode == 1, run.stderr[-2000:]
    assert "Traceback" not in run.stdout + run.stderr
    statuses = dict(command.published("select status, count(*) from marts.load_audit group by status"))
    assert statuses["rejected"] > 10
    [(loaded,)] = command.published("select count(*) from marts.load_audit where rows_loaded > 0")
    assert loaded > 60


def test_no_file_of_the_run_has_a_personal_value(run, home):
    assert MARKER.casefold() not in (run.stdout + run.stderr).casefold()
    wanted = MARKER.casefold().encode()
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_relative_to(home / "landing")]
    assert len(files) > 20
    assert [path for path in files if wanted in path.read_bytes().lower()] == []


def test_no_column_of_the_warehouse_has_a_personal_value(run, home):
    assert run.returncode == 1
    found = []
    # Packed as it is, a database file would not show it.
    with open_read_only(home / "warehouse.duckdb") as connection:
        columns = connection.execute(
            """
            select table_catalog, table_schema, table_name, column_name
            from information_schema.columns
            where data_type like '%VARCHAR%'
            """
        ).fetchall()
        assert len(columns) > 100
        for *relation, column in columns:
            if connection.execute(
                f"select 1 from {table(*relation)} where cast({table(column)} as varchar) ilike $1 limit 1",  # noqa: S608
                [f"%{MARKER}%"],
            ).fetchall():
                found.append((*relation, column))
    assert found == []
