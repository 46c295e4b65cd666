"""Choose the main points of a paper: what changed in its month, by the rules of `rules.csv`, and said once.

A rule that fires is an event: its score is that of the rule, by the weight of the measure and the size of the change.
A topic has one point: its event with the highest score, and what else moved with it. What earlier papers said is made
again from the data, month after month from the thirteenth on: nothing is stored, and the paper of a month is the same
whenever it is made. Tried on series without a change, 1 paper in 20 says something; a step of three sigma is told
within three papers in 76 of 100, a crisis of four months and its turn in all.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Any, NamedTuple

from dagster_project.publication.report.course import LIMIT, Course, first_capital, more, needed, share
from dagster_project.publication.report.model import MainPoint, months_before
from dagster_project.publication.report.queries import ForceRows

# Points of a paper, words of a point, the score below which nothing is said, and papers of a year that may say a thing.
_MOST_POINTS, _MOST_WORDS, _LEAST_SCORE, _MOST_PAPERS = 5, 65, 45, 4
# The month from which measures have verdicts.
_FIRST_PAPER = 13
# Share of a target within which a month only just meets it.
_NEAR = Decimal("0.05")
_SHARES = {25: "a quarter", 100 / 3: "a third", 40: "two fifths", 50: "half", 60: "three fifths"}
_WORST = ("worst", "worst again")
_EXTREMES = ("volume high", "volume low")
_SIDES_ON_YEAR = (1, -1)
# A growth below, in percent, prints as 0.0%.
_LEAST_GROWTH = 0.05
_NON_EMERGENCY = {"calls": "calls_101.received", "digital": "digital.digital_contacts", "both": "demand.non_emergency"}
Key = tuple[str, str, date | float]
_YEAR_TARGET = {"cannot_be_met": "out of reach", "never_reached": "never reached"}


class Rule(NamedTuple):
    """What may be said of a measure."""

    name: str
    kind: str
    """`bad` and `good` may be said of several measures; `year` follows another rule of its topic; `growth` and
    `growth of the year` score more, the more the month or year to date is off the one before."""
    score: float
    sentence: str


@dataclass
class Event:
    """A rule that fires for a measure in a month."""

    rule: Rule
    course: Course
    occasion: date | float
    """The month, year, peak or share that it is about: it is said once of each."""
    text: str
    score: float
    rank: float
    """Score without the size of the change: the order within a topic."""

    @property
    def key(self) -> Key:
        """Rule, measure and occasion: what is said once."""
        return self.rule.name, self.course.code, self.occasion

    @property
    def value(self) -> float:
        """The value that was told, of sums per day."""
        return self.course.x[self.course.month]


Courses = Mapping[str, Course]
Point = list[Event]


def main_points_by_month(force: ForceRows) -> dict[date, tuple[MainPoint, ...]]:
    """Return the main points of each month of a force that has twelve months before it."""
    rows = {measure: [row for row in judged if _counts(row)] for measure, judged in force.verdicts.items()}
    told: Point = []
    points = {}
    for month in sorted({row["month_start"] for of in rows.values() for row in of})[_FIRST_PAPER - 1 :]:
        courses = {}
        for item in force.headlines:
            changes = [change.first_day for change in force.formulas.get(item.code, ())]
            first = max((day for day in changes if day <= month), default=date.min)
            known = [row for row in rows.get(item.code, ()) if first <= row["month_start"] <= month]
            if known and known[-1]["month_start"] == month:
                courses[item.code] = Course(item, known)
        chosen = main_points(courses, month, told)
        told.extend(chain.from_iterable(chosen))
        points[month] = tuple(
            MainPoint(" ".join(event.text for event in point), point[0].course.code, point[0].course.measure.section)
            for point in chosen
        )
    return points


def _counts(row: Mapping[str, Any]) -> bool:
    return row["value"] is not None and not row["is_provisional"] and not row["is_affected_by_quarantine"]


def main_points(courses: Courses, month: date, told: Sequence[Event]) -> list[Point]:
    """Return at most five points, each a list of events: one a topic, and one for its year where there is room."""
    said, order, year = {event.key for event in told}, list(courses), months_before(month, 11)
    events = [event for event in _events(courses, told) if event.text and event.key not in said]
    events.sort(key=lambda event: -event.score)
    points: list[Point] = []
    later: list[Point] = []
    used: set[str] = set()
    spoken: set[str] = set()

    def is_rare(name: str) -> bool:
        papers = {event.course.month for event in told if event.rule.name == name}
        return sum(paper >= year for paper in papers) < _MOST_PAPERS

    def has_room(point: Point, event: Event) -> bool:
        return sum(len(item.text.split()) for item in (*point, event)) <= _MOST_WORDS

    for topic in dict.fromkeys(event.course.topic for event in events):
        mine = [
            event
            for event in events
            if event.course.topic == topic
            and event.course.code not in spoken
            and (event.rule.name not in used or event.rule.kind in ("bad", "good"))
        ]
        mine.sort(key=lambda event: (-event.rank, order.index(event.course.code)))
        if not mine or mine[0].score < _LEAST_SCORE or len(points) == _MOST_POINTS:
            continue
        lead, point = mine[0], [mine[0]]
        for beside in _beside(courses, lead, mine, said):
            if beside and has_room(point, beside) and is_rare(beside.rule.name):
                point.append(beside)
                spoken |= {beside.course.code} if beside.rule.name == "context" else set()
        second = [
            event
            for event in mine[1:]
            if event.rule.kind == "year"
            and event.rule.name not in used
            and (event.course is lead.course or event.rule.name in _YEAR_TARGET.values())
        ][:1]
        used |= {event.rule.name for event in (*point, *second)}
        if second and not has_room(point, second[0]):
            later.append(second)
        else:
            point += second
        points.append(point)
    points += later[: _MOST_POINTS - len(points)]
    if is_rare("position"):
        points += _positions(courses, {point[0].course.topic for point in points})[: _MOST_POINTS - len(points)]
    points.sort(key=lambda point: -point[0].score)
    _say_beginning_once(chain.from_iterable(points))
    return points


def _beside(courses: Courses, lead: Event, mine: Sequence[Event], said: set[Key]) -> Iterator[Event | None]:
    """Yield what follows a bad or good event: a target or another measure of its topic, then the demand behind it."""
    if lead.rule.kind in ("bad", "good"):
        near = (event for event in mine if event.rule.name in ("near", "target") and event.course is not lead.course)
        yield next(near, None) or _also(courses, lead)
    volume = courses.get(lead.course.measure.volume)
    if volume and lead.rule.kind == "bad" and abs(volume.growth) >= 5:
        context = _event(volume, "context", side="down" if volume.growth < 0 else "up")
        yield context if lead.course.row["is_step"] or ("context", volume.code, volume.before) not in said else None


def _also(courses: Courses, lead: Event) -> Event | None:
    """Return what another measure of the topic did that moved the same way by more than its usual step."""
    is_bad = lead.rule.kind == "bad"
    for course in courses.values():
        side = course.worse if is_bad else -course.worse
        if course.topic != lead.course.topic or course is lead.course:
            continue
        if not (side and course.has(course.before) and course.usual_step):
            continue
        if course.change(course.before) * side <= course.usual_step:
            continue
        # Of the printed figures, as a reader computes it; a month with more days may be above one that has more a day.
        move = course.printed(course.month) / course.printed(course.before) - 1 if course.printed(course.before) else 0
        if move * course.change(course.before) < 0:
            continue
        year = f"; in {course.name(course.year_before)} it was " if course.has(course.year_before) else ""
        if course.is_record(side):
            rule = "also worst" if is_bad else "also best"
        else:
            rule = "also moved" if abs(move) > 1 / 3 else "also"
        return _event(
            course,
            rule,
            year_too=f"{year}{course.text(course.year_before)}" if year else "",
            moved="rose" if move > 0 else "fell",
            share="half" if abs(move) > 1 / 2 else "a third",
        )
    return None


def _positions(courses: Courses, topics: set[str]) -> list[Point]:
    """Return a main measure of each topic without a point, if it is clearly off the year before, furthest first."""
    steps: dict[Course, float] = {}
    for course in courses.values():
        if course.measure.weight == 1 and course.usual_step and course.has(course.year_before):
            steps[course] = abs(course.change(course.year_before)) / course.usual_step
    clear = [course for course in steps if steps[course] > 2 and course.topic not in topics]
    clear.sort(key=lambda course: steps[course])
    furthest = {course.topic: course for course in clear}
    events = [_event(course, "position") for course in reversed(furthest.values())]
    return [[event] for event in events if event.text]


def _say_beginning_once(events: Iterator[Event]) -> None:
    """Say once on a page when figures began; later sentences have `on record`."""
    is_said = False
    for event in events:
        words = f" since figures began in {event.course.slots['first']}"
        if words in event.text:
            event.text = event.text.replace(words, " on record") if is_said else event.text
            is_said = True


def _event(
    course: Course, rule: str, occasion: date | float | None = None, size: float = 1, /, **slots: object
) -> Event:
    """Return an event; its text is empty if a change that it quotes prints the same, or is the other way per day."""
    of = _rules()[rule]
    words = course.slots | slots
    is_empty = any(not words.get(name, "-") and f"{{{name}}}" in of.sentence for name in ("on_before", "on_year"))
    text = "" if is_empty else first_capital(of.sentence.format_map(words))
    growth = {"growth": course.growth, "growth of the year": course.year_growth}.get(of.kind, 0)
    rank = (of.score + min(abs(growth), 30) / 2) * course.measure.weight
    return Event(of, course, course.month if occasion is None else occasion, text, rank * size, rank)


def _events(courses: Courses, told: Sequence[Event]) -> Iterator[Event]:
    """Yield all that the month could say; the month after a gap is told by the table alone."""
    # What was told of a measure without a figure for this month is not compared with it.
    told = [event for event in told if event.course.code in courses]
    for course in (course for course in courses.values() if course.has(course.before)):
        if course.worse and course.usual_step and course.row["usual"] is not None:
            yield from _of_verdict(course, told)
        if course.target is not None:
            yield from _of_target(course, told)
        if course.has(course.year_before):
            yield from _of_year(course)
            yield from _of_volume(course, told) if course.is_sum and course.x[course.year_before] else _of_share(course)
        *run, before = (_side_on_year(course, number) for number in range(8))
        is_run = len(set(run)) == 1 and run[0] in _SIDES_ON_YEAR and before != run[0]
        if is_run and course.measure.weight >= 0.8 and abs(course.change(course.year_before)) > course.usual_step / 2:
            # Nothing is known of the month before the run if it, or the same month a year before it, does not count.
            yield _event(course, "seven", nth="at least the seventh" if before is None else "the seventh")
    yield from _mix(courses, told)


def _side_on_year(course: Course, number: int) -> int | None:
    """Return whether the month a number of months ago was above (1) or below (-1) the same month a year before it.

    Returns:
        0 if it is neither: both print the same, or the sum per day is on the other side; None without one of them.
    """
    year_before, month = months_before(course.month, number + 12), months_before(course.month, number)
    if not course.has(year_before, month):
        return None
    printed, change = course.printed(month) - course.printed(year_before), course.change(year_before, month)
    return (printed > 0) - (printed < 0) if printed * change > 0 else 0


def _last(told: Sequence[Event], course: Course, *rules: str) -> Event | None:
    """Return the newest event of a measure by one of these rules."""
    return next(
        (event for event in reversed(told) if event.course.code == course.code and event.rule.name in rules), None
    )


def _lately(told: Sequence[Event], course: Course, months: int, *rules: str) -> bool:
    last = _last(told, course, *rules)
    return last is not None and last.course.month >= months_before(course.month, months)


def _of_verdict(course: Course, told: Sequence[Event]) -> Iterator[Event]:
    """Yield what the verdict of the month says: the worst, a turn after a peak, the best, or a step."""
    worse, usual, month, before, row = course.worse, course.usual_step, course.month, course.before, course.row
    step = course.change(before) / usual * worse
    far = (float(row["value"]) - float(row["usual"])) / float(row["usual_step"])
    size = min(2, 1 + max(0, max(abs(far), abs(step)) - LIMIT) / 20)
    is_step_worse, is_step_better = row["is_step"] and step > 0, row["is_step"] and step < 0
    old = _last(told, course, *_WORST)
    is_further = (
        old is None
        or is_step_worse
        or not _lately(told, course, 11, *_WORST)
        or worse * (course.x[month] - old.value) > (1 if old.course.month == before else LIMIT) * usual
    )
    if row["verdict"] == "worse" and course.is_record(worse) and is_further:
        of_topic = [event for event in told if event.course.topic == course.topic and event.rule.name in _WORST]
        is_again = old and course.has(course.year_before) and any(event.course.month == before for event in of_topic)
        yield _event(course, "worst again" if is_again else "worst", None, size)
    elif is_step_worse:
        yield _event(course, "step worse", None, size)
    turn = _peak(course, told)
    if turn:
        yield from _turn(course, told, *turn, size)
    if row["verdict"] == "better" and course.is_record(-worse):
        old = _last(told, course, "best")
        if old is None or not _lately(told, course, 12, "best") or worse * (old.value - course.x[month]) > usual:
            low = f": {course.changed(turn[1], month)} from {_place(course, turn[1])}" if turn else ""
            on = course.slots.get("on_year", "")
            too = f"{' and' if low else ','} {on} on {course.slots['year_month']}" if on else ""
            yield _event(course, "best", None, size, from_low=low, on_year_too=too)
    elif is_step_better and not turn:
        yield _event(course, "step better", None, size)


def _peak(course: Course, told: Sequence[Event]) -> tuple[date, date] | None:
    """Return where a rise began and its peak, the worst of the last six months, if a paper told of the rise."""
    recent = [item for item in course.rows if months_before(course.month, 6) <= item < course.month]
    peak = max(recent, key=lambda item: course.worse * course.x[item])
    base = peak
    while course.has(before := months_before(base, 1)) and course.worse * course.change(before, base) > 0:
        base = before
    is_told = any(
        event.course.code == course.code
        and event.rule.name in (*_WORST, "step worse")
        and base <= event.course.month <= peak
        for event in told
    )
    is_high = course.worse * course.change(base, peak) > LIMIT * course.usual_step
    return (base, peak) if is_high and is_told else None


def _turn(course: Course, told: Sequence[Event], base: date, peak: date, size: float) -> Iterator[Event]:
    """Yield how much of a rise is reversed; once each for a topic and peak."""
    reversed_ = course.change(course.month, peak) / course.change(base, peak)
    said = {event.rule.name for event in told if event.occasion == peak and event.course.topic == course.topic}
    texts = {"base": course.text(base), "base_month": course.name(base)}
    if reversed_ >= 1 and course.text(course.month) != course.text(base) and "turn all" not in said:
        slots = {"peak": course.text(peak), "peak_month": course.name(peak)}
        yield _event(course, "turn all", peak, size, **texts, **slots)
    elif 0.3 <= reversed_ < 1 and texts["base"] != course.text(peak) and not said & {"turn all", "turn part"}:
        part = part_of_rise(*map(course.printed, (base, peak, course.month)))
        place = _place(course, peak)
        since = f"from {place}" if peak == course.before else f"on {course.name(course.before)}, after {place}"
        yield _event(course, "turn part", peak, size, part=part, from_peak=since, **texts)


def part_of_rise(base: float, peak: float, now: float) -> str:
    """Return how much of a rise from a base to a peak is reversed, of the printed figures: `44%`, below it all 99%."""
    return f"{min(99, int((peak - now) / (peak - base) * 100 + 0.5))}%"


def _place(course: Course, peak: date) -> str:
    return f"the {course.slots['peak_word']} of {course.text(peak)} in {course.name(peak)}"


def _of_target(course: Course, told: Sequence[Event]) -> Iterator[Event]:
    """Yield what the month and the year say of a target."""
    row, month, state = course.row, course.month, course.row["rest_of_year_state"] or ""
    met = {item: of["is_target_met"] for item, of in course.rows.items() if of["is_target_met"] is not None}
    is_met = met.get(month)
    if is_met is not None and course.before in met:
        start = month
        while met.get(start := months_before(start, 1)) == met[course.before]:
            pass
        run = sum(start < item < month for item in met)
        is_near = abs(row["value"] - course.target) / course.target < _NEAR
        if is_met != met[course.before] and run >= 3:
            at_least = "" if start in met else "at least "
            yield _event(course, "target", met="met" if is_met else "missed", run=f"{at_least}{run + 1}")
        elif is_met and is_near and not _lately(told, course, 11, "near"):
            record = f" and {course.since(course.worse)}" if course.is_record(course.worse) else ""
            yield _event(course, "near", and_record=record)
    said = {event.key for event in told}
    is_spoken = any((rule, course.code, course.year_start) in said for rule in _YEAR_TARGET.values())
    if is_met is False and month.month != 3 and not is_spoken and not _lately(told, course, 11, "miss"):
        best = course.text(max(met, key=lambda item: -course.worse * course.x[item]))
        missed = [*met.values()].count(False)
        yield _event(course, "miss", missed=missed if missed < len(met) else "each", months=len(met), best=best)
    if not course.year_to_date:
        return
    if state == "cannot_be_met" or (state == "never_reached" and month.month > 5):
        need = needed(row, course.measure)
        yield _event(course, _YEAR_TARGET[state], course.year_start, need=need)
    if state in ("met", "missed"):
        yield _event(course, "year end", met=state)


def _of_year(course: Course) -> Iterator[Event]:
    """Yield how the year to date stands against last year's, of measures with a better direction."""
    now, then, usual, month = course.year_to_date, course.last_year_to_date, course.usual_step, course.month
    if not (course.worse and usual and now and then) or month == course.year_start:
        return
    difference, on_year = now.value - then.value, course.change(course.year_before)
    if abs(difference) <= usual or course.show(now.value) == course.show(then.value):
        return
    if difference * on_year < 0 and abs(on_year) > usual:
        yield _event(course, "contrast", course.year_start)
    if month.month in (9, 3):
        yield _event(course, "half-year")
    whole = course.pooled(months_before(course.year_start, 12), months_before(course.year_start, 1))
    year_end = course.row["year_like_month"]
    if month.month == 1 and whole and year_end is not None and course.target is None:
        yield _event(course, "outlook", year_end=course.show(year_end), last_year=course.show(whole.value))


