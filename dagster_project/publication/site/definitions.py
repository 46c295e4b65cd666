"""Show measures that have more than one definition side by side.

`connection` is a database with the marts in its schema `marts`.
"""

from collections.abc import Mapping
from datetime import date
from itertools import groupby

import duckdb

from dagster_project.publication.report.display import NOTHING
from dagster_project.publication.report.model import short_month
from dagster_project.publication.site.data import rows_of
from dagster_project.publication.site.views import (
    Table,
    View,
    Views,
    force_choice,
    month_choice,
    months_of,
    newest_months,
    provisional,
)


def answered(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return the definitions of calls that are answered, and of those that are not: label and text of each."""
    return connection.execute(
        """
        select short_label, definition
        from marts.measures
        where name in ('answered', 'not_answered') and section like 'calls_%'
        order by section_order, section, name
        """
    ).fetchall()


def definitions(
    connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str], months: Mapping[str, date]
) -> Views | None:
    """Return the measures with more than one definition.

    Args:
        connection: a database with the marts, and the seed of alternatives in its schema `reference`.
        forces: code to name, the one shown first first.
        months: force to the month that is shown first.

    Returns:
        The measures with alternatives, by force and month. None without forces.
    """
    if not forces:
        return None
    others = View(
        "alternatives",
        "Measures with more than one definition",
        ("force", "month"),
        _alternatives(connection, forces),
        "The first of each group is the measure itself; the lines below it use other definitions.",
        words=(2,),
    )
    first = next(iter(forces))
    return Views(
        (force_choice(forces), month_choice(months_of(others), months[first])),
        (others,),
    )


def _alternatives(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> dict[tuple[str, ...], Table]:
    rows = rows_of(
        connection,
        f"""
        with pairs as (
            select measure, alternative from reference.measure_alternatives
            -- Of two measures that are alternatives to each other, the first heads the group.
            where not exists (
                select 1 from reference.measure_alternatives as others
                where others.alternative = measure_alternatives.measure
                    and others.measure = measure_alternatives.alternative
                    and others.measure < measure_alternatives.measure
            )
        ),
        members as (
            select measure as head, alternative as measure, 1 as place from pairs
            union all
            select distinct measure, measure, 0 from pairs
        )
        select
            kpi_measure_period.force_code, kpi_measure_period.month_start, kpi_measure_period.display_value,
            kpi_measure_period.is_provisional, kpi_measure_period.share_of_days_loaded, members.head, members.place,
            measures.short_label, measures.definition
        from members
        inner join marts.measures as measures on members.measure = measures.measure
        inner join marts.measures as heads on members.head = heads.measure
        inner join marts.kpi_measure_period as kpi_measure_period on members.measure = kpi_measure_period.measure
        where kpi_measure_period.period = 'month' and {newest_months("kpi_measure_period")}
        order by
            kpi_measure_period.force_code, kpi_measure_period.month_start, heads.section_order,
            heads.board_paper_order nulls last, members.head, members.place, measures.measure
        """,
    )
    tables: dict[tuple[str, ...], Table] = {}
    for (force, month), group in groupby(rows, key=lambda row: (row["force_code"], row["month_start"])):
        of = list(group)
        remark = next((provisional(row) for row in of if row["is_provisional"]), "")
        tables[force, f"{month:%Y-%m}"] = Table(
            f"{forces.get(force, force)}, {short_month(month)}{remark}",
            ("Measure", "Figure", "Definition"),
            tuple(
                (
                    f"{NOTHING} {row['short_label']}" if row["place"] else row["short_label"],
                    row["display_value"],
                    row["definition"],
                )
                for row in of
            ),
        )
    return tables
