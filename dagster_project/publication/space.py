"""Free space of the disk, compared with what a command is going to write, before it begins."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from dagster_project.errors import OperatorError
from dagster_project.publication.pointer import pointer_of
from dagster_project.settings import Settings

_MEGABYTE = 1_000_000
# Artefacts of dbt (29 MB), pages (17 MB), Dagster's events of a run (14 MB), two empty databases with their tables.
_FIXED_BYTES = 100 * _MEGABYTE
# A first load of 180 MB of CSV files made a warehouse of 136 MB, marts of 203 MB and a publication of 379 MB; 15 MB
# made 30, 29 and 57 MB, fixed parts included.
_WAREHOUSE_SHARE = 0.8
_MARTS_SHARE = 1.2
_PUBLICATION_SHARE = 2.1


class NotEnoughSpace(OperatorError, RuntimeError):
    """The disk has less free space than a command needs; the message names the disk and both sizes."""


def require_space(
    settings: Settings,
    command: str,
    *,
    extracts_bytes: int = 0,
    published: Path | None = None,
    is_rewriting: bool = False,
) -> None:
    """Check that the disk of the data root has the space that a command needs.

    The space is estimated from the sizes of the extracts to load, of the marts, and of the newest publication. Files of
    killed commands, which the command deletes, count as free.

    Args:
        settings: the data root.
        command: the command, for the message.
        extracts_bytes: size of the extracts to load.
        published: folder of the publications to which the command adds one; None: it publishes nothing.
        is_rewriting: whether the command writes the files of the data root again, one after the other.

    Raises:
        NotEnoughSpace: the disk has less.
    """
    parts = {"dbt and Dagster": _FIXED_BYTES, "rows of new extracts": int(extracts_bytes * _WAREHOUSE_SHARE)}
    if published:
        marts = _size([settings.marts])
        parts["marts"] = marts + int(extracts_bytes * _MARTS_SHARE)
        newest = pointer_of(published)
        before = _size(newest.rglob("*")) if newest.exists() else marts
        parts["publication"] = before + int(extracts_bytes * _PUBLICATION_SHARE)
    if is_rewriting:
        # The old file stays until the new one is complete. Published files are parts or copies of the marts.
        parts["copy of the largest file"] = max(_size([settings.warehouse]), _size([settings.marts]))
    needed = sum(parts.values())
    disk = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(disk).free + _size(_left_behind(settings, published))
    if free >= needed:
        return
    mount = next(path for path in (disk, *disk.parents) if path.is_mount())
    sizes = ", ".join(f"{name} {_megabytes(size)}" for name, size in parts.items() if size)
    raise NotEnoughSpace(
        f"{settings.home}: its disk (mounted at {mount}) has {_megabytes(free)} free, but {command} needs about "
        f"{_megabytes(needed)} ({sizes}). Nothing was done, and what was published before stays. Make room "
        f"(docs/runbook.md, Full disk), then: {command}"
    )


def _left_behind(settings: Settings, published: Path | None) -> Iterable[Path]:
    """Yield the files that killed commands left and the next one deletes."""
    yield from settings.home.glob(".*.draft")
    for database in (settings.warehouse, settings.marts):
        yield from database.with_name(f"{database.name}.tmp").glob("*")
    if published:
        yield from published.glob(".partial-*/**/*")


def _size(files: Iterable[Path]) -> int:
    return sum(os.lstat(file).st_size for file in files if file.is_file())


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:,.0f} MB"
