"""Kills of a command and all its processes, at named points and at any time; also while the next one recovers."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.leaving.chaos.roots import (
    STEP_BY_STEP,
    Prepared,
    Roots,
    Trial,
    require_same,
    require_whole_publication,
    run_of,
    tail,
)
from tests.leaving.end_to_end.command import START, Command
from tests.leaving.end_to_end.erasing import CALLER, places, pseudonyms

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
_ERASE = {
    "intent": _has("suppression/intent.json"),
    "suppression list": _has("suppression/suppressed.json"),
    "rewritten marts": _has(".marts.duckdb.draft"),
    "rewritten warehouse": _has(".warehouse.duckdb.draft"),
    "first file of a publication": _has("suppression/rewritten.files"),
    "database of a publication": _has("published*/**/.fcir.duckdb.draft"),
    "certificate": _has("certificates/*.json"),
}
_PURGE = {
    "intent": _has("purge/intent.json"),
    "copy of the warehouse": _has("purge/warehouse.duckdb"),
    "list of purged rows": _has("purge/purged.duckdb"),
    "new marts": _has("purge/marts.duckdb"),
    "new warehouse": _has("purge/.warehouse.duckdb.draft"),
    "first file of a publication": _has("purge/rewritten.files"),
    "database of a publication": _has("published*/**/.fcir.duckdb.draft"),
    "certificate": _has("certificates/*.json"),
}
_REBUILD = {
    "audit": _has("rebuild/audit.duckdb"),
    "new warehouse": _has("rebuild/warehouse.duckdb"),
    "intent": _has("rebuild/intent.json"),
    "damaged files aside": _has("damaged/*/warehouse.duckdb"),
}
POINTS = {
    "load": _LOAD,
    "first": _LOAD | _BUILD | _PUBLISH,
    "night": _LOAD | _BUILD | _PUBLISH,
    "publish": _PUBLISH,
    "erase": _ERASE,
    "purge": _PURGE | _PUBLISH,
    "rebuild": _REBUILD | _BUILD | _PUBLISH,
}
"""Named points by command: files and lines by which a command shows where it is."""


class Watch:
    """A running command, its processes in a group of their own, and the lines that it has printed."""

    def __init__(self, command: Command, arguments: Sequence[str], code: str = START) -> None:
        self._home = command.home
        self._process = command.start(*arguments, has_group=True, code=code)
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
def watched(command: Command, arguments: Sequence[str], code: str = START) -> Iterator[Watch]:
    """Start a command, or other code, and watch it; whatever happens, none of its processes is left."""
    watch = Watch(command, arguments, code)
    try:
        yield watch
    finally:
        watch.close()


def kill(command: Command, arguments: Sequence[str], has_come: Condition, delay: float) -> bool:
    """Start a command and kill all its processes, a delay after a condition holds.

    Returns:
        False if the command ended before.
    """
    with watched(command, arguments) as watch:
        watch.wait(has_come, delay)
        was_running = watch.is_running
        watch.kill()
    return was_running


def kill_at_step(command: Command, arguments: Sequence[str], step: int) -> bool:
    """Start a command that is killed before a step of `STEP_BY_STEP`; return False if it ended before."""
    counted = str(command.home.with_name("steps"))
    with watched(command, (counted, str(step), *arguments), STEP_BY_STEP) as watch:
        code, *_ = watch.end()
    return code == -signal.SIGKILL


def killed(name: str, kills: int = 1) -> Trial:
    """Return a trial that kills a command, and as often its recovery as wanted, and then runs it to its end.

    Args:
        name: the command, as in `POINTS`.
        kills: how many kills in a row.
    """

    def trial(seed: int, roots: Roots, folder: Path) -> None:
        prepared = roots.prepared(name)
        command, where = _killed(prepared, POINTS[name], folder, random.Random(seed), [prepared.arguments] * kills)
        with _naming(where):
            require_whole_publication(command)
            run_of(command, *prepared.arguments)
            require_whole_publication(command)
            require_same(command, prepared)

    return trial


_INTENTS = {"erase": "suppression/intent.json", "purge": "purge", "rebuild": "rebuild/intent.json"}
"""Files that say what a command has begun; without them, it has changed nothing that has to be finished."""
_LEFTOVERS = ("suppression/intent.json", "suppression/rewritten.files", "purge", "rebuild/*")
_SUM = "select count(*), sum(value) from marts.kpi_measure_monthly"


def killed_and_finished(name: str, kills: int = 1) -> Trial:
    """Return a trial that kills a command; the next one, a run or the same, has to finish what it intended.

    Args:
        name: the command, as in `_INTENTS`.
        kills: how many kills in a row.
    """

    def trial(seed: int, roots: Roots, folder: Path) -> None:
        rng, prepared = random.Random(seed), roots.prepared(name)
        following = [rng.choice((prepared.arguments, ("run",))) for _ in range(kills)]
        command, where = _killed(prepared, POINTS[name], folder, rng, [prepared.arguments, *following[1:]])
        with _naming([*where, f"then fcir {following[0][0]}"]):
            assert command.published(_SUM) == Command(prepared.home).published(_SUM), "readers have other figures"
            begun = list(command.home.glob(_INTENTS[name]))
            _follow(command, following[0])
            left = list(command.home.glob(_INTENTS[name]))
            assert not (begun and left), f"it was not finished: {left}"
            if begun and name == "erase":
                _require_erased(command, prepared)
            # It may not have been begun, or may have been dropped.
            _follow(command, prepared.arguments)
            _follow(command, ("run",))
            left = [path for pattern in _LEFTOVERS for path in command.home.glob(pattern)]
            assert not left, f"left behind: {left}"
            if name == "erase":
                _require_erased(command, prepared)
            require_whole_publication(command)
            require_same(command, prepared)
            done = command.run("verify")
            assert done.returncode == 0, f"fcir verify: {tail(done)}"

    return trial


def _follow(command: Command, arguments: Sequence[str]) -> None:
    """Run a command that ends well, or with a message that names the next one."""
    done = command.run(*arguments)
    assert "Traceback" not in done.stdout + done.stderr, f"fcir {arguments[0]}: a traceback: {tail(done)}"
    assert done.returncode in (0, 1, 2), f"fcir {arguments[0]}: exit code {done.returncode}: {tail(done)}"
    assert done.returncode < 2 or "fcir " in done.stderr, f"fcir {arguments[0]}: no next command: {tail(done)}"


def _require_erased(command: Command, prepared: Prepared) -> None:
    """Require that neither the identifier nor its pseudonym is anywhere outside the landing folder."""
    found = places(command.home, [CALLER, *pseudonyms(prepared.home, [CALLER]).values()])
    assert not found, f"not erased: {found}"


def _killed(
    prepared: Prepared,
    points: Mapping[str, Condition],
    folder: Path,
    rng: random.Random,
    commands: Sequence[Sequence[str]],
) -> tuple[Command, list[str]]:
    """Kill commands one after the other; return the data root, and where each was killed."""
    for _ in range(_DRAWS):
        command = prepared.copy(folder)
        where = [_kill_somewhere(command, arguments, prepared, points, rng) for arguments in commands]
        # A command that ended before its kill has not been killed: draw others.
        if all(where):
            return command, where
    raise AssertionError(f"a command ended before its kill, {_DRAWS} times")


@contextmanager
def _naming(where: Iterable[str]) -> Iterator[None]:
    """Say with a broken promise where the command was killed."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"killed at {', '.join(where)}: {error}") from None


def _kill_somewhere(
    command: Command,
    arguments: Sequence[str],
    prepared: Prepared,
    points: Mapping[str, Condition],
    rng: random.Random,
) -> str:
    """Kill a command at a named point, before a step, or at a time drawn over its length.

    Returns:
        Where; nothing if it ended before.
    """
    by = rng.choice(("point", "step", "time"))
    if by == "point":
        name = rng.choice(sorted(points))
        is_killed = kill(command, arguments, points[name], rng.choice((0.0, rng.uniform(0, 0.5))))
    elif by == "step":
        step = rng.randint(1, prepared.steps)
        name = f"step {step} of {prepared.steps}"
        is_killed = kill_at_step(command, arguments, step)
    else:
        seconds = rng.uniform(0, prepared.seconds)
        name = f"{seconds:.2f} s"
        is_killed = kill(command, arguments, lambda *_: True, seconds)
    return f"{name} of fcir {arguments[0]}" if is_killed else ""
