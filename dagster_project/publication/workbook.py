"""The board paper as a workbook to calculate with, laid out by the guidance on statistics in spreadsheets.

Guidance: Government Analysis Function, "Releasing statistics in spreadsheets": a cover, contents and notes; one table
per sheet, starting in column A; no merged or empty cells in it; notes named in words; charts with a description.
"""

import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from dagster_project.publication.charts import BLUE, DARK_GREY, FONT, GREY, ORANGE, duration_step
from dagster_project.publication.report.display import own_decimals, rounded
from dagster_project.publication.report.model import (
    COMPARED,
    EXCEPTION_COLUMNS,
    REVISION_COLUMNS,
    Block,
    Chart,
    Figure,
    Headline,
    Point,
    Report,
    Row,
    Section,
    Table,
    long_month,
    marked_words,
)
from dagster_project.publication.spreadsheet import neutralised

_CHART_SHEET = "Chart data"
_SUMMARY_SHEET = "Summary"
_CHART_COLUMNS = (
    "Section",
    "Measure",
    "Month",
    "Value",
    "Provisional value",
    "Value by another formula",
    "Usual",
    "Expected from",
    "Expected to",
    "Target or benchmark",
)

# Positions of its columns for values.
_VALUES = _VALUE, _PROVISIONAL, _OTHER_FORMULA = (3, 4, 5)

# `17s`, `4m 56s`, `1h 2m 3s`: Excel stores a time as a fraction of a day.
_DURATION = '[<0.000694]s"s";[<0.041666]m"m "s"s";[h]"h "m"m "s"s"'
_SECONDS_OF_A_DAY = 86_400

_FIRST_TABLE_ROW = 4

