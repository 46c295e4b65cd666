"""The trust page: its sentences, the comparison with printed figures, revisions, definitions, and faults."""

from datetime import date

import pytest

from dagster_project.publication.site import trust
from dagster_project.publication.site.definitions import definitions
from dagster_project.publication.site.faults import faults
from dagster_project.publication.site.reconciliation import printed, sentences
from dagster_project.publication.site.revisions import publications, revisions
from tests.deliveries_mart import deliveries_sql, delivery_totals_sql

AUGUST, SEPTEMBER = date(2022, 8, 1), date(2022, 9, 1)

_TABLES = """
    create table marts.dim_force (force_code text, force_name text);
    insert into marts.dim_force values ('kent', 'Kent Police');
    create table marts.measures (
        measure text, section_title text, section_order bigint, board_paper_order bigint, label text, short_label text,
        unit text, decimals bigint, numerator text, denominator text, definition text
    );
    insert into marts.measures values
        ('crime.pct', 'Crime', 1, 1, '% of Total', 'Share cancelled', 'percent', 1, 'cancelled', null, 'As told.'),
        ('crime.of_recorded', 'Crime', 1, null, '', 'Of recorded', 'percent', 1, 'cancelled', 'recorded', 'One.'),
        ('crime.of_both', 'Crime', 1, null, '', 'Of both', 'percent', 1, 'cancelled', 'recorded plus cancelled', 'B.');
    create table marts.reconciliation (
        force_code text, report_id text, published_on date, section text, label text, measure text, unit text,
        month_start date, published_value text, warehouse_value text, difference decimal(38, 6), verdict text,
        method text, formula text
    );
    create table marts.reconciliation_narrative (
        force_code text, report_id text, statement_id text, test_no bigint, published_on date, statement text,
        measure text, published_value text, warehouse_value text, verdict text, formula text, months_needed text
    );
    create table marts.claims (
        force_code text, report_id text, statement_id text, test_no bigint, claim_verdict text
    );
    create table marts.revisions (
        run_id text, published_at timestamp, force_code text, measure text, month_start date,
        previous_value decimal(38, 6), value decimal(38, 6), change decimal(38, 6), is_new boolean, cause text,
        deliveries text
    );
    create table marts.published_versions (run_id text, published_at timestamp, value decimal(38, 6));
    create table marts.load_audit (
        load_id bigint, source text, extract_date date, rows_read bigint, rows_loaded bigint, rows_quarantined bigint,
        status text, reason text, withdrawn_at timestamp
    );
    create table marts.quarantine (source text, reason_code text, extract_date date);
"""


@pytest.fixture
def tables(marts):
    marts.execute(_TABLES)
    loads = "(select *, load_id // 16777216 as root_number, load_id::text as run_id from marts.load_audit)"
    marts.execute(f"create view marts.deliveries as {deliveries_sql(loads)}")
    marts.execute(f"create view marts.delivery_totals as {delivery_totals_sql()}")
    return marts


def sentences_of(connection) -> list[str]:
    return [sentence.text for sentence in trust.summary(connection)]


def test_summary_of_an_empty_warehouse_claims_nothing(tables):
    assert sentences_of(tables) == [
        "No printed paper has been delivered to compare with",
        "No figure in the sentences of a paper has been delivered",
        "No claim from a paper has been delivered to test",
        "No figure has changed since it was first published",
        "Nothing has been delivered",
    ]


def print_figure(connection, month: date, printed: str, ours: str | None, verdict: str, method: str | None) -> None:
    difference = "0.1" if verdict == "mismatch" else None if ours is None else "0"
    connection.execute(
        "insert into marts.reconciliation values "
        "('kent', 'paper', '2023-03-15', 'crime', '% of Total', 'pct', 'percent', ?, ?, ?, ?, ?, ?, 'pct_of')",
        [month, printed, ours, difference, verdict, method],
    )


def test_summary_counts_every_verdict_on_printed_figures(tables):
    verdicts = ("match", "match", "match_other_formula", "mismatch", "no_data")
    for number, verdict in enumerate(verdicts, 1):
        print_figure(tables, date(2022, number, 1), "3.5%", "3.5%", verdict, None)
    assert sentences_of(tables)[0] == (
        "3 of 5 printed figures reproduced exactly; 1 by another formula; 1 differs; 1 for months that "
        "are not delivered"
    )


