"""A Spark of the tests, and the printed months of the sample built on it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dagster_project.settings import Settings, Target
from deploy.dev.spark_cluster import MEMORY, start, stop
from tests.leaving.end_to_end.command import Command
from tests.leaving.spark.equality import copy_loads


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a data root with a Spark of its own."""
    with running_spark(tmp_path_factory.mktemp("spark")) as settings:
        yield settings


@contextmanager
def running_spark(home: Path, *, memory: str = MEMORY) -> Iterator[Settings]:
    """Run a Spark for a data root; yield its settings."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(home=home, target=Target.SPARK, spark_port=port, _env_file=None)
    try:
        start(settings, workers=0, memory=memory)
        yield settings
    finally:
        stop(settings)


@pytest.fixture(scope="session")
def on_spark(sample: Command, spark: Settings) -> Command:
    """The loaded sample, built and published with Spark."""
    command = Command(spark.home, settings={"FCIR_TARGET": "spark", "FCIR_SPARK_PORT": str(spark.spark_port)})
    copy_loads(sample, command)
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    (spark.home / "said").write_text(done.stdout, encoding="utf-8")
    return command


@pytest.fixture(scope="session")
def on_duckdb(sample: Command, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The same loads, built and published with DuckDB."""
    command = Command(tmp_path_factory.mktemp("duckdb") / "home")
    copy_loads(sample, command)
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return command
