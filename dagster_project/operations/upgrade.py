"""What `fcir rebuild` keeps of a data root of an earlier version, whose rows and pseudonyms it replaces.

It reads accepted deliveries, versions of published figures and purges with their archive; all files are loaded again.
People who were erased are found while the landing folder is read, by the keyed hashes of the old list.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from dagster_project.contracts import Contract
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.identifiers import force_of
from dagster_project.extracts.reading import open_extract
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.people import People, hmac_digits, hmac_parameters
from dagster_project.private_key import read_keys
from dagster_project.settings import Settings
from dagster_project.sql import literal, table
from dagster_project.warehouse.connection import WAREHOUSE, attaching_connection, dry_connection
from dagster_project.warehouse.history import is_earlier, read_history
from dagster_project.warehouse.tables import column_types

_KEPT = ("waiver", "publication", "figure_version", "public_edition", "purge", "purge_hold")


def old_audit(settings: Settings) -> Path | None:
    """Return the database with the audit of an earlier version; None if the data root is of this version, or empty."""
    if read_history(settings.history):
        return None
    for file in (settings.warehouse, settings.history / "audit.duckdb"):
        if file.is_file():
            with suppress(duckdb.Error), attaching_connection() as connection:
                connection.execute(f"attach {literal(str(file))} as old (read_only)")
                if is_earlier(connection, "old"):
                    for name in _KEPT:
                        if column_types(connection, "old", "audit", name):
                            connection.execute(f"select max(hash(t)) from old.audit.{name} as t").fetchall()
                    return file
    return None


def restore_old_audit(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Insert what is kept of an earlier audit into a new warehouse.

    Args:
        connection: a loading connection to the new warehouse, with its tables.
        file: the database with the earlier audit.
    """
    connection.execute(f"attach {literal(str(file))} as old (read_only)")
    try:
        for name in _KEPT:
            ours = column_types(connection, WAREHOUSE, "audit", name)
            names = ", ".join(column for column in column_types(connection, "old", "audit", name) if column in ours)
            if names:
                connection.execute(
                    f"insert into {table(WAREHOUSE, 'audit', name)} ({names}) select {names} from old.audit.{name}"
                )
        archived = "select table_name from duckdb_tables() where database_name = 'old' and schema_name = 'archive'"
        for (name,) in connection.execute(archived).fetchall():
            connection.execute("create schema if not exists archive")
            relation = table("archive", name)
            connection.execute(f"create table {WAREHOUSE}.{relation} as from old.{relation}")
    finally:
        connection.execute("detach old")


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
        for file in scan_landing(settings, contracts, quiet_seconds=0.0).files:
            contract = contracts[file.source]
            columns = {column.name: column.identifies for column in contract.columns if column.identifies}
            with suppress(UnreadableExtract), open_extract(file.path, contract) as extract:
                for batch in extract.batches():
                    for name, kind in columns.items():
                        rows = {"cell": batch.column(name), "force": batch.column("force_code")}
                        connection.register("cells", pa.table(rows))
                        found = connection.execute(
                            f"""
                            with hashed as (
                                select
                                    *,
                                    {hmac_digits("encode(cell)", "list_0")} as hashed
                                from cells
                            )

                            select distinct cell, {force_of("force")}, hashed
                            from hashed
                            where list_contains($listed, hashed)
                            """,
                            {**key, "force": settings.force, "listed": list(since)},
                        ).fetchall()
                        connection.unregister("cells")
                        for cell, force, hashed in found:
                            vault.enter_erased(cell, kind, force, since[hashed])
        return len(vault.erased()) - before
