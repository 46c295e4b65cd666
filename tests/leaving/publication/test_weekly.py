"""Weekly charts name their weeks, and cohorts are compared at the same age only."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from dagster_project.publication.report.weekly import (
    judged_weeks,
    weekly_finding,
)

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


def test_the_weeks_of_the_newest_chart_are_read_oldest_first(marts):
    marts.execute(
        "create table marts.kpi_measure_spc_weekly as select * from (values ('kent', 'b', date '2022-01-10'),"
        " ('kent', 'b', date '2022-01-03'), ('essex', 'b', date '2022-01-03'))"
        " as weeks (force_code, measure, week_start)"
    )
    assert [row["week_start"].day for row in judged_weeks(marts, "kent")["b"]] == [3, 10]
