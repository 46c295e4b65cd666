"""Draw the icons and trend lines of the first page as SVG. Their words come from `report/`.

The icons follow the idea of NHS England's "Making data count": one says whether a month is unusual, one whether a
target can be relied on. Each has a letter of its own (H and L for unusually high and low; P, F and a question mark for
a target that is passed, failed, or neither for sure), so that none depends on colour. Letters are drawn as lines and
need no font.
"""

from collections.abc import Sequence
from itertools import pairwise

from dagster_project.publication.charts import BLUE, DARK_GREY, ORANGE
from dagster_project.publication.report.model import Point

_PURPLE = "#6B2C91"
_DARK_ORANGE = "#A33A00"

_LETTERS = {
    "H": "M11 7V17M19 7V17M11 12H19",
    "L": "M12 7V17H19",
    "P": "M12 17V7H16.5A3 3 0 0 1 16.5 13H12",
    "F": "M12 17V7H19M12 12H17.5",
    "?": "M12 9.5A3.2 3.2 0 1 1 15.3 12.6V14.2M15.3 16.6V17.4",
}
_WAVE = ((6, 16), (10.5, 12), (15, 17.5), (19.5, 13), (24, 16))
# Name to colour and letter; a wave has none.
_ICONS = {
    "usual": (DARK_GREY, ""),
    "better_high": (BLUE, "H"),
    "better_low": (BLUE, "L"),
    "worse_high": (_DARK_ORANGE, "H"),
    "worse_low": (_DARK_ORANGE, "L"),
    "unusual_high": (_PURPLE, "H"),
    "unusual_low": (_PURPLE, "L"),
    "consistently_meets": (BLUE, "P"),
    "consistently_misses": (_DARK_ORANGE, "F"),
    "hit_and_miss": (DARK_GREY, "?"),
}
ICONS = tuple(_ICONS)
"""The names that a verdict may have."""

# Shape of a trend line, and the space around it for the last point.
_WIDTH, _HEIGHT, _EDGE = 110, 26, 4


def icon(name: str) -> str:
    """Return an icon as SVG, 30 by 30. Its ring is double for worse and failed, and dashed where neither is better."""
    colour, letter = _ICONS[name]
    dashes = ' stroke-dasharray="5 3"' if colour == _PURPLE else ""
    parts = [f'<circle cx="15" cy="15" r="13.5" fill="#fff" stroke="{colour}" stroke-width="2"{dashes}/>']
    if colour == _DARK_ORANGE:
        parts.append(f'<circle cx="15" cy="15" r="11" fill="none" stroke="{colour}" stroke-width="1"/>')
    if letter:
        parts.append(
            f'<path d="{_LETTERS[letter]}" transform="translate(0 3)" fill="none" stroke="{colour}" stroke-width="2.4" '
            'stroke-linecap="round" stroke-linejoin="round"/>'
        )
    else:
        line = " ".join(f"{x},{y}" for x, y in _WAVE)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="1.6" fill="{colour}"/>' for x, y in _WAVE]
    return _svg(30, 30, parts)


def trend_line(points: Sequence[Point]) -> str:
    """Return the months of a chart as a line without axes, 110 by 26.

    As in charts, the line joins complete months of one formula that follow each other, and provisional months are
    hollow.
    """
    if not points:
        return ""
    values = [float(point.value) for point in points]
    low, high = min(values), max(values)
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
