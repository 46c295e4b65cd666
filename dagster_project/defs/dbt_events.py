"""What a build adds to the events of dagster-dbt: rows, columns and their lineage, and faults in words.

dagster-dbt's `fetch_row_counts().fetch_column_metadata()` provide the first three, but keep the database open in this
process and compute all lineage again (docs/decisions/0005-dbt-as-dagster-dbt-runs-it.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from dagster_project.defs.links import asset_key_of
from dagster_project.settings import Settings
from dagster_project.sql import count_each, table
from dagster_project.transformation.build import BuildReport, NodeResult
from dagster_project.transformation.lineage import column_lineage
from dagster_project.transformation.project import target_path
from dagster_project.warehouse.connection import loading_connection
from dagster_project.words import in_markdown

_UNIQUE_ID = "dagster_dbt/unique_id"


def selected_nodes(context: dg.AssetExecutionContext) -> set[str] | None:
    """Return the ids of the dbt nodes that a run selected from the definition; None if it selected all."""
    tables, checks = context.selected_asset_keys, context.selected_asset_check_keys
    definition = context.assets_def
    if len(tables) == len(definition.node_keys_by_output_name) and len(checks) == len(
        definition.node_check_specs_by_output_name
    ):
        return None
    specs = [spec for spec in definition.specs if spec.key in tables]
    specs += [spec for spec in definition.check_specs if spec.key in checks]
    return {spec.metadata[_UNIQUE_ID] for spec in specs if spec.metadata}


def with_metadata(
    events: Sequence[Any], settings: Settings, report: BuildReport, manifest: Mapping[str, Any]
) -> Iterator[dg.Output[None] | dg.AssetCheckResult]:
    """Yield the events of dagster-dbt with what a build found.

    The caller must not have a connection to the warehouse.

    Yields:
        For each model and seed: its row count (tables only, since counting a view computes it), columns with types, and
        column lineage. For each data test: its result, the number of faulty rows and the faults in words.
    """
    with loading_connection(settings.warehouse) as connection:
        types = _column_types(connection)
        counts = _row_counts(connection, report, manifest)
    lineage = column_lineage(
        manifest,
        {node.unique_id: node.sql for node in report.nodes if node.sql},
        columns={relation: list(columns) for relation, columns in types.items()},
        cache=target_path(settings) / "column_lineage.json",
    )
    results = {node.unique_id: node for node in report.nodes}
    for event in events:
        unique_id = event.metadata["unique_id"]
        node = results.get(getattr(unique_id, "text", unique_id))
        if isinstance(event, dg.Output) and node:
            metadata: dict[str, Any] = {}
            if node.unique_id in counts:
                metadata["dagster/row_count"] = counts[node.unique_id]
            if schema := _typed(manifest["nodes"][node.unique_id], types):
                metadata["dagster/column_schema"] = schema
            if deps := _column_deps(manifest, lineage.get(node.unique_id, {})):
                metadata["dagster/column_lineage"] = dg.TableColumnLineage(deps_by_column=deps)
                # The open-source UI does not show column lineage; this table does.
                metadata["columns_come_from"] = _origins_table(deps)
            yield dg.Output(None, event.output_name, metadata={**event.metadata, **metadata})
        elif isinstance(event, dg.AssetCheckResult) and node:
            yield _explained(event, node)


def _explained(event: dg.AssetCheckResult, node: NodeResult) -> dg.AssetCheckResult:
    """Return the result of a data test with the faults in words."""
    metadata: dict[str, Any] = {"failures": node.failures or 0}
    if node.faults:
        metadata["faults"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"fault": fault.text, "rows": fault.rows, "rows_where": fault.rows_where})
                for fault in node.faults
            ]
        )
    return dg.AssetCheckResult(
        asset_key=event.asset_key,
        check_name=event.check_name,
        passed=event.passed,
        severity=event.severity,
        # The UI shows a description as Markdown, and a message of the engine may contain a value.
        description=None if event.passed else in_markdown(" ".join(node.message.split())),
        metadata={**event.metadata, **metadata},
    )


_ColumnTypes = Mapping[tuple[str, str], Mapping[str, str]]


def _column_types(connection: duckdb.DuckDBPyConnection) -> _ColumnTypes:
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


def _typed(node: Mapping[str, Any], types: _ColumnTypes) -> dg.TableSchema | None:
    """Return the documented columns of a table with their types in the database; None if a contract describes them."""
    if node["schema"] == "marts" or not node["columns"] or (node["schema"], node["name"]) not in types:
        return None
    return dg.TableSchema(
        [
            dg.TableColumn(column, kind.lower(), description=node["columns"].get(column, {}).get("description"))
            for column, kind in types[node["schema"], node["name"]].items()
        ]
    )


def _column_deps(
    manifest: Mapping[str, Any], columns: Mapping[str, Sequence[Sequence[str]]]
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


def _row_counts(
    connection: duckdb.DuckDBPyConnection, report: BuildReport, manifest: Mapping[str, Any]
) -> dict[str, int]:
    """Return the row count of every table that was built; counting a stored table reads only its metadata."""
    stored = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    places = {
        node.unique_id: (manifest["nodes"][node.unique_id]["schema"], node.name)
        for node in report.nodes
        if node.is_good
    }
    return count_each(connection, {key: table(*place) for key, place in places.items() if place in stored})
