"""Draw one force among all forces as SVG: a line for each, its own and that of the United Kingdom named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

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

_SIZE = (400, 210)
_LABEL_SIZE, _NAME = 11, 'font-size="12px" font-weight="600"'
# Between a line and its name.
_GAP = 6
# Two names at the ends of lines that are closer than this would overlap.
_TOO_CLOSE = 16.0


@dataclass(frozen=True)
class PeerChart:
    """A figure of every force by month.

    The values of a line are in the order of `months`; None where there is none.
    """

    title: str
    finding: str
    alternative: str
    unit: str
    """`percent` or `seconds`."""
    months: tuple[date, ...]
    own_name: str
    own: tuple[Decimal | None, ...]
    """Empty if the force is not in the table."""
    country: tuple[Decimal | None, ...]
    others: tuple[tuple[Decimal | None, ...], ...]


def draw_peers(chart: PeerChart) -> str:
    """Return a chart as SVG. A line breaks where a month has no figure; thickness and names, not colours, tell it."""
    every = [value for values in (*chart.others, chart.country, chart.own) for value in values if value is not None]
    greatest = Decimal(100) if chart.unit == "percent" else max(every, default=Decimal(0)) or Decimal(1)
    plot = Plot(_SIZE, 0, chart.months[0], chart.months[-1], Decimal(0), greatest)
    lines = [part for values in chart.others for part in _line(plot, chart, values, "#c9cdd0", 1)]
    lines += _line(plot, chart, chart.country, ORANGE, 2, "5,3") + _line(plot, chart, chart.own, BLUE, 3)
    # The name of a line is at its last figure.
    ends = {
        name: [
            (plot.x(month), plot.y(value))
            for month, value in zip(chart.months, values, strict=True)
            if value is not None
        ][-1]
        for name, values in (("UK", chart.country), (chart.own_name, chart.own))
        if any(value is not None for value in values)
    }
    shift = 0.0
    if len(ends) == 2 and abs(ends["UK"][1] - ends[chart.own_name][1]) < _TOO_CLOSE:
        shift = _TOO_CLOSE / 2 if ends["UK"][1] > ends[chart.own_name][1] else -_TOO_CLOSE / 2
    names = [
        text_of(
            x + _GAP,
            y + 4 + (shift if name == "UK" else -shift),
            name,
            "start",
            f'{_NAME} fill="{INK if name == "UK" else BLUE}"',
        )
        for name, (x, y) in ends.items()
    ]
    sign = "%" if chart.unit == "percent" else "s"
    return plot.svg(
        [*lines, *names],
        days=[(month, f"{month:%b %Y}") for month in sorted({chart.months[0], chart.months[-1]})],
        values=[(tick, f"{number_text(tick)}{sign}") for tick in round_ticks(Decimal(0), greatest, 4)],
        label_size=_LABEL_SIZE,
        right=_GAP + EVENT_LETTER * max(map(len, ends), default=0),
    )


def _line(
    plot: Plot, chart: PeerChart, values: Sequence[Decimal | None], colour: str, width: int, dash: str = ""
) -> list[str]:
    """Return the stretches of a line without a gap."""
    months = groupby(zip(chart.months, values, strict=True) if values else (), key=lambda item: item[1] is not None)
    return [
        line_of([(plot.x(month), plot.y(value)) for month, value in part if value is not None], colour, width, dash)
        for is_figure, part in months
        if is_figure
    ]
