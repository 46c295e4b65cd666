"""Sentences follow from the figures by rule and never say more than their texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Figure
from dagster_project.publication.report.sentences import Month, Series, finding, sentences

NOTHING = Figure("\N{EN DASH}", None, is_provisional=True)


def months(
    *values: str, unit: str = "count", target: str | None = None, signals: tuple[int, ...] = ()
) -> tuple[Month, ...]:
    decimals = 2 if unit == "percent" else 0
    return tuple(
        Month(
            month=date(2022, 8 + place, 1),
            value=Decimal(value),
            text=display(Decimal(value), unit, decimals),
            per_day=None,
            target=Decimal(target) if target else None,
            signal="outside_limits" if place in signals else None,
        )
        for place, value in enumerate(values)
    )


def series(found: tuple[Month, ...], *, unit: str = "count", better: str = "neither", **changes) -> Series:
    made = Series(
        unit=unit,
        decimals=2 if unit == "percent" else 0,
        better=better,
        target_kind="benchmark",
        months=found,
        left_out=(),
        lower_limit=Decimal("0.5"),
        upper_limit=Decimal("2.5"),
        is_trial=False,
        variation="common_cause",
        assurance=None,
        year_to_date=NOTHING,
        year_to_date_before=NOTHING,
    )
    return replace(made, **changes)


def test_a_change_without_a_signal_is_called_no_change():
    said = sentences(series(months("35634", "31316", "28441"), lower_limit=Decimal(25147), upper_limit=Decimal(39108)))
    assert said == (
        "No change: 35,634 in August 2022 and 28,441 in October 2022 are within common variation (25,147 to 39,108). "
        "Highest in August 2022 (35,634)."
    )


def test_trial_limits_are_said_to_be_such():
    assert "(1 to 3, trial limits)" in sentences(series(months("1", "2"), is_trial=True))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("10", "30"), "Rose from 10 in August 2022 to 30 in September 2022. Unusual: Sep 2022 (outside the limits)."),
        (("30", "10"), "Fell from 30 in August 2022 to 10 in September 2022. Unusual: Sep 2022 (outside the limits)."),
        (("10.4", "10"), "The same in August 2022 and September 2022: 10. Unusual: Sep 2022 (outside the limits)."),
    ],
)
def test_a_change_with_a_signal_has_a_direction_unless_the_texts_are_the_same(values, said):
    assert sentences(series(months(*values, signals=(1,)))).startswith(said)


def test_a_sum_whose_direction_a_day_is_another_says_both():
    first, last = months("310", "302", signals=(0,))
    found = (replace(first, per_day=Decimal(10)), replace(last, per_day=Decimal("10.0667")))
    assert sentences(series(found)).startswith(
        "Went from 310 in August 2022 to 302 in September 2022; a day it rose (10.0 to 10.1), since the months differ "
        "in length."
    )


def test_without_limits_the_direction_is_told():
    found = series(months("10", "30"), lower_limit=None, upper_limit=None, variation=None)
    assert sentences(found).startswith("Rose from 10 in August 2022 to 30 in September 2022.")
    assert finding(found) == "Too few months for limits"


def test_months_with_one_text_share_the_peak_and_no_peak_is_none():
    assert "Highest in August 2022 and October 2022 (10)." in sentences(series(months("10.4", "9", "10")))
    assert "Highest" not in sentences(series(months("10.4", "10", "9.6")))


@pytest.mark.parametrize(
    ("values", "better", "said"),
    [
        (("1", "1.9"), "lower", "Under the 2% benchmark in every whole month."),
        (("1", "2"), "lower", "Under the 2% benchmark in 1 of 2 whole months, not in September 2022."),
        (("2", "3"), "lower", "Not under the 2% benchmark in any whole month."),
        (("2.01", "3"), "higher", "Above the 2% benchmark in every whole month."),
        (("2", "3"), "higher", "Above the 2% benchmark in 1 of 2 whole months, not in August 2022."),
    ],
)
def test_a_target_is_strict_and_the_months_that_miss_it_are_named(values, better, said):
    found = series(months(*values, unit="percent", target="2"), unit="percent", better=better)
    assert said in sentences(found)
    assert sentences(replace(found, assurance="hit_and_miss")).endswith("meeting it is left to chance.")


def test_a_target_of_a_measure_without_a_better_side_is_not_judged():
    assert "benchmark" not in sentences(series(months("1", "3", target="2")))


def test_targets_that_change_are_not_given_a_number():
    first, second = months("1", "3", unit="percent", target="2")
    found = series((first, replace(second, target=Decimal("2.5"))), unit="percent", better="lower")
    assert "Under the benchmark in 1 of 2 whole months, not in September 2022." in sentences(found)


def test_the_year_before_is_compared_only_when_both_are_whole():
    now, before = (
        Figure(text, Decimal(value), is_provisional=False) for text, value in (("1.33%", "1.334"), ("1.50%", "1.5"))
    )
    found = series(months("1", "2"), year_to_date=now, year_to_date_before=before)
    assert sentences(found).endswith("The year to date is lower than a year before: 1.33%, then 1.50%.")
    same = replace(found, year_to_date_before=replace(before, text="1.33%", value=Decimal("1.331")))
    assert sentences(same).endswith("The year to date is the same as a year before: 1.33%.")
    assert "year" not in sentences(replace(found, year_to_date=replace(now, is_provisional=True)))
    assert "year" not in sentences(replace(found, year_to_date_before=NOTHING))


def test_months_that_are_left_out_are_named():
    assert sentences(series(months("1", "2"), left_out=(date(2022, 12, 1),))).endswith(
        "Left out, since days are missing: December 2022."
    )
    assert sentences(series(months("1"), left_out=(date(2022, 12, 1),))).startswith("There are too few whole months")


@given(st.lists(st.integers(0, 40), min_size=2, max_size=5), st.booleans())
def test_no_sentence_contradicts_the_texts(thousandths, has_signal):
    """Values differ by thousandths while texts have two decimals: what is printed alike is never told apart."""
    values = [str(Decimal(1) + Decimal(item) / 1000) for item in thousandths]
    found = months(*values, unit="percent", signals=(len(values) - 1,) if has_signal else ())
    said = sentences(series(found, unit="percent", better="lower"))
    if found[0].text == found[-1].text:
        assert "Rose" not in said
        assert "Fell" not in said
    if "Highest in " in said:
        peak = said.split("Highest in ")[1]
        for month in found:
            is_named = f"{month.month:%B %Y}" in peak
            assert is_named == (month.text == max(item.text for item in found))
