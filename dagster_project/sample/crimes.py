"""Crimes and their changes of state, with the target recorded and cancelled crime. `defects` adds defects."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dagster_project.sample.deliveries import Deliveries
from dagster_project.sample.draws import choose, lognormal, texts, where_true
from dagster_project.sample.forces import Force
from dagster_project.sample.targets import Targets
from dagster_project.sample.timeline import DAY, HISTORY, NONE, Array, Timeline

# Home Office offence codes with rough weights: common assault and assault with injury, harassment, malicious
# communications, stalking, burglary, theft, shoplifting, vehicle crime, criminal damage, public order, drugs.
_OFFENCES: dict[str, float] = {
    "8N": 11, "105A": 12, "8L": 9, "8R": 8, "8Q": 5, "30C": 2, "28E": 3, "34B": 1, "39": 1, "44": 1.5,
    "45": 4, "46": 7, "48": 3, "49": 8, "58A": 2.5, "58B": 1.5, "58C": 4, "58D": 3, "9A": 8, "92E": 2,
    "10D": 0.6, "126": 1,
}  # fmt: skip
_VIOLENCE = ("8N", "105A")
_CHANNELS = {"999": 30, "101": 27, "online": 19, "live_chat": 7, "front_counter": 4, "officer": 10, "other": 3}
_CANCEL_CODES = {"C1": 20, "C2": 29, "C3": 25, "C4": 26}

_UPDATED = 0.24  # share of crimes with a further row with the same status
_REINSTATED = 0.001  # share of crimes cancelled by mistake and reinstated
_CANCELLED_BEFORE = 0.25  # the same, for crimes that were cancelled permanently weeks later
_CODE_CHANGED = 0.1  # share of cancelled crimes with a further row that stays cancelled


@dataclass(frozen=True)
class Crimes:
    """All crimes of a force, including the half year before the sample, and one row for each of their states.

    Attributes:
        force: the force that recorded the crimes.
        timeline: the days of the sample.
        recorded: time when each crime was recorded, in ascending order.
        details: offence, cancellation code, channel and district of each crime.
        crime, updated, since: for each row, in order of `updated`: the index of its crime, when it was written, and
            since when the crime has been cancelled according to it.
    """

    force: Force
    timeline: Timeline
    recorded: Array
    details: dict[str, Array]
    crime: Array
    updated: Array
    since: Array

    def rows_of(self, month: int) -> Deliveries:
        """Return the rows written in a month, each in the extract of its local day."""
        rows = slice(*np.searchsorted(self.updated, self.timeline.span_of(month)).tolist())
        crime, cancelled_at = self.crime[rows], self.since[rows]
        is_cancelled = cancelled_at != NONE
        columns = {
            "crime_ref": self._references(crime),
            "updated_at": self.updated[rows],
            "recorded_at": self.recorded[crime],
            "offence_code": self.details["offence_code"][crime],
            "status": np.where(is_cancelled, "cancelled", "recorded").astype(object),
            "cancelled_at": cancelled_at,
            "cancel_code": where_true(is_cancelled, self.details["cancel_code"][crime]),
            "report_channel": self.details["report_channel"][crime],
            "district": self.details["district"][crime],
        }
        return Deliveries("crimes", columns=columns, day=self.timeline.day(columns["updated_at"]))

    def recorded_online(self, month: int) -> tuple[Array, Array]:
        """Return the references of a month's crimes that were reported online, and when they were recorded."""
        first, after = np.searchsorted(self.recorded, self.timeline.span_of(month)).tolist()
        online = first + np.flatnonzero(self.details["report_channel"][first:after] == "online")
        return self._references(online), self.recorded[online]

    @cached_property
    def _years(self) -> Array:
        """Return the calendar year in which each crime was recorded."""
        return (
            self.timeline.local(self.recorded).astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
        )

    def _references(self, crimes: Array) -> Array:
        """Return references as forces write them: number of the force, number of the crime in the year, year."""
        years = self._years[crimes]
        number = crimes - np.searchsorted(self._years, years) + 1
        number = np.where(years == self._years[0], number + self.force.crimes_before, number)
        prefix = self.force.crime_prefix
        return texts(
            [f"{prefix}/{n:06d}/{year % 100:02d}" for n, year in zip(number.tolist(), years.tolist(), strict=True)]
        )


