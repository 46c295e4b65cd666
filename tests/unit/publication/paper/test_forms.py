"""The forms of a paper show every text of the model; nothing in them is read as markup or formula, or requested."""

import io
import re
import zipfile
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from docx import Document
from lxml.html import fromstring
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from dagster_project.publication.document import render_document
from dagster_project.publication.forms import FORMS, page, tasks
from dagster_project.publication.html import render_html
from dagster_project.publication.pdf import render_pdf
from dagster_project.publication.report.model import Event, Report
from dagster_project.publication.workbook import render_workbook
from tests.unit.publication.reports import MONTHS, a_report, drawings, of_section, texts

REPORT = a_report()
(SECTION,) = REPORT.sections
(ITEM,), (REVISION,), (HEADLINE,) = REPORT.exceptions, REPORT.revisions, REPORT.matrix.headlines
CHART = SECTION.charts[0]
BESIDE = ["1,234", "1,233", "2,469"]
EXCEPTION = [ITEM.label, ITEM.reason, "=Why & <how> #1", ITEM.action, ITEM.owner, ITEM.due]
ALTERNATIVES = [HEADLINE.trend_words]
ALTERNATIVES += [chart.alternative for chart in SECTION.all_charts]
NOTE = "Marked in the charts: Strike & <b>flood</b> (1 December 2022)."
BARE = replace(
    of_section(REPORT, charts=(), weekly_charts=()),
    matrix=replace(REPORT.matrix, headlines=()),
    **dict.fromkeys(("main_points", "exceptions", "revisions", "notes"), ()),
    **dict.fromkeys(("revisions_note", "marking", "publication"), ""),
    no_exceptions="No target was missed.",
    is_synthetic=False,
    data_until=None,
)


@pytest.fixture(scope="module")
def whole() -> Report:
    """The report with events, an unfinished month and years to date that begin later."""
    columns = (*SECTION.table.columns[:2], replace(SECTION.table.columns[2], since="since 13 August 2022"))
    first, *others = SECTION.table.rows
    figures = (*first.figures[:2], replace(first.figures[2], since=date(2022, 8, 1)))
    rows = (replace(first, remark="year to date since August 2022", figures=figures), *others)
    strike = Event(MONTHS[0], "Strike & <b>flood</b>")
    return of_section(
        replace(REPORT, unfinished="January 2023 is not complete: 1 of 31 days is delivered."),
        charts=tuple(replace(chart, events=(strike,)) for chart in SECTION.charts),
        table=replace(SECTION.table, columns=columns, rows=rows),
    )


def expected(report: Report) -> list[str]:
    """The texts that every form to read has."""
    return [
        *(text for row in texts(report) for text in row),
        *(report.force_name, report.unfinished, report.main_points[0].text, HEADLINE.label, "0.1%", *EXCEPTION),
        *("=A & <B> #c *d*", " <busy> #1 *", report.revisions_note, REVISION.label, REVISION.cause, report.marking),
        *(*report.notes, NOTE, "under 2%: missed", "Worse than usual", "year to date since August 2022"),
        *("since 13 August 2022", "31 January 2023", "2% benchmark", "A measure by week", "Synthetic sample."),
        *(report.definitions[0].text, *report.how_to_read),
    ]


def test_the_page_shows_every_text_and_escapes_markup(whole):
    html = render_html(whole, drawings(whole))
    tree = fromstring(html)
    said = " ".join(tree.text_content().split())
    assert [text for text in expected(whole) if " ".join(text.split()) not in said] == []
    for number in tree.iter("sup"):
        number.drop_tree()
    headline, exception, *rows, revision = (
        [" ".join(cell.text_content().split()) for cell in row] for row in tree.xpath("//tbody/tr")
    )
    assert [row[1:] for row in rows] == texts(whole)
    shown = [HEADLINE.label, "1,235 Worse than usual", *BESIDE, HEADLINE.target, HEADLINE.rest, HEADLINE.trend_words]
    assert headline == shown
    assert (exception, revision[:4]) == (EXCEPTION, ["=Calls <x>", "Dec 2022", "100", "102"])
    assert "<p>Busy: <strong>very</strong><em> &lt;busy&gt; #1 *</em></p>" in html
    assert "<ul><li>first</li><li>second</li></ul>" in html
    assert "<ol><li>One thing.</li><li>Another.</li></ol>" in html
    assert "<em>1,235</em><sup>" in html
    assert html.count('role="img"') == html.count("<svg")
    assert [text for text in ALTERNATIVES if f'aria-label="{text}"' not in html] == []
    named = set(re.findall(r'href="#(note-\d+)"', html))
    assert named == set(re.findall(r'id="(note-\d+)"', html)) == {"note-1", "note-2"}
    # It requests nothing from any server.
    assert not re.search(r"(src|href)=\"(https?:)?//|@import|url\(|<script", html)
    assert "content=\"default-src 'none'; style-src 'sha256-" in html


