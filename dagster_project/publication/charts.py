"""Draw a chart of the report model as SVG. Texts and data come from `report/`; this sets only colours and sizes."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import accumulate, count
from math import ceil, isfinite
from types import MappingProxyType
from typing import Any

from dagster_project.publication.characters import font_folder, with_glyphs
from dagster_project.publication.report.events import period_of
from dagster_project.publication.report.model import Chart

# Colours for two series from the government statistics guidance: 4.5 to 1 on white and distinct for the colour-blind.
BLUE = "#12436D"
ORANGE = "#F46A25"
GREY = "#BFBFBF"
DARK_GREY = "#6f777b"
INK = "#0b0c0c"
FONT = "Source Sans Pro"
# Pages are read where the typeface is not installed.
_FONTS = f"{FONT}, Segoe UI, Arial, sans-serif"

# Width and height: three side by side on an A4 page, four on a screen; or one alone.
SMALL = (196, 84)
LARGE = (560, 210)

# Labels of events: size of the type, width of its average letter, height of a row, and number of rows.
_EVENT_SIZE, _EVENT_LETTER, _EVENT_ROW, _EVENT_ROWS = 12, 6.5, 14, 3

# Seconds between two ticks.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


# Papers of different months can share charts, and papers are rendered again.
@lru_cache(maxsize=256)
def draw(chart: Chart, size: tuple[int, int] = SMALL) -> str:
    """Return a chart as SVG, the same bytes for the same chart.

    The value axis starts at 0 for counts and percentages: a control chart is read by distance from the mean, but a
    truncated axis makes a small change look large. Signals are squares and provisional months are hollow, so neither
    depends on colour alone. The line connects complete months only: it breaks at provisional months and at months
    without a figure.
    """
    return svg_of(*_drawing(chart, size))


def svg_of(
    drawing: Mapping[str, Any],
    data: Mapping[str, Sequence[Mapping[str, Any]]] = MappingProxyType({}),
    parameters: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Return a Vega-Lite chart as SVG.

    Args:
        drawing: the chart.
        data: rows of its named data.
        parameters: values of its parameters.
    """
    vega = _compiled(json.dumps(drawing))
    tables = [
        {**table, "values": data[table["name"]]} if table["name"] in data else table for table in vega.get("data", ())
    ]
    signals = [
        {**signal, "value": parameters[signal["name"]]} if signal["name"] in parameters else signal
        for signal in vega.get("signals", ())
    ]
    svg: str = _renderer().vega_to_svg({**vega, "data": tables, "signals": signals})
    # The page provides the title and description of a chart; those of its parts are noise to a screen reader.
    return re.sub(r' (aria-[a-z]+|role)="[^"]*"', "", svg)


# Compiling takes a third of the time of a chart, and charts of one kind differ only in data and parameters.
@lru_cache(maxsize=64)
def _compiled(drawing: str) -> Mapping[str, Any]:
    """Return a Vega-Lite chart, as JSON, in Vega."""
    vega: Mapping[str, Any] = _renderer().vegalite_to_vega(drawing, vl_version="6.1")
    return vega


@cache
def _renderer() -> Any:
    """Return the renderer with the paper's typeface; created once, because it reads 20 font files."""
    import vl_convert

    vl_convert.register_font_directory(str(font_folder()))
    return vl_convert


