"""The sample on Spark has the tables, figures and files that it has on DuckDB, after each of two batches."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import pytest

from dagster_project.transformation.project import invoke
from deploy.dev.spark_cluster import start, stop
from tests.roots import DataRoot
from tests.spark.equality import Pair, copy_loads, different_tables


def test_every_table_relation_of_the_lake_and_parquet_file_equals_that_of_duckdb(sample):
    assert sample.differences() == []


def test_a_run_without_a_new_delivery_builds_nothing(sample):
    done = sample.on_spark.process("run")
    assert (done.code, "build " in done.out) == (0, False), done.out


def test_nothing_stays_in_the_folder_through_which_rows_pass(sample):
    assert list(sample.spark.lake_folder.iterdir()) == []


# A unit test takes the types of its columns from the tables that the batch built.
@pytest.mark.long
def test_every_unit_test_of_the_dbt_project_passes(sample):
    parsed = invoke(sample.spark, ["parse", "--no-write-json"])
    ran = invoke(sample.spark, ["test", "--select", "test_type:unit"], manifest=parsed).results
    # A hook at the end of a run is a result too.
    results = [item for item in ran if item.node.resource_type == "unit_test"]
    assert {item.node.name: item.message for item in results if str(item.status) != "pass"} == {}
    assert len(results) > 55


def load_second_batch(root: DataRoot, split: Iterable[str], late: str, shortened: str) -> None:
    """Deliver a fifth of the rows of some files late, withdraw some rows, and withdraw a delivery that was rejected."""

    def lines(name: str) -> list[str]:
        file = root.home / "landing" / name.partition("_20")[0] / name
        return file.read_text(encoding="utf-8").splitlines()

    for name in split:
        header, *rows = lines(name)
        root.land(name, header, *(row for number, row in enumerate(rows) if number % 5))
        root.land(f"{name.partition('_20')[0]}_{late}_late.csv", header, *rows[::5])
    root.land(shortened, *lines(shortened)[:-20])
    unreadable = root.land("digital_contacts_2022-11-07_part.jsonl", "{")
    root.load()
    unreadable.unlink()
    root.load()


@contextmanager
def building(root: DataRoot) -> Iterator[subprocess.Popen[str]]:
    """Start a run, and wait until it builds its first models."""
    models = root.home / "dbt-spark" / "run"
    shutil.rmtree(models, ignore_errors=True)
    with root.start("run") as process:
        while not list(models.rglob("fct_*.sql")):
            assert process.poll() is None, process.communicate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        yield process


@pytest.fixture(scope="module")
def second(sample: Pair, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A second batch, built on Spark by its changes after a server that ended, and with DuckDB from scratch."""
    split = ("call_segments_2022-11-03.csv", "crimes_2022-10-26.csv")
    load_second_batch(sample.on_spark, split, "2022-12-27", "online_crime_reports_2022-11-06.csv")
    second = Pair.of_loads(sample.on_spark, sample.spark, tmp_path_factory.mktemp("second") / "home")
    with building(second.on_spark) as process:
        stop(second.spark)
        out, err = process.communicate()
    assert (process.returncode, "Traceback" in out + err) == (1, False), out + err
    start(second.spark, workers=0)
    assert ["from scratch" in printed for printed in second.build()] == [False, True]
    return second


@pytest.mark.long
def test_everything_equals_duckdb_after_a_second_batch(second):
    assert second.differences(is_by_changes=True) == []


@pytest.mark.long
def test_every_table_built_from_scratch_equals_that_of_duckdb_although_a_worker_was_killed(second, tmp_path):
    copy = DataRoot(tmp_path / "home")
    copy_loads(second.on_spark, copy.home)
    stop(second.spark)
    start(second.spark, workers=2)
    (second.on_spark.home / "marts.duckdb").unlink()
    with building(second.on_spark) as process:
        worker = int((second.spark.home / "spark" / "run" / "worker-1.pid").read_text(encoding="utf-8"))
        os.killpg(worker, signal.SIGKILL)
        out, err = process.communicate()
    assert (process.returncode, "from scratch" in out) == (0, True), out + err
    assert copy.process("run").code == 0
    assert different_tables(second.on_spark.home, copy.home) == []
