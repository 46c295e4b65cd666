"""Helpers for SQL: quoted names and literals, queries of a file, and rows by column name."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb


def quoted(name: str) -> str:
    """Return a column or table name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def table(*names: str) -> str:
    """Return a qualified table name with every part quoted."""
    return ".".join(quoted(name) for name in names)


def literal(text: str) -> str:
    """Return a text as an SQL literal, for statements that take no parameters: ATTACH, COMMENT, COPY ... TO."""
    return "'" + text.replace("'", "''") + "'"


def comments_on(relation: str, description: str, columns: Mapping[str, str]) -> str:
    """Return the statements that describe a table and its columns; an empty text describes nothing.

    Args:
        relation: qualified name, quoted.
        description: description of the table.
        columns: description of each column.
    """
    comments = {f"table {relation}": description}
    comments |= {f"column {relation}.{quoted(name)}": text for name, text in columns.items()}
    return ";\n".join(f"comment on {what} is {literal(text)}" for what, text in comments.items() if text)


def scalar(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> Any:
    """Return the first value of the first row of a query; None without a row."""
    row = connection.execute(sql, parameters).fetchone()
    return row[0] if row else None


def count_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Return the number of rows of a relation, given as quoted name."""
    return int(scalar(connection, f"select count(*) from {relation}"))  # noqa: S608 - a quoted name


def count_each(connection: duckdb.DuckDBPyConnection, relations: Mapping[str, str]) -> dict[str, int]:
    """Return the number of rows of each relation, given as quoted name by any key, with one query."""
    queries = [f"select {literal(key)}, count(*) from {relation}" for key, relation in relations.items()]  # noqa: S608
    counts = dict(connection.execute(" union all ".join(queries)).fetchall()) if queries else {}
    return {key: counts[key] for key in relations}


def column_names(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the column names of an executed query."""
    return [column[0] for column in cursor.description or []]


def rows_as_dicts(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return all rows of an executed query as dictionaries by column name."""
    names = column_names(cursor)
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def query_rows(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries by column name; it takes those of the values that it names."""
    used = {name: value for name, value in (values or {}).items() if f"${name}" in sql}
    return rows_as_dicts(connection.execute(sql, used))


def rows_by(
    connection: duckdb.DuckDBPyConnection, column: str, sql: str, values: Mapping[str, object] | None = None
) -> dict[Any, list[dict[str, Any]]]:
    """Return the rows of a query as dictionaries, grouped by a column, in their order; values as for `query_rows`."""
    return grouped(query_rows(connection, sql, values), column)


def grouped(rows: Iterable[dict[str, Any]], column: str) -> dict[Any, list[dict[str, Any]]]:
    """Return rows by their value of a column, in their order."""
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


@cache
def named_queries(package: str, file: str) -> dict[str, str]:
    """Return the queries of a file of a package, each below a line `-- query: NAME`, by name."""
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    parts = re.split(r"^-- query: (\w+)\n", text, flags=re.MULTILINE)
    return {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}
