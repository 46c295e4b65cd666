"""Sentences follow from the figures by rule and never say more than their texts."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.control_charts import series_of
from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Figure
from dagster_project.publication.report.sentences import Month, Series, finding, sentences
from tests.leaving.publication.reports import a_measure
from tests.leaving.reference.control_charts import is_target_met

RUNNING = date(2023, 2, 1)

NOTHING = Figure("\N{EN DASH}", None, is_provisional=True)


def months(
    *values: str, unit: str = "count", target: str | None = None, signals: tuple[int, ...] = ()
) -> tuple[Month, ...]:
    decimals = 2 if unit == "percent" else 0
    return tuple(
        Month(
            month=date(2022 + (7 + place) // 12, (7 + place) % 12 + 1, 1),
            value=Decimal(value),
            text=display(Decimal(value), unit, decimals),
            per_day=None,
            target=Decimal(target) if target else None,
            is_target_met=None,
            signal="outside_limits" if place in signals else None,
            variation="concerning" if place in signals else "common_cause",
        )
        for place, value in enumerate(values)
    )


def series(found: tuple[Month, ...], *, unit: str = "count", **changes) -> Series:
    of_measure = {name: changes.pop(name) for name in ("better", "chart_type") if name in changes}
    measure = a_measure(unit=unit, decimals=2 if unit == "percent" else 0, **of_measure)
    points = changes.pop("points", 12)
    made = Series(
        measure=measure,
        months=tuple(
            replace(month, is_target_met=is_target_met(month.value, month.target, measure.better)) for month in found
        ),
        left_out=(),
        points=points,
        is_trial=points < 12,
        baseline_start=date(2021, 8, 1),
        lower_limit=Decimal("0.5"),
        upper_limit=Decimal("2.5"),
        variation="common_cause",
        assurance=None,
        year_to_date=NOTHING,
        year_to_date_before=NOTHING,
    )
    return replace(made, **changes)


def test_a_change_without_a_signal_is_called_no_unusual_change():
    text = sentences(series(months("35634", "31316", "28441"), lower_limit=Decimal(25147), upper_limit=Decimal(39108)))
    assert text == (
        "No unusual change: 35,634 in August 2022 and 28,441 in October 2022 are within the usual range (25,147 to "
        "39,108). Highest in August 2022 (35,634), lowest in October 2022 (28,441)."
    )


def test_fewer_than_12_points_give_facts_and_no_verdict():
    found = series(
        months("32.01", "42.61", "53.27", "38.93", "20.70", "15.89", unit="percent"),
        unit="percent",
        better="lower",
        points=6,
        variation=None,
    )
    facts = (
        "Rose from 32.01% in August 2022 to 53.27% in October 2022, then fell to 15.89% in January 2023. Highest in "
        "October 2022 (53.27%), lowest in January 2023 (15.89%)."
    )
    assert sentences(found) == f"{facts} There are 6 of the 12 months that a verdict needs."
    assert finding(found) == "No verdict yet: 6 of 12 months"
    # A paper without any verdict says so once, on its first page.
    assert sentences(found, counts_points=False) == facts
    assert "There is 1 of the 12 months" in sentences(replace(found, points=1))


@pytest.mark.parametrize(
    ("values", "start"),
    [
        (("10", "30"), "Rose from 10 in August 2022 to 30 in September 2022. Worse than usual: Sep 2022 (outside the"),
        (("30", "10"), "Fell from 30 in August 2022 to 10 in September 2022. Worse than usual: Sep 2022 (outside the"),
        (("10.4", "10"), "The same in August 2022 and September 2022: 10. Worse than usual: Sep 2022 (outside the"),
    ],
)
def test_a_change_with_a_signal_has_a_direction_unless_the_texts_are_the_same(values, start):
    assert sentences(series(months(*values, signals=(1,)))).startswith(start)


def test_unusual_months_are_named_by_verdict_and_rule():
    first, second, third, fourth = months("1", "2", "3", "4")
    found = series(
        (
            replace(first, signal="shift", variation="improving"),
            replace(second, signal="outside_limits", variation="concerning"),
            replace(third, signal="outside_limits", variation="concerning"),
            replace(fourth, signal="trend", variation="unusual"),
        )
    )
    assert (
        "Better than usual: Aug 2022 (seven in a row on one side of the median). Worse than usual: Sep 2022 and Oct "
        "2022 (outside the limits). Unusual: Nov 2022 (seven in a row in one direction)."
    ) in sentences(found)


@pytest.mark.parametrize(
    "changes",
    [{"baseline_start": date(2022, 9, 1)}, dict.fromkeys(("lower_limit", "upper_limit", "variation"))],
    ids=["a baseline after the first month", "no limits"],
)
def test_without_limits_for_all_months_the_direction_is_given(changes):
    text = sentences(series(months("10", "30"), **changes))
    assert text.startswith("Rose from 10 in August 2022 to 30 in September 2022.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "No unusual change"),
        ({"variation": "improving"}, "Better than usual"),
        ({"variation": "concerning"}, "Worse than usual"),
        ({"variation": "unusual"}, "Unusual"),
        ({"variation": None}, "Month not complete"),
        ({"points": 11, "variation": None}, "No verdict yet: 11 of 12 months"),
        ({"upper_limit": None}, "No limits: hardly any month differs from the one before"),
        ({"upper_limit": None, "variation": "concerning"}, "Worse than usual"),
    ],
)
def test_the_finding_is_the_verdict_in_plain_words(changes, words):
    assert finding(series(months("10", "30"), **changes)) == words


def test_the_verdict_is_that_of_the_newest_month_since_the_last_baseline_that_has_one():
    baseline = date(2021, 2, 1)
    rows = [
        {
            **dict.fromkeys(("lower_limit", "upper_limit", "assurance", "target", "signal")),
            **{"month_start": month, "points": 24, "baseline_start": baseline, "variation": variation},
        }
        for month, variation in ((date(2022, 12, 1), "concerning"), (date(2023, 1, 1), "unusual"), (RUNNING, None))
    ]
    found = series_of(a_measure(), [date(2023, 1, 1), RUNNING], {}, rows, ())
    assert (found.variation, found.judged_month) == ("unusual", date(2023, 1, 1))
    rows[-1]["baseline_start"] = RUNNING
    found = series_of(a_measure(), [date(2023, 1, 1), RUNNING], {}, rows, ())
    assert (found.variation, found.judged_month) == (None, None)


@pytest.mark.parametrize(
    ("assurance", "values", "start"),
    [
        ("consistently_meets", ("1", "1"), "the chart shows that it is met reliably."),
        ("consistently_meets", ("1", "3"), "the chart shows that it is met unless something unusual happens."),
        ("hit_and_miss", ("1", "1"), "the chart does not yet show that it will be met reliably."),
        ("hit_and_miss", ("1", "3"), "the chart shows that it could be met in some months and missed in others."),
        ("hit_and_miss", ("3", "3"), "the chart does not rule out that it will be met."),
        ("consistently_misses", ("3", "3"), "the chart shows that it will not be met without a change."),
        ("consistently_misses", ("1", "3"), "the chart shows that it is missed unless something unusual happens."),
    ],
)
def test_the_chart_and_the_months_of_a_target_agree(assurance, values, start):
    found = series(months(*values, unit="percent", target="2"), unit="percent", better="lower", assurance=assurance)
    assert sentences(found).endswith(f"; {start}")
