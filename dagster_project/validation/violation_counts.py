"""Count the rows of a candidate load that break each rule.

For each rule, a query counts these rows by day; if there are any, another finds load and row number of the first of
them. No value of a cell is returned.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from dagster_project.contracts import Contract
from dagster_project.sql import count_rows
from dagster_project.validation.expectations import Expectation, expectations_of
from dagster_project.validation.unexpected_rows import BATCH, ROW_INDEX, UnexpectedRows
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
    failed: tuple[tuple[date, str | None], ...]
    """Extract dates and forces that fail, in ascending order; None stands for the delivery as a whole."""
    rows: tuple[tuple[date, int, int], ...] = ()
    """Up to 20 of the rows as (extract_date, load_id, source_row); empty for deliveries."""

    @property
    def failed_dates(self) -> tuple[date, ...]:
        """Extract dates that fail as a whole or for a force, in ascending order."""
        return tuple(dict.fromkeys(day for day, _ in self.failed))

    @property
    def failed_in_words(self) -> list[str]:
        """Extract dates that fail, each with the forces if it fails for some only."""
        return [
            " ".join([str(day), *sorted(force for at, force in self.failed if at == day and force)])
            if (day, None) not in self.failed
            else str(day)
            for day in self.failed_dates
        ]


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
    counted: list[Violations] = []
    errors: dict[str, str] = {}
    tables = {False: incoming(contract), True: incoming(contract, "deliveries")}
    sizes = {relation: count_rows(connection, relation) for relation in tables.values()}
    for expectation in expectations_of(contract):
        relation = tables[expectation.on_deliveries]
        if rows := expectation.unexpected_rows:
            none = Violations(expectation, sizes[relation], 0, ())
            try:
                counted.append(_located(none, rows, relation, connection))
            except duckdb.Error as error:
                errors[expectation.name] = type(error).__name__
    if errors:
        raise ValidationBroken(
            f"{contract.source}: could not compute {', '.join(sorted(errors))} ({', '.join(sorted({*errors.values()}))}"
            f"). Nothing of the source was accepted. Correct the rule in {contract.source}.odcs.yaml, then: fcir run"
        )
    return tuple(counted)


def _located(
    none: Violations, rows: UnexpectedRows, relation: str, connection: duckdb.DuckDBPyConnection
) -> Violations:
    """Return the rows of a table that break a rule, in place of none."""

    def select(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(f"select {query}".replace(BATCH, relation)).fetchall()

    unexpected_rows = f"({rows.query}) as unexpected_rows"
    by_date = "group by extract_date order by extract_date"
    if none.expectation.on_deliveries:
        rows_that_fail = select(f"extract_date, force_code from {unexpected_rows} order by all nulls first")
        return replace(none, unexpected=len(rows_that_fail), failed=tuple(rows_that_fail))
    unexpected: dict[date, int] = dict(select(f"extract_date, count(*) from {unexpected_rows} {by_date}"))
    if not unexpected:
        return none
    failed = tuple(unexpected)
    if rows.mostly < 1:
        having_value = f"extract_date, count(*) filter (where {rows.evaluated}) from {BATCH} {by_date}"
        values: dict[date, int] = dict(select(having_value))
        failed = tuple(day for day in failed if values[day] - unexpected[day] < rows.mostly * values[day])
    index = ", ".join(ROW_INDEX)
    shown = select(f"{index} from {unexpected_rows} order by {index} limit {_ROWS_SHOWN}")
    of_days = tuple((day, None) for day in failed)
    return replace(none, unexpected=sum(unexpected.values()), failed=of_days, rows=tuple(shown))
