"""Sentences made from figures by rules: direction, peak, target, the year before.

They say nothing that the table beside them does not: they quote its texts, and of two figures with one text none is
called higher. A change is a change when the control chart has a signal within the months shown (rules and limits:
`kpi_measure_spc_as_of`); all else is common variation and called no change. Months of which a day is missing are left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Figure, listed, long_month, short_month

SIGNAL_WORDS = {
    "outside_limits": "outside the limits",
    "shift": "seven in a row on one side of the mean",
    "trend": "seven in a row in one direction",
    "two_of_three": "two of three near a limit",
}
_VARIATIONS = {
    "common_cause": "Common variation",
    "special_cause": "Unusual",
    "improving": "Unusual, for the better",
    "concerning": "Unusual, for the worse",
}
_ASSURANCES = {
    "consistently_meets": "Its limits meet it: it can be relied on.",
    "consistently_misses": "Its limits miss it: it will not be met without a change.",
    "hit_and_miss": "It lies within the limits: meeting it is left to chance.",
}


@dataclass(frozen=True)
class Month:
    """One month of a measure of which no day is missing."""

    month: date
    value: Decimal
    text: str
    per_day: Decimal | None
    """Of sums: the value divided by the days of the month."""
    target: Decimal | None
    signal: str | None


@dataclass(frozen=True)
class Series:
    """A measure over the months of a paper, with the control chart as it stands in the last of them."""

    unit: str
    decimals: int
    better: str
    target_kind: str
    """What the target is called, `target` or `benchmark`."""
    months: tuple[Month, ...]
    left_out: tuple[date, ...]
    """Months without a figure, or of which a day is missing."""
    lower_limit: Decimal | None
    upper_limit: Decimal | None
    is_trial: bool
    variation: str | None
    assurance: str | None
    year_to_date: Figure
    year_to_date_before: Figure


def sentences(series: Series) -> str:
    """What the figures of a measure say, in one paragraph.

    Args:
        series: the measure over the months that the paper shows.
    """
    said = [_change(series), _peak(series), _against_target(series), _against_year_before(series), _left_out(series)]
    return " ".join(sentence for sentence in said if sentence)


def finding(series: Series) -> str:
    """What the control chart says of the last month, in a few words."""
    if series.variation is None:
        return "Too few months for limits"
    return _VARIATIONS[series.variation] + (" (trial limits)" if series.is_trial else "")


def target_label(series: Series, target: Decimal) -> str:
    """`2% benchmark`."""
    return f"{display(target, series.unit, max(0, -int(target.normalize().as_tuple().exponent)))} {series.target_kind}"


def _change(series: Series) -> str:
    if len(series.months) < 2:
        return "There are too few whole months to tell a change."
    first, last = series.months[0], series.months[-1]
    signals = [month for month in series.months if month.signal]
    if series.lower_limit is not None and series.upper_limit is not None and not signals:
        limits = " to ".join(
            display(limit, series.unit, series.decimals) for limit in (series.lower_limit, series.upper_limit)
        )
        return (
            f"No change: {first.text} in {long_month(first.month)} and {last.text} in {long_month(last.month)} "
            f"are within common variation ({limits}{', trial limits' if series.is_trial else ''})."
        )
    sentence = _direction(first, last)
    if signals:
        marks = [f"{short_month(month.month)} ({SIGNAL_WORDS[str(month.signal)]})" for month in signals]
        sentence += f" Unusual: {listed(marks)}."
    return sentence


def _direction(first: Month, last: Month) -> str:
    ends = f"from {first.text} in {long_month(first.month)} to {last.text} in {long_month(last.month)}"
    if first.text == last.text:
        return f"The same in {long_month(first.month)} and {long_month(last.month)}: {last.text}."
    rises = last.value > first.value
    if first.per_day is not None and last.per_day is not None and (last.per_day > first.per_day) != rises:
        days = " to ".join(display(month.per_day, "count", 1) for month in (first, last))
        verb = "rose" if last.per_day > first.per_day else "fell"
        return f"Went {ends}; a day it {verb} ({days}), since the months differ in length."
    return f"{'Rose' if rises else 'Fell'} {ends}."


def _peak(series: Series) -> str:
    if len(series.months) < 2:
        return ""
    greatest = max(series.months, key=lambda month: month.value)
    months = [month for month in series.months if month.text == greatest.text]
    if len(months) == len(series.months):
        return ""
    return f"Highest in {listed([long_month(month.month) for month in months])} ({greatest.text})."


def _against_target(series: Series) -> str:
    judged = [(month, month.target) for month in series.months if month.target is not None]
    if not judged or series.better == "neither":
        return ""
    missed = [month for month, target in judged if not _meets(series.better, month.value, target)]
    side = "Under" if series.better == "lower" else "Above"
    targets = {target for _, target in judged}
    name = target_label(series, targets.pop()) if len(targets) == 1 else series.target_kind
    if not missed:
        sentence = f"{side} the {name} in every whole month."
    elif len(missed) == len(judged):
        sentence = f"Not {side.lower()} the {name} in any whole month."
    else:
        sentence = (
            f"{side} the {name} in {len(judged) - len(missed)} of {len(judged)} whole months, "
            f"not in {listed([long_month(month.month) for month in missed])}."
        )
    return f"{sentence} {_ASSURANCES[series.assurance]}" if series.assurance else sentence


def _meets(better: str, value: Decimal, target: Decimal) -> bool:
    """Targets are strict: a figure on the target misses it."""
    return value < target if better == "lower" else value > target


def _against_year_before(series: Series) -> str:
    now, before = series.year_to_date, series.year_to_date_before
    if now.value is None or before.value is None or now.is_provisional or before.is_provisional:
        return ""
    if now.text == before.text:
        return f"The year to date is the same as a year before: {now.text}."
    side = "higher" if now.value > before.value else "lower"
    return f"The year to date is {side} than a year before: {now.text}, then {before.text}."


def _left_out(series: Series) -> str:
    left = [long_month(month) for month in series.left_out]
    return f"Left out, since days are missing: {listed(left)}." if left and series.months else ""
