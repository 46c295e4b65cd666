"""The same work by plain DuckDB: what the warehouse is measured against. No Dagster, no dbt, no Great Expectations.

`python -m tests.long.benchmark.reference LANDING DATABASE` reads CSV extracts as `data.py` writes them (one header,
comma, UTF-8, times as `YYYY-MM-DD HH:MM:SS`), so it does without finding out encodings, delimiters, headers and ways of
writing a time, without hashing and counting every file a second time, without expectations of a day, and without a
record of runs. The rest is the same work: every cell typed or its row quarantined with a reason, pseudonyms, clock
changes, repeated keys, raw tables and facts, by the models and tests of the project `dbt/` in this folder. They are
written for dbt, which builds them too, as another measured program; here they are rendered and run one by one.

With `--marts MANIFEST` the other marts follow, made by the compiled SQL of the warehouse's own dbt project, and its
tests. A new database is made each time; there is no night.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from dagster_project.sql import literal
from dagster_project.warehouse.connection import marts_file
from dagster_project.warehouse.tables import ensure_tables

PROJECT = Path(__file__).parent / "dbt"
SOURCES = ("call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports")
_BLOCK = 64


class CheckFailed(RuntimeError):
    """A test of the tables failed; the message says which."""


def variables(landing: Path, *, secret: bytes, force: str) -> dict[str, object]:
    """Return the variables of the project.

    Args:
        landing: folder with one folder for each source.
        secret: key of the pseudonyms, of at most 64 bytes.
        force: force of extracts without a force column.
    """
    file = next((landing / SOURCES[0]).iterdir())
    with file.open(encoding="utf-8") as stream:
        has_force_column = stream.readline().startswith("force_code")
    # The two keys that HMAC (RFC 2104) makes of a secret.
    padded = secret.ljust(_BLOCK, b"\0")
    keys = {name: bytes(byte ^ mask for byte in padded) for name, mask in (("inner_key", 0x36), ("outer_key", 0x5C))}
    return {
        "landing": str(landing),
        "force": force,
        "has_force_column": has_force_column,
        **{name: key.hex() for name, key in keys.items()},
    }


def run(database: Path, values: Mapping[str, object], manifest: Path | None = None) -> None:
    """Make the database.

    Args:
        database: file that is made; its name has to be `warehouse.duckdb` for the compiled models to find it.
        values: variables of the project.
        manifest: of the warehouse's own project, with compiled SQL of a build from scratch; makes the other marts too.

    Raises:
        CheckFailed: a test failed.
    """
    database.parent.mkdir(parents=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(str(marts_file(database)))} as fcir")
        connection.execute("create schema typed; create schema raw; create schema audit; create schema fcir.marts")
        models, tests, functions = _rendered(values)
        connection.execute(functions)
        for relation, sql in models:
            connection.execute(f"create table {relation} as {sql}")
        for name, sql in tests:
            _check(connection, name, sql)
        if manifest is not None:
            nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
            _make_other_marts(connection, {node["unique_id"]: node for node in nodes})
        connection.execute("checkpoint warehouse; checkpoint fcir")


def _rendered(values: Mapping[str, object]) -> tuple[list[tuple[str, str]], list[tuple[str, str]], str]:
    """Return the models in the order of their dependencies, the tests, and the statements that make functions."""
    files = {file.stem: file for file in (PROJECT / "models").glob("*/*.sql")}
    relations = {
        name: f"{'fcir' if file.parent.name == 'marts' else 'warehouse'}.{file.parent.name}.{name}"
        for name, file in files.items()
    }
    read: set[str] = set()

    def ref(name: str) -> str:
        read.add(name)
        return relations[name]

    environment = Environment(loader=FileSystemLoader(PROJECT), undefined=StrictUndefined)  # noqa: S701 (SQL)
    environment.globals |= {"ref": ref, "var": values.__getitem__}
    macros: dict[str, Any] = {}
    for file in sorted((PROJECT / "macros").iterdir()):
        found = vars(environment.get_template(f"macros/{file.name}").module)
        macros |= {name: macro for name, macro in found.items() if not name.startswith("_")}
    environment.globals |= macros

    def render(file: Path) -> str:
        return environment.get_template(str(file.relative_to(PROJECT))).render()

    models, order = {}, {}
    for name, file in files.items():
        read.clear()
        models[name] = render(file)
        order[name] = set(read)
    in_order = [(relations[name], models[name]) for name in TopologicalSorter(order).static_order()]
    tests = [(file.stem, render(file)) for file in sorted((PROJECT / "tests").iterdir())]
    return in_order, tests, macros["create_functions"]()


def _check(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
    """Run a test.

    Raises:
        CheckFailed: it finds rows.
    """
    found = connection.execute(sql).fetchone()
    if found:
        raise CheckFailed(f"{name} finds {found}")


def _make_other_marts(connection: duckdb.DuckDBPyConnection, nodes: Mapping[str, Any]) -> None:
    """Make the models of the warehouse's own project that are not made yet, and run its tests."""
    ensure_tables(connection, load_contracts(CONTRACTS).values())
    connection.execute("create schema staging; create schema changes; create schema measures; create schema reference")
    for name, sql in _seeds():
        connection.execute(f"create table reference.{name} as {sql}")
    tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
    # What the facts are made from in that project is not made here.
    unneeded = {f"int_{source}_current" for source in SOURCES}
    made = unneeded | {name for (name,) in tables}
    models = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
    order = TopologicalSorter({name: node["depends_on"]["nodes"] for name, node in models.items()})
    for name in order.static_order():
        node = models.get(name)
        if node and node["name"] not in made:
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            connection.execute(f"create {kind} {node['relation_name']} as {node['compiled_code']}")
    for node in nodes.values():
        if node["resource_type"] == "test" and not any(f'"{name}"' in node["compiled_code"] for name in unneeded):
            _check(connection, node["name"], node["compiled_code"])


def _seeds() -> Iterator[tuple[str, str]]:
    """Yield the lists that the models read, and a query of each with the types that dbt gives its columns."""
    for properties in sorted((DBT_PROJECT / "seeds").glob("*.yml")):
        for seed in yaml.safe_load(properties.read_text(encoding="utf-8"))["seeds"]:
            file = properties.with_name(f"{seed['name']}.csv")
            types = ", ".join(
                f"{literal(name)}: {literal(kind)}" for name, kind in seed["config"]["column_types"].items()
            )
            yield (
                seed["name"],
                f"from read_csv({literal(str(file))}, header = true, auto_detect = false, quote = '\"', escape = '\"', "
                f"delim = ',', columns = {{{types}}})",
            )


def main() -> None:
    """Make the database of a landing folder."""
    parser = ArgumentParser(prog="python -m tests.long.benchmark.reference")
    parser.add_argument("landing", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--key", type=Path, required=True, help="file with the key of the pseudonyms")
    parser.add_argument("--force", required=True, help="force of extracts without a force column")
    parser.add_argument("--marts", type=Path, help="manifest of the warehouse's own project, for the other marts")
    asked = parser.parse_args()
    secret = bytes.fromhex(asked.key.read_text(encoding="ascii").strip())
    run(asked.database, variables(asked.landing, secret=secret, force=asked.force), asked.marts)


if __name__ == "__main__":
    main()
