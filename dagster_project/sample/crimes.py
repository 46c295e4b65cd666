"""Crimes and their changes of state, with the printed recorded and cancelled crime. Their spoiling is in `mess`."""

from __future__ import annotations

import numpy as np

from dagster_project.sample.deliveries import Deliveries, Kind
from dagster_project.sample.draws import choose, lognormal, texts, where_true
from dagster_project.sample.targets import Targets
from dagster_project.sample.timeline import DAY, NONE, Array, Timeline

KINDS = {
    "crime_ref": Kind.TEXT,
    "updated_at": Kind.INSTANT,
    "recorded_at": Kind.INSTANT,
    "offence_code": Kind.TEXT,
    "status": Kind.TEXT,
    "cancelled_at": Kind.INSTANT,
    "cancel_code": Kind.TEXT,
    "report_channel": Kind.TEXT,
    "district": Kind.TEXT,
}

_BY_HOUR = (
    *(2.6, 2.0, 1.6, 1.3, 1.2, 1.3, 2.0, 3.2, 4.6, 5.6, 6.0, 6.1),
    *(5.9, 5.8, 5.8, 5.8, 5.8, 5.6, 5.3, 5.0, 4.7, 4.4, 3.9, 3.3),
)
_BY_WEEKDAY = (1.08, 1.05, 1.04, 1.03, 1.02, 0.92, 0.86)
# Registrars cancel in office hours.
_OFFICE_HOURS = (*[0.02] * 7, 0.4, 2.0, 4.0, 4.5, 4.4, 3.2, 3.8, 4.2, 4.0, 2.6, 0.8, *[0.05] * 6)
_OFFICE_DAYS = (1.2, 1.15, 1.1, 1.1, 1.0, 0.15, 0.1)

# Home Office offence codes with rough weights: common assault and assault with injury, harassment, malicious
# communications, stalking, burglary, theft, shoplifting, vehicle crime, criminal damage, public order, drugs.
_OFFENCES: dict[str, float] = {
    "8N": 11, "105A": 12, "8L": 9, "8R": 8, "8Q": 5, "30C": 2, "28E": 3, "34B": 1, "39": 1, "44": 1.5,
    "45": 4, "46": 7, "48": 3, "49": 8, "58A": 2.5, "58B": 1.5, "58C": 4, "58D": 3, "9A": 8, "92E": 2,
    "10D": 0.6, "126": 1,
}  # fmt: skip
_VIOLENCE = ("8N", "105A")
_DISTRICTS: dict[str | None, float] = {
    "Ashford": 7, "Canterbury": 9.5, "Dartford": 7, "Dover": 7, "Folkestone and Hythe": 6.5, "Gravesham": 7.5,
    "Maidstone": 9, "Medway": 17, "Sevenoaks": 4.5, "Swale": 9, "Thanet": 11, "Tonbridge and Malling": 5,
    "Tunbridge Wells": 4, None: 0.4,
}  # fmt: skip
_CHANNELS = {"999": 30, "101": 27, "online": 19, "live_chat": 7, "front_counter": 4, "officer": 10, "other": 3}
_CANCEL_CODES = {"C1": 20, "C2": 29, "C3": 25, "C4": 26}

_UPDATED = 0.24  # share of crimes with a further row that leaves the status as it is
_REINSTATED = 0.001  # share of crimes cancelled by mistake and put back
_CANCELLED_BEFORE = 0.25  # the same, of the crimes that were cancelled for good weeks later
_CODE_CHANGED = 0.1  # share of cancelled crimes whose row is touched again and stays cancelled


