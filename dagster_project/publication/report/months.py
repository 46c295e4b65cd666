"""Read the months that a paper can be made for, and the newest day that was delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from dagster_project.publication.report.model import counted_days, long_month
from dagster_project.warehouse.connection import has_table


@dataclass(frozen=True)
class PaperMonth:
    """A month that a paper can be made for."""

    month: date
    days: int
    days_loaded: int
    """Number of its days that every source delivered."""
    is_default: bool
    """Whether its paper is shown first."""
    is_running: bool
    """Whether it comes after the default month."""

    @property
    def coverage(self) -> str:
        """`1 of 28 days`; empty if every day is delivered."""
        return counted_days(self.days_loaded, self.days) if self.days_loaded < self.days else ""

    @property
    def unfinished(self) -> str:
        """`February 2023 is not complete: ...`; empty if every day is delivered."""
        if not self.coverage:
            return ""
        verb = "is" if self.days_loaded == 1 else "are"
        return (
            f"{long_month(self.month)} is not complete: {self.coverage} {verb} delivered by every source. Its figures "
            "are provisional."
        )


def paper_months(connection: duckdb.DuckDBPyConnection) -> dict[str, list[PaperMonth]]:
    """Return the months that papers can be made for: force to its months with any figure, oldest first."""
    months: dict[str, list[PaperMonth]] = {}
    for force, *about in connection.execute(
        """
        select force_code, month_start, days, days_loaded, is_default, is_running
        from marts.report_months
        order by force_code, month_start
        """
    ).fetchall():
        months.setdefault(force, []).append(PaperMonth(*about))
    return months


def default_month(months: Sequence[PaperMonth]) -> date | None:
    """Return the month whose paper is shown first; None if there are no months."""
    return next((item.month for item in months if item.is_default), None)


def missing_sources(connection: duckdb.DuckDBPyConnection, force_code: str, month: date) -> tuple[str, ...]:
    """Return the sources that delivered nothing for a month, but something for the month before.

    A source without deliveries in both has ended or not yet begun, as in `report_months`. A public edition has no table
    of deliveries, so it names none.
    """
    if not has_table(connection, "kpi_completeness_monthly"):
        return ()
    rows = connection.execute(
        """
        select source
        from marts.kpi_completeness_monthly
        where force_code = $force_code and month_start in ($month, $month - interval 1 month)
        group by source
        having sum(days_loaded) > 0 and coalesce(sum(days_loaded) filter (where month_start = $month), 0) = 0
        order by source
        """,
        {"force_code": force_code, "month": month},
    ).fetchall()
    return tuple(source for (source,) in rows)


def newest_delivery(connection: duckdb.DuckDBPyConnection, measures: str = "true") -> tuple[date | None, bool]:
    """Return the newest day delivered to measures, and whether any of their deliveries is synthetic.

    Deliveries of printed papers do not count: a paper is typed in weeks after the data that it is compared with.
    `measures` is a condition on the measures, in SQL.
    """
    row = connection.execute(
        f"""
        select
            max(extract_date),
            coalesce(bool_or(is_synthetic), false)
        from marts.load_audit
        where
            status in ('loaded', 'empty')
            and source in (select unnest(string_split(sources, ',')) from marts.measures where {measures})
        """
    ).fetchone()
    return row or (None, False)
