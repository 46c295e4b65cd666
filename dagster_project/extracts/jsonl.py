"""Read JSON Lines: one object per line, with keys as column names. Other JSON is not supported."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

import pyarrow as pa

from dagster_project.contracts import Contract
from dagster_project.extracts.container import BAD_BYTES, LINE_LIMIT, OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.header import ROWS_LOOKED_AT, Headings, shortened
from dagster_project.extracts.pieces import (
    BLANKS,
    INVALID_UTF_8,
    ROWS_AT_ONCE,
    UNREADABLE_RECORD,
    Count,
    Fault,
    Piece,
    label,
    piece,
)
from dagster_project.words import counted

_NOT_AN_OBJECT = Fault(UNREADABLE_RECORD, "not a JSON object")
_LONG = Fault(UNREADABLE_RECORD, f"a line longer than {LINE_LIMIT >> 20} MiB")
_NO_TEXT = Fault(UNREADABLE_RECORD, "a text that is not valid Unicode")
# Replaces bytes that are not part of a valid character while a record is parsed; not a character of any script.
_BAD = "\ufdd0"
_POINT_OF_WHOLE = re.compile(r"\.0+$")
# A number with more digits keeps its spelling; written out, 1e999999 would fill a cell.
_DIGITS = 30
NESTED = " (objects or lists)"
"""What follows the name of an unknown key whose first value is nested, and so could not be loaded."""
# If records are as large as 1 MiB, a piece has fewer of them.
_CHARACTERS_AT_ONCE = 32 << 20
# Further unknown names are not collected, so that a file with new keys in every record does not fill the memory.
_UNKNOWN_LIMIT = 1000


class _Members(list[tuple[str, Any]]):
    """Members of an object in order, including repeated keys."""


def _number(text: str) -> str:
    """Return a number in the form of the other formats: without exponent, and without point if it is whole."""
    if "e" in text.casefold():
        try:
            value = Decimal(text)
        except InvalidOperation:
            # The exponent has more than 18 digits.
            return text
        if abs(value.adjusted()) > _DIGITS:
            return text
        text = format(value, "f")
    return _POINT_OF_WHOLE.sub("", text)


_DECODER = json.JSONDecoder(object_pairs_hook=_Members, parse_float=_number, parse_int=str, parse_constant=str)


class JsonLinesReader:
    """The records of a JSON Lines file.

    `found` and `unknown` cover only the records read so far, and are complete once all are read.

    Raises:
        UnreadableExtract: on construction, if the first lines contain no JSON object.
    """

    serial_days = 0

    def __init__(self, file: OpenFile, contract: Contract) -> None:
        self._file = file
        self._contract = contract
        self._headings = Headings(contract)
        self._columns: dict[str, str | None] = {}
        self._nested: set[str] = set()
        self._blank_lines = 0
        self._is_open = False
        lines = list(islice(self._records(), ROWS_LOOKED_AT))
        first = [_parsed(BAD_BYTES.sub(_BAD, line)) for line in lines]
        if not any(isinstance(record, _Members) for record in first):
            if len(lines) == 1 and lines[0].startswith("{") and self._is_open:
                self._check_last(lines[0], 1)
            raise UnreadableExtract(
                "wrong_extension",
                f"{file.name}: none of the first {len(first)} lines is a JSON object; "
                f"the extension {file.extension} means one JSON object per line",
            )
        for record in first:
            if isinstance(record, _Members):
                self._learn(_Members((key, value) for key, value in record if _BAD not in key))

    @property
    def found(self) -> tuple[str, ...]:
        """Contract columns found in the records so far."""
        have = set(self._columns.values())
        return tuple(column.name for column in self._contract.columns if column.name in have)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Keys found so far that are not in the contract."""
        keys = [key for key, column in self._columns.items() if column is None]
        names = (shortened(key, f"unknown key {number}") for number, key in enumerate(keys, 1))
        return tuple(name + NESTED * (key in self._nested) for key, name in zip(keys, names, strict=True))

    def pieces(self) -> Iterator[Piece]:
        """Yield the records in pieces.

        Raises:
            UnreadableExtract: the text cannot be decoded, the last record is cut off, or no record has a required
                column.
        """
        number = 1
        lines: list[str] = []
        size = 0
        line = ""
        for line in self._records():
            lines.append(line)
            size += len(line)
            if len(lines) == ROWS_AT_ONCE or size > _CHARACTERS_AT_ONCE:
                yield self._piece(lines, number)
                number, lines, size = number + len(lines), [], 0
        if self._is_open:
            self._check_last(line, number + len(lines) - 1)
        if lines:
            yield self._piece(lines, number)
        # Without their names: a message is published, and a key may be a value.
        nested = f"; {counted(len(self._nested), 'key')} with objects or lists; expected flat records"
        note = nested if self._nested else ""
        self._headings.require(self._file.name, "the records", self.found, self.unknown, note=note)

    def count(self) -> Count:
        """Count the lines of the file in its bytes, and the blank ones."""
        return Count(self._file.lines, self._blank_lines, "lines")

    def _check_last(self, line: str, number: int) -> None:
        """Check that a last record without a line end is complete: an interrupted transfer ends within a record."""
        try:
            _DECODER.decode(line)
        except RecursionError:
            return
        except ValueError:
            raise UnreadableExtract(
                "cut_off",
                f"{self._file.name}: the last record ({number}) is cut off: it is not valid JSON, and no line end "
                "follows; expected a complete file",
            ) from None

    def _records(self) -> Iterator[str]:
        self._blank_lines = 0
        self._is_open = False
        for block in self._file.blocks():
            lines = self._file.text_of(block).replace("\r\n", "\n").replace("\r", "\n").split("\n")
            # After a final line end there is an empty part, which is not a line.
            self._is_open = bool(lines[-1].strip(BLANKS))
            if not lines[-1]:
                lines.pop()
            for line in lines:
                if text := line.strip(BLANKS):
                    yield text
                else:
                    self._blank_lines += 1

    def _piece(self, lines: list[str], number: int) -> Piece:
        columns: dict[str, list[str | None]] = {}
        faults: dict[int, Fault] = {}
        last = ""
        for i, line in enumerate(lines):
            record = self._faulty_bytes(line) or _parsed(line)
            cells = record if isinstance(record, Fault) else self._cells(record)
            if isinstance(cells, Fault):
                faults[i] = cells
                last = ""
                continue
            for name, value in cells.items():
                if name not in columns:
                    columns[name] = [None] * len(lines)
                columns[name][i] = value
            if i == len(lines) - 1 and isinstance(record, _Members):
                last = label([_text(value) for _, value in record])
        return piece(
            self._contract,
            source_rows=range(number, number + len(lines)),
            columns={name: pa.array(values, pa.string()) for name, values in columns.items()},
            faults=faults,
            last_label=last,
        )

    def _faulty_bytes(self, line: str) -> Fault | None:
        """Return the fault of a record with bytes that are not part of a valid character."""
        if not self._file.has_bad_bytes or not BAD_BYTES.search(line):
            return None
        record = _parsed(BAD_BYTES.sub(_BAD, line))
        if isinstance(record, Fault):
            return record
        self._learn(_Members((key, value) for key, value in record if _BAD not in key))
        found = {self._columns.get(key) for key, value in record if isinstance(value, str) and _BAD in value}
        columns = [column.name for column in self._contract.columns if column.name in found]
        detail = "" if columns else "in a key, or a value that is not loaded"
        return Fault(INVALID_UTF_8, detail, columns[0] if columns else None)

    def _learn(self, record: _Members) -> None:
        for key, value in record:
            if key in self._columns:
                continue
            column = self._headings.column(key)
            if column and column in self._columns.values():
                raise UnreadableExtract(
                    "duplicate_column",
                    f"{self._file.name}: two different keys in the records stand for the column {column}; expected one",
                )
            if column or len(self._columns) < _UNKNOWN_LIMIT:
                self._columns[key] = column
                if isinstance(value, list):
                    self._nested.add(key)

    def _cells(self, record: _Members) -> dict[str, str | None] | Fault:
        cells: dict[str, str | None] = {}
        known = self._columns
        # Check once per record: a record may have 100,000 keys, and those beyond the limit are never collected.
        if any(key not in known for key, _ in record):
            self._learn(record)
        for key, value in record:
            column = known.get(key)
            if column is None:
                continue
            if column in cells:
                return Fault(UNREADABLE_RECORD, f"two keys of the record mean the column {column}")
            if isinstance(value, list):
                return Fault(UNREADABLE_RECORD, f"a list or an object in the column {column}")
            cells[column] = _text(value)
        return cells


def _text(value: Any) -> str | None:
    if value is True:
        return "true"
    if value is False:
        return "false"
    return value if isinstance(value, str) else None


def _parsed(line: str) -> _Members | Fault:
    if len(line) > LINE_LIMIT:
        return _LONG
    try:
        record = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return _NOT_AN_OBJECT
    if not isinstance(record, _Members):
        return _NOT_AN_OBJECT
    # A lone surrogate is valid JSON but not valid text: nothing downstream can store it.
    if "\\u" in line and any(_is_broken(text) for pair in record for text in pair):
        return _NO_TEXT
    return record


def _is_broken(text: Any) -> bool:
    return isinstance(text, str) and any("\ud800" <= char <= "\udfff" for char in text)
