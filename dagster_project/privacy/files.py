"""Find values in files of any kind, and rewrite files without them. Each file is replaced in one step."""

import codecs
import gzip
import lzma
import mmap
import os
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import IO, Any

import duckdb

from dagster_project.errors import OperatorError
from dagster_project.loading.landing import sha256_of
from dagster_project.privacy.values import Values
from dagster_project.publication.parquet_files import copy_to_parquet, nullable_columns
from dagster_project.publication.space import says_full
from dagster_project.sql import literal, quoted, scalar, table
from dagster_project.warehouse.checksums import CHECKSUMS
from dagster_project.warehouse.connection import NO_SPILLING, empty_spill_folder
from dagster_project.warehouse.marts import REWRITTEN, rewrite_rows, rewriting_connection
from dagster_project.writing import draft_of, private_files, put_in_place

_CATALOG = "searched"
_TEXT = "VARCHAR"
# Types of columns, and of lists, that have no text; all others are searched.
_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\))(\[\d*\])*")
_WITHOUT_TEXT = re.compile(rf"{_NUMBER.pattern}|(BOOLEAN|DATE|TIME[A-Z_ ]*|INTERVAL)(\[\d*\])*")
# Schemas of the project's databases, of which copies of the warehouse and the marts have one.
_OF_PROJECT = {"audit", "marts"}
# Names of files whose values their bytes do not show; of those kept as damaged too.
_NOT_PLAIN = re.compile(r".*\.(duckdb|parquet|xlsx|ods|docx|pptx|gz|pdf)(\.damaged[^.]*)?", re.I | re.S)
_DEFLATED = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.S)
# Control characters that no text has, in whatever encoding of 8 bits; what is packed or encrypted has some of them.
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_ENCRYPTED = re.compile(rb"-----BEGIN (PGP MESSAGE|AGE ENCRYPTED FILE)")
# Files that are no texts and have no values: pictures and fonts by their first bytes, others by name. dbt writes
# `partial_parse.msgpack` without compression; the template of slides has settings of a printer.
_WITHOUT_VALUES = re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|GIF8|wOF[F2]|\0\x01\0\0\0|OTTO")
_NAMED_WITHOUT_VALUES = re.compile(r".*(\.msgpack|/printerSettings\d*\.bin)", re.S)
# What an office document has between words, and where its words may end.
_BREAK = re.compile(rb"<(/(\w+:)?(p|h|tc|c|si|table-cell)|(\w+:)?(br|cr|tab|line-break|s))\b[^<>]*>")
_TAG = re.compile(rb"<[^<>]*>")
_PIECE = 1 << 20
_HEAD_BYTES = 262
# The file beside a DuckDB database with what was not yet written into it, which only DuckDB may change.
_LOG = ".wal"
# Files beside a SQLite database that only SQLite may change: a rewritten log damages the database.
_OF_SQLITE = ("-wal", "-shm", "-journal")
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# What reading a damaged or packed file raises. A zip with a password, of a method that Python lacks, or with a damaged
# directory raises RuntimeError, ValueError, LookupError, OverflowError or struct.error.
_NOT_DECODED = (
    *(duckdb.Error, sqlite3.Error, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, OverflowError),
)
# Extracts may be texts of this kind.
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Kind(StrEnum):
    """Kinds of files that are decoded before they are searched."""

    DUCKDB = "duckdb"
    PARQUET = "parquet"
    SQLITE = "sqlite"
    ZIP = "zip"
    GZIP = "gzip"
    PDF = "pdf"
    UTF16 = "utf-16"
    OTHER = "other"


class UnreadableFile(Exception):
    """A file that is of a kind by its first bytes and cannot be decoded; the message has no content of it."""


class DatabaseInUse(OperatorError, RuntimeError):
    """Another program has locked a SQLite database; the message says what to stop."""


class CannotRewrite(Exception):
    """A file has a value and is of a kind that cannot be written without it."""