# First and last column of two charts beside each other, their rows, and the letters of a line below one.
_CHART_PLACES, _CHART_ROWS, _NOTE_LETTERS = ((0, 3), (4, 9)), 15, 65

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
    until = report.day
    book.set_properties(
        {
            "title": report.title,
            "author": report.force_name,
            "created": datetime(until.year, until.month, until.day, tzinfo=UTC),
        }
    )
    book.formats[0].set_font_name(FONT)
    writer = _Writer(book, report)
    writer.cover()
    writer.contents()
    writer.summary()
    writer.exceptions()
    writer.revisions()
    writer.notes()
    for section in report.sections:
        writer.section(section)
    writer.chart_data()
    writer.definitions()
    book.close()
    return file.getvalue()


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
        self.charts = [(section, chart) for section in report.sections for chart in section.charts]
        # First and last row of each chart's months on the sheet of their numbers, from 0.
        self.chart_rows: dict[str, tuple[int, int]] = {}
        start = _FIRST_TABLE_ROW + 1
        for _, chart in self.charts:
            self.chart_rows[chart.measure] = (start, start + len(_months_of(chart)) - 1)
            start += len(_months_of(chart))

    def _format(self, **properties: Any) -> Format:
        return self.book.add_format({"font_name": FONT, **properties})

    def _sheet(self, name: str, title: str, *lines: str, widths: Sequence[int]) -> Worksheet:
        sheet = self.book.add_worksheet(name)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.hide_gridlines(2)
        _write(sheet, 0, 0, title, self.heading)
        for row, line in enumerate(lines, start=1):
            _write(sheet, row, 0, line)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        if self.report.marking:
            # An ampersand begins a code in headers.
            marking = self.report.marking.replace("&", "&&")
            sheet.set_header(f"&C{marking}")
            sheet.set_footer(f"&C{marking}")
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
        lines += [f"{title}: {value}." for title, value in report.front]
        lines += [f"Publication: {report.publication}."] if report.publication else []
        lines += [
            "Figures are rounded as the board paper prints them.",
            "A figure in italics is provisional; the column Notes says why. A dash means that there is no figure.",
            "Percentages are shares, durations are times: both can be calculated with.",
        ]
        self._sheet("Cover", report.title, *lines, widths=(110,))

    def contents(self) -> None:
        report = self.report
        names = [_SUMMARY_SHEET]
        names += ["Exceptions"] if report.exceptions or report.no_exceptions else []
        names += ["Revisions"] if report.revisions_note else []
        names += ["Notes"]
        names += [*(section.title for section in report.sections), _CHART_SHEET, "Definitions"]
        sheet = self._sheet("Contents", "Contents", "This sheet lists the sheets of the workbook.", widths=(60,))
        for row, name in enumerate(names, start=3):
            sheet.write_url(row, 0, f"internal:'{_sheet_name(name)}'!A1", self.link, name)

    def summary(self) -> None:
        report = self.report
        columns = (*report.matrix.columns, ("verdict", "Stands out"), ("notes", "Notes"))
        points = [f"{number}. {point.text}" for number, point in enumerate(report.main_points, start=1)]
        points += filter(None, [report.points_note, report.matrix.note])
        about = "This sheet contains the main points and one table: the headline measures."
        widths = {"label": 40, "target": 44, "rest": 28, "trend": 34, "verdict": 40, "notes": 16}
        sheet = self._sheet(
            _SUMMARY_SHEET, "Summary", about, *points, widths=tuple(widths.get(name, 12) for name, _ in columns)
        )
        top = len(points) + 3
        headlines = report.matrix.headlines
        rows = [[_summary_text(item, name) for name, _ in columns] for item in headlines]
        if not rows:
            return
        self._table(sheet, "headlines", [title for _, title in columns], rows, first_row=top)
        for line, item in enumerate(headlines, start=top + 1):
            for place, (name, _) in enumerate(columns):
                if name == "figure" or name in COMPARED:
                    figure = item.figure if name == "figure" else item.beside(name)
                    self._figure(sheet, line, place, figure, item.unit, item.decimals)
            sheet.set_row(line, 24)
            if item.measure in self.chart_rows:
                first, last = self.chart_rows[item.measure]
                place = [name for name, _ in columns].index("trend")
                cells = f"'{_CHART_SHEET}'!D{max(first, last - 11) + 1}:D{last + 1}"
                sheet.add_sparkline(line, place, {"range": cells, "series_color": BLUE, "last_point": True})

    def exceptions(self) -> None:
        if not (self.report.exceptions or self.report.no_exceptions):
            return
        about = "This sheet contains one table: measures whose month needs an explanation."
        sheet = self._sheet("Exceptions", "Exceptions", about, widths=(40, 44, 60, 40, 24, 18))
        rows = [
            [item.label, item.reason, _plain(item.comment), item.action, item.owner, item.due]
            for item in self.report.exceptions
        ]
        none = ["None", self.report.no_exceptions, *["none"] * (len(EXCEPTION_COLUMNS) - 2)]
        self._table(sheet, "exceptions", EXCEPTION_COLUMNS, rows or [none])

    def revisions(self) -> None:
        report = self.report
        if not report.revisions_note:
            return
        about = "This sheet contains one table: figures that have changed since the previous paper."
        sheet = self._sheet("Revisions", "Revisions", about, report.revisions_note, widths=(44, 14, 16, 16, 50))
        rows = [[item.label, item.month, item.before, item.after, item.cause] for item in report.revisions]
        self._table(sheet, "revisions", REVISION_COLUMNS, rows or [["None"] * len(REVISION_COLUMNS)])

    def _figure(self, sheet: Worksheet, line: int, column: int, figure: Figure, unit: str, decimals: int) -> None:
        """Write a figure as a number as the paper rounds it; as its text if there is none."""
        if figure.value is None:
            _write(sheet, line, column, figure.text, self.nothing)
            return
        style = self._format(num_format=_number_format(unit, decimals), italic=figure.is_provisional, valign="top")
        sheet.write_number(line, column, _number(figure.value, unit, decimals), style)

    def notes(self) -> None:
        notes = [[f"Note {number}", text] for number, text in enumerate(self.report.notes, start=1)]
        about = "This sheet contains one table: what the notes on figures say."
        sheet = self._sheet("Notes", "Notes", about, widths=(14, 100))
        self._table(sheet, "notes", ("Note", "Text"), notes or [["None", "No figure of this paper has a note."]])

    def section(self, section: Section) -> None:
        table = section.table
        count = len(section.charts)
        charts = f"one table and {count} chart{'' if count == 1 else 's'}" if count else "one table"
        about = "The charts show the table's measures over all months with a figure." if count else ""
        sheet = self._sheet(
            _sheet_name(section.title),
            table.caption,
            f"This sheet contains {charts}. {about}".rstrip(),
            " ".join(f"{column.title}: {column.meaning}." for column in table.columns if "-" not in column.code)
            or "The table shows months only.",
            widths=(38, *(12 for _ in table.columns), 40),
        )
        head = ("Measure", *(column.heading for column in table.columns), "Notes")
        rows = [
            [
                f"{row.label} ({row.remark})" if row.remark else row.label,
                *(None for _ in table.columns),
                _notes_of(row, table),
            ]
            for row in table.rows
        ]
        self._table(sheet, section.code, head, rows)
        for line, row in enumerate(table.rows, start=_FIRST_TABLE_ROW + 1):
            for column, figure in enumerate(row.figures, start=1):
                self._figure(sheet, line, column, figure, row.unit, row.decimals)
        # A chart that a page break divides cannot be read.
        sheet.fit_to_pages(1, 1)
        top = _FIRST_TABLE_ROW + len(table.rows) + 3
        for start in range(0, len(section.charts), len(_CHART_PLACES)):
            beside = list(zip(section.charts[start:], _CHART_PLACES, strict=False))
            for chart, (first, _) in beside:
                self._chart(sheet, chart, table.rows, row=top, column=first)
            top += _CHART_ROWS
            if notes := [(marked_words(chart.events, " in the paper"), at) for chart, at in beside if chart.events]:
                self._events(sheet, top, notes)
                top += 1

    def _events(self, sheet: Worksheet, row: int, notes: Sequence[tuple[str, tuple[int, int]]]) -> None:
        """Name events below their charts, which have no lines for them."""
        for text, (first, last) in notes:
            sheet.merge_range(row, first, row, last, "", self.text)
            _write(sheet, row, first, text, self.text)
        # A row does not grow with the text of joined cells.
        sheet.set_row(row, 15 * max(ceil(len(text) / _NOTE_LETTERS) for text, _ in notes))

    def _chart(self, sheet: Worksheet, chart: Chart, rows: Sequence[Row], *, row: int, column: int) -> None:
        drawn: Any = self.book.add_chart({"type": "line"})
        first, last = self.chart_rows[chart.measure]
        edge = {"color": GREY, "width": 1, "dash_type": "dash"}
        circle = {"type": "circle", "size": 5, "fill": {"color": BLUE}}
        hollow = {"type": "circle", "size": 6, "fill": {"color": "white"}, "border": {"color": BLUE}}
        columns = {column for point, column in _columns_of(chart)}
        target = {"color": ORANGE, "width": 1.25, "dash_type": "long_dash"}
        other = {"color": BLUE, "width": 2.25, "dash_type": "round_dot"}
        # Provisional values and those of another formula are series of their own: a line to a month with missing days,
        # or across a change of formula, would show a fall or rise that did not happen.
        for name, values, line, marker, is_shown in (
            ("Value", _VALUE, {"color": BLUE, "width": 2.25}, circle, _VALUE in columns),
            ("Provisional value", _PROVISIONAL, {"none": True}, hollow, _PROVISIONAL in columns),
            ("Value by another formula", _OTHER_FORMULA, other, circle, _OTHER_FORMULA in columns),
            ("Usual", 6, {"color": DARK_GREY, "width": 1}, {"type": "none"}, chart.usual is not None),
            ("Expected from", 7, edge, {"type": "none"}, chart.lower_limit is not None),
            ("Expected to", 8, edge, {"type": "none"}, chart.upper_limit is not None),
            ("Target or benchmark", 9, target, {"type": "none"}, chart.target is not None),
        ):
            if is_shown:
                months, numbers = ([_CHART_SHEET, first, at, last, at] for at in (2, values))
                drawn.add_series(
                    {"name": name, "categories": months, "values": numbers, "line": line, "marker": marker}
                )
        unit = next(item.unit for item in rows if item.measure == chart.measure)
        # The library treats `TEXT!A1` in a title as a cell reference, regardless of the text before it.
        words = "; ".join(filter(None, (chart.finding, chart.formula_note)))
        title = f"{chart.title} ({words})" if words else chart.title
        drawn.set_title(
            {"name": title.replace("!", "\N{FULLWIDTH EXCLAMATION MARK}"), "name_font": {"size": 11}, "overlay": False}
        )
        ticks = {"major_unit_type": "months", "major_unit": _months_a_tick(chart)}
        drawn.set_x_axis({"num_format": "mmm yy", "date_axis": True, **ticks})
        drawn.set_y_axis(_value_axis(chart, unit))
        drawn.set_legend({"position": "bottom"})
        drawn.show_blanks_as("gap")
        drawn.set_size({"width": 520, "height": 290})
        sheet.insert_chart(row, column, drawn, {"description": chart.alternative})

    def chart_data(self) -> None:
        sheet = self._sheet(
            _CHART_SHEET,
            "Chart data",
            "This sheet contains one table: the numbers behind the charts, not rounded.",
            "Days are missing of a month with a provisional value. Nothing was delivered for one without any. "
            "Values by another formula cannot be compared with the others.",
            "Usual: median of the twelve months before the newest; expected: what they would lead one to expect of it.",
            widths=(38, 38, *(14 for _ in _CHART_COLUMNS[2:])),
        )
        units = {row.measure: row for section in self.report.sections for row in section.table.rows}
        rows: list[list[Any]] = [
            [section.title, chart.title, *(None for _ in _CHART_COLUMNS[2:])]
            for section, chart in self.charts
            for _ in _months_of(chart)
        ]
        self._table(sheet, "chart_data", _CHART_COLUMNS, rows)
        for _, chart in self.charts:
            row = units[chart.measure]
            style = self._format(num_format=_number_format(row.unit, row.decimals))
            columns = dict(_columns_of(chart))
            for line, (month, point) in enumerate(_months_of(chart), start=self.chart_rows[chart.measure][0]):
                sheet.write_datetime(line, 2, _moment(month), self.month)
                is_expected = chart.usual_from is None or month >= chart.usual_from
                numbers = (
                    *(point.value if point and columns[point] == column else None for column in _VALUES),
                    *((chart.usual, chart.lower_limit, chart.upper_limit) if is_expected else (None, None, None)),
                    chart.target,
                )
                for column, number in enumerate(numbers, start=3):
                    if number is not None:
                        sheet.write_number(line, column, float(_scaled(number, row.unit)), style)

    def definitions(self) -> None:
        about = "This sheet contains one table: what each measure means."
        sheet = self._sheet("Definitions", "Definitions", about, widths=(30, 38, 44, 100))
        self._table(
            sheet,
            "definitions",
            ("Section", "Measure", "Plain name", "Definition"),
            [[item.section, item.label, item.name, item.text] for item in self.report.definitions],
        )

    def _table(
        self,
        sheet: Worksheet,
        name: str,
        head: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        first_row: int = _FIRST_TABLE_ROW,
    ) -> None:
        """Add a named table below the lines of its sheet; the caller writes the cells that are None."""
        last = first_row + max(1, len(rows))
        area = f"A{first_row + 1}:{xl_col_to_name(len(head) - 1)}{last + 1}"
        sheet.add_table(
            area,
            {
                "name": name,
                "style": None,
                "autofilter": False,
                "columns": [{"header": neutralised(title), "header_format": self.head} for title in head],
            },
        )
        for line, row in enumerate(rows, start=first_row + 1):
            for column, text in enumerate(row):
                if text is not None:
                    _write(sheet, line, column, str(text), self.text)


