"""Columns with texts, of tables and Parquet files, and the SQL that finds and replaces values in them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from dagster_project.privacy.values import Values
from dagster_project.sql import literal, quoted, scalar, table
from dagster_project.warehouse.connection import NO_SPILLING

CATALOG = "searched"
TEXT = "VARCHAR"
# Types of columns, and of lists, that have no text; all others are searched.
_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\))(\[\d*\])*")
_WITHOUT_TEXT = re.compile(rf"{_NUMBER.pattern}|(BOOLEAN|DATE|TIME[A-Z_ ]*|INTERVAL)(\[\d*\])*")
# Types whose texts may have numbers in them, as that of a struct has.
_WITH_NUMBERS = re.compile(rf"\b({_NUMBER.pattern}|JSON|VARIANT)(?!\w)")
# Types that may have UUIDs: their texts have dashes, which a pseudonym has not.
_WITH_UUIDS = re.compile(r"\b(UUID|JSON|VARIANT)\b")
_UUID = "-".join(f"([0-9a-f]{{{length}}})" for length in (8, 4, 4, 4, 12))
# Schemas of the project's databases, of which copies of the warehouse and the marts have one.
_OF_PROJECT = {"audit", "marts"}


@dataclass(frozen=True)
class Column:
    """A column with texts: of a table, or of a Parquet file."""

    name: str
    """Quoted."""
    kind: str = TEXT
    """Its type; texts may be nested, as in a list."""
    with_numbers: bool = False
    """Whether numbers in it are searched for an identifier of digits."""

    def condition(self, values: Values) -> tuple[str, list[object]]:
        """Return SQL that is true if the column has one of the values, and its parameters."""
        if _NUMBER.fullmatch(self.kind):
            return values.condition_of_numbers(self._text)
        text = self._text
        if _WITH_UUIDS.search(self.kind):
            # Without the dashes of other texts, another number would be the identifier: 07700-900-123.
            text = rf"concat({text}, ' ', regexp_replace({text}, '{_UUID}', '\1\2\3\4\5', 'g'))"
        condition, parameters = values.condition(text, is_whole=self.kind == TEXT)
        if self.with_numbers and _WITH_NUMBERS.search(self.kind):
            of_numbers, parameters_of_numbers = values.condition_of_numbers(self._text)
            return f"({condition} or {of_numbers})", [*parameters, *parameters_of_numbers]
        return condition, parameters

    def expression(self, values: Values) -> tuple[str, list[object]]:
        """Return SQL for the column with the values replaced, null if they cannot be, and its parameters."""
        if self.kind == TEXT:
            return values.expression(self.name)
        condition, of_condition = self.condition(values)
        replaced, parameters = values.expression(self._text)
        return (
            f"case when {condition} then try_cast({replaced} as {self.kind}) else {self.name} end",
            [*of_condition, *parameters],
        )

    def is_rewritable(self, connection: duckdb.DuckDBPyConnection, rows: str, values: Values) -> bool:
        """Return whether the values can be replaced in the column of some rows.

        Nested texts are replaced in what a cell is as a text, if that gives the cell again, and without the values: a
        UUID has dashes where a pseudonym has none. An ENUM has only its own values, and many values are compared with
        whole cells.
        """
        if self.kind == TEXT:
            return True
        if not values.is_pattern or "ENUM(" in self.kind:
            return False
        condition, of_condition = self.condition(values)
        replaced, of_replaced = self.expression(values)
        is_left, of_left = replace(self, name="after").condition(values)
        is_lost = f"try_cast(cast(before as varchar) as {self.kind}) is distinct from before or after is null"
        cells = f"select {self.name} as before, {replaced} as after from {rows} where {condition}"
        sql = f"select count(*) from ({cells}) where {is_lost} or {is_left}"
        return not scalar(connection, sql, [*of_replaced, *of_condition, *of_left])

    @property
    def _text(self) -> str:
        return self.name if self.kind == TEXT else f"cast({self.name} as varchar)"


@contextmanager
def attached(file: Path, values: Values) -> Iterator[duckdb.DuckDBPyConnection]:
    """Attach a DuckDB database as `CATALOG`, for reading, to a connection in memory."""
    with duckdb.connect(config=dict(NO_SPILLING)) as connection:
        connection.execute(f"attach {literal(str(file))} as {CATALOG} (read_only)")
        values.register(connection)
        yield connection


def has_text(kind: str, with_numbers: bool) -> bool:
    """Return whether columns of a type of DuckDB may have texts, or numbers if these are wanted."""
    return not _WITHOUT_TEXT.fullmatch(kind) or (with_numbers and _NUMBER.fullmatch(kind) is not None)


def searched_columns(connection: duckdb.DuckDBPyConnection, *, with_numbers: bool) -> dict[str, list[Column]]:
    """Return the columns with texts of each table of the attached database; with numbers, if it is none of ours."""
    rows = connection.execute(
        """
        select
            columns.schema_name,
            columns.table_name,
            columns.column_name,
            columns.data_type
        from duckdb_columns() as columns
        inner join duckdb_tables() as tables on columns.table_oid = tables.table_oid
        where
            columns.database_name = ?
            and tables.database_name = columns.database_name
        order by columns.schema_name, columns.table_name, columns.column_index
        """,
        [CATALOG],
    ).fetchall()
    with_numbers = with_numbers and _OF_PROJECT.isdisjoint(schema for schema, *_ in rows)
    found: dict[str, list[Column]] = {}
    for schema, name, column, kind in rows:
        if has_text(kind, with_numbers):
            found.setdefault(table(schema, name), []).append(Column(quoted(column), kind, with_numbers))
    return found


def rows_with(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[Column], values: Values
) -> list[tuple[Column, int]]:
    """Return each of the columns that has values, with the number of rows."""
    if not columns:
        return []
    conditions, parameters = all_of(column.condition(values) for column in columns)
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in conditions)
    (row,) = connection.execute(f"select {counts} from {relation}", parameters).fetchall()
    return [(column, count) for column, count in zip(columns, row, strict=True) if count]


def all_of(made: Iterable[tuple[str, list[object]]]) -> tuple[list[str], list[object]]:
    """Return the SQL of several columns, and their parameters."""
    sql, parameters = [], list[object]()
    for of_column, parameters_of_column in made:
        sql.append(of_column)
        parameters += parameters_of_column
    return sql, parameters


def parquet_rows(file: Path) -> str:
    """Return SQL for the rows of a Parquet file."""
    # Folders such as month=2022-11 would become columns.
    return f"read_parquet({literal(str(file))}, hive_partitioning = false)"
