"""Pages of the site that are a list of queries: `pages/NAME.sql`, with `pages/NAME.html.j2` if a page has more.

The SQL of a page is a list of views. Comment lines above each query have the view's settings, and those above the first
view the settings of the page; a line that begins with three spaces continues the setting above it. SQL above the first
view is run before the queries, for temporary views that several of them use.

- `title`: heading of the page or view; `lead` (page) and `note` (view): the text below.
- `view`: its key, which is its anchor on the page.
- `by`: what there is a table for each of: `force`, `month`, or any other column of the query. Views by force or month
  have a choice at the head of the page; of other views, all tables are shown.
- `choice NAME` (page): label of a further choice and the text of its options, `Line | {} calls`.
- `search` (page and view): title in the search, and further words for it.
- `marts`: published tables whose page in the dictionary links to the view.
- `corner`: heading of the first column; `nothing`: sentence in place of a view without rows.
- `shades`: headings of the columns whose cells are shaded by their size, `cells` for those of the column `cells`.
- `words`: headings of columns that have words, not figures; `empty`: text of a missing one of `cells`; a number has a
  shade.
- `count`: column whose values have their number of rows in the finding.
- `finding` (view): a sentence above each table, with columns of its first row in braces; a part in square brackets is
  left out if its first column is 0 or nothing.
- `folded: yes`: the table is folded, unless a row is marked. `summary: yes`: the finding is listed above the views.
  `beside: yes`: the view stands beside others where there is room.

A row of the query is a row of a table. A query has `force_code` and, if it has months, `month_start`, `is_provisional`
and `share_of_days_loaded`. Each column with an upper-case initial, or none, is a cell; unit and decimals follow its
heading (`% came back|percent 1`; a count has none; with `measure` they are the columns `unit` and `decimals`). Columns
that depend on the data are in the list `cells`, each with its `heading`, its `position` among them, its `figure`, and
`format`, which is unit and decimals, or a text with fields of the cell in braces. Other columns:

- `name`: name of the row, by default its month; `link`: the page of the site that it links to.
- `is_marked`: whether the row is emphasised; `is_shaded`: whether its cells have shades.
- `caption`: caption of the table, by default force and month.
- `finding`, also of a cell: a sentence above the table, for a finding that is not of the first row.

Captions and findings name columns in braces. These are formatted as cells are, `{came_back}` or `{share:percent 1}`
(`own` for the decimals that a target has), so a figure has the same text everywhere. `{month}` is `Jan 2023`,
`{named_month}` also says that it is provisional.

The HTML has the tables of the first choice, so the page is of use without a script. `assets/views.js` shows the others.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from itertools import repeat, takewhile
from typing import Any

import duckdb

from dagster_project.publication.report.display import NOTHING, display, own_decimals
from dagster_project.publication.report.model import long_month, short_month
from dagster_project.publication.site.frame import Site
from dagster_project.sql import query_rows, scalar

MONTHS_OFFERED = 24
"""Newest months that can be chosen: a year and the year before it. The tables have all months."""

SHADES = 7

_CHOSEN = ("force", "month")

Settings = Mapping[str, str]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One row of a table, in the texts that are shown."""

    name: str
    cells: tuple[str, ...]
    shades: str = ""
    """For each cell a character: 0 for the least of the table to 6 for the greatest, `-` for none; empty without."""
    is_marked: bool = False
    link: str = ""
    """The page of the site that it links to."""


@dataclass(frozen=True)
class Table:
    """One table, in the texts that are shown."""

    caption: str
    columns: tuple[str, ...]
    """Headings, the first for the names of the rows."""
    rows: tuple[Row, ...]
    finding: str = ""
    """What the table shows, in a sentence above it."""


@dataclass(frozen=True)
class Choice:
    """One thing to choose, with its options by code."""

    name: str
    label: str
    options: Mapping[str, str]
    first: str


