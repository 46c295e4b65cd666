"""The worst month of a measure: which one it is, its worst day, and what the analyst wrote on it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_project.publication.papers import Paper
from dagster_project.publication.report.commentary import Commentary
from dagster_project.publication.report.histories import HistoryRow, MeasureHistory
from dagster_project.publication.report.model import Block, Explanation, Figure, Measure, Run
from dagster_project.publication.report.queries import PaperMonth
from dagster_project.publication.site.worst_month import worst_months
from tests.unit.publication.reports import a_measure

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2022, month, 1) for month in (8, 9, 10, 11))
FIGURES = {AUGUST: "31.97", SEPTEMBER: "42.58", OCTOBER: "53.27", NOVEMBER: "38.85"}
SHARE = a_measure(unit="percent", decimals=2, better="lower")


def history(measure: Measure = SHARE, figures: dict[date, str] = FIGURES, provisional: date | None = None, **more):
    rows = tuple(
        HistoryRow(month, (Figure(f"{text}%", Decimal(text), is_provisional=month == provisional),), ("",), "")
        for month, text in reversed(figures.items())
    )
    return MeasureHistory(measure, "", None, None, None, ("Figure",), rows, (), **more)


@pytest.fixture
def days(marts):
    """Days of October, of which the third is the worst and the fourth the best."""
    marts.execute(
        f"""
        create schema measures;
        create table measures.int_measure_daily as
        select
            'kent' as force_code, '{SHARE.code}' as measure, date '2022-10-01' as month_start,
            unnest([date '2022-10-02', date '2022-10-03', date '2022-10-04']) as day,
            unnest([50, 60.87, 9]) as value, 1000 as denominator;
        create or replace table marts.measures as select '{SHARE.code}' as measure, 'lower' as better
        """
    )
    return marts


def worst(connection, *histories, papers=()):
    return worst_months(connection, "kent", histories, papers).get(histories[0].measure.code)


def test_the_worst_month_is_a_complete_one_of_the_formula_in_force(days):
    found = worst(days, history())
    assert (found["month"], found["figure"], found["place"]) == (OCTOBER, "53.27%", "the highest of 4 complete months")
    assert (found["day"]["day"], found["day"]["denominator"]) == (date(2022, 10, 3), 1000)
    higher = worst(days, history(replace(SHARE, better="higher")))
    assert (higher["month"], higher["place"], higher["day"]) == (AUGUST, "the lowest of 4 complete months", None)
    assert worst(days, history(provisional=OCTOBER))["month"] == SEPTEMBER
    assert worst(days, history(comparable_from=OCTOBER))["place"] == "the highest of 2 complete months"
    assert worst(days, history(comparable_from=NOVEMBER)) is None
    # There is none where neither direction is better.
    assert worst(days, history(replace(SHARE, better="neither"))) is None
    assert worst(days, history(figures=dict.fromkeys(FIGURES, "5"))) is None
    assert worst(days, history(replace(SHARE, chart_type="cohort"))) is None


def test_comment_and_paper_are_those_of_the_month(days):
    said, on_section, elsewhere = (Block("paragraph", (Run(text),)) for text in ("Storm.", "Few operators.", "Chats."))
    words = Commentary(
        blocks={SHARE.section: (on_section,), "live_chat": (elsewhere,)},
        explanations={SHARE.code: Explanation(comment=(said,))},
    )
    month = PaperMonth(OCTOBER, 31, 31, is_default=False, is_running=False)
    folder = Path("papers/kent/2022-10")
    paper = Paper("kent", "Kent", month, folder, True, ("board_paper.html",), commentary=words)
    found = worst(days, history(), papers=[paper])
    assert (found["comment"], found["paper"]) == ((said, on_section), "papers/kent/2022-10/board_paper.html")
    assert worst(days, history(), papers=[replace(paper, forms=())])["paper"] == ""
    of_another = worst(days, history(), papers=[replace(paper, force_code="city-of-london")])
    assert (of_another["comment"], of_another["paper"]) == ((), "")
