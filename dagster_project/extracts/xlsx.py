"""Read Excel workbooks: find the sheet that fits the contract, and return its cells as text.

`workbook.py` checks the container.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from dagster_project.contracts import CellType, Contract
from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.header import ROWS_LOOKED_AT, Header, Headings
from dagster_project.extracts.parquet import as_text
from dagster_project.extracts.pieces import (
    BLANKS,
    DIGITS_LOST,
    FORMULA_WITHOUT_VALUE,
    TOO_MANY_CELLS,
    Count,
    Fault,
    Piece,
    label,
    piece,
)
from dagster_project.extracts.workbook import CellFacts, Workbook

# 1 January 1904 is day 1462 of the numbering that starts in 1900.
DAYS_TO_1904 = 1462

# Wide rows are returned in smaller pieces: this many cells take about 100 MB as Python values.
_CELLS_AT_ONCE = 1_000_000

_OUTSIDE = Fault(TOO_MANY_CELLS, "filled cells to the right of the header")
# The smallest serial number that is read as a timestamp (see `cells.py`).
_FIRST_SERIAL = 20_000
# Excel keeps 15 digits of a number, so that longer identifiers that differ become equal.
_FIRST_INEXACT = 1e15
# A decimal column with this maximum is a percentage.
_WHOLE = 100
_FORMULA = Fault(FORMULA_WITHOUT_VALUE, "a formula whose value was never stored")


@dataclass(frozen=True)
class _Sheet:
    name: str
    cells: CalamineSheet
    header: Header
    column_offset: int


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
        self.warnings: list[str] = []
        self._workbook = Workbook(file)
        file.file.seek(0)
        try:
            self._sheets = self._find_sheets(CalamineWorkbook.from_filelike(file.file))
        except (CalamineError, OSError, ValueError):
            raise UnreadableExtract(
                "corrupt", f"{file.name}: the workbook is damaged; expected a valid xlsx file"
            ) from None
        self._sheet = self._sheets[0]
        self._rows_before = 0
        headers = [sheet.header for sheet in self._sheets]
        self.found = tuple(c.name for c in contract.columns if any(c.name in header.positions for header in headers))
        self.unknown = tuple(dict.fromkeys(name for header in headers for name in header.unknown))
        self.serial_days = DAYS_TO_1904 if self._workbook.counts_from_1904 else 0

    @property
    def _header(self) -> Header:
        return self._sheet.header

    def _find_sheets(self, workbook: CalamineWorkbook) -> list[_Sheet]:
        names, wanted = workbook.sheet_names, self._contract.sheets
        if wanted:
            names = [name for name in names if name.strip() in wanted]
            if missing := [name for name in wanted if name not in map(str.strip, names)]:
                raise UnreadableExtract(
                    "no_sheet",
                    f"{self._file.name}: none of the {len(workbook.sheet_names)} sheets is named {missing[0]}",
                )
        headings = self._headings
        looked_at: list[Sequence[str]] = []
        fitting: list[_Sheet] = []
        closest: tuple[int, UnreadableExtract] | None = None
        for name in names:
            if name not in self._workbook.sheets:
                continue
            cells = workbook.get_sheet_by_name(name)
            rows = list(_first_rows(_rows(cells, self._file.name)))
            looked_at.extend(row for _, row in rows)
            best = headings.best(rows)
            if best is None:
                continue
            count, place, row = best
            try:
                header = headings.header(self._file.name, place, row)
            except UnreadableExtract as error:
                if closest is None or count > closest[0]:
                    closest = (count, error)
                continue
            fitting.append(_Sheet(name, cells, header, cells.start[1] if cells.start else 0))
        if len(fitting) > 1 and wanted is None:
            raise UnreadableExtract(
                "ambiguous_sheet",
                f"{self._file.name}: {len(fitting)} sheets have the header; expected one, "
                "or the names of the sheets in the contract (sheets)",
            )
        if len(fitting) >= len(wanted or "1"):
            return fitting
        if closest:
            raise closest[1] from None
        raise headings.none_found(self._file.name, looked_at, f" in {len(names)} sheets")

    def pieces(self, rows: int) -> Iterator[Piece]:
        """Yield the rows below the headers, in pieces of at most this many rows.

        Raises:
            UnreadableExtract: a sheet is damaged, or a row is a second header.
        """
        for sheet in self._sheets:
            self._sheet = sheet
            held = None
            for found in self._pieces_of_sheet(rows):
                if held:
                    yield held
                held = found
            if held:
                yield replace(held, is_end=True)
            self._rows_before += self._workbook.rows[sheet.name].last_row

    def _pieces_of_sheet(self, rows: int) -> Iterator[Piece]:
        waiting: list[tuple[int, list[Any]]] = []
        faults: dict[int, Fault] = {}
        width = self._header.width
        suspect = self._workbook.is_suspect(self._sheet.name)
        misread = self._facts.misread if suspect else {}
        # The parser pads every row to the width of the widest.
        rows = max(1, min(rows, _CELLS_AT_ONCE // max(1, self._sheet.cells.total_width)))
        for number, row in self._numbered_rows():
            if number <= self._header.row:
                continue
            has_text, has_more = _has_text(row[:width]), len(row) > width and _has_text(row[width:])
            has_formula = suspect and self._has_formula(number)
            if has_formula:
                faults[len(waiting)] = _FORMULA
                self._only_formulas += not has_text and not has_more and number not in misread
            elif has_more:
                faults[len(waiting)] = _OUTSIDE
            elif not has_text and number not in misread:
                continue
            waiting.append((number, row))
            if len(waiting) == rows:
                yield self._piece(waiting, faults)
                waiting, faults = [], {}
        if waiting:
            yield self._piece(waiting, faults)

    def count(self) -> Count:
        """Count the rows below the headers with a value in the XML of the sheets."""
        below = sum(
            number > sheet.header.row for sheet in self._sheets for number in self._workbook.rows[sheet.name].with_value
        )
        return Count(below, -self._only_formulas, "rows of the sheet with a value")

    def _numbered_rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield sheet rows with their numbers from 1, including final rows that have only formulas or errors."""
        last = 0
        for last, row in _rows(self._sheet.cells, self._file.name):
            yield last, row
        if self._workbook.is_suspect(self._sheet.name):
            for number in sorted(self._facts.without_value.keys() | self._facts.misread.keys()):
                if number > last:
                    yield number, [""] * self._header.width

    @property
    def _facts(self) -> CellFacts:
        return self._workbook.facts(self._sheet.name)

    def _has_formula(self, number: int) -> bool:
        """Return whether a row that is read as empty has a formula without a value in a contract column."""
        if not self._workbook.is_suspect(self._sheet.name):
            return False
        columns = self._facts.without_value.get(number, ())
        first = self._sheet.column_offset
        return any(first + position in columns for position in self._header.positions.values())

    def _piece(self, rows: list[tuple[int, list[Any]]], faults: dict[int, Fault]) -> Piece:
        first, width = self._header.first, self._header.width
        texts = [row[first].strip(BLANKS) if type(row[first]) is str else "" for _, row in rows]
        for i in self._header.headings_among(pa.array(texts, pa.string())):
            number, row = rows[i]
            self._headings.check_again(self._file.name, self._header, number, row[:width])
        columns = {name: self._column(name, position, rows) for name, position in self._header.positions.items()}
        for name, position in self._header.positions.items():
            if self._contract.column(name).cell_type is CellType.TEXT:
                for i, (_, row) in enumerate(rows):
                    if type(row[position]) is float and abs(row[position]) >= _FIRST_INEXACT:
                        faults.setdefault(i, Fault(DIGITS_LOST, column=name))
        last = next((value for value in rows[-1][1] if _has_text([value])), "")
        return piece(
            self._contract,
            source_rows=[self._rows_before + number for number, _ in rows],
            columns=columns,
            faults=faults,
            last_label=last.strip(BLANKS) if isinstance(last, str) else "",
        )

    def _column(self, name: str, position: int, rows: list[tuple[int, list[Any]]]) -> pa.Array:
        values = [row[position] for _, row in rows]
        column = self._contract.column(name)
        cell_type = column.cell_type
        kinds = set(map(type, values))
        # Most columns have one type of value, which Arrow converts to text about five times as fast.
        if kinds == {float}:
            texts = as_text(pa.array(values, pa.float64()), {})
        elif kinds == {dt.datetime} and cell_type is not CellType.SECONDS:
            texts = as_text(pa.array(values, pa.timestamp("us")), {})
        elif kinds == {str}:
            texts = pa.array(values, pa.string())
        else:
            convert = self._converter(cell_type)
            texts = pa.array(
                [
                    value if type(value) is str else convert(value, number, position)
                    for value, (number, _) in zip(values, rows, strict=True)
                ],
                pa.string(),
            )
        place = self._sheet.column_offset + position
        misread = self._facts.misread if self._workbook.is_suspect(self._sheet.name) else {}
        replaced = {i: misread[row][place] for i, (row, _) in enumerate(rows) if place in misread.get(row, ())}
        is_percentage = cell_type is CellType.DECIMAL and column.maximum == _WHOLE
        if self._workbook.has_percentages and (is_percentage or cell_type is CellType.TEXT):
            for i, (row, _) in enumerate(rows):
                if (share := self._facts.percentages.get(row, {}).get(place)) is not None:
                    # A formula has more decimals than the cell shows, and than the contract allows.
                    replaced[i] = share.number(column.scale or 0) if is_percentage else share.shown
        if replaced:
            texts = pa.array([replaced.get(i, text) for i, text in enumerate(texts.to_pylist())], pa.string())
        return texts

    def _converter(self, cell_type: CellType) -> Callable[[Any, int, int], str]:
        if cell_type is CellType.SECONDS:
            return self._seconds
        if cell_type is CellType.TIMESTAMP:
            return self._timestamp
        if cell_type in (CellType.INTEGER, CellType.DECIMAL):
            return self._whole
        return lambda value, _number, _position: _text(value)

    def _seconds(self, value: Any, number: int, position: int) -> str:
        """Read a number as a day fraction if the number format of the cell shows a time, otherwise as seconds."""
        if (days := self._days(value, number, position)) is not None:
            return days
        return _clock(value, dt.date(1904, 1, 1) if self._workbook.counts_from_1904 else dt.date(1899, 12, 31))

    def _whole(self, value: Any, number: int, position: int) -> str:
        """Return the number itself, regardless of its number format."""
        days = self._days(value, number, position)
        return self._serial(value) if days is None else days

    def _days(self, value: Any, number: int, position: int) -> str | None:
        """Return the number behind a date if the number format of the cell shows no time."""
        if not isinstance(value, dt.date):
            return None
        text = self._facts.days.get(number, {}).get(self._sheet.column_offset + position)
        return None if text is None else _text(float(text))

    def _timestamp(self, value: Any, number: int, position: int) -> str:
        """Return a timestamp as text. Midnight is read as a date: the number format shows whether it has a time."""
        if isinstance(value, dt.timedelta) and value.days >= _FIRST_SERIAL:
            return self._serial(value)
        text = _text(value)
        if type(value) is not dt.date:
            return text
        has_time = self._workbook.dates_have_time
        if has_time is None:
            has_time = self._sheet.column_offset + position in self._facts.with_time.get(number, ())
        return f"{text} 00:00:00" if has_time else text

    def _serial(self, value: Any) -> str:
        """Return the number of days behind a value that its number format made a date or duration."""
        if isinstance(value, dt.date):
            moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
            epoch = dt.datetime(1904, 1, 1) if self._workbook.counts_from_1904 else dt.datetime(1899, 12, 30)  # noqa: DTZ001
            span = moment - epoch
            # Excel treats 1900 as a leap year: 1 January 1900 is day 1, and 1 March is day 61.
            if not self._workbook.counts_from_1904 and moment < dt.datetime(1900, 3, 1):  # noqa: DTZ001
                span -= dt.timedelta(days=1)
        elif isinstance(value, dt.timedelta):
            span = value
        else:
            return _text(value)
        micros = span // dt.timedelta(microseconds=1)
        return _text(round(micros / 86_400_000_000, 11))


