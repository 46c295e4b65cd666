"""Whether two DuckDB files hold the same tables: counts, sums of hashes, and the rows that differ.

A ratio of costs means nothing between programs that come to different results, so that nothing is printed before the
tables are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.sql import literal, table
from dagster_project.warehouse.connection import marts_file

_FACTS = (
    *("fct_call_segment", "fct_call", "fct_crime_status", "fct_crime", "fct_digital_contact"),
    *("fct_online_crime_report", "fct_live_chat"),
)
_RAW = ("call_segments", "crimes", "digital_contacts", "online_crime_reports", "live_chats")
_MONTHLY = (
    *("kpi_calls_monthly", "kpi_digital_monthly", "kpi_ocr_monthly", "kpi_live_chat_monthly", "kpi_crime_monthly"),
    "kpi_cancellations_monthly",
)
# Marts that are about a run and not about what was delivered: they have its time, its number or the words of a check.
_OF_A_RUN = frozenset(
    {
        *("load_audit", "quarantine", "expectation_results", "corrections", "published_versions", "revisions"),
        *("data_dictionary", "deliveries", "delivery_totals"),
    }
)
# Rows of each side that a difference shows.
_SHOWN = 3


@dataclass(frozen=True)
class Comparison:
    """Two relations that have to hold the same rows.

    Attributes:
        name: what a difference is told under.
        expected, found: SQL of a relation, as it stands after FROM: in the catalogues `expected` and `expected_marts`,
            and in `found`. Found marts by their schema alone: the project has a file for them, another program has not.
        columns: those that are compared; None: all that both have.
        excluded: columns that may differ.
        is_whole: whether a column that only the expected one has is a difference.
    """

    name: str
    expected: str
    found: str
    columns: tuple[str, ...] | None = None
    excluded: frozenset[str] = frozenset()
    is_whole: bool = False


# The numbers of loads are each program's own.
_LOAD = frozenset({"load_id"})

FACTS = tuple(
    Comparison(
        f"marts.{name}",
        table("expected_marts", "marts", name),
        table("marts", name),
        excluded=_LOAD,
        is_whole=True,
    )
    for name in _FACTS
)
"""The facts, with the file day and row that each comes from: what every peer has to agree on."""

LOADING = (
    *(
        Comparison(
            f"raw.{name}", table("expected", "raw", name), table("found", "raw", name), excluded=_LOAD | {"source_row"}
        )
        for name in _RAW
    ),
    Comparison(
        "audit.quarantine",
        table("expected", "audit", "quarantine"),
        table("found", "audit", "quarantine"),
        columns=("source", "file_name", "source_row", "column_name", "reason_code"),
    ),
    Comparison(
        "audit.load",
        table("expected", "audit", "load"),
        table("found", "audit", "load"),
        columns=("source", "extract_date", "file_name", "rows_read", "rows_loaded", "rows_quarantined", "status"),
    ),
)
"""Raw tables, quarantined rows with file, row and reason, and the counts of every file."""

MONTHLY = tuple(
    Comparison(f"monthly.{name}", table("expected", "monthly", name), table("marts", name)) for name in _MONTHLY
)
"""The monthly marts by hand against the project's, in the columns that both have."""


def other_marts(expected: Path) -> tuple[Comparison, ...]:
    """The marts that a file has beside the facts, but for those about a run.

    Args:
        expected: the DuckDB file of the reference.
    """
    with duckdb.connect(str(marts_file(expected)), read_only=True) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'marts' order by table_name"
            ).fetchall()
        ]
    return tuple(
        Comparison(f"marts.{name}", table("expected_marts", "marts", name), table("marts", name))
        for name in names
        if name not in _OF_A_RUN and name not in _FACTS
    )


def differences(expected: Path, found: Path, comparisons: Iterable[Comparison]) -> list[str]:
    """Compare two DuckDB files.

    Args:
        expected: the file whose tables are taken for right.
        found: the other one.
        comparisons: what has to be the same.

    Returns:
        For every relation that differs a text with the number of rows of each side and some of the rows that only one
        side has; empty when all are equal.

    Raises:
        duckdb.CatalogException: a relation is missing.
    """
    texts = []
    with duckdb.connect() as connection:
        for name, file in (("expected", expected), ("found", found)):
            connection.execute(f"attach {literal(str(file))} as {name} (read_only)")
            if marts_file(file).exists():
                connection.execute(f"attach {literal(str(marts_file(file)))} as {name}_marts (read_only)")
        connection.execute(f"use {'found_marts' if marts_file(found).exists() else 'found'}")
        for comparison in comparisons:
            texts += _difference(connection, comparison)
    return texts


def _difference(connection: duckdb.DuckDBPyConnection, comparison: Comparison) -> list[str]:
    types = {
        name: str(sql_type) for name, sql_type, *_ in connection.execute(f"describe {comparison.expected}").fetchall()
    }
    others = {row[0] for row in connection.execute(f"describe {comparison.found}").fetchall()}
    missing = sorted(types.keys() - others) if comparison.is_whole else []
    if missing:
        return [f"{comparison.name}: columns missing: {', '.join(missing)}"]
    columns = comparison.columns or [name for name in types if name in others]
    columns = [name for name in columns if name not in comparison.excluded]
    # Equal values of different types have different hashes.
    selected = ", ".join(f"cast({table(name)} as {types[name]}) as {table(name)}" for name in columns)
    names = ", ".join(map(table, columns))
    sides = [f"(select {selected} from {side})" for side in (comparison.expected, comparison.found)]
    sums = [connection.execute(f"select count(*), sum(hash({names})) from {side}").fetchone() for side in sides]
    if sums[0] == sums[1]:
        return []
    lines = [f"{comparison.name}: {(sums[0] or (0,))[0]} rows expected, {(sums[1] or (0,))[0]} found ({names})"]
    for word, first, second in (("expected", *sides), ("found", *reversed(sides))):
        rows = connection.execute(f"from {first} except all from {second} order by all limit {_SHOWN}").fetchall()
        lines += [f"    only {word}: {_shown(row)}" for row in rows]
    return ["\n".join(lines)]


def _shown(row: Sequence[object]) -> str:
    return ", ".join("null" if value is None else str(value) for value in row)
