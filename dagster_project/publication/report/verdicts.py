"""Read the verdicts on the months of measures, and what they say of the months of a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import duckdb

from dagster_project.publication.report.definitions import FormulaChange, broken_at_changes, change_words
from dagster_project.publication.report.display import display
from dagster_project.publication.report.figures import Figures, months_before, whole_year
from dagster_project.publication.report.model import PAPER_MONTHS, Chart, Measure, Point, listed, long_month, span
from dagster_project.publication.report.sentences import Month, Series, finding, target_label
from dagster_project.sql import rows_by

CHART_MONTHS = 24
"""Months in a chart: each with its counterpart a year earlier."""
YEAR = 12


def judged_months(
    connection: duckdb.DuckDBPyConnection, force_code: str, month: date
) -> dict[str, list[dict[str, Any]]]:
    """Read the months of each measure up to a month, oldest first, each with its own verdict.

    A measure without a row for the month, as while the month is running, has its newest months, if they end in a month
    of the paper.
    """
    return rows_by(
        connection,
        "measure",
        """
        select
            verdicts.*,
            periods.display_value,
            periods.mean_per_day,
            min(verdicts.month_start) filter (verdicts.value is not null) over (
                partition by verdicts.measure
            ) as first_month
        from marts.kpi_measure_verdict as verdicts
        inner join marts.kpi_measure_period as periods
            on verdicts.force_code = periods.force_code
            and verdicts.measure = periods.measure
            and verdicts.month_start = periods.month_start
            and periods.period = 'month'
        where verdicts.force_code = $force_code and verdicts.month_start <= $month
        qualify
            verdicts.month_start >= $first
            and max(verdicts.month_start) over (partition by verdicts.measure) >= $first_of_paper
        order by verdicts.measure, verdicts.month_start
        """,
        {
            "force_code": force_code,
            "month": month,
            "first": months_before(month, CHART_MONTHS - 1),
            "first_of_paper": months_before(month, PAPER_MONTHS - 1),
        },
    )


def series_of(
    measure: Measure,
    months: Sequence[date],
    figures: Figures,
    judged: Sequence[Mapping[str, Any]],
    formulas: Sequence[FormulaChange],
) -> Series:
    """Return the complete months of a measure with their verdicts, as sentences are made of them.

    Args:
        measure: the measure.
        months: the months of the paper, oldest first.
        figures: figures of these months and, for the last one, of its year to date.
        judged: its months with their verdicts, oldest first.
        formulas: changes of its formula; months before the last change are left out.
    """
    verdicts = {row["month_start"]: row for row in judged}
    first = min((*verdicts, months[0]))
    changed = max((item.first_day for item in formulas if first < item.first_day <= months[-1]), default=None)
    rows = {month: figures.get((measure.code, month, "month")) for month in months}
    whole = {
        month: row for month, row in rows.items() if row and row["value"] is not None and not row["is_provisional"]
    }
    return Series(
        measure=measure,
        months=tuple(
            Month(
                month=month,
                **{name: verdicts.get(month, {}).get(name) for name in ("target", "is_target_met", "verdict")},
            )
            for month in whole
            if changed is None or month >= changed
        ),
        left_out=tuple(month for month in months if month not in whole),
        newest=verdicts.get(months[-1], {}),
        formula_changed=changed,
        year_to_date=whole_year(figures.get((measure.code, months[-1], "fytd"))),
        year_to_date_before=whole_year(figures.get((measure.code, months[-1], "prev_fytd"))),
    )


def points_of(judged: Sequence[Mapping[str, Any]], formulas: Sequence[FormulaChange] = ()) -> tuple[Point, ...]:
    """Return the points of a chart: its months with a figure, none of them joined to one of another formula."""
    points = [
        Point(
            row["month_start"],
            row["value"],
            row["display_value"],
            bool(row["is_provisional"]),
            row["verdict"],
            is_after_gap=before is not None and before["value"] is None,
        )
        for before, row in pairwise((None, *judged))
        if row is not None and row["value"] is not None
    ]
    return broken_at_changes(points, formulas)


def chart_of(
    series: Series, judged: Sequence[Mapping[str, Any]], formulas: Sequence[FormulaChange] = ()
) -> Chart | None:
    """Return the chart of a measure; None if it has no figures, or months of different ages.

    Args:
        series: the measure over the months of a paper.
        judged: its months with their verdicts, oldest first.
        formulas: changes of its formula, at which its line breaks.
    """
    measure, points = series.measure, points_of(judged, formulas)
    if not points or measure.chart_type == "cohort":
        return None
    last = judged[-1]
    label, verdict = target_label(measure, last["target"]), finding(series)
    note = change_words(points, formulas)
    # A month with missing days would be the lowest of any sum.
    complete = [point for point in points if not point.is_provisional] or points
    provisional = [long_month(point.month) for point in points if point.is_provisional]
    low, high = (pick(complete, key=lambda point: point.value) for pick in (min, max))
    has_band = last["upper_limit"] is not None and last["lower_limit"] < last["upper_limit"]
    band = (
        " Usual {}, {} to {} expected from the year before.".format(
            *(display(last[name], measure.unit, measure.decimals) for name in ("usual", "lower_limit", "upper_limit"))
        )
        if has_band
        else ""
    )
    marked = "; ".join(
        f"{verdict} than usual: {listed([long_month(point.month) for point in of_verdict])}"
        for verdict in ("better", "worse")
        if (of_verdict := [point for point in points if point.verdict == verdict])
    )
    return Chart(
        measure=measure.code,
        title=measure.short_label,
        finding=verdict,
        alternative=(
            f"{measure.section_title}, {measure.label} by month, {span(points[0].month, points[-1].month)}: "
            f"lowest {low.text} in {long_month(low.month)}, highest {high.text} in {long_month(high.month)}.{band}"
            f"{f' Marked as {marked}.' if marked else ''}"
            f"{f' Provisional and drawn hollow: {listed(provisional)}.' if provisional else ''}"
            f"{f' The {label} is drawn.' if label else ''}{f' Line broken: {note}.' if note else ''}"
        ),
        unit=measure.unit,
        points=points,
        usual=last["usual"] if has_band else None,
        lower_limit=last["lower_limit"] if has_band else None,
        upper_limit=last["upper_limit"] if has_band else None,
        target=last["target"],
        target_label=label,
        usual_from=max(points[0].month, months_before(last["month_start"], YEAR)),
        formula_note=note,
    )