@dataclass(frozen=True)
class Column:
    """A column with texts: of a table, or of a Parquet file."""

    name: str
    """Quoted."""
    kind: str = _TEXT
    """Its type; texts may be nested, as in a list."""

    def condition(self, values: Values) -> tuple[str, list[object]]:
        """Return SQL that is true if the column has one of the values, and its parameters."""
        if _NUMBER.fullmatch(self.kind):
            return values.condition_of_numbers(self._text)
        text = self._text
        if "UUID" in self.kind:
            # A pseudonym may have become one.
            text = f"concat({text}, ' ', replace({text}, '-', ''))"
        return values.condition(text, is_whole=self.kind == _TEXT)

    def expression(self, values: Values) -> tuple[str, list[object]]:
        """Return SQL for the column with the values replaced, null if they cannot be, and its parameters."""
        if self.kind == _TEXT:
            return values.expression(self.name)
        condition, of_condition = self.condition(values)
        replaced, parameters = values.expression(self._text)
        return (
            f"case when {condition} then try_cast({replaced} as {self.kind}) else {self.name} end",
            [*of_condition, *parameters],
        )

    def is_rewritable(self, connection: duckdb.DuckDBPyConnection, rows: str, values: Values) -> bool:
        """Return whether the values can be replaced in the column of some rows.

        Nested texts are replaced in what a cell is as a text, if that gives the cell again. An ENUM has only its own
        values, and many values are compared with whole cells.
        """
        if self.kind == _TEXT:
            return True
        if not values.is_pattern or "ENUM(" in self.kind:
            return False
        condition, of_condition = self.condition(values)
        replaced, of_replaced = self.expression(values)
        is_lost = f"try_cast({self._text} as {self.kind}) is distinct from {self.name} or ({replaced}) is null"
        sql = f"select count(*) from {rows} where {condition} and ({is_lost})"
        return not scalar(connection, sql, [*of_condition, *of_replaced])

    @property
    def _text(self) -> str:
        return self.name if self.kind == _TEXT else f"cast({self.name} as varchar)"


@dataclass(frozen=True)
class Hit:
    """Values found in a file."""

    file: Path
    rows: int
    """Rows of a table, or occurrences in a text."""
    table: str = ""
    of: Column = Column("")

    @property
    def column(self) -> str:
        """The quoted name of the column of a table; empty for a text."""
        return self.of.name


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in order, without links.

    A folder that cannot be read, such as `lost+found` of a disk, is yielded too: like a file that cannot be read.
    """
    return filter(is_searched, paths_below(folder))


def paths_below(folder: Path, left_out: Collection[Path] = ()) -> Iterator[Path]:
    """Yield everything below a folder in order, without folders to leave out; links are not followed.

    A folder that cannot be read is yielded without what is in it, also if it is this one.
    """
    if is_closed(folder):
        yield folder
        return
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path in left_out:
            continue
        is_link = path.is_symlink()
        if is_link or not is_closed(path):
            yield path
        if not is_link and path.is_dir():
            yield from paths_below(path, left_out)


def is_searched(path: Path) -> bool:
    """Return whether a path is a file, or a folder that cannot be read and counts as a file; not a link to either."""
    return not path.is_symlink() and (path.is_file() or is_closed(path))


def is_closed(folder: Path) -> bool:
    """Return whether this user cannot list a folder, or not open what is in it; links are followed."""
    if not folder.is_dir():
        return False
    try:
        os.scandir(folder).close()
    except OSError:
        return True
    return not os.access(folder, os.X_OK)


def kind_of(file: Path) -> Kind:
    """Return the kind of a file, by its first bytes."""
    return _kind_of_head(_head_of(file))


def _head_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_HEAD_BYTES)


def _kind_of_head(head: bytes) -> Kind:
    if head[8:12] == b"DUCK":
        return Kind.DUCKDB
    if head.startswith(codecs.BOM_UTF32_LE):
        # It begins as UTF-16 does, and is not decoded.
        return Kind.OTHER
    beginnings = {
        b"PAR1": Kind.PARQUET,
        b"SQLite format 3\0": Kind.SQLITE,
        b"PK\x03\x04": Kind.ZIP,
        b"\x1f\x8b": Kind.GZIP,
        b"%PDF-": Kind.PDF,
        **dict.fromkeys(_UTF16, Kind.UTF16),
    }
    return next((kind for begin, kind in beginnings.items() if head.startswith(begin)), Kind.OTHER)


def readable_kind_of(file: Path) -> Kind:
    """Return the kind of a file.

    Raises:
        UnreadableFile: this user may not read it; its first bytes are not what its name says, as those of a database
            with a damaged beginning; it is neither a text nor of a known kind, as if it is packed or encrypted; or it
            is the log of a DuckDB database that is not there.
    """
    try:
        head = _head_of(file)
    except OSError as error:
        raise UnreadableFile(f"{file} cannot be decoded ({type(error).__name__})") from None
    kind = _kind_of_head(head)
    database = log_of(file)
    if database and not _is_database(database):
        raise UnreadableFile(f"{file} cannot be decoded (without its database)")
    if kind is Kind.OTHER and not database and not _is_of_sqlite(file):
        _require_text(file, str(file), BytesIO(head))
    if kind is Kind.OTHER and _NOT_PLAIN.fullmatch(file.name) and file.stat().st_size:
        raise UnreadableFile(f"{file} cannot be decoded (not what its name says)")
    return kind


def search(file: Path, values: Values, *, with_numbers: bool = False) -> list[Hit]:
    """Return where values are in a file: by table and column if it has tables. Its bytes are searched as well.

    Args:
        file: the file.
        values: what is searched for.
        with_numbers: whether columns of numbers are searched for an identifier of digits, which programs read as a
            number. In the project's own tables a number is a count, a duration or a size, so it is not an identifier
            there: they are passed over in copies of the warehouse and the marts, and the caller names no file of a
            publication. Numbers are never rewritten.

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
            count = sum(map(values.count_in, _texts(file, kind)))
            if not count and kind is Kind.PDF:
                count = _in_pages(file, values)
            elif not count and kind is Kind.ZIP and values.is_pattern:
                count = sum(values.count_in(_without_tags(text)) for text in _texts(file, kind))
            hits = [Hit(file, count)] if count else []
    except _NOT_DECODED as error:
        if _is_of_machine(error):
            raise
        if _says_locked(error):
            raise _in_use(file, values) from None
        raise UnreadableFile(f"{file} cannot be decoded ({type(error).__name__})") from None
    # Of many values, cells are compared: reading every byte with their pattern would take minutes a gigabyte.
    is_decoded = kind in (Kind.DUCKDB, Kind.PARQUET) and not values.is_pattern
    if not hits and not is_decoded and (count := _in_bytes(file, values)):
        hits = [Hit(file, count)]
    return hits


