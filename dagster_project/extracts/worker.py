"""The process that reads workbooks and Parquet files for another one. Started by `processes.py`, never imported.

Usage: `python -m dagster_project.extracts.worker DESCRIPTOR`, the descriptor of a connected socket. A request is a
frame with an open file and the pickle of its facts; the sender is this program's own parent. Replies are frames of
JSON and of Arrow; a frame of Arrow follows the message `piece`.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import socket
import sys
import time
from contextlib import suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pyarrow as pa

from dagster_project.child_process import die_with_parent, limit_resources
from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.parquet import ParquetReader
from dagster_project.extracts.processes import FRAME
from dagster_project.extracts.xlsx import XlsxReader

# The largest sheet that is allowed takes 0.9 GiB.
_MEMORY = 1 << 30
# Reading the largest sheet takes about 40 seconds.
_CPU_SECONDS = 600
# A worker that has taken so much gives little of it back.
_TIRED_KIB = 400 << 10
_ROWS = 50_000
_SIGN_OF_LIFE_EVERY = 1.0


class _WithoutPandas(MetaPathFinder):
    """Hides pandas, which Arrow imports, if it is there, for the first list: 0.2 seconds and 50 MB for nothing."""

    def find_spec(self, name: str, _path: object, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


class _Parent:
    """The connection to the process that asks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._last = 0.0

    def request(self) -> tuple[int, tuple[Any, ...]] | None:
        """Descriptor of a file and its facts; None when there will be no more."""
        head, descriptors, _, _ = socket.recv_fds(self._connection, FRAME.size, 1)
        if len(head) < FRAME.size:
            return None
        length = FRAME.unpack(head)[1]
        data = self._connection.recv(length, socket.MSG_WAITALL)
        return descriptors[0], pickle.loads(data)  # noqa: S301 - the parent's, over a socket that nobody else has

    def tell(self, **message: Any) -> None:
        """Send a message."""
        self._send(b"J", json.dumps(message).encode())

    def expect(self, seconds: float) -> None:
        """Say how long the next step may take, but not again and again that it is short."""
        now = time.monotonic()
        if seconds > 1 or now - self._last > _SIGN_OF_LIFE_EVERY:
            self._last = now
            self.tell(expect=seconds)

    def send(self, table: pa.Table) -> None:
        """Send rows."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        self._send(b"A", sink.getvalue())

    def _send(self, kind: bytes, data: bytes | pa.Buffer) -> None:
        self._connection.sendall(FRAME.pack(kind, len(data)))
        self._connection.sendall(data)


def main() -> None:
    """Serve requests until the parent closes the connection."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m dagster_project.extracts.worker DESCRIPTOR; only for the program that loads")
    die_with_parent()
    limit_resources({resource.RLIMIT_FSIZE: 0, resource.RLIMIT_DATA: _MEMORY})
    sys.meta_path.insert(0, _WithoutPandas())
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    parent = _Parent(socket.socket(fileno=int(sys.argv[1])))
    # The parent is gone: there is nobody left to tell.
    with suppress(ConnectionError):
        while request := parent.request():
            descriptor, (name, extension, sha256, size, modified_ns, contract) = request
            _limit_cpu()
            parent.tell(ready=True)
            with os.fdopen(descriptor, "rb") as opened:
                file = OpenFile(opened, name, extension, sha256, None, size, modified_ns)
                try:
                    _serve(parent, file, contract)
                except UnreadableExtract as error:
                    parent.tell(refused=[error.code, str(error)], is_tired=_is_tired())
                except MemoryError:
                    sentence = f"{name}: what it holds does not fit the memory ({_MEMORY >> 30} GiB); deliver it as CSV"
                    parent.tell(refused=["too_large", sentence], is_tired=True)


def _serve(parent: _Parent, file: OpenFile, contract: Any) -> None:
    reader: XlsxReader | ParquetReader
    reader = XlsxReader(file, contract, parent.expect) if file.format == "xlsx" else ParquetReader(file, contract)
    opened = {"serial_days": reader.serial_days, "found": reader.found, "unknown": reader.unknown}
    parent.tell(opened=opened)
    for piece in reader.pieces(_ROWS):
        parent.tell(piece=piece.last_label)
        parent.send(piece.table)
        parent.expect(0)
    count = reader.count()
    parent.tell(
        end={
            "warnings": reader.warnings,
            "expected": count.expected,
            "beside": count.beside,
            "unit": count.unit,
            "is_tired": _is_tired(),
        }
    )


def _is_tired() -> bool:
    """Whether the process has ever taken much memory; where the system does not tell (macOS), it counts as tired."""
    # Not getrusage: a process starts with the peak of the one that started it.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) > _TIRED_KIB
    return True


def _limit_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + _CPU_SECONDS
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
