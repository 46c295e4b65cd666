"""The table of chats by operator."""

from datetime import date

import pytest

from dagster_project.publication.site.demand import demand

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
    create table marts.kpi_digital_ledger_monthly as
    select {OF_A_MONTH}, * from (values ('live_chat', 5767, 5822, -55, -1.5), ('email', 3695, 0, 3695, 101.5)) as t (
        contact_type, contacts_in_log, in_own_system, other_contacts, pct_of_other
    )
"""


@pytest.fixture
def shown(marts):
    """A function that returns the table that a view of the demand page shows first."""
    marts.execute(DEMAND)

    def shown(key: str):
        views = demand(marts, *KENT)
        return views.first(views.view(key))

    return shown


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
