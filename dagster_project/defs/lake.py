"""Maintenance of the lake: a weekly job, if the warehouse is built with Spark."""

import dagster as dg

from dagster_project.clock import LONDON_NAME
from dagster_project.defs.resources import Warehouse
from dagster_project.transformation.project import built_schemas, parse
from dagster_project.warehouse.lake import connect

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
    schemas = built_schemas(parse(warehouse.settings))
    with connect(warehouse.settings) as lake:
        tables = lake.compact(schemas, days=config.days)
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


compact_lake_schedule = dg.ScheduleDefinition(
    name="compact_lake_sunday",
    job=compact_lake,
    # After the nightly run has ended; the two wait for each other at the writer lock.
    cron_schedule="0 12 * * 0",
    execution_timezone=LONDON_NAME,
    description="Starts the compaction of the lake on Sundays at noon, London time.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
