"""Replace the pseudonyms of erased people again that an older copy of the warehouse has brought back.

The suppression list keeps erased people out of what is loaded, and has a hash of each pseudonym that was replaced. The
warehouse notes the list in the transaction that replaces them, so that a run compares two hashes. Only if they differ,
as after the restoration of a copy of before an erasure, every database is searched for the pseudonyms of the list.

A person who was erased after a change of the key has no hash of a pseudonym under the key of before. If a restored
warehouse has that key again, the values of the landing folder are read, and the pseudonyms of those that are on the
list are added to it first.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.loading.pseudonyms import PseudonymKey, id_of, known_fingerprint
from dagster_project.loading.suppression import (
    PseudonymsUnknown,
    Suppression,
    add_pseudonyms,
    note_list,
    noted_list,
    require_suppression,
)
from dagster_project.privacy.findings import erased_pseudonyms, missing_backups
from dagster_project.privacy.person import keys_of, loads_by_key
from dagster_project.privacy.rekeying import (
    IncompleteLoad,
    incomplete_lines,
    missing_values,
    personal_cells,
    with_columns,
)
from dagster_project.privacy.replacing import (
    Replacement,
    delete_intent,
    record_manifests,
    replace_everywhere,
    write_intent,
)
from dagster_project.privacy.values import Values
from dagster_project.record.store import append_once
from dagster_project.recovery.history import save_history
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import WAREHOUSE, dry_connection, loading_connection, transaction
from dagster_project.warehouse.state import reading_audit
from dagster_project.warehouse.tables import ensure_tables, noted_personal_columns
from dagster_project.words import counted

ACTION = "erase_again"


def erase_restored(settings: Settings, contracts: Mapping[str, Contract]) -> str | None:
    """Replace pseudonyms of erased people that are there again by their substitutes, and say so in words.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.

    Returns:
        What was done; None if no such pseudonym is there.

    Raises:
        SuppressionError: the list of erased people is missing or cannot be used.
        PseudonymsUnknown: erased people cannot be found under a key that was changed before they were erased.
        PseudonymKeyError: such a key is missing or cannot be used.
    """
    suppression = require_suppression(settings)
    if suppression is None or not settings.warehouse.exists() or _is_applied(settings, suppression):
        return None
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, contracts.values())
        unknown = unknown_keys(connection, suppression)
        keys = keys_of(settings, connection) if unknown else {}
        noted = noted_personal_columns(connection, WAREHOUSE)
    if unknown:
        _learn_pseudonyms(settings, contracts, noted, suppression, keys, unknown)
        suppression = require_suppression(settings) or suppression
    pairs = erased_pseudonyms(settings, contracts, suppression.replaced)
    if not pairs:
        with loading_connection(settings.warehouse) as connection, transaction(connection):
            note_list(connection, suppression.fingerprint)
        return None
    facts: dict[str, object] = {"list": suppression.fingerprint}
    begun_at, backups = utc_now().isoformat(timespec="milliseconds"), list(map(str, settings.backups))
    replacement = Replacement(ACTION, "", begun_at, pairs, facts, backups)
    write_intent(settings, replacement)
    return finish_erasing_again(settings, replacement)


def finish_erasing_again(settings: Settings, replacement: Replacement) -> str:
    """Do what was intended, and say so in words. It can be repeated after it was killed."""
    facts: Any = replacement.facts
    begun_at = datetime.fromisoformat(replacement.begun_at)

    def in_warehouse(connection: duckdb.DuckDBPyConnection) -> None:
        note_list(connection, facts["list"])

    values = Values(replacement.pairs)
    rewritten = replace_everywhere(settings, values, at=begun_at, in_warehouse=in_warehouse)
    record_manifests(settings, rewritten.publications)
    unread = dict.fromkeys([*rewritten.unreadable, *missing_backups(settings)])
    detail: dict[str, object] = {
        "begun_at": replacement.begun_at,
        "values": len(values.pairs),
        "publications": len(rewritten.publications),
        "unread": len(unread),
    }
    append_once(settings, ACTION, unique="begun_at", outcome="incomplete" if unread else "done", detail=detail)
    save_history(settings)
    delete_intent(settings)
    left = f". {counted(len(unread), 'place')} cannot be searched and may still have them" if unread else ""
    return (
        f"{counted(len(values.pairs), 'pseudonym')} of erased people were there again, as after the restoration of an "
        f"older copy, and are replaced as before{left}. Identifiers in clear text were not searched for: run fcir "
        "erase again for the requests since that copy (fcir record --all)"
    )


def unknown_keys(connection: duckdb.DuckDBPyConnection, suppression: Suppression) -> list[str]:
    """Return the ids of the keys of a warehouse under which the list may lack a pseudonym of an erased person.

    It has those under the keys that were there at the erasure. A key that was made later never made one, which the
    change of the key notes in the list: times of a clock that was set would not tell which came first.

    Args:
        connection: the warehouse.
        suppression: the list.
    """
    fingerprint = known_fingerprint(connection)
    if fingerprint is None or noted_list(connection) == suppression.fingerprint:
        return []
    used = dict.fromkeys((id_of(fingerprint), *loads_by_key(connection)))
    return [key_id for key_id in used if any(key_id not in entry.keys for entry in suppression.entries.values())]


def _learn_pseudonyms(
    settings: Settings,
    contracts: Mapping[str, Contract],
    noted: Sequence[tuple[str, str]],
    suppression: Suppression,
    keys: Mapping[str, PseudonymKey],
    unknown: Sequence[str],
) -> None:
    """Add the pseudonyms of erased people, made again from the landing folder, to the list.

    Args:
        settings: the data root.
        contracts: all contracts.
        noted: source and name of the columns that are noted as personal, also those that have left their contract.
        suppression: the list.
        keys: all keys of the warehouse, by id: a load also has pseudonyms of earlier keys that other loads keep.
        unknown: ids of the keys under which the list may lack pseudonyms.

    Raises:
        PseudonymsUnknown: loads have values that no file there has; the list stays as it is.
    """
    found: dict[str, str] = {}
    known: set[str] = set()
    with dry_connection() as connection:
        for cells in personal_cells(settings, contracts, noted):
            hashes = suppression.key.pseudonyms(connection, cells).drop_null().to_pylist()
            for key in keys.values():
                made = key.pseudonyms(connection, cells).drop_null().to_pylist()
                known.update(made)
                pairs = zip(made, hashes, strict=True)
                found |= {pseudonym: hashed for pseudonym, hashed in pairs if hashed in suppression.entries}
    widened = {source: with_columns(contract, noted) for source, contract in contracts.items()}
    if missing := missing_values(settings, widened, known, keys=unknown):
        raise PseudonymsUnknown(_refusal(settings, unknown, missing))
    add_pseudonyms(settings.suppression, found, unknown)


def _refusal(settings: Settings, keys: Collection[str], missing: Sequence[IncompleteLoad]) -> str:
    return (
        f"{settings.warehouse}: a copy of before a change of the key, and people were erased after it. Their "
        f"pseudonyms under {', '.join(keys)} are not known, and {counted(len(missing), 'load')} have values that no "
        f"file of the landing folder has, so that they cannot be found. Nothing was changed."
        f"{incomplete_lines(missing)}\nPut these files back and run: fcir run. Without them, erase each person again "
        "(for which requests: fcir record --all): fcir erase. fcir keys rotate does not find them"
    )


def _is_applied(settings: Settings, suppression: Suppression) -> bool:
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        return connection is not None and noted_list(connection) == suppression.fingerprint
