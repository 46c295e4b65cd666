"""Events that analysts list are read strictly, marked in the charts that they concern, and named below them."""

import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from docx import Document
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from dagster_project.publication import papers
from dagster_project.publication.charts import LARGE, SMALL, draw
from dagster_project.publication.forms import document, page, pdf
from dagster_project.publication.report.analyst_files import CommentaryError, day_of
from dagster_project.publication.report.events import events_file, marked, read_events
from dagster_project.publication.report.model import Event, Point
from dagster_project.publication.workbook import render_workbook
from tests.publication.payloads import FORMULAS
from tests.publication.reports import a_report, chart

SECTIONS = {"calls_999": "999 calls", "calls_101": "101 calls", "crime": "Recorded and cancelled crime"}
STRIKE = Event(date(2022, 12, 14), "Strike")
HOSTILE = "</text><script>x</script>&'\""


@pytest.fixture
def file(tmp_path):
    path = events_file(tmp_path, "kent")
    path.parent.mkdir()
    return path


def read(file, text: str):
    file.write_bytes(text.encode())
    return read_events(file, SECTIONS)


def test_events_are_read_by_date_from_any_spreadsheet(file):
    text = (
        "\ufeffLabel,DATE,Sections\r\nStrike,14/12/2022,\r\n"
        '"Storm, flood",2022-10-02,CRIME; 999 Calls\r\n,,\r\nNew telephones,1 Nov 2022,calls_101\r\n'
    )
    assert read(file, text) == (
        (
            Event(date(2022, 10, 2), "Storm, flood", ("crime", "calls_999")),
            Event(date(2022, 11, 1), "New telephones", ("calls_101",)),
            STRIKE,
        ),
        (),
    )


def test_without_a_file_or_rows_there_are_no_events(file):
    assert read_events(file, SECTIONS) == ((), ())
    assert read(file, "") == ((), ())
    assert read(file, "date,label\n") == ((), ())


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("2022-13-01,Strike,", "'2022-13-01' is not a date"),
        ("12/14/2022,Strike,", "'12/14/2022' is not a date"),
        (",Strike,", "'' is not a date"),
        ("2022-12-01,,", "the label is empty"),
        (f"2022-12-01,{'x' * 31},", "the label has 31 characters, and a chart has room for 30"),
        ("2022-12-01,a\x1b[31mb,", "control character"),
        ("2022-12-01,a\0b,", "control character"),
        ("2022-12-01,a\u202eb,", "control character"),
        ("2022-12-01,a\u200bb,", "control character"),
        ("2022-12-01,Strike,999 call", "'999 call' is not a section; a section is, for example, '999 calls'"),
        ("2022-12-01,Strike", "2 cells, expected 3"),
        ("2022-12-01,Storm, flood,", "4 cells, expected 3"),
    ],
)
def test_a_row_with_a_fault_is_left_out_and_named(file, row, fault):
    events, faults = read(file, f"date,label,sections\n{row}\n2022-12-14,Strike,\n")
    assert events == (STRIKE,)
    (message,) = faults
    assert message.startswith(f"{file}, line 2: ")
    assert fault in message
    assert message.endswith("then run: fcir publish")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"day,label\n2022-12-01,Strike\n", "line 1: the columns are 'day, label', expected date, label"),
        (b"date,label,label\n", "line 1: the columns are"),
        (b'date,label\n2022-12-01,"Strike\n', "not CSV"),
        (b"date,label\n2022-12-01,Gr\xe8ve\n", "byte 24 is not UTF-8"),
        (b"date,label\n" + b"2022-12-01,Strike\n" * 101, "line 102: more than 100 events"),
        (b"date,label\n" + b" " * 65_536, "larger than 65,536 bytes"),
    ],
)
def test_a_file_with_a_fault_is_refused_as_a_whole(file, content, fault):
    file.write_bytes(content)
    with pytest.raises(CommentaryError, match=re.escape(fault)):
        read_events(file, SECTIONS)


def test_a_link_is_not_followed(file):
    file.symlink_to("/etc/passwd")
    with pytest.raises(CommentaryError, match="is a link"):
        read_events(file, SECTIONS)


@pytest.mark.parametrize("text", ["", "2022", "1/2", "31/02/2022", "2022-02-30", "yesterday"])
def test_what_is_no_date_is_none(text):
    assert day_of(text) is None


