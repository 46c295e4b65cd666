"""The course of a headline measure up to a month, and the words that the main points have for it.

Only complete months count that are not marked for quarantined rows and have the formula of the month. Sums are compared
per day of the month, and printed as totals. Verdicts, records and steps are those of `kpi_measure_verdict`.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from typing import Any, NamedTuple

from dagster_project.publication.report.display import display, display_target, rounded
from dagster_project.publication.report.model import Measure, long_month, months_before
from dagster_project.words import counted

LIMIT = 3.145
"""Usual steps beyond which a month is far from the usual (Wheeler: limits by the median moving range)."""

_FRACTIONS = {
    10: "one in ten",
    100 / 6: "one in six",
    20: "one in five",
    25: "one in four",
    100 / 3: "one in three",
    40: "two in five",
    50: "half",
    60: "three in five",
}
_REST_OF_YEAR = {
    "met": "met for the year",
    "missed": "missed for the year",
    "cannot_be_met": "cannot be met",
    "certain": "certain to be met",
    "not_at_last_years_number": "cannot be met at last year's number",
    "certain_at_last_years_number": "certain to be met at last year's number",
}

# Words for a measure that is better low (1) or high (-1).
_SIDE = ("side_worse", "peak_word", "rise", "less")
_SIDES = {1: ("high", "peak", "rise", "less"), -1: ("low", "low", "fall", "better")}

# How far a share may be from a fraction, as a part of the fraction: either way for "about", below it for "almost", and
# above it for "more than".
_ABOUT, _ALMOST, _MORE_THAN = 0.02, 0.05, 0.1


class Sums(NamedTuple):
    """A measure over several months."""

    numerator: float
    denominator: float
    value: float


class Course:
    """A headline measure up to a month.

    Args:
        measure: the measure.
        rows: its months, oldest first, with value, sums and verdict; the last one is the month.
    """

    def __init__(self, measure: Measure, rows: Sequence[Mapping[str, Any]]) -> None:
        self.measure, self.code, self.topic, self.is_sum = measure, measure.code, measure.topic, measure.is_sum
        self.rows = {row["month_start"]: row for row in rows}
        self.row = rows[-1]
        self.month: date = self.row["month_start"]
        self.before, self.year_before = months_before(self.month, 1), months_before(self.month, 12)
        self.year_start = date(self.month.year - (self.month.month < 4), 4, 1)
        days = {month: monthrange(month.year, month.month)[1] if self.is_sum else 1 for month in self.rows}
        self.x = {month: float(row["value"]) / days[month] for month, row in self.rows.items()}
        self.usual_step = float(self.row["usual_step"] or 0) / days[self.month]
        self.worse = {"lower": 1, "higher": -1}.get(measure.better, 0)
        self.target = self.row["target"] if self.worse else None
        numerator, value = self.row["numerator"], self.row["value"]
        self.scale = float(value) * float(self.row["denominator"] or 1) / float(numerator) if numerator else 1.0
        self.year_to_date = self.pooled(self.year_start, self.month)
        self.last_year_to_date = self.pooled(months_before(self.year_start, 12), self.year_before)

    def has(self, *months: date) -> bool:
        """Return whether all these months count."""
        return all(month in self.rows for month in months)

    def text(self, month: date) -> str:
        """Return the printed figure of a month."""
        return str(self.rows[month]["display_value"])

    def show(self, value: float | Decimal) -> str:
        """Return the text of another value, as figures of the measure are printed."""
        return display(Decimal(str(value)), self.measure.unit, self.measure.decimals)

    def name(self, month: date) -> str:
        """Return `October`, with the year for months that could be taken for those of this year."""
        return f"{month:%B}" if month > months_before(self.month, 11) else long_month(month)

    def change(self, first: date, last: date | None = None) -> float:
        """Return the change from a month to another or to the newest, of sums per day."""
        return self.x[last or self.month] - self.x[first]

    def printed(self, month: date) -> float:
        """Return the printed figure of a month as a number."""
        return float(
            rounded(self.rows[month]["value"], 0 if self.measure.unit == "duration" else self.measure.decimals)
        )

    @property
    def growth(self) -> float:
        """The change on the same month a year before, in percent.

        0 if that month had none or does not count, or if the sum per day moved the other way (February of a leap year).
        """
        if not self.x.get(self.year_before):
            return 0
        now, then = (float(self.rows[month]["value"]) for month in (self.month, self.year_before))
        return (now / then - 1) * 100 if (now - then) * self.change(self.year_before) > 0 else 0

    @property
    def year_growth(self) -> float:
        """The change of the year to date on last year's, in percent; 0 in the first month and without one of them."""
        now, then = self.year_to_date, self.last_year_to_date
        if not (now and then and then.value) or self.month == self.year_start:
            return 0
        return (now.value / then.value - 1) * 100

    def pooled(self, first: date, last: date) -> Sums | None:
        """Return the sums of a period; None unless all its months count and have sums."""
        rows = [row for month, row in self.rows.items() if first <= month <= last]
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        if len(rows) != months or any(row["numerator"] is None for row in rows):
            return None
        numerator, denominator = (float(sum(row[name] or 0 for row in rows)) for name in ("numerator", "denominator"))
        if not self.is_sum and not denominator:
            return None
        return Sums(numerator, denominator, self.scale * numerator / (1 if self.is_sum else denominator))

    def changed(self, first: date, last: date) -> str:
        """Return `up 10.69 points (25%)`, from the printed figures.

        Empty if they print the same, or if the sum per day moved the other way.
        """
        unit, before, after = self.measure.unit, self.rows[first]["value"], self.rows[last]["value"]
        decimals = 0 if unit == "duration" else self.measure.decimals
        size = abs(rounded(after, decimals) - rounded(before, decimals))
        if not size or not before or (after > before) != (self.change(first, last) > 0):
            return ""
        points = f" point{'s' * (size != 1)}" if unit == "percent" else ""
        words = display(size, "count" if points else unit, decimals)
        growth = share((float(after) / float(before) - 1) * 100)
        return f"{'up' if after > before else 'down'} {words}{points} ({growth})"

    def is_record(self, side: int) -> bool:
        """Return whether no month of the last twelve is as high (1) or as low (-1)."""
        return bool(self.row["is_record_high" if side == 1 else "is_record_low"])

    def since(self, side: int) -> str:
        """Return `the highest since March 2021`."""
        return record_words(side, self.measure, self.row["record_since"], next(iter(self.rows)))

    @cached_property
    def slots(self) -> dict[str, Any]:
        """Return the words that sentences of `rules.csv` are made of."""
        month, worse, label, clause = self.month, self.worse or 1, self.measure.short_label, self.measure.clause
        now, name, done = self.text(month), self.name(month), (month.month - 4) % 12 + 1
        slots = {
            "now": now,
            "month": name,
            "clause": clause.format(x=now),
            "state": f"{clause.format(x=now)} in {name}",
            "state_in_words": f"{clause.format(x=self._in_words())} in {name}",
            "label": label,
            "what": f"the {first_small(label)}",
            "target": target_words(self.measure, self.target),
            "before_month": self.name(self.before),
            "year_month": long_month(self.year_before),
            "since_worse": self.since(worse),
            "since_better": self.since(-worse),
            **dict(zip(_SIDE, _SIDES[worse], strict=True)),
            "first": long_month(next(iter(self.rows))),
            "done": counted(done, "month"),
            "left": counted(12 - done, "month"),
            "fy": f"{self.year_start.year}/{(self.year_start.year + 1) % 100:02}",
            "span": "half-year" if month.month == 9 else "year",
            "growth": share(self.growth),
            "more": more(self.growth),
            "ytd_growth": f"{share(self.year_growth)} {'higher' if self.year_growth > 0 else 'lower'}",
            "ytd_growth_more": f"{share(self.year_growth)} {more(self.year_growth)}",
            "ytd_too": "",
        }
        for key, other in (("before", self.before), ("year", self.year_before)):
            if self.has(other):
                above = "above" if self.change(other) > 0 else "below"
                slots |= {key: self.text(other), f"on_{key}": self.changed(other, month), "above": above}
        now_sums, then_sums = self.year_to_date, self.last_year_to_date
        if now_sums:
            slots["ytd"] = self.show(now_sums.value)
        if now_sums and then_sums:
            is_worse = self.worse * (now_sums.value - then_sums.value) > 0
            slots |= {"ytd_before": self.show(then_sums.value), "year_side": "worse" if is_worse else "better"}
            if month != self.year_start:
                slots["ytd_too"] = f"; the year to date is {slots['ytd']}, against {slots['ytd_before']}"
        return slots

    def _in_words(self) -> str:
        """Return `more than half (53.27%)` for a share that is better low; otherwise the figure."""
        now = self.text(self.month)
        words = fraction_words(self.printed(self.month)) if self.measure.unit == "percent" and self.worse == 1 else ""
        return f"{words} ({now})" if words else now


