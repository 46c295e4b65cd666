"""Write sentences on figures by rules: months that stand out, target, previous year. Page one tells the course.

They quote the texts of the table next to them, and never call one of two figures with the same text higher. Only
`kpi_measure_verdict` decides whether a month is worse or better than usual. Months with a missing day are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.report.course import (
    first_capital,
    first_small,
    record_word,
    record_words,
    rest_of_year,
)
from dagster_project.publication.report.display import display_target
from dagster_project.publication.report.figures import figure_of
from dagster_project.publication.report.model import Figure, Measure, listed, long_month, short_month
from dagster_project.publication.report.queries import ForceRows

VERDICT_WORDS = {"better": "Better than usual", "worse": "Worse than usual"}
"""A verdict of `kpi_measure_verdict`, in words."""

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class Series:
    """A measure over the months of a paper, with what is said of the last of them."""

    measure: Measure
    months: tuple[Mapping[str, Any], ...]
    """Complete months of one formula: `month_start`, and what `kpi_measure_verdict` has of them."""
    left_out: tuple[date, ...]
    """Months without a figure or with a missing day."""
    year_to_date: Figure
    year_to_date_before: Figure
    formula_changed: date | None = None
    """First day of the newest formula, if months of the paper have another one."""
    newest: Mapping[str, Any] = field(default_factory=dict)
    """Row of `kpi_measure_verdict` of the newest month; empty without one."""


def series_of(
    force: ForceRows, measure: Measure, months: Sequence[date], judged: Sequence[Mapping[str, Any]]
) -> Series:
    """Return the complete months of a measure with their verdicts.

    Args:
        force: the rows of the force.
        measure: the measure.
        months: the months of the paper, oldest first.
        judged: the months of its chart with their verdicts, oldest first.
    """
    last, verdicts = months[-1], {row["month_start"]: row for row in judged}
    first = min((*verdicts, months[0]))
    formulas = force.formulas.get(measure.code, ())
    changed = max((item.first_day for item in formulas if first < item.first_day <= last), default=None)
    rows = {month: force.figures.get((measure.code, month, "month")) for month in months}
    whole = [month for month, row in rows.items() if row and row["value"] is not None and not row["is_provisional"]]
    compared = [month for month in whole if changed is None or month >= changed]
    # A year to date for comparison is provisional if any day is missing, for any reason.
    years = [force.figures.get((measure.code, last, period)) for period in ("fytd", "prev_fytd")]
    now, before = (replace(figure_of(row), is_provisional=bool(row and row["is_provisional"])) for row in years)
    return Series(
        measure,
        tuple({"month_start": month} | dict(verdicts.get(month, {})) for month in compared),
        tuple(month for month in months if month not in whole),
        now,
        before,
        changed,
        verdicts.get(last, {}),
    )


def sentences(series: Series) -> str:
    """Describe the figures of a measure over the months of a paper in one paragraph."""
    # Months of different ages cannot be compared.
    of = (_verdicts, _other_formula, _against_target, _against_year_before, _left_out)
    parts = [rule(series) for rule in (of if series.measure.chart_type != "cohort" else [_left_out])]
    return " ".join(filter(None, parts)) or ("Nothing stands out." if series.months else "There is no complete month.")


def finding(series: Series) -> str:
    """Say in a few words what stands out in the newest month: `January 2023: better than usual`; empty if nothing."""
    words = standing_out(series.newest, record(series.newest, series.measure))
    return f"{long_month(series.newest['month_start'])}: {first_small(words)}" if words else ""


def standing_out(row: Mapping[str, Any], record: str) -> str:
    """Return `Worse than usual, the highest since March 2021`; empty if a month has no verdict and no such record."""
    return first_capital(", ".join(filter(None, (VERDICT_WORDS.get(row.get("verdict") or ""), record))))


def record(row: Mapping[str, Any], measure: Measure, *, is_cell: bool = False) -> str:
    """Return `the highest since March 2021`, in a cell `highest since Mar 2021`; empty if no record is to be said.

    The query `verdicts` decides that. A count is compared per day.
    """
    side = row.get("record_side")
    if not side:
        return ""
    per, since = " a day" if row["mean_per_day"] is not None else "", row["record_since"]
    if is_cell:
        return f"{record_word(side, measure, per)} {f'since {short_month(since)}' if since else 'on record'}"
    return record_words(side, measure, since, row["first_month"], per)


def target_label(measure: Measure, target: Decimal | None) -> str:
    """Return `2% benchmark`, with the target's own decimals; empty without a target."""
    return "" if target is None else f"{display_target(target, measure.unit)} {measure.target_kind}"


def number_word(number: int) -> str:
    """Return `six`; digits from 13 on."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def _verdicts(series: Series) -> str:
    """List the months that were worse or better than usual, and the record of the newest."""
    parts = [
        f"{words}: {listed([short_month(row['month_start']) for row in months])}."
        for verdict, words in VERDICT_WORDS.items()
        if (months := [row for row in series.months if row.get("verdict") == verdict])
    ]
    if words := record(series.newest, series.measure):
        parts.append(f"{long_month(series.newest['month_start'])} is {words}.")
    return " ".join(parts)


def _other_formula(series: Series) -> str:
    if series.formula_changed is None:
        return ""
    return f"Months before {long_month(series.formula_changed)} use a different formula and are not compared."


def _against_target(series: Series) -> str:
    judged = [row for row in series.months if row.get("is_target_met") is not None]
    if not judged:
        return ""
    missed = [long_month(row["month_start"]) for row in judged if not row["is_target_met"]]
    targets = {row["target"] for row in judged}
    kind = series.measure.target_kind.capitalize()
    name = target_label(series.measure, targets.pop()) if len(targets) == 1 else kind
    count = number_word(len(judged))
    if not missed:
        which, rest = f"all {count}" if len(judged) > 1 else "the one", ""
    elif len(missed) == len(judged):
        which, rest = f"none of the {count}", ""
    else:
        which, rest = f"{len(judged) - len(missed)} of {len(judged)}", f", not in {listed(missed)}"
    months = f"{'complete ' if series.left_out else ''}month{'' if len(judged) == 1 else 's'}"
    year = rest_of_year(series.newest, series.measure)
    parts = [f"{name} met in {which} {months}{rest}", met_of_year(series.newest), f"for the year: {year}" * bool(year)]
    return f"{'; '.join(filter(None, parts))}."


def met_of_year(row: Mapping[str, Any]) -> str:
    """Return `met in 11 of the last 12 months`; empty if that is not known."""
    number = row.get("met_of_last_12")
    return "" if number is None else f"met in {number} of the last 12 months"


def _against_year_before(series: Series) -> str:
    now, before = series.year_to_date, series.year_to_date_before
    is_incomplete = now.is_provisional or before.is_provisional
    if series.formula_changed or is_incomplete or now.value is None or before.value is None:
        return ""
    if now.text == before.text:
        return f"The year to date is the same as a year earlier: {now.text}."
    side = "higher" if now.value > before.value else "lower"
    return f"The year to date is {side} than a year earlier: {now.text}, compared with {before.text}."


def _left_out(series: Series) -> str:
    left = [long_month(month) for month in series.left_out]
    return f"Left out because days are missing: {listed(left)}." if left and series.months else ""
