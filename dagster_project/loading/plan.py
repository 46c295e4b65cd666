"""Plan which deliveries to load, by comparing the landing folder with what is loaded."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import duckdb

from dagster_project.clock import days_between
from dagster_project.contracts import Contract
from dagster_project.extracts.limits import LARGEST_EXTRACT
from dagster_project.hashing import sha256_of
from dagster_project.loading.deadlines import delivered_days, last_due_day
from dagster_project.loading.landing import HISTORY, LandedFile, Landing, SourceWarning, left_for_next_run
from dagster_project.warehouse.state import purged_before
from dagster_project.words import be, counted

ACCEPTED = ("loaded", "empty")
_OF_DAYS = " of several days"


@dataclass(frozen=True)
class Delivery:
    """All files of one source and extract date, which are loaded together."""

    source: str
    extract_date: date
    files: tuple[LandedFile, ...]
    skipped: tuple[LandedFile, ...]
    """Names of files with the same content as an earlier file of the delivery."""
    hashes: tuple[str | None, ...] = ()
    """Hash of each file's content; None for a file that cannot be read."""


@dataclass(frozen=True)
class Range:
    """A range of requested extract dates; an open end is None."""

    first: date | None = None
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        """Return whether the day was requested."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    @property
    def is_open(self) -> bool:
        """Whether neither end is set."""
        return self.first is None and self.last is None


@dataclass(frozen=True)
class Plan:
    """The deliveries that a run loads from the landing folder."""

    deliveries: tuple[Delivery, ...]
    warnings: tuple[SourceWarning, ...]
    hashes: tuple[tuple[LandedFile, str], ...]
    """Files hashed for this plan, to be recorded so that they need not be hashed again."""
    held: tuple[LandedFile, ...] = ()
    """Files of the days left for the next run: one of their files is incomplete, or was removed or written to."""

    def of(self, source: str) -> tuple[Delivery, ...]:
        """Return the deliveries of one source, oldest first."""
        return tuple(delivery for delivery in self.deliveries if delivery.source == source)


@dataclass(frozen=True)
class RunPlan:
    """One scan of the landing folder and the plan from it; every source of a run is loaded by the same plan."""

    wanted: Range
    landing: Landing
    plan: Plan


def plan_run(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    wanted: Range,
) -> RunPlan:
    """Plan a run; the parameters are those of `plan_deliveries`."""
    plan = plan_deliveries(connection, landing, contracts, wanted=wanted)
    # Days with a file that was removed since the folder was listed are held back, like days with an incomplete file.
    return RunPlan(wanted, replace(landing, held=plan.held), plan)


def plan_deliveries(
    connection: duckdb.DuckDBPyConnection | None,
    landing: Landing,
    contracts: Mapping[str, Contract],
    *,
    wanted: Range,
) -> Plan:
    """Find the deliveries that are new, changed or were never accepted.

    A delivery is changed if it has a file whose content is not loaded for its day. A removed file is not a change. If
    dates are given, days that were loaded under another version of their contract are loaded again too, with a warning
    in place of a delivery if a file of theirs was removed.

    Args:
        connection: the warehouse, for reading; None if there is none yet.
        landing: the content of the landing folder.
        contracts: the sources to consider.
        wanted: extract dates to consider.

    Returns:
        The deliveries ordered by source and day. A file that cannot be read counts as changed. Days with a file that
        was removed since the folder was listed are left for the next run. A file of a purged day is not loaded again.
    """
    days: dict[tuple[str, date], list[LandedFile]] = defaultdict(list)
    for file in landing.files:
        if file.source in contracts and file.extract_date in wanted:
            days[file.source, file.extract_date].append(file)
    loaded, noted = _loaded(connection), _noted(connection)
    seen_after: dict[str, int] = {}
    # The next run creates the table.
    with suppress(duckdb.CatalogException):
        seen_after = dict(connection.execute("from audit.seen_history").fetchall()) if connection else {}
    hashed: dict[Path, str] = {}
    purged = purged_before(connection) if connection else {}
    newly_hashed: list[tuple[LandedFile, str]] = []
    deliveries: list[Delivery] = []
    warnings = list(landing.warnings)
    held = list(landing.held)
    of_other_settings: dict[str, list[date]] = defaultdict(list)
    for (source, day), files in sorted(days.items()):
        first_with: dict[str, LandedFile] = {}
        skipped: list[LandedFile] = []
        try:
            for file in files:
                state, sha256 = noted.get(file.shown_path, (None, ""))
                if state != file.state and file.path not in hashed:
                    hashed[file.path] = _hash_of(file)
                    if hashed[file.path] != _unreadable(file):
                        newly_hashed.append((file, hashed[file.path]))
                content = _content(hashed.get(file.path, sha256), is_history=file.span is not None)
                if content in first_with:
                    skipped.append(file)
                else:
                    first_with[content] = file
        except FileNotFoundError:
            warnings.append(changed_warning(file))
            held.extend(files)
            continue
        standing = loaded.get((source, day), _Standing())
        first_with = _without_older(first_with, standing, seen_after)
        skipped = [file for file in skipped if file.span in {kept.span for kept in first_with.values()}]
        known = standing.versions
        is_new = any(content not in known for content in first_with)
        version = contracts[source].version
        is_old = not wanted.is_open and any(loaded_under != version for loaded_under in known.values())
        if any(_settings_of(loaded_under) != _settings_of(version) for loaded_under in known.values()):
            of_other_settings[source].append(day)
        if (is_new or is_old) and day < purged.get(source, date.min):
            warnings.extend(
                past_retention(file, purged[source])
                for file in first_with.values()
                if is_new and day == (file.span or [day])[0]
            )
        elif not is_new and is_old and known.keys() - first_with.keys():
            what = (
                f"{source}/: {day} stays loaded under an earlier version of the contract, because a file that it was "
                "loaded from is no longer in the landing folder. Put the file back, and ask for the day again"
            )
            warnings.append(SourceWarning(source, what))
        elif is_new or is_old:
            hashes = ((content.removesuffix(_OF_DAYS), file) for content, file in first_with.items())
            read = tuple(None if sha256 == _unreadable(file) else sha256 for sha256, file in hashes)
            deliveries.append(Delivery(source, day, tuple(first_with.values()), tuple(skipped), read))
            warnings.extend(
                SourceWarning(source, f"{source}/{file.name}: same content as another file of {day}; skipped once")
                for file in skipped
            )
    if wanted.is_open:
        warnings.extend(_read_otherwise(source, other) for source, other in of_other_settings.items())
    return Plan(tuple(deliveries), tuple(dict.fromkeys(warnings)), tuple(newly_hashed), tuple(held))


def _settings_of(version: str) -> str:
    """Return what says in the version of a contract how files are read otherwise than as shipped; empty: as shipped."""
    return version.partition("+")[2].partition(".")[0]


def _read_otherwise(source: str, days: Sequence[date]) -> SourceWarning:
    """Return the warning that days were loaded before the settings of their source were changed."""
    what = (
        f"{source}: {counted(len(days), 'day')} from {days[0]} to {days[-1]} {be(len(days))} loaded as the settings of "
        f"before read them. To read them again: fcir run --from {days[0]} --to {days[-1]} --source {source}"
    )
    return SourceWarning(source, what)


def _without_older(
    files: dict[str, LandedFile], standing: "_Standing", seen_after: Mapping[str, int]
) -> dict[str, LandedFile]:
    """Return the files of a day that are its delivery, by content, where a file of history is or was among them.

    What was seen later is the correction: files that the standing delivery replaced, or that were there when it was
    loaded, are left out. Of files seen together, those of fewer days are the delivery, with late entries.
    """
    if not (standing.is_history or any(file.span for file in files.values())):
        return files

    def is_older(content: str, file: LandedFile) -> bool:
        after = seen_after.get(content.removesuffix(_OF_DAYS)) if file.span else None
        return content in standing.replaced or (after is not None and after < standing.load_id)

    known = standing.versions
    left = {
        content: file for content, file in files.items() if not known or content in known or not is_older(content, file)
    }
    whole = {content: file for content, file in left.items() if not file.is_late}
    new = {file.span: file.days for content, file in whole.items() if content not in known}
    spans = new or {file.span: file.days for file in whole.values()}
    chosen = min(spans, key=lambda span: spans[span], default=None)
    return {content: file for content, file in left.items() if file.is_late or file.span == chosen}


def _content(sha256: str, *, is_history: bool) -> str:
    """Return what is known of a file: the same bytes under the name of several days are another content of a day."""
    return f"{sha256}{_OF_DAYS}" if is_history else sha256


def past_retention(file: LandedFile, purged: date) -> SourceWarning:
    """Return the warning about a file of a purged day, which is not loaded."""
    what = (
        f"{file.source}/{file.name}: {file.extract_date} is past its retention: detail before {purged} was purged; "
        "not loaded. Remove it from the landing folder"
    )
    return SourceWarning(file.source, what)


def changed_warning(file: LandedFile) -> SourceWarning:
    """Return the warning about a file that was removed or written to after the folder was listed."""
    return left_for_next_run(file, "was removed or written to after the folder was listed")


def was_rejected(connection: duckdb.DuckDBPyConnection | None, delivery: Delivery) -> bool:
    """Return whether the delivery's current files are those that were last rejected for its day.

    Files are compared by content or, if loading could not read it, by the content that was hashed for its plan.
    """
    if connection is None:
        return False
    rejected = connection.execute(
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
    known = dict(rejected)
    if known.keys() != {file.name for file in delivery.files}:
        return False
    noted = _noted(connection)
    for file, sha256 in zip(delivery.files, delivery.hashes, strict=True):
        _, hashed = noted.get(file.shown_path, (None, None))
        is_same = known[file.name] == sha256 if known[file.name] else sha256 in (None, hashed)
        if not is_same:
            return False
    return True


def fingerprint(connection: duckdb.DuckDBPyConnection | None, deliveries: Iterable[Delivery]) -> str:
    """Return a hash that identifies this state of deliveries: their files and contents, and the loads before them.

    The loads are included because a file that is put back after a correction is a change again.
    """
    loads: dict[tuple[str, date], int] = {}
    if connection is not None:
        rows = connection.execute(
            "select source, extract_date, max(load_id) from audit.load group by source, extract_date"
        ).fetchall()
        loads = {(source, day): load_id for source, day, load_id in rows}
    parts = [
        ((file.shown_path, file.size, file.modified_ns), sha256, loads.get((delivery.source, delivery.extract_date)))
        for delivery in deliveries
        for file, sha256 in zip(delivery.files, delivery.hashes, strict=True)
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _hash_of(file: LandedFile) -> str:
    """Return the hash of a file's content, or a text unique to the file if it cannot be read.

    Raises:
        FileNotFoundError: the file was removed.
    """
    try:
        return sha256_of(file.path, largest=LARGEST_EXTRACT)
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
    """Return the days for which each daily source owes a delivery.

    Without dates, these are the days from the source's first delivery, or the first delivery that its contract states,
    to the newest date of any daily source. With dates, every day of the range is added; an open end of the range is the
    first or newest delivery. A day is not owed while its files are held back, since it is being delivered, or before
    its deadline, since it is only expected.

    Args:
        connection: the warehouse, for reading; None if there is none yet.
        landing: the content of the landing folder.
        contracts: the sources to consider.
        wanted: the requested extract dates.
        now: the current time, with its time zone.

    Returns:
        For each daily source, its days; none for a source that never delivered, unless dates are given.
    """
    seen = delivered_days(connection, landing.files, is_synthetic_counted=True)
    # A source that is not daily, such as a form typed in weeks later, must not make the daily sources owe those weeks.
    daily = [seen[source] for source, contract in contracts.items() if contract.is_daily and source in seen]
    newest = max(map(max, daily), default=None)
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
        due = last_due_day(contract, now)
        owed[source] = sorted(day for day in days if day <= due and (source, day) not in held)
    return owed


@dataclass
class _Standing:
    """What is loaded for a day."""

    versions: dict[str, str] = field(default_factory=dict)
    """Version of the contract that each file was loaded under, by content."""
    replaced: set[str] = field(default_factory=set)
    load_id: int = 0
    """Its newest load."""
    is_history: bool = False
    """Whether it was loaded from a file of history."""


def _loaded(connection: duckdb.DuckDBPyConnection | None) -> dict[tuple[str, date], _Standing]:
    """Return what is loaded by source and day."""
    found: dict[tuple[str, date], _Standing] = defaultdict(_Standing)
    if connection is not None:
        rows: Iterable[tuple[str, date, str, str, int, bool, bool]] = connection.execute(
            """
            select
                source,
                extract_date,
                file_sha256,
                coalesce(contract_version, ''),
                load_id,
                regexp_matches(file_name, $history),
                status = 'replaced'
            from audit.load
            where
                list_contains($statuses, status)
                -- A file that was left out alone is known, until an operator accepts it.
                or (
                    status = 'rejected'
                    and error_code = 'force_missing'
                    and (source, extract_date, run_id) in (
                        select (standing.source, standing.extract_date, standing.run_id)
                        from audit.accepted_load as standing
                    )
                )
            """,
            {"history": HISTORY, "statuses": [*ACCEPTED, "replaced"]},
        ).fetchall()
        for source, day, sha256, version, load_id, is_history, is_replaced in rows:
            standing, content = found[source, day], _content(sha256, is_history=is_history)
            if is_replaced:
                standing.replaced.add(content)
                continue
            standing.versions[content] = version
            standing.load_id = max(standing.load_id, load_id)
            standing.is_history |= is_history
    return found


def _noted(connection: duckdb.DuckDBPyConnection | None) -> dict[str, tuple[tuple[int, int, int | None], str]]:
    """Return by path the state in which each file was last hashed, and its hash."""
    if connection is None:
        return {}
    rows = connection.execute("select path, size, modified_ns, inode_changed_ns, sha256 from audit.landed_file")
    return {path: ((size, modified, changed), sha256) for path, size, modified, changed, sha256 in rows.fetchall()}
