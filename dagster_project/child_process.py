"""Child processes for work that can hang or crash, and what both ends say to each other. The work is not known here.

A child has no settings, no secrets and no open files of this process. It dies with this process, whatever happens to
it: its standard input is a pipe that nothing is written to, and whose end is a signal to it. `multiprocessing` gives
the connection but not the process: its own would import the main module again (Dagster's: 1.5 s), inherit the
environment and outlive a parent that is killed.
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
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from types import MappingProxyType

_PACKAGE_ROOT = Path(__file__).resolve().parents[1]

LONGEST_MESSAGE = 256 << 20
"""Bytes that a child may send at once."""


class Child:
    """A module of this package that runs in a process of its own and begins with `connect_to_parent`.

    Attributes:
        pid: of the process.

    Raises:
        OSError: on construction, when the process cannot be started.
    """

    def __init__(self, module: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        """Start the module.

        Args:
            module: its name.
            environment: variables that the child gets besides.
        """
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of this package
                [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                # A library's last words may quote a value of the data.
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={**_environment(), **environment},
            )
        self.pid = self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def send(self, message: object, descriptor: int | None = None) -> None:
        """Hand over an object that can be pickled, and an open file after it.

        Raises:
            EOFError: the process has ended.
            Exception: what pickling raises.
        """
        try:
            self._connection.send(message)
            if descriptor is not None:
                send_handle(self._connection, descriptor, self.pid)
        except OSError:
            raise EOFError from None

    def receive(self, seconds: float) -> bytes:
        """The next message. Bytes and no object: the child works on foreign values, so nothing of it is unpickled.

        Raises:
            TimeoutError: nothing came for so many seconds; the process is to be ended.
            EOFError: the process has ended, or its message is too long.
        """
        try:
            if not self._connection.poll(seconds):
                raise TimeoutError
            return self._connection.recv_bytes(LONGEST_MESSAGE)
        except TimeoutError:
            raise
        except OSError:
            raise EOFError from None

    def end(self, patience: float = 0.2) -> str:
        """End the process.

        Args:
            patience: seconds for a process that is ending by itself: one that crashed has its own reason.

        Returns:
            How it ended: the name of a signal, or `exit code N`.
        """
        self._connection.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def connect_to_parent(limits: Mapping[int, int]) -> Connection:
    """Prepare the process that `Child` has started, before it does anything else.

    Args:
        limits: of the module `resource`, soft and hard. Core dumps, which hold data, are off.

    Returns:
        The connection; receiving from it raises EOFError when the parent has closed it.
    """
    if len(sys.argv) != 2:
        sys.exit("This program is started by fcir, with the descriptor of a connection as its argument.")
    _die_with_parent()
    for kind, limit in {resource.RLIMIT_CORE: 0, **limits}.items():
        # A system that does not enforce a limit may refuse to set it.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))
    return Connection(int(sys.argv[1]))


def _die_with_parent() -> None:
    """Be ended by a signal when standard input ends, also within native code that never returns."""
    # An interrupt from the keyboard reaches both; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    # Where a system does not know it for pipes, the process ends when it next reads or writes.
    with suppress(OSError):
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)


def _environment() -> dict[str, str]:
    kept = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
    path = [str(_PACKAGE_ROOT), *(entry for entry in sys.path if entry)]
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        "LC_ALL": "C.UTF-8",
    }
