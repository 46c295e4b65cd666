"""A hub takes over what its members have replaced: it has no key, but their rows and its copies have the same numbers.

For a load whose pseudonyms a member has replaced since it was taken in, each row says which value became which. The hub
replaces the same values in everything that it holds, so that an erased person is erased there too.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.loading.members import MEMBER, MemberLeftOut, admit, reading_member
from dagster_project.privacy.erasure import orders_of, record_manifests
from dagster_project.privacy.replacing import Replacement, delete_note, replace_everywhere, write_note
from dagster_project.privacy.values import Values
from dagster_project.record.store import append
from dagster_project.settings import Settings
from dagster_project.sql import quoted, table
from dagster_project.warehouse.connection import WAREHOUSE, spilling_connection

ACTION = "take_over"

_REPLACED = f"""
    select
        theirs.load_id,
        theirs.source,
        theirs.key_id,
        theirs.pseudonyms_replaced_at
    from {MEMBER}.audit.load as theirs
    inner join {WAREHOUSE}.audit.load as ours on theirs.load_id = ours.load_id
    where
        theirs.source = ours.source
        and theirs.loaded_at = ours.loaded_at
        and theirs.file_sha256 is not distinct from ours.file_sha256
        and (
            theirs.key_id is distinct from ours.key_id
            or theirs.pseudonyms_replaced_at is distinct from ours.pseudonyms_replaced_at
        )
"""
"""Loads that are the same but for their pseudonyms."""


def take_over_replacements(settings: Settings, contracts: Mapping[str, Contract]) -> int:
    """Replace in a hub what its members have replaced, and return the number of values; members left out are skipped.

    Args:
        settings: the hub, prepared; the caller holds the writer lock and no connection.
        contracts: all contracts.
    """
    pairs: dict[str, str] = {}
    loads: list[tuple[int, str | None, str | None]] = []
    with spilling_connection(settings.warehouse) as connection:
        for folder in settings.members:
            try:
                with reading_member(connection, settings, folder, patience=0.0):
                    admit(connection, settings, contracts, folder)
                    of_member = _replaced(connection, contracts)
            except MemberLeftOut:
                # Taking in its loads says why.
                continue
            pairs |= of_member[0]
            loads += of_member[1]
    if not loads:
        return 0
    replacement = Replacement(ACTION, "", utc_now().isoformat(timespec="seconds"), pairs, {"loads": loads})
    write_note(settings, replacement)
    finish_taking_over(settings, replacement)
    return len(pairs)


def finish_taking_over(settings: Settings, replacement: Replacement) -> None:
    """Do what was noted. It can be repeated after it was killed."""
    loads: Any = replacement.facts["loads"]

    def in_warehouse(connection: duckdb.DuckDBPyConnection) -> None:
        connection.executemany(
            "update audit.load set key_id = ?, pseudonyms_replaced_at = ? where load_id = ?",
            [[key_id, datetime.fromisoformat(at) if at else None, load_id] for load_id, key_id, at in loads],
        )

    if replacement.pairs:
        changed = replace_everywhere(
            settings, Values(replacement.pairs), at=None, orders=orders_of(settings), in_warehouse=in_warehouse
        )
        record_manifests(settings, changed)
        detail = {"loads": len(loads), "values": len(replacement.pairs), "publications": len(changed)}
        with spilling_connection(settings.warehouse) as connection:
            append(settings, ACTION, detail=detail, connection=connection)
    else:
        with spilling_connection(settings.warehouse) as connection:
            in_warehouse(connection)
    delete_note(settings)


def _replaced(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]
) -> tuple[dict[str, str], list[tuple[int, str | None, str | None]]]:
    """Return the replaced values of the attached member with the new ones, and the loads that they are in."""
    connection.execute(f"create or replace temp table replaced_load as {_REPLACED}")
    pairs: dict[str, str] = {}
    for source, contract in contracts.items():
        for column in (quoted(column.name) for column in contract.columns if column.is_personal):
            raw = table("raw", source)
            pairs |= connection.execute(
                f"""
                select distinct
                    ours.{column},
                    theirs.{column}
                from {WAREHOUSE}.{raw} as ours
                inner join {MEMBER}.{raw} as theirs
                    on ours.load_id = theirs.load_id
                    and ours.source_row = theirs.source_row
                where
                    ours.load_id in (select load_id from replaced_load where source = ?)
                    and ours.{column} <> theirs.{column}
                """,
                [source],
            ).fetchall()
    rows = connection.execute("select load_id, key_id, pseudonyms_replaced_at from replaced_load").fetchall()
    return pairs, [(load_id, key_id, at and at.isoformat()) for load_id, key_id, at in rows]
