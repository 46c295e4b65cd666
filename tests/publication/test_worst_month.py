"""The worst month of a measure, and what is known of its reasons."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_project.publication.papers import Paper
from dagster_project.publication.report.commentary import Commentary
from dagster_project.publication.report.histories import HistoryRow, MeasureHistory
from dagster_project.publication.report.model import Block, Event, Explanation, Figure, Measure, Run
from dagster_project.publication.report.months import PaperMonth
from dagster_project.publication.site.worst_month import OtherMeasure, WorstMonth, worst_months

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2022, month, 1) for month in (8, 9, 10, 11))
FIGURES = {AUGUST: "31.97", SEPTEMBER: "42.58", OCTOBER: "53.27", NOVEMBER: "38.85"}
SHARE = Measure(
    code="calls_101.pct_not_answered",
    section="calls_101",
    section_title="101 calls",
    section_order=2,
    label="% Not Answered",
    short_label="Share of 101 calls not answered",
    unit="percent",
    decimals=2,
    better="lower",
    definition="",
    numerator="calls not answered",
    denominator="calls received",
    owner="",
    sources="call_segments",
    in_board_paper=True,
    is_headline=True,
    chart_type="xmr",
    target_kind="target",
)
RECEIVED = replace(SHARE, code="calls_101.received", label="Calls Received", better="neither")


def history(measure: Measure = SHARE, figures: dict[date, str] = FIGURES, provisional: date | None = None, **more):
    rows = tuple(
        HistoryRow(month, (Figure(f"{text}%", Decimal(text), is_provisional=month == provisional),), ("",), "")
        for month, text in reversed(figures.items())
    )
    return MeasureHistory(measure, "", None, None, None, ("Figure",), rows, (), **more)


@pytest.fixture
def calls(marts):
    """Hours and days of October: Friday evening and Monday the third are the worst."""
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
            if(day = '2022-10-03', 60.87, 50)::decimal(38, 6) as pct_not_answered, 1000 as received,
            false as is_provisional
        from range(timestamp '2022-10-01', timestamp '2022-11-01', interval 1 day) as days(day)
        """
    )
    return marts


def worst(connection, *histories, papers=(), events=()) -> WorstMonth | None:
    return worst_months(connection, "kent", histories, papers, events).get(histories[0].measure.code)


def test_the_highest_complete_month_is_worst_where_lower_is_better(calls):
    found = worst(calls, history())
    assert (found.month, found.figure, found.place) == (OCTOBER, "53.27%", "the highest of 4 complete months")
    higher = worst(calls, history(replace(SHARE, better="higher")))
    assert (higher.month, higher.place) == (AUGUST, "the lowest of 4 complete months")


def test_an_incomplete_month_and_those_of_an_earlier_formula_are_never_worst(calls):
    assert worst(calls, history(provisional=OCTOBER)).month == SEPTEMBER
    assert worst(calls, history(comparable_from=OCTOBER)).place == "the highest of 2 complete months"
    assert worst(calls, history(comparable_from=NOVEMBER)) is None


def test_no_month_is_worst_where_none_is_better(calls):
    assert worst(calls, history(RECEIVED)) is None
    assert worst(calls, history(figures=dict.fromkeys(FIGURES, "5"))) is None
    assert worst(calls, history(replace(SHARE, chart_type="cohort"))) is None


def test_the_worst_hour_and_day_lead_to_those_of_the_month(calls):
    found = worst(calls, history())
    assert found.hour == "Friday from 20:00, 71.25% of 80 calls; its calls needed 14 operators"
    assert found.hours == {"force": "kent", "month": "2022-10", "line": "101"}
    assert found.day == "Monday 3 October 2022, 60.87% of 1,000 calls"
    assert found.days == {
        "measures": "calls_101.pct_not_answered",
        "forces": "kent",
        "from": "2022-10",
        "to": "2022-10",
        "grain": "day",
    }
    other = worst(calls, history(replace(SHARE, section="live_chat", code="live_chat.pct_not_accepted")))
    assert (other.hour, other.hours, other.day, other.days) == ("", {}, "", {})


def test_a_mean_is_told_with_the_answered_calls(calls):
    mean = replace(SHARE, code="calls_101.avg_queue_time", unit="duration", decimals=0)
    assert worst(calls, history(mean)).hour.startswith("Monday from 09:00, 1m 40s over 23 answered calls")


def test_comment_and_events_are_those_of_the_month_and_section(calls):
    said, on_section, elsewhere = (Block("paragraph", (Run(text),)) for text in ("Storm.", "Few operators.", "Chats."))
    words = Commentary(
        blocks={"calls_101": (on_section,), "live_chat": (elsewhere,)},
        explanations={SHARE.code: Explanation(comment=(said,))},
    )
    paper = Paper(
        "kent",
        "Kent",
        PaperMonth(OCTOBER, 31, 31, is_default=False, is_running=False),
        Path("papers/kent/2022-10"),
        is_rendered=True,
        forms=("board_paper.html",),
        commentary=words,
    )
    strike = Event(date(2022, 10, 14), "Strike", ("calls_101",))
    events = (strike, Event(date(2022, 10, 15), "Chat closed", ("live_chat",)), Event(date(2022, 9, 30), "Earlier"))
    found = worst(calls, history(), papers=[paper], events=events)
    assert found.comment == (said, on_section)
    assert found.paper == "papers/kent/2022-10/board_paper.html"
    assert found.events == ("Strike (14 October 2022)",)
    of_another_force = worst(calls, history(), papers=[replace(paper, force_code="city-of-london")])
    assert (of_another_force.comment, of_another_force.paper, of_another_force.has_paper) == ((), "", False)


def test_other_measures_of_the_section_are_beside_the_month_before(calls):
    counts = {SEPTEMBER: "27418", OCTOBER: "25277"}
    found = worst(calls, history(), history(RECEIVED, counts), history(replace(RECEIVED, section="crime", code="x.y")))
    assert found.before == SEPTEMBER
    assert found.others == (OtherMeasure("calls_101.received", "Calls Received", "25277%", "27418%", ""),)
