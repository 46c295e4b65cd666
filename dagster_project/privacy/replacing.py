"""Replace pseudonyms in everything that a data root holds, so that no byte of the old ones remains.

A pseudonym is replaced by another value of its form, the same one everywhere. Rows are still equal where they were
equal, so every figure stays, and nothing has to be built again. Files are rewritten one by one, each in one step. The
intent, what is to be replaced, is written first; if the process is killed, the next command finishes it from the
intent, which is deleted last.
"""

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.console import with_progress
from dagster_project.errors import OperatorError
from dagster_project.hashing import sha256_of
from dagster_project.privacy.files import UnreadableFile
from dagster_project.privacy.findings import missing_backups, publication_of, searched_files
from dagster_project.privacy.rewriting import (
    CannotRewrite,
    replace_values,
    require_unlocked,
    rows_of_tables,
    update_tables,
)
from dagster_project.privacy.searching import search
from dagster_project.privacy.values import Values
from dagster_project.publication.files import CONTENT, MANIFEST, PARTIAL, manifest_of
from dagster_project.publication.space import says_full
from dagster_project.record.store import append
from dagster_project.settings import Settings
from dagster_project.sql import table
from dagster_project.transformation.project import ensure_manifest, marts_of, read_manifest
from dagster_project.warehouse.checksums import delete_checksums
from dagster_project.warehouse.connection import MARTS, WAREHOUSE, spilling_connection, transaction
from dagster_project.warehouse.lake import clear_lake_folder
from dagster_project.warehouse.lock import note_step
from dagster_project.warehouse.marts import belong_together, note_writing, note_written, rewrite
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.words import in_shell
from dagster_project.writing import draft_of, link_or_copy, make_private_folder, private_files, write_whole

Change = Callable[[Path, Sequence[str], Callable[[Path], None]], bool]
"""Rewrites a file, a published table in an order of columns, and returns whether it had to be rewritten. Calls a
function with the file before it rewrites it.
"""

_OF_LOADS = (table("audit", "load"), table("audit", "quarantine"))
# Forms of a paper, or of its tables; if one has a value, so may the pictures of the charts in the others.
_SHOWS_TEXTS, _WITH_PICTURES = (".html", ".pdf", ".svg", ".xlsx"), (".docx",)
_DRAFT = re.compile(r"\.(.+)\.draft(?:\.wal)?", re.S)
UNWRITTEN = (OSError, duckdb.IOException, duckdb.FatalException, sqlite3.OperationalError)
"""Errors of writing a file: of the system, of DuckDB and of SQLite."""
# By a run, which renames a file, and by `fcir rebuild`, which moves it to a folder.
_KEPT_AS_DAMAGED = re.compile(r"^damaged/|\.damaged")


@dataclass(frozen=True)
class Replacement:
    """The intent of a replacement: what is being replaced, kept until it is finished."""

    action: str
    """`erase`, `erase_again` or `rotate_key`."""
    reason: str
    begun_at: str
    """UTC, ISO 8601; of `erase_again` with milliseconds, since its entry in the record has it."""
    pairs: dict[str, str] = field(repr=False)
    """Each pseudonym with the value that replaces it."""
    facts: dict[str, object]
    """What its end needs to know, without personal values."""
    backups: list[str]
    """Folders of backups that it was begun with."""


@dataclass(frozen=True)
class Rewritten:
    """What was done to files."""

    publications: list[Path]
    """Folders of the publications whose files changed."""
    unreadable: dict[Path, str]
    """Files that could not be decoded or written and stay as they are, with the reason; empty: not decoded."""

    def lines(self, values: Values) -> list[str]:
        """Return these files with the reasons, with dots in place of the values."""
        return [
            f"{values.hidden_in(str(file))}{f' ({reason})' if reason else ''}"
            for file, reason in self.unreadable.items()
        ]


class DamagedIntent(OperatorError, ValueError):
    """The intent of an unfinished replacement or purge cannot be read; the message says what to do."""