def _rows(sheet: CalamineSheet, file_name: str) -> Iterator[tuple[int, list[Any]]]:
    """Yield number and cells of every row.

    Raises:
        UnreadableExtract: a duration has more days than Python supports, which makes the parser fail.
    """
    number = 0
    try:
        for row in sheet.iter_rows():
            number += 1
            yield number, row
    except OverflowError:
        raise UnreadableExtract(
            "corrupt",
            f"{file_name}: row {number + 1} has a cell whose number is too large for the duration that its number "
            "format shows; expected seconds or a time; correct the cell or its format, or deliver the file as CSV",
        ) from None


def _first_rows(rows: Iterator[tuple[int, list[Any]]]) -> Iterator[tuple[int, list[str]]]:
    """Yield number and text cells of the first rows that are not blank."""
    found = 0
    for number, row in rows:
        cells = [value if isinstance(value, str) else " " for value in row]
        if label(cells) or _has_text(row):
            yield number, cells
            found += 1
            if found == ROWS_LOOKED_AT:
                return


def _has_text(row: Sequence[Any]) -> bool:
    # A loop takes half the time of any() over a generator.
    for value in row:  # noqa: SIM110
        if value != "" and (type(value) is not str or value.strip(BLANKS)):
            return True
    return False


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time | dt.timedelta):
        return _clock(value, dt.date.min)
    return str(value)


def _clock(value: Any, epoch: dt.date) -> str:
    """Return a time, duration or date as H:MM:SS; each day since the epoch counts as 24 hours."""
    if isinstance(value, dt.time):
        span = dt.timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
        )
    elif isinstance(value, dt.timedelta):
        span = value
    elif isinstance(value, dt.datetime):
        span = value - dt.datetime.combine(epoch, dt.time())
    elif isinstance(value, dt.date):
        span = value - epoch
    else:
        return _text(value)
    sign = "-" if span < dt.timedelta() else ""
    span = abs(span)
    minutes, seconds = divmod(span.days * 86_400 + span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{span.microseconds:06d}" if span.microseconds else ""
    return f"{sign}{hours}:{minutes:02d}:{seconds:02d}{fraction}"
