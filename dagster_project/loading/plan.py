"""Which deliveries have to be loaded: the landing folder compared with what was loaded. Loading is not done here."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import duckdb

from dagster_project.clock import days_between
from dagster_project.contracts import Contract
from dagster_project.loading.deadlines import deadline
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
    hashes: tuple[str | None, ...] = ()
    """Hash of each file's content; None of a file that cannot be read."""


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
    held: tuple[LandedFile, ...] = ()
    """Files of the days that are left for the next run: of a file that is not complete, or has gone."""

    def of(self, source: str) -> tuple[Delivery, ...]:
        """The deliveries of one source, oldest first."""
        return tuple(delivery for delivery in self.deliveries if delivery.source == source)


@dataclass(frozen=True)
class RunPlan:
    """One look at the landing folder, and what a run has to do by it; every source of the run is loaded by the same."""

    wanted: Range
    landing: Landing
    plan: Plan
    last_load: int
    """The last load that the plan knows of; after another one it would load deliveries twice."""


def plan_run(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    wanted: Range,
) -> RunPlan:
    """Find what a run has to do; the parameters are those of `plan_deliveries`."""
    plan = plan_deliveries(connection, landing, contracts, wanted=wanted)
    # What has gone since the folder was listed waits with what is not complete.
    return RunPlan(wanted, replace(landing, held=plan.held), plan, last_load(connection))


