"""A copy of the audit outside the warehouse: what cannot be restored from the landing folder.

It has the loads with their numbers and verdicts, waivers, corrections, the record of publications and figure versions,
the heads of the record of actions, the fingerprint of the key, and the archive of purged months. Every run, erasure,
purge and change of the key writes it again as its last step; rows of extracts are not in it. Its heads are never fewer:
they show that entries of the record were removed, also if the warehouse does not have them any more.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.publication.pointer import pointer_of
from dagster_project.record.chain import Anchor, Head
from dagster_project.settings import Settings
from dagster_project.sql import literal, scalar, table
from dagster_project.warehouse.checksums import note_checksums
from dagster_project.warehouse.connection import (
    NO_SPILLING,
    STORAGE_VERSION,
    WAREHOUSE,
    DatabaseUnreadable,
    loading_connection,
    open_read_only,
    transaction,
)
from dagster_project.warehouse.roots import root_id
from dagster_project.warehouse.state import reading_audit
from dagster_project.warehouse.tables import column_types, ensure_tables, record_contracts
from dagster_project.words import counted, in_shell
from dagster_project.writing import draft_of, make_private_folder, private_files, put_in_place

# What the next build or run writes again. Without them, everything is built from scratch. Rows that a rebuild restores
# are read by the contracts of today, and get new checksums, since a newer version may read other values from a file.
_NOT_KEPT = ("build", "build_started", "build_step", "lake", "load_checksum", "marts_file")

_HEADS = "select seq, hash, noted_at from {}.audit.record_head order by all"


def save_history(settings: Settings, *, is_rebuilt: bool = False) -> None:
    """Note the checksums of new loads, and write the copy, in place of the one before; if killed, that one stays.

    Heads of the record that only the copy before has get into the warehouse, so that they stay in the copy too. A file
    in place of the folder, or a folder in place of a file, is renamed.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        is_rebuilt: whether the warehouse was built again, so that loads may have other counts than in the copy.

    Raises:
        DatabaseUnreadable: the warehouse lacks loads that the copy has.
    """
    for path in (settings.history, history_file(settings), draft_of(history_file(settings))):
        if path.exists() and path.is_dir() != (path == settings.history):
            path.rename(path.with_name(f"{path.name}.damaged-{utc_now():%Y%m%dT%H%M%SZ}"))
    make_private_folder(settings.history)
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, [])
        heads = _heads_in(history_file(settings), root_id(connection))
        found = None if is_rebuilt else difference_from_copy(connection, settings)
        if found and found.is_of_warehouse:
            raise DatabaseUnreadable(f"{settings.warehouse}: {found.what}. {advice_on_warehouse(settings)}")
        with transaction(connection):
            note_checksums(connection)
            _add_heads(connection, WAREHOUSE, heads)
        write_audit(connection, WAREHOUSE, history_file(settings))


def history_file(settings: Settings) -> Path:
    """Return the file of the copy."""
    return settings.history / "audit.duckdb"


def anchors_in_copy(settings: Settings, root: str | None) -> list[Anchor]:
    """Return the heads of the record that the copy has; none without a copy of this data root that can be read.

    Args:
        settings: the data root.
        root: its id; None if the warehouse cannot be read, which has it.
    """
    file = history_file(settings)
    return [Anchor(str(file), Head(seq, digest)) for seq, digest, _ in _heads_in(file, root)]


def save_heads(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Add the heads of the record that the warehouse has to the copy; if killed, the copy before stays.

    It takes 0.3 s for a copy of 34 MB, and `save_history` 2 s. That would also take over what else differs, which is
    for `fcir verify` to report. Without a copy that can be read, nothing is written: the next run does.

    Args:
        settings: the data root; the caller holds the writer lock.
        connection: a loading connection to the warehouse, in no transaction.
    """
    file = history_file(settings)
    if not file.is_file() or draft_of(file).is_dir():
        return
    heads = connection.execute(_HEADS.format(WAREHOUSE)).fetchall()
    draft = _new_draft_of(file)
    with private_files():
        shutil.copyfile(file, draft)
        try:
            # A connection of its own: a damaged file can end that of the warehouse.
            with duckdb.connect(config=dict(NO_SPILLING)) as copied:
                copied.execute(f"attach {literal(str(draft))} as history")
                _add_heads(copied, "history", heads)
                copied.execute("detach history")
        except duckdb.Error:
            _new_draft_of(file)
            return
    put_in_place(draft, file)


