"""Every measure of the catalogue computed the slow and plain way: lists of events, loops, exact numbers, no SQL.

A second opinion for the dbt models. It shares nothing with them, the catalogue included, and knows no file or database.
Sums are exact; a quotient is rounded once, half up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS
from dagster_project.tools.generate import bank_holidays
from tests.reference.history import (
    CONTACT_TYPES,
    LINES,
    LONDON,
    SERVICES,
    CallRules,
    Dated,
    Definitions,
    History,
    Month,
    Row,
    days_of,
    local,
    months_between,
    shifted,
)

KEYS = {
    "call_segments": ("call_id", "segment_no"),
    "digital_contacts": ("contact_id",),
    "online_crime_reports": ("submission_id",),
    "live_chats": ("chat_id",),
    "crimes": ("crime_ref", "updated_at"),
}
TALK = ":talk_seconds"
"""After a source and its members, as in `call_segments:999:talk_seconds`: with a column that a measure needs."""
EVENTS = {
    "call_segments": "arrived_at",
    "digital_contacts": "received_at",
    "online_crime_reports": "submitted_at",
    "live_chats": "requested_at",
    "crimes": "recorded_at",
}
FLOORS = {contract.source: Fraction(str(contract.volume_floor)) for contract in load_contracts(CONTRACTS).values()}
"""Share of the usual events of a day that a delivery has at least."""
BANK_HOLIDAYS = bank_holidays(2018, 2026)
DAYS_OWED = 28
PERIODS = (
    *("month", "fytd", "prev_fytd", "same_month_last_year"),
    *("last_6_months", "previous_6_months", "last_12_months"),
)
# Sums of days do not give these for a week: operators, concurrent chats, and cohorts that mature.
NOT_BY_WEEK = {
    *("live_chat.chats_per_operator_hour", "live_chat.avg_concurrent_chats"),
    *("live_chat.pct_operators_with_several_chats", "crime.pct_cohort_cancelled", "crime.days_to_cancel"),
}


def in_force(rows: Iterable[Dated], force: str, day: date) -> Any:
    """What holds on a day: the force's own row, else that of all forces; None without either."""
    holding = [row for row in rows if row.first <= day and (row.last is None or day <= row.last)]
    own = [row for row in holding if row.force == force]
    chosen = max(own or [row for row in holding if row.force == "*"], key=lambda row: row.first, default=None)
    return chosen.value if chosen else None


def day_of(moment: datetime) -> date:
    """Calendar day in London of a naive UTC moment."""
    return local(moment).date()


def month_of(moment: datetime) -> Month:
    """Calendar month in London of a naive UTC moment."""
    return local(moment).year, local(moment).month


def rounded(value: Fraction | None, places: int = 6) -> Decimal | None:
    """Half up (away from zero) to so many decimals."""
    if value is None:
        return None
    whole = int(2 * abs(value) * 10**places + 1) // 2
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def percent(part: int | Fraction, whole: int | Fraction) -> Decimal | None:
    """A percentage to six decimals; None of nothing, or of less than nothing."""
    return rounded(100 * Fraction(part) / Fraction(whole)) if whole > 0 else None


def seconds(later: datetime, earlier: datetime) -> Decimal:
    """Exact seconds between two moments."""
    return Decimal((later - earlier) // timedelta(microseconds=1)).scaleb(-6)


def percentile(values: list[Decimal], share: Fraction) -> Fraction | None:
    """Continuous percentile: linear between the two nearest values."""
    if not values:
        return None
    values = sorted(values)
    position = share * (len(values) - 1)
    low, high = values[int(position)], values[min(int(position) + 1, len(values) - 1)]
    return Fraction(low) + (position - int(position)) * Fraction(high - low)


def current(rows: Iterable[Row], key: tuple[str, ...]) -> list[Row]:
    """The row of the latest extract of each key."""
    latest: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: row["extract_date"]):
        latest[(row["force_code"], *(row[column] for column in key))] = row
    return list(latest.values())


