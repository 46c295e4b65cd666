"""Workbooks and Parquet files, read in a process of their own. The formats themselves are not known here.

Their parsers are native code, which a hostile file can make abort, eat memory or never return. The process that loads
opens the file and hands the open descriptor to a worker (`worker.py`), which streams the rows back. What comes back is
JSON and Arrow only, never a pickle. A worker is started when it is needed, serves one file after another, and is
replaced when it died or a file was not read to its end.
"""

from __future__ import annotations

import json
import pickle
import signal
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from dagster_project.contracts import Contract
from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.pieces import Count, Piece, schema
from dagster_project.extracts.processes import FrameTooLong, Pool, Worker, WorkerGone

# Seconds without a message after which a worker is taken for hung, for its start, and the most that it may ask for
# beside: a sheet of a million rows takes 5 seconds on an idle machine, in one native call.
SILENCE = 8.0
START = 60.0
_LONGEST_STEP = 120.0

WORKERS = Pool()


class IsolatedReader:
    """The rows of a workbook or Parquet file, read by a worker.

    Attributes:
        pid: process that reads.

    Raises:
        UnreadableExtract: on construction, when the worker refuses the file, crashes over it or stalls.
    """

    def __init__(self, file: OpenFile, contract: Contract) -> None:
        self._name = file.name
        self._contract = contract
        self._count: Count | None = None
        self._worker: Worker | None = None
        request = (file.name, file.extension, file.sha256, file.size, file.modified_ns, contract)
        self.pid = self._start(file.file.fileno(), pickle.dumps(request)).pid
        opened = self._message("opened")["opened"]
        self.serial_days = int(opened["serial_days"])
        self.found: tuple[str, ...] = tuple(opened["found"])
        self.unknown: tuple[str, ...] = tuple(opened["unknown"])
        self.warnings: list[str] = []

    def _start(self, descriptor: int, request: bytes) -> Worker:
        """Hand the file to a worker, which says at once that it is there."""
        for is_last in (False, True):
            worker = self._worker = WORKERS.take()
            try:
                worker.request(descriptor, request)
                worker.frame(START)
            except WorkerGone:
                # One that died while it waited has not died of this file.
                if is_last:
                    raise self._refused(
                        "reader_crashed",
                        "the program that reads it does not start (python -m dagster_project.extracts.worker says why)",
                    ) from None
                self.close()
            except TimeoutError:
                raise self._stalled(START) from None
            else:
                return worker
        raise AssertionError("the second worker is the last")

    def pieces(self, rows: int) -> Iterator[Piece]:  # noqa: ARG002 - the worker decides how many rows it sends at once
        """The rows in pieces.

        Raises:
            UnreadableExtract: the worker finds the file damaged, crashes over it or stalls.
        """
        expected = schema(self._contract)
        while "end" not in (message := self._message("piece", "end")):
            _, frame = self._frame(SILENCE)
            try:
                table = pa.ipc.open_stream(frame).read_all()
                table.validate(full=True)
            except (pa.ArrowException, OSError, ValueError):
                raise self._nonsense() from None
            if table.schema != expected:
                raise self._nonsense()
            yield Piece(table, message["piece"])
        end = message["end"]
        self.warnings.extend(end["warnings"])
        self._count = Count(end["expected"], end["beside"], end["unit"])
        self._finish(is_tired=end["is_tired"])

    def count(self) -> Count:
        """The worker's other count of the records.

        Raises:
            ValueError: the pieces have not been consumed.
        """
        if self._count is None:
            raise ValueError("the records were not read to their end")
        return self._count

    def close(self) -> None:
        """End the worker if it still has to do with the file."""
        self._finish(is_tired=True)

    def _finish(self, *, is_tired: bool) -> int | None:
        """Part from the worker; returns its exit code if it was ended."""
        worker, self._worker = self._worker, None
        if worker and is_tired:
            return worker.end()
        if worker:
            WORKERS.give_back(worker)
        return None

    def _message(self, *wanted: str, patience: float = SILENCE) -> dict[str, Any]:
        """The next message that is no mere sign of life."""
        while True:
            kind, frame = self._frame(patience)
            message: dict[str, Any] = json.loads(frame) if kind == b"J" else {}
            if "expect" in message:
                patience = SILENCE + min(message["expect"], _LONGEST_STEP)
                continue
            if "refused" in message:
                self._finish(is_tired=message["is_tired"])
                code, sentence = message["refused"]
                raise UnreadableExtract(code, sentence)
            if not any(name in message for name in wanted):
                raise self._nonsense()
            return message

    def _frame(self, patience: float) -> tuple[bytes, bytearray]:
        if self._worker is None:
            raise ValueError("the reader is closed")
        try:
            return self._worker.frame(patience)
        except TimeoutError:
            raise self._stalled(patience) from None
        except FrameTooLong:
            raise self._refused("too_large", "some of its rows together do not fit the memory") from None
        except WorkerGone:
            raise self._crashed() from None

    def _crashed(self) -> UnreadableExtract:
        code = self._finish(is_tired=True) or 0
        how = signal.strsignal(-code) if code < 0 else None
        return self._refused(
            "reader_crashed", f"damaged, or too large for the memory: reading it ended by: {how or 'an error'}"
        )

    def _stalled(self, patience: float) -> UnreadableExtract:
        return self._refused("reader_stalled", f"the program that reads it was silent for {patience:.0f} seconds")

    def _nonsense(self) -> UnreadableExtract:
        return self._refused("reader_crashed", "the program that reads it sent back nonsense")

    def _refused(self, code: str, found: str) -> UnreadableExtract:
        self.close()
        return UnreadableExtract(code, f"{self._name}: {found}; deliver it as CSV, or saved anew by another program")
