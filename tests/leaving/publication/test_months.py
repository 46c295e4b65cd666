"""Incomplete months are marked in every form, and a year to date that begins later is labelled once."""

from dataclasses import replace
from datetime import date

import pytest

from dagster_project.publication.report.chart_rules import judged_months
from dagster_project.publication.report.model import Row
from dagster_project.publication.report.queries import ForceRows
from tests.leaving.publication.reports import figure


def row(label: str, *starts: date | None) -> Row:
    figures = [replace(figure("1", "1"), since=start) for start in starts]
    return Row(f"calls_999.{label}", label, "count", 0, (figure("1", "1"), *figures))


@pytest.fixture
def marts(marts):
    marts.execute(
        """
        create table marts.report_months (
            force_code text, month_start date, days bigint, days_loaded bigint, is_default boolean,
            is_running boolean
        );
        create table marts.report_month_so_far (
            force_code text, measure text, month_start date, days bigint, days_loaded bigint, display_value text,
            per_day decimal(38, 6), compared_weeks bigint, compared_display_value text,
            compared_per_day decimal(38, 6)
        );
        create table marts.measures (
            measure text, section_title text, label text, unit text, decimals bigint, board_paper_order bigint
        );
        insert into marts.report_months values
            ('kent', '2022-12-01', 31, 31, true, false), ('kent', '2023-01-01', 31, 30, false, true),
            ('kent', '2023-02-01', 28, 0, false, true), ('essex', '2023-01-01', 31, 31, true, false);
        insert into marts.measures values
            ('calls_999.received', '999 calls', 'Received', 'count', 0, 1),
            ('calls_999.pct_not_answered', '999 calls', '% Not Answered', 'percent', 2, 2),
            ('crime.recorded_crime', 'Recorded and cancelled crime', 'Recorded', 'count', 0, 3);
        insert into marts.report_month_so_far values
            ('kent', 'crime.recorded_crime', '2023-01-01', 31, 31, '1,000', 32.26, 5, '90', 9.5),
            ('kent', 'calls_999.received', '2023-01-01', 31, 30, '28,000', 933.5, 52, '27,900', 930.4),
            ('kent', 'calls_999.pct_not_answered', '2023-01-01', 31, 30, '1.16%', null, null, null, null);
        """
    )
    return marts


def test_a_month_without_a_delivery_has_the_newest_months_of_its_paper():
    months = {
        "a.running": [date(2023, 1, 1), date(2023, 2, 1)],
        "a.waiting": [date(2021, 2, 1), date(2022, 12, 1), date(2023, 1, 1), date(2023, 3, 1)],
        "a.ended": [date(2022, 8, 1)],
    }
    force = ForceRows("kent", verdicts={code: [{"month_start": day} for day in days] for code, days in months.items()})
    found = {code: judged_months(force, code, date(2023, 2, 1)) for code in months}
    assert {code: [row["month_start"].month for row in rows] for code, rows in found.items()} == {
        "a.running": [1, 2],
        "a.waiting": [12, 1],
        "a.ended": [],
    }
