"""The error for an extract that cannot be read, and names as messages show them. Faults of rows are in `pieces.py`."""

from __future__ import annotations


class UnreadableExtract(Exception):
    """A file that cannot be taken as an extract of its source.

    The sentence names the file, what was found and what was expected. It never holds the text of a
    cell, unless that cell was recognised as the header of a contract column.

    Attributes:
        code: short reason for the audit, for example `missing_column` or `wrong_extension`.
        sha256: of the file's bytes, so that two broken contents of one name are told apart; None where the
            file could not be opened, is being written, or is too long to be hashed for a refusal.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sha256: str | None = None


def printable(name: str) -> str:
    """A name from outside as a message shows it and a database keeps it: on one line, in reading order.

    Args:
        name: of a file or a column; may hold control characters, marks that turn the direction of writing,
            and bytes that were no UTF-8 (lone surrogates).

    Returns:
        The name with every character that is not printable, and the backslash, escaped as Python does; no two names
        come out alike.
    """
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(
        char if char.isprintable() and char != "\\" else char.encode("unicode_escape").decode("ascii") for char in name
    )
