"""Read workbooks and Parquet files in a separate process.

Their parsers are native code, which a hostile file can crash, exhaust memory with or block forever. The loading process
opens the file and passes the descriptor to a worker (`worker.py`), which returns the rows as JSON and Arrow. A worker
reads one file after another. It is replaced if it died, took much memory or did not read a file to its end.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from dagster_project.child_process import Child
from dagster_project.contracts import Contract
from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.pieces import Count, Piece, schema

# Seconds for one message. A sheet of a million rows takes 15 seconds to its first row on an idle machine.
TIME_LIMIT = 300.0
# A process that has taken this much memory returns little of it.
_RECYCLE_ABOVE_KIB = 400 << 10
# Arrow's own allocators, and malloc arenas of other threads, would keep memory that counts towards the limit.
_ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}

idle_workers: list[Child] = []
"""Idle workers, kept because starting one takes 0.3 CPU seconds."""


def _take_worker() -> Child:
    with suppress(IndexError):
        while True:
            worker = idle_workers.pop()
            if worker.is_alive:
                return worker
            worker.end()
    return Child("dagster_project.extracts.worker", _ENVIRONMENT)


class IsolatedReader:
    """The rows of a workbook or Parquet file, read by a worker.

    Attributes:
        pid: process ID of the worker.

    Raises:
        UnreadableExtract: on construction, if the worker rejects the file, crashes or stalls.
    """

    def __init__(self, file: OpenFile, contract: Contract) -> None:
        self._name = file.name
        self._contract = contract
        self._count: Count | None = None
        worker = _take_worker()
        self._worker: Child | None = worker
        self.pid = worker.pid
        with self._failures():
            # The open file itself is sent as its descriptor.
            worker.send((replace(file, file=None), contract), file.file.fileno())  # type: ignore[arg-type]
            opened = self._reply()
            self.serial_days = int(opened["serial_days"])
            self.found: tuple[str, ...] = tuple(opened["found"])
            self.unknown: tuple[str, ...] = tuple(opened["unknown"])

    def pieces(self) -> Iterator[Piece]:
        """Yield the rows in pieces.

        Raises:
            UnreadableExtract: the worker finds the file damaged, crashes or stalls.
        """
        expected = schema(self._contract)
        while True:
            with self._failures():
                reply = self._reply()
                if "count" in reply:
                    self._count = Count(*reply["count"])
                    break
                table = pa.ipc.open_stream(self._receive()).read_all()
                table.validate(full=True)
                if table.schema != expected:
                    raise ValueError("rows of other columns")
                found = Piece(table, reply["last_label"], reply["is_end"])
            yield found
        self._release()

    def count(self) -> Count:
        """Return the worker's independent count of the records.

        Raises:
            ValueError: the pieces have not been consumed.
        """
        if self._count is None:
            raise ValueError("the records were not read to their end")
        return self._count

    def close(self) -> None:
        """End the worker if it is still working on the file."""
        if self._worker:
            self._worker.end()
        self._worker = None

    def _release(self) -> None:
        """Keep the worker for the next file, or end it if it has taken much memory."""
        if self._worker and not _needs_recycling(self._worker.pid):
            idle_workers.append(self._worker)
            self._worker = None
        self.close()

    def _receive(self) -> bytes:
        if self._worker is None:
            raise ValueError("the reader is closed")
        return self._worker.receive(TIME_LIMIT)

    def _reply(self) -> dict[str, Any]:
        """Return the next reply; raise the error if the worker reports one."""
        reply = dict(json.loads(self._receive()))
        if code := reply.get("code"):
            self._release()
            raise UnreadableExtract(code, reply["sentence"], reply["unknown_columns"])
        return reply

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Reject the file if its worker ends, stalls or replies nonsense."""
        try:
            yield
            return
        except TimeoutError:
            found = f"the program that reads it did not respond for {TIME_LIMIT:.0f} seconds"
            refused = self._refused("reader_stalled", found)
        except EOFError:
            how = self._worker.end() if self._worker else "it was closed"
            found = f"damaged, or too large for the memory: reading it ended by {how}"
            refused = self._refused("reader_crashed", found)
        except (pa.ArrowException, OSError, LookupError, TypeError, ValueError):
            refused = self._refused("reader_crashed", "the program that reads it sent an invalid reply")
        self.close()
        raise refused

    def _refused(self, code: str, found: str) -> UnreadableExtract:
        return UnreadableExtract(code, f"{self._name}: {found}; deliver it as CSV, or saved again by another program")


def _needs_recycling(pid: int) -> bool:
    """Return whether a process has ever taken much memory; true if the system does not report it (macOS)."""
    # Not getrusage: a process inherits the peak of its parent.
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) > _RECYCLE_ABOVE_KIB
    return True
