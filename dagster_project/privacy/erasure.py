"""Erase a person: replace the pseudonyms by a random substitute everywhere, keep it so, and certify it."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.loading.suppression import (
    PEOPLE_ON_LIST,
    new_substitute,
    note_list,
    noted_list,
    read_suppression,
    suppress,
    suppression_key,
)
from dagster_project.privacy.findings import Findings, find_values, require_whole
from dagster_project.privacy.held import HeldRows
from dagster_project.privacy.person import Person, landing_files_with
from dagster_project.privacy.replacing import (
    Replacement,
    delete_intent,
    record_manifests,
    removed_files,
    replace_everywhere,
    require_unlocked_databases,
    write_intent,
)
from dagster_project.privacy.values import Values
from dagster_project.record.certificates import (
    CERTIFIED,
    IDENTIFIER_SEARCHED,
    LAKE_NOT_SEARCHED,
    certificate_redactions,
    certified_sha256,
    redacted_certificates,
)
from dagster_project.record.chain import REDACTED, who_of
from dagster_project.record.store import append, append_once, redacted_now, redactions
from dagster_project.recovery.history import save_history
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import has_lake
from dagster_project.writing import make_private_folder, write_whole

ACTION = "erase"


def find_person(settings: Settings, contracts: Mapping[str, Contract], person: Person) -> Findings:
    """Return where a person is held: by pseudonym under every key, and by the identifier itself.

    Raises:
        DamagedStore: the warehouse or the marts cannot be read.
    """
    require_whole(settings)
    found = find_values(settings, person.values(), person.pseudonyms)
    landed = landing_files_with(settings, contracts, person.identifier)
    # Files in the landing folder are not rewritten, so they do not decide whether the rest is clean.
    found.landing = landed.rows | dict.fromkeys((f"{name} (not readable)" for name in landed.unreadable), 0)
    found.spellings = landed.spellings
    return found


def erase(settings: Settings, person: Person, *, reason: str, found: Findings, held: Sequence[HeldRows] = ()) -> Path:
    """Erase a person, and return the certificate.

    The identifier gets onto the suppression list, so that later loads do not bring it back. Rows keep their figures:
    the substitute is the same wherever the pseudonym was.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        person: who is erased.
        reason: why, for the record and the certificate; without personal values.
        found: where the person is held, for the certificate.
        held: rows on held days, for the certificate.

    Raises:
        FolderTaken: a file is in the place of the folder of certificates. Nothing was changed.
        DatabaseInUse: another program has locked a SQLite database. Nothing was changed.
    """
    # Before anything is replaced, since it is needed last.
    make_private_folder(settings.certificates)
    substitute = person.suppressed.substitute if person.suppressed else new_substitute()
    values = person.values(substitute)
    now = utc_now()
    require_unlocked_databases(settings, values)

    def redact(content: bytes) -> bytes:
        return values.replace_in(content)[0]

    known = read_suppression(settings.suppression)
    replacement = Replacement(
        ACTION,
        reason,
        now.isoformat(timespec="seconds"),
        dict(values.pairs),
        {
            "certificate": f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
            "hashed": suppression_key(settings.suppression).pseudonym(person.identifier),
            "substitute": substitute,
            "keys": list(person.pseudonyms),
            "found": found.as_json(),
            "list_before": known.fingerprint if known else None,
            # The reason of a hold may name the person.
            "despite_holds": [replace(rows, reason=values.hidden_in(rows.reason)).as_json() for rows in held],
            # A reason or a file may have named the person: record and certificates stay whole without the value.
            REDACTED: redactions(settings, redact) | certificate_redactions(settings, redact),
        },
        list(map(str, settings.backups)),
    )
    write_intent(settings, replacement)
    return finish_erasure(settings, replacement, values)


def finish_erasure(settings: Settings, replacement: Replacement, values: Values | None = None) -> Path:
    """Do what an erasure intended, and return its certificate. It can be repeated after it was killed.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        replacement: the intent.
        values: with the identifier in clear, which the intent does not have; None when a killed erasure is finished.
    """
    facts: Any = replacement.facts
    begun_at = datetime.fromisoformat(replacement.begun_at)
    values = values or Values(replacement.pairs)

    def in_warehouse(connection: duckdb.DuckDBPyConnection) -> None:
        # A warehouse that lacks earlier erasures keeps its note, so that the next run finds them.
        applied = read_suppression(settings.suppression)
        if applied and noted_list(connection) == facts["list_before"]:
            note_list(connection, applied.fingerprint)

    people = suppress(
        settings.suppression,
        facts["hashed"],
        facts["substitute"],
        begun_at,
        replaced=replacement.pairs,
        keys=facts["keys"],
    )
    rewritten = replace_everywhere(settings, values, at=begun_at, in_warehouse=in_warehouse)
    changed = rewritten.publications
    removed = removed_files(settings)
    remaining = find_values(settings, values, facts["keys"])
    remaining.unreadable += [line for line in rewritten.lines(values) if line not in remaining.unreadable]
    record_manifests(settings, changed)
    outcome = "done" if remaining.is_clean else "incomplete"
    detail: dict[str, object] = {
        "certificate": facts["certificate"],
        PEOPLE_ON_LIST: people,
        "keys": facts["keys"],
        "publications": len(changed),
        IDENTIFIER_SEARCHED: values.is_in_clear,
        LAKE_NOT_SEARCHED: has_lake(settings),
    }
    if facts["despite_holds"]:
        detail["rows_despite_holds"] = sum(rows["rows"] for rows in facts["despite_holds"])
    detail[CERTIFIED] = certified_sha256(_stated(replacement))
    intended = facts[REDACTED]
    if redacted := redacted_now(settings, intended) | redacted_certificates(settings, intended):
        detail[REDACTED] = redacted
    entered: Any = {"outcome": outcome, "reason": replacement.reason, "detail": detail}
    entry = append_once(settings, ACTION, unique="certificate", **entered)
    if entry["outcome"] == "done" != outcome:
        # It was killed after its entry, and something was left or lost since, such as a backup that is not mounted.
        with loading_connection(settings.warehouse) as connection:
            entry = append(settings, ACTION, connection=connection, **entered)
    save_history(settings)
    certificate = _certify(settings, replacement, entry, values, remaining, removed)
    delete_intent(settings)
    return certificate


def _stated(replacement: Replacement) -> dict[str, object]:
    """Return what the certificate states, and the record has the hash of."""
    facts = replacement.facts
    return {
        "what": "erasure of a person by identifier",
        "begun_at": replacement.begun_at,
        "keys": facts["keys"],
        "held_before": facts["found"],
        "despite_holds": facts["despite_holds"],
    }


def _certify(
    settings: Settings,
    replacement: Replacement,
    entry: Mapping[str, Any],
    values: Values,
    remaining: Findings,
    removed: list[str],
) -> Path:
    facts: Any = replacement.facts
    content = {
        "certificate": facts["certificate"],
        **_stated(replacement),
        "reason": replacement.reason,
        "ended_at": utc_now().isoformat(timespec="seconds"),
        **who_of(entry),
        "record": {name: entry[name] for name in ("seq", "hash")},
        # Not `remaining`: an erasure that is finished after it was killed does not search for the identifier.
        "is_clean": entry["outcome"] == "done",
        "remaining": remaining.as_json(),
        "removed_files": [values.hidden_in(file) for file in removed],
        IDENTIFIER_SEARCHED: values.is_in_clear,
        # An entry that an earlier version wrote before it was killed does not have it.
        LAKE_NOT_SEARCHED: entry["detail"].get(LAKE_NOT_SEARCHED, has_lake(settings)),
    }
    make_private_folder(settings.certificates)
    file = settings.certificates / f"{facts['certificate']}.json"
    write_whole(file, f"{json.dumps(content, indent=2)}\n".encode())
    return file
