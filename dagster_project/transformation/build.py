"""Build and test the dbt project in three steps, and record what was built. `project.py` invokes dbt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.errors import OperatorError
from dagster_project.settings import Settings
from dagster_project.sql import scalar
from dagster_project.transformation.engine import Engine, engine_of
from dagster_project.transformation.project import fingerprint, target_path
from dagster_project.warehouse.connection import empty_spill_folder, loading_connection, transaction
from dagster_project.warehouse.marts import belong_together, note_writing, note_written
from dagster_project.words import counted

_GOOD = ("success", "pass", "warn", "no-op")
# The generic test that returns the faults of a table in words: dbt/tests/generic/integrity.sql.
_INTEGRITY = "integrity"


class BuildOrderError(OperatorError, RuntimeError):
    """A step cannot be built yet; the message names the earlier step that must be built first."""


@dataclass(frozen=True)
class Step:
    """A part of the dbt project that is built and tested separately, after the steps before it."""

    name: str
    tags: tuple[str, ...]
    """Tags of its models, in dbt_project.yml; empty: every model that is in no other step."""

    @property
    def select(self) -> str:
        """The step as a dbt selector."""
        return " ".join(f"tag:{tag}" for tag in self.tags) or "fqn:*"

    @property
    def exclude(self) -> str:
        """Nodes that are left to later steps: their models, and the tests that read one of them."""
        return " ".join(step.select for step in STEPS[STEPS.index(self) + 1 :])


FACTS = Step("facts", ())
MEASURES = Step("measures", ("measures",))
PAPERS = Step("papers", ("papers",))
STEPS = (FACTS, MEASURES, PAPERS)
"""In order of dependency. A model with tags of two steps belongs to the later one, a test to the last step that it
reads.
"""


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
    resource_type: str
    name: str
    folder: str
    """Subject of a model (first folder below models/), or the resource type."""
    status: str
    message: str
    seconds: float
    failures: int | None
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
    """The results of a step."""

    nodes: tuple[NodeResult, ...]
    is_full_refresh: bool

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """Nodes that failed, or were skipped because an earlier one failed."""
        return tuple(node for node in self.nodes if not node.is_good)


def build_step(
    settings: Settings, step: Step, *, run_id: str, parsed: Any, only: Sequence[str] | None = None
) -> BuildReport:
    """Build and test a step. If the last step succeeds, record everything in the warehouse as built.

    Models build incrementally, from the loads that changed since all steps last succeeded. Everything is built from
    scratch if the dbt project has changed since then, if another state of it was built in between, or if the marts file
    is not the one that belongs to the warehouse.

    Args:
        settings: location of the warehouse; the caller holds the writer lock and no connection.
        step: the step to build; the steps before it must have been built from everything loaded.
        run_id: Dagster run.
        parsed: the project, from `parse`. Sharing it between the steps of a run saves 2 CPU seconds each.
        only: ids of the nodes to build; None: the whole step. A partial step is not recorded as built.

    Raises:
        LakeError: the engine cannot be used; the tables are as they were.
        DbtError: dbt could not start.
        BuildOrderError: a step before this one must be built first.
    """
    current, engine = fingerprint(settings), engine_of(settings)
    engine.check_ready(parsed, is_first_step=step is FACTS)
    change_seq, full_refresh = _begin(settings, step, current, engine, is_whole=only is None)
    expected = [unique_id for unique_id in _nodes_of(step, parsed.nodes) if only is None or unique_id in only]
    nodes: list[NodeResult] = []
    if expected:
        empty_spill_folder(settings.warehouse)
        engine.push_loads(parsed)
        if full_refresh and step is FACTS and only is None:
            # This also removes tables of deleted models, and free blocks. Readers have them until dbt builds.
            settings.marts.unlink()
        selection = _selection(step, parsed.nodes, only)
        results = engine.build(parsed, expected, selection, full_refresh=full_refresh)
        compiled = {item.node.unique_id: item.node for item in results}
        nodes = _with_faults(engine, parsed.nodes, [_node(item) for item in results], compiled)
        tables = [node.unique_id for node in nodes if node.is_good and node.resource_type in ("model", "seed")]
        engine.pull_tables(parsed, tables, full_refresh=full_refresh)
    ran = {node.unique_id for node in nodes}
    nodes += [_never_ran(unique_id) for unique_id in expected if unique_id not in ran]
    report = BuildReport(tuple(nodes), full_refresh)
    if full_refresh and step is STEPS[-1]:
        _write_manifest(settings, parsed)
    if only is None and not report.failed:
        _record(settings, step, change_seq, current, engine, run_id=run_id)
        if step is STEPS[-1]:
            engine.push_builds()
    return report


def _begin(settings: Settings, step: Step, current: str, engine: Engine, *, is_whole: bool) -> tuple[int, bool]:
    """Record the start of a step; return the newest change of the loads, and whether to build everything.

    Raises:
        BuildOrderError: a step before this one must be built first.
    """
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        change_seq = newest_change(connection)
        if is_whole:
            built = steps_built(connection, change_seq, current, engine)
            for before in STEPS[: STEPS.index(step)]:
                if before.name not in built:
                    cause = (
                        f"files in dbt/ have changed since the build of {before.name} began"
                        if begun_by(connection) not in (None, current)
                        else f"{before.name} are not built and tested from all that is loaded"
                    )
                    raise BuildOrderError(
                        f"{step.name}: {cause}. Nothing was built. Materialize {before.name} first, or run: fcir run"
                    )
            later = [later.name for later in STEPS[STEPS.index(step) :]]
            connection.execute("delete from audit.build_step where list_contains(?, step)", [later])
        else:
            _require_engine(connection, step, engine)
        if step is FACTS or begun_by(connection) != current:
            last = last_build(connection)
            is_same_project = last is not None and last[1] == current == begun_by(connection)
            is_same = is_same_project and belong_together(connection) and engine.has_build(connection, last)
            full_refresh = not is_same
            if begun_by(connection) != current:
                # A single table must not make steps count again that were built before the project changed and back.
                connection.execute("delete from audit.build_step")
            connection.execute("delete from audit.build_started")
            upon = None if full_refresh or last is None else last[0]
            connection.execute("insert into audit.build_started values (?, ?)", [current, upon])
            note_writing(connection, from_scratch=full_refresh)
            if full_refresh:
                # A lake compares the newest change, and other causes of a build from scratch have none.
                connection.execute("update audit.lake set change_seq = null")
        else:
            note_writing(connection)
        return change_seq, built_upon(connection) is None


def _require_engine(connection: duckdb.DuckDBPyConnection, step: Step, engine: Engine) -> None:
    """Check that single tables of a step would read those that were built last: Spark has none that DuckDB built.

    Raises:
        BuildOrderError: an earlier step was last built with another engine.
    """
    elsewhere = connection.execute(
        "select step from audit.build_step where not list_contains(?, engine)", [list(engine.steps_by)]
    ).fetchall()
    for before in STEPS[: STEPS.index(step)]:
        if (before.name,) in elsewhere:
            raise BuildOrderError(
                f"{step.name}: {before.name} were last built with another engine than FCIR_TARGET names. Nothing was "
                f"built. Materialize {before.name} first, or run: fcir run"
            )


def _selection(step: Step, project: Mapping[str, Any], only: Sequence[str] | None) -> list[str]:
    """Return the step, or some of its nodes, as arguments of dbt."""
    if only is None:
        exclude = ["--exclude", *step.exclude.split()] if step.exclude else []
        return ["--select", *step.select.split(), *exclude]
    names = [".".join(project[unique_id].fqn) for unique_id in only]
    return ["--select", *names, "--indirect-selection", "empty"]


def _write_manifest(settings: Settings, parsed: Any) -> None:
    """Write the manifest with the SQL that builds whole tables, for the documentation page.

    dbt would write it twice in each build, with two more files that are not used: 1.6 CPU seconds.
    """
    draft = target_path(settings) / "manifest.draft"
    parsed.write(str(draft))
    draft.replace(draft.with_suffix(".json"))


def _record(settings: Settings, step: Step, change_seq: int, current: str, engine: Engine, *, run_id: str) -> None:
    """Record that a step succeeded and, after the last one, that everything is built."""
    with loading_connection(settings.warehouse) as connection:
        if step is STEPS[-1]:
            note_written(connection)
        with transaction(connection):
            connection.execute(
                "insert into audit.build_step (step, change_seq, project_fingerprint, engine) values (?, ?, ?, ?)",
                [step.name, change_seq, current, settings.target.value],
            )
            if step is STEPS[-1]:
                connection.execute(
                    # The newest build is the one with the latest time, also after the clock was set back.
                    "insert into audit.build select ?, ?, ?, false, greatest(?, max(built_at) + interval 1 second) "
                    "from audit.build",
                    [run_id, change_seq, current, utc_now().replace(tzinfo=None)],
                )
                engine.end(connection, change_seq, current)


def steps_built(connection: duckdb.DuckDBPyConnection, change_seq: int, current: str, engine: Engine) -> set[str]:
    """Return the steps that were built from everything loaded, with the current dbt project, where the engine reads."""
    if begun_by(connection) != current:
        return set()
    rows = connection.execute(
        """
        select step
        from audit.build_step
        where change_seq = ? and project_fingerprint = ? and list_contains(?, engine)
        """,
        [change_seq, current, list(engine.steps_by)],
    ).fetchall()
    return {name for (name,) in rows}


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


def _nodes_of(step: Step, project: Mapping[str, Any]) -> list[str]:
    """Return the ids of a step's nodes among all nodes, without dbt, to check that the steps cover the project."""
    step_of_tag = {tag: number for number, step in enumerate(STEPS) for tag in step.tags}

    def number(node: Any) -> int:
        if node.resource_type == "test":
            return max((number(project[read]) for read in node.depends_on_nodes if read in project), default=0)
        return max((step_of_tag.get(tag, 0) for tag in node.tags), default=0)

    return [
        unique_id
        for unique_id, node in project.items()
        if node.resource_type in ("model", "seed", "test")
        and node.config.materialized != "ephemeral"
        and STEPS[number(node)] is step
    ]


