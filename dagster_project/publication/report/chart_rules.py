"""The charts of measures by month and week: what is a mark, a hollow point, a break of the line and an event.

Renderers draw what stands here and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from dagster_project.publication.report.definitions import FormulaChange
from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import (
    PAPER_MONTHS,
    Chart,
    Event,
    Measure,
    Point,
    listed,
    long_month,
    marked_words,
    months_before,
    period_of,
    since,
    span,
)
from dagster_project.publication.report.queries import ForceRows
from dagster_project.publication.report.sentences import Series, finding, target_label

CHART_MONTHS = 24
"""Months in a chart: each with its counterpart a year earlier."""
WEEKS = 53
"""Weeks in a chart: a year, and the week one year before the newest."""
YEAR = 12

_Rows = Sequence[Mapping[str, Any]]


def judged_months(force: ForceRows, measure: str, month: date) -> _Rows:
    """Return the months of the chart of a measure up to a month, oldest first, each with its own verdict.

    A measure without a row for the month, as while the month is running, has its newest months, if they end in a month
    of the paper.
    """
    first = months_before(month, CHART_MONTHS - 1)
    rows = [row for row in force.verdicts.get(measure, ()) if first <= row["month_start"] <= month]
    return rows if rows and rows[-1]["month_start"] >= months_before(month, PAPER_MONTHS - 1) else []


def points_of(
    rows: _Rows, formulas: Sequence[FormulaChange], measure: Measure, *, day: str = "month_start"
) -> tuple[Point, ...]:
    """Return the points of a chart: its months or weeks with a figure.

    No line leads to a point after a month or week without a figure, or to one of another formula.

    Args:
        rows: months with their verdicts, or weeks, which have none; oldest first.
        formulas: changes of the formula.
        measure: the measure.
        day: column of the first day, `month_start` or `week_start`.
    """
    points: list[Point] = []
    for before, row in pairwise((None, *rows)):
        if row is None or row["value"] is None:
            continue
        is_after_gap = before is not None and before["value"] is None
        if day == "week_start" and before is not None:
            is_after_gap |= row[day] - before[day] > timedelta(days=7)
        points.append(
            Point(
                row[day],
                row["value"],
                row["display_value"]
                if "display_value" in row
                else display(row["value"], measure.unit, measure.decimals),
                bool(row.get("is_provisional")),
                row.get("verdict"),
                is_after_gap=is_after_gap,
                is_after_change=bool(points) and bool(_changes(points[-1].month, row[day], formulas)),
            )
        )
    return tuple(points)


def _changes(before: date, day: date, formulas: Sequence[FormulaChange]) -> list[date]:
    """Return the days after one day and by a later one on which another formula came into force."""
    return [change.first_day for change in formulas if before < change.first_day <= day]


def _formula_note(points: Sequence[Point], formulas: Sequence[FormulaChange]) -> str:
    """Return `different formula since November 2022` for the newest change within a chart; empty without one."""
    days = _changes(points[0].month, points[-1].month, formulas)
    return f"different formula {since(max(days))}" if days else ""


def chart_of(
    series: Series, judged: _Rows, formulas: Sequence[FormulaChange], events: Sequence[Event] = ()
) -> Chart | None:
    """Return the chart of a measure by month; None if it has no figures, or months of different ages.

    Args:
        series: the measure over the months of a paper.
        judged: its months with their verdicts, oldest first.
        formulas: changes of its formula, at which its line breaks.
        events: what it marks, if it is within its months.
    """
    measure = series.measure
    points = points_of(judged, formulas, measure)
    if not points or measure.chart_type == "cohort":
        return None
    last = judged[-1]
    has_band = last["upper_limit"] is not None and last["lower_limit"] < last["upper_limit"]
    # A month with missing days would be the lowest of any sum.
    complete = [point for point in points if not point.is_provisional] or points
    low, high = (pick(complete, key=lambda point: point.value) for pick in (min, max))
    words = [
        f"{measure.section_title}, {measure.label} by month, {span(points[0].month, points[-1].month)}: lowest "
        f"{low.text} in {long_month(low.month)}, highest {high.text} in {long_month(high.month)}."
    ]
    if has_band:
        names = ("usual", "lower_limit", "upper_limit")
        usual, least, most = (display(last[name], measure.unit, measure.decimals) for name in names)
        words.append(f"Usual {usual}, {least} to {most} expected from the year before.")
    marked_months = [
        f"{verdict} than usual: {listed(months)}"
        for verdict in ("better", "worse")
        if (months := [long_month(point.month) for point in points if point.verdict == verdict])
    ]
    if marked_months:
        words.append(f"Marked as {'; '.join(marked_months)}.")
    if provisional := [long_month(point.month) for point in points if point.is_provisional]:
        words.append(f"Provisional and drawn hollow: {listed(provisional)}.")
    chart = replace(
        _chart(measure, points, formulas, last["target"], words),
        title=measure.short_label,
        finding=finding(series),
        usual_from=max(points[0].month, months_before(last["month_start"], YEAR)),
    )
    if has_band:
        chart = replace(chart, usual=last["usual"], lower_limit=last["lower_limit"], upper_limit=last["upper_limit"])
    return marked(chart, measure.section, events)


def weekly_chart(
    measure: Measure, weeks: _Rows, month: date, formulas: Sequence[FormulaChange] = (), events: Sequence[Event] = ()
) -> Chart | None:
    """Return a chart of a measure by week; None if fewer than two weeks have a figure.

    Args:
        measure: the measure.
        weeks: its complete weeks, oldest first; those of a year that end by the end of the month are drawn.
        month: the month.
        formulas: changes of its formula, at which its line breaks.
        events: what it marks, if it is within its weeks.
    """
    end = months_before(month, -1)
    shown = [row for row in weeks if row["week_start"] + timedelta(days=7) <= end][-WEEKS:]
    points = points_of(shown, formulas, measure, day="week_start")
    if len(points) < 2:
        return None
    words = (
        f"{measure.section_title}, {measure.label} by week, {_day(points[0].month)} to {_day(points[-1].month)}: "
        f"{_extremes(points)}."
    )
    chart = _chart(measure, points, formulas, shown[-1]["target"], [words])
    until = _day(shown[-1]["week_start"] + timedelta(days=6))
    return marked(replace(chart, finding=f"Weeks to {until}", by="week"), measure.section, events)


def _chart(
    measure: Measure, points: tuple[Point, ...], formulas: Sequence[FormulaChange], target: Any, words: list[str]
) -> Chart:
    """Return a chart with its target and changes of formula, which the alternative text ends with."""
    label, note = target_label(measure, target), _formula_note(points, formulas)
    words += [*([f"The {label} is drawn."] if label else []), *([f"Line broken: {note}."] if note else [])]
    return Chart(
        measure=measure.code,
        title=f"{measure.short_label} by week",
        finding="",
        alternative=" ".join(words),
        unit=measure.unit,
        decimals=measure.decimals,
        points=points,
        target=target,
        target_label=label,
        formula_note=note,
    )


def with_weeks(statement: str, chart: Chart | None) -> str:
    """Return a statement with a sentence on the weekly chart, if there is one."""
    if chart is None:
        return statement
    newest = chart.points[-1]
    return (
        f"{statement} By week: {_extremes(chart.points)}; newest complete week, of {_day(newest.month)}: {newest.text}."
    )


def _extremes(points: Sequence[Point]) -> str:
    """Return `highest 54.62% in the week of 24 October 2022, lowest 14.42% in that of 16 January 2023`."""
    high, low = (pick(points, key=lambda point: point.value) for pick in (max, min))
    if high.text == low.text:
        return f"{high.text} in every week"
    return f"highest {high.text} in the week of {_day(high.month)}, lowest {low.text} in that of {_day(low.month)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def marked(chart: Chart, section: str, events: Sequence[Event]) -> Chart:
    """Return a chart of a section with the events that it shows, which its alternative text names.

    An event is shown if the month or week of its day lies between the first and the last point of the chart.
    """
    first, last = chart.points[0].month, chart.points[-1].month
    shown = tuple(
        event
        for event in events
        if (not event.sections or section in event.sections) and first <= period_of(event.day, chart.by) <= last
    )
    if not shown:
        return chart
    return replace(chart, events=shown, alternative=f"{chart.alternative} {marked_words(shown)}")
