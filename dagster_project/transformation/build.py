"""Build and test the dbt project, and record what was built. `dbt.py` starts dbt."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.settings import Settings
from dagster_project.sql import scalar
from dagster_project.transformation.engine import Engine, engine_of
from dagster_project.transformation.project import LOG, RESULTS, DbtError, fingerprint, returns_faults, target_path
from dagster_project.warehouse.connection import empty_spill_folder, loading_connection, transaction
from dagster_project.warehouse.marts import belong_together, note_writing, note_written
from dagster_project.words import counted

_GOOD = ("success", "pass", "warn", "no-op")


@dataclass(frozen=True)
class Fault:
    """A violation found in a table. Its texts name columns and accepted values, never a value of a row."""

    text: str
    rows: int
    rows_where: str
    """SQL condition that finds the rows."""


@dataclass(frozen=True)
class NodeResult:
    """The result of one model, seed or test."""

    unique_id: str
    name: str
    subject: str
    """Its dbt group; of a test that of its table."""
    status: str
    message: str = ""
    seconds: float = 0.0
    failures: int | None = None
    """Number of rows that a data test found; for an integrity test, rows with a fault, counted once per fault."""
    faults: tuple[Fault, ...] = ()
    """Faults found by an integrity test; empty for other tests, whose rows have no texts."""
    sql: str | None = None
    """Compiled query; None for a seed and for a node that did not run."""

    @property
    def is_good(self) -> bool:
        """Whether the result allows publishing."""
        return self.status in _GOOD


@dataclass(frozen=True)
class BuildReport:
    """The results of a build."""

    nodes: tuple[NodeResult, ...]
    is_full_refresh: bool

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """Nodes that failed, or were skipped because an earlier one failed."""
        return tuple(node for node in self.nodes if not node.is_good)

    @property
    def failed_subjects(self) -> list[str]:
        """Subjects with a node that failed; not those of which nodes were only skipped."""
        return sorted({node.subject for node in self.failed if node.status != "skipped"})

    @property
    def failure(self) -> str:
        """What failed by subject, what was skipped because of it, what remains valid, and what to do."""
        faults = [
            f"{subject}: {node.name}: {node.message or node.status}"
            for subject in self.failed_subjects
            for node in self.failed
            if node.subject == subject and node.status != "skipped"
        ]
        skipped = [node for node in self.failed if node.status == "skipped"]
        subjects = ", ".join(sorted({node.subject for node in skipped}))
        left = f" Skipped: {counted(len(skipped), 'table or test', 'tables and tests')} ({subjects})."
        return (
            f"{'; '.join(faults).rstrip('.')}.{left if skipped else ''} Everything else is built and tested. Nothing "
            "was published; what was published before stays. Correct the cause and run: fcir run"
        )


def build(
    settings: Settings,
    dbt: Callable[[list[str]], object],
    *,
    run_id: str,
    manifest: Mapping[str, Any],
    only: Collection[str] | None = None,
) -> BuildReport:
    """Build and test all tables. If everything succeeds, record in the warehouse that everything loaded is built.

    Models build incrementally, from the loads that changed since the last build that succeeded. If one fails, only what
    depends on it is skipped.

    Args:
        settings: location of the warehouse; the caller holds the writer lock and no connection.
        dbt: runs dbt with these arguments, to its end.
        run_id: Dagster run.
        manifest: the project.
        only: ids of the nodes that `dbt` selects; None: all. A build of some is not recorded.

    Raises:
        LakeError: the engine cannot be used; the tables are as they were.
        DbtError: dbt could not start, or some tables would be built where none are.
    """
    current, engine = fingerprint(settings), engine_of(settings)
    engine.check_ready(manifest)
    change_seq, full_refresh = begin_build(settings, current, engine, is_whole=only is None)
    empty_spill_folder(settings.warehouse)
    engine.push_loads(manifest)
    if full_refresh and only is None:
        # This also removes tables of deleted models, and free blocks. Readers have them until dbt builds.
        settings.marts.unlink()
    file = target_path(settings) / RESULTS
    file.unlink(missing_ok=True)
    # Unit tests verify the SQL, not the data: the test suite runs them, so a nightly run does not. Seeds are part of
    # the project, and a changed project is built from scratch.
    has_seeds = full_refresh or only is not None
    left_out = ["unit_test", "exposure", *([] if has_seeds else ["seed"])]
    dbt(["build", "--exclude-resource-type", *left_out, *(["--full-refresh"] if full_refresh else [])])
    results = _read_results(settings)
    nodes = tuple(
        _node_result(engine, manifest, unique_id, results.get(unique_id))
        for unique_id in _nodes_of(manifest)
        if (only is None or unique_id in only) and (has_seeds or not unique_id.startswith("seed."))
    )
    tables = [node.unique_id for node in nodes if node.is_good and not node.unique_id.startswith("test.")]
    engine.pull_tables(manifest, tables, full_refresh=full_refresh)
    report = BuildReport(nodes, full_refresh)
    if only is None and not report.failed:
        _record(settings, change_seq, current, run_id=run_id)
        engine.push_builds()
    return report


def begin_build(settings: Settings, current: str, engine: Engine, *, is_whole: bool = False) -> tuple[int, bool]:
    """Record the start of a build; call it before anything writes tables.

    Everything is built from scratch if the project has changed since the last good build, if another state of it was
    built in between, or if the marts file is not the one that belongs to the warehouse.

    Args:
        settings: location of the warehouse; the caller holds the writer lock and no connection.
        current: fingerprint of the project.
        engine: what builds.
        is_whole: whether all tables are built, and not only some, which read others.

    Returns:
        The newest change of the loads, and whether to build from scratch.

    Raises:
        DbtError: some tables would be built, but the engine has none of an earlier build.
    """
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        last = last_build(connection)
        continues = last is not None and last[1] == current == begun_by(connection) and belong_together(connection)
        has_tables = last is not None and engine.has_build(connection)
        if not (is_whole or has_tables):
            raise DbtError(
                "nothing is built yet by the engine that FCIR_TARGET names, so single tables cannot be. Nothing was "
                "done. Build all tables first: fcir run"
            )
        full_refresh = not (continues and has_tables)
        connection.execute("delete from audit.build_started")
        upon = None if full_refresh or last is None else last[0]
        connection.execute("insert into audit.build_started values (?, ?)", [current, upon])
        note_writing(connection, from_scratch=full_refresh)
        return newest_change(connection), full_refresh


def _record(settings: Settings, change_seq: int, current: str, *, run_id: str) -> None:
    """Record that everything is built."""
    with loading_connection(settings.warehouse) as connection:
        note_written(connection)
        connection.execute(
            # The newest build is the one with the latest time, also after the clock was set back.
            "insert into audit.build select ?, ?, ?, false, greatest(?, max(built_at) + interval 1 second) "
            "from audit.build",
            [run_id, change_seq, current, utc_now().replace(tzinfo=None)],
        )


def newest_change(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the newest change of the loads; 0 if nothing was ever loaded."""
    return int(scalar(connection, "select coalesce(max(change_seq), 0) from audit.load"))


