"""kpi_call_definitions and kpi_staffing_hourly computed the slow and plain way: lists, loops, fractions, no SQL.

Erlang's formulas are Fractions, since all but the exponential is rational; that one is taken to 50 digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Any

from tests.reference.deliveries import complete_days
from tests.reference.measures import (
    KEYS,
    LINES,
    CallRules,
    Row,
    calls_of,
    current,
    days_of,
    in_force,
    is_short,
    local,
    months_between,
    percent,
    rounded,
)
from tests.reference.worlds import World

THRESHOLDS = (0, 5, 10, 15, 20, 30)


def inverse_losses(load: Fraction) -> Iterator[tuple[int, Fraction]]:
    """1, 2, ... operators, and one in how many calls is lost if none waits: the sum of n! / (n - k)! / A^k over k."""
    operators, inverse = 0, Fraction(1)
    while True:
        operators += 1
        inverse = 1 + Fraction(operators) / load * inverse
        yield operators, inverse


def waiting(operators: int, load: Fraction, inverse: Fraction) -> Fraction:
    """Share of calls that wait at all: B / (1 - A/n * (1 - B))."""
    lost = 1 / inverse
    return lost / (1 - load / operators * (1 - lost))


@cache
def queue(operators: int, load: Decimal) -> Fraction:
    """Share of calls that wait with so many operators, which are more than the load."""
    exact = Fraction(load)
    return next(waiting(n, exact, inverse) for n, inverse in inverse_losses(exact) if n == operators)


def service_level(operators: int, load: Decimal, handle: Decimal, target: Decimal) -> Decimal:
    """100 * (1 - C * exp(-(n - A) * T / H)), half up to six decimals."""
    if load == 0:
        return Decimal(100)
    share = queue(operators, load)
    with localcontext() as context:
        context.prec = 50
        waits = Decimal(share.numerator) / Decimal(share.denominator)
        level = 100 - 100 * waits * (-(operators - load) * target / handle).exp()
        return level.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)


def wait(operators: int, load: Decimal, handle: Decimal) -> Decimal:
    """C * H / (n - A), half up to six decimals."""
    if load == 0:
        return Decimal(0)
    exact = rounded(queue(operators, load) * Fraction(handle) / (operators - Fraction(load)))
    assert exact is not None
    return exact


def least_operators(load: Decimal, handle: Decimal, target: Decimal, level: Decimal) -> int:
    """The first number of operators above the load that reaches the level, however many it takes."""
    operators = int(load) + 1
    while service_level(operators, load, handle, target) < level:
        operators += 1
    return operators


class NaiveCalls:
    """The two marts of one force."""

    def __init__(self, world: World, force: str) -> None:
        """Put the segments of each call together."""
        self.force = force
        self.rules = world.definitions.calls
        self.delivered = complete_days(world.history, force)["call_segments"]
        rows = [row for row in world.history.rows["call_segments"] if row["force_code"] == force]
        self.calls = [self._judged(call) for call in calls_of(current(rows, KEYS["call_segments"]))]
        self.thresholds = {row.value.short_abandon_seconds for rows in self.rules.values() for row in rows}

    def in_force(self, line: str, day: date) -> CallRules:
        """The force's own rules of a day, else those of all forces."""
        rules: CallRules = in_force(self.rules[line], self.force, day)
        return rules

    def _judged(self, call: Row) -> Row:
        moment = local(call["at"])
        judged = {**call, "day": moment.date(), "hour": moment.hour, "spoke": call["answered"]}
        if call["line"] in LINES:
            rules = self.in_force(call["line"], moment.date())
            answered = call["answered"] or (rules.called_back_is_answered and call["back"] is not None)
            judged["answered"] = answered
            judged["in_time"] = answered and call["queue"] is not None and call["queue"] < rules.target_seconds
            judged["short"] = is_short(call, rules)
        return judged

    def months(self) -> Iterator[tuple[date, list[date], int]]:
        """First day, days and number of delivered days of each month from the first to the last delivered one."""
        delivered = [(day.year, day.month) for day in self.delivered]
        for month in months_between(min(delivered), max(delivered)):
            days = list(days_of(month))
            yield days[0], days, sum(day in self.delivered for day in days)

    def definitions(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Return the expected rows of kpi_call_definitions, by line, month and threshold."""
        found = {}
        thresholds = {Decimal(seconds) for seconds in THRESHOLDS} | self.thresholds
        for line in LINES:
            for month, days, loaded in self.months():
                for threshold in thresholds:
                    in_force = all(self.in_force(line, day).short_abandon_seconds == threshold for day in days)
                    figures = self._figures(line, month, threshold) if loaded else (None,) * 12
                    share = percent(loaded, len(days))
                    found[line, month, threshold] = (in_force, *figures, loaded < len(days), share)
        return found

    def _figures(self, line: str, month: date, threshold: Decimal) -> tuple[Any, ...]:
        calls = [call for call in self.calls if call["line"] == line and call["day"].replace(day=1) == month]
        short = [
            call for call in calls if not call["spoke"] and call["queue"] is not None and call["queue"] < threshold
        ]
        left = [call for call in calls if call not in short]
        answered = [call for call in left if call["answered"]]
        in_time = sum(call["in_time"] for call in answered)
        missed = len(left) - len(answered)
        queued = sum((call["queue"] or Fraction(0) for call in answered), Fraction(0))
        return (
            len(calls),
            len(short),
            len(left),
            len(answered),
            missed,
            percent(missed, len(left)),
            percent(missed, len(calls)),
            in_time,
            percent(in_time, len(answered)),
            percent(in_time, len(calls)),
            percent(in_time, len(left)),
            rounded(queued / len(answered)) if answered else None,
        )

    def staffing(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Return the expected rows of kpi_staffing_hourly, by line, month, weekday and hour."""
        found = {}
        for line in LINES:
            for month, days, loaded in self.months():
                if not loaded:
                    continue
                counted = [day for day in days if day in self.delivered]
                calls = [
                    call for call in self.calls if call["line"] == line and not call["short"] and call["day"] in counted
                ]
                for weekday in range(1, 8):
                    number = sum(day.isoweekday() == weekday for day in counted)
                    for hour in range(24):
                        own = [c for c in calls if c["day"].isoweekday() == weekday and c["hour"] == hour]
                        row = self._hour(self.in_force(line, month), number, own, calls)
                        found[line, month, weekday, hour] = (*row, loaded < len(days), percent(loaded, len(days)))
        return found

    def _hour(self, rules: CallRules, days: int, own: list[Row], of_month: list[Row]) -> tuple[Any, ...]:
        asked = (rules.target_seconds, rules.service_level_pct)
        if not days:
            return (0, None, None, None, None, *asked, None, None, None, None)
        if not own:
            return (days, 0, Decimal(0), None, Decimal(0), *asked, 0, None, None, None)
        rate = Fraction(len(own), days)
        spoken = [call for call in own if call["spoke"]] or [call for call in of_month if call["spoke"]]
        if not spoken:
            return (days, len(own), rounded(rate), None, None, *asked, None, None, None, None)
        mean = sum((call["talk"] for call in spoken), Fraction(0)) / len(spoken) + Fraction(rules.after_call_seconds)
        handle, load = rounded(mean), rounded(rate * mean / 3600)
        assert handle is not None
        assert load is not None
        operators = 1 if load == 0 else least_operators(load, handle, rules.target_seconds, rules.service_level_pct)
        return (
            days,
            len(own),
            rounded(rate),
            handle,
            load,
            *asked,
            operators,
            service_level(operators, load, handle, rules.target_seconds),
            wait(operators, load, handle),
            rounded(100 * Fraction(load) / operators),
        )
