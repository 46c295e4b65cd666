"""Purge: remove the detail of a source before a day; the models' results for it stay in the schema `archive`.

A purge builds a new warehouse in `purge/`: a copy without the purged rows, with their figures in the archive, built and
tested from scratch. If a table of figures differs, nothing is changed. Otherwise the new files take the place of the
old ones, kept publications lose the rows of purged events, and identifiers that no row uses leave the vault. Each step
can be repeated: a purge that was killed begins again.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.clock import london_today, utc_now
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.hashing import sha256_of
from dagster_project.loading.people import People, rewrite
from dagster_project.operations.actions import record, send
from dagster_project.privacy.archiving import archive, archived_models, count_files
from dagster_project.privacy.retention import Hold, event_times, first_instant
from dagster_project.publication.files import DATABASE, is_of_rows, manifest_of, write_manifest
from dagster_project.publication.parquet_files import copy_to_parquet, nullable_columns
from dagster_project.settings import Settings, known_forces
from dagster_project.sql import count_each, literal, quoted, scalar, table
from dagster_project.transformation.build import build
from dagster_project.transformation.project import ensure_manifest, marts_of, read_manifest, target_path
from dagster_project.warehouse.checksums import delete_checksums
from dagster_project.warehouse.connection import (
    WAREHOUSE,
    attaching_connection,
    loading_connection,
    reading_connection,
    spilling_connection,
    transaction,
)
from dagster_project.warehouse.history import save_history
from dagster_project.warehouse.lake import clear_lake_folder
from dagster_project.warehouse.lock import note_step
from dagster_project.warehouse.marts import REWRITTEN, note_writing, note_written, rewrite_rows
from dagster_project.warehouse.marts import rewrite as rewrite_database
from dagster_project.warehouse.state import purged_before
from dagster_project.writing import (
    draft_of,
    empty_folder,
    make_private_folder,
    private_files,
    put_in_place,
    readable_files,
)

_NAMED = 12

_Events = Mapping[str, tuple[tuple[str, ...], list[str]]]
"""By source, the key of its events and the columns with their times, for the sources whose detail can be purged."""


class PurgeRefused(OperatorError, RuntimeError):
    """A purge would change a figure, or cannot be built; the message says what differs. Nothing was changed."""


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


@dataclass(frozen=True)
class PurgePlan:
    """What a purge removes, and where it is."""

    sources: tuple[SourcePlan, ...]
    holds: tuple[Hold, ...]
    publications: tuple[str, ...]
    """Folders of publications that are rewritten, relative to the data root."""
    landing: tuple[str, ...]
    """Files of the landing folder with purged rows, relative to it. Those with other rows too must stay."""

    @property
    def cuts(self) -> dict[str, date]:
        """By source, the day before which detail is purged."""
        return {source.source: source.purged_before for source in self.sources}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to purge."""
        return not self.publications and not any(source.rows for source in self.sources)


def _purged_events(relation: str, key: Sequence[str], times: Sequence[str], cut: date, holds: Iterable[Hold]) -> str:
    """Return the query of the keys of events all of whose times are before the day, and none on a held day."""
    names = ", ".join(map(quoted, key))
    held = [
        f"({quoted(time)} >= timestamp '{first}' and {quoted(time)} < timestamp '{last}')"
        for first, last in (hold.instants for hold in holds)
        for time in times
    ]
    return f"""
        select {names}
        from {relation}
        group by {names}
        having
            max(greatest({", ".join(map(quoted, times))})) < timestamp '{first_instant(cut)}'
            and not coalesce(bool_or({" or ".join(held) or "false"}), false)
    """


def events_of(settings: Settings, contracts: Mapping[str, Contract]) -> _Events:
    """Return the events of the sources whose detail can be purged."""
    manifest = read_manifest(ensure_manifest(settings))
    archived = {source for model in archived_models(manifest) for source in model.sources}
    keys = {
        node["name"].removeprefix("chg_").removesuffix("_rows"): tuple(node["config"]["meta"]["event_key"])
        for node in manifest["nodes"].values()
        if "event_key" in node["config"].get("meta", {})
    }
    return {source: (key, event_times(contracts[source])) for source, key in sorted(keys.items()) if source in archived}


