"""What the tables of an edition share, public or of a force: their descriptions and the order of their rows."""

from collections.abc import Iterable, Mapping

import duckdb

from dagster_project.sql import comments_on, quoted
from dagster_project.warehouse.connection import transaction


def order_by(columns: Iterable[str]) -> str:
    """Return the columns as a list for `order by`, each once."""
    return ", ".join(f"{quoted(column)} nulls last" for column in dict.fromkeys(columns))


def describe(
    connection: duckdb.DuckDBPyConnection, relation: str, description: str, columns: Mapping[str, str]
) -> None:
    """Add comments on a published table and its columns: their descriptions."""
    with transaction(connection):
        connection.execute(comments_on(relation, description, columns))
