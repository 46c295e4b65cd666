"""The tables of a board paper as CSV, for further calculation: one file per section, one row per figure."""

import csv
import io
from collections.abc import Iterable, Sequence

from dagster_project.publication.report.display import in_full
from dagster_project.publication.report.model import Table, since
from dagster_project.publication.spreadsheet import neutralised

COLUMNS = ("force_code", "measure", "label", "column", "covers", "value", "text", "is_provisional", "note")
HISTORY_COLUMNS = ("force_code", "measure", "month", "figure", "value", "text", "is_provisional", "covered")
"""Columns of the CSV file of a measure."""


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows of texts as CSV with a header line; no cell can be evaluated as a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([neutralised(cell) for cell in row] for row in rows)
    return file.getvalue()


def render_csv(force_code: str, table: Table, notes: Sequence[str]) -> str:
    """Return a table of a paper as CSV with a header line: exact values and texts.

    Percentages are 0 to 100, durations are in seconds.

    Args:
        force_code: the force that the paper is of.
        table: the table.
        notes: the notes of the paper, in the order of their numbers.
    """
    return csv_of(
        COLUMNS,
        (
            (
                force_code,
                row.measure,
                row.label,
                column.code,
                f"{column.meaning}, {since(figure.since)}" if figure.since else column.meaning,
                in_full(figure.value),
                figure.text,
                str(figure.is_provisional).lower(),
                notes[figure.note - 1] if figure.note else "",
            )
            for row in table.rows
            for column, figure in zip(table.columns, row.figures, strict=True)
        ),
    )
