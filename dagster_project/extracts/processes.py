"""Worker processes of `isolation.py`: starting, talking to and ending them. What is said is not known here."""

from __future__ import annotations

import atexit
import os
import socket
import struct
import threading

from dagster_project.child_process import end_child, start_child

# Start-up takes 0.3 seconds of CPU; a machine with much else to do may take long over it.
_START = 60.0
# A frame is a kind (J: JSON, A: Arrow IPC) and a length. A piece of 50,000 rows is 5 to 10 MiB.
FRAME = struct.Struct(">cI")
FRAME_LIMIT = 256 << 20

# Arrow's own allocators keep memory that the limit counts, and so do arenas of other threads.
_ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}


class FrameTooLong(Exception):
    """A worker wants to send more than `FRAME_LIMIT` at once."""


class WorkerGone(Exception):
    """A worker closed the connection."""


class Worker:
    """A process that waits for requests."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = start_child("dagster_project.extracts.worker", theirs.fileno(), _ENVIRONMENT)
        self._socket = ours
        self.pid = self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def request(self, descriptor: int, data: bytes) -> None:
        """Hand over an open file and what is to be done with it.

        Raises:
            WorkerGone: the process has ended.
        """
        self._socket.settimeout(_START)
        try:
            socket.send_fds(self._socket, [FRAME.pack(b"R", len(data))], [descriptor])
            self._socket.sendall(data)
        except OSError:
            raise WorkerGone from None

    def frame(self, patience: float) -> tuple[bytes, bytearray]:
        """The next message: its kind and its bytes.

        Args:
            patience: seconds without a byte after which the process counts as hung.

        Raises:
            TimeoutError: nothing came.
            WorkerGone: the process has ended.
            FrameTooLong: the message is too long.
        """
        self._socket.settimeout(patience)
        kind, length = FRAME.unpack(self._received(FRAME.size))
        if length > FRAME_LIMIT:
            raise FrameTooLong
        return kind, self._received(length)

    def _received(self, length: int) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            try:
                count = self._socket.recv_into(view)
            except TimeoutError:
                raise
            except OSError:
                raise WorkerGone from None
            if not count:
                raise WorkerGone
            view = view[count:]
        return data

    def end(self, patience: float = 0.2) -> int:
        """End the process; returns its exit code, negative for a signal.

        Args:
            patience: seconds for a process to finish that is ending by itself.
        """
        self._socket.close()
        return end_child(self._process, patience)


class Pool:
    """Workers that wait for a file. Those of a process are not those of a process that was forked from it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._process_id: int | None = None

    def take(self) -> Worker:
        """A worker, started if none waits."""
        with self._lock:
            if self._process_id != os.getpid():
                self._process_id, self._idle = os.getpid(), []
                atexit.register(self.end_all)
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
                worker.end()
        return Worker()

    def give_back(self, worker: Worker) -> None:
        """Take a worker that has nothing left to do."""
        with self._lock:
            self._idle.append(worker)

    def end_all(self) -> None:
        """End the workers that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end(0)
