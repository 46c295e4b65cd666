"""Numbers and their nouns agree in every message, and a command in a message can be copied whatever the path."""

import os
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from dagster_project.words import be, counted, in_markdown, listed, listed_below, printable

# A command of a message with a path that no function has quoted.
UNQUOTED = re.compile(
    r"\b(FCIR_HOME=|(chmod \S+|install -m \d+ [^\s{]+|mv|rm( -r)?|cp( -a)?|touch|fuser -v) )"
    r"\{(?!in_shell\(|shlex\.quote\()"
)


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2, "row", "2 rows"),
        (2400, "delivery", "2,400 deliveries"),
        (1, "more delivery", "1 more delivery"),
        (3, "day", "3 days"),
    ],
)
def test_a_noun_agrees_with_its_number(number, noun, text):
    assert counted(number, noun) == text


def test_a_plural_can_be_given():
    assert counted(2, "index", "indices") == "2 indices"


def test_the_verb_agrees_too():
    assert [be(number) for number in (0, 1, 2)] == ["are", "is", "are"]


def test_a_list_names_its_first_items_and_counts_the_others():
    assert listed(["a"], 2) == "a"
    assert listed(["a", "b"], 2) == "a, b"
    assert listed([*"ab", *range(3000)], 2) == "a, b and 3,000 more"
    assert listed([], 2) == ""


def test_a_long_list_has_a_line_for_each_item():
    assert listed_below(["a", "b"], 2) == "\n  a\n  b"
    assert listed_below(["a", "b", "c"], 2) == "\n  a\n  b\n  and 1 more"


def test_every_path_of_a_command_to_copy_is_quoted():
    code = Path(__file__).parents[2] / "dagster_project"
    lines = [(path.name, line.strip()) for path in code.rglob("*.py") for line in path.read_text().splitlines()]
    assert len([line for _, line in lines if re.search(r"\{(in_shell|shlex\.quote)\(", line)]) > 10
    assert [(name, line) for name, line in lines if UNQUOTED.search(line)] == []


def test_no_two_names_look_alike():
    names = ["a\nb", "a\\nb", "a\u202eb", "ab", os.fsdecode(b"a\xffb"), "a\\udcffb", "a\xffb", "a b", "a\xa0b"]
    shown = [printable(name) for name in names]
    assert len(set(shown)) == len(names)
    assert all(name.isprintable() for name in shown)
    assert printable("crimes_2022-10-30 (Tŷ Llên's).csv") == "crimes_2022-10-30 (Tŷ Llên's).csv"


@pytest.mark.parametrize(
    "text",
    [
        "[Sign in](https://e.example)",
        "![p](https:&#47;&#47;e.example&#47;a.png)",
        "![p](https:&#47;&#47;e.example).csv`",
        "<b>x</b> <https://e.example>",
        "https://e.example www.e.example ann@e.example",
        "# heading",
        "`a` ``b`` https://e.example",
        "``",
        " *a* ",
        "    [indented](https://e.example)",
        "[a]: https://e.example",
        "a | b",
    ],
)
def test_an_external_text_in_markdown_is_one_code_span(text):
    tokens = MarkdownIt("commonmark").parse(f"- {in_markdown(text)}\n- {in_markdown(text)}")
    spans = [token.children for token in tokens if token.type == "inline"]
    assert [[(span.type, span.content) for span in spans_of_line] for spans_of_line in spans] == [
        [("code_inline", text)]
    ] * 2


def test_an_external_text_in_markdown_is_on_one_line():
    assert in_markdown("a\n\n# b\u202e") == r"`a\n\n# b\u202e`"
    assert in_markdown("") == ""
