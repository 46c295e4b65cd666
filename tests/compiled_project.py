"""The dbt project as compiled SQL, which builds small data in two CPU seconds where dbt takes twenty.

The fixture `compiled_manifest` (tests/conftest.py) is the path of a `manifest.json` that `dbt compile` wrote, once for
a session; `read_project(path)` gives its seeds, models and data tests in an order in which each comes after what it
reads, and `build_node` makes one. `read_project(path, one_database=True)` and `warehouse()` are for tables in memory.

Everything is built as a whole. What dbt adds (incremental builds, checks of contracts, hooks, unit tests) is not here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT, Settings
from dagster_project.sql import literal, quoted
from dagster_project.transformation.project import invoke, parse, read_manifest, target_path
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables


@dataclass(frozen=True)
class Node:
    """A seed, model or data test."""

    unique_id: str
    entry: Mapping[str, Any]
    """What the manifest says of it."""

    @property
    def name(self) -> str:
        """Name of its table; of a test a name of its own."""
        return str(self.entry["name"])

    @property
    def schema(self) -> str:
        """Schema of its table."""
        return str(self.entry["schema"])

    @property
    def kind(self) -> str:
        """What it is made as: seed, view, table (anything else that is stored) or test."""
        if self.entry["resource_type"] != "model":
            return str(self.entry["resource_type"])
        return "view" if self.entry["config"]["materialized"] == "view" else "table"

    @property
    def parents(self) -> list[str]:
        """Ids of what it reads."""
        return list(self.entry["depends_on"].get("nodes", []))

    @property
    def relation(self) -> str:
        """Quoted name of its table."""
        return ".".join(quoted(str(self.entry[part])) for part in ("database", "schema", "name"))

    @property
    def sql(self) -> str:
        """Its query: of a model with a contract, its columns in the order of the contract."""
        sql = str(self.entry["compiled_code"])
        if not self.entry["config"].get("contract", {}).get("enforced"):
            return sql
        return f"select {', '.join(map(quoted, self.entry['columns']))} from ({sql})"


class CompiledProject:
    """All seeds, models and data tests, in an order in which each comes after what it reads."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """Take the nodes out of a manifest that `dbt compile` wrote."""
        self.manifest = manifest
        kinds = ("seed", "model", "test")
        waiting = {key: Node(key, entry) for key, entry in manifest["nodes"].items() if entry["resource_type"] in kinds}
        self.nodes: dict[str, Node] = {}
        while waiting:
            ready = [key for key, node in sorted(waiting.items()) if waiting.keys().isdisjoint(node.parents)]
            self.nodes |= {key: waiting.pop(key) for key in ready}

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Seeds and models by the name of their table."""
        return {node.name: node for node in self.nodes.values() if node.kind != "test"}

    def with_ancestors(self, names: Iterable[str]) -> list[Node]:
        """Some tables and everything that they are made of, in order."""
        needed = {self.by_name[name].unique_id for name in names}
        for node in reversed(self.nodes.values()):
            if node.unique_id in needed:
                needed.update(node.parents)
        return [node for node in self.nodes.values() if node.unique_id in needed]


def compile_project(folder: Path, *, parsed: Path) -> None:
    """Compile the project into a data root in which nothing was built, so that nothing is incremental.

    Args:
        folder: becomes the data root.
        parsed: `dbt/` of a data root in which the project was parsed.
    """
    settings = Settings(home=folder, _env_file=None)
    shutil.copytree(parsed, target_path(settings))
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
    invoke(settings, ["compile"], manifest=parse(settings))


def read_project(manifest: Path, *, one_database: bool = False) -> CompiledProject:
    """Read a compiled manifest.

    Args:
        manifest: its path.
        one_database: put the marts into the database of all else, since a transaction writes to one only.
    """
    content = deepcopy(read_manifest(manifest))
    for entry in content["nodes"].values() if one_database else ():
        entry["database"] = "warehouse"
        entry["compiled_code"] = (entry.get("compiled_code") or "").replace('"fcir".', '"warehouse".')
    return CompiledProject(content)


def build_node(connection: duckdb.DuckDBPyConnection, node: Node) -> int:
    """Make the table or view of a node from the contents of the warehouse; return how many rows a data test found.

    Raises:
        duckdb.Error: the statement fails.
    """
    if node.kind == "test":
        return int(connection.execute(f"select count(*) from ({node.sql})").fetchall()[0][0])
    connection.execute(f"create schema if not exists {quoted(node.entry['database'])}.{quoted(node.schema)}")
    if node.kind == "seed":
        columns = ", ".join(f"{quoted(name)} {of}" for name, of in node.entry["config"]["column_types"].items())
        connection.execute(f"create or replace table {node.relation} ({columns})")
        file = literal(str(DBT_PROJECT / node.entry["original_file_path"]))
        connection.execute(f"copy {node.relation} from {file} (format csv, header true)")
    else:
        connection.execute(f"create or replace {node.kind} {node.relation} as {node.sql}")
    return 0


@contextmanager
def warehouse(*, threads: int = 2, loaded: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in memory with its tables of loading, that ends in an error rather than fill the machine.

    Args:
        threads: of DuckDB.
        loaded: a warehouse file whose raw and audit rows it has; None: nothing.

    Yields:
        A connection with the warehouse as its default database, in UTC.
    """
    connection = duckdb.connect(config={"threads": threads, "memory_limit": "4GB", "temp_directory": ""})
    try:
        connection.execute("set TimeZone = 'UTC'; attach ':memory:' as warehouse; use warehouse.main")
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        if loaded:
            connection.execute(f"attach {literal(str(loaded))} as loaded (read_only)")
            names = "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'loaded'"
            for (name,) in connection.execute(f"{names} and schema_name in ('raw', 'audit')").fetchall():
                connection.execute(f"delete from warehouse.{name}")
                connection.execute(f"insert into warehouse.{name} by name from loaded.{name}")
            connection.execute("detach loaded")
        yield connection
    finally:
        connection.close()


def insert(connection: duckdb.DuckDBPyConnection, relation: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by the names of their columns."""
    if rows:
        connection.register("rows_to_insert", pa.Table.from_pylist([dict(row) for row in rows]))
        connection.execute(f"insert into {relation} by name select * from rows_to_insert")
        connection.unregister("rows_to_insert")
