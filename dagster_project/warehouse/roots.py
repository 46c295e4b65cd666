"""The id of a data root: random, made with its warehouse, and kept in every copy of the audit.

It tells whether a copy in `history/` and a warehouse belong together.
"""

import duckdb

from dagster_project.sql import scalar, table
from dagster_project.warehouse.connection import WAREHOUSE
from dagster_project.warehouse.tables import column_types


def root_id(connection: duckdb.DuckDBPyConnection, catalog: str = WAREHOUSE) -> str | None:
    """Return the id of the data root that an audit belongs to; None if that is not set up, or of an earlier version.

    Args:
        connection: an open connection.
        catalog: name of the database with the audit in the connection.
    """
    if "root_id" not in column_types(connection, catalog, "audit", "root"):
        return None
    found: str | None = scalar(connection, f"select root_id from {table(catalog, 'audit', 'root')}")
    return found