def test_the_page_leaves_out_what_a_report_does_not_have():
    html = render_html(BARE, {})
    assert "<p>No target was missed.</p>" in html
    for words in ("Revisions", 'class="marking"', "Publication", "main-points", "headlines", "Synthetic", "Notes<"):
        assert words not in html
    assert not re.search("up to|<figure>", html)


def test_the_page_links_its_other_forms_the_site_and_the_pages_of_its_measures():
    address = "measures/kent/calls_999.received.html"
    html = page(REPORT, list(FORMS)[:3], {"calls_999.received": address})
    assert re.search(r'Also as <a href="board_paper.pdf">PDF</a>\s*and <a href="board_paper.xlsx">workbook</a>\.', html)
    assert '<a class="site" href="../../../trust.html">Trust</a>' in html
    assert "<nav" not in page(REPORT, [], {})
    assert re.findall(r'<a class="site" href="([^"]*calls[^"]*)">([^<]*)</a>', html) == [
        (f"../../../{address}", label) for label in ("=999 calls &lt;received&gt;", "=Received &amp; &lt;answered&gt;")
    ]
    assert set(tasks(REPORT)) == {*FORMS, "calls_999.csv"} - {"board_paper.html"}
    assert set(tasks(REPORT, ["board_paper.html"])) == {"calls_999.csv"}


def pdf_pages(report: Report) -> list[str]:
    reader = PdfReader(io.BytesIO(render_pdf(report, drawings(report))[0]))
    return [re.sub(r"\s+", " ", page.extract_text()) for page in reader.pages]


def test_the_pdf_shows_every_text_and_is_the_same_each_time(whole):
    content, _ = render_pdf(whole, drawings(whole))
    assert content == render_pdf(whole, drawings(whole))[0]
    assert [text for text in expected(whole) if text.strip() not in " ".join(pdf_pages(whole))] == []
    root = PdfReader(io.BytesIO(content)).trailer["/Root"]
    assert (root["/Lang"], b"pdfuaid:part" in root["/Metadata"].get_data()) == ("en-GB", True)
    assert "No target was missed." in pdf_pages(BARE)[0]


def test_characters_without_a_glyph_are_shown_as_question_marks_and_counted():
    report = replace(
        REPORT,
        marking="\u4e2d",
        main_points=(replace(REPORT.main_points[0], text="\u4e2d\u6587 \N{GRINNING FACE}\u200d \u00e9"),),
    )
    assert render_pdf(report, drawings(report))[1] == 4
    assert render_pdf(REPORT, drawings(REPORT))[1] == 0
    assert "?? ? \u00e9" in pdf_pages(report)[0]


def styled(word, style: str) -> list[str]:
    return [paragraph.text for paragraph in word.paragraphs if paragraph.style.name == style]


