"""The engine that dbt builds with: DuckDB, in the warehouse itself, or Spark, in the lake (`spark.py`)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from dagster_project.settings import Settings, Target
from dagster_project.warehouse.connection import loading_connection

Manifest = Mapping[str, Any]


class Engine:
    """DuckDB: dbt builds in the warehouse, so nothing is pushed or pulled."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; the caller of each method has the writer lock and no connection to write with."""
        self.settings = settings

    def has_build(self, connection: duckdb.DuckDBPyConnection) -> bool:  # noqa: ARG002 - of Spark
        """Return whether its tables are those of the newest build of the warehouse, which has one."""
        return True

    def check_ready(self, manifest: Manifest) -> None:
        """Check that it can build, before anything of an earlier build is changed."""

    def push_loads(self, manifest: Manifest) -> None:
        """Make everything that is loaded available to the models, which are then built."""

    def pull_tables(self, manifest: Manifest, built: Iterable[str], *, full_refresh: bool) -> None:
        """Make models and seeds that were built available to publication and trace.

        Args:
            manifest: the project.
            built: ids of the nodes.
            full_refresh: whether they were built from scratch.

        Raises:
            LakeError: something else has changed the lake while they were built.
        """

    def push_builds(self) -> None:
        """Make the record of builds, which the warehouse has, available to the models."""

    def rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query that dbt compiled."""
        with loading_connection(self.settings.warehouse) as connection:
            return connection.execute(sql).fetchall()


def engine_of(settings: Settings) -> Engine:
    """Return the engine of an installation, by `FCIR_TARGET`."""
    if settings.target is Target.DUCKDB:
        return Engine(settings)
    # Imported here: a night on DuckDB needs nothing of it.
    from dagster_project.transformation.spark import Spark

    return Spark(settings)
