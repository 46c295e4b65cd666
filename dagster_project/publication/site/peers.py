"""The charts of the page of peers: 999 call answering of all forces as published nationally, a line for each force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb
from markupsafe import Markup

from dagster_project.publication.charts import (
    BLUE,
    EVENT_LETTER,
    INK,
    ORANGE,
    Plot,
    line_of,
    number_text,
    round_ticks,
    text_of,
)
from dagster_project.publication.report.display import display, shortened
from dagster_project.publication.report.model import long_month, span
from dagster_project.publication.report.published_answering import seconds
from dagster_project.publication.report.queries import read

# Two years are drawn; the table in the database has all months.
_MONTHS = 24
# Column, title, sign of its figures, and what it is in words.
_CHARTS = (
    ("pct_under_10s", "Answered in under 10 seconds", "%", "share of 999 calls answered in under 10 seconds"),
    ("mean_answer_seconds", "Mean answer time", "s", "mean time to answer a 999 call, in seconds"),
)
_SIZE, _LABEL_SIZE, _NAME = (400, 210), 11, 'font-size="12px" font-weight="600"'
# Between a line and its name; two names at the ends of lines that are closer than `_TOO_CLOSE` would overlap.
_GAP, _TOO_CLOSE = 6, 16.0
_COUNTRY = "UK"

Line = Mapping[date, Decimal]
"""Month to figure, without months that have none."""


@dataclass(frozen=True)
class PeerChart:
    """A figure of every force by month."""

    title: str
    finding: str
    alternative: str
    own_name: str
    """Empty if the force is not among them."""
    drawing: Markup


def peer_charts(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, Any]:
    """Return line charts of all forces: the share under 10 seconds (percent), the mean answer time (seconds).

    Args:
        connection: a database with the marts.
        force_code: the own force, which is marked.
    """
    rows = read(connection, "published", force_code=None)
    months = sorted({row["month_start"] for row in rows})[-_MONTHS:]
    names = {row["force_code"]: shortened(row["force_name"]) for row in rows}
    shown = [row for row in rows if row["month_start"] in months]
    return {"peer_charts": [_chart(shown, months, names, force_code, *spec) for spec in _CHARTS] if months else []}


def _chart(
    rows: Sequence[Mapping[str, Any]],
    months: list[date],
    names: Mapping[str, str],
    force_code: str,
    column: str,
    title: str,
    sign: str,
    words: str,
) -> PeerChart:
    """Return the chart of a column of the published figures of some months."""
    own_name = names.get(force_code, "").removesuffix(" Police")
    lines: dict[str, dict[date, Decimal]] = {code: {} for code in (*sorted(names), _COUNTRY)}
    for row in rows:
        for code, value in ((row["force_code"], row[column]), (_COUNTRY, row[f"uk_{column}"])):
            if value is not None:
                lines[code][row["month_start"]] = Decimal(value)
    own, country = lines.pop(force_code, {}), lines.pop(_COUNTRY)
    is_share = sign == "%"
    texts = [
        display(value, "percent", 1) if is_share else seconds(value)
        for value in (own.get(months[-1]), country.get(months[-1]))
    ]
    has_newest = any((row["force_code"], row["month_start"]) == (force_code, months[-1]) for row in rows)
    finding = f"{long_month(months[-1])}: {f'{texts[0]}; ' if has_newest else ''}United Kingdom {texts[1]}"
    every = [value for line in (*lines.values(), country, own) for value in line.values()]
    greatest = Decimal(100) if is_share else max(every, default=Decimal(0)) or Decimal(1)
    plot = Plot(_SIZE, 0, months[0], months[-1], Decimal(0), greatest)
    marks = [part for line in lines.values() for part in _line(plot, months, line, "#c9cdd0", 1)]
    marks += _line(plot, months, country, ORANGE, 2, "5,3") + _line(plot, months, own, BLUE, 3)
    ends = {name: line for name, line in ((_COUNTRY, country), (own_name, own)) if line}
    drawing = plot.svg(
        [*marks, *_names(plot, ends)],
        days=[(month, f"{month:%b %Y}") for month in sorted({months[0], months[-1]})],
        values=[(tick, f"{number_text(tick)}{sign}") for tick in round_ticks(Decimal(0), greatest, 4)],
        label_size=_LABEL_SIZE,
        right=_GAP + EVENT_LETTER * max(map(len, ends), default=0),
    )
    alternative = f"Line chart of the {words}, of {len(names)} forces, {span(months[0], months[-1])}. {finding}."
    # The project draws the charts from numbers and names of forces, which it escapes.
    return PeerChart(title, finding, alternative, own_name, Markup(drawing))  # noqa: S704


def _names(plot: Plot, ends: Mapping[str, Line]) -> list[str]:
    """Return the names of lines, each at its last figure, the lower of two that are close further down."""
    places = {name: (plot.x(max(line)), plot.y(line[max(line)])) for name, line in ends.items()}
    heights = sorted(y for _, y in places.values())
    is_close = len(heights) == 2 and heights[1] - heights[0] < _TOO_CLOSE
    # Of two lines that end at the same height, the country's is the upper one.
    order = sorted(places, key=lambda name: (places[name][1], name != _COUNTRY))
    return [
        text_of(
            x + _GAP,
            y + 4 + (_TOO_CLOSE / 2 * (1 if name == order[-1] else -1) if is_close else 0),
            name,
            "start",
            f'{_NAME} fill="{INK if name == _COUNTRY else BLUE}"',
        )
        for name, (x, y) in places.items()
    ]


def _line(plot: Plot, months: list[date], line: Line, colour: str, width: int, dash: str = "") -> list[str]:
    """Return the stretches of a line without a gap; thickness and names, not colours, tell it."""
    return [
        line_of([(plot.x(month), plot.y(line[month])) for month in stretch], colour, width, dash)
        for has_figure, stretch in groupby(months, key=line.__contains__)
        if has_figure
    ]
