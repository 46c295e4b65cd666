"""Compare the headline figures of a month: the matrix on the first page. The main points are in `main_points.py`.

A figure is compared with the month before and with the same month last year only if both months are
complete and have the same formula. Only the control chart calls a month unusual, from 12 points on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dagster_project.publication.report.definitions import has_other_formula
from dagster_project.publication.report.display import display, display_target, rounded
from dagster_project.publication.report.model import (
    Change,
    Figure,
    Headline,
    Matrix,
    Measure,
    Point,
    Verdict,
    long_month,
    short_month,
    span,
)
from dagster_project.publication.report.sentences import (
    POINTS_NEEDED,
    VARIATION_WORDS,
    number_word,
)

UP, _DOWN, _SAME = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}", "="

_ASSURANCE_WORDS = {
    "consistently_meets": "Consistently met",
    "consistently_misses": "Consistently missed",
    "hit_and_miss": "May be met or missed",
}
_ASSURANCE_MEANINGS = {
    "consistently_meets": "the target will be met unless something unusual happens",
    "consistently_misses": "the target will be missed unless something changes",
    "hit_and_miss": "a month could meet the target or miss it",
}


@dataclass(frozen=True)
class Reading:
    """The figure of a complete month."""

    month: date
    value: Decimal
    text: str
    per_day: Decimal | None = None
    """For sums, the value divided by the days of the month."""
    pct_change: Decimal | None = None
    """For sums, the change from this month to the one that is compared with it, in percent; None of zero."""


@dataclass(frozen=True)
class Standing:
    """A headline measure in the last month of a paper, with what it is compared with."""

    measure: Measure
    month: date
    figure: Figure
    """As tables print it."""
    now: Reading | None
    """None if the month has no figure or is not complete; nothing is then concluded from it."""
    month_before: Reading | None = None
    year_before: Reading | None = None
    formula_changes: tuple[date, ...] = ()
    """First days on which a different formula came into force."""
    target: Decimal | None = None
    is_target_met: bool | None = None
    """Of the month on its chart; None without a target, or where neither direction is better."""
    signal: str | None = None
    variation: str | None = None
    """None if the chart has fewer than 12 points."""
    assurance: str | None = None
    mean: Decimal | None = None
    lower_limit: Decimal | None = None
    upper_limit: Decimal | None = None
    points: tuple[Point, ...] = ()
    """Months of the control chart, oldest first."""
    remark: str = ""
    """What limits the figure: missing days, quarantined rows."""

    @property
    def is_rising(self) -> bool:
        """Whether the month is above the month before."""
        return self.now is not None and self.month_before is not None and self.now.value > self.month_before.value

    @property
    def is_high(self) -> bool:
        """Whether the month is high: by the direction of its verdict, else by its trend, else against the mean."""
        if self.variation in ("improving", "concerning") and self.measure.better != "neither":
            return (self.measure.better == "higher") == (self.variation == "improving")
        if self.signal == "trend":
            return self.is_rising
        return self.now is not None and self.mean is not None and self.now.value > self.mean

    @property
    def is_missed(self) -> bool:
        """Whether the target in force is missed."""
        return self.now is not None and self.is_target_met is False

    @property
    def is_exception(self) -> bool:
        """Whether the month needs an explanation: a missed target, or a month that is not better and is unusual."""
        return self.is_missed or (self.now is not None and self.variation in ("concerning", "unusual"))


def matrix(standings: Sequence[Standing], published: str = "") -> Matrix:
    """Return the matrix of headline figures.

    A column that no measure fills is left out: changes on last year before there is one, verdicts before 12 months.
    `published` is a sentence for below it, on what is published nationally.
    """
    headlines = tuple(_headline(item) for item in standings)
    has_verdicts = any(item.variation for item in headlines)
    before, year_before = (
        next((short_month(reading.month) for item in standings if (reading := getattr(item, name))), "")
        for name in ("month_before", "year_before")
    )
    return Matrix(
        columns=(
            ("label", "Measure"),
            ("figure", short_month(standings[0].month) if standings else "Figure"),
            *([("month_change", f"Change on {before}")] if before else []),
            *([("year_change", f"Change on {year_before}")] if year_before else []),
            ("trend", "Trend"),
            *([("variation", "Variation")] if has_verdicts else []),
            *([("target", "Target")] if any(item.target for item in headlines) else []),
        ),
        headlines=headlines,
        note=" ".join(filter(None, ("" if has_verdicts or not headlines else _no_verdict(standings), published))),
    )


def _no_verdict(standings: Sequence[Standing]) -> str:
    """Say why no headline measure has a verdict."""
    most = max(len(_complete(item)) for item in standings)
    if most < POINTS_NEEDED:
        return (
            f"A verdict on what is usual needs {number_word(POINTS_NEEDED)} complete months; there "
            f"{'is' if most == 1 else 'are'} {number_word(most) if most else 'none'}."
        )
    if any(item.now for item in standings):
        return ""
    return f"{long_month(standings[0].month)} is not complete, so it has no verdict."


def change(
    now: Reading | None, before: Reading | None, measure: Measure, formula_changes: Sequence[date] = ()
) -> Change:
    """Return the difference of two figures as readers can check it: from the rounded figures that are printed."""
    if now is None or before is None:
        return Change("", "")
    if has_other_formula(before.month, now.month, formula_changes):
        return Change("", "not compared: different formula")
    if now.text == before.text:
        return Change(_SAME, "no change")
    decimals = 0 if measure.unit == "duration" else measure.decimals
    difference = rounded(now.value, decimals) - rounded(before.value, decimals)
    is_up = difference > 0
    text = f"{'up' if is_up else 'down'} {_size(abs(difference), before, measure, decimals)}"
    if (day := change_per_day(now, before)) is not None and (day > 0) != is_up:
        text += f", but {'no change' if not day else 'down' if is_up else 'up'} per day"
    return Change(UP if is_up else _DOWN, text)


def change_per_day(now: Reading, before: Reading) -> Decimal | None:
    """Return the difference of two sums per day to one decimal, as sentences print it; None for other measures."""
    if now.per_day is None or before.per_day is None:
        return None
    return rounded(now.per_day, 1) - rounded(before.per_day, 1)


def _headline(item: Standing) -> Headline:
    low_high = [pick(_complete(item), key=lambda point: point.value) for pick in (min, max) if _complete(item)]
    return Headline(
        measure=item.measure.code,
        section=item.measure.section_title,
        label=item.measure.short_label,
        figure=item.figure,
        unit=item.measure.unit,
        decimals=item.measure.decimals,
        month_change=change(item.now, item.month_before, item.measure, item.formula_changes),
        year_change=change(item.now, item.year_before, item.measure, item.formula_changes),
        trend=item.points,
        trend_words=(
            f"{span(item.points[0].month, item.points[-1].month)}: lowest {low_high[0].text} in "
            f"{long_month(low_high[0].month)}, highest {low_high[1].text} in {long_month(low_high[1].month)}"
            if low_high
            else ""
        ),
        variation=_variation(item),
        target=_target_state(item),
        assurance=_assurance(item),
        remark=item.remark,
        target_kind=item.measure.target_kind,
    )


def _variation(item: Standing) -> Verdict | None:
    if item.variation is None:
        return None
    words = VARIATION_WORDS[item.variation]
    if item.variation == "common_cause" or item.now is None:
        return Verdict("usual", words, "the month is within its usual range")
    side = "high" if item.is_high else "low"
    kind = {"improving": "better", "concerning": "worse"}.get(item.variation, "unusual")
    return Verdict(
        f"{kind}_{side}",
        f"Unusually {side}" if kind == "unusual" else words,
        f"unusually {side}: {signal_words(item)}",
    )


def _assurance(item: Standing) -> Verdict | None:
    if item.assurance is None or item.target is None:
        return None
    return Verdict(item.assurance, _ASSURANCE_WORDS[item.assurance], _ASSURANCE_MEANINGS[item.assurance])


def _target_state(item: Standing) -> str:
    if item.target is None or item.measure.better == "neither":
        return ""
    words = _target_value(item)
    if item.now is None or item.is_target_met is None:
        # A publication of an earlier version does not say whether it was met.
        return words
    return f"{words}: {'missed' if item.is_missed else 'met'}"


def target_words(item: Standing) -> str:
    """Return the target as `benchmark of under 2%`."""
    return f"{item.measure.target_kind} of {_target_value(item)}"


def _target_value(item: Standing) -> str:
    side = "under" if item.measure.better == "lower" else "over"
    return f"{side} {display_target(item.target or Decimal(0), item.measure.unit)}"


def _size(size: Decimal, before: Reading, measure: Measure, decimals: int) -> str:
    """Return a difference with its unit: points for percentages; for counts also the share of the earlier figure."""
    if measure.unit == "percent":
        number = display(size, "count", decimals)
        return f"{number} {'point' if size == 1 else 'points'}"
    text = display(size, measure.unit, decimals)
    if measure.unit == "count" and before.pct_change is not None:
        return f"{text} ({display(abs(before.pct_change), 'percent', 1)})"
    return text


def signal_words(item: Standing) -> str:
    """Return the rule that the month breaks, in words, with the side on which it lies."""
    if item.signal == "outside_limits" and item.lower_limit is not None and item.upper_limit is not None:
        limits = (
            display(limit, item.measure.unit, item.measure.decimals) for limit in (item.lower_limit, item.upper_limit)
        )
        return f"{'above' if item.is_high else 'below'} the usual range of {' to '.join(limits)}"
    return {
        "trend": f"seven months in a row {'rising' if item.is_rising else 'falling'}",
        "two_of_three": f"two of three months near the {'upper' if item.is_high else 'lower'} end of the usual range",
        "shift": "seven months in a row on one side of the median",
    }.get(item.signal or "", "")


def _complete(item: Standing) -> list[Point]:
    return [point for point in item.points if not point.is_provisional]
