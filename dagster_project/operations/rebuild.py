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
from dagster_project.loading.people import People, VaultError, new_people, people_for_loading
from dagster_project.operations.actions import record
from dagster_project.operations.rows import MissingLoad, current_loads, delete_loads, find_files, restore_from_landing
from dagster_project.operations.upgrade import enter_erased, old_audit, restore_old_audit
from dagster_project.operations.verify import contradictions
from dagster_project.privacy.purge import purge_again
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import (
    WAREHOUSE,
    DatabaseUnreadable,
    loading_connection,
    marts_file,
    open_read_only,
    transaction,
)
from dagster_project.warehouse.history import (
    History,
    fault_of_warehouse,
    read_history,
    restore_audit,
    save_history,
    write_history,
)
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.words import counted, listed_below
from dagster_project.writing import draft_of, flush, link_or_copy, make_private_folder, put_in_place

# How many loads a message names.
_NAMED = 12


class RowsMissing(OperatorError, RuntimeError):
    """Rows of the warehouse cannot be restored; the message names their files and says what to do."""


@dataclass(frozen=True)
class Rebuilt:
    """A finished rebuild."""

    damaged: Path
    """Folder with the files of before."""
    facts: Mapping[str, object]
    """Numbers of loads, names of lost files, and where the audit came from."""


def rebuild(
    settings: Settings, contracts: Mapping[str, Contract], *, reason: str = "", without_missing: bool = False
) -> Rebuilt:
    """Set the warehouse aside and build it again, with the same loads and so with the same figures.

    Of a warehouse of an earlier version, it keeps accepted deliveries, versions of figures, purges and who was erased;
    the next run loads all files.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        reason: why, for the record.
        without_missing: continue without the rows whose files are gone, and without the audit if no copy can be read.

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
            facts = _fill(connection, settings, contracts, without_missing=without_missing)
            facts["damaged"] = str(damaged.relative_to(settings.home))
            with transaction(connection):
                record(connection, "rebuild", reason=reason, details=facts)
            connection.execute(f"checkpoint {WAREHOUSE}")
        flush(draft)
        # A sound warehouse must not go on with a new vault: everybody would get a second surrogate. Of an earlier
        # version, no command but a rebuild takes the warehouse, and who was erased is only in the new vault.
        steps = [partial(_put_in_place, settings, draft, damaged), partial(_put_vault_in_place, settings, damaged)]
        for step in reversed(steps) if "erased" in facts else steps:
            step()
    finally:
        new_vault.unlink(missing_ok=True)
        shutil.rmtree(folder)
    save_history(settings, is_rebuilt=True)
    return Rebuilt(damaged, facts)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Mapping[str, Contract],
    *,
    without_missing: bool,
) -> dict[str, object]:
    """Write audit and rows into the new warehouse, and return what the record says of it."""
    if old := old_audit(settings):
        restore_old_audit(connection, old)
        people = _people(settings, connection)
        return {"audit_from": f"an earlier version: {old.name}", "erased": enter_erased(settings, contracts, people)}
    found = _take_audit(settings)
    if found:
        history, origin = found
        restore_audit(connection, history)
    elif without_missing:
        origin = "nowhere"
    else:
        raise RowsMissing(
            f"{settings.warehouse} is damaged, and no copy of its audit can be read in {settings.history}: numbers of "
            "loads, waivers, corrections and the versions of published figures would be lost. Nothing was done. Put "
            "the warehouse back from its backup, or load everything again without them: fcir rebuild --without-missing"
        )
    loads = current_loads(connection)
    files, missing = find_files(settings, contracts, loads)
    if missing and not without_missing:
        raise RowsMissing(_refusal(settings, missing))
    people = _people(settings, connection)
    differing = [
        load
        for contract in contracts.values()
        for load in restore_from_landing(connection, settings, contract, loads, files, people)
    ]
    of_purged_days = [
        MissingLoad(load, "rows of its day were purged, and its file does not give the others any more")
        for load in differing
        if load.is_of_purged_day
    ]
    if of_purged_days and not without_missing:
        raise RowsMissing(_refusal(settings, of_purged_days))
    missing += of_purged_days
    again = [load for load in differing if not load.is_of_purged_day]
    with people.opened() as vault:
        following = vault.next_surrogate
    with transaction(connection):
        delete_loads(connection, [item.load for item in missing])
        connection.execute("update audit.load set next_surrogate = ?", [following])
    with transaction(connection):
        purge_again(connection, settings, contracts)
    return {
        "audit_from": origin,
        "loads": len(loads) - len(missing) - len(again),
        "lost": [item.load.name for item in missing],
        "loaded_again": [load.name for load in again],
    }


def _take_audit(settings: Settings) -> tuple[History, str] | None:
    """Return the audit of the warehouse if it can be read, agrees and is not older than its copy, otherwise the copy.

    The second is where it was.
    """
    folder = settings.home / "rebuild" / "history"
    if settings.warehouse.is_file():
        with suppress(duckdb.Error, DatabaseUnreadable, OSError):
            connection = open_read_only(settings.warehouse)
            try:
                if not fault_of_warehouse(settings, connection) and not any(contradictions(connection)):
                    write_history(connection, folder)
                    if history := read_history(folder):
                        return history, settings.warehouse.name
            finally:
                connection.close()
    history = read_history(settings.history)
    return (history, "history") if history and not history.fault() else None


def _people(settings: Settings, connection: duckdb.DuckDBPyConnection) -> People:
    """Return the vault; if it is missing, of another data root or too old, a draft above all surrogates in use."""
    try:
        return people_for_loading(settings, connection)
    except VaultError:
        return new_people(settings, connection, draft_of(settings.vault))


def _refusal(settings: Settings, missing: list[MissingLoad]) -> str:
    return (
        f"{counted(len(missing), 'load')} cannot be restored from {settings.landing}. Nothing was done, and what was "
        f"published stays.{listed_below(missing, _NAMED)}\nPut the files or the earlier contract back, or restore the "
        "warehouse from its backup (docs/recovery.md). To continue without these rows, whose figures then change: "
        "fcir rebuild --without-missing"
    )


def _put_in_place(settings: Settings, draft: Path, damaged: Path) -> None:
    """Keep the files of before, and rename the new warehouse in one step, so that there always is one."""
    marts_file(draft).unlink()
    old_copy = settings.history / "audit.duckdb"
    for file in (settings.marts, settings.marts.with_name(f"{settings.marts.name}.wal"), old_copy):
        if os.path.lexists(file):
            file.rename(damaged / file.name)
    if os.path.lexists(settings.warehouse):
        if settings.warehouse.is_file():
            link_or_copy(settings.warehouse, damaged / settings.warehouse.name)
        else:
            settings.warehouse.rename(damaged / settings.warehouse.name)
    log = settings.warehouse.with_name(f"{settings.warehouse.name}.wal")
    if os.path.lexists(log):
        log.rename(damaged / log.name)
    put_in_place(draft, settings.warehouse)


def _put_vault_in_place(settings: Settings, damaged: Path) -> None:
    """Keep the vault of before and its log, and rename the new one, if there is one."""
    if (new := draft_of(settings.vault)).exists():
        for file in (settings.vault, settings.vault.with_name(f"{settings.vault.name}.wal")):
            if os.path.lexists(file):
                file.rename(damaged / file.name)
        put_in_place(new, settings.vault)
