"""Telephone calls and their segments, with the target calls, queue times and talk times. `defects` adds defects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from dagster_project.sample.deliveries import Deliveries
from dagster_project.sample.draws import choose, fit_sum, lognormal, split, texts, weighted_sample
from dagster_project.sample.forces import Force
from dagster_project.sample.spellings import spell_numbers, spell_withheld
from dagster_project.sample.targets import Month
from dagster_project.sample.timeline import DAY, NONE, Array, Timeline

# Calls to lines that are in no figure, as a share of the calls to 101.
_OTHER_LINES = {"switchboard": 0.045, "other": 0.03}
# The longest wait and talk, in seconds.
_MOST_QUEUE, _MOST_TALK = 3 * 3600, 2 * 3600
# A call that ends this close to the end of a month has one segment, so that no call is split between two months.
_NEAR_MONTH_END = 3600
# The exchanges were upgraded in this month and log tenths of a second from then on.
_TENTHS_FROM = "2023-01"
# Standard deviation (log) of a day's own effect on unanswered calls: staff illness, incidents.
_DAYS_OWN = 0.1
# What callers whom 101 did not answer do within a day, as shares. Most give up or call again; few call 999.
_CALL_AGAIN, _CALL_999, _GO_ONLINE = 0.33, 0.045, 0.05
# Median time until they do so, in seconds.
_AGAIN_AFTER, _999_AFTER, _ONLINE_AFTER = 700, 1500, 5400
_WITHHELD, _FREQUENT = 0.06, 0.02  # shares of calls without a number, and of those by few callers
_FREQUENT_CALLERS = 60
# Each stem stands for a thousand numbers: mobile, freephone, UK-wide, no area, and a dozen cities.
DRAMA_STEMS = (
    *("07700900", "08081570", "03069990", "01632960", "01134960", "01144960", "01154960", "01164960", "01174960"),
    *("01184960", "01214960", "01314960", "01414960", "01514960", "01614960", "01914980", "02079460", "02896496"),
    "02920180",
)


@dataclass(frozen=True)
class _Segment:
    """One segment of a path. `counted`: its queue time counts for the call; `talks`: it has part of the talk time."""

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

# Paths through the queues, as shares of the calls with several segments.
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
    """Calls of one line and month: queue and talk time of the whole call in tenths; talk is 0 if not answered."""

    line: str
    unit: int
    arrived: Array
    answered: Array
    queue: Array
    talk: Array


@dataclass(frozen=True)
class Seekers:
    """Callers whom 101 did not answer and who go online: the times, and their numbers."""

    instants: Array
    numbers: Array


def draw_call_segments(rng: np.random.Generator, month: Month) -> tuple[Deliveries, Seekers]:
    """Draw the calls of a month and cut them into segments.

    Received and answered calls are the targets for each line. Queue and talk seconds of answered calls are the mean in
    the targets times their number, which is the middle of the values that round to it.

    Returns:
        Segments in order of arrival, each in the extract of its local day; and the callers who go online.
    """
    timeline = month.timeline
    drawn = _calls_of(rng, month)
    callers, seekers = _callers(rng, drawn, month=month.number)
    parts = []
    calls_before = 0
    for calls in drawn:
        part = _segments(rng, calls, month)
        part["serial"] = part["serial"] + calls_before
        calls_before += len(calls.arrived)
        parts.append(part)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["segment_no"], columns["serial"], columns["arrived_at"]))
    columns = {name: values[order] for name, values in columns.items()}
    first_arrived = np.concatenate([calls.arrived for calls in drawn])
    _identify(rng, columns, first_arrived=first_arrived, callers=callers, month=month)
    day = timeline.day(columns["arrived_at"])
    segments = Deliveries("call_segments", columns=columns, day=day)
    return segments, seekers


def in_progress_at_midnight(deliveries: Deliveries, *, timeline: Timeline) -> Array:
    """Return the segments with an operator still talking at the end of their local day, but not on the last day."""
    columns = deliveries.columns
    talk_from = columns["arrived_at"] + columns["queue_seconds"] // 10
    until = talk_from + np.maximum(columns["talk_seconds"], 0) // 10
    midnight = timeline.midnight_after(columns["arrived_at"])
    return np.flatnonzero((talk_from < midnight) & (until >= midnight) & (midnight < timeline.end))


def called_back_on_a_later_day(deliveries: Deliveries, *, timeline: Timeline) -> Array:
    """Return the segments whose caller was called back after the end of their local day."""
    called_back = deliveries.columns["called_back_at"]
    midnight = timeline.midnight_after(deliveries.columns["arrived_at"])
    return np.flatnonzero(called_back >= midnight)


def _calls_of(rng: np.random.Generator, month: Month) -> list[_Calls]:
    targets = month.targets
    drawn = []
    for line in ("999", "101"):
        section = f"calls_{line}"
        received, answered = targets.of(section, "received"), targets.of(section, "answered")
        queue, talk = targets.of(section, "avg_queue_time"), targets.of(section, "avg_talk_time")
        drawn.append(_draw(rng, month, line, received, answered, queue=queue, talk=talk))
    months = len(received)
    for line, share in _OTHER_LINES.items():
        counts = [round(count * share) for count in received]
        answered = [round(count * 0.93) for count in counts]
        drawn.append(_draw(rng, month, line, counts, answered, queue=[45] * months, talk=[180] * months))
    return drawn


def _draw(
    rng: np.random.Generator,
    month: Month,
    line: str,
    counts: Sequence[int],
    answered_counts: Sequence[int],
    *,
    queue: Sequence[int],
    talk: Sequence[int],
) -> _Calls:
    """Draw the arrivals and outcomes of the calls of a line.

    Counts (of calls, and of answered ones) and means (queue and talk seconds of answered calls) are those of every
    month: days are interpolated towards the neighbouring months.
    """
    timeline, number = month.timeline, month.number
    # Resolution of the exchange, in tenths of a second.
    unit = 1 if timeline.months[number] >= _TENTHS_FROM else 10
    arrived = month.arrivals(rng, counts=counts, pattern="calls_999" if line == "999" else "calls_101")
    shares, answered = np.array(answered_counts) / np.array(counts), answered_counts[number]
    count = len(arrived)
    day = timeline.day(arrived)
    # Busy hours and days: the number of calls within half an hour of each, relative to the mean.
    neighbours = np.searchsorted(arrived, arrived + 1800) - np.searchsorted(arrived, arrived - 1800)
    load = neighbours / neighbours.mean()
    own = np.exp(_DAYS_OWN * rng.standard_normal(timeline.month_lengths[number]))[day - timeline.month_starts[number]]
    # The hazard that gives the target share: -ln of the share answered.
    hazard = -np.log(timeline.interpolated(shares))[day]
    unanswered = weighted_sample(rng, load * own * hazard, count=count - answered)
    is_answered = ~unanswered
    per_second = 10 // unit

    mean_queue = queue[number]
    relative = own * timeline.interpolated(np.array(queue) / mean_queue)[day]
    waited = np.zeros(count, dtype=np.int64)
    total = mean_queue * answered * per_second
    if line == "999":
        waited[is_answered] = _emergency_queue(
            rng, load[is_answered], mean=mean_queue * relative[is_answered], total=total, per_second=per_second
        )
        patience = lognormal(rng, count - answered, median=14, sigma=0.9, most=600)
    else:
        waits = lognormal(rng, answered, median=0.55 * mean_queue, sigma=1.1, most=_MOST_QUEUE)
        waits = waits * (load * relative)[is_answered]
        waited[is_answered] = fit_sum(np.minimum(waits, _MOST_QUEUE), total=total)
        patience = lognormal(rng, count - answered, median=0.45 * mean_queue, sigma=0.9, most=_MOST_QUEUE)
        patience = np.minimum(patience * relative[unanswered], _MOST_QUEUE)
    waited[unanswered] = np.rint(patience * per_second).astype(np.int64)

    mean_talk = talk[number]
    spoken = np.zeros(count, dtype=np.int64)
    length = lognormal(rng, answered, median=0.75 * mean_talk, sigma=0.75, most=_MOST_TALK)
    length = length * timeline.interpolated(np.array(talk) / mean_talk)[day][is_answered]
    spoken[is_answered] = fit_sum(length, total=mean_talk * answered * per_second, minimum=8 * per_second)
    return _Calls(line=line, unit=unit, arrived=arrived, answered=is_answered, queue=waited * unit, talk=spoken * unit)


def _emergency_queue(rng: np.random.Generator, load: Array, *, mean: Array, total: int, per_second: int) -> Array:
    """Draw queue times of answered 999 calls: most take a few seconds, the others far longer; the sum is `total`."""
    # With a mean of 10 s, 14 % of the calls wait; with 27 s, 28 %.
    waits = rng.random(len(load)) < (0.06 + 0.008 * mean) * np.clip(load, 0.4, 1.8)
    at_once = 1 + lognormal(rng, len(load), median=1.6 + 0.08 * mean, sigma=0.5, most=7.9)
    queue = (at_once * per_second).astype(np.int64)
    rest = total - int(queue[~waits].sum())
    tail = lognormal(rng, int(waits.sum()), median=40, sigma=0.9, most=1800)
    queue[waits] = fit_sum(tail, total=rest, minimum=8 * per_second)
    return queue


def _callers(rng: np.random.Generator, drawn: list[_Calls], *, month: int) -> tuple[Array, Seekers]:
    """Give each call a caller's number; some have the number of a caller whom 101 did not answer before.

    All other numbers are used in turn, so that a number does not return within days unless its caller does.

    Returns:
        Numbers of the calls of all lines, None if withheld; and the callers who go online.
    """
    numbers = _numbers()
    once, often = numbers[_FREQUENT_CALLERS:], numbers[:_FREQUENT_CALLERS]
    arrived = np.concatenate([calls.arrived for calls in drawn])
    count = len(arrived)
    callers = np.empty(count, dtype=object)
    # A month starts at an arbitrary number: 7,919 is prime and does not divide the number of callers.
    callers[np.argsort(arrived, kind="stable")] = once[(7919 * month + np.arange(count)) % len(once)]
    frequent = rng.random(count) < _FREQUENT
    callers[frequent] = often[rng.integers(0, len(often), int(frequent.sum()))]
    callers[rng.random(count) < _WITHHELD] = None

    offset = {calls.line: int(sum(len(other.arrived) for other in drawn[:n])) for n, calls in enumerate(drawn)}
    by_line = {calls.line: calls for calls in drawn}
    lost = np.flatnonzero(~by_line["101"].answered)
    hung_up = by_line["101"].arrived[lost] + by_line["101"].queue[lost] // 10
    way = rng.random(len(lost))
    spread = np.exp(1.1 * rng.standard_normal(len(lost)))
    again, emergency = way < _CALL_AGAIN, (way >= _CALL_AGAIN) & (way < _CALL_AGAIN + _CALL_999)
    after = np.select([again, emergency], [_AGAIN_AFTER, _999_AFTER], _ONLINE_AFTER)
    back = (hung_up + 60 + np.minimum(after * spread, DAY * 0.9)).astype(np.int64)
    chosen: set[int] = set()
    # In order of time, since a caller may give up twice.
    for row in np.flatnonzero(again | emergency).tolist():
        line = "101" if again[row] else "999"
        call = offset[line] + int(np.searchsorted(by_line[line].arrived, back[row]))
        while call in chosen:
            call += 1
        if call < offset[line] + len(by_line[line].arrived):
            chosen.add(call)
            callers[call] = callers[offset["101"] + int(lost[row])]
    online = (way >= _CALL_AGAIN + _CALL_999) & (way < _CALL_AGAIN + _CALL_999 + _GO_ONLINE)
    online_numbers = callers[offset["101"] + lost[online]]
    known = online_numbers != None  # noqa: E711 - elementwise
    return callers, Seekers(instants=back[online][known], numbers=online_numbers[known])


def _segments(rng: np.random.Generator, calls: _Calls, month: Month) -> dict[str, Array]:
    """Cut calls into segments. Return the columns of the source, and `serial`, the index of the call in `calls`."""
    count = len(calls.arrived)
    several = rng.random(count) < _SEVERAL[calls.line]
    _, end = month.timeline.span_of(month.number)
    several &= calls.arrived + (calls.queue + calls.talk) // 10 < end - _NEAR_MONTH_END
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
    columns["called_back_at"] = _call_backs(rng, calls, columns, mask=unanswered & last, end=month.timeline.end)
    cut_off = (columns["disposition"] == "abandoned") & (rng.random(len(last)) < 0.03)
    columns["disposition"][cut_off] = "disconnected"
    return columns


def _walk(
    rng: np.random.Generator, calls: _Calls, which: Array, *, path: tuple[_Segment, ...]
) -> list[dict[str, Array]]:
    """Send calls along one path; yield the columns of each of its segments in turn."""
    count = len(which)
    queue_left, talk_left = calls.queue[which], calls.talk[which]
    if path == (_PASSED_ON, _GIVES_UP):  # answered by an operator who did not take the call
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
    """Draw the line of a segment: some later segments are on another line, which does not move the call."""
    if number == 0:
        return texts([line] * count)
    if line == "switchboard":
        return choose(rng, count, of=("101", "switchboard"), weights=(0.7, 0.3))
    return choose(rng, count, of=(line, "other", "101"), weights=(0.8, 0.1, 0.1))


def _call_backs(
    rng: np.random.Generator, calls: _Calls, columns: Mapping[str, Array], *, mask: Array, end: int
) -> Array:
    """Draw when unanswered callers were called back: nearly all 999 callers, mostly within the day, and few others."""
    rows = np.flatnonzero(mask)
    share = 0.94 if calls.line == "999" else 0.07
    hung_up = columns["arrived_at"][rows] + columns["queue_seconds"][rows] // 10
    delay = lognormal(rng, len(rows), median=260, sigma=1.0, most=DAY)
    next_day = rng.random(len(rows)) < 0.03
    delay = np.where(next_day, rng.uniform(0.4, 1.2, len(rows)) * DAY, delay)
    called_back = hung_up + 30 + delay.astype(np.int64)
    happens = (rng.random(len(rows)) < share) & (called_back < end)
    result = np.full(len(mask), NONE, dtype=np.int64)
    result[rows[happens]] = called_back[happens]
    return result


def _identify(
    rng: np.random.Generator, columns: dict[str, Array], *, first_arrived: Array, callers: Array, month: Month
) -> None:
    """Give the segments the identifier and number of their call, and their operator and UTC offset.

    `serial` of a segment is the index of its call.
    """
    calls = len(first_arrived)
    rank = np.empty(calls, dtype=np.int64)
    rank[np.argsort(first_arrived, kind="stable")] = np.arange(calls)
    # The form of an Avaya UCID: node, sequence number, UTC seconds. Leading zeros make it text, never a number.
    ids = [
        f"{month.force.node:05d}{number % 100_000:05d}{second:010d}"
        for number, second in zip(rank.tolist(), first_arrived.tolist(), strict=True)
    ]
    places, serial = np.arange(calls), columns["serial"]
    spelled = spell_withheld(spell_numbers(callers, places=places), places=places)
    columns["call_id"] = texts(ids)[serial]
    columns["caller_number"] = spelled[serial]
    columns["operator_id"] = _operators(rng, columns["arrived_at"], force=month.force)
    columns["operator_id"][(columns["disposition"] != "answered") & (columns["talk_seconds"] == 0)] = None
    columns["utc_offset_minutes"] = month.timeline.offset(columns["arrived_at"]) // 60


@cache
def _numbers() -> Array:
    """Return the telephone numbers that Ofcom reserves for drama, in an arbitrary order."""
    numbers = texts([f"{stem}{n:03d}" for stem in DRAMA_STEMS for n in range(1000)])
    return np.random.default_rng(0).permutation(numbers)


def _operators(rng: np.random.Generator, instants: Array, *, force: Force) -> Array:
    """Draw operators on shift, in shifts of eight hours."""
    shift = instants // (8 * 3600)
    number = (shift * 37 + rng.integers(0, force.on_shift, len(instants))) % force.operators
    return texts([f"OP-{force.first_operator + n}" for n in range(force.operators)])[number]
