"""Write notes on figures that include a day which an operator accepted in spite of a check."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import duckdb

from dagster_project.publication.report.model import listed
from dagster_project.warehouse.connection import has_table

# Number of days that a note names; the others are counted.
_DAYS_NAMED = 5
_TOO_FEW_ROWS = "volume_is_not_far_below_the_recent_past"


@dataclass(frozen=True)
class AcceptedDay:
    """A delivery that an operator accepted although critical expectations fail."""

    source: str
    day: date
    expectations: tuple[str, ...]
    reason: str
    rows_read: int
    rows_expected: int | None

    def __str__(self) -> str:
        """Return the day, what failed and the reason, in words for a board."""
        failed = listed([self._in_words(name) for name in self.expectations])
        return f"{self.day:%-d %B %Y} ({self.source.replace('_', ' ')}) accepted although {failed}: {self.reason}"

    def _in_words(self, expectation: str) -> str:
        if expectation == _TOO_FEW_ROWS and self.rows_expected:
            return f"{1 - self.rows_read / self.rows_expected:.0%} below its usual volume"
        return f"it failed the check \u201c{expectation.replace('_', ' ')}\u201d"


def accepted_days(connection: duckdb.DuckDBPyConnection) -> list[AcceptedDay]:
    """Return the accepted days, oldest first; none in a public edition."""
    if not has_table(connection, "load_audit"):
        return []
    columns = {row[0] for row in connection.execute("describe marts.load_audit").fetchall()}
    if "accepted_because" not in columns:
        return []
    rows = connection.execute(
        """
        select
            source,
            extract_date,
            any_value(accepted_despite),
            any_value(accepted_because),
            cast(sum(rows_read) as bigint),
            any_value(rows_expected)
        from marts.load_audit
        where accepted_because is not null and status in ('loaded', 'empty')
        group by source, extract_date
        order by extract_date, source
        """
    ).fetchall()
    return [AcceptedDay(source, day, tuple(names.split(", ")), *others) for source, day, names, *others in rows]


def note_of(days: Collection[AcceptedDay], sources: Collection[str], first: date, end: date) -> str:
    """Return the note on a figure of these sources from one day to before another; empty if it includes no such day."""
    found = [str(item) for item in days if item.source in sources and first <= item.day < end]
    rest = len(found) - _DAYS_NAMED
    more = [f"{rest} more days accepted in spite of a check"] if rest > 0 else []
    return ". ".join([*found[:_DAYS_NAMED], *more]) + "." if found else ""
