"""The sample on Spark has the tables, figures and files that it has on DuckDB, after each of two batches."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dagster_project.settings import Settings
from dagster_project.tools.spark_cluster import start, stop
from dagster_project.transformation.engine import engine_of
from dagster_project.transformation.project import ensure_manifest, parse, read_manifest
from tests.end_to_end.command import Command
from tests.spark.equality import PUBLISHING, copy_loads, different_in_the_lake, different_tables

# These contain the time of publishing.
OF_THE_RUN = {"parquet/published_versions.parquet", "parquet/revisions.parquet"}


def models_of(settings: Settings) -> list[tuple[str, str]]:
    """Schema and name of every seed and model in the lake."""
    nodes = read_manifest(ensure_manifest(settings))["nodes"].values()
    return [
        (node["schema"], node["name"])
        for node in nodes
        if node["resource_type"] in ("model", "seed")
        and node["config"]["materialized"] != "ephemeral"
        and f"marts.{node['schema']}.{node['name']}" not in PUBLISHING
    ]


def different_models(settings: Settings) -> list[str]:
    """Models and seeds whose rows in the lake are not those of the warehouse."""
    # Views of the audit have to see the publication, which was recorded after the build.
    engine_of(settings).push_loads(parse(settings))
    names = models_of(settings)
    assert len(names) > 110
    return different_in_the_lake(settings, names)


def parquet_files(command: Command) -> dict[str, str]:
    manifest = json.loads((command.current / "manifest.json").read_text(encoding="utf-8"))
    return {file["path"]: file["sha256"] for file in manifest["files"] if file["path"].startswith("parquet/")}


def test_every_printed_figure_is_reproduced(on_spark):
    said = (on_spark.home / "said").read_text(encoding="utf-8")
    assert "108 of 108 printed figures reproduced exactly" in said
    assert re.search(r"build +tests +\d+ of \d+ good", said)


def test_every_table_equals_that_of_duckdb(on_spark, on_duckdb):
    assert different_tables(on_spark.home, on_duckdb.home) == []


@pytest.mark.usefixtures("on_spark")
def test_every_seed_table_and_view_of_the_lake_equals_that_of_the_warehouse(spark):
    assert different_models(spark) == []


def test_every_parquet_file_without_the_time_of_publishing_is_the_same(on_spark, on_duckdb):
    spark, duckdb = parquet_files(on_spark), parquet_files(on_duckdb)
    assert spark.keys() == duckdb.keys()
    assert {path for path, digest in spark.items() if duckdb[path] != digest} <= OF_THE_RUN


def test_a_run_without_a_new_delivery_builds_nothing(on_spark):
    done = on_spark.run("run")
    assert (done.returncode, "build " in done.stdout) == (0, False), done.stdout


@pytest.mark.usefixtures("on_spark")
def test_nothing_stays_in_the_folder_through_which_rows_pass(spark):
    assert list(spark.lake_folder.iterdir()) == []


def load_second_batch(command: Command) -> None:
    """Deliver a fifth of the rows of some days late, withdraw some rows, and withdraw a delivery that was rejected."""

    def lines(name: str) -> list[str]:
        file = command.home / "landing" / name.partition("_20")[0] / name
        return file.read_text(encoding="utf-8").splitlines()

    for name in ("call_segments_2022-11-03.csv", "crimes_2022-10-26.csv"):
        header, *rows = lines(name)
        command.land(name, header, *(row for number, row in enumerate(rows) if number % 5))
        command.land(f"{name.partition('_20')[0]}_2022-12-27_late.csv", header, *rows[::5])
    reports = lines("online_crime_reports_2022-11-06.csv")
    command.land("online_crime_reports_2022-11-06.csv", *reports[:-20])
    unreadable = command.land("digital_contacts_2022-11-07_part.jsonl", "{")
    rejected = command.run("run", "--load-only")
    assert rejected.returncode == 1, rejected.stdout + rejected.stderr
    unreadable.unlink()
    withdrawn = command.run("run", "--load-only")
    assert withdrawn.returncode == 0, withdrawn.stdout + withdrawn.stderr


@contextmanager
def building(command: Command) -> Iterator[subprocess.Popen[str]]:
    """Start a run, and wait until it builds its first models."""
    models = command.home / "dbt-spark" / "run"
    shutil.rmtree(models, ignore_errors=True)
    with command.start("run") as process:
        while not list(models.rglob("fct_*.sql")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)
        yield process


@pytest.fixture(scope="module")
def second_batch(on_spark: Command, spark: Settings, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A second batch, built on Spark by its changes, and on DuckDB from scratch; returns the copy on DuckDB.

    The server ends during the first attempt.
    """
    load_second_batch(on_spark)
    copy = Command(tmp_path_factory.mktemp("second") / "home")
    copy_loads(on_spark, copy)
    with building(on_spark) as process:
        stop(spark)
        out, err = process.communicate()
    assert (process.returncode, "Traceback" in out + err) == (1, False), out + err
    start(spark, workers=0)
    for command in (on_spark, copy):
        done = command.run("run")
        assert (done.returncode, "from scratch" in done.stdout) == (0, command is copy), done.stdout + done.stderr
    return copy


@pytest.mark.long
def test_every_table_equals_that_of_duckdb_after_a_second_batch(on_spark, second_batch):
    assert different_tables(on_spark.home, second_batch.home, is_by_changes=True) == []


@pytest.mark.long
@pytest.mark.usefixtures("second_batch")
def test_every_relation_of_the_lake_equals_that_of_the_warehouse_after_a_second_batch(spark):
    assert different_models(spark) == []


@pytest.mark.long
@pytest.mark.usefixtures("second_batch")
def test_every_table_built_from_scratch_equals_that_of_duckdb_although_a_worker_was_killed(on_spark, spark, tmp_path):
    copy = Command(tmp_path / "home")
    copy_loads(on_spark, copy)
    stop(spark)
    start(spark, workers=2)
    (on_spark.home / "marts.duckdb").unlink()
    with building(on_spark) as process:
        worker = int((spark.home / "spark" / "run" / "worker-1.pid").read_text(encoding="utf-8"))
        os.killpg(worker, signal.SIGKILL)
        out, err = process.communicate()
    assert (process.returncode, "from scratch" in out) == (0, True), out + err
    assert copy.run("run").returncode == 0
    assert different_tables(on_spark.home, copy.home) == []