def calls_of(segments: list[Row]) -> list[Row]:
    """Calls made of their segments: the first segment, with what the others add to it."""
    by_call = defaultdict(list)
    for segment in sorted(segments, key=lambda segment: segment["segment_no"]):
        by_call[segment["call_id"]].append(segment)
    calls = []
    for parts in by_call.values():
        answers = [number for number, part in enumerate(parts) if part["disposition"] == "answered"]
        # Queue time after the first answered segment is for another operator.
        queued = [part["queue_seconds"] for part in parts[: answers[0] + 1 if answers else None]]
        known = [queue for queue in queued if queue is not None]
        back = min((part["called_back_at"] for part in parts if part["called_back_at"]), default=None)
        calls.append(
            {
                **parts[0],
                "day": day_of(parts[0]["arrived_at"]),
                "is_answered": bool(answers),
                "queue_seconds": sum(known) if known else None,
                "talk_seconds": sum(part["talk_seconds"] for part in parts),
                "segments": len(parts),
                "called_back_at": None if answers else back,
            }
        )
    return calls


def midnight(month: Month) -> datetime:
    """Naive UTC moment at which a month begins in London."""
    return datetime(*month, 1, tzinfo=LONDON).astimezone(UTC).replace(tzinfo=None)


def usual_of(
    counts: dict[date, int], days: list[date], delivered: Container[date]
) -> list[tuple[Fraction | None, ...]]:
    """What is usual on each of some days: of its kind (a Sunday is like a bank holiday), and of any kind.

    The mean of the newest eight and 28 days before it, as far as they were delivered; of its kind, of at least three.
    """
    found: list[tuple[Fraction | None, ...]] = []
    for number, day in enumerate(days):
        kind = 6 if day in BANK_HOLIDAYS else day.weekday()
        same = [other for other in days[:number] if (6 if other in BANK_HOLIDAYS else other.weekday()) == kind][-8:]
        means = []
        for compared, least in ((same, 3), (days[max(number - 28, 0) : number], 1)):
            known = [counts.get(other, 0) for other in compared if other in delivered]
            means.append(Fraction(sum(known), len(known)) if len(known) >= least else None)
        found.append(tuple(means))
    return found


def absent_days(counts: dict[date, int], days: list[date], delivered: Container[date]) -> set[date]:
    """Days without an event, once ten are usual on those that follow each other."""
    found, stretch, sum_of_stretch = set(), [], Fraction(0)
    for day, (same, every) in zip([*days, None], [*usual_of(counts, days, delivered), (None, None)], strict=True):
        if day in delivered and not counts.get(day):
            stretch.append(day)
            sum_of_stretch += min((usual for usual in (same, every) if usual is not None), default=0)
        else:
            found |= set(stretch) if sum_of_stretch >= 10 else set()
            stretch, sum_of_stretch = [], Fraction(0)
    return found


def low_days(counts: dict[date, int], days: list[date], delivered: Container[date], floor: Fraction) -> set[date]:
    """Days below the floor, where what those that follow each other lack is more than 3.5 standard deviations."""
    found, stretch, lost, variance = set(), [], Fraction(0), Fraction(0)
    for day, (usual, _) in zip([*days, None], [*usual_of(counts, days, delivered), (None, None)], strict=True):
        if day in delivered and usual is not None and counts.get(day, 0) < floor * usual:
            stretch.append(day)
            lost += usual - counts.get(day, 0)
            variance += Fraction(13, 10) * usual + usual * usual * Fraction(49, 10_000)
        else:
            found |= set(stretch) if lost * lost > Fraction(49, 4) * variance else set()
            stretch, lost, variance = [], Fraction(0), Fraction(0)
    return found


@cache
def owed_days(history: History, source: str) -> dict[str, dict[date, bool]]:
    """Days on which rows of each force are expected, and whether the day is complete for it.

    Rows are expected on a day with rows and on the 28 days after it, as far as there are deliveries.
    """
    contents = history.contents(source)
    with_rows: dict[str, set[date]] = defaultdict(set)
    for day, of in contents.items():
        for force in {force for force, counts in of.items() if force and counts[0]}:
            with_rows[force].add(day)
    events: dict[str, Counter[tuple[date, date]]] = defaultdict(Counter)
    for row in history.rows[source]:
        events[row["force_code"]][day_of(row[EVENTS[source]]), row["extract_date"]] += 1
    for day, of in history.others[source].items():
        for force, of_force in of.items():
            events[force or ""][day, day] += of_force[0]
    found: dict[str, dict[date, bool]] = {}
    for force, present in with_rows.items():
        # What several deliveries have of a day counts once.
        counts: dict[date, int] = {}
        for (day, _), number in events[force].items():
            counts[day] = max(counts.get(day, 0), number)
        span = [min(present) + timedelta(days=number) for number in range((max(contents) - min(present)).days + 1)]
        days = [day for day in span if any(day - timedelta(days=ago) in present for ago in range(DAYS_OWED + 1))]
        lacking = absent_days(counts, days, contents) | low_days(counts, days, contents, FLOORS[source])
        lacking |= history.rejected_corrections[source]
        found[force] = {day: day in contents and day not in lacking for day in days}
    return found


