"""A random history of calls that crowd in a few hours of the week, and dated parameters that change within it.

Draws them only: what they mean is for `call_marts`.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.reference.history import DAILY_SOURCES, LONDON, History, draw_others
from tests.reference.measures import CallRules, Dated, Definitions
from tests.reference.worlds import World

FIRST_DAY = date(2022, 8, 20)
LAST_DAY = date(2023, 1, 9)
GONE = (2022, 11)
"""A month without deliveries, between two with some."""
Row = dict[str, Any]


def draw(seed: int, forces: tuple[str, ...]) -> World:
    """Calls of `forces` over five months, one of them missing as a whole and some days of the others."""
    dice = random.Random(seed)
    days = [FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    delivered = {day for day in days if (day.year, day.month) != GONE and dice.random() > 0.1}
    # A Sunday of the two in which nothing came, so that a weekday of a month may have no day at all.
    delivered -= {day for day in days if (day.year, day.month, day.isoweekday()) == (2023, 1, 7)}
    segments: list[Row] = []
    for force in forces:
        for number in range(1200):
            segments += _call(dice, f"{force}-{number}", force, delivered)
    history = History()
    history.delivered = {source: set() for source in DAILY_SOURCES} | {"call_segments": delivered}
    history.rows["call_segments"] = segments
    rules = _rules(dice, forces)
    # One force that lacks days only where nothing came, so that every rule of a month is met.
    draw_others(dice, history, forces, always=forces[:1])
    return World(history, forces, Definitions(calls=rules))


def _rules(dice: random.Random, forces: tuple[str, ...]) -> dict[str, list[Dated]]:
    """Rules of each line for all forces without a gap, and two of a force of its own that overlap nothing of it."""

    def drawn() -> CallRules:
        return CallRules(
            target_seconds=dice.choice([Decimal(0), Decimal(10), Decimal("7.5"), Decimal(90)]),
            short_abandon_seconds=dice.choice([Decimal(0), Decimal(5), Decimal(12), Decimal("2.5")]),
            called_back_is_answered=dice.random() < 0.5,
            service_level_pct=dice.choice([Decimal(50), Decimal(80), Decimal(90), Decimal("99.9")]),
            after_call_seconds=dice.choice([Decimal(0), Decimal("45.25")]),
        )

    long_ago, october, mid_october = date(2000, 1, 1), date(2022, 10, 1), date(2022, 10, 16)
    spans = ((long_ago, date(2022, 9, 30)), (october, date(2022, 10, 15)), (mid_october, None))
    rules = {line: [Dated("*", first, last, drawn()) for first, last in spans] for line in ("999", "101")}
    rules["101"].append(Dated(forces[0], date(2022, 9, 1), date(2022, 9, 30), drawn()))
    rules["999"].append(Dated(forces[0], date(2022, 12, 1), None, drawn()))
    return rules


def _call(dice: random.Random, call_id: str, force: str, delivered: set[date]) -> list[Row]:
    """Segments of a call; none where its day did not come and no later extract has it either."""
    arrived_at = _moment(dice)
    line = dice.choice(["999", "999", "101", "101", "switchboard"])
    day = arrived_at.replace(tzinfo=UTC).astimezone(LONDON).date()
    if day not in delivered:
        later = sorted(other for other in delivered if other > day)
        if not later or dice.random() < 0.5:
            return []
        day = later[0]
    # At some hours no call is answered, so that the month of the line gives the handling time.
    chances = ["abandoned"] if arrived_at.hour == 3 else ["answered", "answered", "abandoned", "transferred"]
    segments = [
        {
            "force_code": force,
            "call_id": call_id,
            "segment_no": segment_no,
            "line": line,
            "arrived_at": arrived_at + timedelta(seconds=60 * segment_no - 60),
            "utc_offset_minutes": None,
            "queue_seconds": _seconds(dice),
            "disposition": dice.choice(chances),
            "talk_seconds": dice.choice([Decimal(0), Decimal(dice.randint(0, 9_000_000)) / 1000]),
            "called_back_at": arrived_at + timedelta(hours=1) if dice.random() < 0.4 else None,
            "operator_id": None,
            "caller_number": None,
            "is_dst_ambiguous": False,
            "extract_date": day,
        }
        for segment_no in range(1, dice.choice([1, 1, 2]) + 1)
    ]
    # A generator of its own, so that the parameters drawn later do not depend on it.
    unknown = random.Random(f"queue time of {call_id}")
    for segment in segments:
        if segment["disposition"] != "answered" and unknown.random() < 0.2:
            segment["queue_seconds"] = None
    return segments


def _moment(dice: random.Random) -> datetime:
    """Naive UTC: mostly busy hours of Mondays and Sundays, sometimes a border of days or the repeated hour."""
    if dice.random() < 0.1:
        border = dice.choice([datetime(2022, m, 1) for m in (9, 10, 11, 12)] + [datetime(2022, 10, 30, 1)])  # noqa: DTZ001
        return border + timedelta(seconds=dice.choice([-3601, -3600, -1, 0, 1800, 3599, 3600]))
    day = FIRST_DAY + timedelta(days=dice.randint(0, (LAST_DAY - FIRST_DAY).days))
    if dice.random() < 0.7:
        day += timedelta(days=dice.choice([1 - day.isoweekday(), 7 - day.isoweekday()]))
    return datetime(day.year, day.month, day.day, dice.choice([0, 3, 9, 10, 10, 10, 23]), dice.randint(0, 59))  # noqa: DTZ001


def _seconds(dice: random.Random) -> Decimal:
    """Times about the thresholds and targets, and any."""
    if dice.random() < 0.5:
        near = dice.choice([Decimal(0), Decimal(5), Decimal(10), Decimal(12), Decimal(15), Decimal(20), Decimal(30)])
        return max(Decimal(0), near + dice.choice([Decimal(0), Decimal("-0.000001"), Decimal("0.000001")]))
    return Decimal(dice.randint(0, 400_000)) / 1000
