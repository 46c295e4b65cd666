"""Telephone calls and their segments, with the printed calls, queue and talk times. Their spoiling is in `mess`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dagster_project.sample.deliveries import Deliveries, Kind
from dagster_project.sample.draws import choose, fit_sum, lognormal, split, texts, weighted_sample
from dagster_project.sample.targets import Targets
from dagster_project.sample.timeline import DAY, NONE, Array, Timeline

KINDS = {
    "call_id": Kind.TEXT,
    "segment_no": Kind.INTEGER,
    "line": Kind.TEXT,
    "arrived_at": Kind.INSTANT,
    "utc_offset_minutes": Kind.INTEGER,
    "queue_seconds": Kind.TENTHS,
    "disposition": Kind.TEXT,
    "talk_seconds": Kind.TENTHS,
    "called_back_at": Kind.INSTANT,
    "operator_id": Kind.TEXT,
    "caller_number": Kind.TEXT,
}

_BY_HOUR = (
    *(1.9, 1.5, 1.2, 1.0, 0.9, 1.0, 1.5, 2.4, 3.6, 4.6, 5.0, 5.1),
    *(5.2, 5.2, 5.3, 5.5, 5.8, 6.0, 5.9, 5.4, 4.8, 4.2, 3.4, 2.6),
)
_BY_WEEKDAY = {
    "999": (0.97, 0.96, 0.96, 0.98, 1.05, 1.10, 1.02),
    "101": (1.14, 1.06, 1.04, 1.02, 1.03, 0.88, 0.83),
}
# Share of calls to lines that no figure reports, of the calls to 101.
_OTHER_LINES = {"switchboard": 0.045, "other": 0.03}
# The longest wait and talk, in seconds.
_MOST_QUEUE, _MOST_TALK = 3 * 3600, 2 * 3600
# On the last day calls after 18:00 keep to one segment, so that none is delivered after the sample's end.
_LAST_TRANSFERS = 6 * 3600


@dataclass(frozen=True)
class _Segment:
    """One segment of a path. `counted`: its queue is part of the call's; `talks`: it has a share of the talk."""

    disposition: str
    counted: bool = True
    talks: bool = False


_ANSWERED = _Segment("answered", talks=True)
_AGAIN = _Segment("answered", counted=False, talks=True)
_OVERFLOW = _Segment("overflow")
_PASSED_ON = _Segment("transferred", talks=True)
_SENT_BACK = _Segment("transferred", counted=False, talks=True)
_GIVES_UP = _Segment("abandoned")
_GIVES_UP_LATER = _Segment("abandoned", counted=False)

# Paths through the queues, with their share of the calls that have several segments.
_ANSWERED_PATHS = {
    (_OVERFLOW, _ANSWERED): 0.32,
    (_ANSWERED, _AGAIN): 0.33,
    (_PASSED_ON, _ANSWERED): 0.14,
    (_ANSWERED, _GIVES_UP_LATER): 0.09,
    (_OVERFLOW, _OVERFLOW, _ANSWERED): 0.06,
    (_ANSWERED, _SENT_BACK, _AGAIN): 0.06,
}
_UNANSWERED_PATHS = {
    (_OVERFLOW, _GIVES_UP): 0.84,
    (_OVERFLOW, _OVERFLOW, _GIVES_UP): 0.12,
    (_PASSED_ON, _GIVES_UP): 0.04,
}
# Share of calls with several segments: about a fifth of 101 calls are transferred or queued again.
_SEVERAL = {"999": 0.06, "101": 0.2, "switchboard": 0.45, "other": 0.1}


@dataclass(frozen=True)
class _Calls:
    """Calls of one line and month: queue and talk of the whole call in tenths, talk 0 where nobody answered."""

    line: str
    unit: int
    arrived: Array
    answered: Array
    queue: Array
    talk: Array


