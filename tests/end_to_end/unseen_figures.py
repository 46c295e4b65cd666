"""Every figure of the marts and every count of the audit, from the drawn truth: loops, fractions, no SQL, no files.

It follows the definitions of the measures and shares no code with the project.
"""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from unseen_extracts import CANCEL_CODES, CONTACT_TYPES, FORCES, SERVICES, World, judged, key_of, local_of

Month = tuple[int, int]
Parts = dict[str, Fraction]
LINES = ("999", "101")
TARGET_SECONDS = {"999": 10, "101": 90}
DAILY = ("call_segments", "digital_contacts", "online_crime_reports", "live_chats", "crimes")
SIX = Decimal("0.000001")


def month_of(day: date) -> Month:
    return day.year, day.month


def shifted(month: Month, by: int) -> Month:
    number = month[0] * 12 + month[1] - 1 + by
    return number // 12, number % 12 + 1


def between(first: Month, last: Month) -> list[Month]:
    months = []
    while first <= last:
        months.append(first)
        first = shifted(first, 1)
    return months


def length_of(month: Month) -> int:
    return calendar.monthrange(*month)[1]


def half_up(value: Fraction, places: int) -> Decimal:
    """The exact value rounded once, halves away from zero."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def percentile(values: Iterable[Fraction], share: Fraction) -> Fraction | None:
    """Continuous percentile, linear between neighbours."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    low = place.numerator // place.denominator
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def stretches(spans: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Spans of time covered by at least one of the spans, without a break in each."""
    found: list[tuple[Any, Any]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def most_at_once(spans: Iterable[tuple[Any, Any]]) -> int:
    """The most spans that cover one instant; a span ends before its end."""
    held = [span for span in spans if span[0] < span[1]]
    return max((sum(start <= instant < end for start, end in held) for instant, _ in held), default=0)


def seconds(span: timedelta) -> Fraction:
    return Fraction(span // timedelta(microseconds=1), 10**6)


class Figures:
    """The world as a warehouse should see it after a step."""

    def __init__(self, world: World, step: int) -> None:
        self.standing = world.at(step)
        self.rows: dict[str, list[dict[str, Any]]] = {}
        for source in DAILY:
            winners: dict[tuple[Any, ...], dict[str, Any]] = {}
            for (of, _), delivery in sorted(self.standing.items()):
                if of == source:
                    for _, _, row, values, fault in judged(delivery):
                        if fault is None:
                            winners[key_of(row.source, values)] = values
            self.rows[source] = list(winners.values())
        self.days = {source: {day for of, day in self.standing if of == source} for source in DAILY}
        self.calls = self._calls()
        self.crimes = self._crimes()
        self.parts: dict[tuple[str, Month], Parts] = {}
        every = [month_of(day) for days in self.days.values() for day in days]
        self.months = between(min(every), max(every)) if every else []
        self.day_parts = {force: self._day_parts(force) for force in FORCES}
        for force in FORCES:
            for month in self.months:
                self.parts[force, month] = defaultdict(Fraction)
            for day, parts in self.day_parts[force].items():
                for name, amount in parts.items():
                    if (force, month_of(day)) in self.parts:
                        self.parts[force, month_of(day)][name] += amount

    def _calls(self) -> list[dict[str, Any]]:
        segments: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows["call_segments"]:
            segments[row["force_code"], row["call_id"]].append(row)
        calls = []
        for (force, call_id), rows in segments.items():
            rows.sort(key=lambda row: row["segment_no"])
            queue, answered = Fraction(0), False
            for row in rows:
                queue += Fraction(row["queue_seconds"])
                if row["disposition"] == "answered":
                    answered = True
                    break
            backs = [row["called_back_at"] for row in rows if row["called_back_at"] is not None]
            local = local_of(rows[0]["arrived_at"])
            calls.append({
                "force": force, "call_id": call_id, "line": rows[0]["line"], "arrived_at": rows[0]["arrived_at"],
                "day": local.date(), "hour": local.hour, "answered": answered, "queue": queue,
                "talk": sum((Fraction(row["talk_seconds"]) for row in rows), Fraction(0)), "segments": len(rows),
                "back": min(backs) if backs and not answered else None,
                "ambiguous": rows[0]["is_dst_ambiguous"],
            })  # fmt: skip
        return calls

    def _crimes(self) -> list[dict[str, Any]]:
        latest: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self.rows["crimes"]:
            key = row["force_code"], row["crime_ref"]
            if key not in latest or latest[key]["updated_at"] < row["updated_at"]:
                latest[key] = row
        return [
            {
                "force": force,
                "recorded": local_of(row["recorded_at"]).date(),
                "cancelled": local_of(row["cancelled_at"]).date() if row["status"] == "cancelled" else None,
                "code": row["cancel_code"] if row["status"] == "cancelled" else None,
                "offence": row["offence_code"],
                "district": row["district"],
            }
            for (force, _), row in latest.items()
        ]

    def calls_in(self, force: str, line: str, months: Iterable[Month]) -> list[dict[str, Any]]:
        wanted = set(months)
        return [c for c in self.calls if c["force"] == force and c["line"] == line and month_of(c["day"]) in wanted]

    def chats_in(self, force: str, months: Iterable[Month]) -> list[dict[str, Any]]:
        wanted = set(months)
        return [
            row
            for row in self.rows["live_chats"]
            if row["force_code"] == force and month_of(local_of(row["requested_at"]).date()) in wanted
        ]

    @staticmethod
    def held_by_operator(chats: Iterable[dict[str, Any]]) -> dict[str, list[tuple[Any, Any]]]:
        spans: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
        for chat in chats:
            if chat["accepted_at"] is not None and chat["operator_id"] is not None:
                spans[chat["operator_id"]].append((chat["accepted_at"], chat["ended_at"]))
        return spans

    def _day_parts(self, force: str) -> dict[date, Parts]:
        """What each local day adds to the sums of a force."""
        days: dict[date, Parts] = defaultdict(lambda: defaultdict(Fraction))
        for call in self.calls:
            if call["force"] != force or call["line"] not in LINES:
                continue
            line, parts = call["line"], days[call["day"]]
            parts[f"{line} received"] += 1
            parts[f"{line} queue all"] += call["queue"]
            if call["answered"]:
                parts[f"{line} answered"] += 1
                parts[f"{line} queue"] += call["queue"]
                parts[f"{line} talk"] += call["talk"]
                parts[f"{line} within"] += call["queue"] < TARGET_SECONDS[line]
            elif call["back"] is not None:
                parts[f"{line} back"] += 1
                parts[f"{line} same day"] += local_of(call["back"]).date() == call["day"]
        for row in self.rows["digital_contacts"]:
            if not row["from_partner_force"] and not row["is_test"] and row["force_code"] == force:
                parts = days[local_of(row["received_at"]).date()]
                parts["digital"] += 1
                parts[f"digital {row['contact_type']}"] += 1
        for row in self.rows["online_crime_reports"]:
            if row["force_code"] == force:
                days[local_of(row["submitted_at"]).date()][f"ocr {row['service']}"] += 1
        for month in self.months:
            self._add_chats(days, self.chats_in(force, [month]))
        for crime in self.crimes:
            if crime["force"] != force:
                continue
            parts = days[crime["recorded"]]
            parts["recorded"] += 1
            if crime["cancelled"]:
                parts["cohort"] += 1
                parts["cohort days"] += (crime["cancelled"] - crime["recorded"]).days
                days[crime["cancelled"]]["cancelled"] += 1
                days[crime["cancelled"]][f"cancelled {crime['code']}"] += 1
        return days

    def _add_chats(self, days: dict[date, Parts], chats: list[dict[str, Any]]) -> None:
        """Add the chats of one month; operators' time is that of the chats requested in it."""
        for chat in chats:
            parts = days[local_of(chat["requested_at"]).date()]
            parts["chats"] += 1
            if chat["accepted_at"] is not None:
                held = seconds(chat["ended_at"] - chat["accepted_at"])
                parts["accepted"] += 1
                parts["wait"] += seconds(chat["accepted_at"] - chat["requested_at"])
                parts["duration"] += held
                if chat["operator_id"] is not None:
                    parts["accepted by operators"] += 1
                    parts["held by operators"] += held
        for operator, spans in self.held_by_operator(chats).items():
            own = [chat for chat in chats if chat["operator_id"] == operator and chat["accepted_at"] is not None]
            first = days[min(local_of(chat["requested_at"]).date() for chat in own)]
            first["operators"] += 1
            first["operators with several"] += most_at_once(spans) >= 2
            for stretch in stretches(spans):
                asked = [
                    local_of(chat["requested_at"]).date()
                    for chat in own
                    if stretch[0] <= chat["accepted_at"] <= stretch[1]
                ]
                days[min(asked)]["operator seconds"] += seconds(stretch[1] - stretch[0])

    def delivered(self, source: str, month: Month) -> int:
        return sum(month_of(day) == month for day in self.days[source])

    def share(self, sources: Iterable[str], month: Month) -> Fraction:
        return min(Fraction(self.delivered(source, month), length_of(month)) for source in sources)

    def period(
        self, force: str, measure: Measure, months: list[Month], without: frozenset[date] = frozenset()
    ) -> Fraction | None:
        """The figure of several months as one period, some of their days left out."""
        if measure.recomputed:
            return measure.recomputed(self, force, months, without)
        summed = Counter[str]()
        for month in months:
            for part, amount in self.parts[force, month].items():
                summed[part] += amount
        for day in without:
            if month_of(day) in months:
                for part, amount in self.day_parts[force].get(day, {}).items():
                    summed[part] -= amount
        return measure.of(summed)

    def uncompared(self, sources: Iterable[str], months: list[Month]) -> frozenset[date]:
        """Days of last year's months whose counterparts a year later lack a delivery of a source."""
        days = [date(*month, day) for month in months for day in range(1, length_of(month) + 1)]
        later = {day: date(day.year + 1, day.month, 28 if (day.month, day.day) == (2, 29) else day.day) for day in days}
        return frozenset(day for day in days if any(later[day] not in self.days[source] for source in sources))

    def measure_rows(self) -> dict[tuple[str, str, date], dict[str, Any]]:
        """What `kpi_measure_monthly` should hold."""
        rows = {}
        for measure in MEASURES:
            sources = measure.sources
            every = [month_of(day) for source in sources for day in self.days[source]]
            if not every:
                continue
            span = between(min(every), max(every))
            full = {month for month in span if all(self.delivered(source, month) for source in sources)}
            for force in FORCES:
                for month in span:
                    rows[force, measure.name, date(*month, 1)] = self._measure_row(force, measure, month, full)
        return rows

    def _measure_row(self, force: str, measure: Measure, month: Month, full: set[Month]) -> dict[str, Any]:
        def value_of(
            months: list[Month], *, whole: bool = True, without: frozenset[date] = frozenset()
        ) -> Decimal | None:
            present = [each for each in months if each in full]
            if not present or (whole and len(present) < len(months)):
                return None
            if sum(length_of(each) for each in months) == len(without):
                return None
            value = self.period(force, measure, present, without)
            return None if value is None else half_up(value, 6)

        def back(first: int, last: int) -> list[Month]:
            return [shifted(month, -by) for by in range(first, last)]

        april = (month[0] if month[1] >= 4 else month[0] - 1, 4)
        year = between(april, month)
        year_before = [shifted(each, -12) for each in year]
        # A year to date that lacks days is compared with the same days of the year before.
        without = self.uncompared(measure.sources, year_before) if month in full else frozenset()
        numerator = denominator = exact = None
        if month in full:
            exact = self.period(force, measure, [month])
            if not measure.recomputed:
                numerator = measure.numerator(self.parts[force, month]) * measure.numerator_factor
                if measure.denominator:
                    denominator = measure.denominator(self.parts[force, month]) * measure.denominator_factor
        is_sum = measure.denominator is None and not measure.recomputed
        share = self.share(measure.sources, month)
        return {
            "numerator": None if numerator is None else half_up(numerator, 6),
            "denominator": None if denominator is None else half_up(denominator, 6),
            "value": value_of([month]),
            "fytd_value": value_of(year, whole=False) if month in full else None,
            "prev_fytd_value": (
                value_of(year_before, whole=False, without=without) if year_before[-1] in full else None
            ),
            "same_month_last_year": value_of([shifted(month, -12)]),
            "last_6_months": value_of(back(0, 6)),
            # Nothing was delivered of the month itself: then its row shows no period that goes by it.
            "previous_6_months": value_of(back(6, 12)) if month in full else None,
            "last_12_months": value_of(back(0, 12)),
            "per_day": half_up(exact / length_of(month), 6) if is_sum and exact is not None else None,
            "is_provisional": share < 1,
            "share_of_days_loaded": half_up(share * 100, 6),
            "exact": exact,
        }


class Measure:
    """A measure of the catalogue: parts to a figure."""

    def __init__(
        self,
        name: str,
        sources: Iterable[str],
        numerator: Callable[[Parts], Fraction] | None = None,
        denominator: Callable[[Parts], Fraction] | None = None,
        *,
        scale: int = 1,
        numerator_factor: Fraction = Fraction(1),
        denominator_factor: Fraction = Fraction(1),
        recomputed: Callable[[Figures, str, list[Month], frozenset[date]], Fraction | None] | None = None,
    ) -> None:
        self.name, self.sources, self.scale, self.recomputed = name, tuple(sources), scale, recomputed
        self.numerator: Any = numerator
        self.denominator = denominator
        self.numerator_factor, self.denominator_factor = numerator_factor, denominator_factor

    def of(self, parts: Any) -> Fraction | None:
        above = Fraction(self.numerator(parts)) * self.numerator_factor * self.scale
        if self.denominator is None:
            return above
        below = Fraction(self.denominator(parts)) * self.denominator_factor
        return above / below if below else None


def part(*names: str) -> Callable[[Parts], Fraction]:
    """Sum of parts; a name after `-` is taken off."""
    return lambda parts: sum(
        (-parts.get(n[1:], Fraction(0)) if n[0] == "-" else parts.get(n, Fraction(0)) for n in names), Fraction(0)
    )


def _queue_of(figures: Figures, force: str, line: str, months: list[Month], without: frozenset[date]) -> list[Fraction]:
    calls = figures.calls_in(force, line, months)
    return [call["queue"] for call in calls if call["answered"] and call["day"] not in without]


def _most_concurrent(figures: Figures, force: str, months: list[Month], without: frozenset[date]) -> Fraction:
    """The most that were held as a chat of one of the days was accepted, among those requested in its month."""
    most = 0
    for month in months:
        chats = [c for c in figures.chats_in(force, [month]) if c["accepted_at"] and c["operator_id"]]
        for chat in chats:
            if local_of(chat["requested_at"]).date() not in without:
                held = [c for c in chats if c["operator_id"] == chat["operator_id"]]
                at = chat["accepted_at"]
                most = max(most, sum(c["accepted_at"] <= at < c["ended_at"] for c in held))
    return Fraction(most)


def _measures() -> list[Measure]:
    calls, contacts, reports, chats, crimes = DAILY
    hour = Fraction(1, 3600)
    found = []
    for line in LINES:
        section, received, answered = f"calls_{line}", part(f"{line} received"), part(f"{line} answered")
        missed = part(f"{line} received", f"-{line} answered")

        def longest(
            f: Figures, force: str, months: list[Month], without: frozenset[date], line: str = line
        ) -> Fraction | None:
            return max(_queue_of(f, force, line, months, without), default=None)

        def middle(
            f: Figures, force: str, months: list[Month], without: frozenset[date], line: str = line
        ) -> Fraction | None:
            return percentile(_queue_of(f, force, line, months, without), Fraction(1, 2))

        def tenth(
            f: Figures, force: str, months: list[Month], without: frozenset[date], line: str = line
        ) -> Fraction | None:
            return percentile(_queue_of(f, force, line, months, without), Fraction(9, 10))

        found += [
            Measure(f"{section}.received", [calls], received),
            Measure(f"{section}.answered", [calls], answered),
            Measure(f"{section}.not_answered", [calls], missed),
            Measure(f"{section}.pct_not_answered", [calls], missed, received, scale=100),
            Measure(f"{section}.avg_queue_time", [calls], part(f"{line} queue"), answered),
            Measure(f"{section}.avg_talk_time", [calls], part(f"{line} talk"), answered),
            Measure(f"{section}.avg_queue_time_all", [calls], part(f"{line} queue all"), received),
            Measure(f"{section}.pct_answered_within_target", [calls], part(f"{line} within"), answered, scale=100),
            Measure(f"{section}.pct_received_within_target", [calls], part(f"{line} within"), received, scale=100),
            Measure(f"{section}.median_queue_time", [calls], recomputed=middle),
            Measure(f"{section}.p90_queue_time", [calls], recomputed=tenth),
            Measure(f"{section}.max_queue_time", [calls], recomputed=longest),
            Measure(f"{section}.called_back", [calls], part(f"{line} back")),
            Measure(f"{section}.pct_called_back_same_day", [calls], part(f"{line} same day"), missed, scale=100),
            Measure(f"{section}.talk_hours", [calls], part(f"{line} talk"), numerator_factor=hour),
        ]
    digital = part("digital")
    found += [Measure("digital.digital_contacts", [contacts], digital)]
    found += [Measure(f"digital.{kind}", [contacts], part(f"digital {kind}")) for kind in CONTACT_TYPES]
    rest = part("digital", "-ocr report_a_crime", "-chats")
    softer = part("digital", "101 received")
    found += [
        Measure("digital.other_than_ocr_and_chat", [contacts, reports, chats], rest),
        Measure("digital.share_of_non_emergency", [contacts, calls], digital, softer, scale=100),
        Measure("demand.non_emergency", [contacts, calls], softer),
        Measure("demand.total", [contacts, calls], part("digital", "101 received", "999 received")),
        Measure("ocr.report_a_crime_submissions", [reports], part("ocr report_a_crime")),
    ]
    found += [Measure(f"ocr.{service}", [reports], part(f"ocr {service}")) for service in SERVICES]
    sessions, accepted = part("chats"), part("accepted")
    held, present = part("held by operators"), part("operator seconds")
    found += [
        Measure("live_chat.live_chats", [chats], sessions),
        Measure("live_chat.accepted", [chats], accepted),
        Measure("live_chat.pct_not_accepted", [chats], part("chats", "-accepted"), sessions, scale=100),
        Measure("live_chat.avg_wait_time", [chats], part("wait"), accepted),
        Measure("live_chat.avg_duration", [chats], part("duration"), accepted),
        Measure(
            "live_chat.chats_per_operator_hour",
            [chats],
            part("accepted by operators"),
            present,
            denominator_factor=hour,
        ),
        Measure("live_chat.avg_concurrent_chats", [chats], held, present),
        Measure("live_chat.max_concurrent_chats", [chats], recomputed=_most_concurrent),
        Measure(
            "live_chat.pct_operators_with_several_chats",
            [chats],
            part("operators with several"),
            part("operators"),
            scale=100,
        ),
    ]
    recorded, cancelled = part("recorded"), part("cancelled")
    found += [
        Measure("crime.recorded_crime", [crimes], recorded),
        Measure("crime.cancelled_crime", [crimes], cancelled),
        *(Measure(f"crime.cancelled.{code}", [crimes], part(f"cancelled {code}")) for code in CANCEL_CODES),
        Measure("crime.pct_cancelled_of_recorded", [crimes], cancelled, recorded, scale=100),
        Measure(
            "crime.pct_cancelled_of_initially_recorded",
            [crimes],
            cancelled,
            part("recorded", "cancelled"),
            scale=100,
        ),
        # The forces drawn have no dated formula of their own, so the default holds.
        Measure("crime.pct_cancelled", [crimes], cancelled, recorded, scale=100),
        Measure("crime.pct_cohort_cancelled", [crimes], part("cohort"), recorded, scale=100),
        Measure("crime.days_to_cancel", [crimes], part("cohort days"), part("cohort")),
    ]
    return found


MEASURES = _measures()


def shown(value: Fraction | None, unit: str, decimals: int) -> str | None:
    """A figure as a board paper prints it."""
    if value is None:
        return None
    if unit == "duration":
        whole = int(half_up(value, 0))
        hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
        if hours:
            return f"{hours}h {minutes}m {rest}s"
        return f"{minutes}m {rest}s" if minutes else f"{rest}s"
    text = f"{half_up(value, decimals):,}"
    return f"{text}%" if unit == "percent" else text
