"""Every measure of the catalogue computed the slow and plain way: lists of events, loops, whole numbers, no SQL.

A second opinion for the dbt models. It shares nothing with them, the catalogue included, and knows no file or
database. Amounts are whole millionths, so that sums are exact and fast; a quotient is rounded once, half up.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from tests.leaving.reference.deliveries import complete_days, quarantined
from tests.leaving.reference.history import CONTACT_TYPES, LONDON, SERVICES, History

Row = dict[str, Any]
Month = tuple[int, int]
MILLION = 10**6
KEYS = {
    "call_segments": ("call_id", "segment_no"),
    "digital_contacts": ("contact_id",),
    "online_crime_reports": ("submission_id",),
    "live_chats": ("chat_id",),
    "crimes": ("crime_ref", "updated_at"),
}
LINES = ("999", "101")
# Sums of days do not give these for a week: operators, concurrent chats, and cohorts that mature.
NOT_BY_WEEK = {
    *("live_chat.chats_per_operator_hour", "live_chat.avg_concurrent_chats"),
    *("live_chat.pct_operators_with_several_chats", "crime.pct_cohort_cancelled", "crime.days_to_cancel"),
}
LONG_AGO = date(2000, 1, 1)


@dataclass(frozen=True)
class Dated:
    """A row of a dated list: what holds for a force, or for all (`*`), from a day on and to a day or for good."""

    force: str
    first: date
    last: date | None
    value: Any


def in_force(rows: Iterable[Dated], force: str, day: date) -> Any:
    """What holds on a day: the force's own row, else that of all forces; None without either."""
    holding = [row for row in rows if row.first <= day and (row.last is None or day <= row.last)]
    own = [row for row in holding if row.force == force]
    chosen = max(own or [row for row in holding if row.force == "*"], key=lambda row: row.first, default=None)
    return chosen.value if chosen else None


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
            "calls_999.pct_received_within_target": [Dated("*", LONG_AGO, None, Decimal(90))],
        }
    )
    counts_cancelled_as_recorded: list[Dated] = field(
        default_factory=lambda: [
            Dated("*", LONG_AGO, None, False),
            Dated("kent", LONG_AGO, date(2022, 10, 31), True),
            Dated("kent", date(2022, 11, 1), None, False),
        ]
    )


def local(moment: datetime) -> datetime:
    """Wall-clock time in London of a naive UTC moment."""
    return moment.replace(tzinfo=UTC).astimezone(LONDON)


def month_of(moment: datetime) -> Month:
    """Calendar month in London of a naive UTC moment."""
    return local(moment).year, local(moment).month


def shifted(month: Month, by: int) -> Month:
    """The month `by` months later (earlier when negative)."""
    number = month[0] * 12 + month[1] - 1 + by
    return number // 12, number % 12 + 1


def months_between(first: Month, last: Month) -> list[Month]:
    """All months from `first` to `last`, both included."""
    months = []
    while first <= last:
        months.append(first)
        first = shifted(first, 1)
    return months


@cache
def days_of(month: Month) -> tuple[date, ...]:
    """All days of a month."""
    return tuple(date(*month, day) for day in range(1, monthrange(*month)[1] + 1))


def a_year_later(day: date) -> date:
    """The same day of the next year; 28 February for 29 February."""
    return date(day.year + 1, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)


def rounded_to(value: Fraction, places: int) -> Decimal:
    """Half up (away from zero) to so many decimals."""
    return quotient(value.numerator * 10**places, value.denominator * MILLION).scaleb(6 - places)


def rounded(value: Fraction | None) -> Decimal | None:
    """Half up (away from zero) to six decimals."""
    return None if value is None else quotient(value.numerator, value.denominator)


def percent(part: int, whole: int) -> Decimal | None:
    """A percentage to six decimals; None of nothing, or of less than nothing."""
    return rounded(Fraction(100 * part, whole)) if whole > 0 else None


def quotient(top: int, bottom: int) -> Decimal:
    """A quotient of whole numbers, half up (away from zero) to six decimals."""
    whole = (2 * abs(top) * MILLION + bottom) // (2 * bottom)
    return Decimal(whole if top >= 0 else -whole).scaleb(-6)


