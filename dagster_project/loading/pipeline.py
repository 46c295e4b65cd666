"""Load the deliveries of one source: plan, read, validate, accept. Each step has its own module."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import count

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.loading.acceptance import accept, next_change, record_missing
from dagster_project.loading.candidate import Candidate, DayWarning, read_deliveries
from dagster_project.loading.landing import Landing, SourceWarning, once, scan_landing
from dagster_project.loading.people import People, people_for_loading
from dagster_project.loading.plan import Plan, Range, RunPlan, changed_warning, expected_days, plan_run
from dagster_project.loading.report import FileWarning, SourceReport
from dagster_project.loading.verdicts import judge
from dagster_project.loading.withdrawals import withdraw, withdrawn_days
from dagster_project.settings import Settings
from dagster_project.sql import table
from dagster_project.validation import count_violations, validate
from dagster_project.warehouse.connection import insert_rows, loading_connection, spilling_connection, transaction
from dagster_project.warehouse.state import last_load
from dagster_project.warehouse.tables import ensure_tables

# How many days with one kind of warning a run lists one by one: a first load may have years of them.
_DAYS_NAMED = 3


def load_source(
    settings: Settings,
    contracts: Mapping[str, Contract],
    source: str,
    *,
    wanted: Range,
    run_id: str,
    planned: RunPlan | None = None,
    people: People | None = None,
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> SourceReport:
    """Load the new and changed deliveries of one source. The caller must hold the writer lock.

    Args:
        settings: the installation.
        contracts: all contracts; the newest date of any daily source decides which days are owed.
        source: the source to load.
        wanted: extract dates to consider.
        run_id: Dagster run, for the audit.
        planned: the plan of the run for these dates; None: scan the landing folder for this source only.
        people: the vault that `prepare_warehouse` returned in this run; None: prepare the warehouse.
        now: the current time, which decides whether a day without a delivery is expected or missing; None: the clock.
        on_progress: called with the number of files read and the number of files to read.

    Returns:
        The report, which includes rejected deliveries; a rejection raises no error.

    Raises:
        ValidationBroken: an expectation could not be computed; no delivery of the source was accepted.
        ConservationError: counts do not add up; no delivery of the source was accepted.
        PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
        TableMismatch: a raw table does not fit its contract.
    """
    contract = contracts[source]
    now = now or utc_now()
    with loading_connection(settings.warehouse) as connection:
        people = people or prepare_warehouse(connection, settings, contracts)
        if planned is None:
            landing = scan_landing(settings, contracts, wait_for=[source])
            planned = plan_run(connection, landing, {source: contract}, wanted=wanted)
        landing, plan = planned.landing, planned.plan
        _remember_hashes(connection, plan, source)
        withdrawn = [day for _, day in withdrawn_days(connection, settings.landing, plan, [source], wanted=wanted)]
        if withdrawn:
            withdraw(connection, source, withdrawn, change_seq=next_change(connection))
        deliveries = plan.of(source)
        of_source = [warning for warning in plan.warnings if warning.source == source]
        gone = "is gone from the landing folder; what was loaded before stands"
        of_source += [SourceWarning(source, f"{source}/: the rejected delivery of {day} {gone}") for day in withdrawn]
        # Either a withdrawn delivery made days owed that are not, or the contract owes fewer days or none.
        strike_out = wanted.is_open and bool(withdrawn or contract.first_delivery or not contract.is_daily)

        def missing_days(connection: duckdb.DuckDBPyConnection, landing: Landing) -> tuple[date, ...]:
            owed = expected_days(connection, landing, contracts, wanted=wanted, now=now).get(source, [])
            return tuple(record_missing(connection, contract, owed, run_id=run_id, strike_out=strike_out))

        if not deliveries:
            missing = missing_days(connection, landing)
            return SourceReport(source, (), (), missing, tuple(of_source), _held(landing, source))
        files = sum(len(delivery.files) for delivery in deliveries)
        candidate = read_deliveries(
            connection,
            contract,
            deliveries,
            people=people,
            default_force=settings.force,
            load_ids=count(last_load(connection) + 1),
            on_progress=(lambda done: on_progress(done, files)) if on_progress else None,
        )
    # Hashes of the keys that a rule compares may exceed the memory. Candidates contain surrogates only, so they may be
    # spilled to disk.
    with spilling_connection(settings.warehouse) as connection:
        violations = count_violations(contract, connection)
    with loading_connection(settings.warehouse) as connection:
        landing = replace(landing, held=(*landing.held, *candidate.changed_files))
        judgement = judge(connection, candidate, violations)
        # After the verdicts, because some expectations depend on the verdicts on earlier days.
        validation = validate(contract, judgement.violations, run_id=run_id, is_synthetic=landing.is_synthetic)
        results = accept(connection, candidate, judgement, validation, run_id=run_id, is_synthetic=landing.is_synthetic)
        missing = missing_days(connection, landing)
    rejected = {result.extract_date for result in results if not result.is_accepted}
    warnings: tuple[SourceWarning | FileWarning, ...] = (
        *of_source,
        *map(changed_warning, once(candidate.changed_files)),
        *_deduplicated_warnings(candidate),
        *(SourceWarning(source, text) for text in _of_days(candidate, rejected)),
    )
    return SourceReport(source, tuple(results), validation.outcomes, missing, warnings, _held(landing, source))


def _held(landing: Landing, source: str) -> tuple[date, ...]:
    return tuple(sorted(day for held, day in landing.held_days if held == source))


def _deduplicated_warnings(candidate: Candidate) -> list[FileWarning]:
    """Return each distinct warning once, with its first file, of history with its day, and the number of files."""
    files: dict[str, list[str]] = {}
    for file in candidate.files:
        for warning in file.warnings:
            if isinstance(warning, str):
                of_day = f" of {file.extract_date}" if file.is_history else ""
                files.setdefault(warning, []).append(f"{file.file_name}{of_day}")
    source = candidate.contract.source
    return [FileWarning(source, names[0], len(names), text) for text, names in files.items()]


def _of_days(candidate: Candidate, rejected: Collection[date]) -> Iterator[str]:
    """Yield warnings about accepted deliveries: up to three of a kind each, otherwise the worst and their number."""
    by_kind: dict[str, list[DayWarning]] = {}
    for warning in candidate.day_warnings:
        # For a rejected delivery, the reason already says it.
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


def _remember_hashes(connection: duckdb.DuckDBPyConnection, plan: Plan, source: str) -> None:
    rows = [
        {
            "path": file.shown_path,
            "size": file.size,
            "modified_ns": file.modified_ns,
            "inode_changed_ns": file.inode_changed_ns,
            "sha256": sha256,
        }
        for file, sha256 in plan.hashes
        if file.source == source
    ]
    if rows:
        with transaction(connection):
            connection.execute(
                "delete from audit.landed_file where list_contains(?, path)", [[row["path"] for row in rows]]
            )
            insert_rows(connection, table("audit", "landed_file"), rows)
            connection.execute(
                """
                insert into audit.seen_history
                select sha256, $after
                from (select distinct unnest(cast($hashes as varchar[])) as sha256)
                anti join audit.seen_history using (sha256)
                """,
                {
                    "hashes": [sha256 for file, sha256 in plan.hashes if file.span and file.source == source],
                    "after": last_load(connection),
                },
            )


def prepare_warehouse(
    connection: duckdb.DuckDBPyConnection, settings: Settings, contracts: Mapping[str, Contract]
) -> People:
    """Create the tables of the warehouse if needed, and return the vault that its rows are loaded with.

    The caller must hold the writer lock.

    Raises:
        PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
        PrivateKeyError: a key file cannot be used.
        TableMismatch: a raw table does not fit its contract.
    """
    ensure_tables(connection, contracts.values())
    return people_for_loading(settings, connection)
