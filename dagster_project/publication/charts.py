"""Draw a chart of the report model as SVG. What a chart says is in `report/`; this knows colours and sizes only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.publication.report.model import Chart

if TYPE_CHECKING:
    import altair as alt

# The colours of the government statistics guidance for two series: 4.5 to 1 on white and apart for the colour-blind.
BLUE = "#12436D"
ORANGE = "#F46A25"
GREY = "#BFBFBF"
INK = "#0b0c0c"
FONT = "Source Sans Pro"

# Three beside each other on a page of A4, four on a screen.
_WIDTH = 196
_HEIGHT = 84

# Seconds between two ticks.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


def font_folder() -> Path:
    """Where the typeface of the paper is."""
    return Path(str(files("font_source_sans_pro") / "files"))


def draw(chart: Chart) -> str:
    """A chart as SVG, the same bytes for the same chart.

    The value axis begins at 0 for counts and percentages; a control chart is read by distance from the mean, yet a cut
    axis makes a small change look like a great one. Signals are squares, provisional months hollow, so that neither
    hangs on colour alone.
    """
    svg: str = _renderer().vegalite_to_svg(_drawing(chart).to_dict(), vl_version="6.1")
    # The title and description of a chart are for the page to give; those of its parts are noise to a screen reader.
    return re.sub(r' (aria-[a-z]+|role)="[^"]*"', "", svg)


@cache
def _renderer() -> Any:
    """The renderer with the paper's typeface; made once, since it reads 20 font files."""
    import vl_convert

    vl_convert.register_font_directory(str(font_folder()))
    return vl_convert


def _drawing(chart: Chart) -> alt.LayerChart:
    # 0.3 s of CPU, which only a publication needs.
    import altair as alt

    points: list[Mapping[str, Any]] = [
        {
            "month": f"{point.month:%Y-%m-%d}",
            "value": float(point.value),
            "kind": "signal" if point.signal else "month",
            "fill": "white" if point.is_provisional else BLUE,
        }
        for point in chart.points
    ]
    first, last = chart.points[0].month, chart.points[-1].month
    x = alt.X(
        "month:T",
        title=None,
        axis=alt.Axis(
            values=sorted({f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"}),
            format="%b %Y",
            labelAngle=0,
            labelFlush=True,
            grid=False,
            ticks=True,
        ),
    )
    lines = [("limit", chart.lower_limit), ("limit", chart.upper_limit), ("mean", chart.mean), ("target", chart.target)]
    rules = [{"kind": kind, "value": float(value)} for kind, value in lines if value is not None]
    greatest = max([point["value"] for point in points] + [rule["value"] for rule in rules])
    least = min([0.0] + [point["value"] for point in points] + [rule["value"] for rule in rules])
    y = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(domain=[least, greatest * 1.06 or 1.0], nice=False),
        axis=alt.Axis(
            tickCount=3,
            labelExpr=_axis_text(chart.unit),
            gridColor="#eeeeee",
            domain=False,
            values=_seconds(greatest) if chart.unit == "duration" else alt.Undefined,
        ),
    )
    base = alt.Chart(alt.Data(values=points))
    layers: list[alt.Chart] = [
        alt.Chart(alt.Data(values=rules))
        .mark_rule(size=1.4)
        .encode(
            y=y,
            color=alt.Color(
                "kind:N",
                legend=None,
                scale=alt.Scale(domain=["limit", "mean", "target"], range=[GREY, "#6f777b", ORANGE]),
            ),
            strokeDash=alt.StrokeDash(
                "kind:N",
                legend=None,
                scale=alt.Scale(domain=["limit", "mean", "target"], range=[[4, 2], [1, 0], [7, 3]]),
            ),
        ),
        base.mark_line(color=BLUE, strokeWidth=2).encode(x=x, y=y),
        base.mark_point(size=34, opacity=1, stroke=BLUE, strokeWidth=1.5).encode(
            x=x,
            y=y,
            fill=alt.Fill("fill:N", scale=None),
            shape=alt.Shape(
                "kind:N", legend=None, scale=alt.Scale(domain=["month", "signal"], range=["circle", "square"])
            ),
            size=alt.Size("kind:N", legend=None, scale=alt.Scale(domain=["month", "signal"], range=[26, 90])),
        ),
    ]
    return (
        alt.layer(*layers)
        .properties(width=_WIDTH, height=_HEIGHT, padding=4, background="white")
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(labelColor=INK, labelFontSize=11, domainColor="#6f777b", tickColor="#6f777b")
    )


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
