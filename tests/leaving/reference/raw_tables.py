"""Write drawn histories into the raw and audit tables, and drawn definitions into the seeds, as loading leaves them."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from tests.leaving.reference.compiled_project import CompiledProject, build_nodes, insert
from tests.leaving.reference.history import DAILY_SOURCES, Counts, History
from tests.leaving.reference.measures import Definitions
from tests.leaving.reference.worlds import World

LOADED_AT = datetime(2023, 6, 1, tzinfo=UTC).replace(tzinfo=None)


def build_world(
    connection: duckdb.DuckDBPyConnection,
    project: CompiledProject,
    world: World,
    *tables: str,
    shuffle: int | None = None,
) -> None:
    """Load a world and build the named tables with all that they read; all tables when none is named."""
    needed = {node.unique_id for table in tables or project.by_name for node in project.ancestors(table)}
    nodes = [node for unique_id, node in project.nodes.items() if unique_id in needed]
    load_history(connection, world.history, shuffle=shuffle)
    build_nodes(connection, [node for node in nodes if node.kind == "seed"])
    load_definitions(connection, world.definitions)
    build_nodes(connection, [node for node in nodes if node.kind != "seed"])


def load_history(connection: duckdb.DuckDBPyConnection, history: History, *, shuffle: int | None = None) -> None:
    """Write a history: one load or more a source and day. With `shuffle` the rows lie in a drawn order."""
    loads: list[dict[str, Any]] = []
    by_force: list[dict[str, Any]] = []
    for source in DAILY_SOURCES:
        numbers: dict[tuple[date, str | None], int] = {}
        for day, counts in sorted(history.contents(source).items()):
            for forces in _files(day, counts):
                number = len(loads) + 1
                numbers |= {(day, force): number for force in forces}
                read = sum(sum(counts[force]) for force in forces)
                loads.append(
                    {
                        "load_id": number,
                        "source": source,
                        "extract_date": day,
                        "file_name": f"file {number}",
                        "file_sha256": "hash",
                        "rows_read": read,
                        "rows_loaded": 0,
                        "rows_quarantined": 0,
                        "status": "loaded" if read else "empty",
                        "is_synthetic": False,
                        "loaded_at": LOADED_AT,
                        "run_id": "run",
                        "change_seq": number,
                    }
                )
                by_force += [
                    {
                        "load_id": number,
                        "force_code": force,
                        "rows_read": loaded + faulty + repeated,
                        "rows_loaded": loaded,
                        "rows_quarantined": faulty + repeated,
                        "rows_repeated": repeated,
                    }
                    for force in forces
                    for loaded, faulty, repeated in [counts[force]]
                ]
        rows = [
            {**row, "load_id": numbers[row["extract_date"], row["force_code"]], "source_row": position}
            for position, row in enumerate(history.rows[source], start=1)
        ]
        if shuffle is not None:
            random.Random(shuffle).shuffle(rows)
        insert(connection, f"raw.{source}", rows)
    if shuffle is not None:
        random.Random(shuffle).shuffle(loads)
        random.Random(shuffle).shuffle(by_force)
    insert(connection, "audit.load", loads)
    insert(connection, "audit.load_force", by_force)


def _files(day: date, counts: Counts) -> list[list[str | None]]:
    """Forces of each file of a day: one file of all, one for each, or two of some with an empty one between them."""
    forces = sorted(counts, key=str)
    kind = day.toordinal() % 4
    if kind == 0 and forces:
        return [[force] for force in forces]
    if kind == 1:
        return [forces[::2], [], forces[1::2]]
    return [forces]


def load_definitions(connection: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Put drawn definitions in place of those that the project ships."""
    connection.execute("delete from reference.call_parameters")
    insert(
        connection,
        "reference.call_parameters",
        [
            {
                "force_code": row.force,
                "line": line,
                "valid_from": row.first,
                "valid_to": row.last,
                "answer_target_seconds": row.value.target_seconds,
                "short_abandon_seconds": row.value.short_abandon_seconds,
                "called_back_counts_as_answered": row.value.called_back_is_answered,
                "staffing_service_level_pct": row.value.service_level_pct,
                "after_call_seconds": row.value.after_call_seconds,
                "source": "drawn",
            }
            for line, rows in definitions.calls.items()
            for row in rows
        ],
    )
    connection.execute("delete from reference.measure_targets")
    insert(
        connection,
        "reference.measure_targets",
        [
            {
                "force_code": row.force,
                "measure": measure,
                "valid_from": row.first,
                "valid_to": row.last,
                "target": row.value,
                "kind": "target",
                "source": "drawn",
            }
            for measure, rows in definitions.targets.items()
            for row in rows
        ],
    )
    connection.execute("delete from reference.cancelled_crime_formulas")
    insert(
        connection,
        "reference.cancelled_crime_formulas",
        [
            {
                "force_code": row.force,
                "valid_from": row.first,
                "valid_to": row.last,
                "formula": "pct_cancelled_of_initially_recorded" if row.value else "pct_cancelled_of_recorded",
                "source": "drawn",
            }
            for row in definitions.counts_cancelled_as_recorded
        ],
    )
