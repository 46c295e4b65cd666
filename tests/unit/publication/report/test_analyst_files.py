"""What analysts write becomes blocks, front matter and events; a mistake is reported by file, line and next command."""

import os
import re
from datetime import date

import pytest

from dagster_project.publication import papers
from dagster_project.publication.report import commentary as comments
from dagster_project.publication.report.analyst_files import CommentaryError
from dagster_project.publication.report.chart_rules import marked
from dagster_project.publication.report.commentary import Commentary, commentary_file, read_commentary, read_defaults
from dagster_project.publication.report.events import events_file, read_events
from dagster_project.publication.report.model import Block, Event, Explanation, Run
from tests.unit.publication.reports import chart

SECTIONS = {"calls_999": "999 calls", "ocr": "Online crime reports", "crime": "Recorded and cancelled crime"}
NAMES = comments.Names(
    SECTIONS,
    {
        "calls_999.received": ("999 calls received", "999 calls: Received"),
        "ocr.submissions": ("Online crime reports", "Online crime reports: Submissions"),
    },
)
STRIKE = Event(date(2022, 12, 14), "Strike")


@pytest.fixture
def month(tmp_path):
    (tmp_path / "kent").mkdir()
    return commentary_file(tmp_path, "kent", "2023-01")


@pytest.fixture
def events(month):
    return events_file(month.parents[1], "kent")


def paragraph(*texts: str) -> Block:
    return Block("paragraph", tuple(map(Run, texts)))


def test_blocks_go_to_the_section_that_the_heading_names_by_title_or_code(month):
    assert read_commentary(month, NAMES) == Commentary()
    month.write_text(
        "First.\n\n## 999 Calls\n\nA **busy**\nmonth, *really*.\n\n- one\n  1. inner\n- two\n\nAfter.\n\n"
        "# crime\n\n1. `three`\n\n```\n code \n```\n\n<script>x</script> ![a](http://b/c.png)\n",
        encoding="utf-8",
    )
    busy, really = Run("busy", is_strong=True), Run("really", is_emphasised=True)
    found = read_commentary(month, NAMES).blocks
    assert found[""] == (paragraph("First."),)
    assert found["calls_999"] == (
        Block("paragraph", (Run("A "), busy, Run(" "), Run("month, "), really, Run("."))),
        *(Block("bullet", (Run("one"),)), Block("number", (Run("inner"),)), Block("bullet", (Run("two"),))),
        paragraph("After."),
    )
    *others, markup = found["crime"]
    assert others == [Block("number", (Run("three"),)), paragraph("code")]
    # HTML and pictures are text.
    assert "".join(run.text for run in markup.runs).startswith("<script>x</script> !")


def test_an_exception_has_a_comment_and_answers(month):
    month.write_text(
        "# Exceptions\n\n## 999 CALLS received\n\nFewer *operators*\non three days.\nAction: Twelve new ones\n"
        "  start soon.\nOwner: A & B\n\n- **Due:** 1 Feb 2023\n\n## ocr.submissions\n\n- Due: 2023-02-28\n\n"
        "# Online crime reports\n\nBelow.\n",
        encoding="utf-8",
    )
    found = read_commentary(month, NAMES)
    operators = (Run("Fewer "), Run("operators", is_emphasised=True), Run(" "), Run("on three days."))
    assert found.explanations == {
        "calls_999.received": Explanation(
            (Block("paragraph", operators),), "Twelve new ones start soon.", "A & B", "1 February 2023"
        ),
        "ocr.submissions": Explanation(due="28 February 2023"),
    }
    assert found.blocks == {"ocr": (paragraph("Below."),)}


