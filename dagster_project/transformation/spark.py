"""Building with Spark: loads are pushed to the lake, dbt builds there, and its tables are pulled back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from dagster_project.settings import Settings, Target
from dagster_project.sql import scalar
from dagster_project.transformation.project import DbtError, Mart, built_schemas, invoke, marts_of
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import Lake, Relation, clear_lake_folder, connect
from dagster_project.warehouse.spark import LakeError


class Spark:
    """Spark: dbt builds in the lake."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; the caller of each method has the writer lock and no connection to write with."""
        self.settings = settings

    def has_build(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Return whether the lake took part in the newest build; one that was lost, restored or left out did not."""
        with connect(self.settings) as lake:
            return lake.has_build(connection)

    def check_ready(self, manifest: Mapping[str, Any]) -> None:
        """Check that the lake can be used.

        Raises:
            LakeError: it cannot, or rows were purged, whose archive it does not have.
        """
        with loading_connection(self.settings.warehouse) as connection:
            if scalar(connection, "select count(*) from audit.purge"):
                raise LakeError(
                    "FCIR_TARGET=spark: detail of this data root was purged, and its archive is only in DuckDB. "
                    "Nothing was built; what is loaded stays. Run: FCIR_TARGET=duckdb fcir run"
                )
        with connect(self.settings) as lake, loading_connection(self.settings.warehouse) as connection:
            lake.require_exact()
            lake.require_own(connection, built_schemas(manifest))

    def push_loads(self, manifest: Mapping[str, Any]) -> None:
        """Append the loads that the lake does not have, and mirror the audit tables that models read.

        Raises:
            LakeError: the lake cannot be used, or Spark refused a statement.
        """
        read = {source["identifier"] for source in manifest["sources"].values() if source["schema"] == "audit"}
        with connect(self.settings) as lake, loading_connection(self.settings.warehouse) as connection:
            lake.claim(connection, built_schemas(manifest))
            clear_lake_folder(self.settings)
            lake.append(connection)
            # The view of pending loads reads `build`.
            lake.mirror(connection, {*read, "build"})

    def pull_tables(self, manifest: Mapping[str, Any], built: Iterable[str], *, full_refresh: bool) -> None:
        """Pull the tables into the warehouse, and create the views there: their SQL is the same for both engines.

        Args:
            manifest: the project.
            built: ids of the nodes that were built.
            full_refresh: whether they were built from scratch.

        Raises:
            DbtError: a view could not be created.
            LakeError: something else has changed the lake since the models were built from it; nothing was pulled.
        """
        with connect(self.settings) as lake, loading_connection(self.settings.warehouse) as connection:
            lake.require_unchanged(connection)
        nodes = [manifest["nodes"][unique_id] for unique_id in built]
        views = [node for node in nodes if node["config"]["materialized"] == "view"]
        marts = {mart.name: mart for mart in marts_of(manifest)}
        with connect(self.settings) as lake, loading_connection(self.settings.warehouse) as connection:
            lake.pull(
                connection,
                [
                    _relation(node, None if full_refresh else _changed_months(lake, marts.get(node["name"])))
                    for node in nodes
                    if node not in views
                ],
            )
        if views:
            local = self.settings.model_copy(update={"target": Target.DUCKDB})
            made = invoke(local, ["run", "--no-write-json", "--select", *(".".join(node["fqn"]) for node in views)])
            if failed := [item.node.name for item in made.results if item.status != "success"]:
                raise DbtError(
                    f"{', '.join(failed)}: not created in the warehouse after Spark built the tables. The step is not "
                    "recorded as built. Run again: fcir run"
                )

    def push_builds(self) -> None:
        """Mirror the record of builds."""
        with connect(self.settings) as lake, loading_connection(self.settings.warehouse) as connection:
            lake.mirror(connection, ["build"])

    def rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query that dbt compiled for Spark."""
        with connect(self.settings) as lake:
            return lake.rows(sql)


def _relation(node: Mapping[str, Any], changed_months: Any) -> Relation:
    columns = {name: column["description"] for name, column in node["columns"].items()}
    return Relation(node["schema"], node["alias"], node["description"], columns, changed_months)


def _changed_months(lake: Lake, mart: Mart | None) -> tuple[str, list[Any]] | None:
    """Return the date column of a fact and its changed months, if a build renews only the rows of changed keys."""
    if mart is None or mart.changed_rows is None or mart.month_of is None:
        return None
    month = f"cast(date_trunc('month', {mart.month_of}) as date)"
    rows = lake.rows(f"select distinct {month} from {'.'.join(mart.changed_rows)}")  # noqa: S608 - names of the project
    return mart.month_of, [day for (day,) in rows]
