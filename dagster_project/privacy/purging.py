"""Purge: remove the detail of a source before a day; the models' results for it stay in the schema `archive`.

A purge builds a new warehouse next to the old one: a copy without the purged rows, with their figures in the archive,
built and tested from scratch. If any table of figures differs, nothing is changed. Otherwise the new files take the
place of the old ones, and kept publications lose the same rows. `purge/intent.json` says what was begun: a purge that
was killed before its warehouse was complete is dropped by the next command, a later one is finished.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.clock import LONDON, utc_now
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.privacy.files import Kind, UnreadableFile, kind_of
from dagster_project.privacy.findings import searched_files
from dagster_project.privacy.replacing import record_manifests, rewrite_files, table_of
from dagster_project.privacy.retention import Hold
from dagster_project.publication.mart_texts import write_texts
from dagster_project.publication.parquet_files import copy_to_parquet, nullable_columns
from dagster_project.record.store import append_once
from dagster_project.recovery.history import save_history
from dagster_project.settings import Settings
from dagster_project.sql import literal, quoted, scalar, table
from dagster_project.transformation.build import STEPS, build_step
from dagster_project.transformation.project import ensure_manifest, parse, read_manifest, target_path
from dagster_project.warehouse.connection import (
    MARTS,
    WAREHOUSE,
    create_temp_table,
    loading_connection,
    spilling_connection,
    transaction,
)
from dagster_project.warehouse.lock import note_step
from dagster_project.warehouse.marts import REWRITTEN, note_writing, note_written, rewrite, rewrite_rows
from dagster_project.warehouse.tables import ensure_tables, raw_columns
from dagster_project.writing import (
    draft_of,
    empty_folder,
    make_private_folder,
    private_files,
    put_in_place,
    write_whole,
)

ACTION = "purge"
_NAMED = 12
_MARK = ("load_id", "source_row")
_ARCHIVE = """
create schema if not exists archive;
create table if not exists archive.part_load (
    source varchar not null,
    force_code varchar not null,
    part varchar not null,
    month_start date not null,
    load_id bigint not null,
    events bigint not null,
    amount decimal(38, 6) not null
)
"""


class PurgeRefused(OperatorError, RuntimeError):
    """A purge would change a figure, or cannot be built; the message says what differs. Nothing was changed."""


@dataclass(frozen=True)
class ArchivedModel:
    """A model that adds up events and keeps what it has made of purged ones: dbt/macros/archive.sql."""

    database: str
    schema: str
    name: str
    sources: tuple[str, ...]
    day: str | None
    """Its column with the day or month; None for a list of what events name."""
    is_by_source: bool

    def is_purged(self, cuts: Mapping[str, date]) -> str:
        """Return the SQL condition that a row is of purged days, given the days by source."""
        known = {source: cuts[source] for source in self.sources if source in cuts}
        if not known:
            return "false"
        if self.day is None:
            return "true"
        if not self.is_by_source:
            return f"{quoted(self.day)} < date '{max(known.values())}'"
        return " or ".join(
            f"(source = '{source}' and {quoted(self.day)} < date '{day}')" for source, day in known.items()
        )


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
    """Folders of publications with purged rows, relative to the data root."""
    backups: tuple[str, ...]
    """Databases with purged rows in the folders of backups, which are not changed."""
    landing: tuple[str, ...]
    """Files of the landing folder that the rows came from, relative to it."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to purge."""
        return not any(source.rows for source in self.sources)

    def as_json(self) -> dict[str, object]:
        """Return the plan as JSON values."""
        content: dict[str, object] = json.loads(json.dumps(asdict(self), default=str))
        return content


@dataclass(frozen=True)
class Intent:
    """What was begun, as it is noted until it is finished."""

    begun_at: str
    """UTC, ISO 8601."""
    name: str
    """Name of the certificate."""
    reason: str
    plan: dict[str, object]
    is_complete: bool = False
    """Whether the new warehouse is complete, so that it takes the place of the old one."""
    compared: dict[str, int] = field(default_factory=dict)
    """Tables that are the same as before, with their rows."""
    labels: dict[str, list[str]] = field(default_factory=dict)
    """Published tables with a row for a person and month: the person's column, that of the month, and the first day
    that is not purged.
    """


