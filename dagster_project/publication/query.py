"""Query the current publication, read-only and within limits, and print rows as a table, CSV, JSON or Markdown.

Imports only what this needs, so that a query is answered quickly. Values come from extracts: their control characters,
bidi marks and zero-width characters must not reach a terminal.
"""

import csv
import json
import math
import re
import resource
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

SECONDS = 60.0
"""Default time limit of a query, including printing."""

LONGEST_SECONDS = 3600.0
"""Greatest limit that can be set: a longer query belongs in a tool that reads the file (analyst_access.md)."""

SHOWN_ROWS = 200
"""Rows of a table by default: as many as a person reads through."""

_LIMITS: dict[str, str | int] = {"memory_limit": "1GB", "threads": 2}

# DuckDB's limit covers its buffers, but not the text that a function builds: with a limit of 1 GB, repeat('x', 1e9)
# used 3.9 GB. This limit is for the whole process, which has 0.11 GB before the query. At 1.3 GB, a sort still reaches
# DuckDB's own limit first. A failed allocation raises an error of DuckDB or Python, in all of 40 queries. A crash, such
# as that of json_contains on 300,000 nested lists, ends only the child in which `fcir query` runs (`cli/query.py`).
_PROCESS_BYTES = 1250 << 20

# DuckDB reacts to an interruption between two blocks of rows, within 0.6 s in all queries tried, but not within a
# function: regexp_replace on a text of 100 MB continues for 13 s.
_GRACE_SECONDS = 1.0
# Counting the 352,332 rows of fct_call takes 0.02 s. The command starts in 0.4 s, so the whole takes under a second.
_COUNT_SECONDS = 0.3
# DuckDB quotes a value that it could not convert in full, whatever its length.
_LONGEST_LINE = 1000
# Rows in Python's memory while a result is streamed. 7 million rows of fct_call take 26 s and 0.1 GB of memory.
_ROWS_AT_ONCE = 500

_READS = {
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    # A PIVOT, which first creates a temporary type from the values that become columns.
    duckdb.StatementType.MULTI,
}

_GAP = "  "
# Values of any length that come from outside; DuckDB's other types are numbers, dates and times.
_TEXT = (str, bytes, list, tuple, dict)
# A text column is narrowed to this width before the columns to its right are left out.
_NARROWEST = 10
# What renderers of Markdown make a link of, without any markup.
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)

Row = tuple[object, ...]


class LimitReached(UsageError):
    """A limit ended a query; the message names the limit and what to do."""


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
    """A checked query. Every method runs it; `published_query` lists the errors.

    Attributes:
        columns: names of the columns in order; they may repeat.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        self._connection = connection
        self._sql = sql
        self._relation = connection.sql(sql)
        self.columns: list[str] = list(self._relation.columns)

    def first(self, rows: int) -> list[Row]:
        """Return the first rows; DuckDB need not produce the others, and a sort keeps only these."""
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
def published_query(
    settings: Settings, sql: str, *, seconds: float = SECONDS, end: Callable[[LimitReached], object]
) -> Iterator[PublishedQuery]:
    """Query the published database, read-only and within limits.

    Args:
        settings: settings of the installation.
        sql: one statement that reads.
        seconds: time limit for everything within the `with` block.
        end: called in another thread if the time is over and even an interruption does not stop the query; must end the
            process.

    Yields:
        The query, checked but not yet run.

    Raises:
        NotPublished: nothing is published yet.
        LimitReached: the query took too long or needed too much memory.
        UsageError: the query is empty, does more than read, or cannot be answered; the message is DuckDB's.
    """
    too_long = LimitReached(
        f"the query took more than {seconds:g} second{'' if seconds == 1 else 's'} (--timeout) and was ended; what it "
        "printed is incomplete. Ask for less, or allow more, up to an hour: "
        f'fcir query --timeout {min(seconds * 5, LONGEST_SECONDS):g} "..."'
    )
    with published_database(settings, _LIMITS) as connection:
        try:
            with _interrupted_after(connection, seconds, lambda: end(too_long)):
                yield PublishedQuery(connection, _checked(connection, sql))
        except duckdb.InterruptException:
            raise too_long from None
        except (duckdb.OutOfMemoryException, duckdb.InternalException, MemoryError) as error:
            if isinstance(error, duckdb.InternalException) and "bad_alloc" not in str(error):
                raise UsageError(f"DuckDB cannot answer this query: {_shown(str(error).splitlines()[0])}") from None
            raise LimitReached(
                "the query needed more than 1 GB of memory and was ended; what it printed is incomplete. Sort, join or "
                "group fewer rows, or open the database in another tool: docs/analyst_access.md"
            ) from None
        except RecursionError:
            raise UsageError("a value is nested too deeply to be printed; unnest it in the query") from None
        except duckdb.Error as error:
            # reading_connection tells the user what to do about a damaged file.
            if is_damage(error):
                raise
            # DuckDB's message quotes the query and the values that it could not convert.
            lines = [_shown(line) for line in str(error).split("\n")]
            lines.append('Tables and their columns: fcir query "from data_dictionary"')
            raise UsageError("\n".join(lines)) from None


def limit_memory() -> None:
    """Limit the memory of this process, which must then serve this one query only, and turn off core dumps.

    A core dump would contain data. Where the system does not enforce it (macOS), only DuckDB's limit applies.
    """
    for kind, limit in ((resource.RLIMIT_DATA, _PROCESS_BYTES), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


def _shown(line: str) -> str:
    """Return a line of DuckDB's messages on one line of at most `_LONGEST_LINE` characters."""
    line = line if line.isprintable() else printable(line)
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


