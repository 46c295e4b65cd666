"""The mart of deliveries, made from loads by the SQL of its model without dbt. No tests here."""

from types import SimpleNamespace

from jinja2 import Environment, StrictUndefined

from dagster_project.settings import DBT_PROJECT


def deliveries_sql(loads: str) -> str:
    """Return the SQL of the model `deliveries` for DuckDB.

    Args:
        loads: SQL of what it reads instead of `stg_loads`: a relation, or a query in parentheses.
    """
    model = (DBT_PROJECT / "models" / "marts" / "quality" / "deliveries.sql").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 (SQL)
    dbt = SimpleNamespace(type_string=lambda: "varchar")
    return environment.from_string(model).render(ref=lambda _: loads, dbt=dbt)
