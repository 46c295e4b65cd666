"""Load the deliveries of one source: plan, read, validate, accept. The steps themselves are in their own modules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.loading.acceptance import DeliveryOutcome, accept, next_change, next_load_id, record_missing
from dagster_project.loading.candidate import Candidate, DayWarning, read_deliveries
from dagster_project.loading.landing import Landing, scan_landing
from dagster_project.loading.plan import Plan, Range, RunPlan, expected_days, has_gone, plan_run
from dagster_project.loading.pseudonyms import PseudonymKey, check_key, known_fingerprint, read_or_make_key
from dagster_project.loading.verdicts import judge
from dagster_project.loading.withdrawals import gone, withdraw
from dagster_project.settings import Settings
from dagster_project.sql import table
from dagster_project.validation import Outcome, count_violations, validate
from dagster_project.warehouse.connection import insert_rows, loading_connection, spilling_connection, transaction
from dagster_project.warehouse.tables import ensure_tables

# Days of one kind of warning that a run names one by one: a first load has years of them.
_DAYS_NAMED = 3


@dataclass(frozen=True)
class FileWarning:
    """A warning of one or several files of a source."""

    source: str
    file: str
    """Name of the first file that it is about."""
    files: int
    """How many files it is about."""
    reason: str

    def __str__(self) -> str:
        """The first file, how many more there are, and the warning."""
        more = f" and {self.files - 1:,} more" if self.files > 1 else ""
        return f"{self.source}/{self.file}{more}: {self.reason}"


@dataclass(frozen=True)
class SourceReport:
    """What a run did with one source."""

    source: str
    deliveries: tuple[DeliveryOutcome, ...]
    outcomes: tuple[Outcome, ...]
    missing: tuple[date, ...]
    warnings: tuple[str, ...]
    held: tuple[date, ...] = ()
    """Days that are left for the next run, since a file of theirs is not complete or has gone."""
    file_warnings: tuple[FileWarning, ...] = ()
    """Those of the warnings that are about the content of files, by their parts."""

    @property
    def rows_read(self) -> int:
        """Data rows of all files."""
        return sum(file.rows_read for delivery in self.deliveries for file in delivery.files)

    @property
    def rows_loaded(self) -> int:
        """Rows that are in the raw table."""
        return sum(file.rows_loaded for delivery in self.deliveries for file in delivery.files)

    @property
    def rows_quarantined(self) -> int:
        """Rows quarantined with a reason."""
        return sum(file.rows_quarantined for delivery in self.deliveries for file in delivery.files)

    @property
    def rejected(self) -> tuple[DeliveryOutcome, ...]:
        """Deliveries of which nothing was loaded."""
        return tuple(delivery for delivery in self.deliveries if not delivery.is_accepted)

    def refused(self, days: Iterable[date]) -> tuple[date, ...]:
        """Those of the given days whose delivery is missing, was rejected or is held back, oldest first."""
        refused = {delivery.extract_date for delivery in self.rejected} | set(self.missing) | set(self.held)
        return tuple(sorted(refused & set(days)))


def load_source(
    settings: Settings,
    contracts: Mapping[str, Contract],
    source: str,
    *,
    wanted: Range,
    run_id: str,
    planned: RunPlan | None = None,
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> SourceReport:
    """Load what is new of one source.

    The caller holds the writer lock.

    Args:
        settings: where the data are.
        contracts: all contracts; the newest date of any source decides which days are owed.
        source: the source to load.
        wanted: extract dates to consider.
        run_id: Dagster run, for the audit.
        planned: what the run found in the landing folder for these dates; None: look there for this source alone.
        now: the present instant, by which a day that has not come is expected or missing; None: by the clock.
        on_progress: told files read and files to read.

    Returns:
        The report; deliveries that were rejected are in it, not raised.

    Raises:
        ValidationBroken: an expectation could not be computed; nothing of the source was accepted.
        ConservationError: counts do not add up; nothing of the source was accepted.
        PseudonymKeyError: the key cannot be used, or is not the one that the warehouse was loaded with.
        TableMismatch: a raw table does not fit its contract.
    """
    contract = contracts[source]
    now = now or utc_now()
    key = settle_key(settings, contracts)
    with loading_connection(settings.warehouse) as connection:
        if planned is None:
            landing = scan_landing(settings, contracts, wait_for=[source])
            planned = plan_run(connection, landing, {source: contract}, wanted=wanted)
        landing, plan = planned.landing, planned.plan
        _remember_hashes(connection, plan, source)
        withdrawn = [day for _, day in gone(connection, settings.landing, plan, [source], wanted=wanted)]
        if withdrawn:
            withdraw(connection, source, withdrawn, change_seq=next_change(connection))
        deliveries = plan.of(source)
        of_source = (*_of_source(plan, source), *(_has_been_withdrawn(source, day) for day in withdrawn))
        if not deliveries:
            missing = _missing(connection, landing, contracts, source, wanted, run_id, now, strike_out=bool(withdrawn))
            return SourceReport(source, (), (), missing, of_source, _held(landing, source))
        files = sum(len(delivery.files) for delivery in deliveries)
        candidate = read_deliveries(
            connection,
            contract,
            deliveries,
            key=key,
            default_force=settings.force,
            first_load_id=next_load_id(connection),
            on_progress=(lambda done: on_progress(done, files)) if on_progress else None,
        )
    # Hashes of the keys that a rule compares may not fit into memory. Candidates hold pseudonyms: they may be spilled.
    with spilling_connection(settings.warehouse) as connection:
        violations = count_violations(contract, connection)
    with loading_connection(settings.warehouse) as connection:
        landing = replace(landing, held=(*landing.held, *candidate.gone))
        judgement = judge(connection, candidate, violations)
        # After the verdicts, since some expectations depend on those on earlier days.
        validation = validate(contract, judgement.violations, run_id=run_id, is_synthetic=landing.is_synthetic)
        results = accept(connection, candidate, judgement, validation, run_id=run_id, is_synthetic=landing.is_synthetic)
        missing = _missing(connection, landing, contracts, source, wanted, run_id, now, strike_out=bool(withdrawn))
    rejected = {result.extract_date for result in results if not result.is_accepted}
    of_files = tuple(_deduplicated_warnings(candidate))
    warnings = (*of_source, *map(has_gone, candidate.gone), *map(str, of_files), *_of_days(candidate, rejected))
    return SourceReport(
        source, tuple(results), validation.outcomes, missing, warnings, _held(landing, source), of_files
    )


def _held(landing: Landing, source: str) -> tuple[date, ...]:
    return tuple(sorted(day for held, day in landing.held_days if held == source))


def _has_been_withdrawn(source: str, day: date) -> str:
    return f"{source}/: the rejected delivery of {day} is gone from the landing folder; what was loaded before stands"


def _of_source(plan: Plan, source: str) -> list[str]:
    return [warning for warning in plan.warnings if warning.startswith(f"{source}/")]


def _deduplicated_warnings(candidate: Candidate) -> list[FileWarning]:
    """Warnings of the files, each once, with the first file that it is about and how many more there are."""
    of_days = {warning.text for warning in candidate.day_warnings}
    files: dict[str, list[str]] = {}
    for file in candidate.files:
        for text in file.warnings:
            if text not in of_days:
                files.setdefault(text, []).append(file.file_name)
    source = candidate.contract.source
    return [FileWarning(source, names[0], len(names), text) for text, names in files.items()]


def _of_days(candidate: Candidate, rejected: Collection[date]) -> Iterator[str]:
    """Warnings about accepted deliveries: each of a few, and of many of one kind the worst and their number."""
    by_kind: dict[str, list[DayWarning]] = {}
    for warning in candidate.day_warnings:
        # Why a delivery is rejected says as much.
        if warning.extract_date not in rejected:
            by_kind.setdefault(warning.kind, []).append(warning)
    source = candidate.contract.source
    for kind, found in by_kind.items():
        if len(found) <= _DAYS_NAMED:
            yield from (f"{source}/{warning.file_name}: {warning.text}" for warning in found)
        else:
            worst = max(found, key=lambda warning: warning.weight)
            yield (
                f"{source}/: {len(found):,} deliveries {kind}; the most {source}/{worst.file_name}: {worst.text}. "
                f"All: fcir query \"from load_audit where source = '{source}' and warnings is not null\""
            )


def _missing(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    contracts: Mapping[str, Contract],
    source: str,
    wanted: Range,
    run_id: str,
    now: datetime,
    *,
    strike_out: bool,
) -> tuple[date, ...]:
    owed = {source: expected_days(connection, landing, contracts, wanted=wanted, now=now).get(source, [])}
    # What made days owed that are not has been taken away, or the contract says since when there are deliveries.
    strike_out = wanted.is_open and (strike_out or contracts[source].first_delivery is not None)
    recorded = record_missing(connection, owed, run_id=run_id, strike_out=strike_out)
    return tuple(recorded[source])


def _remember_hashes(connection: duckdb.DuckDBPyConnection, plan: Plan, source: str) -> None:
    rows = [
        dict(zip(("path", "size", "modified_ns", "sha256"), (*file.key, sha256), strict=True))
        for file, sha256 in plan.hashes
        if file.source == source
    ]
    if rows:
        with transaction(connection):
            connection.execute(
                "delete from audit.landed_file where list_contains(?, path)", [[row["path"] for row in rows]]
            )
            insert_rows(connection, table("audit", "landed_file"), rows)


def settle_key(settings: Settings, contracts: Mapping[str, Contract]) -> PseudonymKey:
    """The key that the warehouse is loaded with; made with the warehouse, and never instead of one that is lost.

    The caller holds the writer lock.

    Raises:
        PseudonymKeyError: the key cannot be used, is lost, or is not the one that the warehouse was loaded with.
        TableMismatch: a raw table does not fit its contract.
    """
    if not settings.warehouse.exists():
        # A key that cannot be used is told before a warehouse is made.
        check_key(settings.key_file, None)
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, contracts.values())
        known = known_fingerprint(connection)
        key = read_or_make_key(settings.key_file, known)
        if known is None:
            connection.execute("insert into audit.pseudonym_key values (?)", [key.fingerprint])
    return key
