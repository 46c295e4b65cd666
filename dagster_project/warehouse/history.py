"""A copy of the audit in `history/`, as Parquet: what cannot be restored from the landing folder.

It has the loads with their numbers and verdicts, waivers, corrections, actions, publications and figure versions, the
archive of purged months, and who was erased from the vault. Every command that changes one of them writes it again.
`manifest.json` names the files that belong together; a file is named by its content, and is never changed.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.hashing import sha256_of
from dagster_project.settings import Settings
from dagster_project.sql import literal, quoted, scalar, table
from dagster_project.warehouse.checksums import note_checksums
from dagster_project.warehouse.connection import (
    WAREHOUSE,
    DatabaseUnreadable,
    loading_connection,
    transaction,
    vault_connection,
)
from dagster_project.warehouse.state import reading_audit
from dagster_project.warehouse.tables import column_types, ensure_tables, root_id
from dagster_project.words import counted, in_shell
from dagster_project.writing import make_private_folder, private_files, write_whole

# What the next build or run writes again; without them, everything is built from scratch. Rows that a rebuild restores
# get new checksums, since a newer version of fcir may read other values from a file.
_NOT_KEPT = ("build", "build_started", "lake_owner", "load_checksum", "marts_file")
_MANIFEST = "manifest.json"
_ERASED = "vault.erased"
# Parquet has no integers of 128 bits.
_ERASED_COLUMNS = "hex(hash) as hash, surrogate, erased_at"


@dataclass(frozen=True)
class History:
    """The copy, as its manifest states it."""

    folder: Path
    root_id: str
    files: Mapping[str, str]
    """Name of the file of each table, such as `audit.load`."""

    @property
    def tables(self) -> dict[str, str]:
        """SQL of the rows of each table."""
        return {name: f"read_parquet({literal(str(self.folder / file))})" for name, file in self.files.items()}

    def fault(self) -> str | None:
        """Say which file is missing or was changed; None if none is."""
        return next(filter(None, map(self._fault_of, self.files.values())), None)

    def is_whole(self, name: str) -> bool:
        """Return whether the copy has a table, and its file is as it was written."""
        return name in self.files and self._fault_of(self.files[name]) is None

    def _fault_of(self, name: str) -> str | None:
        if not (self.folder / name).is_file():
            return f"{name} is missing"
        return None if sha256_of(self.folder / name)[:16] in name else f"{name} was changed"


def read_history(folder: Path) -> History | None:
    """Return the copy in a folder; None if there is none, or its manifest cannot be read."""
    try:
        content: Any = json.loads((folder / _MANIFEST).read_bytes())
        return History(
            folder, str(content["root_id"]), {str(name): str(file) for name, file in content["files"].items()}
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def save_history(settings: Settings, *, is_rebuilt: bool = False) -> None:
    """Note the checksums of new loads, and write the copy; if killed, the one before stays.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        is_rebuilt: whether the warehouse was built again, so that it may lack loads that the copy has.

    Raises:
        DatabaseUnreadable: the warehouse lacks loads that the copy has.
    """
    if not settings.warehouse.exists():
        require_same_warehouse(settings, None)
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, [])
        if not is_rebuilt:
            require_same_warehouse(settings, connection)
        with transaction(connection):
            note_checksums(connection)
        write_history(connection, settings.history, vault=settings.vault)


def write_history(connection: duckdb.DuckDBPyConnection, folder: Path, *, vault: Path | None = None) -> None:
    """Write the audit and the archive of the connected warehouse to a folder.

    Args:
        connection: an open connection to the warehouse.
        folder: the folder; what it has of people who were erased stays.
        vault: the vault, for who was erased.

    Raises:
        duckdb.Error: a table cannot be read in full.
    """
    make_private_folder(folder)
    before, files = read_history(folder), dict[str, str]()

    def write(to: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
        draft = folder / f".{name}.draft"
        to.execute(f"copy ({query}) to {literal(str(draft))} (format parquet)")
        files[name] = f"{name}-{sha256_of(draft)[:16]}.parquet"
        draft.replace(folder / files[name])

    with private_files():
        for schema, name in tables_of_copy(connection):
            write(connection, f"{schema}.{name}", f"from {table(schema, name)}")
        _write_erased(vault if vault and vault.exists() else None, before, write)
    content = {"root_id": root_id(connection), "files": files}
    write_whole(folder / _MANIFEST, f"{json.dumps(content, indent=2)}\n".encode())
    for path in folder.iterdir():
        if path.name not in (_MANIFEST, *files.values()):
            path.unlink()


def tables_of_copy(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return schema and name of the tables of a warehouse that a copy has, in order."""
    return connection.execute(
        """
        select schema_name, table_name
        from duckdb_tables()
        where
            database_name = current_database()
            and schema_name in ('audit', 'archive')
            and not list_contains(?, table_name)
        order by all
        """,
        [list(_NOT_KEPT)],
    ).fetchall()


def _write_erased(
    vault: Path | None, before: History | None, write: Callable[[duckdb.DuckDBPyConnection, str, str], None]
) -> None:
    """Write who was erased by the vault or by the copy before: an older vault has fewer."""
    with vault_connection(vault, read_only=vault is not None) as people:
        queries = [f"select {_ERASED_COLUMNS} from vault.erased"] if vault else []
        if before and before.is_whole(_ERASED):
            known = " where surrogate not in (select surrogate from vault.erased)" if vault else ""
            queries.append(f"select * from {before.tables[_ERASED]}{known}")
        if queries:
            write(people, _ERASED, " union all ".join(queries) + " order by erased_at, surrogate")


