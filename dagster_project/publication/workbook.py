"""The board paper as a workbook to calculate with, laid out by the guidance on statistics in spreadsheets.

Guidance: Government Analysis Function, "Releasing statistics in spreadsheets": a cover, contents and notes; one table
per sheet, starting in column A; no merged cells; notes named in words; charts with a description. A cell with a figure
is a number with a format, rounded as in the paper; what is said of it stands in a column of its own.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from dagster_project.publication.charts import BLUE, DARK_GREY, FONT, GREY, ORANGE, duration_step
from dagster_project.publication.report.display import own_decimals, rounded
from dagster_project.publication.report.model import (
    COMPARED,
    EXCEPTION_COLUMNS,
    REVISION_COLUMNS,
    Block,
    Chart,
    Event,
    Figure,
    Headline,
    Report,
    Section,
    long_month,
    period_of,
)
from dagster_project.publication.spreadsheet import neutralised

# `17s`, `4m 56s`, `1h 2m 3s`: Excel stores a time as a fraction of a day.
_DURATION = '[<0.000694]s"s";[<0.041666]m"m "s"s";[h]"h "m"m "s"s"'
_PER_UNIT = {"percent": 100, "duration": 86_400}

# Excel's limit for a cell; longer texts would be left out silently.
_LONGEST_TEXT = 32_767

# Above this value, the axis of a chart has labels without decimals.
_WITH_DECIMALS = 5

# The first columns of two charts beside each other, and their rows.
_CHART_COLUMNS, _CHART_ROWS = (0, 4), 15
# The sheet with the numbers of the charts, and its first row of them, from 0; the widths of its first columns.
_CHART_SHEET, _FIRST_ROW = "Chart data", 5
_CHART_WIDTHS = {"Section": 38, "Measure": 38, "Month": 14}
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
    """What its format shows before it, `"under "`."""


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
    created = datetime(report.day.year, report.day.month, report.day.day, tzinfo=UTC)
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
        self.chart_cells: list[list[_Cell]] = []
        self.chart_rows: dict[str, tuple[int, int]] = {}
        """First and last row of each chart on the sheet of their numbers, from 0."""
        for section in report.sections:
            for chart in section.charts:
                cells = [[section.title, chart.title, *row] for row in _cells_of(chart)]
                first = _FIRST_ROW + len(self.chart_cells)
                self.chart_rows[chart.measure] = (first, first + len(cells) - 1)
                self.chart_cells += cells

    def write(self) -> None:
        """Write all sheets, in their order."""
        report = self.report
        self.sheet("Cover", report.title, [*_cover_lines(report)], (110,))
        contents = self.sheet("Contents", "Contents", ["This sheet lists the sheets of the workbook."], (60,))
        lines = ["This sheet contains one table: the main points.", *filter(None, [report.points_note])]
        points: list[list[_Cell]] = [
            [_Number(Decimal(number), "count", 0), point.text] for number, point in enumerate(report.main_points, 1)
        ]
        self.table("Main points", lines, {"Number": 10, "Point": 140}, points)
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
                    *(_figure(figure, item.unit, item.decimals) for figure in (item.before, item.after)),
                    item.cause,
                ]
                for item in report.revisions
            ]
            columns = dict(zip(REVISION_COLUMNS, (44, 14, 16, 16, 50), strict=True))
            lines = ["This sheet contains one table: figures that have changed since the previous paper."]
            self.table("Revisions", [*lines, report.revisions_note], columns, changes)
        notes = [[f"Note {number}", text] for number, text in enumerate(report.notes, 1)]
        lines = ["This sheet contains one table: what the notes on figures say."]
        none = ["None", "No figure of this paper has a note."]
        self.table("Notes", lines, {"Note": 14, "Text": 100}, notes or [none])
        for section in report.sections:
            self.section(section)
        lines = [
            "This sheet contains one table: the numbers behind the charts, not rounded.",
            "Days are missing of a month with a provisional value. Nothing was delivered for one without any. "
            "Values by another formula cannot be compared with the others.",
            "Usual: median of the twelve months before the newest; expected: what they would lead one to expect of it. "
            "Event: the upper end of the line that marks it.",
        ]
        columns = {**_CHART_WIDTHS, **dict.fromkeys(_SERIES, 14), "Events": 40}
        self.table(_CHART_SHEET, lines, columns, self.chart_cells)
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
        self.cell(sheet, 0, 0, title, bold=True, font_size=16, font_color=BLUE)
        for row, line in enumerate(lines, start=1):
            sheet.write_string(row, 0, line[:_LONGEST_TEXT])
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
        """Write a sheet with one table, whose header stays in view.

        Args:
            name: name of the sheet.
            lines: lines above the table.
            columns: headings and their widths.
            rows: cells; without any, the table says `None`.
            title: title of the sheet, if it is not its name.
            code: name of the table, if it is not that of the sheet.

        Returns:
            The sheet, and the first row below the header, from 0.
        """
        sheet = self.sheet(name, title or name, lines, tuple(columns.values()))
        self.names.append(_sheet_name(name))
        rows = rows or [["None"] * len(columns)]
        top = max(len(lines) + 1, 4)
        head = self.format(bold=True, text_wrap=True, valign="bottom", bottom=2, bottom_color=BLUE)
        titles = [{"header": neutralised(title), "header_format": head} for title in columns]
        options = {"name": code or name.lower().replace(" ", "_"), "style": None, "autofilter": False}
        sheet.add_table(top, 0, top + len(rows), len(columns) - 1, {**options, "columns": titles})
        sheet.freeze_panes(top + 1, 1)
        sheet.repeat_rows(top)
        for line, row in enumerate(rows, start=top + 1):
            for column, cell in enumerate(row):
                self.cell(sheet, line, column, cell, text_wrap=True, valign="top")
        return sheet, top + 1

    def cell(self, sheet: Worksheet, line: int, column: int, cell: _Cell, **look: Any) -> None:
        """Write a cell: a number or a month with its format, or a text with a look; nothing for None."""
        if isinstance(cell, _Number):
            look = {"valign": "top", "num_format": cell.words + _number_format(cell.unit, cell.decimals)}
            number = float(cell.value / _PER_UNIT.get(cell.unit, 1))
            sheet.write_number(line, column, number, self.format(**look, italic=cell.is_provisional))
        elif isinstance(cell, date):
            moment = datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - a date of Excel has no zone
            sheet.write_datetime(line, column, moment, self.format(num_format="mmm yyyy", align="left"))
        elif cell is not None:
            # Text as text: no formula, no link.
            sheet.write_string(line, column, cell[:_LONGEST_TEXT], self.format(**look))

    def summary(self) -> None:
        """Write the headline measures, with the course of each as a small line."""
        matrix = self.report.matrix
        columns: dict[str, str] = {}
        for name, title in matrix.columns:
            columns |= {"target": title, "target_state": "Target met"} if name == "target" else {name: title}
        columns |= {"verdict": "Stands out", "notes": "Notes"}
        rows = [[_headline_cell(item, name) for name in columns] for item in matrix.headlines]
        widths = {title: _SUMMARY_WIDTHS.get(name, 12) for name, title in columns.items()}
        lines = ["This sheet contains one table: the headline measures."]
        sheet, top = self.table("Summary", lines, widths, rows, code="headlines")
        for line, item in enumerate(matrix.headlines, start=top):
            sheet.set_row(line, 24)
            if item.measure in self.chart_rows:
                first, last = self.chart_rows[item.measure]
                cells = f"'{_CHART_SHEET}'!D{max(first, last - 11) + 1}:D{last + 1}"
                look = {"range": cells, "series_color": BLUE, "last_point": True}
                sheet.add_sparkline(line, [*columns].index("trend"), look)

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
                *(_figure(figure, row.unit, row.decimals) for figure in row.figures),
                *([row.remark or "none"] if has_remarks else []),
                _notes(zip(row.figures, (f" on {column.title}" for column in table.columns), strict=True)),
            ]
            for row in table.rows
        ]
        columns = {"Measure": 38, **{column.heading: 12 for column in table.columns}}
        columns |= {"Remarks": 34, "Notes": 40} if has_remarks else {"Notes": 40}
        sheet, top = self.table(section.title, lines, columns, rows, title=table.caption, code=section.code)
        # A chart that a page break divides cannot be read.
        sheet.fit_to_pages(1, 1)
        for place, chart in enumerate(section.charts):
            line = top + len(table.rows) + 2 + place // len(_CHART_COLUMNS) * _CHART_ROWS
            options = {"description": chart.alternative}
            sheet.insert_chart(line, _CHART_COLUMNS[place % len(_CHART_COLUMNS)], self.chart(chart), options)

    def chart(self, chart: Chart) -> Any:
        """Return a chart with the marks that it has on the page: squares, hollow points, a broken line and events."""
        drawn: Any = self.book.add_chart({"type": "line"})
        first, last = self.chart_rows[chart.measure]
        rows = self.chart_cells[first - _FIRST_ROW : last - _FIRST_ROW + 1]
        for column, (name, (line, marker)) in enumerate(_SERIES.items(), start=len(_CHART_WIDTHS)):
            if all(row[column] is None for row in rows):
                continue
            months, numbers = ([_CHART_SHEET, first, place, last, place] for place in (2, column))
            series: dict[str, Any] = {"name": name, "categories": months, "values": numbers}
            if name == "Event":
                labels = ["; ".join(event.label for event in _events(chart, row[2])) for row in rows]
                custom: list[dict[str, Any]] = [{"value": words} if words else {"delete": True} for words in labels]
                series |= {**_EVENT_LINE, "data_labels": {"value": True, "position": "right", "custom": custom}}
            drawn.add_series(series | {"line": line, "marker": marker})
        # The library treats `TEXT!A1` in a title as a cell reference, regardless of the text before it.
        words = "; ".join(filter(None, (chart.finding, chart.formula_note)))
        title = f"{chart.title} ({words})" if words else chart.title
        drawn.set_title(
            {"name": title.replace("!", "\N{FULLWIDTH EXCLAMATION MARK}"), "name_font": {"size": 11}, "overlay": False}
        )
        drawn.set_x_axis({"num_format": "mmm yy", "date_axis": True})
        least, greatest = _reach(chart)
        # Labels without decimals, unless all are small. By itself, an axis begins near the least value.
        decimals = chart.decimals if greatest <= _WITH_DECIMALS else 0
        axis: dict[str, Any] = {"num_format": _number_format(chart.unit, decimals)}
        if chart.unit == "duration":
            axis |= {"major_unit": duration_step(float(max(greatest, -least))) / _PER_UNIT["duration"]}
        drawn.set_y_axis(axis | ({} if least < 0 else {"min": 0}))
        drawn.set_legend({"position": "bottom"})
        drawn.show_blanks_as("gap")
        drawn.set_size({"width": 520, "height": 290})
        return drawn


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


def _sheet_name(title: str) -> str:
    """Return a title as a sheet name: at most 31 characters, without those that Excel forbids."""
    return re.sub(r"[\[\]:*?/\\']", " ", title)[:31].strip() or "Sheet"


def _number_format(unit: str, decimals: int) -> str:
    if unit == "duration":
        return _DURATION
    fraction = f".{'0' * decimals}" if decimals else ""
    return f"0{fraction}%" if unit == "percent" else f"#,##0{fraction}"


def _figure(figure: Figure, unit: str, decimals: int) -> _Cell:
    """Return a figure as the paper rounds it; its text if there is none."""
    if figure.value is None:
        return figure.text
    shown = rounded(figure.value, 0 if unit == "duration" else decimals)
    return _Number(shown, unit, decimals, figure.is_provisional)


def _headline_cell(item: Headline, column: str) -> _Cell:
    if column == "figure" or column in COMPARED:
        return _figure(item.figure if column == "figure" else item.beside[column], item.unit, item.decimals)
    if column == "target":
        target = item.target_value
        if target is None:
            return "none"
        return _Number(target, item.unit, own_decimals(target), words=f'"{item.target_side} "')
    if column == "notes":
        return _notes((figure, "") for figure in (item.figure, *item.beside.values()))
    if column == "trend":
        return ""
    return getattr(item, column) or ("none" if column == "target_state" else "")


def _plain(blocks: Sequence[Block]) -> str:
    return "\n".join("".join(run.text for run in block.runs) for block in blocks)


def _notes(figures: Iterable[tuple[Figure, str]]) -> str:
    """Return the notes on figures, each with words of its own after it."""
    return ", ".join(f"note {figure.note}{on}" for figure, on in figures if figure.note is not None) or "none"


def _cells_of(chart: Chart) -> Iterator[list[_Cell]]:
    """Yield a row of numbers for each month of a chart: the month, the series, its events.

    An empty month precedes each month after a gap, so that no line crosses it. The newest formula has the column of
    values; each change of formula before it swaps it with the other one.
    """
    greatest, swaps = _reach(chart)[1], sum(point.is_after_change for point in chart.points)
    for point in chart.points:
        if point.is_after_gap and point is not chart.points[0]:
            yield _row(chart, (point.month - timedelta(days=1)).replace(day=1), {}, greatest)
        swaps -= point.is_after_change
        series = "Value by another formula" if swaps % 2 else "Value"
        values = {"Provisional value" if point.is_provisional else series: point.value}
        yield _row(
            chart,
            point.month,
            values | ({"Worse or better than usual": point.value} if point.verdict else {}),
            greatest,
        )


def _row(chart: Chart, month: date, values: Mapping[str, Decimal], greatest: Decimal) -> list[_Cell]:
    events = _events(chart, month)
    cells: dict[str, Decimal | None] = {**values, "Target or benchmark": chart.target}
    if chart.usual_from is None or month >= chart.usual_from:
        cells |= {"Usual": chart.usual, "Expected from": chart.lower_limit, "Expected to": chart.upper_limit}
    cells |= {"Event": greatest} if events else {}
    numbers = (cells.get(name) for name in _SERIES)
    return [
        month,
        *(None if number is None else _Number(number, chart.unit, chart.decimals) for number in numbers),
        "; ".join(event.words for event in events) or None,
    ]


def _events(chart: Chart, month: object) -> list[Event]:
    return [event for event in chart.events if period_of(event.day, chart.by) == month]


def _reach(chart: Chart) -> tuple[Decimal, Decimal]:
    """Return the least and the greatest value that is drawn, or 0."""
    drawn = [*(point.value for point in chart.points), chart.lower_limit, chart.upper_limit, chart.target]
    values = [Decimal(0), *(value for value in drawn if value is not None)]
    return min(values), max(values)
