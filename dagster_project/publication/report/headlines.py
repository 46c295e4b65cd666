"""Compare the headline figures of a month: the matrix on the first page. The main points are in `main_points.py`.

A figure is compared with the month before and with the same month last year only if both months are
complete and have the same formula. Only `kpi_measure_verdict` calls a month worse or better than usual.
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
    long_month,
    short_month,
    span,
)
from dagster_project.publication.report.sentences import number_word

UP, _DOWN, _SAME = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}", "="

_YEAR = 12
"""Months that a month is judged against."""


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
    """None without a target, or where neither direction is better."""
    verdict: str | None = None
    """`worse` or `better` than usual, if the month is one of them."""
    usual: Decimal | None = None
    usual_step: Decimal | None = None
    record: str = ""
    """`the highest since March 2021`; empty without a record."""
    words: str = ""
    """Verdict and record together, as the table shows them."""
    course: tuple[str, ...] = ()
    """How often the target was met, and what the rest of the year needs."""
    points: tuple[Point, ...] = ()
    """Months of its chart, oldest first."""
    remark: str = ""
    """What limits the figure: missing days, quarantined rows."""

    @property
    def is_missed(self) -> bool:
        """Whether the target in force is missed."""
        return self.now is not None and self.is_target_met is False

    @property
    def is_exception(self) -> bool:
        """Whether the month needs an explanation: a missed target, or a month that is worse than usual."""
        return self.is_missed or (self.now is not None and self.verdict == "worse")


def matrix(standings: Sequence[Standing], published: str = "") -> Matrix:
    """Return the matrix of headline figures.

    A column that no measure fills is left out: changes on last year before there is one, verdicts where there are none.
    `published` is a sentence for below it, on what is published nationally.
    """
    headlines = tuple(_headline(item) for item in standings)
    is_judged = any(item.usual is not None for item in standings)
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
            *([("verdict", "Stands out")] if any(item.verdict for item in headlines) else []),
            *([("target", "Target")] if any(item.target for item in headlines) else []),
        ),
        headlines=headlines,
        note=" ".join(filter(None, ("" if is_judged or not headlines else _no_verdict(standings), published))),
    )


def _no_verdict(standings: Sequence[Standing]) -> str:
    """Say why no headline measure has a verdict."""
    most = max(len(_complete(item)) - (item.now is not None) for item in standings)
    if most >= _YEAR:
        return ""
    return (
        f"A month is judged against the {number_word(_YEAR)} complete months before it; there "
        f"{'is' if most == 1 else 'are'} {number_word(most) if most else 'none'}."
    )


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
        verdict=item.words,
        target=_target_state(item),
        course=item.course if item.now else (),
        remark=item.remark,
        target_kind=item.measure.target_kind,
    )


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


def usual_words(item: Standing) -> str:
    """Return `the usual 29.43% and the highest since March 2021`, to follow `worse than`."""
    usual = display(item.usual, item.measure.unit, item.measure.decimals) if item.usual is not None else "value"
    return " and ".join(filter(None, (f"the usual {usual}", item.record)))


def _complete(item: Standing) -> list[Point]:
    return [point for point in item.points if not point.is_provisional]
