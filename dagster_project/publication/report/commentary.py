"""Read an analyst's commentary on a month from a Markdown file. Sentences made by rules are in `sentences.py`.

The file is `commentary/FORCE/YYYY-MM.md` below the data root. A heading of any level that names a section of the paper
starts the text for that section; text before the first heading goes to the top. Paragraphs, lists, bold and italics are
kept; HTML, images and tables are shown as plain text.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from errno import ELOOP
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dagster_project.errors import OperatorError
from dagster_project.publication.paths import check_name
from dagster_project.publication.report.model import Block, Run

# An A4 page holds about 3,000 letters; a file above this size is not a commentary.
_GREATEST_BYTES = 65_536


class CommentaryError(OperatorError, ValueError):
    """The commentary cannot be shown; the message names the file, its state and what to do."""


def commentary_file(folder: Path, force_code: str, month: str) -> Path:
    """Return the path of the commentary on a force's month (`YYYY-MM`).

    Raises:
        UnsafeName: the force code cannot be a folder name.
    """
    return folder / check_name(force_code) / f"{month}.md"


def read_commentary(path: Path, titles: Mapping[str, str]) -> dict[str, tuple[Block, ...]]:
    """Return the commentary by section; empty if there is no file.

    Args:
        path: the Markdown file, UTF-8.
        titles: sections of the paper, code to title; a heading may give either.

    Returns:
        Section code to blocks; text before the first heading is under the empty text.

    Raises:
        CommentaryError: the path is not a regular file (a link is not one either), or the file cannot be read, is too
            large, is not UTF-8, or has a heading that names no section.
    """
    try:
        content = _content(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        fault = "is a link" if error.errno == ELOOP else f"cannot be read ({error.strerror})"
        raise CommentaryError(f"{path}: {fault}. Put a text file there, then run: fcir publish") from None
    if len(content) > _GREATEST_BYTES:
        raise CommentaryError(f"{path}: larger than {_GREATEST_BYTES:,} bytes. Shorten it, then run: fcir publish")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommentaryError(
            f"{path}: byte {error.start} is not UTF-8. Save the file as UTF-8, then run: fcir publish"
        ) from None
    return _sections(path, text, titles)


def _content(path: Path) -> bytes:
    """Return the bytes of a file, up to one more than the limit.

    A link could lead to any file of the server, and a device or pipe may yield nothing or never end.
    """
    if path.parent.is_symlink():
        raise CommentaryError(f"{path.parent}: is a link. Put a folder there, then run: fcir publish")

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)

    with open(path, "rb", opener=opener) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise CommentaryError(f"{path} is not a file. Put a text file there, then run: fcir publish")
        return file.read(_GREATEST_BYTES + 1)


def _sections(path: Path, text: str, titles: Mapping[str, str]) -> dict[str, tuple[Block, ...]]:
    names = {name.casefold(): code for code, title in titles.items() for name in (code, title)}
    blocks: dict[str, list[Block]] = {}
    section = ""
    lists: list[str] = []
    tokens = MarkdownIt("commonmark", {"html": False}).disable("image").parse(text)
    for index, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append("bullet" if token.type.startswith("bullet") else "number")
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "inline" and tokens[index - 1].type == "heading_open":
            name = token.content.strip()
            if name.casefold() not in names:
                line = token.map[0] + 1 if token.map else 0
                raise CommentaryError(
                    f"{path}, line {line}: heading {name!r} names no section of the paper; known: "
                    f"{', '.join(titles.values())}. Change it, then run: fcir publish"
                )
            section = names[name.casefold()]
        elif token.type == "inline":
            blocks.setdefault(section, []).append(
                Block(lists[-1] if lists else "paragraph", _runs(token.children or []))
            )
        elif token.type in ("code_block", "fence"):
            blocks.setdefault(section, []).append(Block("paragraph", (Run(token.content.strip()),)))
    return {code: tuple(of_section) for code, of_section in blocks.items()}


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
