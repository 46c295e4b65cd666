"""The days and deliveries behind the figures of a paper. `fcir trace` lists every row; this is what a page can show."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb

from dagster_project.publication.paths import UnsafeName, address_of
from dagster_project.publication.report.display import NOTHING, display, in_full
from dagster_project.publication.report.model import PAPER_MONTHS, Measure
from dagster_project.sql import rows_as_dicts
from dagster_project.words import counted

TRACE_ENDING = ".trace.html"
"""How the file name of the page of a measure's traces ends, after its code."""


@dataclass(frozen=True)
class Delivery:
    """A delivered file, and what a figure was counted from in it."""

    extract_date: date
    file_name: str
    file_sha256: str
    load_id: int
    parts: tuple[tuple[str, str], ...]
    """Of each sum that the figure is made of: its amount from this file, and the rows that it was counted from, as in
    `12 rows, 34 to 1,834` or `3 events, purged`; both empty if there are none. An event can have several rows."""


@dataclass(frozen=True)
class TracedMonth:
    """A figure of a month, with the days and deliveries that it was counted from."""

    month: date
    numerator: str
    denominator: str
    """Empty for a sum."""
    formula: str
    """Code of the measure whose quotient it is; empty if it is its own."""
    days: tuple[tuple[date, str, str, Decimal | None], ...]
    """Day, numerator, denominator and their quotient in the unit of the measure, for every day with an event."""
    parts: tuple[str, ...]
    """Codes of the sums that the figure is made of."""
    deliveries: tuple[Delivery, ...]


def read_traces(connection: duckdb.DuckDBPyConnection, force_code: str, until: date) -> dict[str, list[TracedMonth]]:
    """Return what the figures of the board paper were counted from, for the months of one paper.

    Args:
        connection: the warehouse, as built.
        force_code: the force.
        until: last month of the paper, by its first day.

    Returns:
        Months by measure, newest first; without months that have no figure.
    """
    values = {"force": force_code, "until": until, "months": PAPER_MONTHS}
    figures = rows_as_dicts(connection.execute(_FIGURES, values))
    days = _by_figure(rows_as_dicts(connection.execute(_DAYS, values)))
    loads = _by_figure(rows_as_dicts(connection.execute(_deliveries_sql(connection), values)))
    traced: dict[str, list[TracedMonth]] = {}
    for figure in figures:
        key = (figure["measure"], figure["month_start"])
        parts = tuple(figure["parts"])
        traced.setdefault(figure["measure"], []).append(
            TracedMonth(
                month=figure["month_start"],
                numerator=in_full(figure["numerator"]),
                denominator=in_full(figure["denominator"]) if figure["is_quotient"] else "",
                formula="" if figure["formula_measure"] == figure["measure"] else figure["formula_measure"],
                days=tuple(
                    (row["day"], in_full(row["numerator"]), in_full(row["denominator"]), row["value"])
                    for row in days.get(key, [])
                ),
                parts=parts,
                deliveries=tuple(_deliveries(loads.get(key, []), parts)),
            )
        )
    return traced


def trace_addresses(connection: duckdb.DuckDBPyConnection, force_code: str, until: date) -> dict[str, str]:
    """Return the addresses of the pages of `read_traces` by measure; arguments are the same.

    Measures whose code cannot be a file name have no page.
    """
    values = {"force": force_code, "until": until, "months": PAPER_MONTHS}
    addresses = {}
    for figure in rows_as_dicts(connection.execute(_FIGURES, values)):
        with suppress(UnsafeName):
            addresses[figure["measure"]] = address_of("measures", force_code, figure["measure"] + TRACE_ENDING)
    return addresses


def figures_by_day(month: TracedMonth, measure: Measure) -> dict[date, str]:
    """Return the figure of each day of a month as it is shown; nothing for a sum, which the day has already."""
    if not month.denominator:
        return {}
    return {
        day: NOTHING if value is None else display(value, measure.unit, measure.decimals)
        for day, _, _, value in month.days
    }


def _by_figure(rows: list[dict[str, Any]]) -> Mapping[tuple[str, date], list[dict[str, Any]]]:
    return {key: list(group) for key, group in groupby(rows, key=lambda row: (row["measure"], row["month_start"]))}


