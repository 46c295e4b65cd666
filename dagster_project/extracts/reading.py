"""Read one delivered file under its contract: the entry point of this package. Each format has its own module."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from dagster_project.contracts import Contract
from dagster_project.extracts.container import OpenFile, open_file
from dagster_project.extracts.csv import CsvReader
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.header import Headings
from dagster_project.extracts.pieces import Count, Piece, is_totals, schema
from dagster_project.extracts.translation import Translation


class _Reader(Protocol):
    """The interface of each format's reader."""

    serial_days: int

    @property
    def found(self) -> tuple[str, ...]: ...

    @property
    def unknown(self) -> tuple[str, ...]: ...

    def pieces(self) -> Iterator[Piece]: ...

    def count(self) -> Count: ...


class Extract:
    """An open delivered file whose columns are recognised.

    Attributes:
        file_name: its name in messages.
        format: `csv`, `xlsx`, `parquet` or `jsonl`.
        sha256: hash of the bytes that were read.
        serial_days: days to add to serial numbers of the file: 1462 if they count from 1904, otherwise 0.
        rows_read: data rows without preamble, header, blank rows and totals; set once the batches are consumed.
        totals_rows: totals rows, which are left out; set once the batches are consumed.
    """

    def __init__(self, file: OpenFile, contract: Contract, delivered_name: str) -> None:
        self._file = file
        self.file_name = file.name
        self.format = file.format
        self.sha256 = file.sha256
        self.rows_read = self.totals_rows = 0
        self._headings = Headings(contract)
        self._translation = Translation(contract, delivered_name, file.name)
        self._reader: _Reader = READERS[file.format](file, contract)
        self.serial_days = self._reader.serial_days

    @property
    def found(self) -> tuple[str, ...]:
        """Contract columns that the file or its name has; for JSON Lines complete once the batches are consumed."""
        return tuple(dict.fromkeys((*self._reader.found, *self._translation.from_name)))

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """Column names that are not in the contract, cut at 60 characters."""
        return self._reader.unknown

    def batches(self, *, is_translated: bool = True) -> Iterator[pa.Table]:
        """Yield all data rows in order, as text, one table for each piece of the reader.

        Args:
            is_translated: whether cells have the words of the contract instead of those of the file.

        Yields:
            Tables with the columns of `pieces.schema`; contract columns are text, null if the cell is empty, the file
            lacks the column or the row has a fault.

        Raises:
            UnreadableExtract: the file turns out to be damaged, changed while it was read, or has a second header.
        """
        self.rows_read = self.totals_rows = 0
        try:
            for table in self._data():
                if table.num_rows:
                    self._check_for_header(table)
                    self.rows_read += table.num_rows
                    yield self._translation.translated(table, self._reader.found) if is_translated else table
        except UnreadableExtract as error:
            error.sha256 = self.sha256
            raise
        self._file.check_unchanged()

    def _data(self) -> Iterator[pa.Table]:
        """Yield the tables of the pieces without totals rows, which are known only at the end of a table."""
        held: Piece | None = None
        handed = 0
        for found in self._reader.pieces():
            if held is not None:
                yield self._without_totals(held) if held.is_end else held.table
            held = found
            handed += found.table.num_rows
        self._check_count(handed)
        if held is not None:
            yield self._without_totals(held)

    def _without_totals(self, last: Piece) -> pa.Table:
        is_left_out = is_totals(last.last_label)
        self.totals_rows += is_left_out
        return last.table.slice(0, last.table.num_rows - is_left_out)

    def _check_for_header(self, table: pa.Table) -> None:
        second = self._headings.second(table, self._reader.found)
        if second is not None:
            place = table.column("source_row")[second].as_py()
            raise UnreadableExtract(
                "second_header",
                f"{self.file_name}: row {place} is a header again, with its columns in other places; expected one "
                "table; deliver each table in a file of its own",
            )

    def _check_count(self, handed: int) -> None:
        count = self._reader.count()
        if handed + count.others != count.expected:
            raise UnreadableExtract(
                "count_differs",
                f"{self.file_name}: {handed} rows were read, but counted another way there are "
                f"{count.expected - count.others} ({count.expected} {count.unit}"
                f"{f', {count.others} of them no rows' if count.others > 0 else ''}); "
                "none is loaded; the file contradicts itself, or fcir is at fault: deliver it in another format",
            )

    def close(self) -> None:
        """End a process that is still reading the file."""
        if close := getattr(self._reader, "close", None):
            close()


def _json_lines(file: OpenFile, contract: Contract) -> _Reader:
    from dagster_project.extracts.jsonl import JsonLinesReader

    return JsonLinesReader(file, contract)


def _isolated(file: OpenFile, contract: Contract) -> _Reader:
    from dagster_project.extracts.isolation import IsolatedReader

    return IsolatedReader(file, contract)


# A night of CSV files imports no other format.
READERS: dict[str, Callable[[OpenFile, Contract], _Reader]] = {
    "csv": CsvReader,
    "jsonl": _json_lines,
    "parquet": _isolated,
    "xlsx": _isolated,
}


@contextmanager
def open_extract(
    path: Path, contract: Contract, listed: tuple[int, int] | None = None, *, name: str | None = None
) -> Iterator[Extract]:
    """Open a delivered file and recognise its columns.

    Args:
        path: csv, csv.gz, xlsx, parquet or jsonl file.
        contract: contract of the source that delivered it.
        listed: its size and modification time in nanoseconds when it was found to be complete; None: any.
        name: its name in messages; None: the whole name.

    Raises:
        UnreadableExtract: the file cannot be read.
    """
    file = open_file(path, listed, name)
    with file.file:
        try:
            extract = Extract(file, contract, path.name)
        except UnreadableExtract as error:
            error.sha256 = file.sha256
            raise
        with closing(extract):
            yield extract


__all__ = ["Extract", "open_extract", "schema"]
