"""Sentences on what a control chart shows: rules that are broken, verdicts, and whether a target is met reliably."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Figure
from dagster_project.publication.report.sentences import Month, Series, finding, sentences
from tests.leaving.publication2.reports import a_measure

NOTHING = Figure("\N{EN DASH}", None, is_provisional=True)
DECEMBER = (date(2022, 12, 1),)
FREE = {"upper_limit": None}
UNJUDGED = {"points": 11, "lower_limit": None, "upper_limit": None, "variation": None}


def month(place: int, value: str, decimals: int = 0, **changes) -> Month:
    """A complete month, August 2022 and those after it; a percentage has decimals, a count none."""
    text = display(Decimal(value), "percent" if decimals else "count", decimals)
    plain = {"per_day": None, "target": None, "is_target_met": None, "signal": None}
    return Month(date(2022 + (7 + place) // 12, (7 + place) % 12 + 1, 1), Decimal(value), text, **plain | changes)


def months(values: str, decimals: int = 0, **changes) -> list[Month]:
    return [month(place, value, decimals, **changes) for place, value in enumerate(values.split())]


def targets(values: str, met: str, target: str = "2") -> list[Month]:
    """Percentages with their target, and whether it is met (`y` or `n`)."""
    found = months(values, 2, target=Decimal(target))
    return [replace(item, is_target_met=state == "y") for item, state in zip(found, met, strict=True)]


def series(found: list[Month], *, points: int = 12, **changes) -> Series:
    measure = {name: changes.pop(name) for name in ("chart_type", "unit", "decimals") if name in changes}
    made = Series(
        measure=a_measure(**measure),
        months=tuple(found),
        left_out=(),
        points=points,
        is_trial=points < 12,
        baseline_start=date(2021, 8, 1),
        lower_limit=Decimal(1),
        upper_limit=Decimal(3000),
        variation="common_cause",
        assurance=None,
        year_to_date=NOTHING,
        year_to_date_before=NOTHING,
    )
    return replace(made, **changes)


def year(*values: str) -> dict[str, Figure]:
    """The year to date and the one before, from values with three decimals."""
    figures = [Figure(display(Decimal(value), "percent", 2), Decimal(value), is_provisional=False) for value in values]
    return dict(zip(("year_to_date", "year_to_date_before"), figures, strict=True))


RISE = "Rose from 10 in August 2022 to 30 in September 2022."
ENDS = "Highest in September 2022 (30), lowest in August 2022 (10)."
RULES = {
    "within the limits": (
        series(months("2400 1316 2210")),
        "No unusual change: 2,400 in August 2022 and 2,210 in October 2022 are within the usual range (1 to 3,000). "
        "Highest in August 2022 (2,400), lowest in September 2022 (1,316).",
    ),
    "limits of a later baseline": (series(months("10 30"), baseline_start=date(2022, 9, 1)), f"{RISE} {ENDS}"),
    "few points": (
        series(months("32 53 16"), **UNJUDGED),
        "Rose from 32 in August 2022 to 53 in September 2022, then fell to 16 in October 2022. Highest in September "
        "2022 (53), lowest in October 2022 (16). There are 11 of the 12 months that a verdict needs.",
    ),
    "one point": (
        series(months("10 30"), **UNJUDGED | {"points": 1}),
        f"{RISE} {ENDS} There is 1 of the 12 months that a verdict needs.",
    ),
    "nothing at all": (
        series([], left_out=DECEMBER),
        "No figure for the year to date: nothing was delivered, or there is nothing to divide by.",
    ),
    "one month": (
        series(months("1"), left_out=(*DECEMBER, date(2023, 1, 1))),
        "There are too few complete months to detect a change. Left out because days are missing: December 2022 and "
        "January 2023.",
    ),
    "signals of several verdicts and rules": (
        series(
            [
                month(0, "10", signal="shift", variation="improving"),
                month(1, "7", signal="outside_limits", variation="concerning"),
                month(2, "10", signal="outside_limits", variation="concerning"),
                month(3, "9", signal="two_of_three", variation="concerning"),
                month(4, "10.4", signal="trend", variation="unusual"),
            ]
        ),
        "Fell from 10 in August 2022 to 7 in September 2022, then rose to 10 in December 2022. Better than usual: Aug "
        "2022 (seven in a row on one side of the median). Worse than usual: Sep 2022 and Oct 2022 (outside the limits) "
        "and Nov 2022 (two of three near a limit). Unusual: Dec 2022 (seven in a row in one direction). Highest in "
        "August 2022, October 2022 and December 2022 (10), lowest in September 2022 (7).",
    ),
    "of two turns the more distant one": (
        series(months("20 35 8 22"), **FREE),
        "Rose from 20 in August 2022 to 35 in September 2022, then fell to 22 in November 2022. Highest in September "
        "2022 (35), lowest in October 2022 (8).",
    ),
    "a turn that prints like an end is none": (
        series(months("20 30.4 30"), **FREE),
        "Rose from 20 in August 2022 to 30 in October 2022. Highest in September 2022 and October 2022 (30), lowest in "
        "August 2022 (20).",
    ),
    "months that print the same": (
        series(months("10.4 9.6 10"), **FREE),
        "The same in August 2022 and October 2022: 10.",
    ),
    "a sum that falls because its month is shorter": (
        series([month(0, "310", per_day=Decimal(10)), month(1, "302", per_day=Decimal("10.0667"))], **FREE),
        "Went from 310 in August 2022 to 302 in September 2022; a day it rose (10.0 to 10.1), since the months differ "
        "in length. Highest in August 2022 (310), lowest in September 2022 (302).",
    ),
    "a change of formula": (
        series(months("10 30"), formula_changed=date(2022, 8, 1), **UNJUDGED, **year("1", "2")),
        f"{RISE} {ENDS} Months before August 2022 use a different formula and are not compared.",
    ),
    "a provisional year to date": (
        series(months("10 30"), **FREE, **year("1", "2") | {"year_to_date": replace(NOTHING, value=Decimal(1))}),
        f"{RISE} {ENDS}",
    ),
}


@pytest.mark.parametrize(("found", "text"), RULES.values(), ids=RULES)
def test_a_rule_makes_its_sentence(found, text):
    assert sentences(found) == text


def test_a_paper_without_any_verdict_says_so_once_on_its_first_page():
    assert sentences(series(months("10 30"), **UNJUDGED), counts_points=False) == f"{RISE} {ENDS}"


@pytest.mark.parametrize(
    ("assurance", "met", "words"),
    [
        ("consistently_meets", "yy", "the chart shows that it is met reliably"),
        ("consistently_meets", "yn", "the chart shows that it is met unless something unusual happens"),
        ("hit_and_miss", "yy", "the chart does not yet show that it will be met reliably"),
        ("hit_and_miss", "yn", "the chart shows that it could be met in some months and missed in others"),
        ("hit_and_miss", "nn", "the chart does not rule out that it will be met"),
        ("consistently_misses", "nn", "the chart shows that it will not be met without a change"),
        ("consistently_misses", "yn", "the chart shows that it is missed unless something unusual happens"),
    ],
)
def test_the_chart_and_the_months_of_a_target_agree(assurance, met, words):
    assert sentences(series(targets("1 1", met), assurance=assurance)).endswith(f"; {words}.")


JUDGED = {"judged_month": date(2022, 9, 1)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "No unusual change"),
        (JUDGED, "September 2022: no unusual change"),
        (JUDGED | {"variation": "concerning"}, "September 2022: worse than usual"),
        ({"variation": None}, "Month not complete"),
        (UNJUDGED, "No verdict yet: 11 of 12 months"),
        (UNJUDGED | {"formula_changed": date(2022, 11, 1)}, "Not judged: different formula since November 2022"),
        ({"formula_changed": date(2022, 11, 1)}, "No unusual change"),
        (FREE, "No limits: hardly any month differs from the one before"),
        (FREE | {"variation": "improving"}, "Better than usual"),
        ({"chart_type": "none"}, "Not judged: a monthly maximum"),
        ({"chart_type": "cohort"}, "Not judged: recent months are still maturing"),
    ],
)
def test_the_finding_is_the_verdict_in_plain_words(changes, words):
    assert finding(series(months("10 30"), **changes)) == words
