"""A chart has few ticks with short labels for any values."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.publication.charts import LARGE, SMALL, draw
from dagster_project.publication.report.display import display, in_full
from dagster_project.publication.report.model import Chart, Point
from tests.publication.reports import a_report

CHART = a_report().sections[0].charts[2]
UNITS = ("duration", "count", "percent", "ratio", "hours")
ABSURD = ("7700900123", "-7700900123", "345601", "86400", "1E+20", "-1E+37", "9" * 38, "1E+400", "NaN", "0", "1E-30")


def labels(value: Decimal, unit: str) -> list[str]:
    """Labels of both axes of a chart with this value."""
    points = (replace(CHART.points[0], value=value), *CHART.points[1:])
    drawn = draw(replace(CHART, unit=unit, points=points, lower_limit=None, upper_limit=value))
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


def limit_lines(chart: Chart) -> list[tuple[float, float]]:
    """First and last position of the dashed lines of a chart, from left to right."""
    lines = re.findall(r'<path d="M([\d.]+),[\d.]+L([\d.]+),[^>]*stroke-dasharray="4,2"', draw(chart))
    return [(float(start), float(end)) for start, end in lines]


def test_limits_are_drawn_from_their_baseline_on():
    chart = replace(CHART, lower_limit=Decimal(1), upper_limit=Decimal(2))
    begun = replace(chart, limits_from=chart.points[0].month + timedelta(days=7))
    (whole, _), (part, _) = limit_lines(chart), limit_lines(begun)
    assert whole[1] == part[1]
    assert whole[0] < part[0] < part[1]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("value", ABSURD)
def test_absurd_values_have_a_chart_with_a_few_short_labels(unit, value):
    found = labels(Decimal(value), unit)
    # Two of them are months.
    assert 3 <= len(found) <= 12
    assert max(map(len, found)) <= 12


@settings(max_examples=60, deadline=None)
@given(st.decimals().filter(lambda value: not value.is_snan()), st.sampled_from(UNITS))
def test_any_number_has_a_chart(value, unit):
    found = labels(value, unit)
    assert 2 <= len(found) <= 14
    # As "\u22126,000,000 days".
    assert max(map(len, found)) <= 15


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("17", ["0s", "15s", "30s", "45s"]),
        ("200", ["0s", "1m", "2m", "3m"]),
        ("20000", ["0h", "2h", "4h"]),
        ("7700900123", ["0 days", "50,000 days"]),
        ("-7700900123", ["\u221250,000 days", "0 days"]),
    ],
)
def test_durations_are_labelled_in_the_unit_that_fits(value, expected):
    assert labels(Decimal(value), "duration")[2:] == expected


def test_numbers_of_more_digits_than_python_rounds_by_itself_are_shown_whole():
    assert display(Decimal("9" * 38), "count", 0).replace(",", "") == "9" * 38
    assert in_full(Decimal(f"{'9' * 30}.50")) == f"{'9' * 30}.5"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("31234", "count", ["0", "10,000", "20,000", "30,000"]),
        ("1.8", "percent", ["0%", "0.5%", "1%", "1.5%"]),
        ("12000000", "count", ["0m", "5m", "10m"]),
        ("-3000", "count", ["\u22123,000", "\u22122,000", "\u22121,000", "0"]),
        ("2E+20", "count", ["0", "5e+19", "1e+20", "1.5e+20", "2e+20"]),
    ],
)
def test_numbers_are_labelled_in_round_steps_and_in_full_up_to_ten_million(value, unit, expected):
    points = tuple(replace(point, value=Decimal(value)) for point in CHART.points)
    drawn = draw(replace(CHART, unit=unit, points=points, mean=None, lower_limit=None, upper_limit=None, target=None))
    assert re.findall(r"<text[^>]*>([^<]*)</text>", drawn)[2:] == expected


@pytest.mark.parametrize(("size", "least_gap"), [(SMALL, 0.8), (LARGE, 10)])
def test_squares_side_by_side_stay_apart(size, least_gap):
    points = tuple(
        Point(date(2021 + month // 12, month % 12 + 1, 1), Decimal(5), "5", is_provisional=False, signal="shift")
        for month in range(24)
    )
    drawn = draw(replace(CHART, by="month", points=points, events=()), size)
    squares = re.findall(r'<rect x="(-?[\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    assert len(squares) == 24
    # Each has an outline of 1.5, half of it outside.
    edges = [(float(x), float(x) + float(width) + 1.5) for x, width in squares]
    assert min(after - end for (_, end), (after, _) in pairwise(edges)) >= least_gap
    single = draw(replace(CHART, by="month", points=(replace(points[0], signal=None), *points[1:]), events=()), size)
    (radius,) = re.findall(r'<circle [^>]*r="([\d.]+)"', single)
    assert 2 * float(radius) < 0.7 * float(squares[0][1])


@pytest.mark.parametrize("value", ["81", "89.6", "94.21", "99.99", "100"])
def test_the_axis_of_high_percentages_reaches_100(value):
    assert {"0%", "50%", "100%"} <= set(labels(Decimal(value), "percent"))


@pytest.mark.parametrize(("value", "highest"), [("80", "80%"), ("101", "100%"), ("70", "60%")])
def test_the_axis_of_other_percentages_follows_the_values(value, highest):
    found = labels(Decimal(value), "percent")
    assert highest in found
    assert len(found) > 4
