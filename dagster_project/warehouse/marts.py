"""The marts file, `marts.duckdb`: check that it matches the warehouse next to it, and remove its free blocks.

dbt builds the marts in this file and all other tables in the warehouse, each in a separate transaction. After every
build and publication, the warehouse records the size and time of the marts file. If the file was restored, replaced or
lost, they differ, and the next build makes all marts again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from dagster_project.sql import literal, scalar, table
from dagster_project.warehouse.connection import (
    MARTS,
    attaching_connection,
    says_damage,
    transaction,
    unreadable_tables,
)
from dagster_project.writing import draft_of, put_in_place

# A night reuses the blocks that it frees; a build from scratch leaves half of the file free.
_FREE_SHARE = 3

REWRITTEN = "old"
"""Name of a file that is rewritten, in the queries of its rows."""


def note_writing(connection: duckdb.DuckDBPyConnection, *, from_scratch: bool = False) -> None:
    """Record that the marts are being written; call it before the first write.

    Args:
        connection: the warehouse with the marts, in no transaction or in one that writes to the warehouse.
        from_scratch: whether the current marts are invalid until everything is written, even if this process is killed.
            Otherwise the next build continues from them: it repeats the pending work, with the same result.
    """
    connection.execute("delete from audit.marts_file where size > 0 or ?", [from_scratch])
    if from_scratch:
        connection.execute("insert into audit.marts_file values (0, 0)")


def note_written(connection: duckdb.DuckDBPyConnection) -> None:
    """Record that the marts are complete; call it after the last write. `connection` is as in `note_writing`."""
    connection.execute(f"checkpoint {MARTS}")
    state = _file_of(connection).stat()
    with transaction(connection):
        connection.execute("delete from audit.marts_file")
        connection.execute("insert into audit.marts_file values (?, ?)", [state.st_size, state.st_mtime_ns])


def belong_together(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the marts are those recorded in the warehouse, or were being written when a process was killed.

    Args:
        connection: the warehouse, with the marts if there are any.
    """
    tables = connection.execute("select 1 from duckdb_tables() where database_name = ? limit 1", [MARTS]).fetchone()
    if tables is None:
        return False
    state = _file_of(connection).stat()
    noted = connection.execute("select size, modified_ns from audit.marts_file").fetchone()
    return noted in (None, (state.st_size, state.st_mtime_ns))


def _file_of(connection: duckdb.DuckDBPyConnection) -> Path:
    return Path(scalar(connection, "select path from duckdb_databases() where database_name = ?", [MARTS]))


def is_damaged(marts: Path) -> bool:
    """Return whether a part of the file cannot be read; every value is read."""
    if not marts.is_file():
        return True
    try:
        with attaching_connection() as connection:
            connection.execute(f"attach {literal(str(marts))} as {MARTS} (read_only)")
            return any(unreadable_tables(connection, MARTS))
    except duckdb.Error as error:
        return says_damage(str(error))


def should_be_rewritten(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the file should be rewritten, to remove its free blocks.

    That is the case if they are more than a third of the file, or may contain rows of a delivery withdrawn since the
    last publication. A free block keeps its bytes until a table uses it again, and a published copy has them too.
    """
    is_due = scalar(
        connection,
        f"""
        select
            (select free_blocks * {_FREE_SHARE} > total_blocks from pragma_database_size() where database_name = $marts)
            or exists (
                select 1
                from audit.load
                where
                    withdrawn_at is not null
                    and change_seq > (select max(change_seq) from audit.publication where is_complete)
            )
        """,
        {"marts": MARTS},
    )
    return bool(is_due)


def rewrite(file: Path) -> None:
    """Rewrite a DuckDB file without its free blocks. Deleting rows does not erase their bytes; this does.

    Args:
        file: the file; the caller must hold the writer lock and have no connection to it. Its mode and its storage
            version stay.
    """
    with attaching_connection(file) as connection:
        rewrite_rows(connection, file, {})


def rewrite_rows(
    connection: duckdb.DuckDBPyConnection, file: Path, rows: Mapping[str, tuple[str, Sequence[object]]]
) -> None:
    """Rewrite a DuckDB file with other rows in some of its tables.

    The file is only read, since readers may have it open: they keep the old one until they open it again.

    Args:
        connection: any connection that has no database named `old` or `new`.
        file: as for `rewrite`.
        rows: by table, as `"SCHEMA"."TABLE"`, the query of its rows and the parameters; tables in it are named
            `old."SCHEMA"."TABLE"`. Other tables keep their rows.
    """
    draft = draft_of(file)
    draft.unlink(missing_ok=True)
    connection.execute(f"attach {literal(str(file))} as {REWRITTEN} (read_only)")
    try:
        ((version,),) = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where database_name = ?", [REWRITTEN]
        ).fetchall()
        connection.execute(f"attach {literal(str(draft))} as new (storage_version {literal(version.rstrip('+'))})")
        try:
            connection.execute(f"copy from database {REWRITTEN} to new{' (schema)' if rows else ''}")
            names = "select schema_name, table_name from duckdb_tables() where database_name = ?"
            for schema, name in connection.execute(names, [REWRITTEN]).fetchall() if rows else ():
                relation = table(schema, name)
                query, parameters = rows.get(relation, (f"from {REWRITTEN}.{relation}", ()))
                connection.execute(f"insert into new.{relation} {query}", parameters)
        finally:
            connection.execute("detach new")
    finally:
        connection.execute(f"detach {REWRITTEN}")
    put_in_place(draft, file, mode=file.stat().st_mode)
