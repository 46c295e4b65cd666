"""The table of headline measures and the line above it say the same of a month."""

from dataclasses import replace
from datetime import date

import pytest

from dagster_project.publication.report.headlines import points_note
from dagster_project.publication.report.queries import read
from tests.unit.publication.reports import a_report

JANUARY = date(2023, 1, 1)
JUDGED = {"a.b": [{"is_provisional": False}] * 24}
MONTHS = """
create table marts.kpi_measure_verdict as
select 'kent' as force_code, *, date '2023-01-01' as month_start, 1 as value from (values
    ('usual', null, true, false, null), ('worse', 'worse', true, false, date '2021-03-01'),
    ('better', 'better', false, true, null), ('no record', 'better', false, false, null),
    ('highest', null, true, false, null), ('lowest', null, false, true, null),
    ('a little', null, true, false, null), ('since', null, true, false, date '2021-03-01')
) as months (measure, verdict, is_record_high, is_record_low, record_since);
create table marts.kpi_measure_period as
select *, 'month' as period, '1' as display_value, 1 as mean_per_day, 1 as numerator, 1 as denominator,
    false as is_affected_by_quarantine
from marts.kpi_measure_verdict;
create table marts.kpi_measure_monthly as
select *, case measure when 'a little' then 5.9 when 'lowest' then -6 when 'highest' then 6 when 'since' then 6 end
    as pct_change_on_last_year
from marts.kpi_measure_verdict;
"""


def test_a_record_is_said_of_a_judged_month_and_of_a_sum_that_is_clearly_off_the_year_before(marts):
    marts.execute(MONTHS)
    sides = {row["measure"]: row["record_side"] for row in read(marts, "verdicts", force_code="kent")}
    assert {name: side for name, side in sides.items() if side} == {
        "worse": 1,
        "better": -1,
        "highest": 1,
        "lowest": -1,
    }
    assert len(sides) == 8


@pytest.mark.parametrize(
    ("verdicts", "note"),
    [
        (("", ""), "No figure on this page stood out in January; the table gives them all."),
        (("Better than usual", ""), "The table marks what stood out in January: Measure 0."),
        (
            ("Better than usual", "Lowest on record"),
            "The table marks what stood out in January: Measure 0 and Measure 1.",
        ),
        (("Worse than usual",) * 4, "The table marks what stood out in January."),
    ],
)
def test_nothing_stood_out_only_if_no_cell_of_the_table_says_so(verdicts, note):
    [of_report] = a_report().matrix.headlines
    headlines = [
        replace(of_report, measure="a.b", label=f"Measure {place}", verdict=verdict, is_affected=False)
        for place, verdict in enumerate(verdicts)
    ]
    assert points_note(headlines, JANUARY, JUDGED, (), is_quiet=True) == note
    assert points_note(headlines, JANUARY, JUDGED, (), is_quiet=False) == ""
