"""Restore the rows of current loads into a new warehouse, from the landing folder."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import duckdb

from dagster_project.contracts import Contract
from dagster_project.extracts.limits import LARGEST_EXTRACT
from dagster_project.hashing import sha256_of
from dagster_project.loading.candidate import read_deliveries
from dagster_project.loading.landing import LandedFile, extract_dates_of, once, scan_landing
from dagster_project.loading.people import People
from dagster_project.loading.plan import Delivery
from dagster_project.settings import Settings
from dagster_project.sql import table
from dagster_project.warehouse.connection import transaction
from dagster_project.warehouse.tables import drop_incoming, incoming

# Tables of the audit with rows of single loads.
_OF_LOADS = ("incomplete", "load_column", "load_event", "load_force", "quarantine", "silent_column", "load")


@dataclass(frozen=True)
class Load:
    """A current load with rows, as the audit has it."""

    load_id: int
    source: str
    extract_date: date
    file_name: str
    sha256: str
    rows_loaded: int
    rows_quarantined: int
    contract_version: str | None
    is_of_purged_day: bool
    """Whether rows of its day were purged: loading its file again would bring purged rows back, or lose held ones."""

    @property
    def name(self) -> str:
        """Source and file, as messages show them."""
        return f"{self.source}/{self.file_name}"


def current_loads(connection: duckdb.DuckDBPyConnection) -> list[Load]:
    """Return the loads whose rows count, by number. Rows of replaced loads count in no figure and are not restored."""
    rows = connection.execute(
        """
        select
            load_id,
            source,
            extract_date,
            coalesce(delivered_name, file_name),
            file_sha256,
            rows_loaded,
            rows_quarantined,
            contract_version,
            coalesce(bool_or(rows_purged > 0) over (partition by source, extract_date), false)
                or extract_date < coalesce(purge.purged_before, extract_date)
        from audit.load
        left join audit.purge
            using (source)
        where status = 'loaded'
        -- A load whose rows are all purged needs no file.
        qualify rows_loaded = 0 or rows_loaded > coalesce(rows_purged, 0)
        order by load_id
        """
    ).fetchall()
    return [Load(*row) for row in rows]


def find_files(
    settings: Settings, contracts: Mapping[str, Contract], loads: Sequence[Load]
) -> tuple[dict[Load, LandedFile], dict[Load, str]]:
    """Find the file of each load in the landing folder by its content, whatever it is called now.

    Returns:
        The file of each load, and why the others have none.
    """
    by_content: dict[tuple[str, str], LandedFile] = {}
    names: set[tuple[str, str]] = set()
    # If the clock was set back, files of the newest loads seem to be of the future.
    newest = max((load.extract_date for load in loads), default=None)
    landing = scan_landing(settings, contracts, quiet_seconds=0.0, until=newest)
    for file in once([*landing.files, *landing.held]):
        names.add((file.source, file.delivered_name))
        try:
            by_content.setdefault((file.source, sha256_of(file.path, largest=LARGEST_EXTRACT)), file)
        except OSError:
            continue
    found, missing = {}, {}
    for load in loads:
        if same := by_content.get((load.source, load.sha256)):
            found[load] = same
        elif (load.source, load.file_name) in names:
            missing[load] = "its file has other content than was loaded"
        else:
            missing[load] = "its file is not in the landing folder"
    return found, missing


def restore_from_landing(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: Contract,
    files: Mapping[Load, LandedFile],
    people: People,
) -> list[Load]:
    """Read the rows of the loads of one source again, under the numbers of these loads.

    Loads of a purged day stay under another version of the contract too, and get that version. Their quarantined rows
    stay quarantined, although the newer version may find them good.

    Args:
        connection: a loading connection to a new warehouse with the restored audit.
        settings: the data root.
        contract: the source.
        files: the file of each load of any source, by number.
        people: the vault.

    Returns:
        Other loads under another version of the contract or of another day, and loads that now give other counts than
        the audit has.
        Their rows were not kept: the next run loads their files like new ones.
    """
    loads = [load for load in files if load.source == contract.source]
    if not loads:
        return []
    deliveries = []
    for day, of_day in groupby(loads, key=lambda load: load.extract_date):
        deliveries.append(Delivery(contract.source, day, tuple(files[load] for load in of_day), ()))
    candidate = read_deliveries(
        connection,
        contract,
        deliveries,
        people=people,
        default_force=settings.force,
        load_ids=[load.load_id for load in loads],
        quarantined_again=[load.load_id for load in loads if load.is_of_purged_day],
    )
    counts = {
        file.load_id: (file.sha256, file.rows_loaded, file.rows_quarantined)
        for file in candidate.files
        if not file.error
    }
    differing = [
        load
        for load in loads
        if counts.get(load.load_id) != (load.sha256, load.rows_loaded, load.rows_quarantined)
        or (
            (load.contract_version != contract.version or is_of_other_day(load, contract)) and not load.is_of_purged_day
        )
    ]
    with transaction(connection):
        of_loads = [[load.load_id for load in loads]]
        connection.execute("delete from audit.quarantine where list_contains(?, load_id)", of_loads)
        connection.execute(f"insert into audit.quarantine from {incoming(contract, 'quarantine')} order by all")
        drop_incoming(connection, contract)
        connection.execute(
            "update audit.load set contract_version = ? where list_contains(?, load_id)",
            [contract.version, *of_loads],
        )
        delete_loads(connection, differing)
    return differing


def is_of_other_day(load: Load, contract: Contract) -> bool:
    """Return whether a file of one day was loaded for another day than by the present offset of its contract."""
    days = extract_dates_of(load.file_name, contract.source, contract.extract_date_offset)
    return days is not None and days[0] == days[1] != load.extract_date


def delete_loads(connection: duckdb.DuckDBPyConnection, loads: Collection[Load]) -> None:
    """Delete loads from the audit of a new warehouse, with the rows they have; nothing was built from them yet."""
    numbers = [load.load_id for load in loads]
    of_sources = (table("raw", source) for source in sorted({load.source for load in loads}))
    for relation in (*of_sources, *(table("audit", name) for name in _OF_LOADS)):
        connection.execute(f"delete from {relation} where list_contains(?, load_id)", [numbers])
