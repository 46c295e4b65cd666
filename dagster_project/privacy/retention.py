"""Read how long the detail of each source is kept, and which days are held: `retention/` below the data root.

`retention.csv` has the columns `valid_from`, `source`, `months`, `reason`; of the rows of a source that are valid today
the newest counts. `holds.csv` has `source`, `first_day`, `last_day`, `reason` and, if the hold ends, `until`, its last
day. A row with a fault stops the command: a hold that is not understood must not be passed over.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from dagster_project.clock import LONDON, london_today
from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.extracts.personal import looks_personal
from dagster_project.publication.report.analyst_files import CommentaryError, day_of, read_text
from dagster_project.settings import Settings
from dagster_project.warehouse.tables import raw_columns

_RETENTION = ("valid_from", "source", "months", "reason")
_HOLDS = ("source", "first_day", "last_day", "reason")
_LONGEST_REASON = 200
# A hundred years.
_MOST_MONTHS = 1200


class RetentionError(UsageError):
    """A list cannot be used; the message names file, line and column, and says what is expected."""


@dataclass(frozen=True)
class Retention:
    """How long the detail of a source is kept, from a day on."""

    valid_from: date
    source: str
    months: int
    """Whole calendar months before the current one."""
    reason: str


@dataclass(frozen=True)
class Hold:
    """Days of a source whose detail must stay."""

    source: str
    first_day: date
    last_day: date
    reason: str
    until: date | None = None
    """The last day of the hold; None: until the row is removed."""

    def is_in_force(self, today: date) -> bool:
        """Return whether the hold has not ended."""
        return self.until is None or today <= self.until

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """The first instant of the held days, and the first one after them, as times are stored.

        A hold until 9999-12-31, the last day of Python, which people write for no end, has none.
        """
        if self.last_day == date.max:
            return first_instant(self.first_day), datetime.max  # noqa: DTZ901 - as stored
        return first_instant(self.first_day), first_instant(self.last_day + timedelta(1))


def first_instant(day: date) -> datetime:
    """Return the first instant of a day in London, as times are stored: UTC, without a zone."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC).replace(tzinfo=None)


def event_times(contract: Contract) -> list[str]:
    """Return the columns with times of events: a row counts as old, or as held, by these."""
    return [name for name, kind in raw_columns(contract).items() if kind == "timestamp"]


def retention_file(settings: Settings) -> Path:
    """Return the path of the list of retention."""
    return settings.home / "retention" / "retention.csv"


def holds_file(settings: Settings) -> Path:
    """Return the path of the list of holds."""
    return settings.home / "retention" / "holds.csv"


def read_retention(path: Path, sources: Collection[str]) -> list[Retention]:
    """Read the list of retention; empty if there is no file.

    Args:
        path: the CSV file, UTF-8.
        sources: sources whose detail can be purged.

    Raises:
        RetentionError: the file or a row cannot be used.
    """
    found = []
    for place, row in _rows(path, _RETENTION, ()):
        months = row["months"]
        if not (months.isascii() and months.isdigit() and 1 <= int(months) <= _MOST_MONTHS):
            raise _fault(f"{place}, column months", months, f"a whole number from 1 to {_MOST_MONTHS:,}")
        found.append(
            Retention(
                _day(place, row, "valid_from"), _source(place, row, sources), int(months), _reason(place, row["reason"])
            )
        )
    seen: set[tuple[str, date]] = set()
    for rule in found:
        if (rule.source, rule.valid_from) in seen:
            raise RetentionError(
                f"{path}: two rows of {rule.source} are valid from {rule.valid_from}. Nothing was purged. Remove one, "
                "then run: fcir purge"
            )
        seen.add((rule.source, rule.valid_from))
    return found


def read_holds(path: Path, sources: Collection[str]) -> list[Hold]:
    """Read the list of holds; empty if there is no file. Arguments and errors are those of `read_retention`."""
    found = []
    for place, row in _rows(path, _HOLDS, ("until",)):
        first, last = _day(place, row, "first_day"), _day(place, row, "last_day")
        if last < first:
            raise _fault(f"{place}, column last_day", row["last_day"], f"{first} or a later day")
        until = _day(place, row, "until") if row.get("until") else None
        found.append(Hold(_source(place, row, sources), first, last, _reason(place, row["reason"]), until))
    return found


def purged_from(rules: Iterable[Retention], today: date, known: Mapping[str, date]) -> dict[str, date]:
    """Return by source the day before which its detail is purged: the first of a month.

    Args:
        rules: the list of retention.
        today: the current day in London.
        known: the days of earlier purges, which never move back.
    """
    newest: dict[str, Retention] = {}
    for rule in sorted(rules, key=lambda rule: rule.valid_from):
        if rule.valid_from <= today:
            newest[rule.source] = rule
    return {
        source: max(_months_before(today, rule.months), known.get(source, date.min)) for source, rule in newest.items()
    }


def holds_in_force(settings: Settings, sources: Collection[str]) -> list[Hold]:
    """Return the holds of a data root that have not ended today in London. Errors are those of `read_holds`."""
    return [hold for hold in read_holds(holds_file(settings), sources) if hold.is_in_force(london_today())]


def _months_before(today: date, months: int) -> date:
    number = today.year * 12 + today.month - 1 - months
    return date(number // 12, number % 12 + 1, 1) if number >= 12 else date.min


def _rows(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row by column, with its file and line for messages."""
    try:
        text = read_text(path)
    except CommentaryError as error:
        raise RetentionError(f"{str(error).replace('fcir publish', 'fcir purge')}. Nothing was purged") from None
    if not text.strip():
        return
    reader = csv.reader(text.split("\n"), strict=True)
    try:
        header = [name.strip().casefold() for name in next(reader)]
        if len(set(header)) < len(header) or not set(required) <= set(header) <= {*required, *optional}:
            also = f" and, if needed, {', '.join(optional)}" if optional else ""
            raise RetentionError(
                f"{path}, line 1: the columns are {', '.join(header)[:120]!r}, expected {', '.join(required)}{also}. "
                "Nothing was purged. Correct the first line, then run: fcir purge"
            )
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            place = f"{path}, line {reader.line_num}"
            if len(cells) != len(header):
                raise RetentionError(
                    f"{place}: {len(cells)} cells, expected {len(header)}. Nothing was purged. Quote texts that "
                    "contain a comma, then run: fcir purge"
                )
            yield place, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise RetentionError(
            f"{path}, line {reader.line_num}: not CSV ({error}). Nothing was purged. Correct it, then run: fcir purge"
        ) from None


def _fault(place: str, text: str, expected: str) -> RetentionError:
    return RetentionError(
        f"{place}: {text[:40]!r}, expected {expected}. Nothing was purged. Correct it, then run: fcir purge"
    )


def _day(place: str, row: Mapping[str, str], column: str) -> date:
    day = day_of(row[column])
    if day is None:
        raise _fault(f"{place}, column {column}", row[column], "a date such as 2023-03-15")
    return day


def _source(place: str, row: Mapping[str, str], sources: Collection[str]) -> str:
    if row["source"] not in sources:
        raise _fault(f"{place}, column source", row["source"], f"one of {', '.join(sorted(sources))}")
    return row["source"]


def _reason(place: str, text: str) -> str:
    if looks_personal(text):
        raise RetentionError(
            f"{place}, column reason: contains a personal value, and the record keeps it. Nothing was purged. Name "
            "the case instead, then run: fcir purge"
        )
    if not text or len(text) > _LONGEST_REASON or not text.isprintable():
        raise _fault(f"{place}, column reason", text, f"why, in 1 to {_LONGEST_REASON} characters")
    return text
