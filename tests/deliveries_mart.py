"""The SQL of the model `deliveries` for DuckDB, for comparison with what `fcir status` reads. No tests here."""

from types import SimpleNamespace

from jinja2 import Environment, StrictUndefined

from dagster_project.settings import DBT_PROJECT


def deliveries_sql(loads: str) -> str:
    """Return the SQL of the model `deliveries`, over a relation with the columns of `audit.load`."""
    model = (DBT_PROJECT / "models" / "quality" / "deliveries.sql").read_text(encoding="utf-8")
    dbt = SimpleNamespace(type_string=lambda: "varchar")
    return Environment(undefined=StrictUndefined).from_string(model).render(dbt=dbt, source=lambda *_: loads)  # noqa: S701 (SQL)
