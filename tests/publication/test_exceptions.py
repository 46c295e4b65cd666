"""Exceptions follow from the figures by rule, and show what the analyst has and has not written."""

from decimal import Decimal

from dagster_project.publication.report.exceptions import exceptions, no_exceptions
from dagster_project.publication.report.model import Block, Explanation, Run
from tests.publication.test_headlines import WORSE, a_standing, limits

COMMENT = (Block("paragraph", (Run("Because."),)),)
LABELS = {f"calls.{name}": f"Share {name}" for name in "abcde"}


def test_exceptions_are_missed_targets_then_worse_then_unusual_then_named_ones():
    unusual = limits(variation="unusual", signal="trend")
    found = exceptions(
        [
            a_standing("a", "9.00", "8.00", better="neither", **unusual),
            a_standing("b", "9.00", **WORSE),
            a_standing("c", "9.00", target=Decimal(2), **WORSE),
            a_standing("d", "1.00", target=Decimal(2), **limits(variation="improving", signal="shift")),
        ],
        {"calls.e": Explanation(COMMENT)},
        LABELS,
    )
    assert [(item.label, item.reason) for item in found] == [
        ("Share c", "Missed the benchmark of under 2%; worse than usual: above the usual range of 3.00% to 7.00%"),
        ("Share b", "Worse than usual: above the usual range of 3.00% to 7.00%"),
        ("Share a", "Unusual: seven months in a row rising"),
        ("Share e", "Named by the author"),
    ]


def test_what_the_analyst_has_not_written_is_shown_as_missing():
    standings = [a_standing(name, "9.00", target=Decimal(2)) for name in "abc"]
    given = {"calls.a": Explanation(COMMENT, "Act", "Owner", "1 May 2023"), "calls.b": Explanation(action="Act")}
    missing = (Block("paragraph", (Run("missing", is_emphasised=True),)),)
    assert [(i.comment, i.action, i.owner, i.due) for i in exceptions(standings, given, LABELS)] == [
        (COMMENT, "Act", "Owner", "1 May 2023"),
        (missing, "Act", "missing", "missing"),
        (missing, "\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}"),
    ]


def test_without_exceptions_the_paper_says_what_was_looked_for():
    usual = a_standing("a", "1.00", target=Decimal(2), variation="common_cause")
    assert no_exceptions([usual]) == "No target is missed. No month is worse than usual or unusual."
    few = a_standing("a", "1.00")
    assert no_exceptions([few]) == (
        "Whether a month is unusual cannot be said before there are twelve complete months."
    )
    assert no_exceptions([usual, a_standing("b", None)]).endswith("Months that are not complete are not judged.")
    assert no_exceptions([a_standing("b", None)]) == "Months that are not complete are not judged."
