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
