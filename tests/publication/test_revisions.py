"""A paper lists the figures of earlier months that changed since the paper before, with the cause."""

from datetime import date

import pytest

from dagster_project.publication.report.model import Revision
from dagster_project.publication.report.revisions import read_revisions
from tests.publication.reports import a_measure

MONTHS = (date(2022, 11, 1), date(2022, 12, 1), date(2023, 1, 1))
CALLS = a_measure(code="calls.received", short_label="Calls", unit="count", decimals=0)
SHARE = a_measure(code="calls.share", short_label="Share", unit="percent", decimals=2)


@pytest.fixture
def revisions(marts):
    """Write publications of days of January: (day, measure, month, previous, value, provisional, cause)."""
    marts.execute(
        """
        create table marts.revisions (
            published_at timestamp, force_code text, measure text, month_start date,
            previous_value decimal(38, 6), value decimal(38, 6), is_provisional boolean, cause text
        )
        """
    )

    def revisions(*rows, months=MONTHS):
        for row in rows:
            marts.execute(
                "insert into marts.revisions values (make_timestamp(2023, 1, ?, 4, 0, 0), 'kent', ?, ?, ?, ?, ?, ?)",
                row,
            )
        return read_revisions(marts, "kent", months, (SHARE, CALLS))

    return revisions


def test_only_changes_after_the_previous_paper_count(revisions):
    found, note = revisions(
        # December is first published while it runs, and the paper of December is that of the 2nd.
        (1, CALLS.code, MONTHS[1], None, 90, True, "deliveries"),
        (1, CALLS.code, MONTHS[0], None, 50, False, "deliveries"),
        (2, CALLS.code, MONTHS[1], 90, 100, False, "deliveries"),
        (2, CALLS.code, MONTHS[0], 50, 51, False, "deliveries"),
        (5, CALLS.code, MONTHS[1], 100, 101, False, "deliveries"),
        (6, CALLS.code, MONTHS[1], 101, 102, False, "definitions"),
        (7, CALLS.code, MONTHS[2], None, 70, False, "deliveries"),
        (8, CALLS.code, MONTHS[2], 70, 71, False, "deliveries"),
    )
    assert found == (
        Revision("Calls", "Dec 2022", "100", "102", "Changed definition, and new or corrected deliveries"),
    )
    assert note == "1 figure of an earlier month has changed since the paper of December 2022."


def test_a_change_that_no_reader_can_see_is_no_revision(revisions):
    start = (2, SHARE.code, MONTHS[1], None, "1.001", False, "deliveries")
    found, note = revisions(start, (5, SHARE.code, MONTHS[1], "1.001", "1.002", False, "deliveries"))
    assert (found, note) == ((), "No figure of an earlier month has changed since the paper of December 2022.")
    # There and back again.
    found, _ = revisions(
        (6, SHARE.code, MONTHS[1], "1.002", "2", False, "deliveries"),
        (7, SHARE.code, MONTHS[1], "2", "1.001", False, "other"),
    )
    assert found == ()


def test_figures_that_came_or_went_are_revisions(revisions):
    found, _ = revisions(
        (2, CALLS.code, MONTHS[1], None, 90, False, "deliveries"),
        (5, CALLS.code, MONTHS[1], 90, None, False, "deliveries"),
        (5, SHARE.code, MONTHS[0], None, 3, False, "other"),
    )
    assert found == (
        Revision("Share", "Nov 2022", "\N{EN DASH}", "3.00%", "Other, for example a new version of the software"),
        Revision("Calls", "Dec 2022", "90", "\N{EN DASH}", "New or corrected deliveries"),
    )


def test_the_list_is_short_and_says_how_many_there_are(revisions):
    months = tuple(date(2021 + n // 12, n % 12 + 1, 1) for n in range(11, 25))
    found, note = revisions(
        *((2, CALLS.code, month, None, 1, False, "deliveries") for month in months[:-1]),
        *((3, CALLS.code, month, 1, 2, False, "deliveries") for month in months[:-1]),
        months=months,
    )
    assert len(found) == 12
    assert note == (
        "13 figures of earlier months have changed since the paper of December 2022. The first 12 are listed."
    )


def test_without_earlier_publications_nothing_is_said(marts, revisions):
    assert revisions(months=MONTHS[:1]) == ((), "")
    marts.execute("drop table marts.revisions")
    assert read_revisions(marts, "kent", MONTHS, (CALLS,)) == ((), "")
