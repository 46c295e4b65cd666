"""The numbers of disclosure control, and what one cell looks like under them. Whole tables: `control.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


class RulesError(ValueError):
    """The rules cannot be used; the message says which and what was expected."""


@dataclass(frozen=True)
class DisclosureRules:
    """Rows of the seed `disclosure_rules`."""

    threshold: int
    """Least count that is shown; counts from 0 to one less all look the same."""
    rounding_base: int
    """Counts that are shown are rounded to a multiple of it, half up."""
    months_to_settle: int
    """Complete months after a month before it is shown."""

    def __post_init__(self) -> None:
        # Of a threshold of 1 nothing would be hidden, and an empty cell would be told from one of 1.
        if self.threshold < 2 or self.rounding_base < 1 or self.months_to_settle < 0:
            raise RulesError(
                f"threshold {self.threshold}, rounding_base {self.rounding_base}, months_to_settle "
                f"{self.months_to_settle}: expected at least 2, 1 and 0. Correct dbt/seeds/disclosure_rules.csv, then: "
                "fcir run"
            )

    @classmethod
    def of(cls, rows: Mapping[str, int]) -> DisclosureRules:
        """The rules from rows of the seed.

        Raises:
            RulesError: a rule is missing, is not known or has a value that cannot be.
        """
        wanted = {field.name for field in fields(cls)}
        if set(rows) != wanted:
            raise RulesError(
                f"dbt/seeds/disclosure_rules.csv has {', '.join(sorted(rows)) or 'no rule'}; expected "
                f"{', '.join(sorted(wanted))}"
            )
        return cls(**rows)

    @property
    def most_hidden(self) -> int:
        """The largest count that is hidden for itself."""
        return self.threshold - 1

    def shown(self, count: int) -> int | None:
        """What is shown of a count; None: nothing."""
        if count < self.threshold:
            return None
        return self.rounding_base * ((2 * count + self.rounding_base) // (2 * self.rounding_base))

    def bounds(self, shown: int | None) -> tuple[int, int]:
        """The least and the largest count that look like this."""
        if shown is None:
            return 0, self.most_hidden
        # Half up: of base 5 the counts of 8 to 12 are shown as 10, of base 10 those of 5 to 14.
        base = self.rounding_base
        return max(self.threshold, shown - base // 2), shown + (base - 1) // 2
