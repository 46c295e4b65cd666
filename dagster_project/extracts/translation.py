"""Translate the words of a source system into those of its contract, whatever the format of the file.

Values with another text, names of forces, times of day in a column of their own, and values in the name of the file.
Cells stay text, which `rows.py` parses. A personal cell is never changed.
"""

import re
from collections.abc import Callable
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.contracts import FORCE_COLUMN, Column, Contract
from dagster_project.contracts.model import normalised, time_of_day_of
from dagster_project.extracts.cells import NULL_WORDS
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.limits import stem_of
from dagster_project.settings import force_names

# What workbooks add to a day, and to a time of day below ten o'clock.
_MIDNIGHT, _SHORT_HOUR = r"[T ]00:00(:00(\.0+)?)?$", r"^(\d:)"


class Translation:
    """Translates the rows of one file.

    Attributes:
        from_name: values in the name of the file, by column.
    """

    def __init__(self, contract: Contract, delivered_name: str, shown_name: str) -> None:
        """Read the name of the file.

        Raises:
            UnreadableExtract: the name lacks a value that the contract expects in it; messages have `shown_name`.
        """
        self._columns = [column for column in contract.columns if column.spellings or column.name == FORCE_COLUMN]
        self._times = [column for column in contract.columns if column.time_of_day]
        self.from_name: dict[str, str] = {}
        stem = stem_of(delivered_name)
        for column in contract.columns:
            if column.file_name_part:
                found = re.search(column.file_name_part, stem)
                if not (found and found[1]):
                    raise UnreadableExtract(
                        "missing_column",
                        f"{shown_name}: the name of the file has no {column.name}; expected a name with "
                        f"{column.file_name_part} (fromFileName of the contract)",
                    )
                self.from_name[column.name] = found[1]

    def translated(self, rows: pa.Table, found: tuple[str, ...]) -> pa.Table:
        """Return rows with the words of the contract, and without the columns of times of day.

        Args:
            rows: rows of a reader.
            found: columns that the file itself has.
        """
        for name, text in self.from_name.items():
            if name not in found:
                rows = _with(rows, name, pa.repeat(pa.scalar(text), rows.num_rows))
        for column in self._times:
            other = time_of_day_of(column)
            rows = _with(rows, column.name, _joined(rows.column(column.name), rows.column(other))).drop_columns(other)
        for column in self._columns:
            rows = _with(rows, column.name, _mapped(rows.column(column.name), _word(column)))
        return rows


def _with(rows: pa.Table, name: str, cells: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, cells)


def _word(column: Column) -> Callable[[str], str | None]:
    """Return the function for the word of the contract; null for one that means no value."""
    forces = forces_by_name() if column.name == FORCE_COLUMN else {}
    return lambda text: column.spellings.get(text.lower(), forces.get(normalised(text), text)) or None


@cache
def forces_by_name() -> dict[str, str]:
    """Return the force codes by the names of the forces and by themselves, each normalised."""
    return {normalised(text): code for code, name in force_names().items() for text in (name, code)}


def _mapped(cells: pa.ChunkedArray, word: Callable[[str], str | None]) -> pa.ChunkedArray | pa.Array:
    texts = pc.unique(cells)
    words = pa.array([text and word(text) for text in texts.to_pylist()], pa.string())
    return cells if words.equals(texts) else words.take(pc.index_in(cells, texts))


def _joined(days: pa.ChunkedArray, times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return days with their times of day; a cell that is missing or a null word leaves the other one alone."""
    null_words = pa.array(NULL_WORDS)
    days, times = (
        pc.if_else(pc.is_in(pc.utf8_upper(cells), null_words), pa.scalar(None, pa.string()), cells)
        for cells in (days, times)
    )
    days = pc.if_else(pc.is_valid(times), pc.replace_substring_regex(days, _MIDNIGHT, ""), days)
    times = pc.replace_substring_regex(times, _SHORT_HOUR, r"0\1")
    return pc.coalesce(pc.binary_join_element_wise(days, times, " "), days, times)
