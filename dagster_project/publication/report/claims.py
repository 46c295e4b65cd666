"""Write sentences on the claims of a paper: the deciding figures and their months, or why there is no verdict.

They use only the columns of the mart `claims`, and give its figures as a paper prints them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dagster_project.publication.report.display import display, in_full, own_decimals
from dagster_project.publication.report.model import listed, long_month, span

_ENDS = ("improves", "worsens")
_PEAKS = ("peaks_in", "peaks_with")
_THRESHOLDS = ("more_than", "less_than", "equals")

# Decimals of the mart, enough to show any difference between two figures.
_ALL_DECIMALS = 12


@dataclass(frozen=True)
class Claim:
    """One test of a claim: columns of `claims`, and properties of its measure from the catalogue."""

    comparison: str
    verdict: str
    reason_code: str | None
    first_month: date | None
    last_month: date | None
    value: Decimal | None
    base_value: Decimal | None
    value_months: str | None
    base_value_months: str | None
    months_loaded: int
    months_in_period: int | None
    months_needed: str | None
    peaks: str | None
    months_differing: int | None
    unknown_measures: str | None
    unit: str | None
    """None, like the fields after it, if the catalogue does not have the measure."""
    decimals: int | None
    better: str | None
    is_sum: bool | None


def evidence(claim: Claim, names: Mapping[str, str]) -> str:
    """Say in one or two sentences what decides a test of a claim, or why it is not decided.

    `names` has the name of each measure, by its code.
    """
    if claim.reason_code == "months_not_loaded" and _has_figures(claim):
        needed = months_in_words(claim.months_needed)
        is_loaded = "are loaded" if _is_plural(needed) else "is loaded"
        return f"{_figures(claim, names)} {_loaded(claim)}; not decided before {needed} {is_loaded}."
    if claim.reason_code is not None:
        return _reason(claim)
    if claim.months_needed is None:
        return _figures(claim, names)
    return f"{_figures(claim, names)} {_loaded(claim)}; not loaded: {months_in_words(claim.months_needed)}."


def verdict_in_words(verdict: str, months: Iterable[str | None] = ()) -> str:
    """Return a verdict in the words that a board reads.

    Args:
        verdict: verdict on a test or on a whole claim.
        months: columns `value_months` of the tests that are supported so far.
    """
    if verdict == "supported_so_far":
        loaded = ", ".join(text for text in months if text)
        return f"Supported by the months loaded so far ({months_in_words(loaded)})"
    return {"supported": "Supported", "contradicted": "Contradicted", "not_testable": "Cannot be tested"}[verdict]


def months_in_words(months: str | None) -> str:
    """Turn `2022-08 to 2022-10, 2023-01` into `August 2022 to October 2022 and January 2023`; join adjacent spans."""
    spans: list[tuple[date, date]] = []
    for first, last in sorted(_spans(months)):
        if spans and _number(first) <= _number(spans[-1][1]) + 1:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    return listed([span(*each) for each in spans]) if spans else "none"


def _spans(months: str | None) -> Iterable[tuple[date, date]]:
    for text in (months or "").split(", "):
        if text:
            ends = [_month(end) for end in text.split(" to ")]
            yield ends[0], ends[-1]


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def _number(month: date) -> int:
    return 12 * month.year + month.month


def _is_plural(months: str) -> bool:
    return " to " in months or " and " in months


def _loaded(claim: Claim) -> str:
    """`6 of the 10 months are loaded`."""
    verb = "is" if claim.months_loaded == 1 else "are"
    return f"{claim.months_loaded} of the {claim.months_in_period} months {verb} loaded"


def _has_figures(claim: Claim) -> bool:
    """Return whether a test that waits for more months already has figures to state."""
    if claim.comparison in _PEAKS:
        return claim.months_loaded > 1
    return claim.comparison in (*_THRESHOLDS, "within_benchmark") and None not in (claim.value, claim.base_value)


def _figures(claim: Claim, names: Mapping[str, str]) -> str:
    match claim.comparison:
        case comparison if comparison in _ENDS:
            return _ends(claim)
        case "peaks_in":
            return _peak(claim)
        case "peaks_with":
            return _peaks(claim, names)
        case "is_the_sum_of":
            return _sum(claim)
        case "within_benchmark":
            return _benchmark(claim)
        case comparison if comparison in _THRESHOLDS:
            value, threshold = _pair(claim, base_decimals=own_decimals(_base(claim)))
            return f"{value} over {_value_months(claim)}, {_relation(claim, same='exactly')} {threshold}."
        case _:
            value, base = _pair(claim)
            months = months_in_words(claim.base_value_months)
            return f"{value} over {_value_months(claim)}, {_relation(claim, same='the same as')} {base} over {months}."


def _ends(claim: Claim) -> str:
    per_day = " a day" if claim.is_sum else ""
    last, first = _pair(claim, decimals=1 if claim.is_sum else None)
    months = months_in_words(claim.base_value_months), _value_months(claim)
    if claim.value == claim.base_value:
        sentence = f"The same in {months[0]} and {months[1]}: {first}{per_day}"
    else:
        verb = "Rose" if _value(claim) > _base(claim) else "Fell"
        sentence = f"{verb} from {first}{per_day} in {months[0]} to {last}{per_day} in {months[1]}"
    return f"{sentence}; {claim.better} is better."


def _peak(claim: Claim) -> str:
    ((_, months),) = _peak_months(claim)
    greatest, stated = _pair(claim) if claim.base_value is not None else (_text(claim, _value(claim)), "")
    verb, each = ("are", " each") if len(months) > 1 else ("is", "")
    highest = f"{listed([long_month(month) for month in months])} {verb} the highest ({greatest}{each})"
    sentence = f"Of the months {_value_months(claim)}, {highest}"
    if claim.base_value is None or claim.base_value == claim.value:
        return f"{sentence}."
    return f"{sentence}; {months_in_words(claim.base_value_months)} has {stated}."


def _peaks(claim: Claim, names: Mapping[str, str]) -> str:
    peaks = {
        names.get(measure, measure): listed([long_month(month) for month in months])
        for measure, months in _peak_months(claim)
    }
    first, *_ = peaks.values()
    if set(peaks.values()) == {first} and not _is_plural(first):
        highest = f"{first} is the highest of each: {'; '.join(peaks)}"
    else:
        highest = f"the highest are {'; '.join(f'{months} ({name})' for name, months in peaks.items())}"
    return f"Of the months {_value_months(claim)}, {highest}."


def _peak_months(claim: Claim) -> list[tuple[str, list[date]]]:
    """Return the measures in the column `peaks`, each with its months."""
    peaks = re.findall(r"(\S+) (\d{4}-\d{2}(?:, \d{4}-\d{2})*)", claim.peaks or "")
    return [(measure, [_month(month) for month in months.split(", ")]) for measure, months in peaks]


def _sum(claim: Claim) -> str:
    months = f"{claim.months_loaded} months" if claim.months_loaded > 1 else "1 month"
    if not claim.months_differing:
        total = f": {_text(claim, _value(claim))} in total" if claim.is_sum else ""
        return f"Equal to the sum in {months}, {_value_months(claim)}{total}."
    value, others = _pair(claim)
    totals = f": {value} in total, the other measures {others}" if claim.is_sum else ""
    return f"Not the sum in {claim.months_differing} of {months}, {_value_months(claim)}{totals}."


def _benchmark(claim: Claim) -> str:
    value, target = _pair(claim, base_decimals=own_decimals(_base(claim)))
    side = "under" if claim.better == "lower" else "above"
    holds = claim.verdict in ("supported", "supported_so_far")
    return f"{value} over {_value_months(claim)}, {'' if holds else 'not '}{side} the benchmark of {target}."


def _relation(claim: Claim, *, same: str) -> str:
    if claim.value == claim.base_value:
        return same
    return "more than" if _value(claim) > _base(claim) else "less than"


def _reason(claim: Claim) -> str:
    """Say why a test has no verdict."""
    match claim.reason_code:
        case "unknown_measure":
            return f"The catalogue has no measure {claim.unknown_measures}."
        case "month_outside_period":
            return f"{months_in_words(claim.base_value_months)} is not in the period, {_period(claim)}."
        case "one_month":
            return f"The period is {_period(claim)} alone, which leaves nothing to compare it with."
        case "no_target":
            return f"No target is in force in {_period(claim)}."
        case "no_figure":
            return f"There is no figure to compare in {_period(claim)}."
        case "months_not_loaded":
            loaded = [claim.base_value_months] if claim.comparison != "peaks_in" else []
            months = ", ".join(text for text in [*loaded, claim.value_months] if text)
            return f"Not loaded: {months_in_words(claim.months_needed)}. Loaded: {months_in_words(months)}."
        case reason:
            return _REASONS[str(reason)]


_REASONS = {
    "no_period": "The paper states no period.",
    "not_tested": "Whether figures are stable is not tested.",
    "no_direction": "Neither direction of this measure is better.",
    "no_other_measure": "No other measure is named.",
    "no_threshold": "No threshold in the unit of the measure is stated.",
    "periods_differ": "The two periods differ in length.",
    "not_additive": "This measure has figures of single months and none of several months together.",
}


def _period(claim: Claim) -> str:
    return span(claim.first_month, claim.last_month) if claim.first_month and claim.last_month else "its period"


def _value_months(claim: Claim) -> str:
    return months_in_words(claim.value_months)


def _value(claim: Claim) -> Decimal:
    return claim.value or Decimal(0)


def _base(claim: Claim) -> Decimal:
    return claim.base_value or Decimal(0)


def _text(claim: Claim, value: Decimal, decimals: int | None = None) -> str:
    return display(value, claim.unit or "", (claim.decimals or 0) if decimals is None else decimals)


def _pair(claim: Claim, *, decimals: int | None = None, base_decimals: int | None = None) -> tuple[str, str]:
    """Return the texts of `value` and `base_value`, with extra decimals if only those show that the figures differ.

    Args:
        claim: a test with both figures.
        decimals: decimals of both; by default those of the measure.
        base_decimals: decimals of `base_value`, if they differ.
    """
    value, base = _value(claim), _base(claim)
    shown = (claim.decimals or 0) if decimals is None else decimals
    texts = _text(claim, value, shown), _text(claim, base, shown)
    if value == base or texts[0] != texts[1]:
        return texts[0], texts[1] if base_decimals is None else _text(claim, base, base_decimals)
    if claim.unit == "duration":
        return f"{in_full(value)} seconds", f"{in_full(base)} seconds"
    exact = next(
        more for more in range(shown, _ALL_DECIMALS + 1) if _text(claim, value, more) != _text(claim, base, more)
    )
    return _text(claim, value, exact), _text(claim, base, exact)
