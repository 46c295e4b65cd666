"""Pages of the site that are a list of queries and a template: `pages/NAME.sql` and `pages/NAME.html.j2`.

The SQL of a page is a list of views. Comment lines above each query have the view's settings, and those above the first
view the settings of the page; a line that begins with three spaces continues the setting above it.

- `view`: its key, which is its anchor on the page; `title` and `note`: its heading and the text below.
- `by`: the choices that select a table, `force` first; `month`, or any other column of the query.
- `choice NAME` (page): label of a further choice and the text of its options, `Line | {} calls`.
- `search` (page and view): title in the search, and further words for it.
- `marts`: published tables whose page in the dictionary links to the view.
- `shades`: `all`, or the headings of the columns whose cells are shaded by their size.
- `words`: positions of columns that have words, not figures; `empty`: text of a cell that the query does not have;
  a number has a shade.

A query has `force_code` and, if it has months, `month_start`, `is_provisional` and `share_of_days_loaded`. A row of
the query is a row of a table, and each column with an upper-case initial, or none, a cell; unit and decimals follow its
heading (`% came back|percent 1`; a count has none). With the column `heading`, it is one cell of the row that it names:
`figure` with its `format`, which is unit and decimals or a text with columns in braces; `position`, the place of its
column; `is_shaded`, whether it has a shade. `heading` and `figure` may be lists, for several cells. Other columns:

- `name`: name of the row, by default its month.
- `caption`: caption of the table, by default force and month.
- `finding`: a sentence above the table; those of several rows follow each other.

Captions and findings name columns in braces. These are formatted as cells are, `{came_back}` or `{share:percent 1}`
(`own` for the decimals that a target has), so a figure has the same text everywhere. `{month}` is `Jan 2023`,
`{named_month}` also says that it is provisional.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import repeat, takewhile
from typing import Any

import duckdb

from dagster_project.publication.report.display import NOTHING, own_decimals
from dagster_project.publication.report.model import short_month
from dagster_project.publication.site.data import Rows
from dagster_project.publication.site.frame import Site
from dagster_project.publication.site.views import (
    MONTHS_OFFERED,
    Choice,
    Table,
    View,
    Views,
    force_choice,
    month_choice,
    months_of,
    named_month,
    shades,
    text_of,
)
from dagster_project.sql import rows_as_dicts, scalar

Settings = Mapping[str, str]


@dataclass(frozen=True)
class PageSql:
    """The SQL of a page."""

    settings: Settings
    views: tuple[tuple[Settings, str], ...]
    """Settings and query of each view, from top to bottom."""


@cache
def page_sql(name: str) -> PageSql:
    """Return the settings and queries of a page."""
    text = (files("dagster_project.publication.site") / "pages" / f"{name}.sql").read_text(encoding="utf-8")
    head, *views = (_settings(part) for part in re.split(r"^(?=-- view: )", text, flags=re.MULTILINE))
    return PageSql(head[0], tuple(views))


def _settings(part: str) -> tuple[Settings, str]:
    lines = part.splitlines()
    comments = list(takewhile(lambda line: line.startswith("--"), lines))
    entries = re.sub(r"\n-- {3}", " ", "\n".join(comments)).splitlines()
    settings = {key: value for key, _, value in (entry.removeprefix("-- ").partition(": ") for entry in entries)}
    return settings, "\n".join(lines[len(comments) :])


def page_names() -> list[str]:
    """Return the names of the pages."""
    folder = files("dagster_project.publication.site") / "pages"
    return sorted(file.name.removesuffix(".sql") for file in folder.iterdir() if file.name.endswith(".sql"))


@cache
def pages_of_marts() -> dict[str, str]:
    """Return the address of the view that shows a mart, by mart."""
    return {
        mart: f"{name}.html#{settings['view']}"
        for name in page_names()
        for settings, _ in page_sql(name).views
        for mart in settings.get("marts", "").split()
    }


def write_page(
    site: Site,
    connection: duckdb.DuckDBPyConnection,
    name: str,
    *,
    forces: Mapping[str, str],
    months: Mapping[str, date],
    **content: Any,
) -> None:
    """Add a page and its search entries to the site.

    Args:
        site: the site.
        connection: a database with the marts in its schema `marts`.
        name: name of the page in `pages/`.
        forces: code to name; the default force comes first.
        months: force to the month that is shown first.
        content: further values for the template.
    """
    page, address = page_sql(name), f"{name}.html"
    site.write(address, f"pages/{name}.html.j2", views=read_views(connection, page, forces, months), **content)
    for settings in (page.settings, *(settings for settings, _ in page.views)):
        title, _, words = settings.get("search", "").partition(" | ")
        if title:
            site.find(address, title, "page", words, anchor=settings.get("view", ""))


def read_views(
    connection: duckdb.DuckDBPyConnection, page: PageSql, forces: Mapping[str, str], months: Mapping[str, date]
) -> Views | None:
    """Return the tables of a page, of the newest months, with the choices between them; None without forces."""
    if not forces:
        return None
    # `$first_month` is the oldest month that can be chosen.
    first_month = scalar(
        connection,
        "select cast(max(month_start) - to_months($others) as date) from marts.report_months",
        {"others": MONTHS_OFFERED - 1},
    )
    views = tuple(_view(connection, settings, sql, forces, first_month) for settings, sql in page.views)
    return Views(tuple(_choices(page.settings, views, forces, months)), views)


def _choices(
    settings: Settings, views: Sequence[View], forces: Mapping[str, str], months: Mapping[str, date]
) -> Iterator[Choice]:
    yield force_choice(forces)
    if any("month" in view.by for view in views):
        yield month_choice(months_of(*views), months[next(iter(forces))])
    for name, text in settings.items():
        if name.startswith("choice "):
            name = name.removeprefix("choice ")
            label, _, option = text.partition(" | ")
            places = ((view, view.by.index(name)) for view in views if name in view.by)
            codes = sorted({key[place] for view, place in places for key in view.tables}, reverse=True) or [""]
            yield Choice(name, label, {code: option.format(code) for code in codes}, codes[0])


class _Value:
    """A value of a row that formats itself by unit and decimals, in braces."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, spec: str) -> str:
        return _text(self.value, spec)