def draw_call_segments(rng: np.random.Generator, *, timeline: Timeline, targets: Targets) -> Deliveries:
    """Draw the calls of all months and cut them into segments.

    Received and answered calls are the printed ones for each line and month; the queue and talk seconds of answered
    calls are the printed mean times their number, the middle of what rounds to it.

    Returns:
        Segments in the order of their arrival, each in the extract of its local day.
    """
    drawn = [
        calls
        for month in range(len(timeline.months))
        for calls in _calls_of(rng, month=month, timeline=timeline, targets=targets)
    ]
    parts = []
    calls_before = 0
    for calls in drawn:
        part = _segments(rng, calls, timeline=timeline)
        part["serial"] = part["serial"] + calls_before
        calls_before += len(calls.arrived)
        parts.append(part)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["segment_no"], columns["serial"], columns["arrived_at"]))
    columns = {name: values[order] for name, values in columns.items()}
    first_arrived = np.concatenate([calls.arrived for calls in drawn])
    _identify(rng, columns, first_arrived=first_arrived, timeline=timeline)
    day = timeline.day(columns["arrived_at"])
    return Deliveries("call_segments", kinds=KINDS, columns={name: columns[name] for name in KINDS}, day=day)


def in_progress_at_midnight(deliveries: Deliveries, *, timeline: Timeline) -> Array:
    """Segments in which an operator is still talking when their local day ends, but for the last day."""
    columns = deliveries.columns
    talk_from = columns["arrived_at"] + columns["queue_seconds"] // 10
    until = talk_from + np.maximum(columns["talk_seconds"], 0) // 10
    midnight = timeline.midnight_after(columns["arrived_at"])
    return np.flatnonzero((talk_from < midnight) & (until >= midnight) & (midnight < timeline.end))


def called_back_on_a_later_day(deliveries: Deliveries, *, timeline: Timeline) -> Array:
    """Segments whose caller was called back after their local day had ended."""
    called_back = deliveries.columns["called_back_at"]
    midnight = timeline.midnight_after(deliveries.columns["arrived_at"])
    return np.flatnonzero(called_back >= midnight)


def _calls_of(rng: np.random.Generator, *, month: int, timeline: Timeline, targets: Targets) -> list[_Calls]:
    # The exchange was upgraded for the last month: it logs tenths of a second from then on.
    unit = 1 if month == len(timeline.months) - 1 else 10
    drawn = []
    for line in ("999", "101"):
        section = f"calls_{line}"
        received, answered, queue, talk = (
            targets.of(section, measure)[month]
            for measure in ("received", "answered", "avg_queue_time", "avg_talk_time")
        )
        drawn.append(
            _draw(
                rng,
                line=line,
                shape=line,
                unit=unit,
                arrived=_arrivals(rng, line, month=month, count=received, timeline=timeline),
                answered=answered,
                mean_queue=queue,
                mean_talk=talk,
            )
        )
    received = targets.of("calls_101", "received")[month]
    for line, share in _OTHER_LINES.items():
        count = round(received * share)
        arrived = _arrivals(rng, "101", month=month, count=count, timeline=timeline)
        drawn.append(
            _draw(
                rng,
                line=line,
                shape="101",
                unit=unit,
                arrived=arrived,
                answered=round(count * 0.93),
                mean_queue=45,
                mean_talk=180,
            )
        )
    return drawn


def _arrivals(rng: np.random.Generator, shape: str, *, month: int, count: int, timeline: Timeline) -> Array:
    weekdays = _BY_WEEKDAY[shape]
    return timeline.arrivals(rng, month=month, count=count, by_hour=_BY_HOUR, by_weekday=weekdays, spread=0.05)