def test_printed_figures_state_the_formula_of_each_month(tables):
    print_figure(tables, AUGUST, "3.6%", "3.6%", "match", "crime.of_both")
    print_figure(tables, SEPTEMBER, "3.4%", "3.5%", "mismatch", None)
    (paper,) = printed(tables)
    assert (paper.force_name, paper.months) == ("Kent Police", (AUGUST, SEPTEMBER))
    (measure,) = paper.measures
    assert (measure.printed, measure.ours) == (("3.6%", "3.4%"), ("3.6%", "3.5%"))
    assert measure.differences == ("0.0%", "0.1%")
    assert measure.verdicts == ("exactly", "differs")
    assert measure.formula == ("cancelled / recorded plus cancelled (August 2022); pct_of (September 2022)")


def test_a_month_that_is_not_delivered_has_no_figure_of_ours(tables):
    print_figure(tables, AUGUST, "3.6%", None, "no_data", None)
    ((measure,),) = [paper.measures for paper in printed(tables)]
    assert (measure.ours, measure.differences, measure.verdicts) == (
        ("\N{EN DASH}",),
        ("\N{EN DASH}",),
        ("not delivered",),
    )


def test_sentences_name_the_months_that_they_need(tables):
    tables.execute(
        """
        insert into marts.reconciliation_narrative values
            ('kent', 'paper', 'N2', 1, '2023-03-15', 'one', 'crime.pct', '3.5%', '3.5%', 'match', null, null),
            ('kent', 'paper', 'N10', 1, '2023-03-15', 'two', 'crime.pct', '3.5%', null, 'no_data', null,
                '2022-04 to 2022-07')
        """
    )
    assert [(row["statement"], row["verdict"], row["why"]) for row in sentences(tables)] == [
        ("one", "exactly", ""),
        ("two", "cannot be computed", "needs April 2022 to July 2022"),
    ]
    assert sentences_of(tables)[1] == (
        "1 of 2 figures in sentences of papers reproduced; 1 other needs months that are not loaded"
    )


def test_a_claim_with_two_tests_counts_once(tables):
    tables.execute(
        "insert into marts.claims values ('kent', 'paper', 'C1', 1, 'supported'), "
        "('kent', 'paper', 'C1', 2, 'supported'), ('kent', 'paper', 'C2', 1, 'contradicted')"
    )
    assert sentences_of(tables)[2] == "2 claims of papers tested: 1 supported and 1 contradicted"


def test_revisions_state_their_cause_and_new_figures_are_none(tables):
    tables.execute(
        """
        insert into marts.revisions values
            ('first', '2023-02-01 04:20:00', 'kent', 'crime.pct', '2022-08-01', null, 3.6, null, true, 'deliveries',
                'crimes 2022-08-01'),
            ('first', '2023-02-01 04:20:00', 'kent', 'crime.pct', '2022-07-01', null, null, null, true, 'deliveries',
                'crimes 2022-08-01'),
            ('second', '2023-02-02 04:20:00', 'kent', 'crime.pct', '2022-08-01', 3.6, 3.5, -0.1, false, 'definitions',
                null);
        insert into marts.published_versions values
            ('first', '2023-02-01 04:20:00', 3.6), ('second', '2023-02-02 04:20:00', 3.5);
        """
    )
    (revision,) = revisions(tables)
    assert (revision["previous_value"], revision["value"], revision["change"]) == ("3.6%", "3.5%", "-0.1%")
    assert (revision["force_name"], revision["cause"]) == ("Kent Police", "Changed definition")
    second, first = publications(tables)
    assert (first["figures"], first["added"], first["revised"], first["causes"]) == (1, 1, 0, "")
    assert (second["run_id"], second["added"], second["revised"], second["causes"]) == (
        "second",
        0,
        1,
        "Changed definition",
    )
    assert sentences_of(tables)[3] == (
        "1 revision of published figures, the newest on 2 February 2023, each with its cause"
    )