@dataclass(frozen=True)
class View:
    """Tables of the same form, one for each choice."""

    settings: Settings
    by: tuple[str, ...]
    """What there is a table for each of."""
    tables: Mapping[tuple[str, ...], Table]
    """Codes, in the order of `by`, to the table."""

    @property
    def key(self) -> str:
        """The anchor of its heading on the page."""
        return self.settings["view"]

    @property
    def is_chosen(self) -> bool:
        """Whether one table is shown at a time."""
        return any(name in _CHOSEN for name in self.by)

    @property
    def is_folded(self) -> bool:
        """Whether the tables are folded: none of their rows needs a look."""
        return "folded" in self.settings and not any(
            row.is_marked for table in self.tables.values() for row in table.rows
        )

    @property
    def finding(self) -> str:
        """What the view shows in all, without the full stop."""
        first = next(iter(self.tables.values()), None)
        return (first.finding if first else self.settings["nothing"]).removesuffix(".")


@dataclass(frozen=True)
class Views:
    """The choices of a page, or of a part of it, and the views that follow them."""

    choices: tuple[Choice, ...]
    views: tuple[View, ...]

    def shown(self, view: View) -> list[Table]:
        """Return the tables of a view that are shown at first: those of the first choice, or all."""
        if not view.is_chosen:
            return list(view.tables.values())
        chosen = {choice.name: choice.first for choice in self.choices}
        table = view.tables.get(tuple(chosen[name] for name in view.by))
        return [table] if table else []

    def view(self, key: str) -> View:
        """Return a view by its key."""
        return next(view for view in self.views if view.key == key)

    @property
    def summary(self) -> list[View]:
        """The views whose finding is listed above all."""
        return [view for view in self.views if "summary" in view.settings]


@dataclass(frozen=True)
class PageSql:
    """The SQL of a page."""

    settings: Settings
    views: tuple[tuple[Settings, str], ...]
    """Settings and query of each view, from top to bottom."""
    before: str = ""
    """What is run before the queries."""


@cache
def page_sql(name: str) -> PageSql:
    """Return the settings and queries of a page."""
    text = (files("dagster_project.publication.site") / "pages" / f"{name}.sql").read_text(encoding="utf-8")
    head, *views = (_settings(part) for part in re.split(r"^(?=-- view: )", text, flags=re.MULTILINE))
    return PageSql(head[0], tuple(views), head[1])


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
def page_of_mart(mart: str) -> str | None:
    """Return the address of the view that shows a mart; None if no page does."""
    if mart.startswith("kpi_measure_") or mart == "measures":
        return "measures/index.html"
    if mart == "board_paper":
        return "board_paper.html"
    return next(
        (
            f"{name}.html#{settings['view']}"
            for name in page_names()
            for settings, _ in page_sql(name).views
            if mart in settings.get("marts", "").split()
        ),
        None,
    )


def write_page(site: Site, name: str, views: Views | None, **content: Any) -> None:
    """Add a page and its search entries to the site.

    Args:
        site: the site.
        name: name of the page in `pages/`.
        views: its tables; None without data.
        content: further values for the template, if the page has one of its own.
    """
    page, address = page_sql(name), f"{name}.html"
    has_template = (files("dagster_project.publication.site") / "pages" / f"{name}.html.j2").is_file()
    template = f"pages/{name}.html.j2" if has_template else "page.html.j2"
    site.write(address, template, views=views, settings=page.settings, **content)
    for settings in (page.settings, *(settings for settings, _ in page.views)):
        title, _, words = settings.get("search", "").partition(" | ")
        if title:
            site.find(address, title, "page", words, anchor=settings.get("view", ""))