def plan_purge(
    settings: Settings, contracts: Mapping[str, Contract], cuts: Mapping[str, date], holds: Sequence[Hold]
) -> PurgePlan:
    """Return what a purge would remove. Changes nothing.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        cuts: by source, the day before which detail is purged.
        holds: the holds in force.
    """
    events, sources, landing = events_of(settings, contracts), [], []
    with spilling_connection(settings.warehouse) as connection:
        for source, cut in sorted(cuts.items()):
            raw, (names, times) = table("raw", source), events[source]
            of_source = [hold for hold in holds if hold.source == source]
            purged, held = (_purged_events(raw, names, times, cut, spared) for spared in (of_source, []))
            key = ", ".join(map(quoted, names))
            ((rows, days),) = connection.execute(
                f"select count(*), count(distinct extract_date) from {raw} semi join ({purged}) using ({key})"
            ).fetchall()
            all_rows = scalar(connection, f"select count(*) from {raw} semi join ({held}) using ({key})")
            sources.append(SourcePlan(source, cut, rows, days, all_rows - rows))
            files = connection.execute(
                f"""
                select distinct coalesce(load.delivered_name, load.file_name)
                from {raw} as rows
                semi join ({purged}) as purged using ({key})
                inner join audit.load as load on rows.load_id = load.load_id
                order by all
                """
            ).fetchall()
            landing += [f"{source}/{name}" for (name,) in files if (settings.landing / source / name).is_file()]
    due = [folder for folder in _publications(settings) if _is_due(folder, cuts)]
    published = [str(folder.relative_to(settings.home)) for folder in due if _has_purged(folder, events, cuts, holds)]
    return PurgePlan(tuple(sources), tuple(holds), tuple(published), tuple(landing))


def purge(
    settings: Settings, contracts: Mapping[str, Contract], people: People, plan: PurgePlan, *, reason: str
) -> int:
    """Purge what was planned, and return how many tables of figures were compared.

    Args:
        settings: the data root, with marts of all that is loaded; the caller holds the writer lock and no connection.
        contracts: all contracts.
        people: the vault.
        plan: what is purged.
        reason: why, for the record.

    Raises:
        PurgeRefused: a figure would change, or a step of the build failed. Nothing was changed.
    """
    new = settings.model_copy(update={"home": settings.purge_folder})
    shutil.rmtree(new.home, ignore_errors=True)
    make_private_folder(new.home)
    try:
        with private_files():
            compared, line = _build(settings, new, contracts, plan, reason)
        note_step(settings.lock_file, "removing purged rows")
        for file in (settings.marts, settings.warehouse):
            # Left by a command that was killed; the copy has what it says.
            file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
            (new.home / file.name).replace(file)
        send(line)
    finally:
        shutil.rmtree(new.home)
    if (damaged := settings.home / "damaged").is_dir():
        empty_folder(damaged)
    events = events_of(settings, contracts)
    orders = {mart.name: mart.order for mart in marts_of(read_manifest(ensure_manifest(settings)))}
    for folder in _publications(settings):
        if _is_due(folder, plan.cuts):
            _purge_publication(settings, folder, events, plan, orders)
    delete_unused_identifiers(settings, contracts, people)
    save_history(settings)
    return compared


def holds_that_count(
    holds: Sequence[Hold], cuts: Mapping[str, date], earlier: Sequence[Hold], known: Mapping[str, date]
) -> list[Hold]:
    """Return the holds that a purge notes: of days that an earlier purge has passed, only those that it held too.

    The rows of other days are gone, and a rebuild must not bring them back.

    Args:
        holds: the holds in force.
        cuts: by source, the day before which detail is purged.
        earlier: the holds that the last purge noted.
        known: its days.
    """
    noted = []
    for hold in holds:
        if hold.source not in cuts:
            continue
        passed = known.get(hold.source, date.min)
        if hold.last_day >= passed:
            noted.append(Hold(hold.source, max(hold.first_day, passed), hold.last_day, ""))
        for old in earlier:
            first, last = max(hold.first_day, old.first_day), min(hold.last_day, old.last_day, passed - timedelta(1))
            if old.source == hold.source and first <= last:
                noted.append(Hold(hold.source, first, last, ""))
    return noted


