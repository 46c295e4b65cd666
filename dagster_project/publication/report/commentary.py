"""Read what an analyst writes for a paper, from Markdown files. Sentences made by rules are in `sentences.py`.

The file of a month is `commentary/FORCE/YYYY-MM.md` below the data root. It may begin with front matter: lines
`field: value` between two lines `---`. Then follows text. A heading of any level that names a section of the paper
starts the text for that section; text before the first heading goes to the top. Below a heading `Exceptions`, each
deeper heading names a measure; the text below it is the comment, and lines that begin with `Action:`, `Owner:` or
`Due:` are what will be done. Paragraphs, lists, bold and italics are kept; HTML, images and tables are shown as plain
text.

`commentary/FORCE/defaults.md` has front matter for all months of the force; the file of a month takes precedence.
`commentary/FORCE/public-YYYY-MM.md` is text that was approved for the first page of public editions, which show nothing
else of these files.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dagster_project.publication.paths import check_name
from dagster_project.publication.report.analyst_files import CommentaryError, day_of, read_text
from dagster_project.publication.report.model import Block, Explanation, Run
from dagster_project.publication.report.names import plain_name

FRONT_MATTER = {
    "meeting": "Meeting",
    "date": "Date of meeting",
    "status": "Status",
    "marking": "Marking",
    "author": "Author",
    "owner": "Owner",
    "contact": "Contact",
    "next_release": "Next release",
    "licence": "Licence",
}
"""Fields of the front matter, with their titles in a paper, in its order."""

# Without them a reader does not know whether a paper is final and who answers for it, so their absence is shown.
_EXPECTED = ("status", "owner", "contact")

NOT_STATED = "not stated"

_DATES = ("date", "next_release")

# The first page has one line for a field; a header of Excel ends after 255 characters, with doubled ampersands.
_LONGEST_VALUE = 120

_FENCE = "---"
_FIELD = re.compile(r"([A-Za-z][A-Za-z _-]*):(?:\s+(.*))?$")
_EXCEPTIONS = "exceptions"
_ANSWER = re.compile(r"\**(Action|Owner|Due)\**:\**\s*(.*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Names:
    """What headings of a commentary may name."""

    sections: Mapping[str, str]
    """Sections of the paper, code to title."""
    measures: Mapping[str, tuple[str, ...]]
    """Measures of the catalogue, code to other names; the first is the short label."""


@dataclass(frozen=True)
class Commentary:
    """What an analyst wrote on a month."""

    front: Mapping[str, str] = field(default_factory=dict)
    """Fields of the front matter that have a value; dates as `15 March 2023`."""
    blocks: Mapping[str, tuple[Block, ...]] = field(default_factory=dict)
    """Blocks by section; text before the first heading is under the empty text."""
    explanations: Mapping[str, Explanation] = field(default_factory=dict)
    """Comments on exceptions, by measure."""


def commentary_file(folder: Path, force_code: str, month: str) -> Path:
    """Return the path of the commentary on a force's month (`YYYY-MM`, `public-YYYY-MM`), or of its `defaults`.

    Raises:
        UnsafeName: the force code cannot be a folder name.
    """
    return folder / check_name(force_code) / f"{month}.md"


def read_defaults(folder: Path, force_code: str) -> Mapping[str, str]:
    """Return the front matter for all months of a force; empty if there is no file.

    Raises:
        CommentaryError: the file cannot be read, or has text besides front matter; otherwise as `read_commentary`.
    """
    path = commentary_file(folder, force_code, "defaults")
    front, rest = _front_matter(path, read_text(path))
    if rest.strip():
        line = next(number for number, words in enumerate(rest.split("\n"), start=1) if words.strip())
        raise _error(path, line, "this file has only front matter, between two lines ---", "Remove the text")
    return front


def read_approved(folder: Path, force_code: str, month: str) -> tuple[Block, ...]:
    """Return the text on a month (`YYYY-MM`) that was approved for the public; empty if there is none.

    Raises:
        CommentaryError: as `read_commentary`; the file has text alone.
    """
    path = commentary_file(folder, force_code, f"public-{month}")
    return _parsed(path, read_text(path), Names({}, {})).blocks.get("", ())


def read_commentary(path: Path, names: Names, defaults: Mapping[str, str] | None = None) -> Commentary:
    """Return the commentary of a month; empty but for the defaults if there is no file.

    Args:
        path: the Markdown file, UTF-8.
        names: what headings may name.
        defaults: front matter for fields that the file does not have.

    Raises:
        CommentaryError: the path is not a regular file (a link is not one either), or the file cannot be read, is too
            large, is not UTF-8, has a field or heading that names nothing, or a date that is none.
    """
    front, text = _front_matter(path, read_text(path))
    return replace(_parsed(path, text, names), front={**(defaults or {}), **front})


def front_lines(front: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return titles and values of the front matter in the order of a paper, without the marking, which is on each page.

    A missing status, owner or contact is shown as such; other missing fields are left out.
    """
    return tuple(
        (title, front.get(name) or NOT_STATED)
        for name, title in FRONT_MATTER.items()
        if name != "marking" and (name in front or name in _EXPECTED)
    )


