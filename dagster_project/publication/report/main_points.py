"""Write the main points of a paper: at most five sentences on its headline measures, by rules, worst first."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from dagster_project.publication.report.definitions import has_other_formula
from dagster_project.publication.report.headlines import (
    UP,
    Reading,
    Standing,
    change,
    change_per_day,
    target_words,
    usual_words,
)
from dagster_project.publication.report.model import listed, long_month

MOST_POINTS = 5
"""Number of main points; more are not read."""

# Number of measures that a caveat names.
_MOST_NAMED = 3


def main_points(standings: Sequence[Standing], caveat: str = "") -> tuple[str, ...]:
    """Return at most five sentences, worst first; each measure is named once.

    The order of the rules: target missed (by the share of the target it is missed by), worse than usual (by the
    distance from the usual value, in usual steps), largest change from last year, largest change from the month before
    (both relative to the earlier figure, of sums per day), caveat on the data. The caveat is never crowded out. Of
    equal candidates, the first in the order of the paper counts.

    Args:
        standings: headline measures, in the order of the paper.
        caveat: a sentence on the data; empty if there is none.
    """
    sentences: dict[str, str] = {}
    missed = [item for item in standings if item.is_missed]
    for item in sorted(missed, key=_shortfall, reverse=True):
        sentences[item.measure.code] = _missed(item)
    worse = [item for item in standings if item.now and item.verdict == "worse"]
    for item in sorted(worse, key=_distance, reverse=True):
        sentences.setdefault(item.measure.code, _worse(item))
    for name, phrase in (("year_before", "last year"), ("month_before", "the month before")):
        rest = [item for item in standings if item.measure.code not in sentences]
        changed = [(size, item) for item in rest if (size := _relative(item, getattr(item, name)))]
        if changed:
            size, item = max(changed, key=lambda pair: pair[0])
            is_largest = all(_relative(other, getattr(other, name)) <= size for other in standings)
            largest = f"{'' if is_largest else 'next '}largest change from {phrase}"
            sentences[item.measure.code] = _changed(item, getattr(item, name), largest)
    return (*list(sentences.values())[: MOST_POINTS - bool(caveat)], *([caveat] if caveat else []))


def caveat(standings: Sequence[Standing], months: Sequence[date], missing: Sequence[str] = ()) -> str:
    """Return the most important limit of the headline figures, in a sentence or two; empty if there is none.

    Args:
        standings: headline measures, in the order of the paper.
        months: the months of the paper, oldest first.
        missing: sources that delivered nothing for the last month.
    """
    limit = _limit(standings, months)
    if not missing:
        return limit
    words = listed([source.replace("_", " ") for source in missing])
    return f"Nothing was delivered for {long_month(months[-1])} from: {words}.{f' {limit}' if limit else ''}"


def _limit(standings: Sequence[Standing], months: Sequence[date]) -> str:
    affected = [item.measure.short_label for item in standings if item.figure.value is not None and item.remark]
    if len(affected) > _MOST_NAMED:
        return f"Data behind {len(affected)} of the {len(standings)} headline figures are missing or could not be used."
    if affected:
        return f"Data behind these figures are missing or could not be used: {_inside(listed(affected))}."
    for item in standings:
        shown = [day for day in item.formula_changes if months and months[0] < day <= months[-1]]
        if shown:
            return (
                f"{item.measure.short_label} has used a different formula since {long_month(shown[-1])}; figures "
                "before and after cannot be compared."
            )
    return ""


def _missed(item: Standing) -> str:
    also = f". The month is also worse than {usual_words(item)}" if item.verdict == "worse" else ""
    return f"{item.measure.short_label} stood at {_text(item)}{_from(item)}, and missed the {target_words(item)}{also}."


def _worse(item: Standing) -> str:
    words = f"{item.measure.short_label} stood at {_text(item)}{_from(item)}"
    return f"{words}, which is worse than {usual_words(item)}."


def _from(item: Standing) -> str:
    now, before = item.now, item.month_before
    if not now or not before or has_other_formula(before.month, now.month, item.formula_changes):
        return ""
    if now.text == before.text:
        return f", as in {long_month(before.month)}"
    return f", {'up' if now.value > before.value else 'down'} from {before.text} in {long_month(before.month)}"


def _changed(item: Standing, before: Reading, largest: str) -> str:
    difference = change(item.now, before, item.measure, item.formula_changes)
    verdict = f"; the month is better than {usual_words(item)}" if item.verdict == "better" else ""
    verb = "rose" if difference.arrow == UP else "fell"
    size = difference.text.partition(" ")[2]
    return (
        f"{item.measure.short_label} {verb} by {size}, from {before.text} in {long_month(before.month)} to "
        f"{_text(item)}, the {largest}{verdict}."
    )


def _text(item: Standing) -> str:
    return f"{item.figure.text} in {long_month(item.month)}"


def _shortfall(item: Standing) -> Decimal:
    if item.now is None or not item.target:
        return Decimal(0)
    return abs(item.now.value - item.target) / abs(item.target)


def _distance(item: Standing) -> Decimal:
    if item.now is None or item.usual is None or not item.usual_step:
        return Decimal(0)
    return abs(item.now.value - item.usual) / item.usual_step


def _relative(item: Standing, before: Reading | None) -> Decimal:
    """Return the size of a change relative to the earlier figure; 0 if the two cannot be compared or print the same."""
    now = item.now
    if (
        not now
        or not before
        or now.text == before.text
        or has_other_formula(before.month, now.month, item.formula_changes)
    ):
        return Decimal(0)
    old, difference = before.value, now.value - before.value
    if now.per_day is not None and before.per_day:
        by_day = change_per_day(now, before)
        # A change of the total that only comes from the length of the months is none.
        if not by_day or (by_day > 0) != (difference > 0):
            return Decimal(0)
        old, difference = before.per_day, now.per_day - before.per_day
    return abs(difference) / abs(old) if old else Decimal(0)


def _inside(text: str) -> str:
    """Return a label for the middle of a sentence."""
    return text[:1].lower() + text[1:]
