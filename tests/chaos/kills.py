"""Kills of a command and all its processes, at named points and at any time; also while the next one recovers."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.chaos.roots import Prepared, Roots, Trial, require_same, require_whole_publication, tail
from tests.end_to_end.command import Command

# Only a hanging command takes so long.
_PATIENCE_SECONDS = 600
_DRAWS = 20

Condition = Callable[[Path, list[str]], bool]
"""Of the data root and the lines that the command has printed."""


def _says(*beginnings: str) -> Condition:
    def has_said(_home: Path, lines: list[str]) -> bool:
        return any(line.split()[:2] == [*beginnings] for line in lines)

    return has_said


def _has(pattern: str) -> Condition:
    return lambda home, _: next(home.glob(pattern), None) is not None


def _has_begun(home: Path, _lines: list[str]) -> bool:
    """Return whether the command has checked what it needs, and notes its steps in the lock file."""
    lock = home / "warehouse.lock"
    return lock.exists() and b'"starting"' in lock.read_bytes()


_LOAD = {
    "lock is taken": _has_begun,
    "first byte of the warehouse": _has("warehouse.duckdb*"),
    "log of the warehouse": _has("warehouse.duckdb.wal"),
    "calls are loaded": _says("sources", "call_segments"),
    "crimes are loaded": _says("sources", "crimes"),
    "all sources are loaded": _says("sources", "published_statements"),
}
_BUILD = {
    "staging is built": _says("build", "staging"),
    "changes are found": _says("build", "changes"),
    "facts are built": _says("build", "facts"),
    "KPIs are built": _says("build", "kpis"),
    "measures are tested": _says("build", "national"),
    "papers are built": _says("build", "papers"),
    "log of the marts": _has("marts.duckdb.wal"),
}
_PUBLISH = {
    "folder": _has("published/.partial-*"),
    "Parquet": _has("published/.partial-*/parquet/*"),
    "rewritten marts": _has(".marts.duckdb.draft"),
    "copy of the database": _has("published/.partial-*/fcir.duckdb"),
    "paper": _has("published/.partial-*/board_paper.html"),
    "PDF": _has("published/.partial-*/board_paper.pdf"),
    "site": _has("published/.partial-*/measures/index.html"),
    "manifest": _has("published/.partial-*/manifest.json"),
    "papers are written": _says("publish", "papers"),
    "end of the publication": _says("publish", "site"),
}
POINTS = {
    "load": _LOAD,
    "first": _LOAD | _BUILD | _PUBLISH,
    "night": _LOAD | _BUILD | _PUBLISH,
    "publish": _PUBLISH,
}
"""Named points by command: files and lines by which a command shows where it is."""


class Watch:
    """A running command, its processes in a group of their own, and the lines that it has printed."""

    def __init__(self, command: Command, arguments: tuple[str, ...]) -> None:
        self._home = command.home
        self._process = command.start(*arguments, has_group=True)
        self._out: list[str] = []
        self._err: list[str] = []
        self._readers = [
            threading.Thread(target=lines.extend, args=(stream,), daemon=True)
            for lines, stream in ((self._out, self._process.stdout), (self._err, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def is_running(self) -> bool:
        """Whether the command is still running."""
        return self._process.poll() is None

    def wait(self, has_come: Condition, delay: float = 0.0) -> None:
        """Wait until a condition holds, and a delay longer; return before if the command ends."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.is_running and not has_come(self._home, [*self._out]):
            assert time.monotonic() < deadline, f"hangs after: {self._out[-1:]}"
            time.sleep(0.005)
        end = time.monotonic() + delay
        while self.is_running and time.monotonic() < end:
            time.sleep(0.002)

    def kill(self) -> None:
        """Kill all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; return exit code, standard output and standard error."""
        code = self._process.wait(_PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join()
        return code, "".join(self._out), "".join(self._err)

    def close(self) -> None:
        """Kill what still runs, and close the pipes."""
        self.kill()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()


@contextmanager
def watched(command: Command, arguments: tuple[str, ...]) -> Iterator[Watch]:
    """Start a command and watch it; whatever happens, none of its processes is left."""
    watch = Watch(command, arguments)
    try:
        yield watch
    finally:
        watch.close()


def kill(command: Command, arguments: tuple[str, ...], has_come: Condition, delay: float) -> bool:
    """Start a command and kill all its processes, a delay after a condition holds.

    Returns:
        False if the command ended before.
    """
    with watched(command, arguments) as watch:
        watch.wait(has_come, delay)
        was_running = watch.is_running
        watch.kill()
    return was_running


def killed(name: str, kills: int = 1) -> Trial:
    """Return a trial that kills a command, and as often its recovery as wanted, and then runs it to its end.

    Args:
        name: the command, as in `POINTS`.
        kills: how many kills in a row.
    """

    def trial(seed: int, roots: Roots, folder: Path) -> None:
        rng = random.Random(seed)
        prepared = roots.prepared(name)
        for _ in range(_DRAWS):
            command = prepared.copy(folder)
            where = [_kill_somewhere(command, prepared, POINTS[name], rng) for _ in range(kills)]
            # A command that ended before its kill has not been killed: draw others.
            if all(where):
                break
        else:
            raise AssertionError(f"the command ended before each of {_DRAWS} kills")
        try:
            require_whole_publication(command)
            done = command.run(*prepared.arguments)
            assert done.returncode == 0, f"exit code {done.returncode}: {tail(done)}"
            require_whole_publication(command)
            require_same(command, prepared.content)
        except AssertionError as error:
            raise AssertionError(f"killed at {', '.join(where)}: {error}") from None

    return trial


def _kill_somewhere(command: Command, prepared: Prepared, points: dict[str, Condition], rng: random.Random) -> str:
    """Kill a command at a named point, or at a time drawn over its length; return where, or nothing if it ended."""
    if rng.random() < 0.5:
        name = rng.choice(sorted(points))
        is_killed = kill(command, prepared.arguments, points[name], rng.choice((0.0, rng.uniform(0, 0.5))))
    else:
        seconds = rng.uniform(0, prepared.seconds)
        name = f"{seconds:.2f} s"
        is_killed = kill(command, prepared.arguments, lambda *_: True, seconds)
    return name if is_killed else ""
