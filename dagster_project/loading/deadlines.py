"""Find expected and overdue extracts by the clock.

Before its deadline, an extract that has not arrived is expected. After it, the extract is overdue and its day missing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from dagster_project.clock import LONDON, days_between
from dagster_project.contracts import Contract
from dagster_project.loading.landing import LandedFile, Landing


@dataclass(frozen=True)
class OverdueSource:
    """A source with overdue extracts."""

    source: str
    days: tuple[date, ...]
    """Extract dates without a file, oldest first; at least one."""
    since: datetime
    """Deadline of the oldest of these days, in London time."""

    def __str__(self) -> str:
        """Return source, deadline and oldest day; later days are counted."""
        more = f" and {len(self.days) - 1} later" if len(self.days) > 1 else ""
        return f"{self.source} overdue since {self.since:%Y-%m-%d %H:%M} (extract of {self.days[0]}{more})"


@dataclass(frozen=True)
class ExpectedDelivery:
    """An extract that has not arrived and whose deadline has not passed."""

    source: str
    extract_date: date
    due: datetime
    """The deadline, in London time."""

    def __str__(self) -> str:
        """Return source, day and deadline."""
        return f"{self.source} {self.extract_date} expected by {self.due:%Y-%m-%d %H:%M}"


def deadline(contract: Contract, day: date) -> datetime:
    """Return when the extract of a day must have arrived: a time on the next day, in London time."""
    return datetime.combine(day + timedelta(days=1), contract.delivered_by, LONDON)


def last_due_day(contract: Contract, now: datetime) -> date:
    """Return the newest extract date whose deadline has passed; `now` has a time zone."""
    yesterday = now.astimezone(LONDON).date() - timedelta(days=1)
    return yesterday if deadline(contract, yesterday) <= now else yesterday - timedelta(days=1)


def overdue_sources(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    now: datetime,
) -> list[OverdueSource]:
    """Find the daily sources with an extract that has not arrived by its deadline.

    A source owes every day from its first delivery, or from the first delivery that its contract states. Other sources
    make no difference: if all of them stop, all are overdue. A source that never delivered owes nothing yet, and a
    synthetic landing folder owes nothing. A rejected delivery counts as arrived until it is withdrawn, as does a file
    that is being written. A file without the marker that its contract requires does not.

    Args:
        connection: the warehouse, for reading; None if there is none yet.
        landing: the content of the landing folder.
        contracts: the sources to consider.
        now: the current time, with its time zone.

    Returns:
        One entry for each overdue source, ordered by name.
    """
    if landing.is_synthetic:
        return []
    found, came = [], _came(connection, landing)
    for source, contract in contracts.items():
        if not contract.is_daily or not came[source]:
            continue
        first = max(min(came[source]), contract.first_delivery or min(came[source]))
        days = tuple(day for day in days_between(first, last_due_day(contract, now)) if day not in came[source])
        if days:
            found.append(OverdueSource(source, days, deadline(contract, days[0])))
    return sorted(found, key=lambda item: item.source)


def expected_deliveries(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    now: datetime,
) -> list[ExpectedDelivery]:
    """Find the extracts of daily sources that have not arrived and are not overdue yet.

    These are the extracts of yesterday, and of later days that another daily source has already delivered. The same
    sources as in `overdue_sources` owe nothing, and the arguments are the same.

    Returns:
        The expected deliveries, ordered by source and day.
    """
    if landing.is_synthetic:
        return []
    yesterday = now.astimezone(LONDON).date() - timedelta(days=1)
    came = _came(connection, landing)
    daily = {source: contract for source, contract in contracts.items() if contract.is_daily and came[source]}
    newest = max((max(came[source]) for source in daily), default=yesterday)
    found = [
        ExpectedDelivery(source, day, deadline(contract, day))
        for source, contract in daily.items()
        for day in days_between(yesterday, max(newest, yesterday))
        if day not in came[source]
        and day >= max(min(came[source]), contract.first_delivery or day)
        and now < deadline(contract, day)
    ]
    return sorted(found, key=lambda item: (item.source, item.extract_date))


def _came(connection: duckdb.DuckDBPyConnection | None, landing: Landing) -> Mapping[str, set[date]]:
    """Return the extract dates of each source that arrived, from the audit and the landing folder."""
    unmarked = {(file.source, file.extract_date) for file in landing.held if file.is_complete is False}
    files = [file for file in (*landing.files, *landing.held) if (file.source, file.extract_date) not in unmarked]
    return delivered_days(connection, files, is_synthetic_counted=False)


def delivered_days(
    connection: duckdb.DuckDBPyConnection | None,
    files: Iterable[LandedFile],
    *,
    is_synthetic_counted: bool,
) -> dict[str, set[date]]:
    """Return for each source the extract dates of some files and of the audit, accepted or not, but not withdrawn."""
    days: dict[str, set[date]] = defaultdict(set)
    if connection is not None:
        rows = connection.execute(
            """
            select distinct source, extract_date
            from audit.load
            where
                status <> 'missing_delivery'
                and withdrawn_at is null
                and ($is_synthetic_counted or not is_synthetic)
            """,
            {"is_synthetic_counted": is_synthetic_counted},
        ).fetchall()
        for source, day in rows:
            days[source].add(day)
    for file in files:
        days[file.source].add(file.extract_date)
    return days
