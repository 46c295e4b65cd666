"""A hub takes over what its members have replaced: it has no key, but their rows and its copies have the same numbers.

For a load whose pseudonyms a member has replaced since it was taken in, each row says which value became which. The hub
replaces the same values in everything that it holds, so that an erased person is erased there too. Other texts of the
load, such as the name of its file, say which identifier in clear became which substitute.

The hub may also hold rows that the member no longer has: of loads that it has purged or lost since, and of earlier
publications. Pseudonyms in these are found by their hashes in the member's suppression list.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.console import warn
from dagster_project.contracts import Contract
from dagster_project.loading.members import (
    MEMBER,
    REPLACED_LOADS,
    MemberLeftOut,
    admit,
    erased_by,
    erased_in_member,
    reading_member,
    require_same_privacy_there,
    require_same_time,
)
from dagster_project.loading.pseudonyms import PSEUDONYM_LENGTH
from dagster_project.loading.suppression import new_substitute, note_taken_over
from dagster_project.privacy.findings import erased_pseudonyms, missing_backups
from dagster_project.privacy.replacing import (
    Replacement,
    delete_intent,
    record_manifests,
    replace_everywhere,
    write_intent,
)
from dagster_project.privacy.values import Values, is_distinctive
from dagster_project.record.certificates import certificate_redactions, redacted_certificates
from dagster_project.record.chain import REDACTED
from dagster_project.record.store import append_once, redacted_now, redactions
from dagster_project.settings import Settings
from dagster_project.sql import quoted, table
from dagster_project.warehouse.connection import WAREHOUSE, spilling_connection
from dagster_project.warehouse.tables import column_types, personal_columns, raw_columns
from dagster_project.words import counted, listed, printable

ACTION = "take_over"

_SUBSTITUTE = re.compile(rf"(?<![0-9a-f])([0-9a-f]{{{PSEUDONYM_LENGTH}}})(?![0-9a-f])")

_SAME_ROW = "and ours.source_row = theirs.source_row"


def take_over_replacements(settings: Settings, contracts: Mapping[str, Contract]) -> int:
    """Replace in a hub what its members have replaced, and return the number of values; members left out are skipped.

    Args:
        settings: the hub, prepared; the caller holds the writer lock and no connection.
        contracts: all contracts.

    Raises:
        PrivateKeyError: the key of the record cannot be used. Nothing was replaced.
    """
    pairs: dict[str, str] = {}
    in_clear: dict[str, str] = {}
    erased: dict[str, str] = {}
    by_member: dict[str, list[str]] = {}
    loads: list[tuple[int, str | None, str | None]] = []
    with spilling_connection(settings.warehouse) as connection:
        for folder in settings.members:
            try:
                with reading_member(connection, settings, folder, patience=0.0):
                    admit(connection, settings, contracts, folder)
                    require_same_time(connection, settings, folder, contracts.values())
                    require_same_privacy_there(connection, folder, contracts.values())
                    of_member = _replaced(connection, contracts)
                    texts = _replaced_texts(connection, contracts)
                    of_keys = _of_the_key_before(
                        connection, contracts, known={*of_member[0], *erased_by(settings, folder).values()}
                    )
                    by_member[str(folder)] = sorted(of_folder := erased_in_member(settings, folder))
                    erased |= of_folder
            except MemberLeftOut:
                # Taking in its loads says why.
                continue
            pairs |= of_keys | of_member[0]
            loads += of_member[1]
            in_clear |= texts
    if not loads and not erased:
        return 0
    pairs |= erased_pseudonyms(settings, contracts, erased)
    replaced = _values(in_clear, pairs)

    def redact(content: bytes) -> bytes:
        for values in replaced:
            content = values.replace_in(content)[0]
        return content

    facts: dict[str, object] = {
        "loads": loads,
        "in_clear": in_clear,
        "erased": by_member,
        # As in an erasure: a reason in the record may have named the person.
        REDACTED: redactions(settings, redact) | certificate_redactions(settings, redact),
    }
    begun_at, backups = utc_now().isoformat(timespec="milliseconds"), list(map(str, settings.backups))
    replacement = Replacement(ACTION, "", begun_at, pairs, facts, backups)
    write_intent(settings, replacement)
    finish_taking_over(settings, replacement)
    return len(pairs) + len(in_clear)


def finish_taking_over(settings: Settings, replacement: Replacement) -> None:
    """Do what was intended. It can be repeated after it was killed."""
    loads: Any = replacement.facts["loads"]
    in_clear: Any = replacement.facts["in_clear"]
    erased: Any = replacement.facts["erased"]

    def in_warehouse(connection: duckdb.DuckDBPyConnection) -> None:
        for load_id, key_id, at in loads:
            connection.execute(
                "update audit.load set key_id = ?, pseudonyms_replaced_at = ? where load_id = ?",
                [key_id, datetime.fromisoformat(at) if at else None, load_id],
            )

    if replacement.pairs or in_clear:
        changed: dict[Path, None] = {}
        unread: dict[Path, None] = dict.fromkeys(missing_backups(settings))
        # The loads are noted with the last, so that a repetition still finds all texts where they were.
        for values in _values(in_clear, replacement.pairs):
            last = in_warehouse if values.identifier is None else None
            rewritten = replace_everywhere(settings, values, at=None, in_warehouse=last)
            changed |= dict.fromkeys(rewritten.publications)
            unread |= dict.fromkeys(rewritten.unreadable)
        record_manifests(settings, changed)
        count = len(replacement.pairs) + len(in_clear)
        detail: dict[str, object] = {
            "begun_at": replacement.begun_at,
            "loads": len(loads),
            "values": count,
            "publications": len(changed),
            "unread": len(unread),
        }
        intended: Any = replacement.facts[REDACTED]
        if redacted := redacted_now(settings, intended) | redacted_certificates(settings, intended):
            detail[REDACTED] = redacted
        append_once(settings, ACTION, unique="begun_at", outcome="incomplete" if unread else "done", detail=detail)
        if unread:
            warn(
                f"members have erased people or changed their keys, and {counted(len(unread), 'place')} cannot be "
                f"searched and may still have the values of before: {listed([printable(str(x)) for x in unread], 12)}. "
                "Delete these copies"
            )
    else:
        with spilling_connection(settings.warehouse) as connection:
            in_warehouse(connection)
    note_taken_over(settings.suppression, erased)
    delete_intent(settings)


def _values(in_clear: Mapping[str, str], pairs: Mapping[str, str]) -> list[Values]:
    """Return what is replaced, in this order: each identifier in clear with its substitute, then the pseudonyms."""
    return [*(Values({}, *texts) for texts in in_clear.items()), Values(pairs)]


def _replaced(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]
) -> tuple[dict[str, str], list[tuple[int, str | None, str | None]]]:
    """Return the replaced values of the attached member with the new ones, and the loads that they are in."""
    connection.execute(f"create or replace temp table replaced_load as {REPLACED_LOADS}")
    pairs: dict[str, str] = {}
    ours = personal_columns(connection, WAREHOUSE, contracts.values())
    for source, column in personal_columns(connection, MEMBER, contracts.values()):
        # A new hub lacks columns that are no longer in a contract.
        if (source, column) in ours:
            pairs |= _changed(connection, table("raw", source), column, _SAME_ROW)
    rows = connection.execute("select load_id, key_id, pseudonyms_replaced_at from replaced_load").fetchall()
    return pairs, [(load_id, key_id, at and at.isoformat()) for load_id, key_id, at in rows]


def _of_the_key_before(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], *, known: Collection[str]
) -> dict[str, str]:
    """Return random substitutes for pseudonyms of an earlier key that the attached member no longer has.

    The member has purged or lost these rows, or a rotation emptied the cells, so it could not say which pseudonym of
    its new key they would have.
    """
    found: dict[str, str] = {}
    of_member = personal_columns(connection, MEMBER, contracts.values())
    for source, column in personal_columns(connection, WAREHOUSE, contracts.values()):
        # What the member has no column of, it has lost in all rows.
        theirs = f"{MEMBER}.{table('raw', source)} as theirs on ours.load_id = theirs.load_id {_SAME_ROW}"
        lost = f"anti join {theirs} and theirs.{quoted(column)} is not null"
        rows = connection.execute(
            f"""
            select distinct ours.{quoted(column)}
            from {WAREHOUSE}.{table("raw", source)} as ours
            {lost if (source, column) in of_member else ""}
            where
                ours.load_id in (
                    select replaced_load.load_id
                    from replaced_load
                    inner join {WAREHOUSE}.audit.load as load on replaced_load.load_id = load.load_id
                    where replaced_load.key_id is distinct from load.key_id
                )
            """
        ).fetchall()
        found |= {
            value: new_substitute()
            for (value,) in rows
            if value and value not in known and _SUBSTITUTE.fullmatch(value)
        }
    return found


def _replaced_texts(connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> dict[str, str]:
    """Return what was in clear in other texts of the loads in `replaced_load`, with what replaces it."""
    tables = [("audit", "load", "", ["file_name"])]
    same_fault = " and ".join(
        f"ours.{name} is not distinct from theirs.{name}" for name in ("source_row", "column_name", "reason_code")
    )
    tables.append(("audit", "quarantine", f"and {same_fault}", ["file_name", "reason"]))
    for source, contract in contracts.items():
        left_out = {column.name for column in contract.columns if column.is_personal}
        theirs = column_types(connection, MEMBER, "raw", source)
        texts = [
            name
            for name, kind in raw_columns(contract).items()
            if kind == "varchar" and name in theirs and name not in left_out
        ]
        tables.append(("raw", source, _SAME_ROW, texts))
    found: dict[str, str] = {}
    for schema, name, same_row, columns in tables:
        for column in columns:
            found |= _in_clear(_changed(connection, table(schema, name), column, same_row))
    return found


def _changed(connection: duckdb.DuckDBPyConnection, relation: str, column: str, same_row: str) -> list[tuple[str, str]]:
    """Return our texts and theirs where they differ in a column, in rows of the loads in `replaced_load`."""
    return connection.execute(
        f"""
        select distinct
            ours.{quoted(column)},
            theirs.{quoted(column)}
        from {WAREHOUSE}.{relation} as ours
        inner join {MEMBER}.{relation} as theirs
            on ours.load_id = theirs.load_id {same_row}
        where
            ours.load_id in (select load_id from replaced_load)
            and ours.{quoted(column)} <> theirs.{quoted(column)}
        """
    ).fetchall()


def _in_clear(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield which part of a text became which substitute, for texts that differ in nothing else."""
    for before, after in rows:
        pattern = ""
        groups: dict[str, int] = {}
        for part in _SUBSTITUTE.split(after):
            if not _SUBSTITUTE.fullmatch(part) or part in before:
                pattern += re.escape(part)
            elif part in groups:
                pattern += rf"(?:\{groups[part]})"
            else:
                groups[part] = len(groups) + 1
                pattern += "(.+?)"
        if groups and (match := re.fullmatch(pattern, before, re.DOTALL)):
            yield from ((match[at], substitute) for substitute, at in groups.items() if is_distinctive(match[at]))
