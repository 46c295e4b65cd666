"""Purge: remove the detail of a source before a day; the models' results for it stay in the schema `archive`.

A purge builds a new warehouse next to the old one: a copy without the purged rows, with their figures in the archive,
built and tested from scratch. If any table of figures differs, nothing is changed. Otherwise the new files take the
place of the old ones, and kept publications lose the same rows. `purge/intent.json` says what was begun: a purge that
was killed before its warehouse was complete is dropped by the next command, a later one is finished.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.privacy.archiving import Labels, archive, archived_models, count_files, person_of
from dagster_project.privacy.files import Kind, UnreadableFile, readable_kind_of
from dagster_project.privacy.findings import missing_backups, searched_files
from dagster_project.privacy.purged_rows import (
    SourcePlan,
    delete_marked,
    mark_rows,
    remove_elsewhere,
    rows_with_purged,
    write_purged,
)
from dagster_project.privacy.replacing import DamagedIntent, Rewritten, record_manifests
from dagster_project.privacy.retention import Hold
from dagster_project.privacy.values import Values
from dagster_project.publication.mart_texts import write_texts
from dagster_project.record.certificates import CERTIFICATE, CERTIFIED, certified_sha256
from dagster_project.record.chain import who_of
from dagster_project.record.store import append_once
from dagster_project.recovery.history import save_history
from dagster_project.settings import Settings
from dagster_project.sql import literal, quoted, scalar, table
from dagster_project.transformation.build import STEPS, build_step
from dagster_project.transformation.project import ensure_manifest, parse, read_manifest, target_path
from dagster_project.warehouse.connection import WAREHOUSE, loading_connection, spilling_connection, transaction
from dagster_project.warehouse.lake import clear_lake_folder
from dagster_project.warehouse.lock import note_step
from dagster_project.warehouse.marts import note_writing, note_written, rewrite
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.words import in_shell
from dagster_project.writing import empty_folder, make_private_folder, private_files, write_whole

ACTION = "purge"
NOT_CHANGED = "not_changed"
"""Name of the fact in a certificate that lists the files below the data root that may still have purged rows."""
_NAMED = 12


class PurgeRefused(OperatorError, RuntimeError):
    """A purge would change a figure, or cannot be built; the message says what differs. Nothing was changed."""


@dataclass(frozen=True)
class PurgePlan:
    """What a purge removes, and where it is."""

    sources: tuple[SourcePlan, ...]
    holds: tuple[Hold, ...]
    publications: tuple[str, ...]
    """Folders of publications with purged rows, relative to the data root."""
    backups: tuple[str, ...]
    """Files in the folders of backups with purged rows, or not readable; they are not changed."""
    landing: tuple[str, ...]
    """Files of the landing folder that only purged rows came from, relative to it."""
    landing_with_others: tuple[str, ...]
    """Files of the landing folder that purged rows came from, and rows that stay: a rebuild reads them again."""

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
    """What a purge was asked for, kept until it is finished."""

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
    labels: Labels = field(default_factory=dict)


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
        sources = tuple(mark_rows(connection, settings, contracts, cuts, holds))
        landed = connection.execute(
            """
            with marked as (
                select
                    load_id,
                    count(*) as row_count
                from purged_row
                group by load_id
            )

            select
                load.source,
                coalesce(load.delivered_name, load.file_name) as delivered_name,
                bool_or(
                    load.status = 'loaded'
                    and load.rows_loaded - coalesce(load.rows_purged, 0) > coalesce(marked.row_count, 0)
                )
            from audit.load as load
            left join marked
                on load.load_id = marked.load_id
            where load.file_name is not null
            group by load.source, coalesce(load.delivered_name, load.file_name)
            having count(marked.load_id) > 0
            order by load.source, delivered_name
            """
        ).fetchall()
        kept = [settings.warehouse, settings.marts]
        published: dict[str, None] = {}
        backups = []
        for root, file in searched_files(settings):
            if file in kept or settings.purge_folder in file.parents:
                continue
            try:
                is_listed = readable_kind_of(file) is Kind.DUCKDB and bool(rows_with_purged(connection, file))
            except duckdb.OutOfMemoryException:
                raise
            except (duckdb.Error, UnreadableFile):
                # A backup that is damaged or packed may have purged rows; below the data root, `fcir verify` finds it.
                is_listed = root != settings.home
            if is_listed and root == settings.home:
                published[str(file.parent.relative_to(root))] = None
            elif is_listed:
                backups.append(str(file))
    there = [(f"{source}/{name}", has) for source, name, has in landed if (settings.landing / source / name).is_file()]
    landing, with_others = (tuple(name for name, has in there if has == has_others) for has_others in (False, True))
    backups += map(str, missing_backups(settings))
    return PurgePlan(sources, tuple(holds), tuple(published), tuple(backups), landing, with_others)


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

    Raises:
        DamagedIntent: the intent cannot be read. Nothing was changed.
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


def _read_intent(settings: Settings) -> Intent | None:
    file = _intent_file(settings)
    try:
        return Intent(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        folder = settings.purge_folder
        raise DamagedIntent(
            f"{file}: not readable as the intent of a purge that was interrupted: {type(error).__name__}. Nothing was "
            "done. The purge may have put its warehouse in place already, while earlier publications have purged rows. "
            "Put it back from a backup, or move the folder away, purge again, and remove the publications of before "
            f"the purge: mv {in_shell(folder)} {in_shell(folder)}.damaged"
        ) from None


def _write_intent(settings: Settings, intent: Intent) -> None:
    write_whole(_intent_file(settings), _json(asdict(intent)))


def _intent_file(settings: Settings) -> Path:
    return settings.purge_folder / "intent.json"


def _json(content: object) -> bytes:
    return f"{json.dumps(content, indent=2)}\n".encode()


def _build(settings: Settings, contracts: Mapping[str, Contract], plan: PurgePlan, intent: Intent) -> Intent:
    """Write and build the new warehouse, and compare it with the old one."""
    folder = settings.purge_folder
    new = settings.model_copy(update={"home": folder})
    manifest = read_manifest(ensure_manifest(settings))
    shutil.copytree(target_path(settings), target_path(new))
    clear_lake_folder(settings)
    note_step(settings.lock_file, "copying the warehouse")
    with loading_connection(settings.warehouse) as connection:
        connection.execute(f"checkpoint {WAREHOUSE}")
    shutil.copyfile(settings.warehouse, new.warehouse)
    at = datetime.fromisoformat(intent.begun_at).replace(tzinfo=None)
    cuts = {source.source: source.purged_before for source in plan.sources}
    with spilling_connection(settings.warehouse) as connection:
        count_files(connection, folder / "part_load.parquet", cuts)
    with spilling_connection(new.warehouse) as connection:
        ensure_tables(connection, contracts.values())
        connection.execute(f"attach {literal(str(settings.marts))} as before (read_only)")
        labels = archive(connection, archived_models(manifest), contracts, cuts)
        mark_rows(connection, settings, contracts, cuts, plan.holds)
        with transaction(connection):
            connection.execute(
                f"insert into archive.part_load from read_parquet({literal(str(folder / 'part_load.parquet'))})"
            )
            delete_marked(connection, cuts, at)
            # A lake has the purged rows.
            connection.execute("delete from audit.lake")
            note_purge(connection, cuts, plan.holds, at)
        write_purged(connection, folder / "purged.duckdb", cuts)
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


def note_purge(
    connection: duckdb.DuckDBPyConnection, cuts: Mapping[str, date], holds: Sequence[Hold], at: datetime
) -> None:
    """Note days and holds of a purge; those of a source that it does not purge stay, as its last purge noted them.

    Args:
        connection: the purged warehouse, in a transaction.
        cuts: by source, the day before which detail is purged.
        holds: the holds in force.
        at: when, in UTC without a zone.
    """
    connection.execute("delete from audit.purge where source in (select unnest(?))", [list(cuts)])
    connection.executemany("insert into audit.purge values (?, ?, ?)", [[*item, at] for item in cuts.items()])
    connection.execute("delete from audit.purge_hold where source in (select unnest(?))", [list(cuts)])
    for hold in (hold for hold in holds if hold.source in cuts):
        days = [hold.source, hold.first_day, hold.last_day]
        connection.execute("insert into audit.purge_hold values (?, ?, ?)", days)


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
            person = person_of(columns, model.sources, contracts) if model else None
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
    if damaged.is_dir():
        empty_folder(damaged)
        # It may be a link to another disk.
        if not damaged.is_symlink():
            damaged.rmdir()
    rewritten = remove_elsewhere(settings, intent.labels)
    changed = rewritten.publications
    record_manifests(settings, changed)
    save_history(settings)
    facts = {
        CERTIFICATE: intent.name,
        "publications": len(changed),
        "sources": intent.plan["sources"],
        CERTIFIED: certified_sha256(_stated(intent)),
    }
    entry = append_once(settings, ACTION, unique="certificate", reason=intent.reason, detail=facts)
    certificate = _certify(settings, intent, entry, rewritten)
    _remove_folder(settings)
    return certificate


def _remove_folder(settings: Settings) -> None:
    empty_folder(settings.purge_folder, but=_intent_file(settings))
    shutil.rmtree(settings.purge_folder)


def _stated(intent: Intent) -> dict[str, object]:
    """Return what the certificate states, and the record has the hash of."""
    return {
        "what": "purge of detail past its retention",
        "begun_at": intent.begun_at,
        **intent.plan,
        "tables_unchanged": intent.compared,
    }


def _certify(settings: Settings, intent: Intent, entry: Mapping[str, Any], rewritten: Rewritten) -> Path:
    content = {
        CERTIFICATE: intent.name,
        "reason": intent.reason,
        "ended_at": utc_now().isoformat(timespec="seconds"),
        **who_of(entry),
        "record": {name: entry[name] for name in ("seq", "hash")},
        **_stated(intent),
        "publications_rewritten": [str(folder.relative_to(settings.home)) for folder in rewritten.publications],
        NOT_CHANGED: rewritten.lines(Values({})),
    }
    make_private_folder(settings.certificates)
    file = _certificate(settings, intent)
    write_whole(file, _json(content))
    return file


def _certificate(settings: Settings, intent: Intent) -> Path:
    return settings.certificates / f"{intent.name}.json"