def contact_lines(front: Mapping[str, str], names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return titles and values of fields that say whom to ask and what comes next; missing ones are *not stated*."""
    return tuple((FRONT_MATTER[name], front.get(name) or NOT_STATED) for name in names)


def _front_matter(path: Path, text: str) -> tuple[dict[str, str], str]:
    """Return the fields, and the text with empty lines in their place, so that its lines keep their numbers.

    A first line `---` that no field follows is a rule of Markdown.
    """
    lines = text.split("\n")
    following = next((line for line in lines[1:] if line.strip()), "")
    if lines[0].rstrip() != _FENCE or not _FIELD.match(following.strip()):
        return {}, text
    fields: dict[str, str] = {}
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() == _FENCE:
            return {name: value for name, value in fields.items() if value}, "\n" * number + "\n".join(lines[number:])
        if not line.strip():
            continue
        found = _FIELD.match(line.strip())
        if not found:
            raise _error(path, number, f"{line.strip()!r} is not of the form field: value", "Correct it")
        name = re.sub(r"[ -]+", "_", found[1].strip().casefold())
        if name not in FRONT_MATTER:
            raise _error(path, number, f"no field {found[1]!r}; known: {', '.join(FRONT_MATTER)}", "Correct it")
        if name in fields:
            raise _error(path, number, f"{name} is given twice", "Remove one")
        fields[name] = _value(path, number, name, (found[2] or "").strip())
    raise _error(path, 1, "the front matter that begins here does not end", "Close it with a line ---")


def _value(path: Path, number: int, name: str, value: str) -> str:
    if len(value) > _LONGEST_VALUE:
        raise _error(path, number, f"{name} is longer than {_LONGEST_VALUE} characters", "Shorten it")
    return _day(path, number, name, value) if name in _DATES and value else value


def _day(path: Path, number: int, name: str, value: str) -> str:
    """Return a date as `15 March 2023`."""
    if day := day_of(value):
        return f"{day.day} {day:%B %Y}"
    raise _error(path, number, f"{name}: {value!r} is not a date", "Write it as 15 March 2023 or 2023-03-15")


def _error(path: Path, line: int, fault: str, advice: str) -> CommentaryError:
    return CommentaryError(f"{path}, line {line}: {fault}. {advice}, then run: fcir publish")


@dataclass
class _Place:
    """Where in the paper a text goes."""

    section: str = ""
    measure: str = ""
    exceptions_level: int = 0
    """Level of the heading `Exceptions` that the text is below; 0 if it is not."""


def _parsed(path: Path, text: str, names: Names) -> Commentary:
    blocks: dict[str, list[Block]] = {}
    comments: dict[str, list[Block]] = {}
    answers: dict[str, dict[str, str]] = {}
    place = _Place()
    for token, heading, kind in _pieces(text):
        line = token.map[0] + 1 if token.map else 0
        if heading:
            place = _place(path, line, heading, token.content.strip(), place, names)
            if place.measure in answers:
                raise _error(path, line, f"{token.content.strip()!r} has an exception above", "Join the two")
            if place.measure:
                answers[place.measure] = {}
                comments[place.measure] = []
        elif not place.exceptions_level:
            blocks.setdefault(place.section, []).append(_block(token, kind))
        elif not place.measure:
            raise _error(path, line, "text on no measure below Exceptions", "Put a heading with a measure above it")
        else:
            words = _answers(path, line, token, answers[place.measure])
            if words is not None:
                comments[place.measure].append(_block(words, kind))
    return Commentary(
        blocks={code: tuple(of_section) for code, of_section in blocks.items()},
        explanations={
            code: Explanation(tuple(comments[code]), *(given.get(name, "") for name in ("action", "owner", "due")))
            for code, given in answers.items()
        },
    )


def _pieces(text: str) -> Iterator[tuple[Token, int, str]]:
    """Yield each text with the level of the heading that it is, 0 if it is none, and the kind of its block."""
    lists: list[str] = []
    tokens = _markdown().parse(text)
    for index, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append("bullet" if token.type.startswith("bullet") else "number")
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "inline" and tokens[index - 1].type == "heading_open":
            yield token, int(tokens[index - 1].tag[1:]), ""
        elif token.type == "inline":
            yield token, 0, lists[-1] if lists else "paragraph"
        elif token.type in ("code_block", "fence"):
            yield token, 0, "paragraph"


def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).disable("image")


def _block(token: Token, kind: str) -> Block:
    return Block(kind, _runs(token.children) if token.children is not None else (Run(token.content.strip()),))


def _place(path: Path, line: int, level: int, name: str, place: _Place, names: Names) -> _Place:
    """Return where the text below a heading goes."""
    wanted = plain_name(name)
    if place.exceptions_level and level > place.exceptions_level:
        for code, others in names.measures.items():
            if wanted in map(plain_name, (code, *others)):
                return replace(place, measure=code)
        labels = [others[0] for others in names.measures.values()]
        near = get_close_matches(name, labels, n=1) or labels[:1]
        raise _error(
            path, line, f"heading {name!r} names no measure; a measure is, for example, {near[0]!r}", "Change it"
        )
    if name.casefold() == _EXCEPTIONS:
        return _Place(exceptions_level=level)
    for code, title in names.sections.items():
        if wanted in map(plain_name, (code, title)):
            return _Place(section=code)
    known = ", ".join((*names.sections.values(), _EXCEPTIONS.capitalize()))
    raise _error(path, line, f"heading {name!r} names no section of the paper; known: {known}", "Change it")


def _answers(path: Path, line: int, token: Token, given: dict[str, str]) -> Token | None:
    """Take the lines with answers out of a text into `given`; return the text before them, None if there is none.

    A line after an answer that begins none continues it.
    """
    lines = token.content.split("\n")
    first = next((number for number, words in enumerate(lines) if _ANSWER.match(words)), None)
    if first is None or token.type != "inline":
        return token
    name = ""
    for number, words in enumerate(lines[first:], start=line + first):
        if found := _ANSWER.match(words):
            name = found[1].lower()
            if name in given:
                raise _error(path, number, f"{name} is given twice", "Remove one")
            value = found[2].strip()
            given[name] = _day(path, number, name, value) if name == "due" and value else value
        else:
            given[name] = f"{given[name]} {words.strip()}".strip()
    if first == 0:
        return None
    (before,) = _markdown().parseInline("\n".join(lines[:first]))
    return before


def _runs(tokens: Sequence[Token]) -> tuple[Run, ...]:
    runs: list[Run] = []
    strong = emphasised = 0
    for token in tokens:
        strong += {"strong_open": 1, "strong_close": -1}.get(token.type, 0)
        emphasised += {"em_open": 1, "em_close": -1}.get(token.type, 0)
        text = " " if token.type in ("softbreak", "hardbreak") else token.content
        if text:
            runs.append(Run(text, is_strong=strong > 0, is_emphasised=emphasised > 0))
    return tuple(runs)
