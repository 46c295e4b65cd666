"""Which extracts are expected, and which are overdue, by the clock. Who is told of it is not decided here.

Before its deadline an extract that has not come is expected; after it, it is overdue and its day is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from dagster_project.clock import LONDON, days_between
from dagster_project.contracts import Contract
from dagster_project.loading.landing import Landing


@dataclass(frozen=True)
class OverdueSource:
    """A source that owes extracts, and since when."""

    source: str
    days: tuple[date, ...]
    """Extract dates of which nothing has come, oldest first; at least one."""
    since: datetime
    """Deadline of the oldest, in London time."""

    def __str__(self) -> str:
        """Source, since when, and of which day; further days are counted."""
        more = f" and {len(self.days) - 1} later" if len(self.days) > 1 else ""
        return f"{self.source} overdue since {self.since:%Y-%m-%d %H:%M} (extract of {self.days[0]}{more})"


@dataclass(frozen=True)
class ExpectedDelivery:
    """An extract that has not come and whose deadline has not passed."""

    source: str
    extract_date: date
    due: datetime
    """The deadline, in London time."""

    def __str__(self) -> str:
        """Source, day and deadline."""
        return f"{self.source} {self.extract_date} expected by {self.due:%Y-%m-%d %H:%M}"


def deadline(contract: Contract, day: date) -> datetime:
    """When the extract of a day has to be there, in London time: on the day after."""
    return datetime.combine(day + timedelta(days=1), contract.delivered_by, LONDON)


def overdue_sources(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    now: datetime,
) -> list[OverdueSource]:
    """Find the daily sources of which an extract has not come by its deadline.

    A source owes every day from its first delivery on, or from what its contract calls so, whatever the other sources
    do: when all of them stop, all are overdue. A source that never delivered owes nothing yet, and made-up extracts owe
    nothing. A rejected delivery has come until it is withdrawn, and so has a file that is being written; one without
    the marker that its contract demands has not.

    Args:
        connection: the warehouse, for reading; None when there is none yet.
        landing: what lies in the landing folder.
        contracts: the sources to consider.
        now: the present instant, with its time zone.

    Returns:
        One entry for each source that owes something, by its name.
    """
    if landing.is_synthetic:
        return []
    came = _came(connection, landing, contracts)
    found = []
    for source, contract in sorted(contracts.items()):
        if not contract.is_daily or not came[source]:
            continue
        today = now.astimezone(LONDON).date()
        first = max(min(came[source]), contract.first_delivery or min(came[source]))
        owed = [day for day in days_between(first, today) if deadline(contract, day) <= now]
        days = tuple(day for day in owed if day not in came[source])
        if days:
            found.append(OverdueSource(source, days, deadline(contract, days[0])))
    return found


def expected_deliveries(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    now: datetime,
) -> list[ExpectedDelivery]:
    """Find the extracts of daily sources that have not come and are not overdue yet.

    They are of yesterday, and of later days of which another daily source has delivered already. What owes nothing is
    as for `overdue_sources`.

    Args:
        connection: the warehouse, for reading; None when there is none yet.
        landing: what lies in the landing folder.
        contracts: the sources to consider.
        now: the present instant, with its time zone.

    Returns:
        By source and day.
    """
    if landing.is_synthetic:
        return []
    came = _came(connection, landing, contracts)
    daily = {source: contract for source, contract in contracts.items() if contract.is_daily and came[source]}
    yesterday = now.astimezone(LONDON).date() - timedelta(days=1)
    newest = max((max(came[source]) for source in daily), default=yesterday)
    return [
        ExpectedDelivery(source, day, deadline(contract, day))
        for source, contract in sorted(daily.items())
        for day in days_between(yesterday, max(newest, yesterday))
        if day not in came[source]
        and day >= max(min(came[source]), contract.first_delivery or day)
        and now < deadline(contract, day)
    ]


def _came(
    connection: duckdb.DuckDBPyConnection | None, landing: Landing, contracts: Mapping[str, Contract]
) -> dict[str, set[date]]:
    """Source to the extract dates that came, by the audit and by the landing folder."""
    came: dict[str, set[date]] = {source: set() for source in contracts}
    if connection is not None:
        rows = connection.execute(
            """
            select distinct source, extract_date
            from audit.load
            where status <> 'missing_delivery' and not is_synthetic and withdrawn_at is null
            """
        ).fetchall()
        for source, day in rows:
            came.setdefault(source, set()).add(day)
    unmarked = {(file.source, file.extract_date) for file in landing.held if file.is_complete is False}
    for file in (*landing.files, *landing.held):
        if (file.source, file.extract_date) not in unmarked:
            came.setdefault(file.source, set()).add(file.extract_date)
    return came
