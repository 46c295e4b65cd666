"""The rows of a purge: find and delete them in a warehouse, and remove them from publications and other files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from dagster_project.contracts import Contract
from dagster_project.privacy.archiving import Labels, archived_models, label_of
from dagster_project.privacy.columns import parquet_rows
from dagster_project.privacy.files import Kind, noticing_damage, readable_kind_of
from dagster_project.privacy.findings import searched_files
from dagster_project.privacy.held import first_instant, instants_of
from dagster_project.privacy.replacing import Rewritten, rewrite_files, table_of
from dagster_project.privacy.retention import Hold
from dagster_project.publication.parquet_files import copy_to_parquet, nullable_columns
from dagster_project.settings import Settings
from dagster_project.sql import literal, quoted, scalar, table
from dagster_project.transformation.project import ensure_manifest, read_manifest
from dagster_project.warehouse.checksums import delete_checksums
from dagster_project.warehouse.connection import create_temp_table
from dagster_project.warehouse.marts import REWRITTEN, rewrite_rows
from dagster_project.warehouse.tables import raw_columns
from dagster_project.writing import draft_of, put_in_place

_MARK = ("load_id", "source_row")
# An edition of a force has no row numbers: its rows are found by their events.
_MARK_OF_EVENT = ("load_id", "event")


@dataclass(frozen=True)
class SourcePlan:
    """What is purged of a source."""

    source: str
    purged_before: date
    rows: int
    days: int
    """Extract dates that rows are purged of."""
    held_rows: int
    """Rows before that day which stay, because a hold names their day."""


def event_keys(settings: Settings) -> dict[str, list[str]]:
    """Return by source the key of its events, for the sources whose detail can be purged."""
    manifest = read_manifest(ensure_manifest(settings))
    archived = {source for model in archived_models(manifest) for source in model.sources}
    keys = {
        node["name"].removeprefix("chg_").removesuffix("_rows"): node["config"]["meta"]["event_key"]
        for node in manifest["nodes"].values()
        if "event_key" in node["config"].get("meta", {})
    }
    return {source: key for source, key in sorted(keys.items()) if source in archived}


def create_marks(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty temporary tables of the rows to purge, of those held, and of the keys that their events have."""
    for name in ("purged_row", "held_row"):
        create_temp_table(connection, name, {"load_id": "bigint", "source_row": "bigint", "event": "varchar"}, [])
    create_temp_table(connection, "purged_key", {"columns": "varchar[]"}, [])


def mark_rows(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Mapping[str, Contract],
    cuts: Mapping[str, date],
    holds: Sequence[Hold],
) -> list[SourcePlan]:
    """Put the rows to purge into the tables of `create_marks`, and return how many there are of each source.

    They are the rows of events all of whose times are before the day, and none on a held day.

    Args:
        connection: an open connection to the warehouse.
        settings: the data root.
        contracts: all contracts.
        cuts: by source, the day before which detail is purged.
        holds: the holds in force.
    """
    create_marks(connection)
    keys, plans = event_keys(settings), []
    for source, cut in sorted(cuts.items()):
        raw, key = table("raw", source), ", ".join(map(quoted, keys[source]))
        times = [quoted(name) for name, kind in raw_columns(contracts[source]).items() if kind == "timestamp"]
        spans = [instants_of(hold) for hold in holds if hold.source == source]
        held = [f"({time} >= ? and {time} < ?)" for _ in spans for time in times]
        bounds = [bound for span in spans for _ in times for bound in span]
        connection.execute(
            f"""
            create or replace temp table old_event as
            select
                {key},
                coalesce(bool_or({" or ".join(held) or "false"}), false) as is_held
            from {raw}
            group by {key}
            having max(greatest({", ".join(times)})) < ?
            """,
            [*bounds, first_instant(cut)],
        )
        found = connection.execute(
            f"""
            select
                count(*) filter (where not old_event.is_held),
                count(distinct rows.extract_date) filter (where not old_event.is_held),
                count(*) filter (where old_event.is_held)
            from {raw} as rows
            inner join old_event using ({key})
            """
        ).fetchall()
        for name, condition in (("purged_row", "not is_held"), ("held_row", "is_held")):
            connection.execute(
                f"""
                insert into {name}
                select rows.load_id, rows.source_row, {_event_of(keys[source])}
                from {raw} as rows
                semi join (from old_event where {condition}) as old using ({key})
                """
            )
        connection.execute("insert into purged_key values (?)", [keys[source]])
        plans.append(SourcePlan(source, cut, *found[0]))
    connection.execute("drop table if exists old_event")
    return plans


def _event_of(key: Sequence[str]) -> str:
    """Return the expression for the event of a row as one text."""
    return f"concat_ws(chr(31), {', '.join(map(quoted, key))})"


