"""Sentences on claims: golden texts of every comparison and reason, and their place in the warehouse."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
import yaml

from dagster_project.contracts import load_contracts
from dagster_project.publication.report.claims import Claim, evidence, verdict_in_words
from dagster_project.settings import CONTRACTS, DBT_PROJECT

NAMES = {"calls_999.received": "999 calls: Calls Received", "calls_101.received": "101 calls: Calls Received"}

# 999 calls of April to September 2022; August and September are loaded.
CLAIM = Claim(
    comparison="more_than",
    verdict="supported",
    first_month=date(2022, 8, 1),
    last_month=date(2022, 9, 1),
    value=Decimal("1.5"),
    base_value=Decimal("1.4"),
    value_months="2022-08 to 2022-09",
    months_loaded=2,
    months_in_period=2,
    unit="percent",
    decimals=2,
    better="lower",
    is_sum=False,
    chart_type="xmr",
    **dict.fromkeys(("reason_code", "base_value_months", "months_needed", "peaks", "months_differing", "signals")),
    **dict.fromkeys(("chart_points", "lower_limit", "upper_limit", "unknown_measures")),
)


def figures(value: object, base_value: object) -> dict[str, Decimal]:
    return {"value": Decimal(value), "base_value": Decimal(base_value)}


COUNT = {"unit": "count", "decimals": 0, "better": "neither", "is_sum": True}

ENDS = {"value_months": "2022-09", "base_value_months": "2022-08"}

PEAK = {**figures(310, 310), "peaks": "calls_999.received 2022-08", **COUNT}

CHART = {"comparison": "is_stable", "value": Decimal(0), "base_value": None, "chart_points": 24}

CHART |= {"lower_limit": Decimal("0.276166"), "upper_limit": Decimal("2.363977")}

SO_FAR = {"verdict": "supported_so_far", "first_month": date(2022, 4, 1), "months_in_period": 6}

SO_FAR |= {"months_needed": "2022-04 to 2022-07"}

NOT_LOADED = SO_FAR | {"verdict": "not_testable", "reason_code": "months_not_loaded"}

FOUND = [
    (
        {"comparison": "rises", **ENDS, **COUNT, **figures("10.066666666667", 10)},
        "Rose from 10.0 a day in August 2022 to 10.1 a day in September 2022.",
    ),
    (
        {"comparison": "falls", **ENDS, **COUNT, **figures("10.01", 10)},
        "Rose from 10.00 a day in August 2022 to 10.01 a day in September 2022.",
    ),
    (
        {"comparison": "falls", **ENDS, **figures(2, 2)},
        "The same in August 2022 and September 2022: 2.00%.",
    ),
    (
        {"comparison": "improves", **ENDS, **figures(1, 2)},
        "Fell from 2.00% in August 2022 to 1.00% in September 2022; lower is better.",
    ),
    (
        {"comparison": "worsens", **ENDS, "unit": "duration", **figures("61.4", "61.3")},
        "Rose from 61.3 seconds in August 2022 to 61.4 seconds in September 2022; lower is better.",
    ),
    (
        {"comparison": "peaks_in", **PEAK, "base_value_months": "2022-08"},
        "Of the months August 2022 to September 2022, August 2022 is the highest (310).",
    ),
    (
        {"comparison": "peaks_in", **PEAK, "base_value": Decimal(302), "base_value_months": "2022-09"},
        "Of the months August 2022 to September 2022, August 2022 is the highest (310); September 2022 has 302.",
    ),
    (
        {"comparison": "peaks_in", **PEAK, "base_value_months": "2022-08"}
        | {"peaks": "calls_999.received 2022-08, 2022-09"},
        "Of the months August 2022 to September 2022, August 2022 and September 2022 are the highest (310 each).",
    ),
    (
        {"comparison": "peaks_with", **PEAK, "base_value": None}
        | {"peaks": "calls_101.received 2022-08, 2022-09, calls_999.received 2022-08"},
        "Of the months August 2022 to September 2022, the highest are August 2022 and September 2022 (101 calls: Calls "
        "Received); August 2022 (999 calls: Calls Received).",
    ),
    (
        {"comparison": "peaks_with", **PEAK, "base_value": None}
        | {"peaks": "calls_101.received 2022-08, calls_999.received 2022-08"},
        "Of the months August 2022 to September 2022, August 2022 is the highest of each: 101 calls: Calls Received; "
        "999 calls: Calls Received.",
    ),
    (
        {"comparison": "within_benchmark", "base_value": Decimal("2.000000000000")},
        "1.50% over August 2022 to September 2022, under the benchmark of 2%.",
    ),
    (
        {"comparison": "within_benchmark", "base_value": Decimal("1.5"), "verdict": "contradicted"},
        "1.50% over August 2022 to September 2022, not under the benchmark of 1.5%.",
    ),
    (
        {"comparison": "within_benchmark", "better": "higher", **figures(95, 90)},
        "95.00% over August 2022 to September 2022, above the benchmark of 90%.",
    ),
    (
        {"comparison": "within_benchmark", "verdict": "contradicted", "better": "higher", **figures("89.999", 90)},
        "89.999% over August 2022 to September 2022, not above the benchmark of 90.000%.",
    ),
    (
        CHART,
        "No unusual month in August 2022 to September 2022; the control chart has 24 points and the limits 0.28% to "
        "2.36%.",
    ),
    (
        CHART | {"signals": "2022-08 outside_limits, 2022-09 trend"},
        "Unusual of August 2022 to September 2022: August 2022 (outside the limits) and September 2022 (seven in a row "
        "in one direction); the control chart has 24 points and the limits 0.28% to 2.36%.",
    ),
    (
        {"comparison": "is_the_sum_of", **COUNT, "months_differing": 0, **figures(612, 612)},
        "Equal to the sum in 2 months, August 2022 to September 2022: 612 in total.",
    ),
    (
        {"comparison": "is_the_sum_of", **COUNT, "months_differing": 1, **figures(612, 603)},
        "Not the sum in 1 of 2 months, August 2022 to September 2022: 612 in total, the other measures 603.",
    ),
    (
        {"comparison": "is_the_sum_of", "months_differing": 2},
        "Not the sum in 2 of 2 months, August 2022 to September 2022.",
    ),
    ({}, "1.50% over August 2022 to September 2022, more than 1.4%."),
    ({"comparison": "less_than", **COUNT, **figures(612, 613)}, None),
    (
        {"comparison": "equals", "unit": "duration", **figures(7384, 7384)},
        "2h 3m 4s over August 2022 to September 2022, exactly 2h 3m 4s.",
    ),
    (
        {"comparison": "falls_year_on_year", **COUNT, **figures(612, 600)}
        | {"base_value_months": "2021-08 to 2021-09"},
        "612 over August 2022 to September 2022, more than 600 over August 2021 to September 2021.",
    ),
    (
        {"comparison": "rises_year_on_year", "base_value": Decimal("1.5"), "base_value_months": "2021-08 to 2021-09"},
        "1.50% over August 2022 to September 2022, the same as 1.50% over August 2021 to September 2021.",
    ),
]

FOUND = [(changes, text or "612 over August 2022 to September 2022, less than 613.") for changes, text in FOUND]

INCOMPLETE = [
    (
        SO_FAR | {"comparison": "within_benchmark", "base_value": Decimal(2)},
        "1.50% over August 2022 to September 2022, under the benchmark of 2%. 2 of the 6 months are loaded; not "
        "loaded: April 2022 to July 2022.",
    ),
    (
        SO_FAR | {"comparison": "peaks_in", **PEAK, "base_value_months": "2022-08"},
        "Of the months August 2022 to September 2022, August 2022 is the highest (310). 2 of the 6 months are loaded; "
        "not loaded: April 2022 to July 2022.",
    ),
    (
        SO_FAR | CHART | {"verdict": "contradicted", "signals": "2022-08 shift"},
        "Unusual of August 2022 to September 2022: August 2022 (seven in a row on one side of the median); the control "
        "chart has 24 points and the limits 0.28% to 2.36%. 2 of the 6 months are loaded; not loaded: April 2022 to "
        "July 2022.",
    ),
    (
        NOT_LOADED | {"comparison": "within_benchmark", "base_value": Decimal(1)},
        "1.50% over August 2022 to September 2022, not under the benchmark of 1%. 2 of the 6 months are loaded; not "
        "decided before April 2022 to July 2022 are loaded.",
    ),
    (
        NOT_LOADED
        | {"comparison": "less_than", "months_loaded": 1, "value_months": "2022-08", "months_needed": "2022-09"}
        | {"months_in_period": 2},
        "1.50% over August 2022, more than 1.4%. 1 of the 2 months is loaded; not decided before September 2022 is "
        "loaded.",
    ),
    (
        NOT_LOADED | {"comparison": "peaks_in", **PEAK, "base_value": None, "base_value_months": "2022-07"},
        "Of the months August 2022 to September 2022, August 2022 is the highest (310). 2 of the 6 months are loaded; "
        "not decided before April 2022 to July 2022 are loaded.",
    ),
    (
        NOT_LOADED
        | {"comparison": "peaks_in", **PEAK, "base_value_months": "2022-08", "months_loaded": 1}
        | {"value_months": "2022-08", "months_needed": "2022-04 to 2022-07, 2022-09"},
        "Not loaded: April 2022 to July 2022 and September 2022. Loaded: August 2022.",
    ),
    (
        NOT_LOADED | {"comparison": "rises", "base_value": None, "months_needed": "2022-04", "value_months": "2022-09"},
        "Not loaded: April 2022. Loaded: September 2022.",
    ),
    (
        NOT_LOADED | {"comparison": "falls_year_on_year", "months_needed": "2021-04 to 2022-03, 2022-04 to 2022-07"},
        "Not loaded: April 2021 to July 2022. Loaded: August 2022 to September 2022.",
    ),
    (
        NOT_LOADED | {"comparison": "is_stable", "months_loaded": 0, "value_months": None, "value": Decimal(0)},
        "Not loaded: April 2022 to July 2022. Loaded: none.",
    ),
]

REASONS = [
    ("unknown_measure", {"unknown_measures": "calls_999.nonsense"}, "The catalogue has no measure calls_999.nonsense."),
    ("no_period", {"months_needed": "not stated"}, "The paper states no period."),
    (
        "one_month",
        {"last_month": date(2022, 8, 1)},
        "The period is August 2022 alone, which leaves nothing to compare it with.",
    ),
    ("no_direction", {}, "Neither direction of this measure is better."),
    ("no_other_measure", {}, "No other measure is named."),
    ("no_threshold", {}, "No threshold in the unit of the measure is stated."),
    (
        "month_outside_period",
        {"base_value_months": "2022-07"},
        "July 2022 is not in the period, August 2022 to September 2022.",
    ),
    ("not_additive", {}, "This measure has figures of single months and none of several months together."),
    ("periods_differ", {}, "The two periods differ in length."),
    ("no_target", {}, "No target is in force in August 2022 to September 2022."),
    ("no_chart", {}, "This measure has no control chart."),
    (
        "no_chart",
        {"chart_type": "none"},
        "A monthly maximum has no control chart, since it has no usual range.",
    ),
    (
        "no_chart",
        {"chart_type": "cohort"},
        "This measure has no control chart, since its recent months are still maturing.",
    ),
    (
        "no_limits",
        {"chart_points": 6},
        "The control chart with August 2022 to September 2022 has 6 of the 12 points that a verdict needs.",
    ),
    (
        "no_limits",
        {"chart_points": 12},
        "The control chart with August 2022 to September 2022 has no limits, since its 12 points do not differ.",
    ),
    ("no_figure", {}, "There is no figure to compare in August 2022 to September 2022."),
]


@pytest.mark.parametrize(("code", "changes", "text"), REASONS)
def test_a_claim_without_a_verdict_has_a_reason(code, changes, text):
    claim = replace(CLAIM, verdict="not_testable", reason_code=code, **changes)
    assert evidence(claim, NAMES) == text


def test_every_comparison_reason_and_verdict_has_words():
    comparisons = set(load_contracts(CONTRACTS)["published_statements"].column("comparison").values)
    figures = {"value", "mean_per_month", "change", "change_of_mean_per_month"}
    assert {changes.get("comparison", CLAIM.comparison) for changes, _ in FOUND} == comparisons - figures
    models = yaml.safe_load(
        (DBT_PROJECT / "models/papers/_claims__models.yml").read_text(encoding="utf-8")
    )
    accepted = models["models"][0]["data_tests"][0]["integrity"]["arguments"]["accepted"]
    assert {code for code, *_ in REASONS} | {"months_not_loaded"} == set(accepted["reason_code"])
    assert all(verdict_in_words(verdict) for verdict in accepted["claim_verdict"])
