"""Figures of measures by month and period as a paper shows them, with the notes on them, in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from dagster_project.publication.report.definitions import formula_note
from dagster_project.publication.report.display import NOTHING, display
from dagster_project.publication.report.model import (
    Column,
    Figure,
    Measure,
    Row,
    Table,
    listed,
    long_month,
    months_before,
    short_month,
    since,
    span,
)
from dagster_project.publication.report.queries import ForceRows

PERIODS = {
    "same_month_last_year": "Same month last year",
    "last_6_months": "Last 6 months",
    "previous_6_months": "Previous 6 months",
    "fytd": "Year to date",
    "prev_fytd": "Last year to date",
}
"""Periods that a month is compared with, and the titles of their columns."""

# Number of reasons and of accepted days that a note names; the others are counted together.
_REASONS_NAMED, _DAYS_NAMED = 3, 5
_TOO_FEW_ROWS = "volume_is_not_far_below_the_recent_past"

_REASONS = {
    "above_maximum": "a value above the greatest possible one",
    "before_1900": "a date before 2 January 1900",
    "below_minimum": "a value below the least possible one",
    "duplicate_row": "the same row as an earlier one",
    "formula_without_value": "a formula without its value",
    "looks_personal": "a value that looks personal in a column for other values",
    "no_time_of_day": "a date without a time of day",
    "not_a_boolean": "not a yes or no",
    "not_a_date": "not a date",
    "not_a_month": "not a month",
    "not_a_timestamp": "not a point in time",
    "not_an_integer": "not a whole number",
    "not_in_list": "a value that is not in the list of allowed ones",
    "not_of_form": "a value of another form than agreed",
    "not_seconds": "not a length of time",
    "out_of_order": "times in an impossible order",
    "required_empty": "a required value is missing",
    "required_when": "a value is missing that another one calls for",
    "superseded_row": "replaced by a later row of the same delivery",
    "time_never_existed": "a time that the clock change left out",
    "too_few_cells": "too few cells",
    "too_many_cells": "too many cells",
    "unbalanced_quote": "a quote that is not closed",
    "unknown_force": "a force that is not known",
    "unreadable_record": "a record that cannot be read",
}


class PaperFigures:
    """The figures of a paper; notes on them are numbered in the order in which the figures are asked for."""

    def __init__(self, force: ForceRows, month: date) -> None:
        """Begin a paper of a force that ends with a month."""
        self.force, self.month = force, month
        self.numbers: dict[str, int] = {}
        """Notes, text to number."""

    def row(self, measure: str, month: date, period: str = "month") -> Mapping[str, Any] | None:
        """Return the row of a figure."""
        return self.force.figures.get((measure, month, period))

    def figure(self, measure: str, month: date, period: str = "month") -> Figure:
        """Return a figure, with the number of its note."""
        row = self.row(measure, month, period)
        note = " ".join(notes_of(row, self.force, self.month)) if row else ""
        number = self.numbers.setdefault(note, len(self.numbers) + 1) if note else None
        return replace(figure_of(row), note=number)


def figure_of(row: Mapping[str, Any] | None) -> Figure:
    """Return a figure without its note."""
    if row is None:
        return Figure(NOTHING, None, is_provisional=False)
    return Figure(row["display_value"] or NOTHING, row["value"], is_provisional(row), since=row["complete_since"])


def is_provisional(row: Mapping[str, Any]) -> bool:
    """Return whether a figure is marked as provisional."""
    # Days before the first delivery will never come, so a mark for them would never disappear.
    return bool(row["is_provisional"]) and row["complete_since"] is None


def notes_of(row: Mapping[str, Any], force: ForceRows, month: date) -> Iterator[str]:
    """Yield the notes on a figure in a paper that ends with a month.

    They say why it is provisional, which rows were quarantined, which columns have no values, which days were accepted
    in spite of a check, and that it was computed, wholly or in part, with another formula than that of the month.
    """
    if is_provisional(row):
        yield _why_provisional(row)
    if row["is_affected_by_quarantine"] and row["value"] is not None:
        yield _quarantined_rows(row, force) + _span_of(row)
    if columns := row.get("columns_without_values"):
        names = [f"{name} of the {source}".replace("_", " ") for source, name in map(_halves, columns.split(", "))]
        some = "Some" if row["value"] is not None else "No figure: some"
        yield f"{some} days were delivered without any {' or '.join(names)}."
    end = months_before(row["last_month"], -1)
    sources = row["sources"].split(",")
    days = [item for item in force.accepted if item["source"] in sources and row["first_month"] <= item["day"] < end]
    if days:
        more = [f"{len(days) - _DAYS_NAMED} more days accepted in spite of a check"] * (len(days) > _DAYS_NAMED)
        yield ". ".join([*map(_accepted_day, days[:_DAYS_NAMED]), *more]) + "."
    for change in force.formulas.get(row["measure"], ()):
        if row["first_month"] < change.first_day <= month and row["value"] is not None:
            yield formula_note(change, {item.code: item for item in force.catalogue})


def _why_provisional(row: Mapping[str, Any]) -> str:
    covered = span(row["first_month"], row["last_month"])
    if not row["days_loaded"] and not row["months_delivered"]:
        return f"Nothing was delivered for {covered}."
    share = display(row["share_of_days_loaded"], "percent", 1)
    return f"Provisional: of {covered}, {row['days_loaded']:,} of {row['days']:,} days are complete ({share})."


def _quarantined_rows(row: Mapping[str, Any], force: ForceRows) -> str:
    """Return a sentence for each source that a figure is affected by; a public edition has no numbers of rows."""
    if not force.quarantined:
        return "Rows that could not be used, and are not counted, could matter to this figure."
    affected = (row.get("affected_sources") or "").split(", ")
    sentences = []
    for source in (source for source in row["sources"].split(",") if source in affected):
        rows = force.quarantined[source, row["month_start"], row["period"]]
        counted: Counter[str] = Counter()
        for reason in force.reasons.get(source, ()):
            if row["first_month"] <= reason["month_start"] <= row["last_month"]:
                counted[reason["reason_code"]] += reason["row_count"]
        ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        words = [f"{_REASONS.get(code, code.replace('_', ' '))}: {count:,}" for code, count in ordered[:_REASONS_NAMED]]
        if rest := sum(count for _, count in ordered[_REASONS_NAMED:]):
            words.append(f"other reasons: {rest:,}")
        sentences.append(
            f"Affected by quarantined rows: {rows['rows_quarantined']:,} of {rows['rows_read']:,} rows "
            f"({display(rows['share_quarantined'], 'percent', 1)}) of the {source.replace('_', ' ')} delivered for "
            f"{span(row['first_month'], row['last_month'])} could not be used and are not counted "
            f"({'; '.join(words)})."
        )
    return " ".join(sentences)


def _span_of(row: Mapping[str, Any]) -> str:
    """Return the span of a figure that quarantined rows leave open; none of a mean, and in a public edition."""
    if row.get("value_low") is None:
        return ""
    low, high = (display(row[name], row["unit"], row["decimals"]) for name in ("value_low", "value_high"))
    return f" With them, the figure could be from {low} to {high}."


def _halves(name: str) -> tuple[str, str]:
    source, _, column = name.partition(".")
    return source, column


def _accepted_day(row: Mapping[str, Any]) -> str:
    """Return the day, what failed and the reason, in words for a board."""
    failed = [
        f"{1 - row['rows_read'] / row['rows_expected']:.0%} below its usual volume"
        if name == _TOO_FEW_ROWS and row["rows_expected"]
        else f"it failed the check \u201c{name.replace('_', ' ')}\u201d"
        for name in row["expectations"]
    ]
    source = row["source"].replace("_", " ")
    return f"{row['day']:%-d %B %Y} ({source}) accepted although {listed(failed)}: {row['reason']}"


def quarantined(row: Mapping[str, Any] | None) -> list[str]:
    """Return the share of a figure's rows that were quarantined, in words, if it is marked for that."""
    if row is None or not row["is_affected_by_quarantine"]:
        return []
    return [f"{display(row['share_quarantined'], 'percent', 1)} of rows quarantined"]


def columns_of(months: Sequence[date], force: ForceRows) -> tuple[Column, ...]:
    """Return the months, then the comparison periods with a figure of any measure."""
    columns = [Column(f"{month:%Y-%m}", short_month(month), long_month(month)) for month in months]
    for period, title in PERIODS.items():
        found = (force.figures.get((item.code, months[-1], period)) for item in force.catalogue)
        rows = [row for row in found if row]
        if any(row["value"] is not None for row in rows):
            columns.append(Column(period, title, span(rows[0]["first_month"], rows[0]["last_month"])))
    return tuple(columns)


def row_of(measure: Measure, columns: Sequence[Column], figures: PaperFigures) -> Row:
    """Return the figures of a measure for the columns of a table."""
    shown = [
        figures.figure(measure.code, figures.month, column.code)
        if column.code in PERIODS
        else figures.figure(measure.code, date.fromisoformat(f"{column.code}-01"))
        for column in columns
    ]
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
