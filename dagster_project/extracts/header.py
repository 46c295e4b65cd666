"""Find the header row of a file, and the contract column of each of its cells. The readers provide the rows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.contracts import Contract
from dagster_project.contracts.model import normalised
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.personal import looks_personal
from dagster_project.extracts.pieces import BLANKS
from dagster_project.words import counted, printable

# Longer preambles have not been seen, and searching further costs time for every file.
ROWS_LOOKED_AT = 50
# The maximum of an Excel sheet. Looking up a million cells of a hostile line would take seconds.
_COLUMNS = 16_384
_NAME_LENGTH = 60
_DIGITS_OF_A_VALUE = 5


@dataclass(frozen=True)
class Header:
    """A row recognised as the header.

    Attributes:
        row: number of the row in the file, from 1.
        width: number of cells up to the last one with text.
        positions: position of the cell of each contract column, from 0.
        unknown: texts of the cells that are not in the contract, as messages show them.
        values: how many of the unknown cells have no letter, unlike any heading.
    """

    row: int
    width: int
    positions: dict[str, int]
    unknown: tuple[str, ...]
    values: int


class Headings:
    """The header texts that a contract knows. One without columns knows none: any row of headings is its header."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._names = {name: column.name for column in contract.cells for name in column.names}
        # One cell is enough only for a contract of one column; otherwise a single cell may be a title.
        own = contract.required or contract.columns
        self._own = {column.name for column in own}
        self._least = min(2, len(own))

    def column(self, text: str) -> str | None:
        """Return the name of the contract column that a header text means."""
        return self._names.get(normalised(text.strip(BLANKS)))

    def recognised(self, cells: Sequence[str]) -> int:
        """Return how many contract columns a row names; without columns, how many headings it has."""
        return len(self._named(cells)) if self.contract.columns else _headings(cells)

    def _named(self, cells: Sequence[str]) -> set[str]:
        names = self._names
        return {names[name] for name in (normalised(cell.strip(BLANKS)) for cell in cells) if name in names}

    def best(self, rows: Iterable[tuple[int, Sequence[str]]]) -> tuple[int, int, Sequence[str]] | None:
        """Return the first row that names all required columns, otherwise the row that names the most columns.

        A later row that names more is the second header of an appended export. If it were taken, the rows above it
        would be skipped as a preamble, unnoticed.

        Args:
            rows: row number in the file and cells.

        Returns:
            Number of columns named, row number and cells; None if no row names enough columns.
        """
        best: tuple[int, int, Sequence[str]] | None = None
        if not self.contract.columns:
            found = [(_headings(cells), place, cells) for place, cells in rows if len(cells) <= _COLUMNS]
            return next((row for row in found if 1 < row[0] == max(found, key=itemgetter(0))[0]), None)
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
        """Return the row as a header.

        Raises:
            UnreadableExtract: two cells mean the same column, or a required column has no cell.
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
        unknown = tuple(
            shortened(text, f"cell {position + 1} of the header")
            for position, (text, column) in enumerate(zip(texts, columns, strict=True))
            if text and not column
        )
        others = [i for i, column in enumerate(columns) if not column]
        self.require(file_name, f"row {place}", positions, unknown, others)
        values = sum(
            not any(map(str.isalpha, text)) for text, column in zip(texts, columns, strict=True) if text and not column
        )
        return Header(place, len(texts), positions, unknown, values)

    def second(self, rows: pa.Table, found: Sequence[str]) -> int | None:
        """Return the index of a row that is a header again, with the columns in other places; None without one.

        Two exports one behind the other have one; the rows of the second would load into the wrong columns.

        Args:
            rows: rows with the columns of `pieces.schema`.
            found: contract columns that the file has.
        """
        # Of two required columns, one has a name that the contract knows; each takes 0.1 microseconds a row.
        for name in sorted(self._own.intersection(found))[:2]:
            spelled = pc.utf8_lower(pc.replace_substring_regex(rows.column(name), r"[\s_-]+", ""))
            for i in pc.indices_nonzero(pc.is_in(spelled, pa.array(self._names, pa.string()))).to_pylist():
                cells = {other: rows.column(other)[i].as_py() for other in found}
                meant = {other: self.column(cell) for other, cell in cells.items() if cell}
                if self._own <= {*meant.values()} and any(
                    column not in (None, other) for other, column in meant.items()
                ):
                    return int(i)
        return None

    def require(
        self,
        file_name: str,
        place: str,
        found: Iterable[str],
        unknown: Sequence[str],
        others: Sequence[int] = (),
        note: str = "",
    ) -> None:
        """Reject a file that lacks a required column.

        Args:
            file_name: for the message.
            place: location of the column names, for the message.
            found: contract columns that the file has.
            unknown: names that were not recognised, one of which may be another name of a missing column.
            others: positions, from 0, of the cells that were not recognised.
            note: what follows in the message.

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
            where = "position" if len(others) == 1 else "positions"
            rest = f"; {counted(len(others), 'other cell')} not recognised ({where} {shown})"
        raise UnreadableExtract(
            "missing_column",
            f"{file_name}: required columns are missing: {', '.join(missing)}; "
            f"found in {place}: {', '.join(have) or 'none'}{rest}{note}",
            unknown,
        )

    def none_found(self, file_name: str, rows: Sequence[Sequence[str]], where: str = "") -> UnreadableExtract:
        """Return the error for a file without a header; it states only how many rows and cells were searched."""
        expected = f"with the columns {', '.join(column.name for column in self.contract.required)}"
        if not self.contract.columns:
            expected = "of headings above the others, without numbers, times or addresses"
        return UnreadableExtract(
            "no_header",
            f"{file_name}: no header found{where}; looked at {len(rows)} rows with at most "
            f"{max((len(row) for row in rows), default=0)} cells; expected a row {expected}",
        )


def _headings(cells: Sequence[str]) -> int:
    """Return the number of headings of a row; 0 if one of its texts has no letter or looks like a value."""
    texts = [text for cell in cells if (text := cell.strip(BLANKS))]
    return len(texts) if all(any(map(str.isalpha, text)) and shortened(text, "") for text in texts) else 0


def shortened(text: str, place: str) -> str:
    """Return an unknown column name for messages: on one line and cut at 60 characters.

    Args:
        text: the name in the file.
        place: text to show instead if the name looks like a value (many digits or an at sign, as in numbers, times,
            references and addresses). Otherwise messages could show the personal cells of a row in the header.
    """
    if "@" in text or sum(map(str.isdigit, text)) >= _DIGITS_OF_A_VALUE or looks_personal(text):
        return f"({place})"
    # A terminal or web page may turn a URL into a link.
    return printable(text.strip(BLANKS)[:_NAME_LENGTH]).replace("://", r"\u003a//")
