"""Write drawn histories into the raw and audit tables, and drawn definitions into the seeds, as loading leaves them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import duckdb

from tests.compiled_project import CompiledProject, build_node, insert
from tests.reference.history import DAILY_SOURCES, Counts, Dated, Definitions, History, World

# Of every load.
LOAD = {
    "file_name": "file",
    "file_sha256": "hash",
    "rows_loaded": 0,
    "rows_quarantined": 0,
    "is_synthetic": False,
    "loaded_at": datetime(2025, 6, 1),  # noqa: DTZ001 (naive UTC, as the columns are)
    "run_id": "run",
}


def build_world(
    connection: duckdb.DuckDBPyConnection, project: CompiledProject, world: World, *, shuffle: int | None = None
) -> None:
    """Load a world and build every table; with `shuffle` the rows lie in a drawn order."""
    nodes = [node for node in project.nodes.values() if node.kind != "test"]
    load_history(connection, world.history, shuffle=shuffle)
    for node in (node for node in nodes if node.kind == "seed"):
        build_node(connection, node)
    load_definitions(connection, world.definitions)
    for node in (node for node in nodes if node.kind != "seed"):
        build_node(connection, node)


def load_history(connection: duckdb.DuckDBPyConnection, history: History, *, shuffle: int | None = None) -> None:
    """Write a history, one load or more a source and day, and number its rows.

    A load of each source was replaced and counts for nothing: it has a row of another force and a faulty one.
    """
    dice = random.Random(shuffle)
    loads: list[dict[str, Any]] = []
    by_force: list[dict[str, Any]] = []
    for source in DAILY_SOURCES:
        numbers: dict[tuple[date, str | None], int] = {}
        first = min(history.contents(source))
        for day, counts, status in [*_files(history.contents(source)), (first, {"norfolk": (1, 1, 0)}, "replaced")]:
            number = len(loads) + 1
            of_load = {"load_id": number, "source": source, "extract_date": day, "status": status, "change_seq": number}
            loads.append(LOAD | of_load | {"rows_read": sum(map(sum, counts.values()))})
            for force, (loaded, faulty, repeated) in counts.items():
                numbers[day, force] = number
                rows = {"rows_loaded": loaded, "rows_quarantined": faulty + repeated, "rows_repeated": repeated}
                rows["rows_read"] = loaded + faulty + repeated
                by_force.append({"load_id": number, "force_code": force, **rows})
        for position, row in enumerate(history.rows[source], start=1):
            row |= {"load_id": numbers[row["extract_date"], row["force_code"]], "source_row": position}
        replaced = {"force_code": "norfolk", "extract_date": first, "load_id": len(loads)}
        insert(
            connection,
            f"raw.{source}",
            _shuffled(dice, [*history.rows[source], history.rows[source][0] | replaced], shuffle),
        )
    insert(connection, "audit.load", _shuffled(dice, loads, shuffle))
    insert(connection, "audit.load_force", _shuffled(dice, by_force, shuffle))


def _shuffled(dice: random.Random, rows: list[Any], shuffle: int | None) -> list[Any]:
    return rows if shuffle is None else dice.sample(rows, len(rows))


def _files(contents: Mapping[date, Counts]) -> Iterator[tuple[date, Counts, str]]:
    """Rows of each file: one file of all forces, one for each, or two of some with an empty one between them."""
    for day, counts in sorted(contents.items()):
        forces = sorted(counts, key=str)
        kind = day.toordinal() % 4 if forces else 2
        for of_file in {0: [[force] for force in forces], 1: [forces[::2], [], forces[1::2]]}.get(kind, [forces]):
            yield day, {force: counts[force] for force in of_file}, "loaded" if of_file else "empty"


def load_definitions(connection: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Put drawn definitions in place of those that the project ships."""

    def replace(table: str, rows: list[tuple[Dated, dict[str, Any]]]) -> None:
        connection.execute(f"delete from reference.{table}")
        of = [{"force_code": row.force, "valid_from": row.first, "valid_to": row.last, **more} for row, more in rows]
        insert(connection, f"reference.{table}", [{"source": "drawn", **row} for row in of])

    columns = {
        "answer_target_seconds": "target_seconds",
        "short_abandon_seconds": "short_abandon_seconds",
        "called_back_counts_as_answered": "called_back_is_answered",
        "staffing_service_level_pct": "service_level_pct",
        "after_call_seconds": "after_call_seconds",
    }
    rules = [(row, line) for line, rows in definitions.calls.items() for row in rows]
    of_rules = [{column: getattr(row.value, name) for column, name in columns.items()} for row, _ in rules]
    replace("call_parameters", [(row, {"line": line, **of}) for (row, line), of in zip(rules, of_rules, strict=True)])
    targets = [(measure, row) for measure, rows in definitions.targets.items() for row in rows]
    replace("measure_targets", [(row, {"measure": of, "target": row.value, "kind": "target"}) for of, row in targets])
    formulas = {False: "pct_cancelled_of_recorded", True: "pct_cancelled_of_initially_recorded"}
    cancelled = definitions.counts_cancelled_as_recorded
    replace("cancelled_crime_formulas", [(row, {"formula": formulas[row.value]}) for row in cancelled])
