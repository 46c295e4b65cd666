"""Draw a chart of the report model as SVG. Texts and data come from `report/`; this sets only colours and sizes.

A drawing library measures every label with its fonts (2 ms) and takes 17 ms of CPU a chart; a first publication of two
years draws 765.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import count
from math import ceil, floor, isfinite
from typing import Any

from markupsafe import escape

from dagster_project.publication.characters import with_glyphs
from dagster_project.publication.report.model import Chart, Point, period_of, stretches

# Colours for two series from the government statistics guidance: 4.5 to 1 on white and distinct for the colour-blind.
BLUE = "#12436D"
ORANGE = "#F46A25"
GREY = "#BFBFBF"
DARK_GREY = "#6f777b"
BAND = "#e3e6e8"
INK = "#0b0c0c"
FONT = "Source Sans Pro"
# Pages are read where the typeface is not installed.
_FONTS = f"{FONT}, Segoe UI, Arial, sans-serif"

# Width and height: three side by side on an A4 page, four on a screen; or one alone.
SMALL = (196, 84)
LARGE = (560, 210)

# On an A4 page with four charts side by side, 6.7 points.
_LABEL_SIZE = 13

# Space around a chart: above it and at its left, for a mark at its right, for the labels below it, and for a tick.
_EDGE, _RIGHT, _BELOW, _TICK = 4, 9, 24, 7

# Side of the smallest square: below it, it looks like a point.
_LEAST_SIDE = 4.0

# Labels of events: size of the type, width of its average letter, height of a row, and number of rows.
_EVENT_SIZE, EVENT_LETTER, _EVENT_ROW, _EVENT_ROWS = 12, 6.5, 14, 3

# From here on, an axis of percentages ends at 100%: one up to 95% would have ticks at 0% and 50% only.
_HIGH_PERCENTAGE, _WHOLE = Decimal(80), Decimal(100)

# Seconds between two ticks.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


def draw(chart: Chart, size: tuple[int, int] = SMALL) -> str:
    """Return a chart as SVG, the same bytes for the same chart.

    The value axis starts at 0 for counts and percentages: a truncated axis makes a small change look large. Months that
    were worse or better than usual are squares and provisional months are hollow, so neither depends on colour alone.
    """
    points = [point for point in chart.points if isfinite(point.value)]
    days = [point.month for point in chart.points] or [date.min]
    # The band is of the year before the newest month, a target of all months that are drawn.
    begins = chart.usual_from or days[0]
    band = [value for value in (chart.lower_limit, chart.upper_limit) if value is not None and isfinite(value)]
    rules = [
        (value, first, colour, dash)
        for value, first, colour, dash in (
            (chart.usual, begins, DARK_GREY, ""),
            (chart.target, days[0], ORANGE, "7,3"),
        )
        if value is not None and isfinite(value)
    ]
    values = [Decimal(0), *(point.value for point in points), *band, *(value for value, *_ in rules)]
    least, greatest = min(values), max(values)
    events, top = _events(chart, size[0])
    plot = Plot(size, top, days[0], days[-1], least, _greatest(chart.unit, greatest))
    marks = [_band(plot, begins, *band)] if len(band) == 2 else []
    marks += [
        line_of([(plot.x(first), plot.y(value)), (plot.x(days[-1]), plot.y(value))], colour, 1.4, dash)
        for value, first, colour, dash in rules
    ]
    lines = [
        line_of([(plot.x(point.month), plot.y(point.value)) for point in line], BLUE, 2) for line in stretches(points)
    ]
    marks.append(f'<g class="mark-line">{"".join(lines)}</g>')
    sizes = _symbol_sizes(chart, size[0])
    symbols = [
        _symbol(plot.x(point.month), plot.y(point.value), sizes, point.verdict is not None, point.is_provisional)
        for point in points
    ]
    marks.append(f'<g class="mark-symbol" stroke="{BLUE}" stroke-width="1.5">{"".join(symbols)}</g>')
    ends = sorted({point.month for point in (*points[:1], *points[-1:])})
    form = "{0.day} {0:%b %Y}" if chart.by == "week" else "{0:%b %Y}"
    ticks, text = _ticks(chart.unit, plot, greatest)
    return plot.svg(
        [*_event_marks(events, size[1] + top), *marks],
        days=[(end, form.format(end)) for end in ends],
        values=[(tick, text(tick)) for tick in ticks],
    )


@dataclass(frozen=True)
class Plot:
    """The area of a chart between its axes; `x` and `y` are the places of a day and of a value in it."""

    size: tuple[int, int]
    top: int
    """Height of what is above it."""
    first: date
    last: date
    least: Decimal
    greatest: Decimal

    def x(self, day: date) -> float:
        """Return the distance of a day from the left; a single day is in the middle."""
        days = (self.last - self.first).days
        return self.size[0] * ((day - self.first).days / days if days else 0.5)

    def y(self, value: Decimal) -> float:
        """Return the distance of a value from the top."""
        return self.top + self.size[1] * float((self.greatest - value) / (self.greatest - self.least))

    def svg(
        self,
        marks: Iterable[str],
        *,
        days: Sequence[tuple[date, str]],
        values: Sequence[tuple[Decimal, str]],
        label_size: int = _LABEL_SIZE,
        right: float = 0,
    ) -> str:
        """Return the chart as SVG.

        Args:
            marks: what is drawn in the area.
            days: ticks of the axis below it, with their labels; those at an edge do not pass it.
            values: ticks of the axis on its left, with their labels.
            label_size: size of their type.
            right: width of what is on its right.
        """
        width, bottom = self.size[0], self.size[1] + self.top
        left = _EDGE + _TICK + ceil(max((_width(label, label_size) for _, label in values), default=0))
        # Between two pixels a line would be blurred.
        heights = [(floor(self.y(value)) + 0.5, label) for value, label in values]
        places = [(floor(self.x(day)) + 0.5, self.x(day), label) for day, label in days]
        parts = [
            *(line_of([(0, y), (width, y)], "#eeeeee", 1) for y, _ in heights),
            *(line_of([(x, bottom), (x, bottom + 5)], DARK_GREY, 1) for x, _, _ in places),
            *(
                text_of(x, bottom + 4 + label_size, label, "start" if x <= 0 else "end" if x >= width else "middle")
                for _, x, label in places
            ),
            line_of([(0, bottom + 0.5), (width, bottom + 0.5)], DARK_GREY, 1),
            *(line_of([(-5, y), (0, y)], DARK_GREY, 1) for y, _ in heights),
            *(text_of(-_TICK, y + label_size / 3, label, "end") for y, label in heights),
            *marks,
        ]
        whole = f"{_number(left + width + _RIGHT + right)}", f"{bottom + _EDGE + _BELOW}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="marks" width="{whole[0]}" height="{whole[1]}" '
            f'viewBox="0 0 {whole[0]} {whole[1]}"><rect width="{whole[0]}" height="{whole[1]}" fill="white"/>'
            f'<g fill="none" transform="translate({left},{_EDGE})" font-family="{_FONTS}" font-size="{label_size}px">'
            f"{''.join(parts)}</g></svg>"
        )


def line_of(places: Sequence[tuple[float, float]], colour: str, width: float, dash: str = "") -> str:
    """Return a line through places."""
    path = "M" + "L".join(f"{_number(x)},{_number(y)}" for x, y in places)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _band(plot: Plot, first: date, low: Decimal, high: Decimal) -> str:
    """Return the band of values that the year before would lead one to expect, from a day to the last one."""
    left, top = plot.x(first), plot.y(high)
    size = f'width="{_number(plot.x(plot.last) - left)}" height="{_number(plot.y(low) - top)}"'
    return f'<rect x="{_number(left)}" y="{_number(top)}" {size} fill="{BAND}"/>'


def _symbol_sizes(chart: Chart, width: int) -> tuple[float, float]:
    """Return the diameter of a point and the side of a square, so small that squares side by side stay apart."""
    diameter, side = (2.8, 6.0) if chart.by == "week" else (5.1, 9.5)
    step = width / max(len(chart.points) - 1, 1)
    # An outline of 1.5 around each of two squares takes 1.5 of the step, and the space between them as much.
    side = max(_LEAST_SIDE, min(side, step - 3))
    return min(diameter, 0.65 * side), side


def _symbol(x: float, y: float, sizes: tuple[float, float], is_marked: bool, is_provisional: bool) -> str:
    """Return a point, with one of two lengths."""
    fill, length = "white" if is_provisional else BLUE, sizes[is_marked]
    if is_marked:
        at = f'x="{_number(x - length / 2)}" y="{_number(y - length / 2)}"'
        return f'<rect {at} width="{_number(length)}" height="{_number(length)}" fill="{fill}"/>'
    return f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(length / 2)}" fill="{fill}"/>'


def text_of(x: float, y: float, text: str, anchor: str, look: str = f'fill="{INK}"') -> str:
    """Return a text whose start, middle or end is at a place."""
    return f'<text x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}" {look}>{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _width(label: str, size: int) -> float:
    """Return how wide a label of an axis is at most, by the letters of the typeface: `m` and `%` are the widest."""
    return size * sum(0.5 if letter.isdigit() else 0.26 if letter in ",. " else 0.84 for letter in label)


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
        length = len(label) * EVENT_LETTER
        start = max(0.0, min(at - length / 2, width - length))
        row = next((row for row, end in enumerate(ends) if start >= end), None)
        if row is not None:
            ends[row] = start + length + EVENT_LETTER
        # At an edge it ends there, however wide the typeface of a reader without the paper's is.
        anchor, x = ("start", 0.0) if start == 0 else ("end", width) if start == width - length else ("middle", at)
        placed.append({"at": at, "row": row, "anchor": anchor, "x": x, "label": "" if row is None else label})
    rows = 1 + max((item["row"] for item in placed if item["row"] is not None), default=0)
    for item in placed:
        # The first row is the lowest.
        item["top"] = (rows - (0 if item["row"] is None else item["row"])) * _EVENT_ROW
    return placed, rows * _EVENT_ROW + 2


def _event_marks(events: Sequence[dict[str, Any]], height: int) -> list[str]:
    """Return dotted lines, and labels above them on a white ground, which lines of higher labels do not cross."""
    size = f'font-size="{_EVENT_SIZE}px"'
    looks = (f'{size} fill="white" stroke="white" stroke-width="4"', f'{size} fill="{INK}"')
    return [
        *(line_of([(event["at"], event["top"]), (event["at"], height)], DARK_GREY, 1.4, "1,2") for event in events),
        *(
            text_of(event["x"], event["top"] - 3, event["label"], event["anchor"], look)
            for look in looks
            for event in events
            if event["label"]
        ),
    ]


def _greatest(unit: str, greatest: Decimal) -> Decimal:
    """Return the upper end of the value axis: a little above all values, and 100% for high percentages."""
    if unit == "percent" and _HIGH_PERCENTAGE < greatest <= _WHOLE:
        return _WHOLE
    return greatest * Decimal("1.06") or Decimal(1)


def _ticks(unit: str, plot: Plot, greatest: Decimal) -> tuple[list[Decimal], Callable[[Decimal], str]]:
    """Return the ticks of the value axis and the function that labels them: at most a dozen, with short labels."""
    reach = max(greatest, -plot.least)
    if unit == "duration":
        step = duration_step(float(reach))
        return _multiples(Decimal(step), plot.least, greatest), lambda value: _duration_text(value, step)
    sign = "%" if unit == "percent" else ""
    return round_ticks(plot.least, plot.greatest, 3), lambda value: number_text(value, reach) + sign


def round_ticks(least: Decimal, greatest: Decimal, wanted: int) -> list[Decimal]:
    """Return about as many ticks as wanted: multiples of 1, 2 or 5, times a power of ten."""
    rough = (greatest - least) / wanted
    if not rough:
        return [least]
    power = Decimal(1).scaleb(rough.adjusted())
    # Limits are the geometric means of neighbouring steps.
    step = power * next((step for step, limit in ((1, 2), (2, 10), (5, 50)) if (rough / power) ** 2 < limit), 10)
    return _multiples(step, least, greatest)


def _multiples(step: Decimal, least: Decimal, greatest: Decimal) -> list[Decimal]:
    return [step * number for number in range(ceil(least / step), floor(greatest / step) + 1)]


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


def _duration_text(value: Decimal, step: int) -> str:
    """Return the label of a duration: days if all ticks are days, else hours, or minutes and seconds."""
    if step > 86400:
        return f"{number_text(value / 86400, Decimal(4 * step // 86400))} days"
    if step >= 3600:
        return f"{number_text(value / 3600)}h"
    minutes, seconds = divmod(abs(int(value)), 60)
    words = f"{minutes}m" if minutes else f"{seconds}s"
    words += f" {seconds}s" if minutes and seconds else ""
    return f"\N{MINUS SIGN}{words}" if value < 0 else words


def number_text(value: Decimal, reach: Decimal = Decimal(0)) -> str:
    """Return the label of a number: in full up to ten million, for which a chart has room.

    Args:
        value: the number.
        reach: the greatest number of the axis, which decides the form of all labels.
    """
    powers = ((0, ""), (6, "m"), (9, "bn"), (12, "tn"))
    power, word = next(
        ((power, word) for power, word in powers if reach < 10 ** (power + (3 if word else 7))), (0, None)
    )
    text = f"{float(value):.2g}" if word is None else f"{float(value.scaleb(-power)):,.12g}{word}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if value < 0 else text


def trend_line(points: Sequence[Point], scale: tuple[Decimal, Decimal] | None = None) -> str:
    """Return the months of a chart as a line without axes, 110 by 26.

    As in charts, provisional months are hollow; the last month is orange. The line covers `scale`, or what lies beyond
    it.
    """
    if not points:
        return ""
    width, height, edge = 110, 26, 4
    values = [float(point.value) for point in points]
    low, high = min(*values, *map(float, scale or values)), max(*values, *map(float, scale or values))
    months = [12 * point.month.year + point.month.month for point in points]
    across, up = max(months[-1] - months[0], 1), (high - low) or 1.0
    places = {
        point.month: (
            f"{edge + (width - 2 * edge) * (month - months[0]) / across:.1f}",
            f"{height - edge - (height - 2 * edge) * ((value - low) / up if high > low else 0.5):.1f}",
        )
        for point, month, value in zip(points, months, values, strict=True)
    }
    path = "".join(
        f"{'L' if place else 'M'}{' '.join(places[point.month])}"
        for line in stretches(points)
        for place, point in enumerate(line)
    )
    circles = [
        f'<circle cx="{places[point.month][0]}" cy="{places[point.month][1]}" r="2.6" '
        f'fill="{"#fff" if point.is_provisional else ORANGE}" stroke="{BLUE}" stroke-width="1"/>'
        for point in points
        if point.is_provisional or point is points[-1]
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<path d="{path}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>{"".join(circles)}</svg>'
    )
