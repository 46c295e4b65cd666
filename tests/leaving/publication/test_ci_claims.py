"""Sentences on claims: the words of every comparison and reason, and their place on the page."""

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.publication.report.claims import Claim, evidence, months_in_words, verdict_in_words

BOTH = "August 2022 to September 2022"

# 1.50% in two months, both loaded.
CLAIM = Claim(
    **dict.fromkeys(field.name for field in fields(Claim))
    | {"comparison": "more_than", "verdict": "supported", "value": Decimal("1.5"), "base_value": Decimal("1.4")}
    | {"first_month": date(2022, 8, 1), "last_month": date(2022, 9, 1), "value_months": "2022-08 to 2022-09"}
    | {"months_loaded": 2, "months_in_period": 2, "unit": "percent", "decimals": 2, "better": "lower"}
    | {"is_sum": False}
)


def figures(value: object, base_value: object) -> dict[str, Decimal]:
    return {"value": Decimal(value), "base_value": Decimal(base_value)}


COUNT = {"unit": "count", "decimals": 0, "better": "neither", "is_sum": True}
YEAR = {"comparison": "falls_year_on_year", "base_value_months": "2021-08 to 2021-09"}
PEAK = {"comparison": "peaks_in", **figures(310, 310), "peaks": "a.b 2022-08", **COUNT, "base_value_months": "2022-08"}
TARGET = {"comparison": "within_benchmark"}
SUM = {"comparison": "is_the_sum_of", "months_differing": 0}
FOUND = [
    ({}, f"1.50% over {BOTH}, more than 1.4%."),
    ({"comparison": "less_than", **COUNT, **figures(612, 613)}, f"612 over {BOTH}, less than 613."),
    ({"comparison": "equals", "unit": "duration", **figures(7384, 7384)}, f"2h 3m 4s over {BOTH}, exactly 2h 3m 4s."),
    (YEAR | COUNT | figures(612, 600), f"612 over {BOTH}, more than 600 over August 2021 to September 2021."),
    (YEAR | figures("1.5", "1.5"), f"1.50% over {BOTH}, the same as 1.50% over August 2021 to September 2021."),
    # With as many decimals as show that two figures differ.
    (YEAR | figures("2.001", "2.002"), f"2.001% over {BOTH}, less than 2.002% over August 2021 to September 2021."),
    (PEAK, f"Of the months {BOTH}, August 2022 is the highest (310)."),
    (
        PEAK | {"base_value": Decimal(302), "base_value_months": "2022-09"},
        f"Of the months {BOTH}, August 2022 is the highest (310); September 2022 has 302.",
    ),
    (
        PEAK | {"peaks": "a.b 2022-08, 2022-09"},
        f"Of the months {BOTH}, August 2022 and September 2022 are the highest (310 each).",
    ),
    (TARGET | {"better": "higher", **figures(95, 90)}, f"95.00% over {BOTH}, above the benchmark of 90%."),
    (
        TARGET | {"better": "higher", "verdict": "contradicted", **figures("89.999", 90)},
        f"89.999% over {BOTH}, not above the benchmark of 90.000%.",
    ),
    (SUM | COUNT | figures(612, 612), f"Equal to the sum in 2 months, {BOTH}: 612 in total."),
    (SUM | {"months_loaded": 1, "value_months": "2022-08"}, "Equal to the sum in 1 month, August 2022."),
    (
        SUM | COUNT | {"months_differing": 1, **figures(612, 603)},
        f"Not the sum in 1 of 2 months, {BOTH}: 612 in total, the other measures 603.",
    ),
]
SO_FAR = {"verdict": "supported_so_far", "first_month": date(2022, 4, 1), "months_in_period": 6}
SO_FAR |= {"months_needed": "2022-04 to 2022-07"}
WAITS = SO_FAR | {"verdict": "not_testable", "reason_code": "months_not_loaded"}
INCOMPLETE = [
    (
        SO_FAR | TARGET | {"base_value": Decimal(2)},
        f"1.50% over {BOTH}, under the benchmark of 2%. 2 of the 6 months are loaded; not loaded: April 2022 to July "
        "2022.",
    ),
    (
        WAITS | TARGET | {"months_loaded": 1, "value_months": "2022-08", "months_needed": "2022-09"},
        "1.50% over August 2022, not under the benchmark of 1.4%. 1 of the 6 months is loaded; not decided before "
        "September 2022 is loaded.",
    ),
    (
        WAITS | PEAK | {"base_value": None, "base_value_months": "2022-07", "months_needed": "2022-04, 2022-07"},
        f"Of the months {BOTH}, August 2022 is the highest (310). 2 of the 6 months are loaded; not decided before "
        "April 2022 and July 2022 are loaded.",
    ),
    (
        WAITS | PEAK | {"months_loaded": 1, "value_months": "2022-08"},
        "Not loaded: April 2022 to July 2022. Loaded: August 2022.",
    ),
    (WAITS | {"base_value": None, "value_months": None}, "Not loaded: April 2022 to July 2022. Loaded: none."),
]
REASONS = [
    ({"reason_code": "unknown_measure", "unknown_measures": "a.none"}, "The catalogue has no measure a.none."),
    ({"reason_code": "no_direction"}, "Neither direction of this measure is better."),
    ({"reason_code": "one_month"}, f"The period is {BOTH} alone, which leaves nothing to compare it with."),
    (
        {"reason_code": "month_outside_period", "base_value_months": "2022-07"},
        f"July 2022 is not in the period, {BOTH}.",
    ),
    ({"reason_code": "no_target"}, f"No target is in force in {BOTH}."),
    ({"reason_code": "no_figure", "first_month": None}, "There is no figure to compare in its period."),
]


@pytest.mark.parametrize(("changes", "text"), [*FOUND, *INCOMPLETE, *REASONS])
def test_evidence_gives_the_deciding_figures_and_months_or_the_reason_why_there_are_none(changes, text):
    assert evidence(replace(CLAIM, **changes), {}) == text


@given(st.decimals(0, 9, places=12), st.decimals(0, 9, places=12), st.sampled_from(["count", "percent", "duration"]))
def test_two_figures_that_differ_never_look_the_same(value, base, unit):
    text = evidence(replace(CLAIM, **YEAR | {"unit": unit, "value": value, "base_value": base}), {})
    first, second = (text.split(" over ")[0] for text in text.replace("the same as", "than").split(" than "))
    assert (first == second) == (value == base)


def test_verdicts_and_months_have_words():
    assert verdict_in_words("supported_so_far", ("2022-08 to 2023-01", None, "2022-10")) == (
        "Supported by the months loaded so far (August 2022 to January 2023)"
    )
    verdicts = ("supported", "contradicted", "not_testable")
    assert [verdict_in_words(verdict) for verdict in verdicts] == ["Supported", "Contradicted", "Cannot be tested"]
    # Adjoining months are one span, also across the end of a year.
    assert months_in_words("2022-12, 2023-01 to 2023-02, 2023-04") == "December 2022 to February 2023 and April 2023"