def _of_share(course: Course) -> Iterator[Event]:
    """Yield that a share without a better direction exceeds a quarter, a third, ... for the first time."""
    if course.worse or course.is_sum or not course.usual_step:
        return
    *before, now = map(course.printed, course.rows)
    for limit, words in _SHARES.items():
        if now > limit >= max(before):
            yield _event(course, "crossing", limit, share=words)


def _of_volume(course: Course, told: Sequence[Event]) -> Iterator[Event]:
    """Yield what a sum says: a record, another course than a year before, or another year to date."""
    growth, year_growth = course.growth, course.year_growth
    side = 1 if growth > 0 else -1
    is_extreme = course.row["record_side"] == side and course.row["record_since"] is None
    extreme = _EXTREMES[is_extreme and side == -1]
    old = _last(told, course, extreme)
    is_further = old is None or side * (course.x[course.month] / old.value - 1) > 0.25
    if is_extreme and (is_further or not _lately(told, course, 11, extreme)):
        yield _event(course, extreme)
    elif abs(growth) >= 10 and not _lately(told, course, 12, "volume year", "volume turn", *_EXTREMES):
        yield _event(course, "volume year")
    was = {_side_on_year(course, number) for number in range(1, 7)}
    if was == {-1 if growth > 0 else 1} and abs(growth) >= 2:
        yield _event(course, "volume turn", was="decreases" if growth > 0 else "increases")
    if abs(year_growth) >= 5 and abs(growth) >= 2 and year_growth * growth < 0:
        yield _event(course, "volume contrast", course.year_start)
    if abs(year_growth) >= 2 and course.month.month in (9, 3):
        yield _event(course, "volume half-year")


