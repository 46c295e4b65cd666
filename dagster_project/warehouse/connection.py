"""Connections to DuckDB files, all made here so that none differs. What is done over them does not belong here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ContextDecorator, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import duckdb

from dagster_project.sql import literal
from dagster_project.warehouse.lock import WarehouseLocked

WAREHOUSE = "warehouse"
"""Name under which a connection sees the warehouse file."""

MARTS = "fcir"
"""Name under which a connection, as dbt, sees the file of the marts: that of the published copy, `fcir.duckdb`."""

# DuckDB 1.4 is the oldest release line that still gets fixes; a file written without this opens in 2.x only.
STORAGE_VERSION = "v1.4.0"

_MEGABYTE = 1_000_000
_BYTES_A_THREAD = 200 * _MEGABYTE
_SHARE_OF_FILE = 4

_HEADERS_BYTES = 3 * 4096
# What DuckDB says of a file whose bytes are not those that it wrote, or that is gone.
_DAMAGED = (
    "not a valid DuckDB database file",
    "Corrupt database file",
    "Could not read enough bytes",
    "Is a directory",
    "database does not exist",
    "Serialization Error",
    "Failed to deserialize",
)

_NO_SPILLING = {"temp_directory": ""}


class DatabaseUnreadable(RuntimeError):
    """A DuckDB file that cannot be opened; the message says which, and what to do."""


def says_damage(text: str) -> bool:
    """Whether a message of DuckDB says that a file is damaged, and not that it cannot be had at the moment."""
    return any(words in text for words in _DAMAGED)


@contextmanager
def opening(file: Path, advice: str) -> Iterator[None]:
    """Say in words why a DuckDB file cannot be opened.

    Args:
        file: the file.
        advice: what stands, and the next command, for a file that is damaged; of another file it is not said.

    Raises:
        WarehouseLocked: another program has it open, and holds the lock that DuckDB sets.
        DatabaseUnreadable: it is no database, or not one that this version of DuckDB can read, or not at the moment.
    """
    try:
        yield
    except duckdb.Error as error:
        said = str(error).splitlines()[0].removeprefix("IO Error: ").rstrip(".!")
        if "set lock on file" in said:
            held = said.partition("Conflicting lock is held in ")[2].partition(". ")[0]
            by = f" ({held})" if held else ""
            raise WarehouseLocked(
                f"{file} is open in another program{by}; nothing was done. Close it there and run again"
            ) from None
        if says_damage(said):
            raise DatabaseUnreadable(f"{file} is damaged: {said}. {advice}") from None
        raise DatabaseUnreadable(f"{file} cannot be opened: {said}. {_not_damaged(file, said)}") from None


@contextmanager
def noticing_damage(file: Path, advice: str) -> Iterator[None]:
    """Say in words that a DuckDB file, which could be opened, was found to be damaged when it was read.

    Raises:
        DatabaseUnreadable: it is damaged. Other errors of DuckDB are let through.
    """
    try:
        yield
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        if says_damage(said):
            raise DatabaseUnreadable(f"{file} is damaged: {said}. {advice}") from None
        raise


def _not_damaged(file: Path, said: str) -> str:
    """What to do about a file that cannot be opened and was not found to be damaged."""
    stands = "Nothing was done, and nothing says that the file is damaged."
    if "Permission denied" in said:
        return f"{stands} Run as its owner, or give this user access: chmod u+rw {file}"
    if "version" in said:
        return f"{stands} It was written by a newer version: update this one (git pull && make env)"
    return f"{stands} See to the cause (memory, disk, another program) and run again"


def is_cut_short(connection: duckdb.DuckDBPyConnection, file: Path) -> bool:
    """Whether a database file is too short for the blocks that it uses, which DuckDB notices only when it reads them.

    Free blocks do not count: DuckDB cuts off those at the end.

    Args:
        connection: to this file and no other.
        file: the file. Beside a log of changes the number of blocks is not that of the file, and the answer is no.
    """
    if file.with_name(f"{file.name}.wal").exists():
        return False
    row = connection.execute(
        "select block_size * used_blocks from pragma_database_size() where database_name = current_database()"
    ).fetchone()
    return row is not None and file.stat().st_size < _HEADERS_BYTES + int(row[0])


@contextmanager
def loading_connection(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database with the files of the warehouse and of the marts attached, for loading.

    Text of extracts, with personal values in it, lives in the memory database only. Spilling is off, so none of it
    reaches a disk; what is written to the attached file has been pseudonymised.

    Args:
        warehouse: made with mode 0600 when it does not exist.

    Yields:
        A connection whose session time zone is UTC; the warehouse is the default database, and tables of the marts have
        the names `marts.TABLE`. A transaction writes to one of the two files.
    """
    create_private(warehouse)
    with private_files(), _memory_connection(str(warehouse), str(create_marts(warehouse))) as connection:
        yield connection