def current(rows: Iterable[Row], key: tuple[str, ...]) -> list[Row]:
    """The row of the latest extract of each key."""
    latest: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: row["extract_date"]):
        latest[(row["force_code"], *(row[column] for column in key))] = row
    return list(latest.values())


def total(seconds: Iterable[Decimal | None]) -> Fraction | None:
    """Sum of the times that are known; None where none is."""
    known = [Fraction(second) for second in seconds if second is not None]
    return sum(known, Fraction(0)) if known else None


def calls_of(segments: list[Row]) -> list[Row]:
    """Calls made of their segments."""
    by_call: dict[tuple[str, str], list[Row]] = {}
    for segment in segments:
        by_call.setdefault((segment["force_code"], segment["call_id"]), []).append(segment)
    calls = []
    for parts in by_call.values():
        parts.sort(key=lambda segment: segment["segment_no"])
        queued, answered = [], False
        for segment in parts:
            queued.append(segment["queue_seconds"])
            if segment["disposition"] == "answered":
                answered = True
                break
        back = min((s["called_back_at"] for s in parts if s["called_back_at"]), default=None)
        calls.append(
            {
                "force_code": parts[0]["force_code"],
                "call_id": parts[0]["call_id"],
                "segments": len(parts),
                "is_dst_ambiguous": parts[0]["is_dst_ambiguous"],
                "line": parts[0]["line"],
                "caller": parts[0]["caller_number"],
                "at": parts[0]["arrived_at"],
                "answered": answered,
                "queue": total(queued),
                "talk": Fraction(sum((s["talk_seconds"] for s in parts), Decimal(0))),
                "back": None if answered else back,
            }
        )
    return calls


def is_short(call: Row, rules: CallRules) -> bool:
    """Whether a call was not answered and is known to have queued for less than the threshold."""
    return not call["answered"] and call["queue"] is not None and call["queue"] < rules.short_abandon_seconds


def crimes_of(states: list[Row]) -> list[Row]:
    """Current state of each crime."""
    latest: dict[tuple[str, str], Row] = {}
    for state in sorted(states, key=lambda state: state["updated_at"]):
        latest[(state["force_code"], state["crime_ref"])] = state
    return list(latest.values())


def midnight(month: Month) -> datetime:
    """Naive UTC moment at which a month begins in London."""
    return datetime(*month, 1, tzinfo=LONDON).astimezone(UTC).replace(tzinfo=None)


def held_pieces(chats: Iterable[Row]) -> dict[tuple[str, Month], list[Row]]:
    """Accepted chats of known operators by operator and month, cut where a month ends.

    A piece counts on the day of the request, or on the first of a month in which nothing was requested.
    """
    found: dict[tuple[str, Month], list[Row]] = {}
    for chat in chats:
        if not (chat["accepted_at"] and chat["operator_id"]):
            continue
        first, requested = month_of(chat["accepted_at"]), local(chat["requested_at"]).date()
        for month in months_between(first, month_of(chat["ended_at"])):
            start = max(chat["accepted_at"], midnight(month))
            end = min(chat["ended_at"], midnight(shifted(month, 1)))
            if start < end or month == first:
                day = requested if (requested.year, requested.month) == month else date(*month, 1)
                piece = {**chat, "accepted_at": start, "ended_at": end, "day": day}
                found.setdefault((chat["operator_id"], month), []).append(piece)
    return found


def percentile(values: list[Fraction], share: Fraction) -> Fraction | None:
    """Continuous percentile: linear between the two nearest values."""
    if not values:
        return None
    values = sorted(values)
    position = share * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return values[low] + (position - low) * (values[high] - values[low])


def microseconds(later: datetime, earlier: datetime) -> int:
    """Exact microseconds between two moments, which are millionths of a second."""
    return (later - earlier) // timedelta(microseconds=1)


