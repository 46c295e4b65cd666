"""The same work by bare DuckDB: what the warehouse is measured against. No Dagster, no dbt, no Great Expectations.

`python -m tests.long.benchmark.reference LANDING DATABASE --key FILE` reads CSV extracts as `data.py` writes them
(one header, comma, UTF-8, times as `YYYY-MM-DD HH:MM:SS`), so it does without finding out encodings, delimiters,
headers and ways of writing a time, without hashing and counting every file a second time, and without a run record.
The rest is the same work: every cell typed or its row quarantined with a reason, pseudonyms, clock changes, repeated
keys, raw tables, the expectations of the contracts, facts, the tests of the facts, and the monthly marts. Its tables
are named as the warehouse's, and `equality.py` compares them.

With `--facts` it ends with the facts: no checks, no monthly marts. With `--marts MANIFEST` the other marts follow, made
by the project's own compiled SQL in the order of their dependencies; with `--tests` the tests of all models, too. A new
warehouse is made each time; there is no night.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import yaml

from dagster_project.sql import literal
from dagster_project.warehouse.connection import marts_file

_SQL = Path(__file__).parent / "sql"
_SEEDS = Path(__file__).parents[3] / "dbt" / "seeds"
_NULL_WORDS = ("", "NULL", "N/A", "-", "#N/A", "#DIV/0!", "-9999")
_BLOCK = 64


class CheckFailed(RuntimeError):
    """The reference came to a result that it must not come to; the message says which check failed."""


@dataclass(frozen=True)
class Source:
    """What the shared statements need to know of a source.

    Attributes:
        columns: of the extracts, in their order, without the force.
        key: columns of its key, without the force.
        event: column of the local day of the event.
        measures: what its rules ask of a day: expression by name.
        rules: condition under which a day breaks a rule, by its name.
    """

    columns: tuple[str, ...]
    key: tuple[str, ...]
    event: str
    measures: Mapping[str, str]
    rules: Mapping[str, str]


SOURCES = {
    "call_segments": Source(
        columns=(
            *("call_id", "segment_no", "line", "arrived_at", "utc_offset_minutes", "queue_seconds", "disposition"),
            *("talk_seconds", "called_back_at", "operator_id", "caller_number"),
        ),
        key=("call_id", "segment_no"),
        event="arrived_date",
        measures={
            "answered_rows": "count(*) filter (disposition = 'answered')",
            "mean_talk_seconds": "avg(talk_seconds)",
            "offset_disagreements": """count(*) filter (
                utc_offset_minutes is not null
                and utc_offset_minutes <> case when ahead(arrived_at + interval 1 hour) in (60, -1) then 60 else 0 end
            )""",
        },
        rules={
            "some_calls_are_answered": "rows_loaded >= 100 and answered_rows = 0",
            "mean_talk_time_is_possible": "mean_talk_seconds > 7200",
            "utc_offsets_agree_with_the_clock": "offset_disagreements > 0",
        },
    ),
    "crimes": Source(
        columns=(
            *("crime_ref", "updated_at", "recorded_at", "offence_code", "status", "cancelled_at", "cancel_code"),
            *("report_channel", "district"),
        ),
        key=("crime_ref", "updated_at"),
        event="updated_date",
        measures={"cancelled_rows": "count(*) filter (status = 'cancelled')"},
        rules={"cancellations_are_a_minority": "rows_loaded >= 100 and cancelled_rows > 0.5 * rows_loaded"},
    ),
    "digital_contacts": Source(
        columns=("contact_id", "contact_type", "received_at", "from_partner_force", "is_test", "linked_reference"),
        key=("contact_id",),
        event="received_date",
        measures={"test_rows": "count(*) filter (is_test)"},
        rules={"tests_are_rare": "rows_loaded >= 100 and test_rows > 0.5 * rows_loaded"},
    ),
    "live_chats": Source(
        columns=(
            *("chat_id", "requested_at", "accepted_at", "ended_at", "operator_id", "topic"),
            "created_incident",
        ),
        key=("chat_id",),
        event="requested_date",
        measures={
            "accepted_rows": "count(accepted_at)",
            "longest_chat_hours": "max(date_diff('hour', requested_at, ended_at))",
        },
        rules={
            "some_chats_are_accepted": "rows_loaded >= 100 and accepted_rows = 0",
            "chats_end_within_a_day": "longest_chat_hours > 24",
        },
    ),
    "online_crime_reports": Source(
        columns=("submission_id", "service", "started_at", "submitted_at", "duplicate_of", "crime_ref"),
        key=("submission_id",),
        event="submitted_date",
        measures={"longest_form_hours": "max(date_diff('hour', started_at, submitted_at))"},
        rules={"forms_are_filled_within_a_day": "longest_form_hours > 24"},
    ),
}


def run(
    landing: Path,
    database: Path,
    *,
    secret: bytes,
    default_force: str = "kent",
    facts_alone: bool = False,
    manifest: Path | None = None,
    tests: bool = False,
    threads: int | None = None,
) -> dict[str, float]:
    """Make the warehouse of all extracts in a landing folder.

    Args:
        landing: folder with one folder for each of the five daily sources.
        database: file that is made; its name has to be `warehouse.duckdb` for the compiled models to find it.
        secret: key of the pseudonyms.
        default_force: force of extracts without a force column.
        facts_alone: without checks and monthly marts.
        manifest: dbt's, with compiled SQL of a build from scratch; makes the other marts as well.
        tests: also run the tests in the manifest.
        threads: of DuckDB; its own choice when left out.

    Returns:
        Wall seconds by part.

    Raises:
        CheckFailed: a check of the data failed.
        FileExistsError: the database is there already.
    """
    if database.exists():
        raise FileExistsError(f"{database} exists")
    database.parent.mkdir(parents=True, exist_ok=True)
    parts: dict[str, float] = {}
    with duckdb.connect(str(database), config={"threads": str(threads)} if threads else {}) as connection:
        clock = time.perf_counter()

        def lap(name: str) -> None:
            nonlocal clock
            now = time.perf_counter()
            parts[name] = round(now - clock, 3)
            clock = now

        connection.execute("set TimeZone = 'UTC'")
        attach_marts(connection, database)
        for name, pad in hmac_pads(secret).items():
            connection.execute(f"set variable {name}_pad = $pad", {"pad": pad})
        _execute(connection, "macros.sql", {})
        _execute(connection, "schema.sql", {})
        _read_seeds(connection)
        lap("seeds")
        first_load_id = 1
        for source in SOURCES:
            first_load_id += _load(connection, source, landing / source, first_load_id, default_force)
            lap(source)
            if not facts_alone:
                _check(connection, source)
                lap(f"{source} checks")
        if not facts_alone:
            _execute(connection, "monthly.sql", {})
            lap("monthly marts")
        if manifest is not None:
            nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
            _make_other_marts(connection, nodes)
            lap("other marts")
            if tests:
                _run_tests(connection, nodes)
                lap("tests")
        connection.execute("checkpoint warehouse; checkpoint fcir")
        lap("checkpoint")
    return parts


def attach_marts(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Open the file of the marts beside a database, as the compiled models name it; make it if there is none."""
    connection.execute(f"attach {literal(str(marts_file(database)))} as fcir")
    connection.execute("create schema if not exists fcir.marts; set search_path = 'warehouse.main,fcir.marts'")


