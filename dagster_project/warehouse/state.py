"""Read the state of the warehouse from its audit: the state of each source, and what needs attention."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.sql import named_queries, query_rows, scalar
from dagster_project.warehouse.connection import (
    MARTS,
    DatabaseUnreadable,
    is_cut_short,
    marts_file,
    noticing_damage,
    open_read_only,
    opening,
)
from dagster_project.warehouse.lock import reader_lock
from dagster_project.warehouse.marts import is_damaged
from dagster_project.warehouse.tables import column_types, root_id
from dagster_project.words import counted, in_shell, listed


@dataclass(frozen=True)
class UnresolvedDelivery:
    """A delivery that is missing, whose newest attempt was rejected, or that is incomplete for some force."""

    source: str
    extract_date: date
    status: str
    reason: str
    load_id: int
    """Number of one of its loads in the audit."""
    files: tuple[str, ...] = ()
    """Names of its files; empty for a missing delivery."""
    is_acceptable: bool = False
    """Whether an operator can accept it: it was rejected and all its files are readable, or it is incomplete."""

    @property
    def name(self) -> str:
        """Name by which it can be accepted: `SOURCE/DAY`."""
        return f"{self.source}/{self.extract_date}"

    def __str__(self) -> str:
        """Return source, day, state and reason."""
        return f"{self.source} {self.extract_date} {self.status.replace('_', ' ')}: {self.reason}"


@dataclass(frozen=True)
class SourceState:
    """The loaded data of one source."""

    source: str
    days_loaded: int
    days_missing: int
    days_rejected: int
    rows_loaded: int
    rows_quarantined: int
    newest: date | None


def damaged_private_file(warehouse: Path) -> tuple[Path, str]:
    """Return which private file has the damage that DuckDB found: its message names the block, but not the file.

    Returns:
        The marts file if a part of it cannot be read, otherwise the warehouse; and what to do about it.
    """
    marts = marts_file(warehouse)
    if not is_damaged(marts):
        return warehouse, _HOW_TO_RESTORE
    return marts, (
        "No data are lost, and what was published stays. Move the file away, and the next run builds the marts again: "
        f"mv {in_shell(marts)} {in_shell(marts)}.damaged && fcir run"
    )


_HOW_TO_RESTORE = (
    "Nothing was done, and what was published stays. Build it again from the landing folder: fcir rebuild; or restore "
    "the newest backup of the data root (docs/recovery.md)"
)


@contextmanager
def reading_audit(warehouse: Path, lock_file: Path) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Open a read-only connection to the private files, and keep writers out while it is open.

    Yields:
        The connection; None if there is nothing to read yet.

    Raises:
        WarehouseLocked: a run of another process holds the writer lock.
        DatabaseUnreadable: the file is not a database, or is damaged.
    """
    if not (warehouse.exists() or lock_file.exists()):
        yield None
        return
    with reader_lock(lock_file):
        if not warehouse.exists():
            yield None
            return
        advice = _HOW_TO_RESTORE
        with opening(warehouse, advice):
            connection = open_read_only(warehouse)
        with connection, noticing_damage(lambda: damaged_private_file(warehouse)):
            if is_cut_short(connection, warehouse):
                raise DatabaseUnreadable(warehouse, "is damaged: it is too short for what it holds", advice)
            # A run that was killed early leaves no audit.
            yield connection if root_id(connection) else None


def last_load(connection: duckdb.DuckDBPyConnection | None) -> int:
    """Return the number of the last load; 0 before the first. The next load has the number after it."""
    newest: int = scalar(connection, "select coalesce(max(load_id), 0) from audit.load") if connection else 0
    return newest


