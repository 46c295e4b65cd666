"""Find the people whom an earlier version erased, while the landing folder is read: by the keyed hashes of its list."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from dagster_project.contracts import Contract
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.identifiers import force_of, register_cells
from dagster_project.extracts.reading import open_extract
from dagster_project.loading.landing import once, scan_landing
from dagster_project.loading.people import People, hmac_digits, hmac_parameters
from dagster_project.private_key import read_keys
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import dry_connection


def enter_erased(settings: Settings, contracts: Mapping[str, Contract], people: People) -> int:
    """Enter everybody on the list of an earlier version as erased, and return how many were found.

    Args:
        settings: the data root.
        contracts: all contracts.
        people: the new vault.
    """
    folder = settings.home / "suppression"
    try:
        entries = json.loads((folder / "suppressed.json").read_bytes())
    except FileNotFoundError:
        return 0
    since = {
        hashed: datetime.fromisoformat(entry[1]).replace(tzinfo=None) for hashed, entry in entries["entries"].items()
    }
    (secret,) = read_keys(folder / "suppression.key")
    with people.opened() as vault, dry_connection() as connection:
        before = len(vault.erased())
        key = hmac_parameters("list", secret)
        for file in once(scan_landing(settings, contracts, quiet_seconds=0.0).files):
            contract = contracts[file.source]
            with suppress(UnreadableExtract), open_extract(file.path, contract) as extract:
                for _, kind in register_cells(connection, extract, contract):
                    query = f"""
                        with hashed as (select *, {hmac_digits("encode(cell)", "list_0")} as hashed from cells)
                        select distinct cell, {force_of("force")}, hashed
                        from hashed
                        where list_contains($listed, hashed)
                    """
                    parameters = {**key, "force": settings.force, "listed": list(since)}
                    for cell, force, hashed in connection.execute(query, parameters).fetchall():
                        vault.enter_erased(cell, kind, force, since[hashed])
        return len(vault.erased()) - before
