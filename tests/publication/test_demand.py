"""The demand page: hours of the week, operators, returning callers, chats, and the ledger of digital contacts."""

from datetime import date

import pytest

from dagster_project.publication.site.demand import demand

NAMES = {"kent": "Kent Police"}
JANUARY = date(2023, 1, 1)

_TABLES = """
    create table marts.measures (
        measure text, short_label text, section_title text, label text, section_order bigint,
        board_paper_order bigint, better text, unit text, decimals bigint
    );
    insert into marts.measures values
        ('digital.email', 'E-mails', 'Digital contact', 'E-mails', 3, null, 'neither', 'count', 0),
        ('calls_999.pct_not_answered', 'Share lost', '999 calls', '% Not Answered', 1, 4, 'lower', 'percent', 2),
        ('calls_999.pct_answered_within_target', 'In time', '999 calls', '% In Time', 1, null, 'higher', 'percent', 2);
    create table marts.definitions (applies_to text, definition text);
    insert into marts.definitions values
        ('calls_999.pct_not_answered', 'benchmark'), ('calls_999.pct_answered_within_target', 'target'),
        ('calls_999.pct_answered_within_target', 'formula');
    create table marts.kpi_target_days_monthly (
        force_code text, measure text, month_start date, target decimal(38, 6), days bigint, days_missed bigint,
        worst_day date, worst_value decimal(38, 6), is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
    create table marts.kpi_calls_hourly (
        force_code text, line text, month_start date, day_of_week bigint, hour_of_day bigint,
        received bigint, not_answered bigint, pct_not_answered decimal(38, 6)
    );
    create table marts.kpi_staffing_hourly (
        force_code text, line text, month_start date, day_of_week bigint, hour_of_day bigint,
        calls_per_hour decimal(38, 6), operators_required bigint, answer_target_seconds decimal(18, 6),
        service_level_target_pct decimal(38, 6), is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
    create table marts.kpi_displacement_monthly (
        force_code text, month_start date, not_answered bigint, with_caller bigint, came_back bigint,
        came_back_101 bigint, came_back_999 bigint, came_back_digital bigint, answered_on_return bigint,
        pct_came_back decimal(38, 6), is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
    create table marts.kpi_chat_concurrency_monthly (
        force_code text, month_start date, concurrent_chats bigint, pct_of_operator_time decimal(38, 6),
        pct_of_operator_time_or_more decimal(38, 6), is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
    create table marts.kpi_chat_operator_monthly (
        force_code text, operator_id text, month_start date, accepted_chats bigint, operator_hours decimal(38, 6),
        operator_hours_several decimal(38, 6), max_concurrent_chats bigint, is_provisional boolean,
        share_of_days_loaded decimal(38, 6)
    );
    create table marts.kpi_digital_ledger_monthly (
        force_code text, month_start date, contact_type text, contacts_in_log bigint, in_own_system bigint,
        other_contacts bigint, pct_of_other decimal(38, 6), is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
"""


@pytest.fixture
def tables(marts):
    marts.execute(_TABLES)
    return marts


def views_of(connection):
    return demand(connection, NAMES, {"kent": JANUARY})


def first_table(connection, key: str):
    views = views_of(connection)
    return views.first(views.view(key))


