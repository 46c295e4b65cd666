"""What is expected of a source, derived from its contract. Computing it belongs to `engine.py`.

An expectation is data: its name and reason are known without importing Great Expectations, so that checks
can be listed before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dagster_project.contracts import CellType, Column, Contract, ContractError, Rule, Severity
from dagster_project.contracts.odcs import LOAD_COLUMNS
from dagster_project.sql import literal, quoted

ROW_IDENTITY = ("extract_date", "load_id", "source_row")
"""Columns that say where a candidate row came from; none of them holds a value of the source."""

DELIVERY_IDENTITY = ("extract_date",)
"""Column that says which delivery a row of the deliveries table describes."""

SQL_EXPECTATION = "unexpected_rows_expectation"
"""Great Expectations' own name for an expectation stated as a query that has to find no row."""

BATCH = "{batch}"
"""Stands in such a query for the table that is validated."""

# Three times the median of the weekday: more than a storm or a night of disorder brings, less than a month's
# extract delivered as a day's.
VOLUME_CEILING = 3.0

FAULTY_DAYS, SAME_CONTENT = "faulty_rows_of_28_days_are_within_limits", "content_is_of_one_day"
"""Names of the expectations that depend on the verdicts on earlier days."""

FAULTY_DAYS_COUNTED = 28
"""Days, the delivery's own included, over which faulty rows are added up."""

# They locate no failing rows through SQL: carried out as a query that groups within a delivery.
_UNIQUENESS = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
# How a value lies outside of a bound.
_OUTSIDE = {"min_value": "<", "max_value": ">"}
# What may be asked about a personal column: nothing that compares, lists or shows its values.
_ALLOWED_ON_PERSONAL = (*_UNIQUENESS, "expect_column_values_to_not_be_null", "expect_column_to_exist")


@dataclass(frozen=True)
class Expectation:
    """One claim about the candidate load of a source."""

    name: str
    """Snake-case claim, unique in its source."""
    description: str
    """Why it is expected, in words."""
    dimension: str
    """Data quality dimension of the Open Data Contract Standard."""
    severity: Severity
    column: str | None
    """The one column that it looks at; None when it looks at several or at the table."""
    on_deliveries: bool
    """True: over one row per delivery; false: over the candidate rows."""
    type: str
    """Expectation type in Great Expectations' spelling."""
    arguments: Mapping[str, Any]
    is_waivable: bool = True
    """False: a row that fails would break what is built on it, so that no operator can accept it."""
    told: tuple[str, ...] = ()
    """Columns of the deliveries table whose values a rejection names."""
    causes: tuple[str, ...] = ()
    """Columns of the deliveries table that a rejection names too where their values are not 0."""
    code: str = ""
    """Reason code of a rejection; empty: the name is all there is."""
    is_in_order: bool = False
    """True: it depends on the verdicts on earlier days, so that `loading/verdicts.py` computes it day by day."""
    suspects: str | None = None
    """SQL aggregate over the table that is 0 only if no row fails; None when nothing is known of the type. Great
    Expectations computes all of them in one query, and by its type, with queries of its own, what is suspected."""

    @property
    def consequence(self) -> str:
        """What a failure means for the delivery, in a sentence."""
        if self.severity is not Severity.CRITICAL:
            return "A failure is a warning: the delivery is loaded."
        if self.is_waivable:
            return "A failure rejects the delivery, unless an operator accepts it."
        return "A failure rejects the delivery."


def expectations_of(contract: Contract) -> tuple[Expectation, ...]:
    """All that is expected of a source.

    Args:
        contract: the contract of the source.

    Returns:
        First what follows from the columns, then what holds for every delivery, then the contract's rules.

    Raises:
        ContractError: two expectations share a name, or a rule looks at the values of a personal column.
    """
    expectations = (
        *_of_table(contract),
        *(found for column in contract.columns for found in _of_column(contract, column)),
        *_of_deliveries(contract),
        *(_of_rule(contract, rule) for rule in contract.rules),
    )
    seen: set[str] = set()
    for expectation in expectations:
        if expectation.name in seen:
            raise ContractError(f"{contract.source}: two expectations are named {expectation.name}")
        seen.add(expectation.name)
    return expectations


