"""Damaged files of a data root that can be recreated: found within 50 ms, reported, and moved out of the way.

Files that cannot be recreated stop a command when it opens them: the warehouse (`warehouse/state.py`), and the vault
with its keys (`loading/people.py`).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dagster_project.clock import utc_now
from dagster_project.publication.files import damaged_file, pointer_of
from dagster_project.settings import Settings
from dagster_project.warehouse.lock import WarehouseLocked, reader_lock


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


def find_damage(settings: Settings) -> list[Damage]:
    """Return the damaged files that can be recreated, and what `repair` and the next run do; change nothing."""
    return [*_marts(settings), *publication_damage(settings)]


def repair(settings: Settings) -> list[Damage]:
    """Move damaged files out of the way by renaming them, and return them.

    The caller holds the writer lock. A damaged publication is kept: readers use it until another one is published.
    """
    damage = find_damage(settings)
    suffix = f".damaged-{utc_now():%Y%m%dT%H%M%SZ}"
    for item in damage:
        # A publication replaces a link, also one that leads nowhere.
        if item.file in (settings.marts, pointer_of(settings.published)) and not item.file.is_symlink():
            # The marts have a write-ahead log of their own, which does not fit another file.
            for file in (item.file, item.file.with_name(f"{item.file.name}.wal")):
                if os.path.lexists(file):
                    file.rename(file.with_name(file.name + suffix))
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
