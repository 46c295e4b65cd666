"""Page, PDF, workbook and CSV show the same texts for the same figures, and nothing of them is read as markup."""

import csv
import io
import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from dagster_project.publication.charts import draw
from dagster_project.publication.html import render_html
from dagster_project.publication.pdf import render_pdf
from dagster_project.publication.report.model import Block, Run
from dagster_project.publication.tables import COLUMNS, render_csv
from dagster_project.publication.workbook import _value_axis, render_workbook
from tests.publication.reports import a_report, texts


@pytest.fixture(scope="module")
def report():
    return a_report()


@pytest.fixture(scope="module")
def page(report, drawings):
    return render_html(report, drawings)


@pytest.fixture(scope="module")
def drawings(report):
    return {chart.key: draw(chart) for section in report.sections for chart in section.all_charts}


class _Table(HTMLParser):
    """The cells of a page's table body, without the numbers of notes."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 - the name of the parent class
        if tag not in ("meta", "br", "link"):
            self.inside.append(tag)
        if tag == "tr" and "tbody" in self.inside:
            self.rows.append([])
        if tag in ("td", "th") and "tbody" in self.inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in self.inside:
            del self.inside[len(self.inside) - 1 - self.inside[::-1].index(tag) :]

    def handle_data(self, data):
        if "tbody" in self.inside and ("td" in self.inside or "th" in self.inside) and "sup" not in self.inside:
            self.rows[-1][-1] += data


def test_the_page_shows_every_text_and_escapes_markup(report, page):
    table = _Table()
    table.feed(page)
    headline, exception, *rows, revision = table.rows
    assert [row[1:] for row in rows] == texts(report)
    assert rows[0][0] == "=Received & <answered>"
    assert headline[0] == "=999 calls <received>"
    words = [text.strip() for text in exception]
    item = report.exceptions[0]
    assert words == [item.label, item.reason, "=Why & <how> #1", item.action, item.owner, item.due]
    assert revision == ["=Calls <x>", "Dec 2022", "100", "102", "New or corrected deliveries"]
    assert "<dt>Author</dt><dd>=A &amp; &lt;B&gt; #c *d*</dd>" in page
    assert "<busy>" not in page
    assert "&lt;busy&gt;" in page


def test_the_page_requests_nothing_from_any_server(page):
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert not re.search(r"@import|url\(", page)


def test_every_note_of_a_figure_is_on_the_page(page):
    named = set(re.findall(r'href="#(note-\d+)"', page))
    assert named == {"note-1", "note-2"}
    assert named <= set(re.findall(r'id="(note-\d+)"', page))


def test_lists_of_a_commentary_are_lists(page):
    assert "<ul><li>first</li><li>second</li></ul>" in page
    assert "<ol><li>One thing.</li></ol>" in page


def test_the_pdf_shows_every_text_and_is_the_same_each_time(report, drawings):
    pdf = render_pdf(report, drawings)
    assert pdf == render_pdf(report, drawings)
    content = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))
    (item,) = report.exceptions
    expected = [*(text for row in texts(report) for text in row), "<busy> #1 *", *report.notes, *report.main_points]
    expected += ["=Why & <how> #1", item.action, item.owner, item.due, "=A & <B> #c *d*", report.revisions_note]
    expected += [report.marking, "=Calls <x>", report.matrix.headlines[0].label]
    assert [text for text in expected if text not in content] == []


def test_the_pdf_is_tagged_and_says_that_it_follows_pdf_ua(report, drawings):
    reader = PdfReader(io.BytesIO(render_pdf(report, drawings)))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 - an object of pypdf
    assert root["/Lang"] == "en-GB"
    assert b"pdfuaid:part" in root["/Metadata"].get_data()
    alternatives = {found["/Alt"] for found in _elements(root["/StructTreeRoot"]) if "/Alt" in found}
    (headline,) = report.matrix.headlines
    of_headline = {headline.trend_words, headline.variation.meaning, headline.assurance.meaning}
    assert alternatives == {chart.alternative for chart in report.sections[0].charts} | of_headline


def _elements(node):
    children = node.get("/K", []) if hasattr(node, "get") else []
    for child in children if isinstance(children, list) else [children]:
        found = child.get_object() if hasattr(child, "get_object") else child
        if hasattr(found, "get"):
            yield found
            yield from _elements(found)


def test_the_workbook_has_numbers_in_the_formats_of_the_paper(report):
    workbook = render_workbook(report)
    assert workbook == render_workbook(report)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_name("999 calls").to_python()
    table = rows[4:9]
    assert table[0] == ["Measure", "Dec 2022", "Jan 2023", "Year to date", "Notes"]
    assert table[1][:4] == ["=Received & <answered>", 1234, 1235, "\N{EN DASH}"]
    assert table[1][4] == "note 1 on Jan 2023, note 2 on Year to date"
    assert [pytest.approx(cell) for cell in table[2][1:4]] == [0.0116, 0, 1]
    assert [_seconds(cell) for cell in table[3][1:4]] == [17, 60, 3723]
    assert table[4][1:4] == [1.5, 0.01, -2.25]


def _seconds(cell) -> float:
    """Calamine reads what a format calls a time as one."""
    if hasattr(cell, "total_seconds"):
        return round(cell.total_seconds())
    return cell.hour * 3600 + cell.minute * 60 + cell.second


def test_the_workbook_has_a_cover_contents_notes_and_no_formula(report):
    book = CalamineWorkbook.from_filelike(io.BytesIO(render_workbook(report)))
    assert book.sheet_names == [
        *("Cover", "Contents", "Summary", "Exceptions", "Revisions", "Notes", "999 calls", "Chart data", "Definitions")
    ]
    assert book.get_sheet_by_name("Notes").to_python()[4:] == [
        ["Note", "Text"],
        ["Note 1", report.notes[0]],
        ["Note 2", report.notes[1]],
    ]


def test_the_csv_has_every_figure_in_full_with_its_text_and_note(report):
    rows = list(csv.DictReader(io.StringIO(render_csv(report.force_code, report.sections[0].table, report.notes))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["text"] for row in rows] == [text for row in texts(report) for text in row]
    assert rows[1]["value"] == "1234.5"
    assert rows[1]["is_provisional"] == "true"
    assert rows[1]["note"] == report.notes[0]
    assert (rows[2]["value"], rows[2]["note"]) == ("", report.notes[1])
    assert rows[3]["value"] == "1.155"


def test_signals_are_squares_and_provisional_months_are_hollow(report):
    chart = report.sections[0].charts[0]
    shapes = {}
    for signal, provisional in ((None, False), ("shift", False), (None, True)):
        points = tuple(replace(point, signal=signal, is_provisional=provisional) for point in chart.points)
        drawn = draw(replace(chart, points=points))
        marks = drawn[drawn.index("mark-symbol") :]
        shapes[signal, provisional] = (set(re.findall("<(circle|rect)", marks)), 'fill="white"' in marks)
    assert shapes == {
        (None, False): ({"circle"}, False),
        ("shift", False): ({"rect"}, False),
        (None, True): ({"circle"}, True),
    }


def test_a_drawing_is_the_same_each_time_and_has_no_description(report):
    chart = report.sections[0].charts[0]
    assert draw(chart) == draw(chart)
    assert "aria-" not in draw(chart)


def test_the_workbook_has_the_first_page_as_text(report):
    book = CalamineWorkbook.from_filelike(io.BytesIO(render_workbook(report)))
    cover = [row[0] for row in book.get_sheet_by_name("Cover").to_python()]
    assert {"Author: =A & <B> #c *d*.", "Publication: 20230201T041500Z-0a1b2c3d."} <= set(cover)
    summary = book.get_sheet_by_name("Summary").to_python()
    assert [f"1. {report.main_points[0]}"] == [row[0] for row in summary if row[0].startswith("1. ")]
    assert summary[-2:] == [
        ["Measure", "Jan 2023", "Change on Dec 2022", "Change on Jan 2022", "Trend", "Variation", "Target", "Notes"],
        [
            *("=999 calls <received>", 1235, "\u25b2 up 1 (0.1%)", "not compared: different formula", ""),
            *("Worse than usual", "under 2%: missed. May be met or missed", "note 1"),
        ],
    ]
    (item,) = report.exceptions
    assert book.get_sheet_by_name("Exceptions").to_python()[-1] == [
        *(item.label, item.reason, "=Why & <how> #1", item.action, item.owner, item.due)
    ]
    assert book.get_sheet_by_name("Revisions").to_python()[-1][0] == "=Calls <x>"


def test_a_paper_without_exceptions_says_what_was_looked_for(report, drawings):
    bare = replace(report, exceptions=(), no_exceptions="No target is missed.", revisions=(), revisions_note="")
    page = render_html(bare, drawings)
    assert "<p>No target is missed.</p>" in page
    assert "Revisions" not in page
    book = CalamineWorkbook.from_filelike(io.BytesIO(render_workbook(bare)))
    assert book.get_sheet_by_name("Exceptions").to_python()[-1][:2] == ["None", "No target is missed."]
    assert "Revisions" not in book.sheet_names
    pdf = PdfReader(io.BytesIO(render_pdf(bare, drawings)))
    assert "No target is missed." in " ".join(page.extract_text() for page in pdf.pages)


def lines_of(report, drawings) -> list[list[str]]:
    """The lines of each page of the PDF, with what is beside each other in one line."""
    pdf = PdfReader(io.BytesIO(render_pdf(report, drawings)))
    return [page.extract_text(extraction_mode="layout").splitlines() for page in pdf.pages]


def test_a_chart_alone_is_beside_the_sentences_of_its_section(report, drawings):
    (section,) = report.sections
    alone = replace(section, charts=section.charts[:1], weekly_charts=(), commentary=())
    (first, *_) = lines_of(replace(report, sections=(alone,)), drawings)
    (line,) = [line for line in first if "A measure" in line]
    assert "No unusual change." in line


def test_the_reason_of_an_exception_has_room(report, drawings):
    reason = "Missed the target of over 90%"
    (item,) = report.exceptions
    (first, *_) = lines_of(replace(report, exceptions=(replace(item, reason=reason),)), drawings)
    assert [line for line in first if reason in line]


def test_charts_of_the_first_section_begin_on_page_one_if_a_row_fits(report, drawings):
    (section,) = report.sections
    section = replace(section, charts=section.charts[:1] * 8, weekly_charts=())
    on_page_one = set()
    for number in range(4, 16):
        matrix = replace(report.matrix, headlines=report.matrix.headlines * number)
        (first, *_) = lines_of(replace(report, sections=(section,), matrix=matrix), drawings)
        on_page_one.add(sum(line.count("A measure") for line in first))
    assert on_page_one == {0, 4, 8}


def test_no_section_of_the_pdf_is_divided_unless_its_commentary_is_long(report, drawings):
    (section,) = report.sections
    sections = [replace(section, title=f"Part {number}", code=f"part_{number}") for number in range(5)]
    long = Block("paragraph", (Run("A sentence of a commentary that does not end. " * 6),))
    sections.append(replace(section, title="Long part", code="long", commentary=(long,) * 40))
    pdf = PdfReader(io.BytesIO(render_pdf(replace(report, sections=tuple(sections)), drawings)))
    pages = [re.sub(r"\s+", " ", page.extract_text()) for page in pdf.pages]
    for number in range(5):
        (page,) = [text for text in pages if f"Part {number}" in text]
        # Each part ends with its table and then its charts.
        part = page[page.index(f"Part {number}") :].partition(f"Part {number + 1}")[0]
        assert "1h 2m 3s" in part
        assert part.count("A measure") == len(section.all_charts)
    text = " ".join(pages)
    assert text.count("that does not end.") == 40 * 6
    (page,) = [text for text in pages[-3:] if "A measure by week" in text and "1h 2m 3s" in text]


@pytest.mark.parametrize(
    ("unit", "values", "axis"),
    [
        ("count", ["35634", "28441"], (0, 40000, 10000, "#,##0")),
        ("count", ["0", "0"], (0, 1, 1, "#,##0")),
        ("count", ["-7", "3"], (-8, 4, 2, "#,##0")),
        ("percent", ["1.16", "0.82"], (0, 0.02, 0.005, "0.0%")),
        ("percent", ["53.27", "15.89"], (0, 0.6, 0.2, "0%")),
        ("duration", ["150", "40"], (0, 180 / 86400, 60 / 86400, '[<0.000694]s"s";[<0.041666]m"m "s"s"')),
    ],
)
def test_the_value_axis_of_the_workbook_has_round_steps(report, unit, values, axis):
    points = tuple(
        replace(point, value=Decimal(value))
        for point, value in zip(report.sections[0].charts[0].points, values, strict=True)
    )
    chart = replace(report.sections[0].charts[0], points=points, lower_limit=None, upper_limit=None, target=None)
    chart = replace(chart, target=Decimal(2) if values[0] == "1.16" else None)
    found = _value_axis(chart, unit)
    assert [found[name] for name in ("min", "max", "major_unit")] == pytest.approx(axis[:3])
    assert found["num_format"].startswith(axis[3])
