"""Worlds whose callers come back. Draws them only; what they mean is `workload`'s."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.reference.history import CONTACT_TYPES, History, local_day
from tests.reference.worlds import Row, World, draw_world

# Pseudonyms, the same few in every force; one of them is not known.
CALLERS = ("a", "b", "c", None)
DAY = 86_400_000_000
# Microseconds from one step of a caller to the next, around "strictly later" and "strictly within a day".
GAPS = (0, 0, 0, 0, 1, 2, 60_000_000, 60_000_000, 3_600_000_000, DAY - 3_600_000_000, DAY - 2, DAY - 1, DAY, DAY + 1)


def draw_callers(seed: int, *, forces: int) -> World:
    """A world of `worlds` in which callers also call and write one time after the other, or at once."""
    world = draw_world(seed, forces=forces)
    dice = random.Random(f"callers {seed}")
    months = sorted({day.replace(day=1) for day in world.history.delivered["call_segments"]})
    for force in world.forces:
        for number in range(dice.randint(6, 14)):
            border = dice.choice(months) + timedelta(days=dice.choice([-1, 0, 0, dice.randint(0, 27)]))
            start = datetime(border.year, border.month, border.day)  # noqa: DTZ001 - naive UTC as in the raw tables
            start += timedelta(seconds=dice.choice([-3601, -3600, -1, 0, dice.randint(0, 86_399)]))
            _draw_caller(dice, world.history, force, f"{force}-caller-{number}", start)
    return world


def _draw_caller(dice: random.Random, history: History, force: str, name: str, moment: datetime) -> None:
    caller = dice.choice(CALLERS)
    for number in range(dice.randint(2, 6)):
        if dice.random() < 0.65:
            _draw_call(dice, history, force, f"{name}-{number}", moment, caller)
        else:
            contact = {
                "force_code": force,
                "contact_id": f"{name}-{number}",
                "contact_type": dice.choice(CONTACT_TYPES),
                "received_at": moment,
                "from_partner_force": dice.random() < 0.1,
                "is_test": dice.random() < 0.1,
                "linked_reference": caller,
            }
            _put(history, "digital_contacts", local_day(moment), contact)
        moment += timedelta(microseconds=dice.choice(GAPS))


def _draw_call(
    dice: random.Random, history: History, force: str, call_id: str, moment: datetime, caller: str | None
) -> None:
    """A call of one or two segments; it is of the caller of its first one."""
    line = dice.choice(["101", "101", "101", "999", "999", "switchboard", "other"])
    for segment_no in range(1, dice.choice([1, 1, 1, 2]) + 1):
        row = {
            "force_code": force,
            "call_id": call_id,
            "segment_no": segment_no,
            "line": line,
            "arrived_at": moment + timedelta(seconds=segment_no - 1),
            "utc_offset_minutes": None,
            # Around the shortest abandoned call that counts as received.
            "queue_seconds": Decimal(dice.choice(["0", "4.999999", "5", "9.999999", "10", "30"])),
            "disposition": dice.choice(["answered", "abandoned", "disconnected"]),
            "talk_seconds": Decimal(0),
            "called_back_at": moment + timedelta(hours=1) if dice.random() < 0.3 else None,
            "operator_id": None,
            "caller_number": caller if segment_no == 1 else dice.choice(CALLERS),
        }
        _put(history, "call_segments", local_day(moment), row)


def _put(history: History, source: str, day: date, row: Row) -> None:
    """Into the extract of its day or, where that did not come, the next one."""
    extract_date = min((d for d in history.delivered[source] if d >= day), default=None)
    if extract_date:
        history.rows[source].append({**row, "is_dst_ambiguous": False, "extract_date": extract_date})
