"""Compare tables of two engines row for row, both ways. No tests here."""

import shutil
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import duckdb

from dagster_project.settings import Settings
from dagster_project.warehouse.connection import open_read_only
from dagster_project.warehouse.lake import Relation, connect
from tests.leaving.end_to_end.command import Command

SCHEMAS = ("reference", "raw", "changes", "measures", "marts")
"""Tables that dbt builds, and what it builds them from; staging has views of `raw` alone."""
PUBLISHING = {"marts.marts.published_versions", "marts.marts.revisions"}
"""Tables to which publishing adds its run and time."""


def copy_loads(source: Command, target: Command) -> None:
    """Copy what is loaded, so that two engines build from the same rows, numbers and times."""
    target.home.mkdir(exist_ok=True)
    for name in ("landing", "secrets"):
        shutil.copytree(source.home / name, target.home / name)
    shutil.copy(source.home / "warehouse.duckdb", target.home)


def names_of(connection: duckdb.DuckDBPyConnection, root: str) -> list[str]:
    """Return the quoted names of the tables of an attached data root, below `warehouse` and `marts` of its name."""
    rows = connection.execute(
        "select database_name, schema_name, table_name from duckdb_tables() "
        "where starts_with(database_name, ?) and list_contains(?, schema_name) order by all",
        [root, list(SCHEMAS)],
    ).fetchall()
    return [".".join((database.removeprefix(root), schema, name)) for database, schema, name in rows]


def different_tables(one: Path, other: Path, *, is_by_changes: bool = False) -> list[str]:
    """Return the tables of two data roots that are not equal, or that only one of them has.

    Where only one was built by its changes, the lists of these are left out: a build from scratch has none.
    """
    with duckdb.connect() as connection:
        for root, home in (("one_", one), ("other_", other)):
            for file in ("warehouse", "marts"):
                connection.execute(f"attach '{home / file}.duckdb' as {root}{file} (read_only)")
        first, second = names_of(connection, "one_"), names_of(connection, "other_")
        assert set(first) >= PUBLISHING
        assert len(first) > 100
        both = [
            name
            for name in first
            if name in second and name not in PUBLISHING and not (is_by_changes and ".changes." in name)
        ]
        return sorted(set(first) ^ set(second)) + [
            name for name in both if rows_that_differ(connection, f"one_{name}", f"other_{name}")
        ]


def rows_that_differ(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> int:
    """Return how many rows one of two relations has more often than the other."""
    missing, surplus = (
        connection.execute(f"select count(*) from (from {left} except all from {right})").fetchone()[0]
        for left, right in ((one, other), (other, one))
    )
    return missing + surplus


def different_in_the_lake(settings: Settings, names: Iterable[tuple[str, str]]) -> list[str]:
    """Return the tables and views, as (schema, name), whose rows in the lake are not those of the warehouse."""
    found = []
    with (
        connect(settings) as lake,
        duckdb.connect() as pulled,
        closing(open_read_only(settings.warehouse)) as here,
        tempfile.TemporaryDirectory() as folder,
    ):
        # `pull` writes to databases of these names.
        pulled.execute("attach ':memory:' as warehouse; attach ':memory:' as fcir; set TimeZone = 'UTC'")
        for schema, name in names:
            relation, rows = Relation(schema, name), f"{folder}/{schema}.{name}.parquet"
            lake.pull(pulled, [relation])
            here.execute(f"copy {schema}.{name} to '{rows}' (format parquet)")
            if rows_that_differ(pulled, relation.place, f"read_parquet('{rows}')"):
                found.append(f"{schema}.{name}")
            pulled.execute(f"drop table {relation.place}")
    return found
