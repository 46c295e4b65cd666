"""The pages of demand and crime: what is chosen, what tables and sentences show, and what months lack."""

from datetime import date

import pytest

from dagster_project.publication.site.crime import crime
from dagster_project.publication.site.demand import demand
from dagster_project.publication.site.views import Table, Views

JANUARY, DECEMBER = "date '2023-01-01'", "date '2022-12-01'"
DASH = "\N{EN DASH}"
KENT = ({"kent": "Kent Police"}, {"kent": date(2023, 1, 1)})
OF_A_MONTH = (
    "'kent' as force_code, date '2023-01-01' as month_start, false as is_provisional, 100.0 as share_of_days_loaded"
)

DEMAND = f"""
    create table marts.measures as from (values
        ('digital.email', 'E-mails', 'Digital contact', 'E-mails', 3, null, 'neither', 'count', 0),
        ('calls_999.lost', 'Share lost', '999 calls', '% Lost', 1, 4, 'lower', 'percent', 2),
        ('calls_999.in_time', 'In time', '999 calls', '% In Time', 1, null, 'higher', 'percent', 2)
    ) as t (measure, short_label, section_title, label, section_order, board_paper_order, better, unit, decimals);
    create table marts.definitions as from (values ('calls_999.lost', 'benchmark'), ('calls_999.in_time', 'formula'))
        as t (applies_to, definition);
    create table marts.kpi_target_days_monthly as select *, 'kent' as force_code from (values
        ('calls_999.lost', {JANUARY}, 2.0, 3, 2, date '2023-01-03', 3.00, true, 50.0),
        ('calls_999.lost', {DECEMBER}, 2, 31, 1, date '2022-12-03', 3, false, 100),
        ('calls_999.in_time', {DECEMBER}, 90, 1031, 2, date '2022-12-02', 89.5, false, 100)
    ) as t (
        measure, month_start, target, days, days_missed, worst_day, worst_value, is_provisional, share_of_days_loaded
    );
    -- Hour 9 of Friday has most calls and operators, hour 2 of Monday none, and hour 6 of Wednesday the highest share.
    create table marts.kpi_calls_hourly as select
        'kent' as force_code, '101' as line, {JANUARY} as month_start, day_of_week, hour_of_day,
        case day_of_week * 24 + hour_of_day when 26 then 0 when 129 then 42 when 78 then 1212 else 6 end as received,
        if(received = 1212, 606, received // 4) as not_answered,
        if(received > 0, if(received = 1212, 50, 25), null) as pct_not_answered
    from unnest(range(1, 8)) as days (day_of_week), unnest(range(24)) as hours (hour_of_day);
    create table marts.kpi_staffing_hourly as select
        force_code, line, month_start, day_of_week, hour_of_day, if(received = 1212, 6, received) as calls_per_hour,
        calls_per_hour // 6 as operators_required, 90.0 as answer_target_seconds, 90.5 as service_level_target_pct,
        false as is_provisional, 100 as share_of_days_loaded
    from marts.kpi_calls_hourly;
    create table marts.kpi_displacement_monthly as select *, 'kent' as force_code from (values
        ({DECEMBER}, 1100, 1000, 400, 300, 70, 50, 350, 40, false, 100.0),
        ({JANUARY}, 9, 8, 4, 3, 1, 0, 2, 50, true, 32.258065)
    ) as t (
        month_start, not_answered, with_caller, came_back, came_back_101, came_back_999, came_back_digital,
        answered_on_return, pct_came_back, is_provisional, share_of_days_loaded
    );
    create table marts.kpi_chat_concurrency_monthly as
    select * replace (month as month_start) from (select {OF_A_MONTH}, * from (values
        ({JANUARY}, 1, 80, 100), ({JANUARY}, 3, 15, 20.05), ({JANUARY}, 4, 5, 5), ({DECEMBER}, 1, 100, 100)
    ) as t (month, concurrent_chats, pct_of_operator_time, pct_of_operator_time_or_more));
    create table marts.kpi_chat_operator_monthly as
    select {OF_A_MONTH}, 1 as accepted_chats, 1 as operator_hours, 0 as operator_hours_several,
        1 as max_concurrent_chats, 'b2' as operator_id;
    create table marts.kpi_digital_ledger_monthly as
    select {OF_A_MONTH}, * from (values ('live_chat', 5767, 5822, -55, -1.5), ('email', 3695, 0, 3695, 101.5)) as t (
        contact_type, contacts_in_log, in_own_system, other_contacts, pct_of_other
    )
"""


def first_table(views: Views, key: str) -> Table | None:
    return views.first(views.view(key))


@pytest.fixture
def shown(marts):
    """A function that returns the table that a view of the demand page shows first."""
    marts.execute(DEMAND)
    return lambda key: first_table(demand(marts, *KENT), key)


