"""Child processes that this program starts for work that can hang or crash. What they do is not known here.

A child gets an environment without the settings and secrets of this process. It dies with this process, whatever
happens to it: its standard input is a pipe that nothing is written to, and whose end is a signal to it.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

_PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def start_child(
    module: str, descriptor: int, environment: Mapping[str, str] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    """Start a module of this package, which calls `die_with_parent` first of all.

    Args:
        module: its name.
        descriptor: open file that the child inherits; its number is the child's argument.
        environment: variables that the child gets besides.

    Raises:
        OSError: the process cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 - this interpreter, and a module of this package
        [sys.executable, "-P", "-m", module, str(descriptor)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # A library's last words may quote a value of the data.
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
        cwd="/",
        env={**_environment(), **environment},
    )


def end_child(process: subprocess.Popen[bytes], patience: float) -> int:
    """End a child.

    Args:
        process: the child.
        patience: seconds for a process to finish that is ending by itself: one that crashed has a reason of its own.

    Returns:
        Its exit code, negative for a signal.
    """
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    process.kill()
    if process.stdin:
        process.stdin.close()
    return process.wait()


def die_with_parent() -> None:
    """Be ended by a signal when standard input ends, also within native code that never returns; for the child."""
    # An interrupt from the keyboard reaches both; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    # Where a system does not know it for pipes, the process ends when it next reads or writes.
    with suppress(OSError):
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)


def limit_resources(limits: Mapping[int, int]) -> None:
    """Set limits of the module `resource`, soft and hard; for the child. Core dumps, which hold data, are off."""
    for kind, limit in {resource.RLIMIT_CORE: 0, **limits}.items():
        # A system that does not enforce a limit may refuse to set it.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def _environment() -> dict[str, str]:
    kept = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
    path = [str(_PACKAGE_ROOT), *(entry for entry in sys.path if entry)]
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        "LC_ALL": "C.UTF-8",
    }