def _is_of_machine(error: Exception) -> bool:
    """Return whether an error says that memory or disk space is missing, and nothing about the file."""
    return isinstance(error, duckdb.OutOfMemoryException) or says_full(str(error))


def _says_locked(error: Exception) -> bool:
    # Errors that Python raises itself, as of a text that is not UTF-8, have no code.
    return isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _LOCKED


def _in_use(file: Path, values: Values, done: str = "") -> DatabaseInUse:
    return DatabaseInUse(
        f"{values.hidden_in(str(file))} is in use by another program, such as fcir ui. {done}Stop fcir ui, then run "
        "the command again"
    )


def require_unlocked(file: Path, values: Values) -> None:
    """Check that a SQLite database with one of the values can be rewritten; any other file is passed over.

    Its log is written into it.

    Raises:
        DatabaseInUse: another program has locked it.
    """
    try:
        if kind_of(file) is not Kind.SQLITE or not _hits(file, values):
            return
        with _writing_to_sqlite(file, values, "Nothing was replaced. ") as connection:
            connection.execute("begin exclusive")
            connection.rollback()
    except (UnreadableFile, OSError):
        return


def _in_bytes(file: Path, values: Values) -> int:
    if not file.stat().st_size:
        return 0
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return values.count_in(content)


def _texts(file: Path, kind: Kind) -> Iterator[bytes]:
    """Yield the decoded contents of a file that is compressed or a text in UTF-16.

    Raises:
        UnreadableFile: a database or an archive is in it, whose bytes do not show its values, and must not change.
    """
    if kind is Kind.ZIP:
        with zipfile.ZipFile(file) as archive:
            # By entry: two may have one name.
            for entry in archive.infolist():
                with archive.open(entry) as member:
                    yield _plain(file, entry.filename, member)
    elif kind is Kind.GZIP:
        with gzip.open(file) as stream:
            yield _plain(file, file.name, stream)
    elif kind is Kind.UTF16:
        yield _as_utf8(file.read_bytes())
    elif kind is Kind.PDF:
        for match in _DEFLATED.finditer(file.read_bytes()):
            with suppress(zlib.error):
                yield zlib.decompress(match[1])
    elif not _is_of_sqlite(file):
        with file.open("rb") as stream:
            _require_text(file, str(file), stream)


