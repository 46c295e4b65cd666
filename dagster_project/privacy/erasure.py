"""Erase a person: the vault is written again without the identifier, so that nothing leads to its rows any more.

No row changes, and so no figure. Who has the key of the erased, and the keys of the vault, can still tell which rows
were the person's: they are pseudonymised, not anonymous.
"""

from collections.abc import Mapping, Sequence

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.loading.people import Erased, People, rewrite
from dagster_project.operations.actions import record
from dagster_project.privacy.person import Person, rows_of
from dagster_project.privacy.retention import Hold
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection, transaction
from dagster_project.warehouse.history import save_history


def erase(settings: Settings, people: People, person: Person, *, reason: str, rows: Mapping[str, int]) -> int:
    """Erase a person from the vault, record it, and return how many identifiers went.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        people: the vault.
        person: who is erased.
        reason: why, for the record; without personal values.
        rows: number of rows by source, for the record.
    """
    now = utc_now().replace(tzinfo=None)
    gone = [Erased(found.hash, found.surrogate, now) for found in person.found if not found.erased_at]
    if gone:
        rewrite(people, erase=gone)
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        record(connection, "erase", reason=reason, details={"identifiers": len(gone), "rows": dict(rows)})
    save_history(settings)
    return len(gone)


def held_days(
    connection: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    person: Person,
    holds: Sequence[Hold],
) -> list[str]:
    """Return the holds that name an extract date of the person's rows, one line each."""
    lines = []
    for contract, columns, rows in rows_of(connection, contracts, person):
        days = [row[columns.index("extract_date")] for row in rows]
        for hold in holds:
            count = sum(hold.first_day <= day <= hold.last_day for day in days) if hold.source == contract.source else 0
            if count:
                lines.append(f"{hold.source} {hold.first_day} to {hold.last_day} ({hold.reason}): {count:,} rows")
    return lines
