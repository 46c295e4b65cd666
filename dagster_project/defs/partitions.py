"""What daily sources are partitioned by: extract dates from the first delivery on, so that no day before is missing.

Read when the code location is loaded, by every process for itself: a command has the present days, a server that runs
those of its start (Deployment > Reload in the UI).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta

import dagster as dg
import duckdb

from dagster_project.clock import LONDON_NAME, london_today
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.loading.landing import SYNTHETIC_MARKER, extract_date_of
from dagster_project.publication.pointer import current_publication
from dagster_project.settings import FIRST_EXTRACT_DATE, Settings
from dagster_project.warehouse.connection import DatabaseUnreadable, reading_connection
from dagster_project.warehouse.lock import WarehouseLocked


def extract_dates(settings: Settings, contracts: Mapping[str, Contract]) -> dg.DailyPartitionsDefinition:
    """The partitions of the daily sources.

    All have the same, since Dagster lets no job have assets of different partitions: they begin with the first delivery
    of any of them. Sources that come whenever there is something have none: no day of theirs can be missing.

    Args:
        settings: where the data are.
        contracts: the sources.

    Returns:
        Every day in London from the first delivery to today, whose extract may lie there before it is over; today alone
        before the first delivery. Synthetic extracts end with the newest of them: no more will come.
    """
    days = _delivered(settings, [source for source, contract in contracts.items() if contract.is_daily])
    start = min(days, default=london_today()).isoformat()
    if days and (settings.landing / SYNTHETIC_MARKER).exists():
        end = max(days) + timedelta(days=1)
        return dg.DailyPartitionsDefinition(start_date=start, end_date=end.isoformat(), timezone=LONDON_NAME)
    return dg.DailyPartitionsDefinition(start_date=start, timezone=LONDON_NAME, end_offset=1)


def _delivered(settings: Settings, sources: list[str]) -> list[date]:
    """Days that the sources delivered, the first and the newest among them.

    By the landing folder and the audit that is published, which has the days of files that are gone. The warehouse is
    not read: a run may hold it while a server loads the code location.
    """
    days = [day for source in sources for day in _landed(settings, source)]
    with (
        suppress(OperatorError, DatabaseUnreadable, WarehouseLocked, duckdb.Error),
        reading_connection(current_publication(settings.published) / "fcir.duckdb") as connection,
    ):
        found = connection.execute(
            """
            select
                min(extract_date),
                max(extract_date)
            from marts.load_audit
            where list_contains(?, source) and status <> 'missing_delivery' and withdrawn_at is null
            """,
            [sources],
        ).fetchone()
        days += [day for day in found or () if day]
    return days


def _landed(settings: Settings, source: str) -> list[date]:
    """Extract dates in the names of a source's files that loading would take."""
    first, last = date.fromisoformat(FIRST_EXTRACT_DATE), london_today()
    with suppress(OSError):
        found = [extract_date_of(name, source) for name in os.listdir(settings.landing / source)]  # noqa: PTH208 (names)
        return [day for day in found if day and first <= day <= last]
    return []