def archived_models(manifest: Mapping[str, Any]) -> list[ArchivedModel]:
    """Return the models that keep what they have made of purged events."""
    found = []
    for node in manifest["nodes"].values():
        if archive := node["config"].get("meta", {}).get("archive"):
            place = (MARTS if node["schema"] == "marts" else WAREHOUSE, node["schema"], node["name"])
            sources = tuple(archive["sources"])
            found.append(ArchivedModel(*place, sources, archive.get("day"), archive.get("is_by_source", False)))
    return found


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
    with spilling_connection(settings.warehouse) as connection:
        sources = tuple(_mark(connection, settings, contracts, cuts, holds))
        landed = connection.execute(
            """
            select distinct load.source, load.file_name
            from audit.load as load
            semi join purged_row on load.load_id = purged_row.load_id
            where load.file_name is not null
            order by all
            """
        ).fetchall()
        kept = [settings.warehouse, settings.marts]
        published: dict[str, None] = {}
        backups = []
        for root, file in searched_files(settings):
            if file in kept or settings.purge_folder in file.parents or kind_of(file) is not Kind.DUCKDB:
                continue
            if _rows_with_purged(connection, file):
                if root == settings.home:
                    published[str(file.parent.relative_to(root))] = None
                else:
                    backups.append(str(file))
    names = tuple(f"{source}/{name}" for source, name in landed if (settings.landing / source / name).is_file())
    return PurgePlan(sources, tuple(holds), tuple(published), tuple(backups), names)


def purge(settings: Settings, contracts: Mapping[str, Contract], plan: PurgePlan, *, reason: str) -> Path:
    """Purge what was planned, and return the certificate.

    Args:
        settings: the data root, with marts of all that is loaded; the caller holds the writer lock and no connection.
        contracts: all contracts.
        plan: what is purged.
        reason: why, for the record.

    Raises:
        PurgeRefused: a figure would change, or a step of the build failed. Nothing was changed.
    """
    now = utc_now()
    intent = Intent(now.isoformat(timespec="seconds"), f"{now:%Y%m%dT%H%M%SZ}-purge", reason, plan.as_json())
    shutil.rmtree(settings.purge_folder, ignore_errors=True)
    make_private_folder(settings.purge_folder)
    _write_intent(settings, intent)
    try:
        with private_files():
            intent = _build(settings, contracts, plan, intent)
    except BaseException:
        shutil.rmtree(settings.purge_folder)
        raise
    _write_intent(settings, intent)
    return _finish(settings, intent)


def finish_purge(settings: Settings) -> str | None:
    """Finish a purge that was killed, or drop it if its warehouse was not complete; say so in words.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.

    Returns:
        What was done; None if there is nothing to finish.
    """
    if not is_unfinished(settings):
        return None
    if not any(settings.purge_folder.iterdir()):
        # It had not begun, or only its folder was left to remove.
        settings.purge_folder.rmdir()
        return None
    intent = _read_intent(settings)
    if intent is None or not intent.is_complete:
        _remove_folder(settings)
        return "a purge was interrupted before it changed anything. Run it again: fcir purge"
    certificate = _certificate(settings, intent)
    if certificate.exists():
        # Only what it needed is left.
        _remove_folder(settings)
    else:
        with private_files():
            _finish(settings, intent)
    return f"a purge of {intent.begun_at} that was interrupted is finished: {certificate}"


def is_unfinished(settings: Settings) -> bool:
    """Return whether a purge was begun and not finished."""
    return settings.purge_folder.exists()


def purge_again(connection: duckdb.DuckDBPyConnection, settings: Settings, contracts: Mapping[str, Contract]) -> None:
    """Delete from restored rows those that were purged before, by the days and holds of the last purge.

    Args:
        connection: a loading connection to a new warehouse with its audit and rows.
        settings: the data root.
        contracts: all contracts.
    """
    cuts = dict(connection.execute("select source, purged_before from audit.purge").fetchall())
    if not cuts:
        return
    holds = [
        Hold(source, first_day, last_day, "")
        for source, first_day, last_day in connection.execute(
            "select source, first_day, last_day from audit.purge_hold"
        ).fetchall()
    ]
    with transaction(connection):
        list(_mark(connection, settings, contracts, cuts, holds))
        _delete_marked(connection, cuts, None)