def read_intent(settings: Settings) -> Replacement | None:
    """Return the replacement that was begun and is not finished; None if there is none.

    Raises:
        DamagedIntent: the intent cannot be read.
    """
    file = settings.replacement_intent
    try:
        return Replacement(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise DamagedIntent(
            f"{file}: not readable as the intent of an erasure or a change of the key that was interrupted: "
            f"{type(error).__name__}. Nothing was done. Put it back from a backup, or move it to where an erasure "
            f"finds what it has, and repeat what was interrupted: mv {in_shell(file)} "
            f"{in_shell(settings.home / file.name)}.damaged"
        ) from None


def write_intent(settings: Settings, replacement: Replacement) -> None:
    """Write the intent of a replacement, before anything is replaced."""
    make_private_folder(settings.suppression)
    _rewritten(settings).unlink(missing_ok=True)
    write_whole(settings.replacement_intent, json.dumps(replacement.__dict__).encode())


def with_its_backups(settings: Settings, replacement: Replacement) -> Settings:
    """Return the settings with the folders of backups that are set and those that a replacement was begun with.

    `FCIR_BACKUPS` may have another value in the shell that finishes it, and files of the earlier folders may be
    rewritten already, without their manifests.
    """
    folders = dict.fromkeys((*settings.backups, *map(Path, replacement.backups)))
    return settings.model_copy(update={"backups": tuple(folders)})


def delete_intent(settings: Settings) -> None:
    """Delete the intent of a finished replacement, last, since only with it the next command does what is left."""
    _rewritten(settings).unlink(missing_ok=True)
    settings.replacement_intent.unlink()


def require_unlocked_databases(settings: Settings, values: Values) -> None:
    """Check that SQLite can rewrite its databases, such as Dagster's while `fcir ui` is open, before others are.

    Raises:
        DatabaseInUse: another program has locked one. Nothing was replaced.
    """
    for root, file in list(searched_files(settings)):
        # A backup that cannot be written is listed at the end.
        with nullcontext() if root == settings.home else suppress(sqlite3.Error):
            require_unlocked(file, values)


def replace_everywhere(
    settings: Settings,
    values: Values,
    *,
    at: datetime | None,
    in_warehouse: Callable[[duckdb.DuckDBPyConnection], None] | None,
) -> Rewritten:
    """Replace values in the warehouse, the marts, kept publications, other files and backups. It can be repeated.

    Args:
        settings: the data root; the caller holds the writer lock and no connection, and has written the intent.
        values: what is replaced.
        at: the time that `audit.load` gets for loads with a replaced value, UTC; None: they get none.
        in_warehouse: other changes, in the transaction that changes the rows of the warehouse; None: no others.

    Raises:
        DatabaseInUse: another program has locked a SQLite database.
    """
    note_step(settings.lock_file, "replacing pseudonyms")
    _remove_drafts(settings)
    clear_lake_folder(settings)
    if settings.warehouse.exists():
        _replace_in_warehouse(settings, values, at, in_warehouse)

    def change(file: Path, order: Sequence[str], note: Callable[[Path], None]) -> bool:
        return replace_values(file, values, order=order, spill_at=settings.warehouse, on_change=note)

    return rewrite_files(settings, searched_files(settings), change, noted=_rewritten(settings))


def rewrite_files(settings: Settings, files: Iterable[tuple[Path, Path]], change: Change, *, noted: Path) -> Rewritten:
    """Rewrite files, with the manifests of their publications. It can be repeated after it was killed.

    Args:
        settings: the data root; its warehouse and marts are passed over.
        files: each file with the root that it is below, as `searched_files` yields them.
        change: rewrites a file if it has to be.
        noted: file that lists what was rewritten until all is done; the caller removes it.

    Returns:
        What was rewritten, and what could not be: a file that cannot be decoded, or one of a backup that cannot be
        written.
    """
    orders = orders_of(settings)
    linked: dict[tuple[int, int], Path | None] = {}
    unreadable: dict[Path, str] = {}
    # Before the first file changes, since the number of a replaced file may be given to the draft of another.
    inodes = [(root, file, _inode(file)) for root, file in files]
    for root, file, inode in with_progress("rewrite", "files", inodes):
        # What a removed paper was known by is removed with it.
        if file in (settings.warehouse, settings.marts) or inode is None or not file.exists():
            continue
        try:
            _rewrite_file(root, file, inode, change, orders, linked, noted)
        except UnreadableFile:
            # A damaged database that was kept: what it holds cannot be found, and nothing reads it.
            if root == settings.home and file.is_file() and _KEPT_AS_DAMAGED.search(str(file.relative_to(root))):
                file.unlink()
            else:
                unreadable[file] = ""
        except UNWRITTEN as error:
            # A backup may be on a disk that is full, or may only be read. The rest is done.
            if root == settings.home:
                raise
            unreadable[file] = not_written(file, error)
    changed, damaged = _update_manifests(settings, noted)
    return Rewritten(changed, unreadable | damaged)


def _inode(file: Path) -> tuple[int, int] | None:
    """Return what hard links to one file have in common; None if the file is gone, as the log of a closed database."""
    try:
        state = file.stat()
    except FileNotFoundError:
        return None
    return state.st_dev, state.st_ino


def not_written(file: Path, error: Exception) -> str:
    """Remove the draft of a file that could not be written, and return why, without the path."""
    draft = draft_of(file)
    for left in (draft, draft.with_name(f"{draft.name}.wal")):
        with suppress(OSError):
            left.unlink()
    if says_full(str(error)):
        return "not written: its disk is full"
    return f"not written: {error.strerror if isinstance(error, OSError) else type(error).__name__}"


def record_manifests(settings: Settings, publications: Iterable[Path]) -> None:
    """Enter the new hashes of rewritten manifests into the record, as publishing does with those of new ones."""
    for folder in publications:
        if folder.is_relative_to(settings.home):
            facts = {"publication": str(folder.relative_to(settings.home)), "sha256": sha256_of(folder / MANIFEST)}
            append(settings, "manifest", detail=facts)


def orders_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the columns by which each published table is ordered, so that rewritten files are ordered too."""
    return {mart.name: mart.order for mart in marts_of(read_manifest(ensure_manifest(settings)))}


def _remove_drafts(settings: Settings) -> None:
    """Remove what killed commands left: incomplete publications, drafts of rewritten files, spilled memory."""
    for root, file in list(searched_files(settings)):
        draft_for = _DRAFT.fullmatch(file.name)
        if file.is_dir():
            continue
        if root != settings.home:
            # A disk that may only be read has none of this command.
            if draft_for and file.with_name(draft_for[1]).exists():
                with suppress(OSError):
                    file.unlink()
        elif draft_for or any(map(_is_left, file.relative_to(root).parts[:-1])):
            file.unlink()


def _is_left(folder: str) -> bool:
    return folder.startswith(PARTIAL) or folder.endswith(".duckdb.tmp")


def _replace_in_warehouse(
    settings: Settings,
    values: Values,
    at: datetime | None,
    in_warehouse: Callable[[duckdb.DuckDBPyConnection], None] | None,
) -> None:
    hits, of_marts = search(settings.warehouse, values), []
    if settings.marts.exists():
        of_marts = search(settings.marts, values)
    with private_files(), spilling_connection(settings.warehouse) as connection:
        # A copy that lacks newer tables may have been restored since the replacement began.
        ensure_tables(connection, [])
        values.register(connection)
        if is_together := belong_together(connection):
            note_writing(connection)
        with transaction(connection):
            for hit in hits:
                is_of_rows = hit.table.startswith('"raw".')
                if not is_of_rows and hit.table not in _OF_LOADS:
                    continue
                condition, parameters = hit.of.condition(values)
                changed = f"select load_id from {WAREHOUSE}.{hit.table} where {condition}"
                if is_of_rows:
                    delete_checksums(connection, changed, parameters)
                if at:
                    connection.execute(
                        f"update audit.load set pseudonyms_replaced_at = ? where load_id in ({changed})",
                        [at.replace(tzinfo=None), *parameters],
                    )
            update_tables(connection, WAREHOUSE, hits, values)
            if in_warehouse:
                in_warehouse(connection)
            # The rows of a lake are no longer these: its next build appends them again, from scratch.
            connection.execute("delete from audit.lake")
        with transaction(connection):
            update_tables(connection, MARTS, of_marts, values)
        connection.execute(f"checkpoint {WAREHOUSE}")
        connection.execute(f"checkpoint {MARTS}")
    rewrite(settings.marts)
    if is_together:
        with private_files(), spilling_connection(settings.warehouse) as connection:
            note_written(connection)
    rewrite(settings.warehouse)


def _rewrite_file(
    root: Path,
    file: Path,
    inode: tuple[int, int],
    change: Change,
    orders: Mapping[str, tuple[str, ...]],
    linked: dict[tuple[int, int], Path | None],
    noted: Path,
) -> None:
    """Rewrite a file if it has to be; a hard link to a file that was rewritten becomes a link to the new one.

    A published paper that cannot be rewritten is removed, with its hard links in other publications. Files outside
    publications are never removed.
    """
    publication = publication_of(file, root)

    def note(changed: Path) -> None:
        if publication:
            if changed.suffix in _SHOWS_TEXTS:
                for picture in filter(Path.exists, map(changed.with_suffix, _WITH_PICTURES)):
                    _remove_paper(picture, note)
            with noted.open("ab") as stream, private_files():
                stream.write(os.fsencode(changed) + b"\0")
                stream.flush()
                os.fsync(stream.fileno())

    rewritten = linked.get(inode)
    if rewritten and rewritten.exists():
        note(file)
        # SQLite rewrites its databases in their place.
        if not rewritten.samefile(file):
            draft = draft_of(file)
            link_or_copy(rewritten, draft)
            draft.replace(file)
        return
    if rewritten and publication:
        _remove_paper(file, note)
        return
    # A link outside publications to a paper that was removed is a file of its own.
    if inode in linked and not rewritten:
        return
    order = orders.get(table_of(file), ()) if publication else ()
    try:
        linked[inode] = file if change(file, order, note) else None
    except CannotRewrite:
        # Outside a publication it stays, and the search at the end finds it.
        if publication:
            _remove_paper(file, note)
            linked[inode] = file


def _remove_paper(file: Path, note: Callable[[Path], None]) -> None:
    """Remove a form of a published paper, and what the next publication would know it by: it renders it again."""
    for removed in (file.with_name(CONTENT), file):
        if removed.exists():
            note(removed)
            removed.unlink()


def removed_files(settings: Settings) -> list[str]:
    """Return the published files that were removed because they cannot be rewritten, until the intent is deleted."""
    gone = missing_backups(settings)
    return [
        str(file)
        for file in _noted_files(_rewritten(settings))
        if not file.exists() and file.name != CONTENT and not any(map(file.is_relative_to, gone))
    ]


def table_of(file: Path) -> str:
    """Return the table of a published Parquet file: one per table, or one per month in its folder."""
    return file.parent.parent.name if file.parent.name.startswith("month=") else file.stem


def _update_manifests(settings: Settings, noted: Path) -> tuple[list[Path], dict[Path, str]]:
    """Write size, hash and row counts of rewritten files to the manifests of their publications.

    Returns:
        The folders, and the manifests that stay as they are because they cannot be read or written, with the reason.
    """
    changed: dict[Path, list[Path]] = {}
    for path in _noted_files(noted):
        root = next((root for root in (settings.home, *settings.backups) if path.is_relative_to(root)), None)
        if root and (folder := publication_of(path, root)):
            changed.setdefault(folder, []).append(path)
    damaged: dict[Path, str] = {}
    for folder, files in changed.items():
        is_of_backup = not folder.is_relative_to(settings.home) or any(map(folder.is_relative_to, settings.backups))
        try:
            content, mode = _manifest_with(folder, files), (folder / MANIFEST).stat().st_mode
            write_whole(folder / MANIFEST, content, mode=mode)
        except UNWRITTEN as error:
            if not is_of_backup:
                raise
            damaged[folder / MANIFEST] = not_written(folder / MANIFEST, error)
        except (ValueError, KeyError, TypeError, AttributeError, duckdb.CatalogException) as error:
            damaged[folder / MANIFEST] = f"damaged: {type(error).__name__}"
    return [folder for folder in changed if folder / MANIFEST not in damaged], damaged


def _manifest_with(folder: Path, files: Iterable[Path]) -> bytes:
    """Return the manifest of a publication with size, hash and row counts of files that were rewritten or removed."""
    manifest = manifest_of(folder)
    listed = {str(file.relative_to(folder)): file for file in files}
    removed = {path for path, file in listed.items() if not file.exists()}
    manifest["files"] = [entry for entry in manifest["files"] if entry["path"] not in removed]
    for entry in manifest["files"]:
        if rewritten := listed.get(entry["path"]):
            entry |= {"bytes": rewritten.stat().st_size, "sha256": sha256_of(rewritten)}
            if rewritten.suffix == ".duckdb":
                manifest["tables"] = rows_of_tables(rewritten, manifest["tables"])
    return (json.dumps(manifest, indent=2) + "\n").encode()


def _rewritten(settings: Settings) -> Path:
    """Return the file that lists the published files that were rewritten, until the replacement is finished."""
    return settings.suppression / "rewritten.files"


def _noted_files(noted: Path) -> Iterable[Path]:
    """Return the files that a list names: each with a zero byte after it, since a name may have every other one."""
    names = noted.read_bytes().split(b"\0")[:-1] if noted.exists() else []
    return dict.fromkeys(Path(os.fsdecode(name)) for name in names)
