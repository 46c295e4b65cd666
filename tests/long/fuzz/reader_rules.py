"""What has to hold of the reading of any bytes at all. How the bytes are made up is in `mutations.py`."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pyarrow as pa

from dagster_project.contracts import Contract
from dagster_project.extracts import container
from dagster_project.extracts.csv import DELIMITERS
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.pieces import BLANKS, UNBALANCED_QUOTE, schema
from dagster_project.extracts.reading import open_extract

PERSONAL_TEXT = "Quxorvaleth"
"""Stands in every cell of the personal column of the first files, and nowhere else."""
TELLING = PERSONAL_TEXT[:7]
"""As much of it as mutations mostly leave."""

# Two blocks of so few bytes meet in the middle of a small file; header and first rows are in the first of them.
_SMALL_BLOCK = 400
_SHEET_ROWS = 1_048_576
_SEPARATORS = BLANKS + ",;\t|"


class Outcome(NamedTuple):
    """What came of reading a file: its columns and rows as far as it was read, code and sentence of a refusal."""

    columns: object
    rows: pa.Table
    code: str
    sentence: str

    @property
    def numbers(self) -> list[int]:
        """Numbers of the rows in the file."""
        return self.rows.column("source_row").to_pylist()


def read(path: Path, under: Contract) -> Outcome:
    """Read a file to its end; only the refusal that the readers promise is caught."""
    tables, columns, code, sentence = [schema(under).empty_table()], None, "", ""
    try:
        with open_extract(path, under) as extract:
            columns = extract.found, extract.unknown_columns
            tables.extend(extract.batches())
            assert extract.rows_read == sum(table.num_rows for table in tables), "rows_read differs from the batches"
    except UnreadableExtract as error:
        code, sentence = error.code, str(error)
    return Outcome(columns, pa.concat_tables(tables), code, sentence)


def check(path: Path, under: Contract) -> None:
    """Read a file and try every rule on what comes out; errors other than an AssertionError are crashes of a reader."""
    data = path.read_bytes()
    first = read(path, under)
    numbers = first.numbers
    assert first == read(path, under), "a second reading is the same"
    assert TELLING not in first.sentence, "a refusal shows no personal value"
    assert not first.code or path.name in first.sentence, "a refusal names the file"
    assert all(low < high for low, high in pairwise([0, *numbers])), "row numbers grow"
    faults = first.rows.column("fault_detail").to_pylist()
    assert not any(TELLING in (detail or "") for detail in faults), "a fault shows no personal value"
    if path.suffix == ".csv":
        _check_text(path, data, under, first)
    else:
        assert not numbers or numbers[-1] <= _SHEET_ROWS, "row numbers are within the sheet"


def _check_text(path: Path, data: bytes, under: Contract, first: Outcome) -> None:
    assert first.code != "count_differs", "two counts of a text are the same, and a text cannot contradict itself"
    if first.code or not first.numbers:
        return
    lines = data.count(b"\n") + data.count(b"\r") + 1
    assert first.numbers[-1] <= lines, "row numbers are within the file"
    if not data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        _check_lines(path, data, under, first)
    with patch.object(container._read, "__defaults__", (_SMALL_BLOCK,)):
        found = read(path, under)
    assert not _has_header_of(first, found) or found == first, "it has the same rows in small blocks"


def _check_lines(path: Path, data: bytes, under: Contract, first: Outcome) -> None:
    """Check the lines of a text whose line ends are those of ASCII."""
    numbers, text = first.numbers, data.decode(errors="replace")
    if b'"' not in data and "\ufffd" not in text:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        filled = [place for place, line in enumerate(lines, 1) if line.strip(_SEPARATORS)]
        # The last one may be the totals row.
        missed = set(filled[:-1]) - set(numbers) - set(range(numbers[0]))
        assert not missed, f"every line with text is read, not so {missed}"
        has_cells = any(_has_cells_of(first.rows, lines, delimiter) for delimiter in DELIMITERS)
        assert has_cells, "every cell of a row is in its line"
    if UNBALANCED_QUOTE not in first.rows.column("fault").to_pylist():
        # A line that Arrow cannot parse makes every line be read one by one, and has to change nothing above it.
        longer = path.with_name(f"longer_{path.name}")
        longer.write_bytes(data + b'\n"\n')
        found = read(longer, under)
        is_same = not found.code and found.rows[: len(numbers)] == first.rows
        assert is_same or not _has_header_of(first, found), "a line at the end changes nothing above it"


def _has_header_of(first: Outcome, other: Outcome) -> bool:
    """Return whether two readings took the same line for the header: the best one of the first block alone."""
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
