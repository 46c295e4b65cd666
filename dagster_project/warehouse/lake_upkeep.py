"""Upkeep of a lake: compaction, and its end."""

from collections.abc import Iterable
from datetime import timedelta

from dagster_project.clock import utc_now
from dagster_project.warehouse.lake import OWN_SCHEMAS, Lake
from dagster_project.warehouse.spark import spark_table, spark_text


def compact(lake: Lake, schemas: Iterable[str], *, days: int) -> list[str]:
    """Rewrite small files of every table, and remove old snapshots, their files, and files of killed statements.

    A build adds files to each table that it changes, and the old ones stay for readers of older snapshots.

    Args:
        lake: the lake, which is that of the warehouse.
        schemas: the schemas that the project builds. Others of the catalog are left as they are.
        days: age of snapshots to remove. The newest one of a table stays.

    Returns:
        The tables, as schema.name.

    Raises:
        LakeError: Spark refused a statement; its session needs the extensions of Iceberg.
    """
    names = [f"{schema}.{name}" for schema in sorted(OWN_SCHEMAS | set(schemas)) for name in lake.tables(schema)]
    now = utc_now()
    before = f"older_than => timestamp {spark_text(now - timedelta(days=days))}"
    # Files of statements that still run must stay. Iceberg refuses less than a day.
    orphaned = f"older_than => timestamp {spark_text(now - timedelta(days=min(max(days, 1), 3), minutes=1))}"
    for name in names:
        for call in (
            "rewrite_data_files({table})",
            "rewrite_manifests({table})",
            "expire_snapshots({table}, {before}, retain_last => 1)",
            "remove_orphan_files({table}, {orphaned})",
        ):
            arguments = call.format(table=f"table => {spark_text(name)}", before=before, orphaned=orphaned)
            lake.execute(f"call spark_catalog.system.{arguments}")
    return names


def drop(lake: Lake, schemas: Iterable[str]) -> list[str]:
    """Drop the tables and views of every schema of the project, with their files.

    Args:
        lake: the lake, which is that of the warehouse.
        schemas: the schemas that the project builds. Others of the catalog are left as they are.

    Returns:
        The tables, as schema.name.

    Raises:
        LakeError: Spark refused a statement; what is left is dropped by the next call.
    """
    dropped: list[str] = []
    for schema in sorted(OWN_SCHEMAS | set(schemas)):
        tables = lake.tables(schema)
        for name in set(lake.relations(schema)) - set(tables):
            lake.execute(f"drop view if exists {spark_table(schema, name)}")
        for name in tables:
            lake.execute(f"drop table if exists {spark_table(schema, name)} purge")
        dropped += [f"{schema}.{name}" for name in tables]
    return dropped
