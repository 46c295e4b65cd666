"""Rebuild a warehouse: its audit from itself or its copy, its rows from the landing folder, the marts by the next run.

The new warehouse is written to `rebuild/`, and renamed when it is complete: a rebuild that was killed begins again.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.loading.people import People, VaultError, new_people, people_for_loading, put_new_vault_in_place
from dagster_project.operations.actions import record, send
from dagster_project.operations.rows import Load, current_loads, delete_loads, find_files, restore_from_landing
from dagster_project.operations.upgrade import enter_erased
from dagster_project.privacy.purge import purge_again
from dagster_project.settings import Settings
from dagster_project.sql import literal, table
from dagster_project.warehouse.connection import (
    WAREHOUSE,
    attaching_connection,
    loading_connection,
    marts_file,
    transaction,
)
from dagster_project.warehouse.history import (
    fault_of_warehouse,
    is_earlier,
    read_history,
    restore_audit,
    save_history,
    tables_of_copy,
)
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.words import counted, listed_below
from dagster_project.writing import draft_of, link_or_copy, make_private_folder, put_in_place

# The copy of the audit of an earlier version, in `history/`.
_OLD_COPY = "audit.duckdb"
# How many loads a message names.
_NAMED = 12
# Tables of the audit that are kept of an earlier version. All files are loaded again.
_KEPT = ("waiver", "publication", "figure_version", "public_edition", "purge", "purge_hold")


class RowsMissing(OperatorError, RuntimeError):
    """Rows of the warehouse cannot be restored; the message names their files and says what to do."""


@dataclass(frozen=True)
class _Audit:
    """An audit that can be restored."""

    origin: str
    tables: Mapping[str, str]
    """By table, SQL of its rows."""
    file: Path | None = None
    """The database with the tables, named `old` in their SQL; None: they are in Parquet files."""
    is_earlier: bool = False


def rebuild(
    settings: Settings, contracts: Mapping[str, Contract], *, reason: str = "", without_missing: bool = False
) -> Mapping[str, object]:
    """Set the warehouse aside and build it again, with the same loads and so with the same figures.

    Of a warehouse of an earlier version, it keeps accepted deliveries, versions of figures, purges and who was erased;
    the next run loads all files.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        reason: why, for the record.
        without_missing: continue without the rows whose files are gone, and without the audit if no copy can be read.

    Returns:
        Numbers of loads, names of lost files, where the audit came from, and the folder with the files of before,
        relative to the data root.

    Raises:
        RowsMissing: rows or the audit cannot be restored, and `without_missing` is not set. Nothing was changed.
        PrivateKeyError: a key file cannot be used. Nothing was changed.
        FolderTaken: a file is in the place of the folder for the files of before.
    """
    folder, damaged = settings.home / "rebuild", settings.home / "damaged" / f"{utc_now():%Y%m%dT%H%M%SZ}"
    shutil.rmtree(folder, ignore_errors=True)
    new_vault = draft_of(settings.vault)
    new_vault.unlink(missing_ok=True)
    # The second is needed only at the end, after the work of hours.
    for needed in (folder, damaged):
        make_private_folder(needed)
    draft = folder / settings.warehouse.name
    try:
        with loading_connection(draft) as connection:
            ensure_tables(connection, contracts.values())
            audit = _find_audit(settings)
            facts = _fill(connection, settings, contracts, audit, without_missing=without_missing)
            facts["damaged"] = str(damaged.relative_to(settings.home))
            with transaction(connection):
                line = record(connection, "rebuild", reason=reason, details=facts)
            connection.execute(f"checkpoint {WAREHOUSE}")
        # A sound warehouse must not go on with a new vault: everybody would get a second surrogate. Of an earlier
        # version, no command but a rebuild takes the warehouse, and who was erased is only in the new vault.
        steps = [partial(_put_in_place, settings, draft, damaged), partial(put_new_vault_in_place, settings, damaged)]
        for step in reversed(steps) if audit.is_earlier else steps:
            step()
        send(line)
    finally:
        new_vault.unlink(missing_ok=True)
        shutil.rmtree(folder)
    save_history(settings, is_rebuilt=True)
    return facts


def _fill(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Mapping[str, Contract],
    audit: _Audit,
    *,
    without_missing: bool,
) -> dict[str, object]:
    """Write audit and rows into the new warehouse, and return what the record says of it."""
    if audit.file:
        connection.execute(f"attach {literal(str(audit.file))} as old (read_only)")
    restore_audit(connection, audit.tables)
    if audit.file:
        connection.execute("detach old")
    if audit.is_earlier:
        people = _people(settings, connection)
        return {"audit_from": audit.origin, "erased": enter_erased(settings, contracts, people)}
    if not (audit.tables or without_missing):
        raise RowsMissing(
            f"{settings.warehouse} is damaged, and no copy of its audit can be read in {settings.history}: numbers of "
            "loads, waivers, corrections and the versions of published figures would be lost. Nothing was done. Put "
            "the warehouse back from its backup, or load everything again without them: fcir rebuild --without-missing"
        )
    loads = current_loads(connection)
    files, missing = find_files(settings, contracts, loads)
    if not without_missing:
        _require_all(settings, missing)
    people = _people(settings, connection)
    differing = [
        load
        for contract in contracts.values()
        for load in restore_from_landing(connection, settings, contract, files, people)
    ]
    why = "rows of its day were purged, and its file does not give the others any more"
    of_purged_days = {load: why for load in differing if load.is_of_purged_day}
    if not without_missing:
        _require_all(settings, of_purged_days)
    missing |= of_purged_days
    again = [load for load in differing if not load.is_of_purged_day]
    with people.opened() as vault:
        following = vault.next_surrogate
    with transaction(connection):
        delete_loads(connection, missing)
        connection.execute("update audit.load set next_surrogate = ?", [following])
    with transaction(connection):
        purge_again(connection, settings, contracts)
    return {
        "audit_from": audit.origin,
        "loads": len(loads) - len(missing) - len(again),
        "lost": [load.name for load in missing],
        "loaded_again": [load.name for load in again],
    }


def _find_audit(settings: Settings) -> _Audit:
    """Return the audit of the warehouse, else its copy, else none.

    That of the warehouse is taken if all of it can be read, agrees with itself and is not older than the copy. Of an
    earlier version, it has only what is kept; a data root of this version has a copy.
    """
    copy = read_history(settings.history)
    for file in (settings.warehouse, settings.history / _OLD_COPY):
        if not file.is_file():
            continue
        with suppress(duckdb.Error), attaching_connection() as connection:
            connection.execute(f"attach {literal(str(file))} as {WAREHOUSE} (read_only)")
            connection.execute(f"use {WAREHOUSE}")
            was_earlier, names = is_earlier(connection), tables_of_copy(connection)
            if was_earlier:
                names = [(schema, name) for schema, name in names if schema == "archive" or name in _KEPT]
            for schema, name in names:
                connection.execute(f"select max(hash(t)) from {table(schema, name)} as t").fetchall()
            tables = {f"{schema}.{name}": table("old", schema, name) for schema, name in names}
            if was_earlier and not copy:
                return _Audit(f"an earlier version: {file.name}", tables, file, is_earlier=True)
            # A warehouse that is older than the copy would lose loads and waivers.
            if not fault_of_warehouse(settings, connection):
                return _Audit(file.name, tables, file)
    return _Audit("history", copy.tables) if copy and not copy.fault() else _Audit("nowhere", {})


def _people(settings: Settings, connection: duckdb.DuckDBPyConnection) -> People:
    """Return the vault; if it is missing, of another data root or too old, a draft above all surrogates in use."""
    try:
        return people_for_loading(settings, connection)
    except VaultError:
        return new_people(settings, connection, draft_of(settings.vault))


def _require_all(settings: Settings, missing: Mapping[Load, str]) -> None:
    """Refuse to continue without the rows of loads, given why they are missing."""
    if missing:
        loads = [f"{load.name} ({load.rows_loaded:,} rows): {why}" for load, why in missing.items()]
        raise RowsMissing(
            f"{counted(len(missing), 'load')} cannot be restored from {settings.landing}. Nothing was done, and what "
            f"was published stays.{listed_below(loads, _NAMED)}\nPut the files or the earlier contract back, or "
            "restore the warehouse from its backup (docs/recovery.md). To continue without these rows, whose figures "
            "then change: fcir rebuild --without-missing"
        )


def _put_in_place(settings: Settings, draft: Path, damaged: Path) -> None:
    """Keep the files of before, and rename the new warehouse in one step, so that there always is one."""
    marts_file(draft).unlink()
    if settings.warehouse.is_file():
        link_or_copy(settings.warehouse, damaged / settings.warehouse.name)
    elif os.path.lexists(settings.warehouse):
        settings.warehouse.rename(damaged / settings.warehouse.name)
    logs = (file.with_name(f"{file.name}.wal") for file in (settings.marts, settings.warehouse))
    for file in (settings.marts, settings.history / _OLD_COPY, *logs):
        if os.path.lexists(file):
            file.rename(damaged / file.name)
    put_in_place(draft, settings.warehouse)
