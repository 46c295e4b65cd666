"""Read the figures of measures by month and period, mark what is provisional, and put them into tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb

from dagster_project.publication.report.accepted_days import accepted_days, note_of
from dagster_project.publication.report.definitions import FormulaChange, formula_note
from dagster_project.publication.report.display import NOTHING, display
from dagster_project.publication.report.model import (
    Column,
    Figure,
    Measure,
    Row,
    Table,
    long_month,
    short_month,
    since,
    span,
)
from dagster_project.publication.report.quarantine import QuarantineNotes
from dagster_project.sql import rows_as_dicts

PERIODS = {
    "same_month_last_year": "Same month last year",
    "last_6_months": "Last 6 months",
    "previous_6_months": "Previous 6 months",
    "fytd": "Year to date",
    "prev_fytd": "Last year to date",
}
"""Periods that a month is compared with, and the titles of their columns."""


Figures = dict[tuple[str, date, str], dict[str, Any]]
"""Rows of `kpi_measure_period` by measure, month and period, with their notes."""


def read_figures(
    connection: duckdb.DuckDBPyConnection, force_code: str, first: date, month: date, *, of_all_months: bool = False
) -> Figures:
    """Read figures: those of the months, and those of all periods for the last month or for every month."""
    cursor = connection.execute(
        """
        select
            periods.*, measures.sources, measures.unit, measures.decimals
        from marts.kpi_measure_period as periods
        inner join marts.measures as measures on periods.measure = measures.measure
        where
            periods.force_code = $force_code
            and periods.month_start between $first and $month
            and ($of_all_months or periods.period = 'month' or periods.month_start = $month)
        """,
        {"force_code": force_code, "first": first, "month": month, "of_all_months": of_all_months},
    )
    rows = rows_as_dicts(cursor)
    notes = QuarantineNotes(connection, force_code)
    accepted = accepted_days(connection)
    for row in rows:
        is_noted = row["is_affected_by_quarantine"] and row["value"] is not None
        shown = (row[name] for name in ("month_start", "period", "first_month", "last_month"))
        row["notes"] = [notes.text(_affected_sources(row), *shown) + _span_of(row)] if is_noted else []
        if columns := row.get("columns_without_values"):
            row["notes"].append(_without_values(columns.split(", "), has_figure=row["value"] is not None))
        span_end = months_before(row["last_month"], -1)
        if note := note_of(accepted, row["sources"].split(","), row["first_month"], span_end):
            row["notes"].append(note)
    return {(row["measure"], row["month_start"], row["period"]): row for row in rows}


def _span_of(row: Mapping[str, Any]) -> str:
    """Return the span of a figure that quarantined rows leave open; none of a mean, and in a public edition."""
    if row.get("value_low") is None:
        return ""
    low, high = (display(row[name], row["unit"], row["decimals"]) for name in ("value_low", "value_high"))
    return f" With them, the figure could be from {low} to {high}."


def _without_values(columns: Sequence[str], *, has_figure: bool) -> str:
    """Say which columns, as `call_segments.talk_seconds`, have no values on some days."""
    names = [f"{name} of the {source}".replace("_", " ") for source, name in (column.split(".") for column in columns)]
    return f"{'Some' if has_figure else 'No figure: some'} days were delivered without any {' or '.join(names)}."


def _affected_sources(row: Mapping[str, Any]) -> list[str]:
    """Return the sources that a figure is affected by, in the order of the catalogue; none in a public edition."""
    affected = (row.get("affected_sources") or "").split(", ")
    return [source for source in row["sources"].split(",") if source in affected]


def note_formulas(
    figures: Figures,
    month: date,
    formulas: Mapping[str, Sequence[FormulaChange]],
    catalogue: Mapping[str, Measure],
) -> None:
    """Add a note to figures that were computed, wholly or in part, with another formula than that of the month."""
    for (measure, _, _), row in figures.items():
        for change in formulas.get(measure, ()):
            if row["first_month"] < change.first_day <= month and row["value"] is not None:
                row["notes"].append(formula_note(change, catalogue))


def figure_of(row: Mapping[str, Any] | None, notes: dict[str, int] | None = None) -> Figure:
    """Return a figure; with the notes of a paper, text to number, its note is added to them."""
    if row is None:
        return Figure(NOTHING, None, is_provisional=False)
    reasons = [*([_reason(row)] if is_provisional(row) else []), *row["notes"]]
    note = notes.setdefault(" ".join(reasons), len(notes) + 1) if notes is not None and reasons else None
    return Figure(row["display_value"] or NOTHING, row["value"], is_provisional(row), note, row["complete_since"])


def whole_year(row: Mapping[str, Any] | None) -> Figure:
    """Return a year to date for comparison: provisional if any day is missing, for any reason."""
    return replace(figure_of(row), is_provisional=bool(row and row["is_provisional"]))


def is_provisional(row: Mapping[str, Any]) -> bool:
    """Return whether a figure is marked as provisional."""
    # Days before the first delivery will never come, so a mark for them would never disappear.
    return bool(row["is_provisional"]) and row["complete_since"] is None


def _reason(row: Mapping[str, Any]) -> str:
    """Say why a figure is provisional, from the share of it that was delivered."""
    covered = span(row["first_month"], row["last_month"])
    if not row["days_loaded"] and not row["months_delivered"]:
        return f"Nothing was delivered for {covered}."
    share = display(row["share_of_days_loaded"], "percent", 1)
    return f"Provisional: of {covered}, {row['days_loaded']:,} of {row['days']:,} days are complete ({share})."


def quarantined(row: Mapping[str, Any] | None) -> list[str]:
    """Return the share of a figure's rows that were quarantined, in words, if it is marked for that."""
    if row is None or not row["is_affected_by_quarantine"]:
        return []
    return [f"{display(row['share_quarantined'], 'percent', 1)} of rows quarantined"]


