"""The one local time zone and its clock changes. Nothing else about time belongs here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON_NAME = "Europe/London"
LONDON = ZoneInfo(LONDON_NAME)


def utc_now() -> datetime:
    """The present instant as an aware UTC datetime, cut to whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def london_today() -> date:
    """The local calendar day in London at the present instant."""
    return datetime.now(LONDON).date()


def days_between(first: date, last: date) -> list[date]:
    """All days from `first` to `last`, both included; empty when `last` is before `first`."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
