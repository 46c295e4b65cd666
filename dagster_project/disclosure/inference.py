"""What a reader can work out of a published group and its exact total. It trusts nothing of how the group was made.

The bounds are those of the linear programme "counts within their ranges that add up to the total". With one equation
its optimum has a closed form: a cell is least when all others are as large as they can be. That this holds for all
tables and two editions together is tested against a solver (`tests/unit/test_disclosure_attack.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dagster_project.disclosure.rules import DisclosureRules


@dataclass(frozen=True)
class Interval:
    """What a reader knows of a count."""

    least: int
    most: int


def intervals(shown: Sequence[int | None], total: int, rules: DisclosureRules) -> list[Interval]:
    """What a reader knows of each cell of a group.

    Args:
        shown: what was published of each cell that the reader thinks possible; None: nothing.
        total: sum of the cells, known exactly.
        rules: known to the reader.

    Returns:
        An interval for each cell, empty (least above most) where the publication contradicts the total. Where nothing
        is shown of the whole group, nothing but the total bounds its cells.
    """
    is_withheld = all(value is None for value in shown)
    ranges = [(0, total) if is_withheld else rules.bounds(value) for value in shown]
    least, most = sum(low for low, _ in ranges), sum(high for _, high in ranges)
    return [Interval(max(low, total - (most - high)), min(high, total - (least - low))) for low, high in ranges]


def findings(counts: Sequence[int], shown: Sequence[int | None], rules: DisclosureRules) -> list[str]:
    """What is wrong with a published group, by its true counts; empty when a reader learns of no small cell.

    Args:
        counts: the true counts, those that are published or not; empty cells may be left out or not.
        shown: what was published of each.
        rules: the rules that the group was published by.

    Returns:
        Faults in words, without a count.
    """
    faults = []
    for count, value in zip(counts, shown, strict=True):
        if value is None:
            continue
        if count < rules.threshold:
            faults.append("a cell under the threshold is shown")
        elif value != rules.shown(count):
            faults.append("a cell is not shown as it is rounded")
    # The strongest reader knows which cells are empty and does not know that the others are not.
    known = [(count, value) for count, value in zip(counts, shown, strict=True) if count or value is not None]
    if len(known) < 2:
        # One cell is the total itself, which is published at force level.
        return faults
    found = intervals([value for _, value in known], sum(counts), rules)
    for (count, value), interval in zip(known, found, strict=True):
        if value is None and 1 <= count < rules.threshold:
            if interval.least == interval.most:
                faults.append("a hidden cell can be worked out exactly")
            elif interval.least >= 1 and interval.most < rules.threshold:
                faults.append("a hidden cell can be worked out to be small")
    return faults
