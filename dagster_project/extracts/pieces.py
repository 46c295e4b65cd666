"""The result of every reader: pieces of rows with text columns. The readers parse the formats."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.contracts import Contract

ROWS_AT_ONCE = 50_000
"""Rows of a piece, at most; 5 to 20 MiB."""

TOO_FEW_CELLS = "too_few_cells"
TOO_MANY_CELLS = "too_many_cells"
UNBALANCED_QUOTE = "unbalanced_quote"
UNREADABLE_RECORD = "unreadable_record"
FORMULA_WITHOUT_VALUE = "formula_without_value"
INVALID_UTF_8 = "invalid_utf_8"
DIGITS_LOST = "digits_lost"

# All characters that Python counts as spaces (including the no-break space), and the byte-order mark that concatenated
# exports leave in the middle of a file. A single list, so that Python and Arrow trim the same characters.
BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\ufeff"

_TOTALS = re.compile(r"(?:totals?|grand\s+totals?|sum|end\s+of\s+(?:report|file|data))\s*:?", re.IGNORECASE)


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be read: one of the codes of this module, and a sentence that contains no value."""

    code: str
    detail: str = ""
    column: str | None = None
    """Contract column of the faulty cell; None if the fault is in the record or in a column that is not loaded."""


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of an extract.

    Attributes:
        table: rows with the columns of `schema`.
        last_label: first cell with text in the last row; identifies a totals row.
        is_end: whether a table of the file ends here; the last piece of a file need not say so.
    """

    table: pa.Table
    last_label: str
    is_end: bool = False


@dataclass(frozen=True)
class Count:
    """An independent count of a file's records, made without parsing them.

    Attributes:
        expected: the number counted.
        others: how many of these are not records; the reader must have returned `expected` minus `others` records,
            including the totals row.
        unit: the counted unit, in words.
    """

    expected: int
    others: int
    unit: str


def schema(contract: Contract) -> pa.Schema:
    """Return the columns of a piece: source_row, fault, fault_detail, record_column, then all columns as text.

    `record_column` is the contract column of a record fault that is in a single cell.
    """
    return pa.schema(
        [
            ("source_row", pa.int64()),
            ("fault", pa.string()),
            ("fault_detail", pa.string()),
            ("record_column", pa.string()),
            *((column.name, pa.string()) for column in contract.cells),
        ]
    )


def piece(
    contract: Contract,
    *,
    source_rows: Sequence[int] | np.ndarray,
    columns: Mapping[str, pa.Array],
    faults: Mapping[int, Fault],
    last_label: str,
) -> Piece:
    """Build a piece from rows.

    Args:
        contract: defines the columns and their order.
        source_rows: number of each row in the file, from 1.
        columns: texts of each contract column; columns that are not given are null.
        faults: faults by row index; the cells of these rows are null.
        last_label: first cell with text in the last row.

    Returns:
        The piece, with trimmed cells and null for empty ones; a row with a NUL character is an unreadable record.
    """
    count = len(source_rows)
    trimmed = {name: _trimmed(column) for name, column in columns.items()}
    faulty = dict(faults)
    for column in trimmed.values():
        held = pc.match_substring(column, "\x00")
        if pc.any(held).as_py():
            for index in pc.indices_nonzero(held.fill_null(False)).to_pylist():
                faulty.setdefault(index, Fault(UNREADABLE_RECORD, "a NUL character in the record"))
    codes, details, places = (pa.nulls(count, pa.string()) for _ in range(3))
    if faulty:
        codes = pa.array([faulty[i].code if i in faulty else None for i in range(count)], pa.string())
        details = pa.array([faulty[i].detail or None if i in faulty else None for i in range(count)], pa.string())
        places = pa.array([faulty[i].column if i in faulty else None for i in range(count)], pa.string())
        usable = pc.is_null(codes)
        trimmed = {name: pc.if_else(usable, column, pa.scalar(None, pa.string())) for name, column in trimmed.items()}
    arrays = [_whole_numbers(source_rows), codes, details, places]
    arrays += [
        trimmed[column.name] if column.name in trimmed else pa.nulls(count, pa.string()) for column in contract.cells
    ]
    return Piece(pa.Table.from_arrays(arrays, schema=schema(contract)), last_label)


def _whole_numbers(numbers: Sequence[int] | np.ndarray) -> pa.Array:
    # Not pa.array(), which imports pandas if it is installed: 0.2 seconds for the first file of a process.
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(np.asarray(numbers, np.int64))])


def _trimmed(column: pa.Array) -> pa.Array:
    """Return text without leading and trailing blanks; null if it is empty then."""
    text = pc.utf8_trim(column, characters=BLANKS)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def label(cells: Sequence[str | None]) -> str:
    """Return the first cell that has text, trimmed; empty if none has."""
    for cell in cells:
        text = cell.strip(BLANKS) if cell else ""
        if text:
            return text
    return ""


def clock(micros: int) -> str:
    """Return microseconds as H:MM:SS, with a fraction if there is one."""
    seconds, rest = divmod(abs(micros), 1_000_000)
    fraction = f".{rest:06d}" if rest else ""
    sign = "-" if micros < 0 else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}"


def is_totals(text: str) -> bool:
    """Return whether a row that starts with this text is a totals row."""
    return _TOTALS.fullmatch(text) is not None