def next_change(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the next change number, which is greater than every number that a finished build has seen."""
    number = scalar(
        connection,
        """
        select greatest(
            (select coalesce(max(change_seq), 0) from audit.load),
            (select coalesce(max(change_seq), 0) from audit.build)
        ) + 1
        """,
    )
    return int(number)


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, *, is_published: bool = False, **values: object
) -> list[dict[str, Any]]:
    """Return the rows of a query of `state.sql`; a publication has the same audit as of its run."""
    queries = named_queries(__package__, "state.sql")
    judged = queries["judged"].format(audit="marts.load_audit" if is_published else "audit.load")
    sql = queries[query].format(
        judged=judged,
        quarantine="marts.quarantine" if is_published else "audit.quarantine",
        # A publication of an earlier version does not say what is incomplete.
        incomplete="(select * replace (incomplete_reason as reason) from (from marts.deliveries union all by name "
        "select null::varchar as incomplete_reason where false)) as deliveries"
        if is_published
        else "audit.incomplete_force",
    )
    return query_rows(connection, sql, values | {"is_published": is_published})


def unresolved_deliveries(
    connection: duckdb.DuckDBPyConnection, *, is_published: bool = False
) -> list[UnresolvedDelivery]:
    """Return the deliveries that need attention, one item for each regardless of its files.

    Rejected ones, which wait for a decision, come before missing ones; then by source and day.

    Args:
        connection: the warehouse, or a published database.
        is_published: whether it is a published database, which has the audit as of its run, without the error codes of
            unreadable files.
    """
    return [
        UnresolvedDelivery(**row | {"files": tuple(row["files"])})
        for row in _rows(connection, "unresolved_deliveries", is_published=is_published)
    ]


def newest_attempts(connection: duckdb.DuckDBPyConnection, source: str) -> list[dict[str, Any]]:
    """Return the loads of a source that are current, and those of rejected deliveries that need attention.

    Returns:
        Rows of `audit.load`, by extract date and load.
    """
    return _rows(connection, "newest_attempts", source=source)


def source_states(connection: duckdb.DuckDBPyConnection, *, is_published: bool = False) -> list[SourceState]:
    """Return the state of each source that has ever delivered or owed something.

    Args:
        connection: the warehouse, or a published database.
        is_published: whether it is a published database, which has the audit as of its run.
    """
    return [SourceState(**row) for row in _rows(connection, "source_states", is_published=is_published)]


def quarantined_rows(connection: duckdb.DuckDBPyConnection, load_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return the quarantined rows of some loads, grouped by file, column and reason code.

    Returns:
        For each group its file, column (None if the reason is about the whole row), reason_code, number of rows, and
        row number and reason of its first row.
    """
    return _rows(connection, "quarantined_rows", load_ids=list(load_ids))


@dataclass(frozen=True)
class AffectedMonth:
    """A month with so many quarantined rows that the figures computed from it are marked."""

    source: str
    force_code: str
    month: date
    """First day of the month of the extract dates."""
    rows_read: int
    rows_quarantined: int
    share_quarantined: Decimal
    """In percent, to one decimal."""

    def __str__(self) -> str:
        """Return source, force, month and rows."""
        return (
            f"{self.source} {self.force_code} {self.month:%Y-%m}: {self.rows_quarantined:,} of {self.rows_read:,} rows "
            f"quarantined ({self.share_quarantined}%)"
        )


def affected_months(connection: duckdb.DuckDBPyConnection) -> list[AffectedMonth]:
    """Return the months that the last build marked as affected by quarantined rows, newest first.

    Args:
        connection: the warehouse with its marts, or a published database.

    Returns:
        Nothing before the first build.
    """
    if not column_types(connection, MARTS, "marts", "kpi_completeness_monthly"):
        return []
    return [AffectedMonth(**row) for row in _rows(connection, "affected_months")]


@dataclass(frozen=True)
class AffectedFigures:
    """Figures of a force and month to which quarantined rows could matter, although they are at most 1% of the rows."""

    force_code: str
    month: date
    measures: tuple[str, ...]
    rows_quarantined: int
    """Most quarantined rows of any of them."""

    def __str__(self) -> str:
        """Return force, month, rows and measures."""
        return (
            f"{self.force_code} {self.month:%Y-%m}: {counted(self.rows_quarantined, 'quarantined row')} could matter "
            f"to {listed(self.measures, 3)}"
        )


def affected_figures(connection: duckdb.DuckDBPyConnection) -> list[AffectedFigures]:
    """Return the figures of months that the last build marked for the effect of quarantined rows, newest first.

    Args:
        connection: the warehouse with its marts, or a published database.

    Returns:
        Nothing before the first build.
    """
    if "value_low" not in column_types(connection, MARTS, "marts", "kpi_measure_monthly"):
        return []
    rows = _rows(connection, "affected_figures")
    return [AffectedFigures(**row | {"measures": tuple(row["measures"])}) for row in rows]


@dataclass(frozen=True)
class DayWithoutRow:
    """An accepted delivery of which all rows are quarantined: too few for a rejection."""

    source: str
    extract_date: date
    files: tuple[str, ...]
    """Names of its files."""
    rows_quarantined: int
    reason_code: str
    """The most frequent reason."""

    def __str__(self) -> str:
        """Return source, day, rows, reason and files."""
        # Short, since a line is cut at the width of the screen.
        why = f"{self.rows_quarantined:,} quarantined, most {self.reason_code}"
        return f"{self.source} {self.extract_date} has no loaded row: {why} ({listed(self.files, 1)})"


def days_without_loaded_row(
    connection: duckdb.DuckDBPyConnection, *, is_published: bool = False
) -> list[DayWithoutRow]:
    """Return the accepted deliveries that have rows and no loaded one, newest first; the parameters as above."""
    rows = _rows(connection, "days_without_loaded_row", is_published=is_published)
    return [DayWithoutRow(**row | {"files": tuple(row["files"])}) for row in rows]


def standing_days(connection: duckdb.DuckDBPyConnection, source: str) -> dict[date, int]:
    """Return the days of a source with an accepted delivery, with their loaded rows; oldest first."""
    return {row["extract_date"]: row["rows_loaded"] for row in _rows(connection, "standing_days", source=source)}


def purged_before(connection: duckdb.DuckDBPyConnection) -> dict[str, date]:
    """Return by source the day before which its detail was purged; empty for a warehouse that never purged."""
    return dict(connection.execute("select source, purged_before from audit.purge").fetchall())