@cache
def line_gaps(history: History, force: str, line: str) -> set[date]:
    """Days with rows of a force and none of a line, at most 28 days after its last row, once ten are usual on them."""
    lines = {day: of[force][line] for day, of in history.lines().items() if sum(of[force].values())}
    with_rows = {day for day, count in lines.items() if count}
    days = [day for day in sorted(lines) if any(0 <= (day - last).days <= DAYS_OWED for last in with_rows)]
    return absent_days(lines, days, lines)


@dataclass
class Measure:
    """What a measure needs, how a figure is made of its two sums, and what each day adds to them."""

    sources: tuple[str, ...]
    factor: int | None = None
    """What the quotient of the sums is multiplied by; None: the numerator alone is the figure."""
    divisors: tuple[int, int] = (1, 1)
    """What each of the sums is divided by."""
    pick: Callable[[list[Decimal]], Fraction | None] | None = None
    """Makes the figure of the values of some days, for a measure that is not made of sums."""
    days: dict[date, tuple[Decimal, Decimal]] = field(default_factory=dict)
    values: list[tuple[date, Decimal]] = field(default_factory=list)

    @property
    def origins(self) -> tuple[str, ...]:
        """Its sources, without the members that it counts of one and the column that it needs."""
        return tuple(source.partition(":")[0] for source in self.sources)

    @property
    def is_sum(self) -> bool:
        """Whether months of it add up."""
        return self.factor is None and self.pick is None

    def add(self, day: date, top: Decimal | int = 1, bottom: Decimal | int = 0) -> None:
        """Add to the sums of a day."""
        before = self.days.get(day, (Decimal(0), Decimal(0)))
        self.days[day] = before[0] + top, before[1] + bottom

    def sums(self, days: Iterable[date]) -> tuple[Fraction, Fraction]:
        """The two sums of some days."""
        inside = [sums for day, sums in self.days.items() if day in days]
        top, bottom = (Fraction(sum(sums[place] for sums in inside)) for place in (0, 1))
        return top / self.divisors[0], bottom / self.divisors[1]

    def figure(self, days: Iterable[date]) -> Fraction | None:
        """The figure of some days."""
        if self.pick:
            return self.pick([value for day, value in self.values if day in days])
        return self.quotient(*self.sums(days))

    def quotient(self, top: Fraction, bottom: Fraction) -> Fraction | None:
        """The figure of two sums."""
        if self.factor is None:
            return top
        return self.factor * top / bottom if bottom > 0 else None


class Calendar:
    """Which months and days of some sources are complete for a force, and which days each period of a month has."""

    def __init__(self, sources: tuple[str, ...], delivered: dict[str, set[date]]) -> None:
        """Keep the days that any and every source has."""
        per_source = [{(day.year, day.month) for day in delivered[source]} for source in sources]
        known = set.union(*per_source)
        self.span = months_between(min(known), max(known)) if known else []
        self.delivered = set.intersection(*per_source)
        self.loaded = set.intersection(*(delivered[source] for source in sources))
        self._days = [delivered[source] for source in sources]

    @cache  # noqa: B019 (a few dozen live as long as the process)
    def fewest(self, month: Month) -> int:
        """Complete days of a month of the source that has the fewest."""
        return min(sum(day in days for day in days_of(month)) for days in self._days)

    def is_whole(self, month: Month) -> bool:
        """Whether no source lacks a day of a month."""
        return self.fewest(month) == len(days_of(month))

    @cache  # noqa: B019
    def period(self, month: Month, name: str) -> Period:
        """A period of a month."""
        months = months_of_period(month, name)
        days = [day for each in months for day in days_of(each)]
        if name in ("prev_fytd", "same_month_last_year"):
            is_known = shifted(month, -12) in self.delivered
        else:
            is_known = month in self.delivered and ("fytd" in name or set(months) <= self.delivered)
        there = {day for day in days if (day.year, day.month) in self.delivered}
        return Period(months, days, there, is_known, sum(day in self.loaded for day in days))

    def complete_since(self, month: Month, name: str) -> date | None:
        """The first complete day of a year to date that lacks no day behind it, in the first year of deliveries."""
        period = self.period(month, name)
        days = [day for each in period.months for day in days_of(each)]
        loaded = [day for day in days if day in self.loaded]
        if name not in ("fytd", "prev_fytd") or min(self.delivered) < period.months[0] or not loaded:
            return None
        return loaded[0] if loaded == [day for day in days if day >= loaded[0]] else None


