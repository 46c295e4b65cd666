"""Dagster's storage on Postgres with connections that are kept; deploy/dagster-postgres.yaml names the class.

Dagster opens a connection for each statement, and a login with a password takes 10 ms of CPU: a night of 1,155 events
took 37 CPU seconds instead of 25. With kept connections it takes as long as with SQLite.
"""

from __future__ import annotations

from typing import Any

from dagster_postgres import DagsterPostgresStorage

# A statement that takes longer waits for a lock that nobody will release.
_STATEMENT_MILLISECONDS = 300_000
# Seconds after which a connection is replaced, before a firewall forgets it.
_RECYCLE_SECONDS = 600
# The daemon's threads need more than the one that each process keeps.
_MAX_OVERFLOW = 20


class KeptPostgresStorage(DagsterPostgresStorage):
    """Dagster's own storage, tuned as Dagster tunes it for the web server.

    If Postgres restarts during a run, the run may fail at a connection that is lost; then it is tried again, as if its
    process had been killed.
    """

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> DagsterPostgresStorage:
        """Create the storage of an instance.

        Args:
            inst_data: configuration of this class in the instance.
            config_value: the configuration of `DagsterPostgresStorage`.
        """
        storage = super().from_config_value(inst_data, config_value)
        for part in (storage.run_storage, storage.event_log_storage, storage.schedule_storage):
            part.optimize_for_webserver(
                statement_timeout=_STATEMENT_MILLISECONDS, pool_recycle=_RECYCLE_SECONDS, max_overflow=_MAX_OVERFLOW
            )
        return storage
