"""The figures of the days behind a figure of a month."""

from dataclasses import replace
from datetime import date

import pytest

from dagster_project.publication.site.traces import TracedMonth, figures_by_day
from tests.publication.test_worst_month import SHARE

FIRST, SECOND, THIRD = (date(2022, 10, number) for number in (1, 2, 3))
MONTH = TracedMonth(
    month=FIRST,
    numerator="30",
    denominator="90",
    formula="",
    days=((FIRST, "10", "60"), (SECOND, "20", "30"), (THIRD, "", "")),
    parts=(),
    deliveries=(),
)


def test_a_day_has_the_quotient_of_its_sums_as_the_month_shows_it():
    assert figures_by_day(MONTH, SHARE, "33.33%") == {FIRST: "16.67%", SECOND: "66.67%", THIRD: "\N{EN DASH}"}
    mean = replace(SHARE, unit="duration", decimals=0)
    long = replace(MONTH, numerator="9000", days=((FIRST, "6000", "60"),))
    assert figures_by_day(long, mean, "1m 40s") == {FIRST: "1m 40s"}


@pytest.mark.parametrize("month", [replace(MONTH, denominator=""), replace(MONTH, numerator="31")])
def test_a_sum_and_a_figure_of_another_formula_have_none(month):
    assert figures_by_day(month, SHARE, "33.33%") == {}
