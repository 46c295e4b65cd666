"""What has to hold of the reading of any bytes at all. How the bytes are made up is in `mutations.py`."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dagster_project.contracts import Contract
from dagster_project.contracts.odcs import load_contract
from dagster_project.extracts import container, reading
from dagster_project.extracts.csv import DELIMITERS
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.pieces import BLANKS, UNBALANCED_QUOTE, schema
from dagster_project.extracts.reading import open_extract
from dagster_project.extracts.xlsx import XlsxReader

ROOT = Path(__file__).parents[3]
# Has columns of texts, numbers, durations and times, lists, and a personal one that need not be filled.
SOURCE = "call_segments"
PERSONAL_TEXT = "Quxorvaleth"
"""Stands in every cell of the personal column of the first files, and nowhere else."""
TELLING = PERSONAL_TEXT[:7]
"""As much of it as mutations mostly leave."""

# Two blocks of so few bytes meet in the middle of a small file; header and first rows are in the first of them.
SMALL_BLOCK = 400
_SHEET_ROWS = 1_048_576
_SEPARATORS = BLANKS + ",;\t|"


class BrokenRule(Exception):
    """A reading that breaks a rule; says which."""


def contract() -> Contract:
    """The contract under which everything is read."""
    return load_contract(ROOT / "expectations" / f"{SOURCE}.odcs.yaml")


@dataclass(frozen=True)
class Outcome:
    """What came of reading a file: its columns and rows as far as it was read, code and sentence of a refusal."""

    columns: tuple[tuple[str, ...], tuple[str, ...]] | None
    rows: pa.Table
    code: str = ""
    sentence: str = ""

    @property
    def numbers(self) -> list[int]:
        return self.rows.column("source_row").to_pylist()


def read(path: Path, under: Contract) -> Outcome:
    """Read a file to its end; only the refusal that the readers promise is caught."""
    tables = [schema(under).empty_table()]
    columns = None
    try:
        with open_extract(path, under) as extract:
            columns = extract.found, extract.unknown_columns
            tables.extend(extract.batches())
            rows = pa.concat_tables(tables)
            if extract.rows_read != rows.num_rows:
                raise BrokenRule(f"rows_read is {extract.rows_read}, and the batches hold {rows.num_rows}")
    except UnreadableExtract as error:
        return Outcome(columns, pa.concat_tables(tables), error.code, str(error))
    return Outcome(columns, rows)


def check(path: Path, under: Contract) -> None:
    """Read a file and try every rule on what comes out.

    Raises:
        BrokenRule: one does not hold. Any other error is a crash of a reader.
    """
    data = path.read_bytes()
    first = read(path, under)
    if first != read(path, under):
        raise BrokenRule("a second reading differs from the first")
    if TELLING in first.sentence or (first.code and path.name not in first.sentence):
        raise BrokenRule("the refusal does not name the file, or shows a personal value")
    numbers = first.numbers
    if any(later <= earlier for earlier, later in zip([0, *numbers], numbers, strict=False)):
        raise BrokenRule("row numbers do not grow")
    if any(TELLING in (detail or "") for detail in first.rows.column("fault_detail").to_pylist()):
        raise BrokenRule("a fault shows a personal value")
    if path.suffix == ".csv":
        _check_text(path, data, under, first)
    elif numbers and numbers[-1] > _SHEET_ROWS:
        raise BrokenRule("a row number beyond the sheet")


def _check_text(path: Path, data: bytes, under: Contract, first: Outcome) -> None:
    if first.code == "count_differs":
        raise BrokenRule("the two counts of a text differ, and a text cannot contradict itself")
    if first.code or not first.numbers:
        return
    numbers = first.numbers
    if numbers[-1] > data.count(b"\n") + data.count(b"\r") + 1:
        raise BrokenRule("a row number beyond the file")
    if not data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        _check_lines(path, data, under, first)
    with small_blocks():
        found = read(path, under)
    if _has_header_of(first, found) and found != first:
        raise BrokenRule(f"read in small blocks it has other rows {found.code}")


def _check_lines(path: Path, data: bytes, under: Contract, first: Outcome) -> None:
    """Rules about the lines of a text whose line ends are those of ASCII."""
    numbers = first.numbers
    if b'"' not in data:
        lines = _decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        filled = [place for place, line in enumerate(lines, 1) if line.strip(_SEPARATORS)]
        # The last one may be the totals row.
        missed = set(filled[:-1]) - set(numbers) - set(range(numbers[0]))
        if missed:
            raise BrokenRule(f"line {min(missed)} holds text, and was not read")
        if not any(_has_cells_of(first.rows, lines, delimiter) for delimiter in DELIMITERS):
            raise BrokenRule("a row has a cell that its line has not")
    if UNBALANCED_QUOTE not in first.rows.column("fault").to_pylist():
        # A line that Arrow cannot parse makes every line be read one by one, and has to change nothing above it.
        longer = path.with_name(f"longer_{path.name}")
        longer.write_bytes(data + b'\n"\n')
        found = read(longer, under)
        if _has_header_of(first, found) and (found.code or found.rows[: len(numbers)] != first.rows):
            raise BrokenRule(f"a line added at the end changes what is above it {found.code}")


def _has_header_of(first: Outcome, other: Outcome) -> bool:
    """Whether two readings took the same line for the header: it is the best one of the first block alone."""
    return other.columns == first.columns and other.numbers[:1] == first.numbers[:1]


def _has_cells_of(rows: pa.Table, lines: list[str], delimiter: str) -> bool:
    """Whether every cell that was read stands between two delimiters of its line; without quotes."""
    for row in rows.drop_columns(["fault", "fault_detail", "record_column"]).to_pylist():
        cells = [cell.strip(BLANKS) for cell in lines[row.pop("source_row") - 1].split(delimiter)]
        for cell in filter(None, row.values()):
            if cell not in cells:
                return False
            cells.remove(cell)
    return True


def _decoded(data: bytes) -> str:
    """UTF-8 where it is valid or more of it is than is not, with bad bytes as surrogates; else Windows-1252."""
    replaced = data.decode(errors="replace")
    # A replacement character may itself be in the file.
    invalid = replaced.count("\ufffd") - data.count("\ufffd".encode())
    valid = sum(not character.isascii() for character in replaced) - invalid
    if not invalid or valid > invalid:
        return data.decode(errors="surrogateescape")
    return data.decode("cp1252", "replace")


@contextmanager
def small_blocks() -> Iterator[None]:
    """Has texts read a few lines at a time."""
    usual = container._CHUNK
    container._CHUNK = SMALL_BLOCK
    try:
        yield
    finally:
        container._CHUNK = usual


def read_workbooks_here() -> None:
    """Has workbooks read in this process, where coverage is seen, and not in one apart, where crashes end nothing."""
    readers: dict[str, Any] = reading.READERS
    readers["xlsx"] = XlsxReader
