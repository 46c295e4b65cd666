"""The charts of the page of peers: 999 call answering of all forces as published nationally."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any

import duckdb
from markupsafe import Markup

from dagster_project.publication.peer_charts import PeerChart, draw_peers
from dagster_project.publication.report.display import display, shortened
from dagster_project.publication.report.model import long_month, span
from dagster_project.publication.report.published_answering import seconds
from dagster_project.publication.report.queries import read

# Two years are drawn; the table in the database has all months.
_MONTHS = 24
_CHARTS = (
    ("Answered in under 10 seconds", "percent", "pct_under_10s", "share of 999 calls answered in under 10 seconds"),
    ("Mean answer time", "seconds", "mean_answer_seconds", "mean time to answer a 999 call, in seconds"),
)


def peer_charts(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, Any]:
    """Return line charts of all forces: the share under 10 seconds (percent), the mean answer time (seconds).

    Args:
        connection: a database with the marts.
        force_code: the own force, which is marked.
    """
    published = read(connection, "published", force_code=None)
    months = {month: list(rows) for month, rows in groupby(published, key=lambda row: row["month_start"])}
    shown = sorted(months)[-_MONTHS:]
    charts = [_chart(index, shown, months, force_code) for index in range(len(_CHARTS))] if shown else []
    # The project draws the charts from numbers and names of forces, which it escapes.
    return {"peer_charts": [(chart, Markup(draw_peers(chart))) for chart in charts]}  # noqa: S704


def _chart(index: int, shown: Sequence[date], months: dict[date, list[dict[str, Any]]], force_code: str) -> PeerChart:
    title, unit, column, words = _CHARTS[index]
    values = {(row["force_code"], month): row[column] for month, rows in months.items() for row in rows}
    names = {row["force_code"]: shortened(row["force_name"]) for rows in months.values() for row in rows}
    country = tuple(months[month][0][f"uk_{column}"] for month in shown)
    own = (force_code, shown[-1])
    text = partial(display, unit=unit, decimals=1) if unit == "percent" else seconds
    newest = f"{text(values[own])}; " if own in values else ""
    finding = f"{long_month(shown[-1])}: {newest}United Kingdom {text(country[-1])}"
    lines = {code: tuple(values.get((code, month)) for month in shown) for code in sorted(names)}
    return PeerChart(
        title=title,
        finding=finding,
        alternative=f"Line chart of the {words}, of {len(names)} forces, {span(shown[0], shown[-1])}. {finding}.",
        unit=unit,
        months=tuple(shown),
        own_name=names.get(force_code, "").removesuffix(" Police"),
        own=lines.pop(force_code, ()),
        country=country,
        others=tuple(lines.values()),
    )
