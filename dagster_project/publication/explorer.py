"""The explorer: one page to choose measures, forces, months and figures. Its behaviour is in `assets/explorer/`.

The page makes no requests to a server: it contains the figures of months; the drawing library, the search of the site
and the figures of `site/explorer_details.py` are files beside it. Texts and values are those of the marts, so a browser
rounds and adds up nothing.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
from markupsafe import Markup

from dagster_project.publication.files import beginning_of, take_over, write
from dagster_project.publication.html import packed, render_template
from dagster_project.publication.report.definitions import formula_changes
from dagster_project.publication.report.display import display, display_target, shortened
from dagster_project.publication.report.model import Event
from dagster_project.publication.report.queries import catalogue_sections, default_month, paper_months, read_rules
from dagster_project.publication.report.read import ReportError
from dagster_project.publication.report.sentences import VERDICT_WORDS
from dagster_project.publication.site.explorer_details import (
    COLUMNS,
    MONTHS,
    DetailFiles,
    bank_holidays,
    details_of,
    read_judged,
)
from dagster_project.publication.spreadsheet import FIGURE, FORMULA
from dagster_project.sql import rows_as_dicts, rows_by

# Path of the library, relative to the page.
VEGA = "assets/vega.js"

_PER_DAY = "month_per_day"

# Code of a figure to its title and the days it covers. All but the last are periods of `kpi_measure_period`.
FIGURES = {
    "month": ("Month value", "The month itself."),
    "fytd": ("Year to date", "From April to the month."),
    "prev_fytd": ("Last year to date", "The same months of the year before."),
    "same_month_last_year": ("Same month last year", "The same month of the year before."),
    "last_6_months": ("Last 6 months", "The six months that end with the month."),
    "previous_6_months": ("Previous 6 months", "The six months before the last six."),
    "last_12_months": ("Last 12 months", "The twelve months that end with the month."),
    _PER_DAY: (
        "Month value per day",
        "The figure of the month per day, so that months of other lengths compare. Sums only.",
    ),
}

# Figures of which the marts have the year before.
_YEAR_BEFORE = {"month": "same_month_last_year", "fytd": "prev_fytd"}

# In this order they are one script: a page opened from a disk may not import modules.
_SCRIPTS = ("data", "choice", "controls", "result", "events", "charts", "csv")

_UNITS = {
    "count": "Number",
    "percent": "Per cent",
    "duration": "Time",
    "hours": "Hours",
    "days": "Days",
    "ratio": "Ratio",
}

# Measures of one phone line are named `calls_LINE.NAME`.
_LINE = "calls_"


def explorer_page(data: Mapping[str, Any], frame: Mapping[str, Any]) -> str:
    """Return the explorer as an HTML document, which loads the file `VEGA` next to it; without it there are no charts.

    Args:
        data: result of `read_explorer`.
        frame: the values that every page of the site needs (`Site.values`).
    """
    return render_template(
        "site/explorer.html.j2",
        {
            **frame,
            "data": packed(data),
            # From the project, so it needs no escaping; the only script that the page may run.
            "script": Markup("\n".join(_asset(f"explorer/{name}.js") for name in _SCRIPTS)),  # noqa: S704
            "vega": VEGA,
        },
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def write_vega(folder: Path, *, before: Path | None = None) -> None:
    """Write the drawing library to `VEGA` in a folder.

    Args:
        folder: folder of the publication.
        before: folder of the previous publication. Its library is taken over if it has the installed version: making it
            takes 1.1 CPU seconds.
    """
    mark = f"/* vl-convert-python {version('vl-convert-python')} */"
    if before and beginning_of(before / VEGA).startswith(mark):
        take_over(before, folder, VEGA)
    else:
        write(folder, VEGA, f"{mark}\n{vega_bundle()}".encode())


@cache
def vega_bundle() -> str:
    """Return the drawing library: the same text for the same version.

    Returns:
        A script that defines only `vegaEmbed`.
    """
    import vl_convert

    # Naming only vegaEmbed gives the smallest bundle that draws; without it, Vega and Vega-Lite come out empty.
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # The licences require a notice in every copy, and the bundle has no comments. The function keeps thousands of
    # one-letter names from being global.
    return f"{_asset('vega_licence.txt')}(() => {{\n{bundle}\n}})();\n"


def read_explorer(
    connection: duckdb.DuckDBPyConnection,
    *,
    force_code: str | None = None,
    details: Mapping[str, DetailFiles] = MappingProxyType({}),
    events: Mapping[str, Sequence[Event]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Read all data that is embedded in the page, with decimals as text.

    Args:
        connection: a database with the marts.
        force_code: the force shown when the page opens without a choice; the first one by default or if it has no
            figures.
        details: the files beside the page (`write_details`).
        events: what the charts of each force mark.

    `cells` has the months of each figure, by code of figure, force and measure, in columns: first day, text, value,
    days loaded, days of the period, whether it is provisional, and the first delivery if a year to date lacks only the
    days before it. `limits` has the control limits and targets of each month, `formula_changes` the first days of the
    formulas that replaced others, by force and measure. Months are their first days.

    Raises:
        ReportError: the marts have a period that the explorer does not know.
    """
    measures, sections = _measures(connection), catalogue_sections(connection)
    forces = rows_as_dicts(
        connection.execute(
            """
            select
                periods.force_code as code,
                coalesce(min(forces.force_name), periods.force_code) as name
            from marts.kpi_measure_period as periods
            left join marts.dim_force as forces
                on periods.force_code = forces.force_code
            group by periods.force_code
            order by name, code
            """
        )
    )
    for force in forces:
        force["name"] = shortened(force["name"])
    rows = connection.execute("select distinct month_start from marts.kpi_measure_period order by month_start")
    months = [month for (month,) in rows.fetchall()]
    codes = [force["code"] for force in forces]
    first = codes.index(force_code) if force_code in codes else 0
    opening = default_month(paper_months(connection).get(codes[first], [])) if codes else None
    return {
        "months": [f"{month:%Y-%m-%d}" for month in months],
        "forces": forces,
        "figures": [{"code": code, "title": title, "meaning": text} for code, (title, text) in FIGURES.items()],
        "sections": [{"code": code, "title": title} for code, title in sections.items()],
        "units": {unit: _UNITS.get(unit, unit) for unit in dict.fromkeys(item["unit"] for item in measures)},
        "verdicts": VERDICT_WORDS,
        "spreadsheet": {"formula": FORMULA, "figure": FIGURE},
        "measures": measures,
        "breakdowns": _breakdowns(measures, sections),
        "lines": _lines(measures),
        "first_force": first,
        "opening_month": months.index(opening) if opening in months else max(0, len(months) - 1),
        "spans": _spans(connection),
        "cells": _cells(connection),
        "judged": read_judged(connection),
        "formula_changes": {force: _formula_changes(connection, force) for force in codes},
        "year_before": _YEAR_BEFORE,
        "details": details_of(details, [item["code"] for item in measures]),
        "detail_months": MONTHS,
        "events": {
            force: [{"day": f"{item.day}", "label": item.label, "sections": item.sections} for item in listed]
            for force, listed in events.items()
        },
        "bank_holidays": bank_holidays(connection),
    }