def test_front_matter_of_the_month_takes_precedence_over_the_defaults(month):
    defaults = commentary_file(month.parents[1], "kent", "defaults")
    defaults.write_text("---\nOwner: Head\nMeeting: Board\nlicence:\n---\n", encoding="utf-8")
    month.write_text("---\n\nmeeting: Panel: spring\nNext release: 2023-04-01\nMarking: SECRET\n---\n\nText.\n")
    front = read_commentary(month, NAMES, read_defaults(month.parents[1], "kent")).front
    assert (front["marking"], front["meeting"]) == ("SECRET", "Panel: spring")
    assert comments.front_lines(front) == (
        *(("Meeting", "Panel: spring"), ("Status", "not stated"), ("Owner", "Head"), ("Contact", "not stated")),
        ("Next release", "1 April 2023"),
    )
    assert comments.contact_lines(front, ("owner", "licence")) == (("Owner", "Head"), ("Licence", "not stated"))
    # A rule that no field follows is Markdown.
    month.write_text("---\n\nText.\n", encoding="utf-8")
    assert read_commentary(month, NAMES).blocks == {"": (paragraph("Text."),)}


EXCEPTION = "# Exceptions\n\n## 999 calls received\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# 999 calls\n\n# Weather\n", "line 3: heading 'Weather' names no section of the paper; known: 999 calls, On"),
        ("---\nauthor: A\nweather: fine\n---\n", "line 3: no field 'weather'; known: meeting, date, status"),
        ("---\nauthor: A\nauthor: B\n---\n", "line 3: author is given twice"),
        ("---\nauthor: A\nB\n---\n", "line 3: 'B' is not of the form field: value"),
        ("---\nauthor: A\n\n", "line 1: the front matter that begins here does not end"),
        ("---\ndate: soon\n---\n", "line 2: date: 'soon' is not a date. Write it as 15 March 2023 or 2023-03-15"),
        (f"---\nowner: {'x' * 121}\n---\n", "line 2: owner is longer than 120 characters"),
        ("# Exceptions\n\nText.\n", "line 3: text on no measure below Exceptions"),
        ("# Exceptions\n\n## 999 calls recieved\n", "line 3: heading '999 calls recieved' names no measure; a measure"),
        (f"{EXCEPTION}\nDue: soon\n", "line 5: due: 'soon' is not a date"),
        (f"{EXCEPTION}Owner: A\nx\nowner: B\n", "line 6: owner is given twice"),
        (f"{EXCEPTION}\n## calls_999.received\n", "line 5: 'calls_999.received' has an exception above"),
        (b"caf\xe9", "byte 3 is not UTF-8"),
        ("x" * 65_537, "larger than 65,536 bytes"),
    ],
)
def test_an_invalid_commentary_is_refused(month, content, message):
    month.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CommentaryError, match=re.escape(message)) as caught:
        read_commentary(month, NAMES)
    assert str(caught.value).startswith(str(month))
    assert str(caught.value).endswith("then run: fcir publish")
    month.write_text(f"---\nowner: {'x' * 120}\n---\n{'x' * 65_000}", encoding="utf-8")
    assert read_commentary(month, NAMES).front


def test_defaults_have_front_matter_alone_and_what_is_approved_for_the_public_text_alone(month):
    folder, public = month.parents[1], month.with_name(f"public-{month.name}")
    assert (read_defaults(folder, "kent"), comments.read_approved(folder, "kent", month.stem)) == ({}, ())
    public.write_text("For **all**.\n", encoding="utf-8")
    month.with_name("defaults.md").write_text("---\nowner: A\n---\n\nText.\n", encoding="utf-8")
    (block,) = comments.read_approved(folder, "kent", month.stem)
    assert [run.text for run in block.runs] == ["For ", "all", "."]
    public.write_text("# 999 calls\n", encoding="utf-8")
    with pytest.raises(CommentaryError, match=r"line 1: heading '999 calls' names no section"):
        comments.read_approved(folder, "kent", month.stem)
    with pytest.raises(CommentaryError, match=r"defaults.md, line 5: this file has only front matter"):
        read_defaults(folder, "kent")


def test_only_regular_files_are_read(month, events):
    events.symlink_to("/etc/passwd")
    os.mkfifo(month)
    (month.parents[1] / "link").symlink_to(month.parent)
    within = month.parents[1] / "link" / "x"
    for path, fault in ((events, "is a link"), (month, "is not a file"), (within, "is a link")):
        with pytest.raises(CommentaryError, match=fault):
            read_events(path, SECTIONS)


