"""Interpret a row of text cells under a contract: typed values, or the first fault.

A contract becomes two SQL queries over a batch of text rows: `good_rows_query` returns the rows without a fault, with
typed values and times in UTC; `faulty_rows_query` returns the others with their faults. Every row is in exactly one of
them. Personal cells already are surrogates (see `loading/people.py`).
"""

from collections.abc import Iterator

from dagster_project.contracts import FORCE_COLUMN, CellType, Column, Contract
from dagster_project.extracts import cells
from dagster_project.extracts.cells import Fault
from dagster_project.sql import literal, quoted

# Columns of a text batch in addition to the contract's columns.
BATCH_COLUMNS = ("source_row", "fault", "fault_detail", "record_column", "load_id", "extract_date", "serial_days")

# If most events of a delivery are older than this, it is a year of history under one date, or a program has swapped day
# and month.
_LONG_BEFORE_DAYS = 31

_NUMBERS = (CellType.INTEGER, CellType.DECIMAL, CellType.SECONDS)

RECORD_FAULTS = {
    "too_few_cells": "fewer cells than the header",
    "too_many_cells": "more cells than the header",
    "unbalanced_quote": "a quote that is never closed or closed in the middle of a cell",
    "unreadable_record": "a record that is not of the file's format",
    "formula_without_value": "a formula whose value was not saved",
    "invalid_utf_8": "bytes that are not valid UTF-8, in a file that is UTF-8 for the most part",
    "digits_lost": "a number of 16 digits or more, of which a workbook keeps 15; store it as text",
}
# Faults of a record that may be in a single cell, whose column is then named.
CELL_RECORD_FAULTS = ("invalid_utf_8", "digits_lost")
DUPLICATE_ROW = Fault("duplicate_row", "the same row occurs earlier in this delivery")
SUPERSEDED_ROW = Fault("superseded_row", "a later row of this delivery has the same key and other values")


def fault_sentences(contract: Contract) -> dict[tuple[str, str], str]:
    """Return a sentence for every fault that a cell of the contract can have.

    Returns:
        Sentences by column and fault code. Each states what was expected, and never contains a value of the extract.
    """
    sentences: dict[tuple[str, str], str] = {}
    for column in contract.columns:
        for _, fault, expected in _faults(column):
            sentences[column.name, fault.code] = (
                f"{column.name}: {fault.sentence}{f' ({expected})' if expected else ''}"
            )
        for code in CELL_RECORD_FAULTS:
            sentences[column.name, code] = f"{column.name}: {RECORD_FAULTS[code]}"
    return sentences


def reason_of(sentence: str) -> str:
    """Return SQL for the reason of a row of `faulty_rows_query`, which is called `faulty`.

    Args:
        sentence: SQL of the sentence of its fault.
    """
    return f"""{sentence}
        || coalesce(case when faulty.fault_column is null then ': ' else '; found ' end || faulty.fault_detail, '')
        || case when faulty.other_faults <> '' then ' (also faulty: ' || faulty.other_faults || ')' else '' end"""


def good_rows_query(contract: Contract, batch: str) -> str:
    """Return the query for the rows without a fault.

    Args:
        contract: contract of the source.
        batch: SQL of a relation with `BATCH_COLUMNS` and every contract column as text, personal ones as
            surrogates.

    Returns:
        A query; the caller sets the parameters `known_forces` and, unless the contract requires a force in every row,
        `default_force`. The result has, in this order: the
        contract's columns typed (`cells.sql_type_of`, timestamps in UTC), `is_dst_ambiguous`, `extract_date`,
        `load_id`, `source_row`.
    """
    expressions = [f"{_part(column, 'value')} as {quoted(column.name)}" for column in contract.columns]
    expressions += ["is_dst_ambiguous", "extract_date", "load_id", "source_row"]
    final = _select(expressions, "judged") + f"\nwhere {_first_fault(contract)} is null"
    return _query(contract, batch, final)


