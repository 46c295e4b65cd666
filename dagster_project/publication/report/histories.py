"""The history of each measure, all its months, for its own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.report.chart_rules import chart_of, judged_months, weekly_chart, with_weeks
from dagster_project.publication.report.definitions import with_definitions_in_force
from dagster_project.publication.report.display import NOTHING, display
from dagster_project.publication.report.figures import PERIODS, figure_of, is_provisional, quarantined
from dagster_project.publication.report.model import (
    PAPER_MONTHS,
    Chart,
    Event,
    Figure,
    Measure,
    long_month,
    months_before,
    since,
)
from dagster_project.publication.report.queries import ForceRows
from dagster_project.publication.report.sentences import VERDICT_WORDS, number_word, sentences, series_of

# Measures that need time to mature: the column of kpi_crime_maturity with them at each age, and the view with all ages.
_MATURING = {
    "crime.pct_cohort_cancelled": ("pct_cancelled_to_date", "crime.html#maturity"),
    "crime.days_to_cancel": ("avg_days_to_cancel_to_date", "crime.html#days"),
}
# Number of months of recording that are compared, and of ages described in words.
_COHORTS, _AGES_IN_WORDS = 13, 2


@dataclass(frozen=True)
class HistoryRow:
    """One month of a measure."""

    month: date
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...]
    """For each figure, the share of its days that are delivered, `60.1% of days`, if some are missing after the first
    delivery; and the share of its rows that were quarantined, if it is marked for that."""
    verdict: str
    """`Worse than usual` or `Better than usual`; empty if the month is neither."""


@dataclass(frozen=True)
class MeasureHistory:
    """A measure of a force over its months, for its own page."""

    measure: Measure
    statement: str
    """Sentences on the last months, as many as a paper shows."""
    chart: Chart | None
    weekly_chart: Chart | None
    by_age: str
    """Address of the view with its months at each age; empty unless it needs time to mature and has any."""
    columns: tuple[str, ...]
    """Titles of the figures of a month: the month itself, and periods that have a figure in any month."""
    rows: tuple[HistoryRow, ...]
    """Newest first, including running months."""
    starts: tuple[str, ...]
    """Years to date that begin with the first delivery: `Year to date of 2022/23: since August 2022`."""
    comparable_from: date | None = None
    """First day of the formula in force, if there was another before: months of the two are not compared."""

    def figure(self, month: date) -> Figure | None:
        """Return the figure of a month; None if the month is not one of its rows."""
        return next((row.figures[0] for row in self.rows if row.month == month), None)

    def text(self, month: date) -> str:
        """Return the printed figure of a month; a dash if there is none."""
        figure = self.figure(month)
        return figure.text if figure else NOTHING


def histories_of(
    force: ForceRows, *, month: date, until: date | None, events: Sequence[Event] = ()
) -> list[MeasureHistory]:
    """Return every measure of the catalogue for a force, over the months of a chart.

    The chart and the sentences end with `month`, the tables with `until`, if that is later. The charts mark `events`.
    Definitions state the values in force in `month`.
    """
    judged = {item.code: judged_months(force, item.code, month) for item in force.catalogue}
    first = min((rows[0]["month_start"] for rows in judged.values() if rows), default=month)
    found = {day for _, day, period in force.figures if period == "month" and first <= day <= (until or month)}
    months = sorted(found)
    measures = with_definitions_in_force(force.catalogue, force.rules, month)
    return [_history(force, item, months, month, judged[item.code], events) for item in measures]


def _history(
    force: ForceRows,
    measure: Measure,
    months: Sequence[date],
    last: date,
    judged: Sequence[Mapping[str, Any]],
    events: Sequence[Event],
) -> MeasureHistory:
    formulas = force.formulas.get(measure.code, ())
    verdicts = {row["month_start"]: row["verdict"] for row in judged}
    series = series_of(force, measure, [month for month in months if month <= last][-PAPER_MONTHS:], judged)
    weekly = weekly_chart(measure, force.weeks.get(measure.code, ()), months[-1], formulas, events)
    column, by_age = _MATURING.get(measure.code, ("", "")) if force.maturity else ("", "")
    rows = {
        period: [force.figures.get((measure.code, month, period)) for month in reversed(months)]
        for period in ("month", *PERIODS)
    }
    titles = {"month": "Figure"} | {
        period: title
        for period, title in PERIODS.items()
        if any(row and row["value"] is not None for row in rows[period])
    }
    by_month = list(zip(reversed(months), zip(*(rows[period] for period in titles), strict=True), strict=True))
    starts = [
        f"{title} of {_financial_year(month)}: {since(row['complete_since'])}"
        for month, of_month in by_month
        for title, row in zip(titles.values(), of_month, strict=True)
        if row and row["complete_since"]
    ]
    statement = f"{_at_same_age(force.maturity, measure, column, last) if column else ''} {sentences(series)}".strip()
    return MeasureHistory(
        measure=measure,
        statement=with_weeks(statement, None if series.formula_changed else weekly),
        chart=chart_of(series, judged, formulas, events),
        weekly_chart=weekly,
        by_age=by_age,
        columns=tuple(titles.values()),
        rows=tuple(
            HistoryRow(
                month,
                tuple(map(figure_of, of_month)),
                tuple(map(_remark, of_month)),
                VERDICT_WORDS.get(verdicts.get(month) or "", ""),
            )
            for month, of_month in by_month
        ),
        starts=tuple(dict.fromkeys(starts)),
        comparable_from=max((item.first_day for item in formulas if item.first_day <= last), default=None),
    )


def _remark(row: Mapping[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return ""
    incomplete = [f"{display(row['share_of_days_loaded'], 'percent', 1)} of days"] if is_provisional(row) else []
    return ", ".join([*incomplete, *quarantined(row)])


def _financial_year(month: date) -> str:
    first = month.year if month.month >= 4 else month.year - 1
    return f"{first}/{(first + 1) % 100:02}"


def _at_same_age(maturity: Sequence[Mapping[str, Any]], measure: Measure, column: str, last: date) -> str:
    """Compare, for each of the first ages, the newest month of recording with earlier ones, as of the end of a month.

    Args:
        maturity: rows of `kpi_crime_maturity`, oldest month first.
        measure: the measure.
        column: the column with the measure.
        last: the month.
    """
    found = []
    for age in range(_AGES_IN_WORDS):
        values = [
            (row["month_start"], row[column])
            for row in reversed(maturity)
            if row["months_since"] == age
            and months_before(last, _COHORTS) < row["month_start"] <= months_before(last, age)
            and row[column] is not None
        ]
        found.append(_compared(age, values, measure))
    return " ".join(filter(None, found))


def _compared(age: int, values: Sequence[tuple[date, Decimal]], measure: Measure) -> str:
    """Compare the newest month that has reached an age with earlier ones at that age; empty if there are none."""
    if len(values) < 2:
        return ""

    def text(value: Decimal) -> str:
        return display(value, measure.unit, measure.decimals) + (" days" if measure.unit == "days" else "")

    (newest, value), earlier = values[0], [value for _, value in values[1:]]
    low, high = (text(pick(earlier)) for pick in (min, max))
    spread = low if low == high else f"{low} to {high}"
    others = "the month before" if len(earlier) == 1 else f"the {number_word(len(earlier))} months before"
    when = "By the end of the month of recording" if age == 0 else f"{number_word(age).capitalize()} month later"
    return f"{when}: {text(value)} for {long_month(newest)}; {spread} for {others}."
