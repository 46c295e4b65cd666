"""The pages of trust and quality: printed figures, revisions, definitions, deliveries, and faults."""

from datetime import date

import pytest

from dagster_project.clock import days_between
from dagster_project.publication.report.queries import newest_delivery
from dagster_project.publication.site import data, trust
from dagster_project.publication.site.reconciliation import printed
from tests.deliveries_mart import deliveries_sql, delivery_totals_sql

AUGUST, SEPTEMBER, OCTOBER = (date(2022, month, 1) for month in (8, 9, 10))
DASH = "\N{EN DASH}"

TABLES = """
    create table marts.dim_force as select 'kent' as force_code, 'Kent Police' as force_name;
    create table marts.measures as
    select *, 'crime' as section, 'Crime' as section_title, 1 as section_order, 'percent' as unit, 1 as decimals,
        concat('crime.', name) as measure, short_label as label, 'crimes,live_chats' as sources
    from (values
        ('pct', 1, 'Share cancelled', 'cancelled', null, 'As told.'),
        ('of_recorded', null, 'Of recorded', 'cancelled', 'recorded', 'One.'),
        ('of_both', null, 'Of both', 'cancelled', 'both', 'B.')
    ) as t (name, board_paper_order, short_label, numerator, denominator, definition);
    create table marts.reconciliation (
        measure text, label text, unit text, month_start date, published_value text, warehouse_value text,
        difference decimal(38, 6), verdict text, formula text, section text default 'crime',
        force_code text default 'kent', report_id text default 'paper', published_on date default '2023-03-15'
    );
    create table marts.reconciliation_narrative (
        statement_id text, statement text, verdict text, formula text, found_by text default 'paper',
        first_month date, test_no bigint default 1,
        force_code text default 'kent', report_id text, published_on date, measure text default 'crime.pct'
    );
    create table marts.claims (statement_id text, claim_verdict text, force_code text, report_id text);
    create table marts.revisions (
        run_id text, published_at timestamp, month_start date, previous_value decimal(38, 6), value decimal(38, 6),
        change decimal(38, 6), is_new boolean, cause text, force_code text default 'kent',
        measure text default 'crime.pct'
    );
    create table marts.published_versions (run_id text, published_at timestamp, value decimal(38, 6));
    create table marts.load_audit (
        load_id bigint, extract_date date, status text, withdrawn_at timestamp, source text default 'crimes',
        rows_read bigint default 4, rows_loaded bigint default 4, rows_quarantined bigint default 0, reason text,
        rows_repeated bigint default 0, is_synthetic boolean default false
    );
    create table marts.quarantine (source text, reason_code text, extract_date date);
"""


@pytest.fixture
def tables(marts):
    marts.execute(TABLES)
    loads = "(select *, load_id::text as run_id from marts.load_audit)"
    marts.execute(f"create view marts.deliveries as {deliveries_sql(loads)}")
    marts.execute(f"create view marts.delivery_totals as {delivery_totals_sql()}")
    return marts


def summary(connection) -> list[str]:
    return [sentence.text for sentence in trust.summary(connection)]


def test_the_summary_of_an_empty_warehouse_claims_nothing(tables):
    assert summary(tables) == [
        "No printed paper has been delivered to compare with",
        "No figure in the sentences of a paper has been delivered",
        "No claim from a paper has been delivered to test",
        "No figure has changed since it was first published",
        "Nothing has been delivered",
    ]


def test_printed_figures_state_verdict_and_formula_of_each_month(tables):
    tables.execute(
        """
        insert into marts.reconciliation by name select * from (values
            ('pct', '%', 'percent', '2022-08-01', '3.6%', '3.6%', 0, 'match_other_formula', 'of_both', 'p'),
            ('pct', '%', 'percent', '2022-09-01', '3.4%', '3.5%', 0.1, 'mismatch', 'pct_of', 'p'),
            ('pct', '%', 'percent', '2022-10-01', '3.4%', null, null, 'no_data', null, 'p'),
            ('none', 'N', 'count', '2022-10-01', '5', '5', 0, 'match', 'pct', 'p'),
            ('none', 'N', 'count', '2022-10-01', '5', '5', 0, 'match', 'pct', 'june')
        ) as t (
            measure, label, unit, month_start, published_value, warehouse_value, difference, verdict, formula, report_id
        );
        update marts.reconciliation set published_on = '2023-06-15' where report_id = 'june'
        """
    )
    june, march = printed(tables)
    assert (june.months, march.months, march.force_name) == ((OCTOBER,), (AUGUST, SEPTEMBER, OCTOBER), "Kent Police")
    share, other = march.measures
    assert (share.section, share.label, share.code) == ("Crime", "%", "crime.pct")
    assert (share.printed, share.ours) == (("3.6%", "3.4%", "3.4%"), ("3.6%", "3.5%", DASH))
    assert (share.differences, other.differences) == (("0.0%", "0.1%", DASH), ("", "", "0"))
    assert share.verdicts == ("exactly, by another formula", "differs", "not delivered")
    formulas = "cancelled / both (August 2022); pct_of (September 2022); none of the formulas tried (October 2022)"
    assert (share.formula, other.formula) == (formulas, "pct")
    rest = "1 by another formula; 1 differs; 1 for months that are not delivered"
    assert summary(tables)[0] == f"3 of 5 printed figures reproduced exactly; {rest}"


