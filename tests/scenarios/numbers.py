"""Deliveries of two forces, one of which begins its call ids again after three months."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from tests.roots import CALLS, DataRoot

FIRST, BEGUN = date(2022, 8, 1), date(2022, 11, 1)
HEADER = f"force_code,{CALLS}"


def calls(day: date, number: int) -> list[str]:
    """30 calls of Essex with the ids that a day had three months before, and 300 of Kent with ids of their own.

    Every tenth call of Essex has a second segment: of the older calls, others than of the newer ones.
    """
    lines = []
    for call in range(30):
        start = f"essex,e{number}-{call},{{}},101,{day} 10:{call:02}:{{}},5,{{}},60,07700 900{call:03}"
        has_second = call % 10 == (0 if day < BEGUN else 5)
        lines.append(start.format(1, "00", "transferred" if has_second else "answered"))
        lines += [start.format(2, "30", "answered")] * has_second
    return lines + [f"kent,k{day}-{call},1,101,{day} 11:00:00,5,answered,60," for call in range(300)]


def land_history(root: DataRoot) -> None:
    days = [FIRST + timedelta(number) for number in range(3)]
    lines = [line for number, day in enumerate(days) for line in calls(day, number)]
    root.land(f"call_segments_{days[0]}_to_{days[-1]}.csv", HEADER, *lines)


def land_days(root: DataRoot) -> None:
    for number in range(3):
        day = BEGUN + timedelta(number)
        root.land(f"call_segments_{day}.csv", HEADER, *calls(day, number))


def land_late(root: DataRoot) -> None:
    """A corrected call of August and one of November with its id, and one over midnight."""
    root.land(
        f"call_segments_{BEGUN + timedelta(2)}_late.csv",
        HEADER,
        f"essex,e0-3,1,101,{FIRST} 10:03:00,9,abandoned,0,",
        f"essex,e0-3,1,101,{BEGUN} 10:03:00,9,abandoned,0,",
        f"essex,e1-4,2,101,{BEGUN + timedelta(2)} 09:04:00,9,abandoned,0,",
    )


STEPS: Sequence[Callable[[DataRoot], None]] = (land_history, land_days, land_late)
FACTS = {
    "fct_call": "force_code, call_id, call_epoch, arrived_at, is_answered, queue_seconds, segments",
    "fct_call_segment": "force_code, call_id, call_epoch, segment_no, arrived_at, disposition, queue_seconds",
    "kpi_calls_monthly": "force_code, line, month_start, received, not_answered, avg_queue_seconds",
}


def queries() -> dict[str, str]:
    """Queries of the facts and figures that no order of delivery may change."""
    return {name: f"select {columns} from marts.{name} order by all" for name, columns in FACTS.items()}
