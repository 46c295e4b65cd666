"""The random id of a data root, which its warehouse, its vault and the copy of its audit have."""

import duckdb

from dagster_project.warehouse.connection import WAREHOUSE
from dagster_project.warehouse.tables import column_types


def root_id(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the id of the data root that a warehouse belongs to; None before it is set up."""
    if "root_id" not in column_types(connection, WAREHOUSE, "audit", "root"):
        return None
    # All rows, because an unfinished result would keep this connection from registering a table.
    [(found,)] = connection.execute("select max(root_id) from audit.root").fetchall()
    return str(found)