def months_of_period(month: Month, name: str) -> list[Month]:
    """The months of a period that a month is shown with."""
    april = (month[0] if month[1] >= 4 else month[0] - 1, 4)
    return months_between(
        *{
            "month": (month, month),
            "fytd": (april, month),
            "prev_fytd": (shifted(april, -12), shifted(month, -12)),
            "same_month_last_year": (shifted(month, -12), shifted(month, -12)),
            "last_6_months": (shifted(month, -5), month),
            "previous_6_months": (shifted(month, -11), shifted(month, -6)),
            "last_12_months": (shifted(month, -11), month),
        }[name]
    )


@dataclass(frozen=True)
class Period:
    """A period of a month: the days that it should have, those of delivered months, and how many are complete."""

    months: list[Month]
    days: list[date]
    there: set[date]
    is_known: bool
    loaded: int

    @property
    def is_provisional(self) -> bool:
        """Whether a day is missing."""
        return self.loaded < len(self.days)


class NaiveWarehouse:
    """Events of one force over a history in their current state, and its measures."""

    def __init__(self, history: History, force: str, definitions: Definitions | None = None) -> None:
        """Keep the events and count them."""
        self.force, self.history = force, history
        self.definitions = definitions or Definitions()
        self.delivered = {
            source: {day for day, is_complete in owed_days(history, source).get(force, {}).items() if is_complete}
            for source in history.delivered
        }
        silent = {day for of, day in history.silent if of == force and force in history.contents("call_segments")[day]}
        self.silent = silent & self.delivered["call_segments"]
        for counted in (*LINES, "999,101"):
            gaps = set().union(*(line_gaps(history, force, line) for line in counted.split(",")))
            self.delivered[f"call_segments:{counted}"] = self.delivered["call_segments"] - gaps
            self.delivered[f"call_segments:{counted}{TALK}"] = self.delivered["call_segments"] - gaps - self.silent
        self.rows = {
            source: current((row for row in history.rows[source] if row["force_code"] == force), key)
            for source, key in KEYS.items()
        }
        self.calls = [self._judged(call) for call in calls_of(self.rows["call_segments"])]
        self.received = [call for call in self.calls if call["line"] in LINES and not call["is_short"]]
        self.contacts = [c for c in self.rows["digital_contacts"] if not c["from_partner_force"] and not c["is_test"]]
        self.chats = self.rows["live_chats"]
        self.states = sorted(self.rows["crimes"], key=lambda state: state["updated_at"])
        self.crimes = list({state["crime_ref"]: state for state in self.states}.values())
        self.cancelled = [crime for crime in self.crimes if crime["status"] == "cancelled"]
        self.measures = _declared()
        self._count_calls()
        self._count_contacts()
        self._count_chats()
        self._count_crimes()

    @cache  # noqa: B019
    def calendar(self, sources: tuple[str, ...]) -> Calendar:
        """The calendar of some sources."""
        return Calendar(sources, self.delivered)

    def rules(self, line: str, day: date) -> CallRules:
        """The rules of a line on a day."""
        rules: CallRules = in_force(self.definitions.calls[line], self.force, day)
        return rules

    def _judged(self, call: Row) -> Row:
        """A call with what the rules of its day make of it."""
        if call["line"] not in LINES:
            return call
        rules, queue = self.rules(call["line"], call["day"]), call["queue_seconds"]
        counts = call["is_answered"] or (rules.called_back_is_answered and call["called_back_at"] is not None)
        return {
            **call,
            "counts_as_answered": counts,
            "in_time": counts and queue is not None and queue < rules.target_seconds,
            "is_short": not call["is_answered"] and queue is not None and queue < rules.short_abandon_seconds,
        }

    def _count_calls(self) -> None:
        for call in self.received:
            day, queue, talk = call["day"], call["queue_seconds"], call["talk_seconds"]
            of = {name.partition(".")[2]: measure for name, measure in self.measures.items() if call["line"] in name}
            of["received"].add(day)
            of["pct_not_answered"].add(day, not call["counts_as_answered"], 1)
            of["avg_queue_time_all"].add(day, queue or 0, queue is not None)
            of["pct_received_within_target"].add(day, call["in_time"], 1)
            self.measures["demand.total"].add(day)
            if call["line"] == "101":
                self.measures["demand.non_emergency"].add(day)
                self.measures["digital.share_of_non_emergency"].add(day, 0, 1)
            if call["counts_as_answered"]:
                of["answered"].add(day)
                of["avg_queue_time"].add(day, queue or 0, 1)
                of["avg_talk_time"].add(day, talk, 1)
                of["talk_hours"].add(day, talk)
                of["pct_answered_within_target"].add(day, call["in_time"], 1)
                for name in ("median", "p90", "max") if queue is not None else ():
                    of[f"{name}_queue_time"].values.append((day, queue))
            else:
                back = call["called_back_at"]
                of["not_answered"].add(day)
                of["called_back"].add(day, back is not None)
                of["pct_called_back_same_day"].add(day, back is not None and day_of(back) == day, 1)

    def _count_contacts(self) -> None:
        for contact in self.contacts:
            day = day_of(contact["received_at"])
            for name in ("digital_contacts", contact["contact_type"], "other_than_ocr_and_chat"):
                self.measures[f"digital.{name}"].add(day)
            self.measures["digital.share_of_non_emergency"].add(day, 1, 1)
            self.measures["demand.non_emergency"].add(day)
            self.measures["demand.total"].add(day)
        for report in self.rows["online_crime_reports"]:
            day = day_of(report["submitted_at"])
            self.measures[f"ocr.{report['service']}"].add(day)
            if report["service"] == "report_a_crime":
                self.measures["ocr.report_a_crime_submissions"].add(day)
                self.measures["digital.other_than_ocr_and_chat"].add(day, -1)

    @cached_property
    def held(self) -> dict[tuple[str, Month], list[Row]]:
        """Accepted chats of known operators by operator and month, cut where a month ends.

        A piece counts on the day of the request, or on the first of a month in which nothing was requested.
        """
        found = defaultdict(list)
        for chat in self.chats:
            if not (chat["accepted_at"] and chat["operator_id"]):
                continue
            first, requested = month_of(chat["accepted_at"]), day_of(chat["requested_at"])
            for month in months_between(first, month_of(chat["ended_at"])):
                start = max(chat["accepted_at"], midnight(month))
                end = min(chat["ended_at"], midnight(shifted(month, 1)))
                if start < end or month == first:
                    day = requested if (requested.year, requested.month) == month else date(*month, 1)
                    found[chat["operator_id"], month].append({"start": start, "end": end, "day": day})
        return found

    def _count_chats(self) -> None:
        of = {name.removeprefix("live_chat."): measure for name, measure in self.measures.items()}
        for chat in self.chats:
            day = day_of(chat["requested_at"])
            of["live_chats"].add(day)
            of["digital.other_than_ocr_and_chat"].add(day, -1)
            of["pct_not_accepted"].add(day, not chat["accepted_at"], 1)
            if chat["accepted_at"]:
                of["accepted"].add(day)
                of["avg_wait_time"].add(day, seconds(chat["accepted_at"], chat["requested_at"]), 1)
                of["avg_duration"].add(day, seconds(chat["ended_at"], chat["accepted_at"]), 1)
                if chat["operator_id"]:
                    of["chats_per_operator_hour"].add(day)
        for pieces in self.held.values():
            is_several = False
            for start, end, day in stretches(pieces):
                of["chats_per_operator_hour"].add(day, 0, seconds(end, start))
                of["avg_concurrent_chats"].add(day, 0, seconds(end, start))
            for piece in pieces:
                of["avg_concurrent_chats"].add(piece["day"], seconds(piece["end"], piece["start"]))
                level = sum(other["start"] <= piece["start"] < other["end"] for other in pieces)
                of["max_concurrent_chats"].values.append((piece["day"], Decimal(level)))
                is_several |= level >= 2
            of["pct_operators_with_several_chats"].add(min(piece["day"] for piece in pieces), is_several, 1)

    def _count_crimes(self) -> None:
        of = {name.removeprefix("crime."): measure for name, measure in self.measures.items()}
        for crime in self.crimes:
            day, is_cancelled = day_of(crime["recorded_at"]), crime["status"] == "cancelled"
            of["recorded_crime"].add(day)
            of["pct_cohort_cancelled"].add(day, is_cancelled, 1)
            for name in ("pct_cancelled_of_recorded", "pct_cancelled_of_initially_recorded", "pct_cancelled"):
                of[name].add(day, 0, 1)
            if is_cancelled:
                gone = day_of(crime["cancelled_at"])
                of["days_to_cancel"].add(day, (gone - day).days, 1)
                of["cancelled_crime"].add(gone)
                if crime["cancel_code"]:
                    of[f"cancelled.{crime['cancel_code']}"].add(gone)
                of["pct_cancelled_of_recorded"].add(gone, 1)
                of["pct_cancelled_of_initially_recorded"].add(gone, 1, 1)
                of["pct_cancelled"].add(gone, 1, self.counts_cancelled_as_recorded(gone.replace(day=1)))

    def counts_cancelled_as_recorded(self, day: date) -> bool:
        """Whether the share of cancelled crime is that of all crime that was recorded at first."""
        return bool(in_force(self.definitions.counts_cancelled_as_recorded, self.force, day))


