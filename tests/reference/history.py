"""Random histories of events as raw rows. Draws them only: what they mean is for `measures`."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
FIRST_DAY = date(2021, 11, 1)
LAST_DAY = date(2023, 5, 20)
DAILY_SOURCES = ("call_segments", "digital_contacts", "online_crime_reports", "live_chats", "crimes")
CONTACT_TYPES = (
    "online_crime_report", "live_chat", "asb_report", "road_traffic_report", "missing_person_report",
    "sexual_offence_report", "rural_crime_report", "contact_form", "email", "social_media", "other",
)  # fmt: skip
SERVICES = ("report_a_crime", "missing_person", "sexual_offence", "rural_crime")
Row = dict[str, Any]
Counts = dict[str | None, tuple[int, int, int]]
"""Rows loaded, faulty and repeated by force; None is the force of rows whose force could not be read."""


@dataclass
class History:
    """Raw rows by source, and the extract dates that each source has delivered."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {source: [] for source in DAILY_SOURCES})
    delivered: dict[str, set[date]] = field(default_factory=dict)
    others: dict[str, dict[date, Counts]] = field(default_factory=lambda: {source: {} for source in DAILY_SOURCES})
    """Rows of extracts that are no event of the history: they count for nothing but which forces a day has."""
    memo: dict[str, Any] = field(default_factory=dict)
    """What was worked out of the history; nothing may be added to it after."""

    def contents(self, source: str) -> dict[date, Counts]:
        """Rows of every accepted delivery by force; a delivery without any is empty."""
        known = self.memo.setdefault("contents", {})
        if source not in known:
            found: dict[date, Counts] = {day: dict(self.others[source].get(day, {})) for day in self.delivered[source]}
            for row in self.rows[source]:
                counts = found[row["extract_date"]]
                loaded, faulty, repeated = counts.get(row["force_code"], (0, 0, 0))
                counts[row["force_code"]] = (loaded + 1, faulty, repeated)
            known[source] = found
        return known[source]


def draw_others(
    dice: random.Random, history: History, forces: tuple[str, ...], *, always: tuple[str, ...] = ()
) -> None:
    """Rows that decide which days are complete for a force: it is there always, with gaps, for a while or by chance.

    Rows are faulty now and then, in some months often, and of some faulty ones the force cannot be read. The forces of
    `always` are there on every day with a delivery that is not empty.
    """
    for source, delivered in history.delivered.items():
        days = sorted(delivered)
        if not days:
            continue
        empty = {day for day in days if dice.random() < 0.02}
        bad_months = set(dice.sample(sorted({(day.year, day.month) for day in days}), 2))
        for force in forces:
            present = delivered if force in always else _present(dice, days)
            for day in days:
                is_bad = (day.year, day.month) in bad_months and dice.random() < 0.3
                faulty = dice.randint(1, 2) if is_bad or dice.random() < 0.01 else 0
                repeated = 1 if dice.random() < 0.02 else 0
                loaded = dice.choice([1, 1, 40]) if day in present else 0
                if day not in empty and (loaded or ((faulty or repeated) and dice.random() < 0.5)):
                    history.others[source].setdefault(day, {})[force] = (loaded, faulty, repeated)
        for day in days:
            if day not in empty and dice.random() < 0.02:
                history.others[source].setdefault(day, {})[None] = (0, dice.randint(1, 3), 0)


def _present(dice: random.Random, days: list[date]) -> set[date]:
    style = dice.choice(["always", "always", "gaps", "gaps", "for a while", "by chance"])
    if style == "by chance":
        return set()
    found = set(days)
    if style == "for a while":
        first, last = sorted(dice.sample(days, 2))
        found = {day for day in days if first <= day <= last}
    if style == "gaps":
        for _ in range(dice.randint(1, 4)):
            start = dice.choice(days)
            # Owed on the 28th day without a row, and not on the 29th.
            length = dice.choice([1, 2, 10, 27, 28, 29, 30, 60])
            found -= {start + timedelta(days=number) for number in range(length)}
    return found


