"""The name and time of a publication: later than those of every earlier one, so that names sort by time."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster_project.clock import utc_now
from dagster_project.console import warn

_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")


def next_name(published: Path, recorded: str | None, *, run_id: str) -> tuple[str, datetime]:
    """Return the name and time of a new publication.

    Readers, clean-up and the record of figures take the greatest name as the newest. If the clock was set back, or a
    publication of the same second exists, the time is a second after the newest one; the former is said in a warning.

    Args:
        published: folder of the publications; need not exist.
        recorded: greatest name in the audit, whose folder may be gone; None if there is none.
        run_id: Dagster run; the name ends with its first eight characters.

    Returns:
        The name, and the aware UTC time in whole seconds that it begins with.
    """
    names = [path.name for path in published.iterdir() if path.is_dir()] if published.is_dir() else []
    times = [_time_of(match[1]) for name in (*names, recorded or "") if (match := _NAME.fullmatch(name))]
    now = utc_now()
    newest = max(filter(None, times), default=None)
    if newest is None or newest < now:
        return f"{now:{_TIME}}-{run_id[:8]}", now
    at = newest + timedelta(seconds=1)
    name = f"{at:{_TIME}}-{run_id[:8]}"
    if newest > now:
        warn(
            f"the clock of this machine shows {now:%Y-%m-%d %H:%M:%S} UTC, but the newest publication in {published} "
            f"is of {newest:%Y-%m-%d %H:%M:%S} UTC. The new one is named {name}, a second later, to be the newest. "
            "Check the clock: timedatectl"
        )
    return name, at


def is_name(name: str) -> bool:
    """Return whether a name of a folder is that of a publication."""
    return _NAME.fullmatch(name) is not None


def _time_of(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
