"""Which row of a file is its header, and which contract column each of its cells means. No file is read here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dagster_project.contracts import Contract
from dagster_project.contracts.model import normalised
from dagster_project.extracts.errors import UnreadableExtract, printable
from dagster_project.extracts.personal import looks_personal
from dagster_project.extracts.pieces import BLANKS

# A preamble of more rows than this has not been seen; looking further costs time on every file.
ROWS_LOOKED_AT = 50
# As many as a sheet can have. Looking up a million cells of a hostile line takes seconds.
_COLUMNS = 16_384
_NAME_LENGTH = 60
_DIGITS_OF_A_VALUE = 5


@dataclass(frozen=True)
class Header:
    """A row that was recognised as header.

    Attributes:
        row: place of the row in the file, from 1.
        width: cells up to the last one with text.
        positions: contract column to the position of its cell, from 0.
        unknown: texts of the cells that the contract does not know, as messages show them.
        values: how many of these cells hold no letter, as no heading does.
    """

    row: int
    width: int
    positions: dict[str, int]
    unknown: tuple[str, ...]
    values: int


class Headings:
    """The header texts that a contract knows."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._names = {name: column.name for column in contract.columns for name in column.names}
        # A contract of one column can be recognised by one cell; otherwise one cell is too easily a title.
        own = contract.required or contract.columns
        self._own = {column.name for column in own}
        self._least = min(2, len(own))

    def column(self, text: str) -> str | None:
        """Name of the contract column that a header text means."""
        return self._names.get(normalised(text.strip(BLANKS)))

    def recognised(self, cells: Sequence[str]) -> int:
        """How many contract columns a row names."""
        return len(self._named(cells))

    def _named(self, cells: Sequence[str]) -> set[str]:
        names = self._names
        return {names[name] for name in (normalised(cell.strip(BLANKS)) for cell in cells) if name in names}

    def best(self, rows: Iterable[tuple[int, Sequence[str]]]) -> tuple[int, int, Sequence[str]] | None:
        """The first row that names all columns that have to be there, else the one that names the most.

        A later row that names more is a second header, of an export that was appended: it must not turn the rows
        above it into a preamble, which nobody would miss.

        Args:
            rows: place in the file and cells.

        Returns:
            Number of columns named, place and cells; None when no row names enough of them.
        """
        best: tuple[int, int, Sequence[str]] | None = None
        for place, cells in rows:
            if len(cells) > _COLUMNS:
                continue
            named = self._named(cells)
            if len(named) < self._least:
                continue
            if named >= self._own:
                return len(named), place, cells
            if best is None or len(named) > best[0]:
                best = (len(named), place, cells)
        return best

    def header(self, file_name: str, place: int, cells: Sequence[str]) -> Header:
        """The row as header.

        Raises:
            UnreadableExtract: two cells mean one column, or a required column has no cell.
        """
        texts = [cell.strip(BLANKS) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        columns = [self.column(text) if text else None for text in texts]
        counts = Counter(column for column in columns if column)
        twice = [column for column, count in counts.items() if count > 1]
        if twice:
            where = ", ".join(
                f"{column} (cells {', '.join(str(i + 1) for i, c in enumerate(columns) if c == column)})"
                for column in twice
            )
            raise UnreadableExtract(
                "duplicate_column",
                f"{file_name}: row {place} names a column more than once: {where}; expected each once",
            )
        positions = {column: i for i, column in enumerate(columns) if column}
        self.require(file_name, f"row {place}", positions, [i for i, c in enumerate(columns) if not c])
        unknown = tuple(
            shortened(text, f"cell {position + 1} of the header")
            for position, (text, column) in enumerate(zip(texts, columns, strict=True))
            if text and not column
        )
        values = sum(
            not any(map(str.isalpha, text)) for text, column in zip(texts, columns, strict=True) if text and not column
        )
        return Header(place, len(texts), positions, unknown, values)

    def require(self, file_name: str, place: str, found: Iterable[str], others: Sequence[int] | None = None) -> None:
        """Refuse a file that lacks a required column.

        Args:
            file_name: for the sentence.
            place: where the column names stand, for the sentence.
            found: contract columns that the file has.
            others: positions, from 0, of the cells that were not recognised.

        Raises:
            UnreadableExtract: with code `missing_column`.
        """
        have = list(found)
        missing = [column.name for column in self.contract.required if column.name not in have]
        if not missing:
            return
        rest = ""
        if others:
            shown = ", ".join(str(i + 1) for i in others[:20]) + (", ..." if len(others) > 20 else "")
            rest = f"; {len(others)} other cells were not recognised (positions {shown})"
        raise UnreadableExtract(
            "missing_column",
            f"{file_name}: required columns are missing: {', '.join(missing)}; "
            f"found in {place}: {', '.join(have) or 'none'}{rest}",
        )

    def none_found(self, file_name: str, rows: Sequence[Sequence[str]], where: str = "") -> UnreadableExtract:
        """The error for a file without header; tells only how many rows and cells were looked at."""
        expected = ", ".join(column.name for column in self.contract.required)
        return UnreadableExtract(
            "no_header",
            f"{file_name}: no header found{where}; looked at {len(rows)} rows with at most "
            f"{max((len(row) for row in rows), default=0)} cells; expected a row with the columns {expected}",
        )


def shortened(text: str, place: str) -> str:
    """A column name that the contract does not know, for messages: on one line and cut at 60 characters.

    Args:
        text: the name as it stands in the file.
        place: what is told in its stead when it looks like a value. A line of a person's cells that got into the header
            would else be read out; numbers, times, references and addresses have many digits or an at sign.
    """
    if "@" in text or sum(map(str.isdigit, text)) >= _DIGITS_OF_A_VALUE or looks_personal(text):
        return f"({place})"
    return printable(text.strip(BLANKS)[:_NAME_LENGTH])
