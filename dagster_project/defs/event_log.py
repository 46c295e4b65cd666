"""Dagster's SQLite event log with kept engines. Without this module a nightly run takes 10 CPU seconds more.

Dagster makes a SQLAlchemy engine for each event, which compiles its statements again: 9 ms of CPU per event. A nightly
run has some 900 events; the first load of ten years has 40,000, since every day of every source is marked as loaded.
Files and events are in Dagster's own format.

To remove it, delete this file, its test, `event_log_storage` in deploy/dagster.yaml and the `with` statement of
`defs/sources.py` that calls `written_together`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, EventLogEntry

# Dagster documents the class under this name; no public module exports it.
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine

# The time that Dagster waits for another process that is writing to a file.
_BUSY_SECONDS = 10.0


class KeptEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log, in the same files, with one engine for each file."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        # An engine keeps its file open, and a web server reads the events of any run.
        self._engine = lru_cache(maxsize=8)(self._new_engine)
        # Dagster asks once for each asset and twice for each check. Its tables are made before anything asks.
        self.has_table = cache(super().has_table)  # type: ignore[method-assign]
        self._held: list[EventLogEntry] | None = None
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
        """Store an event; inside `held_back`, a materialisation is stored at its end."""
        event = _without_stack(event)
        mark = event.asset_materialization
        if self._held is not None and mark is not None and not mark.tags:
            self._held.append(event)
        else:
            super().store_event(event)

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

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """Open a file, in a transaction; Dagster's own code makes the file and its tables."""
        if shard not in self._initialized_dbs:
            with super()._connect(shard) as connection:
                yield connection
            return
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _new_engine(self, shard: str) -> Engine:
        return create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": _BUSY_SECONDS})


def _without_stack(event: EventLogEntry) -> EventLogEntry:
    """Return a `dg.Failure` without its stack: its message is complete, and a page would show Dagster's own code."""
    done = event.dagster_event
    if done is None or not done.is_step_failure or not (failed := done.step_failure_data).user_failure_data:
        return event
    error = failed.error._replace(stack=[]) if failed.error else None
    return event._replace(dagster_event=done._replace(event_specific_data=failed._replace(error=error)))


def written_together(instance: DagsterInstance) -> AbstractContextManager[None]:
    """Write the materialisations of one asset that a run logs inside together, in order, at the end."""
    storage = instance.event_log_storage
    return storage.held_back() if isinstance(storage, KeptEventLogStorage) else nullcontext()
