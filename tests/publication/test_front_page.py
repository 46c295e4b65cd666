"""The cards of the first page: changes, verdict and limits of a headline measure."""

from dagster_project.publication.site.front_page import cards
from tests.publication.reports import a_report


def test_a_card_has_its_changes_verdict_and_limits_in_lines_of_their_own():
    (card,) = cards(a_report(), {}, {})
    assert card.lines == (
        "up 1 (0.1%) on Dec 2022; not compared: different formula",
        "Worse than usual",
        "Provisional: 30 of 31 days",
    )
