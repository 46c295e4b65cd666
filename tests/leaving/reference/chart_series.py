"""Random charts of measures. Draws them only: what they show is for `control_charts`.

Figures are drawn so that rules begin and end on them: small whole numbers for ties and points on the mean, walks and
steps for runs, moving ranges at 3.267 times their mean, targets that are a limit to the last digit.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.leaving.reference.control_charts import Baseline, Measure, Month, baselines_of, limits_of

MEASURES = {
    f"{unit}.{better}{'.difference' if takes_off else ''}": Measure(unit, better, takes_off)
    for unit in ("count", "percent", "duration")
    for better in ("lower", "higher", "neither")
    for takes_off in (False, True)
    if not (takes_off and unit == "percent")
}
FIRST_MONTH = date(2015, 4, 1)
FIRST_MONDAY = date(2015, 3, 30)
MILLIONTH = Decimal("0.000001")


@dataclass
class Charts:
    """Months by force and measure, and the days on which charts start afresh."""

    months: dict[tuple[str, str], list[Month]] = field(default_factory=dict)
    baselines: list[Baseline] = field(default_factory=list)


def month_start(number: int) -> date:
    """The first day of a month, counted from the first of the charts."""
    months = FIRST_MONTH.year * 12 + FIRST_MONTH.month - 1 + number
    return date(months // 12, months % 12 + 1, 1)


def monday(number: int) -> date:
    """The first day of a week, counted from the first of the charts."""
    return FIRST_MONDAY + timedelta(weeks=number)


def draw(seed: int, forces: int) -> Charts:
    """Two or three charts by month for each of `forces` forces, and days on which they start afresh."""
    dice = random.Random(seed)
    baselines = []
    for measure in MEASURES:
        if dice.random() < 0.5:
            baselines += _draw_baselines(dice, "*", measure)
    return _draw_charts(dice, [f"force-{number:03}" for number in range(forces)], baselines, 50, month_start)


def draw_weekly(seed: int, forces: int, baselines: list[Baseline]) -> Charts:
    """Two or three charts of up to 150 weeks for each of `forces` further forces.

    Args:
        seed: of the random numbers.
        forces: how many forces.
        baselines: days on which charts start afresh; the result has them too.
    """
    return _draw_charts(
        random.Random(seed), [f"weekly-{number:03}" for number in range(forces)], baselines, 150, monday
    )


def _draw_charts(
    dice: random.Random,
    forces: list[str],
    baselines: list[Baseline],
    longest: int,
    first_day_of: Callable[[int], date],
) -> Charts:
    charts = Charts(baselines=list(baselines))
    for force in forces:
        for measure in dice.sample(sorted(MEASURES), dice.randint(2, 3)):
            if dice.random() < 0.25:
                charts.baselines += _draw_baselines(dice, force, measure)
            starts = baselines_of(force, measure, charts.baselines)
            charts.months[force, measure] = _draw_months(dice, MEASURES[measure], starts, longest, first_day_of)
    return charts


def _draw_baselines(dice: random.Random, force: str, measure: str) -> list[Baseline]:
    """Days before, in and after the charts; two in one month begin one segment."""
    days = {
        month_start(dice.randint(-10, 50)).replace(day=dice.choice((1, 1, 2, 15))) for _ in range(dice.randint(1, 4))
    }
    if dice.random() < 0.3:
        days.add(max(days).replace(day=28))
    return [Baseline(force, measure, day) for day in sorted(days)]


def _draw_months(
    dice: random.Random, measure: Measure, starts: list[date], longest: int, first_day_of: Callable[[int], date]
) -> list[Month]:
    count = dice.choice((1, 2, 3, dice.randint(4, 14), dice.randint(15, longest), dice.randint(15, longest)))
    first = dice.randint(0, 8)
    values = _draw_values(dice, measure, count)
    rough = dice.choice((0, 0, 0.1, 0.4))
    # In a third of the charts the formula changes once, or changes back.
    turns = sorted(dice.sample(range(count + 1), min(count, dice.choice((0, 0, 0, 0, 1, 2)))))
    months = []
    for number, value in enumerate(values):
        # Each of the three says for itself that the month is no point.
        kind = "whole" if dice.random() >= rough else dice.choice(("provisional", "undelivered", "without value"))
        months.append(
            Month(
                month_start=first_day_of(first + number),
                value=None if kind == "without value" else value,
                target=None,
                is_delivered=kind != "undelivered",
                is_provisional=kind == "provisional",
                share_of_days_loaded=Decimal({"provisional": 50, "undelivered": 0}.get(kind, 100)),
                formula="ab"[sum(turn <= number for turn in turns) % 2],
            )
        )
    return _with_targets(dice, measure, starts, months)


def _with_targets(dice: random.Random, measure: Measure, starts: list[date], months: list[Month]) -> list[Month]:
    """The months with a target that holds for some of them: one of the figures, or a limit of a segment."""
    if dice.random() < 0.2:
        return months
    candidates = [month.value for month in months if month.value is not None]
    for begun in [date.min, *starts]:
        segment = [
            Fraction(m.value)
            for m in months
            if m.is_delivered
            and m.value is not None
            and not m.is_provisional
            and begun == max([date.min, *_until(starts, m)])
        ]
        limits = limits_of(segment, measure)
        for line in (limits.lower, limits.upper) if limits else ():
            if (line * 10**6).denominator == 1:
                candidates += [Decimal(int(line * 10**6)).scaleb(-6)] * len(months)
    if not candidates:
        return months
    targets = [dice.choice([*candidates, None]) for _ in range(2)]
    turn = dice.randrange(len(months))
    return [replace(month, target=targets[number >= turn]) for number, month in enumerate(months)]


def _until(starts: list[date], month: Month) -> list[date]:
    return [start for start in starts if start <= month.month_start]


def _draw_values(dice: random.Random, measure: Measure, count: int) -> list[Decimal]:
    shape = dice.choice(
        (_small, _small, _noise, _noise, _walk, _walk, _step, _near_limit, _alike, _one_jump, _on_the_cut_off, _great)
    )
    values = shape(dice, count)
    if measure.takes_off:
        shift = dice.choice((Decimal(0), sum(values) / len(values) * dice.choice((1, 2))))
        return [(value - shift).quantize(MILLIONTH) for value in values]
    if measure.unit == "duration" and dice.random() < 0.1:
        # Clocks that disagree: an end before its start.
        return [(value - 10).quantize(MILLIONTH) for value in values]
    values = [abs(value).quantize(MILLIONTH) for value in values]
    if measure.unit == "percent" and dice.random() < 0.8:
        # Now and then crimes cancelled of few recorded: above 100.
        return [min(value, Decimal(100)) if dice.random() < 0.5 else value % 100 for value in values]
    return values


def _small(dice: random.Random, count: int) -> list[Decimal]:
    most = dice.choice((1, 3, 6, 12))
    return [Decimal(dice.randint(0, most)) for _ in range(count)]


def _noise(dice: random.Random, count: int) -> list[Decimal]:
    centre, spread = dice.choice((0.5, 50, 97, 30_000)), dice.choice((0.01, 0.1, 0.5))
    return [Decimal(str(round(dice.gauss(centre, centre * spread), 6))) for _ in range(count)]


def _walk(dice: random.Random, count: int) -> list[Decimal]:
    """Rises and falls of some points each, whose lengths lie about the seven that make a trend."""
    value, values, way = Decimal(40), [], 1
    lengths = dice.choice(((3, 8), (6, 7)))
    while len(values) < count:
        way = dice.choice((-way, -way, way))
        for _ in range(dice.randint(*lengths)):
            value += way * Decimal(dice.randint(0 if dice.random() < 0.2 else 1, 6)) / 4
            values.append(value)
    return values[:count]


def _step(dice: random.Random, count: int) -> list[Decimal]:
    """Levels that hold for some points each, with points on a level between them."""
    values = []
    while len(values) < count:
        level = dice.choice((20, 22, 24, 30))
        values += [Decimal(level + dice.choice((-1, 0, 1))) for _ in range(dice.randint(4, 9))]
    return values[:count]


def _near_limit(dice: random.Random, count: int) -> list[Decimal]:
    """Points near the mean, and now and then some about two thirds of the way to a limit."""
    values: list[Decimal] = []
    while len(values) < count:
        values += [Decimal(50 + dice.choice((-2, -1, 0, 1, 2))) for _ in range(dice.randint(4, 9))]
        way = dice.choice((-1, 1))
        values += [Decimal(50 + way * dice.choice((-1, 0, 1, 4, 5, 5, 6))) for _ in range(3)]
    return values[:count]


def _alike(dice: random.Random, count: int) -> list[Decimal]:
    return [Decimal(dice.choice(("0", "7", "33.333333", "100")))] * count


def _one_jump(dice: random.Random, count: int) -> list[Decimal]:
    values = [Decimal(5)] * count
    values[dice.randrange(count)] += dice.choice((Decimal("0.1"), Decimal(40)))
    return values


def _on_the_cut_off(dice: random.Random, count: int) -> list[Decimal]:
    """Moving ranges whose greatest is 3.267 times their mean, or a millionth beside it."""
    ranges = [Decimal(each) for each in ("0.233", "0.25", "0.25", "3.267")] * (count // 4 + 1)
    ranges[3] += dice.choice((-1, 0, 0, 0, 1)) * MILLIONTH
    values = [Decimal(50)]
    for each in ranges[: count - 1]:
        values.append(values[-1] + dice.choice((-1, 1)) * each)
    return values


def _great(dice: random.Random, count: int) -> list[Decimal]:
    """Figures as large as the project allows, with all their decimals."""
    return [Decimal(dice.randint(10**17, 10**18)).scaleb(-6) for _ in range(count)]