def hmac_pads(secret: bytes) -> dict[str, bytes]:
    """The two keys that HMAC (RFC 2104) makes of a secret for SHA-256, `inner` and `outer`."""
    padded = secret.ljust(_BLOCK, b"\0")
    return {name: bytes(byte ^ mask for byte in padded) for name, mask in (("inner", 0x36), ("outer", 0x5C))}


def _read_seeds(connection: duckdb.DuckDBPyConnection) -> None:
    """The lists that the models read, with the types that dbt gives them."""
    for file, column_types in seeds().items():
        types = ", ".join(f"{literal(name)}: {literal(sql_type)}" for name, sql_type in column_types.items())
        connection.execute(
            f"create table reference.{file.stem} as from read_csv($file, header = true, "
            f"auto_detect = false, quote = '\"', escape = '\"', delim = ',', columns = {{{types}}})",
            {"file": str(file)},
        )


def seeds() -> dict[Path, dict[str, str]]:
    """The lists that the models read: files of the project's seeds, with the types of their columns."""
    return {
        _SEEDS / f"{seed['name']}.csv": seed["config"]["column_types"]
        for properties in sorted(_SEEDS.glob("*.yml"))
        for seed in yaml.safe_load(properties.read_text(encoding="utf-8"))["seeds"]
    }


