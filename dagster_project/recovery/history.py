"""A copy of the audit outside the warehouse: what cannot be restored from the landing folder.

It has the loads with their numbers and verdicts, waivers, corrections, the record of publications and figure versions,
the heads of the record of actions, the fingerprint of the key, and the archive of purged months. Every run, erasure,
purge and change of the key writes it again as its last step; rows of extracts are not in it.
"""

import os
from pathlib import Path

import duckdb

from dagster_project.settings import Settings
from dagster_project.sql import literal, table
from dagster_project.warehouse.connection import (
    STORAGE_VERSION,
    WAREHOUSE,
    DatabaseUnreadable,
    loading_connection,
    make_private_folder,
    private_files,
)
from dagster_project.warehouse.state import reading_audit
from dagster_project.warehouse.tables import column_types

# What the next build or run writes again. Without them, everything is built from scratch.
_NOT_KEPT = ("build", "build_started", "build_step", "marts_file")


def save_history(settings: Settings) -> None:
    """Write the copy, in place of the one before; if the process is killed, that one stays.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
    """
    make_private_folder(settings.history)
    with loading_connection(settings.warehouse) as connection:
        write_audit(connection, WAREHOUSE, history_file(settings))


def history_file(settings: Settings) -> Path:
    """Return the file of the copy."""
    return settings.history / "audit.duckdb"


def write_audit(connection: duckdb.DuckDBPyConnection, catalog: str, target: Path) -> None:
    """Write the audit tables of an attached database to a file of their own, atomically.

    Args:
        connection: an open connection.
        catalog: name of the database in the connection.
        target: the file, which is replaced.

    Raises:
        duckdb.Error: a table cannot be read in full.
    """
    draft = target.with_name(f".{target.name}.draft")
    for left in (draft, draft.with_name(f"{draft.name}.wal")):
        left.unlink(missing_ok=True)
    tables = connection.execute(
        """
        select schema_name, table_name
        from duckdb_tables()
        where database_name = ? and schema_name in ('audit', 'archive')
        order by all
        """,
        [catalog],
    ).fetchall()
    with private_files():
        connection.execute(f"attach {literal(str(draft))} as history (storage_version '{STORAGE_VERSION}')")
        try:
            for schema in ("audit", "archive"):
                connection.execute(f"create schema history.{schema}")
            for schema, name in tables:
                if name not in _NOT_KEPT:
                    copied = table("history", schema, name)
                    connection.execute(f"create table {copied} as from {table(catalog, schema, name)}")
        finally:
            connection.execute("detach history")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)


def take_audit(settings: Settings, target: Path) -> Path | None:
    """Write the audit to a file, from the warehouse if all of its audit can be read, otherwise from the copy.

    Returns:
        The file that it comes from; None if neither can be read.
    """
    for file in (settings.warehouse, history_file(settings)):
        if not file.is_file():
            continue
        try:
            with duckdb.connect() as connection:
                connection.execute(f"attach {literal(str(file))} as found (read_only)")
                if column_types(connection, "found", "audit", "root"):
                    write_audit(connection, "found", target)
                    return file
        except duckdb.Error:
            continue
    return None


def restore_audit(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Insert what `write_audit` wrote into the audit tables of a new warehouse.

    Args:
        connection: a loading connection to the new warehouse, with its tables.
        file: the file.
    """
    connection.execute(f"attach {literal(str(file))} as history (read_only)")
    try:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'history' order by all"
        ).fetchall()
        for schema, name in tables:
            if schema == "archive":
                connection.execute("create schema if not exists archive")
                copied = table(WAREHOUSE, schema, name)
                connection.execute(f"create or replace table {copied} as from {table('history', schema, name)}")
                continue
            ours = column_types(connection, WAREHOUSE, "audit", name)
            theirs = column_types(connection, "history", "audit", name)
            names = ", ".join(column for column in theirs if column in ours)
            if names:
                # Creating the tables has written the contracts.
                connection.execute(f"delete from {table(WAREHOUSE, 'audit', name)}")
                connection.execute(
                    f"insert into {table(WAREHOUSE, 'audit', name)} ({names}) "
                    f"select {names} from {table('history', 'audit', name)}"
                )
    finally:
        connection.execute("detach history")


def require_sound_warehouse(settings: Settings) -> None:
    """Check that a run can use the warehouse, before it begins.

    Raises:
        DatabaseUnreadable: the warehouse is damaged, or it is missing and there is a copy of its audit.
        WarehouseLocked: another process holds it.
    """
    copy = history_file(settings)
    if not settings.warehouse.exists() and copy.exists():
        raise DatabaseUnreadable(
            f"{settings.warehouse} is missing, and {copy} has its audit. Nothing was done, and what was published "
            "stays. Build it again from the landing folder: fcir rebuild; or put it back from its backup "
            f"(docs/recovery.md). To begin again without it: mv {settings.history} {settings.history}.old"
        )
    with reading_audit(settings.warehouse, settings.lock_file):
        pass