def last_build(connection: duckdb.DuckDBPyConnection) -> tuple[int, str, bool] | None:
    """Return the last successful build: its newest change, the project fingerprint, and whether it was published."""
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
    """Return the newest change of the state that the current build extends; None for a build from scratch.

    The tables `chg_SOURCE_rows` contain what has changed since that state.
    """
    upon: int | None = scalar(connection, "select built_upon from audit.build_started")
    return upon


def begun_by(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the project fingerprint of the build that started last, regardless of its result; None before the first.

    The marts may contain its tables even if the last successful build was of another state of the project.
    """
    begun: str | None = scalar(connection, "select project_fingerprint from audit.build_started")
    return begun


def stale_because(connection: duckdb.DuckDBPyConnection, settings: Settings) -> str | None:
    """Return why the marts are not those of everything loaded and the current dbt project; None if they are."""
    last, current = last_build(connection), fingerprint(settings)
    if last is None or last[0] != newest_change(connection):
        return "the marts were not built and tested from all that is loaded"
    if last[1] != current or begun_by(connection) != current:
        return "files in dbt/, or lists of the configuration, have changed since the marts were built and tested"
    return None if belong_together(connection) else "marts.duckdb is not the file that the last build wrote"


def is_current(connection: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Return whether the publication was built from everything loaded, with the current dbt project."""
    last = last_build(connection)
    return last is not None and last[2] and stale_because(connection, settings) is None


def _nodes_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the ids of the nodes that a build makes or tests, without dbt, to check that it has a result for each."""
    kinds = ("model", "seed", "test")
    return [
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in kinds and node["config"]["materialized"] != "ephemeral"
    ]


def _read_results(settings: Settings) -> dict[str, Mapping[str, Any]]:
    """Return what dbt's file of results says of each node that ran or was skipped.

    Raises:
        DbtError: dbt ended without one.
    """
    folder = target_path(settings)
    try:
        content = json.loads((folder / RESULTS).read_bytes())
    except FileNotFoundError:
        lines = (folder / LOG).read_text(encoding="utf-8").split("\n") if (folder / LOG).exists() else []
        cause = next((line.strip() for line in reversed(lines) if line.strip()), "it was stopped").rstrip(".")
        raise DbtError(f"{cause}. What was published stays. Correct the cause and run again: fcir run") from None
    return {result["unique_id"]: result for result in content["results"]}


def _node_result(
    engine: Engine, manifest: Mapping[str, Any], unique_id: str, result: Mapping[str, Any] | None
) -> NodeResult:
    node = manifest["nodes"][unique_id]
    described = (unique_id, node["name"], subject_of(manifest, node))
    if result is None:
        return NodeResult(*described, "error", "expected, but it never ran")
    sql, failures = result["compiled_code"], result["failures"]
    faults: tuple[Fault, ...] = ()
    message, seconds = str(result["message"] or ""), float(result["execution_time"])
    if returns_faults(node) and result["status"] in ("fail", "warn"):
        # dbt reports only the number of a test's rows, so the test is run again for its texts.
        query = f"select fault, cast(faulty_rows as bigint), rows_where from ({sql}) as f"  # noqa: S608 - dbt's
        faults = tuple(Fault(*row) for row in engine.rows(query))
        table = manifest["nodes"][node.get("attached_node") or node["depends_on"]["nodes"][0]]
        message = _in_words(faults, table["relation_name"].replace('"', ""))
        failures = sum(fault.rows for fault in faults)
    return NodeResult(*described, result["status"], message, seconds, failures, faults, sql)


def subject_of(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Return the group of a node; of a test that of its table, or of the last table that it reads."""
    if node["resource_type"] != "test":
        return str(node["group"])
    read = [manifest["nodes"][key] for key in node["depends_on"]["nodes"] if key in manifest["nodes"]]
    attached = manifest["nodes"].get(node.get("attached_node")) or (read[-1] if read else None)
    return str(attached["group"]) if attached else "project"


def _in_words(faults: Sequence[Fault], relation: str) -> str:
    """Return each fault with its number of rows, and a query that shows them."""
    texts = "; ".join(f"{counted(fault.rows, 'row')}: {fault.text}" for fault in faults)
    conditions = " or ".join(fault.rows_where for fault in faults)
    return f"{texts}. Rows: select * from {relation} where {conditions}"  # noqa: S608 - to be read