def delete_marked(connection: duckdb.DuckDBPyConnection, cuts: Iterable[str], at: datetime | None) -> None:
    """Delete the marked rows of sources, note them with their loads, and note the rows that stay because of a hold."""
    delete_checksums(connection, "select load_id from purged_row")
    for source in cuts:
        raw = table("raw", source)
        connection.execute(
            f"delete from {raw} where ({', '.join(_MARK)}) in (select ({', '.join(_MARK)}) from purged_row)"
        )
        connection.execute(
            f"""
            update audit.load as load
            set
                rows_purged = load.rows_loaded - (select count(*) from {raw} as rows where rows.load_id = load.load_id),
                purged_at = coalesce($at, load.purged_at)
            where
                load.source = $source
                and load.load_id in (select load_id from purged_row)
            """,
            {"at": at, "source": source},
        )
        connection.execute(
            "delete from audit.purge_held_row where load_id in (select load_id from audit.load where source = ?)",
            [source],
        )
    connection.execute("insert into audit.purge_held_row select load_id, source_row from held_row")


def purge_again(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Mapping[str, Contract],
    *,
    source: str | None = None,
    at: datetime | None = None,
) -> list[SourcePlan]:
    """Delete rows that were purged before and came back, by the days and holds of the last purge.

    Args:
        connection: a loading connection to a warehouse with its audit and rows, in a transaction.
        settings: the data root.
        contracts: all contracts.
        source: only rows of this source.
        at: when, in UTC without a zone, for loads that are purged for the first time.

    Returns:
        What was deleted, by source.
    """
    cuts = dict(
        connection.execute(
            "select source, purged_before from audit.purge where $source is null or source = $source",
            {"source": source},
        ).fetchall()
    )
    if not cuts:
        return []
    holds = [
        Hold(source, first_day, last_day, "")
        for source, first_day, last_day in connection.execute(
            "select source, first_day, last_day from audit.purge_hold"
        ).fetchall()
    ]
    plans = mark_rows(connection, settings, contracts, cuts, holds)
    _mark_held_rows_that_came_back(connection)
    delete_marked(connection, cuts, at)
    for name in cuts:
        # A version without `purge_held_row` brought some back.
        connection.execute(
            f"""
            update audit.load as load
            set rows_purged = rows_loaded
                - (select count(*) from {table("raw", name)} as rows where rows.load_id = load.load_id)
            where source = ? and status = 'loaded' and rows_purged > 0
            """,
            [name],
        )
    return plans


