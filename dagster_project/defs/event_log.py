"""Dagster's SQLite event log behind kept connections; removing it costs 10 CPU seconds a night.

Dagster opens an SQLite file again for each event, with an SQLAlchemy engine of its own whose statements have to be
compiled again: 9 ms of CPU an event. A night has 1,200 to 1,500 events; the first load of ten years has 40,000, since
every day of every source is marked as loaded by an event. With kept engines an event takes 2 ms, less in a transaction
with others, and 0.7 ms when a source's days are marked together.

To remove it, delete this file, its test, `event_log_storage` in deploy/dagster.yaml and the two `with` statements that
call `in_one_transaction` and `written_together`: files and events are Dagster's own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, EventLogEntry

# The name under which the documentation has the class; no public module exports it.
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine

_INDEX = "index"
# Files that stay open: a web server reads the events of any run.
_KEPT = 8
# As long as Dagster waits for another process that is writing to a file.
_BUSY_SECONDS = 10.0


class KeptEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log, in the same files, with one engine for each of the files used last."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock = threading.Lock()
        self._held: list[EventLogEntry] | None = None
        self._joined: dict[str, Connection] | None = None
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptEventLogStorage:
        """Make the storage of an instance.

        Args:
            inst_data: how the instance names this class.
            config_value: `base_dir` is the instance's folder; the events are where Dagster has them, below it.
        """
        return cls(str(Path(config_value["base_dir"]) / "history" / "runs"), inst_data)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event; one that `held_back` holds is stored when that ends."""
        mark = event.asset_materialization
        if self._held is not None and mark is not None and not mark.tags:
            self._held.append(event)
        else:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in one transaction per file: those that announce what a run will make, where batches are on."""
        with self.in_one_transaction():
            for event in events:
                self.store_event(event)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table: Dagster asks for each asset and twice for each check, and drops none."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def in_one_transaction(self) -> Iterator[None]:
        """Store what is logged inside in one transaction per file, also where an exception ends it.

        For events that follow each other at once: no other process can write until it ends.
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
        """Store the materialisations of one asset that one run logs inside together, when it ends.

        Dagster rewrites the entry of the asset, with the whole event in it, for each of them; here for the last alone.
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
        """A connection to the events of a run, in a transaction."""
        return self._connection(str(run_id), super().run_connection(run_id))

    def index_connection(self) -> AbstractContextManager[Connection]:
        """A connection to the events of all runs that concern assets, in a transaction."""
        return self._connection(_INDEX, super().index_connection())

    def dispose(self) -> None:
        """Close every file."""
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()

    @contextmanager
    def _connection(self, shard: str, first: AbstractContextManager[Connection]) -> Iterator[Connection]:
        # The first connection of a process to a file is Dagster's own, which makes the file and its tables.
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
    """Write the events logged inside in one transaction, also where an exception ends it."""
    storage = instance.event_log_storage
    return storage.in_one_transaction() if isinstance(storage, KeptEventLogStorage) else nullcontext()


def written_together(instance: DagsterInstance) -> AbstractContextManager[None]:
    """Write the materialisations of one asset that a run logs inside together, in their order, when it ends."""
    storage = instance.event_log_storage
    return storage.held_back() if isinstance(storage, KeptEventLogStorage) else nullcontext()
