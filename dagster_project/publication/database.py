"""The tables of a publication: all marts in one DuckDB file, and each as Parquet.

A fact of ten years has millions of rows, of which a night touches some thousands. So the files of the publication
before are taken over where they can be: in each fact of the database the rows of touched keys are written anew, and in
its Parquet file the row groups that have such rows. Every other table is written whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from dagster_project.publication.files import copy, take_over
from dagster_project.publication.parquet import NotComposable, compose, read_footer
from dagster_project.publication.paths import address_of, published_path
from dagster_project.sql import literal, quoted, table
from dagster_project.transformation.build import built_upon
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import transaction

DATABASE = "fcir.duckdb"
"""Name of the file in a publication."""

_PARQUET = "parquet"

# DuckDB 1.4 is the oldest release line that still gets fixes; a file written without this opens in 2.x only.
STORAGE_VERSION = "v1.4.0"


def can_take_over(
    connection: duckdb.DuckDBPyConnection,
    before: Path | None,
    *,
    published_at: datetime,
    change_seq: int,
    project_fingerprint: str,
) -> bool:
    """Whether the tables of a publication are those of the warehouse but for what the last build touched.

    So it is when that build went on from the state that was published, by the same state of the dbt project. The first
    publication of a month (UTC) starts anew, since rows that were replaced leave gaps in the file, and those that
    replaced them stand at its end and not in their order.

    Args:
        connection: the warehouse, built and settled.
        before: folder of the current publication; None where none may be taken over.
        published_at: when the new publication is made, an aware time.
        change_seq: newest change of a load that the new publication holds.
        project_fingerprint: fingerprint of the dbt project that built it.
    """
    if before is None:
        return False
    row = connection.execute(
        """
        select change_seq
        from audit.publication
        where
            run_id = $run_id
            and is_complete
            and project_fingerprint = $project_fingerprint
            and date_trunc('month', published_at) = date_trunc('month', cast($published_at as timestamp))
        """,
        {
            "run_id": before.name,
            "project_fingerprint": project_fingerprint,
            "published_at": published_at.replace(tzinfo=None),
        },
    ).fetchone()
    return row is not None and row[0] in (change_seq, built_upon(connection))


def write_tables(
    connection: duckdb.DuckDBPyConnection, marts: Sequence[Mart], folder: Path, *, before: Path | None
) -> dict[str, int]:
    """Write every mart into a DuckDB file and into Parquet.

    Args:
        connection: the warehouse.
        marts: the tables; those with `touched` are renewed for touched rows alone when there is a file to start from.
        folder: of the new publication.
        before: folder of the publication whose files are taken over; None to write all rows anew.

    Returns:
        Mart to its rows.
    """
    file = copy(before / DATABASE, folder, DATABASE) if before else published_path(folder, DATABASE)
    connection.execute(f"attach {literal(str(file))} as published (storage_version '{STORAGE_VERSION}')")
    connection.execute("create schema if not exists published.marts")
    counts: dict[str, int] = {}
    for mart in marts:
        target = table("published", "marts", mart.name)
        is_renewed = before is not None and mart.touched is not None and _renew(connection, mart)
        if not is_renewed:
            _write(connection, mart)
        comment(connection, target, mart.description, mart.columns)
        if not (before and is_renewed and _renew_parquet(connection, mart, folder, before)):
            copy_to_parquet(connection, target, published_path(folder, _PARQUET, f"{mart.name}.parquet"))
        counts[mart.name] = _rows(connection, target)
    connection.execute("detach published")
    return counts


def _write(connection: duckdb.DuckDBPyConnection, mart: Mart) -> None:
    """Copy a whole mart in its order."""
    source, target = table("warehouse", "marts", mart.name), table("published", "marts", mart.name)
    connection.execute(f"create or replace table {target} as select * from {source} order by {_order(mart)}")


def _renew(connection: duckdb.DuckDBPyConnection, mart: Mart) -> bool:
    """Replace the rows of touched keys in a table that was taken over; whether it is that of the warehouse then."""
    source, target = table("warehouse", "marts", mart.name), table("published", "marts", mart.name)
    connection.execute(f"delete from {target} as rows where {_is_touched(mart)}")
    connection.execute(
        f"insert into {target} by name select * from {source} as rows where {_is_touched(mart)} order by {_order(mart)}"
    )
    return _rows(connection, source) == _rows(connection, target)


def _renew_parquet(connection: duckdb.DuckDBPyConnection, mart: Mart, folder: Path, before: Path) -> bool:
    """Make the Parquet file of a fact of the row groups before that have no touched row, and of new ones.

    The last row group is among the new ones, however it is: else every night would leave one with the rows of a day.

    Returns:
        Whether it could be made, and has as many rows as the fact.
    """
    target = published_path(folder, _PARQUET, f"{mart.name}.parquet")
    source = table("warehouse", "marts", mart.name)
    try:
        old = read_footer(before / _PARQUET / target.name)
        touched = connection.execute(
            f"select file_row_number from read_parquet(?, file_row_number = true) as rows where {_is_touched(mart)}",
            [str(old.path)],
        ).fetchall()
        has_new = connection.execute(f"select 1 from {source} as rows where {_is_touched(mart)} limit 1").fetchall()
        if not touched and not has_new:
            take_over(before, folder, address_of(_PARQUET, target.name))
            return True
        ends = list(accumulate(old.rows))
        if not ends:
            return False
        stale = sorted({bisect_right(ends, row) for (row,) in touched} | {len(ends) - 1})
        kept = [place for place in range(len(ends)) if place not in stale]
        with TemporaryDirectory(dir=folder) as scratch:
            rest, new = (published_path(Path(scratch), f"{name}.parquet") for name in ("rest", "new"))
            compose(rest, [(old, stale)])
            copy_to_parquet(
                connection,
                f"(select * from read_parquet({literal(str(rest))}) as rows where not {_is_touched(mart)} "
                f"union all by name select * from {source} as rows where {_is_touched(mart)} order by {_order(mart)})",
                new,
            )
            added = read_footer(new)
            compose(target, [(old, kept), (added, range(len(added.rows)))])
    except NotComposable:
        return False
    return sum(read_footer(target).rows) == _rows(connection, source)


def _is_touched(mart: Mart) -> str:
    """Condition for `rows` of a fact or of what was published of it.

    As facts themselves are renewed: by a narrow range of numbers of loads, so that most of a file is left unread.
    """
    touched = table("warehouse", "staging", mart.touched or "")
    return (
        f"exists (select 1 from {touched} as touched "
        "where touched.load_id = rows.load_id and touched.source_row = rows.source_row)"
    )


def _order(mart: Mart) -> str:
    return ", ".join(f"{quoted(column)} nulls last" for column in mart.order)


def copy_to_parquet(connection: duckdb.DuckDBPyConnection, relation: str, file: Path) -> None:
    """Write a relation, in its order, into a Parquet file whose row groups can be taken over by a later one.

    Args:
        connection: an open connection.
        relation: a quoted table or a query in brackets.
        file: the file to write.
    """
    # Bloom filters stand outside of the row groups; without them a fact takes a tenth less to write. Zstandard at its
    # lowest level writes as fast as Snappy, DuckDB's default, and needs 0.61 of its bytes for ten years of calls: a
    # pseudonym is hexadecimal, which Snappy cannot shorten. Each night copies and hashes these bytes.
    connection.execute(
        f"copy {relation} to {literal(str(file))} "
        "(format parquet, compression zstd, compression_level 1, write_bloom_filter false)"
    )


def _rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def comment(connection: duckdb.DuckDBPyConnection, relation: str, description: str, columns: Mapping[str, str]) -> None:
    """Have a published table carry what it and its columns mean.

    Args:
        connection: an open connection.
        relation: quoted name of the table.
        description: what a row of it is.
        columns: column to its description.
    """
    with transaction(connection):
        connection.execute(f"comment on table {relation} is {literal(description)}")
        for column, text in columns.items():
            connection.execute(f"comment on column {relation}.{quoted(column)} is {literal(text)}")
