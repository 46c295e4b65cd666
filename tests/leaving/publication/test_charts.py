"""The band of a chart is that of the year before its newest month."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from dagster_project.publication.charts import BAND, draw
from dagster_project.publication.report.model import Chart
from tests.leaving.publication.reports import a_report

CHART = a_report().sections[0].charts[2]


def band(chart: Chart) -> tuple[float, float]:
    """Left and right end of the band."""
    ((left, width),) = re.findall(rf'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"[^>]*fill="{BAND}"', draw(chart))
    return float(left), float(left) + float(width)


def test_the_band_begins_twelve_months_before_the_newest():
    chart = replace(CHART, lower_limit=Decimal(1), upper_limit=Decimal(2))
    begun = replace(chart, usual_from=chart.points[0].month + timedelta(days=7))
    whole, part = band(chart), band(begun)
    assert whole[1] == part[1]
    assert whole[0] < part[0] < part[1]
    assert BAND not in draw(replace(chart, lower_limit=None))
