"""The project's dbt unit tests, run on compiled SQL without dbt: milliseconds each.

Inputs are put in place of the tables that the model reads, within a transaction that is rolled back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import duckdb

from dagster_project.sql import quoted
from tests.compiled_project import CompiledProject, Node


def passes(connection: duckdb.DuckDBPyConnection, project: CompiledProject, test: Mapping[str, Any]) -> bool:
    """Whether a model gives the rows that a unit test expects, in the columns that they name.

    Args:
        connection: a warehouse in which everything is built, so that the types of all tables are known.
        project: has the model.
        test: a unit test of the manifest.
    """
    connection.execute("begin")
    try:
        for given in test["given"]:
            _put(connection, *_place(project, given["input"]), given)
        return _gives(connection, project.by_name[test["model"]].sql, test["expect"])
    finally:
        connection.execute("rollback")


def _place(project: CompiledProject, reference: str) -> tuple[str, str]:
    """Kind and quoted name of what `ref('...')` or `source('...', '...')` means."""
    names = re.findall(r"['\"](\w+)['\"]", reference)
    if reference.startswith("source"):
        return ("view" if names[1] == "pending_load" else "table"), f"warehouse.{names[0]}.{names[1]}"
    node: Node = project.by_name[names[0]]
    return ("view" if node.kind == "view" else "table"), node.relation


def _put(connection: duckdb.DuckDBPyConnection, kind: str, relation: str, given: Mapping[str, Any]) -> None:
    """Put the rows of an input where the model reads them."""
    types = {column: of for column, of, *_ in connection.execute(f"describe {relation}").fetchall()}
    connection.execute(f"drop {kind} {relation} cascade")
    columns = ", ".join(f"{quoted(column)} {of}" for column, of in types.items())
    connection.execute(f"create table {relation} ({columns})")
    if given["format"] == "sql":
        connection.execute(f"insert into {relation} by name {given['rows']}")
        return
    for row in given["rows"]:
        # An input that is a seed comes as its texts, empty ones included.
        values = ", ".join(f"try_cast(? as {types[column]}) as {quoted(column)}" for column in row)
        connection.execute(f"insert into {relation} by name select {values}", [*map(_text, row.values())])


def _gives(connection: duckdb.DuckDBPyConnection, sql: str, expect: Mapping[str, Any]) -> bool:
    if expect["format"] == "sql":
        expected = connection.execute(expect["rows"])
        columns, rows = [item[0] for item in expected.description], expected.fetchall()
    else:
        columns = list(dict.fromkeys(name for row in expect["rows"] for name in row))
        rows = [tuple(row.get(name) for name in columns) for row in expect["rows"]]
    if not rows:
        return connection.execute(f"select count(*) from ({sql})").fetchone() == (0,)
    found = connection.execute(f"select {', '.join(map(quoted, columns))} from ({sql})")
    casts = ", ".join(f"cast(? as {item[1]})" for item in found.description)
    actual = Counter(found.fetchall())
    return actual == Counter(connection.execute(f"select {casts}", [*map(_text, row)]).fetchone() for row in rows)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
