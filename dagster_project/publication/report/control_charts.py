"""Read the control charts of measures by month, and what they say of the months of a paper."""

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


def chart_months(
    connection: duckdb.DuckDBPyConnection, force_code: str, month: date
) -> dict[str, list[dict[str, Any]]]:
    """Read the months of each measure's chart as of the end of a month, oldest first.

    A measure without a delivery in the month, as while the month is running, has its newest chart, if that ends in a
    month of the paper. A month to which quarantined rows could matter has no verdict.
    """
    return rows_by(
        connection,
        "measure",
        """
        select
            charts.* replace (
                case when not periods.is_affected_by_quarantine then charts.is_target_met end as is_target_met,
                case when not periods.is_affected_by_quarantine then charts.signal end as signal,
                case when not periods.is_affected_by_quarantine then charts.variation end as variation,
                case when not periods.is_affected_by_quarantine then charts.assurance end as assurance
            ),
            periods.display_value
        from marts.kpi_measure_spc_as_of as charts
        inner join marts.kpi_measure_period as periods
            on charts.force_code = periods.force_code
            and charts.measure = periods.measure
            and charts.month_start = periods.month_start
            and periods.period = 'month'
        where
            charts.force_code = $force_code
            and charts.as_of_month between $first and $month
        qualify charts.as_of_month = max(charts.as_of_month) over (partition by charts.measure)
        order by charts.measure, charts.month_start
        """,
        {"force_code": force_code, "first": months_before(month, PAPER_MONTHS - 1), "month": month},
    )


def series_of(
    measure: Measure,
    months: Sequence[date],
    figures: Figures,
    charts: Sequence[Mapping[str, Any]],
    formulas: Sequence[FormulaChange],
) -> Series:
    """Return the complete months of a measure with the verdicts of its chart, as sentences are made of them.

    Args:
        measure: the measure.
        months: the months of the paper, oldest first.
        figures: figures of these months and, for the last one, of its year to date.
        charts: the rows of its chart, oldest first.
        formulas: changes of its formula; months before the last change are left out.
    """
    judged = {row["month_start"]: row for row in charts}
    last = charts[-1] if charts else {}
    first = min((*judged, months[0]))
    changed = max((item.first_day for item in formulas if first < item.first_day <= months[-1]), default=None)
    rows = {month: figures.get((measure.code, month, "month")) for month in months}
    whole = {
        month: row for month, row in rows.items() if row and row["value"] is not None and not row["is_provisional"]
    }
    # A baseline with too few months has no verdict; those before it have limits of their own.
    newest = next(
        (row for row in reversed(charts) if row["variation"] and row["baseline_start"] == last["baseline_start"]), {}
    )
    return Series(
        measure=measure,
        months=tuple(
            Month(
                month=month,
                value=row["value"],
                text=row["display_value"],
                per_day=row["mean_per_day"],
                **{
                    name: judged.get(month, {}).get(name) for name in ("target", "is_target_met", "signal", "variation")
                },
            )
            for month, row in whole.items()
            if changed is None or month >= changed
        ),
        left_out=tuple(month for month in months if month not in whole),
        points=last.get("points") or 0,
        is_trial=last.get("is_trial") is not False,
        **{name: last.get(name) for name in ("baseline_start", "lower_limit", "upper_limit", "assurance")},
        variation=newest.get("variation"),
        judged_month=newest.get("month_start"),
        formula_changed=changed,
        year_to_date=whole_year(figures.get((measure.code, months[-1], "fytd"))),
        year_to_date_before=whole_year(figures.get((measure.code, months[-1], "prev_fytd"))),
    )


def points_of(charts: Sequence[Mapping[str, Any]], formulas: Sequence[FormulaChange] = ()) -> tuple[Point, ...]:
    """Return the points of a chart: its months with a figure, none of them joined to one of another formula."""
    points = [
        Point(
            row["month_start"],
            row["value"],
            row["display_value"],
            bool(row["is_provisional"]),
            row["signal"],
            is_after_gap=before is not None and before["value"] is None,
        )
        for before, row in pairwise((None, *charts))
        if row is not None and row["value"] is not None
    ]
    return broken_at_changes(points, formulas)


def chart_of(
    series: Series, charts: Sequence[Mapping[str, Any]], formulas: Sequence[FormulaChange] = ()
) -> Chart | None:
    """Return the chart of a measure; None if it has no figures.

    Args:
        series: the measure over the months of a paper.
        charts: the rows of its chart, oldest first.
        formulas: changes of its formula, at which its line breaks.
    """
    measure, points = series.measure, points_of(charts, formulas)
    if not points:
        return None
    last = charts[-1]
    label, verdict = target_label(measure, last["target"]), finding(series)
    changed = change_words(points, formulas)
    note = "" if changed in verdict else changed
    # A month with missing days would be the lowest of any sum.
    complete = [point for point in points if not point.is_provisional] or points
    provisional = [long_month(point.month) for point in points if point.is_provisional]
    low, high = (pick(complete, key=lambda point: point.value) for pick in (min, max))
    baseline = last.get("baseline_start")
    limits_from = baseline if baseline and baseline > points[0].month else None
    limits = (
        " Mean {}, limits {} to {}{}.".format(
            *(display(last[name], measure.unit, measure.decimals) for name in ("mean", "lower_limit", "upper_limit")),
            f", from {long_month(limits_from)} on" if limits_from else "",
        )
        if last["upper_limit"] is not None
        else ""
    )
    return Chart(
        measure=measure.code,
        title=measure.short_label,
        finding=verdict,
        alternative=(
            f"{measure.section_title}, {measure.label} by month, {span(points[0].month, points[-1].month)}: "
            f"lowest {low.text} in {long_month(low.month)}, highest {high.text} in {long_month(high.month)}.{limits}"
            f"{f' Provisional and drawn hollow: {listed(provisional)}.' if provisional else ''}"
            f"{f' The {label} is drawn.' if label else ''} {verdict}{f'; {note}' if note else ''}."
        ),
        unit=measure.unit,
        points=points,
        mean=last["mean"],
        lower_limit=last["lower_limit"],
        upper_limit=last["upper_limit"],
        target=last["target"],
        target_label=label,
        is_trial=series.is_trial,
        limits_from=limits_from,
        formula_note=note,
    )
