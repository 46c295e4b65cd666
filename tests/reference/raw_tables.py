"""Write drawn histories into the raw and audit tables, and drawn definitions into the seeds, as loading leaves them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from tests.compiled_project import CompiledProject, build_node, insert
from tests.reference.history import DAILY_SOURCES, DISTRICTS, Counts, Dated, Definitions, History, World
from tests.reference.measures import EVENTS, day_of

LOADED_AT = datetime(2025, 6, 1, tzinfo=UTC).replace(tzinfo=None)


def build_world(
    connection: duckdb.DuckDBPyConnection, project: CompiledProject, world: World, *, shuffle: int | None = None
) -> None:
    """Load a world and build every table; with `shuffle` the rows lie in a drawn order."""
    nodes = [node for node in project.nodes.values() if node.kind != "test"]
    load_history(connection, world.history, shuffle=shuffle)
    for node in sorted(nodes, key=lambda node: node.kind != "seed"):
        if node.kind != "seed" and node is next(other for other in nodes if other.kind != "seed"):
            load_definitions(connection, world.definitions)
            listed = [{"force_code": force, "district": of} for force in world.forces for of in DISTRICTS]
            insert(connection, "reference.districts", listed)
        build_node(connection, node)


def load_history(connection: duckdb.DuckDBPyConnection, history: History, *, shuffle: int | None = None) -> None:
    """Write a history, one load or more a source and day, and number its rows.

    A load of each source was replaced and counts for nothing: it has rows of events of another force and a faulty row
    of a force that would be owed.
    """
    dice = random.Random(shuffle)
    loads: list[dict[str, Any]] = []
    by_force: list[dict[str, Any]] = []
    for source in DAILY_SOURCES:
        numbers: dict[tuple[date, str | None], int] = {}
        first = min(history.contents(source))
        others = [(first, {"norfolk": (1, 1, 0)}, "replaced")]
        others += [(day, {}, "rejected") for day in sorted(history.rejected_corrections[source])]
        for day, counts, status in [*_files(history.contents(source)), *others]:
            number = len(loads) + 1
            read = sum(map(sum, counts.values()))
            loads.append(_load(number, source, day, read, status))
            for force, (loaded, faulty, repeated) in counts.items():
                of_lines = history.lines()[day][force] if source == "call_segments" and status == "loaded" else {}
                by_force += [_counts(number, force, rows, 0, 0) | {"member": of} for of, rows in of_lines.items()]
                by_force.append(_counts(number, force, 0 if of_lines else loaded, faulty, repeated) | {"member": None})
            numbers |= {(day, force): number for force in counts}
        for position, row in enumerate(history.rows[source], start=1):
            row |= {"load_id": numbers[row["extract_date"], row["force_code"]], "source_row": position}
        rows = [*history.rows[source]]
        if source == "call_segments":
            keys = [(day, force) for force, day in sorted(history.silent) if (day, force) in numbers]
            silent = [{"load_id": numbers[day, force], "force_code": force} for day, force in keys]
            insert(connection, "audit.silent_column", [{**row, "column_name": "talk_seconds"} for row in silent])
        replaced = len(loads) - len(history.rejected_corrections[source])
        rows.append({**rows[0], "force_code": "norfolk", "extract_date": first, "load_id": replaced})
        if shuffle is not None:
            dice.shuffle(rows)
        insert(connection, f"raw.{source}", rows)
        events = Counter((row["load_id"], row["force_code"], day_of(row[EVENTS[source]])) for row in rows)
        for day, of in history.others[source].items():
            events.update({(numbers[day, force], force, day): counts[0] for force, counts in of.items() if force})
        of_events = [dict(zip(("load_id", "force_code", "event_date"), key, strict=True)) for key in events]
        counted = [{**row, "rows_loaded": rows} for row, rows in zip(of_events, events.values(), strict=True)]
        insert(connection, "audit.load_event", counted)
    if shuffle is not None:
        dice.shuffle(loads)
        dice.shuffle(by_force)
    insert(connection, "audit.load", loads)
    insert(connection, "audit.load_force", by_force)


def _load(number: int, source: str, day: date, read: int, status: str) -> dict[str, Any]:
    return {
        "load_id": number,
        "source": source,
        "extract_date": day,
        "file_name": f"file {number}",
        "file_sha256": "hash",
        "rows_read": read,
        "rows_loaded": 0,
        "rows_quarantined": 0,
        "status": status,
        "is_synthetic": False,
        "loaded_at": LOADED_AT,
        "run_id": "run",
        "change_seq": number,
    }


def _counts(number: int, force: str | None, loaded: int, faulty: int, repeated: int) -> dict[str, Any]:
    return {
        "load_id": number,
        "force_code": force,
        "rows_read": loaded + faulty + repeated,
        "rows_loaded": loaded,
        "rows_quarantined": faulty + repeated,
        "rows_repeated": repeated,
    }


def _files(contents: Mapping[date, Counts]) -> Iterator[tuple[date, Counts, str]]:
    """Rows of each file: one file of all forces, one for each, or two of some with an empty one between them."""
    for day, counts in sorted(contents.items()):
        forces = sorted(counts, key=str)
        kind = day.toordinal() % 4 if forces else 2
        files = {0: [[force] for force in forces], 1: [forces[::2], [], forces[1::2]]}.get(kind, [forces])
        for of_file in files:
            yield day, {force: counts[force] for force in of_file}, "loaded" if of_file else "empty"


def load_definitions(connection: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Put drawn definitions in place of those that the project ships."""

    def replace(table: str, rows: list[dict[str, Any]]) -> None:
        connection.execute(f"delete from reference.{table}")
        insert(connection, f"reference.{table}", rows)

    def dated(row: Dated) -> dict[str, Any]:
        return {"force_code": row.force, "valid_from": row.first, "valid_to": row.last, "source": "drawn"}

    replace(
        "call_parameters",
        [
            {
                **dated(row),
                "line": line,
                "answer_target_seconds": row.value.target_seconds,
                "short_abandon_seconds": row.value.short_abandon_seconds,
                "called_back_counts_as_answered": row.value.called_back_is_answered,
                "staffing_service_level_pct": row.value.service_level_pct,
                "after_call_seconds": row.value.after_call_seconds,
            }
            for line, rows in definitions.calls.items()
            for row in rows
        ],
    )
    targets = [(measure, row) for measure, rows in definitions.targets.items() for row in rows]
    replace(
        "measure_targets",
        [{**dated(row), "measure": measure, "target": row.value, "kind": "target"} for measure, row in targets],
    )
    formulas = {False: "pct_cancelled_of_recorded", True: "pct_cancelled_of_initially_recorded"}
    replace(
        "cancelled_crime_formulas",
        [{**dated(row), "formula": formulas[row.value]} for row in definitions.counts_cancelled_as_recorded],
    )