def _mix(courses: Courses, told: Sequence[Event]) -> Iterator[Event]:
    """Yield that calls to 101 and digital contacts move apart, at most every fourth month."""
    found = {name: courses[code] for name, code in _NON_EMERGENCY.items() if code in courses}
    if len(found) < len(_NON_EMERGENCY) or not all(item.has(item.year_before) for item in found.values()):
        return
    growths = {
        name: (float(item.row["value"]) / float(item.rows[item.year_before]["value"]) - 1) * 100
        for name, item in found.items()
    }
    calls, digital, _ = growths.values()
    if calls * digital < 0 and min(abs(calls), abs(digital)) >= 5 and not _lately(told, found["both"], 3, "mix"):
        words = {f"{name}_growth": f"{share(growth)} {more(growth)}" for name, growth in growths.items()}
        if abs(growths["both"]) < _LEAST_GROWTH:
            words["both_growth"] = f"about as many as in {found['both'].slots['year_month']}"
        texts = {name: item.text(item.month) for name, item in found.items()}
        yield _event(found["both"], "mix", where="online" if digital > 0 else "to the telephone", **texts, **words)


@cache
def _rules() -> dict[str, Rule]:
    text = files(__package__).joinpath("rules.csv").read_text(encoding="utf-8")
    rules = csv.DictReader(text.splitlines())
    return {row["rule"]: Rule(row["rule"], row["kind"], float(row["score"]), row["sentence"]) for row in rules}
