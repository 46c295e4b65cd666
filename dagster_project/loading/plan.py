"""Which deliveries have to be loaded: the landing folder compared with what was loaded. Loading is not done here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from dagster_project.clock import days_between
from dagster_project.contracts import Contract
from dagster_project.loading.landing import LandedFile, Landing, sha256_of

ACCEPTED = ("loaded", "empty")


@dataclass(frozen=True)
class Delivery:
    """All files of one source and extract date that have to be loaded together."""

    source: str
    extract_date: date
    files: tuple[LandedFile, ...]
    skipped: tuple[str, ...]
    """Names of files whose content is that of an earlier file of the delivery."""


@dataclass(frozen=True)
class Range:
    """Extract dates asked for; open ends are None."""

    first: date | None = None
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        """Whether the day was asked for."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    @property
    def is_open(self) -> bool:
        """Whether no date was named."""
        return self.first is None and self.last is None


@dataclass(frozen=True)
class Plan:
    """What a run has to do with the landing folder."""

    deliveries: tuple[Delivery, ...]
    warnings: tuple[str, ...]
    hashes: tuple[tuple[LandedFile, str], ...]
    """Files that were hashed anew, for the record of hashes."""

    def of(self, source: str) -> tuple[Delivery, ...]:
        """The deliveries of one source, oldest first."""
        return tuple(delivery for delivery in self.deliveries if delivery.source == source)


def plan_deliveries(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    wanted: Range,
) -> Plan:
    """Find the deliveries that are new, changed or were never accepted.

    A delivery is changed when a file lies there whose content is not loaded for its day; a file that has gone changes
    nothing. When dates are named, a day that was loaded under another version of its contract is loaded again too.

    Args:
        connection: the warehouse, for reading; None when there is none yet.
        landing: what lies in the landing folder.
        contracts: the sources to consider.
        wanted: extract dates to consider.

    Returns:
        The deliveries in the order of source and day; a file that cannot be read counts as changed.
    """
    days: dict[tuple[str, date], list[LandedFile]] = defaultdict(list)
    for file in landing.files:
        if file.source in contracts and file.extract_date in wanted:
            days[file.source, file.extract_date].append(file)
    loaded, hashes = _loaded(connection), _hashes(connection)
    hashed_anew: list[tuple[LandedFile, str]] = []
    deliveries: list[Delivery] = []
    warnings = list(landing.warnings)
    for (source, day), files in sorted(days.items()):
        first_with: dict[str, LandedFile] = {}
        skipped: list[str] = []
        for file in files:
            sha256 = hashes.get((str(file.path), file.size, file.modified_ns))
            if sha256 is None:
                try:
                    sha256 = sha256_of(file.path)
                except OSError:
                    sha256 = f"unreadable {file.path}"
                else:
                    hashed_anew.append((file, sha256))
            if sha256 in first_with:
                skipped.append(file.path.name)
            else:
                first_with[sha256] = file
        known = loaded.get((source, day), {})
        is_new = any(sha256 not in known for sha256 in first_with)
        version = contracts[source].version
        is_old = not wanted.is_open and any(loaded_under != version for loaded_under in known.values())
        if is_new or is_old:
            deliveries.append(Delivery(source, day, tuple(first_with.values()), tuple(skipped)))
            warnings.extend(f"{source}/{name}: same content as another file of {day}; skipped once" for name in skipped)
    return Plan(tuple(deliveries), tuple(warnings), tuple(hashed_anew))


def expected_days(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    wanted: Range,
) -> dict[str, list[date]]:
    """Days for which each daily source owes a delivery.

    Without dates: from the source's first delivery to the newest date of any daily source. With dates: every day of the
    range besides; an open end of the range is the first or newest delivery.

    Returns:
        Source to days; nothing for a source that never delivered, unless dates are named.
    """
    seen: dict[str, set[date]] = defaultdict(set)
    for file in landing.files:
        seen[file.source].add(file.extract_date)
    if connection is not None:
        rows = connection.execute(
            "select source, extract_date from audit.load where status in ('loaded', 'empty', 'rejected')"
        ).fetchall()
        for source, day in rows:
            seen[source].add(day)
    # A paper that is typed in weeks later must not make the daily sources owe those weeks.
    daily = {source for source, contract in contracts.items() if contract.is_daily}
    newest = max((max(days) for source, days in seen.items() if source in daily), default=None)
    owed: dict[str, list[date]] = {}
    for source, contract in contracts.items():
        if not contract.is_daily:
            continue
        days: set[date] = set()
        own = seen.get(source)
        if own and newest:
            days.update(days_between(min(own), newest))
        if not wanted.is_open:
            first = wanted.first or (min(own) if own else None)
            last = wanted.last or newest
            if first and last:
                days.update(days_between(first, last))
        owed[source] = sorted(days)
    return owed


def _loaded(connection: duckdb.DuckDBPyConnection | None) -> dict[tuple[str, date], dict[str, str]]:
    """Per source and day: hash of each file that stands loaded, and the contract version it was loaded under."""
    found: dict[tuple[str, date], dict[str, str]] = defaultdict(dict)
    if connection is not None:
        rows: Iterable[tuple[str, date, str, str]] = connection.execute(
            """
            select source, extract_date, file_sha256, coalesce(contract_version, '')
            from audit.load
            where list_contains(?, status)
            """,
            [list(ACCEPTED)],
        ).fetchall()
        for source, day, sha256, version in rows:
            found[source, day][sha256] = version
    return found


def _hashes(connection: duckdb.DuckDBPyConnection | None) -> dict[tuple[str, int, int], str]:
    if connection is None:
        return {}
    rows = connection.execute("select path, size, modified_ns, sha256 from audit.landed_file").fetchall()
    return {(path, size, modified): sha256 for path, size, modified, sha256 in rows}
