"""Read the catalogue of measures, and the sections of the board paper, in its order."""

from __future__ import annotations

import duckdb

from dagster_project.publication.report.commentary import Names
from dagster_project.publication.report.how_we_compare import CODE as COMPARED
from dagster_project.publication.report.how_we_compare import TITLE as COMPARED_TITLE
from dagster_project.publication.report.model import Measure
from dagster_project.sql import rows_as_dicts


def read_measures(connection: duckdb.DuckDBPyConnection) -> list[Measure]:
    """Read the catalogue: measures of the board paper in its order, then the others by section and name."""
    cursor = connection.execute(
        """
        select
            measures.measure as code, measures.section, measures.section_title, measures.section_order,
            measures.label, measures.short_label, measures.unit, measures.decimals,
            measures.better, measures.definition, measures.numerator, measures.denominator, measures.owner,
            measures.sources, measures.in_board_paper, measures.is_headline, measures.chart_type,
            measures.is_sum, measures.headline_order, coalesce(measures.topic, '') as topic,
            coalesce(measures.weight, 0)::double as weight, coalesce(measures.clause, '') as clause,
            coalesce(measures.volume, '') as volume, coalesce(measures.breakdown, '') as breakdown,
            coalesce(min(definitions.definition), 'target') as target_kind
        from marts.measures as measures
        left join marts.definitions as definitions
            on measures.measure = definitions.applies_to
            and definitions.definition in ('target', 'benchmark')
        group by all
        order by
            min(measures.board_paper_order) nulls last,
            min(measures.section_order),
            measures.section,
            any_value(measures.name)
        """
    )
    return [Measure(**row) for row in rows_as_dicts(cursor)]


def catalogue_sections(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the sections of the catalogue in order: code to title."""
    rows = connection.execute(
        """
        select section, section_title
        from marts.measures
        group by all
        order by min(section_order), section
        """
    ).fetchall()
    return dict(rows)


def paper_sections(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the sections of the paper, with the headline measures: code to title, in the order of the paper."""
    rows = connection.execute(
        """
        select section, section_title
        from marts.measures
        where in_board_paper or is_headline
        group by all
        order by min(section_order), section
        """
    ).fetchall()
    return dict(rows)


def paper_names(connection: duckdb.DuckDBPyConnection) -> Names:
    """Return what the headings of a commentary may name."""
    measures = {
        item.code: (item.short_label, f"{item.section_title}: {item.label}")
        for item in sorted(read_measures(connection), key=lambda item: not item.is_headline)
    }
    return Names(paper_sections(connection) | {COMPARED: COMPARED_TITLE}, measures)
