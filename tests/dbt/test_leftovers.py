"""A build from scratch on Spark drops only tables in schemas that the lake claims."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment, StrictUndefined

from dagster_project.settings import DBT_PROJECT

FILES = ("drop_leftovers.sql", "engines/duckdb.sql", "engines/spark.sql")


class Returned(Exception):
    """What `return` gives the caller of a macro in dbt."""


def give(value: object) -> None:
    raise Returned(value)


def macros_of(engine: str, **known: object) -> dict[str, Callable[..., Any]]:
    """Return the macros of the project that drop leftovers, for an engine, without dbt.

    Args:
        engine: prefix of its macros.
        known: what they find in the context.
    """
    environment = Environment(undefined=StrictUndefined, autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701 (SQL)
    macros: dict[str, Callable[..., Any]] = {}
    environment.globals |= {
        **known,
        "return": give,
        "adapter": SimpleNamespace(dispatch=lambda name, _: macros[f"{engine}__{name}"]),
        "api": SimpleNamespace(
            Relation=SimpleNamespace(create=lambda schema, identifier, **_: f"{schema}.{identifier}")
        ),
    }
    for file in FILES:
        text = (DBT_PROJECT / "macros" / file).read_text(encoding="utf-8")
        for macro, name in re.findall(r"(\{% macro (\w+)\(.*?\{%-? endmacro %\})", text, re.DOTALL):
            macros[name] = called(environment, macro, name)
    environment.globals |= macros
    return macros


def called(environment: Environment, macro: str, name: str) -> Callable[..., Any]:
    def call(*arguments: object) -> Any:
        try:
            return getattr(environment.from_string(macro).module, name)(*arguments)
        except Returned as returned:
            return returned.args[0]

    return call


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("duckdb", {"drop table intermediate.int_orders", "drop table marts.removed"}),
        # The schema is not among those that a lake claims, so it may be that of another project.
        ("spark", {"drop table marts.removed purge"}),
    ],
)
def test_leftovers_are_dropped_only_in_schemas_of_the_data_root(engine, expected):
    catalog = {"intermediate": ["int_orders"], "marts": ["fct_call", "removed"], "other": ["table"]}

    def run_query(sql: str) -> SimpleNamespace:
        if sql == "show databases":
            return SimpleNamespace(columns=[SimpleNamespace(values=lambda: list(catalog))])
        if sql.startswith("show views"):
            return SimpleNamespace(rows=[])
        tables = [(schema, name) for schema, names in catalog.items() for name in names]
        if sql.startswith("show tables in "):
            return SimpleNamespace(rows=[row for row in tables if row[0] == sql.split()[-1]])
        rows = [{"schema_name": schema, "name": name} for schema, name in tables]
        return SimpleNamespace(rows=[Row(row) for row in rows])

    node = SimpleNamespace(resource_type="model", schema="marts", alias="fct_call")
    macros = macros_of(
        engine,
        execute=True,
        flags=SimpleNamespace(FULL_REFRESH=True),
        graph=SimpleNamespace(nodes={"fct_call": node}),
        run_query=run_query,
    )
    dropped = {" ".join(line.split()) for line in macros["drop_leftovers"]().split(";")} - {""}
    assert dropped == expected


class Row(dict[str, str]):
    """A row of dbt: unpacked by position, read by name."""

    def __iter__(self):
        return iter((None, self["schema_name"], self["name"], "table"))
