"""The figures of the days behind a figure of a month."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.display import NOTHING
from dagster_project.publication.site.traces import TracedMonth, figures_by_day, read_traces
from tests.publication.test_worst_month import SHARE

FIRST, SECOND, THIRD = (date(2022, 10, number) for number in (1, 2, 3))
MONTH = TracedMonth(
    month=FIRST,
    numerator="30",
    denominator="90",
    formula="",
    days=(
        (FIRST, "10", "60", Decimal("16.666667")),
        (SECOND, "20", "30", Decimal("66.666667")),
        (THIRD, "", "", None),
    ),
    parts=(),
    deliveries=(),
)


def test_a_day_has_the_quotient_of_its_sums_as_the_month_shows_it():
    assert figures_by_day(MONTH, SHARE) == {FIRST: "16.67%", SECOND: "66.67%", THIRD: NOTHING}
    mean = replace(SHARE, unit="duration", decimals=0)
    long = replace(MONTH, numerator="9000", days=((FIRST, "6000", "60", Decimal(100)),))
    assert figures_by_day(long, mean) == {FIRST: "1m 40s"}


def test_a_sum_has_none():
    assert figures_by_day(replace(MONTH, denominator=""), SHARE) == {}


@pytest.fixture
def warehouse(marts):
    """A ratio and a sum of one month: accepted chats an hour of their operators, and the seconds of these."""
    marts.execute(
        """
        create schema measures;
        create schema reference;
        create schema audit;
        create table marts.measures as
        select *, true as in_board_paper, false as is_headline, null::bigint as board_paper_order
        from (values ('chat.per_hour'), ('chat.hours')) as catalogue (measure);
        create table reference.measure_parts as
        select *, 1 as weight
        from (values
            ('chat.per_hour', 'numerator', 'accepted'), ('chat.per_hour', 'denominator', 'seconds'),
            ('chat.hours', 'numerator', 'seconds')
        ) as parts (measure, role, part);
        create table measures.int_measure_daily as
        select
            'kent' as force_code, measure, date '2022-10-01' as month_start, day,
            numerator::decimal(38, 6) as numerator, denominator::decimal(38, 6) as denominator,
            value::decimal(38, 6) as value
        from (values
            ('chat.per_hour', date '2022-10-01', 5, 5400, 3.333333), ('chat.per_hour', date '2022-10-02', 4, 1800, 8),
            ('chat.per_hour', date '2022-10-04', 1, null, null), ('chat.hours', date '2022-10-01', 5400, null, 1.5),
            ('chat.hours', date '2022-10-02', 1800, null, 0.5)
        ) as days (measure, day, numerator, denominator, value);
        insert into measures.int_measure_daily values ('essex', 'chat.per_hour', '2022-10-01', '2022-10-03', 9, 9, 9);
        create table measures.int_measure_monthly as
        select
            'kent' as force_code, measure, measure as formula_measure, date '2022-10-01' as month_start,
            true as is_delivered, numerator::decimal(38, 6) as numerator, denominator::decimal(38, 6) as denominator
        from (values ('chat.per_hour', 10, 7200), ('chat.hours', 7200, null))
            as figures (measure, numerator, denominator);
        create table measures.int_part_event (
            force_code text, day date, part text, load_id bigint, source_row bigint, amount decimal(38, 6)
        );
        create table audit.load (load_id bigint, extract_date date, file_name text, file_sha256 text);
        """
    )
    return marts


def test_the_figures_of_days_are_those_of_the_force(warehouse):
    traces = read_traces(warehouse, "kent", FIRST)
    values = {measure: [value for *_, value in month.days] for measure, (month,) in traces.items()}
    assert values == {
        # 5 chats in 1.5 hours, 4 in half an hour, one chat without an hour.
        "chat.per_hour": [Decimal("3.333333"), Decimal(8), None],
        "chat.hours": [Decimal("1.5"), Decimal("0.5")],
    }
    ratio = replace(SHARE, unit="ratio", decimals=2)
    (month,) = traces["chat.per_hour"]
    assert list(figures_by_day(month, ratio).values()) == ["3.33", "8.00", NOTHING]
    (hours,) = traces["chat.hours"]
    assert figures_by_day(hours, ratio) == {}
