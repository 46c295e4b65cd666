"""Write files: for their owner only, and whole or not at all. Publications: `publication/files.py`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ContextDecorator, contextmanager, suppress
from pathlib import Path

from dagster_project.errors import OperatorError
from dagster_project.words import in_shell


class FolderTaken(OperatorError, FileExistsError):
    """A file is in the place of a folder; the message says how to move it away."""


def private_files() -> AbstractContextManager[None]:
    """Make files created in the block readable by their owner only, such as DuckDB's write-ahead log."""
    return _umask(0o077)


def readable_files() -> ContextDecorator:
    """Make files created in the block readable by all, in a process whose other files are private."""
    return _umask(0o022)


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def make_private_folder(folder: Path) -> None:
    """Create a folder for its owner only; if others can enter it, close it and everything in it.

    Raises:
        FolderTaken: there is a file, or a link to nothing, in its place.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        taken = next(path for path in (folder, *folder.parents) if os.path.lexists(path) and not path.is_dir())
        raise FolderTaken(
            f"{taken} is not a folder, and fcir has to write into a folder of this name. What was done before stays. "
            f"Move it away, and run the command again: mv {in_shell(taken)} {in_shell(taken)}.old"
        ) from None
    if folder.stat().st_mode & 0o077:
        for path in [folder, *folder.rglob("*")]:
            # Another process may have removed a file in the meantime; the mode of a link is that of its target.
            with suppress(FileNotFoundError):
                if not path.is_symlink() or path == folder:
                    path.chmod(path.stat().st_mode & 0o700)


def empty_folder(folder: Path) -> None:
    """Remove everything in a folder."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def link_or_copy(source: Path, target: Path) -> None:
    """Make a hard link to a file under a name that does not exist; a copy, if the file system has no hard links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy(source, target)


def draft_of(file: Path) -> Path:
    """Return the file next to another that is written first, and then takes its place."""
    return file.with_name(f".{file.name}.draft")


def put_in_place(draft: Path, file: Path, *, mode: int | None = None) -> None:
    """Put a finished draft in the place of a file; after a kill or a power cut, either of them is there as a whole.

    Args:
        draft: the draft, in the same folder.
        file: the file, which need not exist.
        mode: the mode that the file gets; None: that of the draft.
    """
    if mode is not None:
        draft.chmod(mode)
    flush(draft)
    draft.replace(file)


def flush(path: Path) -> None:
    """Flush a file to disk, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(file: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file by way of a draft that only its owner can read; errors are those of the system."""
    draft = draft_of(file)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    put_in_place(draft, file, mode=mode)
