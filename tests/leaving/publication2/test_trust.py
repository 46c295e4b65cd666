"""Definitions side by side, causes of revisions, and the newest delivery of a member."""

from datetime import date

import pytest

from dagster_project.publication.site import data, trust
from dagster_project.publication.site.definitions import answered, definitions
from dagster_project.publication.site.revisions import publications, revisions
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
        difference decimal(38, 6), verdict text, method text, formula text, section text default 'crime',
        force_code text default 'kent', report_id text default 'paper', published_on date default '2023-03-15'
    );
    create table marts.reconciliation_narrative (
        statement_id text, statement text, verdict text, formula text, method text default '',
        months_needed text, test_no bigint default 1,
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
        rows_repeated bigint default 0, rows_left_out bigint default 0,
        is_synthetic boolean default false
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


def test_revisions_state_their_cause_and_new_figures_are_none(tables):
    tables.execute(
        """
        insert into marts.revisions by name select * from (values
            ('first', '2023-02-01 04:20:00', '2022-08-01', null, 3.6, null, true, 'deliveries'),
            ('first', '2023-02-01 04:20:00', '2022-07-01', null, null, null, true, 'deliveries'),
            ('second', '2023-02-02 04:20:00', '2022-08-01', 3.6, 3.5, -0.1, false, 'definitions')
        ) as t (run_id, published_at, month_start, previous_value, value, change, is_new, cause);
        insert into marts.published_versions values
            ('first', '2023-02-01 04:20:00', 3.6), ('second', '2023-02-02 04:20:00', 3.5),
            ('second', '2023-02-02 04:20:00', null);
        """
    )
    (revision,) = revisions(tables)
    assert [revision[name] for name in ("previous_value", "value", "change", "force_name", "cause", "short_label")] == [
        *("3.6%", "3.5%", "-0.1%", "Kent Police", "Changed definition", "Share cancelled")
    ]
    shown = ("run_id", "figures", "added", "revised", "causes")
    assert [tuple(row[name] for name in shown) for row in publications(tables)] == [
        *(("second", 1, 0, 1, "Changed definition"), ("first", 1, 1, 0, ""))
    ]
    newest = "the newest on 2 February 2023, each with its cause"
    assert f"1 revision of published figures, {newest}" in summary(tables)


def test_definitions_stand_side_by_side_for_each_choice(tables):
    tables.execute(
        """
        insert into marts.measures by name
        select 'answered' as name, 'calls_999' as section, 'Answered' as short_label, 'Yes.' as definition;
        create schema reference;
        create table reference.measure_alternatives as from (values
            ('crime.pct', 'crime.of_recorded'), ('crime.of_recorded', 'crime.pct')
        ) as t (measure, alternative);
        create table marts.kpi_measure_period as select *, 'kent' as force_code, date '2022-08-01' as month_start
        from (values
            ('crime.pct', 'month', '3.6%', true, 96.774194), ('crime.of_recorded', 'month', '3.7%', true, 96.774194),
            ('crime.of_recorded', 'fytd', '9.9%', false, 100)
        ) as t (measure, period, display_value, is_provisional, share_of_days_loaded);
        """
    )
    views = definitions(tables, {"kent": "Kent Police"}, {"kent": AUGUST})
    others = views.view("alternatives")
    assert (others.words, views.first(others).caption) == (
        (2,),
        "Kent Police, Aug 2022, provisional: 97% of its days delivered",
    )
    assert views.first(others).rows == (
        ("Of recorded", "3.7%", "One."),
        (f"{DASH} Share cancelled", "3.6%", "As told."),
    )
    assert definitions(tables, {}, {}) is None
    assert answered(tables) == [("Answered", "Yes.")]


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
