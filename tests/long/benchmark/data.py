"""Synthetic extracts of any size for measuring: the same files every time. Nothing in them took place.

They are drawn by hashes in DuckDB (`extracts/`), so that equal parameters and an equal version of DuckDB give equal
bytes. A force and day have about 2,200 call segments, 590 rows of crimes, 500 digital contacts, 150 live chats and 130
online crime reports. In them are, at rates like those of real extracts: corrections that come up to 30 days later, some
of which move the event into another month; days in two files; repeated keys; crimes that are cancelled and reinstated;
calls of several segments; faulty and empty cells; local times around both clock changes.

A night is one further day, whose files also have late corrections of the 90 days before.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dagster_project.settings import DBT_PROJECT
from dagster_project.sql import literal

# Of the list of forces, those that are no territorial force of England and Wales.
_OTHER_FORCES = ("btp", "northern-ireland", "scotland")
# Rows that are sorted and written together: 1.2 million rows of text take about 1 GB.
_ROWS_AT_ONCE = 1_200_000
# The oldest event that an ordinary extract can hold, in days: a crime reinstated 14 days after it was cancelled, 100
# days after it was recorded, and corrected 30 days later; the others have corrections alone.
_OLDEST = {"crimes": 144}
_OLDEST_OTHERS = 32
# Days that the late rows of a night come from.
_LATE_DAYS = 90
# How many of 206 events fall in each hour.
_HOURS = (4, 3, 2, 2, 2, 2, 4, 6, 9, 11, 12, 12, 12, 12, 12, 13, 13, 14, 14, 12, 11, 10, 8, 6)
_WEEKDAYS = (1.06, 1.03, 1.02, 1.01, 1.03, 0.95, 0.90)  # from Monday
_EVENTS_A_DAY = {
    "call_segments": 1_900,
    "crimes": 500,
    "digital_contacts": 500,
    "live_chats": 150,
    "online_crime_reports": 130,
}
"""Events that a force has on a day, before they become several rows."""

SIZES = ("S", "1Y", "2Y", "5Y", "M", "L")
_QUERIES = Environment(  # noqa: S701 (SQL)
    loader=FileSystemLoader(Path(__file__).parent / "extracts"), undefined=StrictUndefined
)


@dataclass(frozen=True)
class Extent:
    """What extracts are of: forces, and days without a gap. One force is in no column, several are."""

    forces: tuple[str, ...]
    first: date
    days: int

    @property
    def last(self) -> date:
        """The newest day."""
        return self.first + timedelta(days=self.days - 1)

    @property
    def night(self) -> date:
        """The day after the newest one."""
        return self.first + timedelta(days=self.days)


def extent_of(size: str) -> Extent:
    """Return the extent of a size.

    Args:
        size: S (one force, six months with both clock changes, 0.65 million rows), M (one force, ten years, 13
            million), L (43 forces, two years, 112 million), or 1Y, 2Y and 5Y (the last years of M, after which the same
            night comes).
    """
    return {
        "S": Extent(("kent",), date(2022, 10, 1), 182),
        "1Y": Extent(("kent",), date(2023, 10, 1), 366),
        "2Y": Extent(("kent",), date(2022, 10, 1), 731),
        "5Y": Extent(("kent",), date(2019, 10, 1), 1_827),
        "M": Extent(("kent",), date(2014, 10, 1), 3_653),
        "L": Extent(_territorial_forces(), date(2021, 10, 1), 731),
    }[size]


def _territorial_forces() -> tuple[str, ...]:
    with (DBT_PROJECT / "seeds" / "police_forces.csv").open(encoding="utf-8", newline="") as stream:
        codes = [row["force_code"] for row in csv.DictReader(stream)]
    return tuple(code for code in codes if code not in _OTHER_FORCES)


def write_extracts(landing: Path, extent: Extent) -> None:
    """Write the extracts of all days and sources, `LANDING/SOURCE/SOURCE_YYYY-MM-DD.csv`; files of other days stay."""
    for source in _EVENTS_A_DAY:
        _write(landing, extent, source, extent.first, extent.last)


def write_night(landing: Path, extent: Extent) -> None:
    """Write the extracts of the day after those of the extent, with late rows in them.

    Args:
        landing: need not hold the earlier days.
        extent: that of the earlier days, whose events are corrected.
    """
    for source in _EVENTS_A_DAY:
        _write(landing, extent, source, extent.night, extent.night, late_days=_LATE_DAYS)


def _write(landing: Path, extent: Extent, source: str, first: date, last: date, *, late_days: int = 0) -> None:
    """Write the extracts of a source from one day to another."""
    folder = landing / source
    folder.mkdir(parents=True, exist_ok=True)
    (landing / "SYNTHETIC").touch()
    query = _QUERIES.get_template(f"{source}.sql").render(
        source=source, late_days=late_days, has_force_column=len(extent.forces) > 1
    )
    hours = [hour for hour, weight in enumerate(_HOURS) for _ in range(weight)]
    with duckdb.connect(config={"threads": "1"}) as connection, tempfile.TemporaryDirectory(dir=landing) as drafts:
        connection.execute(_QUERIES.get_template("functions.sql").render(hours=hours))
        connection.execute("set partitioned_write_flush_threshold = 1000000000")
        for number, (start, end) in enumerate(_batches(extent, source, first, last)):
            draft = Path(drafts) / str(number)
            oldest = max(late_days or _OLDEST_OTHERS, _OLDEST.get(source, 0))
            connection.execute(
                f"copy ({query}) to {literal(str(draft))} (format csv, header, partition_by (part))",
                {
                    "forces": list(extent.forces),
                    "events_a_day": _EVENTS_A_DAY[source],
                    "weekdays": list(_WEEKDAYS),
                    "first_event": max(extent.first, start - timedelta(days=oldest)),
                    "first": start,
                    "last": end,
                },
            )
            for part in draft.iterdir():
                (written,) = part.iterdir()
                written.rename(folder / f"{source}_{part.name.removeprefix('part=')}.csv")
            shutil.rmtree(draft)


def _batches(extent: Extent, source: str, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield spans of days that are written together."""
    # A call has 1.16 segments, a crime 1.17 rows.
    days = max(1, int(_ROWS_AT_ONCE / (1.2 * _EVENTS_A_DAY[source] * len(extent.forces))))
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        yield first, end
        first = end + timedelta(days=1)