def _write(sheet: Worksheet, row: int, column: int, text: str, style: Format | None = None) -> None:
    """Write text as text: no formula, no link, and cut at the length at which Excel would leave it out."""
    sheet.write_string(row, column, text[:_LONGEST_TEXT], style)


def _sheet_name(title: str) -> str:
    """Return a title as a sheet name: at most 31 characters, without those that Excel forbids."""
    return re.sub(r"[\[\]:*?/\\']", " ", title)[:31].strip() or "Sheet"


def _months_of(chart: Chart) -> list[tuple[date, Point | None]]:
    """Return the months of a chart; an empty one precedes each month after a gap, so that no line crosses it."""
    months: list[tuple[date, Point | None]] = []
    for point in chart.points:
        if point.is_after_gap and months:
            months.append(((point.month - timedelta(days=1)).replace(day=1), None))
        months.append((point.month, point))
    return months


def _columns_of(chart: Chart) -> Iterator[tuple[Point, int]]:
    """Yield the points of a chart with the columns of their values, which no line joins to each other.

    The newest formula has the column of values; each change of formula before it swaps it with the other one.
    """
    changes = sum(point.is_after_change for point in chart.points)
    for point in chart.points:
        changes -= point.is_after_change
        yield point, _PROVISIONAL if point.is_provisional else _OTHER_FORMULA if changes % 2 else _VALUE


