"""Find rows with the identifier of another event: the numbers of a source system began again, or it mixes two events.

Repeated keys within a delivery are in `repeated_keys.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb

from dagster_project.contracts import FORCE_COLUMN, Contract
from dagster_project.extracts.cells import london_time_of
from dagster_project.loading.repeated_keys import portions
from dagster_project.sql import quoted, table
from dagster_project.warehouse.tables import incoming

if TYPE_CHECKING:
    from dagster_project.loading.candidate import FileLoad

# An event is delivered again within a week: a call at midnight, a corrected record. An older one with the identifier
# and another day is another event.
DAYS_AGAIN = 7


@dataclass(frozen=True)
class SharedIds:
    """Rows of a delivery that share their identifier with other rows, by the loads that have those rows."""

    reused: Mapping[frozenset[int], int]
    """Rows whose identifier is in an extract more than a week older, for an event of another day."""
    apart: Mapping[frozenset[int], int]
    """Rows that are further from another row of their event than the contract allows."""


def shared_ids(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    files: Sequence[FileLoad],
) -> dict[date, SharedIds]:
    """Compare the identifiers of a candidate with those that are loaded, and with each other.

    Whether an other row counts depends on the verdict on its delivery, so the rows are returned by its load.

    Args:
        connection: a connection with the candidate; it may spill to disk, since the identifiers of a first load of
            ten years may exceed the memory.
        contract: the source.
        files: the files of the candidate, ordered by extract date.

    Returns:
        For each extract date that has any, the rows that share their identifier.
    """
    if not contract.identity or contract.identity_time is None or not files:
        return {}
    standing = dict(
        connection.execute(
            "select load_id, extract_date from audit.accepted_load where source = ?", [contract.source]
        ).fetchall()
    )
    days = [file.extract_date for file in files]
    if contract.identity_days is None and max(days) - min([*standing.values(), *days]) <= timedelta(DAYS_AGAIN):
        return {}
    identity = [FORCE_COLUMN, *(name for name in contract.identity if name != FORCE_COLUMN)]
    time = quoted(contract.identity_time)
    is_reused = (
        f"other.extract_date < candidate.extract_date - {DAYS_AGAIN} and other.{time} <> candidate.{time} "
        f"and cast({london_time_of(f'other.{time}')} as date) <> cast({london_time_of(f'candidate.{time}')} as date)"
    )
    is_apart = "false"
    if contract.identity_days is not None:
        # A row with the same key is replaced, and not mixed with this one.
        same_key = " and ".join(f"other.{quoted(c.name)} = candidate.{quoted(c.name)}" for c in contract.key)
        is_apart = (
            f"other.extract_date between candidate.extract_date - {DAYS_AGAIN} and candidate.extract_date "
            f"and abs(date_diff('second', other.{time}, candidate.{time})) > {contract.identity_days * 86_400} "
            f"and not ({same_key})"
        )
    # With the same number of beginnings up to both, none lies between them.
    begins = {f"begin_{number}": day for number, day in enumerate(contract.keys_begin_again)}
    same_epoch = "".join(
        f" and not (other.extract_date < ${name} and candidate.extract_date >= ${name})" for name in begins
    )
    query = f"""
        with other as (
            select *
            from {table("raw", contract.source)}
            where
                load_id >= $candidate_load_id
                or load_id in (select unnest(cast($standing as bigint[])))
        ),

        pairs as (
            select
                candidate.extract_date,
                candidate.load_id,
                candidate.source_row,
                other.load_id as other_load_id,
                {is_reused} as is_reused
            from {incoming(contract)} as candidate
            join other on {" and ".join(f"other.{quoted(name)} = candidate.{quoted(name)}" for name in identity)}
            where
                candidate.load_id between $first_load_id and $last_load_id
                and (({is_reused}) or ({is_apart})){same_epoch}
        ),

        shared as (
            select
                extract_date,
                is_reused,
                list_sort(list(distinct other_load_id)) as loads
            from pairs
            group by extract_date, load_id, source_row, is_reused
        )

        select
            extract_date,
            is_reused,
            loads,
            count(*)
        from shared
        group by extract_date, is_reused, loads
    """
    found: dict[date, tuple[dict[frozenset[int], int], dict[frozenset[int], int]]] = {}
    for first, last, _ in portions(files):
        rows = connection.execute(
            query,
            {
                "candidate_load_id": files[0].load_id,
                "standing": list(standing),
                "first_load_id": first,
                "last_load_id": last,
                **begins,
            },
        ).fetchall()
        for day, is_reused_row, loads, count in rows:
            found.setdefault(day, ({}, {}))[0 if is_reused_row else 1][frozenset(loads)] = count
    return {day: SharedIds(*of_day) for day, of_day in found.items()}