def _read_intent(settings: Settings) -> Intent | None:
    try:
        return Intent(**json.loads(_intent_file(settings).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write_intent(settings: Settings, intent: Intent) -> None:
    write_whole(_intent_file(settings), _json(asdict(intent)))


def _intent_file(settings: Settings) -> Path:
    return settings.purge_folder / "intent.json"


def _json(content: object) -> bytes:
    return f"{json.dumps(content, indent=2)}\n".encode()


def _mark(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Mapping[str, Contract],
    cuts: Mapping[str, date],
    holds: Sequence[Hold],
) -> Iterable[SourcePlan]:
    """Put the rows to purge into the temporary table `purged_row`, and yield how many there are of each source.

    They are the rows of events all of whose times are before the day, and none on a held day.
    """
    create_temp_table(connection, "purged_row", {"load_id": "bigint", "source_row": "bigint"}, [])
    keys = event_keys(settings)
    for source, cut in sorted(cuts.items()):
        raw, key = table("raw", source), ", ".join(map(quoted, keys[source]))
        times = [quoted(name) for name, kind in raw_columns(contracts[source]).items() if kind == "timestamp"]
        spans = [(_utc(hold.first_day), _utc(hold.last_day + timedelta(1))) for hold in holds if hold.source == source]
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
            [*bounds, _utc(cut)],
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
        connection.execute(
            f"""
            insert into purged_row
            select rows.load_id, rows.source_row
            from {raw} as rows
            semi join (from old_event where not is_held) as purged using ({key})
            """
        )
        yield SourcePlan(source, cut, *found[0])
    connection.execute("drop table if exists old_event")


def _delete_marked(connection: duckdb.DuckDBPyConnection, cuts: Iterable[str], at: datetime | None) -> None:
    """Delete the marked rows of sources, and note them with their loads."""
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


def _utc(day: date) -> datetime:
    """Return the first instant of a day in London, as times are stored."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC).replace(tzinfo=None)


def _build(settings: Settings, contracts: Mapping[str, Contract], plan: PurgePlan, intent: Intent) -> Intent:
    """Write and build the new warehouse, and compare it with the old one."""
    folder = settings.purge_folder
    new = settings.model_copy(update={"home": folder})
    manifest = read_manifest(ensure_manifest(settings))
    shutil.copytree(target_path(settings), target_path(new))
    note_step(settings.lock_file, "copying the warehouse")
    with loading_connection(settings.warehouse) as connection:
        connection.execute(f"checkpoint {WAREHOUSE}")
    shutil.copyfile(settings.warehouse, new.warehouse)
    at = datetime.fromisoformat(intent.begun_at).replace(tzinfo=None)
    cuts = {source.source: source.purged_before for source in plan.sources}
    with spilling_connection(settings.warehouse) as connection:
        _count_files(connection, folder / "part_load.parquet", cuts)
    with spilling_connection(new.warehouse) as connection:
        ensure_tables(connection, contracts.values())
        connection.execute(f"attach {literal(str(settings.marts))} as before (read_only)")
        labels = _archive(connection, archived_models(manifest), contracts, cuts)
        list(_mark(connection, settings, contracts, cuts, plan.holds))
        with transaction(connection):
            connection.execute(
                f"insert into archive.part_load from read_parquet({literal(str(folder / 'part_load.parquet'))})"
            )
            _delete_marked(connection, cuts, at)
            connection.execute("delete from audit.purge where source in (select unnest(?))", [list(cuts)])
            connection.executemany("insert into audit.purge values (?, ?, ?)", [[*item, at] for item in cuts.items()])
            connection.execute("delete from audit.purge_hold")
            for hold in plan.holds:
                days = [hold.source, hold.first_day, hold.last_day]
                connection.execute("insert into audit.purge_hold values (?, ?, ?)", days)
        _write_purged(connection, folder / "purged.duckdb", cuts)
        connection.execute("detach before")
    note_step(settings.lock_file, "building without the purged rows")
    parsed = parse(new)
    for step in STEPS:
        report = build_step(new, step, run_id=intent.name, parsed=parsed)
        if report.failed:
            failed = ", ".join(node.name for node in report.failed[:_NAMED])
            cause = report.failed[0].message.splitlines()[0].rstrip(".")
            raise PurgeRefused(
                f"the tables cannot be built without the purged rows: {failed} ({cause}). Nothing was purged. If the "
                "same fail in a run, correct that first: fcir run"
            )
    with spilling_connection(new.warehouse) as connection:
        # Publishing has written them into the tables that are compared.
        note_writing(connection)
        write_texts(connection)
        note_written(connection)
    note_step(settings.lock_file, "comparing all figures")
    compared = _compare(settings, new, manifest, contracts)
    rewrite(new.warehouse)
    return replace(intent, is_complete=True, compared=compared, labels=labels)


def _archive(
    connection: duckdb.DuckDBPyConnection,
    models: Iterable[ArchivedModel],
    contracts: Mapping[str, Contract],
    cuts: Mapping[str, date],
) -> dict[str, list[str]]:
    """Copy what the models have made of purged days; return which published tables have a person's column."""
    connection.execute(_ARCHIVE)
    known = dict(connection.execute("select source, purged_before from audit.purge").fetchall()) | dict(cuts)
    labels: dict[str, list[str]] = {}
    for model in models:
        is_purged = model.is_purged(known)
        relation = table("before" if model.database == MARTS else WAREHOUSE, model.schema, model.name)
        columns = [row[0] for row in connection.execute(f"describe {relation}").fetchall()]
        person = _person_of(columns, model.sources, contracts)
        label = ""
        if person and model.day:
            label = f" replace ({_label(person, model.day)} as {quoted(person)})"
            labels[model.name] = [person, model.day, str(max(known.get(source, date.min) for source in model.sources))]
        connection.execute(
            f"create or replace table {table(WAREHOUSE, 'archive', model.name)} as "
            f"select *{label} from {relation} where {is_purged}"
        )
    return labels


def _person_of(columns: Iterable[str], sources: Iterable[str], contracts: Mapping[str, Contract]) -> str | None:
    personal = {column.name for source in sources for column in contracts[source].columns if column.is_personal}
    return next((column for column in columns if column in personal), None)


def _label(person: str, day: str) -> str:
    """Return SQL for what replaces a person in a row for a person and month: a number that is another each month."""
    at = quoted(person)
    return (
        f"'purged ' || cast(row_number() over (partition by force_code, {quoted(day)} "
        f"order by md5({at} || cast({quoted(day)} as varchar)), {at}) as varchar)"
    )


def _count_files(connection: duckdb.DuckDBPyConnection, file: Path, cuts: Mapping[str, date]) -> None:
    """Add up which loads the sums of newly purged months were counted from, for `fcir trace`, and write it to a file.

    Args:
        connection: the old warehouse with its marts, which the events are read from.
        file: the Parquet file.
        cuts: by source, the day before which detail is purged.
    """
    create_temp_table(connection, "cut", {"source": "varchar", "day": "date"}, list(cuts.items()))
    connection.execute(
        f"""
        copy (
            select
                load.source,
                events.force_code,
                events.part,
                cast(date_trunc('month', events.day) as date) as month_start,
                events.load_id,
                count(events.amount) as events,
                cast(coalesce(sum(events.amount), 0) as decimal(38, 6)) as amount
            from measures.int_part_event as events
            inner join audit.load as load on events.load_id = load.load_id
            inner join cut on load.source = cut.source
            left join audit.purge as purge on load.source = purge.source
            where
                events.day < cut.day
                and events.day >= coalesce(purge.purged_before, date '0001-01-01')
            group by all
            order by all
        ) to {literal(str(file))} (format parquet)
        """
    )


def _write_purged(connection: duckdb.DuckDBPyConnection, file: Path, cuts: Mapping[str, date]) -> None:
    """Write the numbers of the purged rows, and of loads that have no row any more, to a file for `_finish`.

    A kept publication may have rows of a replaced load that the warehouse has no more since it was rebuilt.
    """
    connection.execute(f"attach {literal(str(file))} as purged")
    connection.execute("create table purged.purged_row as from purged_row")
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
                    where hold.source = load.source and load.extract_date between hold.first_day and hold.last_day
                )
            """,
            [source, cut],
        )
    connection.execute("detach purged")


def _compare(
    old: Settings, new: Settings, manifest: Mapping[str, Any], contracts: Mapping[str, Contract]
) -> dict[str, int]:
    """Compare every table of figures, and return those compared with their rows.

    Raises:
        PurgeRefused: one differs.
    """
    models = {model.name: model for model in archived_models(manifest)}
    compared: dict[str, int] = {}
    differing = []
    with duckdb.connect(config={"temp_directory": str(new.home / "compared.tmp")}) as connection:
        for name, settings in (("old", old), ("new", new)):
            connection.execute(f"attach {literal(str(settings.warehouse))} as {name}_warehouse (read_only)")
            connection.execute(f"attach {literal(str(settings.marts))} as {name}_marts (read_only)")
        for node in manifest["nodes"].values():
            is_published = node["schema"] == "marts" and "facts" not in node["tags"]
            if node["resource_type"] != "model" or not (is_published or node["name"] in models):
                continue
            database = "marts" if node["schema"] == "marts" else "warehouse"
            places = [table(f"{name}_{database}", node["schema"], node["name"]) for name in ("old", "new")]
            if node["config"]["materialized"].startswith("view"):
                continue
            columns = [row[0] for row in connection.execute(f"describe {places[0]}").fetchall()]
            model = models.get(node["name"])
            person = _person_of(columns, model.sources, contracts) if model else None
            names = ", ".join(quoted(column) for column in columns if column != person)
            before, after = (f"select {names} from {place}" for place in places)
            different = scalar(
                connection,
                f"select count(*) from (({before} except all {after}) union all ({after} except all {before}))",
            )
            compared[node["name"]] = scalar(connection, f"select count(*) from {places[0]}")
            if different:
                differing.append(f"{node['name']} ({different:,})")
    if differing:
        raise PurgeRefused(
            f"rows of {len(differing)} tables would differ: {', '.join(differing[:_NAMED])}. Nothing was purged, and "
            "what was published stays. Check the definitions of these tables, or purge fewer months"
        )
    return compared


def _finish(settings: Settings, intent: Intent) -> Path:
    """Put the new files in place and remove the rows elsewhere; every step can be repeated."""
    folder = settings.purge_folder
    note_step(settings.lock_file, "removing purged rows")
    for file in (settings.marts, settings.warehouse):
        draft = folder / file.name
        if draft.exists():
            file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
            draft.replace(file)
    damaged = settings.home / "damaged"
    if damaged.exists():
        shutil.rmtree(damaged)
    changed = _remove_elsewhere(settings, intent)
    record_manifests(settings, changed)
    save_history(settings)
    facts = {"certificate": intent.name, "publications": len(changed), "sources": intent.plan["sources"]}
    entry = append_once(settings, ACTION, unique="certificate", reason=intent.reason, detail=facts)
    certificate = _certify(settings, intent, entry, changed)
    _remove_folder(settings)
    return certificate


def _remove_folder(settings: Settings) -> None:
    empty_folder(settings.purge_folder, but=_intent_file(settings))
    shutil.rmtree(settings.purge_folder)


def _remove_elsewhere(settings: Settings, intent: Intent) -> list[Path]:
    """Remove the purged rows from kept publications and from other databases below the data root."""
    folder = settings.purge_folder
    with duckdb.connect(config={"temp_directory": str(folder / "removed.tmp")}) as connection:
        connection.execute(f"attach {literal(str(folder / 'purged.duckdb'))} as purged (read_only)")
        connection.execute("create temp table purged_row as from purged.purged_row")
        connection.execute("create temp table gone_load as from purged.gone_load")

        def change(file: Path, order: Sequence[str], note: Callable[[Path], None]) -> bool:
            kind = kind_of(file)
            try:
                if kind is Kind.DUCKDB:
                    return _change_database(connection, file, intent, note)
                return kind is Kind.PARQUET and _change_parquet(connection, file, intent, order, note)
            except duckdb.Error as error:
                raise UnreadableFile(f"{file} cannot be decoded ({type(error).__name__})") from None

        files = [(settings.home, file) for root, file in searched_files(settings) if root == settings.home]
        files = [(root, file) for root, file in files if folder not in file.parents]
        return rewrite_files(settings, files, change, noted=folder / "rewritten.files")


def _change_database(
    connection: duckdb.DuckDBPyConnection, file: Path, intent: Intent, note: Callable[[Path], None]
) -> bool:
    rows = _rows_with_purged(connection, file, intent)
    if not rows:
        return False
    note(file)
    rewrite_rows(connection, file, {relation: (kept, ()) for relation, kept in rows.items()})
    return True


def _change_parquet(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    intent: Intent,
    order: Sequence[str],
    note: Callable[[Path], None],
) -> bool:
    relation = f"read_parquet({literal(str(file))}, hive_partitioning = false)"
    columns = [row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()]
    kept = _kept(connection, relation, table_of(file), columns, intent)
    if kept is None:
        return False
    note(file)
    draft = draft_of(file)
    draft.unlink(missing_ok=True)
    connection.execute(f"create or replace temp table kept as {kept}")
    with nullable_columns(connection):
        copy_to_parquet(connection, order, "kept", draft)
    connection.execute("drop table kept")
    put_in_place(draft, file, mode=file.stat().st_mode)
    return True


def _rows_with_purged(
    connection: duckdb.DuckDBPyConnection, file: Path, intent: Intent | None = None
) -> dict[str, str]:
    """Return the tables of a database with rows to remove, each with the query of what is kept of it."""
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
            if kept := _kept(connection, table(REWRITTEN, schema, name), name, columns, intent):
                found[table(schema, name)] = kept
        return found
    finally:
        connection.execute(f"detach {REWRITTEN}")


def _kept(
    connection: duckdb.DuckDBPyConnection, relation: str, name: str, columns: Sequence[str], intent: Intent | None
) -> str | None:
    """Return the query of the rows that a table keeps; None if it keeps all as they are."""
    if intent and name in intent.labels:
        person, day, cut = intent.labels[name]
        is_old = f"{quoted(day)} < date '{cut}' and {quoted(person)} not like 'purged %'"
        if {person, day, "force_code"} <= set(columns) and scalar(
            connection, f"select count(*) from {relation} where {is_old}"
        ):
            label = f"case when {is_old} then {_label(person, day)} else {quoted(person)} end as {quoted(person)}"
            return f"select * replace ({label}) from {relation}"
        return None
    # Quarantined rows have no personal value, and are the account of what was not loaded.
    if not set(_MARK) <= set(columns) or name == "quarantine":
        return None
    is_purged = f"({', '.join(_MARK)}) in (select ({', '.join(_MARK)}) from purged_row)"
    if intent:
        is_purged += " or load_id in (select load_id from gone_load)"
    if not scalar(connection, f"select count(*) from {relation} where {is_purged}"):
        return None
    return f"select * from {relation} where not coalesce({is_purged}, false)"


def _certify(settings: Settings, intent: Intent, entry: Mapping[str, Any], changed: Sequence[Path]) -> Path:
    content = {
        "certificate": intent.name,
        "what": "purge of detail past its retention",
        "reason": intent.reason,
        "begun_at": intent.begun_at,
        "ended_at": utc_now().isoformat(timespec="seconds"),
        **{name: entry[name] for name in ("user", "host", "version")},
        "record": {name: entry[name] for name in ("seq", "hash")},
        **intent.plan,
        "publications_rewritten": [str(folder.relative_to(settings.home)) for folder in changed],
        "tables_unchanged": intent.compared,
    }
    make_private_folder(settings.certificates)
    file = _certificate(settings, intent)
    write_whole(file, _json(content))
    return file


def _certificate(settings: Settings, intent: Intent) -> Path:
    return settings.certificates / f"{intent.name}.json"