def _of_table(contract: Contract) -> Iterator[Expectation]:
    columns = [column.name for column in contract.columns] + list(LOAD_COLUMNS)
    yield _on_rows(
        "columns_are_those_of_the_contract",
        "A table with other columns was made from another version of the contract.",
        dimension="conformity",
        kind="expect_table_columns_to_match_set",
        arguments={"column_set": columns, "exact_match": True},
    )
    # One query over all of them: an expectation costs 10 ms, and reading fills or quarantines these cells.
    required = [column.name for column in contract.columns if column.is_required]
    filled = list(dict.fromkeys(["force_code", *required]))
    condition = " or ".join(f"{quoted(name)} is null" for name in filled)
    yield _on_rows(
        "required_columns_are_filled",
        f"No row can be counted without {', '.join(filled)}.",
        dimension="completeness",
        kind=SQL_EXPECTATION,
        arguments={"unexpected_rows_query": f"select {_identity()} from {BATCH} where {condition}"},  # noqa: S608
        suspects=_rows_with(condition),
    )
    if not contract.key:
        return
    key = list(dict.fromkeys(["force_code", *(column.name for column in contract.key)]))
    yield _on_rows(
        "key_occurs_once",
        f"A second row with the same {', '.join(key)} in one delivery would count the same event twice.",
        dimension="uniqueness",
        kind=SQL_EXPECTATION,
        arguments={"unexpected_rows_query": _duplicates(key)},
        suspects=_repetitions(key),
    )


def _of_column(contract: Contract, column: Column) -> Iterator[Expectation]:
    name = column.name
    if not column.is_personal:
        if column.values:
            yield _on_rows(
                f"{name}_is_in_its_list",
                f"A value of {name} outside the contract's list would be counted nowhere.",
                dimension="conformity",
                kind="expect_column_values_to_be_in_set",
                arguments={"column": name, "value_set": [typed(column, value) for value in column.values]},
            )
        if isinstance(column.minimum, int | Decimal):
            least = format(Decimal(column.minimum), "f").replace("-", "minus_").replace(".", "_")
            yield _on_rows(
                f"{name}_is_at_least_{least}",
                f"{name} below {column.minimum} is impossible.",
                dimension="accuracy",
                kind="expect_column_values_to_be_between",
                # Great Expectations writes its arguments as JSON, which has no decimals.
                arguments={
                    "column": name,
                    "min_value": column.minimum if isinstance(column.minimum, int) else float(column.minimum),
                },
            )
        for other in column.not_before:
            yield _in_order(name, earlier=other, later=name, claim=f"{name}_is_not_before_{other}")
        for other in column.not_after:
            yield _in_order(name, earlier=name, later=other, claim=f"{name}_is_not_after_{other}")
    if column.required_when and not any(contract.column(n).is_personal for n in column.required_when):
        stated = " and ".join(f"{other} is {value}" for other, value in column.required_when.items())
        conditions: list[dict[str, Any]] = [
            {
                "type": "comparison",
                "column": {"name": other},
                "operator": "==",
                "parameter": typed(contract.column(other), value),
            }
            for other, value in column.required_when.items()
        ]
        row_condition = conditions[0] if len(conditions) == 1 else {"type": "and", "conditions": conditions}
        is_required = " and ".join(
            f"{quoted(other)} = {_value(typed(contract.column(other), value))}"
            for other, value in column.required_when.items()
        )
        yield _on_rows(
            f"{name}_is_filled_when_required",
            f"{name} has to be known when {stated}.",
            dimension="completeness",
            kind="expect_column_values_to_not_be_null",
            arguments={"column": name, "row_condition": row_condition},
            suspects=_rows_with(f"{quoted(name)} is null and {is_required}"),
        )


