"""Choose the main points of a paper: what changed in its month, by the rules of `rules.csv`, and said once.

A rule that fires is an event: its score is that of the rule, by the weight of the measure and the size of the change.
A topic has one point: its event with the highest score, and what else moved with it. What earlier papers said is made
again from the data, month after month from the thirteenth on: nothing is stored, and the paper of a month is the same
whenever it is made. Tried on series without a change, 1 paper in 20 says something; a step of three sigma is told
within three papers in 76 of 100, a crisis of four months and its turn in all.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from dagster_project.publication.report.course import LIMIT, Course, first_capital, needed, share
from dagster_project.publication.report.definitions import FormulaChange
from dagster_project.publication.report.model import MainPoint, months_before
from dagster_project.publication.report.queries import ForceRows

# Points of a paper, words of a point, the score below which nothing is said, and papers of a year that may say a thing.
_MOST_POINTS, _MOST_WORDS, _LEAST_SCORE, _MOST_PAPERS = 5, 65, 45, 4
# The month from which measures have verdicts.
_FIRST_PAPER = 13
# Share of a target within which a month only just meets it.
_NEAR = Decimal("0.05")
_SHARES = {25: "a quarter", 100 / 3: "a third", 40: "two fifths", 50: "half", 60: "three fifths"}
_REVERSED = {0.42: "about a third", 0.58: "about half", 0.72: "about two thirds", 1: "most"}
_NON_EMERGENCY = ("calls_101.received", "digital.digital_contacts", "demand.non_emergency")


class Rule(NamedTuple):
    """What may be said of a measure."""

    kind: str
    """`bad` and `good` may be said of several measures; `year` follows another rule of its topic."""
    score: float
    sentence: str


@dataclass
class Event:
    """A rule that fires for a measure."""

    rule: str
    course: Course
    occasion: date | float | None
    """The month, year, peak or share that it is about: it is said once of each."""
    text: str
    score: float = 0
    rank: float = 0
    """Score without the size of the change: the order within a topic."""

    @property
    def topic(self) -> str:
        """The topic of its measure."""
        return self.course.measure.topic

    @property
    def code(self) -> str:
        """Its measure."""
        return self.course.measure.code

    @property
    def key(self) -> tuple[str, str, date | float | None]:
        """What is said once."""
        return self.rule, self.code, self.occasion


@dataclass
class Told:
    """What the papers before said."""

    values: dict[tuple[str, str, date | float | None], tuple[date, float]] = field(default_factory=dict)
    """The month and the value that it had, of sums per day, by what was said."""

    def of(self, code: str, *rules: str) -> list[tuple[date, float]]:
        """Return when rules were told of a measure, and its values, oldest first."""
        return sorted(told for (rule, of, _), told in self.values.items() if of == code and rule in rules)

    def lately(self, course: Course, months: int, *rules: str) -> bool:
        """Return whether a paper of the last months told rules of a measure."""
        first = months_before(course.month, months)
        return any(when >= first for when, _ in self.of(course.measure.code, *rules))

    def papers(self, rule: str, since: date) -> int:
        """Return in how many papers since a month a rule was told."""
        return len({month for (name, _, _), (month, _) in self.values.items() if name == rule and month >= since})


Courses = Mapping[str, Course]


def main_points_by_month(force: ForceRows) -> dict[date, tuple[MainPoint, ...]]:
    """Return the main points of each month of a force that has twelve months before it."""
    rows = {
        measure: [
            row
            for row in judged
            if row["value"] is not None and not row["is_provisional"] and not row["is_affected_by_quarantine"]
        ]
        for measure, judged in force.verdicts.items()
    }
    told, points = Told(), {}
    for month in sorted({row["month_start"] for of in rows.values() for row in of})[_FIRST_PAPER - 1 :]:
        courses = {
            item.code: Course(item, known)
            for item in force.headlines
            if (known := _known(rows.get(item.code, ()), month, force.formulas.get(item.code, ())))
        }
        chosen = main_points(courses, month, told)
        for event in (event for point in chosen for event in point):
            told.values[event.key] = (month, event.course.x[month])
        points[month] = tuple(
            MainPoint(" ".join(event.text for event in point), point[0].code, point[0].course.measure.section)
            for point in chosen
        )
    return points


def _known(
    rows: Sequence[Mapping[str, Any]], month: date, formulas: Sequence[FormulaChange]
) -> list[Mapping[str, Any]]:
    """Return the rows up to a month that can be compared with it; none if the month itself does not count."""
    first = max((item.first_day for item in formulas if item.first_day <= month), default=date.min)
    known = [row for row in rows if first <= row["month_start"] <= month]
    return known if known and known[-1]["month_start"] == month else []


def main_points(courses: Courses, month: date, told: Told) -> list[list[Event]]:
    """Return at most five points, each a list of events: one a topic, and one for its year where there is room."""
    rules, order = _rules(), list(courses)
    events = [event for event in _events(courses, month, told) if event.key not in told.values]
    events.sort(key=lambda event: -event.score)
    points: list[list[Event]] = []
    later: list[list[Event]] = []
    used: set[str] = set()
    spoken: set[str] = set()
    year = months_before(month, 11)
    for topic in dict.fromkeys(event.topic for event in events):
        mine = [
            event
            for event in events
            if event.topic == topic
            and event.code not in spoken
            and (event.rule not in used or rules[event.rule].kind in ("bad", "good"))
        ]
        mine.sort(key=lambda event: (-event.rank, order.index(event.code)))
        if not mine or mine[0].score < _LEAST_SCORE or len(points) == _MOST_POINTS:
            continue
        lead, point = mine[0], [mine[0]]
        if rules[lead.rule].kind in ("bad", "good"):
            near = next((event for event in mine if event.rule in ("near", "target") and event.code != lead.code), None)
            also = near or _also(courses, lead)
            if also and _has_room(point, also) and told.papers(also.rule, year) < _MOST_PAPERS:
                point.append(also)
        context = _context(courses, lead) if rules[lead.rule].kind == "bad" else None
        is_new = not context or (
            (*context.key[:2], lead.course.before) not in told.values or lead.course.row["is_step"]
        )
        if context and is_new and _has_room(point, context) and told.papers("context", year) < _MOST_PAPERS:
            point.append(context)
            spoken.add(lead.course.measure.volume)
        second = [
            event
            for event in mine[1:]
            if rules[event.rule].kind == "year"
            and event.rule not in used
            and (event.code == lead.code or event.rule in ("out of reach", "never reached"))
        ][:1]
        if second and _has_room(point, second[0]):
            point.append(second[0])
        elif second:
            later.append(second)
        used |= {event.rule for event in (*point, *second)}
        points.append(point)
    points += later[: _MOST_POINTS - len(points)]
    if told.papers("position", year) < _MOST_PAPERS:
        points += _positions(courses, {point[0].topic for point in points})[: _MOST_POINTS - len(points)]
    points.sort(key=lambda point: -point[0].score)
    _say_beginning_once(points)
    return points


def _has_room(point: Sequence[Event], event: Event) -> bool:
    return sum(len(item.text.split()) for item in (*point, event)) <= _MOST_WORDS


def _positions(courses: Courses, topics: set[str]) -> list[list[Event]]:
    """Return a main measure of each topic without a point, if it is clearly off the year before, furthest first."""
    clear = {}
    for course in courses.values():
        if course.measure.weight == 1 and course.usual_step and course.has(course.year_before):
            steps = abs(course.change(course.year_before, course.month)) / course.usual_step
            if steps > 2 and course.measure.topic not in topics:
                clear[steps] = course
    furthest = {course.measure.topic: course for _, course in sorted(clear.items())}
    return [[_event(course, "position", course.month)] for course in reversed(furthest.values())]


def _say_beginning_once(points: Sequence[Sequence[Event]]) -> None:
    """Say once on a page when figures began; later sentences have `on record`."""
    is_said = False
    for event in (event for point in points for event in point):
        words = f" since figures began in {event.course.slots['first']}"
        if words in event.text:
            event.text = event.text.replace(words, " on record") if is_said else event.text
            is_said = True


def _also(courses: Courses, lead: Event) -> Event | None:
    """Return what another measure of the topic did that moved the same way by more than its usual step."""
    is_bad = _rules()[lead.rule].kind == "bad"
    for course in courses.values():
        side = course.worse if is_bad else -course.worse
        month, before = course.month, course.before
        if course.measure.topic != lead.topic or course.measure.code == lead.code:
            continue
        if not side or not course.has(before) or not course.usual_step:
            continue
        if course.change(before, month) / course.usual_step * side <= 1:
            continue
        move = course.x[month] / course.x[before] - 1 if course.x[before] else 0
        year = f"; in {course.name(course.year_before)} it was " if course.has(course.year_before) else ""
        slots = {
            "year_too": f"{year}{course.text(course.year_before)}" if year else "",
            "moved": "rose" if move > 0 else "fell",
            "share": "half" if abs(move) > 1 / 2 else "a third",
        }
        if course.is_record(side):
            rule = "also worst" if is_bad else "also best"
        else:
            rule = "also moved" if abs(move) > 1 / 3 else "also"
        return _event(course, rule, month, **slots)
    return None


def _context(courses: Courses, lead: Event) -> Event | None:
    """Return the demand behind a bad month, if it is 5 % off the same month a year before."""
    course = courses.get(lead.course.measure.volume)
    if not course or not course.has(course.year_before) or abs(growth := course.growth()) < 5:
        return None
    slots = {
        "more_first": first_capital(_more(growth)),
        "side": "down" if growth < 0 else "up",
        "growth": share(growth),
    }
    return _event(course, "context", course.month, **slots)


def _event(
    course: Course, rule: str, occasion: date | float | None, size: float = 1, extra: float = 0, /, **slots: str
) -> Event:
    _, score, sentence = _rules()[rule]
    words = course.slots | slots
    if rule in ("worst", "worst again", "best", "turn all"):
        words["state"] = words["state_in_words"]
    # An empty change prints the same, or is the other way per day: then there is nothing to say.
    is_empty = any(not words.get(name, "-") and f"{{{name}}}" in sentence for name in ("on_before", "on_year"))
    text = "" if is_empty else sentence.format(**words)
    rank = (score + extra) * course.measure.weight
    return Event(rule, course, occasion, text, rank * size, rank)


def _events(courses: Courses, month: date, told: Told) -> Iterator[Event]:
    """Yield all that the month could say."""
    for course in courses.values():
        # The month after a gap is told by the table alone.
        if not course.has(course.before):
            continue
        found = [*_judged(course, courses, told), *_of_target(course, told), *_of_year(course), *_of_share(course)]
        found += [*_of_volume(course, told), *_seventh(course)]
        yield from (event for event in found if event.text)
    yield from _mix(courses, month, told)


def _judged(course: Course, courses: Courses, told: Told) -> Iterator[Event]:
    """Yield what the verdict of the month says: the worst, a turn after a peak, the best, or a step."""
    worse, usual, month, before = course.worse, course.usual_step, course.month, course.before
    if not worse or not usual or course.row["usual"] is None:
        return
    code, row = course.measure.code, course.row
    step = course.change(before, month) / usual * worse
    far = (float(row["value"]) - float(row["usual"])) / float(row["usual_step"])
    size = min(2, 1 + max(0, max(abs(far), abs(step)) - LIMIT) / 20)
    is_worst, is_best = (row["verdict"] == verdict for verdict in ("worse", "better"))
    old = max(told.of(code, "worst", "worst again"), default=None)
    is_further = old is None or (
        old[0] < months_before(month, 11)
        or worse * (course.x[month] - old[1]) > (1 if old[0] == before else LIMIT) * usual
        or (row["is_step"] and step > 0)
    )
    if is_worst and course.is_record(worse) and is_further:
        of_topic = [item for item in courses if courses[item].measure.topic == course.measure.topic]
        is_again = old is not None and course.has(course.year_before)
        is_again = is_again and any(
            when == before for item in of_topic for when, _ in told.of(item, "worst", "worst again")
        )
        yield _event(course, "worst again" if is_again else "worst", month, size)
    elif row["is_step"] and step > 0:
        yield _event(course, "step worse", month, size)
    turn = _peak(course, told)
    if turn:
        yield from _turn(course, courses, told, turn, size)
    if is_best and course.is_record(-worse):
        old = max(told.of(code, "best"), default=None)
        if old is None or old[0] < course.year_before or worse * (old[1] - course.x[month]) > usual:
            peak = course.slots["peak_word"]
            low = f": {course.changed(turn[1], month)} from the {peak} of {course.text(turn[1])}" if turn else ""
            low += f" in {course.name(turn[1])}" if turn else ""
            on = course.slots.get("on_year", "")
            too = f"{' and' if low else ','} {on} on {course.slots['year_month']}" if on else ""
            yield _event(course, "best", month, size, from_low=low, on_year_too=too)
    elif row["is_step"] and step < 0 and not turn:
        yield _event(course, "step better", month, size)


def _peak(course: Course, told: Told) -> tuple[date, date] | None:
    """Return where a rise began and its peak, the worst of the last six months, if a paper told of the rise."""
    recent = [item for item in course.months if months_before(course.month, 6) <= item < course.month]
    peak = max(recent, key=lambda item: course.worse * course.x[item])
    base = peak
    while course.has(months_before(base, 1)) and course.worse * course.change(months_before(base, 1), base) > 0:
        base = months_before(base, 1)
    rises = told.of(course.measure.code, "worst", "worst again", "step worse")
    is_told = any(base <= when <= peak for when, _ in rises)
    is_high = course.worse * course.change(base, peak) > LIMIT * course.usual_step
    return (base, peak) if is_high and is_told else None


def _turn(course: Course, courses: Courses, told: Told, turn: tuple[date, date], size: float) -> Iterator[Event]:
    """Yield how much of a rise is reversed; once each for a topic and peak."""
    month, (base, peak) = course.month, turn
    reversed_ = course.change(month, peak) / course.change(base, peak)
    topic = course.measure.topic
    said = {
        rule
        for rule, code, when in told.values
        if when == peak and code in courses and courses[code].measure.topic == topic
    }
    slots = {
        "base": course.text(base),
        "base_month": course.name(base),
        "peak": course.text(peak),
        "peak_month": course.name(peak),
    }
    if reversed_ >= 1 and course.text(month) != course.text(base) and "turn all" not in said:
        yield _event(course, "turn all", peak, size, **slots)
    elif 0.3 <= reversed_ < 1 and not said & {"turn all", "turn part"}:
        place = f"the {course.slots['peak_word']} of {slots['peak']} in {slots['peak_month']}"
        is_before = peak == course.before
        yield _event(
            course,
            "turn part",
            peak,
            size,
            part=next(words for limit, words in _REVERSED.items() if reversed_ < limit),
            from_peak=f"from {place}" if is_before else f"on {course.name(course.before)}, after {place}",
            **slots,
        )


def _of_target(course: Course, told: Told) -> Iterator[Event]:
    """Yield what the month and the year say of a target."""
    if course.target is None:
        return
    code, row, month = course.measure.code, course.row, course.month
    met = [item["is_target_met"] for item in course.rows.values() if item["is_target_met"] is not None]
    if len(met) > 1:
        before = list(reversed(met[:-1]))
        run = next((number for number, was in enumerate(before) if was != before[0]), len(before))
        if met[-1] != before[0] and run >= 3:
            yield _event(course, "target", month, met="met" if met[-1] else "missed", run=str(run + 1))
        elif (
            met[-1]
            and abs(row["value"] - course.target) / course.target < _NEAR
            and not told.lately(course, 11, "near")
        ):
            record = f" and {course.since(course.worse)}" if course.is_record(course.worse) else ""
            yield _event(course, "near", month, and_record=record)
    states = {"cannot_be_met": "out of reach", "never_reached": "never reached"}
    rule = states.get(row["rest_of_year_state"] or "", "")
    is_spoken = any(
        when == course.year_start for name, of, when in told.values if of == code and name in states.values()
    )
    if met and not met[-1] and month.month != 3 and not is_spoken and not told.lately(course, 11, "miss"):
        best = max(course.x.values(), key=lambda value: -course.worse * value)
        missed = str(met.count(False)) if any(met) else "each"
        yield _event(course, "miss", month, missed=missed, months=str(len(met)), best=course.show(best))
    if rule and (rule == "out of reach" or month.month > 5) and course.year_to_date:
        yield _event(course, rule, course.year_start, need=needed(row, course.measure))
    if row["rest_of_year_state"] in ("met", "missed") and course.year_to_date:
        yield _event(course, "year end", month, met=row["rest_of_year_state"])


def _of_year(course: Course) -> Iterator[Event]:
    """Yield how the year to date stands against last year's, of measures with a better direction."""
    now, then, usual, month = course.year_to_date, course.last_year_to_date, course.usual_step, course.month
    if not (course.worse and usual and now and then and course.has(course.year_before)):
        return
    difference = now.value - then.value
    if abs(difference) <= usual or month == course.year_start:
        return
    on_year = course.change(course.year_before, month)
    if difference * on_year < 0 and abs(on_year) > usual:
        yield _event(course, "contrast", course.year_start)
    if month.month in (9, 3):
        yield _event(course, "half-year", month)
    whole = course.pooled(months_before(course.year_start, 12), months_before(course.year_start, 1))
    rest = course.pooled(months_before(month, 11), months_before(month, 10))
    if month.month == 1 and whole and rest and course.target is None:
        numerator = now.numerator + float(course.row["value"]) / course.scale * rest.denominator
        year_end = numerator / (now.denominator + rest.denominator) * course.scale
        yield _event(course, "outlook", month, year_end=course.show(year_end), last_year=course.show(whole.value))