def test_hours_of_the_week_are_rows_and_weekdays_columns(shown, marts):
    calls, operators, unanswered = shown("calls"), shown("operators"), shown("unanswered")
    assert calls.caption == "Kent Police, 101 calls, Jan 2023"
    assert calls.columns == ("Hour", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    assert calls.rows[9] == ("09:00", "6.0", "6.0", "6.0", "6.0", "42.0", "6.0", "6.0")
    assert (calls.shades[2], calls.shades[9]) == ("0111111", "1111611")
    assert calls.finding == "Busiest: Friday from 09:00, 42.0 calls."
    assert operators.caption == "Kent Police, 101 calls, Jan 2023, to answer 90.5% in 90 s"
    assert (operators.rows[9][5], operators.finding) == ("7", "Most: Friday from 09:00, 7.")
    # An hour without calls has no share.
    assert (unanswered.rows[2][:3], unanswered.shades[2][0]) == (("02:00", DASH, "25%"), "-")
    assert unanswered.finding == "Most: Wednesday from 06:00, 50%, 606 of 1,212 calls."
    marts.execute("update marts.kpi_staffing_hourly set operators_required = 0")
    assert shown("operators").finding == "There were none."
    assert demand(marts, {}, {}) is None


def test_days_that_missed_a_target_are_told_of_the_newest_complete_month(shown):
    table = shown("target-days")
    assert table.columns == ("Month", "999 calls: % Lost", "999 calls: % In Time")
    assert table.rows == (
        ("Jan 2023, provisional: 50% of its days delivered", "2 of 3", DASH),
        ("Dec 2022", "1 of 31", "2 of 1,031"),
    )
    assert table.finding == (
        "Dec 2022: Share lost missed the 2% benchmark on 1 of 31 days; the highest day was 3 December (3.00%). "
        "Dec 2022: In time missed the 90% target on 2 of 1,031 days; the lowest day was 2 December (89.50%)."
    )


def test_a_target_missed_on_no_day_or_on_every_day_is_told_in_words(marts, shown):
    marts.execute("delete from marts.kpi_target_days_monthly where days <> 31")
    for missed, worst, words in (
        (0, 1.61, "none of 31 days; the highest day was 3 December (1.61%)."),
        (31, 1.61, "all 31 days; the highest day was 3 December (1.61%)."),
        # All days are equal.
        (0, 0, "none of 31 days."),
    ):
        marts.execute("update marts.kpi_target_days_monthly set days_missed = ?, worst_value = ?", [missed, worst])
        assert shown("target-days").finding.endswith(f" benchmark on {words}")


def test_returning_callers_chats_and_contacts_are_told_of_complete_months(shown):
    returning, concurrency, ledger = shown("returning"), shown("concurrency"), shown("ledger")
    assert returning.finding == "Dec 2022: 400 of 1,000 came back, 70 of them by 999."
    assert returning.rows[0][0] == "Jan 2023, provisional: 32% of its days delivered"
    assert returning.rows[1] == ("Dec 2022", "1,100", "1,000", "400", "40.0%", "300", "70", "50", "350")
    assert concurrency.columns == ("Month", "1 at once", "2 at once", "3 at once", "4 at once")
    assert concurrency.rows == (("Jan 2023", "80.0%", DASH, "15.0%", "5.0%"), ("Dec 2022", "100.0%", DASH, DASH, DASH))
    assert concurrency.shades == ("5-00", "6---")
    # Of the fewest chats above one, with those of more in it: shares are not added up.
    assert concurrency.finding == "Jan 2023: at most 4 at once; several at once for 20.1% of the time."
    assert (ledger.caption, ledger.finding) == ("Kent Police, Jan 2023", "Most: E-mails, 101.5%.")
    assert ledger.rows[1] == ("live chat", "5,767", "5,822", "-55", "-1.5%")


CRIME = f"""
    create table marts.measures as select 'crime.cancelled.C4' as measure, 'Cancelled C4: In error' as label;
    create table marts.dim_offence as from (values ('8N', 'Violence'), ('49', 'Theft'), ('45', 'Theft'))
        as t (offence_code, offence_group);
    create table marts.kpi_crime_monthly as select *, 'kent' as force_code from (values
        (date '2022-11-01', 100, 1582, 1, false, 100), ({DECEMBER}, 100, 30, 1, false, 100),
        ({JANUARY}, 12719, 4430, 13.25, true, 96.774194)
    ) as t (month_start, recorded_crime, cancelled_crime, days_to_cancel, is_provisional, share_of_days_loaded);
    create table marts.kpi_crime_net_monthly as select {OF_A_MONTH}, 84 as cancelled_c1, 359 as cancelled_other_than_c1;
    create table marts.kpi_crime_status_monthly as
    select {OF_A_MONTH}, * from (values ('reinstated', 18), ('recorded', 12725)) as t (change, crimes);
    create table marts.kpi_measure_period as
    select {OF_A_MONTH}, * from (values ('pct_cancelled', 'month', '3.5%'), ('pct_cancelled', 'fytd', '3.3%'),
        ('other', 'month', '9.9%')) as t (name, period, display_value), (select concat('crime.', name) as measure);
    create table marts.kpi_cancellation_detail_monthly as select {OF_A_MONTH}, * from (values
        ('event', 'C4', '8N', '8-30', 8, 3), ('event', 'C4', '49', '0', 0, 20), ('event', 'C4', '45', '0', 0, 5),
        ('event', 'C1', '8N', '0', 0, 1), ('event', null, 'unlisted', '8-30', 8, 1), ('cohort', 'C4', '8N', '0', 0, 5)
    ) as t (counted_by, cancel_code, offence_code, days_band, days_from, cancelled);
    create table marts.kpi_crime_maturity as select *, 'kent' as force_code from (values
        ({DECEMBER}, 0, 2.0, true), ({DECEMBER}, 1, 3.0, true), ({DECEMBER}, 13, 9.0, true),
        ({JANUARY}, 0, 1.0, true), ({JANUARY}, 1, 9.0, false)
    ) as t (month_start, months_since, pct_cancelled_to_date, is_observed);
    create table marts.kpi_crime_expected_net as select * replace (month as month_start) from (
        select {OF_A_MONTH}, *
        from (values ({DECEMBER}, 1000, 30, 30, 970, false), ({JANUARY}, 1200, 12, 24.4, 1175.6, true)) as t (
            month, recorded_crime, cancelled_to_date, expected_final_cancelled, expected_final_net, is_trial
        )
    );
    create table marts.kpi_district_change_monthly as select {OF_A_MONTH}, -10 as pct_change_of_all, * from (values
        (null, 9000, 7, null, null, null), ('Dover', 80, 90, null, -11.111, null), ('Medway', 1600, null, 150, null, 2),
        ('Thanet', 1104, 1000, null, 10.4, 1)
    ) as t (
        district, recorded_crime, recorded_month_before, recorded_same_month_last_year, pct_change, deviation_rank
    );
    create table marts.kpi_crime_by_district_monthly as
    select force_code, month_start, district, 3 as cancelled_crime from marts.kpi_district_change_monthly
"""


@pytest.fixture
def crimes(marts):
    """A function that returns the table that a view of the crime page shows first."""
    marts.execute(CRIME)
    return lambda key: first_table(crime(marts, *KENT), key)


def test_cancellations_are_crossed_by_reason_offence_group_and_days(crimes, marts):
    codes, groups, by_code = crimes("codes"), crimes("groups"), crimes("groups-by-code")
    assert codes.caption == "Kent Police, cancelled in Jan 2023"
    assert codes.columns == ("Reason", "Same day", "8-30 days", "All")
    assert codes.rows[1:] == (("C4: In error", "25", "3", "28"), ("No code", "0", "1", "1"), ("All", "26", "4", "30"))
    assert codes.shades == ("00-", "60-", "00-", "---")
    assert (codes.finding, groups.finding) == ("Most: C4: In error, 28 of 30.", "Most: Theft, 25 of 30.")
    # The most frequent first.
    assert groups.rows[1:] == (("Violence", "1", "3", "4"), ("Offence not in the list", "0", "1", "1"))
    assert by_code.columns == ("Offence group", "C1", "C4", "none", "All")
    assert by_code.rows[1] == ("Violence", "1", "3", "0", "4")
    # Ways of counting are never added.
    cohort = crime(marts, *KENT).view("groups").tables["kent", "2023-01", "cohort"]
    assert cohort.rows == (("Violence", "5", "5"),)
    assert cohort.caption == "Kent Police, recorded in this month and cancelled since, Jan 2023"


def test_the_triangle_shows_observed_ages_and_expected_numbers(crimes):
    table = crimes("maturity")
    assert table.columns[1:5] == ("Crimes", "0", "1", "Cancelled so far")
    assert table.rows == (
        ("Dec 2022", "1,000", "2.0%", "3.0%", "30", "30", "970"),
        ("Jan 2023", "1,200", "1.0%", "", "12", "24*", "1,176"),
    )
    assert table.shades == ("-36---", "-0----")
    assert table.finding == "Jan 2023: 12 of 1,200 crimes are cancelled so far, and 24 are expected in the end."


def test_districts_stand_beside_earlier_months_with_the_unstated_last(crimes, marts):
    table = crimes("districts")
    assert table.rows == (
        ("Medway", "1,600", DASH, DASH, "150", "3"),
        ("Thanet", "1,104", "1,000", "10.4%", DASH, "3"),
        ("Dover", "80", "90", "-11.1%", DASH, "3"),
        ("Not stated", "9,000", "7", DASH, DASH, "3"),
    )
    assert table.shades[0] == "1----"
    assert table.finding == (
        "Most recorded: Medway, 1,600. The change that differs most from that of all districts (-10.0%), for the size "
        "of the district: Thanet, 10.4%."
    )
    marts.execute("update marts.kpi_district_change_monthly set deviation_rank = null")
    assert crimes("districts").finding == "Most recorded: Medway, 1,600."


def test_months_state_their_share_as_printed_and_the_complete_one_with_most_cancellations_is_named(crimes, marts):
    table = crimes("by-month")
    assert table.rows[0][1:] == ("12,719", "4,430", "3.5%", "84", "359", "18", "13.3")
    assert table.rows[1][3:] == (DASH, DASH, DASH, DASH, "1.0")
    assert table.finding == "Most cancelled: Nov 2022, 1,582."
    marts.execute("delete from marts.kpi_crime_monthly where month_start = '2022-11-01'")
    assert crimes("by-month").finding == ""
