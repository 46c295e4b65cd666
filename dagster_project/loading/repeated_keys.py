"""Quarantine rows that repeat a key within an extract date: duplicates, and rows superseded by a later row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import duckdb

from dagster_project.contracts import Contract
from dagster_project.extracts.rows import DUPLICATE_ROW, SUPERSEDED_ROW, people_of
from dagster_project.loading.row_loader import release_buffers
from dagster_project.sql import quoted, table
from dagster_project.warehouse.tables import incoming

if TYPE_CHECKING:
    from dagster_project.loading.candidate import FileLoad

# How many rows are grouped by key at a time (67 bytes of memory per row), and compared by cells (700 bytes per row).
_KEYS_AT_ONCE = 1_000_000
_CELLS_AT_ONCE = 60_000


def portions(files: Sequence[FileLoad]) -> Iterator[tuple[int, int, int]]:
    """Split the files into portions of whole days with at most a million rows, or of a single larger day.

    Yields:
        First load, last load and number of rows of each portion.
    """
    loads: list[int] = []
    rows = 0
    for _, group in groupby(files, lambda file: file.extract_date):
        files_of_day = list(group)
        read = sum(file.rows_read for file in files_of_day)
        if loads and rows + read > _KEYS_AT_ONCE:
            yield loads[0], loads[-1], rows
            loads, rows = [], 0
        loads += [file.load_id for file in files_of_day]
        rows += read
    if loads:
        yield loads[0], loads[-1], rows


def quarantine_repeated_keys(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[FileLoad]
) -> None:
    """Keep one row for each key, extract date and event: the last one, or the first of equal rows.

    Rows with one key are of several events where more than `identityDays` pass from one to the next.

    Repeated keys are found by grouping, which reads only the key columns; only their rows are sorted. A window over all
    rows would cost 1.23 times as much as the whole run.

    Args:
        connection: in a transaction, with the candidate tables of the source and the table `load_file` of `RowLoader`.
        contract: the source.
        files: all loaded files, ordered by extract date.
    """
    rows = incoming(contract)
    key = [
        "extract_date",
        quoted("force_code"),
        *(quoted(column.name) for column in contract.key if column.name != "force_code"),
    ]
    matches = " and ".join(f"candidate.{column} = repeated.{column}" for column in key)
    cells = ", ".join(f"timed.{quoted(column.name)}" for column in contract.columns)
    time, begins, days = "load_id", "false", contract.identity_days
    if days is not None and contract.identity_time:
        time = quoted(contract.identity_time)
        begins = f"date_diff('microsecond', time_before, {time}) > {days * 86_400_000_000}"
    connection.execute(
        """
        create or replace temp table losing (
            load_id bigint,
            source_row bigint,
            extract_date date,
            force_code varchar,
            is_repetition boolean,
            surrogates bigint[]
        )
        """
    )
    connection.execute(
        f"""
        create or replace temp table repeated as
        select
            {", ".join(key)},
            cast(0 as bigint) as occurrences
        from {rows}
        limit 0
        """
    )
    # Without the cast, the remainder is computed on 128-bit numbers, which costs five times as much as the grouping.
    find = f"""
        insert into repeated
        select
            {", ".join(key)},
            count(*)
        from {rows}
        where
            load_id between $first_load_id and $last_load_id
            and hash({", ".join(key)}) % cast($parts as ubigint) = $part
        group by {", ".join(key)}
        having count(*) > 1
    """
    compare = f"""
        insert into losing
        with timed as (
            select
                candidate.*,
                lag(candidate.{time}) over (
                    partition by {", ".join(f"candidate.{column}" for column in key)}
                    order by candidate.{time}
                ) as time_before
            from {rows} as candidate
            join repeated on {matches}
            where
                candidate.load_id between $first_load_id and $last_load_id
                and hash({", ".join(f"repeated.{column}" for column in key)}) % cast($parts as ubigint) = $part
        ),

        numbered as (
            select
                *,
                count(*) filter (where {begins}) over (partition by {", ".join(key)} order by {time}) as epoch
            from timed
        ),

        compared as (
            select
                load_id,
                source_row,
                {", ".join(key)},
                epoch,
                coalesce(
                    row({cells}) is not distinct from lag(row({cells})) over (
                        partition by {", ".join(key)}, epoch
                        order by load_id, source_row
                    ),
                    false
                ) as is_repetition,
                {people_of(contract, "timed")} as surrogates
            from numbered as timed
        ),

        ranked as (
            select
                *,
                row_number() over (
                    partition by {", ".join(key)}, epoch, is_repetition
                    order by load_id desc, source_row desc
                ) as row_num
            from compared
        )

        select load_id, source_row, extract_date, force_code, is_repetition, surrogates
        from ranked
        where is_repetition or row_num > 1
    """
    for first, last, count in portions(files):
        connection.execute("truncate table repeated")
        _in_parts(connection, find, first, last, parts=1 + count // _KEYS_AT_ONCE)
        (occurrences,) = connection.execute("select coalesce(sum(occurrences), 0) from repeated").fetchall()[0]
        if occurrences:
            _in_parts(connection, compare, first, last, parts=1 + occurrences // _CELLS_AT_ONCE)
    _quarantine_losing(connection, contract)


def _quarantine_losing(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Move the rows of the table `losing` to quarantine, each with its reason."""
    connection.execute(
        f"""
        insert into {incoming(contract, "quarantine")}
        select
            losing.load_id,
            $source,
            losing.extract_date,
            load_file.file_name,
            losing.source_row,
            null,
            case when losing.is_repetition then $duplicate_code else $superseded_code end,
            case when losing.is_repetition then $duplicate else $superseded end,
            losing.force_code,
            null,
            losing.surrogates
        from losing
        join load_file on losing.load_id = load_file.load_id
        """,
        {
            "source": contract.source,
            "duplicate_code": DUPLICATE_ROW.code,
            "duplicate": DUPLICATE_ROW.sentence,
            "superseded_code": SUPERSEDED_ROW.code,
            "superseded": SUPERSEDED_ROW.sentence,
        },
    )
    connection.execute(
        f"""
        delete from {table("raw", contract.source)} as candidate
        using losing
        where candidate.load_id = losing.load_id and candidate.source_row = losing.source_row
        """
    )


def _in_parts(connection: duckdb.DuckDBPyConnection, statement: str, first: int, last: int, *, parts: int) -> None:
    """Run a statement on the loads from first to last, once for each part of their keys."""
    for part in range(parts):
        connection.execute(statement, {"first_load_id": first, "last_load_id": last, "parts": parts, "part": part})
        release_buffers(connection)
