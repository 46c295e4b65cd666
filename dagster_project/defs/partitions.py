"""Partitions of daily sources: extract dates since the first delivery, so that no earlier day counts as missing.

Computed when a process loads the code location: a command sees the current days, a running server those of its start
(Deployment > Reload in the UI).
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta

import dagster as dg
import duckdb

from dagster_project.clock import LONDON_NAME, london_today
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.loading.landing import SYNTHETIC_MARKER, extract_dates_of
from dagster_project.publication.files import DATABASE, current_publication
from dagster_project.settings import FIRST_EXTRACT_DATE, Settings
from dagster_project.warehouse.connection import DatabaseUnreadable, reading_connection
from dagster_project.warehouse.lock import WarehouseLocked


def extract_dates(settings: Settings, contracts: Mapping[str, Contract]) -> dg.DailyPartitionsDefinition:
    """Return the partitions of the daily sources.

    All sources have the same partitions, since Dagster allows no job with assets of different partitions: they begin
    with the first delivery of any source. Sources that deliver irregularly have no partitions: none of their days can
    be missing.

    Returns:
        Every day in London from the first delivery to today, whose extract may arrive before the day is over; only
        today before the first delivery. Synthetic extracts end with the newest one: no more will come.
    """
    days = _delivered(settings, [contract for contract in contracts.values() if contract.is_daily])
    start = min(days, default=london_today()).isoformat()
    if days and (settings.landing / SYNTHETIC_MARKER).exists():
        end = max(days) + timedelta(days=1)
        return dg.DailyPartitionsDefinition(start_date=start, end_date=end.isoformat(), timezone=LONDON_NAME)
    return dg.DailyPartitionsDefinition(start_date=start, timezone=LONDON_NAME, end_offset=1)


def _delivered(settings: Settings, contracts: list[Contract]) -> list[date]:
    """Return days that the sources delivered, including the first and the newest.

    Read from the landing folder and the published audit, which includes days of files that were removed. The warehouse
    is not read: a run may hold it while a server loads the code location.
    """
    days = [day for contract in contracts for day in _landed(settings, contract)]
    with (
        suppress(OperatorError, DatabaseUnreadable, WarehouseLocked, duckdb.Error),
        reading_connection(current_publication(settings.published) / DATABASE) as connection,
    ):
        span = connection.execute(
            """
            select
                min(extract_date),
                max(extract_date)
            from marts.load_audit
            where list_contains(?, source) and status <> 'missing_delivery' and withdrawn_at is null
            """,
            [[contract.source for contract in contracts]],
        ).fetchone()
        days += [day for day in span or () if day]
    return days


def _landed(settings: Settings, contract: Contract) -> list[date]:
    """Return the extract dates in the names of a source's files that loading would accept."""
    first, last = date.fromisoformat(FIRST_EXTRACT_DATE), london_today()
    with suppress(OSError):
        names = os.listdir(settings.landing / contract.source)  # noqa: PTH208 (names)
        spans = [extract_dates_of(name, contract.source, contract.extract_date_offset) for name in names]
        return [day for span in spans if span for day in span if first <= day <= last]
    return []
