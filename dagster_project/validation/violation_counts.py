"""How many rows of a candidate load break each rule: one query counts all rules of a table.

A rule that some row breaks is asked for its rows: their days, and the load and row number of the first of them. No
value of a cell is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from dagster_project.contracts import Contract
from dagster_project.sql import table
from dagster_project.validation.expectations import Expectation, expectations_of
from dagster_project.validation.unexpected_rows import BATCH, ROW_INDEX

DELIVERIES_SUFFIX = "__deliveries"

# Enough to find the fault in the extract; the number of all failing rows stands beside them.
_ROWS_SHOWN = 20


class ValidationBroken(RuntimeError):
    """An expectation could not be computed: a fault of the set-up, not of the data.

    The message names source and expectation and the kind of error, never its text, since DuckDB quotes values.
    """


@dataclass(frozen=True)
class Violations:
    """The rows of a candidate load that break one rule."""

    expectation: Expectation
    evaluated: int
    """Rows of the table that was looked at: candidate rows or deliveries."""
    unexpected: int
    """Rows that break it."""
    failed_dates: tuple[date, ...]
    """Extract dates that fail, ascending."""
    rows: tuple[tuple[date, int, int], ...] = ()
    """Up to 20 of the rows as (extract_date, load_id, source_row); empty for deliveries."""


def count_violations(
    contract: Contract, connection: duckdb.DuckDBPyConnection, *, schema: str = "incoming"
) -> tuple[Violations, ...]:
    """Compare the candidate load of a source, of however many days, with what its contract expects.

    Args:
        contract: the contract of the source.
        connection: has the candidate tables `SOURCE` (rows) and `SOURCE__deliveries` (one row for each extract date).
        schema: schema of these tables.

    Returns:
        One item for each expectation, in the order of `expectations_of`, but for those that depend on the verdicts on
        earlier days. A share that a rule demands (`mostly`) is compared for each extract date by itself.

    Raises:
        ContractError: see `expectations_of`.
        ValidationBroken: an expectation could not be computed.
    """
    expectations = [expectation for expectation in expectations_of(contract) if not expectation.is_in_order]
    counted: dict[str, Violations] = {}
    for relation, on_deliveries in (
        (table(schema, contract.source), False),
        (table(schema, contract.source + DELIVERIES_SUFFIX), True),
    ):
        of_table = [expectation for expectation in expectations if expectation.on_deliveries == on_deliveries]
        if of_table:
            evaluated, *counts = _counts(contract.source, of_table, relation, connection)
            for expectation, count in zip(of_table, counts, strict=True):
                none = Violations(expectation, evaluated, 0, ())
                counted[expectation.name] = _located(none, relation, connection) if count else none
    return tuple(counted[expectation.name] for expectation in expectations)


def _counts(
    source: str, expectations: Sequence[Expectation], relation: str, connection: duckdb.DuckDBPyConnection
) -> tuple[int, ...]:
    """Rows of the table, and the count of each expectation."""
    counts = {item.name: item.unexpected_rows.count for item in expectations if item.unexpected_rows}
    try:
        return _first(connection, f"select count(*), {', '.join(counts.values())} from {BATCH}", relation)  # noqa: S608
    except duckdb.Error:
        broken = {}
        for name, count in counts.items():
            try:
                _first(connection, f"select count(*), {count} from {BATCH}", relation)  # noqa: S608
            except duckdb.Error as error:
                broken[name] = type(error).__name__
    raise ValidationBroken(
        f"{source}: could not compute {', '.join(sorted(broken))} ({', '.join(sorted(set(broken.values())))})"
    )


def _first(connection: duckdb.DuckDBPyConnection, query: str, relation: str) -> tuple[int, ...]:
    (row,) = connection.execute(query.replace(BATCH, relation)).fetchall()
    return tuple(row)


def _located(none: Violations, relation: str, connection: duckdb.DuckDBPyConnection) -> Violations:
    """Days and first rows of the rows that break a rule; none where only the hashes of two keys are equal."""
    expectation, rows = none.expectation, none.expectation.unexpected_rows
    if rows is None:
        return none
    unexpected_rows = f"({rows.query}) as unexpected_rows".replace(BATCH, relation)
    unexpected: dict[date, int] = dict(
        connection.execute(
            f"select extract_date, count(*) from {unexpected_rows} group by extract_date order by extract_date"  # noqa: S608
        ).fetchall()
    )
    failed = tuple(unexpected)
    if rows.mostly < 1:
        evaluated: dict[date, int] = dict(
            connection.execute(
                f"select extract_date, count(*) filter (where {rows.evaluated}) from {relation} group by extract_date"  # noqa: S608
            ).fetchall()
        )
        failed = tuple(day for day in failed if evaluated[day] - unexpected[day] < rows.mostly * evaluated[day])
    shown = []
    if not expectation.on_deliveries:
        index = ", ".join(ROW_INDEX)
        shown = connection.execute(
            f"select {index} from {unexpected_rows} order by {index} limit {_ROWS_SHOWN}"  # noqa: S608
        ).fetchall()
    return Violations(expectation, none.evaluated, sum(unexpected.values()), failed, tuple(shown))
