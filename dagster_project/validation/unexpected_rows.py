"""Compile a rule to SQL: a query for the rows that break it, and an aggregate that counts them.

A contract states a rule with the type and arguments of a Great Expectations expectation. This module knows only the
condition for an unexpected row of each type, so that one query counts the rows of all rules of a table.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dagster_project.contracts import ContractError
from dagster_project.sql import literal, quoted

BATCH = "{batch}"
"""Placeholder in a query for the validated table."""

ROW_INDEX = ("extract_date", "load_id", "source_row")
"""Columns that identify the origin of a candidate row; none of them has a value of the source."""

DELIVERY_INDEX = ("extract_date",)
"""Column that identifies the delivery in a row of the deliveries table."""

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

# Required and optional arguments of each type.
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
    """Query that selects the index columns of these rows, no values."""
    count: str
    """Aggregate over the table that is 0 only if the query finds no row."""
    evaluated: str = "true"
    """Condition for the rows that are the basis of `mostly`."""
    mostly: float = 1
    """Share of the rows of a delivery that must follow the rule; 1: all of them."""


def rows_where(condition: str, index: Sequence[str]) -> UnexpectedRows:
    """Return the rows that meet a condition."""
    return UnexpectedRows(
        f"select {_list(index)} from {BATCH} where {condition}",  # noqa: S608
        f"count(*) filter (where {condition})",
    )


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
    needed, optional = (set(names.split()) for names in _ARGUMENTS[kind])
    if missing := needed - arguments.keys():
        raise ContractError(f"{kind} needs {', '.join(sorted(missing))}")
    if unknown := arguments.keys() - needed - optional - {"mostly"}:
        raise ContractError(f"{kind} does not take {', '.join(sorted(unknown))}; state it as {SQL}")
    if kind == SQL:
        stated = arguments[_QUERY].rstrip("; \n")
        # On separate lines, because it may end with a comment.
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
    """Return all rows with the same values in these columns as another row of the same delivery.

    The count uses hashes, which take a quarter of the memory of keys; the query rules out equal hashes of different
    keys. It groups first to find the few repeated keys: a window over all rows costs several times as much.
    """
    names = _list(dict.fromkeys(["extract_date", *columns]))
    repeated = f"select ({names}) from {BATCH} group by {names} having count(*) > 1"  # noqa: S608
    return replace(rows_where(f"({names}) in ({repeated})", index), count=f"count(*) - count(distinct hash({names}))")


def _condition(kind: str, arguments: Mapping[str, Any]) -> str:
    """Return the condition for a row to break a rule about single rows; null if a value is missing."""
    sql = {name: _sql(name, value) for name, value in arguments.items()}
    if kind in _CONDITIONS:
        return _CONDITIONS[kind].format_map(sql)
    if kind == _GREATER:
        return f"{sql['column_A']} {'<' if arguments.get('or_equal') else '<='} {sql['column_B']}"
    value = f"length({sql['column']})" if kind == _LENGTH else sql["column"]
    below, above = "<=" if arguments.get("strict_min") else "<", ">=" if arguments.get("strict_max") else ">"
    outside = [
        # A number is written as a decimal, because DuckDB would compare a boolean with an integer.
        f"{value} {operator} {_value(float(bound) if isinstance(bound, int) else bound)}"
        for operator, bound in ((below, arguments.get("min_value")), (above, arguments.get("max_value")))
        if bound is not None
    ]
    if not outside:
        raise ContractError(f"{kind} needs min_value or max_value")
    return " or ".join(outside)


def _sql(name: str, value: Any) -> str:
    """Return SQL for an argument of a condition: a column, a list of values or one value."""
    if name.startswith("column"):
        return quoted(value)
    return ", ".join(map(_value, value)) if name == "value_set" else _value(value)


def _value(value: object) -> str:
    return repr(value).lower() if isinstance(value, bool | int | float) else literal(str(value))


def _list(columns: Iterable[str]) -> str:
    return ", ".join(map(quoted, columns))
