"""The parameters of disclosure control, and how they apply to one cell. `control.py` applies them to groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


class RulesError(ValueError):
    """The rules are not valid; the message names the rule and the expected value."""


@dataclass(frozen=True)
class DisclosureRules:
    """Rows of the seed `disclosure_rules`."""

    threshold: int
    """Smallest count that is shown; counts below it are all hidden alike."""
    rounding_base: int
    """Shown counts are rounded to a multiple of this number, half up."""
    months_to_settle: int
    """Number of complete months after a month before it is published."""

    def __post_init__(self) -> None:
        # A threshold of 1 would hide only zeros, so a reader could distinguish an empty cell from one of 1.
        if self.threshold < 2 or self.rounding_base < 1 or self.months_to_settle < 0:
            raise RulesError(
                f"threshold {self.threshold}, rounding_base {self.rounding_base}, months_to_settle "
                f"{self.months_to_settle}: expected at least 2, 1 and 0. Correct dbt/seeds/disclosure_rules.csv, then: "
                "fcir run"
            )

    @classmethod
    def of(cls, rows: Mapping[str, int]) -> DisclosureRules:
        """Return the rules from rows of the seed.

        Raises:
            RulesError: a rule is missing, is unknown or has an invalid value.
        """
        names = {field.name for field in fields(cls)}
        if set(rows) != names:
            raise RulesError(
                f"dbt/seeds/disclosure_rules.csv has {', '.join(sorted(rows)) or 'no rule'}; expected "
                f"{', '.join(sorted(names))}"
            )
        return cls(**rows)

    @property
    def most_hidden(self) -> int:
        """The largest count that is hidden on its own account."""
        return self.threshold - 1

    def shown(self, count: int) -> int | None:
        """Return the published value of a count; None if it is hidden."""
        if count < self.threshold:
            return None
        return self.rounding_base * ((2 * count + self.rounding_base) // (2 * self.rounding_base))

    def bounds(self, shown: int | None) -> tuple[int, int]:
        """Return the smallest and the largest count with this published value."""
        if shown is None:
            return 0, self.most_hidden
        # Half up: with base 5, counts of 8 to 12 are shown as 10; with base 10, counts of 5 to 14.
        base = self.rounding_base
        return max(self.threshold, shown - base // 2), shown + (base - 1) // 2
