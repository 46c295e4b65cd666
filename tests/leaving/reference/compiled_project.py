"""The dbt project as compiled SQL that runs in memory, so that a build of small data takes a second and no file.

dbt compiles it once; after that there are only statements in the order of their dependencies. What dbt itself adds
(incremental deletes, contracts, tests) is not here: other tests build with dbt.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from dagster_project.warehouse.tables import ensure_tables


@dataclass(frozen=True)
class Node:
    """A model or seed: where it goes and what makes it."""

    unique_id: str
    name: str
    schema: str
    kind: str
    """view, table (anything stored) or seed."""
    sql: str
    """What makes a model; of a seed its file."""
    parents: tuple[str, ...] = ()
    folder: str = "seeds"
    columns: Mapping[str, str] = field(default_factory=dict)
    """Columns of a seed with their types."""

    @property
    def relation(self) -> str:
        """Quoted name in the warehouse."""
        return f'warehouse."{self.schema}"."{self.name}"'


class CompiledProject:
    """All seeds and models, in an order in which each comes after what it reads."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """Take the nodes out of a manifest that `dbt compile` wrote."""
        self.manifest = manifest
        waiting = {
            unique_id: node
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] in ("model", "seed")
        }
        self.nodes: dict[str, Node] = {}
        while waiting:
            ready = [
                unique_id
                for unique_id, node in sorted(waiting.items())
                if not any(parent in waiting for parent in node["depends_on"].get("nodes", []))
            ]
            for unique_id in ready:
                self.nodes[unique_id] = _node(unique_id, waiting.pop(unique_id))

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by the name of their table."""
        return {node.name: node for node in self.nodes.values()}

    def ancestors(self, name: str) -> list[Node]:
        """A node and everything that it is made of, in order."""
        needed = {self.by_name[name].unique_id}
        for node in reversed(self.nodes.values()):
            if node.unique_id in needed:
                needed |= set(node.parents)
        return [node for node in self.nodes.values() if node.unique_id in needed]

    def descendants(self, name: str) -> list[Node]:
        """A node and everything that is made of it, in order."""
        changed = {self.by_name[name].unique_id}
        for node in self.nodes.values():
            if changed & set(node.parents):
                changed.add(node.unique_id)
        return [node for node in self.nodes.values() if node.unique_id in changed]


def build_nodes(
    connection: duckdb.DuckDBPyConnection, nodes: Sequence[Node], *, replaced: Mapping[str, str] | None = None
) -> None:
    """Build nodes from the contents of the warehouse of `connection`.

    Args:
        connection: made by `warehouse`.
        nodes: which, each after what it reads.
        replaced: SQL to be used instead of a model's own, by name.

    Raises:
        duckdb.Error: a statement fails.
    """
    for node in nodes:
        connection.execute(f'create schema if not exists warehouse."{node.schema}"')
        if node.kind == "seed":
            definition = ", ".join(f'"{column}" {data_type}' for column, data_type in node.columns.items())
            connection.execute(f"create or replace table {node.relation} ({definition})")
            connection.execute(f"copy {node.relation} from '{node.sql}' (format csv, header true)")
        else:
            sql = (replaced or {}).get(node.name, node.sql)
            connection.execute(f"create or replace {node.kind} {node.relation} as {sql}")


def _node(unique_id: str, node: Mapping[str, Any]) -> Node:
    if node["resource_type"] == "seed":
        path = str(DBT_PROJECT / node["original_file_path"])
        return Node(unique_id, node["name"], node["schema"], "seed", path, columns=node["config"]["column_types"])
    return Node(
        unique_id,
        node["name"],
        node["schema"],
        "view" if node["config"]["materialized"] == "view" else "table",
        node["compiled_code"],
        tuple(node["depends_on"]["nodes"]),
        node["fqn"][1],
    )


def compile_project(folder: Path, *, source: Path = DBT_PROJECT) -> CompiledProject:
    """Compile the project against a warehouse in which nothing was built yet, so that nothing is incremental.

    Args:
        folder: for the warehouse and dbt's own files.
        source: the dbt project, or a changed copy of it.

    Raises:
        AssertionError: dbt could not compile it.
    """
    run_dbt(folder, ["compile"], source=source)
    return read_compiled(folder)


def read_compiled(folder: Path) -> CompiledProject:
    """The project that was compiled in a folder."""
    manifest = (folder / "target" / "manifest.json").read_text(encoding="utf-8")
    # The marts in one file with all else, since a transaction writes to one file.
    return CompiledProject(json.loads(manifest.replace('\\"fcir\\".', '\\"warehouse\\".')))


def run_dbt(folder: Path, arguments: Sequence[str], *, source: Path = DBT_PROJECT) -> str:
    """Run dbt on a warehouse of its own in `folder`, which has the tables of loading; gives what it says.

    Raises:
        AssertionError: dbt could not do it.
    """
    file = folder / "warehouse.duckdb"
    if not file.exists():
        with duckdb.connect(str(file)) as connection:
            ensure_tables(connection, load_contracts(CONTRACTS).values())
    environment = os.environ | {
        "FCIR_WAREHOUSE": str(file),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", *arguments, "--profiles-dir", "."]
    result = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@contextmanager
def warehouse(*, threads: int = 2, memory_limit: str = "8GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse in memory, with its tables of loading, that ends in an error rather than fill the machine.

    Yields:
        A connection with the warehouse as its default database, in UTC.
    """
    config = {"threads": threads, "memory_limit": memory_limit, "temp_directory": ""}
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse.main")
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        yield connection
    finally:
        connection.close()


def insert(connection: duckdb.DuckDBPyConnection, relation: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by the names of their columns."""
    if not rows:
        return
    connection.register("rows_to_insert", pa.Table.from_pylist([dict(row) for row in rows]))
    connection.execute(f"insert into {relation} by name select * from rows_to_insert")
    connection.unregister("rows_to_insert")


def fingerprint(connection: duckdb.DuckDBPyConnection, node: Node) -> tuple[Any, ...]:
    """Return the number of rows of a table and the sum of their hashes: ten times faster than reading the rows."""
    row = connection.execute(
        f"select count(*), sum(cast(hash(table_row) as hugeint)) from {node.relation} as table_row"
    ).fetchone()
    assert row
    return row