def purge_again(connection: duckdb.DuckDBPyConnection, settings: Settings, contracts: Mapping[str, Contract]) -> None:
    """Delete rows of purged events that came back with a rebuild, by the days and holds of the last purge.

    Args:
        connection: a loading connection to a warehouse with its audit and rows, in a transaction.
        settings: the data root.
        contracts: all contracts.
    """
    cuts = purged_before(connection)
    if cuts:
        _delete_purged(connection, events_of(settings, contracts), cuts, _noted_holds(connection), None)


def _build(
    settings: Settings, new: Settings, contracts: Mapping[str, Contract], plan: PurgePlan, reason: str
) -> tuple[int, str]:
    """Write and build the new warehouse, and compare it with the old one.

    Returns:
        How many tables were compared, and the line for syslog.
    """
    manifest = read_manifest(ensure_manifest(settings))
    shutil.copytree(target_path(settings), target_path(new))
    clear_lake_folder(settings)
    note_step(settings.lock_file, "copying the warehouse")
    with loading_connection(settings.warehouse) as connection:
        connection.execute(f"checkpoint {WAREHOUSE}")
    shutil.copyfile(settings.warehouse, new.warehouse)
    cuts, now = plan.cuts, utc_now()
    part_load = new.home / "part_load.parquet"
    with spilling_connection(settings.warehouse) as connection:
        count_files(connection, part_load, cuts)
    with spilling_connection(new.warehouse) as connection:
        connection.execute(f"attach {literal(str(settings.marts))} as before (read_only)")
        archive(connection, archived_models(manifest), cuts)
        at = now.replace(tzinfo=None)
        with transaction(connection):
            connection.execute(f"insert into archive.part_load from read_parquet({literal(str(part_load))})")
            known = purged_before(connection)
            noted = holds_that_count(plan.holds, cuts, _noted_holds(connection), known)
            connection.execute("delete from audit.purge where source in (select unnest(?))", [list(cuts)])
            connection.executemany("insert into audit.purge values (?, ?, ?)", [[*item, at] for item in cuts.items()])
            connection.execute("delete from audit.purge_hold where source in (select unnest(?))", [list(cuts)])
            for hold in noted:
                days = [hold.source, hold.first_day, hold.last_day]
                connection.execute("insert into audit.purge_hold values (?, ?, ?)", days)
            _delete_purged(connection, events_of(settings, contracts), cuts, noted, at)
            rows = {source.source: source.rows for source in plan.sources}
            details = {"rows": rows, "publications": len(plan.publications)}
            line = record(connection, "purge", reason=reason, details=details)
        connection.execute("detach before")
    note_step(settings.lock_file, "building without the purged rows")
    # Imported here: it takes 2 seconds.
    from dagster_project.transformation.dbt import run_dbt

    report = build(new, partial(run_dbt, new), run_id=f"purge-{now:%Y%m%dT%H%M%SZ}", manifest=manifest)
    if failed := [node for node in report.failed if node.status != "skipped"]:
        names = ", ".join(node.name for node in failed[:_NAMED])
        cause = failed[0].message.splitlines()[0].rstrip(".")
        raise PurgeRefused(
            f"the tables cannot be built without the purged rows: {names} ({cause}). Nothing was purged. If the same "
            "fail in a run, correct that first: fcir run"
        )
    with spilling_connection(new.warehouse) as connection:
        # Publishing has written them into the tables that are compared.
        note_writing(connection)
        note_written(connection)
    note_step(settings.lock_file, "comparing all figures")
    compared = _compare(settings, new, manifest)
    rewrite_database(new.warehouse)
    return compared, line


