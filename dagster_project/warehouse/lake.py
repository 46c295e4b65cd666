"""The lake: the tables of the warehouse on a Spark cluster, as Iceberg tables.

Extracts are loaded and validated in DuckDB, and publications are read from DuckDB, also where Spark builds. Four verbs
join the two: `append` brings the rows of loads into the lake, `mirror` the audit tables, dbt builds there, and `pull`
brings back the tables that publication and trace read. Each may be killed and repeated: `append` finds what is missing
by load, the others replace tables, each in one commit.

A lake belongs to one data root, which its table `audit.lake` names. The table also has an id of the rows and one of the
last build that began, which the warehouse has too: where they differ, the rows are appended again, or everything is
built from scratch.

Rows pass between the engines as Parquet files, in a folder that this machine and the cluster both read and write. They
have the columns of the warehouse, so no personal value that it does not have, and are removed once they are read.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import takewhile
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import duckdb

from dagster_project.settings import Settings, Target
from dagster_project.sql import comments_on, literal, quoted, scalar, table
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
from dagster_project.warehouse.tables import column_types, tables_of

_MARTS_SCHEMA = "marts"
OWN_SCHEMAS = {"raw", "audit"}
"""Schemas of a lake besides those that the project builds."""
_PASSING = re.compile(r"\w+\.\w+-\w{8}")
"""Names of folders for rows on their way: the table, and what `mkdtemp` adds."""
_LOADS = """
    select load_id, source, coalesce(file_sha256, ''), {microseconds}(loaded_at)
    from audit.load
