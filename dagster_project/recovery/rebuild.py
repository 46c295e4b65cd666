"""Rebuild a damaged warehouse: its audit from a copy, its rows from the landing folder, the marts by the next run.

The new warehouse is written next to the damaged one, and takes its place when it is complete. What a killed rebuild
left is finished by the next `fcir rebuild` or run: `rebuild/intent.json` says what was asked, and whether the new
warehouse is complete.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.loading.pipeline import key_for_loading
from dagster_project.privacy.purged_rows import purge_again
from dagster_project.record.store import append_once
from dagster_project.recovery.history import restore_audit, save_history, take_audit
from dagster_project.recovery.intent import Intent, intent_file, read_intent, write_intent
from dagster_project.recovery.rows import (
    Load,
    MissingLoad,
    current_loads,
    delete_loads,
    find_files,
    restore_from_landing,
)
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import WAREHOUSE, loading_connection, marts_file, transaction
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.words import counted, listed_below
from dagster_project.writing import empty_folder, flush, make_private_folder

# How many loads a message names.
_NAMED = 12


class RowsMissing(OperatorError, RuntimeError):
    """Rows of the warehouse cannot be restored; the message names their files and says what to do."""


@dataclass(frozen=True)
class Rebuilt:
    """A finished rebuild."""

    damaged: Path
    """Folder with the damaged files."""
    facts: Mapping[str, object]
    """Numbers of loads, names of lost files, and where the audit came from."""


def rebuild(
    settings: Settings, contracts: Mapping[str, Contract], *, reason: str = "", without_missing: bool = False
) -> Rebuilt:
    """Set the warehouse aside and build it again, with the same loads and so with the same figures.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        reason: why, for the record.
        without_missing: continue without the rows whose files are gone, and without the audit if no copy can be read.

    Raises:
        RowsMissing: rows or the audit cannot be restored, and `without_missing` is not set. Nothing was changed.
        PseudonymKeyError: the key is lost or not the one of the warehouse. Nothing was changed.
        FolderTaken: a file is in the place of the folder for damaged files.
    """
    # The first is needed only at the end, after the work of hours.
    for name in ("damaged", "rebuild"):
        make_private_folder(settings.home / name)
    intent = read_intent(settings)
    if intent is None or not (intent.is_complete or intent.without_missing == without_missing):
        begun_at = f"{utc_now():%Y%m%dT%H%M%SZ}"
        intent = Intent(begun_at, reason, without_missing)
    if not intent.is_complete:
        try:
            facts = _build(settings, contracts, intent)
        except OperatorError:
            shutil.rmtree(settings.home / "rebuild")
            raise
        intent = replace(intent, is_complete=True, facts=facts)
        write_intent(settings, intent)
    return _finish(settings, intent)


def finish_rebuild(settings: Settings, contracts: Mapping[str, Contract]) -> Rebuilt | None:
    """Finish a rebuild that was killed; None if there is none. Arguments and errors are those of `rebuild`."""
    intent = read_intent(settings)
    if intent is None:
        return None
    return rebuild(settings, contracts, reason=intent.reason, without_missing=intent.without_missing)


def _build(settings: Settings, contracts: Mapping[str, Contract], intent: Intent) -> dict[str, object]:
    """Write the new warehouse, and return what the record says of it."""
    folder = settings.home / "rebuild"
    # A killed rebuild begins again, and stays known.
    empty_folder(folder, but=intent_file(settings))
    audit, draft = folder / "audit.duckdb", folder / settings.warehouse.name
    origin = take_audit(settings, audit)
    if origin is None and not intent.without_missing:
        raise RowsMissing(
            f"{settings.warehouse} is damaged, and no copy of its audit can be read in {settings.history}: numbers of "
            "loads, waivers, corrections and the versions of published figures would be lost. Nothing was done. Put "
            "the warehouse back from its backup, or load everything again without them: fcir rebuild --without-missing"
        )
    with loading_connection(draft) as connection:
        ensure_tables(connection, contracts.values())
        if origin:
            restore_audit(connection, audit, contracts.values())
        loads = current_loads(connection)
        files, missing = find_files(settings, contracts, loads)
        key = key_for_loading(settings, connection)
        if missing and not intent.without_missing:
            raise RowsMissing(_refusal(settings, missing))
        # From here on, a killed rebuild is finished by the next run.
        write_intent(settings, intent)
        differing: list[Load] = []
        for contract in contracts.values():
            differing += restore_from_landing(connection, settings, contract, loads, files, key)
        of_purged_days = [
            MissingLoad(load, _other_rows(load, contracts[load.source])) for load in differing if load.is_of_purged_day
        ]
        if of_purged_days and not intent.without_missing:
            raise RowsMissing(_refusal(settings, of_purged_days))
        missing += of_purged_days
        again = [load for load in differing if not load.is_of_purged_day]
        # Every restored row has a pseudonym of the current key, or a substitute.
        connection.execute("update audit.load set key_id = ? where status = 'loaded'", [key.key_id])
        with transaction(connection):
            delete_loads(connection, [item.load for item in missing])
        with transaction(connection):
            purge_again(connection, settings, contracts)
        connection.execute(f"checkpoint {WAREHOUSE}")
    marts_file(draft).unlink()
    flush(draft)
    return {
        "audit_from": str(origin.relative_to(settings.home)) if origin else "nowhere",
        "loads": len(loads) - len(missing) - len(again),
        "lost": [item.load.name for item in missing],
        "loaded_again": [load.name for load in again],
    }


def _other_rows(load: Load, contract: Contract) -> str:
    version = contract.version
    of_before = f" (version {load.contract_version} when it was loaded)" if version != load.contract_version else ""
    return (
        f"rows of its day were purged, so it keeps the rows that it has, and its file does not give all of them under "
        f"version {version} of its contract{of_before}"
    )


def _refusal(settings: Settings, missing: list[MissingLoad]) -> str:
    return (
        f"{counted(len(missing), 'load')} cannot be restored from {settings.landing}. Nothing was done, and what was "
        f"published stays.{listed_below(missing, _NAMED)}\nPut the files or the earlier contract back, or restore the "
        "warehouse from its backup (docs/recovery.md). To continue without these rows, whose figures then change: "
        "fcir rebuild --without-missing"
    )


def _finish(settings: Settings, intent: Intent) -> Rebuilt:
    """Move the damaged files away and the new warehouse in; every step can be repeated."""
    folder, damaged = settings.home / "rebuild", settings.home / "damaged" / intent.begun_at
    draft = folder / settings.warehouse.name
    make_private_folder(damaged)
    if draft.exists():
        for file in (settings.warehouse, settings.marts):
            for name in (file.name, f"{file.name}.wal"):
                if os.path.lexists(settings.home / name):
                    (settings.home / name).rename(damaged / name)
        draft.rename(settings.warehouse)
    facts = {**(intent.facts or {}), "damaged": str(damaged.relative_to(settings.home))}
    append_once(settings, "rebuild", unique="damaged", reason=intent.reason, detail=facts)
    # Loads that are lost would otherwise differ from the copy until a run ends.
    save_history(settings, is_rebuilt=True)
    # The intent last: without it, the next command would not remove the rest.
    empty_folder(folder, but=intent_file(settings))
    shutil.rmtree(folder)
    return Rebuilt(damaged, facts)
