"""Random histories of loads, corrections and withdrawals, as loading leaves them in the raw and audit tables."""

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.contracts import CellType, Column, Contract
from dagster_project.warehouse.connection import insert_rows
from dagster_project.warehouse.tables import ensure_tables

# Months end after most of these days, and the clock goes back on one. A key that comes again a day later is of the same
# event or of the next, by the time of day; a month later it is of another event.
DAYS = (date(2022, 8, 31), date(2022, 9, 1), date(2022, 9, 30), date(2022, 10, 30), date(2022, 11, 30))
FORCES = ("kent", "surrey")
LOADED_AT = datetime(2023, 1, 1)  # noqa: DTZ001 (naive UTC, as the columns are)
# Keys of a day; the next day has half of them too. Many keys come again in another extract and move to another month,
# and some loads change only the latest months.
KEYS = 8


class History:
    """A warehouse file to which a seeded random generator adds loads of every source."""

    def __init__(self, warehouse: Path, contracts: Mapping[str, Contract], *, seed: int) -> None:
        self._random = random.Random(seed)
        self._warehouse, self._contracts = warehouse, contracts
        self._changes = 0
        with duckdb.connect(str(warehouse)) as connection:
            ensure_tables(connection, contracts.values())

    def deliver(self) -> None:
        """Load or correct up to three days of every source, in any order of the days; withdraw a rejected delivery."""
        with duckdb.connect(str(self._warehouse)) as connection:
            connection.execute(
                "update audit.load set withdrawn_at = ?, change_seq = ? "
                "where status = 'rejected' and withdrawn_at is null",
                [LOADED_AT, self._changes + 1],
            )
            for source, contract in self._contracts.items():
                for day in self._random.sample(DAYS, self._random.randint(1, 3)):
                    self._replace(connection, source, day)
                    for _ in range(self._random.randint(1, 2)):
                        self._load(connection, contract, day)
                if self._random.random() < 0.3:
                    self._record(connection, source, DAYS[-1] + timedelta(days=9), "rejected", rows=0)

    def complete_build(self) -> None:
        """Record that a build has seen everything, so that nothing is pending."""
        with duckdb.connect(str(self._warehouse)) as connection:
            connection.execute(
                "insert into audit.build (run_id, change_seq, project_fingerprint, is_published, built_at) "
                "values ('run', ?, 'project', true, ?)",
                [self._changes, LOADED_AT],
            )

    def _replace(self, connection: duckdb.DuckDBPyConnection, source: str, day: date) -> None:
        connection.execute(
            "update audit.load set status = 'replaced', change_seq = ? "
            "where source = ? and extract_date = ? and status in ('loaded', 'empty')",
            [self._changes + 1, source, day],
        )

    def _record(self, connection: duckdb.DuckDBPyConnection, source: str, day: date, status: str, *, rows: int) -> None:
        self._changes += 1
        connection.execute(
            "insert into audit.load (load_id, source, extract_date, file_name, file_sha256, rows_read, rows_loaded, "
            "rows_quarantined, status, is_synthetic, loaded_at, run_id, change_seq, first_change_seq) "
            "values ($1, $2, $3, 'file', 'sha', $4, $4, 0, $5, true, $6, 'run', $1, $1)",
            [self._changes, source, day, rows, status, LOADED_AT],
        )

    def _load(self, connection: duckdb.DuckDBPyConnection, contract: Contract, day: date) -> None:
        taken = connection.execute(
            f"select rows.source_row from raw.{contract.source} as rows "
            "inner join audit.load as loads on rows.load_id = loads.load_id "
            "where loads.status = 'loaded' and loads.extract_date = ?",
            [day],
        ).fetchall()
        # Row numbers stand for keys: within one extract a key has one current row.
        first = 1 + DAYS.index(day) * KEYS // 2
        free = sorted(set(range(first, first + KEYS)) - {row for (row,) in taken})
        numbers = sorted(self._random.sample(free, self._random.choice([0, min(2, len(free)), len(free) // 2])))
        self._record(connection, contract.source, day, "loaded" if numbers else "empty", rows=len(numbers))
        insert_rows(connection, f"raw.{contract.source}", [self._row(contract, number, day) for number in numbers])
        connection.execute(
            "insert into audit.load_force "
            "select load_id, force_code, count(*), count(*), 0, 0, null "
            f"from raw.{contract.source} where load_id = ? group by all",
            [self._changes],
        )

    def _row(self, contract: Contract, number: int, day: date) -> dict[str, Any]:
        row: dict[str, Any] = {
            "is_dst_ambiguous": self._random.random() < 0.2,
            "extract_date": day,
            "load_id": self._changes,
            "source_row": number,
        }
        keys = [column for column in contract.columns if column.key_position is not None]
        for column in contract.columns:
            if column.name == "force_code":
                # The key decides the force, since a key is unique for each force.
                row[column.name] = FORCES[number // 4 % len(FORCES)]
            elif column in keys:
                # Neighbouring numbers share the first of several key columns: segments of a call, states of a crime.
                shared = len(keys) > 1 and column is keys[0]
                row[column.name] = self._key(column, number // 4 if shared else number, shared_month=len(keys) > 1)
            elif column.is_required or self._random.random() < 0.7:
                row[column.name] = (
                    self._random.randint(0, 2)
                    if column.is_personal
                    else self._value(column.cell_type, tuple(column.values), day)
                )
            else:
                row[column.name] = None
        for name in ("talk_seconds", "from_partner_force", "is_test", "created_incident"):
            if row.get(name, 0) is None:
                row[name] = 0 if name == "talk_seconds" else False
        if "ended_at" in row:
            # The days are ends of months, so that many sessions run into the next one.
            row["ended_at"] = (row["accepted_at"] or row["requested_at"]) + timedelta(hours=7 * number % 41)
        if row.get("status") == "cancelled":
            row["cancelled_at"] = row["recorded_at"] + timedelta(hours=self._random.randint(0, 60))
        return row

    def _key(self, column: Column, number: int, *, shared_month: bool) -> Any:
        if column.cell_type is CellType.INTEGER or column.is_personal:
            return number
        if column.cell_type is CellType.TIMESTAMP:
            return datetime(2022, 10, 29, 20, 30) + timedelta(hours=number)  # noqa: DTZ001 (naive UTC)
        if column.cell_type is CellType.MONTH:
            # One month of all that a paper prints, or a month of each row of a table that has no other key.
            return date(2022, 10, 1) if shared_month else date(2021 + number // 12, number % 12 + 1, 1)
        return next(iter(column.values)) if column.values else f"{column.name} {number}"

    def _value(self, cell_type: CellType, values: tuple[str, ...], day: date) -> Any:
        if values:
            return self._random.choice(values)
        number = self._random.randint(0, 1439)
        return {
            CellType.TIMESTAMP: datetime(day.year, day.month, day.day) + timedelta(minutes=number),  # noqa: DTZ001
            CellType.DATE: day,
            CellType.MONTH: day,
            CellType.BOOLEAN: number % 2 == 0,
            CellType.INTEGER: number % 100,
            CellType.SECONDS: number % 100,
            CellType.DECIMAL: Decimal(number) / 100,
        }.get(cell_type, f"text {number % 3}")
