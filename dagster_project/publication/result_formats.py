"""Print the result of a query as a table, CSV, JSON or Markdown. For how a query is run, see `query.py`.

Values come from extracts. Their control characters, bidi marks and zero-width characters must not reach a terminal. In
a table and in Markdown they are always escaped, because these are likely to be shown on one.
"""

import csv
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import TextIO

from rich.cells import cell_len, set_cell_size

from dagster_project.console import note
from dagster_project.publication.query import PublishedQuery, Row
from dagster_project.publication.spreadsheet import neutralised
from dagster_project.words import in_markdown, printable

SHOWN_ROWS = 200
"""Rows of a table by default: as many as a person reads through."""

# Counting the 352,332 rows of fct_call takes 0.02 s. The command starts in 0.4 s, so the whole takes under a second.
_COUNT_SECONDS = 0.3

_GAP = "  "

# What renderers of Markdown make a link of, without any markup.
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)

# Values of any length that come from outside; DuckDB's other types are numbers, dates and times.
_TEXT = (str, bytes, list, tuple, dict)

# A text column is narrowed to this width before the columns to its right are left out.
_NARROWEST = 10


def write_table(query: PublishedQuery, out: TextIO, *, is_whole: bool) -> None:
    """Print rows as a table and, unless all are shown, their number.

    On a terminal, cells are cut and columns left out to fit its width. A file or another program receives whole cells,
    and the remarks on the rows go to standard error.

    Args:
        query: the query.
        out: standard output.
        is_whole: print all rows as they are produced, not only the first `SHOWN_ROWS`. If later rows need wider
            columns, a terminal shows the names again.
    """
    notes = out if out.isatty() else sys.stderr
    chunks = query.chunks() if is_whole else iter([query.first(SHOWN_ROWS + 1)])
    first = next(chunks, [])
    shown = first if is_whole else first[:SHOWN_ROWS]
    table = _Table(query.columns, shutil.get_terminal_size().columns if out.isatty() else None)
    for rows in chain([shown], chunks):
        out.writelines(table.lines(rows))
    out.flush()
    if not first:
        note("0 rows", notes)
    if table.left_out:
        note(
            f"{table.left_out} of {len(query.columns)} columns do not fit; select fewer, or use --csv for all of them",
            notes,
        )
    if len(first) > len(shown):
        advice = "rows; use --all or --csv for all of them"

        def give_up() -> None:
            note(f"more than {SHOWN_ROWS} {advice}", notes)
            notes.flush()
            os._exit(0)

        count = query.count(_COUNT_SECONDS, give_up)
        note(f"more than {SHOWN_ROWS} {advice}" if count is None else f"{count:,} {advice}", notes)


def write_rows(columns: Sequence[str], rows: Sequence[Row], out: TextIO) -> None:
    """Print rows as a table; a terminal gets cells cut to fit its width, except in the first column."""
    width = shutil.get_terminal_size().columns if out.isatty() else None
    out.writelines(_Table(columns, width, is_first_whole=True).lines(rows))


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[object]], out: TextIO) -> None:
    """Print rows as CSV, as they arrive; text that a spreadsheet would evaluate gets an apostrophe in front.

    On a terminal, text is escaped as well.
    """
    escaped = printable if out.isatty() else str
    writer = csv.writer(out, lineterminator="\n")
    # Python 3.11 and 3.12 do not quote a carriage return, and readers would end the line there.
    quoting_writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in chain([columns], rows):
        cells = [neutralised(escaped(text_of(cell))) if isinstance(cell, _TEXT) else cell for cell in row]
        has_return = any("\r" in cell for cell in cells if isinstance(cell, str))
        (quoting_writer if has_return else writer).writerow(cells)


def write_json(columns: Sequence[str], rows: Iterable[Sequence[object]], out: TextIO) -> None:
    """Print rows as a JSON array with one object per row, as they arrive.

    Repeated names get a number, as DuckDB does in a subquery: `a`, `a_1`. Decimals, dates and times are text, as are
    the numbers that JSON lacks: `"NaN"`, `"Infinity"`, `"-Infinity"`.
    """
    names = _distinct(columns)
    before = "[\n  "
    for row in rows:
        record = json.dumps(dict(zip(names, map(_json_value, row), strict=True)))
        # The only control character that JSON does not escape.
        out.write(before + record.replace("\x7f", "\\u007f"))
        before = ",\n  "
    out.write("[]\n" if before.startswith("[") else "\n]\n")


