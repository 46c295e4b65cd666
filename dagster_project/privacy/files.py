"""Walk folders, and tell of what kind a file is and whether it can be searched."""

import codecs
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import IO

import duckdb

from dagster_project.publication.space import says_full
from dagster_project.writing import draft_of

# Names of files whose values their bytes do not show; of those kept as damaged too.
_NOT_PLAIN = re.compile(r".*\.(duckdb|parquet|xlsx|ods|docx|pptx|gz|pdf)(\.damaged[^.]*)?", re.I | re.S)
# Control characters that no text has, in whatever encoding of 8 bits; what is packed or encrypted has some of them.
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_ENCRYPTED = re.compile(rb"-----BEGIN (PGP MESSAGE|AGE ENCRYPTED FILE)")
# Files that are no texts and have no values: pictures and fonts by their first bytes, others by name. dbt writes
# `partial_parse.msgpack` and `graph.gpickle` without compression; the template of slides has settings of a printer.
_WITHOUT_VALUES = re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|GIF8|wOF[F2]|\0\x01\0\0\0|OTTO")
_NAMED_WITHOUT_VALUES = re.compile(r".*(\.msgpack|\.gpickle|/printerSettings\d*\.bin)", re.S)
_PIECE = 1 << 20
HEAD_BYTES = 262
# The file beside a DuckDB database with what was not yet written into it, which only DuckDB may change.
LOG = ".wal"
# Files beside a SQLite database that only SQLite may change: a rewritten log damages the database.
OF_SQLITE = ("-wal", "-shm", "-journal")
# Extracts may be texts of this kind.
UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


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
    return kind_of_head(_head_of(file))


def _head_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def kind_of_head(head: bytes) -> Kind:
    """Return the kind of a file with these first bytes, `HEAD_BYTES` of them."""
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
        **dict.fromkeys(UTF16, Kind.UTF16),
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
    kind = kind_of_head(head)
    database = log_of(file)
    if database and not _is_database(database):
        raise UnreadableFile(f"{file} cannot be decoded (without its database)")
    if kind is Kind.OTHER and not database and not is_of_sqlite(file):
        require_text(file, str(file), BytesIO(head))
    if kind is Kind.OTHER and _NOT_PLAIN.fullmatch(file.name) and file.stat().st_size:
        raise UnreadableFile(f"{file} cannot be decoded (not what its name says)")
    return kind


def is_of_machine(error: Exception) -> bool:
    """Return whether an error says that memory or disk space is missing, and nothing about the file."""
    return isinstance(error, duckdb.OutOfMemoryException) or says_full(str(error))


def require_text(file: Path, name: str, stream: IO[bytes]) -> None:
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


def is_of_sqlite(file: Path) -> bool:
    """Return whether a file is a log of a SQLite database beside it, which only SQLite may change."""
    for suffix in OF_SQLITE:
        database = file.with_name(file.name.removesuffix(suffix))
        # A database that this user may not read is listed itself.
        with suppress(OSError):
            if file.name.endswith(suffix) and database.is_file() and kind_of(database) is Kind.SQLITE:
                return True
    return False


def log_of(file: Path) -> Path | None:
    """Return the DuckDB database that a file is the write-ahead log of, by their names; None for any other file."""
    database = file.with_name(file.name.removesuffix(LOG))
    if not file.name.endswith(LOG):
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
        if is_of_machine(error):
            raise
        draft = draft_of(file)
        for left in (draft, draft.with_name(f"{draft.name}.wal")):
            left.unlink(missing_ok=True)
        raise UnreadableFile(f"{file} cannot be decoded ({type(error).__name__})") from None
