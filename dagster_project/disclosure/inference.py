"""What a reader can infer from a published group and its exact total, independent of how the group was protected.

The bounds are those of the linear programme "counts within their ranges that add up to the total". With one equation
its optimum has a closed form: a cell is smallest when all others are as large as possible. A test against a solver
checks this for all tables and two editions together (`tests/unit/test_disclosure_attack.py`).
"""

from collections.abc import Sequence

from dagster_project.disclosure.rules import DisclosureRules


def intervals(shown: Sequence[int | None], total: int, rules: DisclosureRules) -> list[tuple[int, int]]:
    """Return what a reader can infer about each cell of a group.

    The reader knows the rules, the exact total, and the published value (None: hidden) of each cell that it considers
    possible.

    Returns:
        For each cell its least and its greatest possible count, the least above the greatest if the publication
        contradicts the total. If the whole group is withheld, only the total limits its cells.
    """
    is_withheld = all(value is None for value in shown)
    ranges = [(0, total) if is_withheld else rules.bounds(value) for value in shown]
    least, most = sum(low for low, _ in ranges), sum(high for _, high in ranges)
    return [(max(low, total - (most - high)), min(high, total - (least - low))) for low, high in ranges]


def findings(counts: Sequence[int], shown: Sequence[int | None], rules: DisclosureRules) -> list[str]:
    """Return the faults of a published group, given its true counts; empty if a reader can infer no small count.

    The counts include those that are not published; empty cells are optional.

    Returns:
        Faults in words, without any count.
    """
    faults = []
    for count, value in zip(counts, shown, strict=True):
        if value is None:
            continue
        if count < rules.threshold:
            faults.append("a cell under the threshold is shown")
        elif value != rules.shown(count):
            faults.append("a cell is not shown as it is rounded")
    # The strongest reader knows which cells are empty, but not that the others are not.
    known = [(count, value) for count, value in zip(counts, shown, strict=True) if count or value is not None]
    if len(known) < 2:
        # The only cell is the total, which is published at force level.
        return faults
    ranges = intervals([value for _, value in known], sum(counts), rules)
    for (count, value), (least, most) in zip(known, ranges, strict=True):
        if value is None and 1 <= count < rules.threshold:
            if least == most:
                faults.append("a hidden cell can be inferred exactly")
            elif least >= 1 and most < rules.threshold:
                faults.append("a hidden cell can be inferred to be small")
    return faults