def _months_a_tick(chart: Chart) -> int:
    """Return the months between two labels of the axis, so that there are at most a dozen."""
    first, last = chart.points[0].month, chart.points[-1].month
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    return ceil(months / _MOST_TICKS)


def _summary_text(item: Headline, column: str) -> str | None:
    """Return the text of a cell of the summary; None for a figure, which is a number."""
    if column == "figure" or column in COMPARED:
        return None
    if column == "notes":
        return ", ".join(filter(None, map(_note_name, (item.figure, *item.compared)))) or "none"
    return "" if column == "trend" else str(getattr(item, column))


def _plain(blocks: Sequence[Block]) -> str:
    return "\n".join("".join(run.text for run in block.runs) for block in blocks)


def _note_name(figure: Figure) -> str:
    return "" if figure.note is None else f"note {figure.note}"


def _value_axis(chart: Chart, unit: str) -> dict[str, Any]:
    """Return the value axis of a chart: from 0, or below the least value, in at most five round steps above 0."""
    drawn = [*(point.value for point in chart.points), chart.lower_limit, chart.upper_limit, chart.target]
    values = [Decimal(0), *(value for value in drawn if value is not None)]
    reach = max(max(values), -min(values))
    step = Decimal(duration_step(float(reach))) if unit == "duration" else _round_step(reach)
    least, most = (step * (value / step).to_integral_value(rounding) for value, rounding in _bounds(values))
    return {
        "min": float(_scaled(least, unit)),
        "max": float(_scaled(max(most, step), unit)),
        "major_unit": float(_scaled(step, unit)),
        "num_format": _number_format(unit, own_decimals(step)),
    }


def _bounds(values: Sequence[Decimal]) -> Iterator[tuple[Decimal, str]]:
    yield min(values), ROUND_FLOOR
    yield max(values), ROUND_CEILING


def _round_step(reach: Decimal) -> Decimal:
    """Return 1, 2 or 5 times a power of ten, of which at most five reach a value."""
    power = Decimal(1).scaleb((reach or Decimal(10)).adjusted() - 1)
    return next(power * factor for factor in (1, 2, 5, 10, 20, 50) if power * factor * 5 >= reach)


def _notes_of(row: Row, table: Table) -> str:
    notes = [
        f"{_note_name(figure)} on {column.title}"
        for figure, column in zip(row.figures, table.columns, strict=True)
        if figure.note is not None
    ]
    return ", ".join(notes) or "none"


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


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a date of Excel has no zone
