"""A lake belongs to one data root, and knows whether a warehouse was copied, restored or changed."""

import subprocess
import sys
import time
from datetime import datetime

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.warehouse.connection import create_marts, loading_connection
from dagster_project.warehouse.lake import connect, end_build
from dagster_project.warehouse.spark import LakeError
from tests.leaving.dbt.histories import History
from tests.leaving.end_to_end.command import PROJECT
from tests.leaving.spark.equality import different_in_the_lake

pytestmark = pytest.mark.long

SOURCES = sorted(load_contracts(CONTRACTS))
RAW = [("raw", source) for source in SOURCES]
MODELS = ("staging", "marts")
MIRRORED = ("build", "contract", "correction", "load", "load_force", "pending_load")


@pytest.fixture(scope="module")
def settings(spark, tmp_path_factory):
    """Another data root than that of the batches, on the same Spark: what the lake has of those must go."""
    home = tmp_path_factory.mktemp("lake")
    return spark.model_copy(update={"home": home})


@pytest.fixture(scope="module")
def history(settings):
    history = History(settings.warehouse, load_contracts(CONTRACTS), seed=11)
    create_marts(settings.warehouse)
    return history


WAREHOUSE_BUILT = (7, "fingerprint of the project")


@pytest.fixture
def lake(settings):
    """A session of the lake, which belongs to the data root of this file."""
    with connect(settings) as lake, loading_connection(settings.warehouse) as connection:
        if not connection.execute("from audit.lake_owner").fetchall():
            lake.execute("drop table if exists audit.lake")
        lake.claim(connection, MODELS)
    with connect(settings) as lake:
        yield lake


def bring(settings: Settings) -> int:
    """Append and mirror; return the number of loads appended."""
    with connect(settings) as lake, loading_connection(settings.warehouse) as connection:
        appended = lake.append(connection)
        lake.mirror(connection, MIRRORED)
    return appended


def test_a_load_of_a_restored_warehouse_replaces_the_load_that_had_its_number(settings, history):
    history.deliver()
    bring(settings)
    with loading_connection(settings.warehouse) as connection:
        connection.execute("update audit.load set file_sha256 = 'another', loaded_at = ?", [datetime(2023, 1, 2)])  # noqa: DTZ001
        connection.execute("update raw.live_chats set operator_id = 'another'")
    bring(settings)
    assert different_in_the_lake(settings, RAW) == []


@pytest.mark.usefixtures("history", "lake")
def test_a_lake_of_another_data_root_is_refused_before_anything_is_written(settings, tmp_path):
    other = settings.model_copy(update={"home": tmp_path})
    History(other.warehouse, load_contracts(CONTRACTS), seed=12)
    bring(settings)
    with (
        connect(other) as lake,
        loading_connection(other.warehouse) as connection,
        pytest.raises(LakeError, match=r"belongs to another data root\. Nothing was built.*drop table audit\.lake"),
    ):
        lake.claim(connection, MODELS)
    assert different_in_the_lake(settings, RAW) == []


@pytest.mark.usefixtures("history")
def test_a_catalog_with_tables_of_another_project_is_refused(settings, lake):
    lake.execute("drop table audit.lake")
    lake.execute("drop table if exists audit.build")
    with loading_connection(settings.warehouse) as connection:
        with pytest.raises(
            LakeError, match=r"schema (audit|marts|raw|staging) of the lake has tables of another project"
        ):
            lake.claim(connection, MODELS)
        lake.mirror(connection, ["build"])
        lake.claim(connection, MODELS)
    bring(settings)
    assert different_in_the_lake(settings, RAW) == []


@pytest.mark.usefixtures("history")
def test_rows_are_appended_again_after_values_were_replaced_in_the_warehouse(settings, lake):
    bring(settings)
    with loading_connection(settings.warehouse) as connection:
        lake.begin_build(connection)
        end_build(connection, *WAREHOUSE_BUILT)
        assert lake.has_build(connection, *WAREHOUSE_BUILT)
        connection.execute("update raw.live_chats set operator_id = 'a substitute'")
        # What a replacement of pseudonyms does, also of loads whose rows it did not find.
        connection.execute("delete from audit.lake")
        assert not lake.has_build(connection, *WAREHOUSE_BUILT)
        lake.claim(connection, MODELS)
    assert bring(settings) > 0
    assert different_in_the_lake(settings, RAW) == []


@pytest.mark.usefixtures("history")
def test_the_lake_has_a_build_until_a_copy_of_the_warehouse_of_before_the_next_one_is_put_back(settings, lake):
    change, project = WAREHOUSE_BUILT
    with loading_connection(settings.warehouse) as connection:
        assert not lake.has_build(connection, change, "another project")
        lake.begin_build(connection)
        end_build(connection, change, project)
        assert lake.has_build(connection, change, project)
        assert not lake.has_build(connection, change + 1, project)
        connection.execute("create table audit.copy as from audit.lake")
        lake.begin_build(connection)
        assert lake.has_build(connection, change, project)
        connection.execute("delete from audit.lake; insert into audit.lake from audit.copy; drop table audit.copy")
        assert not lake.has_build(connection, change, project)


def test_a_statement_of_a_killed_process_is_not_committed(settings, lake):
    lake.execute("create or replace table raw.slow (slept string) using iceberg")
    sleep = "reflect('java.lang.Thread', 'sleep', cast(8000 as bigint))"
    code = (
        "import sys; from pathlib import Path; from dagster_project.settings import Settings; "
        "from dagster_project.warehouse.lake import connect\n"
        "settings = Settings(home=Path(sys.argv[1]), spark_port=int(sys.argv[2]), _env_file=None)\n"
        "with connect(settings) as lake: print('begins', flush=True); lake.execute(sys.argv[3])"
    )
    arguments = [str(settings.home), str(settings.spark_port), f"insert into raw.slow select cast({sleep} as string)"]
    with subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"begins\n"
        time.sleep(3)
        process.kill()
    time.sleep(10)
    assert lake.rows("select count(*) from raw.slow") == [(0,)]
    lake.execute("drop table raw.slow purge")