def test_faults_are_counted_by_source_reason_and_month(tables):
    tables.execute(
        """
        insert into marts.load_audit values
            (1, 'crimes', '2022-08-01', 200, 197, 3, 'loaded', null, null),
            (2, 'crimes', '2022-08-02', 0, 0, 0, 'rejected', 'crimes_2022-08-02.csv: no header [no_header]', null),
            (3, 'crimes', '2022-09-01', 0, 0, 0, 'missing_delivery', null, null),
            (4, 'live_chats', '2022-09-01', 10, 0, 10, 'rejected', 'volume_is_low: 10 rows', null);
        insert into marts.quarantine values
            ('crimes', 'not_in_list', '2022-08-01'), ('crimes', 'not_in_list', '2022-08-01'),
            ('crimes', 'unheard_of', '2022-08-01');
        """
    )
    views = faults(tables)
    (view,) = views.views
    assert view.tables["crimes",].columns == ("What", "Aug 2022", "Sep 2022", "In all")
    assert view.tables["crimes",].rows == (
        ("Deliveries missing", "\N{EN DASH}", "1", "1"),
        ("Deliveries rejected: no header", "1", "\N{EN DASH}", "1"),
        ("Quarantined rows: a value that is not in the list of allowed ones", "2", "\N{EN DASH}", "2"),
        ("Quarantined rows: unheard of", "1", "\N{EN DASH}", "1"),
    )
    assert view.tables["live_chats",].rows == (("Deliveries rejected: volume is low", "\N{EN DASH}", "1", "1"),)
    assert views.first(view).rows[-1] == ("live chats: deliveries rejected", "\N{EN DASH}", "1", "1")
    assert sentences_of(tables)[4:] == [
        "1 of 4 deliveries due is loaded; 1 is missing and 2 are rejected",
        "3 of 200 rows (1.50%) are quarantined, each with its reason",
    ]


def test_a_rejected_correction_is_named_beside_the_day_that_stays_loaded(tables):
    tables.execute(
        """
        insert into marts.load_audit values
            (1, 'crimes', '2022-08-01', 200, 200, 0, 'loaded', null, null),
            (2, 'crimes', '2022-08-01', 9, 0, 0, 'rejected', 'volume_is_low: 9 rows', null)
        """
    )
    assert sentences_of(tables)[4:] == [
        "1 of 1 delivery due is loaded; 0 are missing and 1 is rejected",
        "0 of 200 rows (0.00%) are quarantined, each with its reason",
    ]


def test_no_fault_has_no_view(tables):
    assert faults(tables) is None


def test_definitions_stand_side_by_side_for_each_choice(tables):
    tables.execute(
        """
        create schema reference;
        create table reference.measure_alternatives (measure text, alternative text);
        insert into reference.measure_alternatives values
            ('crime.pct', 'crime.of_recorded'), ('crime.of_recorded', 'crime.pct');
        create table marts.kpi_measure_period (
            force_code text, measure text, month_start date, period text, display_value text, is_provisional boolean,
            share_of_days_loaded decimal(38, 6)
        );
        insert into marts.kpi_measure_period values
            ('kent', 'crime.pct', '2022-08-01', 'month', '3.6%', true, 96.774194),
            ('kent', 'crime.of_recorded', '2022-08-01', 'month', '3.7%', true, 96.774194),
            ('kent', 'crime.of_recorded', '2022-08-01', 'fytd', '9.9%', false, 100);
        create table marts.kpi_call_definitions (
            force_code text, line text, month_start date, short_abandon_seconds decimal(18, 6), is_in_force boolean,
            received bigint, short_abandons bigint, received_less_short_abandons bigint, not_answered bigint,
            pct_not_answered decimal(38, 6), pct_not_answered_of_received decimal(38, 6),
            pct_within_target_of_answered decimal(38, 6), pct_within_target_of_received decimal(38, 6),
            pct_within_target_of_received_less_short_abandons decimal(38, 6), is_provisional boolean,
            share_of_days_loaded decimal(38, 6)
        );
        insert into marts.kpi_call_definitions values
            ('kent', '101', '2022-08-01', 0, true, 1200, 0, 1200, 60, 5, 5, 80, 70, 70, false, 100),
            ('kent', '101', '2022-08-01', 5, false, 1200, 10, 1190, 50, 4.201681, 4.166667, 80, 70, 71, false, 100);
        """
    )
    views = definitions(tables, {"kent": "Kent Police"}, {"kent": AUGUST})
    calls = views.first(views.view("short-abandons"))
    assert calls.caption == "Kent Police, 101 calls, Aug 2022"
    assert calls.columns == ("Figure", "None left out (in force)", "Under 5 s")
    assert calls.rows[1] == ("Calls that count as received", "1,200", "1,190")
    assert calls.rows[3] == ("% not answered", "5.00%", "4.20%")
    others = views.first(views.view("alternatives"))
    assert others.caption == "Kent Police, Aug 2022, provisional: 97% of its days delivered"
    assert others.rows == (
        ("Of recorded", "3.7%", "One."),
        ("\N{EN DASH} Share cancelled", "3.6%", "As told."),
    )


def test_definitions_need_a_force(tables):
    assert definitions(tables, {}, {}) is None
