"""Compare a corrected delivery with the one it replaces, by row and column. `acceptance.py` does the replacement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from dagster_project.contracts import FORCE_COLUMN, Contract
from dagster_project.sql import quoted, table
from dagster_project.warehouse.connection import insert_rows
from dagster_project.warehouse.tables import incoming
from dagster_project.words import counted


@dataclass(frozen=True)
class Correction:
    """The difference between a delivery and the one that replaces it; rows are matched by key."""

    extract_date: date
    rows_before: int
    rows_after: int
    rows_added: int
    rows_removed: int
    rows_changed: int
    changed_columns: tuple[tuple[str, int], ...]
    """Columns with the number of rows whose value changed, most frequent first."""

    def __str__(self) -> str:
        """Return the counts in words."""
        changes = (
            f"{counted(self.rows_added, 'row')} added, {self.rows_removed:,} removed, {self.rows_changed:,} changed"
        )
        return f"{changes} ({self.columns_in_words})" if self.changed_columns else changes

    @property
    def columns_in_words(self) -> str:
        """Changed columns with their counts, for example `talk_seconds 12, disposition 3`."""
        return ", ".join(f"{name} {count}" for name, count in self.changed_columns)


def compare(connection: duckdb.DuckDBPyConnection, contract: Contract, days: Sequence[date]) -> dict[date, Correction]:
    """Compare the candidate rows of some days with the rows that are currently loaded for them.

    Args:
        connection: a loading connection, before any part of the candidate is accepted.
        contract: the source.
        days: days whose accepted delivery is about to be replaced.

    Returns:
        One correction for each day. Personal columns are compared by their surrogates. In a source without a key, two
        rows are the same if all their columns are equal: a row is added or removed, never changed.
    """
    if not days:
        return {}
    names = [column.name for column in contract.columns]
    key = [FORCE_COLUMN, *(column.name for column in contract.key if column.name != FORCE_COLUMN)]
    number = "1"
    if not contract.key:
        # Equal rows are told apart by their number.
        key = names
        number = f"row_number() over (partition by extract_date, {', '.join(map(quoted, names))})"
    elif contract.identity_days is not None and contract.identity_time:
        # Several events of a day may have one identifier.
        order = f"order by {quoted(contract.identity_time)}, load_id, source_row"
        number = f"row_number() over (partition by extract_date, {', '.join(map(quoted, key))} {order})"
    compared = [name for name in names if name not in key]
    same = ["extract_date", quoted("row number"), *map(quoted, key)]
    differs = [f"before.{quoted(name)} is distinct from after.{quoted(name)}" for name in compared]
    is_both = "before.load_id is not null and after.load_id is not null"
    counts = "".join(f",\n            count(*) filter (where {is_both} and {column})" for column in differs)
    rows = connection.execute(
        f"""
        with before as (
            select *, {number} as "row number"
            from {table("raw", contract.source)}
            where load_id in (
                select load_id
                from audit.load
                where source = $source and status = 'loaded' and list_contains($days, extract_date)
            )
        ),

        after as (
            select *, {number} as "row number"
            from {incoming(contract)}
            where list_contains($days, extract_date)
        )

        select
            coalesce(before.extract_date, after.extract_date),
            count(before.load_id),
            count(after.load_id),
            count(*) filter (where before.load_id is null),
            count(*) filter (where after.load_id is null),
            count(*) filter (where {is_both} and ({" or ".join(differs) or "false"})){counts}
        from before
        full join after on {" and ".join(f"before.{name} is not distinct from after.{name}" for name in same)}
        group by coalesce(before.extract_date, after.extract_date)
        """,
        {"source": contract.source, "days": list(days)},
    ).fetchall()
    found = {day: Correction(day, 0, 0, 0, 0, 0, ()) for day in days}
    for day, before, after, added, removed, changed, *by_column in rows:
        columns = sorted(((n, c) for n, c in zip(compared, by_column, strict=True) if c), key=lambda item: -item[1])
        found[day] = Correction(day, before, after, added, removed, changed, tuple(columns))
    return found


def record(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    corrections: Sequence[Correction],
    *,
    change_seq: int,
    now: datetime,
    run_id: str,
) -> None:
    """Write corrections to `audit.correction`."""
    rows = [
        {
            "source": contract.source,
            "extract_date": item.extract_date,
            "change_seq": change_seq,
            "rows_before": item.rows_before,
            "rows_after": item.rows_after,
            "rows_added": item.rows_added,
            "rows_removed": item.rows_removed,
            "rows_changed": item.rows_changed,
            "changed_columns": item.columns_in_words or None,
            "corrected_at": now,
            "run_id": run_id,
        }
        for item in corrections
    ]
    insert_rows(connection, table("audit", "correction"), rows)
