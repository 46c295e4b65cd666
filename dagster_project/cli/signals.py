"""Stop a command on SIGINT, SIGTERM or SIGHUP. `app.py` handles commands that end by themselves.

A stopped command ends immediately. That is as safe as SIGKILL: a load is one transaction, a pointer switches to a
complete publication, and the lock of the warehouse ends with the process. Unwinding is slow and can fail: Python runs
its handlers only between two calls of native code, Dagster and dbt set their own while a job runs, and a query that
still runs in another thread when the interpreter ends makes DuckDB abort the process (exit code -6).

So a thread waits for the number of the signal, which Python writes into a pipe at once, regardless of a library's
handler. Blocking the signals and waiting for them in the thread does not work: `multiprocessing` unblocks them in the
main thread. Child processes that read extracts end with this process (`child_process.py`).
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from dagster_project.warehouse.lock import leave_no_holder

# Commands that must end or remove something, and with little native code: the servers, a draft of 50 MB.
_UNWINDING = ("ui", "sample")
_READING = ("", "access", "check", "measures", "open", "query", "record", "status", "tables", "trace", "verify")
# A pipe without a reader would block the message, and with it the process.
_TIMEOUT_SECONDS = 1.0


class _Command:
    """State that determines the final message of this process."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = arguments
        self.verb = next((item for item in arguments if not item.startswith("-")), "")
        self.is_json = os.environ.get("FCIR_LOG_FORMAT") == "json"
        self.pointers: dict[Path, str | None] = {}
        """Target of each pointer to a publication, when the command started."""


_command: _Command | None = None


def stop_on_signals(arguments: Sequence[str]) -> None:
    """Stop this process on SIGINT, SIGTERM and SIGHUP with one line and 130, 143 or 129; repeated calls do nothing.

    An ignored SIGINT, which a shell passes to background processes, is handled too, since `kill -INT` is deliberate. An
    ignored SIGHUP stays ignored: that is the purpose of `nohup`.

    Args:
        arguments: arguments of the command; the first one that is not an option is its verb.
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
            # The servers of `fcir ui` end on this signal.
            signal.raise_signal(signal.SIGTERM)
            return
        _print_last(_message(command), 128 + number)
        sys.exit(128 + number)

    is_unwinding = command.verb in _UNWINDING
    if not is_unwinding:
        sys.unraisablehook = _hide_interruption
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=_leave_on_signal, args=[command, reading, signals], name="signals", daemon=True).start()
    for number in signals:
        signal.signal(number, unwind if is_unwinding else _do_nothing)


def describe_command(*, pointers: Iterable[Path], is_json: bool) -> None:
    """Register details of the command, as soon as the settings are read.

    `pointers` are those to publications that the command may change; call this before it does.
    """
    if _command:
        _command.pointers = {pointer: _target(pointer) for pointer in pointers}
        _command.is_json = is_json


def leave(message: str, code: int) -> NoReturn:
    """End this process at once from a thread, also while the main thread is in native code or waits for a full pipe.

    Args:
        message: printed as an error, if standard error takes it.
        code: the exit code.
    """
    try:
        # The main thread still runs. What it says now, such as the traceback of its interruption, is of no use.
        with suppress(OSError):
            standard_error = os.dup(2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            _print_last(message, code, standard_error)
        # `fcir status` says of a holder that stays in the file that it was killed.
        leave_no_holder()
    finally:
        os._exit(code)


def _leave_on_signal(command: _Command, reading: int, signals: Sequence[int]) -> None:
    # Signals that only a library handles are written too.
    while (number := os.read(reading, 1)[0]) not in signals:
        pass
    leave(_message(command), 128 + number)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Do nothing. Python writes a signal to the pipe only if a handler is set."""


def _hide_interruption(unraisable: "sys.UnraisableHookArgs") -> None:
    """Hide an interruption that Dagster's handler raises inside a callback of the garbage collector."""
    if issubclass(unraisable.exc_type, Exception):
        sys.__unraisablehook__(unraisable)


def _print_last(message: str, code: int, standard_error: int = 2) -> None:
    line = f"fcir: {message}"
    if _command and _command.is_json:
        import json
        from datetime import UTC, datetime

        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "level": "error", "message": message, "exit_code": code})
    # Ignored: a closed terminal or file, and a main thread that was writing.
    with suppress(OSError, RuntimeError, ValueError, TypeError):
        if select.select([], [sys.stdout], [], _TIMEOUT_SECONDS)[1]:
            sys.stdout.flush()
    with suppress(OSError):
        if select.select([], [standard_error], [], _TIMEOUT_SECONDS)[1]:
            os.write(standard_error, f"{line}\n".encode())


def _message(command: _Command) -> str:
    """Return what remains valid, and the next command."""
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
