"""Ask the current publication. Imports only what that takes: a query is asked often, and is answered at once."""

from __future__ import annotations

import duckdb

from dagster_project.errors import UsageError
from dagster_project.publication.pointer import current_publication
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import reading_connection, says_damage


def query_published(settings: Settings, sql: str) -> tuple[list[str], list[tuple[object, ...]]]:
    """Answer a query from the published database, with a connection that can do nothing else.

    Returns:
        Column names and rows.

    Raises:
        NotPublished: nothing was published yet.
        UsageError: the query cannot be answered; the message is DuckDB's.
        DatabaseUnreadable: the published database is damaged.
    """
    folder = current_publication(settings.published)
    with reading_connection(folder / "fcir.duckdb") as connection:
        try:
            connection.execute("set schema = 'marts'")
            cursor = connection.execute(sql)
            columns = [item[0] for item in cursor.description or []]
            return columns, cursor.fetchall()
        except duckdb.Error as error:
            if says_damage(str(error)):
                raise
            raise UsageError(f'{error}\nTables and their columns: fcir query "from data_dictionary"') from None


def count_matches(settings: Settings) -> tuple[int, int]:
    """How many printed figures the current publication reproduces, and how many there are."""
    _, rows = query_published(
        settings,
        "select count(*) filter (where verdict in ('match', 'match_other_formula')), count(*) from reconciliation",
    )
    return int(str(rows[0][0])), int(str(rows[0][1]))
