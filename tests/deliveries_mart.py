"""The marts of deliveries, made from loads by the SQL of their models without dbt. No tests here."""

from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, StrictUndefined

from dagster_project.settings import DBT_PROJECT
from tests.dbt.rendering import macros_of


def deliveries_sql(loads: str) -> str:
    """Return the SQL of the model `deliveries` for DuckDB.

    Args:
        loads: SQL of what it reads instead of `audit.load`: a relation, or a query in parentheses.
    """
    return _rendered("deliveries", {"load": loads})


def delivery_totals_sql() -> str:
    """Return the SQL of the model `delivery_totals` for DuckDB, over the tables of the schema `marts`."""
    tables = {name: f"marts.{name}" for name in ("deliveries", "quarantine")}
    return _rendered("delivery_totals", {"load": "marts.load_audit", **tables}, ratio=macros_of("duckdb")["ratio"])


def _rendered(name: str, relations: dict[str, str], **macros: Any) -> str:
    model = (DBT_PROJECT / "models" / "quality" / f"{name}.sql").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 (SQL)
    dbt = SimpleNamespace(type_string=lambda: "varchar")
    return environment.from_string(model).render(
        ref=relations.__getitem__, source=lambda _, table: relations[table], dbt=dbt, **macros
    )
