"""The explorer: a page to choose measures, forces and periods, and the files of its figures.

Figures are script files beside the page, one for each force and query of `explorer.sql`, read when they are chosen: a
page opened from a disk may not fetch data. Texts and values are those of the marts, so a browser rounds and adds up
nothing. The page's behaviour is in `assets/explorer.js` and `assets/explorer_chart.js`.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any

import duckdb

from dagster_project.publication.files import Draft, write
from dagster_project.publication.html import packed
from dagster_project.publication.paths import address_of
from dagster_project.publication.report.definitions import formula_changes
from dagster_project.publication.report.display import display_target, in_full, shortened
from dagster_project.publication.report.model import Event, short_month
from dagster_project.publication.report.queries import default_month, paper_months, read_rules
from dagster_project.publication.report.sentences import VERDICT_WORDS
from dagster_project.publication.site.engine import text_of
from dagster_project.publication.spreadsheet import FIGURE, FORMULA
from dagster_project.sql import column_names, named_queries, query_rows

PAGE = "explorer.html"

FOLDER = "explorer"
"""Folder of the files, beside the page."""

# The papers show two years in their charts.
_OPENING_MONTHS = 24

_AMOUNTS = ("value", "usual", "lower_limit", "upper_limit", "target", "year_like_month")


@dataclass(frozen=True)
class View:
    """A choice of periods: what each figure covers, and below which member."""

    title: str
    file: str
    """Query of `explorer.sql` that has its figures."""
    period: str
    """The column `period` of the query."""
    grain: str = "month"
    """Step between two figures: `month`, `week` or `day`."""
    compared: str = ""
    """Period that the figures can be compared with."""
    compared_title: str = ""
    limits: str = ""
    """What it has figures of, in words after the title."""


VIEWS = {
    "month": View("Month", "month", "month", compared="same_month_last_year", compared_title="Same month last year"),
    "month_per_day": View("Mean per day of the month", "month_per_day", "month_per_day", limits=" (sums)"),
    "fytd": View("Year to date", "month", "fytd", compared="prev_fytd", compared_title="Last year to date"),
    "last_6_months": View(
        "Last 6 months", "month", "last_6_months", compared="previous_6_months", compared_title="Previous 6 months"
    ),
    "last_12_months": View("Last 12 months", "month", "last_12_months"),
    "week": View("Week", "week", "week", "week", limits=" (last 3 years)"),
    "day": View("Day", "day", "day", "day", limits=" (calls, last 3 years)"),
    "district": View("Month, by district", "district", "month", limits=" (crime)"),
    "offence_group": View("Month, by offence group", "offence_group", "month", limits=" (cancelled crime)"),
}
"""Views by their codes, which links to the explorer contain."""

Files = dict[str, dict[str, dict[str, str]]]
"""Query and force to the `address` of a file, and the `key` of its content."""


def _queries() -> dict[str, str]:
    """Return the queries of `explorer.sql` by name."""
    return named_queries(__package__, "explorer.sql")


def write_figures(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Files:
    """Write the figures of every query to `explorer/FORCE.QUERY.js`.

    Args:
        connection: a database with the marts.
        draft: the publication; a file that cannot be written is left out of it.

    Returns:
        The files that were written.
    """
    written: Files = {}
    for name in dict.fromkeys(view.file for view in VIEWS.values()):
        written[name] = {}
        read = partial(_contents, connection, name)
        for force, content in draft.renderer.attempt(f"{FOLDER}/{name}", read) or []:
            address = address_of(FOLDER, f"{force}.{name}.js")
            # A page that stays open must not read the figures of a newer publication.
            key = hashlib.sha256(content.encode()).hexdigest()[:12]
            write(draft.folder, address, f'window.fcirFigures["{key}"]="{content}";\n'.encode())
            written[name][force] = {"address": address, "key": key}
    return written


def _contents(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    return [(force, packed(series)) for force, series in read_series(connection, name)]


def read_series(connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each force with the series of a query.

    A series has `measure`, `period`, `member` and, in columns by `first_day`, what the query has. An amount is a text
    with all digits, and its text as printed is the column `AMOUNT_text`. Columns without any value are left out.
    """
    cursor = connection.execute(_queries()["series"].replace("{query}", _queries()[name]))
    names = column_names(cursor)
    rows = (dict(zip(names, row, strict=True)) for row in iter(cursor.fetchone, None))
    for force, of_force in groupby(rows, key=lambda row: row.pop("force_code")):
        yield force, [_series(row) for row in of_force]


