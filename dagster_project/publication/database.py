"""The database of a publication: all marts in one DuckDB file, a copy of the file that dbt builds them in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from dagster_project.publication.files import copy
from dagster_project.sql import table
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import transaction

DATABASE = "fcir.duckdb"
"""Name of the file in a publication."""

# Marts that have rows of the publication that is being written, which is recorded after dbt has run: to the views that
# dbt makes of the record.
_OF_PUBLICATIONS = {"published_versions": "int_published_version", "revisions": "int_revision"}


def add_publication(connection: duckdb.DuckDBPyConnection) -> None:
    """Give the marts of versions the rows of the publication just recorded, and take those of any taken back."""
    for mart, view in _OF_PUBLICATIONS.items():
        target, source = table("marts", mart), table("warehouse", "measures", view)
        with transaction(connection):
            connection.execute(f"delete from {target} where run_id not in (select run_id from audit.publication)")
            connection.execute(
                f"insert into {target} by name select * from {source} where run_id not in (select run_id from {target})"
            )


def count_rows(connection: duckdb.DuckDBPyConnection, marts: Sequence[Mart]) -> dict[str, int]:
    """Mart to its rows."""
    counts = {}
    for mart in marts:
        row = connection.execute(f"select count(*) from {table('marts', mart.name)}").fetchone()
        counts[mart.name] = int(row[0]) if row else 0
    return counts


def copy_database(marts: Path, folder: Path) -> None:
    """Copy the file of the marts into a publication.

    Args:
        marts: the file; the caller holds the writer lock. No connection to it is open in this process: to read it as a
            file would take from it the lock by which DuckDB keeps other processes out (`warehouse/lock.py`).
        folder: of the publication.
    """
    copy(marts, folder, DATABASE)
