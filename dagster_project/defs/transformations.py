"""The dbt models, seeds and tests as assets and checks. What runs dbt: `transformation/build.py`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from dagster_project.console import step, warn
from dagster_project.defs.event_log import in_one_transaction
from dagster_project.defs.links import file_of_project, pages_of_table
from dagster_project.defs.resources import Warehouse
from dagster_project.publication.versions import settle
from dagster_project.settings import Settings
from dagster_project.sql import table
from dagster_project.transformation.build import BuildReport, Fault, NodeResult, build
from dagster_project.transformation.lineage import ColumnLineage, column_lineage
from dagster_project.transformation.project import read_manifest, target_path
from dagster_project.warehouse.connection import loading_connection
from dagster_project.words import counted

# Claim of a kind of data test; in braces its arguments. That of `integrity` is several sentences: `_integrity`.
_CLAIMS = {
    "dated_list": "Of each force and {key}, one row at most is in force on any day, and none is missing between.",
    "sums_to_measure": "{column} adds up to the measure {measure} in every month of a force.",
}
_UNIQUE_ID = "dagster_dbt/unique_id"


class Translator(DagsterDbtTranslator):
    """Names of the dbt nodes in Dagster (schema and table) and their groups, as dbt_project.yml has them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._installation = settings

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """The spec of a node, with its stage as the group, its owner and its kinds."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
        if node["resource_type"] == "source":
            return spec.replace_attributes(key=dg.AssetKey([node["source_name"], node["name"]]))
        group = manifest["groups"][f"group.{node['package_name']}.{node['group']}"]
        return spec.replace_attributes(
            key=dg.AssetKey([node["schema"], node["name"]]),
            group_name=group["name"],
            description=node["description"],
            owners=[f"team:{group['owner']['name']}"],
            kinds={"dbt", "csv" if node["resource_type"] == "seed" else "duckdb"},
            tags={"stage": group["name"].partition("_")[0]},
        ).merge_attributes(
            metadata=pages_of_table(self._installation, node["schema"], node["name"], unique_id)
            | (
                {"csv_file": dg.MetadataValue.text(f"dbt/{node['original_file_path']}")}
                if node["resource_type"] == "seed"
                else file_of_project("sql", f"dbt/{node['original_file_path']}", "sql")
            )
        )

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """The spec of a data test: a name that does not repeat the table's, and its claim in words."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        node = manifest["nodes"][unique_id]
        children = [
            manifest["nodes"][child]
            for child in manifest["child_map"].get(node.get("attached_node"), [])
            if child.startswith("test.")
        ]
        # A test of another table that has this one as a parent is its child too.
        siblings = [_short_name(child) for child in children if child.get("attached_node") == node["attached_node"]]
        short = _short_name(node)
        return dg.AssetCheckSpec(
            name=short if siblings.count(short) == 1 else node["name"],
            asset=spec.asset_key,
            description=f"{node['description'] or _claim(node) or _sentence(node['name'])} {_consequence(node)}",
            additional_deps=spec.additional_deps,
            metadata=spec.metadata,
            blocking=spec.blocking,
        )


def _consequence(node: Mapping[str, Any]) -> str:
    """What a failure of a data test means, in a sentence."""
    if node["config"]["severity"].lower() == "warn":
        return "A failure is a warning: the marts are published."
    return "A failure stops the run: nothing is published, and what was published before stays."


def _short_name(node: Mapping[str, Any]) -> str:
    """The kind of a generic test with what it is about; a test of its own file has a sentence for a name already."""
    if not node.get("test_metadata"):
        return str(node["name"])
    return "_".join(filter(None, [node["test_metadata"]["name"], node["test_metadata"]["kwargs"].get("column")]))


def _claim(node: Mapping[str, Any]) -> str | None:
    """What a generic test says of its table; nothing for a kind of test that is not known here."""
    if not node.get("test_metadata"):
        return None
    name, arguments = node["test_metadata"]["name"], node["test_metadata"]["kwargs"]
    if name == "integrity":
        return _integrity(arguments)
    claim = _CLAIMS.get(name)
    texts = {name: _listed(value) if isinstance(value, list) else str(value) for name, value in arguments.items()}
    return claim.format_map(texts) if claim else None


def _integrity(arguments: Mapping[str, Any]) -> str:
    """Everything that a test of integrity claims of its table, a sentence for each."""
    claims = []
    if "grain" in arguments:
        claims.append(f"No two rows have the same {_listed(arguments['grain'])}.")
    if "required" in arguments:
        claims.append(f"Never empty: {_listed(arguments['required'])}.")
    claims += [f"{column} is one of: {_listed(values)}." for column, values in arguments.get("accepted", {}).items()]
    claims += [f"{item['total']} is the sum of {_listed(item['parts'])}." for item in arguments.get("totals", [])]
    for item in arguments.get("parents", []):
        place = _table_of(item["to"])
        to_columns = item.get("to_columns", item["columns"])
        place = f"in {place}" if to_columns == item["columns"] else f"a {_listed(to_columns)} of {place}"
        claims.append(f"Every {_listed(item['columns'])} is {place}.")
    return " ".join(claims)


