"""Whether two DuckDB files hold the same tables: counts, sums of hashes, and rows that differ.

A ratio of costs means nothing between programs that come to different results, so nothing is measured before the tables
are equal.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project.sql import literal, quoted
from dagster_project.warehouse.connection import marts_file
from tests.long.benchmark.reference import SOURCES

# Marts that are about a run and not about what was delivered: they have its time, its number or the words of a check.
_OF_A_RUN = {
    *("load_audit", "quarantine", "expectation_results", "corrections", "published_versions", "revisions"),
    *("data_dictionary", "deliveries", "delivery_totals"),
}
# What the audit tables say of files.
_AUDIT = {
    "load": ["source", "extract_date", "file_name", "rows_read", "rows_loaded", "rows_quarantined", "status"],
    "quarantine": ["source", "file_name", "source_row", "column_name", "reason_code"],
}
_SHOWN = 3


def differences(expected: Path, found: Path) -> list[str]:
    """Compare the raw tables, the counts of files, the quarantined rows and the marts of two databases.

    Args:
        expected: database of the reference; the marts that it has are compared.
        found: another one; its marts are in a file beside it or in itself.

    Returns:
        For every table that differs, the number of rows of each side, and some rows that only one side has.
    """
    with duckdb.connect() as connection:
        for name, file in (("expected", expected), ("found", found)):
            connection.execute(f"attach {literal(str(file))} as {name} (read_only)")
            if marts_file(file).exists():
                connection.execute(f"attach {literal(str(marts_file(file)))} as {name}_marts (read_only)")
        marts = "found_marts" if marts_file(found).exists() else "found"
        of_marts = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'expected_marts' order by table_name"
        ).fetchall()
        # A raw table of the reference has more columns than that of the warehouse; a mart has all.
        compared = [
            *((f"raw.{name}", f"found.raw.{name}", _columns(connection, f"found.raw.{name}")) for name in SOURCES),
            *((f"audit.{name}", f"found.audit.{name}", columns) for name, columns in _AUDIT.items()),
        ]
        texts = [_difference(connection, f"expected.{name}", relation, columns) for name, relation, columns in compared]
        for (name,) in of_marts:
            if name not in _OF_A_RUN:
                mart = f"expected_marts.marts.{name}"
                texts.append(_difference(connection, mart, f"{marts}.marts.{name}", _columns(connection, mart)))
    return [text for text in texts if text]


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """Return the columns of a relation that are compared: numbers of loads and rows are each program's own."""
    names = [name for name, *_ in connection.execute(f"describe {relation}").fetchall()]
    return [name for name in names if name not in ("load_id", "row_no")]


def _difference(connection: duckdb.DuckDBPyConnection, expected: str, found: str, columns: list[str]) -> str:
    types = {name: kind for name, kind, *_ in connection.execute(f"describe {expected}").fetchall()}
    # Equal values of different types have different hashes.
    selected = ", ".join(f"cast({quoted(name)} as {types[name]}) as {quoted(name)}" for name in columns)
    sides = [f"(select {selected} from {side})" for side in (expected, found)]
    hashed = ", ".join(map(quoted, columns))
    sums = [connection.execute(f"select count(*), sum(hash({hashed})) from {side}").fetchall()[0] for side in sides]
    if sums[0] == sums[1]:
        return ""
    lines = [f"{expected}: {sums[0][0]} rows expected, {sums[1][0]} found ({hashed})"]
    for word, first, second in (("expected", *sides), ("found", *reversed(sides))):
        rows = connection.execute(f"from {first} except all from {second} order by all limit {_SHOWN}").fetchall()
        lines += [f"    only {word}: {', '.join(map(str, row))}" for row in rows]
    return "\n".join(lines)
