"""List the newest publications, and the changes of published figures with their cause.

`connection` is a database with the marts in its schema `marts`.
"""

import duckdb

from dagster_project.publication.report.display import display
from dagster_project.publication.report.revisions import CAUSES
from dagster_project.publication.site.data import Rows, rows_of

# The marts have all of them.
_REVISIONS = 50
_PUBLICATIONS = 14


def revisions(connection: duckdb.DuckDBPyConnection) -> Rows:
    """Return the newest changes of published figures with their cause in words; new months do not count as changes."""
    rows = rows_of(
        connection,
        f"""
        select
            revisions.*, coalesce(forces.force_name, revisions.force_code) as force_name, measures.short_label,
            measures.unit, measures.decimals
        from marts.revisions as revisions
        inner join marts.measures as measures on revisions.measure = measures.measure
        left join marts.dim_force as forces on revisions.force_code = forces.force_code
        where not revisions.is_new
        order by
            revisions.published_at desc, force_name, measures.section_order, measures.board_paper_order nulls last,
            revisions.measure, revisions.month_start
        limit {_REVISIONS}
        """,
    )
    for row in rows:
        for name in ("previous_value", "value", "change"):
            row[name] = display(row[name], row["unit"], row["decimals"])
        row["cause"] = CAUSES[row["cause"]]
    return rows


def publications(connection: duckdb.DuckDBPyConnection) -> Rows:
    """Return the newest publications: time, figures, and how many of them were new or changed, by what cause."""
    rows = rows_of(
        connection,
        f"""
        with changes as (
            select
                run_id, count(*) filter (where is_new and value is not null) as added,
                count(*) filter (where not is_new) as revised,
                list(distinct cause order by cause) filter (where not is_new) as causes
            from marts.revisions
            group by run_id
        )
        select
            versions.run_id, min(versions.published_at) as published_at, count(versions.value) as figures,
            any_value(coalesce(changes.added, 0)) as added, any_value(coalesce(changes.revised, 0)) as revised,
            any_value(changes.causes) as causes
        from marts.published_versions as versions
        left join changes on versions.run_id = changes.run_id
        group by versions.run_id
        order by published_at desc, versions.run_id desc
        limit {_PUBLICATIONS}
        """,
    )
    return [row | {"causes": "; ".join(CAUSES[cause] for cause in row["causes"] or ()).capitalize()} for row in rows]