def _plain(file: Path, name: str, stream: IO[bytes] | BufferedIOBase) -> bytes:
    """Return the content of a packed text; of a picture too."""
    content = stream.read()
    kind = _kind_of_head(content[:_HEAD_BYTES])
    if kind is Kind.OTHER:
        _require_text(file, name, BytesIO(content))
    elif kind is not Kind.UTF16:
        raise UnreadableFile(f"{file} cannot be decoded (packed)")
    return _as_utf8(content)


def _require_text(file: Path, name: str, stream: IO[bytes]) -> None:
    """Check that the bytes show their values: of a text in UTF-8 or in an encoding of 8 bits, or of a picture."""
    decoder, is_utf8, has_control, is_first = codecs.getincrementaldecoder("utf-8")(), True, False, True
    while piece := stream.read(_PIECE):
        if is_first and (_WITHOUT_VALUES.match(piece) or _NAMED_WITHOUT_VALUES.fullmatch(name)):
            return
        has_control = has_control or _CONTROL.search(piece) is not None
        try:
            if is_utf8:
                decoder.decode(piece)
        except UnicodeDecodeError:
            is_utf8 = False
        if b"\0" in piece or (has_control and not is_utf8) or (is_first and _ENCRYPTED.match(piece)):
            raise UnreadableFile(f"{file} cannot be decoded (neither a text nor of a known kind)")
        is_first = False


def _without_tags(content: bytes) -> bytes:
    """Return the text of a part of an office document, whose words may be in several runs."""
    return _TAG.sub(b"", _BREAK.sub(b" ", content))


def _as_utf8(content: bytes) -> bytes:
    """Return the bytes of a text in UTF-8 if its byte-order mark says that they are UTF-16, and all others unchanged.

    Raises:
        UnicodeError: they are not UTF-16.
    """
    encoding = _UTF16.get(content[:2])
    return content.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass") if encoding else content


def _replaced(content: bytes, values: Values) -> bytes:
    """Return the bytes of a text with values replaced, in the encoding that it has."""
    replaced, _ = values.replace_in(_as_utf8(content))
    encoding = _UTF16.get(content[:2])
    return replaced.decode("utf-8", "surrogatepass").encode(encoding, "surrogatepass") if encoding else replaced


def _in_pages(file: Path, values: Values) -> int:
    """Return how many of the values are in the text of a PDF, which its fonts encode by glyph."""
    return sum(map(values.count_in_lines, _texts_of_pages(file, sha256_of(file))))


@cache
def _texts_of_pages(file: Path, sha256: str) -> tuple[str, ...]:  # noqa: ARG001 (another content is read again)
    """Return the text of each page of a PDF; an erasure searches a file before, as and after it rewrites others.

    Raises:
        UnreadableFile: the PDF cannot be decoded.
    """
    # It takes 0.2 s to load, and most files are none.
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    try:
        return tuple(page.extract_text() for page in PdfReader(file).pages)
    except (PyPdfError, DependencyError, TypeError, AttributeError, *_NOT_DECODED) as error:
        raise UnreadableFile(f"{file} cannot be decoded ({type(error).__name__})") from None


def _in_database(file: Path, values: Values, *, with_numbers: bool) -> list[Hit]:
    with _attached(file, values) as connection:
        return [
            Hit(file, rows, relation, column)
            for relation, columns in _searched_columns(connection, with_numbers=with_numbers).items()
            for column, rows in _rows_with(connection, f"{_CATALOG}.{relation}", columns, values)
        ]


def _in_parquet(file: Path, values: Values, *, with_numbers: bool) -> list[Hit]:
    connection, rows = values.searching, parquet_rows(file)
    described = connection.execute(f"describe select * from {rows}").fetchall()
    columns = [Column(quoted(name), kind) for name, kind, *_ in described if _is_searched(kind, with_numbers)]
    found = _rows_with(connection, rows, columns, values)
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
            count = sum(any(values.count_in(_bytes(cell)) for cell in row) for row in rows)
            hits += [Hit(file, count, name)] if count else []
    return hits


def _bytes(cell: object) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode()


@contextmanager
def _attached(file: Path, values: Values) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config=dict(NO_SPILLING)) as connection:
        connection.execute(f"attach {literal(str(file))} as {_CATALOG} (read_only)")
        values.register(connection)
        yield connection


