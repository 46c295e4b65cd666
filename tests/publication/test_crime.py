"""The crime page: cancellations by reason, offence and days, how months mature, and districts."""

from datetime import date

import pytest

from dagster_project.publication.site.crime import crime

NAMES = {"kent": "Kent Police"}
JANUARY = date(2023, 1, 1)
NOTHING = "\N{EN DASH}"

_TABLES = """
    create table marts.measures (measure text, label text);
    insert into marts.measures values ('crime.cancelled.C4', 'Cancelled Crime C4: Recorded in error');
    create table marts.dim_offence (offence_code text, offence_group text);
    insert into marts.dim_offence values ('8N', 'Violence'), ('49', 'Theft'), ('45', 'Theft');
    create table marts.kpi_crime_monthly (
        force_code text, month_start date, recorded_crime bigint, cancelled_crime bigint,
        days_to_cancel decimal(38, 6), is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
    create table marts.kpi_crime_net_monthly (
        force_code text, month_start date, cancelled_c1 bigint, cancelled_other_than_c1 bigint
    );
    create table marts.kpi_crime_status_monthly (force_code text, month_start date, change text, crimes bigint);
    create table marts.kpi_measure_period (
        force_code text, measure text, month_start date, period text, display_value text
    );
    create table marts.kpi_cancellation_detail_monthly (
        force_code text, month_start date, counted_by text, cancel_code text, offence_code text, days_band text,
        days_from bigint, cancelled bigint, is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
    create table marts.kpi_crime_maturity (
        force_code text, month_start date, months_since bigint, pct_cancelled_to_date decimal(38, 6),
        is_observed boolean
    );
    create table marts.kpi_crime_expected_net (
        force_code text, month_start date, recorded_crime bigint, cancelled_to_date bigint,
        expected_final_cancelled decimal(38, 6), expected_final_net decimal(38, 6), is_trial boolean,
        is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
    create table marts.kpi_crime_by_district_monthly (
        force_code text, month_start date, district text, cancelled_crime bigint
    );
    create table marts.kpi_district_change_monthly (
        force_code text, month_start date, district text, recorded_crime bigint, recorded_month_before bigint,
        recorded_same_month_last_year bigint, pct_change decimal(38, 6), pct_change_of_all decimal(38, 6),
        deviation_rank bigint, is_provisional boolean, share_of_days_loaded decimal(38, 6)
    );
"""


@pytest.fixture
def tables(marts):
    marts.execute(_TABLES)
    return marts


def first_table(connection, key: str):
    views = crime(connection, NAMES, {"kent": JANUARY})
    return views.first(views.view(key))


def cancel(connection, *rows: tuple[str | None, str, str, int, int], counted_by: str = "event") -> None:
    for code, offence, band, days_from, cancelled in rows:
        connection.execute(
            "insert into marts.kpi_cancellation_detail_monthly values "
            "('kent', '2023-01-01', ?, ?, ?, ?, ?, ?, false, 100)",
            [counted_by, code, offence, band, days_from, cancelled],
        )


CANCELLED = (
    ("C4", "8N", "8-30", 8, 3),
    ("C4", "49", "0", 0, 20),
    ("C4", "45", "0", 0, 5),
    ("C1", "8N", "0", 0, 1),
    (None, "unlisted", "8-30", 8, 1),
)


def test_cancellations_are_crossed_by_reason_and_days(tables):
    cancel(tables, *CANCELLED)
    codes = first_table(tables, "codes")
    assert codes.caption == "Kent Police, cancelled in Jan 2023"
    assert codes.columns == ("Reason", "Same day", "8-30 days", "All")
    assert codes.rows == (
        ("C1", "1", "0", "1"),
        ("C4: Recorded in error", "25", "3", "28"),
        ("No code", "0", "1", "1"),
        ("All", "26", "4", "30"),
    )
    assert codes.shades == ("00-", "60-", "00-", "---")
    assert codes.finding == "Most: C4: Recorded in error, 28 of 30."


def test_offence_groups_sum_their_offences_most_frequent_first(tables):
    cancel(tables, *CANCELLED)
    assert first_table(tables, "groups").rows == (
        ("Theft", "25", "0", "25"),
        ("Violence", "1", "3", "4"),
        ("Offence not in the list", "0", "1", "1"),
    )
    by_code = first_table(tables, "groups-by-code")
    assert by_code.columns == ("Offence group", "C1", "C4", "none", "All")
    assert by_code.rows[1] == ("Violence", "1", "3", "0", "4")


def test_ways_of_counting_are_never_added(tables):
    cancel(tables, ("C4", "8N", "0", 0, 3))
    cancel(tables, ("C4", "8N", "0", 0, 5), counted_by="cohort")
    views = crime(tables, NAMES, {"kent": JANUARY})
    found = views.view("groups").tables
    assert found["kent", "2023-01", "event"].rows == (("Violence", "3", "3"),)
    assert found["kent", "2023-01", "cohort"].rows == (("Violence", "5", "5"),)
    assert found["kent", "2023-01", "cohort"].caption == (
        "Kent Police, recorded in this month and cancelled since, Jan 2023"
    )


