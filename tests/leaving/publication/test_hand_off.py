"""The paper as Word document, OpenDocument spreadsheet and slides has the texts of the model, and no formula."""

import io
import zipfile
from dataclasses import replace

import pytest
from docx import Document
from odfdo import Document as OpenDocument
from pptx import Presentation

from dagster_project.publication.charts import draw
from dagster_project.publication.document import render_document
from dagster_project.publication.opendocument import render_opendocument
from dagster_project.publication.slides import render_slides
from tests.leaving.publication.reports import a_report, texts


@pytest.fixture(scope="module")
def report():
    return a_report()


@pytest.fixture(scope="module")
def drawings(report):
    return {chart.key: draw(chart) for section in report.sections for chart in section.all_charts}


@pytest.fixture(scope="module")
def word(report, drawings):
    return Document(io.BytesIO(render_document(report, drawings)))


@pytest.fixture(scope="module")
def slides(report, drawings):
    return Presentation(io.BytesIO(render_slides(report, drawings)))


def test_opendocument_cells_are_numbers_that_show_the_printed_text(report):
    book = OpenDocument(io.BytesIO(render_opendocument(report)))
    sheet = book.body.get_table(name="999 calls")
    rows = {row.get_cell(0).value: row.cells for row in sheet.rows if row.cells}
    for row, printed in zip(report.sections[0].table.rows, texts(report), strict=True):
        cells = rows[row.label][1 : 1 + len(printed)]
        assert [cell.text_recursive.strip() for cell in cells] == printed
        kinds = [cell.get_attribute("office:value-type") for cell in cells]
        kind = "time" if row.unit == "duration" else "float"
        assert kinds == [kind if figure.value is not None else "string" for figure in row.figures]
    assert rows["=Received & <answered>"][-1].value == "Jan 2023: note 1, Year to date: note 2"
    assert "of:=" not in book.body.serialize()


def test_slides_show_main_points_headlines_and_charts(report, slides):
    shown = [[shape.text_frame.text for shape in slide.shapes if shape.has_text_frame] for slide in slides.slides]
    assert shown[1] == ["Main points", "\n".join(report.main_points)]
    [table] = [shape.table for shape in slides.slides[2].shapes if shape.has_table]
    assert [table.cell(1, column).text for column in (0, 1)] == ["=999 calls <received>", "1,235"]
    described = [
        shape.element.xpath(".//p:cNvPr")[0].get("descr")
        for slide in slides.slides
        for shape in slide.shapes
        if shape.shape_type is not None and shape.shape_type.name == "PICTURE"
    ]
    assert described == [chart.alternative for section in report.sections for chart in section.all_charts]


def test_a_chart_alone_on_a_slide_is_larger_and_stays_on_it(report, drawings):
    [section, *_] = [section for section in report.sections if len(section.all_charts) > 0]
    [chart, *_] = section.all_charts

    def picture_and_slide(charts):
        alone = replace(section, charts=charts, weekly_charts=())
        deck = Presentation(io.BytesIO(render_slides(replace(report, sections=(alone,)), drawings)))
        [picture, *_] = [shape for shape in deck.slides[-1].shapes if shape.shape_type.name == "PICTURE"]
        return picture, deck

    small, _ = picture_and_slide((chart, chart))
    large, deck = picture_and_slide((chart,))
    assert large.height > 2 * small.height
    assert large.left + large.width <= deck.slide_width
    assert large.top + large.height <= deck.slide_height


def test_a_report_without_headlines_exceptions_and_charts_is_rendered(report):
    empty = replace(
        report,
        matrix=replace(report.matrix, headlines=()),
        main_points=(),
        exceptions=(),
        no_exceptions="No target was missed.",
        revisions=(),
        notes=(),
        data_until=None,
        sections=tuple(replace(section, charts=(), weekly_charts=()) for section in report.sections),
    )
    word = Document(io.BytesIO(render_document(empty, {})))
    assert "No target was missed." in [paragraph.text for paragraph in word.paragraphs]
    assert len(Presentation(io.BytesIO(render_slides(empty, {}))).slides) == 1
    assert "Notes" not in [table.name for table in OpenDocument(io.BytesIO(render_opendocument(empty))).body.tables]


def test_a_sheet_of_opendocument_is_printed_as_wide_as_a_page(report):
    styles = OpenDocument(io.BytesIO(render_opendocument(report))).styles
    pages = styles.get_elements("//style:page-layout-properties")
    assert pages
    for page in pages:
        assert page.get_attribute("style:print-orientation") == "landscape"
        # Of any length, but never wider than the page.
        assert (page.get_attribute("style:scale-to-X"), page.get_attribute("style:scale-to-Y")) == ("1", "0")


@pytest.mark.parametrize("form", ["document", "opendocument", "slides"])
def test_the_same_report_gives_the_same_bytes_without_times(report, drawings, form):
    def rendered() -> bytes:
        if form == "opendocument":
            return render_opendocument(report)
        return (render_document if form == "document" else render_slides)(report, drawings)

    first = rendered()
    assert first == rendered()
    with zipfile.ZipFile(io.BytesIO(first)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert parts.testzip() is None
