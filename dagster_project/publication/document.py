"""The board paper as a Word document (DOCX), to edit and to copy from: what its page says, in Word's own styles."""

import io
import re
import zipfile
from collections.abc import Mapping
from datetime import datetime, time
from itertools import chain
from typing import Any

from docx import Document
from docx.document import Document as DocumentObject
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph
from lxml.html import HtmlElement, fromstring

from dagster_project.publication.charts import BLUE
from dagster_project.publication.html import render_html
from dagster_project.publication.pdf import pngs_of
from dagster_project.publication.report.model import Report

_TABLE_STYLE = "Light List Accent 1"
# On every machine that has Word; the typeface of the PDF is not.
_FONT = "Arial"
_PAGE, _MARGIN = Mm(210), Mm(16)
# Relative widths of the columns of tables, by class or title; others have 1.
_WIDTHS = {"label": 1.6, "figure": 1.3, "trend": 1.5, "target": 1.4, "Measure": 2.3, "Cause": 2.0}
_WIDTHS |= {"Why": 2.1, "Comment": 3.5, "Action": 2.5, "Owner": 1.6, "Due": 1.6}
# With as many columns, 1,234,567 with the number of a note takes 13 to 15 mm of 16, by typeface.
_FIGURES_IN_ROW, _FIGURE_SIZE, _INTO_PADDING = 8, Pt(7.5), Mm(-1.1)
_CHARTS_IN_ROW, _CHART_WIDTH, _TREND_WIDTH = 3, Mm(55), Mm(18)
_LOOKS = {
    **{tag: {"bold": True} for tag in ("strong", "dt", "h3")},
    "em": {"italic": True},
    "sup": {"superscript": True},
}
# A duration is not broken over two lines.
_IN_DURATION = re.compile(r"(?<=\d[hm]) (?=\d+[ms])")


def render_document(report: Report, drawings: Mapping[str, str]) -> bytes:
    """Return the paper as DOCX, the same bytes for the same report.

    Headings, lists, captions and tables have Word's own styles; every picture has an alternative text.

    Args:
        report: content of the paper.
        drawings: key of a chart to its SVG.
    """
    # A document has no links from a main point to its section.
    page = re.sub(' <a href="#[^>]*>[^<]*</a>', "", render_html(report, drawings))
    document = Document()
    _set_up(document, report)
    # From the text, because a parser of HTML writes the names in a drawing in lower case.
    writer = _Writer(document, pngs_of(re.findall("<svg.*?</svg>", page, re.DOTALL)))
    writer.write(document, fromstring(page).find(".//main"))
    pictures = document.element.body.xpath(".//wp:docPr")
    for picture, alternative in zip(pictures, writer.alternatives, strict=True):
        picture.set("descr", alternative)
    file = io.BytesIO()
    document.save(file)
    return _without_times(file.getvalue())


