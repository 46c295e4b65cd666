"""Read the content of the site's pages from the marts. Their layout is in the templates.

`connection` is a database with the marts in its schema `marts`.
"""

from typing import Any

import duckdb

from dagster_project.publication.report.display import display
from dagster_project.sql import query_rows, rows_by

# Revisions of a measure listed on its page; the mart has all of them.
_LISTED = 50

Rows = list[dict[str, Any]]


def revisions(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, Rows]:
    """Return changes of figures between publications, by measure, newest first; new months do not count as changes."""
    measures = rows_by(
        connection,
        "measure",
        """
        select revisions.*, measures.unit, measures.decimals
        from marts.revisions as revisions
        inner join marts.measures as measures on revisions.measure = measures.measure
        where revisions.force_code = $force_code and not revisions.is_new
        order by revisions.published_at desc, revisions.measure, revisions.month_start
        """,
        {"force_code": force_code},
    )
    for rows in measures.values():
        del rows[_LISTED:]
        for row in rows:
            for name in ("previous_value", "value", "change"):
                row[name] = display(row[name], row["unit"], row["decimals"])
    return measures


def tables(connection: duckdb.DuckDBPyConnection) -> Rows:
    """Return the published tables by name, each with its `columns` in order."""
    rows = query_rows(connection, "from marts.data_dictionary where column_name is null order by table_name")
    columns = rows_by(
        connection,
        "table_name",
        "from marts.data_dictionary where column_name is not null order by table_name, column_position",
    )
    return [row | {"columns": columns[row["table_name"]]} for row in rows]


def synonyms(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return other words for each measure and its section, as one text."""
    return dict(connection.execute("select measure, coalesce(synonyms, '') from marts.measures").fetchall())


def targets(connection: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    """Return dated targets, benchmarks and formulas, by the measure that they apply to."""
    return rows_by(
        connection,
        "applies_to",
        "from marts.definitions where applies_to like '%.%' order by applies_to, force_code, valid_from",
    )