def _draw(
    rng: np.random.Generator,
    *,
    line: str,
    shape: str,
    unit: int,
    arrived: Array,
    answered: int,
    mean_queue: int,
    mean_talk: int,
) -> _Calls:
    count = len(arrived)
    # Busy hours and days: the calls that arrived within half an hour of each, against the mean.
    neighbours = np.searchsorted(arrived, arrived + 1800) - np.searchsorted(arrived, arrived - 1800)
    load = neighbours / neighbours.mean()
    unanswered = weighted_sample(rng, load, count=count - answered)
    is_answered = ~unanswered
    per_second = 10 // unit

    queue = np.zeros(count, dtype=np.int64)
    total = mean_queue * answered * per_second
    if shape == "999":
        queue[is_answered] = _emergency_queue(
            rng, load[is_answered], mean=mean_queue, total=total, per_second=per_second
        )
        patience = lognormal(rng, count - answered, median=14, sigma=0.9, most=600)
    else:
        waits = lognormal(rng, answered, median=0.55 * mean_queue, sigma=1.1, most=_MOST_QUEUE)
        queue[is_answered] = fit_sum(np.minimum(waits * load[is_answered], _MOST_QUEUE), total=total)
        patience = lognormal(rng, count - answered, median=0.45 * mean_queue, sigma=0.9, most=_MOST_QUEUE)
    queue[unanswered] = np.rint(patience * per_second).astype(np.int64)

    talk = np.zeros(count, dtype=np.int64)
    length = lognormal(rng, answered, median=0.75 * mean_talk, sigma=0.75, most=_MOST_TALK)
    talk[is_answered] = fit_sum(length, total=mean_talk * answered * per_second, minimum=8 * per_second)
    return _Calls(line=line, unit=unit, arrived=arrived, answered=is_answered, queue=queue * unit, talk=talk * unit)


def _emergency_queue(rng: np.random.Generator, load: Array, *, mean: int, total: int, per_second: int) -> Array:
    """Queue times of answered 999 calls: most of a few seconds, the rest far longer, so that the sum is `total`."""
    # A mean of 10 s leaves 14 % of the calls waiting, one of 27 s leaves 28 %.
    waits = rng.random(len(load)) < (0.06 + 0.008 * mean) * np.clip(load, 0.4, 1.8)
    queue = rng.integers(1 * per_second, 8 * per_second, len(load))
    rest = total - int(queue[~waits].sum())
    tail = lognormal(rng, int(waits.sum()), median=40, sigma=0.9, most=1800)
    queue[waits] = fit_sum(tail, total=rest, minimum=8 * per_second)
    return queue


def _segments(rng: np.random.Generator, calls: _Calls, *, timeline: Timeline) -> dict[str, Array]:
    """Cut calls into segments: columns of the source, and `serial`, the position of the call in `calls`."""
    count = len(calls.arrived)
    several = rng.random(count) < _SEVERAL[calls.line]
    several &= calls.arrived < timeline.end - _LAST_TRANSFERS
    pieces = []
    for paths, kind, single in (
        (_ANSWERED_PATHS, calls.answered, _ANSWERED),
        (_UNANSWERED_PATHS, ~calls.answered, _GIVES_UP),
    ):
        pieces += _walk(rng, calls, np.flatnonzero(kind & ~several), path=(single,))
        share = np.cumsum(list(paths.values()))
        chosen = np.searchsorted(share / share[-1], rng.random(count), side="right")
        for number, path in enumerate(paths):
            pieces += _walk(rng, calls, np.flatnonzero(kind & several & (chosen == number)), path=path)
    columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    unanswered = ~calls.answered[columns["serial"]]
    last = columns.pop("is_last")
    columns["called_back_at"] = _call_backs(rng, calls, columns, mask=unanswered & last, timeline=timeline)
    cut_off = (columns["disposition"] == "abandoned") & (rng.random(len(last)) < 0.03)
    columns["disposition"][cut_off] = "disconnected"
    return columns


def _walk(
    rng: np.random.Generator, calls: _Calls, which: Array, *, path: tuple[_Segment, ...]
) -> list[dict[str, Array]]:
    """Send calls along one path; gives the columns of each of its segments in turn."""
    count = len(which)
    queue_left, talk_left = calls.queue[which], calls.talk[which]
    if path == (_PASSED_ON, _GIVES_UP):  # spoken to by somebody who did not take the call
        talk_left = rng.integers(10, 60, count) * 10
    starts = calls.arrived[which]
    pieces = []
    for number, segment in enumerate(path):
        later = path[number + 1 :]
        if not segment.counted:
            queue = np.rint(lognormal(rng, count, median=25, sigma=0.8, most=900)).astype(np.int64) * 10
        elif any(other.counted for other in later):
            queue = split(rng, queue_left, unit=calls.unit)
        else:
            queue = queue_left
        if not segment.talks:
            talk = np.zeros(count, dtype=np.int64)
        elif any(other.talks for other in later):
            talk = split(rng, talk_left, unit=calls.unit)
        else:
            talk = talk_left
        queue_left = queue_left - queue * segment.counted
        talk_left = talk_left - talk
        pieces.append(
            {
                "serial": which,
                "segment_no": np.full(count, number + 1),
                "line": _line_of(rng, calls.line, count, number=number),
                "arrived_at": starts,
                "queue_seconds": queue,
                "disposition": texts([segment.disposition] * count),
                "talk_seconds": talk,
                "is_last": np.full(count, not later),
            }
        )
        starts = starts + (queue + talk) // 10 + rng.integers(1, 4, count)
    return pieces