def write_markdown(columns: Sequence[str], rows: Iterable[Sequence[object]], out: TextIO) -> None:
    """Print rows as a Markdown table, as they arrive; no cell becomes HTML, a link or a picture."""
    for number, row in enumerate(chain([columns], rows)):
        out.write("| " + " | ".join(map(_markdown_text, row)) + " |\n")
        if not number:
            out.write("|" + "---|" * len(columns) + "\n")


def _markdown_text(value: object) -> str:
    text = text_of(value)
    if _ADDRESS.search(text):
        return in_markdown(text).replace("|", "\\|")
    # `&` first: `&lt;` of a value is shown as it is, and `https:&#47;&#47;` does not become an address.
    return printable(text).replace("&", "&amp;").replace("|", "\\|").replace("<", "&lt;").replace("](", "]\\(")


def text_of(value: object) -> str:
    """Return a DuckDB value as text: null is empty, lists and structs are JSON, bytes are written as by DuckDB."""
    if value is None:
        return ""
    if isinstance(value, list | tuple | dict):
        return json.dumps(_json_value(value), ensure_ascii=False)
    return _bytes_text(value) if isinstance(value, bytes) else str(value)


def _json_value(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else json.dumps(value)
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, dict):
        return {text_of(key): _json_value(item) for key, item in value.items()}
    return text_of(value)


def _bytes_text(value: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b"\\'\"" else f"\\x{byte:02X}" for byte in value)


def _distinct(names: Sequence[str]) -> list[str]:
    distinct: list[str] = []
    for name in names:
        number, candidate = 0, name
        while candidate in distinct or (number and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        distinct.append(candidate)
    return distinct


class _Table:
    """Lines of a table. Widths are in terminal cells; a Chinese character takes two.

    Attributes:
        left_out: number of columns that do not fit.
    """

    def __init__(self, names: Sequence[str], width: int | None, *, is_first_whole: bool = False) -> None:
        self._width = width
        self._names = [self._shown(name) for name in names]
        self._needed = [_length(name) for name in self._names]
        self._floors = [min(length, _NARROWEST) for length in self._needed]
        self._is_right = [False] * len(names)
        self._widths: list[int] = []
        self._is_first_whole = is_first_whole
        self.left_out = 0

    def lines(self, rows: Sequence[Row]) -> Iterator[str]:
        """Yield the lines of some rows, with the names first at the start or when the widths have changed."""
        cells = [[self._shown(value) for value in row] for row in rows]
        for index, values in enumerate(zip(*rows, strict=True)):
            longest = max(_length(row[index]) for row in cells)
            # Texts and names may be cut, numbers and dates never.
            is_text = any(isinstance(value, _TEXT) for value in values) and (index > 0 or not self._is_first_whole)
            self._needed[index] = max(self._needed[index], longest)
            self._floors[index] = max(self._floors[index], min(longest, _NARROWEST) if is_text else longest)
            self._is_right[index] |= any(isinstance(value, int | float | Decimal) for value in values)
        widths = self._needed if self._width is None else _fitted(self._needed, self._floors, self._width)
        if not self._widths or (self._width is not None and widths != self._widths):
            yield self._line(self._names, widths)
        self._widths = list(widths)
        self.left_out = len(self._names) - len(widths)
        for row in cells:
            yield self._line(row, widths)

    def _shown(self, value: object) -> str:
        text = text_of(value)
        # Escape only as much of a long text as can fit: a letter may have three accents.
        return printable(text if self._width is None else text[: 4 * self._width])

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        # zip stops at the last shown column.
        placed = map(_placed, cells, widths, self._is_right)
        return _GAP.join(placed).rstrip() + "\n"


def _fitted(needed: Sequence[int], floors: Sequence[int], width: int) -> list[int]:
    """Return the widths of the columns that fit, from the left; the first one always does."""
    widths = [min(floors[0], width)]
    for floor in floors[1:]:
        if sum(widths) + len(_GAP) * len(widths) + floor > width:
            break
        widths.append(floor)
    spare = width - sum(widths) - len(_GAP) * (len(widths) - 1)
    # The remaining width is shared out, starting with the columns that need least.
    neediest_last = sorted(range(len(widths)), key=lambda index: needed[index] - widths[index])
    for index, sharers in zip(neediest_last, range(len(widths), 0, -1), strict=True):
        extra = min(needed[index] - widths[index], spare // sharers)
        widths[index] += extra
        spare -= extra
    return widths


def _placed(cell: str, width: int, is_right: bool) -> str:
    length = _length(cell)
    if length > width:
        cell = cell[: width - 1] if cell.isascii() else set_cell_size(cell, width - 1)
        cell, length = f"{cell}…", width
    space = " " * (width - length)
    return space + cell if is_right else cell + space


def _length(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)
