"""Incremental models have the same rows after every step as after a full build."""

import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.publication.parquet_files import parquet_addresses, write_parquet
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.transformation.project import Mart, ensure_manifest, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection, open_read_only
from tests.dbt.histories import DAYS, History
from tests.dbt.running import run_dbt

STEPS = 3


@pytest.fixture
def history(settings):
    return History(settings.warehouse, load_contracts(CONTRACTS), seed=5)


def build(settings: Settings, *arguments: str) -> None:
    run_dbt(settings, "build", "--exclude-resource-type", "exposure", *arguments)


def contents(warehouse: Path) -> dict[str, list[tuple]]:
    """Every table that is built from loads with its rows, in an order of their own."""
    with open_read_only(warehouse) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('measures', 'marts') and table_type = 'BASE TABLE' order by 1"
        ).fetchall()
        return {
            name: connection.execute(f"select * from {name} order by all").fetchall()  # noqa: S608 (own catalogue)
            for (name,) in names
        }


def spared_sources(warehouse: Path) -> set[str]:
    """Sources with a month that the last build did not change."""
    with open_read_only(warehouse) as connection:
        rows = connection.execute("select source from changes.chg_months where first_month > ?", [DAYS[0]]).fetchall()
        return {source for (source,) in rows}


def publish(settings: Settings, folder: Path, before: Path | None) -> list[Mart]:
    """Write all marts into a folder, from the tables in another one where there is one; the marts."""
    folder.mkdir(parents=True)
    marts = marts_of(read_manifest(ensure_manifest(settings)))
    with loading_connection(settings.warehouse) as connection:
        # The models of versions read records of publications and are not built here.
        present = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        marts = [mart for mart in marts if mart.name in present]
        write_parquet(connection, marts, folder, before=before)
    return marts


def assert_published(warehouse: Path, folder: Path, marts: list[Mart]) -> None:
    """Parquet has the rows of the marts, in their order, which no two rows share."""
    with open_read_only(warehouse) as connection:
        for mart in marts:
            rows = connection.execute(f"from marts.{mart.name} order by all").fetchall()
            parquet = [str(folder / address) for address in parquet_addresses(folder, mart.name)]
            query = "from read_parquet(?, hive_partitioning = false) order by all"
            assert connection.execute(query, [parquet]).fetchall() == rows, mart.name
            for file in parquet:
                assert_in_order(connection, file, mart)


def parquet_files(folder: Path) -> dict[str, Path]:
    return {str(file.relative_to(folder)): file for file in sorted((folder / "parquet").rglob("*.parquet"))}


def assert_same_bytes(folder: Path, whole: Path) -> None:
    """The Parquet files of a publication that took months over are those of one that was written whole."""
    files, expected = parquet_files(folder), parquet_files(whole)
    assert list(files) == list(expected)
    assert [name for name in files if files[name].read_bytes() != expected[name].read_bytes()] == []


def assert_in_order(connection: duckdb.DuckDBPyConnection, file: str, mart: Mart) -> None:
    columns = ", ".join(mart.order)
    order = ", ".join(f"{column} nulls last" for column in mart.order)
    rows = f"from read_parquet(?, hive_partitioning = false) select {{}} {columns}"
    found = connection.execute(rows.format(""), [file]).fetchall()
    assert found == connection.execute(f"{rows.format('distinct')} order by {order}", [file]).fetchall(), mart.name


def test_every_step_of_a_random_history_gives_what_a_full_build_gives(history, settings, tmp_path):
    warehouse, kept = settings.warehouse, tmp_path / "kept"
    kept.mkdir()
    files_of_build = (warehouse, settings.marts)
    everything = ["--resource-type", "model", "--resource-type", "seed", "--exclude", "published_versions", "revisions"]
    shrunk: set[str] = set()
    spared: set[str] = set()
    months = taken_over = 0
    history.deliver()
    build(settings, "--full-refresh", *everything)
    history.complete_build()
    before = contents(warehouse)
    assert len(before) > 60
    published = tmp_path / "published 0"
    marts = publish(settings, published, None)
    assert_published(warehouse, published, marts)
    # A national table of three thousand rows is built as a whole.
    assert {mart.name for mart in marts if mart.changed_rows and mart.month_of} == {
        name.split(".")[1] for name in before if name.startswith("marts.fct_")
    } - {"fct_national_call_answering"}
    for step in range(STEPS):
        history.deliver()
        build(settings, *everything)
        stepwise = contents(warehouse)
        spared |= spared_sources(warehouse)
        earlier, published = published, tmp_path / f"published {step + 1}"
        publish(settings, published, earlier)
        assert_published(warehouse, published, marts)
        for file in files_of_build:
            shutil.copy(file, kept)
        build(settings, "--full-refresh", *everything)
        assert stepwise == contents(warehouse), f"step {step}"
        whole = tmp_path / f"published whole {step + 1}"
        publish(settings, whole, None)
        assert_same_bytes(published, whole)
        files, old = parquet_files(published), parquet_files(earlier)
        by_month = [name for name in files if "/month=" in name]
        months += len(by_month)
        taken_over += sum(name in old and files[name].samefile(old[name]) for name in by_month)
        for file in files_of_build:
            shutil.copy(kept / file.name, file)
        shrunk |= {name for name in stepwise if len(stepwise[name]) < len(before[name])}
        before = stepwise
        # As after a build that failed late: its tables exist, and its loads are still pending.
        if step != 1:
            history.complete_build()
    assert {"fct_live_chat"} <= {name.split(".")[1] for name in shrunk}, "take another seed"
    assert {"call_segments", "live_chats"} <= spared, "take another seed"
    assert all(rows for name, rows in before.items() if name.startswith("marts.fct_"))
    assert 0 < taken_over < months
