"""The cookbook: queries of the published tables, with their results."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import duckdb

from dagster_project.publication.report.display import in_full
from dagster_project.publication.site.frame import Site
from dagster_project.sql import column_names


@dataclass(frozen=True)
class Recipe:
    """A query of the cookbook with its result."""

    name: str
    question: str
    explanation: str
    sql: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def recipes(connection: duckdb.DuckDBPyConnection) -> list[Recipe]:
    """Return the queries of the cookbook with their results."""
    answers = []
    for path in sorted(Path(str(files("dagster_project.publication") / "cookbook")).glob("*.sql")):
        question, explanation, *lines = path.read_text(encoding="utf-8").splitlines()
        sql = "\n".join(lines)
        cursor = connection.execute(sql)
        columns = tuple(column_names(cursor))
        rows = tuple(tuple(_cell(value) for value in row) for row in cursor.fetchall())
        answers.append(Recipe(path.stem, question[3:], explanation[3:], sql, columns, rows))
    return answers


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return in_full(value)
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def write_cookbook(site: Site, connection: duckdb.DuckDBPyConnection) -> None:
    """Add the cookbook to the site."""
    answers = recipes(connection)
    site.write("cookbook.html", "cookbook.html.j2", recipes=answers)
    for recipe in answers:
        site.find("cookbook.html", recipe.question, "query", f"{recipe.explanation} {recipe.sql}", anchor=recipe.name)