def _with_faults(
    engine: Engine, project: Mapping[str, Any], nodes: list[NodeResult], compiled: Mapping[str, Any]
) -> list[NodeResult]:
    """Return the results, with the faults found by the integrity tests that did not pass.

    dbt reports only the number of a test's rows, so the test is run again for its texts.
    """
    faulty = [node for node in nodes if node.status in ("fail", "warn") and _is_integrity(compiled[node.unique_id])]
    if not faulty:
        return nodes
    explained: dict[str, NodeResult] = {}
    for node in faulty:
        test = compiled[node.unique_id]
        query = f"select fault, cast(faulty_rows as bigint), rows_where from ({test.compiled_code}) as f"  # noqa: S608 - dbt's
        rows = engine.rows(query)
        faults = [Fault(*row) for row in rows]
        relation = project[test.attached_node].relation_name.replace('"', "")
        explained[node.unique_id] = replace(
            node,
            message=_in_words(faults, relation),
            failures=sum(fault.rows for fault in faults),
            faults=tuple(faults),
        )
    return [explained.get(node.unique_id, node) for node in nodes]


def _in_words(faults: Sequence[Fault], relation: str) -> str:
    """Return each fault with its number of rows, and a query that shows them."""
    texts = "; ".join(f"{counted(fault.rows, 'row')}: {fault.text}" for fault in faults)
    conditions = " or ".join(fault.rows_where for fault in faults)
    return f"{texts}. Rows: select * from {relation} where {conditions}"  # noqa: S608 - to be read


def _is_integrity(node: Any) -> bool:
    metadata = getattr(node, "test_metadata", None)
    return metadata is not None and metadata.name == _INTEGRITY


def _never_ran(unique_id: str) -> NodeResult:
    resource_type, _, name = unique_id.split(".")[:3]
    return NodeResult(unique_id, resource_type, name, resource_type, "error", "expected, but it never ran", 0.0, None)


def _node(item: Any) -> NodeResult:
    node = item.node
    resource_type = str(node.resource_type)
    return NodeResult(
        unique_id=node.unique_id,
        resource_type=resource_type,
        # dbt's name for it contains all its claims, in up to 500 characters.
        name=f"{_INTEGRITY} of {node.attached_node.split('.')[-1]}" if _is_integrity(node) else node.name,
        folder=node.fqn[1] if resource_type == "model" else resource_type,
        status=str(item.status),
        message=str(item.message or ""),
        seconds=float(item.execution_time),
        failures=item.failures,
        sql=getattr(node, "compiled_code", None),
    )
