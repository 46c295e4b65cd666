"""Find values in files of any kind."""

import mmap
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dagster_project.errors import OperatorError
from dagster_project.hashing import sha256_of
from dagster_project.privacy.columns import (
    CATALOG,
    Column,
    attached,
    has_text,
    parquet_rows,
    rows_with,
    searched_columns,
)
from dagster_project.privacy.files import OF_SQLITE, Kind, UnreadableFile, is_of_machine, kind_of, readable_kind_of
from dagster_project.privacy.texts import NOT_DECODED, texts_of, texts_of_pages, without_tags
from dagster_project.privacy.values import Values
from dagster_project.sql import quoted

_NO_COLUMN = Column("")
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class DatabaseInUse(OperatorError, RuntimeError):
    """Another program has locked a SQLite database; the message says what to stop."""


@dataclass(frozen=True)
class Hit:
    """Values found in a file."""

    file: Path
    rows: int
    """Rows of a table, or occurrences in a text."""
    table: str = ""
    of: Column = _NO_COLUMN

    @property
    def column(self) -> str:
        """The quoted name of the column of a table; empty for a text."""
        return self.of.name


def search(file: Path, values: Values, *, with_numbers: bool = False) -> list[Hit]:
    """Return where values are in a file: by table and column if it has tables. Its bytes are searched as well.

    Args:
        file: the file.
        values: what is searched for.
        with_numbers: whether columns of numbers, and numbers within others, are searched for an identifier of digits,
            which programs read as a number. In the project's own tables a number is a count, a duration or a size, so
            it is not an identifier there: they are passed over in copies of the warehouse and the marts, and the caller
            names no file of a publication. Numbers are never rewritten.

    Raises:
        UnreadableFile: the file cannot be decoded.
        DatabaseInUse: it is a SQLite database that another program has locked.
    """
    kind = readable_kind_of(file)
    try:
        if kind is Kind.DUCKDB:
            hits = _in_database(file, values, with_numbers=with_numbers)
        elif kind is Kind.PARQUET:
            hits = _in_parquet(file, values, with_numbers=with_numbers)
        elif kind is Kind.SQLITE:
            hits = _in_sqlite(file, values)
        else:
            count = sum(map(values.count_in, texts_of(file, kind)))
            if not count and kind is Kind.PDF:
                count = _in_pages(file, values)
            elif not count and kind is Kind.ZIP and values.is_pattern:
                count = sum(values.count_in(without_tags(text)) for text in texts_of(file, kind))
            hits = [Hit(file, count)] if count else []
    except NOT_DECODED as error:
        if is_of_machine(error):
            raise
        if says_locked(error):
            raise in_use(file, values) from None
        raise UnreadableFile(f"{file} cannot be decoded ({type(error).__name__})") from None
    # Of many values, cells are compared: reading every byte with their pattern would take minutes a gigabyte.
    is_decoded = kind in (Kind.DUCKDB, Kind.PARQUET) and not values.is_pattern
    if not hits and not is_decoded and (count := _in_bytes(file, values)):
        hits = [Hit(file, count)]
    return hits


def says_locked(error: Exception) -> bool:
    """Return whether an error says that another program has locked a SQLite database."""
    # Errors that Python raises itself, as of a text that is not UTF-8, have no code.
    return isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _LOCKED


def in_use(file: Path, values: Values, done: str = "") -> DatabaseInUse:
    """Return the error for a SQLite database that is locked; `done` is a sentence on what was done."""
    return DatabaseInUse(
        f"{values.hidden_in(str(file))} is in use by another program, such as fcir ui. {done}Stop fcir ui, then run "
        "the command again"
    )


def _in_bytes(file: Path, values: Values) -> int:
    if not file.stat().st_size:
        return 0
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return values.count_in(content)


def _in_pages(file: Path, values: Values) -> int:
    """Return how many of the values are in the text of a PDF, which its fonts encode by glyph.

    Raises:
        UnreadableFile: it cannot be decoded, or has none of the values, and an attachment that cannot be searched.
    """
    text, unread = texts_of_pages(file, sha256_of(file))
    count = values.count_in_lines(text)
    if unread and not count:
        raise UnreadableFile(unread)
    return count


def _in_database(file: Path, values: Values, *, with_numbers: bool) -> list[Hit]:
    with attached(file, values) as connection:
        return [
            Hit(file, rows, relation, column)
            for relation, columns in searched_columns(connection, with_numbers=with_numbers).items()
            for column, rows in rows_with(connection, f"{CATALOG}.{relation}", columns, values)
        ]


def _in_parquet(file: Path, values: Values, *, with_numbers: bool) -> list[Hit]:
    connection, rows = values.searching, parquet_rows(file)
    described = connection.execute(f"describe select * from {rows}").fetchall()
    columns = [Column(quoted(name), kind, with_numbers) for name, kind, *_ in described if has_text(kind, with_numbers)]
    found = rows_with(connection, rows, columns, values)
    return [Hit(file, count, file.name, column) for column, count in found]


def _in_sqlite(file: Path, values: Values) -> list[Hit]:
    """Search each cell of a SQLite database; those of Dagster are of a few megabytes."""
    hits = []
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        # Texts may be of another encoding, or damaged.
        connection.text_factory = bytes
        for (of_table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            name = of_table.decode()
            rows = connection.execute(f"select * from {quoted(name)}")
            count = sum(any(values.count_in(bytes_of(cell)) for cell in row) for row in rows)
            hits += [Hit(file, count, name)] if count else []
    return hits


def bytes_of(cell: object) -> bytes:
    """Return the bytes of a cell of a SQLite database, of a number those of its digits."""
    return cell if isinstance(cell, bytes) else str(cell).encode()


def search_with_log(file: Path, values: Values) -> list[Hit]:
    """Search a file, and the log of a SQLite database, which may keep rows that were deleted from it."""
    hits = search(file, values)
    if not hits and kind_of(file) is Kind.SQLITE:
        logs = (file.with_name(f"{file.name}{suffix}") for suffix in OF_SQLITE)
        hits = [Hit(log, count) for log in logs if log.is_file() and (count := _in_bytes(log, values))]
    return hits