def _is_searched(kind: str, with_numbers: bool) -> bool:
    return not _WITHOUT_TEXT.fullmatch(kind) or (with_numbers and _NUMBER.fullmatch(kind) is not None)


def _searched_columns(connection: duckdb.DuckDBPyConnection, *, with_numbers: bool) -> dict[str, list[Column]]:
    """Return the columns with texts of each table of the attached database; with numbers, if it is none of ours."""
    rows = connection.execute(
        """
        select
            columns.schema_name,
            columns.table_name,
            columns.column_name,
            columns.data_type
        from duckdb_columns() as columns
        inner join duckdb_tables() as tables on columns.table_oid = tables.table_oid
        where
            columns.database_name = ?
            and tables.database_name = columns.database_name
        order by columns.schema_name, columns.table_name, columns.column_index
        """,
        [_CATALOG],
    ).fetchall()
    with_numbers = with_numbers and _OF_PROJECT.isdisjoint(schema for schema, *_ in rows)
    found: dict[str, list[Column]] = {}
    for schema, name, column, kind in rows:
        if _is_searched(kind, with_numbers):
            found.setdefault(table(schema, name), []).append(Column(quoted(column), kind))
    return found


def _rows_with(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[Column], values: Values
) -> list[tuple[Column, int]]:
    """Return each of the columns that has values, with the number of rows."""
    if not columns:
        return []
    conditions, parameters = _all(column.condition(values) for column in columns)
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in conditions)
    (row,) = connection.execute(f"select {counts} from {relation}", parameters).fetchall()
    return [(column, count) for column, count in zip(columns, row, strict=True) if count]


def _all(made: Iterable[tuple[str, list[object]]]) -> tuple[list[str], list[object]]:
    """Return the SQL of several columns, and their parameters."""
    sql, parameters = [], list[object]()
    for of_column, parameters_of_column in made:
        sql.append(of_column)
        parameters += parameters_of_column
    return sql, parameters


def parquet_rows(file: Path) -> str:
    """Return SQL for the rows of a Parquet file."""
    # Folders such as month=2022-11 would become columns.
    return f"read_parquet({literal(str(file))}, hive_partitioning = false)"


def replace_values(
    file: Path,
    values: Values,
    *,
    order: Sequence[str] = (),
    spill_at: Path | None = None,
    on_change: Callable[[Path], None] | None = None,
) -> bool:
    """Replace values in a file, so that no byte of them remains in it, and return whether it was rewritten.

    A file without them stays as it is, except that a DuckDB file loses its free blocks, which keep old bytes, and its
    log is written into it.

    Args:
        file: the file. Its mode stays; if it is a hard link, the others keep the old content.
        values: what is replaced.
        order: columns by which the rows of a Parquet file are ordered.
        spill_at: DuckDB file next to which memory spills, which is not open; None: a Parquet file may not spill.
        on_change: called with the file before it is rewritten.

    Raises:
        UnreadableFile: the file cannot be decoded, or has nested texts that cannot be replaced. It stays as it is.
        DatabaseInUse: it is a SQLite database that another program has locked.
        CannotRewrite: it is a PDF, or an office document that has a value in several pieces.
    """
    if _is_of_sqlite(file) or log_of(file):
        return False
    hits, kind = _hits(file, values), kind_of(file)
    has_log = kind is Kind.DUCKDB and file.with_name(f"{file.name}{_LOG}").exists()
    if not hits and not has_log and not (kind is Kind.DUCKDB and _has_free_blocks(file)):
        return False
    _require_rewritable(file, kind, hits, values)
    if on_change:
        on_change(file)
    if has_log:
        # DuckDB opens no database beside the log of another, so the rewritten one must have none; it is safe to kill.
        with noticing_damage(file), private_files(), duckdb.connect(str(file), config=dict(NO_SPILLING)) as connection:
            connection.execute("checkpoint")
    if kind is Kind.DUCKDB:
        # The search reads texts only; other columns may be damaged.
        with noticing_damage(file), rewriting_connection(file, spill_at=spill_at) as connection:
            values.register(connection)
            rewrite_rows(connection, file, _replaced_rows(hits, values))
    else:
        _rewrite(file, kind, hits, values, order, spill_at)
    return True


