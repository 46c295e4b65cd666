"""The figures of the explorer."""

import pytest

from dagster_project.publication.explorer import read_explorer
from dagster_project.publication.report.read import ReportError
from dagster_project.publication.site.explorer_details import COLUMNS, read_details

HOSTILE = "</script><script>alert(1)</script><!-- & 'x' \N{LINE SEPARATOR}"
RECEIVED, LOST, QUEUE = "calls_999.received", "calls_999.pct_not_answered", "calls_999.avg_queue_time"
RECORDED, CANCELLED = "crime.recorded_crime", "crime.cancelled_crime"


@pytest.fixture
def marts(marts):
    """December, which is complete, and January, which runs, of a force; another one has no name."""
    marts.execute(
        """
        create table marts.measures as
        select *, split_part(measure, '.', 1) as section, split_part(measure, '.', 2) as name, '=Label' as label,
            null as owner, 'neither' as better, null as numerator, null as denominator, false as is_headline,
            'lost' as synonyms, 'calls' as sources
        from (values
            ('calls_101.received', 'count', 0, null, 2, '101 & more', 1, 'Calls to 101.'),
            ('calls_999.received', 'count', 0, null, 1, '999 calls', 0, ?),
            ('calls_999.pct_not_answered', 'percent', 2, null, 3, '999 calls', 0, 'Share.'),
            ('calls_999.avg_queue_time', 'duration', 0, null, null, '999 calls', 0, 'Mean.'),
            ('crime.cancelled_crime', 'count', 0, 'crime_type', null, 'Crime', 2, 'Cancelled.'),
            ('crime.recorded_crime', 'count', 0, 'crime_type', 4, 'Crime', 2, 'Recorded.')
        ) as t (
            measure, unit, decimals, breakdown, board_paper_order, section_title, section_order, definition
        )
        """,
        [HOSTILE],
    )
    marts.execute(
        """
        create table marts.definitions as from (values
            ('benchmark', 'calls_999.pct_not_answered', '*', date '2000-01-01', null, '2.000000', 'Quoted by forces.'),
            ('formula', 'crime.recorded_crime', '*', date '2000-01-01', null, 'crime.a', 'All.'),
            ('formula', 'crime.recorded_crime', 'kent', date '2022-12-01', date '2022-12-31', 'crime.b', 'Kent.')
        ) as t (definition, applies_to, force_code, valid_from, valid_to, value, source);
        create table marts.dim_force as from (values ('kent', 'Kent Police'), ('never', 'Never')) as t (
            force_code, force_name
        );
        create table marts.dim_date as from (values
            (date '2022-12-26', true, 'Boxing Day'), (date '2022-12-27', false, null), (date '2001-12-26', true, 'Old')
        ) as t (date_day, is_bank_holiday, bank_holiday_name);
        create table marts.report_months as from (values
            ('kent', date '2022-12-01', 31, 31, true, false), ('kent', date '2023-01-01', 31, 30, false, true)
        ) as t (force_code, month_start, days, days_loaded, is_default, is_running);
        create table marts.kpi_measure_period as
        select * exclude (day), 'kent' as force_code, day as month_start,
            if(period = 'fytd', date '2022-04-01', day) as first_month, day as last_month
        from (values
            ('calls_999.received', date '2022-12-01', 'month', 1234.500000::decimal(38, 6), '1,235', 39.822581, 31, 31,
                false, null),
            ('calls_999.received', date '2022-12-01', 'fytd', 30000, '30,000', null, 275, 111, true, date '2022-08-13'),
            ('calls_999.pct_not_answered', date '2022-12-01', 'month', null, null, null, 31, null, true, null),
            ('crime.recorded_crime', date '2022-12-01', 'month', 1500, '1,500', null, 31, 31, false, null),
            ('crime.recorded_crime', date '2023-01-01', 'month', 27, '27', null, 31, 30, true, null),
            ('crime.recorded_crime', date '2023-01-01', 'fytd', 1527, '1,527', null, 62, 61, true, null),
            ('crime.cancelled_crime', date '2022-12-01', 'month', 3, '3', null, 31, 31, false, null),
            ('crime.cancelled_crime', date '2023-01-01', 'month', 1, '1', null, 31, 30, true, null),
            ('crime.cancelled_crime', date '2022-11-01', 'month', null, null, null, 31, 0, true, null)
        ) as t (
            measure, day, period, value, display_value, mean_per_day, days, days_loaded, is_provisional, complete_since
        );
        insert into marts.kpi_measure_period by name
        select * replace ('nameless' as force_code) from marts.kpi_measure_period where value = 1500;
        create table marts.kpi_measure_verdict as
        select 'kent' as force_code, 'calls_999.pct_not_answered' as measure, * from (values
            (date '2022-12-01', 1.5, 0.5, 2.25, 2.0, 'worse'), (date '2023-01-01', null, null, null, 2, null)
        ) as t (month_start, usual, lower_limit, upper_limit, target, verdict);
        create table marts.kpi_measure_weekly as
        select 'kent' as force_code, 'calls_999.pct_not_answered' as measure, * from (values
            (date '2022-12-26', 2.345, false, 100.0), (date '2023-01-02', null, true, 0),
            (date '2023-01-09', 1, true, 57.142857),
            -- In and before the week of the oldest month on the page, which is three years before the newest.
            (date '2020-01-27', 1, true, 0), (date '2020-01-25', 1, true, 0)
        ) as t (week_start, value, is_provisional, share_of_days_loaded);
        create table marts.kpi_calls_daily as select 'kent' as force_code, '999' as line, * from (values
            (date '2023-01-01', 1234, 2.5, 61.4, false), (date '2023-01-02', 0, null, null, true),
            (date '2020-02-01', 1, 1, 1, false), (date '2020-01-31', 1, 1, 1, false)
        ) as t (date_day, received, pct_not_answered, avg_queue_seconds, is_provisional);
        create table marts.kpi_crime_by_district_monthly as select 'kent' as force_code, * from (values
            (date '2022-12-01', 'Dover', 1500, 3), (date '2023-01-01', 'Dover', 20, 0), (date '2023-01-01', null, 7, 1)
        ) as t (month_start, district, recorded_crime, cancelled_crime);
        create table marts.dim_offence as from (values ('1', 'Violence'), ('2', 'Violence')) as t (
            offence_code, offence_group
        );
        create table marts.kpi_cancellations_monthly as select 'kent' as force_code, * from (values
            (date '2022-12-01', '1', 2), (date '2022-12-01', '2', 1), (date '2023-01-01', 'unlisted', 1)
        ) as t (month_start, offence_code, cancelled)
        """
    )
    return marts


