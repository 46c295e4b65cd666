"""A Spark of the tests, and the loads of the sample built on it and with DuckDB."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dagster_project.settings import Settings, Target
from deploy.dev.spark_cluster import MEMORY, start, stop
from tests.spark.equality import Pair


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
def sample(golden, spark: Settings, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The loads of the golden root, built and published on Spark and with DuckDB."""
    pair = Pair.of_loads(golden.root, spark, tmp_path_factory.mktemp("duckdb") / "home")
    pair.build()
    return pair
