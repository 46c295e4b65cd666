"""Protect one group of cells: a breakdown of a total that everybody knows exactly. Which ones: `releases.py`.

The rule. A cell under the threshold is hidden, zero included; any other is rounded by itself. From the pattern a reader
knows a range for each cell: 0 to 4 where it is hidden, 8 to 12 where 10 is shown. The group is shown only where these
ranges leave room around the total; else the whole group is withheld (the secondary suppression of this project).

Why that is enough, for a cell of 1 to 4. Write u for the upper ends, T for the total.

1. Sum of the u of all cells that are not empty, less T, is at least 4. So the records of this cell fit into the others
   without any of them looking different: it may as well be 0. A reader who solves the linear programme finds 0
   possible, even one who happens to know which cells are empty.
2. T, less the sum of the lower ends, is at least 1. So no hidden cell is known to be 0 either.
3. What does not depend on what is hidden tells nothing by itself: where no cell is empty, 8 of room are asked for, so
   that the alternative of 1 would be shown just like the truth. A reader who knows this program learns no more.
4. A group is withheld without regard to its cells where the total lies so that all cells could only be just under the
   threshold. In any other withheld group that is not all small, exchanging two cells gives a group that is withheld
   too, so each cell may be above the threshold.

Several groups at once (districts and offences of the same crimes) tell no more together: the alternative of 1 moves
records from one district to another and leaves all else of them as it is. It needs that no two public tables share a
dimension, which `releases.py` demands. A count that is a part of another (calls not answered, of calls received)
changes places with one that is not, so a cell takes no more than it has of the others. And it needs that the total is
the only exact figure of these cells: cancelled crimes by days would be a table whose mean is known as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagster_project.disclosure.rules import DisclosureRules


def control(counts: Sequence[int], rules: DisclosureRules, *, within: Sequence[int] | None = None) -> list[int | None]:
    """What is shown of a group.

    Args:
        counts: counts of all cells that there could be, zeros among them; they add up to a total that is known.
        rules: the numbers.
        within: for each cell the count that this one is a part of (calls received, of calls not answered); it leaves
            less room. None: there is none.

    Returns:
        For each cell the rounded count, or None where nothing is shown. All are None where the group is withheld.
    """
    shown = [rules.shown(count) for count in counts]
    # A group without a hidden cell has nothing to protect.
    if None in shown and not is_safe(counts, shown, rules, within):
        return [None] * len(counts)
    return shown


def is_safe(
    counts: Sequence[int], shown: Sequence[int | None], rules: DisclosureRules, within: Sequence[int] | None
) -> bool:
    """Whether a group with a hidden cell may be shown; the docstring of the module says why so."""
    total, cells, hidden = sum(counts), len(counts), rules.most_hidden
    if hidden * (cells - 1) < total <= hidden * cells:
        return False
    ranges = [rules.bounds(value) for value in shown]
    least = [low for low, _ in ranges]
    most = [high for _, high in ranges]
    if within is not None:
        # A part may exceed its whole where the two are counted at different times (crimes cancelled and recorded).
        most = [min(high, max(whole, count)) for high, whole, count in zip(most, within, counts, strict=True)]
    room = sum(high for high, count in zip(most, counts, strict=True) if count) - total
    room_of_all = room + sum(high for high, count in zip(most, counts, strict=True) if not count)
    return room >= hidden and room_of_all >= 2 * hidden and total - sum(least) >= 1
