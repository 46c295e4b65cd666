"""Query the current publication, read-only and within limits, and print rows as a table, CSV, JSON or Markdown.

Imports only what this needs, so that a query is answered quickly. Values come from extracts: their control characters,
bidi marks and zero-width characters must not reach a terminal.
"""

import csv
import json
import math
import os
import re
import resource
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from itertools import accumulate, chain, count
from types import MappingProxyType
from typing import TextIO

import duckdb
from rich.cells import cell_len, set_cell_size

from dagster_project.console import note
from dagster_project.errors import UsageError
from dagster_project.publication.files import DATABASE, current_publication
from dagster_project.publication.spreadsheet import neutralised
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import is_damage, reading_connection
from dagster_project.words import in_markdown, printable

SHOWN_ROWS = 200
"""Rows of a table by default: as many as a person reads through."""

_LIMITS: dict[str, str | int] = {"memory_limit": "1GB", "threads": 2}
# DuckDB's limit covers its buffers, but not the text that a function builds: with a limit of 1 GB, repeat('x', 1e9)
# used 3.9 GB. This limit is for the whole process, which has 0.11 GB before the query. At 1.3 GB, a sort still reaches
# DuckDB's own limit first.
_PROCESS_BYTES = 1250 << 20
# Counting the 352,332 rows of fct_call takes 0.02 s. The command starts in 0.4 s, so the whole takes under a second.
_COUNT_SECONDS = 0.3
# DuckDB quotes a value that it could not convert in full, whatever its length.
_LONGEST_LINE = 1000
# Rows in Python's memory while a result is streamed. 7 million rows of fct_call take 26 s and 0.1 GB of memory.
_ROWS_AT_ONCE = 500

_GAP = "  "
# Values of any length that come from outside; DuckDB's other types are numbers, dates and times.
_TEXT = (str, bytes, list, tuple, dict)
# A text column is narrowed to this width before the columns to its right are left out.
_NARROWEST = 10
# Markup, and what renderers of Markdown make a link of without any.
_MARKUP = re.compile(r"[|<&@]|\]\(|://|www\.", re.IGNORECASE)

Row = tuple[object, ...]