def test_figures_in_sentences_are_counted_by_how_they_were_found(tables):
    tables.execute(
        """
        insert into marts.reconciliation_narrative by name select * from (values
            ('N1', 'match', 'paper'), ('N2', 'match_other_formula', 'paper'), ('N3', 'match_other_formula', 'trial'),
            ('N4', 'no_data', 'paper')
        ) as t (statement_id, verdict, found_by)
        """
    )
    found = "1 of 4 figures in sentences of papers reproduced; 1 by another formula; 1 by a period found by trial"
    assert summary(tables)[1] == f"{found}; 1 other needs months that are not loaded"


STATES = ("due", "loaded", "missing", "rejected", "withdrawn")
FAULTS = (
    ("2024-09-04", "rejected", 2, None),
    ("2024-09-05", "missing_delivery", 3, None),
    ("2024-09-06", "rejected", 4, None),
    ("2024-09-07", "rejected", 5, "2024-09-09"),
)


@pytest.fixture
def deliveries(tables):
    """A function that delivers days, or adds loads: day, status, number, when it was withdrawn."""

    def deliveries(*loads, days=()):
        tables.executemany(
            "insert into marts.load_audit (extract_date, status, load_id, withdrawn_at) values (?, ?, ?, ?)",
            [*((day, "loaded", 1, None) for day in days), *loads],
        )
        return data.calendars(tables)["crimes"]

    return deliveries


def test_older_months_are_shown_only_if_something_is_wrong(deliveries):
    found = deliveries(
        *(("2021-02-03", "missing_delivery", 2, None), ("2023-05-06", "rejected", 2, "2023-05-08")),
        *((day, "loaded", 1, None) for day in days_between(date(2020, 1, 1), date(2021, 2, 2))),
        *((day, "loaded", 1, None) for day in days_between(date(2021, 2, 4), date(2023, 5, 5))),
        days=days_between(date(2023, 5, 7), date(2023, 12, 31)),
    )
    assert (list(found.months)[:2], len(found.months)) == ([date(2021, 2, 1), date(2022, 1, 1)], 25)
    assert found.faults == ((date(2021, 2, 3), "missing"), (date(2023, 5, 6), "withdrawn"))
    assert found.days_left_out == 366 + 365 - 28


def test_the_newest_delivery_is_that_of_measures(deliveries, tables):
    deliveries(("2024-09-02", "loaded", 3, None), ("2024-09-04", "empty", 5, None), FAULTS[1])
    tables.execute(
        "insert into marts.load_audit by name select 'papers' as source, date '2024-10-01' as extract_date, "
        "'loaded' as status, 6 as load_id, true as is_synthetic"
    )
    assert newest_delivery(tables) == (date(2024, 9, 4), False)


def test_incomplete_months_are_those_that_lack_days_or_have_quarantined_rows(tables):
    tables.execute(
        """
        create table marts.kpi_completeness_monthly as from (values
            ('kent', 'crimes', date '2022-08-01', 31, false, true), ('kent', 'crimes', '2022-09-01', 30, false, false),
            ('kent', 'live_chats', '2022-09-01', 30, true, false),
            -- No day is expected: all rows of the force were quarantined, or there were none.
            ('essex', 'crimes', '2022-08-01', 0, true, true), ('essex', 'crimes', '2022-09-01', 0, true, false)
        ) as months (force_code, source, month_start, days_owed, is_provisional, is_affected_by_quarantine)
        """
    )
    found = [(row["force_name"], row["source"], row["month_start"].month) for row in data.incomplete_months(tables)]
    assert found == [("Kent Police", "live_chats", 9), ("essex", "crimes", 8), ("Kent Police", "crimes", 8)]


def test_running_months_are_compared_with_the_days_before(marts):
    marts.execute(
        """
        create table marts.report_months as from (values
            ('kent', date '2022-12-01', 31, 31, false), ('kent', date '2023-01-01', 31, 30, true),
            ('kent', date '2023-02-01', 28, 0, true)
        ) as t (force_code, month_start, days, days_loaded, is_running);
        create table marts.measures as from (values
            ('calls.received', 'Calls', 'Received', 'count', 0, 1), ('calls.lost', 'Calls', '% Lost', 'percent', 2, 2),
            ('crime.recorded', 'Crime', 'Recorded', 'count', 0, null)
        ) as t (measure, section_title, label, unit, decimals, board_paper_order);
        create table marts.report_month_so_far as
        select *, 'kent' as force_code, date '2023-01-01' as month_start from (values
            ('crime.recorded', 31, '1,000', 32.26, 5, '90', 9.5),
            ('calls.received', 1, '28,000', 933.5, 52, '27', 930.4), ('calls.lost', 30, '1.16%', null, 4, null, null)
        ) as t (measure, days_loaded, display_value, per_day, compared_weeks, compared_display_value, compared_per_day)
        """
    )
    january, february = data.running_months(marts, "kent")
    assert (january.month, january.coverage) == (date(2023, 1, 1), "30 of 31 days")
    assert [tuple(row[name] for name in ("label", "text", "delivered", "before")) for row in january.measures] == [
        ("Received", "934 a day", "1 day delivered", "52 weeks before: 930 a day"),
        ("% Lost", "1.16%", "30 days delivered", "four weeks before: \N{EN DASH}"),
        ("Recorded", "32.3 a day", "31 days delivered", "five weeks before: 9.5 a day"),
    ]
    assert (february.coverage, february.measures) == ("0 of 28 days", [])
    assert data.running_months(marts, "essex") == []
    marts.execute("update marts.report_month_so_far set compared_weeks = null")
    assert data.running_months(marts, "kent")[0].measures[0]["before"] == ""
