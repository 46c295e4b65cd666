"""A whole run over mutated extracts: it ends, and no personal value is in anything that it leaves behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dagster_project.sql import table
from dagster_project.warehouse.connection import open_read_only
from tests.ingestion.stacked_mutations import mutated_extracts
from tests.reference.drafts import DEFAULT_FORCE, MARKER
from tests.reference.extract_files import written

SEED, COUNT = 20221031, 150
FCIR = Path(sys.executable).with_name("fcir")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Path:
    home = tmp_path_factory.mktemp("mutated_run")
    shutil.copytree(parsed_project, home / "dbt")
    for draft in mutated_extracts(SEED, COUNT):
        path = home / "landing" / draft.source / draft.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(draft))
    return home


@pytest.fixture(scope="module")
def run(home: Path) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("FCIR_", "DAGSTER_", "DBT_"))
    }
    environment = {"FCIR_HOME": str(home), "FCIR_FORCE": DEFAULT_FORCE, "DAGSTER_DISABLE_TELEMETRY": "1"}
    return subprocess.run([FCIR, "run"], env={**inherited, **environment}, capture_output=True, text=True, check=False)


def test_rejected_deliveries_hold_nothing_back(run, home):
    assert run.returncode == 1, run.stderr[-2000:]
    assert "Traceback" not in run.stdout + run.stderr
    with duckdb.connect(str(home / "published" / "current" / "fcir.duckdb"), read_only=True) as connection:
        statuses = dict(connection.execute("select status, count(*) from marts.load_audit group by status").fetchall())
        rows = connection.execute("select count(*) from marts.load_audit where rows_loaded > 0").fetchone()
    assert statuses["rejected"] > 10
    assert rows is not None
    assert rows[0] > 60


def test_no_file_that_is_left_holds_a_personal_value(run, home):
    assert MARKER.casefold() not in (run.stdout + run.stderr).casefold()
    wanted = MARKER.casefold().encode()
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_relative_to(home / "landing")]
    assert len(files) > 20
    assert [path for path in files if wanted in path.read_bytes().lower()] == []


def test_no_column_of_the_warehouse_holds_a_personal_value(run, home):
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