def _series(row: dict[str, Any]) -> dict[str, Any]:
    unit, decimals, printed = row.pop("unit"), row.pop("decimals"), row.pop("text")
    for name in (*_AMOUNTS, "share_of_days_loaded"):
        values = row[name]
        row[name] = [in_full(value) for value in values]
        if name in _AMOUNTS and any(row[name]):
            row[f"{name}_text"] = [_text(value, name, unit, decimals) for value in values]
    if any(printed):
        row["value_text"] = [text or own for text, own in zip(printed, row["value_text"], strict=True)]
    return {name: value for name, value in row.items() if value and any(value)}


def _text(value: Decimal | None, name: str, unit: str, decimals: int) -> str:
    if value is None:
        return ""
    return display_target(value, unit) if name == "target" else text_of(value, unit, decimals)


def read_explorer(
    connection: duckdb.DuckDBPyConnection,
    *,
    force_code: str,
    written: Files,
    events: Mapping[str, Sequence[Event]],
    addresses: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Read the values for the template of the page: its options, what is first chosen, and `data` for its script.

    Args:
        connection: a database with the marts.
        force_code: the force that is chosen at first; the first one if it has no figures.
        written: the files beside the page (`write_figures`).
        events: what the charts of each force mark.
        addresses: the page of each measure, by force.
    """
    measures, forces = _measures(connection), _forces(connection)
    rows = connection.execute("select distinct month_start from marts.kpi_measure_period order by month_start")
    months = [month for (month,) in rows.fetchall()]
    first = force_code if force_code in forces else next(iter(forces))
    last = default_month(paper_months(connection).get(first, [])) or months[-1]
    span = [month for month in months if month <= last][-_OPENING_MONTHS:] or months
    headline = [code for code, measure in measures.items() if measure["is_headline"]]
    return {
        "groups": [
            (title + (f" by {breakdown.replace('_', ' ')}" if breakdown else ""), dict(group))
            for (title, breakdown), group in groupby(
                measures.items(), key=lambda item: (item[1]["section_title"], item[1]["breakdown"])
            )
        ],
        "forces": forces,
        "views": VIEWS,
        "months": {f"{month:%Y-%m}": short_month(month) for month in months},
        "opening": {*headline[:1], first},
        "span": (f"{span[0]:%Y-%m}", f"{span[-1]:%Y-%m}"),
        "data": {
            "measures": measures,
            "views": {code: asdict(view) for code, view in VIEWS.items()},
            "files": written,
            "queries": {name: _query(connection, name) for name, of_query in written.items() if of_query},
            "formula_changes": {force: _formula_changes(connection, force) for force in forces},
            "events": {
                force: [{"day": f"{item.day}", "label": item.label, "sections": item.sections} for item in listed]
                for force, listed in events.items()
            },
            "bank_holidays": _bank_holidays(connection),
            "verdicts": VERDICT_WORDS,
            "addresses": addresses,
            "spreadsheet": {"formula": FORMULA, "figure": FIGURE},
        },
    }


def _query(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, list[str]]:
    """Return a query and its columns."""
    sql = _queries()[name]
    return sql, column_names(connection.execute(f"from ({sql}) limit 0"))


def _forces(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the forces with figures: code to name."""
    rows = connection.execute(
        """
        select periods.force_code, coalesce(min(forces.force_name), periods.force_code) as name
        from marts.kpi_measure_period as periods
        left join marts.dim_force as forces on periods.force_code = forces.force_code
        group by periods.force_code
        order by name, periods.force_code
        """
    )
    return {code: shortened(name) for code, name in rows.fetchall()}


def _measures(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """Return the catalogue in the order of the papers, the members of a breakdown side by side."""
    rows = query_rows(
        connection,
        """
        select
            measure, section, section_title, label, unit, definition, numerator, denominator, breakdown, synonyms,
            is_headline
        from marts.measures
        order by section_order, section, breakdown nulls first, board_paper_order nulls last, measure
        """,
    )
    return {row.pop("measure"): row for row in rows}


def _formula_changes(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, list[str]]:
    """Return the first days of a force's formulas that replaced others, by measure, oldest first."""
    changes = formula_changes(read_rules(connection, force_code))
    return {measure: [f"{change.first_day}" for change in of_measure] for measure, of_measure in changes.items()}


def _bank_holidays(connection: duckdb.DuckDBPyConnection) -> list[dict[str, str]]:
    rows = connection.execute(
        """
        select cast(date_day as varchar), bank_holiday_name
        from marts.dim_date
        where is_bank_holiday
        order by date_day
        """
    )
    return [{"day": day, "label": name} for day, name in rows.fetchall()]
