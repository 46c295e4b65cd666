"""A reader who tries to work small counts out of public editions with a solver. No test is in here.

What the reader knows: every public table of both editions, the exact figures of the force in each, the rules of the
control, which cells there could be, and that a part is not larger than its whole. What the reader may assume besides is
what corrections do (`Assumption`). The control's own code is not used: ranges are made from the words of the edition's
README.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array


class Assumption(Enum):
    """What the reader takes corrections between two editions for."""

    NOTHING = "nothing: the second edition's records may be any"
    ADDED = "records were added and none was taken away"
    TAKEN = "records were taken away and none was added"


@dataclass
class Attack:
    """Unknown counts, and what is known of them as lines of a linear programme."""

    ranges: dict[Hashable, tuple[int, int | None]] = field(default_factory=dict)
    equal: list[tuple[dict[Hashable, int], int]] = field(default_factory=list)
    at_most: list[tuple[dict[Hashable, int], int]] = field(default_factory=list)

    def count(self, name: Hashable, least: int = 0, most: int | None = None) -> None:
        """Know an unknown count by its range; a second range narrows the first."""
        known, up_to = self.ranges.get(name, (0, None))
        highest = [value for value in (most, up_to) if value is not None]
        self.ranges[name] = (max(least, known), min(highest) if highest else None)

    def adds_up(self, parts: Iterable[Hashable], total: int) -> None:
        """Know what counts add up to."""
        self.equal.append((dict.fromkeys(parts, 1), total))

    def same(self, parts: Iterable[Hashable], whole: Hashable) -> None:
        """Know that counts add up to another unknown."""
        self.equal.append((dict.fromkeys(parts, 1) | {whole: -1}, 0))

    def not_more(self, part: Hashable, whole: Hashable) -> None:
        """Know that one count is not larger than another."""
        self.at_most.append(({part: 1, whole: -1}, 0))

    def solve(self, wanted: Iterable[Hashable]) -> dict[Hashable, tuple[int, int]]:
        """The least and the largest whole number that each of some counts can be.

        Groups that nothing connects are solved apart. Where what the reader assumes contradicts what is known, the
        reader learns nothing, and the counts are not in the answer.
        """
        found: dict[Hashable, tuple[int, int]] = {}
        for names, equal, at_most in self._parts(set(wanted)):
            place = {name: index for index, name in enumerate(names)}
            bounds = [self.ranges[name] for name in names]
            problem = {
                "A_eq": _matrix(equal, place),
                "b_eq": [value for _, value in equal] or None,
                "A_ub": _matrix(at_most, place),
                "b_ub": [value for _, value in at_most] or None,
                "bounds": bounds,
                "method": "highs",
            }
            for name in set(wanted) & set(names):
                cost = np.zeros(len(names))
                cost[place[name]] = 1
                least = linprog(cost, **problem)
                most = linprog(-cost, **problem)
                if least.status == 2:
                    break
                assert least.status == 0, least.message
                assert most.status in (0, 3), most.message
                up = int(np.floor(-most.fun + 1e-6)) if most.status == 0 else 10**9
                found[name] = (int(np.ceil(least.fun - 1e-6)), up)
        return found

    def _parts(self, wanted):
        root: dict[Hashable, Hashable] = {name: name for name in self.ranges}

        def top(name):
            while root[name] != name:
                root[name] = root[root[name]]
                name = root[name]
            return name

        for line, _ in self.equal + self.at_most:
            first, *others = line
            for other in others:
                root[top(other)] = top(first)
        parts = defaultdict(lambda: ([], [], []))
        for name in self.ranges:
            parts[top(name)][0].append(name)
        for kind, lines in ((1, self.equal), (2, self.at_most)):
            for line in lines:
                parts[top(next(iter(line[0])))][kind].append(line)
        return [part for part in parts.values() if wanted & set(part[0])]


def _matrix(lines, place):
    if not lines:
        return None
    rows, columns, values = [], [], []
    for row, (line, _) in enumerate(lines):
        for name, factor in line.items():
            rows.append(row)
            columns.append(place[name])
            values.append(factor)
    return csr_array((values, (rows, columns)), shape=(len(lines), len(place)))


def look(attack: Attack, names: dict[Hashable, Hashable], shown: dict[Hashable, int | None], threshold: int, base: int):
    """Tell the attack what a published group looks like.

    Args:
        attack: what is known so far.
        names: cell of the group to its unknown.
        shown: cell to what was published; None or not there: nothing.
        threshold: as the README says.
        base: likewise.
    """
    is_withheld = all(shown.get(cell) is None for cell in names)
    for cell, name in names.items():
        value = shown.get(cell)
        if value is not None:
            fitting = [count for count in range(value - base, value + base + 1) if nearest(count, base) == value]
            attack.count(name, max(threshold, fitting[0]), fitting[-1])
        elif is_withheld:
            attack.count(name)
        else:
            attack.count(name, 0, threshold - 1)


def nearest(count: int, base: int) -> int:
    """The nearest multiple; of two the larger."""
    below = count - count % base
    return below if 2 * (count - below) < base else below + base


def learnt(truth: dict[Hashable, int], found: dict[Hashable, tuple[int, int]], threshold: int) -> dict[Hashable, str]:
    """Small counts that the attack has worked out, exactly or to be small; empty when the control holds."""
    told = {}
    for name, (least, most) in found.items():
        if not 1 <= truth[name] < threshold or not least <= truth[name] <= most:
            # A range without the truth comes of a wrong assumption; the reader has learnt something else.
            continue
        if least == most:
            told[name] = "exactly"
        elif least >= 1 and most < threshold:
            told[name] = "to be small"
    return told
