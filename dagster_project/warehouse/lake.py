"""The lake: the tables of the warehouse on a Spark cluster, as Iceberg tables.

Extracts are loaded and validated in DuckDB, and publications are read from DuckDB, also where Spark builds. Four verbs
join the two: `append` brings the rows of loads into the lake, `mirror` the audit tables, dbt builds there, and `pull`
brings back the tables that publication and trace read. Each may be killed and repeated: `append` finds what is missing
by load, the others replace tables, each in one commit.

A lake belongs to one data root, whose id is in the name of an empty schema. Its rows are those of the warehouse if each
table has the same loads with the same checksums and numbers of rows. Its tables are those of the last build if its
`audit.build`, which is mirrored when a build has ended, names that build; otherwise everything is built from scratch.

Rows pass between the engines as Parquet files, in a folder that this machine and the cluster both read and write. They
have the columns of the warehouse, so no personal value that it does not have, and are removed once they are read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import takewhile
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb

from dagster_project.settings import Settings, Target
from dagster_project.sql import comments_on, literal, quoted, scalar, table
from dagster_project.warehouse.checksums import note_checksums
from dagster_project.warehouse.connection import MARTS, WAREHOUSE, open_read_only, transaction
from dagster_project.warehouse.spark import (
    LakeError,
    Session,
    duckdb_type,
    open_cursor,
    spark_name,
    spark_path,
    spark_table,
    spark_text,
    spark_type,
)
from dagster_project.warehouse.tables import column_types, root_id, tables_of

_MARTS_SCHEMA = "marts"
OWN_SCHEMAS = {"raw", "audit"}
"""Schemas of a lake besides those that the project builds."""
_PASSING = "fcir-"
"""Beginning of the names of folders for rows on their way; others may use the folder around them."""
_OWNER = "fcir_root_"
"""Name of the schema of a lake that says which data root it belongs to, without the id."""
_NEWEST_BUILD = "select run_id, change_seq, project_fingerprint from audit.build order by built_at desc limit 1"


@dataclass(frozen=True)
class Relation:
    """A table that was built in the lake, with its comments in the warehouse."""

    schema: str
    name: str
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Description by column."""
    changed_months: tuple[str, Sequence[date]] | None = None
    """A date column, and the first days of its months that have changed; None if any row may have changed."""

    @property
    def place(self) -> str:
        """Quoted name in the warehouse or the marts file."""
        return table(MARTS if self.schema == _MARTS_SCHEMA else WAREHOUSE, self.schema, self.name)


@contextmanager
def connect(settings: Settings) -> Iterator[Lake]:
    """Open a session of the cluster.

    Raises:
        LakeError: it cannot be reached, or the client is not installed.
    """
    with open_cursor(settings) as cursor:
        yield Lake(cursor, settings.lake_folder)