def _listed(items: Sequence[object]) -> str:
    return ", ".join(str(item) for item in items)


def _sentence(name: str) -> str:
    """The name of a test of its own file, which is a sentence, as one."""
    return f"{name.replace('_', ' ').capitalize()}."


def _table_of(text: str) -> str:
    """The name in a reference to a model, `ref('dim_force')`; other text as it is."""
    return text.removeprefix("ref('").removesuffix("')")


def audit_specs(manifest_path: Path) -> list[dg.AssetSpec]:
    """The audit tables that the models read.

    Every load writes them, but no source is upstream of them here: else all of them would be upstream of each model
    that asks the audit which of its own loads are current, and the lineage of a figure would tell nothing.
    """
    return [
        dg.AssetSpec(
            ["audit", node["name"]],
            group_name="sources",
            description=node["description"],
            owners=["team:data-engineering"],
            kinds={"duckdb"},
            tags={"stage": "sources"},
            metadata={"dagster/table_name": f"warehouse.audit.{node['name']}"},
        )
        for node in read_manifest(manifest_path)["sources"].values()
        if node["source_name"] == "audit"
    ]


def audit_state(manifest_path: Path, settings: Settings) -> Iterator[dg.AssetMaterialization]:
    """Rows and columns of the audit tables as they stand: whatever wrote to them, a run ends with it."""
    with loading_connection(settings.warehouse) as connection:
        columns = _column_types(connection, ["audit"])
        for spec in audit_specs(manifest_path):
            schema, name = spec.key.path
            if (schema, name) in columns:
                row = connection.execute(f"select count(*) from {table(schema, name)}").fetchone()  # noqa: S608 - quoted
                yield dg.AssetMaterialization(
                    asset_key=spec.key,
                    metadata={
                        "dagster/row_count": int(row[0]) if row else 0,
                        "dagster/column_schema": dg.TableSchema(
                            [dg.TableColumn(column, kind.lower()) for column, kind in columns[schema, name].items()]
                        ),
                    },
                )


def dbt_assets_of(manifest_path: Path, settings: Settings) -> dg.AssetsDefinition:
    """All nodes of the dbt project as one multi-asset: dbt orders and threads them itself."""

    @dbt_assets(manifest=manifest_path, dagster_dbt_translator=Translator(settings), name="dbt_models")
    def dbt_models(
        context: dg.AssetExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        settings = warehouse.settings
        started = time.monotonic()
        warehouse.begin("building and testing the marts")
        with loading_connection(settings.warehouse) as connection:
            # What has changed since the last publication is a model: a publication that was killed is to be none.
            settle(connection, settings.published)
        report = build(settings, run_id=context.run.run_id)
        _say(report, time.monotonic() - started)
        results = list(_results(context, settings, report, _lineage(manifest_path, settings, report)))
        with in_one_transaction(context.instance):
            yield from results
        if report.failed:
            raise dg.Failure(_failure(report), allow_retries=False)

    return dbt_models


def _lineage(manifest_path: Path, settings: Settings, report: BuildReport) -> ColumnLineage:
    """Column lineage by the SQL that the build ran."""
    with loading_connection(settings.warehouse) as connection:
        source_columns = {
            relation: list(types) for relation, types in _column_types(connection, ["raw", "audit"]).items()
        }
    return column_lineage(
        read_manifest(manifest_path),
        {node.unique_id: node.sql for node in report.nodes if node.sql},
        source_columns=source_columns,
        cache=target_path(settings) / "column_lineage.json",
    )


def _results(
    context: dg.AssetExecutionContext, settings: Settings, report: BuildReport, lineage: ColumnLineage
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """One event for each model and seed that was built, and for each test that ran."""
    definition = context.assets_def
    specs = {spec.metadata[_UNIQUE_ID]: spec for spec in definition.specs}
    keys_by_unique_id = {unique_id: spec.key for unique_id, spec in specs.items()}
    checks = {spec.metadata[_UNIQUE_ID]: spec for spec in definition.check_specs if spec.metadata}
    counts = _row_counts(settings, report)
    with loading_connection(settings.warehouse) as connection:
        types = _column_types(connection, ["staging", "changes", "measures", "reference"])
    for node in report.nodes:
        if node.unique_id in specs and node.is_good:
            spec = specs[node.unique_id]
            metadata: dict[str, Any] = {"seconds": round(node.seconds, 3)}
            if node.unique_id in counts:
                metadata["dagster/row_count"] = counts[node.unique_id]
            schema = _typed(spec, types)
            if schema:
                metadata["dagster/column_schema"] = schema
            deps = _column_deps(lineage.get(node.unique_id, {}), keys_by_unique_id)
            if deps:
                metadata["dagster/column_lineage"] = dg.TableColumnLineage(deps_by_column=deps)
                # The open-source UI keeps column lineage to itself; this is the same to read.
                metadata["columns_come_from"] = _origins_table(deps)
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)
        elif node.unique_id in checks and node.status != "skipped":
            check = checks[node.unique_id]
            metadata = {"failures": node.failures or 0, "seconds": round(node.seconds, 3)}
            if node.faults:
                metadata["faults"] = _faults_table(node.faults)
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=node.status == "pass",
                severity=dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR,
                description=None if node.status == "pass" else node.message,
                metadata=metadata,
            )


