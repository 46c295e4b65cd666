"""Compile a rule to SQL: a query for the rows that break it.

A contract states a rule with the type and arguments of a Great Expectations expectation. This module knows only the
condition for an unexpected row of each type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dagster_project.contracts import ContractError
from dagster_project.sql import literal, quoted

BATCH = "{batch}"
"""Placeholder in a query for the validated table."""

ROW_INDEX = ("extract_date", "load_id", "source_row")
"""Columns that identify the origin of a candidate row; none of them has a value of the source."""

DELIVERY_INDEX = ("extract_date", "force_code")
"""Columns that identify the delivery, or the force of it, in a row of the deliveries table."""

SQL = "unexpected_rows_expectation"
_QUERY = "unexpected_rows_query"
NOT_NULL = "expect_column_values_to_not_be_null"
_IN_SET = "expect_column_values_to_be_in_set"
_BETWEEN = "expect_column_values_to_be_between"

# Required and optional arguments of each type.
_ARGUMENTS = {
    NOT_NULL: ({"column"}, set()),
    _IN_SET: ({"column", "value_set"}, set()),
    _BETWEEN: ({"column"}, {"min_value", "max_value", "strict_min", "strict_max"}),
    SQL: ({_QUERY}, set[str]()),
}


@dataclass(frozen=True)
class UnexpectedRows:
    """The rows that break a rule, as SQL over `BATCH`."""

    query: str
    """Query that selects the index columns of these rows, no values."""
    evaluated: str = "true"
    """Condition for the rows that are the basis of `mostly`."""
    mostly: float = 1
    """Share of the rows of a delivery that must follow the rule; 1: all of them."""


def rows_where(condition: str, index: Sequence[str]) -> UnexpectedRows:
    """Return the rows that meet a condition."""
    return UnexpectedRows(f"select {_list(index)} from {BATCH} where {condition}")  # noqa: S608


def compile_rule(kind: str, arguments: Mapping[str, Any], index: Sequence[str]) -> UnexpectedRows:
    """Return the rows that break a rule.

    Args:
        kind: type of a Great Expectations expectation.
        arguments: its arguments. Rows without a value follow the rule, unless it is about missing values.
        index: columns that identify the origin of a row.

    Raises:
        ContractError: the type or one of its arguments is not supported.
    """
    if kind not in _ARGUMENTS:
        raise ContractError(f"unknown type {kind}; known: {', '.join(sorted(_ARGUMENTS))}")
    needed, optional = _ARGUMENTS[kind]
    if missing := needed - arguments.keys():
        raise ContractError(f"{kind} needs {', '.join(sorted(missing))}")
    if unknown := arguments.keys() - needed - optional - {"mostly"}:
        raise ContractError(f"{kind} does not take {', '.join(sorted(unknown))}; state it as {SQL}")
    mostly = float(arguments.get("mostly", 1))
    if kind == SQL:
        stated = arguments[_QUERY].rstrip("; \n")
        # On separate lines, because it may end with a comment.
        return UnexpectedRows(f"select {_list(index)} from (\n{stated}\n) as stated", mostly=mostly)  # noqa: S608
    has_value = f"{quoted(arguments['column'])} is not null"
    evaluated = "true" if kind == NOT_NULL else has_value
    return replace(rows_where(_condition(kind, arguments), index), evaluated=evaluated, mostly=mostly)


def _condition(kind: str, arguments: Mapping[str, Any]) -> str:
    """Return the condition for a row to break a rule about a column; null if its value is missing."""
    column = quoted(arguments["column"])
    if kind == NOT_NULL:
        return f"{column} is null"
    if kind == _IN_SET:
        return f"{column} not in ({', '.join(map(_value, arguments['value_set']))})"
    below, above = "<=" if arguments.get("strict_min") else "<", ">=" if arguments.get("strict_max") else ">"
    outside = [
        # A number is written as a decimal, because DuckDB would compare a boolean with an integer.
        f"{column} {operator} {_value(float(bound) if isinstance(bound, int) else bound)}"
        for operator, bound in ((below, arguments.get("min_value")), (above, arguments.get("max_value")))
        if bound is not None
    ]
    if not outside:
        raise ContractError(f"{kind} needs min_value or max_value")
    return " or ".join(outside)


def _value(value: object) -> str:
    return repr(value).lower() if isinstance(value, bool | int | float) else literal(str(value))


def _list(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))
