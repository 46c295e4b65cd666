"""Numbers and their nouns agree in every message, and a command in a message can be copied whatever the path."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from dagster_project.settings import PROJECT_ROOT
from dagster_project.words import be, counted, in_markdown, in_shell, listed, listed_below, printable

# A command of a message with a path that no function has quoted.
UNQUOTED = re.compile(
    r"\b(FCIR_HOME=|(chmod \S+|install -m \d+ [^\s{]+|mv|rm( -r)?|cp( -a)?|touch|fuser -v) )"
    r"\{(?!in_shell\(|shlex\.quote\()"
)


def test_a_noun_and_a_verb_agree_with_their_number_and_a_list_counts_what_it_does_not_name():
    assert [counted(number, "row") for number in (0, 1, 2400)] == ["0 rows", "1 row", "2,400 rows"]
    assert [counted(2, noun) for noun in ("more delivery", "day", "y")] == ["2 more deliveries", "2 days", "2 ys"]
    assert counted(2, "index", "indices") == "2 indices"
    assert [be(number) for number in (0, 1, 2)] == ["are", "is", "are"]
    assert [listed(items, 2) for items in ([], ["a"], ["a", "b"])] == ["", "a", "a, b"]
    assert listed([*"ab", *range(3000)], 2) == "a, b and 3,000 more"
    assert listed_below(["a", "b"], 2) == "\n  a\n  b"
    assert listed_below(["a", "b", "c"], 2) == "\n  a\n  b\n  and 1 more"


def test_every_path_of_a_command_to_copy_is_quoted():
    files = (PROJECT_ROOT / "dagster_project").rglob("*.py")
    lines = [(path.name, line.strip()) for path in files for line in path.read_text().splitlines()]
    assert len([line for _, line in lines if re.search(r"\{(in_shell|shlex\.quote)\(", line)]) > 10
    assert [(name, line) for name, line in lines if UNQUOTED.search(line)] == []


@pytest.mark.parametrize("path", ["plain", "a b", "a; reboot", "it's", "line\nbreak", "\x1b[2J'", "é"])
def test_a_shell_reads_a_path_as_it_is(path):
    shown = in_shell(Path(path))
    assert shown.isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {shown}"], capture_output=True, text=True, check=True)
    assert done.stdout == path


def test_no_two_names_look_alike():
    names = ["a\nb", "a\\nb", "a\u202eb", "ab", os.fsdecode(b"a\xffb"), "a\\udcffb", "a\xffb", "a b", "a\xa0b"]
    shown = [printable(name) for name in names]
    assert len(set(shown)) == len(names)
    assert all(name.isprintable() for name in shown)
    assert printable("crimes_2022-10-30 (Tŷ Llên's).csv") == "crimes_2022-10-30 (Tŷ Llên's).csv"


@pytest.mark.parametrize(
    "text",
    [
        *("[Sign in](https://e.example)", "![p](https:&#47;&#47;e.example&#47;a.png)", "[a]: https://e.example"),
        *("![p](https:&#47;&#47;e.example).csv`", "<b>x</b> <https://e.example>", "# heading", "``", " *a* "),
        *("https://e.example www.e.example ann@e.example", "`a` ``b`` https://e.example", "    [x](https://e.example)"),
    ],
)
def test_an_external_text_in_markdown_is_one_code_span(text):
    tokens = MarkdownIt("commonmark").parse(f"- {in_markdown(text)}\n- {in_markdown(text)}")
    spans = [token.children for token in tokens if token.type == "inline"]
    assert [[(span.type, span.content) for span in of_line] for of_line in spans] == [[("code_inline", text)]] * 2
    assert in_markdown(f"{text}\n\n# b\u202e").count("\n") == in_markdown("").count("`") == 0
