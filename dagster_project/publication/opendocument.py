"""The tables of the board paper as an OpenDocument spreadsheet (ODS). The report model holds all its texts.

A figure is a number or a duration with a format of its own, so that a cell shows the text that the paper prints.
"""

import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from odfdo import Cell, Document, Row, Table

from dagster_project.publication.archives import without_times
from dagster_project.publication.report.display import rounded
from dagster_project.publication.report.model import EXCEPTION_COLUMNS, REVISION_COLUMNS, Block, Figure, Report, Section

_BOLD, _WRAPPED = "bold", "wrapped"
# Widths of columns by the name of their style: the first, those of figures and of short texts, notes, and long texts.
_WIDTHS = {"first": "7cm", "figures": "3cm", "words": "4.5cm", "notes": "6cm", "text": "18cm"}
# A sheet is printed across the page, as wide as the page and as long as it is.
_PAGE = {
    "style:print-orientation": "landscape",
    "fo:page-width": "29.7cm",
    "fo:page-height": "21cm",
    "style:scale-to-X": "1",
    "style:scale-to-Y": "0",
}
# Characters that the name of a sheet must not have, and its greatest length.
_NOT_IN_A_NAME = re.compile(r"[\[\]*?:/\\']")
_LONGEST_NAME = 31

_Row = Sequence[Cell]


def render_opendocument(report: Report) -> bytes:
    """Return the tables of the paper as ODS, the same bytes for the same report.

    The first sheet says what the paper is, its main points and headline measures. Each section has a sheet, with the
    numbers of notes in a column of their own. Nothing is a formula: a label that begins with `=` remains text.
    """
    book = _Book(report)
    book.sheet("Summary", book.summary(), "words")
    for section in report.sections:
        book.sheet(section.title, book.section(section), "figures", "notes")
    exceptions = (
        (item.label, item.reason, _words(item.comment), item.action, item.owner, item.due) for item in report.exceptions
    )
    book.sheet(
        "Exceptions", [_titles(EXCEPTION_COLUMNS), *map(_texts, exceptions)] if report.exceptions else [], "words"
    )
    revisions = ((item.label, item.month, item.before, item.after, item.cause) for item in report.revisions)
    book.sheet("Revisions", [_titles(REVISION_COLUMNS), *map(_texts, revisions)] if report.revisions else [], "words")
    book.sheet("Notes", [_texts((f"{number}.", note)) for number, note in enumerate(report.notes, 1)], "text")
    book.sheet(
        "Definitions", [_texts((f"{item.name} ({item.section})", item.text)) for item in report.definitions], "text"
    )
    return book.saved()


