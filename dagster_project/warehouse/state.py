"""Read the state of the warehouse from its audit: the state of each source, and what needs attention."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.sql import rows_as_dicts, scalar
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
from dagster_project.warehouse.tables import column_types
from dagster_project.words import counted, in_shell, listed

# A rejected delivery needs attention until the next attempt for its day; all files of one attempt have the same run.
#
# The mart `deliveries` states the same for what is published. The rule is here too, because status, alerts and
# withdrawals are needed before the first build and between a load and its build, when the mart is missing or older than
# the audit; and a publication of an earlier version has no such mart. tests/unit/warehouse/test_state.py compares both.
_AUDIT = "audit.load"
_PUBLISHED_AUDIT = "marts.load_audit"
"""The audit in a publication: the same rows and columns, as of its run."""

_JUDGED = """
    select
        load.*,
        load.run_id = first_value(load.run_id) over (
            partition by load.source, load.extract_date order by load.load_id desc
        ) as is_newest
    from {audit} as load
    where load.withdrawn_at is null
"""


@dataclass(frozen=True)
class UnresolvedDelivery:
    """A delivery that is missing, or whose newest attempt was rejected."""

    source: str
    extract_date: date
    status: str
    reason: str
    load_id: int
    """Number of one of its loads in the audit."""
    files: tuple[str, ...] = ()
    """Names of its files; empty for a missing delivery."""
    is_acceptable: bool = False
    """Whether an operator can accept it: it was rejected, and all its files are readable."""

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
            yield connection if _has_audit(connection) else None


def _has_audit(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the warehouse has its audit tables.

    They are missing if a run was killed early, or until a run has updated a warehouse of an earlier layout.
    """
    found = "select 1 from information_schema.tables where table_schema = 'audit' and table_name = 'root'"
    return scalar(connection, found) is not None


def last_load(connection: duckdb.DuckDBPyConnection | None) -> int:
    """Return the number of the last load; 0 before the first. The next load has the number after it."""
    newest: int = scalar(connection, "select coalesce(max(load_id), 0) from audit.load") if connection else 0
    return newest


def _judged(is_published: bool) -> str:
    return _JUDGED.format(audit=_PUBLISHED_AUDIT if is_published else _AUDIT)


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
    rows = connection.execute(
        f"""
        with judged as ({_judged(is_published)})

        select
            source,
            extract_date,
            status,
            min(reason),
            min(load_id),
            list(file_name order by load_id) filter (where file_name is not null),
            status = 'rejected' and {"false" if is_published else "count(error_code) = 0"}
        from judged
        where is_newest and status in ('rejected', 'missing_delivery')
        group by source, extract_date, status
        order by status = 'rejected' desc, source, extract_date
        """
    ).fetchall()
    return [
        UnresolvedDelivery(source, day, status, reason, load_id, tuple(files or ()), is_acceptable)
        for source, day, status, reason, load_id, files, is_acceptable in rows
    ]


def newest_attempts(connection: duckdb.DuckDBPyConnection, source: str) -> list[dict[str, Any]]:
    """Return the loads of a source that are current, and those of rejected deliveries that need attention.

    Returns:
        Rows of `audit.load`, by extract date and load.
    """
    return rows_as_dicts(
        connection.execute(
            f"""
            with judged as ({_judged(is_published=False)})

            select *
            from judged
            where
                source = ?
                and (status in ('loaded', 'empty') or (status = 'rejected' and is_newest))
            order by extract_date, load_id
            """,
            [source],
        )
    )


def source_states(connection: duckdb.DuckDBPyConnection, *, is_published: bool = False) -> list[SourceState]:
    """Return the state of each source that has ever delivered or owed something.

    Args:
        connection: the warehouse, or a published database.
        is_published: whether it is a published database, which has the audit as of its run.
    """
    audit = _PUBLISHED_AUDIT if is_published else _AUDIT
    columns = {name for name, *_ in connection.execute(f"describe {audit}").fetchall()}
    # An audit of an earlier version does not say which rows repeat others.
    lost = "rows_quarantined - coalesce(rows_repeated, 0)" if "rows_repeated" in columns else "rows_quarantined"
    rows = connection.execute(
        f"""
        with judged as ({_judged(is_published)})

        select
            source,
            count(distinct extract_date) filter (where status in ('loaded', 'empty')),
            count(distinct extract_date) filter (where status = 'missing_delivery'),
            count(distinct extract_date) filter (where status = 'rejected' and is_newest),
            cast(coalesce(sum(rows_loaded) filter (where status = 'loaded'), 0) as bigint),
            cast(coalesce(sum({lost}) filter (where status = 'loaded' or is_newest), 0) as bigint),
            max(extract_date) filter (where status in ('loaded', 'empty'))
        from judged
        group by source
        order by source
        """
    ).fetchall()
    return [SourceState(*row) for row in rows]