def local_day(moment: datetime) -> date:
    """Calendar day in London of a naive UTC moment."""
    return moment.replace(tzinfo=UTC).astimezone(LONDON).date()


def draw(seed: int, forces: tuple[str, ...]) -> History:
    """A history of all sources for `forces` with gaps in its deliveries and corrections in later extracts."""
    dice = random.Random(seed)
    history = History()
    days = [FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    for source in DAILY_SOURCES:
        # Two months never came at all, one source starts late, and some single days are missing. The twelve months
        # between the gaps give every longer period a figure.
        gone = {dice.choice([(2021, 12), (2022, 1)]), (2023, 3)}
        start = date(2022, 2, 10) if source == "crimes" else FIRST_DAY
        history.delivered[source] = {
            day for day in days if day >= start and (day.year, day.month) not in gone and dice.random() > 0.004
        }
    for force in forces:
        for _ in range(dice.randint(250, 320)):
            _draw_call(dice, history, force)
        for _ in range(120):
            _draw_small(dice, history, force)
        for _ in range(90):
            _draw_chat(dice, history, force)
        for _ in range(120):
            _draw_crime(dice, history, force)
    draw_others(dice, history, forces)
    return history


def _moment(dice: random.Random) -> datetime:
    if dice.random() < 0.25:  # around local midnight of a month's border or a clock change
        border = dice.choice(
            [datetime(2022, m, 1) for m in range(1, 13)]  # noqa: DTZ001 - naive UTC as in the raw tables
            + [datetime(2022, 3, 27, 1), datetime(2022, 10, 30, 1)]  # noqa: DTZ001
        )
        return border + timedelta(seconds=dice.choice([-3601, -3600, -1, 0, 1, 1800, 3599, 3600, -1800]))
    start = datetime(2021, 10, 31)  # noqa: DTZ001
    return start + timedelta(seconds=dice.randint(0, 570 * 86400))


def _seconds(dice: random.Random, most: int) -> Decimal:
    special = [Decimal(10), Decimal("9.999999"), Decimal(90), Decimal("89.5"), Decimal(0), Decimal("10.000001")]
    if dice.random() < 0.3:
        return dice.choice(special)
    return Decimal(dice.randint(0, most * 1000)) / 1000 if dice.random() < 0.5 else Decimal(dice.randint(0, most))


def _put(dice: random.Random, history: History, source: str, day: date, row: Row, changed: Row | None = None) -> None:
    """Add a row to the extract of its day or, where that did not come, sometimes to a later one; then a correction."""
    dates = sorted(history.delivered[source])
    if day not in history.delivered[source]:
        later = [d for d in dates if d > day][:1]
        if not later or dice.random() < 0.5:
            return
        day = later[0]
    rows = history.rows[source]
    rows.append({**row, "is_dst_ambiguous": False, "extract_date": day})
    following = [d for d in dates if d > day]
    if changed and following:
        late = following[min(len(following) - 1, dice.randint(0, 3))]
        rows.append({**row, **changed, "is_dst_ambiguous": False, "extract_date": late})


def _number(history: History, source: str) -> str:
    return f"{source}-{len(history.rows[source])}"


def _draw_call(dice: random.Random, history: History, force: str) -> None:
    call_id = _number(history, "call_segments")
    line = dice.choice(["999", "101", "101", "switchboard", "other"])
    arrived_at = _moment(dice)
    for segment_no in range(1, dice.choice([1, 1, 1, 2, 3]) + 1):
        disposition = dice.choice(["answered", "answered", "abandoned", "transferred", "overflow", "disconnected"])
        called_back_at = arrived_at + timedelta(hours=dice.randint(0, 30)) if dice.random() < 0.3 else None
        row = {
            "force_code": force,
            "call_id": call_id,
            "segment_no": segment_no,
            "line": line if segment_no == 1 else dice.choice(["999", "101", "other"]),
            "arrived_at": arrived_at,
            "utc_offset_minutes": None,
            "queue_seconds": None if disposition != "answered" and dice.random() < 0.3 else _seconds(dice, 900),
            "disposition": disposition,
            "talk_seconds": _seconds(dice, 1200),
            "called_back_at": called_back_at,
            "operator_id": None,
            "caller_number": None,
        }
        changed = {"disposition": "answered", "queue_seconds": _seconds(dice, 50)} if dice.random() < 0.1 else None
        _put(dice, history, "call_segments", local_day(arrived_at), row, changed)
        arrived_at += timedelta(seconds=dice.randint(1, 4000))


def _draw_small(dice: random.Random, history: History, force: str) -> None:
    received_at = _moment(dice)
    contact = {
        "force_code": force,
        "contact_id": _number(history, "digital_contacts"),
        "contact_type": dice.choice(CONTACT_TYPES),
        "received_at": received_at,
        "from_partner_force": dice.random() < 0.1,
        "is_test": dice.random() < 0.1,
        "linked_reference": None,
    }
    changed = {"is_test": True} if dice.random() < 0.1 else None
    _put(dice, history, "digital_contacts", local_day(received_at), contact, changed)
    submitted_at = _moment(dice)
    report = {
        "force_code": force,
        "submission_id": _number(history, "online_crime_reports"),
        "service": dice.choice(SERVICES),
        "started_at": submitted_at - timedelta(minutes=5),
        "submitted_at": submitted_at,
        "duplicate_of": "another" if dice.random() < 0.2 else None,
        "crime_ref": None,
    }
    _put(dice, history, "online_crime_reports", local_day(submitted_at), report)


def _draw_chat(dice: random.Random, history: History, force: str) -> None:
    requested_at = _moment(dice).replace(minute=0)
    accepted_at = requested_at + timedelta(seconds=dice.randint(0, 1200)) if dice.random() < 0.85 else None
    held = dice.choice([60, 300, 600, 600, 3000, 90000])
    row = {
        "force_code": force,
        "chat_id": _number(history, "live_chats"),
        "requested_at": requested_at,
        "accepted_at": accepted_at,
        "ended_at": (accepted_at or requested_at) + timedelta(seconds=held, microseconds=dice.choice([0, 1, 500000])),
        "operator_id": dice.choice(["a", "a", "b", None]),
        "topic": None,
        "created_incident": False,
    }
    copies = dice.choice([1, 1, 3])
    for copy in range(copies):  # a burst of sessions at the same minute, some of which only touch
        shift = timedelta(seconds=copy * held if copy % 2 else copy)
        times = {name: row[name] + shift for name in ("requested_at", "ended_at")}
        times["accepted_at"] = accepted_at + shift if accepted_at else None
        chat = {**row, **times, "chat_id": f"{row['chat_id']}-{copy}"}
        _put(dice, history, "live_chats", local_day(chat["requested_at"]), chat)


def _draw_crime(dice: random.Random, history: History, force: str) -> None:
    recorded_at = updated_at = _moment(dice)
    crime_ref = _number(history, "crimes")
    for state in range(dice.choice([1, 1, 2, 3])):
        is_cancelled = state == 1
        cancelled_at = updated_at - timedelta(seconds=dice.randint(0, 3000)) if is_cancelled else None
        row = {
            "force_code": force,
            "crime_ref": crime_ref,
            "updated_at": updated_at,
            "recorded_at": recorded_at,
            "offence_code": dice.choice(["8N", "105A", "28E"]),
            "status": "cancelled" if is_cancelled else "recorded",
            "cancelled_at": max(cancelled_at, recorded_at) if cancelled_at else None,
            "cancel_code": dice.choice(["C1", "C2", "C3", "C4", "C5", None]) if is_cancelled else None,
            "report_channel": None,
            "district": dice.choice(["North", "South", None]),
        }
        changed = {"cancel_code": "C5"} if is_cancelled and dice.random() < 0.2 else None
        _put(dice, history, "crimes", local_day(updated_at), row, changed)
        updated_at += timedelta(seconds=dice.randint(60, 60 * 86400))