class _Book:
    """Writes sheets into a document, with the styles that their cells need."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.document = Document("spreadsheet")
        self.document.body.clear()
        for page in self.document.styles.get_elements("//style:page-layout-properties"):
            for name, value in _PAGE.items():
                page.set_attribute(name, value)
        self.styles: set[str] = set()
        self.names: set[str] = set()
        self.add_style(_BOLD, '<style:text-properties fo:font-weight="bold"/>')
        self.add_style(_WRAPPED, '<style:table-cell-properties fo:wrap-option="wrap" style:vertical-align="top"/>')
        for name, width in _WIDTHS.items():
            self.add_style(name, f'<style:table-column-properties style:column-width="{width}"/>', "table-column")

    def summary(self) -> list[_Row]:
        """Return the rows of the first sheet."""
        report = self.report
        until = report.data_until
        lines = [
            report.title,
            *([report.marking] if report.marking else []),
            *([f"From deliveries up to {until.day} {until:%B %Y}."] if until else []),
            *(f"{title}: {value}" for title, value in report.front),
            *(f"{strong} {text}" for strong, text in report.notices),
            *(f"{number}. {point}" for number, point in enumerate(report.main_points, 1)),
        ]
        columns = {name: title for name, title in report.matrix.columns if name not in ("trend", "variation")}
        rows = [_titles(columns.values())] if report.matrix.headlines else []
        for item in report.matrix.headlines:
            cells = {
                "label": _text(item.label),
                "figure": self.figure(item.figure, item.unit, item.decimals),
                "month_change": _text(item.month_change.text),
                "year_change": _text(item.year_change.text),
                "target": _text(item.target),
            }
            rows.append([cells[name] for name in columns])
        return [*([_text(line)] for line in lines), [], *rows]

    def section(self, section: Section) -> list[_Row]:
        """Return the rows of the sheet of a section: its figures, and the notes on them in the last column."""
        titles = ["Measure", *(column.heading for column in section.table.columns)]
        rows = [
            [
                _text(row.label),
                *(self.figure(figure, row.unit, row.decimals) for figure in row.figures),
                _text(
                    ", ".join(
                        f"{column.title}: note {figure.note}"
                        for column, figure in zip(section.table.columns, row.figures, strict=True)
                        if figure.note
                    ),
                    _WRAPPED,
                ),
            ]
            for row in section.table.rows
        ]
        return [[_text(section.table.caption)], [], _titles([*titles, "Notes"]), *rows]

    def figure(self, figure: Figure, unit: str, decimals: int) -> Cell:
        """Return the cell of a figure; without a value, of its text."""
        if figure.value is None:
            return _text(figure.text)
        if unit == "duration":
            seconds = int(rounded(figure.value, 0))
            parts = [part for part in "hms" if part in figure.text]
            style = self.number_style(f"duration_{''.join(parts)}", _time_style(parts), figure)
            return Cell(timedelta(seconds=seconds), text=figure.text, style=style)
        suffix = "%" if unit == "percent" else ""
        places = decimals if unit != "count" else 0
        style = self.number_style(
            f"number_{places}{'_percent' if suffix else ''}", _number_style(places, suffix), figure
        )
        return Cell(rounded(figure.value, places), text=figure.text, style=style)

    def number_style(self, name: str, data_style: str, figure: Figure) -> str:
        """Add the style of a number if it is new; return its name. A provisional figure is in italics."""
        data = f"format_{name}"
        self._insert(data, data_style.format(name=data))
        style = f"{name}_provisional" if figure.is_provisional else name
        italic = '<style:text-properties fo:font-style="italic"/>' if figure.is_provisional else ""
        self.add_style(style, italic, data=data)
        return style

    def add_style(self, name: str, properties: str, family: str = "table-cell", *, data: str = "") -> None:
        """Add a style if it is new."""
        data_style = f' style:data-style-name="{data}"' if data else ""
        text = f'<style:style style:name="{name}" style:family="{family}"{data_style}>{properties}</style:style>'
        self._insert(name, text)

    def _insert(self, name: str, style: str) -> None:
        if name not in self.styles:
            self.styles.add(name)
            self.document.insert_style(style, automatic=True)

    def sheet(self, name: str, rows: Iterable[_Row], width: str, last: str | None = None) -> None:
        """Add a sheet, unless it has no rows.

        Args:
            name: its name.
            rows: its cells.
            width: style of its columns after the first, of `_WIDTHS`.
            last: style of its last column, if it is another one.
        """
        table = Table(self._name(name))
        for cells in rows:
            row = Row()
            for cell in cells:
                row.append_cell(cell)
            table.append_row(row)
        if not table.height:
            return
        for number, column in enumerate(table.columns):
            column.style = (last if last and number == table.width - 1 else width) if number else "first"
            table.set_column(number, column)
        self.document.body.append(table)

    def _name(self, title: str) -> str:
        name = _NOT_IN_A_NAME.sub("", title)[:_LONGEST_NAME].strip() or "Section"
        while name in self.names:
            name = f"{name[: _LONGEST_NAME - 2]} 2" if not name.endswith(" 2") else f"{name[:-2]} 3"
        self.names.add(name)
        return name

    def saved(self) -> bytes:
        """Return the document, with the date of its newest delivery instead of times of its own."""
        meta = self.document.meta
        meta.title = self.report.title
        meta.language = "en-GB"
        day = datetime.combine(self.report.day, time())
        meta.creation_date = meta.date = day
        file = io.BytesIO()
        self.document.save(file)
        return without_times(file.getvalue())


def _text(text: str, style: str | None = None) -> Cell:
    return Cell(text, cell_type="string", style=style)


def _texts(texts: Iterable[str]) -> _Row:
    return [_text(text, _WRAPPED) for text in texts]


def _words(blocks: Iterable[Block]) -> str:
    return " ".join("".join(run.text for run in block.runs) for block in blocks)


def _titles(titles: Iterable[str]) -> _Row:
    return [_text(title, _BOLD) for title in titles]


def _number_style(decimals: int, suffix: str) -> str:
    number = f'<number:number number:decimal-places="{decimals}" number:min-decimal-places="{decimals}" '
    number += 'number:min-integer-digits="1" number:grouping="true"/>'
    text = f"<number:text>{suffix}</number:text>" if suffix else ""
    return f'<number:number-style style:name="{{name}}">{number}{text}</number:number-style>'


def _time_style(parts: Sequence[str]) -> str:
    elements = {"h": "hours", "m": "minutes", "s": "seconds"}
    texts = (
        f"<number:{elements[part]}/><number:text>{part}{' ' if part != parts[-1] else ''}</number:text>"
        for part in parts
    )
    return (
        f'<number:time-style style:name="{{name}}" number:truncate-on-overflow="false">{"".join(texts)}'
        "</number:time-style>"
    )