def insert_week(connection, line: str, month: date) -> None:
    """A week in which hour 9 of Friday has most calls and operators, and hour 2 of Monday has no call."""
    for day in range(1, 8):
        for hour in range(24):
            calls = 0 if (day, hour) == (1, 2) else 42 if (day, hour) == (5, 9) else 6
            connection.execute(
                "insert into marts.kpi_staffing_hourly values ('kent', ?, ?, ?, ?, ?, ?, 90, 90, false, 100)",
                [line, month, day, hour, calls, calls // 6],
            )
            connection.execute(
                "insert into marts.kpi_calls_hourly values ('kent', ?, ?, ?, ?, ?, ?, ?)",
                [line, month, day, hour, calls, calls // 4, 25 if calls else None],
            )


def test_hours_of_the_week_are_rows_and_weekdays_columns(tables):
    insert_week(tables, "101", JANUARY)
    calls = first_table(tables, "calls")
    assert calls.caption == "Kent Police, 101 calls, Jan 2023"
    assert calls.columns == ("Hour", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    assert calls.rows[9] == ("09:00", "6.0", "6.0", "6.0", "6.0", "42.0", "6.0", "6.0")
    assert (calls.shades[2], calls.shades[9]) == ("0111111", "1111611")
    assert calls.finding == "Busiest: Friday from 09:00, 42.0 calls."
    operators = first_table(tables, "operators")
    assert operators.caption == "Kent Police, 101 calls, Jan 2023, to answer 90% in 90 s"
    assert operators.rows[9][5] == "7"
    assert operators.finding == "Most: Friday from 09:00, 7."


def test_an_hour_without_calls_has_no_share(tables):
    insert_week(tables, "101", JANUARY)
    unanswered = first_table(tables, "unanswered")
    assert unanswered.rows[2][:3] == ("02:00", "\N{EN DASH}", "25%")
    assert unanswered.shades[2][0] == "-"


def test_the_highest_share_is_told_with_its_calls(tables):
    insert_week(tables, "101", JANUARY)
    tables.execute(
        "update marts.kpi_calls_hourly set received = 1212, not_answered = 606, pct_not_answered = 50 "
        "where day_of_week = 3 and hour_of_day = 6"
    )
    assert first_table(tables, "unanswered").finding == "Most: Wednesday from 06:00, 50%, 606 of 1,212 calls."


def test_month_and_line_are_chosen_among_the_delivered(tables):
    insert_week(tables, "101", JANUARY)
    insert_week(tables, "999", date(2022, 12, 1))
    views = views_of(tables)
    assert {choice.name: list(choice.options) for choice in views.choices} == {
        "force": ["kent"],
        "month": ["2023-01", "2022-12"],
        "line": ["999", "101"],
    }
    assert set(views.view("calls").tables) == {("kent", "2023-01", "101"), ("kent", "2022-12", "999")}
    assert views.first(views.view("calls")) is None


def test_days_that_missed_a_target_are_told_by_the_direction_of_the_measure(tables):
    tables.execute(
        "insert into marts.kpi_target_days_monthly values "
        "('kent', 'calls_999.pct_not_answered', '2023-01-01', 2, 3, 2, '2023-01-03', 3, false, 100), "
        "('kent', 'calls_999.pct_answered_within_target', '2023-01-01', 90, 3, 2, '2023-01-02', 89.5, false, 100)"
    )
    table = first_table(tables, "target-days")
    assert table.columns == ("Month", "999 calls: % Not Answered", "999 calls: % In Time")
    assert table.rows == (("Jan 2023", "2 of 3", "2 of 3"),)
    assert table.finding == (
        "Jan 2023: Share lost missed the 2% benchmark on 2 of 3 days; the highest day was 3 January (3.00%). "
        "Jan 2023: In time missed the 90% target on 2 of 3 days; the lowest day was 2 January (89.50%)."
    )


@pytest.mark.parametrize(
    ("days", "missed", "words"),
    [(31, 0, "none of 31 days"), (31, 31, "all 31 days"), (1, 1, "1 of 1 day"), (1, 0, "none of 1 day")],
)
def test_a_target_missed_on_no_day_or_on_every_day_is_told_in_words(tables, days, missed, words):
    tables.execute(
        "insert into marts.kpi_target_days_monthly values "
        "('kent', 'calls_999.pct_not_answered', '2023-01-01', 2, ?, ?, '2023-01-23', 1.61, false, 100)",
        [days, missed],
    )
    assert first_table(tables, "target-days").finding == (
        f"Jan 2023: Share lost missed the 2% benchmark on {words}; the highest day was 23 January (1.61%)."
    )


def test_a_month_whose_days_are_all_zero_has_no_highest_day(tables):
    tables.execute(
        "insert into marts.kpi_target_days_monthly values "
        "('kent', 'calls_999.pct_not_answered', '2023-01-01', 2, 31, 0, '2023-01-01', 0, false, 100)"
    )
    assert first_table(tables, "target-days").finding == (
        "Jan 2023: Share lost missed the 2% benchmark on none of 31 days."
    )


def test_a_month_without_a_target_has_no_days_that_missed_it(tables):
    tables.execute(
        "insert into marts.kpi_target_days_monthly values "
        "('kent', 'calls_999.pct_not_answered', '2023-01-01', 2, 1, 0, '2023-01-01', 1.5, true, 50)"
    )
    table = first_table(tables, "target-days")
    assert table.columns == ("Month", "999 calls: % Not Answered")
    assert table.rows == (("Jan 2023, provisional: 50% of its days delivered", "0 of 1"),)
    assert table.finding == ""


def test_returning_callers_are_told_of_the_newest_complete_month(tables):
    tables.execute(
        """
        insert into marts.kpi_displacement_monthly values
            ('kent', '2022-12-01', 1100, 1000, 400, 300, 70, 50, 350, 40, false, 100),
            ('kent', '2023-01-01', 9, 8, 4, 3, 1, 0, 2, 50, true, 32.258065);
        """
    )
    table = first_table(tables, "returning")
    assert table.finding == "Dec 2022: 400 of 1,000 came back, 70 of them by 999."
    assert table.rows == (
        ("Jan 2023, provisional: 32% of its days delivered", "9", "8", "4", "50.0%", "3", "1", "0", "2"),
        ("Dec 2022", "1,100", "1,000", "400", "40.0%", "300", "70", "50", "350"),
    )


def test_numbers_of_chats_that_a_month_lacks_are_dashes(tables):
    tables.execute(
        """
        insert into marts.kpi_chat_concurrency_monthly values
            ('kent', '2023-01-01', 1, 80, 100, false, 100), ('kent', '2023-01-01', 3, 15, 20.05, false, 100),
            ('kent', '2023-01-01', 4, 5, 5, false, 100), ('kent', '2022-12-01', 1, 100, 100, false, 100);
        """
    )
    table = first_table(tables, "concurrency")
    assert table.columns == ("Month", "1 at once", "2 at once", "3 at once", "4 at once")
    assert table.rows == (
        ("Jan 2023", "80.0%", "\N{EN DASH}", "15.0%", "5.0%"),
        ("Dec 2022", "100.0%", "\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}"),
    )
    assert table.shades == ("5-00", "6---")
    # Of the fewest chats above one, with those of more in it: shares are not added up.
    assert table.finding == "Jan 2023: at most 4 at once; several at once for 20.1% of the time."


def test_chat_operators_are_counted_and_never_named(tables):
    tables.execute(
        """
        insert into marts.kpi_chat_operator_monthly values
            ('kent', 'aaaa1111', '2023-01-01', 10, 2.5, 1, 2, false, 100),
            ('kent', 'bbbb2222', '2023-01-01', 30, 3.5, 2, 2, false, 100),
            ('kent', 'cccc3333', '2023-01-01', 1, 0.2, 0, 1, false, 100);
        """
    )
    table = first_table(tables, "chat-operators")
    assert table.rows == (("1 at once", "1", "1", "0.2", "0.0"), ("2 at once", "2", "40", "6.0", "3.0"))
    assert "aaaa1111" not in str(views_of(tables))


def test_ledger_puts_the_most_frequent_contact_first(tables):
    tables.execute(
        """
        insert into marts.kpi_digital_ledger_monthly values
            ('kent', '2023-01-01', 'live_chat', 5767, 5822, -55, -1.5, false, 100),
            ('kent', '2023-01-01', 'email', 3695, 0, 3695, 101.5, false, 100);
        """
    )
    table = first_table(tables, "ledger")
    assert table.finding == "Most: E-mails, 101.5%."
    assert table.rows == (
        ("E-mails", "3,695", "0", "3,695", "101.5%"),
        ("live chat", "5,767", "5,822", "-55", "-1.5%"),
    )


def test_there_is_no_view_without_forces(tables):
    assert demand(tables, {}, {}) is None
