"""Publish the edition of one force: its own detail, and of the other forces what the public edition has.

The database is a new file and holds nothing else, not even in free blocks. Which rows of a mart it contains is
declared in the YAML of the mart, which columns in `disclosure/force_rows.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb

from dagster_project.disclosure.force_rows import LEFT_OUT, ForceRows, whole_release
from dagster_project.operations.actions import record, send
from dagster_project.publication.database import DATABASE
from dagster_project.publication.edition_tables import describe, order_by
from dagster_project.publication.files import files_of, keep_rows_for_analysts, start_publication
from dagster_project.publication.names import next_name
from dagster_project.publication.paths import published_path
from dagster_project.publication.publish import GateClosed, check_gate, finish, remove_old
from dagster_project.settings import Settings, check_force
from dagster_project.sql import count_rows, literal, quoted, table
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import STORAGE_VERSION, loading_connection, spilling_connection, transaction
from dagster_project.writing import readable_files


@dataclass(frozen=True)
class ForceEdition:
    """One edition of a force."""

    run_id: str
    folder: Path
    force_code: str
    tables: dict[str, int]
    """Number of rows by table."""


@readable_files()
def publish_force(settings: Settings, marts: Sequence[Mart], force_code: str, *, run_id: str) -> ForceEdition:
    """Write the edition of a force and point its readers to it, in the same way as `publish`.

    Args:
        settings: location of the data; the caller holds the writer lock and no connection.
        marts: all marts; each states which of its rows the edition contains.
        force_code: the force.
        run_id: Dagster run; the folder is named after time and run.

    Returns:
        The edition.

    Raises:
        GateClosed: the marts were not fully built and tested from all loads, or have no figure of the force.
        ValueError: there is no such force.
    """
    root = settings.published_force(check_force(force_code))
    name, published_at = next_name(root, None, run_id=run_id)
    with loading_connection(settings.warehouse) as connection:
        _, project_fingerprint = check_gate(connection, settings)
        figures = f"select 1 from {table('marts', 'kpi_measure_monthly')} where force_code = ? limit 1"
        if not connection.execute(figures, [force_code]).fetchone():
            raise GateClosed(
                f"the marts have no figure of the force {force_code}. Nothing was published. For the forces that have "
                'some: fcir query "select distinct force_code from kpi_measure_monthly"'
            )
        loads = "from audit.load where status in ('loaded', 'empty')"
        is_synthetic = connection.execute(f"select bool_or(is_synthetic) {loads}").fetchone() == (True,)
    partial = start_publication(root, name)
    with spilling_connection(settings.warehouse) as connection:
        file = literal(str(published_path(partial, DATABASE)))
        connection.execute(f"attach {file} as published (storage_version '{STORAGE_VERSION}')")
        connection.execute("create schema published.marts")
        counts = {
            mart.name: _write_table(connection, mart, _own_rows(mart, marts, force_code), partial)
            for mart in marts
            if mart.force_rows is not ForceRows.NONE
        }
        connection.execute("detach published")
    manifest = {
        "edition": "force",
        "force_code": force_code,
        "run_id": name,
        "published_at": published_at.isoformat(),
        "code_version": version("fcir"),
        "dbt_project_sha256": project_fingerprint,
        "is_synthetic": is_synthetic,
        # It names no delivery: a file may have rows of several forces.
        "files": files_of(partial),
        "failed": [],
        "tables": counts,
    }
    keep_rows_for_analysts(partial, settings.analysts_group)
    folder = finish(partial, name, manifest)
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        line = record(connection, "publication", details={"publication": f"{root.parent.name}/{force_code}/{name}"})
    send(line)
    remove_old(root, name)
    return ForceEdition(name, folder, force_code, counts)


def _write_table(connection: duckdb.DuckDBPyConnection, mart: Mart, own: str, folder: Path) -> int:
    """Write a table of the edition to its database and as Parquet; return the number of rows.

    `own` is the condition for the rows of the force.
    """
    target = table("published", "marts", mart.name)
    columns = _columns_of(mart, own)
    order = order_by(column for column in (*mart.order, *columns) if column in columns)
    shown = ", ".join(f"{expression} as {quoted(column)}" for column, expression in columns.items())
    connection.execute(
        f"create table {target} as select {shown} from {table('marts', mart.name)} "
        f"where {_condition_of(mart, own)} order by {order}"
    )
    describe(connection, target, mart.description, {column: mart.columns[column] for column in columns})
    file = literal(str(published_path(folder, "parquet", f"{mart.name}.parquet")))
    connection.execute(f"copy {target} to {file} (format parquet, compression zstd)")
    return count_rows(connection, target)


def _own_rows(mart: Mart, marts: Sequence[Mart], force_code: str) -> str:
    """Return the condition for the rows of a mart that are of the force, or that its rows of other marts use."""
    own = f"force_code = {literal(force_code)}"
    if mart.force_rows is not ForceRows.USED_AND_RELEASED:
        return own
    key = f"struct_pack({', '.join(f'{quoted(column)} := {quoted(column)}' for column in mart.grain)})"
    used = " union all ".join(
        f"select {key} from {table('marts', other.name)} where {own}"
        for other in marts
        if other.force_rows is ForceRows.OWN and other.columns.keys() >= set(mart.grain)
    )
    return f"{key} in ({used})" if used else "false"


def _columns_of(mart: Mart, own: str) -> dict[str, str]:
    """Return the columns of a table of the edition, each with its expression over the mart."""
    release = whole_release(mart.releases)
    released = set(release.columns) if release else set()
    columns = [column for column in mart.columns if column not in LEFT_OUT]
    if mart.force_rows is ForceRows.RELEASED:
        return {column: quoted(column) for column in columns if column in released}
    if mart.force_rows in (ForceRows.OWN_AND_RELEASED, ForceRows.USED_AND_RELEASED):
        return {
            column: quoted(column) if column in released else f"case when {own} then {quoted(column)} end"
            for column in columns
        }
    return {column: quoted(column) for column in columns}


def _condition_of(mart: Mart, own: str) -> str:
    """Return the condition for the rows of a mart that the edition contains."""
    release = whole_release(mart.releases)
    released = (release.where if release else None) or "true"
    return {
        ForceRows.OWN: own,
        ForceRows.OWN_AND_RELEASED: f"{own} or ({released})",
        ForceRows.RELEASED: released,
        ForceRows.USED_AND_RELEASED: f"{own} or ({released})",
        ForceRows.ALL: "true",
        ForceRows.NONE: "false",
    }[mart.force_rows]