def _checked(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return a query as it was typed; raise UsageError if it is not one statement that reads.

    The settings of the connection protect the server, also from what EXPLAIN ANALYZE runs: it can read this file only.
    """
    try:
        # If the locale is not UTF-8, Python represents bytes of an argument as surrogates.
        sql = sql.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        raise UsageError("the query is not UTF-8 text; nothing was done") from None
    statements = connection.extract_statements(sql)
    if not statements:
        raise UsageError('the query is empty; nothing was done. An example: fcir query "from measures"')
    if len(statements) > 1:
        raise UsageError(
            f"expected one query, found {len(statements)} statements; nothing was done. Run them one by one"
        )
    kind = None
    # Its Python client does not know every statement of DuckDB, such as UPDATE EXTENSIONS.
    with suppress(ValueError):
        kind = statements[0].type
    if kind not in _READS:
        raise UsageError(
            f"{kind.name if kind else 'this'} is not a query; nothing was done. fcir query only reads: SELECT, FROM, "
            "WITH, VALUES, PIVOT, UNPIVOT, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN"
        )
    return sql


@contextmanager
def _interrupted_after(
    connection: duckdb.DuckDBPyConnection, seconds: float, end: Callable[[], object]
) -> Iterator[None]:
    """Interrupt the connection after a time limit; call `end` if the interruption does not stop it."""
    finished = threading.Event()

    def watch() -> None:
        if not finished.wait(seconds):
            connection.interrupt()
            if not finished.wait(_GRACE_SECONDS):
                end()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        finished.set()


def write_table(query: PublishedQuery, out: TextIO, *, is_whole: bool) -> None:
    """Print rows as a table and, unless all are shown, their number.

    On a terminal, texts are cut and columns left out to fit its width. A file or another program receives whole cells,
    and the remarks on the rows go to standard error.

    Args:
        query: the query.
        out: standard output.
        is_whole: print all rows as they are produced, not only the first `SHOWN_ROWS`.
    """
    notes = out if out.isatty() else sys.stderr
    chunks = query.chunks() if is_whole else iter([query.first(SHOWN_ROWS + 1)])
    first = next(chunks, [])
    shown = first if is_whole else first[:SHOWN_ROWS]
    left_out = _write_chunks(query.columns, chain([shown], chunks), out)
    out.flush()
    if not first:
        note("0 rows", notes)
    if left_out:
        note(
            f"{left_out} of {len(query.columns)} columns do not fit; select fewer, or use --csv for all of them", notes
        )
    if len(first) > len(shown):
        counted = query.count()
        number = f"more than {SHOWN_ROWS}" if counted is None else f"{counted:,}"
        note(f"{number} rows; use --all or --csv for all of them", notes)


def write_rows(columns: Sequence[str], rows: Sequence[Row], out: TextIO) -> None:
    """Print rows as a table; a terminal gets texts cut to fit its width, except in the first column."""
    _write_chunks(columns, [rows], out, whole=1)


def _write_chunks(columns: Sequence[str], chunks: Iterable[Sequence[Row]], out: TextIO, whole: int = 0) -> int:
    """Print rows chunk by chunk, the first `whole` columns uncut; return how many columns do not fit a terminal."""
    width = shutil.get_terminal_size().columns if out.isatty() else None
    cells = [[printable(name) for name in columns]]
    widths = [0] * len(columns)
    for rows in chunks:
        # Only as much of a long text is escaped as can fit: a letter may have three accents.
        cells += [[printable(text_of(value)[: width and 4 * width]) for value in row] for row in rows]
        values = list(zip(*rows, strict=True)) or [()] * len(columns)
        needed = [max(map(_length, column)) for column in zip(*cells, strict=True)]
        widths = [max(pair) for pair in zip(widths, needed, strict=False)]
        if width:
            # Texts and names may be cut, numbers and dates never.
            is_cut = [n >= whole and (not of or isinstance(of[0], (*_TEXT, type(None)))) for n, of in enumerate(values)]
            widths = _fitted(widths, is_cut, width)
        is_right = [any(isinstance(value, int | float | Decimal) for value in of) for of in values]
        out.writelines(
            # The columns left out are the last ones.
            _GAP.join(map(_placed, row, widths, is_right)).rstrip() + "\n"
            for row in cells
        )
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
    if _length(cell) > width:
        return f"{set_cell_size(cell, width - 1)}\N{HORIZONTAL ELLIPSIS}"
    space = " " * (width - _length(cell))
    return space + cell if is_right else cell + space


def _length(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


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
