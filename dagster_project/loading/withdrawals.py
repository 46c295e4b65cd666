"""Rejected deliveries that are gone from the landing folder: they need nobody any more. Loaded ones stay loaded."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.clock import utc_now
from dagster_project.loading.plan import Plan, Range
from dagster_project.warehouse.state import outstanding


def gone(
    connection: duckdb.DuckDBPyConnection, landing: Path, plan: Plan, sources: Collection[str], *, wanted: Range
) -> list[tuple[str, date]]:
    """Days whose newest delivery was rejected, while the landing folder holds nothing of it any more.

    Args:
        connection: the warehouse, for reading.
        landing: the landing folder; of a source without a folder nothing is taken for gone: a share may be away.
        plan: what is to be loaded: a rejected delivery that still lies there is planned again in every run.
        sources: the sources that the plan is of.
        wanted: the extract dates that the plan is of.

    Returns:
        Source and extract date, in order. Either no file lies there for the day, or only such as are loaded.
    """
    waiting = {(delivery.source, delivery.extract_date) for delivery in plan.deliveries}
    waiting |= {(file.source, file.extract_date) for file in plan.held}
    refused = {(item.source, item.extract_date) for item in outstanding(connection) if item.status == "rejected"}
    there = {source for source in sources if (landing / source).is_dir()}
    return sorted((source, day) for source, day in refused - waiting if source in there and day in wanted)


def withdraw(connection: duckdb.DuckDBPyConnection, source: str, days: Collection[date], *, change_seq: int) -> None:
    """Mark what was refused on these days, the attempts before the newest too; audit and quarantined rows are kept."""
    connection.execute(
        """
        update audit.load
        set withdrawn_at = ?, change_seq = ?
        where source = ? and list_contains(?, extract_date) and status = 'rejected' and withdrawn_at is null
        """,
        [utc_now().replace(tzinfo=None), change_seq, source, list(days)],
    )