def _measures(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the catalogue in the order of the papers, each measure with its dated decisions (targets, formulas)."""
    measures = rows_as_dicts(
        connection.execute(
            """
            select
                measure as code, section, name, label, unit, decimals, better, owner, definition, numerator,
                denominator, is_headline, breakdown, synonyms
            from marts.measures
            order by section_order, section, board_paper_order nulls last, measure
            """
        )
    )
    decisions = rows_by(
        connection,
        "applies_to",
        """
        select
            applies_to, definition as what, force_code as force, cast(valid_from as varchar) as first,
            cast(valid_to as varchar) as last, value, source
        from marts.definitions
        order by applies_to, definition, force_code, valid_from
        """,
    )
    for measure in measures:
        measure["decisions"] = decisions.get(measure["code"], [])
        for row in measure["decisions"]:
            del row["applies_to"]
            row["value"] = _decision(row["value"], measure["unit"])
    return measures


def _formula_changes(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, list[str]]:
    """Return the first days of a force's formulas that replaced others, by measure, oldest first."""
    changes = formula_changes(read_rules(connection, force_code))
    return {measure: [f"{change.first_day}" for change in of_measure] for measure, of_measure in changes.items()}


def _decision(value: str, unit: str) -> str:
    """Return a target as printed, or a formula, which is the name of a measure."""
    number = value.removeprefix("-").replace(".", "", 1)
    return display_target(Decimal(value), unit) if number.isdecimal() else value


def _breakdowns(measures: Sequence[dict[str, Any]], sections: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return families of measures that break one measure down: their title and the positions of their members."""
    families: dict[tuple[str, str], list[int]] = {}
    for index, measure in enumerate(measures):
        if measure["breakdown"]:
            families.setdefault((measure["section"], measure["breakdown"]), []).append(index)
    return [
        {
            "code": f"{section}.{breakdown}",
            "title": f"{sections[section]} by {breakdown.replace('_', ' ')}",
            "members": members,
        }
        for (section, breakdown), members in families.items()
    ]


def _lines(measures: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Return the positions of measures that are the same for different phone lines."""
    positions: dict[str, list[int]] = {}
    for index, measure in enumerate(measures):
        if measure["section"].startswith(_LINE):
            positions.setdefault(measure["name"], []).append(index)
    return [members for members in positions.values() if len(members) > 1]


def _spans(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, list[str]]]:
    """Return the first and last month that each figure of a month covers."""
    spans: dict[str, dict[str, list[str]]] = {figure: {} for figure in FIGURES}
    for period, month, *span in connection.execute(
        """
        select distinct
            period, cast(month_start as varchar), cast(first_month as varchar), cast(last_month as varchar)
        from marts.kpi_measure_period
        order by all
        """
    ).fetchall():
        if period not in FIGURES:
            raise ReportError(
                f"kpi_measure_period has the period {period!r}, which the explorer does not know; "
                f"known: {', '.join(FIGURES)}. Add it to FIGURES in {__name__}."
            )
        spans[period][month] = span
    return spans | {_PER_DAY: spans["month"]}


def _cells(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, dict[str, dict[str, list[Any]]]]]:
    """Return the figures of all periods and their coverage, by figure, force and measure."""
    cells: dict[str, dict[str, dict[str, dict[str, list[Any]]]]] = {figure: {} for figure in FIGURES}
    cursor = connection.execute(
        """
        with figures as (
            select period as figure, display_value as text, value, * exclude (period, value)
            from marts.kpi_measure_period
            union all by name
            select $per_day as figure, null as text, mean_per_day as value, * exclude (period, value)
            from marts.kpi_measure_period
            where period = 'month' and mean_per_day is not null
        )

        select
            figure, force_code, measure,
            list(cast(month_start as varchar) order by month_start),
            list(text order by month_start),
            -- 30623.000000 is 30623, and 21.600000 is 21.6: there are decimals to cut.
            list(rtrim(rtrim(cast(cast(value as decimal(38, 6)) as varchar), '0'), '.') order by month_start),
            list(coalesce(days_loaded, 0) order by month_start),
            list(days order by month_start),
            list(is_provisional order by month_start),
            list(cast(complete_since as varchar) order by month_start)
        from figures
        group by all
        order by figure, force_code, measure
        """,
        {"per_day": _PER_DAY},
    )
    names = (*COLUMNS, "since")
    while rows := cursor.fetchmany(1_000):
        for figure, force, measure, *columns in rows:
            series = dict(zip(names, columns, strict=True))
            if figure == _PER_DAY:
                series["text"] = [display(Decimal(value), "count", 1) for value in series["value"]]
            cells[figure].setdefault(force, {})[measure] = series
    return cells