def _load(
    connection: duckdb.DuckDBPyConnection, source: str, folder: Path, first_load_id: int, default_force: str
) -> int:
    """Read all extracts of a source into its raw table and facts; gives the number of files."""
    # Files of a day in the order of their names; a full stop comes before an underscore.
    files = sorted(folder.iterdir(), key=lambda file: (_day(file, source), file.name))
    connection.execute("set variable extracts = $files", {"files": [str(file) for file in files]})
    # A table, and no list: a list is written out again for every block of rows, of which each file has one.
    connection.execute(
        """
        create temp table file as
        select
            file_index,
            $first_load_id + file_index as load_id,
            ($days)[file_index + 1] as extract_date,
            ($names)[file_index + 1] as file_name
        from range($files) as files (file_index)
        """,
        {
            "first_load_id": first_load_id,
            "days": [_day(file, source) for file in files],
            "names": [file.name for file in files],
            "files": len(files),
        },
    )
    blanks = blanks_of(source, "getvariable('extracts')", first=files[0], default_force=default_force)
    _execute(connection, f"{source}.sql", blanks)
    _execute(connection, "loaded.sql", blanks)
    return len(files)


def blanks_of(source: str, files: str, *, first: Path, default_force: str) -> dict[str, str]:
    """What the statements of a source leave open, in SQL.

    Args:
        source: its name.
        files: SQL of the files that DuckDB's `read_csv` reads, in the order of their days and names.
        first: one of them, whose header tells whether they have a column of the force.
        default_force: force of extracts without it.
    """
    of_source = SOURCES[source]
    with first.open(encoding="utf-8") as stream:
        has_force = stream.readline().startswith("force_code")
    columns = (["force_code"] if has_force else []) + list(of_source.columns)
    texts = ", ".join(f"{literal(name)}: 'varchar'" for name in columns)
    # Numbered in the order of the files and lines, so that no later step has to keep it.
    extract = f"""(
        select
            *,
            cast(file_index as bigint) as file_index,
            row_number() over () as row_no
        from read_csv(
            {files},
            header = true, delim = ',', quote = '"', escape = '"', auto_detect = false, strict_mode = true,
            nullstr = [{", ".join(map(literal, _NULL_WORDS))}], columns = {{{texts}}}
        )
    )"""
    return {
        "source": source,
        "extract": extract,
        "force": f"coalesce(lower(force_code), {literal(default_force)})" if has_force else literal(default_force),
        "key": ", ".join(["force_code", *of_source.key]),
        "cells": ", ".join(["force_code", *of_source.columns]),
        "repeated_keys": (_SQL / "repeated_keys.sql").read_text(encoding="utf-8").rstrip().rstrip(";") + ";",
    }


def _day(file: Path, source: str) -> date:
    return date.fromisoformat(file.name[len(source) + 1 : len(source) + 11])


def _execute(connection: duckdb.DuckDBPyConnection, name: str, blanks: Mapping[str, str]) -> None:
    """Execute the statements of a file, `{blanks}` filled in."""
    for statement in statements(name, blanks):
        connection.execute(statement)


def statements(name: str, blanks: Mapping[str, str]) -> Iterator[str]:
    """The statements of a file in `sql/`, `{blanks}` filled in."""
    text = (_SQL / name).read_text(encoding="utf-8")
    # Twice: what fills a blank has blanks itself.
    for _ in range(2):
        for blank, filling in blanks.items():
            text = text.replace("{" + blank + "}", filling)
    yield from (statement for statement in text.split(";\n") if statement.strip())


