"""The board paper as a workbook to calculate with, laid out by the guidance on statistics in spreadsheets.

Guidance: Government Analysis Function, "Releasing statistics in spreadsheets": a cover, contents and notes; one table
per sheet, starting in column A; no merged cells; notes named in words; charts with a description. A cell with a figure
is a number with a format, rounded as in the paper; what is said of it stands in a column of its own.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    period_of,
)
from dagster_project.publication.spreadsheet import neutralised

# `17s`, `4m 56s`, `1h 2m 3s`: Excel stores a time as a fraction of a day.
_DURATION = '[<0.000694]s"s";[<0.041666]m"m "s"s";[h]"h "m"m "s"s"'
_SECONDS_OF_A_DAY = 86_400

# Excel's limit for a cell; longer texts would be left out silently.
_LONGEST_TEXT = 32_767

# The first columns of two charts beside each other, and their rows; the most labels on the axis of months.
_CHART_COLUMNS, _CHART_ROWS, _MOST_TICKS = (0, 4), 15, 12

_CHART_SHEET = "Chart data"
_SUMMARY_WIDTHS = {"label": 40, "target": 14, "target_state": 40, "rest": 28, "trend": 34, "verdict": 40, "notes": 16}

# Series of a chart, which are columns of the sheet with their numbers: line, marker. Provisional values and those of
# another formula are series of their own: a line to a month with missing days, or across a change of formula, would
# show a fall or rise that did not happen.
_CIRCLE = {"type": "circle", "size": 5, "fill": {"color": BLUE}}
_HOLLOW = {"type": "circle", "size": 6, "fill": {"color": "white"}, "border": {"color": BLUE}}
_SQUARE = {"type": "square", "size": 8, "fill": {"color": BLUE}, "border": {"color": BLUE}}
_NO_LINE, _NO_MARKER = {"none": True}, {"type": "none"}
_EDGE = {"color": GREY, "width": 1, "dash_type": "dash"}
_SERIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Value": ({"color": BLUE, "width": 2.25}, _CIRCLE),
    "Provisional value": (_NO_LINE, _HOLLOW),
    "Value by another formula": ({"color": BLUE, "width": 2.25, "dash_type": "round_dot"}, _CIRCLE),
    "Worse or better than usual": (_NO_LINE, _SQUARE),
    "Usual": ({"color": DARK_GREY, "width": 1}, _NO_MARKER),
    "Expected from": (_EDGE, _NO_MARKER),
    "Expected to": (_EDGE, _NO_MARKER),
    "Target or benchmark": ({"color": ORANGE, "width": 1.25, "dash_type": "long_dash"}, _NO_MARKER),
    "Event": (_NO_LINE, _NO_MARKER),
}
_EVENT_LINE: dict[str, Any] = {
    "y_error_bars": {
        **{"type": "percentage", "value": 100, "direction": "minus", "end_style": 0},
        "line": {"color": DARK_GREY, "width": 1, "dash_type": "round_dot"},
    }
}


@dataclass(frozen=True)
class _Number:
    """A number of a cell, as papers state it: percentages 0 to 100, durations in seconds."""

    value: Decimal
    unit: str
    decimals: int
    is_provisional: bool = False
    words: str = ""
    """What its format shows before it, `under `."""

    @property
    def format(self) -> dict[str, Any]:
        """The properties of its format."""
        words = f'"{self.words}"' if self.words else ""
        return {"num_format": words + _number_format(self.unit, self.decimals), "italic": self.is_provisional}


_Cell = str | _Number | date | None


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
    created = datetime(until.year, until.month, until.day, tzinfo=UTC)
    book.set_properties({"title": report.title, "author": report.force_name, "created": created})
    book.formats[0].set_font_name(FONT)
    _Writer(book, report).write()
    book.close()
    return file.getvalue()


class _Writer:
    """Writes the sheets of one report."""

    def __init__(self, book: xlsxwriter.Workbook, report: Report) -> None:
        self.book, self.report = book, report
        self.formats: dict[str, Format] = {}
        self.names: list[str] = []
        """The sheets that the contents list."""
        self.charts = [(section, chart) for section in report.sections for chart in section.charts]
        # First and last row of each chart on the sheet of their numbers, from 0.
        self.chart_rows: dict[str, tuple[int, int]] = {}
        start = 5
        for _, chart in self.charts:
            self.chart_rows[chart.measure] = (start, start + len(_months_of(chart)) - 1)
            start += len(_months_of(chart))

    def write(self) -> None:
        """Write all sheets, in their order."""
        report = self.report
        self.sheet("Cover", report.title, [*_cover_lines(report)], (110,))
        contents = self.sheet("Contents", "Contents", ["This sheet lists the sheets of the workbook."], (60,))
        points: list[list[_Cell]] = [
            [_Number(Decimal(number), "count", 0), point.text]
            for number, point in enumerate(report.main_points, start=1)
        ]
        lines = ["This sheet contains one table: the main points.", *filter(None, [report.points_note])]
        self.table("Main points", lines, {"Number": 10, "Point": 140}, points or [["None", "None"]])
        self.summary()
        if report.exceptions or report.no_exceptions:
            rows = [
                [item.label, item.reason, _plain(item.comment), item.action, item.owner, item.due]
                for item in report.exceptions
            ]
            none = ["None", report.no_exceptions, *["none"] * (len(EXCEPTION_COLUMNS) - 2)]
            columns = dict(zip(EXCEPTION_COLUMNS, (40, 44, 60, 40, 24, 18), strict=True))
            lines = ["This sheet contains one table: measures whose month needs an explanation."]
            self.table("Exceptions", lines, columns, rows or [none])
        if report.revisions_note:
            changes = [
                [
                    *(item.label, item.month),
                    *(_cell(figure, item.unit, item.decimals) for figure in (item.before, item.after)),
                    item.cause,
                ]
                for item in report.revisions
            ]
            columns = dict(zip(REVISION_COLUMNS, (44, 14, 16, 16, 50), strict=True))
            lines = ["This sheet contains one table: figures that have changed since the previous paper."]
            lines.append(report.revisions_note)
            self.table("Revisions", lines, columns, changes or [["None"] * len(columns)])
        notes = [[f"Note {number}", text] for number, text in enumerate(report.notes, start=1)]
        none = ["None", "No figure of this paper has a note."]
        lines = ["This sheet contains one table: what the notes on figures say."]
        self.table("Notes", lines, {"Note": 14, "Text": 100}, notes or [none])
        for section in report.sections:
            self.section(section)
        self.chart_data()
        meanings = [[item.section, item.label, item.name, item.text] for item in report.definitions]
        columns = {"Section": 30, "Measure": 38, "Plain name": 44, "Definition": 100}
        self.table("Definitions", ["This sheet contains one table: what each measure means."], columns, meanings)
        for row, name in enumerate(self.names, start=3):
            contents.write_url(row, 0, f"internal:'{name}'!A1", self.format(font_color=BLUE, underline=1), name)

    def format(self, **properties: Any) -> Format:
        """Return a format, the same for the same properties."""
        key = repr(sorted(properties.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format({"font_name": FONT, **properties})
        return self.formats[key]

    def sheet(self, name: str, title: str, lines: Sequence[str], widths: Sequence[int]) -> Worksheet:
        """Add a sheet with its title and lines below it."""
        sheet = self.book.add_worksheet(_sheet_name(name))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.hide_gridlines(2)
        _write(sheet, 0, 0, title, self.format(bold=True, font_size=16, font_color=BLUE))
        for row, line in enumerate(lines, start=1):
            _write(sheet, row, 0, line)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        if self.report.marking:
            # An ampersand begins a code in headers.
            marking = f"&C{self.report.marking.replace('&', '&&')}"
            sheet.set_header(marking)
            sheet.set_footer(marking)
        return sheet

    def table(
        self,
        name: str,
        lines: Sequence[str],
        columns: dict[str, int],
        rows: Sequence[Sequence[_Cell]],
        *,
        title: str = "",
        code: str = "",
    ) -> tuple[Worksheet, int]:
        """Write a sheet with one table, whose header stays in view; return the sheet and the row of the header, from 0.

        Args:
            name: name of the sheet.
            lines: lines above the table.
            columns: headings and their widths.
            rows: cells.
            title: title of the sheet, if it is not its name.
            code: name of the table, if it is not that of the sheet.
        """
        sheet = self.sheet(name, title or name, lines, tuple(columns.values()))
        self.names.append(_sheet_name(name))
        top = max(len(lines) + 1, 4)
        head = self.format(bold=True, text_wrap=True, valign="bottom", bottom=2, bottom_color=BLUE)
        area = f"A{top + 1}:{xl_col_to_name(len(columns) - 1)}{top + max(1, len(rows)) + 1}"
        titles = [{"header": neutralised(title), "header_format": head} for title in columns]
        options = {"name": code or name.lower().replace(" ", "_"), "style": None, "autofilter": False}
        sheet.add_table(area, {**options, "columns": titles})
        sheet.freeze_panes(top + 1, 1)
        sheet.repeat_rows(top)
        for line, row in enumerate(rows, start=top + 1):
            for column, cell in enumerate(row):
                self.cell(sheet, line, column, cell)
        return sheet, top

    def cell(self, sheet: Worksheet, line: int, column: int, cell: _Cell) -> None:
        """Write a cell: a number with its format, a month, or a text; nothing for None."""
        if isinstance(cell, _Number):
            number = float(_scaled(cell.value, cell.unit))
            sheet.write_number(line, column, number, self.format(valign="top", **cell.format))
        elif isinstance(cell, date):
            moment = datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - a date of Excel has no zone
            sheet.write_datetime(line, column, moment, self.format(num_format="mmm yyyy", align="left"))
        elif cell is not None:
            _write(sheet, line, column, cell, self.format(text_wrap=True, valign="top"))

    def summary(self) -> None:
        """Write the headline measures, with the course of each as a small line."""
        matrix = self.report.matrix
        names = [name for name, _ in matrix.columns]
        columns = dict(matrix.columns)
        if "target" in columns:
            place = names.index("target") + 1
            names.insert(place, "target_state")
        names += ["verdict", "notes"]
        columns |= {"target_state": "Target met", "verdict": "Stands out", "notes": "Notes"}
        rows = [[_headline_cell(item, name) for name in names] for item in matrix.headlines]
        widths = {columns[name]: _SUMMARY_WIDTHS.get(name, 12) for name in names}
        lines = ["This sheet contains one table: the headline measures.", *filter(None, [matrix.note])]
        sheet, top = self.table("Summary", lines, widths, rows, code="headlines")
        for line, item in enumerate(matrix.headlines, start=top + 1):
            sheet.set_row(line, 24)
            if item.measure in self.chart_rows:
                first, last = self.chart_rows[item.measure]
                cells = f"'{_CHART_SHEET}'!D{max(first, last - 11) + 1}:D{last + 1}"
                look = {"range": cells, "series_color": BLUE, "last_point": True}
                sheet.add_sparkline(line, names.index("trend"), look)

    def section(self, section: Section) -> None:
        """Write the table of a section, with its charts below it."""
        table, count = section.table, len(section.charts)
        periods = " ".join(f"{column.title}: {column.meaning}." for column in table.columns if "-" not in column.code)
        charts = f"one table and {count} chart{'' if count == 1 else 's'}" if count else "one table"
        about = " The charts show the table's measures over all months with a figure." if count else ""
        lines = [f"This sheet contains {charts}.{about}", periods or "The table shows months only."]
        lines += [section.events_note] if section.events_note else []
        has_remarks = any(row.remark for row in table.rows)
        rows = [
            [
                row.label,
                *(_cell(figure, row.unit, row.decimals) for figure in row.figures),
                *([row.remark or "none"] if has_remarks else []),
                _notes_of(row, table),
            ]
            for row in table.rows
        ]
        columns = {"Measure": 38, **{column.heading: 12 for column in table.columns}}
        columns |= {"Remarks": 34, "Notes": 40} if has_remarks else {"Notes": 40}
        sheet, top = self.table(section.title, lines, columns, rows, title=table.caption, code=section.code)
        # A chart that a page break divides cannot be read.
        sheet.fit_to_pages(1, 1)
        for place, chart in enumerate(section.charts):
            line = top + len(table.rows) + 3 + place // len(_CHART_COLUMNS) * _CHART_ROWS
            options = {"description": chart.alternative}
            sheet.insert_chart(line, _CHART_COLUMNS[place % len(_CHART_COLUMNS)], self.chart(chart), options)

    def chart(self, chart: Chart) -> Any:
        """Return a chart with the marks that it has on the page: squares, hollow points, a broken line and events."""
        drawn: Any = self.book.add_chart({"type": "line"})
        first, last = self.chart_rows[chart.measure]
        cells = [_chart_cells(chart, month, point) for month, point in _months_of(chart)]
        for place, (name, (line, marker)) in enumerate(_SERIES.items()):
            if all(row[place] is None for row in cells):
                continue
            months, numbers = ([_CHART_SHEET, first, column, last, column] for column in (2, place + 3))
            series: dict[str, Any] = {"name": name, "categories": months, "values": numbers}
            if name == "Event":
                labels = [_events_in(chart, month) for month, _ in _months_of(chart)]
                custom: list[dict[str, Any]] = [{"value": words} if words else {"delete": True} for words in labels]
                series |= {**_EVENT_LINE, "data_labels": {"value": True, "position": "right", "custom": custom}}
            drawn.add_series(series | {"line": line, "marker": marker})
        # The library treats `TEXT!A1` in a title as a cell reference, regardless of the text before it.
        words = "; ".join(filter(None, (chart.finding, chart.formula_note)))
        title = f"{chart.title} ({words})" if words else chart.title
        drawn.set_title(
            {"name": title.replace("!", "\N{FULLWIDTH EXCLAMATION MARK}"), "name_font": {"size": 11}, "overlay": False}
        )
        ticks = {"major_unit_type": "months", "major_unit": _months_a_tick(chart)}
        drawn.set_x_axis({"num_format": "mmm yy", "date_axis": True, **ticks})
        least, most, step = _axis(chart)
        drawn.set_y_axis(
            {
                **{name: float(_scaled(value, chart.unit)) for name, value in (("min", least), ("max", most))},
                "major_unit": float(_scaled(step, chart.unit)),
                "num_format": _number_format(chart.unit, own_decimals(step)),
            }
        )
        drawn.set_legend({"position": "bottom"})
        drawn.show_blanks_as("gap")
        drawn.set_size({"width": 520, "height": 290})
        return drawn

    def chart_data(self) -> None:
        """Write the numbers that the charts are drawn from."""
        lines = [
            "This sheet contains one table: the numbers behind the charts, not rounded.",
            "Days are missing of a month with a provisional value. Nothing was delivered for one without any. "
            "Values by another formula cannot be compared with the others.",
            "Usual: median of the twelve months before the newest; expected: what they would lead one to expect of it. "
            "Event: the upper end of the line that marks it.",
        ]
        rows = [
            [
                *(section.title, chart.title, month),
                *(
                    None if value is None else _Number(value, chart.unit, chart.decimals)
                    for value in _chart_cells(chart, month, point)
                ),
                _events_in(chart, month, in_full=True) or None,
            ]
            for section, chart in self.charts
            for month, point in _months_of(chart)
        ]
        columns = {"Section": 38, "Measure": 38, "Month": 14, **dict.fromkeys(_SERIES, 14), "Events": 40}
        self.table(_CHART_SHEET, lines, columns, rows)


def _cover_lines(report: Report) -> Iterator[str]:
    yield "Force Crime and Incident Response (FCIR)."
    if report.is_synthetic:
        yield "Synthetic sample: computed from made-up extracts. No call, contact or crime in it took place."
    if report.data_until:
        yield f"From deliveries up to {report.data_until.day} {long_month(report.data_until)}."
    if report.unfinished:
        yield report.unfinished
    for title, value in report.front:
        yield f"{title}: {value}."
    if report.publication:
        yield f"Publication: {report.publication}."
    yield "Figures are rounded as the board paper prints them."
    yield "A figure in italics is provisional; the column Notes says why. A dash means that there is no figure."
    yield "Percentages are shares, durations are times: both can be calculated with."


def _write(sheet: Worksheet, row: int, column: int, text: str, style: Format | None = None) -> None:
    """Write text as text: no formula, no link, and cut at the length at which Excel would leave it out."""
    sheet.write_string(row, column, text[:_LONGEST_TEXT], style)


def _sheet_name(title: str) -> str:
    """Return a title as a sheet name: at most 31 characters, without those that Excel forbids."""
    return re.sub(r"[\[\]:*?/\\']", " ", title)[:31].strip() or "Sheet"


def _cell(figure: Figure, unit: str, decimals: int) -> _Cell:
    """Return a figure as the paper rounds it; its text if there is none."""
    if figure.value is None:
        return figure.text
    shown = rounded(figure.value, 0 if unit == "duration" else decimals)
    return _Number(shown, unit, decimals, figure.is_provisional)


def _headline_cell(item: Headline, column: str) -> _Cell:
    if column == "figure" or column in COMPARED:
        return _cell(item.figure if column == "figure" else item.beside(column), item.unit, item.decimals)
    if column == "target":
        target = item.target_value
        if target is None:
            return "none"
        return _Number(target, item.unit, own_decimals(target), words=f"{item.target_side} ")
    if column == "notes":
        return ", ".join(filter(None, map(_note_name, (item.figure, *item.compared)))) or "none"
    if column == "trend":
        return ""
    return getattr(item, column) or ("none" if column == "target_state" else "")


def _plain(blocks: Sequence[Block]) -> str:
    return "\n".join("".join(run.text for run in block.runs) for block in blocks)


def _note_name(figure: Figure) -> str:
    return "" if figure.note is None else f"note {figure.note}"


def _notes_of(row: Row, table: Table) -> str:
    notes = [
        f"{_note_name(figure)} on {column.title}"
        for figure, column in zip(row.figures, table.columns, strict=True)
        if figure.note is not None
    ]
    return ", ".join(notes) or "none"


def _months_of(chart: Chart) -> list[tuple[date, Point | None]]:
    """Return the months of a chart; an empty one precedes each month after a gap, so that no line crosses it."""
    months: list[tuple[date, Point | None]] = []
    for point in chart.points:
        if point.is_after_gap and months:
            months.append(((point.month - timedelta(days=1)).replace(day=1), None))
        months.append((point.month, point))
    return months


def _chart_cells(chart: Chart, month: date, point: Point | None) -> list[Decimal | None]:
    """Return the numbers of a month, in the order of `_SERIES`.

    The newest formula has the column of values; each change of formula before it swaps it with the other one.
    """
    value = point.value if point else None
    changes = sum(other.is_after_change for other in chart.points if other.month > month)
    series = "Provisional value" if point and point.is_provisional else list(_SERIES)[2 * (changes % 2)]
    is_expected = chart.usual_from is None or month >= chart.usual_from
    cells = {
        series: value,
        "Worse or better than usual": value if point and point.verdict else None,
        "Usual": chart.usual if is_expected else None,
        "Expected from": chart.lower_limit if is_expected else None,
        "Expected to": chart.upper_limit if is_expected else None,
        "Target or benchmark": chart.target,
        "Event": _axis(chart)[1] if _events_in(chart, month) else None,
    }
    return [cells.get(name) for name in _SERIES]


def _events_in(chart: Chart, month: date, *, in_full: bool = False) -> str:
    events = [event for event in chart.events if period_of(event.day, chart.by) == month]
    return "; ".join(event.words if in_full else event.label for event in events)


def _months_a_tick(chart: Chart) -> int:
    """Return the months between two labels of the axis, so that there are at most a dozen."""
    first, last = chart.points[0].month, chart.points[-1].month
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    return ceil(months / _MOST_TICKS)


def _axis(chart: Chart) -> tuple[Decimal, Decimal, Decimal]:
    """Return both ends and the step of the value axis: from 0, or the least value, in at most five round steps."""
    drawn = [*(point.value for point in chart.points), chart.lower_limit, chart.upper_limit, chart.target]
    values = [Decimal(0), *(value for value in drawn if value is not None)]
    reach = max(max(values), -min(values))
    step = Decimal(duration_step(float(reach))) if chart.unit == "duration" else _round_step(reach)
    least, most = (
        step * (value / step).to_integral_value(rounding)
        for value, rounding in ((min(values), ROUND_FLOOR), (max(values), ROUND_CEILING))
    )
    return least, max(most, step), step


def _round_step(reach: Decimal) -> Decimal:
    """Return 1, 2 or 5 times a power of ten, of which at most five reach a value."""
    power = Decimal(1).scaleb((reach or Decimal(10)).adjusted() - 1)
    return next(power * factor for factor in (1, 2, 5, 10, 20, 50) if power * factor * 5 >= reach)


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
