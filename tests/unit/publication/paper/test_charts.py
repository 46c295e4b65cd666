"""A chart has few ticks with short labels for any values, and a line that joins only what may be compared."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from dagster_project.publication.charts import LARGE, SMALL, draw, trend_line
from dagster_project.publication.report.chart_rules import marked
from dagster_project.publication.report.model import Event, Point
from tests.unit.publication.reports import chart

CHART = chart("calls_999.queue", "duration", ["17.4", "59.5"])
UNITS = ("duration", "count", "percent", "ratio", "hours")
ABSURD = ("7700900123", "-7700900123", "345601", "86400", "1E+20", "-1E+37", "9" * 38, "1E+400", "NaN", "0", "1E-30")
BARE = {"usual": None, "lower_limit": None, "upper_limit": None}


def labels(value: str, unit: str, second: str = "59.5", **limits) -> list[str]:
    """Labels of the value axis of a chart with these values in its two months."""
    values = (Decimal(value), Decimal(second))
    points = tuple(replace(point, value=value) for point, value in zip(CHART.points, values, strict=True))
    drawn = draw(replace(CHART, unit=unit, points=points, **limits))
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn)[2:]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("value", ABSURD)
def test_absurd_values_have_a_chart_with_a_few_short_labels(unit, value):
    found = labels(value, unit, lower_limit=None, upper_limit=Decimal(value))
    assert 1 <= len(found) <= 10
    assert max(map(len, found)) <= 12


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("duration", "130", "0s | 1m | 2m"),
        ("duration", "-100", "\u22121m 30s | \u22121m | \u221230s | 0s"),
        ("duration", "20000", "0h | 2h | 4h"),
        ("duration", "345601", "0 days | 2 days | 4 days"),
        ("duration", "-7700900123", "\u221250,000 days | 0 days"),
        ("count", "-3000", "\u22123,000 | \u22122,000 | \u22121,000 | 0"),
        ("count", "12000000", "0m | 5m | 10m"),
        ("count", "2E+20", "0 | 5e+19 | 1e+20 | 1.5e+20 | 2e+20"),
        ("percent", "70", "0% | 20% | 40% | 60%"),
        # High percentages have an axis to 100%.
        ("percent", "81", "0% | 50% | 100%"),
        ("percent", "101", "0% | 50% | 100%"),
    ],
)
def test_values_are_labelled_in_round_steps_and_the_unit_that_fits(unit, value, expected):
    assert " | ".join(labels(value, unit, second="1", **BARE)) == expected


def points(kinds: str) -> tuple[Point, ...]:
    """A month a letter: `c` complete, `n` the first of a new formula, `p` provisional, `s` marked, `-` none."""
    months = [date(2022 + (number + 3) // 12, (number + 3) % 12 + 1, 1) for number in range(len(kinds))]
    return tuple(
        Point(
            month,
            Decimal(100 + n),
            "1",
            is_provisional=kind == "p",
            verdict="worse" if kind == "s" else None,
            is_after_gap=n > 0 and kinds[n - 1] == "-",
            is_after_change=kind == "n",
        )
        for n, (month, kind) in enumerate(zip(months, kinds, strict=True))
        if kind != "-"
    )


@pytest.mark.parametrize(
    ("kinds", "joined"),
    [
        *[("cccc", 3), ("cccp", 2), ("cpcc", 1), ("pccc", 2), ("cc-cc", 2), ("cpc-p", 0), ("cc--p", 1)],
        *[("ccnc", 2), ("cnnc", 1), ("cc-nc", 2), ("cscc", 3)],
    ],
)
def test_lines_join_only_complete_months_that_follow_each_other(kinds, joined):
    drawn = draw(replace(CHART, points=points(kinds)))
    line, symbols = (re.findall(rf'<g class="mark-{part}.*?</g>', drawn, re.DOTALL)[0] for part in ("line", "symbol"))
    assert line.count("L") == joined
    # Neither a provisional month nor one that stands out depends on colour.
    assert (symbols.count('fill="white"'), symbols.count("<rect")) == (kinds.count("p"), kinds.count("s"))
    trend = trend_line(points(kinds))
    assert (trend.count("L"), trend.count('fill="#fff"')) == (joined, kinds.count("p"))


def test_a_drawing_is_the_same_each_time_and_names_its_first_and_last_period():
    assert draw(CHART) == draw(CHART)
    assert "aria-" not in draw(CHART)
    assert ">1 Dec 2022<" in draw(replace(CHART, by="week"))
    assert draw(replace(CHART, points=CHART.points[:1])).count(">Dec 2022<") == 1


def labels_of(drawn: str) -> list[tuple[str, str]]:
    """Text and height of each label of an event; each is drawn twice: its ground, and itself."""
    found = [item for item in ElementTree.fromstring(drawn).iter() if item.tag.endswith("}text")]  # noqa: S314
    return [(item.text or "", item.get("y")) for item in found if item.get("font-size")]


@pytest.mark.parametrize("label", ["</text><script>x</script>&'\"", "\N{SNOWMAN} 7\N{PRIME}", "=1+1"])
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_the_label_of_an_event_is_text_whatever_it_is(size, label):
    drawn = draw(marked(CHART, "calls_999", [Event(date(2022, 12, 1), label)]), size)
    assert "<script" not in drawn
    # The typeface has no snowman.
    assert [text for text, _ in labels_of(drawn)] == [label.replace("\N{SNOWMAN}", "?")] * 2


def test_labels_of_events_do_not_overlap_and_those_without_room_are_left_to_the_note():
    year = replace(CHART, points=points("c" * 12))
    events = [Event(date(2022, 6, day), f"The event number {day} of many") for day in range(1, 8)]
    drawn = draw(marked(year, "calls_999", events), SMALL)
    assert sorted(text for text, _ in labels_of(drawn)) == sorted(2 * [event.label for event in events[:3]])
    assert len(set(labels_of(drawn))) == len({height for _, height in labels_of(drawn)}) == 3
    assert drawn.count('stroke-dasharray="1,2"') == 7
    far = [Event(date(2022, 4, 1), "First"), Event(date(2023, 3, 1), "Last")]
    assert len({height for _, height in labels_of(draw(marked(year, "calls_999", far), SMALL))}) == 1
    heights = [re.findall(r'height="(\d+)"', draw(item))[0] for item in (year, marked(year, "a", far))]
    assert heights == ["112", "128"]
