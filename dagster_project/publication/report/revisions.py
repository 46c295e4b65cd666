"""List the figures that changed since the previous paper, with the cause, in words for a board."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Measure, Revision, long_month, short_month
from dagster_project.sql import rows_as_dicts
from dagster_project.warehouse.connection import has_table

# Number of revisions listed; the others are counted.
_LISTED = 12

CAUSES = {
    "deliveries": "New or corrected deliveries",
    "definitions": "Changed definition",
    "both": "Changed definition, and new or corrected deliveries",
    "other": "Other, for example a new version of the software",
}
"""Causes of a revision, as `revisions.cause` has them, in words."""


def read_revisions(
    connection: duckdb.DuckDBPyConnection, force_code: str, months: Sequence[date], measures: Sequence[Measure]
) -> tuple[tuple[Revision, ...], str]:
    """Return the revisions since the previous paper, and a sentence on them.

    The previous paper is that of the month before; it counts from the first publication in which that month had a
    complete figure. A revision is a figure of an earlier month whose printed text has changed since.

    Args:
        connection: a database with the marts.
        force_code: the force.
        months: the months of the paper, oldest first.
        measures: the measures of the paper, in its order.

    Returns:
        The revisions, by measure and month. The sentence is empty if earlier publications are not known, as in a public
        edition.
    """
    if len(months) < 2 or not has_table(connection, "revisions"):
        return (), ""
    rows = rows_as_dicts(
        connection.execute(
            """
            with previous_paper as (
                select min(published_at) as published_at
                from marts.revisions
                where
                    force_code = $force_code
                    and month_start = $previous
                    and not is_provisional
                    and list_contains($measures, measure)
            )

            select
                revisions.measure,
                revisions.month_start,
                arg_min(struct_pack(of := revisions.previous_value), revisions.published_at).of as before,
                arg_max(struct_pack(of := revisions.value), revisions.published_at).of as after,
                list(distinct revisions.cause order by revisions.cause) as causes
            from marts.revisions as revisions
            inner join previous_paper on revisions.published_at > previous_paper.published_at
            where
                revisions.force_code = $force_code
                and revisions.month_start between $first and $previous
                and list_contains($measures, revisions.measure)
            group by revisions.measure, revisions.month_start
            order by list_position($measures, revisions.measure), revisions.month_start
            """,
            {
                "force_code": force_code,
                "first": months[0],
                "previous": months[-2],
                "measures": [measure.code for measure in measures],
            },
        )
    )
    by_code = {measure.code: measure for measure in measures}
    return listed_revisions(rows, by_code, months[-2])


def listed_revisions(
    rows: Sequence[Mapping[str, Any]], measures: Mapping[str, Measure], previous: date
) -> tuple[tuple[Revision, ...], str]:
    """Return the rows whose printed text differs as revisions, and a sentence on them."""
    found = [revision for row in rows if (revision := _revision(row, measures[row["measure"]]))]
    paper = f"since the paper of {long_month(previous)}"
    if not found:
        return (), f"No figure of an earlier month has changed {paper}."
    count = f"{len(found)} {'figure of an earlier month has' if len(found) == 1 else 'figures of earlier months have'}"
    more = f" The first {_LISTED} are listed." if len(found) > _LISTED else ""
    return tuple(found[:_LISTED]), f"{count} changed {paper}.{more}"


def _revision(row: Mapping[str, Any], measure: Measure) -> Revision | None:
    before, after = (display(row[name], measure.unit, measure.decimals) for name in ("before", "after"))
    if before == after:
        return None
    # Of several publications: what is known explains it.
    causes = set(row["causes"]) - {"other"} or {"other"}
    cause = causes.pop() if len(causes) == 1 else "both"
    return Revision(measure.short_label, short_month(row["month_start"]), before, after, CAUSES[cause])