class Lake(Session):
    """The lake of a data root, or one that can become it, in a session of the cluster."""

    def __init__(self, cursor: Any, folder: Path) -> None:
        """Take an open cursor, and the folder through which rows pass."""
        super().__init__(cursor)
        self._folder = folder

    def require_own(self, connection: duckdb.DuckDBPyConnection, schemas: Iterable[str]) -> None:
        """Check that this lake is that of the warehouse, or can become it. Nothing is changed.

        Args:
            connection: the warehouse.
            schemas: the schemas that the project builds.

        Raises:
            LakeError: it belongs to another data root, or has tables of another project.
        """
        others = self._owners() - {owner := _owner(connection)}
        if others:
            raise LakeError(
                "the lake belongs to another data root. Nothing was built; what is loaded stays. Give each data root "
                "that builds on Spark a catalog and a server of its own (FCIR_SPARK_HOST, FCIR_SPARK_PORT). If the "
                f"other one no longer exists, run in Spark: drop schema {min(others)}; then run: fcir run"
            )
        # An operator who gives a lake to another data root drops the schema of its owner only.
        if owner in self._owners() or "build" in self.relations("audit"):
            return
        for schema in sorted(own := OWN_SCHEMAS | set(schemas)):
            for name in self.relations(schema)[:1]:
                raise LakeError(
                    f"schema {schema} of the lake has tables of another project, for example {name}. Nothing was "
                    "built; what is loaded stays. Use a catalog in which no other project has the schemas "
                    f"{', '.join(sorted(own))}"
                )

    def require_built(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Check that this lake is that of the warehouse.

        Raises:
            LakeError: it belongs to another data root, or the warehouse has built nothing here.
        """
        if self._owners() != {_owner(connection)}:
            raise LakeError(
                "the tables in Spark are not those of this data root: another one has built them, or none. Nothing was "
                "changed there. Correct FCIR_SPARK_HOST and FCIR_SPARK_PORT, or build first: FCIR_TARGET=spark fcir run"
            )

    def claim(self, connection: duckdb.DuckDBPyConnection, schemas: Iterable[str]) -> None:
        """Make this lake that of the warehouse. Arguments and errors are those of `require_own`."""
        self.require_own(connection, schemas)
        owner = _owner(connection)
        self.execute(f"create schema if not exists {owner}")
        if self._owners() != {owner}:
            # Another data root claimed it at the same time.
            self.release(connection)
            self.require_own(connection, schemas)
        connection.execute("delete from audit.lake_owner")
        connection.execute("insert into audit.lake_owner values (?)", [owner])

    def release(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make this lake one without a data root."""
        self.execute(f"drop schema if exists {_owner(connection)}")

    def _owners(self) -> set[str]:
        return {name for name, *_ in self.rows(f"show databases like '{_OWNER}*'")}

    def has_build(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Return whether the tables are those of the newest build of the warehouse, or of one after it that was killed.

        The latter repeats the same loads, with the same result. They are not if the lake was lost or left out of the
        build, or if it or the warehouse was restored.
        """
        mirrored = self.rows(_NEWEST_BUILD) if "build" in self.relations("audit") else []
        return mirrored == connection.execute(_NEWEST_BUILD).fetchall()

    def require_unchanged(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Check, after dbt has built, that the lake still has what `append` and `mirror` left there.

        If not, its tables may have rows that no pending load explains, and the next build builds everything. Others
        write there if the data root was copied, and Spark may commit the last statement of a killed run after the next
        run has compared its rows. This session sees such commits; one that has read a table keeps what it read.

        Args:
            connection: the warehouse, which has not changed since.

        Raises:
            LakeError: the lake has other builds, loads or rows.
        """
        changed = [] if self.has_build(connection) else ["audit.build"]
        changed += [f"raw.{name}" for name in tables_of(connection, "raw") if any(self._differing(connection, name))]
        if changed:
            self.execute("drop table if exists audit.build")
            raise LakeError(
                f"{changed[0]} of the lake changed while dbt built: a copy of the data root or a person wrote there, "
                "or Spark committed a statement of a killed run late. The step is not recorded as built; what is "
                "loaded stays. The next run appends what differs and builds everything: fcir run"
            )

    def append(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Bring the rows of recorded loads into the lake, and delete rows of loads that the warehouse does not have.

        A load is in the lake if its checksum was mirrored there after its rows were appended; the rows of another load
        with its number, which a restored warehouse may have, are replaced.

        Args:
            connection: the warehouse. Rows without a load in `audit.load` do not count.

        Returns:
            The number of loads that were appended.

        Raises:
            LakeError: a table has other rows than the warehouse afterwards, or Spark refused a statement.
        """
        with transaction(connection):
            note_checksums(connection)
        for schema in sorted(OWN_SCHEMAS):
            self.execute(f"create schema if not exists {schema}")
        self.execute("create table if not exists audit.load_checksum (load_id bigint, checksum string) using iceberg")
        names = tables_of(connection, "raw")
        appended = sum(self._append(connection, name) for name in names)
        self.mirror(connection, ["load_checksum"])
        for name in names:
            if any(self._differing(connection, name)):
                raise LakeError(
                    f"raw.{name}: the lake has different rows from the warehouse after {appended} loads were appended. "
                    "Nothing was built. Run again: fcir run"
                )
        return appended

    def _append(self, connection: duckdb.DuckDBPyConnection, name: str) -> int:
        columns = column_types(connection, WAREHOUSE, "raw", name)
        self._ensure(name, columns)
        missing, surplus = self._differing(connection, name)
        if surplus:
            self.execute(f"delete from {spark_table('raw', name)} where load_id in ({_numbers(surplus)})")
        if missing:
            with self._passing(f"raw.{name}") as folder:
                file = folder / "part-0.parquet"
                rows = f"select * from {table('raw', name)} where load_id in ({_numbers(missing)})"
                connection.execute(f"copy ({rows}) to {literal(str(file))} (format parquet)")
                names = ", ".join(spark_name(column) for column in columns)
                self.execute(f"insert into {spark_table('raw', name)} ({names}) {_select(columns, file)}")
        return len(missing)

    def _differing(self, connection: duckdb.DuckDBPyConnection, name: str) -> tuple[set[int], set[int]]:
        """Return the loads of a raw table that the lake lacks, and those that it should not have, or not so."""
        counted = (
            "select rows.load_id, noted.checksum, count(*) from {raw} as rows "
            "left join audit.load_checksum as noted on rows.load_id = noted.load_id group by all"
        )
        # Rows that no load accepted have no checksum.
        here = {row for row in connection.execute(counted.format(raw=table("raw", name))).fetchall() if row[1]}
        there = set(self.rows(counted.format(raw=spark_table("raw", name))))
        return {load for load, *_ in here - there}, {load for load, *_ in there - here}

    def _ensure(self, name: str, columns: Mapping[str, str]) -> None:
        """Create a raw table, or add the columns that are new in its contract."""
        types = {column: spark_type(kind) for column, kind in columns.items()}
        definition = ", ".join(f"{spark_name(column)} {kind}" for column, kind in types.items())
        place = spark_table("raw", name)
        self.execute(f"create table if not exists {place} ({definition}) using iceberg")
        present = {row[0] for row in self.rows(f"describe {place}")}
        for column, kind in types.items():
            if column not in present:
                self.execute(f"alter table {place} add column {spark_name(column)} {kind}")

    def relations(self, schema: str) -> list[str]:
        """Return the names of tables and views; none if the schema is missing."""
        if not self.rows(f"show databases like {spark_text(schema)}"):
            return []
        return sorted(name for _, name, *_ in self.rows(f"show tables in {spark_name(schema)}"))

    def tables(self, schema: str) -> list[str]:
        """Return the names of the tables of a schema, without its views."""
        relations = self.relations(schema)
        views = {name for _, name, *_ in self.rows(f"show views in {spark_name(schema)}")} if relations else set()
        return [name for name in relations if name not in views]

    def mirror(self, connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
        """Replace audit tables of the lake with those of the warehouse; `load`, which makes rows count, is last.

        Args:
            connection: the warehouse.
            names: the audit tables and views that models read, and those that the views read.
        """
        self.execute("create schema if not exists audit")
        views = _views_of(connection, "audit")
        for name in sorted(names, key=lambda name: (name in views, name == "load", name)):
            if name in views:
                place = spark_table("audit", name)
                # With the session extensions of Iceberg, a view that is replaced keeps its old query, without an error.
                self.execute(f"drop view if exists {place}")
                self.execute(f"create view {place} as {views[name]}")
            else:
                with self._passing(f"audit.{name}") as folder:
                    file = folder / "part-0.parquet"
                    connection.execute(f"copy {table('audit', name)} to {literal(str(file))} (format parquet)")
                    select = _select(column_types(connection, WAREHOUSE, "audit", name), file)
                    self.execute(f"create or replace table {spark_table('audit', name)} using iceberg as {select}")

    def pull(self, connection: duckdb.DuckDBPyConnection, relations: Iterable[Relation]) -> None:
        """Replace tables of the warehouse with those that were built in the lake, each in a separate transaction.

        Args:
            connection: the warehouse with the marts.
            relations: the tables.
        """
        for relation in relations:
            with self._passing(f"{relation.schema}.{relation.name}") as folder:
                self._pull(connection, relation, folder)

    def _pull(self, connection: duckdb.DuckDBPyConnection, relation: Relation, folder: Path) -> None:
        source = spark_table(relation.schema, relation.name)
        changed = relation.changed_months
        if changed and relation.name not in tables_of(connection, relation.schema):
            changed = None
        where = _in_months(*changed) if changed else ""
        self.execute(
            f"insert overwrite directory {spark_text(spark_path(folder))} using parquet select * from {source} {where}"
        )
        # A partitioned table describes its partitions after its columns, below an empty line.
        described = self.rows(f"describe {source}")
        types = {name: duckdb_type(kind) for name, kind, *_ in takewhile(lambda row: row[0], described)}
        columns = ", ".join(f"cast({quoted(name)} as {kind}) as {quoted(name)}" for name, kind in types.items())
        pulled = f"select {columns} from read_parquet({literal(f'{folder}/*.parquet')})"
        with transaction(connection):
            if not changed:
                connection.execute(f"create schema if not exists {relation.place.rpartition('.')[0]}")
                connection.execute(f"create or replace table {relation.place} as {pulled}")
                connection.execute(comments_on(relation.place, relation.description, relation.columns))
            else:
                connection.execute(f"delete from {relation.place} {where}")
                connection.execute(f"insert into {relation.place} by name {pulled}")

    @contextmanager
    def _passing(self, name: str) -> Iterator[Path]:
        """Yield an empty folder for rows on their way, and remove it afterwards.

        Its name is new each time: a statement of a killed run may still write to that of another.

        Raises:
            LakeError: files of Spark cannot be removed.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=f"{_PASSING}{name}-", dir=self._folder))
        try:
            yield folder
        finally:
            _remove(folder)


def clear_lake_folder(settings: Settings) -> None:
    """Remove what a killed run left in the folder through which rows pass; the caller holds the writer lock.

    Raises:
        LakeError: it cannot be removed.
    """
    for left in settings.lake_folder.glob(f"{_PASSING}*"):
        _remove(left)


def _owner(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the name of the schema that says that a lake belongs to the data root of a warehouse."""
    return f"{_OWNER}{root_id(connection)}"


def _remove(left: Path) -> None:
    try:
        shutil.rmtree(left)
    except OSError as error:
        raise LakeError(
            f"{left} cannot be removed: {os.strerror(error.errno or 0)}. It has rows of people. Remove it, and "
            "let Spark run as the same user as fcir (docs/spark.md), then run: fcir run"
        ) from None


def has_lake(settings: Settings) -> bool:
    """Return whether tables are in a lake too, which is not below the data root unless it is the one for trials.

    A data root that leaves Spark has one until the Dagster job `drop_lake` has run.
    """
    if settings.target is Target.SPARK or settings.trial_lake.exists():
        return True
    with suppress(duckdb.Error), closing(open_read_only(settings.warehouse)) as connection:
        return scalar(connection, "select owner from audit.lake_owner") is not None
    return False


def _views_of(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, str]:
    """Return the query of each view of the warehouse, in the dialect of Spark."""
    import sqlglot  # here: it takes a quarter of a second, and DuckDB needs none of it

    rows = connection.execute(
        "select view_name, sql from duckdb_views() where schema_name = ? and database_name = ?", [schema, WAREHOUSE]
    ).fetchall()
    return {name: sqlglot.transpile(sql.partition(" AS ")[2], read="duckdb", write="spark")[0] for name, sql in rows}


def _select(columns: Mapping[str, str], file: Path) -> str:
    """Return a Spark query of a Parquet file. A missing file is an error; a pattern without files would be no rows.

    The casts make DuckDB's timestamps, which have no time zone, those of a session in UTC.
    """
    listed = ", ".join(f"cast({spark_name(name)} as {spark_type(kind)})" for name, kind in columns.items())
    return f"select {listed} from parquet.{spark_name(spark_path(file))}"


def _numbers(loads: Iterable[int]) -> str:
    return ", ".join(str(int(load)) for load in loads)


def _in_months(column: str, months: Sequence[date]) -> str:
    """Return a condition that both engines know; without months it finds nothing."""
    days = ", ".join(f"date '{month}'" for month in months) or "cast(null as date)"
    return f"where cast(date_trunc('month', {column}) as date) in ({days})"
