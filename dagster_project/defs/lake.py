"""Jobs for the lake, if the warehouse is built with Spark: compaction every week, and its removal."""

import dagster as dg

from dagster_project.clock import LONDON_NAME
from dagster_project.defs.resources import Warehouse
from dagster_project.transformation.project import built_schemas, ensure_manifest, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import connect
from dagster_project.warehouse.lake_upkeep import compact, drop
from dagster_project.warehouse.tables import ensure_tables

# Readers of the lake may be in an older snapshot for as long as their query runs. A week of snapshots is also a week in
# which a table can be read as it was (`timestamp as of`).
_DAYS_KEPT = 7


class Retention(dg.Config):
    """How long snapshots are kept."""

    days: int = _DAYS_KEPT
    """Age in days; 0 removes all but the newest, so that erased values are gone from every table at once.

    Files of killed statements are removed once they are a day old."""


@dg.op(description="Rewrite small files of the Iceberg tables, and remove snapshots older than a week.")
def compact_tables(context: dg.OpExecutionContext, config: Retention, warehouse: Warehouse) -> None:
    """Compact every table, under the writer lock."""
    warehouse.begin("compacting the lake")
    schemas = built_schemas(read_manifest(ensure_manifest(warehouse.settings)))
    with connect(warehouse.settings) as lake:
        with loading_connection(warehouse.settings.warehouse) as connection:
            lake.require_built(connection)
        tables = compact(lake, schemas, days=config.days)
    context.add_output_metadata({"tables": len(tables)})


@dg.job(
    name="compact_lake",
    description=(
        "Rewrite small files of the Iceberg tables on Spark, and remove snapshots older than a week: each build adds "
        "files to the tables that it changes."
    ),
    executor_def=dg.in_process_executor,
)
def compact_lake() -> None:
    """Compact the lake."""
    compact_tables()


class Removal(dg.Config):
    """What is left of the lake."""

    is_gone: bool = False
    """Whether Spark or its catalog no longer exists: nothing is dropped there."""


@dg.op(description="Drop the tables of the lake with their files, and note that the data root has no lake.")
def drop_tables(context: dg.OpExecutionContext, config: Removal, warehouse: Warehouse) -> None:
    """Drop every table, under the writer lock."""
    warehouse.begin("dropping the lake")
    tables: list[str] = []
    with loading_connection(warehouse.settings.warehouse) as connection:
        ensure_tables(connection, [])
        if not config.is_gone:
            schemas = built_schemas(read_manifest(ensure_manifest(warehouse.settings)))
            with connect(warehouse.settings) as lake:
                lake.require_built(connection)
                tables = drop(lake, schemas)
                lake.release(connection)
        connection.execute("delete from audit.lake_owner")
    context.add_output_metadata({"tables": len(tables)})


@dg.job(
    name="drop_lake",
    description=(
        "Drop the Iceberg tables on Spark with their files, where Spark is no longer used or cannot build the data "
        "root, as after a purge. What DuckDB has and what is published stay."
    ),
    executor_def=dg.in_process_executor,
)
def drop_lake() -> None:
    """Drop the lake."""
    drop_tables()


compact_lake_schedule = dg.ScheduleDefinition(
    name="compact_lake_sunday",
    job=compact_lake,
    # After the nightly run has ended; the two wait for each other at the writer lock.
    cron_schedule="0 12 * * 0",
    execution_timezone=LONDON_NAME,
    description="Starts the compaction of the lake on Sundays at noon, London time.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
