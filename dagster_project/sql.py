"""What every statement that is composed in Python needs: quoted names, literals, rows by the names of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


def quoted(name: str) -> str:
    """A column or table name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def table(*names: str) -> str:
    """A qualified table name with every part quoted."""
    return ".".join(quoted(name) for name in names)


def literal(text: str) -> str:
    """A text as an SQL literal, for the statements that take no parameters: ATTACH, COMMENT, COPY ... TO."""
    return "'" + text.replace("'", "''") + "'"


def column_names(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the columns of a query that was executed."""
    return [column[0] for column in cursor.description or []]


def rows_as_dicts(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """All rows of a query that was executed, by the names of their columns."""
    names = column_names(cursor)
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
