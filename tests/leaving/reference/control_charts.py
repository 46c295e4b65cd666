"""Control charts computed the slow and plain way: lists of points, windows of seven and three, fractions, no SQL.

A second opinion for `kpi_measure_spc` and `kpi_measure_spc_weekly`, written from the rules alone. It knows no file and
no database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any

from tests.leaving.reference.measures import rounded

ABOVE, BELOW = 1, -1
LEFT_OUT_ABOVE = Fraction("3.267")
REACH = Fraction("2.66")
ENOUGH = 12
RULES = ("outside_limits", "trend", "two_of_three", "shift")


@dataclass(frozen=True)
class Month:
    """One month of a chart as it is delivered; of a weekly chart a week, by its first day."""

    month_start: date
    value: Decimal | None
    target: Decimal | None
    is_delivered: bool
    is_provisional: bool
    share_of_days_loaded: Decimal
    formula: str


@dataclass(frozen=True)
class Measure:
    """Properties of a measure that its chart depends on."""

    unit: str
    better: str
    takes_off: bool


@dataclass(frozen=True)
class Baseline:
    """A day on which the baseline of a measure starts again; `*` for every force."""

    force_code: str
    measure: str
    valid_from: date


@dataclass(frozen=True)
class Limits:
    """The exact lines of one segment."""

    mean: Fraction
    reach: Fraction
    lower: Fraction
    upper: Fraction


def limits_of(values: list[Fraction], measure: Measure) -> Limits | None:
    """Mean and limits of a segment's points; none where no point differs from the one before it."""
    if len(values) < 2:
        return None
    mean = sum(values) / Fraction(len(values))
    kept = [abs(later - earlier) for earlier, later in pairwise(values)]
    if len(values) >= ENOUGH:
        mean_range = sum(kept) / Fraction(len(kept))
        kept = [each for each in kept if each <= LEFT_OUT_ABOVE * mean_range]
    reach = REACH * sum(kept) / len(kept)
    if reach == 0:
        return None
    lower, upper = mean - reach, mean + reach
    if not measure.takes_off and lower < 0 <= mean:
        lower = Fraction(0)
    if measure.unit == "percent" and mean <= 100 < upper:
        upper = Fraction(100)
    return Limits(mean, reach, lower, upper)


def windows(count: int, length: int) -> Iterable[range]:
    """The places of every stretch of `length` neighbouring points."""
    return (range(first, first + length) for first in range(count - length + 1))


def patterns_of(values: list[Fraction], limits: Limits | None) -> list[dict[str, int]]:
    """Every rule that finds a point unusual, with whether it is high or low, rising or falling."""
    found: list[dict[str, int]] = [{} for _ in values]
    middle = median(values)
    for window in windows(len(values), 7):
        for way in (ABOVE, BELOW):
            if all(way * (values[place] - middle) > 0 for place in window):
                for place in window:
                    found[place]["shift"] = way
            if all(way * (values[place + 1] - values[place]) > 0 for place in window[:-1]):
                for place in window:
                    # The last point of one trend and the first of the other keeps that which led to it.
                    if place != window[0] or "trend" not in found[place]:
                        found[place]["trend"] = way
    if limits is None:
        return found
    for place, value in enumerate(values):
        if value > limits.upper:
            found[place]["outside_limits"] = ABOVE
        if value < limits.lower:
            found[place]["outside_limits"] = BELOW
    for window in windows(len(values), 3):
        for way in (ABOVE, BELOW):
            if any(way * (values[place] - limits.mean) <= 0 for place in window):
                continue
            outer = [
                place
                for place in window
                if way * (values[place] - limits.mean) > limits.reach * 2 / 3
                and limits.lower <= values[place] <= limits.upper
            ]
            if len(outer) >= 2:
                for place in outer:
                    found[place]["two_of_three"] = way
    return found


def signal_of(patterns: dict[str, int]) -> str | None:
    """The first rule that finds a point unusual."""
    return next((rule for rule in RULES if rule in patterns), None)


def variation_of(patterns: dict[str, int], better: str) -> str:
    """The verdict on a point."""
    signal = signal_of(patterns)
    if signal is None:
        return "common_cause"
    if better == "neither":
        return "unusual"
    if signal == "trend" and patterns.get("shift", patterns["trend"]) != patterns["trend"]:
        return "unusual"
    return "improving" if patterns[signal] == (ABOVE if better == "higher" else BELOW) else "concerning"


def assurance_of(target: Decimal | None, limits: Limits | None, better: str) -> str | None:
    """Whether the process can be relied on to stay strictly under the target, or strictly above it."""
    if target is None or limits is None or better == "neither":
        return None
    exact = Fraction(target)
    met = [line < exact if better == "lower" else line > exact for line in (limits.lower, limits.upper)]
    if all(met):
        return "consistently_meets"
    return "hit_and_miss" if any(met) else "consistently_misses"


def is_target_met(value: Decimal | None, target: Decimal | None, better: str) -> bool | None:
    """Whether a figure is strictly under its target, or strictly above it."""
    if value is None or target is None or better == "neither":
        return None
    return value < target if better == "lower" else value > target


def baselines_of(force_code: str, measure: str, baselines: Iterable[Baseline]) -> list[date]:
    """The days on which a force's chart starts afresh: its own, or those of every force where it has none."""
    days: dict[str, list[date]] = {force_code: [], "*": []}
    for baseline in baselines:
        if baseline.measure == measure and baseline.force_code in days:
            days[baseline.force_code].append(baseline.valid_from)
    return days[force_code] or days["*"]


def chart(months: Iterable[Month], measure: Measure, starts: list[date]) -> dict[date, dict[str, Any]]:
    """Every month of one measure of one force with what its control chart says, by month."""
    segments: list[list[Month]] = []
    before = None
    for month in sorted(months, key=lambda month: month.month_start):
        begun = month.formula, max((start for start in starts if start <= month.month_start), default=date.min)
        if begun != before:
            segments.append([])
        segments[-1].append(month)
        before = begun
    rows = {}
    for segment in segments:
        points = [m for m in segment if m.is_delivered and not m.is_provisional and m.value is not None]
        values = [Fraction(point.value) for point in points]
        limits = limits_of(values, measure)
        is_judged = len(points) >= ENOUGH
        found = patterns_of(values, limits) if is_judged else []
        patterns = {point.month_start: each for point, each in zip(points, found, strict=is_judged)}
        for month in segment:
            here = patterns.get(month.month_start)
            rows[month.month_start] = {
                "value": month.value,
                "mean": rounded(sum(values) / Fraction(len(values))) if values else None,
                "lower_limit": rounded(limits.lower) if limits else None,
                "upper_limit": rounded(limits.upper) if limits else None,
                "is_trial": len(points) < ENOUGH,
                "signal": signal_of(here) if here else None,
                "variation": None if here is None else variation_of(here, measure.better),
                "assurance": assurance_of(month.target, limits, measure.better) if is_judged else None,
                "is_target_met": is_target_met(month.value, month.target, measure.better),
                "target": month.target,
                "points": len(points),
                "baseline_start": segment[0].month_start,
                "is_provisional": month.is_provisional,
                "share_of_days_loaded": month.share_of_days_loaded,
            }
    return rows
