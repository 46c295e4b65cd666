"""Dagster's SQLite event log with cached connections. Without this module a nightly run takes 10 CPU seconds more.

Dagster opens an SQLite file for each event, with a new SQLAlchemy engine that must compile its statements again: 9 ms
of CPU per event. A nightly run has 1,200 to 1,500 events; the first load of ten years has 40,000, since every day of
every source is marked as loaded by an event. With cached engines an event takes 2 ms, less in a transaction with
others, and 0.7 ms if a source's days are marked together.

To remove it, delete this file, its test, `event_log_storage` in deploy/dagster.yaml and the three `with` statements
that call `in_one_transaction` and `written_together`. Files and events are in Dagster's own format.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, EventLogEntry

# Dagster documents the class under this name; no public module exports it.
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine

_INDEX = "index"
# Number of files kept open: a web server reads the events of any run.
_KEPT = 8
# The time that Dagster waits for another process that is writing to a file.
_BUSY_SECONDS = 10.0


class KeptEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log, in the same files, with a cached engine for each of the most recently used files."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock = threading.Lock()
        self._held: list[EventLogEntry] | None = None
        self._joined: dict[str, Connection] | None = None
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptEventLogStorage:
        """Create the storage of an instance.

        Args:
            inst_data: configuration of this class in the instance.
            config_value: `base_dir` is the instance's folder; the events are below it, in Dagster's usual place.
        """
        return cls(str(Path(config_value["base_dir"]) / "history" / "runs"), inst_data)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event; inside `held_back`, a held event is stored at its end."""
        mark = event.asset_materialization
        if self._held is not None and mark is not None and not mark.tags:
            self._held.append(event)
        else:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in one transaction per file. Dagster sends planned materialisations here if batching is on."""
        with self.in_one_transaction():
            for event in events:
                self.store_event(event)

    def has_table(self, table_name: str) -> bool:
        """Return whether the index has a table, cached: Dagster asks once for each asset and twice for each check."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def in_one_transaction(self) -> Iterator[None]:
        """Store the events logged inside in one transaction per file, even if an exception ends it.

        For events in quick succession: no other process can write until the block ends.
        """
        if self._joined is not None:
            yield
            return
        self._joined = {}
        try:
            yield
        finally:
            joined, self._joined = self._joined, None
            for connection in joined.values():
                connection.commit()
                connection.close()

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Store the materialisations of one asset that one run logs inside together, at the end.

        Dagster rewrites the asset's entry, including the whole event, for each of them; here only for the last.
        """
        self._held = []
        try:
            yield
        finally:
            events, self._held = self._held, None
            if events:
                inserts = [self.prepare_insert_event(event) for event in events[:-1]]
                for opened in (self.run_connection(events[0].run_id), self.index_connection()):
                    with opened as connection:
                        for insert in inserts:
                            connection.execute(insert)
                super().store_event(events[-1])

    def run_connection(self, run_id: str | None = None) -> Any:
        """Return a connection to the events of a run, in a transaction."""
        return self._connection(str(run_id), super().run_connection(run_id))

    def index_connection(self) -> AbstractContextManager[Connection]:
        """Return a connection to the asset events of all runs, in a transaction."""
        return self._connection(_INDEX, super().index_connection())

    def dispose(self) -> None:
        """Close every file."""
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()

    @contextmanager
    def _connection(self, shard: str, first: AbstractContextManager[Connection]) -> Iterator[Connection]:
        # For the first connection of a process to a file, Dagster's own code creates the file and its tables.
        engine = self._engines.get(shard)
        if engine is None:
            with first as connection:
                yield connection
            with self._lock:
                self._engines[shard] = create_engine(
                    self.conn_string_for_shard(shard), connect_args={"timeout": _BUSY_SECONDS}
                )
                while len(self._engines) > _KEPT:
                    self._engines.popitem(last=False)[1].dispose()
            return
        with self._lock:
            if self._joined is None:
                with engine.begin() as connection:
                    yield connection
            else:
                if shard not in self._joined:
                    self._joined[shard] = engine.connect()
                    self._joined[shard].begin()
                yield self._joined[shard]


def in_one_transaction(instance: DagsterInstance) -> AbstractContextManager[None]:
    """Write the events logged inside in one transaction, even if an exception ends it."""
    storage = instance.event_log_storage
    return storage.in_one_transaction() if isinstance(storage, KeptEventLogStorage) else nullcontext()


def written_together(instance: DagsterInstance) -> AbstractContextManager[None]:
    """Write the materialisations of one asset that a run logs inside together, in order, at the end."""
    storage = instance.event_log_storage
    return storage.held_back() if isinstance(storage, KeptEventLogStorage) else nullcontext()
