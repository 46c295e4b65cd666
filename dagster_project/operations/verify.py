"""Verify the warehouse against its audit: every value can be read, every load has its rows, the marts belong to it."""

import stat
from collections import Counter
from collections.abc import Iterator, Mapping

import duckdb

from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.loading.people import VaultError, read_people
from dagster_project.operations.finding import Finding, damage
from dagster_project.operations.rows import current_loads, is_of_other_day
from dagster_project.settings import Settings
from dagster_project.sql import count_rows, scalar, table
from dagster_project.transformation.build import stale_because
from dagster_project.warehouse.checksums import differing_loads
from dagster_project.warehouse.connection import WAREHOUSE, DatabaseUnreadable, unreadable_tables
from dagster_project.warehouse.history import advice_on_warehouse, fault_of_copy, fault_of_warehouse
from dagster_project.warehouse.marts import belong_together, is_damaged
from dagster_project.warehouse.state import reading_audit
from dagster_project.warehouse.tables import column_types, other_types
from dagster_project.words import counted, in_shell

_BUILD_AGAIN = "No data are lost, and what was published stays. Build the marts again"


def verify_warehouse(settings: Settings, contracts: Mapping[str, Contract]) -> tuple[list[Finding], int]:
    """Verify the warehouse and the marts file.

    Args:
        settings: the data root.
        contracts: the sources.

    Returns:
        The findings, and the number of verified loads.

    Raises:
        WarehouseLocked: a run holds the warehouse.
    """
    findings, loads = list[Finding](), 0
    try:
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            if connection:
                for name in unreadable_tables(connection, WAREHOUSE):
                    findings.append(damage(f"{settings.warehouse}, {name}", "a part of it cannot be read"))
            if not findings and (what := fault_of_warehouse(settings, connection)):
                findings.append(damage(str(settings.warehouse), what, advice_on_warehouse(settings)))
            if connection and not findings:
                findings += _findings(connection, settings, contracts)
            loads = count_rows(connection, table("audit", "load")) if connection else 0
    except DatabaseUnreadable as error:
        # The fault of the marts is found below.
        if error.file == settings.warehouse:
            findings.append(damage(str(error.file), error.what))
    if settings.marts.exists() and is_damaged(settings.marts):
        again = f"{_BUILD_AGAIN}: mv {in_shell(settings.marts)} {in_shell(settings.marts)}.damaged && fcir run"
        findings.append(Finding(str(settings.marts), "a part of it cannot be read", again))
    # Only publications are for other users.
    for file in (settings.warehouse, settings.marts):
        if file.exists() and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
            what = f"mode {mode:04o}, so it is open to other users, and it has rows of extracts"
            findings.append(Finding(str(file), what, f"It was not changed. Close it: chmod 600 {in_shell(file)}"))
    return findings, loads


def _findings(
    connection: duckdb.DuckDBPyConnection, settings: Settings, contracts: Mapping[str, Contract]
) -> Iterator[Finding]:
    for source, contract in contracts.items():
        present = column_types(connection, WAREHOUSE, "raw", source)
        yield from (damage(place, what) for place, what in other_types(contract, present))
    for source in contracts:
        yield from _rows_of_loads(connection, source)
    yield from _days_of_loads(connection, contracts)
    if fault := fault_of_copy(settings, connection):
        advice = "The warehouse has everything; without it, a rebuild would lose what it has. Write it again: fcir run"
        yield Finding(str(settings.history), fault, advice)
    try:
        read_people(settings, connection)
    except OperatorError as error:
        yield Finding("The vault of people", str(error), "", needs_rebuild=isinstance(error, VaultError))
    yield from _marts(connection, settings)
    newest = scalar(connection, "select max(run_id) from audit.publication where is_complete")
    # Later publications with the same figures are not on record; they may have displaced it.
    if newest and newest > max((path.name for path in settings.published.glob("[0-9]*")), default=""):
        advice = "Readers see an earlier one or nothing. Restore it from a backup, or publish again: fcir publish"
        yield Finding(str(settings.published / newest), "missing; it is the newest publication", advice)


def _days_of_loads(connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> Iterator[Finding]:
    """Compare the days of loads with those that the present contracts give their files."""
    loads = (load for load in current_loads(connection) if load.source in contracts and not load.is_of_purged_day)
    others = Counter(load.source for load in loads if is_of_other_day(load, contracts[load.source]))
    for source, number in others.items():
        what = f"{counted(number, 'file')} loaded for another day than by the present extractDateOffset of the contract"
        yield damage(f"raw.{source}", what)


def _rows_of_loads(connection: duckdb.DuckDBPyConnection, source: str) -> Iterator[Finding]:
    """Compare the rows of each load in the raw table with the audit, and with its checksum."""
    for load_id, file_name, expected, found in differing_loads(connection, source):
        name = f"load {load_id}{f', {file_name}' if file_name else ''}"
        if expected is None:
            what = f"{counted(found, 'row')} of load {load_id}, which the audit does not have"
            advice = "They count in no figure; a killed run left them. The next run deletes them: fcir run"
            yield Finding(f"raw.{source}", what, advice, is_fault=False)
        elif found != expected:
            yield damage(f"raw.{source}", f"{counted(found, 'row')} of {name}; the audit has {expected:,}")
        else:
            yield damage(f"raw.{source}", f"rows of {name}, have other values than were loaded")


def _marts(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    if not count_rows(connection, table("audit", "build")):
        return
    if not settings.marts.exists() or not belong_together(connection):
        what = "not the file that the last build or publication wrote" if settings.marts.exists() else "missing"
        yield Finding(str(settings.marts), what, f"{_BUILD_AGAIN}: fcir run")
    elif reason := stale_because(connection, settings):
        yield Finding(str(settings.marts), reason, "Build and publish: fcir run", is_fault=False)