def test_events_are_read_by_date_from_any_spreadsheet(events):
    assert read_events(events, SECTIONS) == ((), ())
    events.write_bytes(
        "\ufeffLabel,DATE,Sections\r\nStrike,14/12/2022,\r\n"
        '"Storm, flood",2022-10-02,CRIME; 999 Calls\r\n,,\r\nNew telephones,1 Nov 2022,ocr\r\n'.encode()
    )
    storm = Event(date(2022, 10, 2), "Storm, flood", ("crime", "calls_999"))
    telephones = Event(date(2022, 11, 1), "New telephones", ("ocr",))
    assert read_events(events, SECTIONS) == ((storm, telephones, STRIKE), ())


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("12/14/2022,Strike,", "'12/14/2022' is not a date"),
        ("2022-12-01,,", "the label is empty"),
        (f"2022-12-01,{'x' * 31},", "the label has 31 characters, and a chart has room for 30"),
        ("2022-12-01,a\x1b[31mb,", "control character"),
        ("2022-12-01,Strike,999 call", "'999 call' is not a section; a section is, for example, '999 calls'"),
        ("2022-12-01,Strike", "2 cells, expected 3"),
    ],
)
def test_an_event_with_a_fault_is_left_out_and_named(events, row, fault):
    events.write_bytes(f"date,label,sections\n{row}\n2022-12-14,Strike,\n2022-12-15,{'x' * 30},\n".encode())
    (found, _), (message,) = read_events(events, SECTIONS)
    assert found == STRIKE
    assert message.startswith(f"{events}, line 2: ")
    assert fault in message
    assert message.endswith("then run: fcir publish")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"day,label\n2022-12-01,Strike\n", "line 1: the columns are 'day, label', expected date, label"),
        (b"date,label,label\n", "line 1: the columns are"),
        (b'date,label\n2022-12-01,"Strike\n', "not CSV"),
        (b"date,label\n" + b"2022-12-01,Strike\n" * 101, "line 102: more than 100 events"),
    ],
)
def test_a_file_of_events_with_a_fault_is_refused_as_a_whole(events, content, fault):
    events.write_bytes(content)
    with pytest.raises(CommentaryError, match=fault):
        read_events(events, SECTIONS)


def test_a_fault_of_one_force_is_warned_of_and_hides_nothing_else(tmp_path, events, monkeypatch, caplog):
    monkeypatch.setattr(papers, "paper_months", lambda _: dict.fromkeys(("surrey", "kent", "essex")))
    monkeypatch.setattr(papers, "catalogue_sections", lambda _: SECTIONS)
    events.write_text("date,label\nnever,A\n2022-12-14,Strike\n", encoding="utf-8")
    (tmp_path / "surrey").mkdir()
    events_file(tmp_path, "surrey").write_text("a\n", encoding="utf-8")
    assert papers.events_of_forces(None, tmp_path) == {"kent": (STRIKE,), "essex": ()}
    assert "line 2: 'never' is not a date" in caplog.text
    assert "then run: fcir publish. The event is left out." in caplog.text
    assert "then run: fcir publish. The charts of surrey mark no events." in caplog.text


def test_a_chart_marks_events_of_its_months_and_of_its_section():
    plain = chart("calls_999.received", "count", ["1", "2"])
    days = [date(2022, 11, 30), date(2022, 12, 1), date(2023, 1, 31), date(2023, 2, 1)]
    listed = [Event(day, f"{place}") for place, day in enumerate(days)]
    listed.append(Event(days[1], "Elsewhere", ("crime",)))
    found = marked(plain, "calls_999", listed)
    assert [event.label for event in found.events] == ["1", "2"]
    assert found.alternative == f"{plain.alternative} Marked: 1 (1 December 2022) and 2 (31 January 2023)."
    assert [event.label for event in marked(plain, "crime", listed).events] == ["1", "2", "Elsewhere"]
    assert marked(plain, "calls_999", listed[4:]) is plain
