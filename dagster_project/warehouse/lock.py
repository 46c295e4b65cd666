"""The lock of the warehouse's one writer. DuckDB's own lock does not do.

POSIX drops DuckDB's file lock when any code of the process opens and closes the database file (hashing it, copying
it); a second writer then loses data silently. So the right to write is a `flock` on a file of our own.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster_project.errors import UsageError

# Readers of the private file (sensor, `fcir status`) hold a shared lock for some milliseconds: wait them out.
_PATIENCE_SECONDS = 5.0

_held: dict[Path, int] = {}
"""Lock files that this process holds, and how many times: a run inside a locked command enters again."""


class WarehouseLocked(RuntimeError):
    """Another run holds the warehouse; the message names its process."""


@contextmanager
def writer_lock(lock_file: Path) -> Iterator[None]:
    """Hold the right to write the warehouse; the same process may enter again.

    Args:
        lock_file: made when it does not exist.

    Raises:
        WarehouseLocked: another process holds it.
        UsageError: there is a folder in its place.
    """
    if _held.get(lock_file):
        _held[lock_file] += 1
        try:
            yield
        finally:
            _held[lock_file] -= 1
        return
    with _locked(lock_file, fcntl.LOCK_EX, _PATIENCE_SECONDS) as descriptor:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": int(time.time())}).encode(), 0)
        _held[lock_file] = 1
        try:
            yield
        finally:
            del _held[lock_file]
            os.ftruncate(descriptor, 0)


@contextmanager
def reader_lock(lock_file: Path) -> Iterator[None]:
    """Keep writers out while the private file is read; at once, without waiting.

    Raises:
        WarehouseLocked: a run holds the warehouse.
    """
    if _held.get(lock_file):
        yield
        return
    with _locked(lock_file, fcntl.LOCK_SH, 0.0):
        yield


@contextmanager
def _locked(lock_file: Path, mode: int, patience: float) -> Iterator[int]:
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except IsADirectoryError:
        raise UsageError(
            f"{lock_file} is a folder; expected a file. Nothing was done. Move it away: mv {lock_file} {lock_file}.old"
        ) from None
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise WarehouseLocked(_holder(descriptor)) from None
                time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 200, 0))
        since = time.strftime("%H:%M:%S", time.localtime(holder["since"]))
    except (ValueError, TypeError, KeyError):
        return "another process holds the warehouse; wait for it to end and run again"
    return f"run of process {holder['pid']} holds the warehouse since {since}; wait for it to end and run again"
