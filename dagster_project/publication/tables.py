"""The tables of a board paper as CSV, one file to a section, one row to a figure: for whoever calculates on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from dagster_project.publication.report.display import in_full
from dagster_project.publication.report.model import Report, Table, since
from dagster_project.publication.spreadsheet import neutralised

COLUMNS = ("force_code", "measure", "label", "column", "covers", "value", "text", "is_provisional", "note")


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of texts as a CSV file with a header line, in which no cell is a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([neutralised(cell) for cell in row] for row in rows)
    return file.getvalue()


def render_csv(report: Report, table: Table) -> str:
    """A table as CSV with a header line: values in full (percentages 0 to 100, durations in seconds), texts as printed.

    Args:
        report: the paper, for its force and notes.
        table: one of its tables.
    """
    return csv_of(
        COLUMNS,
        (
            (
                report.force_code,
                row.measure,
                row.label,
                column.code,
                f"{column.meaning}, {since(figure.since)}" if figure.since else column.meaning,
                in_full(figure.value),
                figure.text,
                str(figure.is_provisional).lower(),
                report.notes[figure.note - 1] if figure.note else "",
            )
            for row in table.rows
            for column, figure in zip(table.columns, row.figures, strict=True)
        ),
    )
