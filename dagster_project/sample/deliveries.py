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
# Fields of the table beside the columns of the source, with their values in a row that is delivered on its day.
_MARKS = {"file": File.MAIN, "rank": 0, "faults": None, "quarantined": False, "is_defective": False}


class Deliveries:
    """The rows of one source, with the day and file in which each row arrives.

    Attributes:
        source: name of the source.
        event: column with the time of the event of a row.
        table: an array of rows with the fields below.
        types: type by column, in the order of the contract.
        key: column that identifies the event.

    Fields:
        columns of the source: None for no text and `NONE` for no other value; durations are in tenths of a second.
        day, file, rank: extract day, file and position in the file of each row.
        faults: the text of cells instead of their value, by column, and under `WIDTH` how many the row has too many
            (or, negative, too few); None for no fault.
        quarantined: whether the row must not be loaded: faulty, repeated, or superseded within its extract.
        is_defective: whether the row already has a defect; each row has at most one.
    """

    def __init__(self, source: str, table: Array) -> None:
        self.source, self.event, self.table = source, EVENTS[source], table
        self.types = {name: kind for name, kind in _types()[source].items() if name in (table.dtype.names or ())}
        self.key = next(name for name in self.types if name != FORCE_COLUMN)

    @classmethod
    def of(cls, source: str, *, columns: Mapping[str, Array], day: Array) -> Deliveries:
        """Return rows without defects, each in the extract of its day."""
        fields = {**columns, "day": day, **{name: np.array(value) for name, value in _MARKS.items()}}
        table = np.empty(len(day), dtype=[(name, values.dtype) for name, values in fields.items()])
        for name, values in fields.items():
            table[name] = values
        table["rank"] = np.arange(len(day)) * STEP
        return cls(source, table)

    def __len__(self) -> int:
        return len(self.table)

    def pick(self, rng: np.random.Generator, *, count: int, among: Array) -> Array:
        """Draw up to `count` rows without a defect, mark them, and return their indices in ascending order."""
        free = np.flatnonzero(among & ~self.table["is_defective"])
        chosen = np.sort(rng.choice(free, min(count, len(free)), replace=False))
        self.table["is_defective"][chosen] = True
        return chosen

    def copy(self, rows: Array, *, rank: int) -> Array:
        """Append copies of rows that arrive in the same file, and return their indices.

        The rank of each copy is relative to its row; negative is before it.
        """
        copies = self.table[rows]
        copies["rank"] += rank
        copies["quarantined"], copies["is_defective"] = False, True
        first = len(self)
        self.table = np.concatenate([self.table, copies])
        return np.arange(first, len(self))

    def clear(self, column: str, rows: Array) -> None:
        """Remove the values of rows in a column."""
        self.table[column][rows] = None if self.types[column] is CellType.TEXT else NONE

    def files(self) -> Iterator[tuple[int, File, Deliveries]]:
        """Yield the day, the file and the rows in order of each file, by extract day and name."""
        if not len(self):
            return
        ordered = self.table[np.lexsort((self.table["rank"], self.table["file"], self.table["day"]))]
        number = ordered["day"] * len(File) + ordered["file"]
        for rows in np.split(ordered, np.flatnonzero(np.diff(number)) + 1):
            yield int(rows["day"][0]), File(int(rows["file"][0])), Deliveries(self.source, rows)


def joined(earlier: Deliveries, later: Deliveries) -> Deliveries:
    """Join two sets of rows of one source; in a file of both, rows of the earlier set come first."""
    both = np.concatenate([earlier.table, later.table])
    ranks = earlier.table["rank"], later.table["rank"]
    both["rank"][: len(earlier)] += int(ranks[1].min(initial=0)) - int(ranks[0].max(initial=0)) - STEP
    return Deliveries(later.source, both)


def in_common_files(parts: Mapping[str, Deliveries]) -> Deliveries:
    """Join the rows of several forces, each in the order of its events, and add the column `force_code`."""
    one = next(iter(parts.values()))
    rows = np.concatenate([part.table for part in parts.values()])
    forces = np.repeat(np.array(list(parts), dtype=object), [len(part) for part in parts.values()])
    order = np.argsort(rows[one.event], kind="stable")
    columns = {name: rows[name][order] for name in one.types} | {FORCE_COLUMN: forces[order]}
    return Deliveries.of(one.source, columns=columns, day=rows["day"][order])
