"""The tables of a publication: all marts in one DuckDB file, and each as Parquet.

A fact of ten years has millions of rows, of which a night touches some thousands. So the file of the publication before
is taken over where it can be, and in each fact only the rows of touched keys are written anew; every other table is.
At 13 million extract rows that costs a seventh of writing all of them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.extracts.cells import quoted
from dagster_project.loading.landing import sha256_of
from dagster_project.publication.files import link
from dagster_project.transformation.build import built_upon
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import literal, table

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

    So it is when that build went on from the state that was published, by the same state of the dbt project, and the
    file is still the one that its manifest lists. The first publication of a month (UTC) starts anew, since rows that
    were replaced leave gaps in the file, and those that replaced them stand at its end and not in their order.

    Args:
        connection: the warehouse, built and settled.
        before: folder of the current publication; None before the first.
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
    return row is not None and row[0] in (change_seq, built_upon(connection)) and _is_as_listed(before)


def _is_as_listed(before: Path) -> bool:
    """Whether the file is the one that was published; whoever opens it without read-only may have changed it."""
    file = before / DATABASE
    try:
        listed = json.loads((before / "manifest.json").read_text(encoding="utf-8"))["files"]
        return sha256_of(file) in [entry["sha256"] for entry in listed if entry["path"] == DATABASE]
    except (OSError, ValueError, KeyError):
        return False


def write_tables(
    connection: duckdb.DuckDBPyConnection, marts: Sequence[Mart], folder: Path, *, before: Path | None
) -> dict[str, int]:
    """Write every mart into a DuckDB file and from there, in the same order of rows, into Parquet.

    Args:
        connection: the warehouse.
        marts: the tables; those with `touched` are renewed for touched rows alone when there is a file to start from.
        folder: of the new publication; has a folder `parquet`.
        before: folder of the publication whose file is taken over; None to write all rows anew.

    Returns:
        Mart to its rows.
    """
    file = folder / DATABASE
    if before:
        shutil.copyfile(before / DATABASE, file)
    connection.execute(f"attach {literal(str(file))} as published (storage_version '{STORAGE_VERSION}')")
    connection.execute("create schema if not exists published.marts")
    counts: dict[str, int] = {}
    for mart in marts:
        target = table("published", "marts", mart.name)
        touched = _renew(connection, mart) if before and mart.touched else None
        if touched is None:
            _write(connection, mart)
        comment(connection, target, mart.description, mart.columns)
        parquet = Path("parquet") / f"{mart.name}.parquet"
        if touched == 0 and before and (before / parquet).exists():
            link(before / parquet, folder / parquet)
        else:
            connection.execute(f"copy {target} to {literal(str(folder / parquet))} (format parquet)")
        counts[mart.name] = _rows(connection, target)
    connection.execute("detach published")
    return counts


def _write(connection: duckdb.DuckDBPyConnection, mart: Mart) -> None:
    """Copy a whole mart in its order."""
    source, target = table("warehouse", "marts", mart.name), table("published", "marts", mart.name)
    order = ", ".join(f"{quoted(column)} nulls last" for column in mart.order)
    connection.execute(f"create or replace table {target} as select * from {source} order by {order}")


def _renew(connection: duckdb.DuckDBPyConnection, mart: Mart) -> int | None:
    """Replace the rows of touched keys in a table that was taken over.

    Returns:
        Rows that went or came; None when the table has not become that of the warehouse and has to be written whole.
    """
    source, target = table("warehouse", "marts", mart.name), table("published", "marts", mart.name)
    touched = table("warehouse", "staging", mart.touched or "")
    # As the facts themselves are renewed: a narrow range of numbers of loads, by which most of the file is skipped.
    condition = (
        f"exists (select 1 from {touched} as touched "
        "where touched.load_id = rows.load_id and touched.source_row = rows.source_row)"
    )
    order = ", ".join(f"{quoted(column)} nulls last" for column in mart.order)
    went = connection.execute(f"delete from {target} as rows where {condition}").fetchone()
    came = connection.execute(
        f"insert into {target} by name select * from {source} as rows where {condition} order by {order}"
    ).fetchone()
    if _rows(connection, source) != _rows(connection, target):
        return None
    return int(went[0] if went else 0) + int(came[0] if came else 0)


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
    connection.execute(f"comment on table {relation} is {literal(description)}")
    for column, text in columns.items():
        connection.execute(f"comment on column {relation}.{quoted(column)} is {literal(text)}")