def columns_of(months: Sequence[date], figures: Figures) -> tuple[Column, ...]:
    """Return the months, then the comparison periods with a figure of any measure."""
    columns = [Column(f"{month:%Y-%m}", short_month(month), long_month(month)) for month in months]
    for period, title in PERIODS.items():
        rows = [row for (_, shown, kind), row in figures.items() if kind == period and shown == months[-1]]
        if any(row["value"] is not None for row in rows):
            columns.append(Column(period, title, span(rows[0]["first_month"], rows[0]["last_month"])))
    return tuple(columns)


def row_of(measure: Measure, columns: Sequence[Column], month: date, figures: Figures, notes: dict[str, int]) -> Row:
    """Return the figures of a measure for the columns of a table; their notes are added to `notes`, text to number."""
    shown = []
    for column in columns:
        period = column.code if column.code in PERIODS else "month"
        start = month if period != "month" else date.fromisoformat(f"{column.code}-01")
        shown.append(figure_of(figures.get((measure.code, start, period)), notes))
    return Row(measure.code, measure.label, measure.unit, measure.decimals, tuple(shown))


def table_of(caption: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    """Return a table that states the start of its years to date once: in the column if all rows agree, else per row."""
    starts = [
        {row.figures[index].since for row in rows if row.figures[index].value is not None}
        for index in range(len(columns))
    ]
    shared = [next(iter(days)) if len(days) == 1 else None for days in starts]
    return Table(
        caption,
        tuple(
            replace(column, since=since(day)) if day else column for column, day in zip(columns, shared, strict=True)
        ),
        tuple(
            replace(
                row,
                remark="; ".join(
                    f"{column.title.lower()} {since(figure.since)}"
                    for column, figure, day in zip(columns, row.figures, shared, strict=True)
                    if figure.since and not day
                ),
            )
            for row in rows
        ),
    )


def months_before(month: date, number: int) -> date:
    """Return the first day of the month a number of months before another."""
    index = month.year * 12 + month.month - 1 - number
    return date(index // 12, index % 12 + 1, 1)
