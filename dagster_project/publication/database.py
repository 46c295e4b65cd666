"""The database of a publication: all marts in one DuckDB file, a copy of the file in which dbt builds them."""

import duckdb

from dagster_project.sql import table
from dagster_project.warehouse.connection import transaction

DATABASE = "fcir.duckdb"
"""Name of the file in a publication."""

# Marts with rows about the publication that is being written. It is recorded after dbt has run, so these rows are
# inserted from the dbt views on the record. Mart to view:
_OF_PUBLICATIONS = {"published_versions": "int_published_version", "revisions": "int_revision"}


def add_publication(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert rows of the publication just recorded into the marts of versions; delete rows no longer on record."""
    for mart, view in _OF_PUBLICATIONS.items():
        target, source = table("marts", mart), table("warehouse", "measures", view)
        with transaction(connection):
            connection.execute(f"delete from {target} where run_id not in (select run_id from audit.publication)")
            connection.execute(
                f"insert into {target} by name select * from {source} where run_id not in (select run_id from {target})"
            )