def faulty_rows_query(contract: Contract, batch: str, *, shows_text: bool = False) -> str:
    """Return the query for the rows with a fault.

    Args:
        contract: contract of the source.
        batch: as for `good_rows_query`.
        shows_text: whether `fault_detail` has the text of a faulty cell, which then must not be kept; otherwise its
            shape.

    Returns:
        A query whose result has `extract_date`, `load_id`, `source_row`, `fault` (code of the first fault),
        `fault_column` (null for a fault of the whole record), `other_faults` (the other faulty columns, each with its
        code), `fault_detail` (a sentence about the record, or what was found in the cell; null for an empty cell and a
        personal column), `force_code` and `member` of the main list (null if they cannot be read, because the cell or
        the record is faulty), and `surrogates`.
    """
    which = " ".join(f"when {_part(column, 'fault')} is not null then '{column.name}'" for column in contract.columns)
    each = ", ".join(f"{literal(f'{column.name} ')} || {_part(column, 'fault')}" for column in contract.columns)
    others = f"list_filter([{each}], lambda fault: fault is not null)"
    shown = cells.shown_text if shows_text else cells.shape_of
    found = " ".join(
        f"when {_part(column, 'fault')} is not null then "
        + ("cast(null as varchar)" if column.is_personal else f"({shown(quoted(column.name))})")
        for column in contract.columns
    )
    expressions = [
        "extract_date",
        "load_id",
        "source_row",
        f"{_first_fault(contract)} as fault",
        f"case when fault is not null then record_column {which} end as fault_column",
        f"case when fault is not null then '' else array_to_string(({others})[2:], ', ') end as other_faults",
        f"case when fault is not null then fault_detail {found} end as fault_detail",
        f"case when fault is null and {quoted(f'{FORCE_COLUMN} fault')} is null "
        f"then {_part(contract.column(FORCE_COLUMN), 'value')} end as force_code",
        f"case when fault is null and {_part(contract.column(contract.main_list), 'fault')} is null "
        f"then cast({_part(contract.column(contract.main_list), 'value')} as varchar) end as member"
        if contract.main_list
        else "cast(null as varchar) as member",
        f"{people_of(contract, 'judged')} as surrogates",
    ]
    final = _select(expressions, "judged") + f"\nwhere {_first_fault(contract)} is not null"
    return _query(contract, batch, final)


def event_days_query(contract: Contract, batch: str) -> str:
    """Return the query for the London day of each row's event, for `batch` as in `good_rows_query`.

    Returns:
        A query with one column, `day`, in the order of the rows; null without a readable time.
    """
    if contract.identity_time is None:
        return f"select cast(null as date) as day from {batch}"
    column = contract.column(contract.identity_time)
    local, cell = cells.local_time_of(column, serial_days="serial_days"), quoted(column.name)
    utc = f"local - to_minutes({cells.utc_offset_of(column)})"
    return f"""
        with cleaned as (select serial_days, {_cleaned_cell(column)} as {cell} from {batch}),
        read as (select {cell}, {local} as local from cleaned)
        select cast(coalesce({cells.london_time_of(utc)}, local) as date) as day from read
        """


def people_of(contract: Contract, rows: str) -> str:
    """Return SQL of the surrogates of a row, ascending; none of a record that was not split, whose cells are null."""
    cells = ", ".join(f"{rows}.{quoted(column.name)}" for column in contract.columns if column.is_personal)
    # `list_distinct` leaves out nulls.
    return f"list_sort(list_distinct(cast([{cells}] as bigint[])))"


