"""Tables that loading owns: `raw` (rows), `incoming` (candidate rows), `audit` (results of loading)."""

from collections.abc import Collection, Iterable, Iterator
from uuid import uuid4

import duckdb

from dagster_project.contracts import Column, Contract
from dagster_project.contracts.model import normalised
from dagster_project.errors import OperatorError
from dagster_project.extracts.cells import sql_type_of
from dagster_project.extracts.rows import DUPLICATE_ROW, SUPERSEDED_ROW
from dagster_project.sql import quoted, scalar, table
from dagster_project.warehouse.connection import WAREHOUSE, transaction

_AUDIT = """
create schema if not exists raw;
create schema if not exists incoming;
create schema if not exists audit;
create table if not exists audit.load (
    load_id bigint not null,
    source varchar not null,
    extract_date date not null,
    file_name varchar,
    file_sha256 varchar,
    rows_read bigint not null,
    rows_loaded bigint not null,
    rows_quarantined bigint not null,
    status varchar not null,
    reason varchar,
    warnings varchar,
    is_synthetic boolean not null,
    contract_version varchar,
    loaded_at timestamp not null,
    run_id varchar not null,
    change_seq bigint not null,
    error_code varchar,
    withdrawn_at timestamp
);
-- Until 0.4: version 0.2 lacks these columns of `load`; then they are part of the table.
alter table audit.load add column if not exists first_change_seq bigint;
-- The key of the pseudonyms in the rows, and when pseudonyms in them were last replaced.
alter table audit.load add column if not exists key_id varchar;
alter table audit.load add column if not exists pseudonyms_replaced_at timestamp;
-- How many rows of the load were purged, and when some last were.
alter table audit.load add column if not exists rows_purged bigint default 0;
alter table audit.load add column if not exists purged_at timestamp;
-- How often the identifiers of the source had begun again by the extract date: part of the key of its rows.
alter table audit.load add column if not exists key_epoch bigint default 0;
-- Of a delivery that an operator accepted: the critical expectations that fail, by name, and the reason.
alter table audit.load add column if not exists accepted_despite varchar;
alter table audit.load add column if not exists accepted_because varchar;
-- Quarantined rows that repeat the key of another row, and totals rows, which are no data rows.
alter table audit.load add column if not exists rows_repeated bigint default 0;
alter table audit.load add column if not exists totals_rows bigint default 0;
-- Usual rows of the day, of which a delivery has far fewer or more.
alter table audit.load add column if not exists rows_expected bigint;
-- `file_name` is the published name. The whole name, and the names of columns that were not loaded, may be about
-- people: they stay in this file and in history/.
alter table audit.load add column if not exists delivered_name varchar;
alter table audit.load add column if not exists unknown_columns varchar;
-- Detail of a source before this day is purged; the archive has its figures.
create table if not exists audit.purge (
    source varchar not null,
    purged_before date not null,
    purged_at timestamp not null
);
-- Days of a source whose rows the last purge left, because they are held.
create table if not exists audit.purge_hold (
    source varchar not null,
    first_day date not null,
    last_day date not null
);
-- Rows before that day which the last purge left: a hold that is entered later brings back no row that was purged.
create table if not exists audit.purge_held_row (
    load_id bigint not null,
    source_row bigint not null
);
create table if not exists audit.load_column (
    load_id bigint not null,
    column_name varchar not null,
    rows_filled bigint not null
);
-- Rows are counted by force, and a value that is the default of its column is none.
alter table audit.load_column add column if not exists force_code varchar;
-- Columns that had values in the deliveries before, and have none in the rows of a force.
create table if not exists audit.silent_column (
    load_id bigint not null,
    force_code varchar not null,
    column_name varchar not null
);
create table if not exists audit.load_force (
    load_id bigint not null,
    force_code varchar,
    rows_read bigint not null,
    rows_loaded bigint not null,
    rows_quarantined bigint not null,
    rows_repeated bigint not null
);
-- Member of the main list of the source; null for rows that state none that can be read.
alter table audit.load_force add column if not exists member varchar;
-- Sums of hashes of the rows of each load (warehouse/checksums.py).
create table if not exists audit.load_checksum (
    load_id bigint not null,
    checksum varchar not null
);
create table if not exists audit.contract (
    source varchar not null,
    absent_forces_complete boolean not null
);
-- Columns whose values are pseudonyms in the raw table, separated by blanks.
alter table audit.contract add column if not exists personal_columns varchar;
create table if not exists audit.waiver (
    source varchar not null,
    extract_date date not null,
    content varchar not null,
    load_id bigint not null,
    reason varchar not null,
    waived_at timestamp not null
);
create table if not exists audit.correction (
    source varchar not null,
    extract_date date not null,
    change_seq bigint not null,
    rows_before bigint not null,
    rows_after bigint not null,
    rows_added bigint not null,
    rows_removed bigint not null,
    rows_changed bigint not null,
    changed_columns varchar,
    corrected_at timestamp not null,
    run_id varchar not null
);
create table if not exists audit.quarantine (
    load_id bigint not null,
    source varchar not null,
    extract_date date not null,
    file_name varchar not null,
    source_row bigint not null,
    column_name varchar,
    reason_code varchar not null,
    reason varchar not null
);
-- Until 0.3: version 0.1 lacks it.
alter table audit.quarantine add column if not exists force_code varchar;
-- Member of the main list of the source that the row states, if it can be read.
alter table audit.quarantine add column if not exists member varchar;
create table if not exists audit.expectation_result (
    run_id varchar not null,
    source varchar not null,
    expectation varchar not null,
    severity varchar not null,
    column_name varchar,
    dimension varchar,
    success boolean not null,
    evaluated bigint not null,
    unexpected bigint not null,
    failed_extract_dates varchar,
    reason varchar,
    validated_at timestamp not null
);
-- Until 0.3: version 0.1 has results of two suites for each source.
drop table if exists audit.validation_result;
create table if not exists audit.suite_result (
    run_id varchar not null,
    source varchar not null,
    engine_version varchar not null,
    document varchar not null,
    validated_at timestamp not null
);
create table if not exists audit.landed_file (
    path varchar not null,
    size bigint not null,
    modified_ns bigint not null,
    sha256 varchar not null
);
-- Until 0.4: version 0.2 lacks it. A file without it is hashed again.
alter table audit.landed_file add column if not exists inode_changed_ns bigint;
create table if not exists audit.pseudonym_key (
    fingerprint varchar not null
);
create table if not exists audit.build_started (
    project_fingerprint varchar not null,
    built_upon bigint
);
create table if not exists audit.build_step (
    step varchar not null, change_seq bigint not null, project_fingerprint varchar not null
);
-- Until 0.4: version 0.2 lacks it.
alter table audit.build_step add column if not exists engine varchar default 'duckdb';
-- Of the lake, if Spark builds: which data root it belongs to, and what it has of this warehouse (warehouse/lake.py).
create table if not exists audit.lake_owner (
    owner varchar not null
);
create table if not exists audit.lake (
    rows_id varchar not null,
    build_id varchar,
    change_seq bigint,
    project_fingerprint varchar,
    begun_id varchar
);
create table if not exists audit.build (
    run_id varchar not null,
    change_seq bigint not null,
    project_fingerprint varchar not null,
    is_published boolean not null,
    built_at timestamp not null
);
create table if not exists audit.marts_file (
    size bigint not null,
    modified_ns bigint not null
);
create table if not exists audit.publication (
    publication_no bigint not null,
    run_id varchar not null,
    published_at timestamp not null,
    change_seq bigint not null,
    project_fingerprint varchar not null,
    is_complete boolean not null
);
create table if not exists audit.figure_version (
    publication_no bigint not null,
    force_code varchar not null,
    measure varchar not null,
    month_start date not null,
    value decimal(38, 6),
    is_provisional boolean,
    is_removed boolean not null,
    deliveries varchar,
    delivery_count bigint not null
);
create table if not exists audit.public_edition (
    run_id varchar not null,
    published_at timestamp not null
);
-- Until 0.3: version 0.1 has its marts in this file.
drop schema if exists warehouse.marts cascade;
create or replace view audit.pending_load as
select
    load_id,
    source,
    extract_date
from audit.load
where change_seq > (select coalesce(max(build.change_seq), 0) from audit.build as build);
create table if not exists audit.record_head (
    seq bigint not null,
    hash varchar not null,
    noted_at timestamp not null
);
-- The list of erased people whose pseudonyms were last replaced in this warehouse.
create table if not exists audit.suppression_list (
    list_sha256 varchar not null
);
-- The last table, with the id of the data root (warehouse/roots.py): a warehouse without it is not set up, or is of an
-- earlier layout.
create table if not exists audit.root (
    root_id varchar not null
);
"""


