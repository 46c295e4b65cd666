"""Connections to DuckDB. All are opened here, those of dbt excepted, so that all have the same settings."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import duckdb

from dagster_project.sql import literal, table
from dagster_project.warehouse.lock import WarehouseLocked
from dagster_project.words import in_shell
from dagster_project.writing import draft_of, private_files

WAREHOUSE = "warehouse"
"""Name of the warehouse file in a connection."""

MARTS = "fcir"
"""Name of the marts file in a connection and in dbt; the published copy, `fcir.duckdb`, has the same name."""

# DuckDB 1.4 is the oldest release line that still gets fixes. Without this, only DuckDB 2.x could open the file.
STORAGE_VERSION = "v1.4.0"

_MEGABYTE = 1_000_000
_BYTES_A_THREAD = 200 * _MEGABYTE
_SHARE_OF_FILE = 4

_HEADERS_BYTES = 3 * 4096
# Error messages of DuckDB for a file that is damaged or was removed.
_DAMAGED = (
    "not a valid DuckDB database file",
    "Corrupt database file",
    "Could not read enough bytes",
    "Is a directory",
    "database does not exist",
    "Serialization Error",
    "Failed to deserialize",
)
_RAISED_BY_DAMAGE = (
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.FatalException,
    duckdb.InternalException,
)

NO_SPILLING: Mapping[str, str] = MappingProxyType({"temp_directory": ""})
"""Setting of an in-memory database whose rows must reach no disk; by default, it spills into the working folder."""


class DatabaseUnreadable(RuntimeError):
    """A DuckDB file that cannot be opened or used; the message names the file and says what to do."""

    def __init__(self, file: Path, what: str, advice: str) -> None:
        """Describe the fault.

        Args:
            file: the file.
            what: what is wrong with it, as the rest of a sentence.
            advice: what holds meanwhile, and the next command.
        """
        super().__init__(f"{file} {what}. {advice}")
        self.file, self.what = file, what


def says_damage(text: str) -> bool:
    """Return whether a DuckDB message means that a file is damaged, not that it is temporarily unavailable."""
    return any(words in text for words in _DAMAGED)


def is_damage(error: duckdb.Error) -> bool:
    """Return whether an error of a statement on an open DuckDB file means that the file is damaged.

    Other errors quote the statement and its values, which may have the same words.
    """
    # A wrong checksum raises the base class itself.
    is_possible = type(error) is duckdb.Error or isinstance(error, _RAISED_BY_DAMAGE)
    return is_possible and says_damage(str(error).split("\n", 1)[0])


@contextmanager
def opening(file: Path, advice: str) -> Iterator[None]:
    """Explain why a DuckDB file cannot be opened.

    Args:
        file: the file.
        advice: what is unchanged, and the next command; shown only if the file is damaged.

    Raises:
        WarehouseLocked: another program has the file open, and holds DuckDB's lock.
        DatabaseUnreadable: the file is not a database, was written by a DuckDB version that this one cannot read, or
            cannot be opened at the moment.
    """
    try:
        yield
    except duckdb.Error as error:
        message = str(error).splitlines()[0].removeprefix("IO Error: ").rstrip(".!")
        if "set lock on file" in message:
            held = message.partition("Conflicting lock is held in ")[2].partition(". ")[0]
            by = f" ({held})" if held else ""
            raise WarehouseLocked(
                f"{file} is open in another program{by}; nothing was done. Close it there and run again"
            ) from None
        if says_damage(message):
            raise DatabaseUnreadable(file, f"is damaged: {message}", advice) from None
        raise DatabaseUnreadable(file, f"cannot be opened: {message}", _not_damaged(file, message)) from None


def unreadable_tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> Iterator[str]:
    """Read every value of a database, because a checksum covers one block, and yield the tables with a damaged part.

    Args:
        connection: a connection that has the file open.
        catalog: name of the file in the connection.

    Raises:
        duckdb.Error: a table cannot be read for another reason.
    """
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? order by all", [catalog]
    ).fetchall()
    for schema, name in tables:
        try:
            connection.execute(f"select max(hash(t)) from {table(catalog, schema, name)} as t").fetchall()
        except duckdb.Error as error:
            if not says_damage(str(error)):
                raise
            yield f"{schema}.{name}"


@contextmanager
def noticing_damage(damaged: Callable[[], tuple[Path, str]]) -> Iterator[None]:
    """Explain that a DuckDB file, which could be opened, turned out to be damaged when it was read.

    Args:
        damaged: returns the damaged file, and what is unchanged with the next command.

    Raises:
        DatabaseUnreadable: the file is damaged. Other DuckDB errors are raised unchanged.
    """
    try:
        yield
    except duckdb.Error as error:
        if is_damage(error):
            file, advice = damaged()
            raise DatabaseUnreadable(file, f"is damaged: {str(error).splitlines()[0]}", advice) from None
        raise


def _not_damaged(file: Path, message: str) -> str:
    """Return what to do about a file that cannot be opened and was not found to be damaged."""
    stands = "Nothing was done, and nothing says that the file is damaged."
    if "Permission denied" in message:
        return f"{stands} Run as its owner, or give this user access: chmod u+rw {in_shell(file)}"
    if "version" in message:
        return f"{stands} It was written by a newer version: update this one (git pull && make env)"
    return f"{stands} Correct the cause (memory, disk, another program) and run again"


def is_cut_short(connection: duckdb.DuckDBPyConnection, file: Path, name: str = WAREHOUSE) -> bool:
    """Return whether a database file is truncated; DuckDB notices this only when it reads the missing blocks.

    Free blocks do not count, because DuckDB truncates those at the end.

    Args:
        connection: a connection that has the file open.
        file: the file. If it has a write-ahead log, its number of blocks is not final, and the result is false.
        name: name of the file in the connection.
    """
    if file.with_name(f"{file.name}.wal").exists():
        return False
    row = connection.execute(
        "select block_size * used_blocks from pragma_database_size() where database_name = ?", [name]
    ).fetchone()
    return row is not None and file.stat().st_size < _HEADERS_BYTES + int(row[0])


@contextmanager
def loading_connection(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database for loading, with the warehouse file and the marts file attached.

    The text of extracts, which contains personal values, is in the in-memory database only. Spilling is off, so no
    personal value reaches a disk: only rows with surrogates are written to the attached files.

    Args:
        warehouse: the warehouse file; created with mode 0600 if it does not exist.

    Yields:
        A connection with UTC as session time zone and the warehouse as default database; tables of the marts are named
        `marts.TABLE`. A transaction can write to only one of the two files.
    """
    create_private(warehouse)
    with private_files(), _in_memory() as connection:
        _attach(connection, str(warehouse), str(create_marts(warehouse)))
        yield connection


