"""The national paper: forces with complete data ranked by each headline measure, for a reader beyond one force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb

from dagster_project.publication.report.display import NOTHING, display, shortened
from dagster_project.publication.report.model import long_month
from dagster_project.sql import rows_as_dicts

PAGE, PAPER, NAME = "national.html", "national.pdf", "Forces ranked"

_LEAD = (
    "Only forces with every day of the month delivered are ranked; equal figures share the better rank. A year to date "
    "is shown if every day since 1 April is delivered."
)
_HOW_TO_READ = (
    "A total is computed from the sums of its forces, never as a mean of their figures. Forces differ in some "
    "definitions, such as the calls that count as abandoned; ranks do not correct for this. A rate is per 100,000 "
    "usual residents over the month. The rate for the City of London is not comparable: few people live there, and "
    "many work there."
)
_BY_RATE = " Ranked by the rate, because a large force has more of everything."

_BETTER = {
    "lower": "Rank 1 is the lowest, which is better.",
    "higher": "Rank 1 is the highest, which is better.",
    "neither": "Rank 1 is the highest, which says nothing about performance.",
}
_REASONS = {
    "incomplete": "a day is missing",
    "no_data": "no figure",
    "no_common_formula": "forces use different formulas",
    "no_denominator": "nothing to divide by",
    "no_population": "population not known",
    "outside_england_and_wales": "outside England and Wales",
    "not_additive": "cannot be computed from the forces' figures",
    "no_complete_force": "no force with complete data",
}


@dataclass(frozen=True)
class RankedForce:
    """A line of a rank table."""

    name: str
    rank: str
    text: str
    rate: str
    """Per 100,000 residents; a dash for a ratio."""
    year_to_date: str
    """A dash if a day since 1 April is missing."""
    remark: str
    """Why the force has no rank, in words."""
    is_own: bool


@dataclass(frozen=True)
class RankTable:
    """The forces by one headline measure."""

    code: str
    title: str
    better: str
    """What rank 1 means, or why no force has a rank."""
    has_rate: bool
    has_year: bool
    """Whether any force has a complete year to date."""
    forces: tuple[RankedForce, ...]
    """By rank, forces without one last."""
    country: RankedForce
    """England and Wales, of the forces with complete data."""


def national_content(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, Any] | None:
    """Return the values for the template of the page, of the newest month in which several forces are ranked.

    Args:
        connection: the warehouse.
        force_code: the force to mark.

    Returns:
        None if fewer than two forces have complete data in every month.
    """
    rows = rows_as_dicts(
        connection.execute(
            """
            with headlines as (
                select measure, short_label, unit, decimals, section_order, board_paper_order
                from marts.measures
                where is_headline
            ),

            newest as (
                select max(figures.month_start) as month_start
                from marts.national_figures as figures
                inner join headlines on figures.measure = headlines.measure
                where figures.period = 'month' and figures.forces_ranked > 1
            )

            select
                headlines.*,
                coalesce(forces.force_name, figures.force_code) as force_name,
                figures.*,
                year_to_date.value as ytd_value,
                year_to_date.is_provisional as ytd_is_provisional,
                year_to_date.national_value as ytd_national_value
            from marts.national_figures as figures
            inner join newest on figures.month_start = newest.month_start
            inner join headlines on figures.measure = headlines.measure
            left join marts.national_figures as year_to_date
                on figures.force_code = year_to_date.force_code
                and figures.measure = year_to_date.measure
                and figures.month_start = year_to_date.month_start
                and year_to_date.period = 'fytd'
            left join marts.dim_force as forces on figures.force_code = forces.force_code
            where figures.period = 'month'
            order by
                headlines.section_order, headlines.board_paper_order nulls last, headlines.measure,
                figures.force_rank nulls last, force_name
            """
        )
    )
    if not rows:
        return None
    tables = [_table(list(of_measure), force_code) for _, of_measure in groupby(rows, key=lambda row: row["measure"])]
    first = rows[0]
    forces, in_country = max(row["forces_ranked"] for row in rows), first["national_forces"] or 0
    notice = f"The totals cover {forces} of the {in_country} forces in England and Wales."
    return {
        "month": long_month(first["month_start"]),
        "lead": f"{forces} forces with complete data, ranked by each headline measure. {_LEAD}",
        "notice": notice if forces < in_country else "",
        "tables": tables,
        "how_to_read": _HOW_TO_READ,
    }


def _table(rows: Sequence[Mapping[str, Any]], force_code: str) -> RankTable:
    first = rows[0]

    reasons = {row["rank_reason"] for row in rows}
    has_rate = first["ranked_by"] == "per_100_000"
    is_unranked = None not in reasons and len(reasons) == 1

    def text(value: Decimal | None) -> str:
        return display(value, first["unit"], first["decimals"])

    def force(row: Mapping[str, Any]) -> RankedForce:
        return RankedForce(
            name=shortened(row["force_name"]),
            rank=NOTHING if row["force_rank"] is None else str(row["force_rank"]),
            text=text(row["value"]),
            rate=display(row["per_100_000"], "count", 1),
            year_to_date=text(None if row["ytd_is_provisional"] else row["ytd_value"]),
            remark="" if is_unranked else _REASONS.get(row["rank_reason"] or "", ""),
            is_own=row["force_code"] == force_code,
        )

    reason = _REASONS.get(first["national_reason"] or "", "")
    counted = f"{first['national_forces_complete']} of {first['national_forces'] or 0} forces"
    return RankTable(
        code=first["measure"],
        title=first["short_label"],
        better=(f"No rank: {_REASONS.get(first['rank_reason'], '')}." if is_unranked else _BETTER[first["better"]])
        + (_BY_RATE if has_rate else ""),
        has_rate=has_rate,
        has_year=any(row["ytd_value"] is not None and not row["ytd_is_provisional"] for row in rows),
        forces=tuple(force(row) for row in rows),
        country=RankedForce(
            "England and Wales",
            "",
            text(first["national_value"]),
            display(first["national_per_100_000"], "count", 1),
            text(first["ytd_national_value"]),
            "" if is_unranked else reason or counted,
            is_own=False,
        ),
    )
