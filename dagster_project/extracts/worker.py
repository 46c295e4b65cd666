"""The worker process that reads workbooks and Parquet files. `isolation.py` starts it; it is never imported.

A request is a pickle of the facts about a file, followed by its descriptor. A reply is a JSON object; the rows of a
piece follow it as Arrow.
"""

import json
import os
import resource
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

import pyarrow as pa

from dagster_project.child_process import LONGEST_MESSAGE, connect_to_parent
from dagster_project.contracts import Contract
from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.parquet import ParquetReader
from dagster_project.extracts.xlsx import XlsxReader

# The largest allowed sheet takes 0.9 GiB.
_MEMORY = 1 << 30
# Reading the largest sheet takes about 40 seconds.
_CPU_SECONDS = 600


def main() -> None:
    """Serve requests until the parent closes the connection."""
    connection = connect_to_parent({resource.RLIMIT_FSIZE: 0, resource.RLIMIT_DATA: _MEMORY})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    # The parent process has ended, so errors cannot be reported.
    with suppress(EOFError, ConnectionError):
        while True:
            file, contract = connection.recv()
            _limit_cpu()
            with os.fdopen(recv_handle(connection), "rb") as opened:
                try:
                    _read(connection, replace(file, file=opened), contract)
                except UnreadableExtract as error:
                    _reply(connection, code=error.code, sentence=str(error), unknown_columns=error.unknown_columns)
                except MemoryError:
                    found = f"what it holds does not fit the memory ({_MEMORY >> 30} GiB)"
                    sentence = f"{file.name}: {found}; deliver it as CSV"
                    _reply(connection, code="too_large", sentence=sentence, unknown_columns=())


def _read(connection: Connection, file: OpenFile, contract: Contract) -> None:
    reader = XlsxReader(file, contract) if file.format == "xlsx" else ParquetReader(file, contract)
    _reply(connection, serial_days=reader.serial_days, found=reader.found, unknown=reader.unknown)
    for piece in reader.pieces():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, piece.table.schema) as writer:
            writer.write_table(piece.table)
        # A piece of 50,000 rows takes 5 to 10 MiB.
        if sink.tell() > LONGEST_MESSAGE:
            raise MemoryError
        _reply(connection, last_label=piece.last_label, is_end=piece.is_end)
        connection.send_bytes(sink.getvalue())
    count = reader.count()
    _reply(connection, count=[count.expected, count.others, count.unit])


def _reply(connection: Connection, **content: Any) -> None:
    connection.send_bytes(json.dumps(content).encode())


def _limit_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + _CPU_SECONDS
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