def fraction_words(value: float) -> str:
    """Return a printed percentage as a fraction: `almost one in six`; empty if none is near enough."""
    for fraction, words in _FRACTIONS.items():
        away = value / fraction - 1
        if -_ALMOST <= away <= _MORE_THAN:
            side = "about" if abs(away) <= _ABOUT else "more than" if away > 0 else "almost"
            return f"{side} {words}"
    return ""


def record_words(side: int, measure: Measure, since: date | None, first: date, per: str = "") -> str:
    """Return `the highest since March 2021`; `since figures began in ...` without an earlier month as high (1) or low.

    Args:
        side: 1 for a high value, -1 for a low one.
        measure: the measure.
        since: the last month that was as high or low.
        first: the first month with a figure.
        per: what follows the word of a count, ` a day`.
    """
    start = long_month(since) if since else f"figures began in {long_month(first)}"
    return f"the {record_word(side, measure, per)} since {start}"


def record_word(side: int, measure: Measure, per: str = "") -> str:
    """Return `highest`, of durations `longest`."""
    if measure.unit == "duration":
        return "longest" if side == 1 else "shortest"
    return f"{'highest' if side == 1 else 'lowest'}{per}"


def target_words(measure: Measure, target: Decimal | None) -> str:
    """Return `benchmark of under 2%`; empty without a target."""
    return f"{measure.target_kind} of {target_value(measure, target)}" if target is not None else ""


