"""A Spark without Spark: a DuckDB in memory that takes the statements of the lake. No tests here."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.transformation import engine
from dagster_project.transformation.build import STEPS, BuildReport, Step, build_step
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables

_IN_DUCKDB = (
    (r"^show databases like ('.*')$", r"select schema_name from duckdb_schemas() where schema_name = \1"),
    (r"^show tables in `(.*)`$", r"select '', table_name from information_schema.tables where table_schema = '\1'"),
    (r"^show views in `(.*)`$", r"select '', view_name from duckdb_views() where schema_name = '\1'"),
    (r"^drop (table|view) (.*) purge$", r"drop \1 \2"),
    (r"parquet\.`file://(.*?)`", r"read_parquet('\1')"),
    # Spark names a cast after its column.
    (r"(cast\((`\w+`) as \w+(?:\(\d+, \d+\))?\))", r"\1 as \2"),
    (r" using iceberg", ""),
    (r"unix_micros\(", "epoch_us("),
    (r"`", '"'),
)


class Killed(BaseException):
    """Stands for a kill of the run: no code handles it."""


class FakeSpark:
    """A server with its tables, and the sessions that are opened to it."""

    def __init__(self) -> None:
        self.tables = duckdb.connect()
        self.settings = {"spark.sql.ansi.enabled": "true", "spark.sql.session.timeZone": "UTC"}
        self.calls: list[str] = []
        """Procedures of Iceberg that were called."""
        self.obeys_sessions = False
        self.killed_at = ""
        """Text of the statement at which a run is killed, before it takes effect."""
        self.before: dict[str, Callable[[], None]] = {}
        """What happens before a statement with a text takes effect, the first time that it is run."""

    def connect(self, *, configuration: Mapping[str, str] = MappingProxyType({}), **_: object) -> "FakeSpark":
        """Open a session."""
        if self.obeys_sessions:
            self.settings |= configuration
        return self

    def cursor(self) -> "FakeSpark":
        return self

    def close(self) -> None:
        """End a session; the tables stay."""

    def execute(self, sql: str, **options: Any) -> None:  # noqa: ARG002 - as the client has them
        from pyhive.exc import OperationalError

        if self.killed_at and self.killed_at in sql:
            raise Killed
        for text in [text for text in self.before if text in sql]:
            self.before.pop(text)()
        if sql.startswith("call "):
            self.calls.append(sql)
            return
        if sql.startswith("set "):
            sql = f"select 'key', '{self.settings[sql.removeprefix('set ')]}'"
        sql = sql.replace("current_timezone()", f"'{self.settings['spark.sql.session.timeZone']}'")
        for pattern, replacement in _IN_DUCKDB:
            sql = re.sub(pattern, replacement, " ".join(sql.split()))
        try:
            self.tables.execute(sql)
        except duckdb.Error as error:
            raise OperationalError(str(error)) from None

    def poll(self) -> SimpleNamespace:
        from TCLIService.ttypes import TOperationState

        return SimpleNamespace(operationState=TOperationState.FINISHED_STATE)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.tables.fetchall()


def start_fake_spark(monkeypatch: pytest.MonkeyPatch) -> FakeSpark:
    """Let every session be one of a fake Spark; a test is skipped without the Spark client."""
    spark = FakeSpark()
    monkeypatch.setattr(pytest.importorskip("pyhive.hive"), "connect", spark.connect)
    return spark


class Project:
    """A dbt project of one test for each step, which is built without dbt."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sources = {"source.fcir.load": SimpleNamespace(schema="audit", identifier="load")}
        self.nodes = {}
        for step in STEPS:
            name = f"snapshot.fcir.{step.name}"
            self.nodes[name] = self._node("snapshot", name, step.tags[:1])
            self.nodes[f"test.fcir.{step.name}"] = self._node("test", f"test.fcir.{step.name}", (), name)
        self.while_dbt_builds: Callable[[], None] = lambda: None
        monkeypatch.setattr(engine, "invoke", self._invoke)
        for name in ("ensure_manifest", "read_manifest"):
            monkeypatch.setattr(engine, name, lambda _: {"nodes": {}})

    @staticmethod
    def _node(resource_type: str, unique_id: str, tags: tuple[str, ...], *reads: str) -> SimpleNamespace:
        config = SimpleNamespace(materialized=resource_type)
        return SimpleNamespace(
            resource_type=resource_type,
            fqn=unique_id.split("."),
            tags=tags,
            depends_on_nodes=reads,
            config=config,
            schema="marts",
        )

    def _invoke(self, settings: Settings, arguments: list[str], **_: Any) -> SimpleNamespace:  # noqa: ARG002
        self.while_dbt_builds()
        node = SimpleNamespace(resource_type="test", name="test", fqn=["fcir", "test"])
        results = [
            SimpleNamespace(
                node=SimpleNamespace(**vars(node), unique_id=unique_id),
                status="pass",
                message="",
                execution_time=0.0,
                failures=0,
            )
            for unique_id in self.nodes
            if unique_id.startswith("test.")
        ]
        return SimpleNamespace(results=results)

    def write(self, file: str) -> None:
        """Write the manifest."""
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("{}", encoding="utf-8")

    def build(self, settings: Settings, step: Step, *, run_id: str = "run") -> BuildReport:
        """Build a step; the marts have a table afterwards, as after a real one."""
        report = build_step(settings, step, run_id=run_id, parsed=self)
        with loading_connection(settings.warehouse) as connection:
            connection.execute("create table if not exists marts.fct_call (answered bigint)")
        return report

    def build_all(self, settings: Settings) -> bool:
        """Build every step; return whether everything was built from scratch."""
        reports = [self.build(settings, step) for step in STEPS]
        assert not any(report.failed for report in reports)
        return all(report.is_full_refresh for report in reports)


def set_up(settings: Settings) -> None:
    """Make the tables of a warehouse."""
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
