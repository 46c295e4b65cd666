"""Build and test everything that dbt makes, and remember what was built. Where dbt runs: `project.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.settings import Settings
from dagster_project.transformation.project import fingerprint, invoke, target_path
from dagster_project.warehouse.connection import empty_spill_folder, loading_connection, transaction

_GOOD = ("success", "pass", "warn", "no-op")
# The generic test whose rows are the faults of a table, in words: dbt/tests/generic/integrity.sql.
_INTEGRITY = "integrity"


@dataclass(frozen=True)
class Fault:
    """What does not hold of a table. Its texts name columns and accepted values, never a value of a row."""

    text: str
    rows: int
    rows_where: str
    """Condition in SQL that finds the rows."""


@dataclass(frozen=True)
class NodeResult:
    """What came of one model, seed or test."""

    unique_id: str
    resource_type: str
    name: str
    folder: str
    """Layer of a model (first folder below models/, or below models/marts/), or the resource type."""
    status: str
    message: str
    seconds: float
    failures: int | None
    """Rows that a data test found; of a test of integrity the rows that have a fault, once for each fault."""
    faults: tuple[Fault, ...] = ()
    """What a test of integrity found; nothing for tests of other kinds, whose rows are in no words."""
    sql: str | None = None
    """Compiled query; None of a seed, and of a node that never ran."""

    @property
    def is_good(self) -> bool:
        """Whether nothing stands in the way of publishing."""
        return self.status in _GOOD


@dataclass(frozen=True)
class BuildReport:
    """A whole build."""

    nodes: tuple[NodeResult, ...]
    is_full_refresh: bool

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """Nodes that failed or were skipped because one before them did."""
        return tuple(node for node in self.nodes if not node.is_good)


def build(settings: Settings, *, run_id: str, on_event: Callable[[object], None] | None = None) -> BuildReport:
    """Build, test and, if all is well, mark as built what the warehouse holds.

    Models build incrementally, from the loads that changed since the last build that ended well. When the dbt project
    itself has changed since, or a build by another state of it was begun, everything is built from scratch.

    Args:
        settings: where the warehouse is; the caller holds the writer lock and no connection.
        run_id: Dagster run.
        on_event: told every event of dbt.

    Returns:
        The result of every node.

    Raises:
        DbtError: dbt could not start.
    """
    current = fingerprint()
    with loading_connection(settings.warehouse) as connection:
        change_seq = newest_change(connection)
        last = last_build(connection)
        full_refresh = last is None or last[1] != current or begun_by(connection) != current
        upon = last[0] if last and not full_refresh else None
        with transaction(connection):
            connection.execute("delete from audit.build_started")
            connection.execute("insert into audit.build_started values (?, ?)", [current, upon])
    # Unit tests prove the SQL, not the data: the test suite runs them, a night need not.
    arguments = ["build", "--exclude-resource-type", "unit_test", *(["--full-refresh"] if full_refresh else [])]
    parsed = invoke(settings, ["parse", "--no-write-json"])
    empty_spill_folder(settings.warehouse)
    result = invoke(
        settings, [*arguments, "--no-write-json"], manifest=parsed, callbacks=[on_event] if on_event else []
    )
    if full_refresh:
        # With the SQL that makes a whole table, for the page of the documentation. dbt would write it twice in each
        # build, and two files that nobody reads: 1.6 CPU seconds.
        draft = target_path(settings) / "manifest.draft"
        parsed.write(str(draft))
        draft.replace(draft.with_suffix(".json"))
    nodes = [_node(item) for item in result.results]
    nodes = _with_faults(settings, parsed.nodes, nodes, {item.node.unique_id: item.node for item in result.results})
    ran = {node.unique_id for node in nodes}
    nodes += [_never_ran(unique_id) for unique_id in _expected(parsed.nodes) if unique_id not in ran]
    report = BuildReport(tuple(nodes), full_refresh)
    if not report.failed:
        with loading_connection(settings.warehouse) as connection:
            connection.execute(
                "insert into audit.build values (?, ?, ?, false, ?)",
                [run_id, change_seq, current, utc_now().replace(tzinfo=None)],
            )
    return report


def newest_change(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of the newest change of what is loaded; 0 when nothing ever was."""
    row = connection.execute("select coalesce(max(change_seq), 0) from audit.load").fetchone()
    return int(row[0]) if row else 0