def _line_of(rng: np.random.Generator, line: str, count: int, *, number: int) -> Array:
    """The line of a segment: some later segments are on another one, which does not move the call."""
    if number == 0:
        return texts([line] * count)
    if line == "switchboard":
        return choose(rng, count, of=("101", "switchboard"), weights=(0.7, 0.3))
    return choose(rng, count, of=(line, "other", "101"), weights=(0.8, 0.1, 0.1))


def _call_backs(
    rng: np.random.Generator,
    calls: _Calls,
    columns: Mapping[str, Array],
    *,
    mask: Array,
    timeline: Timeline,
) -> Array:
    """When unanswered callers were called back: nearly all 999 callers, most of them within the day, few others."""
    rows = np.flatnonzero(mask)
    share = 0.94 if calls.line == "999" else 0.07
    hung_up = columns["arrived_at"][rows] + columns["queue_seconds"][rows] // 10
    delay = lognormal(rng, len(rows), median=260, sigma=1.0, most=DAY)
    next_day = rng.random(len(rows)) < 0.03
    delay = np.where(next_day, rng.uniform(0.4, 1.2, len(rows)) * DAY, delay)
    called_back = hung_up + 30 + delay.astype(np.int64)
    happens = (rng.random(len(rows)) < share) & (called_back < timeline.end)
    result = np.full(len(mask), NONE, dtype=np.int64)
    result[rows[happens]] = called_back[happens]
    return result


def _identify(rng: np.random.Generator, columns: dict[str, Array], *, first_arrived: Array, timeline: Timeline) -> None:
    """Give the segments the identifier and number of their call, and their operator and UTC offset.

    Args:
        rng: source of the draws.
        columns: the segments; `serial` is the position of their call in `first_arrived`.
        first_arrived: when each call arrived.
        timeline: the days of the sample.
    """
    calls = len(first_arrived)
    place = np.empty(calls, dtype=np.int64)
    place[np.argsort(first_arrived, kind="stable")] = np.arange(calls)
    # The form of an Avaya UCID: node, sequence number, UTC seconds. Leading zeros make it a text, never a number.
    ids = [
        f"00001{number % 100_000:05d}{second:010d}"
        for number, second in zip(place.tolist(), first_arrived.tolist(), strict=True)
    ]
    serial = columns["serial"]
    columns["call_id"] = texts(ids)[serial]
    columns["caller_number"] = _callers(rng, calls)[serial]
    columns["operator_id"] = _operators(rng, columns["arrived_at"])
    columns["operator_id"][(columns["disposition"] != "answered") & (columns["talk_seconds"] == 0)] = None
    columns["utc_offset_minutes"] = timeline.offset(columns["arrived_at"]) // 60


def _callers(rng: np.random.Generator, count: int) -> Array:
    """Caller numbers of the ranges that Ofcom keeps for drama; some call very often, some withhold their number."""
    numbers = texts([f"{stem}{n:03d}" for n in range(1000) for stem in ("07700900", "01632960")])
    callers = numbers[(len(numbers) * rng.random(count) ** 2.2).astype(np.int64)]
    callers[rng.random(count) < 0.06] = None
    return callers


def _operators(rng: np.random.Generator, instants: Array) -> Array:
    """Operators on shift: 60 of 180 at a time, in turns of eight hours."""
    shift = instants // (8 * 3600)
    number = (shift * 37 + rng.integers(0, 60, len(instants))) % 180
    return texts([f"OP-{1000 + n}" for n in range(180)])[number]