def _mark_held_rows_that_came_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Mark held rows that were purged before their hold was entered.

    They are the rows that the last purge did not leave, of loads of which as many are purged with them as before. A
    load that came after that purge, or one that an earlier version purged, has other numbers, and keeps its held rows.
    """
    connection.execute(
        """
        insert into purged_row
        with came_back as (
            select *
            from held_row
            anti join audit.purge_held_row using (load_id, source_row)
        ),

        counted as (
            select
                load_id,
                count(*) as row_count
            from (select load_id from came_back union all select load_id from purged_row)
            group by load_id
        )

        select came_back.*
        from came_back
        inner join counted using (load_id)
        inner join audit.load as load using (load_id)
        where counted.row_count = load.rows_purged
        """
    )
    connection.execute(
        "delete from held_row where (load_id, source_row) in (select (load_id, source_row) from purged_row)"
    )


def write_purged(connection: duckdb.DuckDBPyConnection, file: Path, cuts: Mapping[str, date]) -> None:
    """Write the numbers of the purged rows, and of loads that have no row any more, to a file for `remove_elsewhere`.

    A kept publication may have rows of a replaced load that the warehouse has no more since it was rebuilt. Which days
    they have is not known: a load has events of its day, of midnights next to it, and of earlier days whose state has
    changed. So a hold keeps the rows of all such loads from the day before its first day on.
    """
    connection.execute(f"attach {literal(str(file))} as purged")
    connection.execute("create table purged.purged_row as from purged_row")
    connection.execute("create table purged.purged_key as from purged_key")
    connection.execute("create table purged.gone_load (load_id bigint)")
    for source, cut in cuts.items():
        connection.execute(
            f"""
            insert into purged.gone_load
            select load_id
            from audit.load
            where
                source = ?
                and extract_date < ?
                and load_id not in (select load_id from {table("raw", source)})
                and not exists (
                    select 1
                    from audit.purge_hold as hold
                    where hold.source = load.source and load.extract_date >= hold.first_day - 1
                )
            """,
            [source, cut],
        )
    connection.execute("detach purged")


def remove_elsewhere(settings: Settings, labels: Labels) -> Rewritten:
    """Remove the purged rows from kept publications and from other databases below the data root. It can be repeated.

    Args:
        settings: the data root, whose folder of the purge has what `write_purged` wrote.
        labels: as `archive` returned them.

    Returns:
        The publications whose files changed, and files that stay as they are.
    """
    folder = settings.purge_folder
    with duckdb.connect(config={"temp_directory": str(folder / "removed.tmp")}) as connection:
        connection.execute(f"attach {literal(str(folder / 'purged.duckdb'))} as purged (read_only)")
        connection.execute("create temp table purged_row as from purged.purged_row")
        connection.execute("create temp table purged_key as from purged.purged_key")
        connection.execute("create temp table gone_load as from purged.gone_load")

        def change(file: Path, order: Sequence[str], note: Callable[[Path], None]) -> bool:
            kind = readable_kind_of(file)
            with noticing_damage(file):
                if kind is Kind.DUCKDB:
                    return _change_database(connection, file, labels, note)
                return kind is Kind.PARQUET and _change_parquet(connection, file, labels, order, note)

        files = [(settings.home, file) for root, file in searched_files(settings) if root == settings.home]
        files = [(root, file) for root, file in files if folder not in file.parents]
        return rewrite_files(settings, files, change, noted=folder / "rewritten.files")


def _change_database(
    connection: duckdb.DuckDBPyConnection, file: Path, labels: Labels, note: Callable[[Path], None]
) -> bool:
    rows = rows_with_purged(connection, file, labels)
    if not rows:
        return False
    note(file)
    rewrite_rows(connection, file, {relation: (kept, ()) for relation, kept in rows.items()})
    return True


def _change_parquet(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    labels: Labels,
    order: Sequence[str],
    note: Callable[[Path], None],
) -> bool:
    relation = parquet_rows(file)
    columns = [row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()]
    kept = _kept(connection, relation, table_of(file), columns, labels)
    if kept is None:
        return False
    note(file)
    draft = draft_of(file)
    draft.unlink(missing_ok=True)
    connection.execute(f"create or replace temp table kept as {kept}")
    with nullable_columns(connection):
        copy_to_parquet(connection, [column for column in order if column in columns], "kept", draft)
    connection.execute("drop table kept")
    put_in_place(draft, file, mode=file.stat().st_mode)
    return True


def rows_with_purged(connection: duckdb.DuckDBPyConnection, file: Path, labels: Labels | None = None) -> dict[str, str]:
    """Return the tables of a database with rows to remove, each with the query of what is kept of it.

    Args:
        connection: an open connection with the tables of `create_marks`; with `labels`, also with `gone_load`.
        file: the database.
        labels: as `archive` returned them; None to look for the marked rows only.
    """
    connection.execute(f"attach {literal(str(file))} as {REWRITTEN} (read_only)")
    try:
        tables = connection.execute(
            """
            select columns.schema_name, columns.table_name, list(columns.column_name order by columns.column_index)
            from duckdb_columns() as columns
            inner join duckdb_tables() as tables on columns.table_oid = tables.table_oid
            where columns.database_name = $name and tables.database_name = $name
            group by all
            order by all
            """,
            {"name": REWRITTEN},
        ).fetchall()
        found = {}
        for schema, name, columns in tables:
            if kept := _kept(connection, table(REWRITTEN, schema, name), name, columns, labels):
                found[table(schema, name)] = kept
        return found
    finally:
        connection.execute(f"detach {REWRITTEN}")


def _kept(
    connection: duckdb.DuckDBPyConnection, relation: str, name: str, columns: Sequence[str], labels: Labels | None
) -> str | None:
    """Return the query of the rows that a table keeps; None if it keeps all as they are."""
    if labels and name in labels:
        person, day, cut = labels[name]
        is_old = f"{quoted(day)} < date '{cut}' and {quoted(person)} not like 'purged %'"
        if {person, day, "force_code"} <= set(columns) and scalar(
            connection, f"select count(*) from {relation} where {is_old}"
        ):
            label = f"case when {is_old} then {label_of(person, day)} else {quoted(person)} end as {quoted(person)}"
            return f"select * replace ({label}) from {relation}"
        return None
    # Quarantined rows have no personal value, and are the account of what was not loaded.
    marks = _marks(connection, columns)
    if not marks or name == "quarantine":
        return None
    is_purged = " or ".join(marks)
    if labels is not None:
        is_purged += " or load_id in (select load_id from gone_load)"
    if not scalar(connection, f"select count(*) from {relation} where {is_purged}"):
        return None
    return f"select * from {relation} where not coalesce({is_purged}, false)"


def _marks(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> list[str]:
    """Return the conditions for purged rows of a table with these columns; none if its rows cannot be of a source."""
    if set(_MARK) <= set(columns):
        return [f"({', '.join(_MARK)}) in (select ({', '.join(_MARK)}) from purged_row)"]
    if "load_id" not in columns:
        return []
    keys = [key for (key,) in connection.execute("from purged_key").fetchall() if set(key) <= set(columns)]
    return [f"(load_id, {_event_of(key)}) in (select ({', '.join(_MARK_OF_EVENT)}) from purged_row)" for key in keys]
