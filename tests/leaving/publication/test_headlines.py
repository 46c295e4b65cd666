"""The matrix and the main points follow from the figures by rule, and say nothing that the figures do not show."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.icons import ICONS, icon
from dagster_project.publication.report.display import display
from dagster_project.publication.report.headlines import Reading, Standing, matrix
from dagster_project.publication.report.model import Figure, Point
from tests.leaving.publication.reports import a_measure
from tests.leaving.reference.control_charts import is_target_met

MONTH, BEFORE, YEAR_BEFORE = date(2023, 1, 1), date(2022, 12, 1), date(2022, 1, 1)


def reading(value: str | None, unit: str, month: date, per_day: str | None = None) -> Reading | None:
    if value is None:
        return None
    decimals = 2 if unit == "percent" else 0
    return Reading(month, Decimal(value), display(Decimal(value), unit, decimals), per_day and Decimal(per_day))


def a_standing(
    name: str, now: str | None, before: str | None = None, year: str | None = None, *, unit: str = "percent", **changes
) -> Standing:
    measure = a_measure(
        code=f"calls.{name}", short_label=f"Share {name}", unit=unit, decimals=2 if unit == "percent" else 0
    )
    measure = replace(measure, better=changes.pop("better", "lower"))
    current = reading(now, unit, MONTH)
    changes = {
        "is_target_met": is_target_met(current and current.value, changes.get("target"), measure.better),
        **changes,
    }
    made = Standing(
        measure=measure,
        month=MONTH,
        figure=Figure(current.text if current else "-", current and current.value, is_provisional=False),
        now=current,
        month_before=reading(before, unit, BEFORE),
        year_before=reading(year, unit, YEAR_BEFORE),
    )
    return replace(made, **changes)


def limits(**changes) -> dict[str, object]:
    return {"mean": Decimal(5), "lower_limit": Decimal(3), "upper_limit": Decimal(7), **changes}


@pytest.mark.parametrize(
    ("assurance", "words"),
    [("consistently_meets", "Consistently met"), ("consistently_misses", "Consistently missed")],
)
def test_limits_on_one_side_of_a_target_are_consistent(assurance, words):
    (headline,) = matrix([a_standing("x", "4.00", target=Decimal(6), assurance=assurance)]).headlines
    assert headline.assurance.text == words


def test_limits_on_both_sides_of_a_target_do_not_deny_that_every_month_has_met_it():
    standing = a_standing("x", "4.00", target=Decimal(6), assurance="hit_and_miss", **limits(variation="common_cause"))
    (headline,) = matrix([standing]).headlines
    assert headline.target == "under 6%: met"
    assert (headline.assurance.text, headline.assurance.meaning) == (
        "May be met or missed",
        "a month could meet the target or miss it",
    )


def test_fewer_than_twelve_months_give_no_verdict_and_say_so_once():
    points = tuple(
        Point(date(2022, month, 1), Decimal(month), str(month), is_provisional=month == 9, signal=None)
        for month in range(8, 13)
    )
    found = matrix([a_standing("x", "2.00", "1.00", points=points)])
    assert found.note == "A verdict on what is usual needs twelve complete months; there are four."
    assert matrix([a_standing("x", "2.00", "1.00", points=())]).note.endswith("there are none.")
    assert (found.headlines[0].variation, found.headlines[0].assurance) == (None, None)
    assert found.headlines[0].trend_words == (
        "August 2022 to December 2022: lowest 8 in August 2022, highest 12 in December 2022"
    )


def test_an_unfinished_month_has_no_verdict_however_many_months_are_complete():
    points = tuple(
        Point(
            date(2021 + month // 12, month % 12 + 1, 1), Decimal(month), str(month), is_provisional=False, signal=None
        )
        for month in range(24)
    )
    found = matrix([a_standing("x", None, points=points)])
    assert found.note == "January 2023 is not complete, so it has no verdict."
    assert matrix([a_standing("x", "2.00", points=points)]).note == ""


@pytest.mark.parametrize(
    ("variation", "better", "value", "icon_name", "words"),
    [
        ("common_cause", "lower", "5.00", "usual", "No unusual change"),
        ("improving", "lower", "1.00", "better_low", "Better than usual"),
        ("improving", "higher", "9.00", "better_high", "Better than usual"),
        ("concerning", "lower", "9.00", "worse_high", "Worse than usual"),
        ("concerning", "higher", "1.00", "worse_low", "Worse than usual"),
        ("unusual", "neither", "9.00", "unusual_high", "Unusually high"),
        ("unusual", "neither", "1.00", "unusual_low", "Unusually low"),
    ],
)
def test_an_icon_says_on_which_side_a_month_lies(variation, better, value, icon_name, words):
    standing = a_standing("x", value, better=better, **limits(variation=variation, signal="outside_limits"))
    verdict = matrix([standing]).headlines[0].variation
    assert (verdict.icon, verdict.text) == (icon_name, words)


def test_every_icon_differs_without_its_colour():
    shapes = {name: icon(name) for name in ICONS}
    for colour in ("#12436D", "#A33A00", "#6B2C91", "#6f777b"):
        shapes = {name: drawn.replace(colour, "black") for name, drawn in shapes.items()}
    assert len(set(shapes.values())) == len(ICONS)
