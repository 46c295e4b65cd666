"""The error for an extract that cannot be read, and the form of names in messages. Row faults are in `pieces.py`."""


class UnreadableExtract(Exception):
    """A file that cannot be read as an extract of its source.

    The message names the file, what was found and what was expected. It never contains the text of a cell, unless that
    cell was recognised as the header of a contract column.

    Attributes:
        code: short reason for the audit, for example `missing_column` or `wrong_extension`.
        sha256: hash of the file's bytes, to distinguish broken files of the same name; None if the file could not be
            opened, is being written, or is too long to hash for a rejection.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sha256: str | None = None


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
