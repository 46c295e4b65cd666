"""The local time zone, Europe/London, and its current date and time. Nothing else about time belongs here."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON_NAME = "Europe/London"
LONDON = ZoneInfo(LONDON_NAME)


def utc_now() -> datetime:
    """Return the current time as an aware UTC datetime in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def london_today() -> date:
    """Return the current date in London."""
    return datetime.now(LONDON).date()


def days_between(first: date, last: date) -> list[date]:
    """Return all days from `first` to `last`, both included; empty when `last` is before `first`."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
