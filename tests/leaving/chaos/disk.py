"""A disk that fills up while a command works, and one that has too little space before it begins."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.leaving.chaos.kills import POINTS, watched
from tests.leaving.chaos.roots import Roots, Unavailable, require_same, require_whole_publication, run_of, tail
from tests.leaving.end_to_end.command import Command

_BYTES = 700_000_000
STAGES = (
    ("night", "lock is taken"),
    ("night", "log of the warehouse"),
    ("night", "calls are loaded"),
    ("night", "staging is built"),
    ("night", "facts are built"),
    ("night", "KPIs are built"),
    ("night", "papers are built"),
    ("publish", "folder"),
    ("publish", "Parquet"),
    ("publish", "copy of the database"),
    ("publish", "site"),
    ("publish", "manifest"),
)
"""Commands, and the points at which the disk is full."""


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of `_BYTES` in memory.

    Raises:
        Unavailable: this user may not mount.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_BYTES},mode=0700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise Unavailable("a disk of its own needs root and the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(disk: Path, *, free: int = 0) -> Path:
    """Write a file that takes the rest of a disk but some bytes; return the file."""
    ballast = disk / "ballast"
    # Other processes write at the same time, so that the size is not known before.
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while shutil.disk_usage(disk).free > free:
                    file.write(bytes(size))
    return ballast


def full(seed: int, roots: Roots, folder: Path) -> None:
    """Fill the disk at one of `STAGES`: the command ends with a message, and with space the next one ends well."""
    name, stage = STAGES[(seed - 1) % len(STAGES)]
    prepared = roots.prepared(name)
    with _disk(folder.with_name("disk")) as disk:
        command = prepared.copy(disk / "home")
        with watched(command, prepared.arguments) as watch:
            watch.wait(POINTS[name][stage])
            ballast = _fill(disk)
            code, out, err = watch.end()
        require_whole_publication(command)
        said = out + err
        assert code == 1, f"{stage}: exit code {code}: {said[-500:]}"
        assert "Traceback" not in said, f"{stage}: a traceback: {said[-1500:]}"
        named = f"its disk (mounted at {disk}) is full", f"fcir {prepared.arguments[0]} needs about "
        assert all(words in said for words in named), f"{stage}: neither disk nor space: {said[-1500:]}"
        if command.current.exists():
            run_of(command, "query", "select count(*) from kpi_measure_monthly")
        ballast.unlink()
        done = command.run(*prepared.arguments)
        assert done.returncode == 0, f"{stage}: then exit code {done.returncode}: {tail(done)}"
        require_same(command, prepared)


def small(seed: int, roots: Roots, folder: Path) -> None:
    """Leave too little space: the command refuses before it changes anything, and names disk and sizes."""
    name = ("night", "publish")[seed % 2]
    prepared = roots.prepared(name)
    with _disk(folder.with_name("disk")) as disk:
        command = prepared.copy(disk / "home")
        _fill(disk, free=seed % 10 * 10_000_000)
        before = _state(command)
        done = command.run(*prepared.arguments)
        assert done.returncode == 2, f"exit code {done.returncode}: {tail(done)}"
        assert str(disk) in done.stderr, done.stderr
        assert done.stderr.count(" MB") > 2, done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        changed = sorted({name for name, *_ in _state(command) ^ before})
        assert not changed, f"it changed {', '.join(changed)}"


def _state(command: Command) -> set[tuple[str, int, int]]:
    """Return names, sizes and times of all files but the lock, which is empty, and those of SQLite for a reader."""
    ignored = ("warehouse.lock", "-shm", "-wal")
    files = [path for path in command.home.rglob("*") if path.is_file() and not path.name.endswith(ignored)]
    return {(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files}
