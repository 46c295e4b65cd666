"""Charts by week, and causes of revisions."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from dagster_project.publication.report.chart_rules import weekly_chart, with_weeks
from dagster_project.publication.report.definitions import FormulaChange
from dagster_project.publication.report.model import Row
from dagster_project.publication.report.queries import read
from dagster_project.publication.report.revisions import revisions as revisions_of
from tests.leaving.publication2.reports import a_measure, figure

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2022, month, 1) for month in range(8, 13))
JANUARY, FEBRUARY = date(2023, 1, 1), date(2023, 2, 1)
DASH = "\N{EN DASH}"


def row(*starts: date | None) -> Row:
    figures = [replace(figure("1", "1"), since=start) for start in starts]
    return Row("a.b", "", "count", 0, (figure("1", "1"), *figures))


SHARE = a_measure(code="calls.share", short_label="Share", unit="percent", decimals=2)
CALLS = a_measure(code="calls.received", short_label="Calls")


def weeks(*values: str | None) -> list[dict]:
    """Weeks from 1 August 2022 on."""
    return [
        {"week_start": AUGUST + timedelta(weeks=place), "value": value and Decimal(value), "target": Decimal(2)}
        for place, value in enumerate(values)
    ]


def test_a_chart_by_week_names_its_highest_lowest_and_newest_week():
    rows = weeks("1", "2.5", "0.5", None, "1.5", "1.5")
    # 10 August is the Wednesday of the second week, which has the formula of its Monday.
    chart = weekly_chart(SHARE, rows[:5], JANUARY, [FormulaChange(date(2022, 8, 10), "crime.old", "crime.new")])
    assert with_weeks("Before.", chart) == (
        "Before. By week: highest 2.50% in the week of 8 August 2022, lowest 0.50% in that of 15 August 2022; newest "
        "complete week, of 29 August 2022: 1.50%."
    )
    assert (chart.by, chart.title, with_weeks("Before.", None)) == ("week", "Share by week", "Before.")
    assert [point.is_after_gap or point.is_after_change for point in chart.points] == [False, False, True, True]
    assert chart.caption == "Weeks to 4 September 2022; 2% benchmark; different formula since 10 August 2022"
    assert [point.is_after_gap for point in weekly_chart(SHARE, rows[2:3] + rows[4:], JANUARY).points] == [
        False,
        True,
        False,
    ]
    assert "By week: 1.00% in every week;" in with_weeks("", weekly_chart(SHARE, weeks("1", "1.001"), JANUARY))
    assert weekly_chart(SHARE, weeks("1", None), JANUARY) is None


def test_a_paper_has_the_weeks_that_end_in_its_months():
    rows = [row | {"week_start": date(2022, 1, 3) + timedelta(weeks=n)} for n, row in enumerate(weeks(*["1"] * 60))]
    # 31 January 2023 is a Tuesday, and 31 July 2022 the Sunday of the week of 25 July.
    found = [point.month for point in weekly_chart(SHARE, rows, JANUARY).points]
    assert (len(found), found[0], found[-1]) == (53, date(2022, 1, 24), date(2023, 1, 23))
    assert weekly_chart(SHARE, rows, date(2022, 7, 1)).points[-1].month == date(2022, 7, 25)


@pytest.fixture
def revisions(marts):
    """Write publications of days of January: (day, measure, month, previous, value, cause, provisional)."""
    marts.execute(
        "create table marts.revisions (published_at timestamp, measure text, month_start date, previous_value "
        "decimal(38, 6), value decimal(38, 6), cause text, is_provisional boolean, force_code text default 'kent')"
    )

    def revisions(*rows, months=(NOVEMBER, DECEMBER, JANUARY)):
        values = "values (make_timestamp(2023, 1, ?, 4, 0, 0), ?, ?, ?, ?, ?, ?, default)"
        for day, measure, *row in rows:
            shown = [day, measure.code, *row, *([] if len(row) == 5 else [False])]
            marts.execute(f"insert into marts.revisions {values}", shown)
        found, note = revisions_of(read(marts, "revisions", force_code="kent"), months, (SHARE, CALLS))
        return [revision.texts for revision in found], note

    return revisions


SINCE = "since the paper of December 2022."


def test_only_changes_after_the_previous_paper_are_revisions(revisions):
    assert revisions(
        # December is first published while it runs, and the paper of December is that of the 2nd.
        (1, CALLS, DECEMBER, None, 90, "deliveries", True),
        (1, CALLS, NOVEMBER, None, 50, "deliveries"),
        (2, CALLS, DECEMBER, 90, 100, "deliveries"),
        (2, CALLS, NOVEMBER, 50, 51, "deliveries"),
        (5, CALLS, DECEMBER, 100, 101, "deliveries"),
        (6, CALLS, DECEMBER, 101, 102, "definitions"),
        (7, CALLS, DECEMBER, 102, 102, "other"),
        (8, CALLS, JANUARY, 70, 71, "deliveries"),
        (8, CALLS, OCTOBER, 70, 71, "deliveries"),
        # No reader can see this change.
        (8, SHARE, DECEMBER, "1.001", "1.002", "deliveries"),
    ) == (
        [("Calls", "Dec 2022", "100", "102", "Changed definition, and new or corrected deliveries")],
        f"1 figure of an earlier month has changed {SINCE}",
    )


def test_figures_that_came_or_went_are_revisions(revisions):
    first = (2, CALLS, DECEMBER, None, 90, "deliveries")
    assert revisions(first) == ([], f"No figure of an earlier month has changed {SINCE}")
    found, note = revisions((5, CALLS, DECEMBER, 90, None, "deliveries"), (5, SHARE, NOVEMBER, None, 3, "other"))
    assert found == [
        ("Share", "Nov 2022", DASH, "3.00%", "Other, for example a new version of the software"),
        ("Calls", "Dec 2022", "90", DASH, "New or corrected deliveries"),
    ]
    assert note == f"2 figures of earlier months have changed {SINCE}"
    assert revisions(months=(JANUARY,)) == ([], "")
    assert revisions_of([], (DECEMBER, JANUARY), (CALLS,)) == ((), "")
