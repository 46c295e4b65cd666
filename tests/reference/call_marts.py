"""Expected rows of the marts of calls by day and hour, and of the staff that they need."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import cache
from itertools import product

from tests.reference.history import LINES, CallRules, Month, Row, days_of, local
from tests.reference.measures import NaiveWarehouse, month_of, percent, percentile, rounded
from tests.reference.tables import Rows, completeness, first_day, grouped, mean, table

# Columns of the marts of calls to the names of measures.
COLUMNS = {
    **{name: name for name in ("received", "answered", "not_answered", "called_back", "talk_hours")},
    **{name: name for name in ("pct_not_answered", "pct_answered_within_target", "pct_received_within_target")},
    **{f"{name}_queue_seconds": f"{name}_queue_time" for name in ("avg", "median", "p90", "max")},
    "avg_talk_seconds": "avg_talk_time",
    "avg_queue_seconds_all": "avg_queue_time_all",
    "pct_called_back_same_day": "pct_called_back_same_day",
}
SOURCES = ("call_segments:999",)


def _figures_of(calls: list[Row]) -> Row:
    """What is shown of some calls; nothing of none but that there were none."""
    answered = [call for call in calls if call["counts_as_answered"]]
    queues = [call["queue_seconds"] for call in answered if call["queue_seconds"] is not None]
    missed = len(calls) - len(answered)
    return {
        "received": len(calls),
        "answered": len(answered),
        "not_answered": missed,
        "pct_not_answered": percent(missed, len(calls)),
        "avg_queue_seconds": mean(queues, len(answered)),
        "avg_talk_seconds": mean([call["talk_seconds"] for call in answered], len(answered)),
        "pct_answered_within_target": percent(sum(call["in_time"] for call in answered), len(answered)),
        "median_queue_seconds": rounded(percentile(queues, Fraction(1, 2))),
        "p90_queue_seconds": rounded(percentile(queues, Fraction(9, 10))),
        "called_back": sum(call["called_back_at"] is not None for call in calls if not call["counts_as_answered"]),
    }


@table("line", "date_day")
def kpi_calls_daily(one: NaiveWarehouse) -> Rows:
    source_days = one.delivered["call_segments"]
    calls = grouped(one.received, lambda call: (call["line"], call["day"]))
    called = {day for _, day in calls}
    rows: Rows = {}
    for line, month in product(LINES, one.calendar(("call_segments",)).span):
        delivered = one.delivered[f"call_segments:{line}"]
        for day in days_of(month):
            if min(source_days) <= day <= max(source_days) or day in called:
                own = calls.get((line, day), [])
                row = _figures_of(own) if own or day in delivered else dict.fromkeys(_figures_of([]))
                # A day without any talk time has no mean of it.
                row |= {"avg_talk_seconds": None} if day in one.silent else {}
                rows[line, day] = row | {"is_provisional": day not in delivered}
    return rows


def _hour_of(call: Row) -> tuple[str, Month, int, int]:
    return call["line"], month_of(call["arrived_at"]), call["day"].isoweekday(), local(call["arrived_at"]).hour


def _hours(one: NaiveWarehouse) -> list[tuple[str, Month, int, int]]:
    """Every hour of the week of each line and delivered month."""
    return list(product(LINES, one.calendar(SOURCES).delivered, range(1, 8), range(24)))


@table("line", "month_start", "day_of_week", "hour_of_day")
def kpi_calls_hourly(one: NaiveWarehouse) -> Rows:
    calls = grouped(one.received, _hour_of)
    return {
        (line, first_day(month), *hour): _figures_of(calls[line, month, *hour])
        | ({"avg_talk_seconds": None} if any(call["day"] in one.silent for call in calls[line, month, *hour]) else {})
        | completeness(one, SOURCES, month)
        for line, month, *hour in _hours(one)
    }


@table("line", "month_start", "day_of_week", "hour_of_day")
def kpi_staffing_hourly(one: NaiveWarehouse) -> Rows:
    calls = [call for call in one.received if call["day"] in one.delivered[f"call_segments:{call['line']}"]]
    by_hour = grouped(calls, _hour_of)
    by_month = grouped(calls, lambda call: (call["line"], month_of(call["arrived_at"])))
    rows: Rows = {}
    for line, month, *hour in _hours(one):
        loaded = one.delivered[f"call_segments:{line}"]
        days: list[date] = [day for day in days_of(month) if day in loaded and day.isoweekday() == hour[0]]
        rules = one.rules(line, first_day(month))
        # A day without any talk time says nothing of how long calls last.
        timed = [call for call in by_month[line, month] if call["day"] not in one.silent]
        staffed = _staffed(rules, len(days), by_hour[line, month, *hour], timed)
        rows[line, first_day(month), *hour] = staffed | completeness(one, SOURCES, month)
    return rows


def _staffed(rules: CallRules, days: int, own: list[Row], timed: list[Row]) -> Row:
    """Operators that an hour of the week needs; without a timed answered call of it, calls last as in the month."""
    row: Row = {
        "days": days,
        "received": len(own) if days else None,
        "calls_per_hour": rounded(Fraction(len(own), days)) if days else None,
        "offered_erlangs": Decimal(0) if days and not own else None,
        "operators_required": 0 if days and not own else None,
        "answer_target_seconds": rules.target_seconds,
        "service_level_target_pct": rules.service_level_pct,
        **dict.fromkeys(("avg_handle_seconds", "expected_service_level_pct", "expected_wait_seconds", "occupancy_pct")),
    }
    answered = [call for call in timed if call["is_answered"]]
    spoken = [call for call in answered if call in own] or answered
    if not own or not spoken:
        return row
    length = Fraction(sum(call["talk_seconds"] for call in spoken)) / len(spoken) + Fraction(rules.after_call_seconds)
    handle, load = rounded(length) or Decimal(0), rounded(length * len(own) / days / 3600) or Decimal(0)
    operators = least_operators(load, handle, rules.target_seconds, rules.service_level_pct) if load else 1
    return row | {
        "avg_handle_seconds": handle,
        "offered_erlangs": load,
        "operators_required": operators,
        "expected_service_level_pct": service_level(operators, load, handle, rules.target_seconds),
        "expected_wait_seconds": wait(operators, load, handle),
        "occupancy_pct": percent(Fraction(load), operators),
    }


@cache
def queue(operators: int, load: Decimal) -> Fraction:
    """Erlang's share of calls that wait with so many operators: B / (1 - A/n * (1 - B)); 1 / B is a sum over them."""
    inverse = Fraction(1)
    for number in range(1, operators + 1):
        inverse = 1 + number / Fraction(load) * inverse
    return 1 / inverse / (1 - Fraction(load) / operators * (1 - 1 / inverse))


def service_level(operators: int, load: Decimal, handle: Decimal, target: Decimal) -> Decimal:
    """100 * (1 - C * exp(-(n - A) * T / H)), half up to six decimals; the exponential is taken to 50 digits."""
    if load == 0:
        return Decimal(100)
    share = queue(operators, load)
    with localcontext(prec=50):
        waits = Decimal(share.numerator) / Decimal(share.denominator)
        level = 100 - 100 * waits * (-(operators - load) * target / handle).exp()
        return level.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)


def wait(operators: int, load: Decimal, handle: Decimal) -> Decimal | None:
    """C * H / (n - A), half up to six decimals."""
    return rounded(queue(operators, load) * Fraction(handle) / (operators - Fraction(load))) if load else Decimal(0)


def least_operators(load: Decimal, handle: Decimal, target: Decimal, level: Decimal) -> int:
    """The first number of operators above the load that reaches the level, however many it takes."""
    operators = int(load) + 1
    while service_level(operators, load, handle, target) < level:
        operators += 1
    return operators