def _text(value: Any, spec: str) -> str:
    """Return the text of a value by its unit and decimals; a date is a month unless they say how to write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return f"{value:{spec}}" if spec else short_month(value)
    unit, _, decimals = (spec or "count 0").partition(" ")
    return text_of(value, unit, own_decimals(value) if decimals == "own" else int(decimals))


def _filled(text: str, row: Mapping[str, Any]) -> str:
    """Return a text with its columns in braces; what stands in the columns is never read as a text with braces."""
    return text.format_map({name: _Value(value) for name, value in row.items()}) if "{" in text else text


def _view(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    sql: str,
    forces: Mapping[str, str],
    first_month: date | None,
) -> View:
    by = tuple(settings["by"].split())
    columns = ["force_code", *("month_start" if name == "month" else name for name in by[1:])]
    rows = rows_as_dicts(connection.execute(sql, {"first_month": first_month} if "$first_month" in sql else {}))
    groups: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in columns), []).append(row)
    tables = {}
    for codes, of_table in groups.items():
        key = tuple(f"{code:%Y-%m}" if isinstance(code, date) else code for code in codes)
        tables[key] = _table(settings, forces.get(key[0], key[0]), of_table)
    words = tuple(int(position) for position in settings.get("words", "").split())
    return View(settings["view"], settings["title"], by, tables, settings.get("note", ""), words)


def _table(settings: Settings, force: str, rows: Rows) -> Table:
    """Return a table of its rows as the query gave them."""
    shaded, nothing = settings.get("shades", "").split(", "), settings.get("empty", NOTHING)
    empty = nothing, int(nothing) if nothing.isdigit() else None
    places: dict[str, float] = {}
    cells: dict[tuple[str, int | None], dict[str, tuple[str, Any]]] = {}
    findings = []
    for number, row in enumerate(rows):
        row["force"] = force
        if "month_start" in row:
            row["month"], row["named_month"] = row["month_start"], named_month(row)
        row.setdefault("name", row.get("named_month"))
        of_row = cells.setdefault((row["name"], None if "heading" in row else number), {})
        for heading, spec, value in _cells(row):
            places.setdefault(heading, row.get("position", 0))
            is_shaded = ("all" in shaded or heading in shaded) and row.get("is_shaded", True)
            of_row[heading] = _filled(spec, row) if "{" in spec else _text(value, spec), value if is_shaded else None
        if row.get("finding"):
            findings.append(_filled(row["finding"], row))
    headings = sorted(places, key=lambda heading: places[heading])
    table = [[of_row.get(heading, empty) for heading in headings] for of_row in cells.values()]
    default = "{force}, {named_month}" if "month" in settings["by"].split() else "{force}"
    return Table(
        _filled(rows[0].get("caption", default), rows[0]),
        (settings.get("corner", "Month"), *headings),
        tuple((name, *(text for text, _ in row)) for (name, _), row in zip(cells, table, strict=True)),
        shades([[value for _, value in row] for row in table]) if "shades" in settings else (),
        " ".join(findings),
    )


def _cells(row: Mapping[str, Any]) -> Iterable[tuple[str, str, Any]]:
    """Return heading, unit and decimals, and value of each cell of a row."""
    if "heading" in row:
        heading, spec, figure = row["heading"], row["format"], row["figure"]
        return zip(heading, repeat(spec), figure) if isinstance(heading, list) else ((heading, spec, figure),)
    columns = ((name.partition("|"), value) for name, value in row.items() if not name[0].islower())
    return ((heading, spec, value) for (heading, _, spec), value in columns)