@dataclass
class Measure:
    """What a measure needs, how its two sums make a figure, and what each day adds to them.

    A measure that does not add up has `value`, which makes it of the days that it is given.
    """

    sources: tuple[str, ...]
    is_ratio: bool = False
    scale: tuple[int, int] = (1, 1)
    """What the quotient of the sums is multiplied with, and divided by."""
    value: Callable[[Callable[[date], bool]], Fraction | None] | None = None
    days: dict[date, tuple[int, int]] = field(default_factory=dict)

    def add(self, day: date, top: int = MILLION, bottom: int = 0) -> None:
        """Add millionths to the sums of a day."""
        before = self.days.get(day, (0, 0))
        self.days[day] = (before[0] + top, before[1] + bottom)

    def months(self) -> dict[Month, tuple[int, int]]:
        """The two sums of each month that has any."""
        found: dict[Month, tuple[int, int]] = {}
        for day, (top, bottom) in self.days.items():
            before = found.get((day.year, day.month), (0, 0))
            found[day.year, day.month] = (before[0] + top, before[1] + bottom)
        return found


class NaiveWarehouse:
    """Measures of one force over a history."""

    def __init__(self, history: History, force: str, definitions: Definitions | None = None) -> None:
        """Keep the force's events in their current state and count them."""
        self.force = force
        self.definitions = definitions or Definitions()
        self.history = history
        self.delivered = complete_days(history, force)
        own = {
            source: current((row for row in history.rows[source] if row["force_code"] == force), key)
            for source, key in KEYS.items()
        }
        self.calls = calls_of(own["call_segments"])
        self.contacts = [c for c in own["digital_contacts"] if not c["from_partner_force"] and not c["is_test"]]
        self.reports = own["online_crime_reports"]
        self.chats = own["live_chats"]
        self.crimes = crimes_of(own["crimes"])
        self.measures: dict[str, Measure] = {}
        self._quarantine: dict[tuple[tuple[str, ...], tuple[Month, ...]], Row] = {}
        self._rows: dict[tuple[str, str, date], Row] = {}
        self._declare()
        self._count_calls()
        self._count_contacts()
        self._count_chats()
        self._count_crimes()

    def _declare(self) -> None:
        dc, cs, ocr, lc, cr = (
            ("digital_contacts",),
            ("call_segments",),
            ("online_crime_reports",),
            ("live_chats",),
            ("crimes",),
        )
        percent = {"is_ratio": True, "scale": (100, 1)}
        for line in LINES:
            found = {
                **{name: Measure(cs) for name in ("received", "answered", "not_answered", "called_back")},
                **{
                    name: Measure(cs, **percent)
                    for name in (
                        "pct_not_answered",
                        "pct_answered_within_target",
                        "pct_received_within_target",
                        "pct_called_back_same_day",
                    )
                },
                **{name: Measure(cs, is_ratio=True) for name in ("avg_queue_time", "avg_talk_time")},
                "avg_queue_time_all": Measure(cs, is_ratio=True),
                "talk_hours": Measure(cs, scale=(1, 3600)),
                "median_queue_time": Measure(cs, value=self._queue_percentile(line, Fraction(1, 2))),
                "p90_queue_time": Measure(cs, value=self._queue_percentile(line, Fraction(9, 10))),
                "max_queue_time": Measure(cs, value=self._longest_queue(line)),
            }
            self.measures |= {f"calls_{line}.{name}": measure for name, measure in found.items()}
        self.measures |= {f"digital.{kind}": Measure(dc) for kind in ("digital_contacts", *CONTACT_TYPES)}
        self.measures["digital.other_than_ocr_and_chat"] = Measure(dc + ocr + lc)
        self.measures["digital.share_of_non_emergency"] = Measure(dc + cs, **percent)
        self.measures |= {f"demand.{name}": Measure(dc + cs) for name in ("non_emergency", "total")}
        self.measures |= {f"ocr.{name}": Measure(ocr) for name in ("report_a_crime_submissions", *SERVICES)}
        self.measures |= {
            "live_chat.live_chats": Measure(lc),
            "live_chat.accepted": Measure(lc),
            "live_chat.pct_not_accepted": Measure(lc, **percent),
            "live_chat.avg_wait_time": Measure(lc, is_ratio=True),
            "live_chat.avg_duration": Measure(lc, is_ratio=True),
            "live_chat.chats_per_operator_hour": Measure(lc, is_ratio=True, scale=(3600, 1)),
            "live_chat.avg_concurrent_chats": Measure(lc, is_ratio=True),
            "live_chat.max_concurrent_chats": Measure(lc, value=self._most_at_once),
            "live_chat.pct_operators_with_several_chats": Measure(lc, **percent),
            "crime.recorded_crime": Measure(cr),
            "crime.cancelled_crime": Measure(cr),
            **{f"crime.cancelled.C{number}": Measure(cr) for number in range(1, 6)},
            "crime.pct_cancelled_of_recorded": Measure(cr, **percent),
            "crime.pct_cancelled_of_initially_recorded": Measure(cr, **percent),
            "crime.pct_cancelled": Measure(cr, **percent),
            "crime.pct_cohort_cancelled": Measure(cr, **percent),
            "crime.days_to_cancel": Measure(cr, is_ratio=True),
        }

    def _count_calls(self) -> None:
        self.queues: dict[str, list[tuple[date, Fraction]]] = {line: [] for line in LINES}
        self.received: list[Row] = []
        for call in self.calls:
            if call["line"] not in LINES:
                continue
            day = local(call["at"]).date()
            rules: CallRules | None = in_force(self.definitions.calls[call["line"]], self.force, day)
            if rules is None:
                continue
            answered = call["answered"] or (rules.called_back_is_answered and call["back"] is not None)
            if is_short(call, rules):
                continue
            of_line = {
                name.partition(".")[2]: measure
                for name, measure in self.measures.items()
                if name.startswith(f"calls_{call['line']}.")
            }
            is_known = call["queue"] is not None
            queue, talk = int((call["queue"] or 0) * MILLION), int(call["talk"] * MILLION)
            in_time = MILLION if answered and is_known and call["queue"] < rules.target_seconds else 0
            self.received.append({**call, "answered": answered, "in_time": bool(in_time), "day": day})
            of_line["received"].add(day)
            of_line["pct_not_answered"].add(day, 0 if answered else MILLION, MILLION)
            of_line["avg_queue_time_all"].add(day, queue, MILLION if is_known else 0)
            of_line["pct_received_within_target"].add(day, in_time, MILLION)
            self.measures["demand.total"].add(day)
            if call["line"] == "101":
                self.measures["demand.non_emergency"].add(day)
                self.measures["digital.share_of_non_emergency"].add(day, 0, MILLION)
            if answered:
                if is_known:
                    self.queues[call["line"]].append((day, call["queue"]))
                of_line["answered"].add(day)
                of_line["avg_queue_time"].add(day, queue, MILLION)
                of_line["avg_talk_time"].add(day, talk, MILLION)
                of_line["talk_hours"].add(day, talk)
                of_line["pct_answered_within_target"].add(day, in_time, MILLION)
            else:
                of_line["not_answered"].add(day)
                same_day = call["back"] is not None and local(call["back"]).date() == day
                of_line["pct_called_back_same_day"].add(day, MILLION if same_day else 0, MILLION)
                if call["back"] is not None:
                    of_line["called_back"].add(day)

    def _count_contacts(self) -> None:
        for contact in self.contacts:
            day = local(contact["received_at"]).date()
            for name in ("digital_contacts", contact["contact_type"], "other_than_ocr_and_chat"):
                self.measures[f"digital.{name}"].add(day)
            self.measures["digital.share_of_non_emergency"].add(day, MILLION, MILLION)
            self.measures["demand.non_emergency"].add(day)
            self.measures["demand.total"].add(day)
        for report in self.reports:
            day = local(report["submitted_at"]).date()
            self.measures[f"ocr.{report['service']}"].add(day)
            if report["service"] == "report_a_crime":
                self.measures["ocr.report_a_crime_submissions"].add(day)
                self.measures["digital.other_than_ocr_and_chat"].add(day, -MILLION)

    def _count_chats(self) -> None:
        operators: dict[tuple[str, Month], list[date]] = {}
        for chat in self.chats:
            day = local(chat["requested_at"]).date()
            self.measures["live_chat.live_chats"].add(day)
            self.measures["digital.other_than_ocr_and_chat"].add(day, -MILLION)
            self.measures["live_chat.pct_not_accepted"].add(day, 0 if chat["accepted_at"] else MILLION, MILLION)
            if chat["accepted_at"]:
                wait = microseconds(chat["accepted_at"], chat["requested_at"])
                length = microseconds(chat["ended_at"], chat["accepted_at"])
                self.measures["live_chat.accepted"].add(day)
                self.measures["live_chat.avg_wait_time"].add(day, wait, MILLION)
                self.measures["live_chat.avg_duration"].add(day, length, MILLION)
                if chat["operator_id"]:
                    self.measures["live_chat.chats_per_operator_hour"].add(day)
        self.at_once: list[tuple[date, int]] = []
        several = set()
        for at, pieces in held_pieces(self.chats).items():
            self._count_stretches(pieces)
            for piece in pieces:
                length = microseconds(piece["ended_at"], piece["accepted_at"])
                self.measures["live_chat.avg_concurrent_chats"].add(piece["day"], length)
                level = sum(p["accepted_at"] <= piece["accepted_at"] < p["ended_at"] for p in pieces)
                self.at_once.append((piece["day"], level))
                if level >= 2:
                    several.add(at)
            operators.setdefault(at, []).extend(piece["day"] for piece in pieces)
        for at, days in operators.items():
            top = MILLION if at in several else 0
            self.measures["live_chat.pct_operators_with_several_chats"].add(min(days), top, MILLION)

    def _count_stretches(self, chats: list[Row]) -> None:
        """Time in which an operator held at least one of some pieces; a stretch counts on its earliest day."""
        start = end = None
        days: list[date] = []
        for chat in [*sorted(chats, key=lambda chat: chat["accepted_at"]), None]:
            if chat and end is not None and chat["accepted_at"] <= end:
                end = max(end, chat["ended_at"])
                days.append(chat["day"])
                continue
            if start is not None and end is not None:
                length = microseconds(end, start)
                self.measures["live_chat.chats_per_operator_hour"].add(min(days), 0, length)
                self.measures["live_chat.avg_concurrent_chats"].add(min(days), 0, length)
            if chat:
                start, end, days = chat["accepted_at"], chat["ended_at"], [chat["day"]]

    def _count_crimes(self) -> None:
        of = {name.removeprefix("crime."): m for name, m in self.measures.items() if name.startswith("crime.")}
        for crime in self.crimes:
            day = local(crime["recorded_at"]).date()
            is_cancelled = crime["status"] == "cancelled"
            of["recorded_crime"].add(day)
            of["pct_cohort_cancelled"].add(day, MILLION if is_cancelled else 0, MILLION)
            for name in ("pct_cancelled_of_recorded", "pct_cancelled_of_initially_recorded", "pct_cancelled"):
                of[name].add(day, 0, MILLION)
            if not is_cancelled:
                continue
            gone = local(crime["cancelled_at"]).date()
            of["days_to_cancel"].add(day, (gone - day).days * MILLION, MILLION)
            of["cancelled_crime"].add(gone)
            if crime["cancel_code"]:
                of[f"cancelled.{crime['cancel_code']}"].add(gone)
            of["pct_cancelled_of_recorded"].add(gone, MILLION)
            of["pct_cancelled_of_initially_recorded"].add(gone, MILLION, MILLION)
            counts = in_force(self.definitions.counts_cancelled_as_recorded, self.force, gone.replace(day=1))
            of["pct_cancelled"].add(gone, MILLION, MILLION if counts else 0)

    def _queue_percentile(self, line: str, share: Fraction) -> Callable[[Callable[[date], bool]], Fraction | None]:
        return lambda counts: percentile([queue for day, queue in self.queues[line] if counts(day)], share)

    def _longest_queue(self, line: str) -> Callable[[Callable[[date], bool]], Fraction | None]:
        return lambda counts: max((queue for day, queue in self.queues[line] if counts(day)), default=None)

    def _most_at_once(self, counts: Callable[[date], bool]) -> Fraction:
        return Fraction(max((level for day, level in self.at_once if counts(day)), default=0))

    def rows(self) -> dict[tuple[str, str, date], Row]:
        """Return the expected rows of kpi_measure_monthly for the force, by force, measure and month."""
        if not self._rows:
            self._rows = self._make_rows()
        return self._rows

    def _make_rows(self) -> dict[tuple[str, str, date], Row]:
        found = {}
        calendars: dict[tuple[str, ...], Calendar] = {}
        for name, measure in self.measures.items():
            if measure.sources not in calendars:
                calendars[measure.sources] = Calendar(measure.sources, self.delivered)
            calendar = calendars[measure.sources]
            figures = Figures(measure, calendar)
            targets = self.definitions.targets.get(name, [])
            for month in calendar.span:
                first = date(*month, 1)
                # Only periods name the sources.
                marks = {
                    column: value
                    for column, value in self._quarantined(measure, [month]).items()
                    if column != "affected_sources"
                }
                found[self.force, name, first] = (
                    figures.row(month) | {"target": in_force(targets, self.force, first)} | marks
                )
        return found

    def periods(self) -> dict[tuple[str, str, date, str], Row]:
        """Return the expected rows of kpi_measure_period for the force, by force, measure, month and period."""
        found = {}
        calendars: dict[tuple[str, ...], Calendar] = {}
        for name, measure in self.measures.items():
            if measure.sources not in calendars:
                calendars[measure.sources] = Calendar(measure.sources, self.delivered)
            figures = Figures(measure, calendars[measure.sources])
            for month in figures.calendar.span:
                for period in (*figures.calendar.periods[month], "month"):
                    months = [month] if period == "month" else figures.calendar.periods[month][period].months
                    found[self.force, name, date(*month, 1), period] = figures.period_row(
                        month, period
                    ) | self._quarantined(measure, months)
        return found

    def weeks(self) -> dict[tuple[str, str, date], Row]:
        """Return the expected rows of kpi_measure_weekly for the force, by force, measure and Monday."""
        found = {}
        for name, measure in self.measures.items():
            days = sorted(set.union(*(self.delivered[source] for source in measure.sources)))
            if measure.value or name in NOT_BY_WEEK or not days:
                continue
            monday = days[0] - timedelta(days=days[0].weekday())
            while monday <= days[-1]:
                found[self.force, name, monday] = self._week(name, measure, monday)
                monday += timedelta(days=7)
        return found

    def _week(self, name: str, measure: Measure, monday: date) -> Row:
        week = [monday + timedelta(days=place) for place in range(7)]
        loaded = min(sum(day in self.delivered[source] for day in week) for source in measure.sources)
        top, bottom = (sum(measure.days.get(day, (0, 0))[place] for day in week) for place in (0, 1))
        if name == "crime.pct_cancelled":
            recorded = sum(self.measures["crime.recorded_crime"].days.get(day, (0, 0))[0] for day in week)
            with_cancelled = in_force(self.definitions.counts_cancelled_as_recorded, self.force, monday)
            bottom = recorded + (top if with_cancelled else 0)
        times, over = measure.scale
        value = None
        if loaded and not measure.is_ratio:
            value = quotient(top * times, over * MILLION)
        elif loaded and bottom > 0:
            value = quotient(top * times, bottom * over)
        return {
            "numerator": quotient(top, MILLION * over) if loaded else None,
            "denominator": quotient(bottom, MILLION) if loaded and measure.is_ratio else None,
            "value": value,
            "target": in_force(self.definitions.targets.get(name, []), self.force, monday),
            "is_provisional": loaded < 7,
            "share_of_days_loaded": quotient(100 * loaded, 7),
        }

    def _quarantined(self, measure: Measure, months: Iterable[Month]) -> Row:
        key = measure.sources, tuple(months)
        if key not in self._quarantine:
            self._quarantine[key] = quarantined(self.history, self.force, *key)
        return self._quarantine[key]


