"""Draw one force among all forces as SVG: a line for each, its own and that of the United Kingdom named."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.charts import BLUE, INK, ORANGE, frame, svg_of

_SIZE = (400, 210)
# Two names at the ends of lines that are closer than this share of the axis would overlap.
_TOO_CLOSE = 0.07


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
    named = [("own", chart.own_name, chart.own), ("country", "UK", chart.country)]
    lines = [("other", str(number), values) for number, values in enumerate(chart.others)]
    rows: list[dict[str, Any]] = [
        {"month": month.isoformat(), "value": None if value is None else float(value), "kind": kind, "name": name}
        for kind, name, values in [*lines, *reversed(named)]
        if values
        for month, value in zip(chart.months, values, strict=True)
    ]
    greatest = max((row["value"] for row in rows if row["value"] is not None), default=0.0) or 1.0
    if chart.unit == "percent":
        greatest = 100.0
    x = {
        "field": "month",
        "type": "temporal",
        "title": None,
        "axis": {
            "values": sorted({chart.months[0].isoformat(), chart.months[-1].isoformat()}),
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
        "scale": {"domain": [0, greatest], "nice": False},
        "axis": {
            "gridColor": "#eeeeee",
            "domain": False,
            "tickCount": 4,
            "labelExpr": "datum.value + '%'" if chart.unit == "percent" else "datum.value + 's'",
        },
    }
    return svg_of(
        {
            **frame(_SIZE, label_size=11),
            "layer": [
                _line([row for row in rows if row["kind"] == "other"], x, y, color="#c9cdd0", size=1),
                _line([row for row in rows if row["kind"] == "country"], x, y, color=ORANGE, size=2, dash=[5, 3]),
                _line([row for row in rows if row["kind"] == "own"], x, y, color=BLUE, size=3),
                *_names(rows, x, y, greatest),
            ],
        }
    )


def _line(
    rows: list[dict[str, Any]],
    x: dict[str, Any],
    y: dict[str, Any],
    *,
    color: str,
    size: int,
    dash: list[int] | None = None,
) -> dict[str, Any]:
    mark = {"type": "line", "color": color, "strokeWidth": size, "strokeDash": dash or [1, 0]}
    return {
        "data": {"values": rows},
        "mark": mark | {"invalid": "break-paths-show-domains"},
        "encoding": {"x": x, "y": y, "detail": {"field": "name", "type": "nominal"}},
    }


def _names(rows: list[dict[str, Any]], x: dict[str, Any], y: dict[str, Any], greatest: float) -> list[dict[str, Any]]:
    """Return the names at the ends of the two lines, moved apart if they would overlap."""
    ends = {row["kind"]: row for row in rows if row["kind"] != "other" and row["value"] is not None}
    own, country = ends.get("own"), ends.get("country")
    shift = 0
    if own and country and abs(own["value"] - country["value"]) < _TOO_CLOSE * greatest:
        shift = 8 if own["value"] < country["value"] else -8
    return [
        {
            "data": {"values": [row]},
            "mark": {
                "type": "text",
                "align": "left",
                "dx": 6,
                "dy": shift if kind == "own" else -shift,
                "color": BLUE if kind == "own" else INK,
                "fontSize": 12,
                "fontWeight": 600,
            },
            "encoding": {"x": x, "y": y, "text": {"field": "name", "type": "nominal"}},
        }
        for kind, row in ends.items()
    ]
