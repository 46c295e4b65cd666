"""Figures affected by quarantined rows: the note in a paper, and the months on the quality page."""

from datetime import date

import pytest

from dagster_project.publication.report.figures import read_figures
from dagster_project.publication.site.data import incomplete_months

AUGUST, SEPTEMBER = date(2022, 8, 1), date(2022, 9, 1)


@pytest.fixture
def tables(marts):
    """A year to date of two sources, one of which affects it, though it does not in its last month."""
    marts.execute(
        """
        create table marts.kpi_completeness_monthly as
        from (values
            ('kent', 'crimes', date '2022-08-01', 31, 31, false, 100, 3, true),
            ('kent', 'crimes', date '2022-09-01', 30, 30, false, 100, 0, false),
            ('kent', 'live_chats', date '2022-08-01', 31, 31, false, 100, 1, false),
            ('kent', 'live_chats', date '2022-09-01', 30, 29, true, 100, 0, false),
            -- No day is expected: all rows of the force were quarantined, or there were none.
            ('essex', 'crimes', date '2022-08-01', 0, 0, true, 10, 10, true),
            ('essex', 'crimes', date '2022-09-01', 0, 0, true, 0, 0, false)
        ) as months (
            force_code, source, month_start, days_owed, days_loaded, is_provisional, rows_read, rows_quarantined,
            is_affected_by_quarantine
        );
        create table marts.kpi_quarantine_period as
        from (values
            ('kent', 'crimes', 'fytd', 200, 3, 1.5),
            ('kent', 'live_chats', 'fytd', 200, 1, 0.5),
            ('kent', 'crimes', 'month', 100, 0, 0),
            ('essex', 'crimes', 'fytd', 10, 10, 100)
        ) as periods (force_code, source, period, rows_read, rows_quarantined, share_quarantined)
        select *, date '2022-09-01' as month_start;
        create table marts.measures as select 'a.of_two' as measure, 'live_chats,crimes' as sources;
        create table marts.kpi_measure_period as
        from (values
            ('month', date '2022-09-01', false, null),
            ('fytd', date '2022-08-01', true, 'crimes')
        ) as periods (period, first_month, is_affected_by_quarantine, affected_sources)
        select
            *, 'kent' as force_code, 'a.of_two' as measure, date '2022-09-01' as month_start,
            date '2022-09-01' as last_month, 1.5 as value;
        create table marts.kpi_measure_monthly (
            force_code text, measure text, month_start date, pct_change_on_month_before decimal(38, 6),
            pct_change_on_last_year decimal(38, 6)
        );
        create table marts.quarantine as
        select 1 as load_id, 'crimes' as source, date '2022-08-05' as extract_date, 'kent' as force_code,
            unnest(['not_a_date', 'not_a_date', 'too_few_cells']) as reason_code;
        create table marts.load_audit as select 1 as load_id, 'loaded' as status;
        create table marts.dim_force as select 'kent' as force_code, 'Kent Police' as force_name;
        """
    )
    return marts


def test_the_note_of_a_figure_names_the_sources_that_the_mart_says_affect_it(tables):
    figures = read_figures(tables, "kent", AUGUST, SEPTEMBER)
    assert figures["a.of_two", SEPTEMBER, "month"]["notes"] == []
    assert figures["a.of_two", SEPTEMBER, "fytd"]["notes"] == [
        "Affected by quarantined rows: 3 of 200 rows (1.5%) of the crimes delivered for August 2022 to September 2022 "
        "could not be used and are not counted (not a date: 2; too few cells: 1)."
    ]


def test_the_note_of_a_figure_states_the_rows_and_the_share_of_its_period_in_the_mart(tables):
    tables.execute(
        "update marts.kpi_quarantine_period set rows_read = 1000, rows_quarantined = 16, share_quarantined = 1.65 "
        "where force_code = 'kent' and source = 'crimes' and period = 'fytd'"
    )
    (note,) = read_figures(tables, "kent", AUGUST, SEPTEMBER)["a.of_two", SEPTEMBER, "fytd"]["notes"]
    assert note.startswith("Affected by quarantined rows: 16 of 1,000 rows (1.7%) of the crimes delivered for")


def test_the_note_of_a_public_figure_names_no_source(tables):
    tables.execute(
        "drop table marts.kpi_completeness_monthly; drop table marts.kpi_quarantine_period; "
        "alter table marts.kpi_measure_period drop column affected_sources"
    )
    figures = read_figures(tables, "kent", AUGUST, SEPTEMBER)
    assert figures["a.of_two", SEPTEMBER, "fytd"]["notes"] == [
        "More than 1% of the rows of a source of this figure could not be used and are not counted."
    ]


def test_the_quality_page_lists_affected_months_also_of_a_force_without_a_loaded_row(tables):
    assert [(row["force_code"], row["source"], row["month_start"]) for row in incomplete_months(tables)] == [
        ("kent", "live_chats", SEPTEMBER),
        ("essex", "crimes", AUGUST),
        ("kent", "crimes", AUGUST),
    ]