@dataclass(frozen=True)
class Period:
    """A period of a month."""

    months: list[Month]
    is_known: bool
    leave_out: frozenset[date]
    is_provisional: bool


class Calendar:
    """Which months and days of a measure's sources were delivered, and which periods each month has."""

    def __init__(self, sources: tuple[str, ...], delivered: dict[str, set[date]]) -> None:
        """Work out the calendar of some sources."""
        per_source = [{(day.year, day.month) for day in delivered[source]} for source in sources]
        known = set.union(*per_source)
        self.span = months_between(min(known), max(known)) if known else []
        self.fewest = {
            month: min(sum((day.year, day.month) == month for day in delivered[source]) for source in sources)
            for month in self.span
        }
        self.delivered = frozenset(set.intersection(*per_source))
        self.loaded = frozenset(set.intersection(*(delivered[source] for source in sources)))
        self.periods = {month: self._periods(month) for month in self.span}

    def _periods(self, month: Month) -> dict[str, Period]:
        here = month in self.delivered
        april = (month[0] if month[1] >= 4 else month[0] - 1, 4)
        year_ago = shifted(month, -12)
        to_date = months_between(april, month)
        to_date_year_ago = [shifted(m, -12) for m in to_date]
        # A year to date that lacks days is compared with the year before without those days.
        leave_out = frozenset(
            day for m in to_date_year_ago for day in days_of(m) if here and a_year_later(day) not in self.loaded
        )

        def whole(months: list[Month]) -> Period:
            return self._period(months, is_known=here and set(months) <= self.delivered)

        return {
            "fytd": self._period(to_date, is_known=here),
            "prev_fytd": self._period(to_date_year_ago, is_known=year_ago in self.delivered, leave_out=leave_out),
            "same_month_last_year": self._period([year_ago], is_known=year_ago in self.delivered),
            "last_6_months": whole(months_between(shifted(month, -5), month)),
            "previous_6_months": whole(months_between(shifted(month, -11), shifted(month, -6))),
            "last_12_months": whole(months_between(shifted(month, -11), month)),
        }

    def _period(self, months: list[Month], *, is_known: bool, leave_out: frozenset[date] = frozenset()) -> Period:
        days = {day for month in months for day in days_of(month)} - leave_out
        return Period(months, is_known and bool(days), leave_out, not days <= self.loaded)