def _delete_purged(
    connection: duckdb.DuckDBPyConnection,
    events: _Events,
    cuts: Mapping[str, date],
    holds: Sequence[Hold],
    at: datetime | None,
) -> None:
    """Delete the rows of purged events, and note them with their loads."""
    for source, cut in cuts.items():
        raw, of_source = table("raw", source), [hold for hold in holds if hold.source == source]
        purged, key = _purged_events(raw, *events[source], cut, of_source), ", ".join(map(quoted, events[source][0]))
        connection.execute(f"create or replace temp table purged_event as {purged}")
        loads = f"select distinct load_id from {raw} semi join purged_event using ({key})"
        connection.execute(f"create or replace temp table purged_load as {loads}")
        delete_checksums(connection, "from purged_load")
        # Of quarantined rows, only the day is known.
        quarantined = "update audit.quarantine set surrogates = null where source = ? and extract_date < ?"
        connection.execute(quarantined, [source, cut])
        connection.execute(f"delete from {raw} where ({key}) in (select ({key}) from purged_event)")
        connection.execute(
            f"""
            update audit.load as load
            set
                rows_purged = load.rows_loaded - (select count(*) from {raw} as rows where rows.load_id = load.load_id),
                purged_at = coalesce($at, load.purged_at)
            where load.load_id in (from purged_load)
            """,
            {"at": at},
        )


def _compare(old: Settings, new: Settings, manifest: Mapping[str, Any]) -> int:
    """Compare every table of figures, and return how many there are.

    Raises:
        PurgeRefused: one differs.
    """
    models = {model.name for model in archived_models(manifest)}
    compared, differing = 0, []
    with attaching_connection(new.warehouse) as connection:
        for name, settings in (("old", old), ("new", new)):
            connection.execute(f"attach {literal(str(settings.warehouse))} as {name}_warehouse (read_only)")
            connection.execute(f"attach {literal(str(settings.marts))} as {name}_marts (read_only)")
        for node in manifest["nodes"].values():
            is_published = node["schema"] == "marts" and not node["name"].startswith("fct_")
            if node["resource_type"] != "model" or not (is_published or node["name"] in models):
                continue
            if node["config"]["materialized"].startswith("view"):
                continue
            database = "marts" if node["schema"] == "marts" else "warehouse"
            before, after = (
                f"from {table(f'{name}_{database}', node['schema'], node['name'])}" for name in ("old", "new")
            )
            both = f"(({before} except all {after}) union all ({after} except all {before}))"
            different = scalar(connection, f"select count(*) from {both}")
            compared += 1
            if different:
                differing.append(f"{node['name']} ({different:,})")
    if differing:
        raise PurgeRefused(
            f"rows of {len(differing)} tables would differ: {', '.join(differing[:_NAMED])}. Nothing was purged, and "
            "what was published stays. Check the definitions of these tables, or purge fewer months"
        )
    return compared


def _publications(settings: Settings) -> Iterator[Path]:
    """Yield the folders of kept publications that have rows of events, without links and those being written."""
    for root in (settings.published, *map(settings.published_force, known_forces())):
        if root.is_dir():
            folders = (path for path in sorted(root.iterdir()) if path.is_dir() and not path.is_symlink())
            yield from (folder for folder in folders if not folder.name.startswith("."))


def _is_due(folder: Path, cuts: Mapping[str, date]) -> bool:
    """Return whether a publication was not purged by these days yet."""
    try:
        purged = manifest_of(folder).get("purged_before", {})
    except (OSError, ValueError):
        # `fcir verify` names it.
        return False
    return any(purged.get(source, "") < str(cut) for source, cut in cuts.items())


def _has_purged(folder: Path, events: _Events, cuts: Mapping[str, date], holds: Sequence[Hold]) -> bool:
    with attaching_connection() as connection:
        connection.execute(f"attach {literal(str(folder / DATABASE))} as {REWRITTEN} (read_only)")
        purged = _purged_tables(connection, events, cuts, holds)
        return any(scalar(connection, f"select count(*) from ({query})") for _, query in purged.values())