def stretches(pieces: list[Row]) -> list[tuple[datetime, datetime, date]]:
    """Times in which an operator held at least one of some pieces; each counts on its earliest day."""
    found: list[tuple[datetime, datetime, date]] = []
    for piece in sorted(pieces, key=lambda piece: piece["start"]):
        if found and piece["start"] <= found[-1][1]:
            start, end, day = found.pop()
            found.append((start, max(end, piece["end"]), min(day, piece["day"])))
        else:
            found.append((piece["start"], piece["end"], piece["day"]))
    return found


def _named(section: str, names: str, sources: str, **kind: Any) -> dict[str, Measure]:
    """Measures of a section that are of one kind."""
    return {f"{section}.{name}": Measure(tuple(sources.split()), **kind) for name in names.split()}


def _declared() -> dict[str, Measure]:
    """All measures, by the name of the catalogue, before anything is counted."""
    contacts, reports, chats = "digital_contacts", "online_crime_reports", "live_chats"
    shares = "pct_not_answered pct_answered_within_target pct_received_within_target pct_called_back_same_day"
    picks: dict[str, Callable[[list[Decimal]], Fraction | None]] = {
        "median": lambda values: percentile(values, Fraction(1, 2)),
        "p90": lambda values: percentile(values, Fraction(9, 10)),
        "max": lambda values: Fraction(max(values)) if values else None,
    }
    found: dict[str, Measure] = {}
    for line in LINES:
        section, calls = f"calls_{line}", f"call_segments:{line}"
        found |= _named(section, "received answered not_answered called_back", calls)
        found |= _named(section, "talk_hours", f"{calls}{TALK}", divisors=(3600, 1))
        found |= _named(section, shares, calls, factor=100)
        found |= _named(section, "avg_queue_time avg_queue_time_all", calls, factor=1)
        found |= _named(section, "avg_talk_time", f"{calls}{TALK}", factor=1)
        for name, pick in picks.items():
            found |= _named(section, f"{name}_queue_time", calls, pick=pick)
    found |= _named("digital", " ".join(["digital_contacts", *CONTACT_TYPES]), contacts)
    found |= _named("digital", "other_than_ocr_and_chat", f"{contacts} {reports} {chats}")
    found |= _named("digital", "share_of_non_emergency", f"{contacts} call_segments:101", factor=100)
    found |= _named("demand", "non_emergency", f"{contacts} call_segments:101")
    found |= _named("demand", "total", f"{contacts} call_segments:999,101")
    found |= _named("ocr", " ".join(["report_a_crime_submissions", *SERVICES]), reports)
    found |= _named("live_chat", "live_chats accepted", chats)
    found |= _named("live_chat", "pct_not_accepted pct_operators_with_several_chats", chats, factor=100)
    found |= _named("live_chat", "avg_wait_time avg_duration avg_concurrent_chats", chats, factor=1)
    found |= _named("live_chat", "chats_per_operator_hour", chats, factor=1, divisors=(1, 3600))
    found |= _named("live_chat", "max_concurrent_chats", chats, pick=lambda values: Fraction(max(values, default=0)))
    found |= _named("crime", "recorded_crime cancelled_crime", "crimes")
    found |= _named("crime.cancelled", "C1 C2 C3 C4 C5", "crimes")
    found |= _named("crime", "pct_cancelled pct_cancelled_of_recorded pct_cohort_cancelled", "crimes", factor=100)
    found |= _named("crime", "pct_cancelled_of_initially_recorded", "crimes", factor=100)
    return found | _named("crime", "days_to_cancel", "crimes", factor=1)