def erased_in_history(settings: Settings) -> list[tuple[int, int, Any]]:
    """Return hash, surrogate and time (UTC) of everybody who was erased, as the copy has them if it is whole."""
    history = read_history(settings.history)
    if not history or not history.is_whole(_ERASED):
        return []
    with vault_connection(None) as connection:
        return connection.execute(
            f"select cast('0x' || hash as uhugeint), surrogate, erased_at from {history.tables[_ERASED]}"
        ).fetchall()


def restore_audit(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> None:
    """Insert an audit and an archive into a new warehouse, by column: an earlier version may have others.

    Args:
        connection: a loading connection to the new warehouse, with its tables.
        tables: by table, such as `audit.load`, SQL of its rows.
    """
    for full_name, rows in tables.items():
        schema, _, name = full_name.partition(".")
        relation = table(WAREHOUSE, schema, name)
        if schema == "archive":
            connection.execute("create schema if not exists archive")
            connection.execute(f"create or replace table {relation} as from {rows}")
        elif ours := column_types(connection, WAREHOUSE, schema, name):
            names = [column for column, *_ in connection.execute(f"describe from {rows}").fetchall() if column in ours]
            listed = ", ".join(map(quoted, names))
            connection.execute(f"delete from {relation}")
            connection.execute(f"insert into {relation} ({listed}) select {listed} from {rows}")


def require_sound_warehouse(settings: Settings) -> None:
    """Check that a run can use the warehouse, before it begins. Errors are those of `require_same_warehouse`.

    Raises:
        WarehouseLocked: another process holds it.
    """
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        require_same_warehouse(settings, connection)


def require_same_warehouse(settings: Settings, connection: duckdb.DuckDBPyConnection | None) -> None:
    """Check that the warehouse has everything that was loaded into this data root.

    Args:
        settings: the data root.
        connection: the warehouse; None if it has no audit.

    Raises:
        DatabaseUnreadable: it is missing, empty, older than the copy of its audit, or of another data root.
    """
    if what := fault_of_warehouse(settings, connection):
        raise DatabaseUnreadable(settings.warehouse, what, f"Nothing was done. {advice_on_warehouse(settings)}")


def fault_of_warehouse(settings: Settings, connection: duckdb.DuckDBPyConnection | None) -> str | None:
    """Say in what way the warehouse is not the one that this data root was loaded into.

    Arguments are those of `require_same_warehouse`. Returns None if it is that one, or if there is none yet.
    """
    if connection is not None and is_earlier(connection):
        return "was loaded by an earlier version of fcir"
    history = read_history(settings.history)
    if connection is not None:
        # A rebuild leaves none if all files are to be loaded again, with the id of before.
        is_rebuilt = history is not None and history.root_id == root_id(connection)
        if is_rebuilt or scalar(connection, "select count(*) from audit.load"):
            return _lacks(connection, history) if history else None
    if not (history or os.path.lexists(settings.published / "current")):
        return None
    if not settings.warehouse.exists():
        return "is missing, although this data root has loaded before"
    return "is empty, although this data root has loaded before"


def _lacks(connection: duckdb.DuckDBPyConnection, history: History) -> str | None:
    """Say what a warehouse lacks that the copy has; None if it lacks nothing, or the copy cannot be read."""
    if root_id(connection) != history.root_id:
        return "is of another data root than the copy of its audit in history/"
    # Nothing deletes or changes an accepted load, except that a correction changes its status.
    same = "load_id, source, extract_date, file_sha256, rows_read, rows_loaded, rows_quarantined"
    accepted = "status in ('loaded', 'replaced', 'empty')"
    with suppress(duckdb.Error):
        lost = scalar(
            connection,
            f"""
            select count(*)
            from (
                select {same} from {history.tables["audit.load"]} where {accepted}
                except
                select {same} from audit.load where {accepted}
            )
            """,
        )
        if lost:
            return f"lacks {counted(lost, 'load')} that the copy of its audit in history/ has, or has other counts"
    return None


def fault_of_copy(settings: Settings, connection: duckdb.DuckDBPyConnection) -> str | None:
    """Say what is wrong with the copy of a sound warehouse with loads; None if it can be restored.

    A copy that is only older, as a killed run leaves it, is not wrong.
    """
    if not scalar(connection, "select count(*) from audit.load"):
        return None
    history = read_history(settings.history)
    return history.fault() if history else "missing, or its manifest cannot be read"


def advice_on_warehouse(settings: Settings) -> str:
    """Return what to do about a warehouse that is not the one that this data root was loaded into."""
    return (
        "What was published stays. Build it again from the landing folder: fcir rebuild; or restore the newest backup "
        f"of the data root (docs/recovery.md). To begin again without it: mv {in_shell(settings.history)} "
        f"{in_shell(settings.published)} {in_shell(settings.vault)} FOLDER"
    )


def is_earlier(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether a warehouse has an audit, but not that of this version."""
    columns = column_types(connection, WAREHOUSE, "audit", "quarantine")
    return bool(columns) and "surrogates" not in columns
