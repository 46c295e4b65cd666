"""Each month judged against the months before it, the slow and plain way: one month after the other, exact numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Any

from tests.reference.history import Month, days_of, shifted
from tests.reference.measures import rounded

FAR, STEP = Fraction("3.145"), Fraction("3.865")
EXTREME, MOST_EXTREMES = 5, 2


@dataclass(frozen=True)
class Kind:
    """What the catalogue says of a measure."""

    unit: str
    decimals: int
    better: str
    is_sum: bool
    is_judged: bool = True
    """False for a maximum, which is compared with its records alone."""
    matures: bool = False
    subtracts: bool = False
    has_sums: bool = True
    """False for a percentile."""


@dataclass(frozen=True)
class Known:
    """A month of a measure, as the marts give it."""

    value: Decimal | None
    text: str | None
    numerator: Decimal | None
    """Times 100 for a share, like that of the year."""
    denominator: Decimal | None
    target: Decimal | None
    formula: str = ""
    is_provisional: bool = False
    share_quarantined: Decimal = Decimal(0)
    is_affected: bool = False
    missing: int = 0
    """Quarantined rows that could belong to it."""
    year: tuple[Decimal, Decimal, Decimal] | None = None
    """Numerator (times 100 for a share), denominator and value of the year to date, if it may be judged."""

    @property
    def counts(self) -> bool:
        """Whether others of its formula are judged against it."""
        return self.value is not None and not self.is_provisional and self.share_quarantined <= 1


def printed(kind: Kind, value: Fraction) -> str:
    """A figure as a paper prints it, without its unit: what prints the same has the same text."""
    return str(rounded(value, 0 if kind.unit == "duration" else kind.decimals))


def verdict(kind: Kind, months: Mapping[Month, Known], now: Month) -> dict[str, Any]:
    """The row of a month."""
    this = months[now]
    before = counted_before(months, now)
    usual, step = usual_of(kind, months, now)
    has_year = usual is not None

    def days(month: Month) -> int:
        return len(days_of(month)) if kind.is_sum else 1

    def rate(month: Month) -> Fraction:
        return rate_of(kind, months, month)

    is_judged = this.counts and not this.is_affected
    row: dict[str, Any] = dict.fromkeys(
        ("usual", "usual_step", "lower_limit", "upper_limit", "verdict", "is_step", "is_record_high", "is_record_low")
    )
    row |= {"value": this.value, "target": this.target, "is_provisional": this.is_provisional, "record_since": None}
    if kind.is_judged and not kind.matures:
        row["usual"] = rounded(usual * days(now)) if usual is not None else None
        row["usual_step"] = rounded(step * days(now)) if step is not None else None
        if usual is not None and step is not None:
            low, high = (usual - FAR * step) * days(now), (usual + FAR * step) * days(now)
            row["lower_limit"] = rounded(low if kind.subtracts else max(low, Fraction(0)))
            row["upper_limit"] = rounded(min(high, Fraction(100)) if kind.unit == "percent" else high)
            is_same = this.value is not None and printed(kind, usual * days(now)) == printed(kind, Fraction(this.value))
            if is_judged and step and not is_same and kind.better != "neither":
                far = (rate(now) - usual) / step * (1 if kind.better == "higher" else -1)
                row["verdict"] = "better" if far > FAR else "worse" if far < -FAR else None
                if shifted(now, -1) in before:
                    row["is_step"] = abs(rate(now) - rate(shifted(now, -1))) > STEP * step
    if is_judged and has_year and not kind.matures:
        for name, sign in (("high", 1), ("low", -1)):
            as_extreme = [
                month for month in before if sign * rate(month) >= sign * rate(now) or months[month].text == this.text
            ]
            is_record = not as_extreme or as_extreme[-1] < shifted(now, -12)
            row[f"is_record_{name}"] = is_record
            if is_record and as_extreme:
                row["record_since"] = date(*as_extreme[-1], 1)
    row["is_target_met"] = is_met(kind, this) if is_judged else None
    year = [shifted(now, -ago) for ago in range(12)]
    of_year = [
        is_met(kind, months[month]) if month in before and not months[month].is_affected else None for month in year[1:]
    ]
    of_year.append(row["is_target_met"])
    row["met_of_last_12"] = sum(map(bool, of_year)) if None not in of_year else None
    need, state = rest_of_year(kind, months, before, now)
    projected = rounded(year_like_month(kind, this, now))
    return row | {"rest_of_year_need": rounded(need), "rest_of_year_state": state, "year_like_month": projected}


def counted_before(months: Mapping[Month, Known], now: Month) -> dict[Month, Known]:
    """The months that one is judged against, oldest first."""
    return {
        month: known
        for month, known in sorted(months.items())
        if month < now and known.counts and known.formula == months[now].formula
    }


def rate_of(kind: Kind, months: Mapping[Month, Known], month: Month) -> Fraction:
    """The figure of a month, of a count per day."""
    return Fraction(months[month].value or 0) / (len(days_of(month)) if kind.is_sum else 1)


def usual_of(kind: Kind, months: Mapping[Month, Known], now: Month) -> tuple[Fraction | None, Fraction | None]:
    """The usual rate of a month and the usual step; the two most extreme of the twelve months are no part of it."""
    before = counted_before(months, now)
    rates = {month: rate_of(kind, months, month) for month in before}
    ranges = [abs(rates[month] - rates[shifted(month, -1)]) for month in before if shifted(month, -1) in before]
    step = median(ranges) if len(ranges) >= 11 else None
    recent = [month for month in before if month >= shifted(now, -15)][-12:]
    if len(recent) < 12:
        return None, step
    middle = median(rates[month] for month in recent)
    away = {month: abs(rates[month] - middle) for month in recent}
    furthest = sorted(recent, key=lambda month: (away[month], month))[-MOST_EXTREMES:]
    extremes = [month for month in furthest if step is not None and away[month] > EXTREME * step]
    return median(rates[month] for month in recent if month not in extremes), step


def is_verdict_at_stake(kind: Kind, months: Mapping[Month, Known], now: Month) -> bool:
    """Whether the quarantined rows that could belong to a count would take it over a limit, or back."""
    this, (usual, step) = months[now], usual_of(kind, months, now)
    is_count = kind.is_sum and kind.unit == "count"
    if not (is_count and kind.is_judged and kind.better != "neither" and this.counts and usual is not None and step):
        return False
    days, value = len(days_of(now)), Fraction(this.value or 0)
    sides = [
        (rate > usual + FAR * step) - (rate < usual - FAR * step)
        for rate in (value / days, (value + this.missing) / days)
    ]
    return sides[0] != sides[1]


def is_met(kind: Kind, known: Known) -> bool | None:
    """Whether a figure is strictly on the better side of its target."""
    if known.target is None or known.value is None or kind.better == "neither":
        return None
    return known.value < known.target if kind.better == "lower" else known.value > known.target


def rest_of_year(
    kind: Kind, months: Mapping[Month, Known], before: Mapping[Month, Known], now: Month
) -> tuple[Fraction | None, str | None]:
    """What the months left must be together for the year to equal its target, and what that means."""
    this = months[now]
    if this.target is None or this.year is None or kind.better == "neither" or kind.is_sum or not kind.has_sums:
        return None, None
    target, (top, bottom, value) = Fraction(this.target), map(Fraction, this.year)
    left = (3 - now[1]) % 12
    if not left:
        is_lower = kind.better == "lower"
        return None, "met" if (value < target if is_lower else value > target) else "missed"
    last_year = [shifted(now, -12 + ahead) for ahead in range(1, left + 1)]
    there = [months[month].denominator for month in last_year if month in before]
    if not there:
        return None, None
    rest = Fraction(sum(there)) if len(there) == left else bottom / (12 - left) * left
    if rest <= 0:
        return None, None
    needs = [
        (target * (bottom + share * rest) - top) / (share * rest) for share in map(Fraction, ("0.75", "1", "1.25"))
    ]
    need = needs[1]
    at_least = kind.better == "higher"
    is_percent = kind.unit == "percent"
    below, above = [each <= 0 for each in needs], [is_percent and each >= 100 for each in needs]
    impossible, sure = (above, below) if at_least else (below, above)
    record = [known.value for known in before.values()] + ([this.value] if this.counts else [])
    if all(impossible):
        return need, "cannot_be_met"
    if all(sure):
        return need, "certain"
    if impossible[1]:
        return need, "not_at_last_years_number"
    if sure[1]:
        return need, "certain_at_last_years_number"
    if not any((value > need if at_least else value < need) for value in record if value is not None):
        return need, "never_reached"
    return need, "open"


def year_like_month(kind: Kind, this: Known, now: Month) -> Fraction | None:
    """The year from its months so far and one more like the newest for each that is left."""
    is_known = this.year is not None and this.numerator is not None and kind.is_judged and not kind.matures
    left = (3 - now[1]) % 12
    if not is_known or kind.better == "neither" or kind.is_sum or not kind.has_sums or not 0 < left <= 12 - left:
        return None
    years = [tuple(map(Fraction, this.year[:2]))] + [(Fraction(this.numerator), Fraction(this.denominator))] * left
    return sum(top for top, _ in years) / sum(bottom for _, bottom in years)
