"""The tables of a board paper as CSV, one file to a section, one row to a figure: for whoever calculates on."""

from __future__ import annotations

import csv
import io

from dagster_project.publication.report.model import Report, Table

COLUMNS = ("force_code", "measure", "label", "column", "covers", "value", "text", "is_provisional", "note")


def render_csv(report: Report, table: Table) -> str:
    """A table as CSV with a header line: values in full (percentages 0 to 100, durations in seconds), texts as printed.

    Args:
        report: the paper, for its force and notes.
        table: one of its tables.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        for column, figure in zip(table.columns, row.figures, strict=True):
            writer.writerow(
                (
                    report.force_code,
                    row.measure,
                    row.label,
                    column.code,
                    column.meaning,
                    "" if figure.value is None else format(figure.value.normalize(), "f"),
                    figure.text,
                    str(figure.is_provisional).lower(),
                    report.notes[figure.note - 1] if figure.note else "",
                )
            )
    return file.getvalue()
