"""The dbt project as three definitions, and the audit tables that its models read. `resources.py` runs dbt."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster_dbt import dbt_assets

from dagster_project.defs.dbt_events import column_types
from dagster_project.defs.dbt_specs import Translator
from dagster_project.defs.resources import Dbt, Warehouse
from dagster_project.settings import Settings
from dagster_project.sql import count_rows, table
from dagster_project.transformation.build import STEPS, Step
from dagster_project.transformation.project import read_manifest
from dagster_project.warehouse.connection import loading_connection


def transformation_assets(manifest: Path, settings: Settings) -> list[dg.AssetsDefinition]:
    """Return facts, measures and papers. If a step fails, the results of the steps before it remain."""
    return [_dbt_assets(step, manifest, settings) for step in STEPS]


def _dbt_assets(step: Step, manifest: Path, settings: Settings) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=manifest,
        select=step.select,
        exclude=step.exclude,
        name=step.name,
        dagster_dbt_translator=Translator(settings),
    )
    def build(
        context: dg.AssetExecutionContext, warehouse: Warehouse, dbt: Dbt
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        yield from dbt.build(context, warehouse).stream()

    return build


def audit_specs(manifest: Path) -> list[dg.AssetSpec]:
    """Return the audit tables that the models read.

    Every load writes them, but no source is upstream of them here. Otherwise every source would be upstream of each
    model that looks up the current loads of its own sources, and the lineage of a figure would be useless.
    """
    return [
        dg.AssetSpec(
            ["audit", node["name"]],
            group_name="sources_audit",
            description=node["description"],
            kinds={"duckdb"},
            metadata={"dagster/table_name": f"warehouse.audit.{node['name']}"},
        )
        for node in read_manifest(manifest)["sources"].values()
        if node["source_name"] == "audit"
    ]


def audit_materializations(manifest: Path, settings: Settings) -> Iterator[dg.AssetMaterialization]:
    """Yield the rows and columns of the audit tables at the end of a run, whichever steps wrote to them."""
    with loading_connection(settings.warehouse) as connection:
        types = column_types(connection)
        for spec in audit_specs(manifest):
            schema, name = spec.key.path
            if (schema, name) in types:
                columns = [dg.TableColumn(column, kind.lower()) for column, kind in types[schema, name].items()]
                yield dg.AssetMaterialization(
                    asset_key=spec.key,
                    metadata={
                        "dagster/row_count": count_rows(connection, table(schema, name)),
                        "dagster/column_schema": dg.TableSchema(columns),
                    },
                )