def _require_rewritable(file: Path, kind: Kind, hits: Sequence[Hit], values: Values) -> None:
    nested = [hit for hit in hits if hit.of.kind != _TEXT]
    if not nested:
        return
    if kind is Kind.DUCKDB:
        with _attached(file, values) as connection:
            are = all(hit.of.is_rewritable(connection, f"{_CATALOG}.{hit.table}", values) for hit in nested)
    else:
        are = all(hit.of.is_rewritable(values.searching, parquet_rows(file), values) for hit in nested)
    if not are:
        raise UnreadableFile(f"{file} cannot be rewritten (nested column)")


def _hits(file: Path, values: Values) -> list[Hit]:
    """Search a file, and the log of a SQLite database, which may keep rows that were deleted from it."""
    hits = search(file, values)
    if not hits and kind_of(file) is Kind.SQLITE:
        logs = (file.with_name(f"{file.name}{suffix}") for suffix in _OF_SQLITE)
        hits = [Hit(log, count) for log in logs if log.is_file() and (count := _in_bytes(log, values))]
    return hits


def _is_of_sqlite(file: Path) -> bool:
    for suffix in _OF_SQLITE:
        database = file.with_name(file.name.removesuffix(suffix))
        # A database that this user may not read is listed itself.
        with suppress(OSError):
            if file.name.endswith(suffix) and database.is_file() and kind_of(database) is Kind.SQLITE:
                return True
    return False


def log_of(file: Path) -> Path | None:
    """Return the DuckDB database that a file is the write-ahead log of, by their names; None for any other file."""
    database = file.with_name(file.name.removesuffix(_LOG))
    if not file.name.endswith(_LOG):
        return None
    return database if database.suffix == ".duckdb" or _is_database(database) else None


def _is_database(file: Path) -> bool:
    try:
        return kind_of(file) is Kind.DUCKDB
    except OSError:
        return False


@contextmanager
def noticing_damage(file: Path) -> Iterator[None]:
    """Say of a file that the block reads or rewrites with DuckDB that it cannot be decoded.

    Raises:
        UnreadableFile: it cannot. It stays as it is, without a draft. Errors of the machine are raised unchanged.
    """
    try:
        yield
    except duckdb.Error as error:
        if _is_of_machine(error):
            raise
        draft = draft_of(file)
        for left in (draft, draft.with_name(f"{draft.name}.wal")):
            left.unlink(missing_ok=True)
        raise UnreadableFile(f"{file} cannot be decoded ({type(error).__name__})") from None


def _replaced_rows(hits: Sequence[Hit], values: Values) -> dict[str, tuple[str, list[object]]]:
    """Return by table the query of its rows with values replaced in the columns where they were found."""
    columns: dict[str, list[Column]] = {}
    for hit in hits:
        if hit.table:
            columns.setdefault(hit.table, []).append(hit.of)
    found = {}
    for relation, of_table in columns.items():
        found[relation] = _select_replaced(f"{REWRITTEN}.{relation}", of_table, values)
    if any(relation.startswith('"raw".') for relation in found):
        # A copy of the warehouse: if it is restored, the next command notes the checksums of the rows that it has.
        found[CHECKSUMS] = (f"from {REWRITTEN}.{CHECKSUMS} where false", [])
    return found


def _select_replaced(rows: str, columns: Sequence[Column], values: Values) -> tuple[str, list[object]]:
    """Return the query of rows with values replaced in columns, and its parameters."""
    if not columns:
        return f"select * from {rows}", []
    expressions, parameters = _all(column.expression(values) for column in columns)
    replaced = ", ".join(f"{sql} as {column.name}" for sql, column in zip(expressions, columns, strict=True))
    return f"select * replace ({replaced}) from {rows}", parameters


def _has_free_blocks(file: Path) -> bool:
    with duckdb.connect(str(file), read_only=True) as connection:
        return bool(scalar(connection, "select sum(free_blocks) from pragma_database_size()"))


