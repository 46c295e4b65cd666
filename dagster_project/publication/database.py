"""The database of a publication: all marts in one DuckDB file. The same tables as Parquet: `parquet_files.py`.

A fact of ten years has millions of rows, of which a night touches some thousands. So the file of the publication before
is taken over where it can be: in each fact the rows of touched keys are written anew. Every other table is written
whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.publication.files import copy
from dagster_project.publication.paths import published_path
from dagster_project.sql import literal, quoted, table
from dagster_project.transformation.build import built_upon
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import transaction

DATABASE = "fcir.duckdb"
"""Name of the file in a publication."""

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
    """Write every mart into a DuckDB file.

    Args:
        connection: the warehouse.
        marts: the tables; those with `changed_rows` are renewed for these alone when there is a file to start from.
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
        is_renewed = before is not None and mart.changed_rows is not None and _renew(connection, mart)
        if not is_renewed:
            _write(connection, mart)
        comment(connection, target, mart.description, mart.columns)
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


def _is_touched(mart: Mart) -> str:
    """Condition for `rows` of a fact or of what was published of it.

    As facts themselves are renewed: by a narrow range of numbers of loads, so that most of a file is left unread.
    """
    touched = table("warehouse", *(mart.changed_rows or ()))
    return (
        f"exists (select 1 from {touched} as touched "
        "where touched.load_id = rows.load_id and touched.source_row = rows.source_row)"
    )


def _order(mart: Mart) -> str:
    return ", ".join(f"{quoted(column)} nulls last" for column in mart.order)


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