@contextmanager
def spilling_connection(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Like `loading_connection`, but only for tables of the warehouse: data above `memory_limit` is spilled to disk.

    Files created outside a `transaction` are readable by others, so write to the warehouse only within one. The caller
    must hold the writer lock and no other connection.
    """
    create_private(warehouse)
    marts = create_marts(warehouse)
    with _in_memory(_spilling(warehouse)) as connection:
        _attach(connection, str(warehouse), str(marts))
        yield connection


def memory_limit(warehouse: Path) -> str:
    """Return the memory limit of DuckDB; data above it is spilled to files next to the warehouse.

    Each thread of a query has blocks that cannot be spilled, so the limit grows with the number of threads. With two
    threads, half of the limit is enough to build every model for ten years of a force (13 million rows, a file of
    1.5 GB). Finding the repeated keys of two years of all forces (113 million rows, 6.7 GB) fails with 400 MB and
    succeeds with 800 MB, so the limit also grows with the warehouse: in this case it is 1.7 GB.

    DuckDB itself says how many threads it starts and how much memory it may take: it knows the limits of a container or
    a systemd unit (both versions of cgroups), which `os.cpu_count` does not.

    Args:
        warehouse: the file to open.

    Returns:
        A size for DuckDB, for example `400MB`; at most DuckDB's default, 80% of the memory of the machine or container.

    Raises:
        OSError: there is no such file.
    """
    with cursor() as connection:
        threads, most = connection.execute(
            "select current_setting('threads'), parse_formatted_bytes(current_setting('memory_limit'))"
        ).fetchall()[0]
    wanted = max(threads * _BYTES_A_THREAD, warehouse.stat().st_size // _SHARE_OF_FILE)
    return f"{min(wanted, most) // _MEGABYTE}MB"


@contextmanager
def dry_connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a loading connection to an empty in-memory warehouse, which is discarded afterwards."""
    with _in_memory() as connection:
        connection.execute(f"attach ':memory:' as {MARTS}; create schema {MARTS}.marts")
        _attach(connection, ":memory:", ":memory:")
        yield connection


@contextmanager
def attaching_connection(spill_at: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty in-memory database to attach files to.

    Args:
        spill_at: DuckDB file that no process has open: memory spills next to it; None: spilling is off.
    """
    with private_files(), _in_memory(_spilling(spill_at) if spill_at else {}) as connection:
        yield connection


def cursor() -> duckdb.DuckDBPyConnection:
    """Return a cursor of the process's in-memory database, for expressions; the caller closes it.

    A database of its own would cost milliseconds for each expression.
    """
    return duckdb.cursor()


@contextmanager
def vault_connection(file: Path | None, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database with the vault attached as `vault`: apart from the warehouse, and without spilling.

    Args:
        file: the vault, created for its owner only if it does not exist; None: a vault in memory.
        read_only: whether the vault is only read; it must exist then.
    """
    advice = ""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        advice = (
            "Restore its newest copy, or give everybody a new surrogate: "
            f"mv {in_shell(file)} {in_shell(file)}.damaged && fcir rebuild"
        )
    # Entering people into a vault of ten million takes 0.5 GB, writing that vault again 0.9 GB.
    with private_files(), _in_memory({"threads": 1, "memory_limit": "2GB"}) as connection:
        with opening(file or Path(), advice):
            connection.execute(
                f"attach {literal(str(file or ':memory:'))} as vault {'(read_only)' if read_only else ''}"
            )
        yield connection


@contextmanager
def _in_memory(config: Mapping[str, str | int] = MappingProxyType({})) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={**NO_SPILLING, **config}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def _attach(connection: duckdb.DuckDBPyConnection, warehouse: str, marts: str) -> None:
    connection.execute(f"attach {literal(warehouse)} as {WAREHOUSE}")
    _attach_marts(connection, marts, f"storage_version '{STORAGE_VERSION}'")


def open_read_only(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """Open the warehouse file and the marts file for reading, with the table names of a loading connection.

    Args:
        warehouse: an existing file. If the marts are missing or damaged, which the next run repairs, all other tables
            can still be read.

    Returns:
        A connection; the caller must close it, and keep writers out while it is open (`warehouse/lock.py`).
    """
    connection = duckdb.connect(str(warehouse), read_only=True)
    with suppress(duckdb.Error):
        _attach_marts(connection, str(marts_file(warehouse)), "read_only")
    return connection


def _attach_marts(connection: duckdb.DuckDBPyConnection, marts: str, option: str) -> None:
    """Attach the marts to a connection, so that their tables are named `marts.TABLE`."""
    # Another connection of the process to the same file may have attached them.
    connection.execute(f"attach if not exists {literal(marts)} as {MARTS} ({option})")
    connection.execute(f"set search_path = '{WAREHOUSE}.main,{MARTS}.marts'")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run the block in a transaction: commit all changes, or roll back if it raises an error."""
    with private_files():
        connection.execute("begin")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise


@contextmanager
def reading_connection(
    file: Path, limits: Mapping[str, str | int] = MappingProxyType({})
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a read-only connection to a DuckDB file, isolated from everything else on the machine.

    Args:
        file: an existing DuckDB file.
        limits: DuckDB settings that limit the resources of a query, such as `memory_limit`; by default DuckDB's own.

    Yields:
        A connection that can read only this file: no other file, no network, no extension and no Python object. These
        restrictions cannot be lifted.

    Raises:
        DatabaseUnreadable: the file is not a database, or is damaged.
    """
    advice = "Nothing was changed. Publish again: fcir publish"
    with opening(file, advice):
        connection = duckdb.connect(
            str(file),
            read_only=True,
            config={
                "enable_external_access": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                **NO_SPILLING,
                **limits,
            },
        )
    try:
        connection.execute("set TimeZone = 'UTC'")
        # In a program started with `python -c`, DuckDB prints the progress bar to standard output, among the data.
        connection.execute("set enable_progress_bar = false")
        # By default, this setting shows the home folder of the user.
        connection.execute("set secret_directory = ''")
        connection.execute("set lock_configuration = true")
        with noticing_damage(lambda: (file, advice)):
            yield connection
    finally:
        connection.close()


def create_private(file: Path) -> None:
    """Create a DuckDB file that only its owner can read, unless it exists; if killed, no partial file remains."""
    _create_private(file, "attach {} as created")


def marts_file(warehouse: Path) -> Path:
    """Return the path of the marts file, next to the warehouse file."""
    return warehouse.with_name("marts.duckdb")


def create_marts(warehouse: Path) -> Path:
    """Create the marts file like `create_private`, in the storage version in which it is published.

    Args:
        warehouse: the warehouse file, next to it.

    Returns:
        The marts file.
    """
    marts = marts_file(warehouse)
    if not marts.exists():
        # DuckDB refuses to open a file next to the write-ahead log of another, for example of one that was moved away.
        marts.with_name(f"{marts.name}.wal").unlink(missing_ok=True)
    _create_private(marts, f"attach {{}} as created (storage_version '{STORAGE_VERSION}'); create schema created.marts")
    return marts


def _create_private(file: Path, statements: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        draft = draft_of(file)
        draft.unlink(missing_ok=True)
        with private_files(), duckdb.connect() as connection:
            connection.execute(statements.format(literal(str(draft))))
        draft.chmod(0o600)
        draft.rename(file)


def _spilling(file: Path) -> dict[str, str]:
    return {"memory_limit": memory_limit(file), "temp_directory": str(empty_spill_folder(file))}


def empty_spill_folder(warehouse: Path) -> Path:
    """Create an empty folder, for its owner only, that DuckDB spills into when it opens this file.

    The folder that DuckDB creates is readable by others, and a killed process leaves its rows there. These rows come
    from the warehouse: they have no personal values, but are as private as the warehouse.

    Args:
        warehouse: a DuckDB file that no process has open.
    """
    folder = warehouse.with_name(f"{warehouse.name}.tmp")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return folder


def insert_rows(connection: duckdb.DuckDBPyConnection, relation: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows by column name, in one statement; separate statements would cost a millisecond per row.

    Args:
        connection: an open connection.
        relation: quoted name of the table.
        rows: rows with the same columns; other columns of the table are null.
    """
    if not rows:
        return
    # Imported here, because it takes a tenth of a second, and commands that only read insert nothing.
    import pyarrow as pa

    connection.register("rows_to_insert", pa.Table.from_pylist([dict(row) for row in rows]))
    try:
        connection.execute(f"insert into {relation} by name select * from rows_to_insert")
    finally:
        connection.unregister("rows_to_insert")


def create_temp_table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]]
) -> None:
    """Create or replace a temporary table.

    Args:
        connection: an open connection.
        name: name of the table.
        columns: SQL type of each column, by name.
        rows: values of each row, in the order of the columns.
    """
    unnested = ", ".join(f"unnest(cast(${column} as {sql_type}[])) as {column}" for column, sql_type in columns.items())
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    parameters = {column: list(of) for column, of in zip(columns, values, strict=True)}
    connection.execute(f"create or replace temp table {name} as select {unnested}", parameters)
