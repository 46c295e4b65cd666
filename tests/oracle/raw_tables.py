"""Write drawn histories into the raw and audit tables, and drawn definitions into the seeds, as loading leaves them."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from typing import Any

import duckdb
from compiled_project import insert
from naive_measures import Definitions
from random_history import DAILY_SOURCES, History

LOADED_AT = datetime(2023, 6, 1, tzinfo=UTC).replace(tzinfo=None)


def load_history(connection: duckdb.DuckDBPyConnection, history: History, *, shuffle: int | None = None) -> None:
    """Write a history: one load a source and day. With `shuffle` the rows lie in a drawn order."""
    loads: list[dict[str, Any]] = []
    for source in DAILY_SOURCES:
        numbers: dict[date, int] = {}
        for day in sorted(history.delivered[source]):
            numbers[day] = len(loads) + 1
            loads.append(
                {
                    "load_id": numbers[day], "source": source, "extract_date": day, "file_name": "file",
                    "file_sha256": "hash", "rows_read": 0, "rows_loaded": 0, "rows_quarantined": 0,
                    "status": "loaded", "is_synthetic": False, "loaded_at": LOADED_AT, "run_id": "run",
                    "change_seq": numbers[day],
                }
            )  # fmt: skip
        rows = [
            {**row, "load_id": numbers[row["extract_date"]], "source_row": position}
            for position, row in enumerate(history.rows[source], start=1)
        ]
        if shuffle is not None:
            random.Random(shuffle).shuffle(rows)
        insert(connection, f"raw.{source}", rows)
    if shuffle is not None:
        random.Random(shuffle).shuffle(loads)
    insert(connection, "audit.load", loads)


def load_definitions(connection: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Put drawn definitions in place of those that the project ships."""
    connection.execute("delete from reference.call_parameters")
    insert(
        connection,
        "reference.call_parameters",
        [
            {
                "force_code": row.force, "line": line, "valid_from": row.first, "valid_to": row.last,
                "answer_target_seconds": row.value.target_seconds,
                "short_abandon_seconds": row.value.short_abandon_seconds,
                "called_back_counts_as_answered": row.value.called_back_is_answered,
                "staffing_service_level_pct": 90, "after_call_seconds": 0, "source": "drawn",
            }
            for line, rows in definitions.calls.items()
            for row in rows
        ],
    )  # fmt: skip
    connection.execute("delete from reference.measure_targets")
    insert(
        connection,
        "reference.measure_targets",
        [
            {
                "force_code": row.force, "measure": measure, "valid_from": row.first, "valid_to": row.last,
                "target": row.value, "kind": "target", "source": "drawn",
            }
            for measure, rows in definitions.targets.items()
            for row in rows
        ],
    )  # fmt: skip
    connection.execute("delete from reference.cancelled_crime_formulas")
    insert(
        connection,
        "reference.cancelled_crime_formulas",
        [
            {
                "force_code": row.force, "valid_from": row.first, "valid_to": row.last,
                "formula": "pct_cancelled_of_initially_recorded" if row.value else "pct_cancelled_of_recorded",
                "source": "drawn",
            }
            for row in definitions.counts_cancelled_as_recorded
        ],
    )  # fmt: skip
