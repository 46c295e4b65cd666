"""What `FCIR_TARGET=spark` and `make spark-up` say where something is missing; tests/spark has tests with a Spark."""

import sys
from unittest.mock import Mock

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, Settings, Target
from dagster_project.transformation.spark import Spark
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import connect, has_lake
from dagster_project.warehouse.spark import LakeError
from dagster_project.warehouse.tables import ensure_tables
from deploy.dev import spark_cluster
from deploy.dev.spark_cluster import ClusterError, start, stop


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, target=Target.SPARK, spark_port=9, _env_file=None)


def test_a_missing_client_is_named_with_the_command_that_installs_it(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyhive", None)
    with pytest.raises(LakeError, match=r"the Spark client is not installed.*make env-spark"), connect(settings):
        pass


def test_a_cluster_that_does_not_answer_is_named_with_its_address(settings):
    with pytest.raises(LakeError, match=r"no Spark answers at 127\.0\.0\.1:9, .*make spark-up"), connect(settings):
        pass


@pytest.fixture
def warehouse(settings):
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
    return settings.warehouse


def test_a_data_root_whose_detail_was_purged_is_not_built_on_spark(settings, warehouse):
    with loading_connection(warehouse) as connection:
        connection.execute("insert into audit.purge values ('crimes', date '2020-01-01', timestamp '2026-11-29')")
    with pytest.raises(LakeError, match=r"was purged.*Nothing was built.*FCIR_TARGET=duckdb fcir run"):
        Spark(settings).check_ready({"sources": {}, "nodes": {}})


def test_a_data_root_that_was_built_on_spark_has_a_lake_also_with_another_target(settings, warehouse):
    on_duckdb = settings.model_copy(update={"target": Target.DUCKDB})
    assert (has_lake(settings), has_lake(on_duckdb)) == (True, False)
    with loading_connection(warehouse) as connection:
        connection.execute("insert into audit.lake_owner values ('this')")
    assert has_lake(on_duckdb)


def test_a_session_that_the_server_has_ended_is_named(settings, monkeypatch):
    ended = Mock()
    ended.cursor.return_value.execute.side_effect = ended.close.side_effect = BrokenPipeError
    monkeypatch.setattr("pyhive.hive.connect", lambda **_: ended)
    named = pytest.raises(LakeError, match=r"Spark has ended the session\. What is loaded stays")
    with named, connect(settings) as lake:
        lake.rows("select 1")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """An environment with the packages of the cluster."""
    jars = tmp_path / ".venv-spark" / "lib" / "python3.11" / "site-packages" / "iceberg"
    jars.mkdir(parents=True)
    (jars / "iceberg-spark-runtime-3.5_2.12-1.10.2.jar").touch()
    monkeypatch.setattr(spark_cluster, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(spark_cluster, "find_spec", lambda name: name)


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(
    ("version", "found"), [(None, "no java was found"), ("21.0.5", "is version 21"), ("", "is version unknown")]
)
def test_another_java_than_17_is_named_and_nothing_is_started(settings, tmp_path, monkeypatch, version, found):
    programs = tmp_path / "programs"
    programs.mkdir()
    if version is not None:
        java = programs / "java"
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
        java.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(ClusterError, match=rf"Spark needs Java 17: .*{found}.*Nothing was started.*make spark-up"):
        start(settings, workers=0)
    assert not (settings.home / "spark").exists()


@pytest.mark.usefixtures("packages")
def test_missing_packages_of_the_cluster_and_a_missing_client_are_named(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(spark_cluster, "PROJECT_ROOT", tmp_path / "empty")
    with pytest.raises(ClusterError, match=r"not installed in \.venv-spark.*make spark-up"):
        start(settings, workers=0)
    monkeypatch.setattr(spark_cluster, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(spark_cluster, "find_spec", lambda _: None)
    with pytest.raises(ClusterError, match="the Spark client is not installed"):
        start(settings, workers=0)


@pytest.mark.usefixtures("packages")
def test_neither_nothing_nor_the_process_of_another_program_is_stopped(settings):
    """A process id of an earlier day may belong to another program after a restart."""
    assert stop(settings) == "No Spark was running."
    run = settings.home / "spark" / "run"
    run.mkdir(parents=True)
    (run / "server.pid").write_text("1", encoding="utf-8")
    assert stop(settings) == "No Spark was running."
    assert not list(run.iterdir())