def test_figures_of_every_period_have_text_value_and_coverage(marts):
    data = read_explorer(marts)
    cells = data["cells"]
    assert [*cells["month"]["kent"][RECEIVED].values()] == [
        *(["2022-12-01"], ["1,235"], ["1234.5"], [31], [31], [False], [None])
    ]
    assert [*cells["fytd"]["kent"][RECEIVED].values()][2:] == [["30000"], [111], [275], [True], ["2022-08-13"]]
    assert [*cells["month"]["kent"][LOST].values()][1:5] == [[None], [None], [0], [31]]
    assert [values[0] for values in cells["month_per_day"]["kent"][RECEIVED].values()][1:3] == ["39.8", "39.822581"]
    assert cells["month"]["kent"][RECORDED]["first"] == ["2022-12-01", "2023-01-01"]
    assert data["spans"]["fytd"]["2022-12-01"] == ["2022-04-01", "2022-12-01"]
    assert data["spans"]["month_per_day"] == data["spans"]["month"]
    judged, without = data["judged"]["kent"][LOST]
    assert judged == {
        "first": "2022-12-01",
        "values": {"usual": "1.5", "lower": "0.5", "upper": "2.25", "target": "2"},
        "texts": {"usual": "1.50%", "lower": "0.50%", "upper": "2.25%", "target": "2%"},
        "verdict": "worse",
    }
    assert (without["values"]["usual"], without["texts"]["usual"], without["verdict"]) == (None, "", "")
    marts.execute("update marts.kpi_measure_period set period = 'decade' where period = 'fytd'")
    with pytest.raises(ReportError, match="'decade'"):
        read_explorer(marts)


def rows_of(connection, code):
    """Each figure of a detail: measure, member and first day to text, value, days loaded, days and mark."""
    return {
        (measure, member, first): tuple(row)
        for _, measures in read_details(connection, code)
        for measure, members in measures.items()
        for member, columns in members.items()
        for first, *row in zip(*(columns[name] for name in COLUMNS), strict=True)
    }


def test_weeks_and_days_have_text_value_and_delivered_days(marts):
    assert rows_of(marts, "week") == {
        (LOST, "", "2020-01-27"): ("1.00%", "1", 0, 7, True),
        (LOST, "", "2022-12-26"): ("2.35%", "2.345", 7, 7, False),
        (LOST, "", "2023-01-02"): (None, None, 0, 7, True),
        (LOST, "", "2023-01-09"): ("1.00%", "1", 4, 7, True),
    }
    assert {key[::2]: row for key, row in rows_of(marts, "day").items() if key[2] != "2020-02-01"} == {
        (QUEUE, "2023-01-01"): ("1m 1s", "61.4", 1, 1, False),
        (QUEUE, "2023-01-02"): (None, None, 0, 1, True),
        (LOST, "2023-01-01"): ("2.50%", "2.5", 1, 1, False),
        (LOST, "2023-01-02"): (None, None, 0, 1, True),
        (RECEIVED, "2023-01-01"): ("1,234", "1234", 1, 1, False),
        (RECEIVED, "2023-01-02"): ("0", "0", 0, 1, True),
    }
    assert min(first for *_, first in rows_of(marts, "day")) == "2020-02-01"