def _faults_table(faults: Sequence[Fault]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord({"fault": fault.text, "rows": fault.rows, "rows_where": fault.rows_where})
            for fault in faults
        ],
        schema=dg.TableSchema(
            [
                dg.TableColumn("fault", "text"),
                dg.TableColumn("rows", "int"),
                dg.TableColumn("rows_where", "text"),
            ]
        ),
    )


def _column_types(
    connection: duckdb.DuckDBPyConnection, schemas: Sequence[str]
) -> dict[tuple[str, str], dict[str, str]]:
    """Schema and table to column to its type, of all tables and views of the schemas."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, name, column, kind in connection.execute(
        """
        select schema_name, table_name, column_name, data_type
        from duckdb_columns()
        where database_name = 'warehouse' and list_contains(?, schema_name)
        order by schema_name, table_name, column_index
        """,
        [list(schemas)],
    ).fetchall():
        found.setdefault((schema, name), {})[column] = kind
    return found


def _typed(spec: dg.AssetSpec, types: Mapping[tuple[str, str], Mapping[str, str]]) -> dg.TableSchema | None:
    """The described columns of a table with the types that the database gave them; none where its contract has them."""
    described = spec.metadata.get("dagster/column_schema")
    schema, name = spec.key.path
    if described is None or (schema, name) not in types:
        return None
    descriptions = {column.name: column.description for column in described.columns}
    return dg.TableSchema(
        [
            dg.TableColumn(column, kind.lower(), description=descriptions.get(column))
            for column, kind in types[schema, name].items()
        ]
    )


def _column_deps(
    columns: Mapping[str, list[tuple[str, str]]], keys: Mapping[str, dg.AssetKey]
) -> dict[str, list[dg.TableColumnDep]]:
    return {
        column: [dg.TableColumnDep(asset_key=_key_of(unique_id, keys), column_name=name) for unique_id, name in origins]
        for column, origins in columns.items()
        if origins
    }


def _origins_table(deps: Mapping[str, Sequence[dg.TableColumnDep]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "column": column,
                    "comes_from": ", ".join(f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in origins),
                }
            )
            for column, origins in deps.items()
        ],
        schema=dg.TableSchema([dg.TableColumn("column", "text"), dg.TableColumn("comes_from", "text")]),
    )


def _key_of(unique_id: str, keys: Mapping[str, dg.AssetKey]) -> dg.AssetKey:
    # Sources are no assets of this definition; their keys are their last two parts (source.fcir.raw.crimes).
    return keys.get(unique_id) or dg.AssetKey(unique_id.split(".")[-2:])


def _row_counts(settings: Settings, report: BuildReport) -> dict[str, int]:
    """Rows of every table that was built; counting a stored table reads its metadata only."""
    with loading_connection(settings.warehouse) as connection:
        schemas = dict(
            connection.execute(
                """
                select table_name, schema_name
                from duckdb_tables()
                where database_name = 'warehouse' and schema_name in ('changes', 'measures', 'marts', 'reference')
                """
            ).fetchall()
        )
        counts: dict[str, int] = {}
        for node in report.nodes:
            if node.is_good and node.resource_type in ("model", "seed") and node.name in schemas:
                relation = table(schemas[node.name], node.name)
                row = connection.execute(f"select count(*) from {relation}").fetchone()  # noqa: S608 - quoted names
                counts[node.unique_id] = int(row[0]) if row else 0
    return counts


def _say(report: BuildReport, seconds: float) -> None:
    """One line for each layer of models, in the order in which they end, one for the tests, one for all."""
    groups: dict[str, list[NodeResult]] = {}
    for node in report.nodes:
        name = {"seed": "reference", "test": "tests"}.get(node.folder, node.folder)
        groups[name] = [*groups.pop(name, []), node]
    groups.pop("operation", None)
    groups |= {"tests": groups.pop("tests", [])}
    for name, nodes in groups.items():
        bad = [node for node in nodes if not node.is_good]
        warned = [node for node in nodes if node.status == "warn"]
        message = f"{len(nodes) - len(bad)} of {len(nodes)} good"
        message += f", {len(warned)} warned" if warned else ""
        message += f" ({sum(node.seconds for node in nodes):.1f} s)"
        step("build", name, message, nodes=len(nodes), failed=len(bad), warned=len(warned))
    kind = "from scratch" if report.is_full_refresh else "incremental where it can be"
    step("build", "all", f"{kind} ({seconds:.1f} s)", seconds=round(seconds, 3))
    for node in report.nodes:
        if node.status == "warn":
            warn(f"{node.name}: {node.message}")


def _failure(report: BuildReport) -> str:
    named = "; ".join(
        f"{node.name}: {node.message or node.status}" for node in report.failed if node.status != "skipped"
    )
    return (
        f"dbt: {counted(len(report.failed), 'node')} failed or skipped: {named}. Nothing was published; what was "
        "published before stays. Correct the cause and run: fcir run"
    )