def _of_deliveries(contract: Contract) -> Iterator[Expectation]:
    yield _on_deliveries(
        "faulty_rows_are_within_limits",
        f"More than {contract.faulty_share_limit:.0%} and more than {contract.faulty_rows_limit} faulty rows "
        "are a broken extract, not an untidy one.",
        dimension="accuracy",
        severity=Severity.CRITICAL,
        column="faulty_rows_over_limit",
        bounds={"max_value": 0},
        told=("faulty_rows", "rows_read"),
    )
    yield _on_deliveries(
        FAULTY_DAYS,
        f"More than {contract.faulty_share_limit:.0%} of a delivery faulty, and with the accepted deliveries of the "
        f"{FAULTY_DAYS_COUNTED} days up to it more than {contract.faulty_share_limit:.0%} and more than "
        f"{contract.faulty_rows_limit} rows: a small source loses as much a little every day.",
        dimension="accuracy",
        severity=Severity.CRITICAL,
        column="faulty_rows_of_days_over_limit",
        bounds={"max_value": 0},
        is_in_order=True,
    )
    yield _on_deliveries(
        "few_rows_are_quarantined",
        "1 % of a delivery quarantined, or more, is worth a look before its figures are read.",
        dimension="accuracy",
        column="many_quarantined_rows",
        bounds={"max_value": 0},
    )
    if contract.key:
        yield _on_deliveries(
            "superseded_rows_are_within_limits",
            f"More than a fifth and more than 20 rows of a delivery share their key ({_words(contract.key)}) with a "
            "later row that has other values: it does not tell rows apart, and loading would drop them.",
            dimension="uniqueness",
            severity=Severity.CRITICAL,
            column="superseded_rows_over_limit",
            bounds={"max_value": 0},
            told=("superseded_rows", "rows_read"),
            code="key_not_unique",
        )
        yield _on_deliveries(
            "few_rows_are_superseded",
            f"More than 1 % of a delivery superseded by later rows of the same key ({_words(contract.key)}): it may "
            "not tell all rows apart.",
            dimension="uniqueness",
            column="many_superseded_rows",
            bounds={"max_value": 0},
        )
    yield _on_deliveries(
        "delivery_has_rows",
        "An empty delivery is valid, yet rare enough to look at.",
        dimension="completeness",
        column="rows_loaded",
        bounds={"min_value": 1},
    )
    yield _on_deliveries(
        "columns_that_had_values_still_have_them",
        "A column without any value, which the deliveries before filled, was renamed or dropped at its source.",
        dimension="completeness",
        column="silent_columns",
        bounds={"max_value": 0},
    )
    yield _on_deliveries(
        "forces_have_delivered_before",
        "A force that the source has not delivered before is a new partner or an extract in the wrong folder.",
        dimension="consistency",
        column="new_forces",
        bounds={"max_value": 0},
    )
    if contract.is_daily:
        yield _on_deliveries(
            SAME_CONTENT,
            "A file that is, byte for byte, one of another day was copied or renamed: its events would be missing on "
            "one of the two days.",
            dimension="uniqueness",
            severity=Severity.CRITICAL,
            column="files_of_other_days",
            bounds={"max_value": 0},
            code="same_content_as_other_day",
            is_in_order=True,
        )
        yield _on_deliveries(
            "volume_is_not_far_below_the_recent_past",
            f"Fewer than {contract.volume_floor:.0%} of the rows of the same weekday in the eight weeks before "
            "(median; a bank holiday counts as a Sunday) point to a cut-off extract.",
            dimension="completeness",
            severity=Severity.CRITICAL,
            column="volume_ratio",
            bounds={"min_value": contract.volume_floor},
            told=("rows_read", "expected_rows"),
            causes=("faulty_rows",),
        )
        yield _on_deliveries(
            "volume_is_not_far_above_the_recent_past",
            f"More than {VOLUME_CEILING:g} times the rows of the same weekday in the eight weeks before point to an "
            "extract of several days.",
            dimension="completeness",
            column="volume_ratio",
            bounds={"max_value": VOLUME_CEILING},
            told=("rows_read", "expected_rows"),
            causes=("faulty_rows",),
        )
        yield _on_deliveries(
            "volume_of_each_force_is_usual",
            f"Fewer than {contract.volume_floor:.0%} or more than {VOLUME_CEILING:g} times the rows that a force had "
            "on the same weekday in the eight weeks before (median) are lost in the volume of larger forces.",
            dimension="completeness",
            column="unusual_forces",
            bounds={"max_value": 0},
        )
    if contract.event_column is not None and contract.is_daily and not contract.allows_events_outside_day:
        yield _on_deliveries(
            "most_events_are_within_a_day_of_the_extract_date",
            f"In more than half of 20 rows or more, {contract.event_column} is neither on the extract date nor the day "
            "before or after: a wrong date in the file name, or an extract of another day. What was entered late comes "
            f"in files named {contract.source}_YYYY-MM-DD_late.",
            dimension="timeliness",
            severity=Severity.CRITICAL,
            column="rows_outside_day",
            bounds={"max_value": 0},
            told=("rows_outside_day", "rows_read"),
            code="events_outside_day",
        )
    if contract.event_column is not None:
        yield _on_deliveries(
            "events_are_not_after_the_extract_date",
            f"{contract.event_column} after the extract date points to a wrong clock or a wrong file name.",
            dimension="timeliness",
            column="rows_after_extract_date",
            bounds={"max_value": 0},
        )
        yield _on_deliveries(
            "most_events_are_near_the_extract_date",
            f"{contract.event_column} more than 31 days before the extract date in most rows is a history, or a "
            "program that swaps day and month.",
            dimension="timeliness",
            column="rows_long_before_extract_date",
            bounds={"max_value": 0},
        )
    if any(column.utc_offset_from for column in contract.columns):
        yield _on_deliveries(
            "utc_offsets_agree_with_the_clock",
            "An offset that London did not have at that time points to a switch with a wrong clock.",
            dimension="consistency",
            column="offset_disagreements",
            bounds={"max_value": 0},
        )


