"""Rows of one source, and the delivery in which each row arrives. Spelling and files do not belong here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import cache

import numpy as np

from dagster_project.contracts import FORCE_COLUMN, CellType, load_contracts
from dagster_project.sample.timeline import NONE, Array
from dagster_project.settings import CONTRACTS


class File(IntEnum):
    """The file of a day that contains a row, in order of the file names."""

    MAIN = 0
    CORRECTED = 1
    LATE = 2


@cache
def _types() -> dict[str, dict[str, CellType]]:
    """Return the type of each column by source, in the order of its contract."""
    contracts = load_contracts(CONTRACTS).values()
    return {contract.source: {column.name: column.cell_type for column in contract.columns} for contract in contracts}


# Column with the time of the event of each row; the rows of a source are in its order.
EVENTS = {
    "call_segments": "arrived_at",
    "digital_contacts": "received_at",
    "online_crime_reports": "submitted_at",
    "live_chats": "requested_at",
    "crimes": "updated_at",
}
# In a fault, in place of a column: how many cells the row has too many.
WIDTH = ""
# Gap between the ranks of two rows of a file, for copies directly before or after one of them.
STEP = 4
# Arrays of rows beside their columns.
_MARKS = ("day", "file", "rank", "quarantined", "is_defective")


class Deliveries:
    """The rows of one source, with the day and file in which each row arrives.

    Attributes:
        source: name of the source.
        event: column with the time of the event of a row.
        key: column that identifies the event.
        types: type by column, in the order of the contract.
        columns: an array of values by column, all of the same length: None for no text and `NONE` for no other value;
            durations are in tenths of a second.
        day, file, rank: extract day, file and position in the file of each row.
        faults: by row, the text of cells instead of their value, by column, and under `WIDTH` how many it has too many
            (or, negative, too few).
        quarantined: rows that must not be loaded: faulty, repeated, or superseded within their extract.
        is_defective: rows that already have a defect; each row has at most one.
    """

    def __init__(self, source: str, *, columns: Mapping[str, Array], day: Array) -> None:
        self.source, self.event = source, EVENTS[source]
        self.types = {name: kind for name, kind in _types()[source].items() if name in columns}
        self.key = next(name for name in self.types if name != FORCE_COLUMN)
        self.columns = dict(columns)
        self.day = day.astype(np.int64)
        self.file = np.zeros(len(day), dtype=np.int64)
        self.rank = np.arange(len(day), dtype=np.int64) * STEP
        self.faults: dict[int, dict[str, str | int]] = {}
        self.quarantined = np.zeros(len(day), dtype=bool)
        self.is_defective = np.zeros(len(day), dtype=bool)

    def __len__(self) -> int:
        return len(self.day)

    def pick(self, rng: np.random.Generator, *, count: int, among: Array) -> Array:
        """Draw up to `count` rows without a defect, mark them, and return their indices in ascending order."""
        free = np.flatnonzero(among & ~self.is_defective)
        chosen = np.sort(rng.choice(free, min(count, len(free)), replace=False))
        self.is_defective[chosen] = True
        return chosen

    def copy(self, rows: Array, *, rank: int) -> Array:
        """Append copies of rows that arrive in the same file, and return their indices.

        The rank of each copy is relative to its row; negative is before it.
        """
        first = len(self)
        self.columns = {name: np.concatenate([v, v[rows]]) for name, v in self.columns.items()}
        for name in _MARKS:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(self, name)[rows]]))
        self.rank[first:] += rank
        self.quarantined[first:], self.is_defective[first:] = False, True
        return np.arange(first, len(self))

    def clear(self, column: str, rows: Array) -> None:
        """Remove the values of rows in a column."""
        self.columns[column][rows] = None if self.types[column] is CellType.TEXT else NONE

    def take(self, rows: Array) -> Deliveries:
        """Return the rows with these indices."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        taken = Deliveries(self.source, columns=columns, day=self.day[rows])
        for name in _MARKS:
            setattr(taken, name, getattr(self, name)[rows])
        indices = {row: index for index, row in enumerate(rows.tolist())} if self.faults else {}
        taken.faults = {indices[row]: fault for row, fault in self.faults.items() if row in indices}
        return taken

    def files(self) -> Iterator[tuple[int, File, Deliveries]]:
        """Yield the day, the file and the rows in order of each file, by extract day and name."""
        if not len(self):
            return
        order = np.lexsort((self.rank, self.file, self.day))
        number = self.day[order] * len(File) + self.file[order]
        for rows in np.split(order, np.flatnonzero(np.diff(number)) + 1):
            yield int(self.day[rows[0]]), File(int(self.file[rows[0]])), self.take(rows)


def joined(earlier: Deliveries, later: Deliveries) -> Deliveries:
    """Join two sets of rows of one source; in a file of both, rows of the earlier set come first."""
    columns = {name: np.concatenate([earlier.columns[name], values]) for name, values in later.columns.items()}
    both = Deliveries(later.source, columns=columns, day=np.concatenate([earlier.day, later.day]))
    for name in _MARKS:
        setattr(both, name, np.concatenate([getattr(earlier, name), getattr(later, name)]))
    both.rank[: len(earlier)] += int(later.rank.min(initial=0)) - int(earlier.rank.max(initial=0)) - STEP
    both.faults = earlier.faults | {row + len(earlier): fault for row, fault in later.faults.items()}
    return both


def in_common_files(parts: Mapping[str, Deliveries]) -> Deliveries:
    """Join the rows of several forces, each in the order of its events, and add the column `force_code`."""
    one = next(iter(parts.values()))
    columns = {name: np.concatenate([part.columns[name] for part in parts.values()]) for name in one.columns}
    columns[FORCE_COLUMN] = np.repeat(
        np.array(list(parts), dtype=object), np.array([len(part) for part in parts.values()], dtype=np.int64)
    )
    day = np.concatenate([part.day for part in parts.values()])
    order = np.argsort(columns[one.event], kind="stable")
    return Deliveries(
        one.source,
        columns={name: values[order] for name, values in columns.items()},
        day=day[order],
    )