def _deliveries(rows: list[dict[str, Any]], parts: tuple[str, ...]) -> list[Delivery]:
    deliveries = []
    for _, group in groupby(rows, key=lambda row: row["load_id"]):
        of_file = list(group)
        of_part = {row["part"]: (in_full(row["amount"]), _rows(row)) for row in of_file}
        deliveries.append(
            Delivery(
                extract_date=of_file[0]["extract_date"],
                file_name=of_file[0]["file_name"],
                file_sha256=of_file[0]["file_sha256"],
                load_id=of_file[0]["load_id"],
                parts=tuple(of_part.get(part, ("", "")) for part in parts),
            )
        )
    return deliveries


def _rows(row: Mapping[str, Any]) -> str:
    if row["first_row"] is None:
        return f"{counted(row['rows'], 'event')}, purged"
    if row["rows"] == 1:
        return f"row {row['first_row']:,}"
    return f"{row['rows']:,} rows, {row['first_row']:,} to {row['last_row']:,}"


# Figures of the board paper, its headline measures included, in its months, with the formula in force.
_PAPER_FIGURES = """
    select figures.*, catalogue.board_paper_order
    from measures.int_measure_monthly as figures
    inner join marts.measures as catalogue
        on figures.measure = catalogue.measure
    where
        (catalogue.in_board_paper or catalogue.is_headline)
        and figures.force_code = $force
        and figures.month_start <= $until
        and figures.month_start > $until - to_months($months)
        and figures.is_delivered
"""

_USES = """
    select distinct figures.measure, figures.month_start, uses.role, uses.part, uses.weight
    from figures
    inner join reference.measure_parts as uses
        on figures.formula_measure = uses.measure
    where uses.role in ('numerator', 'denominator')
"""

_FIGURES = f"""
    with figures as ({_PAPER_FIGURES}), uses as ({_USES})
    select
        figures.measure,
        figures.month_start,
        figures.formula_measure,
        figures.numerator,
        figures.denominator,
        bool_or(uses.role = 'denominator') as is_quotient,
        list(distinct uses.part order by uses.part) as parts
    from figures
    inner join uses
        on figures.measure = uses.measure and figures.month_start = uses.month_start
    group by all
    order by figures.measure, figures.month_start desc
"""

_DAYS = f"""
    with figures as ({_PAPER_FIGURES})
    select days.measure, days.month_start, days.day, days.numerator, days.denominator, days.value
    from measures.int_measure_daily as days
    inner join figures
        on days.measure = figures.measure and days.month_start = figures.month_start
    where days.force_code = $force
    order by days.measure, days.month_start, days.day
"""

_PARTS = """
        select
            part,
            load_id,
            cast(date_trunc('month', day) as date) as month_start,
            count(*) as rows,
            sum(amount) as amount,
            min(source_row) as first_row,
            max(source_row) as last_row
        from measures.int_part_event
        where
            force_code = $force
            and day > $until - to_months($months)
            and day < $until + to_months(1)
            and part in (select part from uses)
        group by all
"""

# What is left of purged months, because it is held, is in the archive too.
_PARTS_AFTER_A_PURGE = f"""
        select living.*
        from ({_PARTS}) as living
        anti join archive.part_load as purged
            on purged.force_code = $force
            and living.part = purged.part
            and living.month_start = purged.month_start
        union all
        select
            purged.part,
            purged.load_id,
            purged.month_start,
            purged.events,
            purged.amount,
            null,
            null
        from archive.part_load as purged
        where
            purged.force_code = $force
            and purged.month_start > $until - to_months($months)
            and purged.month_start <= $until
"""

_DELIVERIES = """
    with figures as ({figures}), uses as ({uses}), parts as ({parts})
    select distinct
        uses.measure,
        uses.month_start,
        loads.extract_date,
        loads.file_name,
        loads.file_sha256,
        parts.load_id,
        parts.part,
        parts.rows,
        parts.amount,
        parts.first_row,
        parts.last_row
    from uses
    inner join parts
        on uses.part = parts.part and uses.month_start = parts.month_start
    inner join audit.load as loads
        on parts.load_id = loads.load_id
    order by uses.measure, uses.month_start, loads.extract_date, parts.load_id, parts.part
"""


def _deliveries_sql(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the query of deliveries by figure; the archive of a warehouse has them once detail was purged."""
    archive = "select 1 from duckdb_tables() where schema_name = 'archive' and table_name = 'part_load'"
    parts = _PARTS_AFTER_A_PURGE if connection.execute(archive).fetchone() else _PARTS
    return _DELIVERIES.format(figures=_PAPER_FIGURES, uses=_USES, parts=parts)
