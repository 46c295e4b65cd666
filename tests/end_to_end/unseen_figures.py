"""Every figure of the marts and every count of the audit, from the drawn truth: loops, fractions, no SQL, no files.

It follows the definitions of the measures and shares no code with the project.
"""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from unseen_extracts import CANCEL_CODES, CONTACT_TYPES, FORCES, LONDON, SERVICES, World, judged, key_of, local_of

Month = tuple[int, int]
Parts = dict[str, Fraction]
LINES = ("999", "101")
TARGET_SECONDS = {"999": 10, "101": 90}
DAILY = ("call_segments", "digital_contacts", "online_crime_reports", "live_chats", "crimes")
# Their contracts say that a delivery of several forces without a row of one of them has all there is of it.
ABSENT_IS_COMPLETE = ("online_crime_reports", "live_chats", "crimes")
SIX = Decimal("0.000001")
# Operators work over the ends of days, and a cohort matures: the sums of the days of a week do not tell of them.
NOT_BY_WEEK = (
    "live_chat.chats_per_operator_hour",
    "live_chat.avg_concurrent_chats",
    "live_chat.pct_operators_with_several_chats",
    "crime.pct_cohort_cancelled",
    "crime.days_to_cancel",
)


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


def midnight(month: Month) -> datetime:
    """UTC moment at which a month begins in London."""
    return datetime(*month, 1, tzinfo=LONDON).astimezone(UTC)


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
        self.days = {(source, force): set[date]() for source in DAILY for force in FORCES}
        self.read: dict[tuple[str, Month], Counter[tuple[str | None, bool]]] = defaultdict(Counter)
        for source in DAILY:
            self._judge_days(source)
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

    def _judge_days(self, source: str) -> None:
        """Days that are complete for a force, and rows by force and whether they were quarantined."""
        forces_of: dict[date, set[str]] = {}
        empty = set()
        for (of, day), delivery in self.standing.items():
            if of != source:
                continue
            rows = judged(delivery)
            forces_of[day] = {values["force_code"] for _, _, _, values, fault in rows if fault is None}
            if not rows:
                empty.add(day)
            for file, _, row, values, fault in rows:
                if fault in ("duplicate_row", "superseded_row"):
                    continue
                is_unreadable = (
                    fault is not None
                    and "force_code" in file.style.columns
                    and row.fault_column in (None, "force_code")
                )
                self.read[source, month_of(day)][
                    None if is_unreadable else values["force_code"], fault is not None
                ] += 1
        for day in forces_of:
            owed = set[str]().union(*(forces_of.get(day - timedelta(days=back), set()) for back in range(29)))
            for force in owed:
                if force in forces_of[day] or day in empty or owed == {force} or source in ABSENT_IS_COMPLETE:
                    self.days[source, force].add(day)

    def quarantined(self, force: str, sources: Iterable[str], month: Month) -> dict[str, Any]:
        """Quarantined rows of the force and of no readable force; of several sources the highest share."""
        rows, highest = 0, Fraction(0)
        for source in sources:
            read = self.read[source, month]
            faulty = read[force, True] + read[None, True]
            whole = faulty + read[force, False]
            rows += faulty
            highest = max(highest, Fraction(100 * faulty, whole) if whole else Fraction(0))
        return {
            "rows_quarantined": rows,
            "share_quarantined": half_up(highest, 6),
            "is_affected_by_quarantine": highest > 1,
        }

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

    def pieces_in(self, force: str, month: Month) -> dict[str, list[tuple[Any, Any, date]]]:
        """By operator the start, end and day of what was held in a month; a chat over its end is held in both."""
        first, after = midnight(month), midnight(shifted(month, 1))
        found: dict[str, list[tuple[Any, Any, date]]] = defaultdict(list)
        for chat in self.rows["live_chats"]:
            if chat["force_code"] != force or chat["accepted_at"] is None or chat["operator_id"] is None:
                continue
            start, end = max(chat["accepted_at"], first), min(chat["ended_at"], after)
            if start < end or (start == end == chat["accepted_at"] and first <= start < after):
                day = local_of(chat["requested_at"]).date()
                found[chat["operator_id"]].append((start, end, day if month_of(day) == month else date(*month, 1)))
        return found

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
            self._add_chats(days, force, month)
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

    def _add_chats(self, days: dict[date, Parts], force: str, month: Month) -> None:
        """Add the chats of one month by request, and the time of operators in it."""
        operators: dict[str, list[date]] = defaultdict(list)
        for chat in self.chats_in(force, [month]):
            parts = days[local_of(chat["requested_at"]).date()]
            parts["chats"] += 1
            if chat["accepted_at"] is not None:
                held = seconds(chat["ended_at"] - chat["accepted_at"])
                parts["accepted"] += 1
                parts["wait"] += seconds(chat["accepted_at"] - chat["requested_at"])
                parts["duration"] += held
                if chat["operator_id"] is not None:
                    parts["accepted by operators"] += 1
                    operators[chat["operator_id"]].append(local_of(chat["requested_at"]).date())
        pieces = self.pieces_in(force, month)
        for operator, own in pieces.items():
            operators[operator] += [day for _, _, day in own]
            for start, end, day in own:
                days[day]["held by operators"] += seconds(end - start)
            for stretch in stretches((start, end) for start, end, _ in own):
                asked = [day for start, _, day in own if stretch[0] <= start <= stretch[1]]
                days[min(asked)]["operator seconds"] += seconds(stretch[1] - stretch[0])
        for operator, asked in operators.items():
            first = days[min(asked)]
            first["operators"] += 1
            spans = [(start, end) for start, end, _ in pieces.get(operator, [])]
            first["operators with several"] += bool(spans) and most_at_once(spans) >= 2

    def delivered(self, force: str, source: str, month: Month) -> int:
        return sum(month_of(day) == month for day in self.days[source, force])

    def share(self, force: str, sources: Iterable[str], month: Month) -> Fraction:
        return min(Fraction(self.delivered(force, source, month), length_of(month)) for source in sources)

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

    def uncompared(self, force: str, sources: Iterable[str], months: list[Month]) -> frozenset[date]:
        """Days of last year's months whose counterparts a year later are not complete in a source."""
        days = [date(*month, day) for month in months for day in range(1, length_of(month) + 1)]
        later = {day: date(day.year + 1, day.month, 28 if (day.month, day.day) == (2, 29) else day.day) for day in days}
        return frozenset(day for day in days if any(later[day] not in self.days[source, force] for source in sources))

    def measure_rows(self) -> dict[tuple[str, str, date], dict[str, Any]]:
        """What `kpi_measure_monthly` should hold."""
        rows = {}
        for measure in MEASURES:
            sources = measure.sources
            for force in FORCES:
                every = [month_of(day) for source in sources for day in self.days[source, force]]
                span = between(min(every), max(every)) if every else []
                full = {month for month in span if all(self.delivered(force, source, month) for source in sources)}
                for month in span:
                    rows[force, measure.name, date(*month, 1)] = self._measure_row(force, measure, month, full)
        return rows

    def week_rows(self) -> dict[tuple[str, str, date], dict[str, Any]]:
        """What `kpi_measure_weekly` should hold."""
        rows = {}
        for measure in MEASURES:
            if measure.recomputed or measure.name in NOT_BY_WEEK:
                continue
            for force in FORCES:
                days = {day for source in measure.sources for day in self.days[source, force]}
                if not days:
                    continue
                monday = min(days) - timedelta(days=min(days).weekday())
                while monday <= max(days):
                    rows[force, measure.name, monday] = self._week_row(force, measure, monday)
                    monday += timedelta(days=7)
        return rows

    def _week_row(self, force: str, measure: Measure, monday: date) -> dict[str, Any]:
        week = [monday + timedelta(days=number) for number in range(7)]
        loaded = [sum(day in self.days[source, force] for day in week) for source in measure.sources]
        numerator = denominator = value = None
        if min(loaded):
            summed = Counter[str]()
            for day in week:
                for part, amount in self.day_parts[force].get(day, {}).items():
                    summed[part] += amount
            value = measure.of(summed)
            numerator = measure.numerator(summed) * measure.numerator_factor
            if measure.denominator:
                denominator = measure.denominator(summed) * measure.denominator_factor
        return {
            "numerator": None if numerator is None else half_up(numerator, 6),
            "denominator": None if denominator is None else half_up(denominator, 6),
            "value": None if value is None else half_up(value, 6),
            "is_provisional": min(loaded) < 7,
            "share_of_days_loaded": half_up(Fraction(100 * min(loaded), 7), 6),
        }

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
        without = self.uncompared(force, measure.sources, year_before) if month in full else frozenset()
        numerator = denominator = exact = None
        if month in full:
            exact = self.period(force, measure, [month])
            if not measure.recomputed:
                numerator = measure.numerator(self.parts[force, month]) * measure.numerator_factor
                if measure.denominator:
                    denominator = measure.denominator(self.parts[force, month]) * measure.denominator_factor
        is_sum = measure.denominator is None and not measure.recomputed
        share = self.share(force, measure.sources, month)
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
            **self.quarantined(force, measure.sources, month),
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
    """The most that were held as a chat, or its piece in a later month, began that counts on one of the days."""
    most = 0
    for month in months:
        for own in figures.pieces_in(force, month).values():
            for at, _, day in own:
                if day not in without:
                    most = max(most, sum(start <= at < end for start, end, _ in own))
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
