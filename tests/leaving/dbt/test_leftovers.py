"""A build from scratch on Spark drops only tables in schemas that the lake claims."""

from types import SimpleNamespace

import pytest

from tests.leaving.dbt.rendering import macros_of


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
        "drop_leftovers.sql",
        api=SimpleNamespace(Relation=SimpleNamespace(create=lambda schema, identifier, **_: f"{schema}.{identifier}")),
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
