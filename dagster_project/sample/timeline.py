"""The days that a sample covers, in local time, and events drawn over them. Knows no source."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dagster_project.clock import LONDON

Array = npt.NDArray[Any]

# Stands for "no value" in the integer columns of a sample: no event lies before 1970 and no duration below zero.
NONE = -1
DAY = 86_400


class Timeline:
    """The local days from the first to the last month of a sample.

    Instants are whole UTC seconds since 1970. A local instant is the clock time in London, counted the same way. Days
    are numbered from 0, the first day of the first month.

    Attributes:
        months: YYYY-MM of each month.
        days: the local days.
        begin, end: UTC seconds of the first instant of the first day, and of the first one after the last day.
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

    @cached_property
    def _offsets(self) -> Array:
        """Seconds that London is ahead of UTC, for each UTC hour from a day before the first day on."""
        hours = range(self.begin - DAY, self.end + 3 * DAY, 3600)
        ahead = [datetime.fromtimestamp(hour, LONDON).utcoffset() or timedelta() for hour in hours]
        return np.array([int(delta.total_seconds()) for delta in ahead], dtype=np.int64)

    def offset(self, instants: Array) -> Array:
        """Seconds that London is ahead of UTC at each instant; it changes on a full UTC hour."""
        return self._offsets[(instants - self.begin + DAY) // 3600]

    def local(self, instants: Array) -> Array:
        """Clock time in London of each instant."""
        return instants + self.offset(instants)

    def day(self, instants: Array) -> Array:
        """Number of the local day of each instant."""
        return self.local(instants) // DAY - self._first_local_day

    def midnight_after(self, instants: Array) -> Array:
        """The instant at which the local day of each instant ends."""
        return self._midnights[self.day(instants) + 1]

    @cached_property
    def _midnights(self) -> Array:
        return np.array([*map(_start_of, self.days), self.end], dtype=np.int64)

    def off_midnight(self, instants: Array) -> Array:
        """The instants, those at local midnight one second later.

        A spreadsheet cannot tell midnight from a day without a time, so such an event would depend on its format.
        """
        present = instants != NONE
        safe = np.where(present, instants, self.begin)
        return np.where(present & (self.local(safe) % DAY == 0), instants + 1, instants)

    def is_repeated_hour(self, instants: Array) -> Array:
        """True where the clock time of an instant occurs twice, because summer time ends within the hour around it."""
        known = np.where(instants == NONE, self.begin, instants)
        return (self.offset(known) != self.offset(known + 3600)) | (self.offset(known) != self.offset(known - 3600))

    def arrivals(
        self,
        rng: np.random.Generator,
        *,
        month: int,
        count: int,
        by_hour: tuple[float, ...],
        by_weekday: tuple[float, ...],
        spread: float,
    ) -> Array:
        """Draw the instants of a month's events, exactly `count` of them, in ascending order.

        Args:
            rng: source of the draws.
            month: position of the month in `months`.
            count: number of events.
            by_hour: weight of each local hour of the day.
            by_weekday: weight of each weekday from Monday.
            spread: standard deviation of a day's own weight around 1.
        """
        numbers = [n for n, day in enumerate(self.days) if f"{day:%Y-%m}" == self.months[month]]
        hours = np.arange(self._midnights[numbers[0]], self._midnights[numbers[-1] + 1], 3600)
        local = self.local(hours)
        day_weight = np.clip(rng.normal(1.0, spread, len(self.days)), 0.7, 1.3)
        weight = (
            np.array(by_hour)[local // 3600 % 24]
            * np.array(by_weekday)[(local // DAY + 3) % 7]  # 1970-01-01 was a Thursday
            * day_weight[local // DAY - self._first_local_day]
        )
        per_hour = rng.multinomial(count, weight / weight.sum())
        instants = np.repeat(hours, per_hour) + rng.integers(0, 3600, count)
        return self.off_midnight(np.sort(instants))


def _start_of(day: date) -> int:
    """UTC seconds at which a day starts in London."""
    return int(datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC).timestamp())
