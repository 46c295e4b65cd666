"""Measures that need time to mature: the newest months compared with earlier ones at the same age."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Measure, long_month
from dagster_project.publication.report.sentences import number_word
from dagster_project.warehouse.connection import has_table

# Measure to the column of kpi_crime_maturity that has it at each age.
_COLUMNS = {
    "crime.pct_cohort_cancelled": "pct_cancelled_to_date",
    "crime.days_to_cancel": "avg_days_to_cancel_to_date",
}
# Number of months of recording shown, of ages shown, and of ages described in words.
_MONTHS = 13
_AGES = 6
_AGES_IN_WORDS = 2


@dataclass(frozen=True)
class Cohorts:
    """A measure by month and age."""

    ages: tuple[str, ...]
    """Titles of the ages."""
    rows: tuple[tuple[date, tuple[str, ...]], ...]
    """Each month, newest first, with its figure at each age; empty texts for future ages."""
    statement: str
    """For each age, the newest month compared with earlier ones."""


def read_cohorts(
    connection: duckdb.DuckDBPyConnection,
    *,
    force_code: str,
    month: date,
    measures: Iterable[Measure],
) -> dict[str, Cohorts]:
    """Read measures that need time to mature, as of the end of a month, by measure code.

    Measures without months by age have no result, and no measure has one in a public edition, which lacks the table.
    """
    cohorts: dict[str, Cohorts] = {}
    # A public edition does not have this table.
    if not has_table(connection, "kpi_crime_maturity"):
        return cohorts
    for measure in measures:
        if measure.code not in _COLUMNS:
            continue
        cells = connection.execute(
            f"""
            select month_start, months_since, {_COLUMNS[measure.code]}
            from marts.kpi_crime_maturity
            where
                force_code = $force_code
                and months_since < $ages
                and not is_provisional
                and month_start + to_months(months_since) <= $month
                and month_start > $month - to_months($months)
            order by month_start, months_since
            """,
            {"force_code": force_code, "month": month, "ages": _AGES, "months": _MONTHS},
        ).fetchall()
        if cells:
            values = {(start, age): value for start, age, value in cells}
            cohorts[measure.code] = _cohorts(values, measure.unit, measure.decimals)
    return cohorts


def _cohorts(cells: Mapping[tuple[date, int], Decimal | None], unit: str, decimals: int) -> Cohorts:
    months = sorted({start for start, _ in cells}, reverse=True)
    ages = sorted({age for _, age in cells})
    texts = {key: display(value, unit, decimals) for key, value in cells.items()}
    statements = [
        statement for age in ages[:_AGES_IN_WORDS] if (statement := _compared(age, months, cells, unit, decimals))
    ]
    return Cohorts(
        tuple("By month end" if age == 0 else f"+{age} month{'' if age == 1 else 's'}" for age in ages),
        tuple((start, tuple(texts.get((start, age), "") for age in ages)) for start in months),
        " ".join(statements),
    )


def _compared(
    age: int, months: Sequence[date], cells: Mapping[tuple[date, int], Decimal | None], unit: str, decimals: int
) -> str:
    """Compare the newest month that has reached an age with earlier ones at that age; empty if there are none."""
    values = [(start, value) for start in months if (value := cells.get((start, age))) is not None]
    if len(values) < 2:
        return ""
    (newest, value), earlier = values[0], [value for _, value in values[1:]]
    low, high = (_text(pick(earlier), unit, decimals) for pick in (min, max))
    spread = low if low == high else f"{low} to {high}"
    others = "the month before" if len(earlier) == 1 else f"the {number_word(len(earlier))} months before"
    when = "By the end of the month of recording" if age == 0 else f"{number_word(age).capitalize()} month later"
    return f"{when}: {_text(value, unit, decimals)} for {long_month(newest)}; {spread} for {others}."


def _text(value: Decimal, unit: str, decimals: int) -> str:
    return display(value, unit, decimals) + (" days" if unit == "days" else "")
