"""The trace of a figure, and whether it adds up. `read.py` queries the warehouse for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Ranges = tuple[tuple[int, int], ...]
"""Row numbers as (first, last) of each consecutive run, in order."""


@dataclass(frozen=True)
class Figure:
    """A figure with its definition, as stored in the warehouse."""

    force_code: str
    measure: str
    month_start: date
    label: str
    unit: str
    better: str
    target: Decimal | None
    owner: str
    definition: str
    display_value: str | None
    """The figure as printed in a paper; None if there is no figure."""
    value: Decimal | None
    is_additive: bool
    formula_measure: str
    """Measure whose sums are used: the measure itself, or the formula in force."""
    numerator: Decimal | None
    numerator_words: str | None
    denominator: Decimal | None
    denominator_words: str | None
    factor: int
    numerator_divisor: int
    denominator_divisor: int
    is_delivered: bool
    is_provisional: bool
    days_in_month: int
    days_loaded: int
    share_of_days_loaded: Decimal
    """Percentage, 0 to 100, for the source with the fewest days loaded."""


@dataclass(frozen=True)
class PublishedFigure:
    """The figure in the current publication."""

    run_id: str
    is_there: bool
    value: Decimal | None
    display_value: str | None
    """The figure as printed in its board paper; None if the paper omits the measure or has no figure."""


@dataclass(frozen=True)
class MissingDay:
    """A day of the month without an accepted delivery of a source."""

    source: str
    day: date
    state: str
    """`rejected`, `correction rejected`, `missing`, `without rows of the force`, `incomplete in part`
    (without rows of a line or type, or without values of a column) or `not delivered`."""


@dataclass(frozen=True)
class Use:
    """One line of the measure's definition: a part that is added or subtracted."""

    role: str
    """`numerator`, `denominator`, or `population` for a measure that does not add up."""
    part: str
    weight: int


@dataclass(frozen=True)
class TracedFile:
    """A file of a delivery, with the rows that a part was counted from."""

    source: str
    extract_date: date
    file_name: str
    file_sha256: str
    load_id: int
    status: str
    """`loaded`, or `replaced` if a correction was loaded after the marts were built."""
    events: int
    amount: Decimal
    rows: Ranges
    """Row numbers, including the further rows of an event: a call has one row for each segment. None after a purge."""
    purged_at: date | None = None
    """Day on which the rows were purged; events and amount are then those of the archive."""


@dataclass(frozen=True)
class TracedPart:
    """A part of the figure, for the month."""

    part: str
    amount: Decimal
    """The sum that the figure was computed from."""
    files: tuple[TracedFile, ...]

    @property
    def counted(self) -> Decimal:
        """Sum of the amounts of the events."""
        return sum((file.amount for file in self.files), Decimal(0))

    @property
    def events(self) -> int:
        """Number of events in all files."""
        return sum(file.events for file in self.files)

    @property
    def rows(self) -> int:
        """Number of rows in all files; an event may have several."""
        return sum(last - first + 1 for file in self.files for first, last in file.rows)


@dataclass(frozen=True)
class EventRow:
    """A row of an extract from which an event was read."""

    part: str
    amount: Decimal | None
    """Amount of the event; None on its further rows."""
    source: str
    extract_date: date
    file_name: str
    load_id: int
    source_row: int


@dataclass(frozen=True)
class QuarantinedRows:
    """Quarantined rows of one file with one reason."""

    source: str
    extract_date: date
    file_name: str
    load_id: int
    reason_code: str
    rows: int


@dataclass(frozen=True)
class Trace:
    """A figure with the parts, files and rows that it was computed from."""

    figure: Figure
    published: PublishedFigure | None
    """None if nothing has been published."""
    sources: tuple[str, ...]
    """Sources that the measure requires."""
    is_current: bool
    """Whether the figure was built from everything loaded, with the current dbt project, and was published."""
    missing_days: tuple[MissingDay, ...]
    uses: tuple[Use, ...]
    parts: tuple[TracedPart, ...]
    rows: tuple[EventRow, ...]
    """Every row, ordered by part, file and number; empty unless requested."""
    quarantined: tuple[QuarantinedRows, ...]
    """Quarantined rows of the month's deliveries, and of others that the figure was counted from."""

    @property
    def has_moved_on(self) -> bool:
        """Whether the figure in the warehouse differs from the current publication."""
        return self.published is not None and self.published.value != self.figure.value

    @property
    def faults(self) -> tuple[str, ...]:
        """Differences between the figure and the sums of its events; empty if there are none."""
        faults = [
            f"{part.part}: the rows give {amount_text(part.counted)}, the sum is {amount_text(part.amount)}"
            for part in self.parts
            if part.counted != part.amount
        ]
        counted = {part.part: part.counted for part in self.parts}
        for role, stated in (("numerator", self.figure.numerator), ("denominator", self.figure.denominator)):
            uses = [use for use in self.uses if use.role == role]
            total = sum((use.weight * counted[use.part] for use in uses), Decimal(0))
            if uses and stated is not None and total != stated:
                faults.append(f"{role}: the rows give {amount_text(total)}, the figure has {amount_text(stated)}")
        return tuple(faults)


def amount_text(amount: Decimal) -> str:
    """Return a sum with thousands separators and without trailing zeros."""
    text = f"{amount:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def compact(rows: Iterable[int]) -> Ranges:
    """Return row numbers as consecutive runs.

    Args:
        rows: unique row numbers in ascending order.
    """
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return tuple((first, last) for first, last in runs)