def target_value(measure: Measure, target: Decimal) -> str:
    """Return `under 2%`."""
    return f"{'under' if measure.better == 'lower' else 'over'} {display_target(target, measure.unit)}"


def rest_of_year(row: Mapping[str, Any], measure: Measure) -> str:
    """Say what the rest of the year needs for the target of the year; without one, the year if it is like the month."""
    state, year = row.get("rest_of_year_state"), row.get("year_like_month")
    if not state:
        if year is None or row["target"] is not None:
            return ""
        return f"like {row['month_start']:%B}: {display(year, measure.unit, measure.decimals)} for the year"
    if state in _REST_OF_YEAR:
        return _REST_OF_YEAR[state]
    words = f"{'met if under' if measure.better == 'lower' else 'needs'} {needed(row, measure)}"
    return f"{words}, never reached" if state == "never_reached" else words


def needed(row: Mapping[str, Any], measure: Measure) -> str:
    """Return what the rest of the year needs, `about 94%`: rounded to the harder side, so that it is enough."""
    decimals = 1 if measure.unit != "duration" and row["target"] < 10 else 0
    side = ROUND_FLOOR if measure.better == "lower" else ROUND_CEILING
    return f"about {display(rounded(row['rest_of_year_need'], decimals, side), measure.unit, decimals)}"


def share(percent: float) -> str:
    """Return a change without its sign: `25%`, below 9.5 with one decimal."""
    return display(abs(Decimal(repr(percent))), "percent", 0 if abs(percent) >= 9.5 else 1)


def more(growth: float) -> str:
    """Return `more` or `fewer`."""
    return "more" if growth > 0 else "fewer"


def first_capital(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def first_small(text: str) -> str:
    """Return a label for the middle of a sentence."""
    return text[:1].lower() + text[1:]