def read_views(
    connection: duckdb.DuckDBPyConnection,
    page: PageSql,
    forces: Mapping[str, str],
    months: Mapping[str, date],
    force_code: str = "",
    pages: Collection[str] = (),
) -> Views | None:
    """Return the tables of a page, of the newest months, with the choices between them.

    Args:
        connection: a database with the marts in its schema `marts`.
        page: the SQL of the page.
        forces: code to name; the default force comes first.
        months: force to the month that is shown first.
        force_code: the own force, `$force_code` in a query.
        pages: pages of the site that rows may link to.

    Returns:
        None if all views are by force and there is no force.
    """
    if not forces and all("force" in settings.get("by", "") for settings, _ in page.views):
        return None
    # `$first_month` is the oldest month that can be chosen.
    first_month = scalar(
        connection,
        "select cast(max(month_start) - to_months($others) as date) from marts.report_months",
        {"others": MONTHS_OFFERED - 1},
    )
    parameters = {"first_month": first_month, "force_code": force_code}
    connection.execute(page.before)
    views = tuple(_view(connection, settings, sql, forces, parameters, pages) for settings, sql in page.views)
    return Views(tuple(_choices(page.settings, views, forces, months)), views)


def is_absent(page: PageSql, views: Views | None) -> bool:
    """Return whether a page is left out, which is not a fault: it is optional, and there are no rows for it."""
    return "optional" in page.settings and not any(view.tables for view in (views.views if views else ()))


def _choices(
    settings: Settings, views: Sequence[View], forces: Mapping[str, str], months: Mapping[str, date]
) -> Iterator[Choice]:
    def codes_of(name: str) -> set[str]:
        places = ((view, view.by.index(name)) for view in views if name in view.by)
        return {key[place] for view, place in places for key in view.tables}

    if forces and any("force" in view.by for view in views):
        yield Choice("force", "Force", forces, next(iter(forces)))
    if any("month" in view.by for view in views):
        codes = codes_of("month")
        first = f"{months[next(iter(forces))]:%Y-%m}" if forces else max(codes)
        yield month_choice(codes, first)
    for name, text in settings.items():
        if name.startswith("choice "):
            name = name.removeprefix("choice ")
            label, _, option = text.partition(" | ")
            options = {code: option.format(code) for code in sorted(codes_of(name), reverse=True) or [""]}
            yield Choice(name, label, options, next(iter(options)))


def month_choice(codes: Iterable[str], first: str) -> Choice:
    """Return the choice of a month, newest first; months are `2023-01`."""
    newest = sorted({*codes, first}, reverse=True)[:MONTHS_OFFERED]
    return Choice("month", "Month", {code: long_month(date.fromisoformat(f"{code}-01")) for code in newest}, first)


# A page has many thousands of cells, but few different figures: operators, calls an hour.
@lru_cache(maxsize=65_536)
def text_of(value: Decimal | int | None, unit: str, decimals: int) -> str:
    """Return the text of a figure; arguments are those of `display`."""
    return display(None if value is None else Decimal(value), unit, decimals)


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


def _without_empty(text: str, row: Mapping[str, Any]) -> str:
    """Return a text without the parts in square brackets whose first column is 0 or nothing."""
    return re.sub(r"\[([^\[\]{]*\{(\w+)[^\[\]]*)\]", lambda part: part[1] if row[part[2]] else "", text)


def _view(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    sql: str,
    forces: Mapping[str, str],
    parameters: Mapping[str, object],
    pages: Collection[str],
) -> View:
    by = tuple(settings.get("by", "").split())
    columns = [{"force": "force_code", "month": "month_start"}.get(name, name) for name in by]
    rows = query_rows(connection, sql, parameters)
    counts: dict[str, int] = {}
    if "count" in settings:
        counts = dict.fromkeys(re.findall(r"{(\w+)", settings["finding"]), 0)
        counts |= {"rows": len(rows)} | Counter(row[settings["count"]] for row in rows)
    groups: dict[tuple[str, ...], Rows] = {}
    for row in rows:
        row["force"] = forces.get(row.get("force_code", ""), row.get("force_code"))
        if "month_start" in row:
            row["month"], row["named_month"] = row["month_start"], named_month(row)
        row.setdefault("name", row.get("named_month"))
        codes = (f"{row[name]:%Y-%m}" if isinstance(row[name], date) else row[name] for name in columns)
        groups.setdefault(tuple(codes), []).append(row)
    return View(settings, by, {key: _table(settings, group, pages, counts) for key, group in groups.items()})


