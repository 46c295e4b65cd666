"""The SQL of a rule: one query of the rows that break it, and an aggregate that counts them.

A contract names a rule by the type that Great Expectations gives it, with the same arguments. Of each type only the
condition of an unexpected row is known here, so that one query counts the rows of all rules of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dagster_project.contracts import ContractError
from dagster_project.sql import literal, quoted

BATCH = "{batch}"
"""Stands in a query for the table that is validated."""

ROW_INDEX = ("extract_date", "load_id", "source_row")
"""Columns that say where a candidate row came from; none of them holds a value of the source."""

DELIVERY_INDEX = ("extract_date",)
"""Column that says which delivery a row of the deliveries table describes."""

SQL = "unexpected_rows_expectation"
UNIQUE = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
NOT_NULL = "expect_column_values_to_not_be_null"


@dataclass(frozen=True)
class UnexpectedRows:
    """The rows that break a rule, as SQL over `BATCH`."""

    query: str
    """Selects the index columns of these rows, no values."""
    count: str
    """Aggregate over the table that is 0 only if the query finds no row."""
    evaluated: str = "true"
    """Condition of the rows that `mostly` is a share of."""
    mostly: float = 1
    """Share of the rows of a delivery that have to keep the rule; 1: all of them."""


def rows_where(condition: str, index: Sequence[str]) -> UnexpectedRows:
    """The rows that meet a condition."""
    return UnexpectedRows(
        f"select {_list(index)} from {BATCH} where {condition}",  # noqa: S608
        f"count(*) filter (where {condition})",
    )


def compile_rule(kind: str, arguments: Mapping[str, Any], index: Sequence[str]) -> UnexpectedRows:
    """The rows that break a rule.

    Args:
        kind: type of an expectation of Great Expectations.
        arguments: its arguments there. Rows without a value keep the rule, unless it is about missing values.
        index: columns that say where a row came from.

    Raises:
        ContractError: the type or one of its arguments is not known here.
    """
    given = dict(arguments)
    mostly = float(given.pop("mostly", 1))
    try:
        if kind == SQL:
            stated = given.pop("unexpected_rows_query").rstrip("; \n")
            # On a line of its own, since it may end with a comment.
            query = f"select {_list(index)} from (\n{stated}\n) as unexpected"  # noqa: S608
            rows = UnexpectedRows(query, f"(select count(*) from ({query}) as unexpected)", mostly=mostly)  # noqa: S608
        elif kind in UNIQUE:
            columns = given.pop("column_list", None) or [given.pop("column")]
            rows = _repeated(columns, index, mostly)
        elif kind in _CONDITIONS:
            column = None if kind in _ABOUT_MISSING else given.get("column")
            evaluated = f"{quoted(column)} is not null" if column else "true"
            rows = replace(rows_where(_CONDITIONS[kind](given), index), evaluated=evaluated, mostly=mostly)
        else:
            raise ContractError(f"unknown type {kind}; known: {', '.join(sorted((SQL, *UNIQUE, *_CONDITIONS)))}")
    except KeyError as error:
        raise ContractError(f"{kind} needs {error.args[0]}") from None
    if given:
        raise ContractError(f"{kind} does not take {', '.join(sorted(given))}; state it as {SQL}")
    return rows


def _repeated(columns: Sequence[str], index: Sequence[str], mostly: float) -> UnexpectedRows:
    """All rows that share their columns with another row of the same delivery.

    Hashes take a quarter of the memory of keys; equal ones of different keys are found out by the query. It groups to
    find the few repeated keys first: a window over every row costs several times as much.
    """
    names = _list(dict.fromkeys(["extract_date", *columns]))
    return UnexpectedRows(
        f"select {_list(index)} from {BATCH} where ({names}) in "  # noqa: S608
        f"(select ({names}) from {BATCH} group by {names} having count(*) > 1)",
        f"count(*) - count(distinct hash({names}))",
        mostly=mostly,
    )


def _between(bounds: dict[str, Any], value: str) -> str:
    """Outside of the bounds, which belong to them unless they are strict."""
    low, high = bounds.pop("min_value", None), bounds.pop("max_value", None)
    below, above = "<=" if bounds.pop("strict_min", False) else "<", ">=" if bounds.pop("strict_max", False) else ">"
    # Numbers as decimals: DuckDB would compare a truth value with an integer.
    outside = [
        f"{value} {operator} {_value(float(bound) if isinstance(bound, int) else bound)}"
        for operator, bound in ((below, low), (above, high))
        if bound is not None
    ]
    if not outside:
        raise KeyError("min_value or max_value")
    return " or ".join(outside)


def _greater(pair: dict[str, Any]) -> str:
    pair.pop("ignore_row_if", None)
    operator = "<" if pair.pop("or_equal", False) else "<="
    return f"{_column(pair, 'column_A')} {operator} {_column(pair, 'column_B')}"


_CONDITIONS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    NOT_NULL: lambda given: f"{_column(given)} is null",
    "expect_column_values_to_be_null": lambda given: f"{_column(given)} is not null",
    "expect_column_values_to_be_in_set": lambda given: f"{_column(given)} not in ({_values(given)})",
    "expect_column_values_to_not_be_in_set": lambda given: f"{_column(given)} in ({_values(given)})",
    "expect_column_values_to_be_between": lambda given: _between(given, _column(given)),
    "expect_column_value_lengths_to_be_between": lambda given: _between(given, f"length({_column(given)})"),
    "expect_column_values_to_match_regex": lambda given: f"not {_matches(given)}",
    "expect_column_values_to_not_match_regex": lambda given: _matches(given),
    "expect_column_values_to_match_like_pattern": (
        lambda given: f"{_column(given)} not like {_value(given.pop('like_pattern'))}"
    ),
    "expect_column_pair_values_to_be_equal": (
        lambda given: f"{_column(given, 'column_A')} is distinct from {_column(given, 'column_B')}"
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
}
_ABOUT_MISSING = (NOT_NULL, "expect_column_values_to_be_null")


def _column(given: dict[str, Any], name: str = "column") -> str:
    return quoted(given.pop(name))


def _values(given: dict[str, Any]) -> str:
    return ", ".join(map(_value, given.pop("value_set")))


def _matches(given: dict[str, Any]) -> str:
    return f"regexp_matches({_column(given)}, {_value(given.pop('regex'))})"


def _value(value: object) -> str:
    return repr(value).lower() if isinstance(value, bool | int | float) else literal(str(value))


def _list(columns: Iterable[str]) -> str:
    return ", ".join(map(quoted, columns))
