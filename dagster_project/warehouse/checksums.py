"""Checksums of the rows of each load, by which `fcir verify` finds values that were changed by hand.

A load gets its checksum when the first command ends after it was loaded. A command that changes or deletes its rows
deletes its checksum in the same transaction, and it gets another when that command ends. No other command writes a
checksum again, so a change by hand is found however many nights pass.
"""

import duckdb

from dagster_project.sql import literal, quoted, table
from dagster_project.warehouse.connection import WAREHOUSE
from dagster_project.warehouse.tables import column_types, tables_of

CHECKSUMS = table("audit", "load_checksum")
"""The table of checksums; a database that is older has none."""


def note_checksums(connection: duckdb.DuckDBPyConnection) -> None:
    """Compute the checksum of each accepted load that has rows and no checksum.

    Args:
        connection: a loading connection, within a transaction.
    """
    for source in tables_of(connection, "raw"):
        missing = f"load_id in (select load_id from audit.load) and load_id not in (select load_id from {CHECKSUMS})"
        found = _checksums(connection, source, missing)
        connection.execute(f"insert into {CHECKSUMS} select load_id, checksum from ({found})")


def delete_checksums(connection: duckdb.DuckDBPyConnection, load_ids: str, parameters: object = None) -> None:
    """Delete the checksums of loads whose rows change.

    Args:
        connection: a connection to the warehouse, within the transaction that changes the rows.
        load_ids: query of their numbers, before the rows change.
        parameters: its parameters.
    """
    connection.execute(f"delete from {CHECKSUMS} where load_id in ({load_ids})", parameters)


def differing_loads(
    connection: duckdb.DuckDBPyConnection, source: str
) -> list[tuple[int, str | None, int | None, int]]:
    """Return the loads of a source whose rows are not those of the audit: too few, too many, or with other values.

    Args:
        connection: a connection to the warehouse.
        source: the source.

    Returns:
        Number, file name, expected rows and rows; None for a load that the audit does not have.
    """
    if not column_types(connection, WAREHOUSE, "raw", source):
        return []
    return connection.execute(
        f"""
        with found as ({_checksums(connection, source, "true")}),

        expected as (
            select
                load_id,
                file_name,
                status,
                if(status in ('loaded', 'replaced'), rows_loaded - coalesce(rows_purged, 0), 0) as row_count
            from audit.load
            where source = $source
        )

        select
            coalesce(expected.load_id, found.load_id),
            expected.file_name,
            expected.row_count,
            coalesce(found.row_count, 0)
        from expected
        full outer join found on expected.load_id = found.load_id
        left join {CHECKSUMS} as noted on found.load_id = noted.load_id
        where
            (coalesce(expected.row_count, 0) <> coalesce(found.row_count, 0) or found.checksum <> noted.checksum)
            -- A rebuild does not restore them.
            and not (coalesce(expected.status, '') = 'replaced' and found.row_count is null)
        order by 1
        """,
        {"source": source},
    ).fetchall()


def _checksums(connection: duckdb.DuckDBPyConnection, source: str, condition: str) -> str:
    """Return the query of load numbers, checksums and numbers of rows.

    A column without values changes no checksum, since a contract may get another column.

    DuckDB's `hash` is ten times faster than MD5, and gives other values in other versions.
    """
    columns = sorted(set(column_types(connection, WAREHOUSE, "raw", source)) - {"load_id"})
    # `concat_ws` leaves out null.
    cells = ", ".join(f"{literal(f'{name}=')} || cast({quoted(name)} as varchar)" for name in columns)
    return f"""
        select
            load_id,
            cast(sum(cast(md5_number_lower(concat_ws(chr(31), {cells})) as hugeint)) as varchar) as checksum,
            count(*) as row_count
        from {table("raw", source)}
        where {condition}
        group by load_id
    """