def _of_share(course: Course) -> Iterator[Event]:
    """Yield that a share without a better direction exceeds a quarter, a third, ... for the first time."""
    if course.worse or course.is_sum or not course.usual_step or not course.has(course.year_before):
        return
    for limit, words in _SHARES.items():
        if course.x[course.month] > limit >= max(course.x[month] for month in course.months[:-1]):
            yield _event(course, "crossing", limit, share=words)


def _of_volume(course: Course, told: Told) -> Iterator[Event]:
    """Yield what a sum says: a record, another course than a year before, or another year to date."""
    month, code, now, then = course.month, course.measure.code, course.year_to_date, course.last_year_to_date
    if not course.is_sum or not course.has(course.year_before) or not course.x[course.year_before]:
        return
    growth = course.growth()
    has_year = now and then and then.value and month != course.year_start
    year_growth = (now.value / then.value - 1) * 100 if has_year and now and then else 0
    slots = {
        "growth": share(growth),
        "more": _more(growth),
        "ytd_growth": f"{share(year_growth)} {'higher' if year_growth > 0 else 'lower'}",
        "ytd_growth_more": f"{share(year_growth)} {_more(year_growth)}",
    }
    is_first = course.row["record_since"] is None
    side = next((side for side in (1, -1) if is_first and course.is_record(side) and growth * side >= 6), 0)
    extremes = ("volume high", "volume low")
    rule = extremes[side == -1]
    old = max(told.of(code, rule), default=None)
    is_further = not old or old[0] < months_before(month, 11) or side * (course.x[month] / old[1] - 1) > 0.25
    if side and is_further:
        yield _event(course, rule, month, 1, min(abs(growth), 30) / 2)
    elif abs(growth) >= 10 and not told.lately(course, 12, "volume year", "volume turn", *extremes):
        yield _event(course, "volume year", month, 1, min(abs(growth), 30) / 2)
    was = [_rises_on_year(course, number) for number in range(1, 7)]
    if None not in was and len(set(was)) == 1 and was[0] != (growth > 0) and abs(growth) >= 2:
        yield _event(course, "volume turn", month, was="increases" if was[0] else "decreases", **slots)
    if abs(year_growth) >= 5 and abs(growth) >= 2 and year_growth * growth < 0:
        yield _event(course, "volume contrast", course.year_start, 1, min(abs(year_growth), 30) / 2, **slots)
    if abs(year_growth) >= 2 and month.month in (9, 3):
        yield _event(course, "volume half-year", month, 1, min(abs(year_growth), 30) / 2, **slots)


