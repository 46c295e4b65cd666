"""Draw a chart of the report model as SVG. What a chart says is in `report/`; this knows colours and sizes only."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

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


def font_folder() -> Path:
    """Where the typeface of the paper is."""
    return Path(str(files("font_source_sans_pro") / "files"))


# Papers of months that share their charts, and papers made again.
@lru_cache(maxsize=256)
def draw(chart: Chart, size: tuple[int, int] = SMALL) -> str:
    """A chart as SVG, the same bytes for the same chart.

    The value axis begins at 0 for counts and percentages; a control chart is read by distance from the mean, yet a cut
    axis makes a small change look like a great one. Signals are squares, provisional months hollow, so that neither
    hangs on colour alone.
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
    points = [
        {
            "month": f"{point.month:%Y-%m-%d}",
            "value": float(point.value),
            "kind": "signal" if point.signal else "month",
            "fill": "white" if point.is_provisional else BLUE,
        }
        for point in chart.points
    ]
    lines = [("limit", chart.lower_limit), ("limit", chart.upper_limit), ("mean", chart.mean), ("target", chart.target)]
    rules = [{"kind": kind, "value": float(value)} for kind, value in lines if value is not None]
    values = [float(point.value) for point in chart.points] + [float(value) for _, value in lines if value is not None]
    greatest, least = max(values), min(0.0, *values)
    x = {
        "field": "month",
        "type": "temporal",
        "title": None,
        "axis": {
            "values": sorted({points[0]["month"], points[-1]["month"]}),
            "format": "%b %Y",
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
            "labelExpr": _axis_text(chart.unit),
            "gridColor": "#eeeeee",
            "domain": False,
            **_ticks(chart.unit, greatest),
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
                },
            },
            {
                "data": {"values": points},
                "mark": {"type": "line", "color": BLUE, "strokeWidth": 2},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"values": points},
                "mark": {"type": "point", "opacity": 1, "stroke": BLUE, "strokeWidth": 1.5},
                "encoding": {
                    "x": x,
                    "y": y,
                    "fill": {"field": "fill", "type": "nominal", "scale": None},
                    "shape": _by_kind(month="circle", signal="square"),
                    "size": _by_kind(month=26, signal=90),
                },
            },
        ],
    }


def _ticks(unit: str, greatest: float) -> dict[str, Any]:
    return {"values": _seconds(greatest)} if unit == "duration" else {"tickCount": 3}


def _by_kind(**values: Any) -> dict[str, Any]:
    """A property that follows the kind of a mark, without a legend: the page explains it once for all charts."""
    return {
        "field": "kind",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(values), "range": list(values.values())},
    }


def _seconds(greatest: float) -> list[int]:
    """Ticks of an axis of durations: whole seconds, minutes or hours, at most four above 0."""
    step = next((step for step in _STEPS if greatest / step <= 4), _STEPS[-1])
    return list(range(0, int(greatest) + 1, step))


def _axis_text(unit: str) -> str:
    """Vega expression for the labels of the value axis."""
    if unit == "percent":
        return "format(datum.value, ',') + '%'"
    if unit == "duration":
        return (
            "datum.value < 60 ? datum.value + 's' : floor(datum.value / 60) + 'm'"
            " + (datum.value % 60 ? ' ' + datum.value % 60 + 's' : '')"
        )
    return "format(datum.value, ',')"
