"""Weekly charts name their weeks, and cohorts are compared at the same age only."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from dagster_project.publication.report.cohorts import read_cohorts
from dagster_project.publication.report.definitions import FormulaChange
from dagster_project.publication.report.weekly import (
    judged_weeks,
    weekly_chart,
    weekly_finding,
    weekly_sentence,
    weeks_until,
)
from tests.publication.reports import a_measure

MONDAY = date(2022, 8, 1)


def weeks(*values: str, points: int = 12, variations: dict[int, str] | None = None) -> list[dict]:
    return [
        {
            "week_start": MONDAY + timedelta(weeks=place),
            "value": Decimal(value),
            "target": Decimal(2),
            "mean": Decimal(1),
            "lower_limit": Decimal(0),
            "upper_limit": Decimal(3),
            "signal": "shift" if place in (variations or {}) else None,
            "variation": (variations or {}).get(place, "common_cause"),
            "points": points,
            "is_trial": points < 12,
        }
        for place, value in enumerate(values)
    ]


def drawn(rows):
    return weekly_chart(a_measure(unit="percent", decimals=2), rows)


def test_a_weekly_chart_names_its_highest_lowest_and_newest_week():
    chart = drawn(weeks("1", "2.5", "0.5", "1.5"))
    assert weekly_sentence(chart) == (
        "By week: highest 2.50% in the week of 8 August 2022, lowest 0.50% in that of 15 August 2022; newest complete "
        "week, of 22 August 2022: 1.50%."
    )
    assert chart.by == "week"
    assert chart.alternative.startswith("101 calls, % Not Answered by week, 1 August 2022 to 22 August 2022: highest")
    assert "The 2% benchmark is drawn." in chart.alternative
    assert "By week: 1.00% in every week;" in weekly_sentence(drawn(weeks("1", "1.001")))


def test_the_line_of_weeks_breaks_at_the_first_monday_of_a_new_formula():
    # 10 August is the Wednesday of the second week, which has the formula of its Monday.
    change = FormulaChange(date(2022, 8, 10), "crime.old", "crime.new")
    rows = weeks("1", "2", "3", "4")
    chart = weekly_chart(a_measure(unit="percent", decimals=2), rows, [change])
    assert [point.is_after_change for point in chart.points] == [False, False, True, False]
    assert chart.caption == "No unusual week; 2% benchmark; different formula since 10 August 2022"
    assert chart.alternative.endswith("No unusual week; different formula since 10 August 2022.")
    assert drawn(rows).caption == "No unusual week; 2% benchmark"


def test_one_week_has_no_chart():
    assert drawn(weeks("1")) is None


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (weeks("1", "2"), "No unusual week"),
        (weeks("1", "2", points=11), "No verdict yet: 11 of 12 weeks"),
        (
            weeks("1", "2", "3", variations={0: "improving", 1: "concerning", 2: "improving"}),
            "Of 3 weeks, 1 worse than usual and 2 better than usual",
        ),
        ([row | {"upper_limit": None} for row in weeks("1", "2")], "Weeks to 14 August 2022"),
    ],
)
def test_the_finding_counts_the_unusual_weeks(rows, words):
    assert weekly_finding(rows) == words


def test_a_paper_has_the_complete_weeks_that_end_in_its_months(marts):
    marts.execute(
        """
        create table marts.kpi_measure_weekly as
        select
            'kent' as force_code, 'a.chart' as measure, date '2022-01-03' + cast(7 * number as integer) as week_start,
            cast(number as decimal(38, 6)) as value, cast(2 as decimal(38, 6)) as target, number = 50 as is_provisional
        from range(60) as weeks (number)
        """
    )
    # 31 January 2023 is a Tuesday, and 31 July 2022 the Sunday of the week of 25 July.
    found = weeks_until(marts, "kent", date(2023, 1, 1))["a.chart"]
    assert [row["week_start"] for row in found][-1] == date(2023, 1, 23)
    assert weeks_until(marts, "kent", date(2022, 7, 1))["a.chart"][-1]["week_start"] == date(2022, 7, 25)
    assert len(found) == 53
    assert date(2022, 12, 19) not in [row["week_start"] for row in found]
    assert weeks_until(marts, "essex", date(2023, 2, 1)) == {}


def test_a_database_without_weeks_has_no_weekly_chart(marts):
    assert weeks_until(marts, "kent", date(2023, 1, 1)) == {}


def test_the_weeks_of_the_newest_chart_are_read_oldest_first(marts):
    marts.execute(
        "create table marts.kpi_measure_spc_weekly as select * from (values ('kent', 'b', date '2022-01-10'),"
        " ('kent', 'b', date '2022-01-03'), ('essex', 'b', date '2022-01-03'))"
        " as weeks (force_code, measure, week_start)"
    )
    assert [row["week_start"].day for row in judged_weeks(marts, "kent")["b"]] == [3, 10]


def cohort(*cells: tuple[str, int, str | None, bool]):
    return ", ".join(
        f"('kent', date '{month}', {age}, cast({share or 'null'} as decimal(38, 6)), {str(provisional).lower()})"
        for month, age, share, provisional in cells
    )


def test_complete_months_are_compared_at_the_same_age(marts):
    rows = cohort(
        ("2022-10-01", 0, "2.4", False),
        ("2022-10-01", 1, "3.0", False),
        ("2022-10-01", 2, "3.3", False),
        ("2022-11-01", 0, "2.2", False),
        ("2022-11-01", 1, "3.2", False),
        ("2022-12-01", 0, "2.6", False),
        ("2022-12-01", 1, "9.9", True),
        ("2023-01-01", 0, "0.1", True),
        # Later than the month that is asked for.
        ("2023-02-01", 0, "7", False),
        ("2022-12-01", 2, "8", False),
    )
    marts.execute(
        "create table marts.kpi_crime_maturity as select *, pct_cancelled_to_date as avg_days_to_cancel_to_date from"  # noqa: S608
        f" (values {rows}) as cells (force_code, month_start, months_since, pct_cancelled_to_date, is_provisional)"
    )
    measures = [
        a_measure(code=code, unit=unit, decimals=1)
        for code, unit in (("crime.pct_cohort_cancelled", "percent"), ("crime.days_to_cancel", "days"))
    ]
    found = read_cohorts(marts, force_code="kent", month=date(2023, 1, 1), measures=measures)
    share, days = found["crime.pct_cohort_cancelled"], found["crime.days_to_cancel"]
    assert share.statement == (
        "By the end of the month of recording: 2.6% for December 2022; 2.2% to 2.4% for the two months before. "
        "One month later: 3.2% for November 2022; 3.0% for the month before."
    )
    assert days.statement.startswith(
        "By the end of the month of recording: 2.6 days for December 2022; 2.2 days to 2.4"
    )
    assert share.ages == ("By month end", "+1 month", "+2 months")
    assert share.rows == (
        (date(2022, 12, 1), ("2.6%", "", "")),
        (date(2022, 11, 1), ("2.2%", "3.2%", "")),
        (date(2022, 10, 1), ("2.4%", "3.0%", "3.3%")),
    )
    assert read_cohorts(marts, force_code="essex", month=date(2023, 1, 1), measures=measures) == {}
