"""Live chat sessions, with the target number, and operators who hold several at once. `defects` adds defects."""

import numpy as np

from dagster_project.sample.deliveries import Deliveries
from dagster_project.sample.draws import choose, lognormal, texts
from dagster_project.sample.forces import Force
from dagster_project.sample.targets import Month
from dagster_project.sample.timeline import NONE, Array, Timeline

_TOPICS: dict[str | None, float] = {
    "general": 38,
    "crime": 27,
    "asb": 14,
    "domestic_abuse": 5,
    "missing_person": 2,
    "other": 10,
    None: 4,
}
# Operators work in shifts of eight hours and hold up to four chats at once.
_MOST_AT_ONCE = 4
_NOT_ACCEPTED = 0.065
_SHIFT = 8 * 3600


def draw_live_chats(rng: np.random.Generator, month: Month) -> Deliveries:
    """Draw the chat sessions of a month in order of their requests, each in the extract of its local day."""
    force, timeline = month.force, month.timeline
    counts = month.targets.of("live_chat", "live_chats")
    requested = month.arrivals(rng, counts=counts, pattern="live_chats")
    first = force.first_id + 410_001 + sum(counts[: month.number])
    count = len(requested)
    wait = 3 + lognormal(rng, count, median=24, sigma=1.0, most=1500).astype(np.int64)
    length = 40 + lognormal(rng, count, median=640, sigma=0.7, most=5400).astype(np.int64)
    patience = 20 + lognormal(rng, count, median=150, sigma=0.8, most=1800).astype(np.int64)
    # Extracts of this source have no offset. The order within a chat of a few minutes is the same for both readings of
    # its hour.
    repeated = timeline.is_repeated_hour(requested)
    wait = np.where(repeated, np.minimum(wait, 60), wait)
    length = np.where(repeated, np.minimum(length, 600), length)
    # No session is open when the sample ends.
    last = timeline.end - 1
    accepted = np.minimum(requested + wait, last)
    accepted[rng.random(count) < _NOT_ACCEPTED] = NONE
    ended = np.minimum(np.where(accepted == NONE, requested + patience, accepted + length), last)
    columns = {
        "chat_id": texts([f"LC{number:07d}" for number in range(first, first + count)]),
        "requested_at": requested,
        "accepted_at": timeline.off_midnight(accepted),
        "ended_at": timeline.off_midnight(ended),
        "operator_id": _assign(accepted, ended, force=force),
        "topic": choose(rng, count, of=tuple(_TOPICS), weights=tuple(_TOPICS.values())),
        "created_incident": (rng.random(count) < 0.11).astype(np.int64) * (accepted != NONE),
    }
    return Deliveries("live_chats", columns=columns, day=timeline.day(requested))


def open_at_midnight(deliveries: Deliveries, *, timeline: Timeline) -> Array:
    """Return the accepted sessions that were still open at the end of their local day, but not on the last day."""
    columns = deliveries.columns
    midnight = timeline.midnight_after(columns["requested_at"])
    open_then = (columns["ended_at"] >= midnight) & (columns["accepted_at"] < midnight - 1)
    return np.flatnonzero(open_then & (columns["accepted_at"] != NONE) & (midnight < timeline.end))


def _assign(accepted: Array, ended: Array, *, force: Force) -> Array:
    """Give each accepted session to the first operator on shift with room for it, else to the least busy one."""
    until: list[list[int]] = [[] for _ in range(force.chat_operators)]
    operators: list[str | None] = [None] * len(accepted)
    for row in np.argsort(accepted, kind="stable").tolist():
        start, end = int(accepted[row]), int(ended[row])
        if start == NONE:
            continue
        first = start // _SHIFT * force.chat_on_shift * 7
        on_shift = [(first + place) % force.chat_operators for place in range(force.chat_on_shift)]
        for operator in on_shift:
            until[operator] = [instant for instant in until[operator] if instant > start]
        free = [operator for operator in on_shift if len(until[operator]) < _MOST_AT_ONCE]
        operator = free[0] if free else min(on_shift, key=lambda candidate: len(until[candidate]))
        until[operator].append(end)
        operators[row] = f"OP-{force.first_operator + operator}"
    return texts(operators)
