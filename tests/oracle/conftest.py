"""The random history that the oracle's tests share, its naive figures, and the marts that dbt builds of it, once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from naive_measures import NaiveWarehouse
from random_history import DAILY_SOURCES, FORCES, History, draw

from dagster_project.contracts import load_contracts
from dagster_project.warehouse.tables import ensure_tables

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def history() -> History:
    return draw(20221030, FORCES)


@pytest.fixture(scope="session")
def naive(history: History) -> dict[str, NaiveWarehouse]:
    return {force: NaiveWarehouse(history, force) for force in FORCES}


@pytest.fixture(scope="session")
def marts(history: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("oracle")
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        ensure_tables(connection, load_contracts(ROOT / "expectations").values())
        _load(connection, history)
    environment = {
        **os.environ,
        "FCIR_WAREHOUSE": str(warehouse),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    selection = ["--exclude-resource-type", "test", "unit_test"]
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--profiles-dir", ".", *selection]
    result = subprocess.run(command, cwd=ROOT / "dbt", env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        yield connection


def _load(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Write the history as the loading engine leaves it: one load a source and day, and rows of a replaced load."""
    loads, load_id = [], 0
    moment = datetime(2023, 6, 1, tzinfo=UTC).replace(tzinfo=None)
    for source in DAILY_SOURCES:
        numbers: dict[date, int] = {}
        for day in sorted(history.delivered[source]):
            load_id += 1
            numbers[day] = load_id
        used = {row["extract_date"] for row in history.rows[source]}
        for day, number in numbers.items():
            status = "loaded" if day in used else "empty"
            loads.append(
                (number, source, day, "file", "hash", 0, 0, 0, status, None, None, False, moment, "run", number)
            )
        columns = list(history.rows[source][0])
        values = [
            (*(row[column] for column in columns), numbers[row["extract_date"]], position)
            for position, row in enumerate(history.rows[source], start=1)
        ]
        # What a correction has replaced stays in raw and must count for nothing.
        load_id += 1
        first = sorted(used)[0]
        loads.append(
            (load_id, source, first, "old", "old", 0, 0, 0, "replaced", None, None, False, moment, "run", load_id)
        )
        key = {"call_segments": "call_id", "digital_contacts": "contact_id", "live_chats": "chat_id"}.get(source)
        replaced = dict(history.rows[source][0]) | ({key: "replaced"} if key else {})
        replaced["extract_date"] = first
        if key:
            values.append((*(replaced[column] for column in columns), load_id, 1))
        names = ", ".join([*columns, "load_id", "source_row"])
        marks = ", ".join("?" for _ in range(len(columns) + 2))
        connection.executemany(f"insert into raw.{source} ({names}) values ({marks})", values)  # noqa: S608 - names of ours
    for load in loads:
        connection.execute(
            "insert into audit.load (load_id, source, extract_date, file_name, file_sha256, rows_read, rows_loaded,"
            " rows_quarantined, status, reason, warnings, is_synthetic, loaded_at, run_id, change_seq)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            load,
        )