def warning_conditions(contract: Contract) -> dict[str, str]:
    """Return the conditions under which a good row is worth a warning.

    Returns:
        For each count, the SQL condition for a row of `good_rows_query` to be counted; it may be null if the row lacks
        the values.
    """
    conditions = {
        "rows_after_extract_date": "false",
        "rows_long_before_extract_date": "false",
        "rows_outside_day": "false",
        "rows_of_other_days": "false",
        "offset_disagreements": "false",
    }
    if contract.event_column:
        event = quoted(contract.event_column)
        # Local time is at most an hour ahead of UTC, so few rows must be converted.
        conditions["rows_after_extract_date"] = (
            f"{event} >= extract_date + interval 23 hour and cast({cells.london_time_of(event)} as date) > extract_date"
        )
        conditions["rows_long_before_extract_date"] = f"{event} < extract_date - interval {_LONG_BEFORE_DAYS} day"
        if contract.is_daily and not contract.allows_events_outside_day:
            conditions["rows_outside_day"] = (
                f"({event} < extract_date - interval 24 hour or {event} >= extract_date + interval 47 hour) "
                f"and abs(date_diff('day', extract_date, cast({cells.london_time_of(event)} as date))) > 1"
            )
            conditions["rows_of_other_days"] = (
                f"({event} < extract_date or {event} >= extract_date + interval 23 hour) "
                f"and cast({cells.london_time_of(event)} as date) <> extract_date"
            )
    stated = [
        f"{quoted(column.utc_offset_from)} <> {cells.london_offset_of(quoted(column.name))}"
        for column in contract.columns
        if column.utc_offset_from
    ]
    if stated:
        conditions["offset_disagreements"] = " or ".join(f"coalesce({condition}, false)" for condition in stated)
    return conditions


def _query(contract: Contract, batch: str, final: str) -> str:
    timestamps = [column for column in contract.columns if column.cell_type is CellType.TIMESTAMP]
    ctes = [
        f"cleaned as ({_cleaned(contract, batch)})",
        f"typed as ({_typed(contract, timestamps)})",
        f"begun as ({_begun(contract)})",
        f"resolved as ({_resolved(contract, timestamps)})",
        f"judged as ({_judged(contract)})",
    ]
    return "with " + ",\n".join(ctes) + "\n" + final


def _first_fault(contract: Contract) -> str:
    return f"coalesce(fault, {', '.join(_part(column, 'fault') for column in contract.columns)})"


def _part(column: Column, part: str) -> str:
    """Return the quoted name of what is derived from a column, for example its `value` or its `fault`."""
    return quoted(f"{column.name} {part}")


def _select(expressions: list[str], relation: str) -> str:
    return "select\n    " + ",\n    ".join(expressions) + f"\nfrom {relation}"


def _cleaned(contract: Contract, batch: str) -> str:
    expressions = [f"{_cleaned_cell(column)} as {quoted(column.name)}" for column in contract.columns]
    return _select([*BATCH_COLUMNS, *expressions], batch)


def _cleaned_cell(column: Column) -> str:
    # A surrogate, which is null for a null word.
    cell = quoted(column.name) if column.is_personal else cells.without_null_words(quoted(column.name))
    if column.name == FORCE_COLUMN:
        return f"lower({cell})" if column.is_required else f"coalesce(lower({cell}), $default_force)"
    if column.default_column:
        return f"coalesce({cell}, {cells.without_null_words(quoted(column.default_column))})"
    return cell if column.default is None else f"coalesce({cell}, {literal(column.default)})"


def _typed(contract: Contract, timestamps: list[Column]) -> str:
    expressions = ["*"]
    for column in contract.columns:
        if column in timestamps:
            local = cells.local_time_of(column, serial_days="serial_days")
            expressions.append(f"{local} as {_part(column, 'local')}")
            expressions.append(f"{cells.utc_offset_of(column)} as {_part(column, 'offset')}")
        else:
            expressions.append(f"{cells.value_of(column)} as {_part(column, 'value')}")
    return _select(expressions, "cleaned")


def _begun(contract: Contract) -> str:
    """Return SQL for the possible readings of every local time, and for the row's start in UTC."""
    expressions = ["*"]
    for column in contract.columns:
        if column.cell_type is CellType.TIMESTAMP:
            for name, reading in (
                (_part(column, "summer"), cells.is_summer_reading(_part(column, "local"))),
                (_part(column, "winter"), cells.is_winter_reading(_part(column, "local"))),
            ):
                expressions.append(f"case when {_part(column, 'offset')} is null then {reading} end as {name}")
    inner = _select(expressions, "typed")
    if contract.start_column is None:
        return inner
    start = contract.column(contract.start_column)
    return f"select *, {_utc(contract, start, start=None)} as start_utc from ({inner})"


