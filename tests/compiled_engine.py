"""The SQL that dbt compiled, built without dbt: three CPU seconds a night instead of twenty.

It builds whole tables and runs every data test. What dbt adds (incremental builds, contracts, comments, the archive of
purged rows) needs dbt; `tests/dbt/test_compiled_engine.py` shows that both build the same tables.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation
from dagster_dbt.asset_utils import get_manifest_and_translator_from_dbt_assets

from dagster_project.defs.dbt_events import selected_nodes
from dagster_project.settings import read_settings
from dagster_project.transformation.dbt import Dbt
from dagster_project.warehouse.connection import loading_connection
from tests.compiled_project import CompiledProject, Node, build_node

_RESULT = {"model": "LogModelResult", "seed": "LogSeedResult", "test": "LogTestResult"}


class CompiledDbt:
    """`cli` stands in place of that of `Dbt`: it builds the nodes of the compiled project in this process."""

    project: ClassVar[CompiledProject]
    """Set by the fixture `compiled`."""

    @staticmethod
    def cli(
        dbt: Dbt, args: Sequence[str], *, context: Any = None, target_path: Path, **_options: Any
    ) -> DbtCliInvocation:
        """Build and test the nodes that a run selected; return an invocation with the events that dbt would print."""
        project = CompiledDbt.project
        only = selected_nodes(context) if context else None
        nodes = [node for key, node in project.nodes.items() if only is None or key in only]
        results = _build(read_settings().warehouse, nodes)
        (target_path / "run_results.json").write_text(json.dumps({"results": results}), encoding="utf-8")
        lines = "\n".join(json.dumps(_event(project.nodes[result["unique_id"]], result)) for result in results)
        manifest, translator = project.manifest, DagsterDbtTranslator()
        if context:
            manifest, translator, _ = get_manifest_and_translator_from_dbt_assets([context.assets_def])
        return DbtCliInvocation(
            process=_Ended(args, lines),  # type: ignore[arg-type]
            manifest=manifest,
            dagster_dbt_translator=translator,
            project_dir=Path(dbt.project_dir),
            target_path=target_path,
            raise_on_error=False,
            cli_version=dbt._cli_version,
            context=context,
        )


class _Ended:
    """A process that has ended."""

    returncode = 0

    def __init__(self, args: Sequence[str], lines: str) -> None:
        self.args = list(args)
        self.stdout = io.BytesIO(lines.encode())

    def wait(self) -> int:
        """Return the exit code."""
        return self.returncode


def _event(node: Node, result: dict[str, Any]) -> dict[str, Any]:
    """Return the event that dbt prints of a result."""
    about = {"unique_id": node.unique_id, "node_status": result["status"], "materialized": node.kind}
    info = {"name": _RESULT[node.entry["resource_type"]], "msg": node.name, "level": "info", "invocation_id": "tests"}
    return {"info": info, "data": {"node_info": about, "num_failures": result["failures"] or 0}}


def _build(warehouse: Path, nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """Build and test nodes; like dbt, skip those that depend on one that failed or whose test failed."""
    results, bad = [], set[str]()
    with loading_connection(warehouse) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for node in _in_order(nodes):
            status, message, failures = "skipped", "", None
            if bad.isdisjoint(node.parents):
                status, message, failures = _built(connection, node)
            if status in ("error", "skipped"):
                bad.add(node.unique_id)
            elif status == "fail":
                bad.update(node.parents)
            results.append(
                {
                    "unique_id": node.unique_id,
                    "status": status,
                    "message": message,
                    "failures": failures,
                    "execution_time": 0.0,
                    "compiled_code": node.entry.get("compiled_code"),
                }
            )
    return results


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Return nodes, each after what it reads; tests of a table before what else reads it."""
    order: list[Node] = []
    waiting = {node.unique_id: node for node in nodes}
    while waiting:
        ready = [node for node in waiting.values() if waiting.keys().isdisjoint(node.parents)]
        ready = [node for node in ready if node.kind == "test"] or ready
        order += [waiting.pop(node.unique_id) for node in ready]
    return order


def _built(connection: duckdb.DuckDBPyConnection, node: Node) -> tuple[str, str, int | None]:
    """Build or test a node; return status, message, and the number of rows that a test found."""
    try:
        found = build_node(connection, node)
    except duckdb.Error as error:
        return "error", str(error), None
    if node.kind != "test":
        return "success", "", None
    if not found:
        return "pass", "", 0
    severity = str(node.entry["config"]["severity"]).lower()
    return ("fail" if severity == "error" else "warn"), f"Got {found} results", found
