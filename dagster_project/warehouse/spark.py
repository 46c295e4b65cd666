"""A session of a Spark cluster over the Thrift server, and the dialect of its statements."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dagster_project.errors import OperatorError
from dagster_project.settings import Settings

_USER = "fcir"
"""Name that a server notes for a session; by default that of the system's user, which a container may not have."""
_ASKED_BY_DBT = MappingProxyType({"spark.sql.ansi.enabled": "false"})
"""What dbt-spark asks of each session, whatever its profile says. The Thrift server of Spark 3.5 ignores it. These
sessions ask for it too, so that another server, which obeys, is noticed before anything is changed.
"""
_LONGEST_POLL = 0.5
"""Seconds between two questions whether a statement has ended; the first ones are shorter."""


class LakeError(OperatorError, RuntimeError):
    """The cluster cannot be reached, or refused a statement; the message says what stays and what to do."""


@contextmanager
def open_cursor(settings: Settings) -> Iterator[Any]:
    """Open a session of the cluster, and yield its cursor.

    Raises:
        LakeError: it cannot be reached, or the client is not installed.
    """
    try:
        from pyhive import hive
        from pyhive.exc import Error
        from thrift.transport.TTransport import TTransportException
    except ImportError:
        raise LakeError(
            "FCIR_TARGET=spark: the Spark client is not installed. Nothing was built. Run: make env-spark"
        ) from None
    try:
        session = hive.connect(
            host=settings.spark_host,
            port=settings.spark_port,
            username=_USER,
            auth="NOSASL",
            configuration=dict(_ASKED_BY_DBT),
        )
    except (OSError, TTransportException, Error):
        raise LakeError(
            f"FCIR_TARGET=spark: no Spark answers at {settings.spark_host}:{settings.spark_port}, or it asks for "
            "another authentication than NOSASL (docs/spark.md). What is loaded stays. Start it (on this machine: make "
            "spark-up), then run: fcir run"
        ) from None
    try:
        yield session.cursor()
    finally:
        # The server may have ended the session, which another message says.
        with suppress(OSError, TTransportException, Error):
            session.close()


class Session:
    """Statements in one session of the cluster."""

    def __init__(self, cursor: Any) -> None:
        """Take an open cursor."""
        self.cursor = cursor

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Raises:
            LakeError: Spark refused it.
        """
        with _explained():
            self._run(sql)
            return [tuple(row) for row in self.cursor.fetchall()]

    def execute(self, sql: str) -> None:
        """Run a statement without a result.

        Raises:
            LakeError: Spark refused it, or has ended the session.
        """
        with _explained():
            self._run(sql)

    def _run(self, sql: str) -> None:
        """Run a statement so that Spark cancels it if this process is killed.

        Spark notices the end of a connection only after a statement that the connection waits for.
        """
        from TCLIService.ttypes import TOperationState as State

        self.cursor.execute(sql, async_=True)
        seconds = 0.01
        while True:
            status = self.cursor.poll()
            if status.operationState not in (State.INITIALIZED_STATE, State.PENDING_STATE, State.RUNNING_STATE):
                break
            time.sleep(seconds)
            seconds = min(seconds * 1.5, _LONGEST_POLL)
        if status.operationState != State.FINISHED_STATE:
            raise _Refused(status.errorMessage or f"it ended in state {status.operationState}")

    def require_exact(self) -> None:
        """Check the settings without which figures would differ from those of DuckDB.

        Raises:
            LakeError: an overflow would be null instead of an error, or times would shift.
        """
        [(_, is_ansi)] = self.rows("set spark.sql.ansi.enabled")
        [(zone,)] = self.rows("select current_timezone()")
        for setting, found, expected in (
            ("spark.sql.ansi.enabled", is_ansi, "true"),
            ("spark.sql.session.timeZone", zone, "UTC"),
        ):
            if found != expected:
                raise LakeError(
                    f"{setting} of Spark is {found}; expected {expected}, or figures would differ. Nothing was built; "
                    "what is loaded stays. Set it for the server, then run: fcir run. If it is set, the server obeys "
                    "dbt, which asks each session for another value, and cannot be used (docs/spark.md)"
                )


class _Refused(Exception):
    """A statement that ended in another state than finished."""


@contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of the client into those of the lake.

    Raises:
        LakeError: Spark refused a statement, or has ended the session.
    """
    from pyhive.exc import Error
    from thrift.transport.TTransport import TTransportException

    try:
        yield
    except (Error, _Refused) as error:
        raise LakeError(
            f"Spark refused a statement: {_reason(error)}. What is loaded stays. Run again: fcir run"
        ) from None
    except (OSError, TTransportException):
        raise LakeError(
            "Spark has ended the session. What is loaded stays. When the cluster answers again, run: fcir run"
        ) from None


def spark_type(kind: str) -> str:
    """Return the Spark type of a DuckDB type."""
    if kind.endswith("[]"):
        return f"array<{spark_type(kind.removesuffix('[]'))}>"
    return {"varchar": "string", "hugeint": "decimal(38, 0)"}.get(kind.lower(), kind.lower())


def duckdb_type(kind: str) -> str:
    """Return the DuckDB type of a Spark type."""
    return {"string": "varchar", "int": "integer"}.get(kind, kind)


def spark_name(name: str) -> str:
    """Return a quoted identifier."""
    return "`" + name.replace("`", "``") + "`"


def spark_table(schema: str, name: str) -> str:
    """Return the quoted name of a table or view."""
    return f"{spark_name(schema)}.{spark_name(name)}"


def spark_text(text: object) -> str:
    """Return a text literal."""
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def spark_path(path: Path) -> str:
    """Return a path as Spark reads it; without a scheme it would be one of the cluster's own file system."""
    return f"file://{path}"


def _reason(error: Exception) -> str:
    """Return the first line of Spark's message, without the classes of its server."""
    text = str(error)
    for begin in ("Error running query: ", "errorMessage='"):
        text = text.partition(begin)[2] or text
    return text.strip().splitlines()[0][:300].rstrip(".")
