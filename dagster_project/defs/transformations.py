"""The dbt project as one definition, and the audit tables that its models read."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from dagster_project.console import warn
from dagster_project.defs.dbt_events import selected_nodes, with_metadata
from dagster_project.defs.dbt_specs import Translator
from dagster_project.defs.log_lines import log_build
from dagster_project.defs.resources import Warehouse
from dagster_project.defs.run_record import FAILED_SUBJECTS
from dagster_project.publication.publish import recover_interrupted
from dagster_project.settings import Settings
from dagster_project.transformation.begun_again import numbers_begun_again
from dagster_project.transformation.build import build
from dagster_project.transformation.dbt import run_dbt
from dagster_project.transformation.project import read_manifest
from dagster_project.warehouse.connection import loading_connection


def transformation_assets(manifest: Path, settings: Settings) -> dg.AssetsDefinition:
    """Return all tables of the dbt project. If one fails, only what depends on it is not built."""

    @dbt_assets(manifest=read_manifest(manifest), name="dbt", dagster_dbt_translator=Translator(settings))
    def dbt(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.Output[None] | dg.AssetCheckResult]:
        started = time.monotonic()
        settings = warehouse.settings
        warehouse.begin("building and testing the tables")
        with loading_connection(settings.warehouse) as connection:
            # Models compare with the last publication; one whose run was killed does not count.
            recover_interrupted(connection, settings.published)
        events: list[Any] = []

        report = build(
            settings,
            lambda arguments: events.extend(run_dbt(settings, arguments, context)),
            run_id=context.run.run_id,
            manifest=read_manifest(manifest),
            only=selected_nodes(context),
        )
        log_build(report, time.monotonic() - started)
        if not report.failed:
            for text in numbers_begun_again(settings, read_manifest(manifest), context.run.run_id):
                warn(text)
        yield from with_metadata(events, settings, report, read_manifest(manifest))
        if report.failed:
            subjects = dg.MetadataValue.json(report.failed_subjects)
            raise dg.Failure(report.failure, metadata={FAILED_SUBJECTS: subjects}, allow_retries=False)

    return dbt


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
