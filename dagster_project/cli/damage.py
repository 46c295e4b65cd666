"""Damaged files of a data root that can be recreated: found within 50 ms, reported, and moved out of the way.

Files that cannot be recreated stop a command when it opens them: the warehouse (`warehouse/state.py`), and the vault
with its keys (`loading/people.py`).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dagster_project.clock import utc_now
from dagster_project.publication.files import damaged_file, pointer_of
from dagster_project.settings import Settings
from dagster_project.warehouse.lock import WarehouseLocked, reader_lock

# Reading a whole database takes 20 ms per megabyte. The index of all runs has 4 MB after a first load.
_READ_WHOLE_BYTES = 8_000_000
# The last row of each database, by file name; files of runs have events. A database without the table is another one.
_EVENTS = "select max(rowid) from event_logs"
_LAST_ROWS = {"runs.db": "select max(rowid) from runs", "schedules.db": "select max(rowid) from jobs"}
_SIDE_FILES = ("-journal", "-wal", "-shm", ".wal")


@dataclass(frozen=True)
class Damage:
    """A damaged file."""

    file: Path
    found: str
    """What was found, in a few words."""
    remedy: str
    """What a run does about it."""

    def __str__(self) -> str:
        """Return the file, what was found, and what a run does about it."""
        return f"{self.file} is damaged ({self.found}): {self.remedy}"


def find_damage(settings: Settings, *, in_full: bool = False) -> list[Damage]:
    """Return the damaged files that can be recreated, and what `repair` and the next run do; change nothing.

    `in_full` reads all of Dagster's databases, also large ones and those of single runs.
    """
    return [*_dagster_files(settings, in_full), *_marts(settings), *publication_damage(settings)]


def repair(settings: Settings, *, in_full: bool = False) -> list[Damage]:
    """Move damaged files out of the way by renaming them, and return them.

    The caller holds the writer lock. A damaged publication is kept: readers use it until another one is published.
    """
    damage = find_damage(settings, in_full=in_full)
    for item in damage:
        is_ours = item.file in (settings.marts, pointer_of(settings.published))
        if is_ours or item.file.is_relative_to(settings.dagster_home):
            _rename(item.file)
    return damage


def publication_damage(settings: Settings) -> Iterator[Damage]:
    """Yield the damage to the current publication, judged by file sizes; nothing before the first publication."""
    pointer = pointer_of(settings.published)
    if not os.path.lexists(pointer):
        return
    remedy = "readers have it as it is until a run publishes again"
    if not pointer.is_symlink():
        yield Damage(pointer, "not a link to a publication", "a run renames it and publishes again")
    elif not pointer.exists():
        yield Damage(pointer, f"points to {pointer.readlink()}, which does not exist", "a run publishes again")
    elif found := damaged_file(pointer):
        yield Damage(*found, remedy)


def _marts(settings: Settings) -> Iterator[Damage]:
    """Check the file of the marts, unless a run is writing it."""
    if os.path.lexists(settings.marts) and (found := _fault_of_marts(settings)):
        yield Damage(settings.marts, found, "a run renames it and builds the marts again; no data are lost")


def _fault_of_marts(settings: Settings) -> str | None:
    import duckdb

    from dagster_project.sql import literal
    from dagster_project.warehouse.connection import MARTS, attaching_connection, is_cut_short, says_damage

    if not settings.marts.is_file():
        return "not a file"
    try:
        with reader_lock(settings.lock_file), attaching_connection() as connection:
            connection.execute(f"attach {literal(str(settings.marts))} as {MARTS} (read_only)")
            return "too short for its content" if is_cut_short(connection, settings.marts, MARTS) else None
    except WarehouseLocked:
        return None
    except duckdb.Error as error:
        return "not a whole database" if says_damage(str(error)) else None


def _dagster_files(settings: Settings, in_full: bool) -> Iterator[Damage]:
    """Check Dagster's folders and databases, those of single runs only if all are read in full."""
    home = settings.dagster_home
    if not os.access(settings.home, os.W_OK):
        # A read-only copy, or another user: no file can be written, and none is damaged by that.
        return
    lost = "a run renames it and starts another; Dagster's history in it is lost, no data are"
    for folder in (home, home / "history", home / "history" / "runs", home / "schedules"):
        if os.path.lexists(folder) and not folder.is_dir():
            yield Damage(folder, "not a folder", lost)
        elif folder.is_dir() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            yield Damage(folder, "this user may not write to it", lost)
            return
    history = home / "history"
    shared = (history / "runs.db", history / "runs" / "index.db", home / "schedules" / "schedules.db")
    for file in dict.fromkeys((*shared, *(history.glob("runs/*.db") if in_full else ()))):
        if os.path.lexists(file) and (found := _fault_of_database(file, in_full)):
            yield Damage(file, found, lost)


def _fault_of_database(file: Path, in_full: bool) -> str | None:
    if not file.is_file():
        return "not a file"
    if not os.access(file, os.R_OK | os.W_OK):
        return "this user may not write to it"
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute(_LAST_ROWS.get(file.name, _EVENTS)).fetchone()
            is_read = in_full or file.stat().st_size <= _READ_WHOLE_BYTES
            is_whole = not is_read or connection.execute("pragma quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.Error as error:
        # Other errors, for example from a program that locked the file or was killed while writing, do not mean damage.
        is_damaged = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        return str(error) if is_damaged or str(error).startswith("no such table") else None
    return None if is_whole else "damaged pages"


def _rename(file: Path) -> None:
    suffix = f".damaged-{utc_now():%Y%m%dT%H%M%SZ}"
    file.rename(file.with_name(file.name + suffix))
    for name in _SIDE_FILES:
        side = file.with_name(file.name + name)
        if side.exists():
            side.rename(side.with_name(side.name + suffix))