def _heads_in(file: Path, root: str | None) -> list[tuple[int, str, datetime]]:
    """Return the heads that a copy has, oldest first; none if it is of another data root than `root` or unreadable."""
    if not file.is_file():
        return []
    try:
        with duckdb.connect(config=dict(NO_SPILLING)) as connection:
            connection.execute(f"attach {literal(str(file))} as history (read_only)")
            if root and root_id(connection, "history") != root:
                return []
            return connection.execute(_HEADS.format("history")).fetchall()
    except duckdb.Error:
        return []


def _add_heads(connection: duckdb.DuckDBPyConnection, catalog: str, heads: Iterable[tuple[int, str, datetime]]) -> None:
    """Add heads of the record to those of an attached database, which keeps its own."""
    place = table(catalog, "audit", "record_head")
    known = set(connection.execute(f"select seq, hash from {place}").fetchall())
    if new := [head for head in heads if head[:2] not in known]:
        connection.executemany(f"insert into {place} (seq, hash, noted_at) values (?, ?, ?)", new)


def _new_draft_of(file: Path) -> Path:
    """Return the name of a draft, after removing what a command that was killed left of one."""
    draft = draft_of(file)
    for left in (draft, draft.with_name(f"{draft.name}.wal")):
        left.unlink(missing_ok=True)
    return draft


def write_audit(connection: duckdb.DuckDBPyConnection, catalog: str, target: Path) -> None:
    """Write the audit tables of an attached database to a file of their own, atomically.

    Args:
        connection: an open connection.
        catalog: name of the database in the connection.
        target: the file, which is replaced.

    Raises:
        duckdb.Error: a table cannot be read in full.
    """
    draft = _new_draft_of(target)
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
    put_in_place(draft, target)


def take_audit(settings: Settings, target: Path) -> Path | None:
    """Write the audit to a file, from the warehouse if all of its audit can be read, otherwise from the copy.

    An audit whose tables contradict each other is taken only if there is no other.

    Returns:
        The file that it comes from; None if neither can be read.
    """
    readable = [file for file in (settings.warehouse, history_file(settings)) if file.is_file()]
    with suppress(DatabaseUnreadable), reading_audit(settings.warehouse, settings.lock_file) as connection:
        if fault_of_warehouse(settings, connection):
            readable.reverse()
    for needs_agreement in (True, False):
        for file in readable:
            with suppress(duckdb.Error), duckdb.connect() as connection:
                connection.execute(f"attach {literal(str(file))} as found (read_only)")
                if column_types(connection, "found", "audit", "root"):
                    write_audit(connection, "found", target)
                    connection.execute("use found")
                    if not (needs_agreement and any(contradictions(connection))):
                        return file
    return None


