"""Every measure of the catalogue computed the slow and plain way: lists of events, loops, fractions, no SQL.

A second opinion for the dbt models. It shares nothing with them, seeds included, and knows no file or database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from random_history import CONTACT_TYPES, LONDON, SERVICES, History

Row = dict[str, Any]
Month = tuple[int, int]
Quotient = tuple[Fraction, Fraction | None]
KEYS = {
    "call_segments": ("call_id", "segment_no"),
    "digital_contacts": ("contact_id",),
    "online_crime_reports": ("submission_id",),
    "live_chats": ("chat_id",),
    "crimes": ("crime_ref", "updated_at"),
}
TARGET_SECONDS = {"999": 10, "101": 90}
OF_INITIALLY_RECORDED_UNTIL = {"kent": (2022, 10)}


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


def days_of(month: Month) -> list[date]:
    """All days of a month."""
    day, days = date(month[0], month[1], 1), []
    while (day.year, day.month) == month:
        days.append(day)
        day += timedelta(days=1)
    return days


def rounded(value: Fraction | None) -> Decimal | None:
    """Half up (away from zero) to six decimals."""
    if value is None:
        return None
    millionths = abs(value) * 10**6
    whole = (2 * millionths.numerator + millionths.denominator) // (2 * millionths.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-6)


def current(rows: Iterable[Row], key: tuple[str, ...]) -> list[Row]:
    """The row of the latest extract of each key."""
    latest: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: row["extract_date"]):
        latest[(row["force_code"], *(row[column] for column in key))] = row
    return list(latest.values())


def calls_of(segments: list[Row]) -> list[Row]:
    """Calls made of their segments."""
    by_call: dict[tuple[str, str], list[Row]] = {}
    for segment in segments:
        by_call.setdefault((segment["force_code"], segment["call_id"]), []).append(segment)
    calls = []
    for parts in by_call.values():
        parts.sort(key=lambda segment: segment["segment_no"])
        queued, answered = Decimal(0), False
        for segment in parts:
            queued += segment["queue_seconds"]
            if segment["disposition"] == "answered":
                answered = True
                break
        back = min((s["called_back_at"] for s in parts if s["called_back_at"]), default=None)
        calls.append(
            {
                "force_code": parts[0]["force_code"],
                "line": parts[0]["line"],
                "at": parts[0]["arrived_at"],
                "answered": answered,
                "queue": Fraction(queued),
                "talk": Fraction(sum((s["talk_seconds"] for s in parts), Decimal(0))),
                "back": None if answered else back,
            }
        )
    return calls


def crimes_of(states: list[Row]) -> list[Row]:
    """Current state of each crime."""
    latest: dict[tuple[str, str], Row] = {}
    for state in sorted(states, key=lambda state: state["updated_at"]):
        latest[(state["force_code"], state["crime_ref"])] = state
    return list(latest.values())


def percentile(values: list[Fraction], share: Fraction) -> Fraction | None:
    """Continuous percentile: linear between the two nearest values."""
    if not values:
        return None
    values = sorted(values)
    position = share * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return values[low] + (position - low) * (values[high] - values[low])


def seconds(later: datetime, earlier: datetime) -> Fraction:
    """Exact seconds between two moments."""
    return Fraction((later - earlier) // timedelta(microseconds=1), 10**6)


def busy_seconds(chats: list[Row]) -> Fraction:
    """Seconds in which each operator held at least one of `chats`, all operators together."""
    total = Fraction(0)
    for operator in {chat["operator_id"] for chat in chats}:
        own = [(c["accepted_at"], c["ended_at"]) for c in chats if c["operator_id"] == operator]
        points = sorted({moment for span in own for moment in span})
        for start, end in pairwise(points):
            if any(first <= start and end <= last for first, last in own):
                total += seconds(end, start)
    return total


def most_at_once(chats: list[Row]) -> int:
    """Most of `chats` that one operator held at one moment."""
    most = 0
    for chat in chats:
        held = [
            c
            for c in chats
            if c["operator_id"] == chat["operator_id"] and c["accepted_at"] <= chat["accepted_at"] < c["ended_at"]
        ]
        most = max(most, len(held))
    return most


@dataclass(frozen=True)
class Measure:
    """Sources that a measure needs, and what it is over some months: a quotient, or a value that does not add up."""

    sources: tuple[str, ...]
    quotient: Callable[[list[Month]], Quotient] | None = None
    value: Callable[[list[Month]], Fraction | None] | None = None
    factor: int = 1


class NaiveWarehouse:
    """Measures of one force over a history."""

    def __init__(self, history: History, force: str) -> None:
        """Keep the force's events in their current state."""
        rows = {source: current(history.rows[source], key) for source, key in KEYS.items()}
        own = {source: [row for row in some if row["force_code"] == force] for source, some in rows.items()}
        self.force = force
        self.delivered = history.delivered
        self.calls = calls_of(own["call_segments"])
        self.contacts = [c for c in own["digital_contacts"] if not c["from_partner_force"] and not c["is_test"]]
        self.reports = own["online_crime_reports"]
        self.chats = own["live_chats"]
        self.crimes = crimes_of(own["crimes"])
        self.measures = self._catalogue()

    def _catalogue(self) -> dict[str, Measure]:
        found: dict[str, Measure] = {}
        for line in ("999", "101"):
            found |= self._call_measures(line)

        def contacts(months: list[Month], kind: str | None = None) -> Fraction:
            return Fraction(
                sum(month_of(c["received_at"]) in months and kind in (None, c["contact_type"]) for c in self.contacts)
            )

        def reports(months: list[Month], service: str) -> Fraction:
            return Fraction(
                sum(month_of(r["submitted_at"]) in months and r["service"] == service for r in self.reports)
            )

        def received(months: list[Month], *lines: str) -> Fraction:
            return Fraction(sum(month_of(c["at"]) in months and c["line"] in lines for c in self.calls))

        def chats(months: list[Month]) -> list[Row]:
            return [c for c in self.chats if month_of(c["requested_at"]) in months]

        def accepted(months: list[Month]) -> list[Row]:
            return [c for c in chats(months) if c["accepted_at"]]

        def held(months: list[Month]) -> list[Row]:
            return [c for c in accepted(months) if c["operator_id"]]

        def busy(months: list[Month]) -> Fraction:
            return sum((busy_seconds(held([m])) for m in months), Fraction(0))

        def lengths(some: list[Row], first: str, last: str) -> Fraction:
            return sum((seconds(c[last], c[first]) for c in some), Fraction(0))

        def recorded(months: list[Month]) -> list[Row]:
            return [c for c in self.crimes if month_of(c["recorded_at"]) in months]

        def cancelled(months: list[Month]) -> list[Row]:
            return [c for c in self.crimes if c["status"] == "cancelled" and month_of(c["cancelled_at"]) in months]

        def cohort(months: list[Month]) -> list[Row]:
            return [c for c in recorded(months) if c["status"] == "cancelled"]

        def n(some: list[Row]) -> Fraction:
            return Fraction(len(some))

        def reported_base(months: list[Month]) -> Fraction:
            until = OF_INITIALLY_RECORDED_UNTIL.get(self.force, (0, 0))
            return sum((n(recorded([m])) + (n(cancelled([m])) if m <= until else 0) for m in months), Fraction(0))

        def days(some: list[Row]) -> Fraction:
            return Fraction(sum((local(c["cancelled_at"]).date() - local(c["recorded_at"]).date()).days for c in some))

        dc, cs, ocr, lc, cr = (
            ("digital_contacts",),
            ("call_segments",),
            ("online_crime_reports",),
            ("live_chats",),
            ("crimes",),
        )
        found["digital.digital_contacts"] = Measure(dc, lambda m: (contacts(m), None))
        for kind in CONTACT_TYPES:
            found[f"digital.{kind}"] = Measure(dc, lambda m, kind=kind: (contacts(m, kind), None))
        found["digital.other_than_ocr_and_chat"] = Measure(
            dc + ocr + lc, lambda m: (contacts(m) - reports(m, "report_a_crime") - n(chats(m)), None)
        )
        found["digital.share_of_non_emergency"] = Measure(
            dc + cs, lambda m: (contacts(m), contacts(m) + received(m, "101")), factor=100
        )
        found["demand.non_emergency"] = Measure(dc + cs, lambda m: (contacts(m) + received(m, "101"), None))
        found["demand.total"] = Measure(dc + cs, lambda m: (contacts(m) + received(m, "101", "999"), None))
        found["ocr.report_a_crime_submissions"] = Measure(ocr, lambda m: (reports(m, "report_a_crime"), None))
        for service in SERVICES:
            found[f"ocr.{service}"] = Measure(ocr, lambda m, service=service: (reports(m, service), None))
        found["live_chat.live_chats"] = Measure(lc, lambda m: (n(chats(m)), None))
        found["live_chat.accepted"] = Measure(lc, lambda m: (n(accepted(m)), None))
        found["live_chat.pct_not_accepted"] = Measure(
            lc, lambda m: (n(chats(m)) - n(accepted(m)), n(chats(m))), factor=100
        )
        found["live_chat.avg_wait_time"] = Measure(
            lc, lambda m: (lengths(accepted(m), "requested_at", "accepted_at"), n(accepted(m)))
        )
        found["live_chat.avg_duration"] = Measure(
            lc, lambda m: (lengths(accepted(m), "accepted_at", "ended_at"), n(accepted(m)))
        )
        found["live_chat.chats_per_operator_hour"] = Measure(lc, lambda m: (n(held(m)), busy(m) / 3600))
        found["live_chat.avg_concurrent_chats"] = Measure(
            lc, lambda m: (lengths(held(m), "accepted_at", "ended_at"), busy(m))
        )
        found["live_chat.max_concurrent_chats"] = Measure(
            lc, value=lambda m: Fraction(max((most_at_once(held([one])) for one in m), default=0))
        )
        found["crime.recorded_crime"] = Measure(cr, lambda m: (n(recorded(m)), None))
        found["crime.cancelled_crime"] = Measure(cr, lambda m: (n(cancelled(m)), None))
        for code in ("C1", "C2", "C3", "C4", "C5"):
            found[f"crime.cancelled.{code}"] = Measure(
                cr, lambda m, code=code: (n([c for c in cancelled(m) if c["cancel_code"] == code]), None)
            )
        found["crime.pct_cancelled_of_recorded"] = Measure(cr, lambda m: (n(cancelled(m)), n(recorded(m))), factor=100)
        found["crime.pct_cancelled_of_initially_recorded"] = Measure(
            cr, lambda m: (n(cancelled(m)), n(recorded(m)) + n(cancelled(m))), factor=100
        )
        found["crime.pct_cancelled"] = Measure(cr, lambda m: (n(cancelled(m)), reported_base(m)), factor=100)
        found["crime.pct_cohort_cancelled"] = Measure(cr, lambda m: (n(cohort(m)), n(recorded(m))), factor=100)
        found["crime.days_to_cancel"] = Measure(cr, lambda m: (days(cohort(m)), n(cohort(m))))
        return found

    def _call_measures(self, line: str) -> dict[str, Measure]:
        source = ("call_segments",)

        def received(months: list[Month]) -> list[Row]:
            return [c for c in self.calls if c["line"] == line and month_of(c["at"]) in months]

        def answered(months: list[Month]) -> list[Row]:
            return [c for c in received(months) if c["answered"]]

        def unanswered(months: list[Month]) -> list[Row]:
            return [c for c in received(months) if not c["answered"]]

        def in_time(months: list[Month]) -> list[Row]:
            return [c for c in answered(months) if c["queue"] < TARGET_SECONDS[line]]

        def back(months: list[Month]) -> list[Row]:
            return [c for c in unanswered(months) if c["back"]]

        def back_same_day(months: list[Month]) -> list[Row]:
            return [c for c in back(months) if local(c["back"]).date() == local(c["at"]).date()]

        def n(some: list[Row]) -> Fraction:
            return Fraction(len(some))

        def total(some: list[Row], name: str) -> Fraction:
            return sum((c[name] for c in some), Fraction(0))

        def queues(months: list[Month]) -> list[Fraction]:
            return [c["queue"] for c in answered(months)]

        measures = {
            "received": Measure(source, lambda m: (n(received(m)), None)),
            "answered": Measure(source, lambda m: (n(answered(m)), None)),
            "not_answered": Measure(source, lambda m: (n(unanswered(m)), None)),
            "pct_not_answered": Measure(source, lambda m: (n(unanswered(m)), n(received(m))), factor=100),
            "avg_queue_time": Measure(source, lambda m: (total(answered(m), "queue"), n(answered(m)))),
            "avg_talk_time": Measure(source, lambda m: (total(answered(m), "talk"), n(answered(m)))),
            "avg_queue_time_all": Measure(source, lambda m: (total(received(m), "queue"), n(received(m)))),
            "pct_answered_within_target": Measure(source, lambda m: (n(in_time(m)), n(answered(m))), factor=100),
            "pct_received_within_target": Measure(source, lambda m: (n(in_time(m)), n(received(m))), factor=100),
            "median_queue_time": Measure(source, value=lambda m: percentile(queues(m), Fraction(1, 2))),
            "p90_queue_time": Measure(source, value=lambda m: percentile(queues(m), Fraction(9, 10))),
            "max_queue_time": Measure(source, value=lambda m: max(queues(m), default=None)),
            "called_back": Measure(source, lambda m: (n(back(m)), None)),
            "pct_called_back_same_day": Measure(source, lambda m: (n(back_same_day(m)), n(unanswered(m))), factor=100),
            "talk_hours": Measure(source, lambda m: (total(answered(m), "talk") / 3600, None)),
        }
        return {f"calls_{line}.{name}": measure for name, measure in measures.items()}

    def rows(self) -> dict[tuple[str, str, date], dict[str, Any]]:
        """What kpi_measure_monthly has to hold for the force, by force, measure and month."""
        found = {}
        for name, measure in self.measures.items():
            per_source = [{(d.year, d.month) for d in self.delivered[source]} for source in measure.sources]
            known_months = set.union(*per_source)
            delivered = set.intersection(*per_source)
            span = months_between(min(known_months), max(known_months))
            for month in span:
                found[self.force, name, date(*month, 1)] = self._row(measure, month, delivered)
        return found

    def _loaded(self, measure: Measure, month: Month) -> tuple[int, int]:
        days = days_of(month)
        return min(sum(day in self.delivered[source] for day in days) for source in measure.sources), len(days)

    def _row(self, measure: Measure, month: Month, delivered: set[Month]) -> dict[str, Any]:
        april = (month[0] if month[1] >= 4 else month[0] - 1, 4)
        year_ago = shifted(month, -12)
        is_sum = measure.quotient is not None and measure.quotient([])[1] is None
        loaded, days = self._loaded(measure, month)

        def figure(months: list[Month], *, anchor: Month, gaps: bool = False) -> Fraction | None:
            there = [m for m in months if m in delivered]
            if anchor not in delivered or (not gaps and there != months):
                return None
            if measure.value:
                return measure.value(there)
            top, bottom = measure.quotient(there)
            if bottom is None:
                return top
            return measure.factor * top / bottom if bottom > 0 else None

        def provisional(months: list[Month], *, known: bool) -> bool | None:
            complete = all(m in delivered and self._loaded(measure, m)[0] == len(days_of(m)) for m in months)
            return not complete if known else None

        to_date = months_between(april, month)
        to_date_year_ago = [shifted(m, -12) for m in to_date]
        six = months_between(shifted(month, -5), month)
        six_before = months_between(shifted(month, -11), shifted(month, -6))
        twelve = months_between(shifted(month, -11), month)
        is_delivered = month in delivered
        parts = measure.quotient([month]) if measure.quotient and is_delivered else (None, None)
        value = figure([month], anchor=month)
        last_6, before_6 = figure(six, anchor=month), figure(six_before, anchor=month)
        return {
            "numerator": rounded(parts[0]),
            "denominator": rounded(parts[1]),
            "value": rounded(value),
            "fytd_value": rounded(figure(to_date, anchor=month, gaps=True)),
            "prev_fytd_value": rounded(figure(to_date_year_ago, anchor=year_ago, gaps=True)),
            "same_month_last_year": rounded(figure([year_ago], anchor=year_ago)),
            "last_6_months": rounded(last_6),
            "previous_6_months": rounded(before_6),
            "last_12_months": rounded(figure(twelve, anchor=month)),
            "last_6_months_mean": rounded(last_6 / 6 if is_sum and last_6 is not None else None),
            "previous_6_months_mean": rounded(before_6 / 6 if is_sum and before_6 is not None else None),
            "per_day": rounded(value / days if is_sum and value is not None else None),
            "is_provisional": loaded < days,
            "fytd_is_provisional": provisional(to_date, known=is_delivered),
            "prev_fytd_is_provisional": provisional(to_date_year_ago, known=year_ago in delivered),
            "last_12_months_is_provisional": provisional(twelve, known=is_delivered and set(twelve) <= delivered),
            "share_of_days_loaded": rounded(Fraction(100 * loaded, days)),
        }