"""
"""What a load number stands for."""


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


@dataclass(frozen=True)
class _Marker:
    """The row of `audit.lake` in the lake: its data root, and the ids of its rows and of the last build that began."""

    owner: str
    rows_id: str
    build_id: str
    """Empty before the first build."""


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
        marker = self._marker()
        if marker is None:
            self._require_no_tables(connection, OWN_SCHEMAS | set(schemas))
        elif marker.owner != scalar(connection, "select owner from audit.lake_owner"):
            raise _foreign_lake()

    def require_built(self, connection: duckdb.DuckDBPyConnection | None) -> None:
        """Check that this lake is that of the warehouse.

        Args:
            connection: the warehouse; None if there is none.

        Raises:
            LakeError: it belongs to another data root, or the warehouse has built nothing here.
        """
        owner = scalar(connection, "select owner from audit.lake_owner") if connection else None
        marker = self._marker()
        if marker is None or marker.owner != owner:
            raise LakeError(
                "the tables in Spark are not those of this data root: another one has built them, or none. Nothing was "
                "changed there. Correct FCIR_SPARK_HOST and FCIR_SPARK_PORT, or build first: FCIR_TARGET=spark fcir run"
            )

    def claim(self, connection: duckdb.DuckDBPyConnection, schemas: Iterable[str]) -> None:
        """Make this lake that of the warehouse; delete the rows of loads if they are not known to be its rows.

        Args:
            connection: the warehouse.
            schemas: the schemas that the project builds.

        Raises:
            LakeError: as for `require_own`, also if another data root claims it at the same time.
        """
        self.require_own(connection, schemas)
        known_owner = scalar(connection, "select owner from audit.lake_owner")
        owner = known_owner or uuid4().hex
        if known_owner is None:
            connection.execute("insert into audit.lake_owner values (?)", [owner])
        if self._marker() is None:
            self._create_marker(owner)
        marker = self._marker()
        if marker is None or marker.owner != owner:
            if known_owner is None:
                connection.execute("delete from audit.lake_owner")
            raise _foreign_lake()
        rows_id = scalar(connection, "select rows_id from audit.lake")
        if rows_id is None or marker.rows_id != rows_id:
            rows_id = uuid4().hex
            with transaction(connection):
                connection.execute("delete from audit.lake")
                connection.execute("insert into audit.lake (rows_id) values (?)", [rows_id])
            for name in self.relations("raw"):
                self.execute(f"delete from {spark_table('raw', name)}")
            self._mark(_Marker(owner, rows_id, ""))

    def _require_no_tables(self, connection: duckdb.DuckDBPyConnection, schemas: Set[str]) -> None:
        # An operator who gives a lake to another data root drops its marker only.
        if "build" in self.relations("audit"):
            return
        found = {schema: relations for schema in sorted(schemas) if (relations := self.relations(schema))}
        if not found:
            return
        schema, relations = next(iter(found.items()))
        # A first run that was killed before it left `build`, and whose marker was dropped.
        is_remainder = set(found) == {"raw"} and set(relations) <= set(tables_of(connection, "raw"))
        drops = "; ".join(f"drop table raw.{name} purge" for name in relations)
        remedy = f"If a first run that was killed left them, run in Spark: {drops}; then run: fcir run. Otherwise use"
        raise LakeError(
            f"schema {schema} of the lake has tables of another project, for example {relations[0]}. Nothing was "
            f"built; what is loaded stays. {remedy if is_remainder else 'Use'} a catalog in which no other project has "
            f"the schemas {', '.join(sorted(schemas))}"
        )

    def _marker(self) -> _Marker | None:
        if "lake" not in self.relations("audit"):
            return None
        rows = self.rows("select owner, rows_id, build_id from audit.lake")
        return _Marker(*map(str, rows[0])) if rows else None

    def _create_marker(self, owner: str) -> None:
        """Create the marker of a lake without known rows, unless another data root is first.

        Of two that create a table at the same time, Iceberg refuses one; with `create or replace`, both would succeed.
        """
        try:
            self._mark(_Marker(owner, "", ""), statement="create table")
        except LakeError:
            if self._marker() is None:
                raise

    def _mark(self, marker: _Marker, *, statement: str = "create or replace table") -> None:
        """Write the marker, in one commit."""
        self.execute("create schema if not exists audit")
        cells = {"owner": marker.owner, "rows_id": marker.rows_id, "build_id": marker.build_id}
        values = ", ".join(f"{spark_text(value)} as {name}" for name, value in cells.items())
        self.execute(f"{statement} {spark_table('audit', 'lake')} using iceberg as select {values}")

    def begin_build(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Note a new id in the warehouse and then here, before any table is changed.

        The warehouse knows two ids: the one that the lake had before (`build_id`) and the new one (`begun_id`). A run
        that is killed before the lake has the new id has changed no table; one that is killed later has changed some,
        and the next build, which extends the same build (`change_seq`), repeats that. The end of a build is only noted
        in the warehouse, in the transaction that records it. So no kill causes a build from scratch. A warehouse that
        is put back from an earlier copy does not know the id of the lake, whose facts may have rows that no pending
        load explains: the next build is one from scratch, and no step counts as built, even if this is a build of a
        single table.

        Args:
            connection: the warehouse, whose lake this is.

        Raises:
            LakeError: it belongs to another data root.
        """
        marker = self._marker()
        if marker is None or marker.owner != scalar(connection, "select owner from audit.lake_owner"):
            raise _foreign_lake()
        begun_id = uuid4().hex
        with transaction(connection):
            connection.execute("update audit.lake set build_id = ?, begun_id = ?", [marker.build_id, begun_id])
        self._mark(replace(marker, build_id=begun_id))

    def require_as_begun(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Check, after dbt has built, that the lake still has what `begin_build`, `append` and `mirror` left there.

        If not, its tables may have rows that no pending load explains: the next build appends all rows and builds
        everything. Others write there if the data root was copied, and Spark may commit the last statement of a killed
        run after the next run has compared its rows. This session sees such commits; one that has read a table keeps
        what it read.

        Args:
            connection: the warehouse, which has not changed since.

        Raises:
            LakeError: the lake has another marker, other loads or other numbers of rows.
        """
        noted = connection.execute("select rows_id, begun_id from audit.lake").fetchone()
        marker = self._marker()
        changed = None
        if marker is None or (marker.rows_id, marker.build_id) != noted:
            changed = "audit.lake"
        else:
            kept = self._loads_in_both(connection)
            for name in tables_of(connection, "raw"):
                if _different(_rows_recorded(connection, name), self._rows_by_load(name), kept):
                    changed = f"raw.{name} or audit.load"
                    break
        if changed:
            connection.execute("delete from audit.lake")
            raise LakeError(
                f"{changed} of the lake changed while dbt built: a copy of the data root or a person wrote there, or "
                "Spark committed a statement of a killed run late. The step is not recorded as built; what is loaded "
                "stays. The next run appends all rows and builds everything: fcir run"
            )

    def is_known(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Return whether the tables are as the builds of the warehouse left them, the last of which may be incomplete.

        They are not if the lake was lost, if it or the warehouse was restored, or if rows were replaced since.
        """
        noted = connection.execute("select rows_id, build_id, begun_id from audit.lake").fetchone()
        marker = self._marker()
        return noted is not None and marker is not None and marker.rows_id == noted[0] and marker.build_id in noted[1:]

    def has_build(self, connection: duckdb.DuckDBPyConnection, change_seq: int, project_fingerprint: str) -> bool:
        """Return whether the tables are those of a build of the warehouse, or of a later one that did not end.

        They are not if the lake is not known, or was left out of that build.
        """
        built = connection.execute(
            "select 1 from audit.lake where change_seq = ? and project_fingerprint = ?",
            [change_seq, project_fingerprint],
        ).fetchone()
        return built is not None and self.is_known(connection)

    def append(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Bring the rows of recorded loads into the lake, and delete rows of loads that the warehouse does not have.

        A load is in the lake if its audit row was mirrored there after its rows were appended; the rows of another load
        with its number, which a restored warehouse may have, are replaced.

        Args:
            connection: the warehouse. Rows without a load in `audit.load` do not count.

        Returns:
            The number of loads that were appended.

        Raises:
            LakeError: a table has other rows than the warehouse afterwards, or Spark refused a statement.
        """
        self.execute("create schema if not exists raw")
        kept = self._loads_in_both(connection)
        return sum(self._append(connection, name, kept) for name in tables_of(connection, "raw"))

    def _loads_in_both(self, connection: duckdb.DuckDBPyConnection) -> set[int]:
        """Return the loads that `audit.load` of the lake has with the same file and time as the warehouse."""
        recorded = set(connection.execute(_LOADS.format(microseconds="epoch_us")).fetchall())
        has_loads = "load" in self.relations("audit")
        mirrored = set(self.rows(_LOADS.format(microseconds="unix_micros"))) if has_loads else set()
        return {load for load, *_ in recorded & mirrored}

    def _append(self, connection: duckdb.DuckDBPyConnection, name: str, kept: Set[int]) -> int:
        columns = column_types(connection, WAREHOUSE, "raw", name)
        self._ensure(name, columns)
        here, there = _rows_recorded(connection, name), self._rows_by_load(name)
        different = _different(here, there, kept)
        if surplus := sorted(different & there.keys()):
            self.execute(f"delete from {spark_table('raw', name)} where load_id in ({_numbers(surplus)})")
        missing = sorted(different & here.keys())
        if not missing:
            return 0
        with self._passing(f"raw.{name}") as folder:
            file = folder / "part-0.parquet"
            rows = f"select * from {table('raw', name)} where load_id in ({_numbers(missing)})"
            connection.execute(f"copy ({rows}) to {literal(str(file))} (format parquet)")
            names = ", ".join(spark_name(column) for column in columns)
            self.execute(f"insert into {spark_table('raw', name)} ({names}) {_select(columns, file)}")
        if self._rows_by_load(name) != here:
            raise LakeError(
                f"raw.{name}: the lake has different rows from the warehouse after {len(missing)} loads were appended. "
                "Nothing was built. Run again: fcir run"
            )
        return len(missing)

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

    def _rows_by_load(self, name: str) -> dict[int, int]:
        return dict(self.rows(f"select load_id, count(*) from {spark_table('raw', name)} group by load_id"))

    def relations(self, schema: str) -> list[str]:
        """Return the names of tables and views; none if the schema is missing."""
        if not self.rows(f"show databases like {spark_text(schema)}"):
            return []
        return sorted(name for _, name, *_ in self.rows(f"show tables in {spark_name(schema)}"))

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
        folder = Path(mkdtemp(prefix=f"{name}-", dir=self._folder))
        try:
            yield folder
        finally:
            _remove(folder)


def end_build(connection: duckdb.DuckDBPyConnection, change_seq: int, project_fingerprint: str) -> None:
    """Note that the build that was begun in the lake is complete, in the transaction that records it."""
    connection.execute(
        "update audit.lake set build_id = begun_id, begun_id = null, change_seq = ?, project_fingerprint = ?",
        [change_seq, project_fingerprint],
    )


def clear_lake_folder(settings: Settings) -> None:
    """Remove what a killed run left in the folder through which rows pass; the caller holds the writer lock.

    Raises:
        LakeError: it cannot be removed.
    """
    if settings.lake_folder.is_dir():
        for left in settings.lake_folder.iterdir():
            if _PASSING.fullmatch(left.name):
                _remove(left)


def _foreign_lake() -> LakeError:
    return LakeError(
        "the lake belongs to another data root. Nothing was built; what is loaded stays. Give each data root that "
        "builds on Spark a catalog and a server of its own (FCIR_SPARK_HOST, FCIR_SPARK_PORT). If the other one no "
        "longer exists, run in Spark: drop table audit.lake; then run: fcir run"
    )


def _rows_recorded(connection: duckdb.DuckDBPyConnection, name: str) -> dict[int, int]:
    """Return the number of rows by load of a raw table of the warehouse. Rows of no recorded load do not count."""
    rows = connection.execute(
        f"select load_id, count(*) from {table('raw', name)} where load_id in (select load_id from audit.load) "
        "group by load_id"
    )
    return dict(rows.fetchall())


def _different(here: Mapping[int, int], there: Mapping[int, int], kept: Set[int]) -> set[int]:
    """Return the loads whose rows the lake (`there`) does not have as the warehouse (`here`)."""
    return {load for load in here.keys() | there.keys() if load not in kept or here.get(load) != there.get(load)}


def _remove(left: Path) -> None:
    try:
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise LakeError(
            f"{left} cannot be removed: {os.strerror(error.errno or 0)}. It has rows of people. Remove it, and "
            "let Spark run as the same user as fcir (docs/spark.md), then run: fcir run"
        ) from None


def release_lake(connection: duckdb.DuckDBPyConnection) -> None:
    """Note in the warehouse that it has no lake."""
    with transaction(connection):
        connection.execute("delete from audit.lake")
        connection.execute("delete from audit.lake_owner")


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
