"""The SQL of a rule: one query of the rows that break it, and an aggregate that counts them.

A contract names a rule by the type that Great Expectations gives it, with the same arguments. Of each type only the
condition of an unexpected row is known here, so that one query counts the rows of all rules of a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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
_QUERY = "unexpected_rows_query"
UNIQUE = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
NOT_NULL = "expect_column_values_to_not_be_null"
_GREATER = "expect_column_pair_values_a_to_be_greater_than_b"
_LENGTH = "expect_column_value_lengths_to_be_between"
_BETWEEN = "expect_column_values_to_be_between"
_NULL = "expect_column_values_to_be_null"
_ABOUT_MISSING = (NOT_NULL, _NULL)

_CONDITIONS = {
    NOT_NULL: "{column} is null",
    _NULL: "{column} is not null",
    "expect_column_values_to_be_in_set": "{column} not in ({value_set})",
    "expect_column_values_to_not_be_in_set": "{column} in ({value_set})",
    "expect_column_values_to_match_regex": "not regexp_matches({column}, {regex})",
    "expect_column_values_to_not_match_regex": "regexp_matches({column}, {regex})",
    "expect_column_values_to_match_like_pattern": "{column} not like {like_pattern}",
    "expect_column_pair_values_to_be_equal": "{column_A} is distinct from {column_B}",
}

# Of each type the arguments that it needs, and those that it may have.
_BOUNDS = ("column", "min_value max_value strict_min strict_max")
_ARGUMENTS = {
    **{kind: (" ".join(re.findall(r"{(\w+)}", condition)), "") for kind, condition in _CONDITIONS.items()},
    _BETWEEN: _BOUNDS,
    _LENGTH: _BOUNDS,
    _GREATER: ("column_A column_B", "or_equal ignore_row_if"),
    "expect_column_values_to_be_unique": ("column", ""),
    "expect_compound_columns_to_be_unique": ("column_list", ""),
    SQL: (_QUERY, ""),
}


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
    if kind not in _ARGUMENTS:
        raise ContractError(f"unknown type {kind}; known: {', '.join(sorted(_ARGUMENTS))}")
    needed, optional = (set(names.split()) for names in _ARGUMENTS[kind])
    if missing := needed - arguments.keys():
        raise ContractError(f"{kind} needs {', '.join(sorted(missing))}")
    if unknown := arguments.keys() - needed - optional - {"mostly"}:
        raise ContractError(f"{kind} does not take {', '.join(sorted(unknown))}; state it as {SQL}")
    if kind == SQL:
        stated = arguments[_QUERY].rstrip("; \n")
        # On lines of its own, since it may end with a comment.
        query = f"select {_list(index)} from (\n{stated}\n) as stated"  # noqa: S608
        rows = UnexpectedRows(query, f"(select count(*) from ({query}) as unexpected)")  # noqa: S608
    elif kind in UNIQUE:
        rows = _repeated(arguments.get("column_list") or [arguments["column"]], index)
    else:
        rows = rows_where(_condition(kind, arguments), index)
    column = arguments.get("column")
    evaluated = f"{quoted(column)} is not null" if column and kind not in _ABOUT_MISSING else "true"
    return replace(rows, evaluated=evaluated, mostly=float(arguments.get("mostly", 1)))


def _repeated(columns: Iterable[str], index: Sequence[str]) -> UnexpectedRows:
    """All rows that share their columns with another row of the same delivery.

    Hashes take a quarter of the memory of keys; equal ones of different keys are found out by the query. It groups to
    find the few repeated keys first: a window over every row costs several times as much.
    """
    names = _list(dict.fromkeys(["extract_date", *columns]))
    repeated = f"select ({names}) from {BATCH} group by {names} having count(*) > 1"  # noqa: S608
    return replace(rows_where(f"({names}) in ({repeated})", index), count=f"count(*) - count(distinct hash({names}))")


def _condition(kind: str, arguments: Mapping[str, Any]) -> str:
    """Condition of a row that breaks a rule about one row; null where a value is missing."""
    sql = {name: _sql(name, value) for name, value in arguments.items()}
    if kind in _CONDITIONS:
        return _CONDITIONS[kind].format_map(sql)
    if kind == _GREATER:
        return f"{sql['column_A']} {'<' if arguments.get('or_equal') else '<='} {sql['column_B']}"
    value = f"length({sql['column']})" if kind == _LENGTH else sql["column"]
    below, above = "<=" if arguments.get("strict_min") else "<", ">=" if arguments.get("strict_max") else ">"
    outside = [
        # A number as a decimal: DuckDB would compare a truth value with an integer.
        f"{value} {operator} {_value(float(bound) if isinstance(bound, int) else bound)}"
        for operator, bound in ((below, arguments.get("min_value")), (above, arguments.get("max_value")))
        if bound is not None
    ]
    if not outside:
        raise ContractError(f"{kind} needs min_value or max_value")
    return " or ".join(outside)


def _sql(name: str, value: Any) -> str:
    """An argument in a condition: a column, a list of values or one value."""
    if name.startswith("column"):
        return quoted(value)
    return ", ".join(map(_value, value)) if name == "value_set" else _value(value)


def _value(value: object) -> str:
    return repr(value).lower() if isinstance(value, bool | int | float) else literal(str(value))


def _list(columns: Iterable[str]) -> str:
    return ", ".join(map(quoted, columns))