def _table(settings: Settings, rows: Rows, pages: Collection[str], counts: Mapping[str, int]) -> Table:
    """Return a table of its rows as the query gave them; its finding may also name the counts."""
    shaded, nothing = settings.get("shades", "").split(", "), settings.get("empty", NOTHING)
    positions = {cell["heading"]: cell["position"] for row in rows for cell in row.get("cells") or ()}
    missing = {heading: (nothing, int(nothing) if nothing.isdigit() else None) for heading in positions}
    texts: list[dict[str, str]] = []
    shown: list[list[Decimal | int | None]] = []
    for row in rows:
        of_row: dict[str, tuple[str, Any, bool]] = {}
        for column, value in row.items():
            heading, _, spec = column.partition("|")
            if column == "cells":
                given = {cell["heading"]: (_cell(cell), cell["figure"]) for cell in value or ()}
                for heading in sorted(positions, key=positions.__getitem__):
                    of_row[heading] = (*given.get(heading, missing[heading]), "cells" in shaded)
            elif not column[0].islower():
                spec = f"{row['unit']} {row['decimals']}" if spec == "measure" else spec
                of_row[heading] = _text(value, spec), value, heading in shaded
        texts.append({heading: text for heading, (text, _, _) in of_row.items()})
        shown.append(
            [value if is_shaded and row.get("is_shaded", True) else None for _, value, is_shaded in of_row.values()]
        )
    first = rows[0]
    default = "{force}, {named_month}" if "month" in settings.get("by", "") else "{force}"
    parts = [(of.get("finding"), of) for row in rows for of in (row, *(row.get("cells") or ()))]
    named = {**counts, **first}
    sentences = [(_without_empty(settings.get("finding", ""), named), named), *parts]
    return Table(
        _filled(first.get("caption", default if "force" in settings.get("by", "") else ""), first),
        (settings.get("corner", "Month"), *texts[0]),
        tuple(
            Row(row["name"], tuple(of_row.values()), of_shades, bool(row.get("is_marked")), _link(row, pages))
            for row, of_row, of_shades in zip(
                rows, texts, shades(shown) if "shades" in settings else repeat("", len(rows)), strict=True
            )
        ),
        " ".join(_filled(sentence, of) for sentence, of in sentences if sentence),
    )


def _cell(cell: Mapping[str, Any]) -> str:
    """Return the text of a column that depends on the data."""
    return _filled(cell["format"], cell) if "{" in cell["format"] else _text(cell["figure"], cell["format"])


def _link(row: Mapping[str, Any], pages: Collection[str]) -> str:
    link: str = row.get("link") or ""
    return link if link in pages else ""


def shades(rows: Sequence[Sequence[Decimal | int | None]]) -> tuple[str, ...]:
    """Return the shade of each cell of a table between its least and greatest figure; `-` for a cell without one."""
    known = [Decimal(value) for row in rows for value in row if value is not None]
    least = min(known, default=Decimal(0))
    step = (max(known, default=least) - least) / SHADES

    def shade(value: Decimal | int | None) -> str:
        if value is None or not step:
            return "-"
        return str(min(SHADES - 1, int((value - least) / step)))

    return tuple("".join(map(shade, row)) for row in rows)


_short_month = lru_cache(short_month)


def named_month(row: Mapping[str, Any]) -> str:
    """Return the month of a row as `Jan 2023`, with a remark if days of it are missing."""
    month = _short_month(row["month_start"])
    if not row.get("is_provisional"):
        return month
    share = display(row["share_of_days_loaded"] or Decimal(0), "percent", 0)
    return f"{month}, provisional: {share} of its days delivered"
