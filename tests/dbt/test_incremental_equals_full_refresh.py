"""Models that build by touched keys hold after every step what a full build holds."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from dagster_project.contracts import load_contracts
from dagster_project.publication.database import DATABASE, write_tables
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from dagster_project.transformation.project import Mart, marts_of
from dagster_project.warehouse.connection import loading_connection
from tests.dbt.histories import DAYS, History

STEPS = 3


@pytest.fixture
def history(tmp_path, monkeypatch):
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("FCIR_WAREHOUSE", str(warehouse))
    return History(warehouse, load_contracts(CONTRACTS), seed=14)


def build(folder: Path, *arguments: str) -> None:
    """Run models in a target folder of their own; the build fails the test that asks for it."""
    outcome = dbtRunner().invoke(
        [
            *("--log-level", "none", "--log-level-file", "none"),
            "build",
            *arguments,
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
        ]
    )
    # Else the adapter of this process keeps the file open until the next command.
    DuckDBConnectionManager.close_all_connections()
    assert outcome.success, outcome.exception or [result.message for result in outcome.result]


def contents(warehouse: Path) -> dict[str, list[tuple]]:
    """Every table that is built from loads with its rows, in an order of their own."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('intermediate', 'marts') and table_type = 'BASE TABLE' "
            "and table_name <> 'int_touched_month' order by 1"
        ).fetchall()
        return {
            name: connection.execute(f"select * from {name} order by all").fetchall()  # noqa: S608 (own catalogue)
            for (name,) in names
        }


def spared_sources(warehouse: Path) -> set[str]:
    """Sources of which the last build left a month as it was."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select source from intermediate.int_touched_month where first_month > ?", [DAYS[0]]
        ).fetchall()
        return {source for (source,) in rows}


def publish(warehouse: Path, folder: Path, before: Path | None, *, target: Path) -> list[Mart]:
    """Write all marts into a folder, from the tables in another one where there is one; the marts."""
    folder.mkdir(parents=True)
    marts = marts_of(json.loads((target / "manifest.json").read_text(encoding="utf-8")))
    with loading_connection(warehouse) as connection:
        # The models of versions read what is recorded with every publication, and are not built here.
        present = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        marts = [mart for mart in marts if mart.name in present]
        write_tables(connection, marts, folder, before=before)
    return marts


def assert_published(warehouse: Path, folder: Path, marts: list[Mart]) -> None:
    """File and Parquet hold the rows of the warehouse."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(f"attach '{folder / DATABASE}' as published (read_only)")
        for mart in marts:
            told = connection.execute(f"from marts.{mart.name} order by all").fetchall()
            assert connection.execute(f"from published.marts.{mart.name} order by all").fetchall() == told, mart.name
            parquet = str(folder / "parquet" / f"{mart.name}.parquet")
            assert connection.execute("from read_parquet(?) order by all", [parquet]).fetchall() == told, mart.name


def assert_in_order(folder: Path, marts: list[Mart]) -> None:
    """Tables that were written whole stand in their order, which no two rows share."""
    with duckdb.connect(str(folder / DATABASE), read_only=True) as connection:
        for mart in marts:
            order = ", ".join(mart.order)
            found = connection.execute(f"select {order} from marts.{mart.name}").fetchall()  # noqa: S608
            in_order = connection.execute(
                f"select distinct {order} from marts.{mart.name} "  # noqa: S608 (own catalogue)
                f"order by {', '.join(f'{column} nulls last' for column in mart.order)}"
            ).fetchall()
            assert found == in_order, mart.name


def test_every_step_of_a_random_history_gives_what_a_full_build_gives(history, tmp_path):
    warehouse, kept = tmp_path / "warehouse.duckdb", tmp_path / "kept.duckdb"
    everything = ["--resource-type", "model", "--resource-type", "seed", "--exclude", "published_versions", "revisions"]
    shrunk: set[str] = set()
    spared: set[str] = set()
    history.deliver()
    build(tmp_path, "--full-refresh", *everything)
    history.complete_build()
    before = contents(warehouse)
    assert len(before) > 60
    published = tmp_path / "published 0"
    marts = publish(warehouse, published, None, target=tmp_path / "target")
    assert_published(warehouse, published, marts)
    assert_in_order(published, marts)
    assert {mart.name for mart in marts if mart.touched} == {
        name.split(".")[1] for name in before if name.startswith("marts.fct_")
    }
    for step in range(STEPS):
        history.deliver()
        build(tmp_path, *everything)
        stepwise = contents(warehouse)
        spared |= spared_sources(warehouse)
        earlier, published = published, tmp_path / f"published {step + 1}"
        publish(warehouse, published, earlier, target=tmp_path / "target")
        assert_published(warehouse, published, marts)
        shutil.copy(warehouse, kept)
        build(tmp_path, "--full-refresh", *everything)
        assert stepwise == contents(warehouse), f"step {step}"
        shutil.copy(kept, warehouse)
        shrunk |= {name for name in stepwise if len(stepwise[name]) < len(before[name])}
        before = stepwise
        # As after a build that failed late: what it built is there, and its loads are pending still.
        if step != 1:
            history.complete_build()
    assert {"fct_live_chat"} <= {name.split(".")[1] for name in shrunk}, "take another seed"
    assert {"call_segments", "live_chats"} <= spared, "take another seed"
    assert all(rows for name, rows in before.items() if name.startswith("marts.fct_"))
