"""The board paper as a workbook to calculate with, laid out by the guidance on statistics in spreadsheets.

Guidance: Government Analysis Function, "Releasing statistics in spreadsheets": a cover, contents and notes; one table
per sheet, starting in column A; no merged or empty cells in it; notes named in words; charts with a description.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from dagster_project.publication.charts import BLUE, DARK_GREY, FONT, GREY, ORANGE
from dagster_project.publication.report.display import rounded
from dagster_project.publication.report.model import Chart, Point, Report, Row, Section, Table, long_month
from dagster_project.publication.spreadsheet import neutralised

_CHART_SHEET = "Chart data"
_CHART_COLUMNS = (
    "Section",
    "Measure",
    "Month",
    "Value",
    "Provisional value",
    "Mean",
    "Lower limit",
    "Upper limit",
    "Target or benchmark",
)

# `17s`, `4m 56s`, `1h 2m 3s`: Excel stores a time as a fraction of a day.
_DURATION = '[<0.000694]s"s";[<0.041666]m"m "s"s";[h]"h "m"m "s"s"'
_SECONDS_OF_A_DAY = 86_400

_FIRST_TABLE_ROW = 4

# Excel's limit for a cell; longer texts would be left out silently.
_LONGEST_TEXT = 32_767

# Maximum number of labels on the month axis.
_MOST_TICKS = 12


def render_workbook(report: Report) -> bytes:
    """Return the paper as XLSX, the same bytes for the same report.

    Figures are numbers, rounded as in the paper, so a cell shows the same text as the paper; the exact values are in
    the CSV files. Nothing is a formula: a label that begins with `=` remains text.
    """
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    until = report.data_until or report.months[-1]
    book.set_properties(
        {
            "title": _title(report),
            "author": report.force_name,
            "created": datetime(until.year, until.month, until.day, tzinfo=UTC),
        }
    )
    book.formats[0].set_font_name(FONT)
    writer = _Writer(book, report)
    writer.cover()
    writer.contents()
    writer.notes()
    for section in report.sections:
        writer.section(section)
    writer.chart_data()
    writer.definitions()
    book.close()
    return file.getvalue()


def _title(report: Report) -> str:
    return f"{report.force_name}: contact and crime performance, {report.period}"


class _Writer:
    """Writes the sheets of one report."""

    def __init__(self, book: xlsxwriter.Workbook, report: Report) -> None:
        self.book = book
        self.report = report
        self.heading = self._format(bold=True, font_size=16, font_color=BLUE)
        self.text = self._format(text_wrap=True, valign="top")
        self.head = self._format(bold=True, text_wrap=True, valign="bottom", bottom=2, bottom_color=BLUE)
        self.link = self._format(font_color=BLUE, underline=1)
        self.nothing = self._format(align="right")
        self.month = self._format(num_format="mmm yyyy", align="left")
        # Position of each chart's months on the sheet: first and last row, from 0.
        self.chart_rows = self._place_charts()

    def _format(self, **properties: Any) -> Format:
        return self.book.add_format({"font_name": FONT, **properties})

    def _place_charts(self) -> dict[str, tuple[int, int]]:
        rows, start = {}, _FIRST_TABLE_ROW + 1
        for _, chart in self._charts():
            length = len(_months_of(chart))
            rows[chart.measure] = (start, start + length - 1)
            start += length
        return rows

    def _charts(self) -> list[tuple[Section, Chart]]:
        return [(section, chart) for section in self.report.sections for chart in section.charts]

    def _sheet(self, name: str, title: str, *lines: str) -> Worksheet:
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        _write(sheet, 0, 0, title, self.heading)
        for row, line in enumerate(lines, start=1):
            _write(sheet, row, 0, line)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        return sheet

    def cover(self) -> None:
        report = self.report
        lines = ["Force Crime and Incident Response (FCIR)."]
        if report.is_synthetic:
            lines.append(
                "Synthetic sample: computed from made-up extracts. No call, contact or crime in it took place."
            )
        if report.data_until:
            lines.append(f"From deliveries up to {report.data_until.day} {long_month(report.data_until)}.")
        if report.unfinished:
            lines.append(report.unfinished)
        lines += [
            "Figures are rounded as the board paper prints them.",
            "A figure in italics is provisional; the column Notes says why. A dash means that there is no figure.",
            "Percentages are shares, durations are times: both can be calculated with.",
        ]
        self._sheet("Cover", _title(report), *lines).set_column(0, 0, 110)

    def contents(self) -> None:
        names = ["Notes", *(section.title for section in self.report.sections), _CHART_SHEET, "Definitions"]
        sheet = self._sheet("Contents", "Contents", "This sheet lists the sheets of the workbook.")
        sheet.set_column(0, 0, 60)
        for row, name in enumerate(names, start=3):
            sheet.write_url(row, 0, f"internal:'{_sheet_name(name)}'!A1", self.link, name)

    def notes(self) -> None:
        notes = [[f"Note {number}", text] for number, text in enumerate(self.report.notes, start=1)]
        sheet = self._sheet("Notes", "Notes", "This sheet contains one table: what the notes on figures say.")
        sheet.set_column(0, 0, 14)
        sheet.set_column(1, 1, 100)
        self._table(sheet, "notes", ("Note", "Text"), notes or [["None", "No figure of this paper has a note."]])

    def section(self, section: Section) -> None:
        table = section.table
        charts = f"one table and {len(section.charts)} chart{'' if len(section.charts) == 1 else 's'}"
        sheet = self._sheet(
            _sheet_name(section.title),
            table.caption,
            f"This sheet contains {charts}. The charts show the table's measures over all months with a figure.",
            " ".join(f"{column.title}: {column.meaning}." for column in table.columns if "-" not in column.code)
            or "The table shows months only.",
        )
        head = ("Measure", *(" ".join(filter(None, (column.title, column.since))) for column in table.columns), "Notes")
        rows = [
            [
                f"{row.label} ({row.remark})" if row.remark else row.label,
                *(None for _ in table.columns),
                _notes_of(row, table),
            ]
            for row in table.rows
        ]
        sheet.set_column(0, 0, 38)
        sheet.set_column(1, len(table.columns), 12)
        sheet.set_column(len(table.columns) + 1, len(table.columns) + 1, 40)
        self._table(sheet, section.code, head, rows)
        for place, row in enumerate(table.rows, start=_FIRST_TABLE_ROW + 1):
            for column, figure in enumerate(row.figures, start=1):
                if figure.value is None:
                    _write(sheet, place, column, figure.text, self.nothing)
                    continue
                sheet.write_number(
                    place,
                    column,
                    _number(figure.value, row.unit, row.decimals),
                    self._format(num_format=_number_format(row.unit, row.decimals), italic=figure.is_provisional),
                )
        top = _FIRST_TABLE_ROW + len(table.rows) + 3
        for place, chart in enumerate(section.charts):
            self._chart(sheet, chart, table.rows, row=top + (place // 2) * 15, column=0 if place % 2 == 0 else 4)

    def _chart(self, sheet: Worksheet, chart: Chart, rows: Sequence[Row], *, row: int, column: int) -> None:
        drawn: Any = self.book.add_chart({"type": "line"})
        first, last = self.chart_rows[chart.measure]
        # Limits from too few months are drawn faintly.
        limit = {"color": GREY, "width": 1, "dash_type": "dash", "transparency": 55 if chart.is_trial else 0}
        lines = [
            ("Value", 3, {"color": BLUE, "width": 2.25}, {"type": "circle", "size": 5, "fill": {"color": BLUE}}),
            # A series of its own: a line to a month with missing days would show a fall that did not happen.
            (
                "Provisional value",
                4,
                {"none": True},
                {"type": "circle", "size": 6, "fill": {"color": "white"}, "border": {"color": BLUE}},
            ),
            ("Mean", 5, {"color": DARK_GREY, "width": 1}, None),
            ("Lower limit", 6, limit, None),
            ("Upper limit", 7, limit, None),
            ("Target or benchmark", 8, {"color": ORANGE, "width": 1.25, "dash_type": "long_dash"}, None),
        ]
        shown = [
            any(not point.is_provisional for point in chart.points),
            any(point.is_provisional for point in chart.points),
            *(number is not None for number in (chart.mean, chart.lower_limit, chart.upper_limit, chart.target)),
        ]
        for (name, place, line, marker), is_shown in zip(lines, shown, strict=True):
            if is_shown:
                drawn.add_series(
                    {
                        "name": name,
                        "categories": [_CHART_SHEET, first, 2, last, 2],
                        "values": [_CHART_SHEET, first, place, last, place],
                        "line": line,
                        "marker": marker or {"type": "none"},
                    }
                )
        unit, decimals = next((item.unit, item.decimals) for item in rows if item.measure == chart.measure)
        # The library treats `TEXT!A1` in a title as a cell reference, regardless of the text before it.
        title = f"{chart.title}: {chart.finding.lower()}".replace("!", "\N{FULLWIDTH EXCLAMATION MARK}")
        drawn.set_title({"name": title, "name_font": {"size": 11}, "overlay": False})
        drawn.set_x_axis(
            {
                "num_format": "mmm yy",
                "date_axis": True,
                "major_unit_type": "months",
                "major_unit": _months_a_tick(chart),
            }
        )
        drawn.set_y_axis(
            {
                "num_format": _number_format(unit, 0 if unit == "percent" else decimals),
                "min": 0 if _is_positive(chart) else None,
            }
        )
        drawn.set_legend({"position": "bottom"})
        drawn.show_blanks_as("gap")
        drawn.set_size({"width": 520, "height": 290})
        sheet.insert_chart(row, column, drawn, {"description": chart.alternative})

    def chart_data(self) -> None:
        sheet = self._sheet(
            _CHART_SHEET,
            "Chart data",
            "This sheet contains one table: the numbers behind the charts, not rounded.",
            "Days are missing of a month with a provisional value. Nothing was delivered for one without any.",
            "Limits: mean plus and minus 2.66 times the mean moving range. Fewer than 12 months allow no verdict.",
        )
        sheet.set_column(0, 1, 38)
        sheet.set_column(2, len(_CHART_COLUMNS) - 1, 14)
        charts = self._charts()
        units = {row.measure: row for section in self.report.sections for row in section.table.rows}
        rows: list[list[Any]] = [
            [section.title, chart.title, *(None for _ in _CHART_COLUMNS[2:])]
            for section, chart in charts
            for _ in _months_of(chart)
        ]
        self._table(sheet, "chart_data", _CHART_COLUMNS, rows)
        for _, chart in charts:
            row = units[chart.measure]
            style = self._format(num_format=_number_format(row.unit, row.decimals))
            for place, (month, point) in enumerate(_months_of(chart), start=self.chart_rows[chart.measure][0]):
                sheet.write_datetime(place, 2, _moment(month), self.month)
                numbers = (
                    point.value if point and not point.is_provisional else None,
                    point.value if point and point.is_provisional else None,
                    chart.mean,
                    chart.lower_limit,
                    chart.upper_limit,
                    chart.target,
                )
                for column, number in enumerate(numbers, start=3):
                    if number is not None:
                        sheet.write_number(place, column, float(_scaled(number, row.unit)), style)

    def definitions(self) -> None:
        sheet = self._sheet("Definitions", "Definitions", "This sheet contains one table: what each measure means.")
        sheet.set_column(0, 1, 38)
        sheet.set_column(2, 2, 100)
        self._table(
            sheet,
            "definitions",
            ("Section", "Measure", "Definition"),
            [[item.section, item.label, item.text] for item in self.report.definitions],
        )

    def _table(self, sheet: Worksheet, name: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add a named table below the lines of its sheet; the caller writes the cells that are None."""
        last = _FIRST_TABLE_ROW + max(1, len(rows))
        area = f"A{_FIRST_TABLE_ROW + 1}:{xl_col_to_name(len(head) - 1)}{last + 1}"
        sheet.add_table(
            area,
            {
                "name": name,
                "style": None,
                "autofilter": False,
                "columns": [{"header": neutralised(title), "header_format": self.head} for title in head],
            },
        )
        for place, row in enumerate(rows, start=_FIRST_TABLE_ROW + 1):
            for column, text in enumerate(row):
                if text is not None:
                    _write(sheet, place, column, str(text), self.text)


