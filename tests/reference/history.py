"""Histories of events as raw rows, with the deliveries that they came in; `draw_world` draws one of many small forces.

What events mean is for `measures`. Events crowd where figures go wrong: borders of months, of days and of financial
years, clock changes, 29 February, days that were not delivered, 24 hours after a call.
"""

from __future__ import annotations

import random
from calendar import monthrange
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
DAILY_SOURCES = ("call_segments", "digital_contacts", "online_crime_reports", "live_chats", "crimes")
CONTACT_TYPES = (
    *("online_crime_report", "live_chat", "asb_report", "road_traffic_report", "missing_person_report"),
    *("sexual_offence_report", "rural_crime_report", "contact_form", "email", "social_media", "other"),
)
SERVICES = ("report_a_crime", "missing_person", "sexual_offence", "rural_crime")
LINES = ("999", "101")
LONG_AGO = date(2000, 1, 1)
Row = dict[str, Any]
Month = tuple[int, int]
Counts = dict[str | None, tuple[int, int, int]]
"""Rows loaded, faulty and repeated by force; None is the force of rows whose force could not be read."""


@dataclass(eq=False)
class History:
    """Raw rows by source, and the extract dates that each source has delivered; hashable, so that results are kept."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {source: [] for source in DAILY_SOURCES})
    delivered: dict[str, set[date]] = field(default_factory=dict)
    others: dict[str, dict[date, Counts]] = field(default_factory=lambda: {source: {} for source in DAILY_SOURCES})
    """Rows of extracts that are no event of the history: they count for nothing but which forces a day has."""
    rejected_corrections: dict[str, set[date]] = field(
        default_factory=lambda: {source: set() for source in DAILY_SOURCES}
    )

    silent: set[tuple[str, date]] = field(default_factory=set)
    """Forces and days whose call segments have no talk time, though those before had."""

    other_lines: set[date] = field(default_factory=set)
    """Days of call segments whose `others` are not of the line 999."""

    @cache  # noqa: B019
    def lines(self) -> dict[date, dict[str | None, Counter[str]]]:
        """Loaded call segments by day, force and line."""
        found: dict[date, dict[str | None, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for day, counts in self.others["call_segments"].items():
            for force, (loaded, _, _) in counts.items():
                found[day][force]["other" if day in self.other_lines else "999"] += loaded
        for row in self.rows["call_segments"]:
            found[row["extract_date"]][row["force_code"]][row["line"]] += 1
        return found

    @cache  # noqa: B019 (a test makes one or two)
    def contents(self, source: str) -> dict[date, Counts]:
        """Rows of every accepted delivery by force; a delivery without any is empty."""
        found: dict[date, Counts] = {day: dict(self.others[source].get(day, {})) for day in self.delivered[source]}
        for row in self.rows[source]:
            counts = found[row["extract_date"]]
            loaded, faulty, repeated = counts.get(row["force_code"], (0, 0, 0))
            counts[row["force_code"]] = (loaded + 1, faulty, repeated)
        return found


@dataclass(frozen=True)
class Dated:
    """A row of a dated list: what holds for a force, or for all (`*`), from a day on and to a day or for good."""

    force: str
    first: date
    last: date | None
    value: Any


@dataclass(frozen=True)
class CallRules:
    """What counts as received, answered and in time, and what staff is planned for."""

    target_seconds: Decimal = Decimal(10)
    short_abandon_seconds: Decimal = Decimal(0)
    called_back_is_answered: bool = False
    service_level_pct: Decimal = Decimal(90)
    after_call_seconds: Decimal = Decimal(0)


@dataclass(frozen=True)
class Definitions:
    """Dated definitions, as the project ships them unless others are given."""

    calls: dict[str, list[Dated]] = field(
        default_factory=lambda: {
            "999": [Dated("*", LONG_AGO, None, CallRules(Decimal(10)))],
            "101": [Dated("*", LONG_AGO, None, CallRules(Decimal(90)))],
        }
    )
    targets: dict[str, list[Dated]] = field(
        default_factory=lambda: {
            "calls_999.pct_not_answered": [Dated("*", LONG_AGO, None, Decimal(2))],
            "calls_999.pct_answered_within_target": [Dated("*", LONG_AGO, None, Decimal(90))],
        }
    )
    counts_cancelled_as_recorded: list[Dated] = field(
        default_factory=lambda: [
            Dated("*", LONG_AGO, None, False),
            Dated("kent", LONG_AGO, date(2022, 10, 31), True),
            Dated("kent", date(2022, 11, 1), None, False),
        ]
    )


@dataclass(frozen=True)
class World:
    """A history of many forces and the definitions that hold in it."""

    history: History
    forces: tuple[str, ...]
    definitions: Definitions


def local(moment: datetime) -> datetime:
    """Wall-clock time in London of a naive UTC moment."""
    return moment.replace(tzinfo=UTC).astimezone(LONDON)


def shifted(month: Month, by: int) -> Month:
    """The month `by` months later (earlier when negative)."""
    number = month[0] * 12 + month[1] - 1 + by
    return number // 12, number % 12 + 1


def months_between(first: Month, last: Month) -> list[Month]:
    """All months from `first` to `last`, both included."""
    count = (last[0] - first[0]) * 12 + last[1] - first[1]
    return [shifted(first, by) for by in range(count + 1)]


@cache
def days_of(month: Month) -> tuple[date, ...]:
    """All days of a month."""
    return tuple(date(*month, day) for day in range(1, monthrange(*month)[1] + 1))


# Of two financial years and a bit: 29 February is compared with a year without one, and the clock changes three times.
MONTHS = months_between((2023, 11), (2025, 3))
DISTRICTS = ("North", "South", "West", "East")
BUSY = ("force-0", "force-1")
"""They have dozens of calls an hour of the week and of crimes a month, the others a few events."""
FAULTY = "force-faulty"
"""It has faulty rows alone."""
CALLERS = (1, 2, 3, None)
DAY = 86_400_000_000
# Microseconds from one step of a caller to the next, around "strictly later" and "strictly within a day".
GAPS = (0, 0, 0, 0, 1, 60_000_000, 60_000_000, 3_600_000_000, DAY - 3_600_000_000, DAY - 1, DAY, DAY + 1)
SECONDS = [
    Decimal(text) for text in ("0", "4.999999", "5", "5.000001", "9.999999", "10", "12", "15", "20", "90", "600")
]


def draw_world(seed: int, *, forces: int = 24) -> World:
    """A world of so many forces, which share its calendar of deliveries and its dated definitions."""
    dice = random.Random(seed)
    names = (*(f"force-{number}" for number in range(forces)), FAULTY)
    history = History(delivered=_calendars(dice))
    _Drawing(dice, history).draw(names[:-1])
    for source in DAILY_SOURCES:
        _draw_others(dice, history, source, names)
    world = World(history, names, _definitions(dice, names))
    for source in DAILY_SOURCES:
        history.rejected_corrections[source] = set(dice.sample(sorted(history.delivered[source]), 4))
    delivered = sorted(history.delivered["call_segments"])
    history.other_lines = set(dice.sample(delivered, 12))
    history.silent = {(force, dice.choice(delivered)) for force in names[:4] for _ in range(2)}
    return world


def _calendars(dice: random.Random) -> dict[str, set[date]]:
    """Days that each source delivered: a month, the beginning, the end or single days are missing, or nothing is."""
    gone = {"call_segments": (2023, 12), "live_chats": (2024, 2), "crimes": (2024, 1)}
    first = {"digital_contacts": date(2023, 12, 10)}
    last = {"crimes": date(2025, 3, 22)}
    rare = {"call_segments": 0.01, "digital_contacts": 0.03, "live_chats": 0.004}
    return {
        source: {
            day
            for month in MONTHS
            if month != gone.get(source)
            for day in days_of(month)
            if first.get(source, day) <= day <= last.get(source, day) and dice.random() >= rare.get(source, 0)
        }
        for source in DAILY_SOURCES
    }


def _definitions(dice: random.Random, forces: tuple[str, ...]) -> Definitions:
    """Dated lists that change within the span, for all forces and, in another way, for some."""

    def spans(draw: Any, number: int) -> list[Dated]:
        borders = sorted(dice.sample([date(*month, day) for month in MONTHS for day in (1, 1, 15)], number - 1))
        firsts = [LONG_AGO, *borders]
        lasts = [*(border - timedelta(days=1) for border in borders), None]
        rows = [Dated("*", first, last, draw()) for first, last in zip(firsts, lasts, strict=True)]
        for force in dice.sample(forces, len(forces) // 4):
            start = date(*dice.choice(MONTHS), 1)
            end = None if dice.random() < 0.5 else start + timedelta(days=dice.randint(1, 200))
            rows.append(Dated(force, start, end, draw()))
        return [row for row in rows if row.last is None or row.first <= row.last]

    def rules() -> CallRules:
        return CallRules(
            target_seconds=dice.choice([Decimal(0), Decimal("7.5"), Decimal(10), Decimal(90), Decimal(600)]),
            short_abandon_seconds=dice.choice([Decimal(0), Decimal(5), Decimal("2.5"), Decimal(12)]),
            called_back_is_answered=dice.random() < 0.4,
            service_level_pct=dice.choice([Decimal(50), Decimal(80), Decimal(90), Decimal("99.9")]),
            after_call_seconds=dice.choice([Decimal(0), Decimal("45.25")]),
        )

    targets = (
        *("calls_999.pct_not_answered", "calls_101.avg_queue_time", "calls_999.pct_answered_within_target"),
        *("calls_101.p90_queue_time", "crime.recorded_crime"),
    )
    return Definitions(
        calls={line: spans(rules, 4) for line in LINES},
        targets={measure: spans(lambda: Decimal(dice.randint(1, 95)), 2) for measure in targets},
        counts_cancelled_as_recorded=spans(lambda: dice.random() < 0.5, 5),
    )


def _draw_others(dice: random.Random, history: History, source: str, forces: tuple[str, ...]) -> None:
    """Rows that decide which days are complete for a force: it is there always, with gaps, for a while or by chance.

    Rows are faulty now and then, in some months often, and of some faulty ones the force cannot be read.
    """
    days = sorted(history.delivered[source])
    empty = {day for day in days if dice.random() < 0.01}
    bad_months = set(dice.sample(MONTHS, 2))
    for number, force in enumerate(forces):
        usual = ([1, 1, 40], [9, 9, 10], [10, 10, 40])[number % 3]
        present = set(days) if force in BUSY else set() if force == FAULTY else _present(dice, days)
        for day in days:
            is_bad = (day.year, day.month) in bad_months and dice.random() < 0.3
            faulty = dice.randint(1, 2) if is_bad or dice.random() < 0.01 else 0
            repeated = 1 if dice.random() < 0.02 else 0
            loaded = dice.choice(usual) if day in present else 0
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


class _Drawing:
    """Draws events of one force after another into a history."""

    def __init__(self, dice: random.Random, history: History) -> None:
        self.dice, self.history = dice, history
        self.dates = {source: sorted(days) for source, days in history.delivered.items()}
        every = [day for month in MONTHS for day in days_of(month)]
        # Midnights of months, of 29 February and of the days of clock changes, whose hour is from 1 to 2 in UTC.
        self.borders = [*(date(*month, 1) for month in MONTHS), date(2024, 2, 29)]
        self.borders += 2 * [date(2024, 3, 31), date(2024, 10, 27), date(2025, 3, 30)]
        for delivered in history.delivered.values():
            missing = [day for day in every if day not in delivered]
            self.borders += missing[:: max(1, len(missing) // 6)]
        self.every = every

    def draw(self, forces: tuple[str, ...]) -> None:
        for force in forces:
            busy = 60 if force in BUSY else 1
            draws = ((self._chain, 8), (self._report, 4), (self._chats, 4), (self._crime, 6))
            number = 0
            for draw, most in draws:
                for _ in range(busy * self.dice.randint(most // 2, most)):
                    number += 1
                    draw(force, f"{force}-{number}")

    def _moment(self, *, is_busy: bool = False) -> datetime:
        """Naive UTC: near a border, in a busy hour of Mondays and Sundays, or at any time."""
        dice = self.dice
        day = dice.choice(self.borders if not is_busy and dice.random() < 0.5 else self.every)
        seconds = dice.choice(
            [-3601, -3600, -1800, -1, 0, 1, 1800, 3599, 3600, 5400, 7199, 7200, dice.randint(0, 86_399)]
        )
        if is_busy:
            day += timedelta(days=dice.choice([1 - day.isoweekday(), 7 - day.isoweekday(), 0]))
            seconds = 3600 * dice.choice([0, 3, 9, 10, 10, 10, 23]) + dice.randint(0, 3599)
        return datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001 (as the columns are)

    def _seconds(self) -> Decimal:
        dice = self.dice
        return dice.choice(SECONDS) if dice.random() < 0.6 else Decimal(dice.randint(0, 900_000)) / 1000

    def _put(self, source: str, moment: datetime, row: Row, changed: Row | None = None) -> None:
        """Into the extract of its day or, where that did not come, mostly a later one; then sometimes a correction."""
        dates, dice = self.dates[source], self.dice
        day = local(moment).date()
        if day not in self.history.delivered[source]:
            later = [other for other in dates if other > day][:1]
            if not later or dice.random() < 0.3:
                return
            day = later[0]
        rows = self.history.rows[source]
        row = {**row, "is_dst_ambiguous": dice.random() < 0.1}
        rows.append({**row, "extract_date": day})
        following = [other for other in dates if other > day][:4]
        if changed and following:
            rows.append({**row, **changed, "extract_date": dice.choice(following)})

    def _chain(self, force: str, name: str) -> None:
        """Calls and contacts of one caller, one after the other or at once."""
        dice = self.dice
        is_busy = force in BUSY and dice.random() < 0.8
        moment = self._moment(is_busy=is_busy)
        caller = dice.choice(CALLERS)
        for number in range(dice.choice([1, 1, 2, 4])):
            if dice.random() < 0.7:
                self._call(force, f"{name}-{number}", moment, caller, is_silent=is_busy and moment.hour == 3)
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
                self._put("digital_contacts", moment, contact, {"is_test": True} if dice.random() < 0.1 else None)
            moment += timedelta(microseconds=dice.choice(GAPS))

    def _call(self, force: str, call_id: str, moment: datetime, caller: str | None, *, is_silent: bool) -> None:
        """A call of some segments; it is of the line and the caller of its first one."""
        dice = self.dice
        line = dice.choice(["999", "999", "101", "101", "101", "switchboard"])
        for segment_no in range(1, dice.choice([1, 1, 2, 3]) + 1):
            disposition = dice.choice(["answered", "answered", "abandoned", "abandoned", "transferred", "disconnected"])
            if is_silent:
                disposition = "abandoned"
            back = moment + timedelta(minutes=dice.randint(0, 1500)) if dice.random() < 0.4 else None
            row = {
                "force_code": force,
                "call_id": call_id,
                "segment_no": segment_no,
                "line": line if segment_no == 1 else dice.choice(["999", "101", "other"]),
                "arrived_at": moment,
                "utc_offset_minutes": None,
                "queue_seconds": None if disposition != "answered" and dice.random() < 0.3 else self._seconds(),
                "disposition": disposition,
                "talk_seconds": self._seconds(),
                "called_back_at": back,
                "operator_id": dice.choice([8, 9, None]),
                "caller_number": caller if segment_no == 1 else dice.choice(CALLERS),
            }
            changed = {"disposition": "answered", "queue_seconds": self._seconds()} if dice.random() < 0.1 else None
            self._put("call_segments", moment, row, None if is_silent else changed)
            moment += timedelta(seconds=dice.randint(1, 4000))

    def _report(self, force: str, submission_id: str) -> None:
        dice, submitted_at = self.dice, self._moment()
        row = {
            "force_code": force,
            "submission_id": submission_id,
            "service": dice.choice(SERVICES),
            "started_at": submitted_at - timedelta(minutes=5),
            "submitted_at": submitted_at,
            "duplicate_of": "another" if dice.random() < 0.2 else None,
            "crime_ref": dice.choice([77, None]),
        }
        changed = {"service": dice.choice(SERVICES)} if dice.random() < 0.2 else None
        self._put("online_crime_reports", submitted_at, row, changed)

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
                "operator_id": dice.choice([8, 8, 9, None]),
                "topic": dice.choice(["theft", None]),
                "created_incident": dice.random() < 0.3,
            }
            self._put("live_chats", requested_at, row, {"operator_id": 9} if dice.random() < 0.1 else None)

    def _crime(self, force: str, name: str) -> None:
        """A crime that changes several times, in several ways at once, within a minute or after a year."""
        dice = self.dice
        recorded_at = updated_at = self._moment()
        districts = [*DISTRICTS, None] if force in BUSY else [*DISTRICTS[:2], None]
        row: Row = {
            "force_code": force,
            "crime_ref": int(name.rpartition("-")[2]),
            "recorded_at": recorded_at,
            "offence_code": dice.choice(["8N", "105A", "28E"]),
            "status": "recorded",
            "cancelled_at": None,
            "cancel_code": None,
            "report_channel": dice.choice(["phone", None]),
            "district": dice.choice(districts),
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
                row["district"] = dice.choice(districts)
            changed = {"cancel_code": "C5"} if row["status"] == "cancelled" and dice.random() < 0.2 else None
            self._put("crimes", updated_at, {**row, "updated_at": updated_at}, changed)
            updated_at += timedelta(seconds=dice.choice([60, 86_400, 20 * 86_400, 60 * 86_400, 370 * 86_400]))
