"""Figures of a publication as Markdown tables, shown on its parts in the Dagster UI."""

from collections.abc import Iterable, Sequence
from io import StringIO

import duckdb

from dagster_project.publication.database import DATABASE
from dagster_project.publication.papers import first_shown
from dagster_project.publication.publish import Publication
from dagster_project.publication.report.model import long_month
from dagster_project.publication.result_formats import write_markdown
from dagster_project.publication.site import data
from dagster_project.warehouse.connection import reading_connection


def previews(publication: Publication, *, force_code: str) -> dict[str, str]:
    """Return a Markdown table for each part of a publication that has figures to show.

    Args:
        publication: a complete publication.
        force_code: the force whose figures are shown, as on the first page of the site.

    Returns:
        Tables by part: `database` and `parquet` (rows of each table), `board_paper` and `site` (figures of the newest
        complete month), `quality` (days of each source). No board paper, no figures.
    """
    tables = _markdown(("table", "rows"), ((name, f"{rows:,}") for name, rows in sorted(publication.tables.items())))
    with reading_connection(publication.folder / DATABASE) as connection:
        quality = _markdown(
            ("source", "days loaded", "missing", "rejected", "newest day", "rows quarantined"),
            (
                [row[name] for name in ("source", "days_loaded", "days_missing", "days_rejected", "newest_day")]
                + [f"{row['quarantined']:,}"]
                for row in data.sources(connection)
            ),
        )
        figures = _figures(connection, publication, force_code)
    return {"database": tables, "parquet": tables, "quality": quality} | (
        {"board_paper": figures, "site": figures} if figures else {}
    )


def _figures(connection: duckdb.DuckDBPyConnection, publication: Publication, force_code: str) -> str | None:
    """Return the figures of the first paper: its month, the month before and the same month of the year before."""
    paper = first_shown(publication.papers, force_code)
    if paper is None:
        return None
    month = paper.month.month
    rows = connection.execute(
        """
        select
            measures.section_title,
            board_paper.label,
            any_value(board_paper.display_value) filter (where board_paper.month_start = $month),
            any_value(board_paper.display_value) filter (where board_paper.month_start = $month - interval 1 month),
            any_value(board_paper.display_value) filter (where board_paper.month_start = $month - interval 1 year)
        from marts.board_paper
        inner join marts.measures
            on concat(board_paper.section, '.', board_paper.measure) = measures.measure
        where board_paper.force_code = $force
        group by all
        order by any_value(board_paper.sort_order)
        """,
        {"force": paper.force_code, "month": month},
    ).fetchall()
    return _markdown((paper.force_name, "", long_month(month), "month before", "year before"), rows)


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = StringIO()
    write_markdown(columns, rows, out)
    return out.getvalue()
