"""Many small random histories in one warehouse: each force is one. Draws them only; what they mean is measures'.

The forces of a world share its calendar of deliveries and its dated definitions. Events crowd where figures go wrong:
borders of months, of days and of financial years, clock changes, 29 February, days that were not delivered.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.leaving.reference.history import CONTACT_TYPES, DAILY_SOURCES, SERVICES, History, draw_others, local_day
from tests.leaving.reference.measures import CallRules, Dated, Definitions, days_of, months_between, shifted

Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """A history of many forces and the definitions that hold in it."""

    history: History
    forces: tuple[str, ...]
    definitions: Definitions


def draw_world(seed: int, *, forces: int) -> World:
    """A world of `forces` histories over 13 to 15 months that begin at any month of 2019 to 2023."""
    dice = random.Random(seed)
    first = shifted((2019, 1), dice.randint(0, 59))
    months = months_between(first, shifted(first, dice.randint(12, 14)))
    names = tuple(f"force-{number}" for number in range(forces))
    history = History()
    for source in DAILY_SOURCES:
        history.delivered[source] = _calendar(dice, months)
    drawing = _Drawing(dice, history, _moments(months, history))
    for force in names:
        drawing.draw(force)
    draw_others(dice, history, names)
    return World(history, names, _definitions(dice, months, names))


def draw_history(seed: int, forces: tuple[str, ...]) -> History:
    """A history of some forces with dozens of events a month, for the definitions that the project ships.

    Two months never came at all, one source starts late, and some single days are missing. The twelve months between
    the gaps give every longer period a figure.
    """
    dice = random.Random(seed)
    months = months_between((2021, 11), (2023, 5))
    history = History()
    for source in DAILY_SOURCES:
        gone = {dice.choice([(2021, 12), (2022, 1)]), (2023, 3)}
        start = date(2022, 2, 10) if source == "crimes" else date(2021, 11, 1)
        days = [day for month in months if month not in gone for day in days_of(month) if day >= start]
        history.delivered[source] = {day for day in days if dice.random() > 0.004}
    drawing = _Drawing(dice, history, _moments(months, history))
    for force in forces:
        for _ in range(25):
            drawing.draw(force)
    draw_others(dice, history, forces)
    return history


def _calendar(dice: random.Random, months: list[tuple[int, int]]) -> set[date]:
    """Days that a source delivered: some months are missing, some days, sometimes the beginning or the end."""
    gone = set(dice.sample(months, dice.choice([0, 0, 1, 2])))
    days = [day for month in months if month not in gone for day in days_of(month)]
    days = days[dice.choice([0, 0, 40]) : len(days) - dice.choice([0, 0, 9])]
    rare = dice.choice([0, 0.004, 0.03])
    return {day for day in days if dice.random() >= rare}


def _moments(months: list[tuple[int, int]], history: History) -> list[datetime]:
    """Instants about which events crowd, naive UTC."""
    found = [datetime(*month, 1) for month in months]  # noqa: DTZ001 - naive UTC as in the raw tables
    for month in months:
        last_sunday = max(day for day in days_of(month) if day.isoweekday() == 7)
        if month[1] in (3, 10):
            found.append(datetime(last_sunday.year, last_sunday.month, last_sunday.day, 1))  # noqa: DTZ001
        if month[1] == 2 and len(days_of(month)) == 29:
            found.append(datetime(month[0], 2, 29, 12))  # noqa: DTZ001
    every = [day for month in months for day in days_of(month)]
    for delivered in history.delivered.values():
        missing = [day for day in every if day not in delivered]
        found += [datetime(day.year, day.month, day.day, 9) for day in missing[:: max(1, len(missing) // 8)]]  # noqa: DTZ001
    return found


def _definitions(dice: random.Random, months: list[tuple[int, int]], forces: tuple[str, ...]) -> Definitions:
    """Dated lists that change within the span, for all forces and, in another way, for some."""

    def spans(values: list[Any]) -> list[Dated]:
        borders = sorted(dice.sample([date(*month, dice.choice([1, 1, 15])) for month in months], len(values) - 1))
        rows = []
        for place, value in enumerate(values):
            start = date(2000, 1, 1) if place == 0 else borders[place - 1]
            end = borders[place] - timedelta(days=1) if place < len(borders) else None
            rows.append(Dated("*", start, end, value))
        for force in dice.sample(forces, len(forces) // 5):
            start = date(*dice.choice(months), 1)
            end = None if dice.random() < 0.5 else start + timedelta(days=dice.randint(1, 200))
            rows.append(Dated(force, start, end, dice.choice(values)))
        return rows

    def rules() -> CallRules:
        return CallRules(
            Decimal(dice.choice([10, 20, 90, 600])), Decimal(dice.choice([0, 0, 5, 10])), dice.random() < 0.3
        )

    return Definitions(
        calls={line: spans([rules(), rules(), rules()]) for line in ("999", "101")},
        targets={
            measure: spans([Decimal(dice.randint(1, 95)), Decimal(dice.randint(1, 95))])
            for measure in ("calls_999.pct_not_answered", "calls_101.avg_queue_time", "crime.recorded_crime")
        },
        counts_cancelled_as_recorded=spans([True, False, True]),
    )


class _Drawing:
    """Draws events of one force after another into a history."""

    def __init__(self, dice: random.Random, history: History, moments: list[datetime]) -> None:
        self.dice = dice
        self.history = history
        self.moments = moments
        self.count = 0
        self.dates = {source: sorted(days) for source, days in history.delivered.items()}
        self.first, self.last = min(moments), max(moments)

    def draw(self, force: str) -> None:
        """A few events of every source; some calls of a force come within one hour of one day."""
        dice = self.dice
        self.rush = self._moment().replace(minute=0, second=0)
        for draw, fewest, most in (
            (self._call, 4, 14),
            (self._contact, 2, 8),
            (self._report, 2, 8),
            (self._chats, 2, 6),
            (self._crime, 2, 8),
        ):
            for _ in range(dice.randint(fewest, most)):
                self.count += 1
                draw(force, f"{force}-{self.count}")

    def _moment(self) -> datetime:
        dice = self.dice
        if dice.random() < 0.5:
            return dice.choice(self.moments) + timedelta(
                seconds=dice.choice([-3601, -3600, -1, 0, 1, 1800, 3599, 3600, -1800])
            )
        return self.first + timedelta(seconds=dice.randint(0, int((self.last - self.first).total_seconds())))

    def _seconds(self) -> Decimal:
        dice = self.dice
        if dice.random() < 0.5:
            return dice.choice([Decimal(text) for text in ("0", "5", "4.999999", "10", "9.999999", "20", "90", "600")])
        return Decimal(dice.randint(0, 900_000)) / 1000

    def _put(self, source: str, day: date, row: Row, changed: Row | None = None) -> None:
        """Into the extract of its day or, where that did not come, mostly a later one; then sometimes a correction."""
        dates = self.dates[source]
        if day not in self.history.delivered[source]:
            later = [d for d in dates if d > day][:1]
            if not later or self.dice.random() < 0.3:
                return
            day = later[0]
        rows = self.history.rows[source]
        rows.append({**row, "is_dst_ambiguous": False, "extract_date": day})
        following = [d for d in dates if d > day][:4]
        if changed and following:
            rows.append({**row, **changed, "is_dst_ambiguous": False, "extract_date": self.dice.choice(following)})

    def _call(self, force: str, call_id: str) -> None:
        dice = self.dice
        arrived_at = self.rush + timedelta(seconds=dice.randint(0, 3599)) if dice.random() < 0.3 else self._moment()
        line = dice.choice(["999", "999", "101", "101", "switchboard"])
        for segment_no in range(1, dice.choice([1, 1, 2, 3]) + 1):
            disposition = dice.choice(["answered", "abandoned", "abandoned", "transferred", "disconnected"])
            row = {
                "force_code": force,
                "call_id": call_id,
                "segment_no": segment_no,
                "line": line if segment_no == 1 else dice.choice(["999", "101", "other"]),
                "arrived_at": arrived_at,
                "utc_offset_minutes": None,
                "queue_seconds": None if disposition != "answered" and dice.random() < 0.3 else self._seconds(),
                "disposition": disposition,
                "talk_seconds": self._seconds(),
                "called_back_at": (
                    arrived_at + timedelta(minutes=dice.randint(0, 1500)) if dice.random() < 0.4 else None
                ),
                "operator_id": None,
                "caller_number": dice.choice(["a", "b", None]),
            }
            changed = {"disposition": "answered", "queue_seconds": self._seconds()} if dice.random() < 0.1 else None
            self._put("call_segments", local_day(arrived_at), row, changed)
            arrived_at += timedelta(seconds=dice.randint(1, 4000))

    def _contact(self, force: str, contact_id: str) -> None:
        dice = self.dice
        received_at = self._moment()
        row = {
            "force_code": force,
            "contact_id": contact_id,
            "contact_type": dice.choice(CONTACT_TYPES),
            "received_at": received_at,
            "from_partner_force": dice.random() < 0.1,
            "is_test": dice.random() < 0.1,
            "linked_reference": dice.choice(["a", "b", None, None]),
        }
        changed = {"is_test": True} if dice.random() < 0.1 else None
        self._put("digital_contacts", local_day(received_at), row, changed)

    def _report(self, force: str, submission_id: str) -> None:
        submitted_at = self._moment()
        row = {
            "force_code": force,
            "submission_id": submission_id,
            "service": self.dice.choice(SERVICES),
            "started_at": submitted_at - timedelta(minutes=5),
            "submitted_at": submitted_at,
            "duplicate_of": "another" if self.dice.random() < 0.2 else None,
            "crime_ref": None,
        }
        changed = {"service": self.dice.choice(SERVICES)} if self.dice.random() < 0.2 else None
        self._put("online_crime_reports", local_day(submitted_at), row, changed)

    def _chats(self, force: str, chat_id: str) -> None:
        """One session, or a burst of them that overlap, touch or begin at the same instant."""
        dice = self.dice
        start = self._moment()
        for number in range(dice.choice([1, 1, 3, 4])):
            requested_at = start + timedelta(seconds=dice.choice([0, 0, 300, 600]))
            accepted_at = requested_at + timedelta(seconds=dice.choice([0, 0, 300])) if dice.random() < 0.85 else None
            held = timedelta(
                seconds=dice.choice([0, 300, 300, 600, 3600, 90_000, 3_000_000]),
                microseconds=dice.choice([0, 0, 1, 500_000]),
            )
            row = {
                "force_code": force,
                "chat_id": f"{chat_id}-{number}",
                "requested_at": requested_at,
                "accepted_at": accepted_at,
                "ended_at": (accepted_at or requested_at) + held,
                "operator_id": dice.choice(["p", "p", "q", None]),
                "topic": None,
                "created_incident": False,
            }
            changed = {"operator_id": "q"} if dice.random() < 0.1 else None
            self._put("live_chats", local_day(requested_at), row, changed)

    def _crime(self, force: str, crime_ref: str) -> None:
        """A crime that changes several times, in several ways at once, within a minute or after a year."""
        dice = self.dice
        recorded_at = updated_at = self._moment()
        row: Row = {
            "force_code": force,
            "crime_ref": crime_ref,
            "recorded_at": recorded_at,
            "offence_code": dice.choice(["8N", "105A", "28E"]),
            "status": "recorded",
            "cancelled_at": None,
            "cancel_code": None,
            "report_channel": None,
            "district": dice.choice(["North", "South", None]),
        }
        for state in range(dice.choice([1, 1, 2, 2, 3, 5])):
            if dice.random() < (0.6 if state else 0.05):
                if row["status"] == "recorded":
                    # Written at once, within the hour, or six weeks after the fact.
                    late = timedelta(seconds=dice.choice([0, dice.randint(0, 3000), 42 * 86_400]))
                    row |= {"status": "cancelled", "cancelled_at": max(updated_at - late, recorded_at)}
                    row["cancel_code"] = dice.choice(["C1", "C2", "C3", "C4", "C5", None])
                else:
                    row["status"] = "recorded"
                    if dice.random() < 0.5:  # else it keeps the date and the code of what no longer holds
                        row |= {"cancelled_at": None, "cancel_code": None}
            elif row["status"] == "cancelled" and dice.random() < 0.5:
                row["cancel_code"] = dice.choice(["C1", "C2", None])
            if dice.random() < 0.2:
                row["offence_code"] = dice.choice(["8N", "105A", "28E"])
            if dice.random() < 0.2:
                row["district"] = dice.choice(["North", "South", None])
            changed = {"cancel_code": "C5"} if row["status"] == "cancelled" and dice.random() < 0.2 else None
            self._put("crimes", local_day(updated_at), {**row, "updated_at": updated_at}, changed)
            updated_at += timedelta(seconds=dice.choice([60, 86_400, 20 * 86_400, 60 * 86_400, 370 * 86_400]))