def draw_crimes(rng: np.random.Generator, *, timeline: Timeline, targets: Targets) -> Deliveries:
    """Draw crimes and one row for each state that they went through.

    Recorded crimes of a month are the printed ones. So are the crimes whose last row is cancelled, by the month of
    `cancelled_at`; each of them was recorded within the sample, at least an hour before.

    Returns:
        Rows in the order of `updated_at`, each in the extract of its local day.
    """
    recorded = _per_month(rng, "recorded_crime", _BY_HOUR, _BY_WEEKDAY, timeline=timeline, targets=targets)
    cancelled = _cancel(
        rng,
        recorded,
        _per_month(rng, "cancelled_crime", _OFFICE_HOURS, _OFFICE_DAYS, timeline=timeline, targets=targets),
    )
    offence = choose(rng, len(recorded), of=tuple(_OFFENCES), weights=tuple(_OFFENCES.values()))
    code = choose(rng, len(recorded), of=tuple(_CANCEL_CODES), weights=tuple(_CANCEL_CODES.values()))
    code[np.isin(offence, _VIOLENCE) & (rng.random(len(recorded)) < 0.1)] = "C5"
    crime, updated, cancelled_at = _histories(rng, recorded, cancelled, timeline=timeline)

    is_cancelled = cancelled_at != NONE
    by_crime = {
        "crime_ref": _references(recorded, timeline=timeline),
        "recorded_at": recorded,
        "offence_code": offence,
        "report_channel": choose(rng, len(recorded), of=tuple(_CHANNELS), weights=tuple(_CHANNELS.values())),
        "district": choose(rng, len(recorded), of=tuple(_DISTRICTS), weights=tuple(_DISTRICTS.values())),
    }
    columns = {name: values[crime] for name, values in by_crime.items()}
    columns |= {
        "updated_at": updated,
        "status": np.where(is_cancelled, "cancelled", "recorded").astype(object),
        "cancelled_at": cancelled_at,
        "cancel_code": where_true(is_cancelled, code[crime]),
    }
    return Deliveries("crimes", kinds=KINDS, columns={name: columns[name] for name in KINDS}, day=timeline.day(updated))


def _per_month(
    rng: np.random.Generator,
    measure: str,
    by_hour: tuple[float, ...],
    by_weekday: tuple[float, ...],
    *,
    timeline: Timeline,
    targets: Targets,
) -> Array:
    return np.concatenate(
        [
            timeline.arrivals(rng, month=month, count=count, by_hour=by_hour, by_weekday=by_weekday, spread=0.05)
            for month, count in enumerate(targets.of("crime", measure))
        ]
    )


def _cancel(rng: np.random.Generator, recorded: Array, cancellations: Array) -> Array:
    """Choose the crime that each cancellation concerns: days to months older, never chosen before.

    Returns:
        When each crime was cancelled, `NONE` for those that were not.
    """
    cancelled = np.full(len(recorded), NONE, dtype=np.int64)
    begin = int(recorded[0])
    lags = 3600 + lognormal(rng, len(cancellations), median=5 * DAY, sigma=1.5, most=170 * DAY)
    anywhere = rng.random(len(cancellations))
    # The very first day has hardly a crime that could be an hour old already.
    cancellations = np.maximum(cancellations, begin + DAY // 2)
    for instant, lag, share in zip(cancellations.tolist(), lags.tolist(), anywhere.tolist(), strict=True):
        latest = instant - 3600
        wanted = instant - lag if instant - lag >= begin else begin + share * (latest - begin)
        row = min(int(np.searchsorted(recorded, wanted)), int(np.searchsorted(recorded, latest)) - 1)
        while cancelled[row] != NONE:
            row -= 1
        cancelled[row] = instant
    return cancelled


def _histories(
    rng: np.random.Generator, recorded: Array, cancelled: Array, *, timeline: Timeline
) -> tuple[Array, Array, Array]:
    """Give each crime its rows.

    Returns:
        Of each row: the crime's position, when it was written, and since when the crime was cancelled by it.
    """
    everyone = np.arange(len(recorded))
    no_one = np.full(len(recorded), NONE, dtype=np.int64)
    is_cancelled = cancelled != NONE
    rows = []

    # Written at once, or within the hour.
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
    # Two rows of a crime in one second would be one row by their key: the first of the two kinds above stays.
    _, kept = np.unique(np.stack([crime, updated]), axis=1, return_index=True)
    kept = kept[np.lexsort((crime[kept], updated[kept]))]
    return crime[kept], timeline.off_midnight(updated[kept]), timeline.off_midnight(since[kept])


def _references(recorded: Array, *, timeline: Timeline) -> Array:
    """References as the force writes them: 46, the number of the force, then the crime of the year, then the year."""
    years = [timeline.days[day].year for day in timeline.day(recorded).tolist()]
    # The sample opens in August, by when the force has recorded about 110,000 crimes of the year.
    number, year_before = 110_000, years[0]
    references = []
    for year in years:
        number = number + 1 if year == year_before else 1
        year_before = year
        references.append(f"46/{number:06d}/{year % 100:02d}")
    return texts(references)
