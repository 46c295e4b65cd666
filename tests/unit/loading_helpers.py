"""What the tests of loading share: a contract of visits, an installation in a folder, and what its warehouse holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.contracts import CellType, Column, Contract
from dagster_project.loading.pipeline import SourceReport, load_source
from dagster_project.loading.plan import Range
from dagster_project.settings import Settings
from tests.unit.small_contracts import small_contract

VISITS = small_contract(
    "visits",
    Column("force_code", CellType.TEXT, ""),
    Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1),
    Column("begun_at", CellType.TIMESTAMP, "", is_required=True),
    Column("minutes", CellType.INTEGER, "", minimum=0),
    Column("visitor", CellType.TEXT, "", is_personal=True),
    start_column="begun_at",
    event_column="begun_at",
    volume_floor=0.65,
)
PAPERS = replace(VISITS, source="papers", is_daily=False)
CONTRACTS = {"visits": VISITS, "papers": PAPERS}
HEADER = "visit_id,begun_at,minutes,visitor"


class Installation:
    """A data root with a landing folder."""

    def __init__(self, home: Path, contracts: Mapping[str, Contract] = CONTRACTS) -> None:
        self.settings = Settings(home=home, _env_file=None)
        self.contracts = contracts
        self._runs = 0

    def land(self, day: str, *rows: str, suffix: str = "", source: str = "visits", text: str | None = None) -> Path:
        """Drop an extract; rows are lines of CSV below the header, `text` is the whole file."""
        folder = self.settings.landing / source
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{source}_{day}{suffix}.csv"
        path.write_text("\n".join([HEADER, *rows, ""]) if text is None else text, encoding="utf-8")
        return path

    def run(
        self, first: str | None = None, last: str | None = None, source: str = "visits", now: datetime | None = None
    ) -> SourceReport:
        """Load what is new of a source."""
        self._runs += 1
        wanted = Range(first and date.fromisoformat(first), last and date.fromisoformat(last))
        return load_source(self.settings, self.contracts, source, wanted=wanted, run_id=f"run {self._runs}", now=now)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query of the warehouse."""
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def current(self) -> list[tuple[Any, ...]]:
        """Extract date, visit and minutes of every row that is loaded now."""
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
        """File, row and reason code of every row that was set aside."""
        return self.query(
            "select file_name, source_row, reason_code from audit.quarantine order by load_id, source_row"
        )
