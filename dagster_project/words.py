"""Words of messages: numbers with their nouns ("1 delivery", "2 deliveries"), external names, paths in commands."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

CALIBRATED = "the sample is calibrated to these figures"
"""What is said of printed figures that are reproduced from synthetic extracts."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    Args:
        number: the count.
        noun: the singular, for example `row` or `delivery`; in a phrase, the last word changes.
        plural: the plural, if it is not regular (`-s`, or `-y` to `-ies`).

    Returns:
        For example `1 delivery`, `2,400 rows`.
    """
    if number == 1:
        return f"1 {noun}"
    if plural is None:
        has_ies = noun.endswith("y") and noun[-2:-1] not in "aeiou"
        plural = f"{noun[:-1]}ies" if has_ies else f"{noun}s"
    return f"{number:,} {plural}"


def be(number: int) -> str:
    """Return the verb for a number: `is` or `are`."""
    return "is" if number == 1 else "are"


def listed(items: Sequence[object], shown: int) -> str:
    """Return the first items of a list for a sentence, and how many more there are: `a, b and 3 more`."""
    return ", ".join(map(str, items[:shown])) + (f" and {len(items) - shown:,} more" if items[shown:] else "")


def listed_below(items: Sequence[object], shown: int) -> str:
    """Return the first items of a list, each on an indented line of its own, and how many more there are."""
    more = [f"and {len(items) - shown:,} more"] if items[shown:] else []
    return "".join(f"\n  {line}" for line in [*items[:shown], *more])


def printable(name: str) -> str:
    """Return an external name in a form that is safe to show and store: on one line, in reading order.

    Args:
        name: name of a file or column; may contain control characters, marks that change the direction of writing, and
            bytes that are not UTF-8 (lone surrogates).

    Returns:
        The name with backslashes and non-printable characters escaped as in Python; different names stay different.
    """
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(
        char if char.isprintable() and char != "\\" else char.encode("unicode_escape").decode("ascii") for char in name
    )


def in_markdown(text: str) -> str:
    """Return an external text as a code span of Markdown: in it nothing is a link, a picture, HTML or emphasis.

    Escaping does not suffice: renderers of GitHub's Markdown make links of addresses, written as they are
    (`https://…`, `www.…`, `a@b.c`), after they have undone the escapes.

    Args:
        text: any text; it becomes one line. In a table, its caller escapes `|`.
    """
    shown = printable(text)
    if not shown:
        return ""
    # A span ends at as many backticks as it began with, and a blank at both of its ends is not shown.
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    blank = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def in_shell(path: Path | str) -> str:
    """Return a path as a shell command needs it, since an operator copies the command from a message.

    Without quotes, a space would end the path, and a name such as `a; reboot` would be a command of its own.
    """
    text = str(path)
    if text.isprintable():
        return shlex.quote(text)
    escaped = text.encode("unicode_escape").decode().replace("'", "\\'")
    return f"$'{escaped}'"
