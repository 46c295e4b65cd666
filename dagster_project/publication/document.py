"""The board paper as a Word document (DOCX), to edit and to copy from. The report model holds all its texts."""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from itertools import chain, islice

from docx import Document
from docx.document import Document as DocumentObject
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt, RGBColor
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph

from dagster_project.publication.charts import BLUE, png_of, trend_line
from dagster_project.publication.report.model import (
    EXCEPTION_COLUMNS,
    REVISION_COLUMNS,
    Block,
    Chart,
    Figure,
    Headline,
    Report,
    Section,
    Table,
)

_TABLE_STYLE = "Light List Accent 1"
# On every machine that has Word; the typeface of the PDF is not.
_FONT = "Arial"
_PAGE, _MARGIN = Mm(210), Mm(16)
# Relative widths of the columns of tables.
_HEADLINE_WIDTHS = {"label": 1.6, "figure": 1.3, "trend": 1.5, "target": 1.4}
_EXCEPTION_WIDTHS = (1.3, 1.2, 2.0, 1.4, 0.9, 0.9)
_REVISION_WIDTHS = (2.4, 0.8, 0.8, 0.8, 2.0)
_MEASURE_WIDTH = 2.3
# With as many columns, 1,234,567 with the number of a note takes 13 to 15 mm of 16, by typeface.
_FIGURES_IN_ROW, _FIGURE_SIZE, _INTO_PADDING = 8, Pt(7.5), Mm(-1.1)
_CHARTS_IN_ROW = 3
# Of the charts; twice the 96 dots of an inch, so that they are sharp in print.
_SCALE = 2.0


def render_document(report: Report, drawings: Mapping[str, str]) -> bytes:
    """Return the paper as DOCX, the same bytes for the same report.

    Headings, lists, captions and tables have Word's own styles; every picture has an alternative text.

    Args:
        report: content of the paper.
        drawings: key of a chart to its SVG.
    """
    paper = _Paper(report)
    paper.front()
    paper.headlines()
    paper.exceptions()
    for section in report.sections:
        paper.section(section, drawings)
    paper.end()
    return paper.saved()


