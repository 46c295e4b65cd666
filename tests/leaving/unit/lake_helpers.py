"""A Spark without Spark: a DuckDB in memory that takes the statements of the lake. No tests here."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, Settings
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


def set_up(settings: Settings) -> None:
    """Make the tables of a warehouse."""
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