def _utc(contract: Contract, column: Column, *, start: str | None) -> str:
    """Return SQL for the UTC time of a timestamp column; other columns of the row resolve the repeated hour."""
    local = _part(column, "local")
    first, second = f"{local} - interval 1 hour", local
    offset, summer, winter = (_part(column, part) for part in ("offset", "summer", "winter"))
    branches = [f"when {offset} is not null then {local} - to_minutes({offset})"]
    if column.utc_offset_from:
        given = _part(contract.column(column.utc_offset_from), "value")
        branches.append(f"when {summer} and {winter} and {given} = 0 then {second}")
    if start is not None:
        branches.append(f"when {summer} and {winter} and {first} < {start} and {second} >= {start} then {second}")
    branches.append(f"when {summer} then {first}")
    branches.append(f"when {winter} then {second}")
    return "case " + " ".join(branches) + " end"


def _is_ambiguous(contract: Contract, column: Column, *, start: str | None) -> str:
    """Return SQL that is true if a timestamp has two readings and no other column of the row decides between them."""
    local = _part(column, "local")
    conditions = [_part(column, "summer"), _part(column, "winter")]
    if column.utc_offset_from:
        given = _part(contract.column(column.utc_offset_from), "value")
        conditions.append(f"({given} is null or {given} not in (0, 60))")
    if start is not None:
        conditions.append(f"not coalesce({local} - interval 1 hour < {start} and {local} >= {start}, false)")
    return f"coalesce({' and '.join(conditions)}, false)"


def _start(contract: Contract, column: Column, resolved: set[str]) -> str | None:
    """Return SQL for the time in UTC that a timestamp cannot precede; None for the start of the row, or without one."""
    if contract.start_column in (None, column.name):
        return None
    earlier = [quoted(f"{name} value") for name in column.not_before if name in resolved]
    # Null values do not count.
    return f"greatest({', '.join(['start_utc', *earlier])})" if earlier else "start_utc"


def _resolved(contract: Contract, timestamps: list[Column]) -> str:
    """Return SQL for the timestamps in UTC, each after those that it is not before, and whether one is ambiguous."""
    left = list(timestamps)
    resolved: set[str] = set()
    relation, ambiguous = "begun", list[str]()
    while left:
        # Times in a circle have no order, so any of them may be the first.
        ready = [column for column in left if not {other.name for other in left} & {*column.not_before}] or left[:1]
        expressions = ["*"]
        for column in ready:
            start = _start(contract, column, resolved)
            expressions.append(f"{_utc(contract, column, start=start)} as {_part(column, 'value')}")
            expressions.append(f"{_is_ambiguous(contract, column, start=start)} as {_part(column, 'ambiguous')}")
            ambiguous.append(_part(column, "ambiguous"))
        resolved |= {column.name for column in ready}
        left = [column for column in left if column not in ready]
        relation = f"({_select(expressions, relation)})"
    return _select(["*", f"{' or '.join(ambiguous) or 'false'} as is_dst_ambiguous"], relation)


def _judged(contract: Contract) -> str:
    """Return SQL for the first fault of each column."""
    faults = [f"{_column_fault(column)} as {_part(column, 'fault')}" for column in contract.columns]
    return _select(["*", *faults], "resolved")


def _column_fault(column: Column) -> str:
    branches = "".join(f" when {condition} then '{fault.code}'" for condition, fault, _ in _faults(column))
    return f"case{branches} end" if branches else "cast(null as varchar)"


