"""The error for an extract that cannot be read, and the codes it carries. Faults of single rows are in `pieces.py`."""

from __future__ import annotations


class UnreadableExtract(Exception):
    """A file that cannot be taken as an extract of its source.

    The sentence names the file, what was found and what was expected. It never holds the text of a
    cell, unless that cell was recognised as the header of a contract column.

    Attributes:
        code: short reason for the audit, for example `missing_column` or `wrong_extension`.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
