"""A chart has few ticks with short labels for any values."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from dagster_project.publication.charts import draw
from dagster_project.publication.report.model import Chart
from tests.leaving.publication.reports import a_report

CHART = a_report().sections[0].charts[2]


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