def _faults(column: Column) -> Iterator[tuple[str, Fault, str]]:
    """Yield the faults that a cell can have, the first of which counts: SQL condition, fault, and what was expected."""
    cell, value, kind = quoted(column.name), _part(column, "value"), column.cell_type
    not_read = f"{cell} is not null and {value} is null"
    if column.is_required:
        yield f"{cell} is null", cells.REQUIRED_EMPTY, ""
    if not column.is_personal:
        yield _looks_personal(column), cells.LOOKS_PERSONAL, ""
    if column.name == FORCE_COLUMN:
        yield f"not list_contains($known_forces, {value})", cells.UNKNOWN_FORCE, ""
    if column.form:
        yield f"not ({cells.is_of_form(column)})", cells.NOT_OF_FORM, column.form
    if column.values:
        yield not_read, cells.NOT_IN_LIST, ", ".join(column.values)
    elif kind is not CellType.TEXT:
        expected = f"here instead of DD/MM/YYYY: {', '.join(column.time_formats)}" if column.time_formats else ""
        first_day = cells.bound_of(cells.FIRST_DAY)
        if kind is CellType.TIMESTAMP:
            local = _part(column, "local")
            not_read = f"{cell} is not null and {local} is null"
            if not cells.date_formats(column):
                yield f"{not_read} and {cells.has_no_time_of_day(cell)}", cells.NO_TIME_OF_DAY, ""
            yield f"least({local}, {value}) < {first_day}", cells.BEFORE_1900, ""
            # An offset can move a timestamp beyond the last supported day: 9999-12-31T23:30-01:00.
            not_read = f"({not_read} or year({value}) > 9999)"
        elif kind is CellType.DECIMAL:
            digits = (column.precision or 0) - (column.scale or 0)
            expected = f"at most {digits} before the point, {column.scale} after it"
            yield cells.has_too_many_decimals(column), cells.TOO_MANY_DECIMALS, expected
        elif kind in (CellType.DATE, CellType.MONTH):
            yield f"{value} < {first_day}", cells.BEFORE_1900, ""
        yield not_read, cells.NOT_OF_TYPE[kind], expected
        if kind is CellType.TIMESTAMP:
            yield f"{local} is not null and {value} is null", cells.NEVER_EXISTED, ""
    if column.minimum is not None:
        yield f"{value} < {cells.bound_of(column.minimum)}", cells.BELOW_MINIMUM, f"{column.minimum}"
    if column.maximum is not None:
        expected = f"{column.maximum}: {column.maximum_reason}"
        yield f"{value} > {cells.bound_of(column.maximum)}", cells.ABOVE_MAXIMUM, expected
    orders = [("before", "<", name) for name in column.not_before] + [("after", ">", name) for name in column.not_after]
    found = " or ".join(f"{word} {name}" for word, _, name in orders)
    out_of_order = Fault(cells.OUT_OF_ORDER.code, f"{cells.OUT_OF_ORDER.sentence}; it is {found}")
    for _, sign, name in orders:
        yield f"{value} {sign} {quoted(f'{name} value')}", out_of_order, ""
    if needed := column.required_when.items():
        called_for = " and ".join(f"{quoted(f'{name} value')} = {literal(text)}" for name, text in needed)
        expected = " and ".join(f"{name} is {text}" for name, text in needed)
        yield f"{cell} is null and {called_for}", cells.REQUIRED_WHEN, expected


def _looks_personal(column: Column) -> str:
    """Return the condition for a cell to look personal, evaluated only for cells that could.

    A listed force, a value of a closed list, a time, or a number up to its maximum never looks personal.
    """
    looks, value = cells.looks_personal(column), _part(column, "value")
    if column.name == FORCE_COLUMN:
        return f"case when not list_contains($known_forces, {value}) then {looks} end"
    if column.cell_type is CellType.TEXT and not column.values:
        return looks
    is_number = column.cell_type in _NUMBERS and not column.values
    if not is_number:
        return f"case when {value} is null then {looks} end"
    if column.maximum is None:
        return looks
    return f"case when {value} is null or {value} > {cells.bound_of(column.maximum)} then {looks} end"
