"""The error for an extract that cannot be read. Row faults are in `pieces.py`."""

from collections.abc import Sequence


class UnreadableExtract(Exception):
    """A file that cannot be read as an extract of its source.

    The message names the file, what was found and what was expected. It never contains the text of a cell, unless that
    cell was recognised as the header of a contract column.

    Attributes:
        code: short reason for the audit, for example `missing_column` or `wrong_extension`.
        sha256: hash of the file's bytes, to distinguish broken files of the same name; None if the file could not be
            opened, is being written, or is too long to hash for a rejection.
        unknown_columns: names in the header that were not recognised (`header.shortened`), for `fcir check` and the
            private audit: the message is published.
    """

    def __init__(self, code: str, sentence: str, unknown_columns: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.code = code
        self.unknown_columns = tuple(unknown_columns)
        self.sha256: str | None = None
