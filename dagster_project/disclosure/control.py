"""Protect one group of cells: the breakdown of a total that is published exactly. `releases.py` defines the groups.

The rule. A cell under the threshold is hidden, zero included; any other cell is rounded on its own. From the result a
reader knows a range for each cell: 0 to 4 if it is hidden, 8 to 12 if 10 is shown. The group is shown only if these
ranges leave enough room around the total; otherwise the whole group is withheld (the secondary suppression of this
project).

Why this protects a cell of 1 to 4. Let u be the upper bounds and T the total.

1. The sum of u over all cells that are not empty, minus T, is at least 4. So the records of this cell fit into the
   others without changing how any of them is shown: its count may be 0. A reader who solves the linear programme finds
   0 possible, even one who happens to know which cells are empty.
2. T minus the sum of the lower bounds is at least 1. So no hidden cell is known to be 0 either.
3. A decision that does not depend on hidden counts reveals nothing by itself. If no cell is empty, a room of 8 is
   required, so that the alternative of 1 would be shown exactly like the true counts. A reader who knows this program
   learns no more.
4. A group is withheld regardless of its cells if the total is such that all cells could only be just under the
   threshold. In any other withheld group whose cells are not all small, exchanging two cells gives a group that is
   withheld too, so each cell may be above the threshold.

Several groups together (districts and offences of the same crimes) reveal no more: the alternative of 1 moves records
from one district to another and leaves everything else about them unchanged. This requires that no two public tables
share a dimension, which `releases.py` checks. A count that is a part of another (calls not answered, of calls received)
changes places with one that is not, so a cell can take at most as many records as it has of the others. It also
requires that the total is the only exact figure of these cells: a table of cancelled crimes by days would have a known
mean as well.
"""

from collections.abc import Sequence

from dagster_project.disclosure.rules import DisclosureRules


def control(counts: Sequence[int], rules: DisclosureRules, *, within: Sequence[int] | None = None) -> list[int | None]:
    """Return the published values of a group.

    The counts are those of all possible cells, zeros included, and add up to a known total. `within` has for each cell
    the count that includes it (calls received, for calls not answered); it leaves less room.

    Returns:
        For each cell, the rounded count, or None if it is hidden. All are None if the group is withheld.
    """
    shown = [rules.shown(count) for count in counts]
    # A group without hidden cells needs no protection.
    if None in shown and not is_safe(counts, shown, rules, within):
        return [None] * len(counts)
    return shown


def is_safe(
    counts: Sequence[int], shown: Sequence[int | None], rules: DisclosureRules, within: Sequence[int] | None
) -> bool:
    """Return whether a group with a hidden cell may be shown; the module docstring has the proof."""
    total, cells, hidden = sum(counts), len(counts), rules.most_hidden
    if hidden * (cells - 1) < total <= hidden * cells:
        return False
    ranges = [rules.bounds(value) for value in shown]
    least = [low for low, _ in ranges]
    most = [high for _, high in ranges]
    if within is not None:
        # A part may exceed its whole if they are counted at different times (crimes cancelled and recorded).
        most = [min(high, max(whole, count)) for high, whole, count in zip(most, within, counts, strict=True)]
    room = sum(high for high, count in zip(most, counts, strict=True) if count) - total
    room_of_all = room + sum(high for high, count in zip(most, counts, strict=True) if not count)
    return room >= hidden and room_of_all >= 2 * hidden and total - sum(least) >= 1
