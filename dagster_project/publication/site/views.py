"""Tables of which a page shows one at a time: the reader chooses force, month or line. Contents: the pages' modules.

The HTML has the tables of the first choice, so the page is of use without a script. `assets/views.js` shows the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import long_month, short_month

MONTHS_OFFERED = 24
"""Newest months that can be chosen: a year and the year before it. The tables have all months."""

SHADES = 7


# A page has many thousands of cells, but few different figures: operators, calls an hour.
@lru_cache(maxsize=65_536)
def text_of(value: Decimal | int | None, unit: str, decimals: int) -> str:
    """Return the text of a figure; arguments are those of `display`."""
    return display(None if value is None else Decimal(value), unit, decimals)


@dataclass(frozen=True)
class Table:
    """One table, in the texts that are shown."""

    caption: str
    columns: tuple[str, ...]
    """Headings, the first for the names of the rows."""
    rows: tuple[tuple[str, ...], ...]
    """The name of each row and its cells."""
    shades: tuple[str, ...] = ()
    """For each row a character for each cell after the name: 0 for the least to 6 for the greatest, `-` for none."""
    finding: str = ""
    """What the table shows, in a sentence above it."""


Tables = dict[tuple[str, ...], Table]
"""Tables by the codes that are chosen: force, month, line."""


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

    key: str
    """The anchor of its heading on the page."""
    title: str
    by: tuple[str, ...]
    """Names of the choices that select a table."""
    tables: Mapping[tuple[str, ...], Table]
    """Codes of the options, in the order of `by`, to the table."""
    note: str = ""
    words: tuple[int, ...] = ()
    """Positions of columns that have words, not figures."""


@dataclass(frozen=True)
class Views:
    """The choices of a page, or of a part of it, and the views that follow them."""

    choices: tuple[Choice, ...]
    views: tuple[View, ...]

    def first(self, view: View) -> Table | None:
        """Return the table of the first choice; None if there is none."""
        chosen = {choice.name: choice.first for choice in self.choices}
        return view.tables.get(tuple(chosen[name] for name in view.by))

    def view(self, key: str) -> View:
        """Return a view by its key."""
        return next(view for view in self.views if view.key == key)

    @property
    def data(self) -> dict[str, Any]:
        """All tables, as the script reads them."""
        return {
            view.key: {
                "by": view.by,
                "words": view.words,
                "tables": {
                    "\n".join(key): [table.finding, table.caption, table.columns, table.rows, table.shades]
                    for key, table in view.tables.items()
                },
            }
            for view in self.views
        }


def newest_months(mart: str) -> str:
    """Return the condition, in SQL, for the months of a mart that can be chosen."""
    return (
        f"{mart}.month_start in (select distinct month_start from marts.{mart} order by month_start desc "
        f"limit {MONTHS_OFFERED})"
    )


def force_choice(forces: Mapping[str, str]) -> Choice:
    """Return the choice of a force, from code to name, the one shown first first."""
    return Choice("force", "Force", forces, next(iter(forces)))


def line_choice(view: View) -> Choice:
    """Return the choice of a telephone line, 999 first, among those of a view by force, month and line."""
    lines = sorted({key[2] for key in view.tables}, reverse=True) or ["999"]
    return Choice("line", "Line", {line: f"{line} calls" for line in lines}, lines[0])


def month_choice(months: Iterable[date], first: date) -> Choice:
    """Return the choice of a month, newest first."""
    newest = sorted(set(months) | {first}, reverse=True)[:MONTHS_OFFERED]
    return Choice("month", "Month", {f"{month:%Y-%m}": long_month(month) for month in newest}, f"{first:%Y-%m}")


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


def named_month(row: Mapping[str, Any]) -> str:
    """Return the month of a row as `Jan 2023`, with a remark if days of it are missing."""
    return f"{_short_month(row['month_start'])}{provisional(row)}"


_short_month = lru_cache(short_month)


def months_of(*views: View) -> set[date]:
    """Return the months of all tables that are selected by force and month."""
    return {
        date.fromisoformat(f"{key[1]}-01") for view in views if view.by[:2] == ("force", "month") for key in view.tables
    }


def provisional(row: Mapping[str, Any]) -> str:
    """Return the remark on a month with missing days; empty for a complete one."""
    if not row["is_provisional"]:
        return ""
    return f", provisional: {display(row['share_of_days_loaded'] or Decimal(0), 'percent', 0)} of its days delivered"