def last_load(connection: duckdb.DuckDBPyConnection | None) -> int:
    """Number of the last load; 0 before the first."""
    row = connection.execute("select coalesce(max(load_id), 0) from audit.load").fetchone() if connection else None
    return row[0] if row else 0


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
        The deliveries in the order of source and day; a file that cannot be read counts as changed. A day of which a
        file has gone since the folder was listed is left for the next run.
    """
    days: dict[tuple[str, date], list[LandedFile]] = defaultdict(list)
    for file in landing.files:
        if file.source in contracts and file.extract_date in wanted:
            days[file.source, file.extract_date].append(file)
    loaded, hashes = _loaded(connection), _hashes(connection)
    hashed_anew: list[tuple[LandedFile, str]] = []
    deliveries: list[Delivery] = []
    warnings = list(landing.warnings)
    held = list(landing.held)
    for (source, day), files in sorted(days.items()):
        first_with: dict[str, LandedFile] = {}
        skipped: list[str] = []
        try:
            for file in files:
                sha256 = hashes.get(file.key)
                if sha256 is None:
                    sha256 = _hash_of(file)
                    if sha256 != _unreadable(file):
                        hashed_anew.append((file, sha256))
                if sha256 in first_with:
                    skipped.append(file.name)
                else:
                    first_with[sha256] = file
        except FileNotFoundError:
            warnings.append(has_gone(file))
            held.extend(files)
            continue
        known = loaded.get((source, day), {})
        is_new = any(sha256 not in known for sha256 in first_with)
        version = contracts[source].version
        is_old = not wanted.is_open and any(loaded_under != version for loaded_under in known.values())
        if is_new or is_old:
            read = tuple(None if sha256 == _unreadable(file) else sha256 for sha256, file in first_with.items())
            deliveries.append(Delivery(source, day, tuple(first_with.values()), tuple(skipped), read))
            warnings.extend(f"{source}/{name}: same content as another file of {day}; skipped once" for name in skipped)
    return Plan(tuple(deliveries), tuple(warnings), tuple(hashed_anew), tuple(held))


def has_gone(file: LandedFile) -> str:
    """What is to be said of a file that was taken away after the folder was listed."""
    return (
        f"{file.source}/{file.name}: has gone since the folder was listed; "
        f"{file.source} of {file.extract_date} is left for the next run"
    )


def is_refused(connection: duckdb.DuckDBPyConnection | None, delivery: Delivery) -> bool:
    """Whether the delivery's files, as they lie there, are those that were last rejected for its day.

    A file counts as the same by its content, or, where its content was never known, by its size and time.
    """
    if connection is None:
        return False
    refused = connection.execute(
        """
        select file_name, file_sha256
        from audit.load
        where
            status = 'rejected'
            and withdrawn_at is null
            and run_id = (
                select last.run_id
                from audit.load as last
                where last.source = $source and last.extract_date = $extract_date
                order by last.load_id desc
                limit 1
            )
            and source = $source
            and extract_date = $extract_date
        """,
        {"source": delivery.source, "extract_date": delivery.extract_date},
    ).fetchall()
    known = dict(refused)
    if known.keys() != {file.name for file in delivery.files}:
        return False
    seen = _hashes(connection)
    for file, sha256 in zip(delivery.files, delivery.hashes, strict=True):
        is_same = known[file.name] == sha256 if known[file.name] else sha256 is None or file.key in seen
        if not is_same:
            return False
    return True


def fingerprint(connection: duckdb.DuckDBPyConnection | None, deliveries: Iterable[Delivery]) -> str:
    """What tells this state of deliveries from every other: their files and contents, and what was loaded before.

    What was loaded before is part of it, since a file that is put back after a correction is news again.
    """
    loads: dict[tuple[str, date], int] = {}
    if connection is not None:
        rows = connection.execute(
            "select source, extract_date, max(load_id) from audit.load group by source, extract_date"
        ).fetchall()
        loads = {(source, day): load_id for source, day, load_id in rows}
    parts = [
        (file.key, sha256, loads.get((delivery.source, delivery.extract_date)))
        for delivery in deliveries
        for file, sha256 in zip(delivery.files, delivery.hashes, strict=True)
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _hash_of(file: LandedFile) -> str:
    """The hash of a file's content, or a text of its own in place of it.

    Raises:
        FileNotFoundError: it has gone.
    """
    try:
        return sha256_of(file.path)
    except FileNotFoundError:
        raise
    except OSError:
        return _unreadable(file)


def _unreadable(file: LandedFile) -> str:
    return f"unreadable {file.path}"


def expected_days(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    wanted: Range,
    now: datetime,
) -> dict[str, list[date]]:
    """Days for which each daily source owes a delivery.

    Without dates: from the source's first delivery, or what its contract calls so, to the newest date of any daily
    source. With dates: every day of the range besides; an open end of the range is the first or newest delivery. A day
    whose files are held back is owed nothing yet: it is being delivered. Nor is a day before the deadline of its
    source: it is expected.

    Args:
        connection: the warehouse, for reading; None when there is none yet.
        landing: what lies in the landing folder.
        contracts: the sources to consider.
        wanted: extract dates asked for.
        now: the present instant, with its time zone.

    Returns:
        Source to days; nothing for a source that never delivered, unless dates are named.
    """
    seen = _delivered(connection)
    for file in landing.files:
        seen[file.source].add(file.extract_date)
    newest = _newest(seen, contracts)
    held = landing.held_days
    owed: dict[str, list[date]] = {}
    for source, contract in contracts.items():
        if not contract.is_daily:
            continue
        days: set[date] = set()
        own = seen.get(source)
        if own and newest:
            days.update(days_between(max(min(own), contract.first_delivery or min(own)), newest))
        if not wanted.is_open:
            first = wanted.first or (min(own) if own else None)
            last = wanted.last or newest
            if first and last:
                days.update(days_between(first, last))
        owed[source] = sorted(day for day in days if (source, day) not in held and deadline(contract, day) <= now)
    return owed


def _newest(seen: Mapping[str, set[date]], contracts: Mapping[str, Contract]) -> date | None:
    # A paper that is typed in weeks later must not make the daily sources owe those weeks.
    daily = {source for source, contract in contracts.items() if contract.is_daily}
    return max((max(days) for source, days in seen.items() if source in daily), default=None)


def _delivered(connection: duckdb.DuckDBPyConnection | None) -> dict[str, set[date]]:
    """Source to the extract dates that were looked at, whatever became of them; days withdrawn left out."""
    found: dict[str, set[date]] = defaultdict(set)
    if connection is not None:
        rows = connection.execute(
            "select distinct source, extract_date from audit.load "
            "where status <> 'missing_delivery' and withdrawn_at is null"
        ).fetchall()
        for source, day in rows:
            found[source].add(day)
    return found


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
