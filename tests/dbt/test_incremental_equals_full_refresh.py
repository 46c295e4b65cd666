"""Models that build by touched keys hold after every step what a full build holds."""

import shutil
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from tests.dbt.histories import History

STEPS = 3


@pytest.fixture
def history(tmp_path, monkeypatch):
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("FCIR_WAREHOUSE", str(warehouse))
    return History(warehouse, load_contracts(CONTRACTS), seed=20221030)


def build(folder: Path, *arguments: str) -> None:
    """Run models in a target folder of their own; the build fails the test that asks for it."""
    outcome = dbtRunner().invoke(
        [
            *("--log-level", "none", "--log-level-file", "none"),
            "run",
            *arguments,
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
        ]
    )
    # Else the adapter of this process keeps the file open until the next command.
    DuckDBConnectionManager.close_all_connections()
    assert outcome.success, outcome.exception or [result.message for result in outcome.result]


def contents(warehouse: Path) -> dict[str, list[tuple]]:
    """Every table of current rows and facts with its rows, in an order of their own."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_name like 'int\\_%\\_current' escape '\\' or table_name like 'fct\\_%' escape '\\' "
            "order by 1"
        ).fetchall()
        return {
            name: connection.execute(f"select * from {name} order by all").fetchall()  # noqa: S608 (own catalogue)
            for (name,) in names
        }


def test_every_step_of_a_random_history_gives_what_a_full_build_gives(history, tmp_path):
    warehouse, kept = tmp_path / "warehouse.duckdb", tmp_path / "kept.duckdb"
    incremental = "config.materialized:incremental"
    shrunk: set[str] = set()
    history.deliver()
    build(tmp_path, "--select", "path:models/staging", incremental)
    history.complete_build()
    before = contents(warehouse)
    assert len(before) == 9
    for step in range(STEPS):
        history.deliver()
        build(tmp_path, "--select", "path:models/staging", incremental)
        stepwise = contents(warehouse)
        shutil.copy(warehouse, kept)
        build(tmp_path, "--full-refresh", "--select", "path:models/staging", incremental)
        assert stepwise == contents(warehouse), f"step {step}"
        shutil.copy(kept, warehouse)
        shrunk |= {name for name in stepwise if len(stepwise[name]) < len(before[name])}
        before = stepwise
        # As after a build that failed late: what it built is there, and its loads are pending still.
        if step != 1:
            history.complete_build()
    assert {"fct_crime_status", "fct_call"} <= {name.split(".")[1] for name in shrunk}, "take another seed"
    assert all(before.values())
