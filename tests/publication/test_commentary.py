"""An analyst's Markdown becomes blocks of its section, and a mistake is reported by file and line."""

import pytest

from dagster_project.publication.report.commentary import (
    Commentary,
    CommentaryError,
    Names,
    commentary_file,
    front_lines,
    read_commentary,
    read_defaults,
    read_public_front,
)
from dagster_project.publication.report.model import Block, Explanation, Run

NAMES = Names(
    {"calls_999": "999 calls", "crime": "Recorded and cancelled crime", "ocr": "Online crime reports"},
    {
        "calls_999.received": ("999 calls received", "999 calls: Calls Received"),
        "ocr.report_a_crime_submissions": ("Online crime reports", "Online crime reports: Number of Submissions"),
    },
)


@pytest.fixture
def file(tmp_path):
    path = commentary_file(tmp_path, "kent", "2023-01")
    path.parent.mkdir(parents=True)
    return path


def test_without_a_file_there_is_no_commentary(tmp_path):
    assert read_commentary(tmp_path / "2023-01.md", NAMES) == Commentary()


def test_blocks_go_to_the_section_that_the_heading_names_by_title_or_code(file):
    file.write_text(
        "First of all.\n\n## 999 Calls\n\nA **busy**\nmonth, *really*.\n\n- one\n- two\n\n# crime\n\n1. `three`\n",
        encoding="utf-8",
    )
    busy, really = Run("busy", is_strong=True), Run("really", is_emphasised=True)
    assert read_commentary(file, NAMES).blocks == {
        "": (Block("paragraph", (Run("First of all."),)),),
        "calls_999": (
            Block("paragraph", (Run("A "), busy, Run(" "), Run("month, "), really, Run("."))),
            Block("bullet", (Run("one"),)),
            Block("bullet", (Run("two"),)),
        ),
        "crime": (Block("number", (Run("three"),)),),
    }


def test_html_and_pictures_are_shown_as_text(file):
    file.write_text("<script>x</script> ![a](http://b/c.png)\n", encoding="utf-8")
    (block,) = read_commentary(file, NAMES).blocks[""]
    text = "".join(run.text for run in block.runs)
    assert text.startswith("<script>x</script>")
    assert "a" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"# 999 calls\n\n# Weather\n",
            "2023-01.md, line 3: heading 'Weather' names no section of the paper; known: 999 calls",
        ),
        (
            b"---\nauthor: A\nweather: fine\n---\n",
            "line 3: no field 'weather'; known: meeting, date, status",
        ),
        (b"---\nauthor: A\nauthor: B\n---\n", "line 3: author is given twice"),
        (b"---\nauthor: A\nB\n---\n", "line 3: 'B' is not of the form field: value"),
        (b"---\nauthor: A\n\nText.\n", "line 4: 'Text.' is not of the form field: value"),
        (b"---\nauthor: A\n\n", "line 1: the front matter that begins here does not end"),
        (b"---\ndate: soon\n---\n", "line 2: date: 'soon' is not a date. Write it as 15 March 2023 or 2023-03-15"),
        (b"---\nowner: " + b"x" * 121 + b"\n---\n", "line 2: owner is longer than 120 characters"),
        (b"---\nowner: x\n---\n\n# Weather\n", "line 5: heading 'Weather' names no section"),
        (b"# Exceptions\n\nText.\n", "line 3: text on no measure below Exceptions"),
        (
            b"# Exceptions\n\n## 999 calls recieved\n",
            "line 3: heading '999 calls recieved' names no measure; a measure is",
        ),
        (b"# Exceptions\n\n## 999 calls received\n\nDue: soon\n", "line 5: due: 'soon' is not a date"),
        (b"# Exceptions\n\n## 999 calls received\nOwner: A\nx\nowner: B\n", "line 6: owner is given twice"),
        (
            b"# Exceptions\n\n## 999 calls received\n\n## calls_999.received\n",
            "line 5: 'calls_999.received' has an exception above",
        ),
        (b"caf\xe9", "byte 3 is not UTF-8"),
        (b"x" * 65_537, "larger than 65,536 bytes"),
    ],
)
def test_an_invalid_commentary_is_refused_with_its_file_and_the_next_command(file, content, message):
    file.write_bytes(content)
    with pytest.raises(CommentaryError, match="fcir publish") as caught:
        read_commentary(file, NAMES)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


