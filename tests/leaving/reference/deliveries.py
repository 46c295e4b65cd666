"""Which days of a source are complete for a force, and how many of its rows were quarantined, the plain way.

A second opinion for int_source_day and int_measure_quarantine, from the rules in words: no SQL, no window functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.leaving.reference.history import History

# A delivery of several forces without a row of one of them says that this force had none.
ABSENT_FORCES_ARE_COMPLETE = ("live_chats", "online_crime_reports", "crimes")
DAYS_OWED = 28
Month = tuple[int, int]


def complete_days(history: History, force: str) -> dict[str, set[date]]:
    """Days of each source that are complete for a force."""
    return {source: _complete(history, source).get(force, set()) for source in history.delivered}


def _complete(history: History, source: str) -> dict[str, set[date]]:
    """Force to its complete days."""
    known = history.memo.setdefault("complete", {})
    if source not in known:
        contents = history.contents(source)
        forces_of = {
            day: {force for force, (loaded, _, _) in rows.items() if force and loaded} for day, rows in contents.items()
        }
        found: dict[str, set[date]] = {}
        for day, rows in contents.items():
            owed: set[str] = set()
            for back in range(DAYS_OWED + 1):
                owed |= forces_of.get(day - timedelta(days=back), set())
            for force in owed:
                if force in forces_of[day] or not rows or owed == {force} or source in ABSENT_FORCES_ARE_COMPLETE:
                    found.setdefault(force, set()).add(day)
        known[source] = found
    return known[source]


def quarantined(history: History, force: str, sources: Iterable[str], months: Iterable[Month]) -> dict[str, Any]:
    """Quarantined rows of some months: those of the force and those of no readable force."""
    total, shares = 0, {"": Fraction(0)}
    wanted = set(months)
    for source in sources:
        read = faulty = 0
        for month, counts in _by_month(history, source).items():
            if month in wanted:
                for of in (force, None):
                    loaded, bad = counts.get(of, (0, 0))
                    read += loaded + bad
                    faulty += bad
        total += faulty
        if read:
            shares[source] = Fraction(100 * faulty, read)
    highest = max(shares.values())
    return {
        "rows_quarantined": total,
        "share_quarantined": Decimal(
            (2 * highest.numerator * 10**6 + highest.denominator) // (2 * highest.denominator)
        ).scaleb(-6),
        "is_affected_by_quarantine": highest > 1,
        "affected_sources": ", ".join(sorted(source for source, share in shares.items() if share > 1)) or None,
    }


def _by_month(history: History, source: str) -> dict[Month, dict[str | None, tuple[int, int]]]:
    """Rows loaded and faulty by month of the extract and force."""
    known = history.memo.setdefault("by month", {})
    if source not in known:
        found: dict[Month, dict[str | None, tuple[int, int]]] = {}
        for day, rows in history.contents(source).items():
            of_month = found.setdefault((day.year, day.month), {})
            for force, (loaded, faulty, _) in rows.items():
                before = of_month.get(force, (0, 0))
                of_month[force] = (before[0] + loaded, before[1] + faulty)
        known[source] = found
    return known[source]
