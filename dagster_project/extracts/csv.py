"""Read delimited text: find delimiter and header, then return every row, even if stray quotes break it."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

import pyarrow as pa

from dagster_project.contracts import Contract
from dagster_project.extracts.cells import TIME_OF_DAY
from dagster_project.extracts.container import BAD_BYTES, LINE_LIMIT, OpenFile, wrong_content
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.header import ROWS_LOOKED_AT, Header, Headings
from dagster_project.extracts.pieces import (
    BLANKS,
    INVALID_UTF_8,
    TOO_FEW_CELLS,
    TOO_MANY_CELLS,
    UNBALANCED_QUOTE,
    UNREADABLE_RECORD,
    Count,
    Fault,
    Piece,
    is_totals,
    label,
    piece,
)

DELIMITERS = (",", ";", "\t", "|")

_LINE_END = re.compile(rb"\r\n|\r|\n")

_MARKED_QUOTE = '\ufeff"'

# With this many cells or more, a line within a text hardly ever has as many delimiters as a row.
_WIDE = 5

_STRAY_QUOTE = Fault(UNBALANCED_QUOTE, "a quote that is not closed, or text after a closing quote")
_NUL = Fault(UNREADABLE_RECORD, "a NUL character in the record")
_LONG = Fault(UNREADABLE_RECORD, f"a line longer than {LINE_LIMIT >> 20} MiB")


@dataclass
class _Records:
    """Records parsed from some lines: where each starts, its cells, the faults by index, and the lines left over."""

    starts: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    continuations: int = 0
    """Lines of records beyond their first, from line ends inside cells."""
    rest: int = 0
    """Index of the first line of an incomplete record; the number of lines if there is none."""

    def add(self, start: int, row: list[str], fault: Fault | None = None) -> None:
        if fault:
            self.faults[len(self.rows)] = fault
        self.starts.append(start)
        self.rows.append(row)


class CsvReader:
    """The rows of a delimited text file.

    Raises:
        UnreadableExtract: on construction, if there is no header, or one that does not fit the contract.
    """

    serial_days = 0

    def __init__(self, file: OpenFile, contract: Contract) -> None:
        # The csv module rejects longer cells; the limit is the same for the whole process.
        csv.field_size_limit(LINE_LIMIT)
        self._file = file
        self._contract = contract
        self._headings = Headings(contract)
        self._delimiter, self._header, self._first_line = self._find_header()
        self.found = tuple(c.name for c in contract.columns if c.name in self._header.positions)
        self._beside = 0
        self._has_whole_rows: bool | None = None

    def _find_header(self) -> tuple[str, Header, int]:
        """Return the delimiter, the header and the first line after it."""
        block = BAD_BYTES.sub("\ufffd", self._file.text_of(next(self._file.blocks())))
        first = next(io.StringIO(block.lstrip(BLANKS), newline=""), "").strip(BLANKS)
        if _is_json_object(first):
            raise wrong_content(self._file.name, self._file.extension, "json")
        headings = self._headings
        lines = _lines(block, ROWS_LOOKED_AT * 10)
        found: list[tuple[int, int, int, str, Sequence[str], int]] = []
        looked_at: list[list[str]] = []
        for order, delimiter in enumerate(DELIMITERS):
            if order and delimiter not in block:
                continue
            records = _first_records(lines, delimiter)
            rows = [row for _, row, _ in records]
            looked_at = max(looked_at, rows, key=lambda rows: max(map(len, rows), default=0))
            if best := headings.best((start, row) for start, row, _ in records):
                count, place, cells = best
                after = next(end for start, _, end in records if start == place)
                found.append((-count, place, order, delimiter, cells, after))
        if not found:
            raise headings.none_found(self._file.name, looked_at)
        _, place, _, delimiter, cells, after = min(found)
        return delimiter, headings.header(self._file.name, place, cells), after

    @property
    def unknown(self) -> tuple[str, ...]:
        """Headings that are not in the contract.

        Only their positions are given if rows were read and none is as wide as the header: the header has probably lost
        its line end, and contains the cells of a row.
        """
        if self._has_whole_rows is not False:
            return self._header.unknown
        known = set(self._header.positions.values())
        return tuple(f"(cell {place + 1} of the header)" for place in range(self._header.width) if place not in known)

    def pieces(self) -> Iterator[Piece]:
        """Yield the rows after the header, one piece for each block of the file.

        Raises:
            UnreadableExtract: the file cannot be decoded or decompressed to its end, its last record is cut off, or the
                header line continues with values and no row follows.
        """
        count = 0
        for found in self._pieces():
            is_last_total = is_totals(found.last_label)
            is_whole = found.table.column("fault").null_count > 0 or is_last_total
            self._has_whole_rows = self._has_whole_rows or is_whole
            count += found.table.num_rows - is_last_total
            yield found
        if not count and self._header.values:
            self._has_whole_rows = False
            raise UnreadableExtract(
                "lost_line_ends",
                f"{self._file.name}: there is no row after the header, and {self._header.values} of the "
                f"{self._header.width} cells in the header line are numbers or times; expected lines that end in "
                "LF, CRLF or CR",
            )

    def _pieces(self) -> Iterator[Piece]:
        width = self._header.width
        carry: list[str] = []
        number = self._first_line
        self._beside = number - 1
        blocks = self._file.blocks()
        block: bytes | None = _without_lines(next(blocks), self._beside)
        while block is not None:
            following = next(blocks, None)
            lines = carry + _lines(self._file.text_of(block))
            records = _records(lines, number, self._delimiter, width, is_end=following is None)
            if following is None:
                self._check_last(lines, records, number)
            self._beside += records.continuations
            if found := self._piece(records):
                yield found
            carry, number = lines[records.rest :], number + records.rest
            block = following

    def _check_last(self, lines: Sequence[str], records: _Records, number: int) -> None:
        """Check that a last record without a line end is complete: an interrupted transfer ends within a record.

        A line with fewer cells than the header may be blank or a remark below the rows; it is a cut record if its
        cells are like those of the rows above. A cut within the last cell leaves a record that looks complete.

        Args:
            lines: last lines of the file.
            records: the records in these lines.
            number: number of the first line.
        """
        if not records.rows or lines[-1].endswith(("\n", "\r")):
            return
        rows, width = records.rows, self._header.width
        start = last = len(rows) - 1
        # The lines of a cell whose quote is never closed are read as records.
        while start and start not in records.faults and len(rows[start]) < width:
            start -= 1
        if records.faults.get(start) is _STRAY_QUOTE and (
            sum(line.count('"') for line in lines[records.starts[start] - number :]) % 2
        ):
            place, found = start, "a quote is not closed"
        elif last not in records.faults and 1 < len(rows[last]) < width and self._is_row(rows[last], rows):
            place, found = last, f"{len(rows[last])} cells instead of {width}"
        else:
            return
        raise UnreadableExtract(
            "cut_off",
            f"{self._file.name}: the last record (line {records.starts[place]}) is cut off: {found}, and no line end "
            "follows; expected a complete file",
        )

    def _is_row(self, cells: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
        """Return whether at least half of the filled cells before the last one are like the rows above."""
        filled = {place: text for place, cell in enumerate(cells[:-1]) if (text := cell.strip(BLANKS))}
        if not filled or is_totals(label(cells)):
            return False
        if sum(label(row) != "" for row in rows) == 1:
            # Alone below the header, a trailer may stand, as in `TRL,20221102,0`.
            return _has_digit(label(cells)) or any(map(_is_of_a_row, cells))
        above = [row for row in rows if len(row) >= self._header.width]
        like = sum(_is_like(text, {row[place].strip(BLANKS) for row in above}) for place, text in filled.items())
        return 2 * like >= len(filled)

    def count(self) -> Count:
        """Count the lines of the file in its bytes, and the lines that are not the first line of a record."""
        return Count(self._file.lines, self._beside, "lines")

    def _piece(self, records: _Records) -> Piece | None:
        rows, starts, faults, last_label = _checked(records, self._header.width)
        self._beside += len(records.rows) - len(rows)
        if not rows:
            return None
        if self._file.has_bad_bytes:
            faults = self._with_bad_bytes(rows) | faults
            rows = [_blank_row(self._header.width) if i in faults else row for i, row in enumerate(rows)]
        places = self._header.positions.items()
        return piece(
            self._contract,
            source_rows=starts,
            columns={name: pa.array([row[place] for row in rows], pa.string()) for name, place in places},
            faults=faults,
            last_label=last_label,
        )

    def _with_bad_bytes(self, rows: Sequence[Sequence[str]]) -> dict[int, Fault]:
        """Return faults of rows with invalid bytes; each names the first such column of the contract."""
        faults: dict[int, Fault] = {}
        for i, row in enumerate(rows):
            places = [place for place, cell in enumerate(row) if BAD_BYTES.search(cell)]
            if places:
                columns = [name for name in self.found if self._header.positions[name] in places]
                detail = "" if columns else f"cell {places[0] + 1} of the row, which is not loaded"
                faults[i] = Fault(INVALID_UTF_8, detail, columns[0] if columns else None)
        return faults


def _without_lines(block: bytes, count: int) -> bytes:
    """Return the block without its first lines."""
    ends = [end.end() for end in islice(_LINE_END.finditer(block), count)]
    # The last line of a file may have no end.
    return block[ends[-1] :] if len(ends) == count else b""


def _checked(records: _Records, width: int) -> tuple[list[Sequence[str]], list[int], dict[int, Fault], str]:
    """Return the rows with text, each of this width, their starts and faults, and the label of the last one.

    A wrong number of cells is a fault. Rows with a fault are one blank row: padded to a header of 16,384 cells, the
    short lines of one block would take 32 GiB.
    """
    rows: list[Sequence[str]] = []
    starts: list[int] = []
    faults: dict[int, Fault] = {}
    blank = _blank_row(width)
    row: Sequence[str] = blank
    for i, (start, found) in enumerate(zip(records.starts, records.rows, strict=True)):
        fault = records.faults.get(i)
        # Most rows have the right width and text in their first cell.
        if fault is None and (len(found) != width or not found[0].strip(BLANKS)):
            if not label(found):
                continue
            if len(found) < width:
                fault = Fault(TOO_FEW_CELLS, _count(found, width))
            elif label(found[width:]):
                fault = Fault(TOO_MANY_CELLS, _count(found, width))
        if fault:
            faults[len(rows)] = fault
        row = found
        rows.append(blank if fault else found)
        starts.append(start)
    return rows, starts, faults, label(row)


@cache
def _blank_row(width: int) -> Sequence[str]:
    return ("",) * width


def _is_like(text: str, others: set[str]) -> bool:
    """Return whether a text is one of the others, or is a number, time or identifier of the same shape."""
    return text in others or (any(map(str.isdigit, text)) and _shape(text) in map(_shape, others))


def _has_digit(text: str) -> bool:
    """Return whether a text is a word or number with a digit."""
    return any(map(str.isdigit, text)) and not any(map(str.isspace, text))


def _is_of_a_row(cell: str) -> bool:
    """Return whether a text is an identifier of letters and digits, or a point in time."""
    text = cell.strip(BLANKS)
    return (_has_digit(text) and any(map(str.isalpha, text))) or re.fullmatch(TIME_OF_DAY, text) is not None


def _shape(text: str) -> str:
    """Return a text with each run of letters and digits replaced by one character: `CAD-22-0917` becomes `x-x-x`."""
    return re.sub(r"[^\W_]+", "x", text)


def _count(row: Sequence[str], width: int) -> str:
    return f"{len(row)} instead of {width}"


def _lines(block: str, most: int | None = None) -> list[str]:
    """Split into at most `most` physical lines with their ends: LF, CRLF or CR, not other separators of Unicode."""
    lines = list(islice(io.StringIO(block, newline=""), most))
    # In concatenated exports, a byte-order mark before a quote hides that the quote opens a cell.
    if _MARKED_QUOTE in block:
        lines = [line[1:] if line.startswith(_MARKED_QUOTE) else line for line in lines]
    return lines


def _records(lines: list[str], number: int, delimiter: str, width: int | None, *, is_end: bool) -> _Records:
    """Parse lines into records.

    Args:
        lines: physical lines with their ends.
        number: number of the first line.
        delimiter: one character.
        width: number of cells in the header; None accepts any number.
        is_end: whether the file ends here, so that a record cannot continue.

    Returns:
        All complete records, and where an incomplete last record starts.
    """
    out = _Records()
    bad: list[int] = []
    if any("\x00" in line for line in lines) or max(map(len, lines), default=0) > LINE_LIMIT:
        bad = [i for i, line in enumerate(lines) if "\x00" in line or len(line) > LINE_LIMIT]
    begin = 0
    # A line that cannot be read ends any record that is open before it.
    for i in bad:
        _segment(out, lines, begin, i, number, delimiter, width, is_end=True)
        out.add(number + i, [], _LONG if len(lines[i]) > LINE_LIMIT else _NUL)
        begin = i + 1
    out.rest = _segment(out, lines, begin, len(lines), number, delimiter, width, is_end=is_end)
    return out


def _segment(
    out: _Records,
    lines: list[str],
    begin: int,
    end: int,
    number: int,
    delimiter: str,
    width: int | None,
    *,
    is_end: bool,
) -> int:
    """Parse lines[begin:end]; return the index of the first line that is left over."""
    if not any('"' in line for line in lines[begin:end]):
        out.rows.extend(csv.reader(lines[begin:end], delimiter=delimiter, quoting=csv.QUOTE_NONE))
        out.starts.extend(range(number + begin, number + end))
        return end
    while begin < end:
        reader = csv.reader((lines[i] for i in range(begin, end)), delimiter=delimiter, strict=True)
        before = 0
        try:
            for row in reader:
                after = reader.line_num
                if after - before > 1:
                    spanned = lines[begin + before : begin + after]
                    wanted = len(row) if width is None else width
                    if not _fits(row, wanted) or _are_whole_rows(spanned, row, delimiter, wanted):
                        break
                    out.continuations += sum(c.count("\n") + c.count("\r") - c.count("\r\n") for c in row)
                out.starts.append(number + begin + before)
                out.rows.append(row)
                before = after
            else:
                return end
        except csv.Error:
            first = begin + before
            may_go_on = begin + reader.line_num == end and not is_end
            # The record may continue in the next block, unless it is already longer than any record can be.
            if may_go_on and sum(map(len, lines[first:end])) <= LINE_LIMIT:
                return first
        # Only the first line is the row; the lines after it, which the quote had joined to it, are read again.
        out.add(number + begin + before, [], _STRAY_QUOTE)
        begin += before + 1
    return end


def _is_json_object(line: str) -> bool:
    try:
        return line.startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _fits(row: list[str], width: int) -> bool:
    return len(row) == width or (len(row) > width and not label(row[width:]))


def _are_whole_rows(lines: Sequence[str], row: Sequence[str], delimiter: str, width: int) -> bool:
    """Return whether two stray quotes have joined the rows between them into a single cell.

    Such a record would look valid, and would put the personal cells of other rows into a column that is not personal.
    It is detected if each line of the record could be a row; or, with blank or broken lines between, if the first line
    of the cell completes a row and its last line starts one; or, if those two are broken, if a line between is a row.
    With two columns, a text with a delimiter in each line is as likely; with a few more, a line of such a text is.
    """
    if width <= 2:
        return False
    if all(line.count(delimiter) >= width - 1 for line in lines):
        return True
    for place, cell in enumerate(row):
        first, *more = (line.count(delimiter) for line in cell.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        if more and first == len(row) - 1 - place and more[-1] == place:
            return True
        if len(row) >= _WIDE and len(row) - 1 in more[:-1]:
            return True
    return False


def _first_records(lines: list[str], delimiter: str) -> list[tuple[int, list[str], int]]:
    """Return start, cells and following line of the first records that are not blank."""
    # Usually the first lines are enough, which a file of few rows is read faster by.
    for part in (lines[:ROWS_LOOKED_AT], lines):
        records = _records(part, 1, delimiter, None, is_end=True)
        ends = [*records.starts[1:], len(part) + 1]
        found = zip(records.starts, records.rows, ends, strict=True)
        filled = [record for record in found if label(record[1])]
        if len(filled) == ROWS_LOOKED_AT and not any('"' in line for line in part):
            break
    return filled[:ROWS_LOOKED_AT]
