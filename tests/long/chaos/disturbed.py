"""`fcir` with a fault in it: code for a process of its own, which reads its arguments as the command does.

A step is an entry of the data root that is created, opened for writing, renamed or removed, without those of Dagster
and dbt.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dagster_project.__main__ import main

_EVENTS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"}


def at(step: int, seconds: float, fault: Callable[[], None]) -> None:
    """Run the command; before a step, or after some seconds, the fault comes."""
    if seconds:
        timer = threading.Timer(seconds, fault)
        timer.daemon = True
        timer.start()
    else:
        _before_steps(lambda number: fault() if number == step else None)
    main()


def count_steps(file: str) -> None:
    """Run the command, and write the number of its steps into a file."""
    steps: list[int] = []
    _before_steps(steps.append)
    process = os.getpid()
    atexit.register(lambda: os.getpid() == process and Path(file).write_text(str(len(steps)), encoding="ascii"))
    main()


def _before_steps(call: Callable[[int], None]) -> None:
    """Call a function with the number of each step, before it is taken."""
    home = os.environ["FCIR_HOME"] + os.sep
    taken = 0

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal taken
        if event not in _EVENTS or (event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        name = "" if isinstance(arguments[0], int) else os.fsdecode(arguments[0])
        if name.startswith(home) and not name.removeprefix(home).startswith(("dagster", "dbt")):
            taken += 1
            call(taken)

    sys.addaudithook(note)


def kill() -> None:
    """Kill this process and all that it started; it has to lead a group."""
    os.killpg(0, signal.SIGKILL)


def fill_disk(free: int = 0) -> None:
    """Fill the disk that has the data root at its top, but for some bytes, with a file that holds nothing."""
    disk = Path(os.environ["FCIR_HOME"]).parent
    # Other processes write at the same time, so that the size is not known before.
    with (disk / "ballast").open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while shutil.disk_usage(disk).free > free:
                    file.write(bytes(size))
