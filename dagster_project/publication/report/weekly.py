"""Weekly charts of a report: the weeks of a month and of the year before it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import duckdb

from dagster_project.publication.report.definitions import FormulaChange, broken_at_changes, change_words
from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Chart, Measure, Point, listed
from dagster_project.publication.report.sentences import POINTS_NEEDED, VARIATION_WORDS, target_label
from dagster_project.sql import rows_by
from dagster_project.warehouse.connection import has_table

WEEKS = 53
"""Weeks in a chart: a year, and the week one year before the newest; the same as dbt's `control_chart_weeks`."""

_Rows = Sequence[Mapping[str, Any]]


def weeks_until(connection: duckdb.DuckDBPyConnection, force_code: str, month: date) -> Mapping[str, _Rows]:
    """Return the complete weeks of each measure that end by the end of a month, oldest first.

    A paper shows them without limits, because limits in `kpi_measure_spc_weekly` change with every new week. A public
    edition has no weekly figures, and the result is empty.
    """
    if not has_table(connection, "kpi_measure_weekly"):
        return {}
    return rows_by(
        connection,
        "measure",
        """
        select
            weeks.measure, weeks.week_start, weeks.value, weeks.target,
            null as mean, null as lower_limit, null as upper_limit, null as signal, null as variation, true as is_trial
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


def judged_weeks(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, list[dict[str, Any]]]:
    """Return the weeks of each measure's newest control chart, oldest first."""
    return rows_by(
        connection,
        "measure",
        "select * from marts.kpi_measure_spc_weekly where force_code = $force_code order by measure, week_start",
        {"force_code": force_code},
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
            row["signal"],
            is_after_gap=before is not None
            and (before["value"] is None or row["week_start"] - before["week_start"] > timedelta(days=7)),
        )
        for before, row in pairwise((None, *weeks))
        if row is not None and row["value"] is not None
    ]
    if len(every) < 2:
        return None
    points, note, last = broken_at_changes(every, formulas), change_words(every, formulas), weeks[-1]
    finding, label = weekly_finding(weeks), target_label(measure, last["target"])
    return Chart(
        measure=measure.code,
        title=f"{measure.short_label} by week",
        finding=finding,
        alternative=(
            f"{measure.section_title}, {measure.label} by week, {week_name(points[0].month)} to "
            f"{week_name(points[-1].month)}: {weekly_extremes(points)}.{f' The {label} is drawn.' if label else ''} "
            f"{finding}{f'; {note}' if note else ''}."
        ),
        unit=measure.unit,
        points=points,
        mean=last["mean"],
        lower_limit=last["lower_limit"],
        upper_limit=last["upper_limit"],
        target=last["target"],
        target_label=label,
        is_trial=last["is_trial"],
        limits_from=baseline if (baseline := last.get("baseline_start")) and baseline > points[0].month else None,
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


def weekly_finding(weeks: _Rows) -> str:
    """Say in a few words how many weeks of a chart are unusual."""
    newest = f"Weeks to {(day := weeks[-1]['week_start'] + timedelta(days=6)).day} {day:%B %Y}"
    if weeks[-1]["upper_limit"] is None:
        return newest
    if weeks[-1]["is_trial"]:
        return f"No verdict yet: {weeks[-1]['points']} of {POINTS_NEEDED} weeks"
    counted = [
        f"{sum(row['variation'] == code for row in weeks)} {VARIATION_WORDS[code].lower()}"
        for code in ("concerning", "improving", "unusual")
        if any(row["variation"] == code for row in weeks)
    ]
    return f"Of {len(weeks)} weeks, {listed(counted)}" if counted else "No unusual week"


def week_name(monday: date) -> str:
    """Return the Monday of a week as `24 October 2022`."""
    return f"{monday.day} {monday:%B %Y}"


def with_weeks(statement: str, chart: Chart | None) -> str:
    """Return a statement with the sentence on its weekly chart, if there is one."""
    return f"{statement} {weekly_sentence(chart)}" if chart else statement
