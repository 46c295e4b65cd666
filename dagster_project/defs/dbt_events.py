"""Dagster events of a dbt step: one for each model and seed that was built, and for each test that ran.

dagster-dbt's `fetch_row_counts().fetch_column_metadata()` provide the same, but busy-wait for DuckDB until dbt has
ended (docs/decisions/0005-dbt-in-process.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from dagster_project.defs.dbt_specs import asset_key_of
from dagster_project.settings import Settings
from dagster_project.sql import count_rows, table
from dagster_project.transformation.build import BuildReport, NodeResult
from dagster_project.transformation.lineage import column_lineage
from dagster_project.transformation.project import target_path
from dagster_project.warehouse.connection import loading_connection
from dagster_project.words import in_markdown

_UNIQUE_ID, _MANIFEST = "dagster_dbt/unique_id", "dagster_dbt/manifest"


def selected_nodes(
    context: dg.AssetExecutionContext,
) -> tuple[dict[str, dg.AssetSpec], dict[str, dg.AssetCheckSpec]]:
    """Return the assets and checks that a run selected from a definition, by the id of their dbt node."""
    assets = {
        spec.metadata[_UNIQUE_ID]: spec for spec in context.assets_def.specs if spec.key in context.selected_asset_keys
    }
    checks = {
        spec.metadata[_UNIQUE_ID]: spec
        for spec in context.assets_def.check_specs
        if spec.metadata and spec.key in context.selected_asset_check_keys
    }
    return assets, checks


def events_of(
    context: dg.AssetExecutionContext, settings: Settings, report: BuildReport
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Yield the results of a build for the selected assets and checks.

    The caller must not have a connection to the warehouse.

    Yields:
        For each model and seed: its row count (tables only, since counting a view computes it), columns with types, and
        column lineage. For each data test: its result, the number of faulty rows and the faults in words.
    """
    specs, checks = selected_nodes(context)
    manifest = next(iter(context.assets_def.specs)).metadata[_MANIFEST].manifest
    with loading_connection(settings.warehouse) as connection:
        types = column_types(connection)
        counts = _row_counts(connection, report)
    lineage = column_lineage(
        manifest,
        {node.unique_id: node.sql for node in report.nodes if node.sql},
        stored_columns={relation: list(columns) for relation, columns in types.items()},
        cache=target_path(settings) / "column_lineage.json",
    )
    for node in report.nodes:
        if node.unique_id in specs and node.is_good:
            spec = specs[node.unique_id]
            metadata: dict[str, Any] = {"seconds": round(node.seconds, 3)}
            if node.unique_id in counts:
                metadata["dagster/row_count"] = counts[node.unique_id]
            if schema := _typed(spec, types):
                metadata["dagster/column_schema"] = schema
            if deps := _column_deps(manifest, lineage.get(node.unique_id, {})):
                metadata["dagster/column_lineage"] = dg.TableColumnLineage(deps_by_column=deps)
                # The open-source UI does not show column lineage; this table does.
                metadata["columns_come_from"] = _origins_table(deps)
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)
        elif node.unique_id in checks and node.status != "skipped":
            yield check_result(checks[node.unique_id], node)


def check_result(check: dg.AssetCheckSpec, node: NodeResult) -> dg.AssetCheckResult:
    """Return the result of a data test: the number of faulty rows, and the faults in words.

    Args:
        check: the data test as a check of its asset.
        node: the result that dbt gave.
    """
    metadata: dict[str, Any] = {"failures": node.failures or 0, "seconds": round(node.seconds, 3)}
    if node.faults:
        metadata["faults"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"fault": fault.text, "rows": fault.rows, "rows_where": fault.rows_where})
                for fault in node.faults
            ]
        )
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=node.status == "pass",
        severity=dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR,
        # The UI shows a description as Markdown, and a message of the engine may contain a value.
        description=None if node.status == "pass" else in_markdown(" ".join(node.message.split())),
        metadata=metadata,
    )


_ColumnTypes = Mapping[tuple[str, str], Mapping[str, str]]


def column_types(connection: duckdb.DuckDBPyConnection) -> _ColumnTypes:
    """Return the type of each column of all tables and views, those of the marts included, by schema and table."""
    types: dict[tuple[str, str], dict[str, str]] = {}
    for schema, name, column, kind in connection.execute(
        """
        select schema_name, table_name, column_name, data_type
        from duckdb_columns()
        where not internal
        order by schema_name, table_name, column_index
        """
    ).fetchall():
        types.setdefault((schema, name), {})[column] = kind
    return types


def _typed(spec: dg.AssetSpec, types: _ColumnTypes) -> dg.TableSchema | None:
    """Return the documented columns of a table with their types in the database; None if a contract describes them."""
    described = spec.metadata.get("dagster/column_schema")
    schema, name = spec.key.path
    if schema == "marts" or described is None or (schema, name) not in types:
        return None
    descriptions = {column.name: column.description for column in described.columns}
    return dg.TableSchema(
        [
            dg.TableColumn(column, kind.lower(), description=descriptions.get(column))
            for column, kind in types[schema, name].items()
        ]
    )


def _column_deps(
    manifest: Mapping[str, Any], columns: Mapping[str, list[tuple[str, str]]]
) -> dict[str, list[dg.TableColumnDep]]:
    return {
        column: [
            dg.TableColumnDep(asset_key=asset_key_of(manifest, unique_id), column_name=name)
            for unique_id, name in origins
        ]
        for column, origins in columns.items()
        if origins
    }


def _origins_table(deps: Mapping[str, Sequence[dg.TableColumnDep]]) -> dg.TableMetadataValue:
    texts = {
        column: ", ".join(f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in origins)
        for column, origins in deps.items()
    }
    return dg.MetadataValue.table(
        [dg.TableRecord({"column": column, "comes_from": text}) for column, text in texts.items()]
    )


def _row_counts(connection: duckdb.DuckDBPyConnection, report: BuildReport) -> dict[str, int]:
    """Return the row count of every table that was built; counting a stored table reads only its metadata."""
    tables = dict(
        connection.execute(
            """
            select table_name, schema_name
            from duckdb_tables()
            where not internal and schema_name not in ('raw', 'audit', 'incoming')
            """
        ).fetchall()
    )
    counts: dict[str, int] = {}
    for node in report.nodes:
        if node.is_good and node.resource_type in ("model", "seed") and node.name in tables:
            counts[node.unique_id] = count_rows(connection, table(tables[node.name], node.name))
    return counts