@contextmanager
def spilling_connection(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """As `loading_connection`, for work on tables of the warehouse alone: what exceeds `memory_limit` is spilled.

    Files that it makes are for whoever may read: what is written to the warehouse belongs in a `transaction`.
    The caller holds the writer lock and no other connection.
    """
    create_private(warehouse)
    config = {"memory_limit": memory_limit(warehouse), "temp_directory": str(empty_spill_folder(warehouse))}
    with _memory_connection(str(warehouse), str(create_marts(warehouse)), config) as connection:
        yield connection


def memory_limit(warehouse: Path, *, bytes_a_thread: int = _BYTES_A_THREAD, share_of_file: int = _SHARE_OF_FILE) -> str:
    """What DuckDB may hold in memory; what is beyond goes into files beside the warehouse.

    Every thread of a query holds blocks that cannot be spilled, so the limit grows with the processors. On two of them
    every model of ten years of a force (13 million rows, a file of 1.5 GB) is made with half of what they get. Sorting
    out the repeated keys of two years of all forces (113 million rows, 6.7 GB) fails with 400 MB and is done with 800,
    so it grows with the warehouse, too: there it is 1.7 GB.

    Args:
        warehouse: the file that is opened.
        bytes_a_thread: at least so much for each processor; as building and publishing need it.
        share_of_file: at least one part of the file in so many.

    Returns:
        A size as DuckDB reads it, `400MB`; no more than the share of the machine's memory that DuckDB takes by itself.
    """
    wanted = max((os.cpu_count() or 1) * bytes_a_thread, warehouse.stat().st_size // share_of_file)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{min(wanted, machine * 8 // 10) // _MEGABYTE}MB"


@contextmanager
def dry_connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A loading connection whose warehouse is empty, in memory, and gone afterwards."""
    with _memory_connection(":memory:", ":memory:") as connection:
        yield connection


@contextmanager
def _memory_connection(
    warehouse: str, marts: str, config: Mapping[str, str] = _NO_SPILLING
) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:", config=dict(config))
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(warehouse)} as {WAREHOUSE}")
        _attach_marts(connection, marts, f"storage_version '{STORAGE_VERSION}'")
        yield connection
    finally:
        connection.close()


def open_read_only(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """Open the files of the warehouse and of the marts, to read tables of both as a loading connection has them.

    Args:
        warehouse: an existing file. Without marts, or with damaged ones, which a run makes again, all else can be read.

    Returns:
        A connection that the caller closes, and keeps writers out while it is open (`warehouse/lock.py`).
    """
    connection = duckdb.connect(str(warehouse), read_only=True)
    with suppress(duckdb.Error):
        _attach_marts(connection, str(marts_of(warehouse)), "read_only")
    return connection


def _attach_marts(connection: duckdb.DuckDBPyConnection, marts: str, option: str) -> None:
    """Have a connection to the warehouse see the marts as `marts.TABLE`."""
    connection.execute(f"attach {literal(marts)} as {MARTS} ({option})")
    if option != "read_only":
        connection.execute(f"create schema if not exists {MARTS}.marts")
    connection.execute(f"set search_path = '{WAREHOUSE}.main,{MARTS}.marts'")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of what is done inside, or nothing of it."""
    with private_files():
        connection.execute("begin")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise


def private_files() -> AbstractContextManager[None]:
    """Files that are made meanwhile are for their owner alone, as the log that DuckDB writes beside the warehouse."""
    return _umask(0o077)


def readable_files() -> ContextDecorator:
    """Files that are made meanwhile are for every reader, in a process whose other files are private."""
    return _umask(0o022)


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner alone; one that others may enter is closed, with all that is in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        for path in [folder, *folder.rglob("*")]:
            # Another process may have removed a file meanwhile; the mode of a link is that of its target.
            with suppress(FileNotFoundError):
                if not path.is_symlink() or path == folder:
                    path.chmod(path.stat().st_mode & 0o700)


@contextmanager
def reading_connection(
    file: Path, limits: Mapping[str, str | int] = MappingProxyType({})
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to a DuckDB file, shut off from everything else on the machine.

    Args:
        file: an existing DuckDB file.
        limits: settings of DuckDB that bound what a query takes, as `memory_limit`; without them DuckDB's own hold.

    Yields:
        A connection that can read this file and nothing else: no other file, no network, no extension, no Python
        object, and no way to lift that.

    Raises:
        DatabaseUnreadable: the file is no database, or a damaged one.
    """
    advice = "Nothing was changed. Make it again: fcir publish"
    with opening(file, advice):
        connection = duckdb.connect(
            str(file),
            read_only=True,
            config={
                "enable_external_access": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                **_NO_SPILLING,
                **limits,
            },
        )
    try:
        connection.execute("set TimeZone = 'UTC'")
        # DuckDB prints it on standard output, among the data, of a program that was started by `python -c`.
        connection.execute("set enable_progress_bar = false")
        connection.execute("set lock_configuration = true")
        with noticing_damage(file, advice):
            yield connection
    finally:
        connection.close()


def create_private(file: Path) -> None:
    """Make a DuckDB file that only its owner may read, unless it exists; one that was killed here leaves none."""
    _create_private(file, "attach {} as created")


def marts_of(warehouse: Path) -> Path:
    """The file of the marts, beside that of the warehouse."""
    return warehouse.with_name("marts.duckdb")


def create_marts(warehouse: Path) -> Path:
    """Make the file of the marts as `create_private` makes one, in the storage version that it is published in.

    Args:
        warehouse: the file beside it.

    Returns:
        The file.
    """
    marts = marts_of(warehouse)
    _create_private(marts, f"attach {{}} as created (storage_version '{STORAGE_VERSION}'); create schema created.marts")
    return marts


def _create_private(file: Path, statements: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        draft = file.with_name(f".{file.name}.draft")
        draft.unlink(missing_ok=True)
        with private_files(), duckdb.connect() as connection:
            connection.execute(statements.format(literal(str(draft))))
        draft.chmod(0o600)
        draft.rename(file)


def empty_spill_folder(warehouse: Path) -> Path:
    """The folder that DuckDB spills into when it opens this file, made empty and for its owner alone.

    DuckDB makes one that others can read, and one that was killed leaves its rows there. They are rows of the
    warehouse, which have no personal values in them, and as private as it is.

    Args:
        warehouse: a DuckDB file that nobody has open.
    """
    folder = warehouse.with_name(f"{warehouse.name}.tmp")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return folder


def insert_rows(connection: duckdb.DuckDBPyConnection, relation: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows by the names of their columns, in one statement: one for each row costs a millisecond apiece.

    Args:
        connection: an open connection.
        relation: quoted name of the table.
        rows: rows of the same columns; columns of the table that are not among them are null.
    """
    if not rows:
        return
    # Here: it costs a tenth of a second to import, and a command that only asks inserts nothing.
    import pyarrow as pa

    connection.register("rows_to_insert", pa.Table.from_pylist([dict(row) for row in rows]))
    try:
        connection.execute(f"insert into {relation} by name select * from rows_to_insert")
    finally:
        connection.unregister("rows_to_insert")


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether the schema `marts` of the database has a table; a public edition has fewer than a publication."""
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = 'marts' and table_name = ?", [name]
    ).fetchone()
    return bool(found and found[0])
