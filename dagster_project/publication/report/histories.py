"""Read the history of each measure, all its months, for its own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from dagster_project.publication.report.cohorts import Cohorts, read_cohorts
from dagster_project.publication.report.definitions import (
    FormulaChange,
    formula_changes,
    read_rules,
    with_definitions_in_force,
)
from dagster_project.publication.report.display import NOTHING, display
from dagster_project.publication.report.events import marked
from dagster_project.publication.report.figures import (
    PERIODS,
    Figures,
    figure_of,
    is_provisional,
    quarantined,
    read_figures,
)
from dagster_project.publication.report.measures import read_measures
from dagster_project.publication.report.model import PAPER_MONTHS, Chart, Event, Figure, Measure, since
from dagster_project.publication.report.sentences import VERDICT_WORDS, sentences
from dagster_project.publication.report.verdicts import chart_of, judged_months, series_of
from dagster_project.publication.report.weekly import weekly_chart, weeks_until, with_weeks


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
    cohorts: Cohorts | None
    """Months compared at the same age, for a measure that needs time to mature."""
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


def read_histories(
    connection: duckdb.DuckDBPyConnection,
    *,
    force_code: str,
    month: date,
    until: date | None,
    events: Sequence[Event] = (),
) -> list[MeasureHistory]:
    """Read every measure of the catalogue for a force, over the months of a chart.

    The chart and the sentences end with `month`, the tables with `until`, if that is later. The charts mark `events`.
    Definitions state the values in force in `month`.
    """
    rules = read_rules(connection, force_code)
    formulas = formula_changes(rules)
    judged = judged_months(connection, force_code, month)
    first = min((rows[0]["month_start"] for rows in judged.values()), default=month)
    figures = read_figures(connection, force_code, first, until or month, of_all_months=True)
    months = sorted({start for _, start, period in figures if period == "month"})
    measures = with_definitions_in_force(read_measures(connection), rules, month)
    weeks = weeks_until(connection, force_code, until or month)
    cohorts = read_cohorts(connection, force_code=force_code, month=month, measures=measures)
    return [
        _with_events(
            _history(
                measure,
                months,
                month,
                figures,
                judged.get(measure.code, []),
                weekly_chart(measure, weeks.get(measure.code, ()), formulas.get(measure.code, ())),
                cohorts.get(measure.code),
                formulas.get(measure.code, ()),
            ),
            events,
        )
        for measure in measures
    ]


def _with_events(history: MeasureHistory, events: Sequence[Event]) -> MeasureHistory:
    month, week = (
        chart and marked(chart, history.measure.section, events) for chart in (history.chart, history.weekly_chart)
    )
    return replace(history, chart=month, weekly_chart=week)


def _history(
    measure: Measure,
    months: Sequence[date],
    last: date,
    figures: Figures,
    judged: Sequence[Mapping[str, Any]],
    weekly_chart: Chart | None,
    cohorts: Cohorts | None,
    formulas: Sequence[FormulaChange],
) -> MeasureHistory:
    verdicts = {row["month_start"]: row["verdict"] for row in judged}
    charted = [month for month in months if month <= last]
    series = series_of(measure, charted[-PAPER_MONTHS:], figures, judged, formulas)
    titles = {"month": "Figure"} | {
        period: title
        for period, title in PERIODS.items()
        if any(
            row and row["value"] is not None for row in (figures.get((measure.code, month, period)) for month in months)
        )
    }
    statement = f"{cohorts.statement if cohorts else ''} {sentences(series)}".strip()
    return MeasureHistory(
        measure,
        with_weeks(statement, None if series.formula_changed else weekly_chart),
        chart_of(series, judged, formulas),
        weekly_chart,
        cohorts,
        tuple(titles.values()),
        tuple(
            _history_row(
                month,
                [figures.get((measure.code, month, period)) for period in titles],
                VERDICT_WORDS.get(verdicts.get(month) or "", ""),
            )
            for month in reversed(months)
        ),
        tuple(
            dict.fromkeys(
                f"{titles[period]} of {_financial_year(month)}: {since(row['complete_since'])}"
                for month in reversed(months)
                for period in titles
                if (row := figures.get((measure.code, month, period))) and row["complete_since"]
            )
        ),
        max((item.first_day for item in formulas if item.first_day <= last), default=None),
    )


def _history_row(month: date, rows: Sequence[Mapping[str, Any] | None], verdict: str) -> HistoryRow:
    return HistoryRow(month, tuple(map(figure_of, rows)), tuple(map(_remark, rows)), verdict)


def _remark(row: Mapping[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return ""
    incomplete = [f"{display(row['share_of_days_loaded'], 'percent', 1)} of days"] if is_provisional(row) else []
    return ", ".join([*incomplete, *quarantined(row)])


def _financial_year(month: date) -> str:
    first = month.year if month.month >= 4 else month.year - 1
    return f"{first}/{(first + 1) % 100:02}"
