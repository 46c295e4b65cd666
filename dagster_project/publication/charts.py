"""Draw a chart of the report model as SVG. What a chart says is in `report/`; this knows colours and sizes only."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import accumulate, count
from math import ceil, isfinite
from typing import Any

from dagster_project.publication.characters import font_folder
from dagster_project.publication.report.model import Chart

# The colours of the government statistics guidance for two series: 4.5 to 1 on white and apart for the colour-blind.
BLUE = "#12436D"
ORANGE = "#F46A25"
GREY = "#BFBFBF"
DARK_GREY = "#6f777b"
INK = "#0b0c0c"
FONT = "Source Sans Pro"

# Width and height: three beside each other on a page of A4, four on a screen; or one by itself.
SMALL = (196, 84)
LARGE = (560, 210)

# Seconds between two ticks.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


# Papers of months that share their charts, and papers made again.
@lru_cache(maxsize=256)
def draw(chart: Chart, size: tuple[int, int] = SMALL) -> str:
    """A chart as SVG, the same bytes for the same chart.

    The value axis begins at 0 for counts and percentages; a control chart is read by distance from the mean, yet a cut
    axis makes a small change look like a great one. Signals are squares, provisional months hollow, so that neither
    hangs on colour alone. The line runs through complete months alone: it breaks at a provisional month, and where a
    month has no figure.
    """
    svg: str = _renderer().vegalite_to_svg(_drawing(chart, size), vl_version="6.1")
    # The title and description of a chart are for the page to give; those of its parts are noise to a screen reader.
    return re.sub(r' (aria-[a-z]+|role)="[^"]*"', "", svg)


@cache
def _renderer() -> Any:
    """The renderer with the paper's typeface; made once, since it reads 20 font files."""
    import vl_convert

    vl_convert.register_font_directory(str(font_folder()))
    return vl_convert


def _drawing(chart: Chart, size: tuple[int, int]) -> dict[str, Any]:
    """The chart in Vega-Lite, written out: building it with altair costs more than drawing it (15 ms of 35)."""
    breaks = accumulate(int(point.is_provisional or point.is_after_gap) for point in chart.points)
    points: list[dict[str, Any]] = [
        {
            "month": point.month.isoformat(),
            "value": float(point.value),
            "kind": "signal" if point.signal else "month",
            "fill": "white" if point.is_provisional else BLUE,
            "stretch": stretch,
        }
        for point, stretch in zip(chart.points, breaks, strict=True)
        if isfinite(point.value)
    ]
    lines = [("limit", chart.lower_limit), ("limit", chart.upper_limit), ("mean", chart.mean), ("target", chart.target)]
    rules: list[dict[str, Any]] = [
        {"kind": kind, "value": float(value)} for kind, value in lines if value is not None and isfinite(value)
    ]
    values = [float(row["value"]) for row in (*points, *rules)]
    greatest, least = max(values, default=0.0), min(0.0, *values)
    x = {
        "field": "month",
        "type": "temporal",
        "title": None,
        "axis": {
            "values": sorted({point["month"] for point in (*points[:1], *points[-1:])}),
            "format": "%-d %b %Y" if chart.by == "week" else "%b %Y",
            "labelAngle": 0,
            "labelFlush": True,
            "grid": False,
        },
    }
    y = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [least, greatest * 1.06 or 1.0], "nice": False},
        "axis": {
            "gridColor": "#eeeeee",
            "domain": False,
            **_ticks(chart.unit, least, greatest),
        },
    }
    return {
        "width": size[0],
        "height": size[1],
        "padding": 4,
        "background": "white",
        "config": {
            "font": FONT,
            "view": {"stroke": None},
            "axis": {
                "labelColor": INK,
                "labelFontSize": 11,
                # A label is measured for each of these, 2 ms of CPU: the few that there are have room.
                "labelLimit": 0,
                "labelOverlap": False,
                "domainColor": DARK_GREY,
                "tickColor": DARK_GREY,
            },
        },
        "layer": [
            {
                "data": {"values": rules},
                "mark": {"type": "rule", "size": 1.4},
                "encoding": {
                    "y": y,
                    "color": _by_kind(limit=GREY, mean=DARK_GREY, target=ORANGE),
                    "strokeDash": _by_kind(limit=[4, 2], mean=[1, 0], target=[7, 3]),
                    "opacity": _by_kind(limit=0.45 if chart.is_trial else 1, mean=1, target=1),
                },
            },
            {
                "data": {"values": [point for point in points if point["fill"] == BLUE]},
                "mark": {"type": "line", "color": BLUE, "strokeWidth": 2},
                "encoding": {"x": x, "y": y, "detail": {"field": "stretch", "type": "nominal"}},
            },
            {
                "data": {"values": points},
                "mark": {"type": "point", "opacity": 1, "stroke": BLUE, "strokeWidth": 1.5},
                "encoding": {
                    "x": x,
                    "y": y,
                    "fill": {"field": "fill", "type": "nominal", "scale": None},
                    "shape": _by_kind(month="circle", signal="square"),
                    "size": _by_kind(month=8, signal=36) if chart.by == "week" else _by_kind(month=26, signal=90),
                },
            },
        ],
    }


def _ticks(unit: str, least: float, greatest: float) -> dict[str, Any]:
    """Ticks and labels of the value axis: at most a dozen, and labels of few letters, whatever the values."""
    reach = max(greatest, -least)
    if unit == "duration":
        step = _duration_step(reach)
        values = list(range(ceil(least / step) * step, int(greatest) + 1, step))
        # Vega's JSON has no integer of more than 64 bits.
        return {
            "labelExpr": _duration_text(step),
            "values": [value if step <= 86400 else float(value) for value in values],
        }
    return {"labelExpr": _number_text(reach) + (" + '%'" if unit == "percent" else ""), "tickCount": 3}


def _by_kind(**values: Any) -> dict[str, Any]:
    """A property that follows the kind of a mark, without a legend: the page explains it once for all charts."""
    return {
        "field": "kind",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(values), "range": list(values.values())},
    }


def _duration_step(reach: float) -> int:
    """Seconds between two ticks: whole seconds, minutes, hours or days, so that at most four are above 0."""
    step = next((step for step in _STEPS if reach / step <= 4), None)
    # Of more than four days: 1, 2 or 5 days, tenfold as often as it takes.
    return step or next(
        86400 * days
        for power in count()
        for days in (10**power, 2 * 10**power, 5 * 10**power)
        if reach / days <= 345600
    )


def _duration_text(step: int) -> str:
    """Vega expression for labels of durations: days where all ticks are days, else hours, minutes and seconds."""
    if step > 86400:
        return f"{_number_text(step / 21600, 'datum.value / 86400')} + ' days'"
    if step >= 3600:
        return "datum.value / 3600 + 'h'"
    return (
        "datum.value < 60 ? datum.value + 's' : floor(datum.value / 60) + 'm'"
        " + (datum.value % 60 ? ' ' + datum.value % 60 + 's' : '')"
    )


def _number_text(reach: float, number: str = "datum.value") -> str:
    """Vega expression for labels of numbers, in full up to ten million, which a chart has room for."""
    if reach < 1e7:
        return f"format({number}, ',')"
    for power, word in ((6, "m"), (9, "bn"), (12, "tn")):
        if reach < 10 ** (power + 3):
            return f"format({number} / 1e{power}, ',') + '{word}'"
    return f"format({number}, '.1~e')"
