"""What a command costs: CPU seconds and peak memory of its whole process tree. Linux only."""

from __future__ import annotations

import os
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
    """A command ended with another exit code than 0; the message has the end of what it printed."""


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    cpu_seconds: float
    """User and system time of the process and of all children that it waited for, by the kernel."""
    wall_seconds: float
    peak_mb: float
    """Greatest memory of all processes of the tree at one time, in 10^6 bytes: proportional set sizes, so that pages
    that several of them share count once, sampled every 50 ms; at least the greatest resident set of one process."""


@dataclass(frozen=True)
class Job:
    """A command that is measured."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables besides those of this process."""
    before: Callable[[], None] = lambda: None
    """Makes the state that the command starts from; not measured."""


def measure(job: Job) -> Cost:
    """Run a command to its end.

    Raises:
        CommandFailed: it ended with another exit code than 0.
    """
    job.before()
    # Gigabytes that were put in place would be written to disk while the command runs, and slow it down.
    os.sync()
    started = time.perf_counter()
    with subprocess.Popen(
        list(job.command), env=os.environ | dict(job.environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        is_over = threading.Event()
        peak = [0]
        sampling = threading.Thread(target=_sample, args=(process.pid, is_over, peak), daemon=True)
        sampling.start()
        printed = process.stdout.read() if process.stdout else b""
        # Not process.wait(): the kernel's account of this child alone, and not of all children of this process.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        is_over.set()
        sampling.join()
    if process.returncode:
        raise CommandFailed(f"{job.name} ended with {process.returncode}:\n{printed.decode(errors='replace')[-3_000:]}")
    # Its ru_maxrss says nothing: a child begins with the resident set of the process that it was forked from.
    return Cost(usage.ru_utime + usage.ru_stime, wall, peak[0] / 1e6)


def _sample(pid: int, is_over: threading.Event, peak: list[int]) -> None:
    """Sample the memory of a process tree; the greatest number of bytes is the element of `peak`."""
    pause = _INTERVAL_SECONDS
    while not is_over.wait(pause):
        # By the clock of this thread: on a busy machine a sample waits its turn, which is no reason to take fewer.
        started = time.thread_time()
        peak[0] = max(peak[0], _memory_of(list(_tree(pid))))
        pause = max(_INTERVAL_SECONDS, 10 * (time.thread_time() - started))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    # A process that ends meanwhile has no folder any more.
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _tree(int(child))


def _memory_of(pids: Sequence[int]) -> int:
    """Return the bytes of a process tree. A single process shares with none; its resident set is cheaper to read."""
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
    """Return the number of a line such as `VmRSS:  1234 kB`; a process that has just ended has none."""
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))
