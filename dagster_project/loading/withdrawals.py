"""Withdraw rejected deliveries that were removed from the landing folder: they no longer need attention.

Loaded deliveries stay loaded when their files are removed.
"""

from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.clock import utc_now
from dagster_project.loading.plan import Plan, Range
from dagster_project.warehouse.state import unresolved_deliveries


def withdrawn_days(
    connection: duckdb.DuckDBPyConnection, landing: Path, plan: Plan, sources: Collection[str], *, wanted: Range
) -> list[tuple[str, date]]:
    """Find days whose newest delivery was rejected and whose files are no longer in the landing folder.

    Args:
        connection: the warehouse, for reading.
        landing: the landing folder. A source whose folder is absent is skipped, because a share may be unmounted.
        plan: the deliveries to load; a rejected delivery that is still in the folder is planned again in every run.
        sources: the sources of the plan.
        wanted: the extract dates of the plan.

    Returns:
        Source and extract date, in order. For each, the folder has no file, or only files that are loaded.
    """
    waiting = {(delivery.source, delivery.extract_date) for delivery in plan.deliveries}
    waiting |= {(file.source, file.extract_date) for file in plan.held}
    rejected = {
        (item.source, item.extract_date) for item in unresolved_deliveries(connection) if item.status == "rejected"
    }
    there = {source for source in sources if (landing / source).is_dir()}
    return sorted((source, day) for source, day in rejected - waiting if source in there and day in wanted)


def withdraw(connection: duckdb.DuckDBPyConnection, source: str, days: Collection[date], *, change_seq: int) -> None:
    """Mark all rejected loads of these days as withdrawn; audit and quarantined rows are kept."""
    connection.execute(
        """
        update audit.load
        set withdrawn_at = ?, change_seq = ?
        where source = ? and list_contains(?, extract_date) and status = 'rejected' and withdrawn_at is null
        """,
        [utc_now().replace(tzinfo=None), change_seq, source, list(days)],
    )