class Figures:
    """Figures of one measure over months."""

    def __init__(self, measure: Measure, calendar: Calendar) -> None:
        """Add up the measure's days."""
        self.measure = measure
        self.calendar = calendar
        self.sums = measure.months()
        self.is_sum = measure.value is None and not measure.is_ratio

    def _figure(self, months: list[Month], leave_out: frozenset[date] = frozenset()) -> Decimal | None:
        """The figure of the delivered ones of some months, without some of their days."""
        there = [month for month in months if month in self.calendar.delivered]
        if self.measure.value:
            inside = set(there)
            return rounded(self.measure.value(lambda day: (day.year, day.month) in inside and day not in leave_out))
        top, bottom = self._sums(there, leave_out)
        times, over = self.measure.scale
        if not self.measure.is_ratio:
            return quotient(top * times, over * MILLION)
        return quotient(top * times, bottom * over) if bottom > 0 else None

    def exact(self, month: Month) -> Fraction | None:
        """The figure of a month before it is rounded."""
        if month not in self.calendar.delivered:
            return None
        if self.measure.value:
            return self.measure.value(lambda day: (day.year, day.month) == month)
        top, bottom = self._sums([month], frozenset())
        times, over = self.measure.scale
        if not self.measure.is_ratio:
            return Fraction(top * times, over * MILLION)
        return Fraction(top * times, bottom * over) if bottom > 0 else None

    def _sums(self, there: list[Month], leave_out: frozenset[date]) -> tuple[int, int]:
        """The two sums of delivered months, without some of their days."""
        top = sum(self.sums.get(month, (0, 0))[0] for month in there)
        bottom = sum(self.sums.get(month, (0, 0))[1] for month in there)
        for day, sums in self.measure.days.items() if leave_out else ():
            if day in leave_out and (day.year, day.month) in self.calendar.delivered:
                top -= sums[0]
                bottom -= sums[1]
        return top, bottom

    def period_row(self, month: Month, name: str) -> Row:
        """What is shown of a period of a month."""
        calendar = self.calendar
        whole_month = Period([month], month in calendar.delivered, frozenset(), is_provisional=False)
        period = whole_month if name == "month" else calendar.periods[month][name]
        days = [day for m in period.months for day in days_of(m) if day not in period.leave_out]
        loaded = sum(day in calendar.loaded for day in days)
        there = [m for m in period.months if m in calendar.delivered]
        top, bottom = self._sums(there, period.leave_out)
        times, over = self.measure.scale
        adds_up = period.is_known and self.measure.value is None
        is_sum = period.is_known and self.is_sum
        return {
            "first_month": date(*period.months[0], 1),
            "last_month": date(*period.months[-1], 1),
            "months": len(period.months),
            "months_delivered": len(there),
            "numerator": quotient(top, MILLION * over) if adds_up else None,
            "denominator": (
                quotient(bottom, MILLION * (3600 if times == 3600 else 1))
                if adds_up and self.measure.is_ratio
                else None
            ),
            "value": self._figure(period.months, period.leave_out) if period.is_known else None,
            "mean_per_month": quotient(top * times, over * MILLION * len(period.months)) if is_sum else None,
            "mean_per_day": quotient(top * times, over * MILLION * len(days)) if is_sum and days else None,
            "days": len(days),
            "days_loaded": loaded,
            "is_provisional": loaded < len(days) or not days,
            "share_of_days_loaded": quotient(100 * loaded, len(days)) if days else None,
            "complete_since": self._complete_since(period, name) if period.is_known and loaded < len(days) else None,
        }

    def _complete_since(self, period: Period, name: str) -> date | None:
        """The first delivered day of a year to date that lacks no day behind it, in the first year of deliveries."""
        begun = min(self.calendar.delivered)
        days = [day for month in period.months for day in days_of(month)]
        loaded = [day for day in days if day in self.calendar.loaded]
        if name not in ("fytd", "prev_fytd") or begun < period.months[0] or not loaded:
            return None
        return loaded[0] if loaded == [day for day in days if day >= loaded[0]] else None

    def _change(self, month: Month, months: int) -> Decimal | None:
        """The change of a sum on an earlier month in percent, if both are complete."""
        before = shifted(month, -months)
        if not self.is_sum or any(self.calendar.fewest.get(one, 0) < len(days_of(one)) for one in (month, before)):
            return None
        now, then = (self.sums.get(one, (0, 0))[0] for one in (month, before))
        return quotient(100 * (now - then), then) if then > 0 else None

    def row(self, month: Month) -> Row:
        """What is shown of a month."""
        calendar = self.calendar
        here = month in calendar.delivered
        periods = calendar.periods[month]
        figures: Row = {}
        for name, period in periods.items():
            figures[name] = self._figure(period.months, period.leave_out) if period.is_known else None
            figures[f"{name}_is_provisional"] = period.is_provisional if period.is_known else None
        value = self._figure([month]) if here else None
        top, bottom = self.sums.get(month, (0, 0))
        days = len(days_of(month))
        counts_parts = here and self.measure.value is None

        def mean(period: str) -> Decimal | None:
            """Per month of the six, from the exact sum."""
            if not self.is_sum or figures[period] is None:
                return None
            total = sum(self.sums.get(m, (0, 0))[0] for m in periods[period].months)
            return quotient(total * self.measure.scale[0], 6 * self.measure.scale[1] * MILLION)

        return {
            "numerator": quotient(top, MILLION * self.measure.scale[1]) if counts_parts else None,
            "denominator": (
                quotient(bottom, MILLION * (3600 if self.measure.scale[0] == 3600 else 1))
                if counts_parts and self.measure.is_ratio
                else None
            ),
            "value": value,
            "fytd_value": figures["fytd"],
            "prev_fytd_value": figures["prev_fytd"],
            "same_month_last_year": figures["same_month_last_year"],
            "last_6_months": figures["last_6_months"],
            "previous_6_months": figures["previous_6_months"],
            "last_12_months": figures["last_12_months"],
            "last_6_months_mean": mean("last_6_months"),
            "previous_6_months_mean": mean("previous_6_months"),
            "per_day": (
                quotient(top * self.measure.scale[0], days * self.measure.scale[1] * MILLION)
                if self.is_sum and here
                else None
            ),
            "pct_change_on_month_before": self._change(month, 1),
            "pct_change_on_last_year": self._change(month, 12),
            "is_provisional": calendar.fewest[month] < days,
            **{name: value for name, value in figures.items() if name.endswith("_is_provisional")},
            "share_of_days_loaded": quotient(100 * calendar.fewest[month], days),
        }
