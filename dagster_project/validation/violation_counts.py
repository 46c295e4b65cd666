"""Count the rows of a candidate load that break each rule, with one query for all rules of a table.

For each broken rule, a further query finds the days of these rows, and load and row number of the first of them. No
value of a cell is returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from dagster_project.contracts import Contract
from dagster_project.validation.expectations import Expectation, expectations_of
from dagster_project.validation.unexpected_rows import BATCH, ROW_INDEX
from dagster_project.warehouse.tables import incoming

# Enough to find the fault in the extract; the total number of failing rows is given with them.
_ROWS_SHOWN = 20


class ValidationBroken(RuntimeError):
    """An expectation could not be computed: an error in the set-up, not in the data.

    The message names the source, the expectation and the type of error, but not its text, because DuckDB quotes values.
    """


@dataclass(frozen=True)
class Violations:
    """The rows of a candidate load that break one rule."""

    expectation: Expectation
    evaluated: int
    """Rows of the checked table: candidate rows or deliveries."""
    unexpected: int
    """Rows that break the rule."""
    failed_dates: tuple[date, ...]
    """Extract dates that fail, in ascending order."""
    rows: tuple[tuple[date, int, int], ...] = ()
    """Up to 20 of the rows as (extract_date, load_id, source_row); empty for deliveries."""


def count_violations(contract: Contract, connection: duckdb.DuckDBPyConnection) -> tuple[Violations, ...]:
    """Check the candidate load of a source, for any number of days, against the expectations of its contract.

    Args:
        contract: the contract of the source.
        connection: has the candidate tables of rows and of deliveries (one row for each extract date).

    Returns:
        One item for each expectation, in the order of `expectations_of`, except those that depend on the verdicts on
        earlier days. A share required by a rule (`mostly`) is checked separately for each extract date.

    Raises:
        ContractError: see `expectations_of`.
        ValidationBroken: an expectation could not be computed.
    """
    expectations = [expectation for expectation in expectations_of(contract) if not expectation.depends_on_earlier_days]
    counted: dict[str, Violations] = {}
    for relation, on_deliveries in ((incoming(contract), False), (incoming(contract, "deliveries"), True)):
        of_table = [expectation for expectation in expectations if expectation.on_deliveries == on_deliveries]
        if not of_table:
            continue
        evaluated, *counts = _counts(contract.source, of_table, relation, connection)
        for expectation, count in zip(of_table, counts, strict=True):
            none = Violations(expectation, evaluated, 0, ())
            try:
                counted[expectation.name] = _located(none, relation, connection) if count else none
            except duckdb.Error as error:
                raise _broken(contract.source, {expectation.name: error}) from None
    return tuple(counted[expectation.name] for expectation in expectations)


def _counts(
    source: str, expectations: Sequence[Expectation], relation: str, connection: duckdb.DuckDBPyConnection
) -> tuple[int, ...]:
    """Return the number of rows of the table, and the count of each expectation."""
    counts = {item.name: item.unexpected_rows.count for item in expectations if item.unexpected_rows}
    try:
        ((*found,),) = _select(f"count(*), {', '.join(counts.values())} from {BATCH}", relation, connection)
        return tuple(found)
    except duckdb.Error:
        errors = {}
        for name, count in counts.items():
            try:
                _select(f"count(*), {count} from {BATCH}", relation, connection)
            except duckdb.Error as error:
                errors[name] = error
    raise _broken(source, errors)


def _located(none: Violations, relation: str, connection: duckdb.DuckDBPyConnection) -> Violations:
    """Return days and first rows of the rows that break a rule."""
    rows = none.expectation.unexpected_rows
    if rows is None:
        return none
    unexpected_rows = f"({rows.query}) as unexpected_rows"
    by_date = "group by extract_date order by extract_date"
    unexpected: dict[date, int] = dict(
        _select(f"extract_date, count(*) from {unexpected_rows} {by_date}", relation, connection)
    )
    failed = tuple(unexpected)
    if rows.mostly < 1:
        having_value = f"extract_date, count(*) filter (where {rows.evaluated}) from {BATCH} {by_date}"
        evaluated: dict[date, int] = dict(_select(having_value, relation, connection))
        failed = tuple(day for day in failed if evaluated[day] - unexpected[day] < rows.mostly * evaluated[day])
    shown: list[tuple[Any, ...]] = []
    if not none.expectation.on_deliveries:
        index = ", ".join(ROW_INDEX)
        shown = _select(f"{index} from {unexpected_rows} order by {index} limit {_ROWS_SHOWN}", relation, connection)
    return replace(none, unexpected=sum(unexpected.values()), failed_dates=failed, rows=tuple(shown))


def _select(query: str, relation: str, connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(f"select {query}".replace(BATCH, relation)).fetchall()


def _broken(source: str, errors: Mapping[str, duckdb.Error]) -> ValidationBroken:
    kinds = sorted({type(error).__name__ for error in errors.values()})
    return ValidationBroken(
        f"{source}: could not compute {', '.join(sorted(errors))} ({', '.join(kinds)}). Nothing of the source was "
        f"accepted. Correct the rule in {source}.odcs.yaml, then: fcir run"
    )
