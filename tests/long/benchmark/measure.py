"""What a command costs: CPU seconds and peak memory of its whole process tree, in turns with others. Linux only.

A machine that slows down, or that does other work, slows all commands of a round: so they take turns, the figures are
medians of rounds, and what is read from them is ratios.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

# A sample of a tree takes 0.1 to 10 ms, by how much memory is mapped; it may not take more than a tenth of the time.
_INTERVAL_SECONDS = 0.05


class CommandFailed(RuntimeError):
    """A measured command ended with another exit code than it should; the message has the end of what it said."""


@dataclass(frozen=True)
class Cost:
    """What one run of a command took.

    Attributes:
        cpu_seconds: user and system time of the process and of all children that it waited for, by the kernel.
        wall_seconds: from start to end.
        peak_mb: greatest memory of all processes of the tree at one time, in 10^6 bytes: proportional set sizes, so
            that pages that several of them share count once, sampled every 50 ms; at least the greatest resident set
            that the kernel has seen of any one process until its last sample.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Job:
    """A command that is measured.

    Attributes:
        name: what the table calls it.
        command: program and arguments.
        environment: variables on top of those of this process.
        before: makes the state that it starts from; not measured.
        exit_codes: with which it may end.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    exit_codes: tuple[int, ...] = (0,)


def measure(job: Job) -> Cost:
    """Run a command to its end.

    Raises:
        CommandFailed: it ended with another exit code than one of `exit_codes`.
    """
    if job.before is not None:
        job.before()
        # Gigabytes that were put in place would be written to disk while the command runs, and slow it down.
        os.sync()
    started = time.perf_counter()
    with subprocess.Popen(
        list(job.command),
        env=os.environ | dict(job.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        peak = _Peak(process.pid)
        said = process.stdout.read() if process.stdout else b""
        # Not process.wait(): the kernel's account of the child alone, and not of all children of this process.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        sampled = peak.stop()
    if process.returncode not in job.exit_codes:
        told = said.decode(errors="replace")[-3_000:]
        raise CommandFailed(f"{job.name} ended with {process.returncode}:\n{told}")
    # Its ru_maxrss says nothing: a child begins with the resident set of the process that it was forked from.
    return Cost(usage.ru_utime + usage.ru_stime, wall, sampled / 1e6)


def take_turns(
    jobs: Sequence[Job], *, rounds: int, on_cost: Callable[[str, int, Cost], None] | None = None
) -> dict[str, list[Cost]]:
    """Measure commands in turns.

    Args:
        jobs: run in this order in every round.
        rounds: how often.
        on_cost: told every cost as it is known, with the job's name and the round.

    Returns:
        Costs of every job, one for each round.

    Raises:
        CommandFailed: a command failed.
    """
    costs: dict[str, list[Cost]] = {job.name: [] for job in jobs}
    for number in range(rounds):
        for job in jobs:
            cost = measure(job)
            costs[job.name].append(cost)
            if on_cost:
                on_cost(job.name, number, cost)
    return costs


def median_cpu(costs: Sequence[Cost]) -> float:
    """The median CPU seconds of several runs."""
    return statistics.median(cost.cpu_seconds for cost in costs)


def median_peak(costs: Sequence[Cost]) -> float:
    """The median peak memory of several runs, in 10^6 bytes."""
    return statistics.median(cost.peak_mb for cost in costs)


class _Peak:
    """Samples the memory of a process tree in a thread until it is stopped."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._bytes = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """End sampling; gives the peak in bytes."""
        self._is_over.set()
        self._thread.join()
        return self._bytes

    def _sample(self) -> None:
        pause = _INTERVAL_SECONDS
        while not self._is_over.wait(pause):
            # By the clock of this thread: on a busy machine a sample waits its turn, which is no reason to take fewer.
            started = time.thread_time()
            self._bytes = max(self._bytes, _memory_of(list(_tree(self._pid))))
            pause = max(_INTERVAL_SECONDS, 10 * (time.thread_time() - started))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    # A process that ends meanwhile has no folder any more.
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _tree(int(child))


def _memory_of(pids: Sequence[int]) -> int:
    """Bytes of a process tree. A process alone shares with none that counts; its resident set is cheaper to read."""
    total = greatest = 0
    for pid in pids:
        with suppress(OSError, StopIteration):
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
            greatest = max(greatest, _kib(status, "VmHWM:"))
            if len(pids) == 1:
                total += _kib(status, "VmRSS:")
            else:
                total += _kib(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"), "Pss:")
    return 1024 * max(total, greatest)


def _kib(text: str, name: str) -> int:
    """The number of a line such as `VmRSS:  1234 kB`; a process that has just ended has none."""
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))