def test_front_matter_of_the_month_takes_precedence_over_the_defaults(file):
    defaults = commentary_file(file.parents[1], "kent", "defaults")
    defaults.write_text("---\nOwner: Head of Contact\nMeeting: Board\nlicence:\n---\n", encoding="utf-8")
    file.write_text("---\nmeeting: Panel: spring\nNext release: 2023-04-01\n\n---\n\nText.\n", encoding="utf-8")
    front = read_commentary(file, NAMES, read_defaults(file.parents[1], "kent")).front
    assert front == {"owner": "Head of Contact", "meeting": "Panel: spring", "next_release": "1 April 2023"}
    assert front_lines(front) == (
        ("Meeting", "Panel: spring"),
        ("Status", "not stated"),
        ("Owner", "Head of Contact"),
        ("Contact", "not stated"),
        ("Next release", "1 April 2023"),
    )


def test_defaults_have_front_matter_alone(file):
    assert read_defaults(file.parents[1], "kent") == {}
    commentary_file(file.parents[1], "kent", "defaults").write_text("---\nowner: A\n---\n\nText.\n", encoding="utf-8")
    with pytest.raises(CommentaryError, match=r"defaults.md, line 5: this file has only front matter"):
        read_defaults(file.parents[1], "kent")


def test_public_editions_have_a_file_of_their_own_without_fields_for_the_board(file):
    public = commentary_file(file.parents[1], "kent", "public")
    assert read_public_front(file.parents[1], "kent") == {}
    public.write_text("---\nContact: A\nnext release: 2023-04-01\n---\n", encoding="utf-8")
    assert read_public_front(file.parents[1], "kent") == {"contact": "A", "next_release": "1 April 2023"}
    for text, fault in (
        ("marking: OFFICIAL\n---\n", "line 2: no field 'marking'"),
        ("owner: B\n---\nText.\n", "line 4"),
    ):
        public.write_text(f"---\n{text}", encoding="utf-8")
        with pytest.raises(CommentaryError, match=rf"public.md, {fault}"):
            read_public_front(file.parents[1], "kent")


def test_a_rule_that_no_field_follows_is_markdown(file):
    file.write_text("---\n\nText.\n", encoding="utf-8")
    assert read_commentary(file, NAMES).blocks == {"": (Block("paragraph", (Run("Text."),)),)}


def test_an_exception_has_a_comment_and_answers(file):
    file.write_text(
        "Above.\n\n# Exceptions\n\n## 999 CALLS received\n\n"
        "Fewer *operators*\non three days.\nAction: Twelve new ones\n"
        "  start soon.\nOwner: A & B\n\n- **Due:** 1 Feb 2023\n\n## Online crime reports\n\n- Due: 2023-02-28\n\n"
        "# Online crime reports\n\nBelow.\n",
        encoding="utf-8",
    )
    found = read_commentary(file, NAMES)
    operators = (Run("Fewer "), Run("operators", is_emphasised=True), Run(" "), Run("on three days."))
    assert found.explanations == {
        "calls_999.received": Explanation(
            (Block("paragraph", operators),), "Twelve new ones start soon.", "A & B", "1 February 2023"
        ),
        "ocr.report_a_crime_submissions": Explanation(due="28 February 2023"),
    }
    assert found.blocks == {
        "": (Block("paragraph", (Run("Above."),)),),
        "ocr": (Block("paragraph", (Run("Below."),)),),
    }
