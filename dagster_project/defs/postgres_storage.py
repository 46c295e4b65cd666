"""Dagster's storage on Postgres, with connections that are kept; deploy/dagster-postgres.yaml names the class.

Dagster opens a connection for each statement, and a login with a password takes 10 ms of CPU: a night of 1,155 events
took 37 CPU seconds instead of 25. With kept connections it takes as long as with SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import EventLogEntry
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import pg_url_from_config

# A statement that takes longer waits for a lock that is not going to be released.
_STATEMENT_MILLISECONDS = 300_000
# Seconds after which a connection is replaced, before a firewall forgets it.
_RECYCLE_SECONDS = 600
# The daemon's threads need more than the one that each process keeps.
_MAX_OVERFLOW = 20
# Events in one statement.
_TOGETHER = 500


class KeptPostgresEventLog(PostgresEventLogStorage):
    """Dagster's event log, with materialisations of an asset that are written together."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._held: list[EventLogEntry] | None = None
        super().__init__(*arguments, **options)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event; inside `held_back`, a materialisation is stored at its end."""
        if self._held is not None and event.asset_materialization is not None:
            self._held.append(event)
        else:
            super().store_event(event)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Store the materialisations of one asset that one run logs inside together, at the end.

        An event by itself takes three commits: the 40,000 of a first load of ten years would take minutes.
        """
        self._held = []
        try:
            yield
        finally:
            events, self._held = self._held, None
            for first in range(0, len(events), _TOGETHER):
                self.store_event_batch(events[first : first + _TOGETHER])


class KeptPostgresStorage(DagsterPostgresStorage):
    """Dagster's own storage, tuned as Dagster tunes it for the web server.

    If Postgres restarts during a run, the run may fail at a connection that is lost; then it is started again, as if
    its process had been killed.
    """

    def __init__(self, postgres_url: str, should_autocreate_tables: bool = True, inst_data: Any = None) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data)
        self._events = KeptPostgresEventLog(postgres_url, should_autocreate_tables)
        for part in (self.run_storage, self.event_log_storage, self.schedule_storage):
            part.optimize_for_webserver(
                statement_timeout=_STATEMENT_MILLISECONDS, pool_recycle=_RECYCLE_SECONDS, max_overflow=_MAX_OVERFLOW
            )

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptPostgresStorage:
        """Create the storage of an instance.

        Args:
            inst_data: configuration of this class in the instance.
            config_value: `postgres_url`; `should_autocreate_tables`.
        """
        return cls(pg_url_from_config(config_value), config_value.get("should_autocreate_tables", True), inst_data)

    @property
    def event_log_storage(self) -> KeptPostgresEventLog:
        """The event log."""
        return self._events
