"""Erase a person: the vault is written again without the identifier, so that nothing leads to its rows any more.

No row changes, and so no figure; only surrogates of quarantined rows are removed, which no figure is made of. Who has
the key of the erased, and the keys of the vault, can still tell which rows were the person's: they are pseudonymised,
not anonymous.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dagster_project.clock import utc_now
from dagster_project.loading.people import Erased, People, rewrite
from dagster_project.operations.actions import enter
from dagster_project.privacy.person import HeldRows, Person
from dagster_project.privacy.retention import Hold, event_times, first_instant
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import forget


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
    with loading_connection(settings.warehouse) as connection:
        forget(connection, "audit.quarantine", person.surrogates)
    if gone:
        rewrite(people, erase=gone)
    enter(settings, "erase", reason=reason, details={"identifiers": len(gone), "rows": dict(rows)})
    return len(gone)


def holds_of(held: Iterable[HeldRows], holds: Sequence[Hold]) -> Iterator[str]:
    """Yield a line for each hold with rows of the person: like a purge, by the times of a row.

    A row without a time counts on its extract date.
    """
    for source in held:
        names = event_times(source.contract)
        times = [
            [time for time in row if time] or [first_instant(day)]
            for *row, day in zip(*map(source.values, [*names, "extract_date"]), strict=True)
        ]
        for hold in holds:
            first, last = hold.instants
            count = sum(any(first <= time < last for time in row) for row in times)
            if count and hold.source == source.contract.source:
                yield f"{hold.source} {hold.first_day} to {hold.last_day} ({hold.reason}): {count:,} rows"