def draw_crimes(rng: np.random.Generator, *, force: Force, timeline: Timeline, targets: Targets) -> Crimes:
    """Draw the crimes of all months, regardless of the months written: a crime has rows in much later months.

    Recorded crimes of a month match the targets. So do the crimes whose last row is cancelled, by the month of
    `cancelled_at`; each was recorded at least an hour before.
    """

    def instants(measure: str, pattern: str) -> list[Array]:
        counts = targets.of("crime", measure)
        return [timeline.arrivals(rng, month=month, counts=counts, pattern=pattern) for month in range(len(counts))]

    months = instants("recorded_crime", "crimes")
    # The half year before the sample is like its first half year, on the same weekdays.
    before = np.concatenate(months) - HISTORY
    recorded = np.concatenate([before[before < timeline.begin], *months])
    cancelled = _cancel(rng, recorded, np.concatenate(instants("cancelled_crime", "cancellations")))
    offence = choose(rng, len(recorded), of=tuple(_OFFENCES), weights=tuple(_OFFENCES.values()))
    code = choose(rng, len(recorded), of=tuple(_CANCEL_CODES), weights=tuple(_CANCEL_CODES.values()))
    code[np.isin(offence, _VIOLENCE) & (rng.random(len(recorded)) < 0.1)] = "C5"
    districts = force.districts
    details = {
        "offence_code": offence,
        "cancel_code": code,
        "report_channel": choose(rng, len(recorded), of=tuple(_CHANNELS), weights=tuple(_CHANNELS.values())),
        "district": choose(rng, len(recorded), of=tuple(districts), weights=tuple(districts.values())),
    }
    crime, updated, since = _histories(rng, recorded, cancelled, timeline=timeline)
    return Crimes(force, timeline, recorded, details, crime, updated, since)


def _cancel(rng: np.random.Generator, recorded: Array, cancellations: Array) -> Array:
    """Choose the crime for each cancellation: recorded days to months before, and not chosen before.

    Returns:
        Time when each crime was cancelled; `NONE` for the others.
    """
    cancelled = np.full(len(recorded), NONE, dtype=np.int64)
    lags = 3600 + lognormal(rng, len(cancellations), median=5 * DAY, sigma=1.5, most=170 * DAY)
    latest = np.searchsorted(recorded, cancellations - 3600) - 1
    rows = np.minimum(np.searchsorted(recorded, cancellations - lags), latest)
    for instant, row in zip(cancellations.tolist(), rows.tolist(), strict=True):
        while cancelled[row] != NONE:
            row -= 1
        cancelled[row] = instant
    return cancelled


def _histories(
    rng: np.random.Generator, recorded: Array, cancelled: Array, *, timeline: Timeline
) -> tuple[Array, Array, Array]:
    """Give each crime its rows.

    Returns:
        For each row: the crime's index, when it was written, and since when the crime has been cancelled.
    """
    everyone = np.arange(len(recorded))
    no_one = np.full(len(recorded), NONE, dtype=np.int64)
    is_cancelled = cancelled != NONE
    rows = []

    # Written immediately, or within the hour.
    delay = np.where(rng.random(len(recorded)) < 0.1, rng.integers(60, 3000, len(recorded)), 0)
    opened = np.where(recorded + delay < timeline.end, recorded + delay, recorded)
    rows.append((everyone, opened, no_one))

    changed = recorded + 3600 + lognormal(rng, len(recorded), median=6 * DAY, sigma=1.2, most=180 * DAY)
    changed = changed.astype(np.int64)
    before = np.where(is_cancelled, cancelled, timeline.end)
    which = np.flatnonzero((rng.random(len(recorded)) < _UPDATED) & (changed < before))
    rows.append((which, changed[which], no_one[which]))

    which = np.flatnonzero(is_cancelled)
    rows.append((which, cancelled[which], cancelled[which]))

    again = cancelled + rng.integers(3600, 40 * DAY, len(recorded))
    which = np.flatnonzero(is_cancelled & (rng.random(len(recorded)) < _CODE_CHANGED) & (again < timeline.end))
    rows.append((which, again[which], cancelled[which]))

    mistaken = recorded + 3600 + rng.integers(0, 20 * DAY, len(recorded))
    put_back = mistaken + rng.integers(3600, 30 * DAY, len(recorded))
    put_back_in_time = put_back < np.where(is_cancelled, cancelled, timeline.end)
    share = np.where(is_cancelled, _CANCELLED_BEFORE, _REINSTATED)
    which = np.flatnonzero(put_back_in_time & (rng.random(len(recorded)) < share))
    rows.append((which, mistaken[which], mistaken[which]))
    rows.append((which, put_back[which], no_one[which]))

    crime, updated, since = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    in_time = updated >= timeline.begin
    crime, updated, since = crime[in_time], updated[in_time], since[in_time]
    # Two rows of a crime in the same second would have the same key: the first of the two kinds above is kept.
    order = np.lexsort((crime, updated))
    crime, updated, since = crime[order], updated[order], since[order]
    kept = np.append(True, (np.diff(crime) != 0) | (np.diff(updated) != 0))
    return crime[kept], timeline.off_midnight(updated[kept]), timeline.off_midnight(since[kept])
