"""A figure with everything behind it, and whether it adds up; what is asked of the warehouse: `read.py`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Ranges = tuple[tuple[int, int], ...]
"""Row numbers as first and last of each unbroken run, in order."""


@dataclass(frozen=True)
class Figure:
    """A figure with its definition, as the warehouse holds both."""

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
    """As a paper prints it; None where there is no figure."""
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
    """0 to 100, of the source of which fewest were."""


@dataclass(frozen=True)
class PublishedFigure:
    """What the current publication says of the figure."""

    run_id: str
    is_there: bool
    value: Decimal | None
    display_value: str | None
    """As its board paper prints it; None where the paper leaves the measure out or has no figure."""


@dataclass(frozen=True)
class MissingDay:
    """A day of the month that a source has no accepted delivery of."""

    source: str
    day: date
    state: str
    """`rejected`, `missing` (owed and not come), `without rows of the force` or `not delivered`."""


@dataclass(frozen=True)
class Use:
    """One line of the measure's definition: a part that is added or taken off."""

    role: str
    """`numerator`, `denominator`, or `population` of a measure that does not add up."""
    part: str
    weight: int


@dataclass(frozen=True)
class TracedFile:
    """A file of a delivery, with its rows that a part was counted from."""

    source: str
    extract_date: date
    file_name: str
    file_sha256: str
    load_id: int
    status: str
    """`loaded`; `replaced` when a correction has been loaded since the marts were built."""
    events: int
    amount: Decimal
    rows: Ranges
    """Numbers of the rows, further rows of an event included: a call has one for each of its segments."""


@dataclass(frozen=True)
class TracedPart:
    """A part of the figure over the month."""

    part: str
    amount: Decimal
    """The sum that the figure was made from."""
    files: tuple[TracedFile, ...]

    @property
    def counted(self) -> Decimal:
        """What the events add up to."""
        return sum((file.amount for file in self.files), Decimal(0))

    @property
    def events(self) -> int:
        """Events of all files."""
        return sum(file.events for file in self.files)

    @property
    def rows(self) -> int:
        """Rows of all files; an event may have several."""
        return sum(last - first + 1 for file in self.files for first, last in file.rows)


@dataclass(frozen=True)
class EventRow:
    """A row of an extract that an event was read from."""

    part: str
    amount: Decimal | None
    """What the event adds; None on its further rows."""
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
    """A figure and everything behind it."""

    figure: Figure
    published: PublishedFigure | None
    """None when nothing was published yet."""
    sources: tuple[str, ...]
    """Sources that the measure needs."""
    is_current: bool
    """Whether the figure is of all that is loaded, by the dbt project as it stands, and was published."""
    missing_days: tuple[MissingDay, ...]
    uses: tuple[Use, ...]
    parts: tuple[TracedPart, ...]
    rows: tuple[EventRow, ...]
    """Every row, by part, file and number; empty unless asked for."""
    quarantined: tuple[QuarantinedRows, ...]
    """Of the deliveries of the month, and of others that the figure was counted from."""

    @property
    def has_moved_on(self) -> bool:
        """Whether the warehouse holds another figure than the current publication."""
        return self.published is not None and self.published.value != self.figure.value

    @property
    def faults(self) -> tuple[str, ...]:
        """Where the figure is not what its events add up to; empty when all is as it has to be."""
        found = [
            f"{part.part}: the rows give {amount_text(part.counted)}, the sum is {amount_text(part.amount)}"
            for part in self.parts
            if part.counted != part.amount
        ]
        counted = {part.part: part.counted for part in self.parts}
        for role, stated in (("numerator", self.figure.numerator), ("denominator", self.figure.denominator)):
            uses = [use for use in self.uses if use.role == role]
            given = sum((use.weight * counted[use.part] for use in uses), Decimal(0))
            if uses and stated is not None and given != stated:
                found.append(f"{role}: the rows give {amount_text(given)}, the figure has {amount_text(stated)}")
        return tuple(found)


def amount_text(amount: Decimal) -> str:
    """A sum with thousands separators, without zeros at its end."""
    text = f"{amount:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def compact(rows: Iterable[int]) -> Ranges:
    """Row numbers as unbroken runs.

    Args:
        rows: numbers in ascending order, each once.
    """
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return tuple((first, last) for first, last in runs)