def _of_rule(contract: Contract, rule: Rule) -> Expectation:
    personal = {column.name for column in contract.columns if column.is_personal}
    looked_at = set(_columns_in(rule.arguments))
    if looked_at & personal and rule.expectation not in _ALLOWED_ON_PERSONAL:
        named = ", ".join(sorted(looked_at & personal))
        raise ContractError(f"{contract.source}: {rule.name}: looks at values of personal column {named}")
    kind, arguments = rule.expectation, rule.arguments
    suspects = _failing(kind, arguments)
    if kind in _UNIQUENESS and not rule.on_deliveries and not {"row_condition", "mostly"} & set(arguments):
        columns = list(arguments.get("column_list") or [arguments["column"]])
        kind, arguments = SQL_EXPECTATION, {"unexpected_rows_query": _duplicates(columns)}
        suspects = _repetitions(columns)
    return Expectation(
        name=rule.name,
        description=rule.description,
        dimension=rule.dimension,
        severity=rule.severity,
        column=rule.arguments.get("column"),
        on_deliveries=rule.on_deliveries,
        type=kind,
        arguments=arguments,
        told=(arguments["column"],) if rule.on_deliveries and "column" in arguments else (),
        suspects=suspects,
    )


def _words(key: Sequence[Column]) -> str:
    return ", ".join(column.name for column in key)


def _columns_in(arguments: Mapping[str, Any]) -> Iterator[str]:
    for key, value in arguments.items():
        if key in ("column", "column_A", "column_B"):
            yield value
        elif key == "column_list":
            yield from value


def _in_order(column: str, *, earlier: str, later: str, claim: str) -> Expectation:
    return _on_rows(
        claim,
        f"{later} before {earlier} would be a length of time below nothing.",
        dimension="consistency",
        kind="expect_column_pair_values_a_to_be_greater_than_b",
        column=column,
        arguments={
            "column_A": later,
            "column_B": earlier,
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",
        },
        suspects=_rows_with(f"{quoted(later)} < {quoted(earlier)}"),
    )


