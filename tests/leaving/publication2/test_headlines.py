"""Verdicts of a control chart as icons: the side of a month, whether a target may be met, and why there is none."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.display import display
from dagster_project.publication.report.headlines import Reading, Standing, matrix
from dagster_project.publication.report.model import Figure, Point
from tests.leaving.publication2.reports import a_measure

MONTH, BEFORE, YEAR_BEFORE = date(2023, 1, 1), date(2022, 12, 1), date(2022, 1, 1)
LIMITS = {"mean": Decimal(5), "lower_limit": Decimal(3), "upper_limit": Decimal(7)}
WORSE = LIMITS | {"variation": "concerning", "signal": "outside_limits"}
MISSED, MET = ({"target": Decimal(2), "is_target_met": state} for state in (False, True))


def reading(value: str | None, unit: str, month: date, **more) -> Reading | None:
    decimals = 2 if unit == "percent" else 0
    return value and Reading(month, Decimal(value), display(Decimal(value), unit, decimals), **more)


def a_standing(
    name: str, now: str | None, before: str | None = None, year: str | None = None, *, unit: str = "percent", **changes
) -> Standing:
    measure = a_measure(
        code=f"calls.{name}",
        short_label=f"Share {name}",
        unit=unit,
        decimals=2 if unit == "percent" else 0,
        better=changes.pop("better", "lower"),
    )
    current = reading(now, unit, MONTH)
    made = Standing(
        measure=measure,
        month=MONTH,
        figure=Figure(current.text if current else "-", current and current.value, is_provisional=False),
        now=current,
        month_before=reading(before, unit, BEFORE),
        year_before=reading(year, unit, YEAR_BEFORE),
    )
    return replace(made, **changes)


def points(number: int, **changes) -> tuple[Point, ...]:
    """Months up to December 2022, with their numbers as figures."""
    found = [Point(date(2022 - n // 12, 12 - n % 12, 1), Decimal(n), str(n), False, None) for n in range(number)]
    return tuple(replace(point, **changes) for point in reversed(found))


def test_an_assurance_has_words_where_there_is_a_target():
    found = matrix([a_standing("x", "4", assurance="hit_and_miss", **more) for more in (MET, {})]).headlines
    assert (found[0].assurance.text, found[1].assurance) == ("May be met or missed", None)


@pytest.mark.parametrize(
    ("variation", "better", "value", "icon", "words"),
    [
        ("common_cause", "lower", "5.00", "usual", "No unusual change"),
        ("improving", "lower", "1.00", "better_low", "Better than usual"),
        ("concerning", "higher", "9.00", "worse_low", "Worse than usual"),
        ("unusual", "neither", "9.00", "unusual_high", "Unusually high"),
        ("unusual", "neither", "5.00", "unusual_low", "Unusually low"),
    ],
)
def test_an_icon_says_on_which_side_a_month_lies(variation, better, value, icon, words):
    """By the direction of the verdict, and where neither is better, by the mean."""
    standing = a_standing("x", value, better=better, **WORSE | {"variation": variation})
    verdict = matrix([standing]).headlines[0].variation
    assert (verdict.icon, verdict.text) == (icon, words)
    if icon != "usual":
        side = "above" if icon.endswith("high") else "below"
        assert verdict.meaning == f"unusually {icon.partition('_')[2]}: {side} the usual range of 3.00% to 7.00%"


@pytest.mark.parametrize(
    ("now", "trend", "note"),
    [
        ("2.00", points(4), "A verdict on what is usual needs twelve complete months; there are four."),
        ("2.00", points(1), "A verdict on what is usual needs twelve complete months; there is one."),
        (
            "2.00",
            points(13, is_provisional=True),
            "A verdict on what is usual needs twelve complete months; there are n",
        ),
        ("2.00", points(12), ""),
        (None, points(24), "January 2023 is not complete, so it has no verdict."),
    ],
)
def test_the_matrix_says_once_why_no_measure_has_a_verdict(now, trend, note):
    found = matrix([a_standing("x", now, points=trend), a_standing("y", now)]).note
    assert (found.startswith(note), bool(found)) == (True, bool(note))
    assert matrix([a_standing("x", "2.00", points=trend, variation="common_cause")]).note == ""
