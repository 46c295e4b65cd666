"""Free disk space, compared with what a command is going to write: before it starts, and after it failed."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

# The filling of a disk leaves less than a block of each writer.
_FULL_BYTES = _MEGABYTE
# Messages of the system, of SQLite and of DuckDB.
_SAYS_FULL = ("no space left", "disk is full", "quota exceeded")
# SQLite, where the index of its log cannot grow; a broken disk says it too, so the free space decides.
_MAY_SAY_FULL = "disk i/o error"

# A file in a message of the system or of DuckDB.
_PATH = re.compile(r"""["'](/[^"'\n]+)["']""")


class NotEnoughSpace(OperatorError, RuntimeError):
    """The disk has less free space than a command needs; the message names the disk and both sizes."""


class DiskFull(RuntimeError):
    """The disk filled up while a command worked; the message names the disk and the space that the command needs."""


def says_full(text: str) -> bool:
    """Return whether a message of the system or of a database means that the disk is full."""
    return any(words in text.lower() for words in _SAYS_FULL)


@dataclass(frozen=True)
class Need:
    """The space that a command needs, estimated from the extracts to load, the marts and the newest publication."""

    settings: Settings
    command: str
    """The command, for messages."""
    extracts_bytes: int = 0
    """Size of the extracts to load."""
    published: Path | None = None
    """Folder of the publications to which the command adds one; None: it publishes nothing."""
    is_rewriting: bool = False
    """Whether the command writes the files of the data root again, one after the other."""

    def require(self) -> None:
        """Check that the disk has the space. Files of killed commands, which the command deletes, count as free.

        Raises:
            NotEnoughSpace: the disk has less.
        """
        free = self._free() + _size(_left_behind(self.settings, self.published))
        if free < sum(self._parts().values()):
            raise NotEnoughSpace(
                f"{self._disk(self._folder())} has {_megabytes(free)} free, but {self._needs()}. Nothing was done, and "
                f"what was published before stays. {self._advice()}"
            )

    def explain(self, error: str) -> str:
        """Return which disk is full, and the space that the command needs; nothing if an error has other causes.

        Args:
            error: what the command, or a library, said of it.
        """
        folder, said = self._folder(error), error.lower()
        free = shutil.disk_usage(folder).free
        least = sum(self._parts().values()) if _MAY_SAY_FULL in said else _FULL_BYTES
        if free >= least and not says_full(said):
            return ""
        return f"{self._disk(folder)} is full ({_megabytes(free)} free); {self._needs()}. {self._advice()}"

    @contextmanager
    def required(self) -> Iterator[None]:
        """Check that the disk has the space before the block, and say of an error in it whether the disk is full.

        Raises:
            NotEnoughSpace: the disk has less.
            DiskFull: the disk filled up. Other errors are raised unchanged.
        """
        self.require()
        try:
            yield
        except Exception as error:
            if full := self.explain(str(error)):
                what = next(iter(str(error).splitlines()), type(error).__name__)
                raise DiskFull(f"{what.rstrip('.')}. {full}") from error
            raise

    def _parts(self) -> dict[str, int]:
        extracts = self.extracts_bytes
        parts = {"dbt and Dagster": _FIXED_BYTES, "rows of new extracts": int(extracts * _WAREHOUSE_SHARE)}
        if self.published:
            marts = _size([self.settings.marts])
            parts["marts"] = marts + int(extracts * _MARTS_SHARE)
            newest = pointer_of(self.published)
            before = _size(newest.rglob("*")) if newest.exists() else marts
            parts["publication"] = before + int(extracts * _PUBLICATION_SHARE)
        if self.is_rewriting:
            # The old file stays until the new one is complete. Published files are parts or copies of the marts.
            parts["copy of the largest file"] = max(_size([self.settings.warehouse]), _size([self.settings.marts]))
        return parts

    def _folder(self, error: str = "") -> Path:
        """Return a folder on the disk that an error is about: that of a file that it names, or of the data root.

        Folders of the data root may be links to other disks. The system does not name the file that it cannot extend.
        """
        home = _existing(self.settings.home)
        named = [_existing(Path(path).parent) for path in _PATH.findall(error)]
        links = [folder for folder in (self.published,) if folder and folder.exists() and _is_full(folder)]
        others = (folder for folder in (*named, *links) if folder.stat().st_dev != home.stat().st_dev)
        return home if _is_full(home) else next(others, home)

    def _free(self) -> int:
        return shutil.disk_usage(self._folder()).free

    def _disk(self, folder: Path) -> str:
        named = self.settings.home if folder == _existing(self.settings.home) else folder
        real = folder.resolve()
        mount = next(path for path in (real, *real.parents) if path.is_mount())
        return f"{named}: its disk (mounted at {mount})"

    def _needs(self) -> str:
        parts = self._parts()
        sizes = ", ".join(f"{name} {_megabytes(size)}" for name, size in parts.items() if size)
        return f"{self.command} needs about {_megabytes(sum(parts.values()))} ({sizes})"

    def _advice(self) -> str:
        return f"Free some space (docs/runbook.md, Full disk), then: {self.command}"


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < _FULL_BYTES


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
