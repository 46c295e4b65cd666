"""Two data roots with the same loads, one of which builds on Spark, and all differences between them. No tests here."""

import json
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.settings import Settings
from dagster_project.transformation.build import spark_of
from dagster_project.transformation.project import ensure_manifest, read_manifest
from dagster_project.warehouse.connection import open_read_only
from dagster_project.warehouse.lake import Relation, connect
from tests.roots import DataRoot

SCHEMAS = ("reference", "raw", "changes", "measures", "marts")
"""Tables that dbt builds, and what it builds them from; staging has views of `raw` alone."""
PUBLISHING = {"marts.marts.published_versions", "marts.marts.revisions"}
"""Tables to which publishing adds its run and time; so do their Parquet files."""


@dataclass(frozen=True)
class Pair:
    """A data root that builds on Spark, and one with the same loads that builds with DuckDB."""

    spark: Settings
    on_spark: DataRoot
    on_duckdb: DataRoot

    @classmethod
    def of_loads(cls, loaded: DataRoot, spark: Settings, home: Path) -> "Pair":
        """Copy what is loaded into the data root of a Spark, unless it is there, and into another."""
        target = {"FCIR_TARGET": "spark", "FCIR_SPARK_PORT": str(spark.spark_port)}
        common = {name: value for name, value in loaded.settings.items() if name not in target}
        copy_loads(loaded, home)
        if loaded.home != spark.home:
            copy_loads(loaded, spark.home)
        return cls(spark, DataRoot(spark.home, common | target), DataRoot(home, common))

    def build(self) -> list[str]:
        """Build and publish in both; return what each printed."""
        printed = []
        for root in (self.on_spark, self.on_duckdb):
            done = root.process("run")
            assert done.code == 0, done.out + done.err
            printed.append(done.out)
        return printed

    def differences(self, *, is_by_changes: bool = False) -> list[str]:
        """Return the tables, relations of the lake and published Parquet files that are not equal.

        Where only Spark built by its changes, the lists of these are left out: a build from scratch has none.
        """
        files, others = _parquet_files(self.on_spark), _parquet_files(self.on_duckdb)
        return [
            *different_tables(self.on_spark.home, self.on_duckdb.home, is_by_changes=is_by_changes),
            *_different_models(self.spark),
            *sorted(name for name in files | others if files.get(name) != others.get(name)),
        ]


def copy_loads(source: DataRoot, home: Path) -> None:
    """Copy what is loaded, so that two engines build from the same rows, numbers and times."""
    home.mkdir(exist_ok=True)
    for name in ("landing", "secrets"):
        shutil.copytree(source.home / name, home / name)
    shutil.copy(source.home / "warehouse.duckdb", home)


def different_tables(one: Path, other: Path, *, is_by_changes: bool = False) -> list[str]:
    """Return the tables of two data roots that are not equal, or that only one of them has."""
    with duckdb.connect() as connection:
        tables = []
        for root, home in (("one_", one), ("other_", other)):
            for file in ("warehouse", "marts"):
                connection.execute(f"attach '{home / file}.duckdb' as {root}{file} (read_only)")
            rows = connection.execute(
                "select database_name, schema_name, table_name from duckdb_tables() "
                "where starts_with(database_name, ?) and list_contains(?, schema_name)",
                [root, list(SCHEMAS)],
            ).fetchall()
            tables.append({".".join((name.removeprefix(root), *rest)) for name, *rest in rows})
        assert tables[0] >= PUBLISHING
        assert len(tables[0]) > 100
        both = {name for name in tables[0] & tables[1] - PUBLISHING if not (is_by_changes and ".changes." in name)}
        different = {name for name in both if rows_that_differ(connection, f"one_{name}", f"other_{name}")}
        return sorted(tables[0] ^ tables[1] | different)


def rows_that_differ(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> int:
    """Return how many rows one of two relations has more often than the other."""
    missing, surplus = (
        connection.execute(f"select count(*) from (from {left} except all from {right})").fetchone()[0]
        for left, right in ((one, other), (other, one))
    )
    return missing + surplus


def _different_models(settings: Settings) -> list[str]:
    """Return the models and seeds whose rows in the lake are not those of the warehouse."""
    # Views of the audit have to see the publication, which was recorded after the build.
    manifest = read_manifest(ensure_manifest(settings))
    spark_of(settings).push_loads(manifest)
    models = [
        (node["schema"], node["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
        and node["config"]["materialized"] != "ephemeral"
        and f"marts.{node['schema']}.{node['name']}" not in PUBLISHING
    ]
    assert len(models) > 110
    return different_in_the_lake(settings, models)


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
                found.append(f"lake: {schema}.{name}")
            pulled.execute(f"drop table {relation.place}")
    return found


def _parquet_files(root: DataRoot) -> dict[str, str]:
    """Return the hashes of the published Parquet files but those that contain the time of publishing."""
    manifest = json.loads((root.current / "manifest.json").read_text(encoding="utf-8"))
    of_publishing = {f"parquet/{name.rpartition('.')[2]}.parquet" for name in PUBLISHING}
    files = {file["path"]: file["sha256"] for file in manifest["files"] if file["path"].startswith("parquet/")}
    return {path: digest for path, digest in files.items() if path not in of_publishing}