def last_build(connection: duckdb.DuckDBPyConnection) -> tuple[int, str, bool] | None:
    """The last build that ended well: newest change it saw, fingerprint of the project, whether it was published."""
    row = connection.execute(
        """
        select change_seq, project_fingerprint, is_published
        from audit.build
        order by built_at desc, change_seq desc, is_published desc
        limit 1
        """
    ).fetchone()
    return (int(row[0]), str(row[1]), bool(row[2])) if row else None


def built_upon(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Newest change of the state that the build begun last goes on from; None where it builds everything from scratch.

    The tables `chg_SOURCE_rows` hold what has changed since that state.
    """
    row = connection.execute("select built_upon from audit.build_started").fetchone()
    return int(row[0]) if row and row[0] is not None else None


def begun_by(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Fingerprint of the project whose build was begun last, however it ended; None before the first.

    The marts may hold tables of it, also where the last build that ended well was of another state of the project.
    """
    row = connection.execute("select project_fingerprint from audit.build_started").fetchone()
    return str(row[0]) if row else None


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether what is published was built from all that is loaded, by the dbt project as it stands."""
    last = last_build(connection)
    current = fingerprint()
    return last == (newest_change(connection), current, True) and begun_by(connection) == current


def _expected(project: Mapping[str, Any]) -> list[str]:
    """Ids of the nodes that a whole build runs, of all nodes of the project."""
    return [
        unique_id
        for unique_id, node in project.items()
        if node.resource_type in ("model", "seed", "test") and node.config.materialized != "ephemeral"
    ]


def _with_faults(
    settings: Settings, project: Mapping[str, Any], nodes: list[NodeResult], compiled: Mapping[str, Any]
) -> list[NodeResult]:
    """The results, with what the tests of integrity that did not pass have found.

    dbt tells the number of a test's rows and keeps none of them: the test is run once more for its words.
    """
    found = [
        node
        for node in nodes
        if node.status in ("fail", "warn") and _kind_of_test(compiled[node.unique_id]) == _INTEGRITY
    ]
    if not found:
        return nodes
    explained: dict[str, NodeResult] = {}
    with loading_connection(settings.warehouse) as connection:
        for node in found:
            test = compiled[node.unique_id]
            faults = [
                Fault(*row)
                for row in connection.execute(
                    f"select fault, cast(faulty_rows as bigint), rows_where from ({test.compiled_code})"  # noqa: S608 - dbt's
                ).fetchall()
            ]
            relation = project[test.attached_node].relation_name.replace('"', "")
            explained[node.unique_id] = replace(
                node,
                message=_in_words(faults, relation),
                failures=sum(fault.rows for fault in faults),
                faults=tuple(faults),
            )
    return [explained.get(node.unique_id, node) for node in nodes]


def _in_words(faults: Sequence[Fault], relation: str) -> str:
    """Each fault with its rows, and the query that shows them."""
    texts = "; ".join(f"{fault.rows} row{'' if fault.rows == 1 else 's'}: {fault.text}" for fault in faults)
    conditions = " or ".join(fault.rows_where for fault in faults)
    return f"{texts}. Rows: select * from {relation} where {conditions}"  # noqa: S608 - to be read


def _kind_of_test(node: Any) -> str | None:
    """Name of a generic test; nothing for a test of its own file, and for what is no test."""
    metadata = getattr(node, "test_metadata", None)
    return metadata.name if metadata else None


def _never_ran(unique_id: str) -> NodeResult:
    resource_type, _, name = unique_id.split(".")[:3]
    return NodeResult(unique_id, resource_type, name, resource_type, "error", "expected, but it never ran", 0.0, None)


def _layer(fqn: Sequence[str]) -> str:
    return fqn[2] if fqn[1] == "marts" else fqn[1]


def _node(item: object) -> NodeResult:
    node, seconds = item.node, item.execution_time  # type: ignore[attr-defined]
    resource_type = str(node.resource_type)
    folder = _layer(node.fqn) if resource_type == "model" else resource_type
    is_integrity = _kind_of_test(node) == _INTEGRITY
    return NodeResult(
        unique_id=node.unique_id,
        resource_type=resource_type,
        # dbt's own name of it has all that it claims, in up to 500 characters.
        name=f"{_INTEGRITY} of {node.attached_node.split('.')[-1]}" if is_integrity else node.name,
        folder=folder,
        status=str(item.status),  # type: ignore[attr-defined]
        message=str(item.message or ""),  # type: ignore[attr-defined]
        seconds=float(seconds),
        failures=item.failures,  # type: ignore[attr-defined]
        sql=getattr(node, "compiled_code", None),
    )
