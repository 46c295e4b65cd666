"""The tables of a publication as Parquet: one file for each, and for a fact one for each month.

A fact of ten years has millions of rows, of which a night changes those of a few months: 60 months of 3.5 million calls
take 3.6 CPU seconds to write, three of them 0.16. The files of the other months are links to those of the publication
before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.publication.files import take_over
from dagster_project.publication.paths import address_of, published_path
from dagster_project.sql import literal, quoted, table
from dagster_project.transformation.build import built_upon
from dagster_project.transformation.project import Mart

_FOLDER = "parquet"
_PART = "part-0.parquet"
# The month of a fact that has no rows.
_NO_MONTH = "none"


def can_take_over(
    connection: duckdb.DuckDBPyConnection, before: Path | None, *, change_seq: int, project_fingerprint: str
) -> bool:
    """Whether the facts of a publication are those of the marts but for the rows that the last build changed.

    So it is when that build went on from the state that was published, by the same state of the dbt project.

    Args:
        connection: the warehouse, built and settled.
        before: folder of the current publication; None where none may be taken over.
        change_seq: newest change of a load that the new publication holds.
        project_fingerprint: fingerprint of the dbt project that built it.
    """
    if before is None:
        return False
    row = connection.execute(
        "select change_seq from audit.publication where run_id = ? and is_complete and project_fingerprint = ?",
        [before.name, project_fingerprint],
    ).fetchone()
    return row is not None and row[0] in (change_seq, built_upon(connection))


def write_parquet(
    connection: duckdb.DuckDBPyConnection, marts: Sequence[Mart], folder: Path, *, before: Path | None
) -> None:
    """Write every mart as `parquet/TABLE.parquet`, a fact as `parquet/TABLE/month=YYYY-MM/part-0.parquet`.

    Rows stand in the order of the mart (`Mart.order`), so the same rows give the same bytes, whether they were built
    from scratch or night by night.

    Args:
        connection: the warehouse with the marts.
        marts: the tables.
        folder: of the new publication.
        before: folder of the publication that the last build went on from, whose unchanged months are taken over; None
            to write every month.
    """
    with _nullable_columns(connection):
        for mart in marts:
            if mart.month_of:
                _write_months(connection, mart, folder, before)
            else:
                relation = table("marts", mart.name)
                copy_to_parquet(connection, mart, relation, published_path(folder, _FOLDER, f"{mart.name}.parquet"))


@contextmanager
def _nullable_columns(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Have DuckDB write every column as one that may be null.

    By itself it goes by the statistics of the whole table, which also count rows that were deleted: a month would have
    other bytes after a night than after a full build, and the months of a fact different schemas.
    """
    connection.execute("set disabled_optimizers = 'statistics_propagation'")
    try:
        yield
    finally:
        connection.execute("reset disabled_optimizers")


def parquet_addresses(folder: Path, name: str) -> list[str]:
    """Addresses of the Parquet files of a table below the folder of its publication, by month."""
    files = _month_files(folder, name) or [folder / _FOLDER / f"{name}.parquet"]
    return [address_of(*file.relative_to(folder).parts) for file in files]


def _month_files(folder: Path, name: str) -> list[Path]:
    return sorted((folder / _FOLDER / name).glob(f"month=*/{_PART}"))


def _write_months(connection: duckdb.DuckDBPyConnection, mart: Mart, folder: Path, before: Path | None) -> None:
    unchanged = _unchanged_months(connection, mart, before) if before else {}
    relation, column = table("marts", mart.name), quoted(mart.month_of or "")
    months = connection.execute(
        f"select cast(date_trunc('month', {column}) as date) as month, count(*) from {relation} group by month"
    ).fetchall()
    for month, rows in months or [(None, 0)]:
        parts = (_FOLDER, mart.name, f"month={_name_of(month)}", _PART)
        if before and unchanged.get(_name_of(month)) == rows:
            take_over(before, folder, address_of(*parts))
        else:
            is_of_month = f"{column} between date '{month}' and last_day(date '{month}')" if month else "false"
            rows_of_month = f"(from {relation} where {is_of_month})"
            copy_to_parquet(connection, mart, rows_of_month, published_path(folder, *parts))


def _unchanged_months(connection: duckdb.DuckDBPyConnection, mart: Mart, before: Path) -> dict[str, int]:
    """Months of a publication that no changed row belongs to, with the rows of their files.

    `Mart.changed_rows` has all rows that changed keys have or ever had, each with its date: a row whose date moved
    changes both months. The rows are counted all the same, since a file must never lack what the fact has.
    """
    files = [str(file) for file in _month_files(before, mart.name)]
    if mart.changed_rows is None or not files:
        return {}
    months = connection.execute(
        f"select distinct cast(date_trunc('month', {quoted(mart.month_of or '')}) as date) "
        f"from {table(*mart.changed_rows)}"
    ).fetchall()
    changed = {_name_of(month) for (month,) in months}
    counts = connection.execute("select file_name, num_rows from parquet_file_metadata(?)", [files]).fetchall()
    rows = {Path(file).parent.name.removeprefix("month="): int(count) for file, count in counts}
    return {month: count for month, count in rows.items() if month not in changed}


def _name_of(month: date | None) -> str:
    return f"{month:%Y-%m}" if month else _NO_MONTH


def copy_to_parquet(connection: duckdb.DuckDBPyConnection, mart: Mart, relation: str, file: Path) -> None:
    """Write a relation into a Parquet file, in the order of its mart.

    One COPY for each file, ordered: with PARTITION_BY, DuckDB loses the order and writes other bytes on a second run.
    """
    order = ", ".join(f"{quoted(column)} nulls last" for column in mart.order)
    # Zstandard at its lowest level writes as fast as Snappy, DuckDB's default, and needs 0.61 of its bytes for ten
    # years of calls: a pseudonym is hexadecimal, which Snappy cannot shorten. Bloom filters take a tenth of the time.
    connection.execute(
        f"copy (from {relation} order by {order}) to {literal(str(file))} "
        "(format parquet, compression zstd, compression_level 1, write_bloom_filter false)"
    )