def test_word_shows_every_text_in_headings_lists_and_tables_with_repeated_headers(whole):
    word = Document(io.BytesIO(render_document(whole, drawings(whole))))
    rows = [[[re.sub(r"\s", " ", cell.text) for cell in row.cells] for row in table.rows] for table in word.tables]
    header, footer = (part.paragraphs[0].text for part in (word.sections[0].header, word.sections[0].footer))
    paragraphs = [paragraph.text for paragraph in word.paragraphs]
    said = "\n".join([*paragraphs, *(cell for table in rows for row in table for cell in row), header])
    assert [text for text in expected(whole) if text not in said] == []
    months = "December 2022 to January 2023 (synthetic sample)"
    assert footer == f"Kent Police & Co, {months}   {header}   {whole.publication}   Page "
    assert {"1. One thing.", "2. Another.", "Author: =A & <B> #c *d*", f"1. {whole.notes[0]}"} < set(paragraphs)
    assert styled(word, "List Bullet") == ["Received. Rose.", "first", "second"]
    assert styled(word, "Heading 1") == [
        *("Main points", REPORT.commentary_title, "Headline measures", "Exceptions", "999 calls"),
        *("How to read tables and charts", "Notes"),
        *("Revisions", "Columns", "Definitions"),
    ]
    matrix, exceptions, figures, charts, revisions = rows
    beside = ["1,234", "1,2332", "2,469"]
    words = [HEADLINE.target, HEADLINE.rest, HEADLINE.trend_words]
    assert matrix[1] == [HEADLINE.label, "1,2351 Worse than usual", *beside, *words]
    assert (exceptions[1], revisions[1][:4]) == (EXCEPTION, ["=Calls <x>", "Dec 2022", "100", "102"])
    assert [row[1:] for row in figures[1:]] == [["1,234", "1,2351", "\N{EN DASH}2"], *texts(whole)[1:]]
    cells = [word.tables[2].cell(1, column).paragraphs[0].runs for column in (1, 2)]
    assert [run.italic for runs in cells for run in runs] == [None, True, None]
    assert cells[1][1].font.superscript
    width = sum(column.width for column in word.tables[2].columns) / word.sections[0].page_width
    assert (len(charts), round(width, 2)) == (2, 0.85)
    assert len(word.element.body.xpath(".//w:tblHeader")) == 4
    assert [item.get("descr") for item in word.element.body.xpath(".//wp:docPr")] == ALTERNATIVES


def sheet(report: Report, name: str) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(render_workbook(report))).get_sheet_by_name(name).to_python()


def parts(report: Report) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(render_workbook(report))) as book:
        return {name: book.read(name).decode() for name in book.namelist() if name.endswith((".xml", ".rels"))}


def test_the_workbook_has_figures_as_numbers_that_the_paper_rounds():
    assert render_workbook(REPORT) == render_workbook(REPORT)
    head, received, lost, queue, ratio = sheet(REPORT, "999 calls")[4:9]
    assert head == ["Measure", "Dec 2022", "Jan 2023", "Year to date", "Notes"]
    assert received[1:] == [1234, 1235, "\N{EN DASH}", "note 1 on Jan 2023, note 2 on Year to date"]
    assert lost[1:] == [pytest.approx(0.0116), 0, 1, "none"]
    # Calamine reads what a format calls a time as one.
    assert [str(cell).rpartition(".")[0] or str(cell) for cell in queue[1:4]] == ["00:00:17", "00:01:00", "01:02:03"]
    assert ratio[1:4] == [1.5, 0.01, -2.25]
    styles = parts(REPORT)["xl/styles.xml"]
    assert '[&lt;0.000694]s"s";[&lt;0.041666]m"m "s"s";[h]"h "m"m "s"s"'.replace('"', "&quot;") in styles
    assert "<i/>" in styles


def test_the_headers_of_a_workbook_stay_in_view_and_its_notes_are_words(whole):
    sheets = [content for name, content in parts(whole).items() if name.startswith("xl/worksheets/sheet")]
    assert sum('state="frozen"' in content for content in sheets) == len(sheets) - 2
    head, *rows = sheet(whole, "Summary")[4:]
    assert dict(zip(head, rows[0], strict=True))["Target"] == 2
    assert sheet(whole, "999 calls")[5][4:] == [
        "year to date since August 2022",
        "note 1 on Jan 2023, note 2 on Year to date",
    ]


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "http://example.org/x" + "x" * 40_000])
def test_a_workbook_has_no_formula_and_no_link_but_its_own_contents(text):
    table = replace(
        SECTION.table,
        caption=text,
        rows=tuple(replace(row, label=text) for row in SECTION.table.rows),
        columns=tuple(replace(column, title=f"{text[:99]}{n}") for n, column in enumerate(SECTION.table.columns)),
    )
    report = of_section(replace(REPORT, notes=(text,)), table=table, title="a/b: '[a title]' of more")
    found = parts(report)
    sheets = "".join(content for name, content in found.items() if name.startswith("xl/worksheets/"))
    assert "<f>" not in sheets
    assert set(re.findall(r"<hyperlink [^>]*location=\"'?([^'!]+)", sheets)) >= {"Notes", "Definitions"}
    assert 'TargetMode="External"' not in "".join(found.values())
    assert 'name="a b    a title   of more"' in found["xl/workbook.xml"]
    longest = max(map(len, re.findall("<t[^>]*>([^<]*)</t>", found["xl/sharedStrings.xml"])))
    assert longest <= 32_767
