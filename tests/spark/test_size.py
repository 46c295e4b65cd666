"""Five million rows of 43 forces have the same tables on Spark as on DuckDB: first batch, second batch, from scratch.

An hour and a half on two processors: `make test-spark SPARK_TESTS="-m large"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from dagster_project.settings import Settings
from tests.end_to_end.command import Command
from tests.long.benchmark.data import Extent, extent_of, write_extracts, write_night
from tests.spark.conftest import running_spark
from tests.spark.equality import copy_loads, different_tables
from tests.spark.test_batches import OF_THE_RUN, different_models, parquet_files

pytestmark = [pytest.mark.long, pytest.mark.large]

EXTENT = Extent(extent_of("L").forces, date(2023, 1, 16), 34)
ROWS = 5_000_000


@dataclass(frozen=True)
class Roots:
    """A data root that builds on Spark, and a copy of its loads that builds on DuckDB."""

    spark: Settings
    on_spark: Command
    on_duckdb: Command

    def run(self) -> None:
        """Build and publish in both."""
        build(self.on_spark)
        build(self.on_duckdb)

    def different_files(self) -> set[str]:
        """Return the published Parquet files that are not the same in both, without those of the run."""
        spark, duckdb = parquet_files(self.on_spark), parquet_files(self.on_duckdb)
        assert spark.keys() == duckdb.keys()
        return {path for path, digest in spark.items() if duckdb[path] != digest} - OF_THE_RUN


@pytest.fixture(scope="module")
def roots(tmp_path_factory) -> Iterator[Roots]:
    folder = tmp_path_factory.mktemp("size")
    on_duckdb = Command(folder / "duckdb", settings={"FCIR_FORCE": EXTENT.forces[0]})
    write_extracts(on_duckdb.home / "landing", EXTENT)
    load(on_duckdb)
    home = folder / "spark"
    home.mkdir()
    with running_spark(home, memory="6g") as spark:
        target = {"FCIR_TARGET": "spark", "FCIR_SPARK_PORT": str(spark.spark_port)}
        on_spark = Command(home, settings=on_duckdb.settings | target)
        copy_loads(on_duckdb, on_spark)
        roots = Roots(spark, on_spark, on_duckdb)
        roots.run()
        yield roots


def build(command: Command) -> None:
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr


def load(command: Command, *, code: int = 0) -> None:
    done = command.run("run", "--load-only")
    assert done.returncode == code, done.stdout + done.stderr


def test_the_first_batch_is_equal(roots):
    (loaded,) = roots.on_spark.warehouse("select sum(rows_loaded) from audit.load where status = 'loaded'")[0]
    assert loaded > ROWS
    assert different_tables(roots.on_spark.home, roots.on_duckdb.home) == []
    assert different_models(roots.spark) == []
    assert roots.different_files() == set()


def deliver_second_batch(command: Command) -> None:
    """Deliver a night with late and corrected rows, two days again in parts, one without some rows, and a bad file."""
    landing = command.home / "landing"
    write_night(landing, EXTENT)
    middle = EXTENT.first + timedelta(days=EXTENT.days // 2)
    for source in ("call_segments", "crimes"):
        file = landing / source / f"{source}_{middle}.csv"
        header, *rows = file.read_text(encoding="utf-8").splitlines()
        command.land(file.name, header, *(row for number, row in enumerate(rows) if number % 5))
        command.land(f"{source}_{middle}_late.csv", header, *rows[::5])
    reports = landing / "online_crime_reports" / f"online_crime_reports_{middle}.csv"
    command.land(reports.name, *reports.read_text(encoding="utf-8").splitlines()[:-20])
    broken = command.land(f"digital_contacts_{middle}_part.jsonl", "{")
    load(command, code=1)
    broken.unlink()
    load(command)


@pytest.fixture(scope="module")
def second(roots: Roots, tmp_path_factory) -> Roots:
    """A second batch, built by its changes on Spark and from scratch on DuckDB."""
    deliver_second_batch(roots.on_spark)
    copy = Command(tmp_path_factory.mktemp("second") / "home", settings=roots.on_duckdb.settings)
    copy_loads(roots.on_spark, copy)
    second = Roots(roots.spark, roots.on_spark, copy)
    second.run()
    return second


def test_the_second_batch_built_by_its_changes_equals_duckdb_from_scratch(second):
    assert different_tables(second.on_spark.home, second.on_duckdb.home, is_by_changes=True) == []
    assert different_models(second.spark) == []
    assert second.different_files() == set()


def test_the_second_batch_built_from_scratch_equals_duckdb(second):
    (second.on_spark.home / "marts.duckdb").unlink()
    build(second.on_spark)
    assert different_tables(second.on_spark.home, second.on_duckdb.home) == []
    assert different_models(second.spark) == []
    assert second.different_files() == set()
