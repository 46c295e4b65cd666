"""Sentences follow from the figures by rule and never say more than their texts."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.course import rest_of_year
from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Figure
from dagster_project.publication.report.sentences import Series, finding, record, sentences
from tests.unit.publication.reports import a_measure

NOTHING = Figure("\N{EN DASH}", None, is_provisional=True)
DECEMBER = (date(2022, 12, 1),)
NEWEST = {
    "month_start": date(2022, 10, 1),
    "verdict": None,
    "record_side": -1,
    "record_since": None,
    "first_month": date(2021, 2, 1),
    "mean_per_day": None,
}


def months(verdicts: str, met: str = "", targets: str = "") -> list[dict]:
    """Months from August 2022 on: with a verdict (`w`orse, `b`etter or `-`), with a target that is met (`y`) or not."""
    words = {"w": "worse", "b": "better"}
    found = [
        {"month_start": date(2022, 8 + place, 1), "verdict": words.get(verdict)}
        for place, verdict in enumerate(verdicts)
    ]
    for item, is_met, at in zip(found, met, targets.split() or ["2"] * len(met), strict=False):
        item |= {"target": Decimal(at), "is_target_met": is_met == "y"}
    return found


def series(found: list[dict], **changes) -> Series:
    measure = {name: changes.pop(name) for name in ("chart_type", "unit", "decimals", "better") if name in changes}
    made = Series(
        measure=a_measure(**measure),
        months=tuple(found),
        left_out=(),
        year_to_date=NOTHING,
        year_to_date_before=NOTHING,
    )
    return replace(made, **changes)


def year(*values: str) -> dict[str, Figure]:
    """The year to date and the one before, from values with three decimals."""
    figures = [Figure(display(Decimal(value), "percent", 2), Decimal(value), is_provisional=False) for value in values]
    return dict(zip(("year_to_date", "year_to_date_before"), figures, strict=True))


RULES = {
    "months that stand out": (
        series(months("-wb"), newest=NEWEST),
        "Better than usual: Oct 2022. Worse than usual: Sep 2022. October 2022 is the lowest since figures began in "
        "February 2021.",
    ),
    "nothing at all": (series([], left_out=DECEMBER), "There is no complete month."),
    "nothing that stands out": (series(months("---")), "Nothing stands out."),
    "months without days": (
        series(months("-"), left_out=(*DECEMBER, date(2023, 1, 1))),
        "Left out because days are missing: December 2022 and January 2023.",
    ),
    "a change of formula": (
        series(months("---"), formula_changed=date(2022, 8, 1), **year("1", "2")),
        "Months before August 2022 use a different formula and are not compared.",
    ),
    "a provisional year to date": (
        series(months("---"), **year("1", "2") | {"year_to_date": replace(NOTHING, value=Decimal(1))}),
        "Nothing stands out.",
    ),
}


@pytest.mark.parametrize(("found", "text"), RULES.values(), ids=RULES)
def test_a_rule_makes_its_sentence(found, text):
    assert sentences(found) == text


@pytest.mark.parametrize(
    ("found", "changes", "text"),
    [
        (months("--", "yy"), {}, "2% benchmark met in all two months."),
        (months("-", "y"), {}, "2% benchmark met in the one month."),
        (months("--", "nn"), {}, "2% benchmark met in none of the two months."),
        (months("---", "yny"), {}, "2% benchmark met in 2 of 3 months, not in September 2022."),
        (
            months("--", "yn"),
            {"left_out": DECEMBER},
            "2% benchmark met in 1 of 2 complete months, not in September 2022. Left out because days are missing: "
            "December 2022.",
        ),
        # Targets that differ are not given a number.
        (months("--", "yn", "2 2.5"), {}, "Benchmark met in 1 of 2 months, not in September 2022."),
        ([], year("1.334", "1.5"), "The year to date is lower than a year earlier: 1.33%, compared with 1.50%."),
        ([], year("1.6", "1.5"), "The year to date is higher than a year earlier: 1.60%, compared with 1.50%."),
        ([], year("1.334", "1.331"), "The year to date is the same as a year earlier: 1.33%."),
    ],
)
def test_targets_and_the_year_before_end_the_sentences(found, changes, text):
    assert sentences(series(found, unit="percent", decimals=2, **changes)).endswith(text)


def test_the_finding_is_what_stands_out_in_plain_words():
    found = series(months("--"), newest=NEWEST | {"verdict": "better", "record_since": date(2021, 3, 1)})
    assert finding(found) == "October 2022: better than usual, the lowest since March 2021"
    assert finding(replace(found, newest=NEWEST | {"record_side": None})) == ""
    assert finding(replace(found, newest={})) == ""
    long = a_measure(unit="duration")
    assert record(NEWEST | {"record_side": 1}, long).startswith("the longest since")
    assert record(NEWEST | {"mean_per_day": Decimal(1)}, a_measure()).startswith("the lowest a day since")


@pytest.mark.parametrize(
    ("state", "better", "target", "need", "words"),
    [
        ("open", "lower", "2", "5.79", "met if under about 5.7%"),
        ("open", "higher", "90", "93.2", "needs about 94%"),
        ("never_reached", "higher", "90", "93.2", "needs about 94%, never reached"),
        ("cannot_be_met", "higher", "90", "104", "cannot be met"),
        ("missed", "lower", "2", None, "missed for the year"),
    ],
)
def test_what_the_rest_of_the_year_needs_is_rounded_to_the_harder_side(state, better, target, need, words):
    row = {"rest_of_year_state": state, "rest_of_year_need": need and Decimal(need), "target": Decimal(target)}
    assert rest_of_year(row, a_measure(unit="percent", decimals=2, better=better)) == words


def test_without_a_target_the_rest_of_the_year_is_like_the_month():
    row = {"month_start": date(2023, 1, 1), "target": None, "year_like_month": Decimal("32.5349")}
    measure = a_measure(unit="percent", decimals=2)
    assert rest_of_year(row, measure) == "like January: 32.53% for the year"
    assert rest_of_year(row | {"target": Decimal(2)}, measure) == rest_of_year({}, measure) == ""
