"""An analyst's Markdown becomes blocks of its section, and a mistake is reported by file and line."""

import pytest

from dagster_project.publication.report.commentary import CommentaryError, commentary_file, read_commentary
from dagster_project.publication.report.model import Block, Run

TITLES = {"calls_999": "999 calls", "crime": "Recorded and cancelled crime"}


@pytest.fixture
def file(tmp_path):
    path = commentary_file(tmp_path, "kent", "2023-01")
    path.parent.mkdir(parents=True)
    return path


def test_without_a_file_there_is_no_commentary(tmp_path):
    assert read_commentary(tmp_path / "2023-01.md", TITLES) == {}


def test_blocks_go_to_the_section_that_the_heading_names_by_title_or_code(file):
    file.write_text(
        "First of all.\n\n## 999 Calls\n\nA **busy**\nmonth, *really*.\n\n- one\n- two\n\n# crime\n\n1. `three`\n",
        encoding="utf-8",
    )
    busy, really = Run("busy", is_strong=True), Run("really", is_emphasised=True)
    assert read_commentary(file, TITLES) == {
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
    (block,) = read_commentary(file, TITLES)[""]
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
        (b"caf\xe9", "byte 3 is not UTF-8"),
        (b"x" * 65_537, "larger than 65,536 bytes"),
    ],
)
def test_an_invalid_commentary_is_refused_with_its_file_and_the_next_command(file, content, message):
    file.write_bytes(content)
    with pytest.raises(CommentaryError, match="fcir publish") as caught:
        read_commentary(file, TITLES)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
