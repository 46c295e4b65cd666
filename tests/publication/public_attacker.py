"""A reader who tries to work small counts out of public editions with a solver. No test is in here.

What the reader knows: every public table of both editions, the exact figures of the force in each, the rules of the
control, which cells there could be, and that a part is not larger than its whole. What the reader may assume besides is
what corrections do (`Assumption`). The control's own code is not used: ranges are made from the words of the edition's
README.
"""

import random
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from dagster_project.disclosure.releases import Controlled
from dagster_project.publication.public_edition import DATABASE
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import open_read_only

# Figures of the force that a reader takes as the total of a table, if there is one.
TOTALS = {
    ("kpi_calls_hourly", "received"): "calls_{}.received",
    ("kpi_calls_hourly", "not_answered"): "calls_{}.not_answered",
    ("kpi_crime_by_district_monthly", "recorded_crime"): "crime.recorded_crime",
    ("kpi_crime_by_district_monthly", "cancelled_crime"): "crime.cancelled_crime",
    ("kpi_cancellations_by_offence_monthly", "cancelled"): "crime.cancelled_crime",
    ("kpi_cancellations_by_code_monthly", "cancelled"): "crime.cancelled_crime",
    ("kpi_digital_by_type_monthly", "contacts"): "digital.digital_contacts",
}

Truth = dict[tuple[Any, ...], int]


class Assumption(Enum):
    """What the reader takes corrections between two editions for."""

    NOTHING = "nothing: the second edition's records may be any"
    ADDED = "records were added and none was taken away"
    TAKEN = "records were taken away and none was added"


@dataclass
class Attack:
    """Unknown counts, and the constraints on them as lines of a linear programme."""

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

    def solve(self, targets: Iterable[Hashable]) -> dict[Hashable, tuple[int, int]]:
        """The least and the largest whole number that each of some counts can be.

        Groups that nothing connects are solved apart. Where what the reader assumes contradicts what is known, the
        reader learns nothing, and the counts are not in the answer.
        """
        found: dict[Hashable, tuple[int, int]] = {}
        for names, equal, at_most in self._parts(set(targets)):
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
            for name in set(targets) & set(names):
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

    def _parts(self, targets):
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
        return [part for part in parts.values() if targets & set(part[0])]


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
    """Add a published group to the attack.

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
    small = {}
    for name, (least, most) in found.items():
        if not 1 <= truth[name] < threshold or not least <= truth[name] <= most:
            # A range without the truth comes of a wrong assumption; the reader has learnt something else.
            continue
        if least == most:
            small[name] = "exactly"
        elif least >= 1 and most < threshold:
            small[name] = "to be small"
    return small


def controlled(marts: Iterable[Mart]) -> list[Controlled]:
    """The tables below force level."""
    return [release for mart in marts for release in mart.releases if isinstance(release, Controlled)]


def rows_of(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query of a public edition."""
    with duckdb.connect(str(folder / DATABASE), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def true_counts(warehouse: Path, marts: Iterable[Mart]) -> Truth:
    """True counts of all controlled tables, which no reader has: by table, count and the key of a row."""
    found: Truth = {}
    with open_read_only(warehouse) as connection:
        for release in controlled(marts):
            keys = ", ".join(release.keys)
            sums = ", ".join(f"sum({count})" for count in release.counts)
            for row in connection.execute(
                f"select {keys}, {sums} from marts.{release.mart} where {release.where or 'true'} group by {keys}"  # noqa: S608 (own names)
            ).fetchall():
                for place, count in enumerate(release.counts, start=len(release.keys)):
                    found[release.table, count, *row[: len(release.keys)]] = int(row[place] or 0)
    return found


def attack_of(
    marts: Iterable[Mart], editions: Iterable[tuple[Path, Truth]], assumption: Assumption
) -> tuple[Attack, Truth]:
    """All that a reader knows from two editions, and the truth of each unknown.

    Args:
        marts: of which tables are public.
        editions: the folder of each, and the true counts when it was made.
        assumption: what the reader takes the corrections between them for.
    """
    attack, truth = Attack(), {}
    releases = controlled(marts)
    for edition, (folder, counts) in enumerate(editions, start=1):
        figures = {
            (owner, measure, month): int(value)
            for owner, measure, month, value in rows_of(
                folder,
                "select force_code, measure, month_start, value from marts.kpi_measure_monthly where value is not null",
            )
        }
        first = {
            (table, owner, month): name
            for table, owner, month, name in rows_of(
                folder, "select table_name, force_code, month_start, first_edition from marts.shown_months"
            )
        }
        for release in releases:
            _know_table(attack, truth, release, edition, folder, counts, figures, first)
    if assumption is not Assumption.NOTHING:
        for edition, *key in list(attack.ranges):
            if edition == 2 and (1, *key) in attack.ranges:
                pair = ((1, *key), (2, *key))
                attack.not_more(*(pair if assumption is Assumption.ADDED else pair[::-1]))
    return attack, truth


def small_counts(truth: Truth, threshold: int, *, at_most: int) -> list[tuple[Any, ...]]:
    """Small counts of both editions, of each table and count a number: there are thousands of the hours of calls."""
    small: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for name, count in truth.items():
        if 1 <= count < threshold:
            small.setdefault(name[:3], []).append(name)
    draw = random.Random(7)
    return [name for names in small.values() for name in draw.sample(names, min(at_most, len(names)))]


def _know_table(attack, truth, release, edition, folder, counts, figures, first) -> None:
    """Add an edition's table to the attack: the cells that it shows first, and the figures of the force."""
    width = 2 + len(release.groups)
    rows = {row[: len(release.keys)]: row for row in rows_of(folder, f"from marts.{release.table}")}
    own = [key for table, _, *key in counts if table == release.table]
    groups = dict.fromkeys(tuple(key[:width]) for key in own)
    cells = dict.fromkeys(tuple(key[width:]) for key in own)
    for group in groups:
        names = {
            count: {cell: (edition, release.table, count, *group, *cell) for cell in cells} for count in release.counts
        }
        for place, count in enumerate(release.counts, start=len(release.keys)):
            for cell, name in names[count].items():
                attack.count(name)
                truth[name] = counts.get((release.table, count, *group, *cell), 0)
            known = {figures.get((group[0], TOTALS.get((release.table, count), "").format(*group[2:]), group[1]))}
            if first.get((release.table, *group[:2])) == folder.name:
                seen = {cell: rows[*group, *cell] for cell in cells if (*group, *cell) in rows}
                look(attack, names[count], {cell: row[place] for cell, row in seen.items()}, 5, 5)
                known |= {row[place + len(release.counts)] for row in seen.values()}
            for total in known - {None}:
                assert total == sum(truth[name] for name in names[count].values()), (release.table, group)
                attack.adds_up(names[count].values(), total)
        for part, whole in release.within.items():
            for cell in cells:
                if truth[names[part][cell]] <= truth[names[whole][cell]]:
                    attack.not_more(names[part][cell], names[whole][cell])
