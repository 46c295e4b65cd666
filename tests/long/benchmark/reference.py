"""A fair reference for a first load: the same tables, tests and files, by plain DuckDB.

It reads the extracts, builds every model and runs every data test from SQL that dbt has compiled, and then copies the
database, writes each mart as Parquet (facts by month), and hashes all files. Papers and pages have no counterpart.

    python -m tests.long.benchmark.reference HOME MANIFEST FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import duckdb

from dagster_project.contracts import load_contracts
from dagster_project.hashing import sha256_of
from dagster_project.settings import CONTRACTS
from dagster_project.sql import literal, quoted
from dagster_project.transformation.project import Mart, marts_of, read_manifest
from dagster_project.warehouse.tables import ensure_tables
from tests.compiled_project import build_node, read_project

_PARQUET = "(format parquet, compression zstd, compression_level 1)"


def build(home: Path, manifest: Path, folder: Path) -> None:
    """Read, build, test and publish.

    Args:
        home: a data root after its first load, for the numbers of its loads; its extracts are CSV files.
        manifest: a compiled manifest.
        folder: a new folder for the results.
    """
    published = folder / "published"
    (published / "parquet").mkdir(parents=True)
    with duckdb.connect(config={"temp_directory": str(folder / "tmp")}) as connection:
        for name in ("warehouse", "fcir"):
            connection.execute(f"attach {literal(str(folder / f'{name}.duckdb'))} as {name}")
        connection.execute("set TimeZone = 'UTC'; use warehouse.main")
        contracts = load_contracts(CONTRACTS)
        ensure_tables(connection, contracts.values())
        for source in contracts:
            if any((home / "landing" / source).glob("*.csv")):
                files = literal(str(home / "landing" / source / "*.csv"))
                connection.execute(f"create temp table {source} as from read_csv({files}, all_varchar = true)")
        connection.execute(f"attach {literal(str(home / 'warehouse.duckdb'))} as loaded (read_only)")
        tables = "select schema_name, table_name from duckdb_tables() where database_name = 'loaded'"
        for schema, name in connection.execute(f"{tables} and schema_name in ('raw', 'audit')").fetchall():
            relation = f"{quoted(schema)}.{quoted(name)}"
            connection.execute(f"delete from {relation}")
            connection.execute(f"insert into {relation} by name from loaded.{relation}")
        for node in read_project(manifest).nodes.values():
            if (found := build_node(connection, node)) and node.entry["config"]["severity"].lower() == "error":
                raise AssertionError(f"{node.name} found {found} rows")
        for mart in marts_of(read_manifest(manifest)):
            _write(connection, mart, published / "parquet")
    shutil.copyfile(folder / "fcir.duckdb", published / "fcir.duckdb")
    hashes = {str(file.relative_to(published)): sha256_of(file) for file in published.rglob("*") if file.is_file()}
    (published / "manifest.json").write_text(json.dumps(hashes), encoding="utf-8")


def _write(connection: duckdb.DuckDBPyConnection, mart: Mart, folder: Path) -> None:
    relation, order = f"fcir.marts.{quoted(mart.name)}", ", ".join(f"{quoted(name)} nulls last" for name in mart.order)
    if not mart.month_of:
        connection.execute(f"copy (from {relation} order by {order}) to '{folder / mart.name}.parquet' {_PARQUET}")
        return
    month = f"date_trunc('month', {quoted(mart.month_of)})"
    for (first,) in connection.execute(f"select distinct cast({month} as date) from {relation} order by 1").fetchall():
        file = folder / mart.name / f"month={first:%Y-%m}.parquet" if first else folder / mart.name / "none.parquet"
        file.parent.mkdir(exist_ok=True)
        rows = f"from {relation} where cast({month} as date) is not distinct from ? order by {order}"
        connection.execute(f"copy ({rows}) to '{file}' {_PARQUET}", [first])


if __name__ == "__main__":
    build(*map(Path, sys.argv[1:]))