def _write(sheet: Worksheet, row: int, column: int, text: str, style: Format | None = None) -> None:
    """Write text as text: no formula, no link, and cut at the length at which Excel would leave it out."""
    sheet.write_string(row, column, text[:_LONGEST_TEXT], style)


def _sheet_name(title: str) -> str:
    """Return a title as a sheet name: at most 31 characters, without those that Excel forbids."""
    return re.sub(r"[\[\]:*?/\\']", " ", title)[:31].strip() or "Sheet"


def _months_of(chart: Chart) -> list[tuple[date, Point | None]]:
    """Return the months of a chart; an empty one precedes each month after a gap, so that no line crosses it."""
    found: list[tuple[date, Point | None]] = []
    for point in chart.points:
        if point.is_after_gap and found:
            found.append(((point.month - timedelta(days=1)).replace(day=1), None))
        found.append((point.month, point))
    return found


def _months_a_tick(chart: Chart) -> int:
    """Return the months between two labels of the axis, so that there are at most a dozen."""
    first, last = chart.points[0].month, chart.points[-1].month
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    return ceil(months / _MOST_TICKS)


def _notes_of(row: Row, table: Table) -> str:
    said = [
        f"note {figure.note} on {column.title}"
        for figure, column in zip(row.figures, table.columns, strict=True)
        if figure.note is not None
    ]
    return ", ".join(said) or "none"


def _number(value: Decimal, unit: str, decimals: int) -> float:
    """Return a figure rounded as in the paper, in Excel's unit."""
    shown = 0 if unit == "duration" else decimals
    return float(_scaled(rounded(value, shown), unit))


def _scaled(value: Decimal, unit: str) -> Decimal:
    if unit == "percent":
        return value / 100
    return value / _SECONDS_OF_A_DAY if unit == "duration" else value


def _number_format(unit: str, decimals: int) -> str:
    if unit == "duration":
        return _DURATION
    whole = "#,##0" if unit != "percent" else "0"
    fraction = f".{'0' * decimals}" if decimals else ""
    return f"{whole}{fraction}{'%' if unit == 'percent' else ''}"


def _is_positive(chart: Chart) -> bool:
    return all(point.value >= 0 for point in chart.points)


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a date of Excel has no zone
