"""The worst month of a measure: its place among those of its page, its worst day, and what the analyst wrote on it."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import duckdb

from dagster_project.publication.forms import PAGE
from dagster_project.publication.papers import Paper
from dagster_project.publication.report.commentary import Commentary
from dagster_project.publication.report.histories import MeasureHistory
from dagster_project.publication.report.model import Explanation
from dagster_project.sql import query_rows


def worst_months(
    connection: duckdb.DuckDBPyConnection, force_code: str, histories: Sequence[MeasureHistory], papers: Sequence[Paper]
) -> dict[str, dict[str, Any]]:
    """Return month, figure, place, day, comment and paper (an address) of the worst complete month of each measure.

    Months of an earlier formula are left out. A measure has none if no month can be called worse than another.
    """
    sql = (files(__package__) / "worst_day.sql").read_text(encoding="utf-8")
    rows = query_rows(connection, sql, {"force_code": force_code})
    days = {(row["measure"], row["month_start"]): row for row in rows}
    of_month = {paper.month.month: paper for paper in papers if paper.force_code == force_code}
    found = {}
    for history in histories:
        measure = history.measure
        figures = {
            row.month: row.figures[0]
            for row in history.rows
            if not row.figures[0].is_provisional
            and (not history.comparable_from or row.month >= history.comparable_from)
        }
        values = {month: figure.value for month, figure in figures.items() if figure.value is not None}
        has_cohorts, texts = measure.chart_type == "cohort", {figures[month].text for month in values}
        if measure.better == "neither" or has_cohorts or len(texts) < 2:
            continue
        month = (max if measure.better == "lower" else min)(values, key=values.__getitem__)
        paper = of_month.get(month)
        words = paper.commentary if paper else Commentary()
        explained = words.explanations.get(measure.code, Explanation())
        found[measure.code] = {
            "month": month,
            "figure": figures[month].text,
            "place": f"the {'highest' if measure.better == 'lower' else 'lowest'} of {len(values)} complete months",
            "day": days.get((measure.code, month)),
            "comment": (*explained.comment, *words.blocks.get(measure.section, ())),
            "paper": f"{paper.folder.as_posix()}/{PAGE}" if paper and PAGE in paper.forms else "",
        }
    return found
