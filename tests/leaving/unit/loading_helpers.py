"""A contract of visits, rows of its extracts, and an installation in a folder with what its warehouse holds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.contracts import CellType, Column, Contract, Identifier
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.loading.report import SourceReport
from dagster_project.loading.waivers import waive
from dagster_project.settings import Settings
from dagster_project.validation import Outcome, ValidationResult
from dagster_project.warehouse.connection import loading_connection, reading_connection
from dagster_project.warehouse.state import unresolved_deliveries
from tests.leaving.unit.small_contracts import small_contract

VISITS = small_contract(
    "visits",
    Column("force_code", CellType.TEXT, ""),
    Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1),
    Column("begun_at", CellType.TIMESTAMP, "", is_required=True),
    Column("minutes", CellType.INTEGER, "", minimum=0),
    Column("visitor", CellType.TEXT, "", identifies=Identifier.REFERENCE),
    start_column="begun_at",
    event_column="begun_at",
    volume_floor=0.65,
)
PAPERS = replace(VISITS, source="papers", is_daily=False)
CONTRACTS = {"visits": VISITS, "papers": PAPERS}
HEADER = "visit_id,begun_at,minutes,visitor"
NO_HEADER = "nothing to see here\n"
"""Text of a file that cannot be read."""


def row(visit: str, minutes: object = 5, day: object = "2022-11-01", visitor: str = "someone") -> str:
    """A line of an extract; `minutes` that are no number make it a faulty one."""
    return f"{visit},{day} 10:00,{minutes},{visitor}"


def visits(day: date, count: int, *, faulty: int = 0, minutes: object = 5, at: date | None = None) -> list[str]:
    """Lines with keys of a day, the last ones faulty; their visits began on another day if `at` names one."""
    good = [row(f"v{day:%m%d}{number}", minutes, at or day) for number in range(count - faulty)]
    return good + [row(f"x{day:%m%d}{number}", "never", at or day) for number in range(faulty)]


def quick_result(_contract, violations, **_):
    """The outcomes that Great Expectations gives, without its document and its half second for each load."""
    outcomes = (Outcome(**vars(found), success=not found.failed_dates) for found in violations)
    return ValidationResult(tuple(outcomes), "{}")


def rejected(report: SourceReport) -> dict[date, str | None]:
    """The rejected days of a run, each with the reason."""
    return {delivery.extract_date: delivery.reason for delivery in report.deliveries if not delivery.is_accepted}


def failed_dates(report: SourceReport, name: str) -> tuple[date, ...]:
    """The days on which an expectation failed."""
    (outcome,) = [outcome for outcome in report.outcomes if outcome.expectation.name == name]
    assert outcome.success == (not outcome.failed_dates)
    return outcome.failed_dates


class Installation:
    """A data root with a landing folder."""

    def __init__(
        self, home: Path, contracts: Mapping[str, Contract] = CONTRACTS, header: str = HEADER, **settings: Any
    ) -> None:
        self.settings = Settings(home=home, _env_file=None, **settings)
        self.contracts = contracts
        self._header = header
        self.runs = 0

    def land(
        self,
        day: str | date,
        *rows: str,
        suffix: str = "",
        source: str = "visits",
        header: str | None = None,
        text: str | None = None,
    ) -> Path:
        """Deliver an extract: lines of CSV below the header, or the whole text."""
        folder = self.settings.landing / source
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{source}_{day}{suffix}.csv"
        path.write_text("\n".join([header or self._header, *rows, ""]) if text is None else text, encoding="utf-8")
        return path

    def run(
        self, first: str | None = None, last: str | None = None, source: str = "visits", now: datetime | None = None
    ) -> SourceReport:
        """Load the new deliveries of a source."""
        self.runs += 1
        wanted = Range(first and date.fromisoformat(first), last and date.fromisoformat(last))
        return load_source(self.settings, self.contracts, source, wanted=wanted, run_id=f"run {self.runs}", now=now)

    def accept(self, day: date, reason: str = "it is right") -> None:
        """Accept a rejected delivery, as an operator does."""
        with loading_connection(self.settings.warehouse) as connection:
            waive(connection, "visits", day, reason)

    def unresolved_deliveries(self) -> list[str]:
        """Day and status of everything that needs attention."""
        with reading_connection(self.settings.warehouse) as connection:
            return [f"{item.extract_date} {item.status}" for item in unresolved_deliveries(connection)]

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the warehouse."""
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def current(self) -> list[tuple[Any, ...]]:
        """Extract date, visit and minutes of every loaded row."""
        return self.query(
            """
            select cast(raw.extract_date as varchar), visit_id, minutes
            from raw.visits as raw
            join audit.load as load on raw.load_id = load.load_id and load.status = 'loaded'
            order by all
            """
        )

    def audit(self) -> list[tuple[Any, ...]]:
        """Day, file, status, rows read, loaded, quarantined of every load, in the order of loading."""
        return self.query(
            """
            select cast(extract_date as varchar), file_name, status, rows_read, rows_loaded, rows_quarantined
            from audit.load
            order by load_id
            """
        )

    def quarantine(self) -> list[tuple[Any, ...]]:
        """File, row and reason code of every quarantined row."""
        return self.query(
            "select file_name, source_row, reason_code from audit.quarantine order by load_id, source_row"
        )