class _Writer:
    """Writes the elements of a page into a document, from top to bottom."""

    def __init__(self, document: DocumentObject, pictures: list[bytes]) -> None:
        self.document = document
        self.pictures = iter(pictures)
        self.alternatives: list[str] = []
        """The alternative text of each picture, from top to bottom."""

    def write(self, container: Any, element: HtmlElement) -> None:
        """Write the children of an element into the document or a cell."""
        for child in element:
            name = child.get("class")
            # The header and footer of each page have them.
            if child.tag == "footer" or name == "marking":
                continue
            if child.tag in ("section", "figure", "figcaption") or name == "scroll":
                self.write(container, child)
            elif child.tag in ("h1", "h2"):
                self.document.add_heading(child.text_content(), int(child.tag == "h2"))
            elif child.tag == "table":
                self.table(child)
            elif name == "charts":
                self.charts(list(child))
            elif child.tag == "dl":
                for title in child.iter("dt"):
                    self.paragraph(container, title, ": ", title.getnext())
            elif child.tag in ("ul", "ol"):
                for number, item in enumerate(child, 1):
                    # Numbered by hand: Word would continue the numbers of the previous list.
                    style, label = ("", f"{number}. ") if child.tag == "ol" else ("List Bullet", "")
                    self.paragraph(container, label, item, style=style)
            else:
                paragraph = self.paragraph(container, child, style="Intense Quote" if name == "notice" else "")
                paragraph.paragraph_format.keep_with_next = element.tag == "figcaption" or None

    def paragraph(self, container: Any, *parts: HtmlElement | str, style: str = "") -> Paragraph:
        """Write a paragraph of texts and elements into the document or a cell."""
        # Every cell begins with an empty paragraph.
        is_begun = container is self.document or container.paragraphs[-1].runs
        paragraph: Paragraph = container.add_paragraph() if is_begun else container.paragraphs[-1]
        if style:
            paragraph.style = style
        for part in parts:
            if isinstance(part, str):
                paragraph.add_run(part)
            else:
                self.runs(paragraph, part, {})
        return paragraph

    def runs(self, paragraph: Paragraph, element: HtmlElement, look: Mapping[str, Any]) -> None:
        """Write the words and pictures of an element to the end of a paragraph, in a look of its font."""
        if element.get("role") == "img":
            width = _TREND_WIDTH if element.getparent().tag == "td" else _CHART_WIDTH
            paragraph.add_run().add_picture(io.BytesIO(next(self.pictures)), width=width)
            self.alternatives.append(element.get("aria-label"))
            return
        if element.tag == "br":
            paragraph.add_run().add_break()
        look = {**look, **_LOOKS.get(element.tag, {})}
        _add_run(paragraph, element.text, look)
        for child in element:
            self.runs(paragraph, child, look)
            _add_run(paragraph, child.tail, look)

    def table(self, element: HtmlElement) -> None:
        """Write a table below its caption: with more figures than fit, as tables of as many columns each."""
        caption, lines = element.find("caption"), list(element.iter("tr"))
        columns = len(lines[0]) - 1
        size = columns if caption is None else -(-columns // -(-columns // _FIGURES_IN_ROW))
        for first in range(1, columns + 1, size):
            if caption is not None:
                continued = ", continued" if first > 1 else ""
                self.paragraph(self.document, caption, continued, style="Caption")
            rows = [[line[0], *line[first : first + size]] for line in lines]
            widths = [_WIDTHS.get(cell.get("class") or cell.text_content(), 1.0) for cell in rows[0]]
            table = self.document.add_table(len(rows), len(widths), _TABLE_STYLE)
            table.autofit = False
            for column, width in zip(table.columns, widths, strict=True):
                column.width = Length(int((_PAGE - 2 * _MARGIN) * width / sum(widths)))
            # So that it is repeated on each page.
            [header] = self.document.element.body.xpath("(./w:tbl)[last()]/w:tr[1]")
            header.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
            for line, row in zip(table.rows, rows, strict=True):
                for cell, content in zip(line.cells, row, strict=True):
                    self.cell(cell, content, has_words=element.get("class") == "words")
            self.document.add_paragraph()

    def cell(self, cell: Any, content: HtmlElement, *, has_words: bool) -> None:
        """Write a cell of a table: words, or a figure, its course and its target."""
        if any(child.tag in ("p", "ul", "ol") for child in content):
            self.write(cell, content)
            return
        paragraph = cell.paragraphs[0]
        self.runs(paragraph, content, {} if has_words or content.tag == "th" else {"size": _FIGURE_SIZE})
        if not has_words and content.get("class") in (None, "compared") and content.tag == "td":
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = _INTO_PADDING

    def charts(self, charts: list[HtmlElement]) -> None:
        """Write charts side by side, each below its title and finding."""
        grid = self.document.add_table(-(-len(charts) // _CHARTS_IN_ROW), _CHARTS_IN_ROW)
        for cell, chart in zip(chain.from_iterable(row.cells for row in grid.rows), charts, strict=False):
            self.write(cell, chart)


def _add_run(paragraph: Paragraph, text: str | None, look: Mapping[str, Any]) -> None:
    """Add a text to a paragraph, with white space as a page shows it."""
    if text:
        run = paragraph.add_run(_IN_DURATION.sub("\N{NO-BREAK SPACE}", re.sub("[ \n]+", " ", text)))
        for name, value in look.items():
            setattr(run.font, name, value)


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
    """Set page, styles, language, properties and footer."""
    page = document.sections[0]
    page.page_width, page.page_height = _PAGE, Mm(297)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = _MARGIN
    styles = document.styles
    for name, size in (("Normal", 9), ("Title", 20), ("Heading 1", 13), ("Caption", 9)):
        font = styles[name].font
        font.name, font.size = _FONT, Pt(size)
        # Headings have a typeface of the theme, which a name alone does not replace.
        for theme in ("asciiTheme", "hAnsiTheme"):
            font.element.rPr.rFonts.attrib.pop(qn(f"w:{theme}"), None)
        if name != "Normal":
            font.color.rgb = RGBColor.from_string(BLUE.removeprefix("#"))
    styles["Normal"].paragraph_format.space_after = Pt(4)
    styles["Caption"].paragraph_format.keep_with_next = True
    properties = document.core_properties
    properties.title = report.title
    properties.author = report.force_name
    properties.language = "en-GB"
    properties.comments = ""
    properties.created = properties.modified = datetime.combine(report.day, time())
    words = f"{report.force_name}, {report.period}{' (synthetic sample)' if report.is_synthetic else ''}"
    footer = page.footer.paragraphs[0]
    footer.add_run("   ".join(filter(None, (words, report.marking, report.publication, "Page "))))
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    footer.part.element.xpath("./w:p")[0].append(field)
    if report.marking:
        header = page.header.paragraphs[0]
        header.alignment = WD_ALIGN_PARAGRAPH.CENTER
        header.add_run(report.marking).bold = True