class _Paper:
    """Writes a report into a document, from top to bottom."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.document: DocumentObject = Document()
        self.alternatives: list[str] = []
        """The alternative text of each picture, from top to bottom."""
        _set_up(self.document, report)

    def front(self) -> None:
        """Write title, front matter, notices, main points, and what the analyst wrote."""
        report, document = self.report, self.document
        document.add_heading(f"{report.force_name}: contact and crime performance", 0)
        until = report.data_until
        line = f"Force Crime and Incident Response, {report.period}."
        document.add_paragraph(line + (f" From deliveries up to {until.day} {until:%B %Y}." if until else ""))
        for title, value in report.front:
            self.labelled(f"{title}:", value)
        for strong, text in report.notices:
            paragraph = document.add_paragraph(style="Intense Quote")
            paragraph.add_run(f"{strong} ").bold = True
            paragraph.add_run(text)
        if report.main_points or report.points_note:
            document.add_heading("Main points", 1)
        for number, point in enumerate(report.main_points, 1):
            self.labelled(f"{number}.", point.text)
        if report.points_note:
            document.add_paragraph(report.points_note)
        if report.commentary:
            document.add_heading(report.commentary_title, 1)
            self.blocks(report.commentary)

    def headlines(self) -> None:
        """Write the table of headline measures."""
        matrix = self.report.matrix
        if not matrix.headlines:
            return
        self.document.add_heading("Headline measures", 1)
        widths = [_HEADLINE_WIDTHS.get(name, 1.0) for name, _ in matrix.columns]
        table = self.table([title for _, title in matrix.columns], len(matrix.headlines), widths)
        for row, headline in zip(islice(table.rows, 1, None), matrix.headlines, strict=True):
            for cell, (name, _) in zip(row.cells, matrix.columns, strict=True):
                self.headline(cell.paragraphs[0], headline, name)
        if matrix.note:
            self.document.add_paragraph(matrix.note)

    def headline(self, paragraph: Paragraph, headline: Headline, column: str) -> None:
        """Write a cell of the table of headline measures."""
        if column == "label":
            paragraph.add_run(headline.label).bold = True
        elif column == "figure":
            _add_figure(paragraph, headline.figure)
            if headline.verdict:
                paragraph.add_run(f" {headline.verdict}").font.size = _FIGURE_SIZE
        elif column == "trend":
            if headline.trend_words:
                drawing = trend_line(headline.trend, headline.trend_scale)
                self.picture(paragraph, drawing, headline.trend_words, Mm(18))
                paragraph.add_run(headline.trend_words).font.size = _FIGURE_SIZE
        elif column in ("target", "rest"):
            paragraph.add_run(headline.target if column == "target" else headline.rest).font.size = _FIGURE_SIZE
        else:
            _add_figure(paragraph, headline.beside(column))

    def picture(self, paragraph: Paragraph, drawing: str, alternative: str, width: Length) -> None:
        """Add a picture to the end of a paragraph."""
        paragraph.add_run().add_picture(io.BytesIO(png_of(drawing, _SCALE)), width=width)
        self.alternatives.append(alternative)

    def exceptions(self) -> None:
        """Write the exceptions with what was written on them."""
        items = self.report.exceptions
        if not (items or self.report.no_exceptions):
            return
        self.document.add_heading("Exceptions", 1)
        if not items:
            self.document.add_paragraph(self.report.no_exceptions)
            return
        table = self.table(EXCEPTION_COLUMNS, len(items), _EXCEPTION_WIDTHS)
        for row, item in zip(islice(table.rows, 1, None), items, strict=True):
            cells = row.cells
            for cell, text in zip(cells, (item.label, item.reason, "", item.action, item.owner, item.due), strict=True):
                cell.paragraphs[0].add_run(text)
            comment = cells[EXCEPTION_COLUMNS.index("Comment")]
            for place, block in enumerate(item.comment):
                _add_runs(comment.add_paragraph() if place else comment.paragraphs[0], block)

    def section(self, section: Section, drawings: Mapping[str, str]) -> None:
        """Write the sentences, the table and the charts of a section."""
        self.document.add_heading(section.title, 1)
        for statement in section.statements:
            self.labelled(f"{statement.label}.", statement.text, style="List Bullet")
        self.blocks(section.commentary)
        self.figures(section.table)
        self.charts(section.all_charts, drawings)
        if section.events_note:
            self.document.add_paragraph(section.events_note)

    def figures(self, figures: Table) -> None:
        """Write a table of figures below its caption: with more columns than fit, as tables of as many columns each."""
        columns = len(figures.columns)
        size = -(-columns // -(-columns // _FIGURES_IN_ROW)) if columns else 1
        for first in range(0, columns, size):
            self.figures_of_columns(figures, slice(first, first + size))

    def figures_of_columns(self, figures: Table, shown: slice) -> None:
        """Write some columns of a table of figures."""
        caption = f"{figures.caption}{', continued' if shown.start else ''}"
        self.document.add_paragraph(caption, style="Caption").paragraph_format.keep_with_next = True
        titles = ["Measure", *(column.heading for column in figures.columns[shown])]
        table = self.table(titles, len(figures.rows), [_MEASURE_WIDTH, *(1.0 for _ in titles[1:])])
        for line, row in zip(islice(table.rows, 1, None), figures.rows, strict=True):
            # `table.cell` would list all cells of the table each time.
            first, *others = line.cells
            label = first.paragraphs[0]
            label.add_run(row.label)
            if row.remark:
                label.add_run(f" ({row.remark})").italic = True
            for cell, figure in zip(others, row.figures[shown], strict=True):
                _add_figure(cell.paragraphs[0], figure)

    def charts(self, charts: Sequence[Chart], drawings: Mapping[str, str]) -> None:
        """Write charts side by side, each below its title and finding."""
        if not charts:
            return
        grid = self.document.add_table(-(-len(charts) // _CHARTS_IN_ROW), _CHARTS_IN_ROW)
        for cell, chart in zip(chain.from_iterable(row.cells for row in grid.rows), charts, strict=False):
            title = cell.paragraphs[0]
            title.add_run(chart.title).bold = True
            finding, picture = cell.add_paragraph(chart.caption), cell.add_paragraph()
            title.paragraph_format.keep_with_next = finding.paragraph_format.keep_with_next = True
            self.picture(picture, drawings[chart.key], chart.alternative, Mm(55))

    def end(self) -> None:
        """Write how to read the paper, notes, revisions, columns and definitions."""
        report, document = self.report, self.document
        document.add_heading("How to read tables and charts", 1)
        for paragraph in report.how_to_read:
            document.add_paragraph(paragraph)
        if report.notes:
            document.add_heading("Notes", 1)
            for number, note in enumerate(report.notes, 1):
                self.labelled(f"{number}.", note)
        if report.revisions_note:
            document.add_heading("Revisions", 1)
            document.add_paragraph(report.revisions_note)
        if report.revisions:
            table = self.table(REVISION_COLUMNS, len(report.revisions), _REVISION_WIDTHS)
            for row, item in zip(islice(table.rows, 1, None), report.revisions, strict=True):
                for cell, text in zip(row.cells, item.texts, strict=True):
                    cell.paragraphs[0].add_run(text)
        document.add_heading("Definitions", 1)
        for definition in report.definitions:
            self.labelled(f"{definition.name} ({definition.section}, {definition.label}):", definition.text)

    def labelled(self, label: str, text: str, *, style: str = "Normal") -> None:
        """Write a paragraph that begins with strong words."""
        paragraph = self.document.add_paragraph(style=style)
        paragraph.add_run(f"{label} ").bold = True
        paragraph.add_run(text)

    def blocks(self, blocks: Iterable[Block]) -> None:
        """Write paragraphs and list items of a commentary."""
        number = 0
        for block in blocks:
            # Numbered by hand: Word would continue the numbers of the previous list.
            number = number + 1 if block.kind == "number" else 0
            paragraph = self.document.add_paragraph(style="List Bullet" if block.kind == "bullet" else "Normal")
            if number:
                paragraph.add_run(f"{number}. ")
            _add_runs(paragraph, block)

    def table(self, titles: Sequence[str], rows: int, widths: Sequence[float]) -> WordTable:
        """Write a table with columns of relative widths, and a header that is repeated on each page."""
        table = self.document.add_table(rows + 1, len(titles), _TABLE_STYLE)
        table.autofit = False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Length(int((_PAGE - 2 * _MARGIN) * width / sum(widths)))
        [header] = self.document.element.body.xpath("(./w:tbl)[last()]/w:tr[1]")
        header.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
        for cell, title in zip(table.rows[0].cells, titles, strict=True):
            cell.paragraphs[0].add_run(title)
        self.document.add_paragraph()
        return table

    def saved(self) -> bytes:
        """Return the document, with no time of its own."""
        pictures = self.document.element.body.xpath(".//wp:docPr")
        for picture, alternative in zip(pictures, self.alternatives, strict=True):
            picture.set("descr", alternative)
        file = io.BytesIO()
        self.document.save(file)
        return _without_times(file.getvalue())


def _without_times(archive: bytes) -> bytes:
    """Return a ZIP file without the time of saving, so that the same content has the same bytes."""
    fixed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as parts, zipfile.ZipFile(fixed, "w") as same:
        for part in parts.infolist():
            # The oldest time that a ZIP file can have.
            oldest = zipfile.ZipInfo(part.filename, (1980, 1, 1, 0, 0, 0))
            same.writestr(oldest, parts.read(part), part.compress_type)
    return fixed.getvalue()


def _set_up(document: DocumentObject, report: Report) -> None:
    """Set page, typeface, language, properties and footer."""
    page = document.sections[0]
    page.page_width, page.page_height = _PAGE, Mm(297)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = _MARGIN
    for name, size in (("Normal", 9), ("Title", 20), ("Heading 1", 13), ("Caption", 9)):
        font = document.styles[name].font
        font.name, font.size = _FONT, Pt(size)
        # Headings have a typeface of the theme, which a name alone does not replace.
        for theme in ("asciiTheme", "hAnsiTheme"):
            font.element.rPr.rFonts.attrib.pop(qn(f"w:{theme}"), None)
        if name != "Normal":
            font.color.rgb = RGBColor.from_string(BLUE.removeprefix("#"))
    document.styles["Normal"].paragraph_format.space_after = Pt(4)
    properties = document.core_properties
    properties.title = report.title
    properties.author = report.force_name
    properties.language = "en-GB"
    properties.comments = ""
    properties.created = properties.modified = datetime.combine(report.day, time())
    words = f"{report.force_name}, {report.period}{' (synthetic sample)' if report.is_synthetic else ''}"
    footer = page.footer.paragraphs[0]
    footer.add_run("   ".join(filter(None, (words, report.marking, report.publication, "Page "))))
    _add_page_number(footer)
    if report.marking:
        header = page.header.paragraphs[0]
        header.alignment = WD_ALIGN_PARAGRAPH.CENTER
        header.add_run(report.marking).bold = True


def _add_page_number(paragraph: Paragraph) -> None:
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph.part.element.xpath("./w:p")[0].append(field)


def _add_figure(paragraph: Paragraph, figure: Figure) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = _INTO_PADDING
    # A duration has blanks, and is not broken over two lines.
    run = paragraph.add_run(figure.text.replace(" ", "\N{NO-BREAK SPACE}"))
    run.italic, run.font.size = figure.is_provisional or None, _FIGURE_SIZE
    if figure.note:
        paragraph.add_run(str(figure.note)).font.superscript = True


def _add_runs(paragraph: Paragraph, block: Block) -> None:
    for run in block.runs:
        added = paragraph.add_run(run.text)
        added.bold, added.italic = run.is_strong or None, run.is_emphasised or None
