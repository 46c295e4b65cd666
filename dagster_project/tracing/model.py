"""A traced figure, and whether it adds up. `read.py` reads it; `queries.sql` says what the columns of rows are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A sum that a figure was computed from."""

    part: str
    weights: Mapping[str, int]
    """How often it is added, or subtracted if negative, by role."""
    amount: Decimal
    files: Sequence[Row]
    """Delivered files, with what was counted in each."""

    @property
    def counted(self) -> Decimal:
        """Sum of the amounts of the events."""
        return sum((file["amount"] for file in self.files), Decimal(0))


@dataclass(frozen=True)
class Trace:
    """A figure with the parts and files that it was computed from; what has a default is read for the command only."""

    figure: Row
    parts: Sequence[Part]
    """Those of the numerator first."""
    days: Sequence[Row]
    """day, numerator, denominator and value of each day with events."""
    published: Row | None = None
    """The figure in the current publication: run_id, value, display_value, and whether the warehouse `has_moved_on`."""
    is_current: bool = True
    """Whether the figure was built from everything loaded, with the current dbt project, and was published."""
    missing_days: Sequence[Row] = ()
    quarantined: Sequence[Row] = ()
    rows: Sequence[Row] = ()
    """Every row of the extracts, if requested."""

    @property
    def roles(self) -> list[str]:
        """`numerator` and perhaps `denominator`, or `population` of a figure that does not add up."""
        return list(dict.fromkeys(role for part in self.parts for role in part.weights))

    @property
    def files(self) -> list[tuple[Row, list[Row | None]]]:
        """Its files, by extract date and load, each with what every part was counted from in it."""
        of_parts = [{file["load_id"]: file for file in part.files} for part in self.parts]
        files = {load_id: file for of_part in of_parts for load_id, file in of_part.items()}
        ordered = sorted(files.values(), key=lambda file: (file["extract_date"], file["load_id"]))
        return [(file, [of_part.get(file["load_id"]) for of_part in of_parts]) for file in ordered]

    @property
    def faults(self) -> tuple[str, ...]:
        """Differences between the figure and the sums of its events; empty if there are none."""
        faults = [
            f"{part.part}: the rows give {amount_text(part.counted)}, the sum is {amount_text(part.amount)}"
            for part in self.parts
            if part.counted != part.amount
        ]
        for role in ("numerator", "denominator"):
            stated, uses = self.figure[role], [part for part in self.parts if role in part.weights]
            total = sum((part.weights[role] * part.counted for part in uses), Decimal(0))
            if uses and stated not in (None, total):
                faults.append(f"{role}: the rows give {amount_text(total)}, the figure has {amount_text(stated)}")
        return tuple(faults)


def amount_text(amount: Decimal) -> str:
    """Return a sum with thousands separators and without trailing zeros."""
    text = f"{amount:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
