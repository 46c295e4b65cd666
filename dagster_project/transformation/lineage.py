"""Which columns a model's column comes from, read out of its compiled SQL. Showing it is Dagster's.

Without the cache of what did not change, each build would take 20 ms of CPU for every model, 3 seconds in all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer import build_scope, qualify
from sqlglot.schema import MappingSchema

ColumnLineage = dict[str, dict[str, list[tuple[str, str]]]]
"""Node id to column to its origins, each the id of a node and a column of it."""

Columns = Mapping[tuple[str, str], Sequence[str]]
"""Schema and table to column names."""


def column_lineage(
    manifest: Mapping[str, Any], compiled: Mapping[str, str], *, stored_columns: Columns, cache: Path
) -> ColumnLineage:
    """Column lineage of all models.

    Only what a value is made of counts: a column that decides which rows are there (a join, a filter, a group) is no
    origin, and a count of rows or a literal has none.

    Args:
        manifest: dbt's manifest.
        compiled: id of each model that a build made, to its compiled SQL.
        stored_columns: columns of the tables and views in the database; they count where the manifest has others.
        cache: file that holds the lineage of every model beside a hash of what it was worked out from; a model is
            worked out again (some 20 ms of CPU) only when that has changed.

    Returns:
        The lineage; a model that reads nothing, was never compiled, or whose SQL cannot be followed, has none.
    """
    nodes = {**manifest["nodes"], **manifest["sources"]}
    relations = {
        (node["schema"], node["name"]): unique_id
        for unique_id, node in nodes.items()
        if node["resource_type"] in ("model", "seed", "source")
    }
    columns = {relation: list(nodes[unique_id]["columns"]) for relation, unique_id in relations.items()}
    columns |= {relation: list(names) for relation, names in stored_columns.items()}
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for (schema_name, table), names in columns.items():
        schema.setdefault(schema_name, {})[table] = dict.fromkeys(names, "unknown")

    # Names are as DuckDB has them; sqlglot would bring all of them into its form for every model.
    mapping = MappingSchema(schema, dialect="duckdb", normalize=False)
    stored = _stored(cache)
    kept: dict[str, dict[str, Any]] = {}
    for unique_id, node in manifest["nodes"].items():
        sql = compiled.get(unique_id)
        if sql is None and unique_id in stored:
            # A model of another step.
            kept[unique_id] = stored[unique_id]
            continue
        # A model that reads nothing has no origins, and the 700 selects of `data_dictionary` took a third of the time.
        if node["resource_type"] != "model" or not sql or not node["depends_on"]["nodes"]:
            continue
        mark = _mark(node, sql, columns, relations)
        known = stored.get(unique_id)
        if known is None or known["mark"] != mark:
            known = {"mark": mark, "columns": _of_model(node, sql, relations, mapping)}
        kept[unique_id] = known
    if kept != stored:
        draft = cache.with_suffix(".draft")
        draft.write_text(json.dumps(kept), encoding="utf-8")
        draft.replace(cache)
    return {
        unique_id: {
            column: [(origin[0], origin[1]) for origin in origins] for column, origins in entry["columns"].items()
        }
        for unique_id, entry in kept.items()
    }


def _stored(cache: Path) -> dict[str, dict[str, Any]]:
    """What a cache holds; nothing where there is none or it is damaged."""
    try:
        stored = json.loads(cache.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def _mark(node: Mapping[str, Any], sql: str, columns: Columns, relations: Mapping[tuple[str, str], str]) -> str:
    """Hash of a model's SQL and of the columns of everything that it reads, since a `select *` follows those."""
    read = set(node["depends_on"]["nodes"])
    inputs = sorted(
        (relation, list(columns[relation])) for relation, unique_id in relations.items() if unique_id in read
    )
    content = json.dumps([sql, list(node["columns"]), inputs])
    return hashlib.sha256(content.encode()).hexdigest()


def _of_model(
    node: Mapping[str, Any], sql: str, relations: Mapping[tuple[str, str], str], schema: MappingSchema
) -> dict[str, list[tuple[str, str]]]:
    try:
        tree = parse_one(sql, dialect="duckdb")
        for reference in tree.find_all(exp.Table):
            reference.set("catalog", None)
        qualified = qualify.qualify(tree, dialect="duckdb", schema=schema, validate_qualify_columns=False)
        scope = build_scope(qualified)
    except SqlglotError:
        return {}
    found: dict[str, list[tuple[str, str]]] = {}
    for column in node["columns"]:
        try:
            # Trimming copies the query for every step of every column: 2.6 times the CPU, for SQL that nobody reads.
            root = lineage(
                column, qualified, dialect="duckdb", scope=scope, schema=schema, copy=False, trim_selects=False
            )
        except (SqlglotError, ValueError):
            continue
        origins = set()
        for leaf in root.walk():
            if isinstance(leaf.source, exp.Table) and not leaf.downstream:
                unique_id = relations.get((leaf.source.db, leaf.source.name))
                if unique_id:
                    origins.add((unique_id, leaf.name.rsplit(".", 1)[-1].strip('"')))
        if origins:
            found[column] = sorted(origins)
    return found