CLEAR_VALUES = "clear values"
"""How `columns_of_other_privacy` begins what a place has that should have pseudonyms."""


class TableMismatch(OperatorError, RuntimeError):
    """A raw table has a column of another type than the contract states, or clear values for pseudonyms or the reverse.

    The message says what to do.
    """


def raw_columns(contract: Contract) -> dict[str, str]:
    """Return the columns of a source's raw table, in order, with their SQL types."""
    columns = {column.name: "varchar" if column.is_personal else sql_type_of(column) for column in contract.columns}
    return columns | {
        "is_dst_ambiguous": "boolean",
        "extract_date": "date",
        "load_id": "bigint",
        "source_row": "bigint",
    }


def ensure_tables(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Create the audit tables and one raw table for each contract; add columns that are new in a contract.

    Candidates that a killed run left behind are deleted. Tables of earlier versions are brought up to date.

    Raises:
        TableMismatch: a column of a raw table has another type than its contract states, or became personal, or is no
            longer personal.
    """
    contracts = list(contracts)
    connection.execute(_AUDIT)
    connection.execute("insert into audit.root select ? where not exists (select 1 from audit.root)", [uuid4().hex])
    _delete_candidates(connection)
    require_same_privacy(connection, contracts)
    record_contracts(connection, contracts)
    for contract in contracts:
        name = table("raw", contract.source)
        columns = raw_columns(contract)
        definition = ", ".join(f"{quoted(column)} {sql_type}" for column, sql_type in columns.items())
        connection.execute(f"create table if not exists {name} ({definition})")
        present = {row[0]: str(row[1]).lower() for row in connection.execute(f"describe {name}").fetchall()}
        for column, sql_type in columns.items():
            if column not in present:
                connection.execute(f"alter table {name} add column {quoted(column)} {sql_type}")
            elif present[column].replace(" ", "") != sql_type.replace(" ", ""):
                raise TableMismatch(
                    f"raw.{contract.source}.{column} is {present[column]}, its contract states {sql_type}. Nothing was "
                    "changed. Give the column a new name in the contract, or start from an empty data root."
                )
    # Until 0.3: version 0.1 does not count rows by force.
    _count_forces_of_earlier_loads(connection, contracts)
    # Until 0.4: a publication of version 0.2 names its newest load.
    _number_first_changes(connection)


def require_same_privacy(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Check that no column of a raw table has clear values that should be pseudonyms, or the reverse.

    Args:
        connection: an open connection to the warehouse.
        contracts: the sources.

    Raises:
        TableMismatch: a column has.
    """
    for contract in contracts:
        for place, what in columns_of_other_privacy(connection, contract):
            raise TableMismatch(
                f"{place} has {what}. Nothing was changed. Read the values again from the landing folder: fcir rebuild"
            )


def columns_of_other_privacy(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Iterator[tuple[str, str]]:
    """Yield each column of a raw table with clear values that should be pseudonyms, or the reverse, and which it has.

    Args:
        connection: an open connection to the warehouse, which may lack the table.
        contract: the source.
    """
    # A warehouse of an earlier version lacks the column, until a run updates it.
    has_notes = "personal_columns" in column_types(connection, WAREHOUSE, "audit", "contract")
    noted = "select personal_columns from audit.contract where source = ?"
    if has_notes and (personal := scalar(connection, noted, [contract.source])) is not None:
        yield from _columns_noted_otherwise(connection, contract, personal.split())


def _columns_noted_otherwise(
    connection: duckdb.DuckDBPyConnection, contract: Contract, noted: Collection[str]
) -> Iterator[tuple[str, str]]:
    for name in column_types(connection, WAREHOUSE, "raw", contract.source):
        column = column_of_name(contract, name)
        if column is None or column.is_personal == (name in noted):
            continue
        # Pseudonyms under the earlier name of a column are in no model.
        if not column.is_personal and name != column.name:
            continue
        raw = table("raw", contract.source)
        if connection.execute(f"select 1 from {raw} where {quoted(name)} is not null limit 1").fetchall():
            found, stated = (CLEAR_VALUES, "personal") if column.is_personal else ("pseudonyms", "not personal")
            place = f"raw.{contract.source}.{name}"
            yield place, f"{found} of earlier loads, and its contract states that it is {stated}"


def column_of_name(contract: Contract, name: str) -> Column | None:
    """Return the column of a contract that has a name, or that had it before it became a synonym; None if none has."""
    of_name = [column for column in contract.columns if normalised(name) in column.names]
    return next((column for column in of_name if column.name == name), of_name[0] if of_name else None)


def record_contracts(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Record which columns are personal, and the settings that dbt needs; have built what depends on a changed one.

    Args:
        connection: a loading connection.
        contracts: the sources; what is recorded of others stays.
    """
    rows = connection.execute("select source, absent_forces_complete, personal_columns from audit.contract").fetchall()
    known = {source: (is_complete, personal) for source, is_complete, personal in rows}
    for contract in contracts:
        number_epochs(connection, contract)
        was_complete, noted = known.get(contract.source, (None, None))
        # A column that is no longer in the contract keeps its values.
        personal = set((noted or "").split()) - {column.name for column in contract.columns}
        personal |= {column.name for column in contract.columns if column.is_personal}
        if noted is None:
            # Until 0.4: version 0.2 has no notes; a column that was renamed has pseudonyms under its earlier name.
            earlier = column_types(connection, WAREHOUSE, "raw", contract.source)
            personal |= {name for name in earlier if (of := column_of_name(contract, name)) and of.is_personal}
        stated = contract.absent_forces_complete, " ".join(sorted(personal))
        if stated == (was_complete, noted):
            continue
        with transaction(connection):
            connection.execute("delete from audit.contract where source = ?", [contract.source])
            connection.execute("insert into audit.contract values (?, ?, ?)", [contract.source, *stated])
            if was_complete is not contract.absent_forces_complete:
                # Completeness of days may change even in months without a changed load.
                connection.execute("delete from audit.build_started")


def has_other_epochs(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> bool:
    """Return whether loads have another number of epochs than their contracts state by now."""
    # A warehouse of an earlier version lacks the column, until a run updates it.
    if "key_epoch" not in column_types(connection, WAREHOUSE, "audit", "load"):
        return False
    rows = connection.execute("select distinct source, extract_date, coalesce(key_epoch, 0) from audit.load").fetchall()
    known = {contract.source: contract for contract in contracts}
    return any(source in known and known[source].key_epoch(day) != epoch for source, day, epoch in rows)


def number_epochs(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Number the epochs of a source's loads by its contract; loads with another number are pending again."""
    rows = connection.execute(
        "select distinct extract_date, coalesce(key_epoch, 0) from audit.load where source = ?", [contract.source]
    ).fetchall()
    other = {day for day, epoch in rows if contract.key_epoch(day) != epoch}
    for number in {contract.key_epoch(day) for day in other}:
        connection.execute(
            """
            update audit.load
            set
                key_epoch = $epoch,
                change_seq = greatest(
                    (select max(load.change_seq) from audit.load as load),
                    (select coalesce(max(build.change_seq), 0) from audit.build as build)
                ) + 1
            where source = $source and list_contains($days, extract_date)
            """,
            {
                "epoch": number,
                "source": contract.source,
                "days": [day for day in other if contract.key_epoch(day) == number],
            },
        )


def _count_forces_of_earlier_loads(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Count the rows by force for accepted loads of version 0.1.

    The force of their quarantined rows was not stored, so these count as rows whose force could not be read.
    """
    uncounted = """
        from audit.load
        where
            status in ('loaded', 'replaced')
            and rows_read > 0
            and load_id not in (select load_id from audit.load_force)
    """
    sources = {source for (source,) in connection.execute(f"select distinct source {uncounted}").fetchall()}
    for contract in contracts:
        if contract.source in sources:
            loads = f"(select load_id {uncounted} and source = '{contract.source}')"
            raw, quarantine = (
                f"(select * from {rows} where load_id in {loads})"
                for rows in (table("raw", contract.source), "audit.quarantine")
            )
            connection.execute(f"insert into audit.load_force {rows_by_force(contract, raw, quarantine)}")


def _number_first_changes(connection: duckdb.DuckDBPyConnection) -> None:
    """Number the change that brought each load, for a warehouse whose publications named their newest load instead.

    A load that a publication has gets the number of that publication's newest change, others their own last change: it
    only matters whether a publication has the load.
    """
    catalog = scalar(connection, "select current_database()")
    if "newest_load_id" not in column_types(connection, catalog, "audit", "publication"):
        return
    with transaction(connection):
        connection.execute(
            """
            update audit.load as load
            set first_change_seq = coalesce(
                (
                    select min(publication.change_seq)
                    from audit.publication as publication
                    where publication.newest_load_id >= load.load_id
                ),
                load.change_seq
            )
            """
        )
        connection.execute("alter table audit.publication drop column newest_load_id")


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


def personal_columns(
    connection: duckdb.DuckDBPyConnection, catalog: str, contracts: Iterable[Contract]
) -> list[tuple[str, str]]:
    """Return source and name of the personal columns that the raw tables of a warehouse have.

    Those that are no longer in a contract keep their pseudonyms, and are among them.

    Args:
        connection: an open connection.
        catalog: name of the warehouse in the connection; it may be of another version, without some tables or columns.
        contracts: the sources.
    """
    stated = [(item.source, column.name) for item in contracts for column in item.columns if column.is_personal]
    found = dict.fromkeys([*stated, *noted_personal_columns(connection, catalog)])
    present = {source: column_types(connection, catalog, "raw", source) for source, _ in found}
    return [(source, column) for source, column in found if column in present[source]]


def noted_personal_columns(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[tuple[str, str]]:
    """Return source and name of the columns that a warehouse notes as personal, also those in no contract any more.

    Args:
        connection: an open connection.
        catalog: name of a database in the connection; another one than a warehouse notes none.
    """
    if "personal_columns" not in column_types(connection, catalog, "audit", "contract"):
        return []
    return connection.execute(
        f"""
        select
            source,
            unnest(string_split(personal_columns, ' '))
        from {table(catalog, "audit", "contract")}
        where personal_columns <> ''
        order by all
        """
    ).fetchall()


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