def _on_rows(
    name: str,
    description: str,
    *,
    dimension: str,
    kind: str,
    arguments: Mapping[str, Any],
    column: str | None = None,
    suspects: str | None = None,
) -> Expectation:
    """An expectation that the contract's columns imply; critical, since reading has seen to it before."""
    return Expectation(
        name=name,
        description=description,
        dimension=dimension,
        severity=Severity.CRITICAL,
        column=column or arguments.get("column"),
        on_deliveries=False,
        type=kind,
        arguments=arguments,
        is_waivable=False,
        suspects=suspects or _failing(kind, arguments),
    )


def _on_deliveries(
    name: str,
    description: str,
    *,
    dimension: str,
    column: str,
    bounds: Mapping[str, float],
    severity: Severity = Severity.WARNING,
    told: tuple[str, ...] = (),
    causes: tuple[str, ...] = (),
    code: str = "",
    is_in_order: bool = False,
) -> Expectation:
    kind, arguments = "expect_column_values_to_be_between", {"column": column, **bounds}
    return Expectation(
        name=name,
        description=description,
        dimension=dimension,
        severity=severity,
        column=column,
        on_deliveries=True,
        type=kind,
        arguments=arguments,
        told=told or (column,),
        causes=causes,
        code=code,
        is_in_order=is_in_order,
        suspects=_failing(kind, arguments),
    )


def _failing(kind: str, arguments: Mapping[str, Any]) -> str | None:
    """Aggregate that counts the rows that fail an expectation of a common type, of whatever share."""
    match kind, {name: value for name, value in arguments.items() if name != "mostly"}:
        case "expect_column_values_to_not_be_null", {"column": column, **others} if not others:
            return _rows_with(f"{quoted(column)} is null")
        case "expect_column_values_to_be_in_set", {"column": column, "value_set": values, **others} if not others:
            return _rows_with(f"{quoted(column)} not in ({', '.join(map(_value, values))})")
        case "expect_column_values_to_be_between", {"column": column, **bounds} if (
            bounds.keys() <= _OUTSIDE.keys() and {*map(type, bounds.values())} <= {int, float}
        ):
            # As decimals: integers can be compared with truth values, which Great Expectations refuses to do.
            outside = [f"{quoted(column)} {_OUTSIDE[name]} {float(bound)!r}" for name, bound in bounds.items()]
            return _rows_with(" or ".join(outside)) if outside else None
    return None


def _value(value: object) -> str:
    return literal(value) if isinstance(value, str) else repr(value)


def _rows_with(condition: str) -> str:
    """Aggregate that counts the rows that meet a condition."""
    return f"count(*) filter (where {condition})"


def _repetitions(columns: list[str]) -> str:
    """Aggregate that is 0 only if no two rows of a delivery share their columns.

    Hashes take a quarter of the memory of keys. Equal keys have equal hashes; that different ones do happens once in
    200,000 times with 13 million rows, and is found out when the rows are looked for.
    """
    return f"count(*) - count(distinct hash({_of_delivery(columns)}))"


def _duplicates(columns: list[str]) -> str:
    """Query of all rows that share their columns with another row of the same delivery.

    Grouping finds the few repeated keys first; a window over every row costs several times as much.
    """
    names = _of_delivery(columns)
    return (
        f"select {_identity()} from {BATCH} where ({names}) in "  # noqa: S608
        f"(select ({names}) from {BATCH} group by {names} having count(*) > 1)"
    )


def _of_delivery(columns: list[str]) -> str:
    return ", ".join(quoted(name) for name in dict.fromkeys(["extract_date", *columns]))


def _identity() -> str:
    return ", ".join(quoted(name) for name in ROW_IDENTITY)


def typed(column: Column, value: str) -> str | int | bool:
    """A value of a contract's closed list in the type that the column has in the warehouse."""
    if column.cell_type is CellType.INTEGER:
        return int(value)
    if column.cell_type is CellType.BOOLEAN:
        return value.casefold() in ("true", "yes", "y", "1")
    return value
