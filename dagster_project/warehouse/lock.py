"""The lock that allows a single writer of the warehouse. DuckDB's own lock is not enough.

POSIX releases DuckDB's file lock when any code of the process opens and closes the database file (to hash or copy it);
a second writer could then lose data silently. So the writer lock is a `flock` on a separate file.
"""

import errno
import fcntl
import json
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.errors import UsageError
from dagster_project.words import in_shell

# Readers of the private file (sensor, `fcir status`) hold a shared lock for milliseconds; a writer waits for them.
_PATIENCE_SECONDS = 5.0

# The file may be rewritten while it is read, so a reader may see parts of two texts; it then reads again.
_READS = 5


@dataclass(frozen=True)
class Holder:
    """The process that holds the writer lock, or held it when it was killed, and its current step."""

    pid: int
    since: datetime
    """Time at which it took the lock, UTC."""
    command: str
    """The command, for example `fcir run`; empty if it is not known."""
    step: str
    """The current step, for example `loading crimes`; empty before the first step."""
    step_since: datetime
    """Time at which the step started, UTC."""


@dataclass
class _Hold:
    """A lock file that this process holds."""

    descriptor: int
    holder: Holder
    times: int = 1
    """Number of nested entries: a run inside a locked command enters again."""


_held: dict[Path, _Hold] = {}


class WarehouseLocked(RuntimeError):
    """The warehouse is locked by another run; the message names its process."""

    def __init__(self, message: str, holder: Holder | None = None) -> None:
        """Keep the process that holds this project's lock, if it is known."""
        super().__init__(message)
        self.holder = holder


@contextmanager
def writer_lock(lock_file: Path, *, command: str = "") -> Iterator[None]:
    """Hold the writer lock of the warehouse; the same process may enter again.

    Args:
        lock_file: the lock file; created if it does not exist.
        command: the command of this process, shown to others that ask for the holder.

    Raises:
        WarehouseLocked: another process holds the lock.
        UsageError: there is a folder in place of the lock file, or root would write into the data root of another user.
    """
    if hold := _held.get(lock_file):
        hold.times += 1
        try:
            yield
        finally:
            hold.times -= 1
        return
    _require_own(lock_file)
    with _locked(lock_file, fcntl.LOCK_EX, _PATIENCE_SECONDS) as descriptor:
        now = datetime.now(UTC)
        hold = _Hold(descriptor, Holder(os.getpid(), now, command, "", now))
        _write(hold)
        _held[lock_file] = hold
        try:
            yield
        finally:
            del _held[lock_file]
            os.ftruncate(descriptor, 0)


def _require_own(lock_file: Path) -> None:
    """Stop root in the data root of another user: that user could not read the private files that root makes there."""
    place = next((path for path in (lock_file, lock_file.parent) if path.exists()), None)
    if os.geteuid() != 0 or place is None or (owner := place.stat().st_uid) == 0:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    raise UsageError(
        f"{lock_file.parent} belongs to the user {name}, who could not read the files that root makes there. Nothing "
        f"was done. Run the command as {name}: sudo -u {in_shell(name)}"
    )


def leave_no_holder() -> None:
    """Remove this process from the files of the locks that it holds, since it is about to end and has said so."""
    for hold in list(_held.values()):
        with suppress(OSError):
            os.ftruncate(hold.descriptor, 0)


def note_step(lock_file: Path, step: str) -> None:
    """Record what this process is doing with the warehouse; does nothing without the lock.

    Args:
        lock_file: the lock that this process holds.
        step: the step in words; never a value of an extract.
    """
    if hold := _held.get(lock_file):
        hold.holder = replace(hold.holder, step=step, step_since=datetime.now(UTC))
        _write(hold)


def holder_of(lock_file: Path) -> Holder | None:
    """Return the process that currently holds the writer lock; None if there is none, or it left no details."""
    is_held, holder = _look_at(lock_file)
    return holder if is_held else None


def killed_holder(lock_file: Path) -> Holder | None:
    """Return the last holder of the writer lock if it was killed while it held it; None if it ended by itself."""
    is_held, holder = _look_at(lock_file)
    return None if is_held else holder


def _look_at(lock_file: Path) -> tuple[bool, Holder | None]:
    """Return whether a writer holds the lock, and the holder in the file; a holder that ends by itself empties it."""
    try:
        descriptor = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False, None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True, _read(descriptor)
        return False, _read(descriptor) if os.fstat(descriptor).st_size else None
    except OSError:
        return False, None
    finally:
        os.close(descriptor)


def _write(hold: _Hold) -> None:
    text = json.dumps(asdict(hold.holder), default=lambda instant: int(instant.timestamp())).encode()
    # It tells others who holds the lock. A full disk must not stop a command here: it says itself what it needs.
    with suppress(OSError):
        os.pwrite(hold.descriptor, text, 0)
        os.ftruncate(hold.descriptor, len(text))


def _read(descriptor: int) -> Holder | None:
    for _ in range(_READS):
        with suppress(ValueError, TypeError, KeyError):
            held = json.loads(os.pread(descriptor, 4096, 0))
            since = datetime.fromtimestamp(held["since"], UTC)
            step_since = datetime.fromtimestamp(held.get("step_since", held["since"]), UTC)
            return Holder(int(held["pid"]), since, held.get("command", ""), held.get("step", ""), step_since)
        time.sleep(0.01)
    return None


@contextmanager
def reader_lock(lock_file: Path) -> Iterator[None]:
    """Keep writers out while the private file is read; fail if there is a writer.

    Args:
        lock_file: the lock file; created if it does not exist.

    Raises:
        WarehouseLocked: a run holds the writer lock.
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
        try:
            descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            # A reader may use a backup that is mounted read-only; nobody can write there.
            if mode != fcntl.LOCK_SH or error.errno != errno.EROFS:
                raise
            descriptor = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except IsADirectoryError:
        raise UsageError(
            f"{lock_file} is a folder; expected a file. Nothing was done. Move it away: "
            f"mv {in_shell(lock_file)} {in_shell(lock_file)}.old"
        ) from None
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise _held_by(_read(descriptor)) from None
                time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def _held_by(holder: Holder | None) -> WarehouseLocked:
    text = "another process holds the warehouse"
    if holder:
        text = f"run of process {holder.pid} has held the warehouse since {holder.since.astimezone():%H:%M:%S}"
    return WarehouseLocked(f"{text}; wait for it to end and run again", holder)