@contextmanager
def published_database(
    settings: Settings, limits: Mapping[str, str | int] = MappingProxyType({})
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the database of the current publication, read-only; its tables need no schema name.

    Raises:
        NotPublished: nothing is published yet.
        DatabaseUnreadable: the database is damaged.
    """
    with reading_connection(current_publication(settings.published) / DATABASE, limits) as connection:
        connection.execute("set schema = 'marts'")
        yield connection


class PublishedQuery:
    """A checked query; `published_query` lists the errors.

    Attributes:
        columns: names of the columns in order; they may repeat.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        self._connection = connection
        self._sql = sql
        # Each method runs it: DuckDB need not produce all rows for the first ones, or for their number.
        relation = connection.sql(sql)
        if relation is None:
            raise UsageError('the query is empty; nothing was done. An example: fcir query "from measures"')
        self._relation = relation
        self.columns: list[str] = list(self._relation.columns)

    def first(self, rows: int) -> list[Row]:
        """Return the first rows; a sort keeps only these."""
        return self._relation.limit(rows).fetchall()

    def chunks(self) -> Iterator[list[Row]]:
        """Yield all rows as they are produced; the first chunk comes as soon as it is ready."""
        cursor = self._connection.execute(self._sql)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield rows

    def count(self) -> int | None:
        """Return the number of rows; None if counting takes longer than `_COUNT_SECONDS` or fails."""
        timer = threading.Timer(_COUNT_SECONDS, self._connection.interrupt)
        timer.start()
        try:
            return int(self._relation.aggregate("count(*)").fetchall()[0][0])
        except (duckdb.Error, MemoryError):
            return None
        finally:
            timer.cancel()


@contextmanager
def published_query(settings: Settings, sql: str) -> Iterator[PublishedQuery]:
    """Query the published database within DuckDB's limits; its settings let a query read this file and nothing else.

    Yields:
        The query, checked but not yet run.

    Raises:
        NotPublished: nothing is published yet.
        UsageError: the query is empty, does more than read, needs too much memory or cannot be answered; the message is
            DuckDB's.
    """
    with published_database(settings, _LIMITS) as connection:
        try:
            # If the locale is not UTF-8, Python represents bytes of an argument as surrogates.
            yield PublishedQuery(connection, os.fsencode(sql).decode())
        except UnicodeError:
            raise UsageError("the query is not UTF-8 text; nothing was done") from None
        except RecursionError:
            raise UsageError("a value is nested too deeply to be printed; unnest it in the query") from None
        except (duckdb.Error, MemoryError) as error:
            # reading_connection tells the user what to do about a damaged file.
            if isinstance(error, duckdb.Error) and is_damage(error):
                raise
            if isinstance(error, duckdb.OutOfMemoryException | MemoryError) or "bad_alloc" in str(error):
                raise UsageError(
                    "the query needed more than 1 GB of memory and was ended; what it printed is incomplete. Sort, "
                    "join or group fewer rows, or open the database in another tool: docs/analyst_access.md"
                ) from None
            # DuckDB's message quotes the query and the values that it could not convert.
            lines = [f"{line[:_LONGEST_LINE]}..." if line[_LONGEST_LINE:] else line for line in str(error).split("\n")]
            lines.append('Tables and their columns: fcir query "from data_dictionary"')
            raise UsageError("\n".join(map(_shown, lines))) from None


def limit_memory() -> None:
    """Limit the memory of this process, which must then serve this one query only, and turn off core dumps.

    A core dump would contain data. Where the system does not enforce it (macOS), only DuckDB's limit applies.
    """
    for kind, limit in ((resource.RLIMIT_DATA, _PROCESS_BYTES), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


def write_table(query: PublishedQuery, out: TextIO, *, is_whole: bool) -> None:
    """Print rows as a table and, unless all are shown, their number.

    A file or another program receives the remarks on the rows on standard error.

    Args:
        query: the query.
        out: standard output.
        is_whole: print all rows as they are produced, not only the first `SHOWN_ROWS`.
    """
    notes = out if out.isatty() else sys.stderr
    chunks = query.chunks() if is_whole else iter([query.first(SHOWN_ROWS + 1)])
    first = next(chunks, [])
    is_cut = not is_whole and len(first) > SHOWN_ROWS
    left_out = write_rows(query.columns, chain([first[:SHOWN_ROWS] if is_cut else first], chunks), out, whole=0)
    out.flush()
    if not first:
        note("0 rows", notes)
    if left_out:
        of = len(query.columns)
        note(f"{left_out} of {of} columns do not fit; select fewer, or use --csv for all of them", notes)
    if is_cut:
        counted = query.count()
        number = f"more than {SHOWN_ROWS}" if counted is None else f"{counted:,}"
        note(f"{number} rows; use --all or --csv for all of them", notes)


def write_rows(columns: Sequence[str], chunks: Iterable[Sequence[Row]], out: TextIO, *, whole: int = 1) -> int:
    """Print rows as a table, chunk by chunk.

    On a terminal, texts are cut to fit its width, those of the first `whole` columns excepted, and the last columns are
    left out. A file or another program receives whole cells.

    Returns:
        The number of columns left out.
    """
    width = shutil.get_terminal_size().columns if out.isatty() else None
    cells = [[printable(name) for name in columns]]
    widths = [0] * len(columns)
    for rows in chunks:
        # Only as much of a long text is escaped as can fit: a letter may have three accents.
        cells += [[printable(text_of(value)[: width and 4 * width]) for value in row] for row in rows]
        values = list(zip(*rows, strict=True)) or [()] * len(columns)
        needed = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        widths = [max(pair) for pair in zip(widths, needed, strict=False)]
        if width:
            # Texts and names may be cut, numbers and dates never.
            is_cut = [n >= whole and (not of or isinstance(of[0], (*_TEXT, type(None)))) for n, of in enumerate(values)]
            widths = _fitted(widths, is_cut, width)
        is_right = [any(isinstance(value, int | float | Decimal) for value in of) for of in values]
        out.writelines(_GAP.join(map(_placed, row, widths, is_right)).rstrip() + "\n" for row in cells)
        cells = []
    return len(columns) - len(widths)


def _fitted(needed: Sequence[int], is_cut: Sequence[bool], width: int) -> list[int]:
    """Return the widths of the columns that fit a terminal, from the left, in cells; a Chinese character has two."""
    for most in range(max(*needed, _NARROWEST), _NARROWEST - 1, -1):
        widths = [min(length, most) if cut else length for length, cut in zip(needed, is_cut, strict=True)]
        ends = accumulate(length + len(_GAP) for length in widths)
        shown = sum(end - len(_GAP) <= width for end in ends)
        if shown == len(needed):
            return widths
    return widths[: max(shown, 1)]


def _placed(cell: str, width: int, is_right: bool) -> str:
    space = width - cell_len(cell)
    if space < 0:
        return f"{set_cell_size(cell, width - 1)}\N{HORIZONTAL ELLIPSIS}"
    return " " * space + cell if is_right else cell + " " * space


def _shown(line: str) -> str:
    return line if line.isprintable() else printable(line)


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
    names: list[str] = []
    for name in columns:
        numbered = (f"{name}_{number}" for number in count(1))
        names.append(name if name not in names else next(each for each in numbered if each not in (*names, *columns)))
    before = "[\n  "
    for row in rows:
        record = json.dumps(dict(zip(names, map(_json_value, row), strict=True)))
        # The only control character that JSON does not escape.
        out.write(before + record.replace("\x7f", "\\u007f"))
        before = ",\n  "
    out.write("[]\n" if before.startswith("[") else "\n]\n")


def write_markdown(columns: Sequence[str], rows: Iterable[Sequence[object]], out: TextIO) -> None:
    """Print rows as a Markdown table, as they arrive; a cell with markup or an address is a code span."""
    for number, row in enumerate(chain([columns], rows)):
        out.write("| " + " | ".join(map(_markdown_text, row)) + " |\n")
        if not number:
            out.write("|" + "---|" * len(columns) + "\n")


def _markdown_text(value: object) -> str:
    text = printable(text_of(value))
    return in_markdown(text_of(value)).replace("|", "\\|") if _MARKUP.search(text) else text


def text_of(value: object) -> str:
    """Return a DuckDB value as text: null is empty, lists and structs are JSON, bytes are written as by DuckDB."""
    if value is None:
        return ""
    if isinstance(value, list | tuple | dict):
        return json.dumps(_json_value(value), ensure_ascii=False)
    if isinstance(value, bytes):
        return "".join(chr(byte) if 32 <= byte < 127 and byte not in b"\\'\"" else f"\\x{byte:02X}" for byte in value)
    return str(value)


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
