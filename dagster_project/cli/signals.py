"""Stopping a command: what SIGINT, SIGTERM and SIGHUP do. How a command ends by itself is in `app.py`.

A command that is stopped ends at once, wherever it is. That is as safe as SIGKILL: a load is one transaction,
a publication is a folder that no reader knows until one pointer names it, the lock of the warehouse ends with the
process, and the next run goes on from there. Unwinding instead is slow and can fail: Python runs its handlers between
two calls of native code only, Dagster and dbt set handlers of their own while a job runs, and a query that another
thread still runs when the interpreter ends makes DuckDB abort the process (exit code -6).

So a thread waits for the signal's number, which Python writes into a pipe at once, whatever handler a library has set.
Blocking the signals and waiting for them there does not do: `multiprocessing` unblocks them in the main thread.
Child processes that read extracts end with this process (`child_process.py`), those of Dagster within a second.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

# Commands with something to end or to remove, and with little native code: the servers, a draft of 50 MB.
_UNWINDING = ("ui", "sample")
_READING = ("", "check", "measures", "open", "query", "status", "tables", "trace")
# A pipe that nobody reads would keep the message waiting, and the process with it.
_TIMEOUT_SECONDS = 1.0


class _Command:
    """What the last words of this process depend on."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = arguments
        self.verb = next((item for item in arguments if not item.startswith("-")), "")
        self.is_json = os.environ.get("FCIR_LOG_FORMAT") == "json"
        self.pointers: dict[Path, str | None] = {}
        """Pointer to a publication, and the name that it had when the command started."""
        self.standard_error = 2
        # A duplicate: while a step runs, Dagster has a child process copy what is written to standard error, and
        # Ctrl-C ends that as well.
        with suppress(OSError):
            self.standard_error = os.dup(2)


_command: _Command | None = None


def stop_on_signals(arguments: Sequence[str]) -> None:
    """Have SIGINT, SIGTERM and SIGHUP stop this process with one line and 130, 143 or 129; a second call does nothing.

    An ignored SIGINT, which a shell hands down to what it starts in the background, is taken as well: `kill -INT` is
    meant. An ignored SIGHUP is left as it is: that is what `nohup` is for.

    Args:
        arguments: those of the command; the first that is no option is its verb.
    """
    global _command
    if _command:
        return
    _command = command = _Command(arguments)
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)

    def unwind(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            # The servers of `fcir ui` end on this one.
            signal.raise_signal(signal.SIGTERM)
            return
        _report_stop(command, number)
        sys.exit(128 + number)

    is_unwinding = command.verb in _UNWINDING
    if not is_unwinding:
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        shield_children()
        threading.Thread(target=_leave, args=[command, reading, signals], name="signals", daemon=True).start()
    for number in signals:
        signal.signal(number, unwind if is_unwinding else _do_nothing)


def shield_children() -> None:
    """Have child processes that are started from now on inherit a blocked SIGINT, if this process waits for it.

    A terminal sends Ctrl-C to all of them, and those in which Dagster copies output would end with a traceback.
    """
    if _command and _command.verb not in _UNWINDING:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


def describe_command(*, pointers: Iterable[Path], is_json: bool) -> None:
    """Say what the settings say, as soon as they are read.

    Args:
        pointers: to publications that the command may move, as they are before it does anything.
        is_json: whether lines are for a log collector.
    """
    if _command:
        _command.pointers = {pointer: _target(pointer) for pointer in pointers}
        _command.is_json = is_json


def _leave(command: _Command, reading: int, signals: Sequence[int]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    # Other signals that a library may handle are written as well.
    while (number := os.read(reading, 1)[0]) not in signals:
        pass
    try:
        _report_stop(command, number)
        _end_copiers()
    finally:
        os._exit(128 + number)


def _end_copiers() -> None:
    """End the child processes `tail` in which Dagster copies the output of a step.

    Dagster has another child end them, which it starts later: a stop in between would leave them, and they hold the
    standard output of this process open. Where the system lists no children (macOS) there is nothing to go by.
    """
    with suppress(OSError):
        for listed in Path("/proc/self/task").glob("*/children"):
            for child in listed.read_text().split():
                if Path(f"/proc/{child}/comm").read_bytes().strip() == b"tail":
                    os.kill(int(child), signal.SIGKILL)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Stand in for no handler: the pipe is written only where there is one."""


def _report_stop(command: _Command, number: int) -> None:
    message = _message(command)
    line = f"fcir: {message}"
    if command.is_json:
        import json
        from datetime import UTC, datetime

        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "level": "error", "message": message, "exit_code": 128 + number})
    # Reasons to leave without a word: a closed terminal or file, and a main thread that was just writing.
    with suppress(OSError, RuntimeError, ValueError, TypeError):
        if select.select([], [sys.stdout], [], _TIMEOUT_SECONDS)[1]:
            sys.stdout.flush()
    with suppress(OSError):
        if select.select([], [command.standard_error], [], _TIMEOUT_SECONDS)[1]:
            os.write(command.standard_error, f"{line}\n".encode())


def _message(command: _Command) -> str:
    """What stands, and the next command."""
    if command.verb in _READING:
        return "stopped; nothing was changed"
    again = f"run again: fcir {' '.join(command.arguments) if command.verb == 'publish' else command.verb}"
    published = [now for pointer, before in command.pointers.items() if (now := _target(pointer)) not in (None, before)]
    if published:
        return f"stopped after publishing {published[0]}; {again}"
    return f"stopped; nothing was published; {again}" if command.verb in ("run", "publish") else f"stopped; {again}"


def _target(pointer: Path) -> str | None:
    with suppress(OSError):
        return pointer.readlink().name
    return None
