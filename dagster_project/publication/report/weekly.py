"""Weekly charts of a report: the weeks of a month and of the year before it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import duckdb

from dagster_project.publication.report.definitions import FormulaChange, broken_at_changes, change_words
from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Chart, Measure, Point
from dagster_project.publication.report.sentences import target_label
from dagster_project.sql import rows_by
from dagster_project.warehouse.connection import has_table

WEEKS = 53
"""Weeks in a chart: a year, and the week one year before the newest."""

_Rows = Sequence[Mapping[str, Any]]


def weeks_until(connection: duckdb.DuckDBPyConnection, force_code: str, month: date) -> Mapping[str, _Rows]:
    """Return the complete weeks of each measure that end by the end of a month, oldest first.

    Weeks are not judged. A public edition has no weekly figures, and the result is empty.
    """
    if not has_table(connection, "kpi_measure_weekly"):
        return {}
    return rows_by(
        connection,
        "measure",
        """
        select
            weeks.measure, weeks.week_start, weeks.value, weeks.target
        from marts.kpi_measure_weekly as weeks
        where
            weeks.force_code = $force_code
            and not weeks.is_provisional
            and weeks.week_start <= last_day($month) - 6
        qualify row_number() over (partition by weeks.measure order by weeks.week_start desc) <= $weeks
        order by weeks.measure, weeks.week_start
        """,
        {"force_code": force_code, "month": month, "weeks": WEEKS},
    )


def weekly_chart(measure: Measure, weeks: _Rows, formulas: Sequence[FormulaChange] = ()) -> Chart | None:
    """Return a chart of a measure by week; None if fewer than two weeks have a figure.

    Args:
        measure: the measure.
        weeks: the rows of its weeks, oldest first.
        formulas: changes of its formula, at which its line breaks.
    """
    every = [
        Point(
            row["week_start"],
            row["value"],
            display(row["value"], measure.unit, measure.decimals),
            False,
            is_after_gap=before is not None
            and (before["value"] is None or row["week_start"] - before["week_start"] > timedelta(days=7)),
        )
        for before, row in pairwise((None, *weeks))
        if row is not None and row["value"] is not None
    ]
    if len(every) < 2:
        return None
    points, note, last = broken_at_changes(every, formulas), change_words(every, formulas), weeks[-1]
    label = target_label(measure, last["target"])
    return Chart(
        measure=measure.code,
        title=f"{measure.short_label} by week",
        finding=_weeks_until(weeks),
        alternative=(
            f"{measure.section_title}, {measure.label} by week, {week_name(points[0].month)} to "
            f"{week_name(points[-1].month)}: {weekly_extremes(points)}."
            f"{f' The {label} is drawn.' if label else ''}{f' Line broken: {note}.' if note else ''}"
        ),
        unit=measure.unit,
        points=points,
        usual=None,
        lower_limit=None,
        upper_limit=None,
        target=last["target"],
        target_label=label,
        by="week",
        formula_note=note,
    )


def weekly_sentence(chart: Chart) -> str:
    """Describe the weeks, for the sentences on the measure."""
    newest = chart.points[-1]
    return (
        f"By week: {weekly_extremes(chart.points)}; newest complete week, of {week_name(newest.month)}: {newest.text}."
    )


def weekly_extremes(points: Sequence[Point]) -> str:
    """Return `highest 54.62% in the week of 24 October 2022, lowest 14.42% in that of 16 January 2023`."""
    highest = max(points, key=lambda point: point.value)
    lowest = min(points, key=lambda point: point.value)
    if highest.text == lowest.text:
        return f"{highest.text} in every week"
    return (
        f"highest {highest.text} in the week of {week_name(highest.month)}, "
        f"lowest {lowest.text} in that of {week_name(lowest.month)}"
    )


def _weeks_until(weeks: _Rows) -> str:
    """Return `Weeks to 29 January 2023`."""
    return f"Weeks to {(day := weeks[-1]['week_start'] + timedelta(days=6)).day} {day:%B %Y}"


def week_name(monday: date) -> str:
    """Return the Monday of a week as `24 October 2022`."""
    return f"{monday.day} {monday:%B %Y}"


def with_weeks(statement: str, chart: Chart | None) -> str:
    """Return a statement with the sentence on its weekly chart, if there is one."""
    return f"{statement} {weekly_sentence(chart)}" if chart else statement
