"""The worst month of a measure, with what is known of the reasons."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_project.publication.papers import Paper
from dagster_project.publication.report.commentary import Commentary
from dagster_project.publication.report.histories import HistoryRow, MeasureHistory
from dagster_project.publication.report.model import Block, Event, Explanation, Figure, Measure, PaperMonth, Run
from dagster_project.publication.site.worst_month import worst_months
from tests.unit.publication.reports import a_measure

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2022, month, 1) for month in (8, 9, 10, 11))
FIGURES = {AUGUST: "31.97", SEPTEMBER: "42.58", OCTOBER: "53.27", NOVEMBER: "38.85"}
SHARE = a_measure(unit="percent", decimals=2, better="lower")
RECEIVED = a_measure(code="calls_101.received", label="Calls Received")


def history(measure: Measure = SHARE, figures: dict[date, str] = FIGURES, provisional: date | None = None, **more):
    rows = tuple(
        HistoryRow(month, (Figure(f"{text}%", Decimal(text), is_provisional=month == provisional),), ("",), "")
        for month, text in reversed(figures.items())
    )
    return MeasureHistory(measure, "", None, None, None, ("Figure",), rows, (), **more)


@pytest.fixture
def calls(marts):
    """Hours and days of October."""
    marts.execute(
        """
        create table marts.kpi_calls_hourly as
        select
            'kent' as force_code, '101' as line, date '2022-10-01' as month_start, day_of_week, hour_of_day,
            if(day_of_week = 5 and hour_of_day = 20, 71.25, 50)::decimal(38, 6) as pct_not_answered,
            100::decimal(38, 6) as avg_queue_seconds, 80 as received, 23 as answered
        from (values (1), (5)) as days(day_of_week), (values (9), (20)) as hours(hour_of_day);
        create table marts.kpi_staffing_hourly as
        select * exclude (pct_not_answered, avg_queue_seconds), 14 as operators_required from marts.kpi_calls_hourly;
        create table marts.kpi_calls_daily as
        select
            'kent' as force_code, '101' as line, day::date as date_day,
            if(day = '2022-10-03', 60.87, if(day = '2022-10-04', 99, 50))::decimal(38, 6) as pct_not_answered,
            1000 as received, day = '2022-10-04' as is_provisional
        from range(timestamp '2022-09-30', timestamp '2022-11-01', interval 1 day) as days(day)
        """
    )
    return marts


def worst(connection, *histories, papers=(), events=()):
    return worst_months(connection, "kent", histories, papers, events).get(histories[0].measure.code)


def test_the_worst_month_is_a_complete_one_of_the_formula_in_force(calls):
    found = worst(calls, history())
    assert (found.month, found.figure, found.place) == (OCTOBER, "53.27%", "the highest of 4 complete months")
    higher = worst(calls, history(replace(SHARE, better="higher")))
    assert (higher.month, higher.place) == (AUGUST, "the lowest of 4 complete months")
    assert worst(calls, history(provisional=OCTOBER)).month == SEPTEMBER
    assert worst(calls, history(comparable_from=OCTOBER)).place == "the highest of 2 complete months"
    assert worst(calls, history(comparable_from=NOVEMBER)) is None
    # There is none where neither direction is better.
    assert worst(calls, history(RECEIVED)) is None
    assert worst(calls, history(figures=dict.fromkeys(FIGURES, "5"))) is None
    assert worst(calls, history(replace(SHARE, chart_type="cohort"))) is None


def test_comment_and_events_are_those_of_the_month_and_section(calls):
    said, on_section, elsewhere = (Block("paragraph", (Run(text),)) for text in ("Storm.", "Few operators.", "Chats."))
    words = Commentary(
        blocks={"calls_101": (on_section,), "live_chat": (elsewhere,)},
        explanations={SHARE.code: Explanation(comment=(said,))},
    )
    month = PaperMonth(OCTOBER, 31, 31, is_default=False, is_running=False)
    folder = Path("papers/kent/2022-10")
    paper = Paper("kent", "Kent", month, folder, True, ("board_paper.html",), commentary=words)
    events = [Event(date(2022, 10, 14), "Strike", ("calls_101",)), Event(date(2022, 10, 15), "Chat", ("live_chat",))]
    events += [Event(date(2022, 9, 30), "Earlier"), Event(date(2022, 10, 31), "Storm")]
    found = worst(calls, history(), papers=[paper], events=events)
    assert found.comment == (said, on_section)
    assert (found.paper, found.has_paper) == ("papers/kent/2022-10/board_paper.html", True)
    assert found.events == ("Strike (14 October 2022)", "Storm (31 October 2022)")
    without = worst(calls, history(), papers=[replace(paper, forms=())])
    assert (without.paper, without.has_paper) == ("", True)
    of_another = worst(calls, history(), papers=[replace(paper, force_code="city-of-london")])
    assert (of_another.comment, of_another.paper, of_another.has_paper) == ((), "", False)
