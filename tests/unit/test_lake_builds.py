"""Which build in a lake extends the one before it, whatever happened in between."""

import pytest

from dagster_project.settings import Settings, Target
from dagster_project.warehouse.connection import loading_connection
from tests.unit.lake_helpers import Project, set_up, start_fake_spark


@pytest.fixture
def on_spark(tmp_path):
    settings = Settings(home=tmp_path, target=Target.SPARK, _env_file=None)
    set_up(settings)
    return settings


@pytest.fixture
def on_duckdb(on_spark):
    return on_spark.model_copy(update={"target": Target.DUCKDB})


@pytest.fixture
def spark(monkeypatch):
    return start_fake_spark(monkeypatch)


@pytest.fixture
def project(monkeypatch, on_spark, spark):
    """A project that was built in the lake."""
    project = Project(monkeypatch)
    assert spark
    assert project.build_all(on_spark)
    return project


def test_a_build_extends_the_last_one(project, on_spark):
    assert not project.build_all(on_spark)


def test_the_lake_is_built_from_scratch_after_duckdb_has_built_from_scratch_without_a_new_change(
    project, on_spark, on_duckdb
):
    with loading_connection(on_spark.warehouse) as connection:
        # What a changed contract and a hub whose member was restored do.
        connection.execute("delete from audit.build_started")
    assert project.build_all(on_duckdb)
    assert project.build_all(on_spark)
