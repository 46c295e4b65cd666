"""A reader who tries to work small counts out of public editions with a solver. No test is in here.

What the reader knows: every public table of both editions, the exact figures of the force in each, the rules of the
control as the edition's README has them, which cells there could be, and that a part is not larger than its whole.
"""

import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from dagster_project.disclosure.releases import Controlled
from dagster_project.publication.editions import PUBLIC_DATABASE
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import open_read_only

# Figures of the force that a reader takes as the total of a table, if there is one.
TOTALS = {
    **{("kpi_calls_hourly", count): f"calls_{{}}.{count}" for count in ("received", "not_answered")},
    **{("kpi_crime_by_district_monthly", count): f"crime.{count}" for count in ("recorded_crime", "cancelled_crime")},
    **{(f"kpi_cancellations_by_{kind}_monthly", "cancelled"): "crime.cancelled_crime" for kind in ("offence", "code")},
    ("kpi_digital_by_type_monthly", "contacts"): "digital.digital_contacts",
}


class Assumption(Enum):
    """What the reader takes for granted of corrections between two editions: that records were only added, say."""

    NOTHING = "any"
    ADDED = "only added"
    TAKEN = "only taken away"


@dataclass
class Attack:
    """Unknown counts by name, and what is known of them as lines of a linear programme: factors, and their sum."""

    ranges: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    equal: list[tuple[dict[Hashable, int], int]] = field(default_factory=list)
    at_most: list[tuple[dict[Hashable, int], int]] = field(default_factory=list)

    def count(self, name: Hashable, least: float = 0, most: float = np.inf) -> None:
        """Know an unknown count by its range; a second range narrows the first."""
        known, up_to = self.ranges.get(name, (0, np.inf))
        self.ranges[name] = (max(least, known), min(most, up_to))

    def adds_up(self, parts: Iterable[Hashable], total: int = 0, *others: Hashable) -> None:
        """Know what counts add up to: a number and other counts."""
        self.equal.append((dict.fromkeys(parts, 1) | dict.fromkeys(others, -1), total))

    def not_more(self, part: Hashable, whole: Hashable) -> None:
        self.at_most.append(({part: 1, whole: -1}, 0))

    def solve(self, targets: Iterable[Hashable]) -> dict[Hashable, tuple[int, int]]:
        """The least and the largest whole number that each of some counts can be.

        Where what the reader assumes contradicts what is known, counts are not in the answer: nothing is learnt.
        """
        found: dict[Hashable, tuple[int, int]] = {}
        for names, equal, at_most in self._parts(set(targets)):
            problem = {"bounds": [self.ranges[name] for name in names], "method": "highs"}
            for kind, lines in (("eq", equal), ("ub", at_most)):
                matrix = [[line.get(name, 0) for name in names] for line, _ in lines] or None
                problem |= {f"A_{kind}": matrix, f"b_{kind}": [total for _, total in lines] or None}
            for name in set(targets) & set(names):
                cost = np.array([name == other for other in names], float)
                least, most = linprog(cost, **problem), linprog(-cost, **problem)
                if least.status == 2:
                    break
                assert (least.status, most.status) in ((0, 0), (0, 3)), least.message
                up = int(np.floor(-most.fun + 1e-6)) if most.status == 0 else 10**9
                found[name] = (int(np.ceil(least.fun - 1e-6)), up)
        return found

    def _parts(self, targets):
        place = {name: index for index, name in enumerate(self.ranges)}
        links = [(place[first], place[other]) for (first, *others), _ in self.equal + self.at_most for other in others]
        rows, columns = zip(*links, strict=True) if links else ((), ())
        graph = csr_array((np.ones(len(links)), (rows, columns)), shape=(len(place), len(place)))
        group = dict(zip(place, connected_components(graph)[1], strict=True))
        parts = defaultdict(lambda: ([], [], []))
        for name in place:
            parts[group[name]][0].append(name)
        for kind, lines in ((1, self.equal), (2, self.at_most)):
            for line in lines:
                parts[group[next(iter(line[0]))]][kind].append(line)
        return [part for part in parts.values() if targets & set(part[0])]


