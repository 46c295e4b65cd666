"""A small data root for tests of loading: land files, run, query what is loaded."""

import os
from collections.abc import Mapping
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
from dagster_project.warehouse.connection import loading_connection, reading_connection
from dagster_project.warehouse.state import unresolved_deliveries
from tests.unit.small_contracts import small_contract

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
PAPERS = replace(VISITS, source="papers", cadence="irregular")
HEADER = "visit_id,begun_at,minutes,visitor"
NO_HEADER = "nothing to see here\n"
"""Text of a file that cannot be read."""

DAY = date(2022, 11, 1)


def row(visit: str, minutes: object = 5, day: object = DAY, visitor: str = "someone") -> str:
    """A line of an extract; `minutes` that are no number make it a faulty one."""
    return f"{visit},{day} 10:00,{minutes},{visitor}"


def rows(day: date, count: int, *, faulty: int = 0, minutes: object = 5) -> list[str]:
    """Lines with keys of a day, the last ones faulty."""
    good = [row(f"v{day:%y%m%d}-{number}", minutes, day) for number in range(count - faulty)]
    return good + [row(f"x{day:%y%m%d}-{number}", "never", day) for number in range(faulty)]


def rewrite(path: Path, text: str) -> None:
    """Write a content of the same size and time, as copying programs set them before they write."""
    status = path.stat()
    # The clock of a file system moves in steps of some milliseconds.
    while path.stat().st_ctime_ns == status.st_ctime_ns:
        path.write_text(text)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


class Installation:
    """A data root with a landing folder."""

    def __init__(self, home: Path, *contracts: Contract) -> None:
        self.settings = Settings(home=home, _env_file=None)
        self.contracts: Mapping[str, Contract] = {item.source: item for item in contracts or (VISITS, PAPERS)}
        self.runs = 0

    def land(
        self, day: object, *lines: str, suffix: str = "", source: str = "visits", header: str = HEADER, text: str = ""
    ) -> Path:
        """Deliver an extract: lines of CSV below the header, or the whole text."""
        path = self.settings.landing / source / f"{source}_{day}{suffix}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or "\n".join([header, *lines, ""]), encoding="utf-8")
        return path

    def run(self, *, source: str = "visits", wanted: Range = Range(), now: datetime | None = None) -> SourceReport:  # noqa: B008 (frozen)
        """Load the new deliveries of a source."""
        self.runs += 1
        return load_source(self.settings, self.contracts, source, wanted=wanted, run_id=f"run {self.runs}", now=now)

    def accept(self, day: date, reason: str = "it is right", source: str = "visits") -> None:
        """Accept a rejected delivery, as an operator does."""
        with loading_connection(self.settings.warehouse) as connection:
            waive(connection, source, day, reason)

    def unresolved(self) -> list[str]:
        """Day and status of every delivery that needs attention."""
        with reading_connection(self.settings.warehouse) as connection:
            return [f"{item.extract_date} {item.status}" for item in unresolved_deliveries(connection)]

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the warehouse."""
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return connection.execute(sql, parameters).fetchall()

    def current(self) -> list[tuple[str, str, int | None]]:
        """Extract date, visit and minutes of every row of a delivery that stands."""
        return self.query(
            """
            select cast(raw.extract_date as varchar), visit_id, minutes
            from raw.visits as raw
            join audit.load as load on raw.load_id = load.load_id and load.status = 'loaded'
            order by all
            """
        )

    def loads(self) -> list[tuple[Any, ...]]:
        """File, status, rows read, loaded and quarantined of every load, in the order of loading."""
        return self.query(
            "select file_name, status, rows_read, rows_loaded, rows_quarantined from audit.load order by load_id"
        )

    def quarantine(self) -> list[tuple[str, int, str]]:
        """File, row and reason code of every quarantined row."""
        return self.query(
            "select file_name, source_row, reason_code from audit.quarantine order by load_id, source_row"
        )
