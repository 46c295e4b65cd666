"""The project's dbt unit tests, run on any SQL of a model without dbt: a second each with it, milliseconds here.

Inputs are put in place of the tables that the model reads, within a transaction that is rolled back. That dbt itself
passes the tests is for `tests/dbt/`; that this runner judges them alike is asserted over the models as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import duckdb

from tests.reference.compiled_project import CompiledProject

Row = Mapping[str, Any]


class UnitTests:
    """The unit tests of every model of a project."""

    def __init__(self, project: CompiledProject) -> None:
        """Take them out of the manifest."""
        self.project = project
        self.of_model: dict[str, list[Mapping[str, Any]]] = {}
        for test in project.manifest["unit_tests"].values():
            # The SQL that is tried here was compiled for a full build, with the variables as they are.
            overrides = test["overrides"] or {}
            if not (overrides.get("macros") or {}).get("is_incremental") and not overrides.get("vars"):
                self.of_model.setdefault(test["model"], []).append(test)

    def failing(self, connection: duckdb.DuckDBPyConnection, model: str, sql: str) -> str | None:
        """Name of the first unit test of a model that fails with `sql`; None when all pass.

        Args:
            connection: a warehouse in which everything is built, so that the types of all tables are known.
            model: name of the model.
            sql: its SQL, to be tried.
        """
        for test in self.of_model.get(model, []):
            connection.execute("begin")
            try:
                for given in test["given"]:
                    self._put(connection, given)
                if not _gives(connection, sql, test["expect"]):
                    return str(test["name"])
            except duckdb.Error:
                return str(test["name"])
            finally:
                connection.execute("rollback")
        return None

    def _put(self, connection: duckdb.DuckDBPyConnection, given: Mapping[str, Any]) -> None:
        """Put the rows of an input where the model reads them."""
        schema, name = self._table(given["input"])
        types = dict(
            connection.execute(
                "select column_name, data_type from duckdb_columns()"
                " where database_name = 'warehouse' and schema_name = ? and table_name = ?",
                [schema, name],
            ).fetchall()
        )
        relation = f'warehouse."{schema}"."{name}"'
        is_view = connection.execute(
            "select count(*) > 0 from duckdb_views()"
            " where database_name = 'warehouse' and schema_name = ? and view_name = ?",
            [schema, name],
        ).fetchone() == (True,)
        connection.execute(f"drop {'view' if is_view else 'table'} {relation} cascade")
        definition = ", ".join(f'"{column}" {data_type}' for column, data_type in types.items())
        connection.execute(f"create table {relation} ({definition})")
        if given["format"] == "sql":
            connection.execute(f"insert into {relation} by name {given['rows']}")
            return
        for row in given["rows"]:
            names = ", ".join(f'"{column}"' for column in row)
            # An input that is a seed comes as its texts, empty ones included.
            values = ", ".join(f"try_cast(? as {types[column]})" for column in row)
            connection.execute(
                f"insert into {relation} ({names}) values ({values})",  # noqa: S608 - names of the project
                [_text(value) for value in row.values()],
            )

    def _table(self, reference: str) -> tuple[str, str]:
        """Schema and name of what `ref('...')` or `source('...', '...')` means."""
        names = re.findall(r"['\"](\w+)['\"]", reference)
        if reference.startswith("source"):
            return names[0], names[1]
        return self.project.by_name[names[0]].schema, names[0]


def _gives(connection: duckdb.DuckDBPyConnection, sql: str, expect: Mapping[str, Any]) -> bool:
    """Whether a query gives the rows that are expected, in the columns that they name."""
    if expect["format"] == "sql":
        wanted = f"select * from ({expect['rows']})"  # noqa: S608 - SQL of the project
        columns = [item[0] for item in connection.execute(wanted).description or []]
    else:
        columns = list(dict.fromkeys(name for row in expect["rows"] for name in row))
    if not columns:
        return connection.execute(f"select count(*) from ({sql})").fetchone() == (0,)  # noqa: S608 - SQL of the project
    names = ", ".join(f'"{name}"' for name in columns)
    cursor = connection.execute(f"select {names} from ({sql})")  # noqa: S608 - SQL of the project
    types = dict(zip(columns, [str(item[1]) for item in cursor.description or []], strict=True))
    actual = Counter(cursor.fetchall())
    if expect["format"] == "sql":
        casts = ", ".join(f'cast("{name}" as {types[name]})' for name in columns)
        return actual == Counter(connection.execute(f"select {casts} from ({wanted})").fetchall())  # noqa: S608
    casts = ", ".join(f"cast(? as {types[name]})" for name in columns)
    return actual == Counter(
        connection.execute(f"select {casts}", [_text(row.get(name)) for name in columns]).fetchall()[0]
        for row in expect["rows"]
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