def test_triangle_shows_observed_ages_and_expected_numbers(tables):
    tables.execute(
        """
        insert into marts.kpi_crime_maturity values
            ('kent', '2022-12-01', 0, 2.0, true), ('kent', '2022-12-01', 1, 3.0, true),
            ('kent', '2023-01-01', 0, 1.0, true), ('kent', '2023-01-01', 1, 9.0, false),
            ('kent', '2022-12-01', 13, 9.0, true);
        insert into marts.kpi_crime_expected_net values
            ('kent', '2022-12-01', 1000, 30, 30, 970, false, false, 100),
            ('kent', '2023-01-01', 1200, 12, 24.4, 1175.6, true, false, 100);
        """
    )
    table = first_table(tables, "maturity")
    assert table.columns[2:4] == ("0", "1")
    assert table.rows == (
        ("Dec 2022", "1,000", "2.0%", "3.0%", "30", "30", "970"),
        ("Jan 2023", "1,200", "1.0%", "", "12", "24*", "1,176"),
    )
    assert table.shades == ("-36---", "-0----")
    assert table.finding == ("Jan 2023: 12 of 1,200 crimes are cancelled so far, and 24 are expected in the end.")


def record(connection, *districts: tuple[str | None, int, int | None, int | None, str | None, int | None]) -> None:
    """Districts in January: crimes, of the month before, of the year before, change and place of the deviation."""
    for district, now, before, last_year, change, rank in districts:
        connection.execute(
            "insert into marts.kpi_district_change_monthly values ('kent', ?, ?, ?, ?, ?, ?, -10, ?, false, 100)",
            [JANUARY, district, now, before, last_year, change, rank],
        )
        connection.execute(
            "insert into marts.kpi_crime_by_district_monthly values ('kent', ?, ?, 3)", [JANUARY, district]
        )


def test_districts_stand_beside_earlier_months_with_the_unstated_last(tables):
    record(
        tables,
        (None, 900, 7, None, None, None),
        ("Dover", 80, 90, None, "-11.111111", None),
        ("Medway", 204, None, 150, None, None),
    )
    table = first_table(tables, "districts")
    assert table.columns == (
        *("District", "Recorded", "Month before", "Change", "Same month last year", "Cancelled in the month"),
    )
    assert table.rows == (
        ("Medway", "204", NOTHING, NOTHING, "150", "3"),
        ("Dover", "80", "90", "-11.1%", NOTHING, "3"),
        ("Not stated", "900", "7", NOTHING, NOTHING, "3"),
    )
    assert table.finding == "Most recorded: Medway, 204."


def test_the_district_that_changed_differently_is_named_with_its_change(tables):
    record(
        tables,
        ("Medway", 1600, 2000, None, "-20", 2),
        ("Thanet", 1104, 1000, None, "10.4", 1),
        ("Dover", 5, 10, None, "-50", 3),
    )
    table = first_table(tables, "districts")
    assert table.finding == (
        "Most recorded: Medway, 1,600. The change that differs most from that of all districts (-10.0%), for the size "
        "of the district: Thanet, 10.4%."
    )


def test_the_complete_month_with_most_cancellations_is_named(tables):
    tables.execute(
        """
        insert into marts.kpi_crime_monthly values
            ('kent', '2022-11-01', 100, 1582, 1, false, 100), ('kent', '2022-12-01', 100, 30, 1, false, 100),
            ('kent', '2023-01-01', 100, 4000, 1, true, 50);
        """
    )
    assert first_table(tables, "by-month").finding == "Most cancelled: Nov 2022, 1,582."


def test_months_state_their_share_as_printed(tables):
    tables.execute(
        """
        insert into marts.kpi_crime_monthly values ('kent', '2023-01-01', 12719, 443, 13.25, true, 96.774194);
        insert into marts.kpi_crime_net_monthly values ('kent', '2023-01-01', 84, 359);
        insert into marts.kpi_crime_status_monthly values
            ('kent', '2023-01-01', 'reinstated', 18), ('kent', '2023-01-01', 'recorded', 12725);
        insert into marts.kpi_measure_period values
            ('kent', 'crime.pct_cancelled', '2023-01-01', 'month', '3.5%'),
            ('kent', 'crime.pct_cancelled', '2023-01-01', 'fytd', '3.3%');
        """
    )
    assert first_table(tables, "by-month").rows == (
        ("Jan 2023, provisional: 97% of its days delivered", "12,719", "443", "3.5%", "84", "359", "18", "13.3"),
    )


def test_there_is_no_view_without_forces(tables):
    assert crime(tables, {}, {}) is None


def test_only_crimes_without_a_district_have_no_finding(tables):
    record(tables, (None, 24, None, None, None, None))
    assert first_table(tables, "districts").finding == ""


def test_a_month_without_an_expected_number_has_no_asterisk(tables):
    tables.execute(
        "insert into marts.kpi_crime_expected_net values ('kent', '2023-01-01', 24, 0, null, null, true, false, 100)"
    )
    assert first_table(tables, "maturity").rows == (("Jan 2023", "24", "0", NOTHING, NOTHING),)