def contradictions(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Yield where tables of the audit contradict each other, and how.

    Every row that was read is loaded or quarantined, and tables about loads name only loads that there are.
    """
    rows = connection.execute(
        """
        with quarantined as (
            select
                load_id,
                count(*) as row_count
            from audit.quarantine
            group by load_id
        )

        select
            load.load_id,
            load.source,
            load.extract_date,
            load.rows_read,
            load.rows_loaded,
            load.rows_quarantined,
            coalesce(quarantined.row_count, 0)
        from audit.load as load
        left join quarantined
            on load.load_id = quarantined.load_id
        where
            load.status in ('loaded', 'replaced', 'empty')
            and (
                load.rows_read <> load.rows_loaded + load.rows_quarantined
                or load.rows_quarantined <> coalesce(quarantined.row_count, 0)
            )
        order by load.load_id
        """
    ).fetchall()
    for load_id, source, day, read, loaded, quarantined, found in rows:
        yield (
            f"audit.load, load {load_id} ({source} {day})",
            f"{counted(read, 'row')} read, {loaded:,} loaded, {quarantined:,} quarantined, and {found:,} in "
            "audit.quarantine; read must be loaded and quarantined",
        )
    unknown = connection.execute(
        """
        select distinct load_id
        from (
            select load_id from audit.quarantine
            union all
            select load_id from audit.load_force
            union all
            select load_id from audit.load_column
        )
        where load_id not in (select load_id from audit.load)
        order by load_id
        """
    ).fetchall()
    for (load_id,) in unknown:
        yield f"audit.load, load {load_id}", "missing, and other tables of the audit name it"


@dataclass(frozen=True)
class Difference:
    """How the copy differs from the audit of the warehouse."""

    what: str
    is_of_warehouse: bool = False
    """Whether the warehouse lacks what the copy has, and not the reverse: writing the copy again would hide that."""
    is_fault: bool = True
    """False for a copy that is only older, as a killed run leaves it."""


def difference_from_copy(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Difference | None:
    """Compare the copy with the audit of the warehouse.

    Args:
        connection: a connection to the warehouse.
        settings: the data root.

    Returns:
        None if nothing is loaded yet, or if the copy has everything.
    """
    newest = scalar(connection, "select max(change_seq) from audit.load")
    file = history_file(settings)
    if newest is None:
        return None
    if not file.is_file():
        return Difference("not a file" if os.path.lexists(file) else "missing")
    try:
        connection.execute(f"attach {literal(str(file))} as history (read_only)")
    except duckdb.Error:
        return Difference("not a whole database")
    try:
        return _difference(connection, newest)
    except duckdb.Error:
        return Difference("a part of it cannot be read")
    finally:
        connection.execute("detach history")


def _difference(connection: duckdb.DuckDBPyConnection, newest: int) -> Difference | None:
    for schema, name in connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'history'"
    ).fetchall():
        connection.execute(f"select max(hash(t)) from {table('history', schema, name)} as t").fetchall()
    copied = scalar(connection, "select max(change_seq) from history.audit.load")
    # A copy without loads is of a warehouse that was removed before its first load.
    if copied is not None and root_id(connection, "history") != root_id(connection):
        return Difference("the copy of its audit in history/ is of another data root", is_of_warehouse=True)
    # A correction changes the status of a load; nothing else changes or deletes an accepted one.
    same = "load_id, source, extract_date, file_sha256, rows_read, rows_loaded, rows_quarantined"
    same += ", status" if copied == newest else ""
    accepted = "status in ('loaded', 'replaced', 'empty')"
    ((lost,),) = connection.execute(
        f"""
        select count(*)
        from (
            select {same} from history.audit.load where {accepted}
            except
            select {same} from audit.load where {accepted}
        )
        """
    ).fetchall()
    if lost:
        return Difference(
            f"the copy of its audit in history/ has {counted(lost, 'load')} that it lacks or has with other counts",
            is_of_warehouse=True,
        )
    behind = connection.execute(
        """
        select
            (select count(*) from history.audit.load) < (select count(*) from audit.load)
            or (select count(*) from history.audit.publication) < (select count(*) from audit.publication)
            or (select count(*) from history.audit.waiver) < (select count(*) from audit.waiver)
        """
    ).fetchall()
    return Difference("older than the warehouse", is_fault=False) if behind == [(True,)] or copied != newest else None


# Until 0.5: version 0.4 published whole file names, names of unknown columns and texts of cells.
_PUBLISHED_NAME = r"""
    source || '_' || extract_date
    || case when contains(lower(file_name), '_late') then '_late' else '' end
    || case when contains(lower(file_name), '_corrected') then '_corrected' else '' end
    || regexp_extract(lower(file_name), '\.(csv|csv\.gz|xlsx|parquet|jsonl)$')
"""
_WITHOUT_TEXTS = {
    "load": f"""
        * replace (
            {_PUBLISHED_NAME} as file_name,
            coalesce(replace(reason, file_name, {_PUBLISHED_NAME}), reason) as reason,
            cast(null as varchar) as warnings
        ),
        file_name as delivered_name
    """,
    "quarantine": f"""
        * replace (
            {_PUBLISHED_NAME} as file_name,
            regexp_replace(reason, '; found ".*', '', 's') as reason
        )
    """,
}


def restore_audit(connection: duckdb.DuckDBPyConnection, file: Path, contracts: Iterable[Contract]) -> None:
    """Insert what `write_audit` wrote into the audit tables of a new warehouse.

    What an earlier version wrote loses texts of cells, free parts of file names and names of unknown columns. Columns
    that are in no contract any more stay noted as personal: kept publications still have their pseudonyms.

    Args:
        connection: a loading connection to the new warehouse, with its tables.
        file: the file.
        contracts: the sources.
    """
    contracts = list(contracts)
    connection.execute(f"attach {literal(str(file))} as history (read_only)")
    try:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'history' order by all"
        ).fetchall()
        has_texts = "delivered_name" not in column_types(connection, "history", "audit", "load")
        for schema, name in tables:
            if schema == "archive":
                connection.execute("create schema if not exists archive")
                copied = table(WAREHOUSE, schema, name)
                connection.execute(f"create or replace table {copied} as from {table('history', schema, name)}")
                continue
            present = column_types(connection, WAREHOUSE, "audit", name)
            kept = column_types(connection, "history", "audit", name)
            names = ", ".join(column for column in kept if column in present)
            if names:
                # Creating the tables has written the contracts.
                connection.execute(f"delete from {table(WAREHOUSE, 'audit', name)}")
                kept_table, ours = table("history", "audit", name), table(WAREHOUSE, "audit", name)
                # While they are inserted, because free blocks of the file would keep what an update replaces.
                columns = _WITHOUT_TEXTS.get(name, "*") if has_texts else "*"
                names += ", delivered_name" if has_texts and name == "load" else ""
                connection.execute(
                    f"insert into {ours} ({names}) select {names} from (select {columns} from {kept_table})"
                )
    finally:
        connection.execute("detach history")
    record_contracts(connection, contracts)


def require_sound_warehouse(settings: Settings) -> None:
    """Check that a run can use the warehouse, before it begins. Errors are those of `require_same_warehouse`.

    Raises:
        WarehouseLocked: another process holds it.
    """
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        require_same_warehouse(settings, connection)


_EARLIER = "loaded by an earlier version of fcir"


def require_same_warehouse(settings: Settings, connection: duckdb.DuckDBPyConnection | None) -> None:
    """Check that the warehouse has everything that was loaded into this data root.

    Args:
        settings: the data root.
        connection: the warehouse; None if it has no audit.

    Raises:
        DatabaseUnreadable: it is missing, empty, older than the copy of its audit, or of another data root.
    """
    if what := fault_of_warehouse(settings, connection):
        raise DatabaseUnreadable(f"{settings.warehouse}: {what}. Nothing was done. {advice_on_warehouse(settings)}")


def fault_of_warehouse(settings: Settings, connection: duckdb.DuckDBPyConnection | None) -> str | None:
    """Say in what way the warehouse is not the one that this data root was loaded into.

    Arguments are those of `require_same_warehouse`. Returns None if it is that one, or if there is none yet.
    """
    if connection is not None and _is_earlier(connection):
        # Its audit has texts of cells and whole file names, which would be published.
        return _EARLIER
    if connection is not None and scalar(connection, "select count(*) from audit.load"):
        found = difference_from_copy(connection, settings)
        return found.what if found and found.is_of_warehouse else None
    if not (_has_loads(history_file(settings)) or pointer_of(settings.published).exists()):
        return None
    if not settings.warehouse.exists():
        return "missing, although this data root has loaded before"
    return "empty, although this data root has loaded before"


def advice_on_warehouse(settings: Settings) -> str:
    """Return what to do about a warehouse that is not the one that this data root was loaded into."""
    return (
        "What was published stays. Build it again from the landing folder: fcir rebuild; or put it back from its "
        f"backup (docs/recovery.md). To begin again without it: mv {in_shell(settings.history)} "
        f"{in_shell(settings.published)} FOLDER"
    )


def is_of_earlier_version(settings: Settings) -> bool:
    """Return whether the warehouse has loads, but not the audit of this version."""
    if not settings.warehouse.exists():
        return False
    with closing(open_read_only(settings.warehouse)) as connection:
        return _is_earlier(connection)


def _is_earlier(connection: duckdb.DuckDBPyConnection, database: str = WAREHOUSE) -> bool:
    has_loads = bool(column_types(connection, database, "audit", "load"))
    return has_loads and "root_id" not in column_types(connection, database, "audit", "root")


def _has_loads(file: Path) -> bool:
    """Return whether a copy of the audit has loads; it has none if it cannot be read."""
    if not file.is_file():
        return False
    with suppress(duckdb.Error), duckdb.connect(config=dict(NO_SPILLING)) as connection:
        connection.execute(f"attach {literal(str(file))} as history (read_only)")
        return bool(scalar(connection, "select count(*) from history.audit.load"))
    return False
