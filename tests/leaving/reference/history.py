"""Histories of events as raw rows, and the deliveries that they came in. What they mean is for `measures`."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
DAILY_SOURCES = ("call_segments", "digital_contacts", "online_crime_reports", "live_chats", "crimes")
CONTACT_TYPES = (
    "online_crime_report",
    "live_chat",
    "asb_report",
    "road_traffic_report",
    "missing_person_report",
    "sexual_offence_report",
    "rural_crime_report",
    "contact_form",
    "email",
    "social_media",
    "other",
)
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