@dataclass(frozen=True)
class QuarantinedRows:
    """Rows of one file that are quarantined for the same reason in the same column."""

    file: str
    column: str | None
    """The faulty column; None if the reason is about the whole row."""
    reason_code: str
    rows: int
    row: int
    """Number of the first of these rows in the file."""
    reason: str
    """Reason of the first of these rows."""


def quarantined_rows(connection: duckdb.DuckDBPyConnection, load_ids: Sequence[int]) -> list[QuarantinedRows]:
    """Return the quarantined rows of some loads, grouped by file, column and reason code."""
    rows = connection.execute(
        """
        select
            file_name,
            column_name,
            reason_code,
            count(*),
            min(source_row),
            min_by(reason, source_row)
        from audit.quarantine
        where list_contains(?, load_id)
        group by file_name, column_name, reason_code
        order by file_name, count(*) desc, reason_code, column_name
        """,
        [list(load_ids)],
    ).fetchall()
    return [QuarantinedRows(*row) for row in rows]


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
    mart = "kpi_completeness_monthly"
    if not column_types(connection, MARTS, "marts", mart):
        return []
    rows = connection.execute(
        f"""
        select
            source,
            force_code,
            month_start,
            rows_read,
            rows_quarantined,
            round(share_quarantined, 1)
        from marts.{mart}
        where is_affected_by_quarantine
        order by month_start desc, source, force_code
        """
    ).fetchall()
    return [AffectedMonth(*row) for row in rows]


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
    mart = "kpi_measure_monthly"
    if "value_low" not in column_types(connection, MARTS, "marts", mart):
        return []
    rows = connection.execute(
        f"""
        select
            force_code,
            month_start,
            list(measure order by measure),
            max(rows_quarantined)
        from marts.{mart}
        where is_affected_by_quarantine and share_quarantined <= 1
        group by force_code, month_start
        order by month_start desc, force_code
        """
    ).fetchall()
    return [AffectedFigures(force, month, tuple(measures), most) for force, month, measures, most in rows]


def standing_days(connection: duckdb.DuckDBPyConnection, source: str) -> dict[date, int]:
    """Return the days of a source with an accepted delivery, with their loaded rows; oldest first."""
    rows = connection.execute(
        """
        select
            extract_date,
            cast(sum(rows_loaded) as bigint)
        from audit.load
        where source = ? and status in ('loaded', 'empty')
        group by extract_date
        order by extract_date
        """,
        [source],
    ).fetchall()
    return dict(rows)


@dataclass(frozen=True)
class StandingResult:
    """The outcome of an expectation when its source was last validated."""

    success: bool
    evaluated: int
    unexpected: int
    failed_extract_dates: str
    """Comma-separated; empty if none failed."""
    validated_at: datetime
    """UTC, without time zone like the column."""


def standing_results(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, StandingResult]:
    """Return by name the last result of every expectation that evaluated rows, or that failed without any."""
    rows = connection.execute(
        """
        with numbered as (
            select
                *,
                row_number() over (partition by expectation order by validated_at desc, run_id) as row_num
            from audit.expectation_result
            where source = ? and (evaluated > 0 or not success)
        )

        select
            expectation,
            success,
            evaluated,
            unexpected,
            coalesce(failed_extract_dates, ''),
            validated_at
        from numbered
        where row_num = 1
        """,
        [source],
    ).fetchall()
    return {name: StandingResult(*result) for name, *result in rows}


def purged_before(connection: duckdb.DuckDBPyConnection) -> dict[str, date]:
    """Return by source the day before which its detail was purged; empty for a warehouse that never purged."""
    return dict(connection.execute("select source, purged_before from audit.purge").fetchall())