def _check(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """The expectations of a source and the tests of its facts.

    Raises:
        CheckFailed: a row or a day is not as it has to be.
    """
    for statement in checks_of(source):
        cursor = connection.execute(statement)
        found = dict(zip((column[0] for column in cursor.description or ()), cursor.fetchone() or (), strict=True))
        failed = {name: count for name, count in found.items() if count}
        if failed:
            raise CheckFailed(
                f"{source}: " + ", ".join(f"{name} fails {count} times" for name, count in failed.items())
            )


def checks_of(source: str) -> list[str]:
    """Queries of one row that counts, by the name of a check, the rows and days that fail it.

    Rows after the extract date or an empty day, which are worth no more than a warning, are counted anyway.
    """
    of_source = SOURCES[source]
    event = of_source.event
    optional = [name for name in of_source.columns if name not in of_source.key]
    measures = {
        **of_source.measures,
        "rows_after": f"count(*) filter ({event} > extract_date)",
        "rows_long_before": f"count(*) filter ({event} < extract_date - 31)",
    }
    month_before = "over (order by extract_date range between interval 28 day preceding and interval 1 day preceding)"
    silent = (
        f"filled_{name} = 0 and sum(filled_{name}) {month_before} * rows_loaded >= 10 * sum(rows_loaded) {month_before}"
        for name in optional
    )
    judged = ", ".join(f"count(*) filter ({condition}) as {name}" for name, condition in of_source.rules.items())
    blanks = {
        "source": source,
        "measures": ",\n        ".join(f"{expression} as {name}" for name, expression in measures.items()),
        "filled": ",\n        ".join(f"count({name}) as filled_{name}" for name in optional),
        "rules": judged,
        "silent": "count(*) filter (is_silent) as columns_that_had_values_still_have_them",
    }
    of_rows, (of_days,) = statements(f"{source}_checks.sql", {}), statements("deliveries.sql", blanks)
    judged_days = f"from (select *, {' or '.join(silent)} as is_silent from judged)"
    return [*of_rows, of_days.replace("from judged", judged_days)]


def _make_other_marts(connection: duckdb.DuckDBPyConnection, nodes: Mapping[str, Any]) -> None:
    """The models of dbt that the reference has not made itself, in the order of their dependencies."""
    # Here: they load what the rest of the reference need not pay for.
    from dagster_project.contracts import load_contracts
    from dagster_project.settings import CONTRACTS
    from dagster_project.warehouse.tables import ensure_tables

    ensure_tables(connection, load_contracts(CONTRACTS).values())
    connection.execute("create schema staging; create schema changes; create schema measures")
    made = {
        row[0]
        for row in connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
    }
    # What the facts are made from.
    made |= {f"int_{source}_current" for source in SOURCES}
    models = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
    order = TopologicalSorter({name: node["depends_on"]["nodes"] for name, node in models.items()})
    for name in order.static_order():
        node = models.get(name)
        if node is None or node["name"] in made:
            continue
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        connection.execute(f"create {kind} {node['relation_name']} as {node['compiled_code']}")


def _run_tests(connection: duckdb.DuckDBPyConnection, nodes: Mapping[str, Any]) -> None:
    """The data tests of dbt.

    Raises:
        CheckFailed: a test finds rows.
    """
    skipped = {f"int_{source}_current" for source in SOURCES}
    for node in nodes.values():
        if node["resource_type"] != "test" or any(f'"{name}"' in node["compiled_code"] for name in skipped):
            continue
        found = connection.execute(f"select count(*) from ({node['compiled_code']})").fetchone()
        if found and found[0]:
            raise CheckFailed(f"{node['name']} finds {found[0]} rows")


def main() -> None:
    """Make the reference's warehouse from a landing folder, and say how long its parts took."""
    parser = ArgumentParser(prog="python -m tests.long.benchmark.reference")
    parser.add_argument("landing", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--key", type=Path, required=True, help="file with the key of the pseudonyms")
    parser.add_argument("--force", default="kent", help="force of extracts without a force column")
    parser.add_argument("--facts", action="store_true", help="facts alone: no checks, no monthly marts")
    parser.add_argument("--marts", type=Path, help="manifest of dbt, for the other marts")
    parser.add_argument("--tests", action="store_true", help="the tests in the manifest as well")
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    parts = run(
        asked.landing,
        asked.database,
        secret=bytes.fromhex(asked.key.read_text(encoding="ascii").strip()),
        default_force=asked.force,
        facts_alone=asked.facts,
        manifest=asked.marts,
        tests=asked.tests,
        threads=asked.threads,
    )
    sys.stdout.write("".join(f"{name:<30}{seconds:>9.2f} s\n" for name, seconds in parts.items()))


if __name__ == "__main__":
    main()