def _rises_on_year(course: Course, number: int) -> bool | None:
    """Return whether the month a number of months ago was above the one a year before it; None without one of them."""
    pair = months_before(course.month, number + 12), months_before(course.month, number)
    return course.change(*pair) > 0 if course.has(*pair) else None


def _seventh(course: Course) -> Iterator[Event]:
    """Yield that a month is the seventh in a row on one side of the same month a year before."""
    rises = [_rises_on_year(course, number) for number in range(8)]
    is_run = None not in rises[:7] and len(set(rises[:7])) == 1 and rises[7] != rises[0]
    is_main = course.measure.weight >= 0.8
    if is_run and is_main and abs(course.change(course.year_before, course.month)) > course.usual_step / 2:
        yield _event(course, "seven", course.month)


def _mix(courses: Courses, month: date, told: Told) -> Iterator[Event]:
    """Yield that calls to 101 and digital contacts move apart, at most every fourth month."""
    found = [courses.get(code) for code in _NON_EMERGENCY]
    calls, digital, both = found
    if not (calls and digital and both) or not all(item and item.has(item.year_before) for item in found):
        return
    if told.lately(both, 3, "mix"):
        return
    growths = [
        (float(item.row["value"]) / float(item.rows[item.year_before]["value"]) - 1) * 100
        for item in (calls, digital, both)
    ]
    if growths[0] * growths[1] >= 0 or min(map(abs, growths[:2])) < 5:
        return
    words = [f"{share(growth)} {_more(growth)}" for growth in growths]
    slots = dict(zip(("calls_growth", "digital_growth", "both_growth"), words, strict=True))
    figures = {name: item.text(month) for name, item in (("calls", calls), ("digital", digital), ("both", both))}
    yield _event(both, "mix", month, where="online" if growths[1] > 0 else "to the telephone", **figures, **slots)


def _more(growth: float) -> str:
    return "more" if growth > 0 else "fewer"


@cache
def _rules() -> dict[str, Rule]:
    text = files(__package__).joinpath("rules.csv").read_text(encoding="utf-8")
    return {
        row["rule"]: Rule(row["kind"], float(row["score"]), row["sentence"])
        for row in csv.DictReader(text.splitlines())
    }
