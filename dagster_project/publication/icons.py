"""Draw the trend lines of the first page as SVG. Their words come from `report/`."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from dagster_project.publication.charts import BLUE, ORANGE
from dagster_project.publication.report.model import Point

# Shape of a trend line, and the space around it for the last point.
_WIDTH, _HEIGHT, _EDGE = 110, 26, 4


def trend_line(points: Sequence[Point], scale: tuple[Decimal, Decimal] | None = None) -> str:
    """Return the months of a chart as a line without axes, 110 by 26.

    As in charts, the line joins complete months of one formula that follow each other, and provisional months are
    hollow. The line covers `scale`, or what lies beyond it.
    """
    if not points:
        return ""
    values = [float(point.value) for point in points]
    low, high = min(*values, *map(float, scale or values)), max(*values, *map(float, scale or values))
    months = [12 * point.month.year + point.month.month for point in points]
    across, up = max(months[-1] - months[0], 1), (high - low) or 1.0
    places = [
        (
            f"{_EDGE + (_WIDTH - 2 * _EDGE) * (month - months[0]) / across:.1f}",
            f"{_HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * ((value - low) / up if high > low else 0.5):.1f}",
        )
        for month, value in zip(months, values, strict=True)
    ]
    path = [f"M{places[0][0]} {places[0][1]}"]
    for (before, point), (x, y) in zip(pairwise(points), places[1:], strict=True):
        is_joined = not (before.is_provisional or point.is_provisional or point.begins_line)
        path.append(f"{'L' if is_joined else 'M'}{x} {y}")
    parts = [f'<path d="{"".join(path)}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>']
    for point, (x, y) in zip(points, places, strict=True):
        if point.is_provisional or point is points[-1]:
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="2.6" fill="{"#fff" if point.is_provisional else ORANGE}" '
                f'stroke="{BLUE}" stroke-width="1"/>'
            )
    return _svg(_WIDTH, _HEIGHT, parts)


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"{''.join(parts)}</svg>"
    )
