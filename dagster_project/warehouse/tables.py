"""Tables that loading owns: `raw` (rows), `incoming` (candidate rows), `audit` (results of loading)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import duckdb

from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.extracts.cells import sql_type_of
from dagster_project.extracts.rows import DUPLICATE_ROW, SUPERSEDED_ROW
from dagster_project.sql import quoted, scalar, table
from dagster_project.warehouse.connection import WAREHOUSE, transaction

_AUDIT = (Path(__file__).parent / "audit.sql").read_text(encoding="utf-8")
# A warehouse notes which tables it was set up with: creating them is 35 statements, also where all of them exist.
_LAYOUT = sha256(_AUDIT.encode()).hexdigest()


class TableMismatch(OperatorError, RuntimeError):
    """A raw table has a column of another type than its contract states; the message says what to do."""


def raw_columns(contract: Contract) -> dict[str, str]:
    """Return the columns of a source's raw table, in order, with their SQL types."""
    columns = {column.name: "bigint" if column.is_personal else sql_type_of(column) for column in contract.columns}
    return columns | {
        "is_dst_ambiguous": "boolean",
        "extract_date": "date",
        "load_id": "bigint",
        "source_row": "bigint",
    }


def ensure_tables(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Create the audit tables and one raw table for each contract; add columns that are new in a contract.

    Candidates that a killed run left behind are deleted.

    Raises:
        TableMismatch: a column of a raw table has another type than its contract states.
    """
    contracts = list(contracts)
    noted = "select comment from duckdb_tables() where (database_name, schema_name, table_name) = (?, 'audit', 'root')"
    if scalar(connection, noted, [WAREHOUSE]) != _LAYOUT:
        connection.execute(_AUDIT)
        connection.execute("insert into audit.root select ? where not exists (select 1 from audit.root)", [uuid4().hex])
        connection.execute(f"comment on table audit.root is '{_LAYOUT}'")
    _delete_candidates(connection)
    record_contracts(connection, contracts)
    present = {contract.source: column_types(connection, WAREHOUSE, "raw", contract.source) for contract in contracts}
    for contract in contracts:
        for place, what in other_types(contract, present[contract.source]):
            raise TableMismatch(
                f"{place} {what}. Nothing was changed. Read the values again from the landing folder: fcir rebuild"
            )
    for contract in contracts:
        name, columns = table("raw", contract.source), raw_columns(contract)
        if not present[contract.source]:
            definition = ", ".join(f"{quoted(column)} {sql_type}" for column, sql_type in columns.items())
            connection.execute(f"create table {name} ({definition})")
            continue
        for column in columns.keys() - present[contract.source].keys():
            connection.execute(f"alter table {name} add column {quoted(column)} {columns[column]}")


def other_types(contract: Contract, present: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each column of a raw table that has another type than its contract states, and what both are.

    A column that became personal, or is personal no more, has another type too. `present` are the types of the table.
    """
    for column, sql_type in raw_columns(contract).items():
        found = present.get(column, sql_type)
        if found.replace(" ", "") != sql_type.replace(" ", ""):
            yield f"raw.{contract.source}.{column}", f"is {found}, its contract states {sql_type}"


def record_contracts(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Record the settings that dbt needs; have built what depends on a changed one.

    Args:
        connection: a loading connection.
        contracts: the sources; what is recorded of others stays.
    """
    known = set(connection.execute("from audit.contract").fetchall())
    for contract in contracts:
        stated = (contract.source, Decimal(str(contract.volume_floor)), contract.identity_days)
        if stated in known:
            continue
        with transaction(connection):
            connection.execute("delete from audit.contract where source = ?", [contract.source])
            connection.execute("insert into audit.contract values (?, ?, ?)", stated)
            # Completeness of days and events may change even in months without a changed load.
            connection.execute("delete from audit.build_started")


def column_types(connection: duckdb.DuckDBPyConnection, catalog: str, schema: str, name: str) -> dict[str, str]:
    """Return the columns of a table with their types, in order; empty if there is no such table.

    Args:
        connection: an open connection.
        catalog: name of the database file in the connection.
        schema: the schema.
        name: the table.
    """
    # All rows, because an unfinished result would keep this connection from registering a table.
    rows = connection.execute(
        """
        select
            column_name,
            lower(data_type)
        from information_schema.columns
        where
            table_catalog = ?
            and table_schema = ?
            and table_name = ?
        order by ordinal_position
        """,
        [catalog, schema, name],
    ).fetchall()
    return dict(rows)


def tables_of(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """Return the names of the tables of a schema, in order."""
    rows = connection.execute(
        "select table_name from duckdb_tables() where schema_name = ? and not internal order by table_name", [schema]
    ).fetchall()
    return [name for (name,) in rows]


def rows_by_force(contract: Contract, rows: str, quarantine: str) -> str:
    """Return SQL for the columns of `audit.load_force`, from relations of good and of quarantined rows.

    A row of the result has the rows of one force and one member of the main list.

    Rows of a source that describes forces count without a force: none of them delivers the rows.
    """
    force = "cast(null as varchar)" if contract.describes_forces else "force_code"
    member = f"cast({quoted(contract.main_list)} as varchar)" if contract.main_list else "cast(null as varchar)"
    return f"""
        with counted as (
            select
                load_id,
                {force} as force_code,
                {member} as member,
                count(*) as rows_loaded,
                0 as rows_quarantined,
                0 as rows_repeated
            from {rows} as loaded
            group by all
            union all
            select
                load_id,
                {force},
                member,
                0,
                count(*),
                count(*) filter (where reason_code in ('{DUPLICATE_ROW.code}', '{SUPERSEDED_ROW.code}'))
            from {quarantine} as quarantined
            group by all
        )

        select
            load_id,
            force_code,
            cast(sum(rows_loaded + rows_quarantined) as bigint) as rows_read,
            cast(sum(rows_loaded) as bigint) as rows_loaded,
            cast(sum(rows_quarantined) as bigint) as rows_quarantined,
            cast(sum(rows_repeated) as bigint) as rows_repeated,
            member
        from counted
        group by load_id, force_code, member
        order by load_id, force_code, member
    """


def create_incoming(connection: duckdb.DuckDBPyConnection, contract: Contract, first_load_id: int) -> None:
    """Start a candidate of a source: a view of its rows in the raw table, and an empty quarantine table.

    Rows are written once, directly to the table where accepted rows stay, because writing is the most expensive part of
    loading. Until their load is in `audit.load`, only this view shows them.

    Args:
        connection: a loading connection.
        contract: the source.
        first_load_id: lowest load number of the candidate; all loads from this number on belong to it.
    """
    columns = ", ".join(quoted(column) for column in raw_columns(contract))
    connection.execute(
        f"create view {incoming(contract)} as "
        f"select {columns} from {table('raw', contract.source)} where load_id >= {first_load_id}"
    )
    connection.execute(f"create table {incoming(contract, 'quarantine')} as select * from audit.quarantine limit 0")


def forget(connection: duckdb.DuckDBPyConnection, quarantine: str, people: Collection[int]) -> None:
    """Keep no surrogates of the quarantined rows of people: only the files that the rows are in name them."""
    connection.execute(
        f"update {quarantine} set surrogates = null where list_has_any(surrogates, cast(? as bigint[]))", [list(people)]
    )


def drop_incoming(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """End a candidate; its rows stay in the raw table."""
    connection.execute(f"drop view if exists {incoming(contract)}")
    for part in ("quarantine", "deliveries"):
        connection.execute(f"drop table if exists {incoming(contract, part)}")


def _delete_candidates(connection: duckdb.DuckDBPyConnection) -> None:
    """Delete candidates that were never judged, with their rows, because their load numbers are used again."""
    left = connection.execute(
        """
        select
            table_name,
            table_type
        from information_schema.tables
        where table_catalog = current_database() and table_schema = 'incoming'
        """
    ).fetchall()
    if not left:
        return
    with transaction(connection):
        for name, kind in left:
            relation = table("incoming", name)
            if kind == "VIEW":
                connection.execute(
                    f"delete from {table('raw', name)} where load_id in (select load_id from {relation})"
                )
            connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {relation}")


def incoming(contract: Contract, part: str | None = None) -> str:
    """Return the quoted name of a candidate: its rows, or the part `quarantine` or `deliveries`."""
    return table("incoming", f"{contract.source}__{part}" if part else contract.source)


def root_id(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the random id of the data root, which its vault and the copy of its audit have too; None before set-up."""
    if "root_id" not in column_types(connection, WAREHOUSE, "audit", "root"):
        return None
    # All rows, because an unfinished result would keep this connection from registering a table.
    [(found,)] = connection.execute("select max(root_id) from audit.root").fetchall()
    return str(found)
