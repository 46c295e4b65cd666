"""Weekly charts of a report: the weeks of a month and of the year before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import duckdb

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Chart, Point, listed
from dagster_project.publication.report.sentences import POINTS_NEEDED, VARIATION_WORDS
from dagster_project.sql import rows_as_dicts
from dagster_project.warehouse.connection import has_table

# Weeks in a chart: a year, and the week one year before the newest.
_WEEKS = 53

_Rows = Sequence[Mapping[str, Any]]


def weeks_until(connection: duckdb.DuckDBPyConnection, force_code: str, last_day: date) -> dict[str, _Rows]:
    """Return the complete weeks of each measure up to a day, oldest first; empty if the database has no weekly figures.

    A paper shows them without limits, because limits in `kpi_measure_spc_weekly` change with every new week.

    Args:
        connection: a database with the marts in its schema `marts`; a public one has no weekly figures.
        force_code: the force.
        last_day: the weeks end on or before this day.
    """
    if not has_table(connection, "kpi_measure_weekly"):
        return {}
    return _by_measure(
        connection,
        """
        select
            weeks.measure, weeks.week_start, weeks.value, weeks.target,
            null as mean, null as lower_limit, null as upper_limit, null as signal, null as variation, 0 as points
        from marts.kpi_measure_weekly as weeks
        where
            weeks.force_code = $force_code
            and not weeks.is_provisional
            and weeks.week_start <= $last_day - 6
        qualify row_number() over (partition by weeks.measure order by weeks.week_start desc) <= $weeks
        order by weeks.measure, weeks.week_start
        """,
        {"force_code": force_code, "last_day": last_day, "weeks": _WEEKS},
    )


def judged_weeks(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, _Rows]:
    """Return the weeks of each measure's newest control chart, oldest first.

    Args:
        connection: a database with the marts in its schema `marts`.
        force_code: the force.
    """
    return _by_measure(
        connection,
        """
        select *
        from marts.kpi_measure_spc_weekly
        where force_code = $force_code
        order by measure, week_start
        """,
        {"force_code": force_code},
    )


def weekly_chart(
    weeks: _Rows, *, measure: str, title: str, section: str, unit: str, decimals: int, target_label: str
) -> Chart | None:
    """Return a chart of weeks of a measure; None if fewer than two have a figure.

    Args:
        weeks: result of `weeks_until` or `judged_weeks` for the measure.
        measure: measure code.
        title: label of the measure.
        section: title of its section.
        unit: unit of the catalogue.
        decimals: number of decimals shown.
        target_label: the target in words, `2% benchmark`; empty without a target.
    """
    points = tuple(
        Point(
            row["week_start"],
            row["value"],
            display(row["value"], unit, decimals),
            False,
            row["signal"],
            is_after_gap=before is not None
            and (before["value"] is None or row["week_start"] - before["week_start"] > timedelta(days=7)),
        )
        for before, row in pairwise((None, *weeks))
        if row is not None and row["value"] is not None
    )
    if len(points) < 2:
        return None
    last = weeks[-1]
    finding = weekly_finding(weeks)
    return Chart(
        measure=measure,
        title=f"{title} by week",
        finding=finding,
        alternative=(
            f"{section}, {title} by week, {week_name(points[0].month)} to {week_name(points[-1].month)}: "
            f"{weekly_extremes(points)}.{f' The {target_label} is drawn.' if target_label else ''} {finding}."
        ),
        unit=unit,
        points=points,
        mean=last["mean"],
        lower_limit=last["lower_limit"],
        upper_limit=last["upper_limit"],
        target=last["target"],
        target_label=target_label,
        is_trial=last["points"] < POINTS_NEEDED,
        by="week",
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
    if weeks[-1]["points"] < POINTS_NEEDED:
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


def _by_measure(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]) -> dict[str, _Rows]:
    cursor = connection.execute(sql, dict(parameters))
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows_as_dicts(cursor):
        found.setdefault(row["measure"], []).append(row)
    return dict(found)
