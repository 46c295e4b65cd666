"""The page of peers: 999 call answering of all forces as published nationally; the installation's own is marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import duckdb
from markupsafe import Markup

from dagster_project.publication.html import render_template
from dagster_project.publication.peer_charts import PeerChart, draw_peers
from dagster_project.publication.report.display import NOTHING, display
from dagster_project.publication.report.model import long_month, short_month, span
from dagster_project.publication.report.published_answering import (
    CLOCK,
    COUNTRY,
    GROUP,
    HEADINGS,
    Answering,
    PublishedMonth,
    findings,
    published_month,
    seconds,
)
from dagster_project.publication.report.queries import read

PAGE, NAME = "peers.html", "999 in the UK"

# Two years can be chosen and are drawn; the table in the database has all months.
_MONTHS = 24
_COMPARED = 6
_CHARTS = (
    ("Answered in under 10 seconds", "percent", 2, "share of 999 calls answered in under 10 seconds"),
    ("Mean answer time", "seconds", 1, "mean time to answer a 999 call, in seconds"),
)


@dataclass(frozen=True)
class PeersRow:
    """A row of the table of a month."""

    name: str
    rank: str
    figures: tuple[str, ...]
    """Texts in the order of `HEADINGS`."""
    shares: tuple[float, ...]
    """The three shares for the bar, empty without a rank."""
    is_own: bool = False
    remark: str = ""


@dataclass(frozen=True)
class PeersMonth:
    """The table of a month."""

    title: str
    findings: tuple[str, ...]
    """Sentences on the own force; empty if it is not in the table."""
    rows: tuple[PeersRow, ...]
    """By rank, forces without one last."""
    totals: tuple[PeersRow, ...]


def peers_content(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, Any] | None:
    """Return the values for the template of the page; None if no national table was delivered.

    Args:
        connection: the warehouse.
        force_code: the own force.
    """
    published = [published_month(row) for row in read(connection, "published", force_code=None)]
    if not published:
        return None
    months = {month: list(rows) for month, rows in groupby(published, key=lambda row: row.month)}
    shown = dict(sorted(months.items(), reverse=True)[:_MONTHS])
    own = {row.month: row for row in published if row.force_code == force_code}
    name = next((row.force_name for row in own.values()), "")
    tables = {f"{month:%Y-%m}": _table(rows, own.get(month)) for month, rows in shown.items()}
    compared = [month for month in shown if month in own][:_COMPARED]
    counted = {row["month_start"]: row for row in read(connection, "counted", force_code=force_code)}
    return {
        "own_name": name,
        "first": next(iter(tables)),
        "months": {f"{month:%Y-%m}": long_month(month) for month in shown},
        "tables": tables,
        "headings": HEADINGS,
        "clock": CLOCK,
        "no_group": bool(name) and all(row.group is None for row in own.values()),
        "compared": [
            (
                short_month(month),
                own[month].own.texts,
                display(row["received"], "count", 0),
                seconds(row["avg_queue_seconds"]),
            )
            for month in compared
            if (row := counted.get(month))
        ],
        "charts": [_chart(index, sorted(shown), months, force_code) for index in range(len(_CHARTS))],
    }


def peers_page(content: Mapping[str, Any]) -> str:
    """Render the page, with its charts."""
    # The project draws the charts from numbers and names of forces, which it escapes.
    drawings = [Markup(draw_peers(chart)) for chart in content["charts"]]  # noqa: S704
    data = {month: _data(table) for month, table in content["tables"].items()}
    return render_template("site/peers.html.j2", {**content, "drawings": drawings, "data": data})


def _table(rows: Sequence[PublishedMonth], own: PublishedMonth | None) -> PeersMonth:
    ranked = sorted(rows, key=lambda row: (row.force_rank is None, row.force_rank))
    totals = [_total(COUNTRY, rows[0].country, rows[0].country_forces)]
    if own and own.group:
        totals.append(_total(GROUP, own.group, own.group_forces))
    return PeersMonth(
        long_month(rows[0].month),
        findings(own) if own else (),
        tuple(
            PeersRow(
                name=row.force_name,
                rank=NOTHING if row.force_rank is None else str(row.force_rank),
                figures=row.own.texts,
                shares=_shares(row.own) if row.force_rank else (),
                is_own=own is not None and row.force_code == own.force_code,
                remark=row.no_rank,
            )
            for row in ranked
        ),
        tuple(totals),
    )


def _total(name: str, answering: Answering, forces: str) -> PeersRow:
    return PeersRow(name, "", answering.texts, _shares(answering), remark=forces)


def _shares(answering: Answering) -> tuple[float, ...]:
    shares = answering.values[2:]
    return () if None in shares else tuple(float(share or 0) for share in shares)


def _data(table: PeersMonth) -> dict[str, Any]:
    """Return the table of a month for the script, with short keys: a page has a thousand rows of two years."""

    def cells(row: PeersRow) -> list[Any]:
        return [row.name, row.rank, row.remark, int(row.is_own), list(row.figures), list(row.shares)]

    return {
        "title": table.title,
        "findings": list(table.findings),
        "rows": [cells(row) for row in table.rows],
        "totals": [cells(row) for row in table.totals],
    }


def _chart(
    index: int, shown: Sequence[date], months: Mapping[date, Sequence[PublishedMonth]], force_code: str
) -> PeerChart:
    title, unit, position, words = _CHARTS[index]
    values = {(row.force_code, row.month): row.own.values[position] for rows in months.values() for row in rows}
    names = {row.force_code: row.force_name for rows in months.values() for row in rows}
    country = [months[month][0].country for month in shown]
    own = tuple(values.get((force_code, month)) for month in shown) if force_code in names else ()
    last = country[-1].texts[position]
    newest = next((row.own.texts[position] for row in months[shown[-1]] if row.force_code == force_code), "")
    finding = f"{long_month(shown[-1])}: {f'{newest}; ' if newest else ''}United Kingdom {last}"
    return PeerChart(
        title=title,
        finding=finding,
        alternative=(f"Line chart of the {words}, of {len(names)} forces, {span(shown[0], shown[-1])}. {finding}."),
        unit=unit,
        months=tuple(shown),
        own_name=names.get(force_code, "").removesuffix(" Police"),
        own=own,
        country=tuple(answering.values[position] for answering in country),
        others=tuple(
            tuple(values.get((code, month)) for month in shown) for code in sorted(names) if code != force_code
        ),
    )