def rows_of_tables(file: Path, names: Collection[str]) -> dict[str, int]:
    """Return the number of rows of tables of a published database."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return {name: scalar(connection, f"select count(*) from {table('marts', name)}") for name in names}


def update_tables(connection: duckdb.DuckDBPyConnection, catalog: str, hits: Sequence[Hit], values: Values) -> None:
    """Replace values in the columns of tables where they were found. Nested texts that cannot be replaced stay.

    Args:
        connection: an open connection; `values.register` was called for it.
        catalog: name of the database in it.
        hits: tables and columns, as `search` returns them.
        values: what is replaced.
    """
    for hit in hits:
        if not hit.table or not hit.of.is_rewritable(connection, f"{catalog}.{hit.table}", values):
            continue
        condition, of_condition = hit.of.condition(values)
        expression, of_expression = hit.of.expression(values)
        connection.execute(
            f"update {catalog}.{hit.table} set {hit.column} = {expression} where {condition}",
            [*of_expression, *of_condition],
        )


def _rewrite(
    file: Path, kind: Kind, hits: Sequence[Hit], values: Values, order: Sequence[str], spill_at: Path | None
) -> None:
    if kind is Kind.SQLITE:
        _replace_in_sqlite(file, values)
        return
    draft = draft_of(file)
    draft.unlink(missing_ok=True)
    with private_files():
        if kind is Kind.PARQUET:
            _write_parquet(file, draft, hits, values, order, spill_at)
        elif kind is Kind.ZIP:
            _write_zip(file, draft, values)
        elif kind is Kind.GZIP:
            draft.write_bytes(gzip.compress(_replaced(gzip.decompress(file.read_bytes()), values)))
        elif kind is Kind.PDF:
            raise CannotRewrite(f"{file} is a PDF")
        else:
            draft.write_bytes(_replaced(file.read_bytes(), values))
    put_in_place(draft, file, mode=file.stat().st_mode)


def _write_parquet(
    file: Path, draft: Path, hits: Sequence[Hit], values: Values, order: Sequence[str], spill_at: Path | None
) -> None:
    spills = {"temp_directory": str(empty_spill_folder(spill_at))} if spill_at else NO_SPILLING
    with duckdb.connect(config=dict(spills)) as connection, nullable_columns(connection):
        values.register(connection)
        # Without a column if only the properties of the file have values, which are not written again.
        columns = [hit.of for hit in hits if hit.table]
        rows, parameters = _select_replaced(parquet_rows(file), columns, values)
        # COPY takes no parameters.
        connection.execute(f"create temp table rewritten as {rows}", parameters)
        # An edition does not have all columns of its table.
        kept = connection.table("rewritten").columns
        copy_to_parquet(connection, [column for column in order if column in kept], "rewritten", draft)


def _write_zip(file: Path, draft: Path, values: Values) -> None:
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(draft, "w") as new:
        for member in old.infolist():
            new.writestr(member, _replaced(old.read(member), values), member.compress_type)
    if search(draft, values):
        draft.unlink()
        raise CannotRewrite(f"{file} has a value in several pieces")


def _replace_in_sqlite(file: Path, values: Values) -> None:
    with _writing_to_sqlite(file, values) as connection:
        connection.execute("pragma secure_delete = on")
        is_utf8 = connection.execute("pragma encoding").fetchone() == ("UTF-8",)
        connection.create_function("replaced", 1, lambda cell: _replaced_cell(cell, values), deterministic=True)
        for (name,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            for _, column, *_ in connection.execute(f"pragma table_info({quoted(name)})").fetchall():
                of = quoted(column)
                new = f"replaced({of})"
                if is_utf8:
                    # As bytes: a text may be of another encoding, or damaged.
                    new = (
                        f"case typeof({of}) when 'text' then cast(replaced(cast({of} as blob)) as text) else {new} end"
                    )
                connection.execute(f"update {quoted(name)} set {of} = {new} where {new} <> {of}")
        connection.commit()
        connection.execute("vacuum")


@contextmanager
def _writing_to_sqlite(file: Path, values: Values, done: str = "") -> Iterator[sqlite3.Connection]:
    """Open a SQLite database that other programs may have open, and write its log into it at the end.

    Raises:
        DatabaseInUse: another program has locked it.
        UnreadableFile: a part of it is damaged, or this user may not write it. It stays as it is.
    """
    with closing(sqlite3.connect(file)) as connection:
        try:
            yield connection
            ((is_busy, *_),) = connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        except sqlite3.Error as error:
            if _is_of_machine(error):
                raise
            if _says_locked(error):
                raise _in_use(file, values, done) from None
            raise UnreadableFile(f"{file} cannot be rewritten ({type(error).__name__})") from None
        if is_busy:
            raise _in_use(file, values, done)


def _replaced_cell(cell: Any, values: Values) -> Any:
    if not isinstance(cell, str | bytes):
        return cell
    replaced, _ = values.replace_in(_bytes(cell))
    return replaced if isinstance(cell, bytes) else replaced.decode()
