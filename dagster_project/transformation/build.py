"""Build and test the dbt project, and record what was built. `dbt.py` starts dbt."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from dagster_project.clock import utc_now
from dagster_project.settings import Settings, Target
from dagster_project.transformation.project import LOG, RESULTS, DbtError, fingerprint, returns_faults, target_path
from dagster_project.warehouse.connection import empty_spill_folder, loading_connection, transaction
from dagster_project.warehouse.marts import belong_together, note_writing, note_written
from dagster_project.words import counted

if TYPE_CHECKING:
    from dagster_project.transformation.spark import Spark

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
    current, spark = fingerprint(settings), spark_of(settings)
    if spark:
        spark.check_ready(manifest)
    change_seq, full_refresh = begin_build(settings, current, is_whole=only is None)
    empty_spill_folder(settings.warehouse)
    if spark:
        spark.push_loads(manifest)
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
        _node_result(settings, manifest, unique_id, results.get(unique_id))
        for unique_id in _nodes_of(manifest)
        if (only is None or unique_id in only) and (has_seeds or not unique_id.startswith("seed."))
    )
    tables = [node.unique_id for node in nodes if node.is_good and not node.unique_id.startswith("test.")]
    if spark:
        spark.pull_tables(manifest, tables, full_refresh=full_refresh)
    report = BuildReport(nodes, full_refresh)
    if only is None and not report.failed:
        _record(settings, change_seq, current, run_id=run_id)
        if spark:
            spark.push_builds()
    return report


def spark_of(settings: Settings) -> "Spark | None":
    """Return what builds in the lake, by `FCIR_TARGET`; None if dbt builds in the warehouse itself."""
    if settings.target is Target.DUCKDB:
        return None
    # Imported here: a night on DuckDB needs nothing of it.
    from dagster_project.transformation.spark import Spark

    return Spark(settings)


def has_build(settings: Settings, connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the engine has the tables of the newest build of the warehouse, which has one."""
    spark = spark_of(settings)
    return spark is None or spark.has_build(connection)


def compiled_rows(settings: Settings, sql: str) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a query that dbt compiled; the caller has no connection."""
    if spark := spark_of(settings):
        return spark.rows(sql)
    with loading_connection(settings.warehouse) as connection:
        return connection.execute(sql).fetchall()


def begin_build(settings: Settings, current: str, *, is_whole: bool = False) -> tuple[int, bool]:
    """Record the start of a build; call it before anything writes tables.

    Everything is built from scratch if the project has changed since the last good build, if another state of it was
    built in between, or if the marts file is not the one that belongs to the warehouse.

    Args:
        settings: location of the warehouse; the caller holds the writer lock and no connection.
        current: fingerprint of the project.
        is_whole: whether all tables are built, and not only some, which read others.

    Returns:
        The newest change of the loads, and whether to build from scratch.

    Raises:
        DbtError: some tables would be built, but the engine has none of an earlier build.
    """
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        state = build_state(connection)
        continues = state.built_project == current == state.begun_project and belong_together(connection)
        has_tables = state.built_change is not None and has_build(settings, connection)
        if not (is_whole or has_tables):
            raise DbtError(
                "nothing is built yet by the engine that FCIR_TARGET names, so single tables cannot be. Nothing was "
                "done. Build all tables first: fcir run"
            )
        full_refresh = not (continues and has_tables)
        connection.execute("delete from audit.build_started")
        upon = None if full_refresh else state.built_change
        connection.execute("insert into audit.build_started values (?, ?)", [current, upon])
        note_writing(connection, from_scratch=full_refresh)
        return state.newest_change, full_refresh


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


class BuildState(NamedTuple):
    """What is loaded, and what of it is built. Without a build of its kind, a field is None."""

    newest_change: int
    """Newest change of the loads; 0 if nothing was ever loaded."""
    built_change: int | None
    """The newest change that the last successful build has."""
    built_project: str | None
    """The project fingerprint of that build."""
    is_published: bool | None
    begun_project: str | None
    """The project fingerprint of the build that started last, regardless of its result: the marts may have its tables,
    even if the last successful build was of another state of the project."""
    built_upon: int | None
    """The newest change of the state that the current build extends, whose changes since are in the tables
    `chg_SOURCE_rows`; None for a build from scratch."""


def build_state(connection: duckdb.DuckDBPyConnection) -> BuildState:
    """Return what is loaded and built."""
    [row] = connection.execute(
        """
        select
            (select coalesce(max(change_seq), 0) from audit.load), last.change_seq, last.project_fingerprint,
            last.is_published, started.project_fingerprint, started.built_upon
        from (select 1)
        left join audit.build_started as started on true
        left join (
            from audit.build
            order by built_at desc, change_seq desc, is_published desc
            limit 1
        ) as last on true
        """
    ).fetchall()
    return BuildState(*row)


def stale_because(connection: duckdb.DuckDBPyConnection, settings: Settings) -> str | None:
    """Return why the marts are not those of everything loaded and the current dbt project; None if they are."""
    state = build_state(connection)
    if state.built_change != state.newest_change:
        return "the marts were not built and tested from all that is loaded"
    if not state.built_project == state.begun_project == fingerprint(settings):
        return "files in dbt/, or lists of the configuration, have changed since the marts were built and tested"
    return None if belong_together(connection) else "marts.duckdb is not the file that the last build wrote"


def is_current(connection: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Return whether the publication was built from everything loaded, with the current dbt project."""
    return bool(build_state(connection).is_published) and stale_because(connection, settings) is None


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
    settings: Settings, manifest: Mapping[str, Any], unique_id: str, result: Mapping[str, Any] | None
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
        faults = tuple(Fault(*row) for row in compiled_rows(settings, query))
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
