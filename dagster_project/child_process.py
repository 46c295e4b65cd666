"""Child processes for work that can hang or crash, and the connection to them. Knows nothing about the work itself.

A `Child` has no settings, secrets or open files of this process. Every child dies with it: its standard input is
a pipe that nothing is written to, and the end of that pipe signals it. `multiprocessing` provides the connection but
not the process: its processes would import the main module again (Dagster's takes 1.5 s), inherit the environment and
outlive a parent that is killed.
"""

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
"""Maximum size of a message from a child, in bytes."""


class Child:
    """A module of this package that runs in its own process and starts with `connect_to_parent`.

    Attributes:
        pid: process ID.

    Raises:
        OSError: the process cannot be started (raised on construction).
    """

    def __init__(self, module: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        """Start the module, with additional environment variables."""
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of this package
                [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                # The last output of a library may quote a value of the data.
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={**_environment(), **environment},
            )
        self.pid = self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return self._process.poll() is None

    def send(self, message: object, descriptor: int | None = None) -> None:
        """Send an object that can be pickled, optionally followed by an open file.

        Raises:
            EOFError: the process has ended.
            Exception: pickling failed.
        """
        try:
            self._connection.send(message)
            if descriptor is not None:
                send_handle(self._connection, descriptor, self.pid)
        except OSError:
            raise EOFError from None

    def receive(self, seconds: float) -> bytes:
        """Return the next message as bytes. The child handles untrusted values, so its messages are never unpickled.

        Raises:
            TimeoutError: no message arrived in this time; the caller should end the process.
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
            patience: seconds to wait for a process that is already ending: after a crash, its own exit reason is kept.

        Returns:
            The name of the signal that ended it, or `exit code N`.
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
    """Prepare a process started by `Child`. Call this before anything else.

    Args:
        limits: limits of the `resource` module, each set as soft and hard limit. Core dumps are off, since they contain
            data.

    Returns:
        The connection; receiving from it raises EOFError after the parent has closed it.
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
    """End this process by a signal when standard input closes, even inside native code that never returns."""
    # A keyboard interrupt reaches both processes; the parent decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    # On systems that do not support this for pipes, the process ends at its next read or write.
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
        # NumPy, which PyArrow imports, reserves 40 MiB for each thread of OpenBLAS: on a machine with 25 processors,
        # that is all the memory a reader of extracts may use.
        "OPENBLAS_NUM_THREADS": "1",
    }
