"""The days of the whole sample, in local time, and events drawn over them. Independent of sources."""

import csv
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dagster_project.clock import LONDON
from dagster_project.loading.delivery_facts import bank_holidays

Array = npt.NDArray[Any]

# "No value" in the integer columns of a sample: no event is before 1970 and no duration is below zero.
NONE = -1
DAY = 86_400
# Seconds of recorded crimes before the sample: crimes cancelled in its first months.
HISTORY = 182 * DAY


@cache
def _patterns() -> dict[str, tuple[float, Array]]:
    """Return how events of a kind arrive in a week, from `weeks.csv`.

    The columns of the file: the standard deviation of a day's own weight, around 1; factors of Friday and Saturday from
    21:00 to 05:00, and of the hours from 05:00 to 10:00 on Saturday and Sunday; the weight of each local hour of a day;
    the weight of each weekday, to which its hours add up regardless of the factors.

    Returns:
        The deviation, and seven rows of 24 weights, by kind.
    """
    with (Path(__file__).parent / "weeks.csv").open(encoding="utf-8", newline="") as lines:
        return {name: _pattern(*map(float, numbers)) for name, *numbers in islice(csv.reader(lines), 1, None)}


def _pattern(spread: float, nights: float, mornings: float, *weights: float) -> tuple[float, Array]:
    weight = np.tile(np.array(weights[:24]), (7, 1))
    weight[4:6, 21:] *= nights
    weight[5:7, :5] *= nights
    weight[5:7, 5:10] *= mornings
    return spread, weight / weight.sum(axis=1, keepdims=True) * np.array(weights[24:])[:, None]


class Timeline:
    """The local days from the first to the last month of a sample.

    Instants are whole UTC seconds since 1970. A local instant is the clock time in London, counted the same way. Days
    are numbered from 0, the first day of the first month.

    Attributes:
        months: YYYY-MM of each month.
        days: the local days.
        begin, end: UTC seconds of the first instant of the first day, and of the first instant after the last day.
    """

    def __init__(self, months: tuple[str, ...]) -> None:
        first = date.fromisoformat(f"{months[0]}-01")
        last_month = date.fromisoformat(f"{months[-1]}-01")
        after = (last_month + timedelta(days=31)).replace(day=1)
        self.months = months
        self.days = [first + timedelta(days=n) for n in range((after - first).days)]
        self.begin = _start_of(first)
        self.end = _start_of(after)
        self._first_local_day = (first - date(1970, 1, 1)).days
        # A bank holiday has calls as on a Sunday.
        self._weekdays = np.array([6 if day in bank_holidays() else day.weekday() for day in self.days], dtype=np.int64)

    @cached_property
    def month_starts(self) -> Array:
        """Return the number of the first day of each month, and of the day after the last month."""
        firsts = [number for number, day in enumerate(self.days) if day.day == 1]
        return np.array([*firsts, len(self.days)], dtype=np.int64)

    @cached_property
    def month_lengths(self) -> Array:
        """Return the number of days of each month."""
        return np.diff(self.month_starts)

    def span_of(self, month: int) -> tuple[int, int]:
        """Return the instants at which a month begins and ends."""
        begin, end = self._midnights[self.month_starts[[month, month + 1]]].tolist()
        return begin, end

    def interpolated(self, values: Sequence[float] | Array) -> Array:
        """Return a value for each day from one for each month, interpolated linearly between their middles."""
        middles = self.month_starts[:-1] + (self.month_lengths - 1) / 2
        return np.interp(np.arange(len(self.days)), middles, np.array(values, dtype=float))

    @cached_property
    def _offsets(self) -> Array:
        """Return the seconds that London is ahead of UTC, for each UTC hour since the start of history."""
        hours = range(self.begin - HISTORY - DAY, self.end + 3 * DAY, 3600)
        ahead = [datetime.fromtimestamp(hour, LONDON).utcoffset() or timedelta() for hour in hours]
        return np.array([int(delta.total_seconds()) for delta in ahead], dtype=np.int64)

    def offset(self, instants: Array) -> Array:
        """Return the seconds that London is ahead of UTC at each instant; they change on a full UTC hour."""
        return self._offsets[(instants - self.begin + HISTORY + DAY) // 3600]

    def local(self, instants: Array) -> Array:
        """Return the clock time in London of each instant."""
        return instants + self.offset(instants)

    def day(self, instants: Array) -> Array:
        """Return the number of the local day of each instant."""
        return self.local(instants) // DAY - self._first_local_day

    def midnight_after(self, instants: Array) -> Array:
        """Return the instant at which the local day of each instant ends."""
        return self._midnights[self.day(instants) + 1]

    @cached_property
    def _midnights(self) -> Array:
        return np.array([*map(_start_of, self.days), self.end], dtype=np.int64)

    def off_midnight(self, instants: Array) -> Array:
        """Return the instants, with those at local midnight one second later.

        A spreadsheet cannot distinguish midnight from a day without a time, so such an event would depend on its
        format.
        """
        present = instants != NONE
        safe = np.where(present, instants, self.begin)
        return np.where(present & (self.local(safe) % DAY == 0), instants + 1, instants)

    def is_repeated_hour(self, instants: Array) -> Array:
        """Return true where the clock time of an instant occurs twice, in the hour before or after summer time ends."""
        known = np.where(instants == NONE, self.begin, instants)
        return (self.offset(known) != self.offset(known + 3600)) | (self.offset(known) != self.offset(known - 3600))

    def arrivals(self, rng: np.random.Generator, *, month: int, counts: Sequence[int], pattern: str) -> Array:
        """Draw exactly the number of instants for a month's events, in ascending order.

        Counts are those of every month, since days are interpolated towards the neighbouring months; `pattern` is a row
        of `weeks.csv`.
        """
        spread, by_week = _patterns()[pattern]
        first, after = self.month_starts[month], self.month_starts[month + 1]
        hours = np.arange(self._midnights[first], self._midnights[after], 3600)
        local = self.local(hours)
        day = local // DAY - self._first_local_day
        own = np.clip(rng.normal(1.0, spread, after - first), 0.7, 1.3)
        trend = self.interpolated(np.array(counts) / self.month_lengths)
        weight = by_week[self._weekdays[day], local // 3600 % 24] * own[day - first] * trend[day]
        per_hour = rng.multinomial(counts[month], weight / weight.sum())
        instants = np.repeat(hours, per_hour) + rng.integers(0, 3600, counts[month])
        return self.off_midnight(np.sort(instants))


def _start_of(day: date) -> int:
    """Return the UTC seconds at which a day starts in London."""
    return int(datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC).timestamp())