def look(attack, names, shown, threshold: int, base: int) -> None:
    """Add a published group: the unknown of each cell, and what is shown of it, by the rules of the README."""
    is_withheld = all(shown.get(cell) is None for cell in names)
    for cell, name in names.items():
        value = shown.get(cell)
        if value is not None:
            # Of two nearest multiples, the larger is shown.
            fitting = [n for n in range(value - base, value + base + 1) if (2 * n + base) // (2 * base) * base == value]
            attack.count(name, max(threshold, fitting[0]), fitting[-1])
        else:
            attack.count(name, 0, np.inf if is_withheld else threshold - 1)


def learnt(truth: Mapping[Any, int], found: Mapping[Any, tuple[int, int]], threshold: int) -> dict[Hashable, str]:
    """Small counts that the attack has worked out, exactly or to be small; empty when the control holds."""
    # A range without the truth comes of a wrong assumption; the reader has learnt something else.
    return {
        name: "exactly" if least == most else "to be small"
        for name, (least, most) in found.items()
        if 1 <= least <= truth[name] <= most < threshold
    }


def controlled(marts: Iterable[Mart]) -> list[Controlled]:
    return [release for mart in marts for release in mart.releases if isinstance(release, Controlled)]


def rows_of(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / PUBLIC_DATABASE), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def true_counts(warehouse: Path, marts: Iterable[Mart]) -> dict[Any, int]:
    """True counts of all controlled tables, which no reader has: by table, count and the key of a row."""
    found = {}
    with open_read_only(warehouse) as connection:
        for release in controlled(marts):
            keys, sums = ", ".join(release.keys), ", ".join(f"sum({count})" for count in release.counts)
            sql = f"select {keys}, {sums} from marts.{release.mart} where {release.where or 'true'} group by {keys}"
            for row in connection.execute(sql).fetchall():
                for place, count in enumerate(release.counts, start=len(release.keys)):
                    found[release.table, count, *row[: len(release.keys)]] = int(row[place] or 0)
    return found


def attack_of(marts: Iterable[Mart], editions, assumption: Assumption) -> tuple[Attack, dict[Any, int]]:
    """All that a reader knows from two editions, each a folder with its true counts, and the truth of each unknown."""
    attack, truth = Attack(), {}
    for edition, (folder, counts) in enumerate(editions, start=1):
        figures, first = (
            {tuple(key): value for *key, value in rows_of(folder, f"select {columns} from marts.{table}")}
            for columns, table in (
                ("force_code, measure, month_start, value", "kpi_measure_monthly where value is not null"),
                ("table_name, force_code, month_start, first_edition", "shown_months"),
            )
        )
        for release in controlled(marts):
            _know_table(attack, truth, release, edition, folder, counts, figures, first)
    if assumption is not Assumption.NOTHING:
        for name in list(attack.ranges):
            if name[0] == 2 and (earlier := (1, *name[1:])) in attack.ranges:
                attack.not_more(*((earlier, name) if assumption is Assumption.ADDED else (name, earlier)))
    return attack, truth


def small_counts(truth: dict[Any, int], threshold: int, *, at_most: int) -> list[tuple[Any, ...]]:
    """Small counts of both editions, a number of each table and count: there are thousands of the hours of calls."""
    small = defaultdict(list)
    for name, count in truth.items():
        if 1 <= count < threshold:
            small[name[:3]].append(name)
    draw = random.Random(7)
    return [name for names in small.values() for name in draw.sample(names, min(at_most, len(names)))]


def _know_table(attack, truth, release, edition, folder, counts, figures, first) -> None:
    """Add an edition's table to the attack: the cells that it shows first, and the figures of the force."""
    width = 2 + len(release.groups)
    rows = {row[: len(release.keys)]: row for row in rows_of(folder, f"from marts.{release.table}")}
    own = [key for table, _, *key in counts if table == release.table]
    cells = dict.fromkeys(tuple(key[width:]) for key in own)
    for group in dict.fromkeys(tuple(key[:width]) for key in own):
        names = {}
        for place, count in enumerate(release.counts, start=len(release.keys)):
            names[count] = {cell: (edition, release.table, count, *group, *cell) for cell in cells}
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
                attack.adds_up(names[count].values(), int(total))
        for part, whole in release.within.items():
            for cell in cells:
                if truth[names[part][cell]] <= truth[names[whole][cell]]:
                    attack.not_more(names[part][cell], names[whole][cell])
