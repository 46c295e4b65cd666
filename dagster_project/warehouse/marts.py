"""The file of the marts, `marts.duckdb`: whether it belongs to the warehouse beside it, and how its free blocks go.

dbt builds most tables in the warehouse and the marts here, each in a transaction of its own. Both files agree when they
were left together: after every build and every publication the warehouse notes size and time of this one. One that was
put back, replaced or lost is noticed by that, and the next build makes all marts again.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from dagster_project.sql import literal
from dagster_project.warehouse.connection import (
    MARTS,
    STORAGE_VERSION,
    empty_spill_folder,
    memory_limit,
    private_files,
    transaction,
)

# What a night replaces it uses again; a build from scratch leaves half of the file.
_FREE_SHARE = 3


def note_writing(connection: duckdb.DuckDBPyConnection, *, from_scratch: bool = False) -> None:
    """Note that the marts are being written, before the first of it.

    Args:
        connection: the warehouse with the marts, in no transaction or in one that writes to the warehouse.
        from_scratch: whether what is there counts for nothing until all is written, also if this process is killed.
            Else the next build goes on from it: it does again what is pending, with the same result.
    """
    connection.execute("delete from audit.marts_file where size > 0 or ?", [from_scratch])
    if from_scratch:
        connection.execute("insert into audit.marts_file values (0, 0)")


def note_written(connection: duckdb.DuckDBPyConnection) -> None:
    """Note that the marts are whole as they stand, after the last of it; arguments as of `note_writing`."""
    connection.execute(f"checkpoint {MARTS}")
    state = _file_of(connection).stat()
    with transaction(connection):
        connection.execute("delete from audit.marts_file")
        connection.execute("insert into audit.marts_file values (?, ?)", [state.st_size, state.st_mtime_ns])


def belong_together(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the marts are those that were left with the warehouse, or were being written when a process was killed.

    Args:
        connection: the warehouse, with the marts where there are any.
    """
    tables = connection.execute("select 1 from duckdb_tables() where database_name = ? limit 1", [MARTS]).fetchone()
    if tables is None:
        return False
    state = _file_of(connection).stat()
    noted = connection.execute("select size, modified_ns from audit.marts_file").fetchone()
    return noted in (None, (state.st_size, state.st_mtime_ns))


def _file_of(connection: duckdb.DuckDBPyConnection) -> Path:
    row = connection.execute("select path from duckdb_databases() where database_name = ?", [MARTS]).fetchone()
    return Path(row[0] if row else "")


def should_be_rewritten(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether free blocks are a third of the file, or may hold rows of a delivery withdrawn since the last publication.

    A block that a table no longer uses keeps its bytes until another table takes it, and a published copy has them too.
    """
    row = connection.execute(
        f"""
        select
            (select free_blocks * {_FREE_SHARE} > total_blocks from pragma_database_size() where database_name = $marts)
            or exists (
                select 1
                from audit.load
                where withdrawn_at > (select max(published_at) from audit.publication where is_complete)
            )
        """,
        {"marts": MARTS},
    ).fetchone()
    return bool(row and row[0])


def rewrite(marts: Path) -> None:
    """Write the file anew without its free blocks: deleting rows does not erase them, this does.

    Args:
        marts: the file; the caller holds the writer lock, and no connection to it is open.
    """
    draft = marts.with_name(f".{marts.name}.draft")
    draft.unlink(missing_ok=True)
    spilling = {"memory_limit": memory_limit(marts), "temp_directory": str(empty_spill_folder(marts))}
    with private_files(), duckdb.connect(config=dict(spilling)) as connection:
        connection.execute(f"attach {literal(str(marts))} as old (read_only)")
        connection.execute(f"attach {literal(str(draft))} as new (storage_version '{STORAGE_VERSION}')")
        connection.execute("copy from database old to new")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(marts)
