"""kpi_call_definitions and kpi_staffing_hourly computed the slow and plain way: lists, loops, fractions, no SQL.

Erlang's formulas are Fractions, since all but the exponential is rational; that one is taken to 50 digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Any

from tests.reference.calls import LONDON, Calls, Parameters
from tests.reference.deliveries import complete_days

Row = dict[str, Any]
THRESHOLDS = (0, 5, 10, 15, 20, 30)
LINES = ("999", "101")


def rounded(value: Fraction | None) -> Decimal | None:
    """Half up to six decimals, of a value that is not negative."""
    if value is None:
        return None
    return Decimal((2 * value.numerator * 10**6 + value.denominator) // (2 * value.denominator)).scaleb(-6)


def percent(part: int | None, whole: int | None) -> Decimal | None:
    """part / whole * 100, rounded; None without a whole above zero."""
    return rounded(Fraction(100 * part, whole)) if part is not None and whole else None


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


def local(moment: datetime) -> datetime:
    """Wall-clock time in London of a naive UTC moment."""
    return moment.replace(tzinfo=UTC).astimezone(LONDON)


class NaiveCalls:
    """The two marts of one force."""

    def __init__(self, calls: Calls, force: str) -> None:
        """Put the segments of each call together."""
        self.force = force
        self.delivered = complete_days(calls.history, force)["call_segments"]
        self.parameters = calls.parameters
        by_call: dict[str, list[Row]] = {}
        for segment in calls.segments:
            if segment["force_code"] == force:
                by_call.setdefault(segment["call_id"], []).append(segment)
        self.calls = [self._call(segments) for segments in by_call.values()]
        self.first = min(self.delivered).replace(day=1)
        self.last = max(self.delivered)

    def in_force(self, line: str, day: date) -> Parameters:
        """The force's own parameters of a day, else those of all forces."""
        holding = [
            row for row in self.parameters if row.line == line and row.first <= day and day <= (row.last or date.max)
        ]
        own = [row for row in holding if row.force == self.force]
        return max(own or [row for row in holding if row.force == "*"], key=lambda row: row.first)

    def _call(self, segments: list[Row]) -> Row:
        segments.sort(key=lambda segment: segment["segment_no"])
        waits: list[Fraction] = []
        spoke = False
        for segment in segments:
            if segment["queue_seconds"] is not None:
                waits.append(Fraction(segment["queue_seconds"]))
            if segment["disposition"] == "answered":
                spoke = True
                break
        queued = sum(waits, Fraction(0)) if waits else None
        moment = local(segments[0]["arrived_at"])
        line, day = segments[0]["line"], moment.date()
        call = {
            "line": line,
            "day": day,
            "hour": moment.hour,
            "queue": queued,
            "spoke": spoke,
            "talk": sum((Fraction(segment["talk_seconds"]) for segment in segments), Fraction(0)),
        }
        if line in LINES:
            rules = self.in_force(line, day)
            back = any(segment["called_back_at"] for segment in segments)
            call["answered"] = spoke or (rules.back_is_answered and back)
            call["in_time"] = call["answered"] and queued is not None and queued < rules.target
            call["short"] = not spoke and queued is not None and queued < rules.short
        return call

    def months(self) -> Iterator[tuple[date, list[date], int]]:
        """First day, days and number of delivered days of each month from the first to the last delivered one."""
        month = self.first
        while month <= self.last:
            days = [month + timedelta(days=n) for n in range(31)]
            days = [day for day in days if day.month == month.month]
            yield month, days, sum(day in self.delivered for day in days)
            month = days[-1] + timedelta(days=1)

    def definitions(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """What kpi_call_definitions has to hold, by line, month and threshold."""
        found = {}
        thresholds = {Decimal(seconds) for seconds in THRESHOLDS} | {row.short for row in self.parameters}
        for line in LINES:
            for month, days, loaded in self.months():
                for threshold in thresholds:
                    in_force = all(self.in_force(line, day).short == threshold for day in days)
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
            len(calls), len(short), len(left), len(answered), missed,
            percent(missed, len(left)), percent(missed, len(calls)),
            in_time, percent(in_time, len(answered)), percent(in_time, len(calls)), percent(in_time, len(left)),
            rounded(queued / len(answered)) if answered else None,
        )  # fmt: skip

    def staffing(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """What kpi_staffing_hourly has to hold, by line, month, weekday and hour."""
        found = {}
        for line in LINES:
            for month, days, loaded in self.months():
                if not loaded:
                    continue
                counted = [day for day in days if day in self.delivered]
                calls = [
                    call
                    for call in self.calls
                    if call["line"] == line and not call["short"] and call["day"] in counted
                ]  # fmt: skip
                for weekday in range(1, 8):
                    number = sum(day.isoweekday() == weekday for day in counted)
                    for hour in range(24):
                        own = [c for c in calls if c["day"].isoweekday() == weekday and c["hour"] == hour]
                        row = self._hour(self.in_force(line, month), number, own, calls)
                        found[line, month, weekday, hour] = (*row, loaded < len(days), percent(loaded, len(days)))
        return found

    def _hour(self, rules: Parameters, days: int, own: list[Row], of_month: list[Row]) -> tuple[Any, ...]:
        asked = (rules.target, rules.level)
        if not days:
            return (0, None, None, None, None, *asked, None, None, None, None)
        if not own:
            return (days, 0, Decimal(0), None, Decimal(0), *asked, 0, None, None, None)
        rate = Fraction(len(own), days)
        spoken = [call for call in own if call["spoke"]] or [call for call in of_month if call["spoke"]]
        if not spoken:
            return (days, len(own), rounded(rate), None, None, *asked, None, None, None, None)
        mean = sum((call["talk"] for call in spoken), Fraction(0)) / len(spoken) + Fraction(rules.after_call)
        handle, load = rounded(mean), rounded(rate * mean / 3600)
        assert handle is not None
        assert load is not None
        operators = 1 if load == 0 else least_operators(load, handle, rules.target, rules.level)
        return (
            days, len(own), rounded(rate), handle, load, *asked, operators,
            service_level(operators, load, handle, rules.target), wait(operators, load, handle),
            rounded(100 * Fraction(load) / operators),
        )  # fmt: skip