def _purged_tables(
    connection: duckdb.DuckDBPyConnection, events: _Events, cuts: Mapping[str, date], holds: Sequence[Hold]
) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the facts of an attached publication, with the key of their events and the query of the purged ones."""
    found = {}
    for (name,) in connection.execute(
        "select table_name from duckdb_tables() where database_name = ? and table_name like 'fct_%'", [REWRITTEN]
    ).fetchall():
        relation = f"{REWRITTEN}.{table('marts', name)}"
        columns = [row[0] for row in connection.execute(f"describe {relation}").fetchall()]
        for source, cut in cuts.items():
            key, times = events[source][0], [time for time in events[source][1] if time in columns]
            # A table with the key, but without a time of the event, only refers to it.
            if set(key) <= set(columns) and times:
                of_source = [hold for hold in holds if hold.source == source]
                found[name] = key, _purged_events(relation, key, times, cut, of_source)
    return found


@readable_files()
def _purge_publication(
    settings: Settings, folder: Path, events: _Events, plan: PurgePlan, orders: Mapping[str, tuple[str, ...]]
) -> None:
    """Remove the rows of purged events from database and Parquet files of a publication, then write its manifest.

    Its papers stay. Killed before its manifest is written, it is done again.
    """
    database = folder / DATABASE
    with attaching_connection(settings.warehouse) as connection:
        connection.execute(f"attach {literal(str(database))} as {REWRITTEN} (read_only)")
        tables = _purged_tables(connection, events, plan.cuts, plan.holds)
        kept = {}
        for name, (key, query) in tables.items():
            connection.execute(f"create or replace temp table {quoted(f'purged_{name}')} as {query}")
            if scalar(connection, f"select count(*) from {quoted(f'purged_{name}')}"):
                kept[name] = f"anti join {quoted(f'purged_{name}')} using ({', '.join(map(quoted, key))})"
        connection.execute(f"detach {REWRITTEN}")
        if kept:
            relations = {
                table("marts", name): (f"from {REWRITTEN}.{table('marts', name)} {anti}", ())
                for name, anti in kept.items()
            }
            rewrite_rows(connection, database, relations)
        for name, anti in kept.items():
            for file in sorted((folder / "parquet" / name).glob("*/*.parquet")):
                relation = f"read_parquet({literal(str(file))}, hive_partitioning = false)"
                connection.execute(f"create or replace temp table kept as from {relation} {anti}")
                if scalar(connection, f"select (select count(*) from kept) < (select count(*) from {relation})"):
                    draft = draft_of(file)
                    with nullable_columns(connection):
                        copy_to_parquet(connection, orders[name], "kept", draft)
                    put_in_place(draft, file, mode=file.stat().st_mode)
    manifest = manifest_of(folder)
    with reading_connection(database) as connection:
        manifest["tables"] |= count_each(connection, {name: table("marts", name) for name in kept})
    for listed in manifest["files"]:
        if is_of_rows(listed["path"]):
            file = folder / listed["path"]
            listed |= {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    before = manifest.get("purged_before", {}) | {source: str(cut) for source, cut in plan.cuts.items()}
    manifest |= {"purged": str(london_today()), "purged_before": before}
    write_manifest(folder, manifest)


def delete_unused_identifiers(settings: Settings, contracts: Mapping[str, Contract], people: People) -> None:
    """Remove identifiers from the vault whose surrogate no row holds any more."""
    columns = [
        f"select {quoted(column.name)} as surrogate from {table('raw', contract.source)}"
        for contract in contracts.values()
        for column in contract.columns
        if column.is_personal
    ]
    columns.append("select unnest(surrogates) from audit.quarantine")
    with spilling_connection(settings.warehouse) as connection:
        used = connection.sql(f"select distinct surrogate from ({' union all '.join(columns)})").to_arrow_table()
    rewrite(people, used=used)


def _noted_holds(connection: duckdb.DuckDBPyConnection) -> list[Hold]:
    rows = connection.execute("select source, first_day, last_day from audit.purge_hold").fetchall()
    return [Hold(source, first_day, last_day, "") for source, first_day, last_day in rows]
