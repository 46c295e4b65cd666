"""Changes of state, cancellations and their maturity of one force, from lists of states with loops and fractions.

A second opinion for the marts of crime beside the measures. It shares nothing with them and knows no file or database.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

from tests.reference.deliveries import complete_days
from tests.reference.history import History
from tests.reference.measures import (
    KEYS,
    Month,
    Row,
    crimes_of,
    current,
    days_of,
    local,
    month_of,
    months_between,
    rounded,
)

CHANGES = ("recorded", "cancelled", "reinstated", "reclassified", "recoded", "moved", "other")
BANDS = (("0", 0, 0), ("1-7", 1, 7), ("8-30", 8, 30), ("31-90", 31, 90), ("91-365", 91, 365), ("over 365", 366, 10**6))
Figures = dict[tuple[Any, ...], tuple[Any, ...]]


def changes_of(before: Row | None, now: Row) -> list[str]:
    """Return the changes from the state before it."""
    if before is None:
        return ["recorded", "cancelled"] if now["status"] == "cancelled" else ["recorded"]
    found = []
    if before["status"] != now["status"]:
        found.append("cancelled" if now["status"] == "cancelled" else "reinstated")
    elif now["status"] == "cancelled" and before["cancel_code"] != now["cancel_code"]:
        found.append("recoded")
    if before["offence_code"] != now["offence_code"]:
        found.append("reclassified")
    if before["district"] != now["district"]:
        found.append("moved")
    return found or ["other"]


def first_day(month: Month) -> date:
    """The first day of a month."""
    return date(*month, 1)


@dataclass(frozen=True)
class Cell:
    """Crimes recorded in one month and cancelled in another, and how much of the time between them is delivered."""

    recorded: int | None
    cancelled: list[Row]
    to_date: list[Row]
    is_delivered: bool
    is_observed: bool
    loaded: Fraction


class NaiveCrimes:
    """Marts of crime of one force over a history, each as a dictionary from its grain to its other columns."""

    def __init__(self, history: History, force: str) -> None:
        """Keep the force's states and crimes."""
        rows = [row for row in history.rows["crimes"] if row["force_code"] == force]
        self.states = sorted(current(rows, KEYS["crimes"]), key=lambda row: row["updated_at"])
        self.crimes = crimes_of(self.states)
        self.cancelled = [crime for crime in self.crimes if crime["status"] == "cancelled"]
        delivered = Counter((day.year, day.month) for day in complete_days(history, force)["crimes"])
        self.months = months_between(min(delivered), max(delivered)) if delivered else []
        self.delivered = delivered

    def loaded(self, first: Month, last: Month) -> Fraction:
        """Share of the days of some months that are delivered, as a percentage."""
        months = months_between(first, last)
        days = sum(len(days_of(month)) for month in months)
        return Fraction(100 * sum(self.delivered[month] for month in months), days)

    def _flags(self, first: Month, last: Month) -> tuple[bool, Decimal | None]:
        share = self.loaded(first, last)
        return share < 100, rounded(share)

    @cached_property
    def marts(self) -> dict[str, Figures]:
        """Every mart by its name."""
        return {
            "kpi_crime_status_monthly": self.changes(),
            "kpi_cancellation_detail_monthly": self.details(),
            "kpi_crime_net_monthly": self.net(),
            "kpi_crime_maturity": self.maturity(),
            "kpi_crime_expected_net": self.expected(),
        }

    def changes(self) -> Figures:
        """Return the expected rows of kpi_crime_status_monthly, by month and change."""
        found: dict[tuple[Month, str], list[str]] = {}
        before: dict[str, Row] = {}
        for state in self.states:
            for name in changes_of(before.get(state["crime_ref"]), state):
                found.setdefault((month_of(state["updated_at"]), name), []).append(state["crime_ref"])
            before[state["crime_ref"]] = state
        figures: Figures = {}
        for month in self.months:
            for name in CHANGES:
                crimes = found.get((month, name), [])
                counts = (len(crimes), len(set(crimes))) if month in self.delivered else (None, None)
                figures[first_day(month), name] = (*counts, *self._flags(month, month))
        return figures

    def details(self) -> Figures:
        """Return the expected rows of kpi_cancellation_detail_monthly, by the columns of its grain."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for crime in self.cancelled:
            days = (local(crime["cancelled_at"]).date() - local(crime["recorded_at"]).date()).days
            band = next((name, least) for name, least, most in BANDS if least <= days <= most)
            for counted_by, moment in (("event", crime["cancelled_at"]), ("cohort", crime["recorded_at"])):
                key = (month_of(moment), counted_by, crime["cancel_code"], crime["offence_code"], band)
                found.setdefault(key, []).append(days)
        return {
            (first_day(month), counted_by, code, offence, band): (
                code == "C1",
                least,
                len(days),
                sum(days),
                *self._flags(month, month),
            )
            for (month, counted_by, code, offence, (band, least)), days in found.items()
            if month in self.delivered
        }

    def net(self) -> Figures:
        """Return the expected rows of kpi_crime_net_monthly, by month."""
        figures: Figures = {}
        for month in self.months:
            recorded = [crime for crime in self.crimes if month_of(crime["recorded_at"]) == month]
            cancelled = [crime for crime in self.cancelled if month_of(crime["cancelled_at"]) == month]
            cohort = [crime for crime in recorded if crime["status"] == "cancelled"]
            transfers = sum(crime["cancel_code"] == "C1" for crime in cancelled)
            others = len(cancelled) - transfers
            counts: tuple[Any, ...] = (
                len(recorded),
                len(cancelled),
                transfers,
                others,
                rounded(Fraction(100 * others, len(recorded))) if recorded else None,
                len(cohort),
                sum(crime["cancel_code"] == "C1" for crime in cohort),
                len(recorded) - len(cancelled),
                len(recorded) - len(cohort),
            )
            if month not in self.delivered:
                counts = (None,) * len(counts)
            figures[first_day(month),] = (*counts, *self._flags(month, month))
        return figures

    @cached_property
    def triangle(self) -> dict[tuple[Month, int], Cell]:
        """Cells by month of recording and months since."""
        cells = {}
        for month in self.months:
            recorded = [crime for crime in self.crimes if month_of(crime["recorded_at"]) == month]
            cohort = [crime for crime in recorded if crime["status"] == "cancelled"]
            for age, later in enumerate(months_between(month, self.months[-1])):
                cells[month, age] = Cell(
                    recorded=len(recorded) if month in self.delivered else None,
                    cancelled=[crime for crime in cohort if month_of(crime["cancelled_at"]) == later],
                    to_date=[crime for crime in cohort if month_of(crime["cancelled_at"]) <= later],
                    is_delivered=later in self.delivered,
                    is_observed=self.loaded(later, later) == 100,
                    loaded=self.loaded(month, later),
                )
        return cells

    def maturity(self) -> Figures:
        """Return the expected rows of kpi_crime_maturity, by month of recording and months since."""
        figures: Figures = {}
        for (month, age), cell in self.triangle.items():
            counts: tuple[Any, ...] = (None, None, None, None, None, None)
            if cell.recorded is not None:
                to_date = len(cell.to_date)
                days = [
                    (local(crime["cancelled_at"]).date() - local(crime["recorded_at"]).date()).days
                    for crime in cell.to_date
                ]
                counts = (
                    cell.recorded,
                    len(cell.cancelled) if cell.is_delivered else None,
                    sum(crime["cancel_code"] == "C1" for crime in cell.cancelled) if cell.is_delivered else None,
                    to_date,
                    rounded(Fraction(100 * to_date, cell.recorded)) if cell.recorded else None,
                    rounded(Fraction(sum(days), to_date)) if to_date else None,
                )
            flags = (cell.is_observed, cell.loaded < 100, rounded(cell.loaded))
            figures[first_day(month), age] = (*counts, *flags)
        return figures

    def rate(self, age: int) -> tuple[Decimal | None, int]:
        """Crimes cancelled at an age as a percentage of those recorded, and of how many months of recording."""
        cells = [
            self.triangle[month, age]
            for month in self.months
            if self.triangle[month, 0].is_observed
            and (month, age) in self.triangle
            and self.triangle[month, age].is_observed
        ]
        recorded = sum(cell.recorded or 0 for cell in cells)
        cancelled = sum(len(cell.cancelled) for cell in cells)
        return rounded(Fraction(100 * cancelled, recorded)) if recorded else None, len(cells)

    def expected(self) -> Figures:
        """Return the expected rows of kpi_crime_expected_net, by month."""
        rates = [self.rate(age) for age in range(len(self.months))]
        reached = [age for age, (_, cohorts) in enumerate(rates) if cohorts]
        figures: Figures = {}
        for month in self.months:
            own = {age: cell for (start, age), cell in self.triangle.items() if start == month}
            observed = [age for age, cell in own.items() if cell.is_observed]
            next_age = max(observed) + 1 if observed else 0
            last = own[max(observed, default=0)]
            known = len(own[max(own)].to_date)
            so_far = len(last.to_date) if observed else 0
            to_come = list(range(next_age, max(reached) + 1)) if reached else None
            further = [rates[age][0] for age in to_come or []]
            share = (
                None if to_come is None or None in further else sum((Fraction(r) for r in further if r), Fraction(0))
            )
            recorded = last.recorded
            final = None
            if share is not None and recorded is not None:
                final = min(max(Fraction(known), so_far + recorded * share / 100), Fraction(recorded))
            cohorts = rates[next_age][1] if to_come else 0
            shown = rounded(final)
            figures[first_day(month),] = (
                recorded,
                None if recorded is None else known,
                next_age,
                None if to_come is None else len(to_come),
                cohorts,
                rounded(share),
                None if shown is None else shown - known,
                shown,
                None if shown is None or recorded is None else recorded - shown,
                rounded(100 * final / recorded) if final is not None and recorded else None,
                to_come != [] and cohorts < 3,
                last.loaded < 100,
                rounded(last.loaded),
            )
        return figures
