"""Sentences follow from the figures by rule and never say more than their texts."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.publication.report.control_charts import series_of
from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Figure
from dagster_project.publication.report.sentences import Month, Series, finding, sentences
from tests.publication.reports import a_measure
from tests.reference.control_charts import is_target_met

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


def test_a_measure_without_any_figure_is_not_said_to_have_too_few_months():
    assert sentences(series((), points=0)).startswith("No figure for the year to date: nothing was delivered")
    so_far = replace(NOTHING, value=Decimal(3), text="3")
    assert sentences(series((), points=0, year_to_date=so_far)).startswith("There are too few complete months")


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
    ("values", "start"),
    [
        (("20", "10", "30"), "Fell from 20 in August 2022 to 10 in September 2022, then rose to 30 in October 2022."),
        # Of a month above both ends and one below them, the more distant one.
        (
            ("20", "35", "8", "22"),
            "Rose from 20 in August 2022 to 35 in September 2022, then fell to 22 in November 2022.",
        ),
        (("20", "25", "30"), "Rose from 20 in August 2022 to 30 in October 2022."),
        # Printed alike, so not beyond.
        (("20", "30.4", "30"), "Rose from 20 in August 2022 to 30 in October 2022."),
    ],
)
def test_a_turn_is_the_month_furthest_beyond_both_ends(values, start):
    assert sentences(series(months(*values), points=3)).startswith(start)


def test_a_measure_that_is_not_judged_says_so():
    found = series(months("10", "30"), chart_type="none", points=0, lower_limit=None, upper_limit=None, variation=None)
    assert sentences(found) == (
        "Rose from 10 in August 2022 to 30 in September 2022. Highest in September 2022 (30), lowest in August 2022 "
        "(10)."
    )
    assert finding(found) == "Not judged: a monthly maximum"


def test_months_of_different_ages_are_not_compared():
    found = series(months("10", "3"), chart_type="cohort", points=0, upper_limit=None, variation=None)
    assert sentences(found) == ""
    assert finding(found) == "Not judged: recent months are still maturing"


def test_a_sum_and_its_daily_mean_may_go_in_different_directions():
    first, last = months("310", "302", signals=(0,))
    found = (replace(first, per_day=Decimal(10)), replace(last, per_day=Decimal("10.0667")))
    assert sentences(series(found)).startswith(
        "Went from 310 in August 2022 to 302 in September 2022; a day it rose (10.0 to 10.1), since the months differ "
        "in length."
    )


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


def test_the_finding_names_the_month_that_it_is_about():
    judged = series(months("10", "30", signals=(0,)), judged_month=date(2022, 9, 1))
    assert finding(judged) == "September 2022: no unusual change"
    assert finding(replace(judged, variation="concerning")) == "September 2022: worse than usual"


def test_months_with_the_same_text_share_the_peak():
    found = sentences(series(months("10.4", "9", "10")))
    assert "Highest in August 2022 and October 2022 (10), lowest in September 2022 (9)." in found
    assert "Highest" not in sentences(series(months("10.4", "10", "9.6")))


@pytest.mark.parametrize(
    ("values", "better", "start"),
    [
        (("1", "1.9"), "lower", "2% benchmark met in all two months"),
        (("1",), "lower", "2% benchmark met in the one month"),
        (("1", "2"), "lower", "2% benchmark met in 1 of 2 months, not in September 2022"),
        (("2", "3"), "lower", "2% benchmark met in none of the two months"),
        (("2.01", "3"), "higher", "2% benchmark met in all two months"),
        (("2", "3"), "higher", "2% benchmark met in 1 of 2 months, not in August 2022"),
    ],
)
def test_a_target_is_strict_and_months_that_miss_it_are_named(values, better, start):
    found = series(months(*values, unit="percent", target="2"), unit="percent", better=better)
    assert f"{start}." in sentences(found)
    assert f"{start}; " in sentences(replace(found, assurance="hit_and_miss"))


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


def test_whether_a_target_is_met_is_what_the_chart_says():
    found = series(months("1", "3", unit="percent", target="2"), unit="percent", better="lower")
    first, second = found.months
    found = replace(found, months=(replace(first, is_target_met=False), replace(second, is_target_met=True)))
    assert "2% benchmark met in 1 of 2 months, not in August 2022." in sentences(found)


def test_a_target_of_a_measure_without_a_better_side_is_not_judged():
    assert "benchmark" not in sentences(series(months("1", "3", target="2")))


def test_targets_that_change_are_not_given_a_number():
    first, second = months("1", "3", unit="percent", target="2")
    found = series((first, replace(second, target=Decimal("2.5"))), unit="percent", better="lower")
    assert "Benchmark met in 1 of 2 months, not in September 2022." in sentences(found)


def test_the_year_before_is_compared_only_when_both_are_whole():
    now, before = (
        Figure(text, Decimal(value), is_provisional=False) for text, value in (("1.33%", "1.334"), ("1.50%", "1.5"))
    )
    found = series(months("1", "2"), year_to_date=now, year_to_date_before=before)
    assert sentences(found).endswith("The year to date is lower than a year earlier: 1.33%, compared with 1.50%.")
    same = replace(found, year_to_date_before=replace(before, text="1.33%", value=Decimal("1.331")))
    assert sentences(same).endswith("The year to date is the same as a year earlier: 1.33%.")
    assert "year" not in sentences(replace(found, year_to_date=replace(now, is_provisional=True)))
    assert "year" not in sentences(replace(found, year_to_date_before=NOTHING))


def test_months_that_are_left_out_are_named():
    december = (date(2022, 12, 1),)
    text = sentences(series(months("1", "2"), left_out=december))
    assert text.endswith("Left out because days are missing: December 2022.")
    assert sentences(series(months("1"), left_out=december)).startswith("There are too few complete months")


@given(st.lists(st.integers(0, 40), min_size=2, max_size=5), st.booleans(), st.sampled_from([3, 12]))
def test_no_sentence_contradicts_the_texts(thousandths, has_signal, points):
    """Values differ by thousandths and texts have two decimals: equal texts are never called different."""
    values = [str(Decimal(1) + Decimal(item) / 1000) for item in thousandths]
    found = months(*values, unit="percent", signals=(len(values) - 1,) if has_signal else ())
    text = sentences(series(found, unit="percent", better="lower", points=points))
    for verb, first, then in re.findall(r"(Rose|Fell) from ([\d.]+)% in \w+ \d+ to ([\d.]+)%", text):
        assert (Decimal(first) < Decimal(then)) == (verb == "Rose")
        assert first != then
    for turned, verb, last in re.findall(r"to ([\d.]+)% in \w+ \d+, then (rose|fell) to ([\d.]+)%", text):
        assert (Decimal(turned) < Decimal(last)) == (verb == "rose")
    if found[0].text == found[-1].text and ", then" not in text:
        assert "Rose" not in text
        assert "Fell" not in text
    if "Highest in " in text:
        peak, bottom = text.split("Highest in ")[1].split("lowest in ")
        for month in found:
            for named, pick in ((peak, max), (bottom.split(".", maxsplit=1)[0], min)):
                is_named = f"{month.month:%B %Y}" in named
                assert is_named == (month.text == pick(item.text for item in found))