def _drawing(
    chart: Chart, size: tuple[int, int]
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Return the chart as Vega-Lite with named data and parameters, the data, and the values of the parameters.

    Building it with altair would take as long as drawing it.
    """
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
    first, last = (chart.points[end].month.isoformat() if chart.points else "" for end in (0, -1))
    # Limits hold from their baseline on, a target for all months that are drawn.
    begins = max(first, chart.limits_from.isoformat()) if chart.limits_from else first
    rules: list[dict[str, Any]] = [
        {"kind": kind, "value": float(value), "first": first if kind == "target" else begins, "last": last}
        for kind, value in lines
        if value is not None and isfinite(value)
    ]
    values = [float(row["value"]) for row in (*points, *rules)]
    greatest, least = max(values, default=0.0), min(0.0, *values)
    ticks, labels = _ticks(chart.unit, least, greatest)
    placed: dict[str, Any] = {"tickCount": 3} if ticks is None else {"values": {"expr": "ticks"}}
    x = {
        "field": "month",
        "type": "temporal",
        "title": None,
        "axis": {
            "values": {"expr": "ends"},
            "format": "%-d %b %Y" if chart.by == "week" else "%b %Y",
            "labelAngle": 0,
            "labelFlush": True,
            "grid": False,
        },
    }
    events, top = _events(chart, size[0])
    y = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {
            "domain": [{"expr": "least"}, {"expr": "greatest"}],
            "nice": False,
            "range": [size[1] + top, top],
        },
        "axis": {
            "gridColor": "#eeeeee",
            "domain": False,
            "labelExpr": labels,
            **placed,
        },
    }
    drawing = {
        # On an A4 page with four charts side by side, 6.7 points.
        **frame((size[0], size[1] + top), label_size=13),
        "params": [{"name": name, "value": None} for name in ("least", "greatest", "ends", "ticks")],
        "layer": [
            *(_event_layers(size[1] + top) if events else []),
            {
                "data": {"name": "rules"},
                "mark": {"type": "rule", "size": 1.4},
                "encoding": {
                    "x": {**x, "field": "first"},
                    "x2": {"field": "last"},
                    "y": y,
                    "color": _by_kind(limit=GREY, mean=DARK_GREY, target=ORANGE),
                    "strokeDash": _by_kind(limit=[4, 2], mean=[1, 0], target=[7, 3]),
                    "opacity": _by_kind(limit=0.45 if chart.is_trial else 1, mean=1, target=1),
                },
            },
            {
                "data": {"name": "complete"},
                "mark": {"type": "line", "color": BLUE, "strokeWidth": 2},
                "encoding": {"x": x, "y": y, "detail": {"field": "stretch", "type": "nominal"}},
            },
            {
                "data": {"name": "points"},
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
    ends = sorted({point["month"] for point in (*points[:1], *points[-1:])})
    return (
        drawing,
        {
            "rules": rules,
            "complete": [point for point in points if point["fill"] == BLUE],
            "points": points,
            "events": events,
            "labels": [event for event in events if event["label"]],
        },
        {
            "least": least,
            "greatest": greatest * 1.06 or 1.0,
            # As Vega reads a date: milliseconds, in UTC.
            "ends": [1000 * datetime.fromisoformat(end).replace(tzinfo=UTC).timestamp() for end in ends],
            "ticks": ticks,
        },
    )


def _events(chart: Chart, width: int) -> tuple[list[dict[str, Any]], int]:
    """Return the events of a chart with the places of their lines and labels, and the height of the labels above it.

    A label is as close above its line as the width allows. Labels that would overlap are in rows, and an event without
    room in the last row has a line only; the note below the chart names it.
    """
    if not chart.events:
        return [], 0
    first, days = chart.points[0].month, (chart.points[-1].month - chart.points[0].month).days
    ends = [0.0] * _EVENT_ROWS
    placed: list[dict[str, Any]] = []
    for event in chart.events:
        at = width * (period_of(event.day, chart.by) - first).days / days if days else width / 2
        label = with_glyphs(event.label)[0]
        length = len(label) * _EVENT_LETTER
        start = max(0.0, min(at - length / 2, width - length))
        row = next((row for row, end in enumerate(ends) if start >= end), None)
        if row is not None:
            ends[row] = start + length + _EVENT_LETTER
        # At an edge it ends there, however wide the typeface of a reader without the paper's is.
        align, x = ("left", 0.0) if start == 0 else ("right", width) if start == width - length else ("center", at)
        placed.append({"at": at, "row": row, "align": align, "x": x, "label": "" if row is None else label})
    rows = 1 + max((item["row"] for item in placed if item["row"] is not None), default=0)
    for item in placed:
        # The first row is the lowest.
        item["top"] = (rows - (0 if item["row"] is None else item["row"])) * _EVENT_ROW
    return placed, rows * _EVENT_ROW + 2


def _event_layers(height: int) -> list[dict[str, Any]]:
    """Return dotted lines, and labels above them on a white ground, which lines of higher labels do not cross."""
    place = {"type": "quantitative", "axis": None, "scale": None}
    label: dict[str, Any] = {
        "type": "text",
        "align": {"expr": "datum.align"},
        "baseline": "bottom",
        "fontSize": _EVENT_SIZE,
    }
    text = {
        "x": {"field": "x", **place},
        "y": {"field": "top", **place},
        "text": {"field": "label", "type": "nominal"},
    }
    return [
        {
            "data": {"name": "events"},
            "mark": {"type": "rule", "color": DARK_GREY, "strokeDash": [1, 2], "strokeWidth": 1.4},
            "encoding": {"x": {"field": "at", **place}, "y": {"field": "top", **place}, "y2": {"value": height}},
        },
        *(
            {
                "data": {"name": "labels"},
                "mark": {**label, **look},
                "encoding": text,
            }
            for look in ({"stroke": "white", "strokeWidth": 4, "color": "white"}, {"color": INK})
        ),
    ]


def frame(size: tuple[int, int], *, label_size: int) -> dict[str, Any]:
    """Return size, typeface and axes of a Vega-Lite chart, without its layers."""
    return {
        "width": size[0],
        "height": size[1],
        "padding": 4,
        "background": "white",
        "config": {
            # No descriptions of points, which take a fifth of the time and are removed.
            "aria": False,
            "font": _FONTS,
            "view": {"stroke": None},
            "axis": {
                "labelColor": INK,
                "labelFontSize": label_size,
                # Off, because each measures every label (2 ms of CPU), and the few labels always fit.
                "labelLimit": 0,
                "labelOverlap": False,
                "domainColor": DARK_GREY,
                "tickColor": DARK_GREY,
            },
        },
    }


def _ticks(unit: str, least: float, greatest: float) -> tuple[list[float] | None, str]:
    """Return ticks and labels of the value axis: at most a dozen ticks and short labels, for any values.

    Returns:
        The ticks, None to leave them to Vega, and a Vega expression for the labels.
    """
    reach = max(greatest, -least)
    if unit == "duration":
        step = duration_step(reach)
        # Vega's JSON has no integers of more than 64 bits.
        values = [float(value) for value in range(ceil(least / step) * step, int(greatest) + 1, step)]
        return values, _duration_text(step)
    return None, _number_text(reach) + (" + '%'" if unit == "percent" else "")


def _by_kind(**values: Any) -> dict[str, Any]:
    """Return a property that depends on the kind of a mark, without a legend: the page explains all charts once."""
    return {
        "field": "kind",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(values), "range": list(values.values())},
    }


def duration_step(reach: float) -> int:
    """Return seconds between two ticks: whole seconds, minutes, hours or days, with at most four ticks above 0."""
    step = next((step for step in _STEPS if reach / step <= 4), None)
    # For more than four days: 1, 2 or 5 days, times a power of ten.
    return step or next(
        86400 * days
        for power in count()
        for days in (10**power, 2 * 10**power, 5 * 10**power)
        if reach / days <= 345600
    )


def _duration_text(step: int) -> str:
    """Return a Vega expression for duration labels: days if all ticks are days, else hours, minutes and seconds."""
    if step > 86400:
        return f"{_number_text(step / 21600, 'datum.value / 86400')} + ' days'"
    if step >= 3600:
        return "datum.value / 3600 + 'h'"
    return (
        "datum.value < 60 ? datum.value + 's' : floor(datum.value / 60) + 'm'"
        " + (datum.value % 60 ? ' ' + datum.value % 60 + 's' : '')"
    )


def _number_text(reach: float, number: str = "datum.value") -> str:
    """Return a Vega expression for number labels: in full up to ten million, for which a chart has room."""
    if reach < 1e7:
        return f"format({number}, ',')"
    for power, word in ((6, "m"), (9, "bn"), (12, "tn")):
        if reach < 10 ** (power + 3):
            return f"format({number} / 1e{power}, ',') + '{word}'"
    return f"format({number}, '.1~e')"