def test_a_fault_of_one_force_is_warned_of_and_hides_nothing_else(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(papers, "paper_months", lambda _: dict.fromkeys(("kent", "surrey", "essex", "a/b")))
    monkeypatch.setattr(papers, "catalogue_sections", lambda _: SECTIONS)
    for force, text in (("kent", "date,label\nnever,A\n2022-12-14,Strike\n"), ("surrey", "a\n")):
        events_file(tmp_path, force).parent.mkdir()
        events_file(tmp_path, force).write_text(text, encoding="utf-8")
    assert papers.events_of_forces(None, tmp_path) == {"kent": (STRIKE,), "essex": ()}
    assert "line 2: 'never' is not a date" in caplog.text
    assert "then run: fcir publish. The event is left out." in caplog.text
    assert "then run: fcir publish. The charts of surrey mark no events." in caplog.text


def months(*days: date, by: str = "month"):
    plain = chart("calls_999.received", "count", ["1", "2"])
    return replace(plain, by=by, points=tuple(Point(day, Decimal(1), "1", False, None) for day in days))


@pytest.mark.parametrize(
    ("by", "first", "last", "inside", "outside"),
    [
        ("month", date(2022, 11, 1), date(2023, 1, 1), date(2023, 1, 31), date(2023, 2, 1)),
        ("month", date(2022, 11, 1), date(2023, 1, 1), date(2022, 11, 1), date(2022, 10, 31)),
        ("week", date(2022, 11, 7), date(2023, 1, 2), date(2023, 1, 8), date(2023, 1, 9)),
        ("week", date(2022, 11, 7), date(2023, 1, 2), date(2022, 11, 7), date(2022, 11, 6)),
    ],
)
def test_a_chart_marks_events_of_its_months_or_weeks(by, first, last, inside, outside):
    plain = months(first, last, by=by)
    found = marked(plain, "calls_999", [Event(outside, "Outside"), Event(inside, "Inside")])
    assert [event.label for event in found.events] == ["Inside"]
    assert found.alternative.startswith(plain.alternative)
    assert found.alternative.endswith(f" Marked: Inside ({inside.day} {inside:%B %Y}).")
    assert "Outside" not in found.alternative


def test_an_event_of_a_section_is_marked_there_only():
    plain = months(date(2022, 12, 1), date(2023, 1, 1))
    event = replace(STRIKE, sections=("crime",))
    assert marked(plain, "crime", [event]).events == (event,)
    assert marked(plain, "calls_999", [event]) is plain


def svg_texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]  # noqa: S314


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_label_is_text_whatever_it_is(size):
    plain = months(date(2022, 1, 1), date(2022, 12, 1), date(2023, 1, 1))
    printable = [text[:30] for text in FORMULAS if text.isprintable()]
    for label in (HOSTILE[:30], "datum.value", "\N{SNOWMAN} 7\N{PRIME}", *printable):
        drawn = draw(marked(plain, "calls_999", [Event(date(2022, 12, 1), label)]), size)
        assert "<script" not in drawn
        assert any(text.strip() for text in svg_texts(drawn))
    assert HOSTILE[:30] in svg_texts(draw(marked(plain, "calls_999", [Event(date(2022, 12, 1), HOSTILE[:30])]), size))


def test_labels_do_not_overlap_and_those_without_room_are_left_to_the_note():
    plain = months(*(date(2022, month, 1) for month in range(1, 13)))
    events = [Event(date(2022, 6, day), f"The event number {day} of many") for day in range(1, 8)]
    tree = ElementTree.fromstring(draw(marked(plain, "calls_999", events), SMALL))  # noqa: S314
    labels = [item for item in tree.iter() if item.tag.endswith("}text") and "number" in (item.text or "")]
    # Each is drawn twice: its ground, and itself.
    assert sorted(item.text for item in labels) == sorted(2 * [event.label for event in events[:3]])
    heights = {item.text: item.get("y") for item in labels}
    assert len(set(heights.values())) == 3
    far = [Event(date(2022, 1, 1), "First"), Event(date(2022, 12, 1), "Last")]
    assert draw(marked(plain, "calls_999", far)).count(">First<") == 2


def test_a_chart_without_events_is_drawn_as_before():
    plain = months(date(2022, 12, 1), date(2023, 1, 1))
    assert draw(replace(plain, events=())) == draw(plain)
    assert (
        re.findall(r'height="(\d+)"', draw(plain))[0]
        != re.findall(r'height="(\d+)"', draw(marked(plain, "calls_999", [STRIKE])))[0]
    )


def test_every_form_of_a_paper_names_its_events():
    plain = a_report()
    section = plain.sections[0]
    event = replace(STRIKE, label="Storm & <b>flood</b>")
    report = replace(
        plain,
        sections=(
            replace(section, charts=tuple(marked(item, section.code, [event]) for item in section.charts)),
            *plain.sections[1:],
        ),
    )
    note = "Marked in the charts: Storm & <b>flood</b> (14 December 2022)."
    assert report.sections[0].events_note == note
    html = page(report, (), {})
    assert "Marked in the charts: Storm &amp; &lt;b&gt;flood&lt;/b&gt; (14 December 2022)." in html
    assert "A dotted vertical line marks an event" in html
    assert "A dotted vertical line marks an event" not in page(plain, (), {})
    content = " ".join(item.extract_text() for item in PdfReader(io.BytesIO(pdf(report).content)).pages)
    assert note in re.sub(r"\s+", " ", content)
    assert note in [item.text for item in Document(io.BytesIO(document(report))).paragraphs]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(render_workbook(report))).get_sheet_by_name("999 calls")
    # Below each chart.
    named = "Marked in the paper: Storm & <b>flood</b> (14 December 2022)."
    assert str(sheet.to_python()).count(named) == len(report.sections[0].charts)
