"""What is read of figures: notes, tables, months, missing sources, ages and revisions."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.figures import PaperFigures, figure_of, notes_of, table_of
from dagster_project.publication.report.model import Column, Figure, Row
from dagster_project.publication.report.queries import ForceRows, default_month, paper_months, read, read_force
from dagster_project.publication.report.revisions import revisions as revisions_of
from tests.cases import sql_of
from tests.unit.publication.reports import a_measure, figure

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2022, month, 1) for month in range(8, 13))
JANUARY, FEBRUARY = date(2023, 1, 1), date(2023, 2, 1)
DASH = "\N{EN DASH}"


@pytest.fixture
def quarantined(marts):
    """A year to date of two sources, one of which affects it, though it does not in its last month."""
    marts.execute(sql_of(__file__))
    return marts


def test_the_note_of_a_figure_names_rows_share_and_reasons_of_the_sources_that_affect_it(quarantined):
    force = read_force(quarantined, "kent")
    assert {key[2]: [*notes_of(row, force, SEPTEMBER)] for key, row in force.figures.items() if SEPTEMBER in key} == {
        "month": [],
        "fytd": [
            "Affected by quarantined rows: 16 of 1,000 rows (1.7%) of the crimes delivered for August 2022 to "
            "September 2022 could not be used and are not counted (not a date: 4; too few cells: 2; unheard of: 2; "
            "other reasons: 1). With them, the figure could be from 1.46% to 1.84%.",
            "12 August 2022 (live chats) accepted although 65% below its usual volume and it failed the check "
            "\u201ca is b\u201d: no power.",
        ],
    }
    assert len(force.figures) == 4
    # A public edition names no source, and a figure without a value has no note.
    quarantined.execute("drop table marts.kpi_quarantine_period; alter table marts.load_audit drop accepted_because")
    quarantined.execute("alter table marts.kpi_measure_period drop column affected_sources")
    quarantined.execute("alter table marts.kpi_measure_period drop column value_low")
    public = read_force(quarantined, "kent")
    row = public.figures["a.of_two", SEPTEMBER, "fytd"]
    assert [*notes_of(row, public, SEPTEMBER)] == [
        "Rows that could not be used, and are not counted, could matter to this figure."
    ]
    assert [*notes_of(row | {"value": None}, public, SEPTEMBER)] == []


def of(first: date = AUGUST, **changes) -> dict[str, object]:
    """A row of the marts."""
    row = {"display_value": "5", "value": Decimal(5), "is_provisional": True, "complete_since": None}
    row |= {"measure": "a.b", "sources": "calls", "is_affected_by_quarantine": False}
    row |= {"days": 61, "days_loaded": 60, "share_of_days_loaded": Decimal("98.36"), "months_delivered": 2}
    return row | {"first_month": first, "last_month": SEPTEMBER, **changes}


def test_a_provisional_figure_has_a_numbered_note_that_says_why():
    nothing = {"value": None, "display_value": None, "days_loaded": 0, "months_delivered": 0}
    nothing["columns_without_values"] = "calls.talk_seconds"
    # Days before the first delivery will never come.
    rows = [of(), of(**nothing), of(), of(complete_since=AUGUST), of(is_provisional=False)]
    figures = PaperFigures(
        ForceRows("kent", figures={(str(n), AUGUST, "month"): one for n, one in enumerate(rows)}), AUGUST
    )
    assert [figures.figure(str(n), AUGUST) for n in range(6)] == [
        Figure("5", Decimal(5), is_provisional=True, note=1),
        Figure(DASH, None, is_provisional=True, note=2),
        Figure("5", Decimal(5), is_provisional=True, note=1),
        Figure("5", Decimal(5), is_provisional=False, since=AUGUST),
        Figure("5", Decimal(5), is_provisional=False),
        Figure(DASH, None, is_provisional=False),
    ]
    assert figure_of(of()).note is None
    assert list(figures.numbers) == [
        "Provisional: of August 2022 to September 2022, 60 of 61 days are complete (98.4%).",
        "Nothing was delivered for August 2022 to September 2022. No figure: some days were delivered without any "
        "talk seconds of the calls.",
    ]


YEARS = (Column("2023-01", "Jan", ""), Column("fytd", "Year to date", ""), Column("prev_fytd", "Last year to date", ""))


def row(*starts: date | None) -> Row:
    figures = [replace(figure("1", "1"), since=start) for start in starts]
    return Row("a.b", "", "count", 0, (figure("1", "1"), *figures))


EMPTY = Row("a.b", "", "count", 0, (figure("1", "1"), figure(DASH, None), figure("1", "1")))


def test_a_start_is_in_the_head_if_all_rows_share_it_else_in_the_row():
    # A row without a figure does not change what the others share.
    shared = table_of("Calls", YEARS, [row(date(2022, 8, 13), None), EMPTY])
    assert [column.heading for column in shared.columns] == [
        *("Jan", "Year to date since 13 August 2022", "Last year to date")
    ]
    partly = table_of("Calls", YEARS, [row(AUGUST, AUGUST), row(None, AUGUST)])
    assert [column.since for column in partly.columns] == ["", "", "since August 2022"]
    remarks = [item.remark for table in (shared, partly) for item in table.rows]
    assert remarks == ["", "", "year to date since August 2022", ""]


def test_months_of_papers_state_coverage_and_default_and_missing_sources(marts):
    assert read(marts, "missing", force_code="kent") == []
    marts.execute(
        """
        create table marts.report_months as from (values
            ('kent', date '2023-01-01', 31, 30, true, false), ('kent', date '2022-12-01', 31, 31, false, false),
            ('kent', date '2023-02-01', 28, 1, false, true), ('essex', date '2023-01-01', 31, 31, false, false)
        ) as months (force_code, month_start, days, days_loaded, is_default, is_running);
        create table marts.kpi_completeness_monthly as from (values
            ('kent', 'live_chats', date '2023-01-01', 31), ('kent', 'live_chats', date '2023-02-01', 0),
            ('kent', 'crimes', date '2023-01-01', 31), ('essex', 'contacts', date '2023-01-01', 31),
            ('kent', 'reports', date '2023-01-01', 31), ('kent', 'reports', date '2023-02-01', 1),
            ('kent', 'calls', date '2022-12-01', 31), ('kent', 'calls', date '2023-01-01', 0)
        ) as rows (force_code, source, month_start, days_loaded)
        """
    )
    # Missing is what was delivered for the month before only.
    missing = [(row["month_start"], row["source"]) for row in read(marts, "missing", force_code="kent")]
    assert [source for month, source in missing if month == FEBRUARY] == ["crimes", "live_chats"]
    assert (JANUARY, "calls") in missing
    months = paper_months(marts)
    assert [one.coverage for one in months["kent"]] == ["", "30 of 31 days", "1 of 28 days"]
    assert [one.unfinished.partition(":")[2][:28] for one in months["kent"]] == [
        *("", " 30 of 31 days are delivered", " 1 of 28 days is delivered b")
    ]
    assert (default_month(months["kent"]), default_month(months["essex"])) == (JANUARY, None)


SHARE = a_measure(code="calls.share", short_label="Share", unit="percent", decimals=2)
CALLS = a_measure(code="calls.received", short_label="Calls")


@pytest.fixture
def revisions(marts):
    """Write publications of days of January: (day, measure, month, previous, value, cause)."""
    marts.execute(
        "create table marts.revisions (published_at timestamp, measure text, month_start date, previous_value "
        "decimal(38, 6), value decimal(38, 6), cause text, is_provisional boolean, force_code text default 'kent')"
    )

    def revisions(*rows, months=(NOVEMBER, DECEMBER, JANUARY)):
        values = "values (make_timestamp(2023, 1, ?, 4, 0, 0), ?, ?, ?, ?, ?, ?, default)"
        for day, measure, *row in rows:
            # The first publication is of a month that runs.
            marts.execute(f"insert into marts.revisions {values}", [day, measure.code, *row, day == 1])
        found, note = revisions_of(read(marts, "revisions", force_code="kent"), months, (SHARE, CALLS))
        return [revision.texts for revision in found], note

    return revisions


SINCE = "since the paper of December 2022."


def test_only_changes_after_the_previous_paper_are_revisions(revisions):
    assert revisions(
        # The paper of December is that of the 2nd.
        (1, CALLS, DECEMBER, None, 90, "deliveries"),
        (2, CALLS, DECEMBER, 90, 100, "deliveries"),
        (2, CALLS, NOVEMBER, 50, 51, "deliveries"),
        (5, CALLS, DECEMBER, 100, 101, "deliveries"),
        (6, CALLS, DECEMBER, 101, 102, "definitions"),
        (7, CALLS, DECEMBER, 102, 102, "other"),
        (8, CALLS, JANUARY, 70, 71, "deliveries"),
        (8, CALLS, OCTOBER, 70, 71, "deliveries"),
        # No reader can see this change.
        (8, SHARE, DECEMBER, "1.001", "1.002", "deliveries"),
    ) == (
        [("Calls", "Dec 2022", "100", "102", "Changed definition, and new or corrected deliveries")],
        f"1 figure of an earlier month has changed {SINCE}",
    )


def test_figures_that_came_or_went_are_revisions(revisions):
    first = (2, CALLS, DECEMBER, None, 90, "deliveries")
    assert revisions(first) == ([], f"No figure of an earlier month has changed {SINCE}")
    found, note = revisions((5, CALLS, DECEMBER, 90, None, "deliveries"), (5, SHARE, NOVEMBER, None, 3, "other"))
    assert found == [
        ("Share", "Nov 2022", DASH, "3.00%", "Other, for example a new version of the software"),
        ("Calls", "Dec 2022", "90", DASH, "New or corrected deliveries"),
    ]
    assert note == f"2 figures of earlier months have changed {SINCE}"
    assert revisions(months=(JANUARY,)) == ([], "")
    assert revisions_of([], (DECEMBER, JANUARY), (CALLS,)) == ((), "")
