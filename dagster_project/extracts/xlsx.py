"""Read Excel workbooks: find the sheet that fits the contract, and return its cells as text.

`workbook.py` checks the container and parses the cells.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

import pyarrow as pa

from dagster_project.contracts import CellType, Column, Contract
from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.header import ROWS_LOOKED_AT, Header, Headings
from dagster_project.extracts.pieces import (
    BLANKS,
    DIGITS_LOST,
    FORMULA_WITHOUT_VALUE,
    ROWS_AT_ONCE,
    TOO_MANY_CELLS,
    Count,
    Fault,
    Piece,
    clock,
    piece,
)
from dagster_project.extracts.workbook import Cell, Number, Workbook

# Milliseconds; a number of days is exact to fewer than one.
_DAY = 86_400_000
# 1 January 1904 is day 1462 of the numbering that starts in 1900.
DAYS_TO_1904 = 1462
# Days up to 31 December 9999, and the smallest serial number that is read as a timestamp (see `cells.py`).
_DAYS, _FIRST_SERIAL = 2_958_466, 20_000
# Excel treats 1900 as a leap year: 1 January 1900 is day 1, and 1 March is day 61.
_LEAP_DAY = 60

# Wide rows are returned in smaller pieces: this many cells take about 100 MB as Python values.
_CELLS_AT_ONCE = 1_000_000

_OUTSIDE = Fault(TOO_MANY_CELLS, "filled cells to the right of the header")
_FORMULA = Fault(FORMULA_WITHOUT_VALUE, "a formula whose value was never stored")
# Excel keeps 15 digits of a number, so that longer identifiers that differ become equal.
_FIRST_INEXACT = 1e15
# A decimal column with this maximum is a percentage.
_WHOLE = 100

_Row = tuple[int, dict[int, Cell]]


@dataclass(frozen=True)
class _Sheet:
    name: str
    header: Header


class XlsxReader:
    """The rows of the one sheet of a workbook that fits the contract, or of those that the contract names.

    Of several sheets, rows are numbered on from the last row of the sheet before.

    Args:
        file: the workbook.
        contract: contract of its source.

    Raises:
        UnreadableExtract: on construction, if the container is not safe to parse, or if no sheet has the header, or
            another number of sheets than the contract expects.
    """

    def __init__(self, file: OpenFile, contract: Contract) -> None:
        self._file = file
        self._contract = contract
        self._headings = Headings(contract)
        self._only_formulas = 0
        self._workbook = Workbook(file)
        self._sheets = self._find_sheets()
        headers = [sheet.header for sheet in self._sheets]
        self.found = tuple(c.name for c in contract.columns if any(c.name in header.positions for header in headers))
        self.unknown = tuple(dict.fromkeys(name for header in headers for name in header.unknown))
        self.serial_days = DAYS_TO_1904 if self._workbook.counts_from_1904 else 0

    def _find_sheets(self) -> list[_Sheet]:
        names, wanted = list(self._workbook.sheets), self._contract.sheets
        if wanted:
            names = [name for name in names if name.strip() in wanted]
            if missing := [name for name in wanted if name not in map(str.strip, names)]:
                raise UnreadableExtract(
                    "no_sheet",
                    f"{self._file.name}: none of the {len(self._workbook.sheets)} sheets is named {missing[0]}",
                )
        headings = self._headings
        looked_at: list[Sequence[str]] = []
        fitting: list[_Sheet] = []
        closest: tuple[int, UnreadableExtract] | None = None
        for name in names:
            filled = ((number, cells) for number, cells in self._workbook.rows_of(name) if _has_text(cells))
            rows = [(number, _heading_texts(cells)) for number, cells in islice(filled, ROWS_LOOKED_AT)]
            looked_at.extend(row for _, row in rows)
            best = headings.best(rows)
            if best is None:
                continue
            count, place, row = best
            try:
                fitting.append(_Sheet(name, headings.header(self._file.name, place, row)))
            except UnreadableExtract as error:
                if closest is None or count > closest[0]:
                    closest = (count, error)
        if len(fitting) > 1 and wanted is None:
            raise UnreadableExtract(
                "ambiguous_sheet",
                f"{self._file.name}: {len(fitting)} sheets have the header; expected one, or "
                "sheets: all in the contract, or the names of the sheets",
            )
        if len(fitting) >= len(wanted or "1"):
            return fitting
        if closest:
            raise closest[1] from None
        raise headings.none_found(self._file.name, looked_at, f" in {len(names)} sheets")

    def pieces(self) -> Iterator[Piece]:
        """Yield the rows below the headers in pieces.

        Raises:
            UnreadableExtract: a sheet is damaged.
        """
        rows_before = 0
        for sheet in self._sheets:
            found = self._numbered_rows(sheet.header, self._workbook.rows_of(sheet.name))
            rows = min(ROWS_AT_ONCE, max(1, _CELLS_AT_ONCE // sheet.header.width))
            waiting = list(islice(found, rows))
            last = sheet.header.row
            while waiting:
                following = list(islice(found, rows))
                last = waiting[-1][0]
                yield replace(self._piece(sheet.header, waiting, rows_before), is_end=not following)
                waiting = following
            rows_before += last

    def count(self) -> Count:
        """Count the rows below the headers with a value in the XML of the sheets."""
        below = sum(self._workbook.rows_with_value(sheet.name, sheet.header.row) for sheet in self._sheets)
        return Count(below, -self._only_formulas, "rows of the sheet with a value")

    def _numbered_rows(
        self, header: Header, rows: Iterator[_Row]
    ) -> Iterator[tuple[int, dict[int, Cell], Fault | None]]:
        """Yield the rows below the header that are not blank, with the faults of a whole row."""
        loaded = frozenset(header.positions.values())
        for number, cells in rows:
            if number <= header.row:
                continue
            has_text = _has_text(cells)
            if None in cells.values() and any(cells.get(place, "") is None for place in loaded):
                self._only_formulas += not has_text
                yield number, cells, _FORMULA
            elif max(cells) >= header.width and _has_text({i: cell for i, cell in cells.items() if i >= header.width}):
                yield number, cells, _OUTSIDE
            elif has_text:
                yield number, cells, None

    def _piece(self, header: Header, rows: list[tuple[int, dict[int, Cell], Fault | None]], rows_before: int) -> Piece:
        faults = {i: fault for i, (_, _, fault) in enumerate(rows) if fault}
        columns: dict[str, pa.Array] = {}
        for name, position in header.positions.items():
            column = self._contract.column(name)
            found = [cells.get(position) for _, cells, _ in rows]
            for i, cell in enumerate(found):
                if isinstance(cell, Number):
                    found[i] = self._text(cell, column)
                    if column.cell_type is CellType.TEXT and abs(cell.value) >= _FIRST_INEXACT:
                        faults.setdefault(i, Fault(DIGITS_LOST, column=name))
            columns[name] = pa.array(found, pa.string())
        last = next((cell for _, cell in sorted(rows[-1][1].items()) if _has_text({0: cell})), "")
        return piece(
            self._contract,
            source_rows=[rows_before + number for number, _, _ in rows],
            columns=columns,
            faults=faults,
            last_label=last.strip(BLANKS) if isinstance(last, str) else "",
        )

    def _text(self, cell: Number, column: Column) -> str:
        """Return a number as its number format and the type of its column suggest."""
        value, (has_date, has_time, _) = cell
        kind = column.cell_type
        if cell.is_percentage and kind is CellType.TEXT:
            return f"{cell.percentage(0)}%"
        if cell.is_percentage and kind is CellType.DECIMAL and column.maximum == _WHOLE:
            # A formula has more decimals than the cell shows, and than the contract allows.
            return cell.percentage(column.scale or 0)
        if kind in (CellType.INTEGER, CellType.DECIMAL) or not (has_date or has_time) or value < 0:
            return _plain(value)
        is_serial, days = value >= _FIRST_SERIAL, value + self.serial_days
        if kind is CellType.TIMESTAMP and is_serial and not has_date:
            return _plain(value)
        # A time of day may have the format of a moment, and a moment that of a time of day.
        if kind is not CellType.SECONDS and value >= 1 and (has_date or is_serial) and days < _DAYS:
            return _moment(days, shows_midnight=has_time and kind is CellType.TIMESTAMP)
        is_clock = has_time or (value < 1 and kind is not CellType.SECONDS)
        return clock(round(value * _DAY) * 1000) if is_clock else _plain(value)


def _moment(days: float, *, shows_midnight: bool) -> str:
    """Return a number of days since 1900 as a date, with a time of day unless that is midnight."""
    epoch = dt.datetime(1899, 12, 30 if days >= _LEAP_DAY else 31)  # noqa: DTZ001 - Excel knows no time zone
    # The last millisecond of the year 9999 is not rounded up.
    moment = epoch + dt.timedelta(milliseconds=min(round(days * _DAY), _DAYS * _DAY - 1))
    has_time = shows_midnight or moment.time() != dt.time()
    return str(moment if has_time else moment.date())


def _has_text(cells: dict[int, Cell]) -> bool:
    return any(cell is not None and (isinstance(cell, Number) or cell.strip(BLANKS)) for cell in cells.values())


def _heading_texts(cells: dict[int, Cell]) -> list[str]:
    """Return the texts of a row by column; a cell that is no text is a blank."""
    texts = [" "] * (max(cells) + 1)
    for place, cell in cells.items():
        texts[place] = cell if isinstance(cell, str) else " "
    return texts


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
