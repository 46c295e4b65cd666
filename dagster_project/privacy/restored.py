"""Replace the pseudonyms of erased people again that an older copy of the warehouse has brought back.

The suppression list keeps erased people out of what is loaded, and has a hash of each pseudonym that was replaced. The
warehouse notes the list in the transaction that replaces them, so that a run compares two hashes. Only if they differ,
as after the restoration of a copy of before an erasure, every database is searched for the pseudonyms of the list.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.loading.suppression import Suppression, note_list, noted_list, require_suppression
from dagster_project.privacy.findings import erased_pseudonyms, missing_backups
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
from dagster_project.warehouse.connection import loading_connection, transaction
from dagster_project.warehouse.state import reading_audit
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.words import counted

ACTION = "erase_again"


def erase_restored(settings: Settings, contracts: Mapping[str, Contract]) -> str | None:
    """Replace pseudonyms of erased people that are there again by their substitutes, and say so in words.

    Args:
        settings: the data root, not a hub; the caller holds the writer lock and no connection.
        contracts: all contracts.

    Returns:
        What was done; None if no such pseudonym is there.

    Raises:
        SuppressionError: the list of erased people is missing or cannot be used.
    """
    suppression = require_suppression(settings)
    if suppression is None or not settings.warehouse.exists() or _is_applied(settings, suppression):
        return None
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, contracts.values())
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


def _is_applied(settings: Settings, suppression: Suppression) -> bool:
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        return connection is not None and noted_list(connection) == suppression.fingerprint
