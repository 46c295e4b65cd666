"""Read the content of the site's pages from the marts. Their layout is in the templates.

`connection` is a database with the marts in its schema `marts`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.publication.report.display import NOTHING, display
from dagster_project.publication.report.model import counted_days
from dagster_project.sql import query_rows, rows_by
from dagster_project.words import counted

# Revisions of a measure listed on its page; the mart has all of them.
_LISTED = 50

# Distance from a running month to the days that it is compared with, in the words of the pages.
_WEEKS = {4: "four weeks", 5: "five weeks", 52: "52 weeks"}

Rows = list[dict[str, Any]]


def running_months(connection: duckdb.DuckDBPyConnection, force_code: str) -> Rows:
    """Return the headline measures of the months of a force after the default month, oldest first.

    Each has `month`, its `coverage` by days that every source delivered (`1 of 28 days`), `measure`, which is None if
    the month has none, and its texts: `text`, for sums the figure per day (`66 a day`), `delivered`, the days that it
    is of (`1 day delivered`), and `before`, the same figure for the days that they are compared with (`four weeks
    before: 59 a day`); empty if there are none.
    """
    rows = query_rows(
        connection,
        """
        select
            months.month_start as month, months.days as days_in_month, months.days_loaded as whole_days, so_far.*,
            measures.section_title, measures.label, measures.unit, measures.decimals
        from marts.report_months as months
        left join marts.report_month_so_far as so_far
            on months.force_code = so_far.force_code
            and months.month_start = so_far.month_start
        left join marts.measures as measures
            on so_far.measure = measures.measure
        where months.is_running and months.force_code = $force_code
        order by months.month_start, measures.board_paper_order nulls last, so_far.measure
        """,
        {"force_code": force_code},
    )
    return [
        row
        | {"coverage": counted_days(row["whole_days"], row["days_in_month"])}
        | (_so_far(row) if row["measure"] else {})
        for row in rows
    ]


def _so_far(row: Mapping[str, Any]) -> dict[str, str]:
    sums = [row[name] for name in ("per_day", "compared_per_day") if row[name] is not None]
    # Below ten, whole numbers could hide the difference between two figures.
    decimals = 0 if min(sums, default=0) >= 10 else 1

    def text(per_day: Decimal | None, shown: str | None) -> str:
        return f"{display(per_day, 'count', decimals)} a day" if per_day is not None else shown or NOTHING

    weeks = row["compared_weeks"]
    before = text(row["compared_per_day"], row["compared_display_value"])
    return {
        "delivered": f"{counted(row['days_loaded'], 'day')} delivered",
        "text": text(row["per_day"], row["display_value"]),
        "before": f"{_WEEKS[weeks]} before: {before}" if weeks else "",
    }


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
