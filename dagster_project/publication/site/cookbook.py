"""The cookbook: queries of the published tables, with their results."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import duckdb

from dagster_project.publication.report.display import display, in_full
from dagster_project.publication.site.frame import Site
from dagster_project.sql import column_names


def write_cookbook(site: Site, connection: duckdb.DuckDBPyConnection) -> None:
    """Add the cookbook to the site: each of its queries, with its question, explanation and result."""
    recipes = []
    for path in sorted(Path(str(files("dagster_project.publication") / "cookbook")).glob("*.sql")):
        question, explanation, *lines = path.read_text(encoding="utf-8").splitlines()
        sql = "\n".join(lines)
        cursor = connection.execute(sql)
        columns = column_names(cursor)
        recipe = {"name": path.stem, "question": question[3:], "explanation": explanation[3:], "sql": sql}
        is_number, rows = texts_of(cursor.fetchall(), len(columns))
        recipes.append(recipe | {"columns": columns, "is_number": is_number, "rows": rows})
        site.find("cookbook.html", question[3:], "query", f"{explanation[3:]} {sql}", anchor=path.stem)
    site.write("cookbook.html", "cookbook.html.j2", recipes=recipes)


def texts_of(rows: Sequence[tuple[object, ...]], columns: int) -> tuple[tuple[bool, ...], tuple[tuple[str, ...], ...]]:
    """Return which columns of a result have numbers, and the texts of its rows."""
    by_column = [[row[index] for row in rows] for index in range(columns)]
    is_number = tuple(
        all(value is None or (isinstance(value, Decimal | int | float) and not isinstance(value, bool)) for value in of)
        for of in by_column
    )
    texts = [_texts(of) for of in by_column]
    return is_number, tuple(zip(*texts, strict=True))


def _texts(values: Sequence[object]) -> list[str]:
    """Return the texts of a column, decimal numbers with the decimals of the one that has most, but at most two."""
    numbers = [in_full(value) for value in values if isinstance(value, Decimal)]
    decimals = min(2, max((len(number.partition(".")[2]) for number in numbers), default=0))
    return [display(value, "count", decimals) if isinstance(value, Decimal) else _cell(value) for value in values]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
