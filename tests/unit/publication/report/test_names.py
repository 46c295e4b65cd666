"""Names of measures state the answer target of the force, and are understood however they are written."""

from datetime import date

import pytest

from dagster_project.publication.report.definitions import Rule
from dagster_project.publication.report.names import named, with_own_seconds
from tests.unit.publication.reports import a_measure

FIRST, LAST = date(2022, 8, 1), date(2023, 1, 31)
IN_TIME = a_measure(
    section="calls_999",
    label="% Answered Within 10 or 15 Seconds",
    short_label="Share of calls answered within 10 or 15 seconds",
    clause="{x} of 10 or 15 were answered within 10 or 15 seconds",
    numerator="calls answered within 10 or 15 seconds",
    stated_seconds="10 or 15",
)


def rule(value: str, first: date = date(2000, 1, 1), last: date | None = None, section: str = "calls_999") -> Rule:
    return Rule("answer_target_seconds", section, first, last, value, "")


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        ([rule("15.000000"), rule("90", section="calls_101")], "15"),
        ([rule("7.500000")], "7.5"),
        # A change before or after the months with figures is not named, one within them is.
        ([rule("10", last=date(2022, 7, 31)), rule("15", date(2022, 8, 1))], "15"),
        ([rule("10", last=LAST), rule("15", date(2023, 2, 1))], "10"),
        ([rule("15", last=date(2022, 9, 30)), rule("9", date(2022, 10, 1))], "9 or 15"),
        ([], "10 or 15"),
    ],
)
def test_names_state_the_answer_targets_of_the_force_in_its_months(rules, seconds):
    own = with_own_seconds(IN_TIME, rules, FIRST, LAST)
    assert (own.label, own.short_label) == (
        f"% Answered Within {seconds} Seconds",
        f"Share of calls answered within {seconds} seconds",
    )
    assert own.clause == f"{{x}} of 10 or 15 were answered within {seconds} seconds"
    assert own.numerator == f"calls answered within {seconds} seconds"
    assert with_own_seconds(a_measure(section="calls_999"), rules, FIRST, LAST) == a_measure(section="calls_999")


ROWS = [
    {
        "measure": f"calls_{line}.in_time",
        "section": f"calls_{line}",
        "section_title": f"{line} calls",
        "label": f"% Answered Within {stated} Seconds",
        "short_label": f"Share of {line} calls answered within {stated} seconds",
        "clause": f"{{x}} of {line} calls were answered within {stated} seconds",
    }
    for line, stated in (("999", "10 or 15"), ("101", "90"))
]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (" % answered  within 10 SECONDS", ["999"]),
        ("% Answered Within 10 or 15 Seconds", ["999"]),
        # Of an earlier publication.
        ("% Answered Within 7.5 or 15 Seconds", ["999", "101"]),
        ("101 calls: % Answered Within 60 Seconds", ["101"]),
        ("calls_101 % Answered Within 90 Seconds", ["101"]),
        ("the share of 999 calls answered within 10 seconds", ["999"]),
        ("Share of 999 calls answered within 10 seconds (% Answered Within 10 Seconds)", ["999"]),
        ("Share of 101 calls answered within 90 seconds by week", ["101"]),
        ("Almost half (49.10%) of 101 calls were answered within 90 seconds", ["101"]),
        ("CALLS_999.in_time", ["999"]),
        ("answered within 10 seconds", []),
        ("", []),
    ],
)
def test_a_name_is_understood_however_it_is_written(text, lines):
    assert named(text, ROWS) == [f"calls_{line}.in_time" for line in lines]
