"""Rows reach the lake once and completely, whatever interrupts them."""

import itertools
import shutil
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.warehouse.connection import create_marts, loading_connection
from dagster_project.warehouse.lake import Lake, clear_lake_folder, connect, end_build
from dagster_project.warehouse.spark import LakeError
from tests.dbt.histories import History
from tests.end_to_end.command import PROJECT
from tests.spark.equality import different_in_the_lake

pytestmark = pytest.mark.long

SOURCES = sorted(load_contracts(CONTRACTS))
RAW = [("raw", source) for source in SOURCES]
MODELS = ("staging", "marts")
MIRRORED = ("build", "contract", "correction", "load", "load_force", "pending_load")


class Interrupted(Exception):
    """Stands for a kill of the run."""


class InterruptedCursor:
    """A cursor that takes some statements and no more."""

    def __init__(self, cursor: Any, statements: int) -> None:
        self._cursor, self._left = cursor, statements

    def execute(self, sql: str, **options: Any) -> None:
        """Run a statement, unless it is one too many."""
        self._left -= 1
        if self._left < 0:
            raise Interrupted
        self._cursor.execute(sql, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


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


def bring(settings: Settings, *, statements: int | None = None) -> int:
    """Append and mirror; return the number of loads appended."""
    with connect(settings) as lake, loading_connection(settings.warehouse) as connection:
        if statements is not None:
            lake = Lake(InterruptedCursor(lake.cursor, statements), settings.lake_folder)
        appended = lake.append(connection)
        lake.mirror(connection, MIRRORED)
    return appended


def test_a_run_that_is_killed_at_any_statement_is_finished_by_the_next(settings, history):
    killed = 0
    # Every seventh statement: each attempt goes further than the one before.
    for statements in itertools.count(4, 7):
        if statements % 2:
            history.deliver()
        try:
            bring(settings, statements=statements)
            break
        except Interrupted:
            killed += 1
    assert killed > 5
    assert different_in_the_lake(settings, RAW) == []
    assert bring(settings) == 0


def test_a_load_of_a_restored_warehouse_replaces_the_load_that_had_its_number(settings, history):
    history.deliver()
    bring(settings)
    with loading_connection(settings.warehouse) as connection:
        connection.execute("update audit.load set file_sha256 = 'another', loaded_at = ?", [datetime(2023, 1, 2)])  # noqa: DTZ001
        connection.execute("update raw.live_chats set operator_id = 'another'")
    bring(settings)
    assert different_in_the_lake(settings, RAW) == []


def test_rows_of_a_load_that_the_warehouse_has_no_more_are_deleted(settings, history):
    history.deliver()
    bring(settings)
    with loading_connection(settings.warehouse) as connection:
        connection.execute("delete from raw.crimes where load_id in (select max(load_id) from raw.crimes)")
        connection.execute(
            "delete from audit.load where source = 'crimes' and load_id not in (select load_id from raw.crimes)"
        )
    bring(settings)
    assert different_in_the_lake(settings, RAW) == []


@pytest.mark.usefixtures("history")
def test_rows_that_no_load_accepted_stay_out(settings):
    bring(settings)
    with loading_connection(settings.warehouse) as connection:
        before = connection.execute("select count(*) from raw.crimes").fetchone()
        connection.execute("insert into raw.crimes by name select * replace (99999 as load_id) from raw.crimes limit 1")
    assert bring(settings) == 0
    with connect(settings) as lake:
        assert lake.rows("select count(*) from raw.crimes") == [before]


@pytest.mark.usefixtures("history")
def test_a_column_that_is_new_in_a_contract_is_added(settings):
    with loading_connection(settings.warehouse) as connection:
        connection.execute("delete from raw.crimes where load_id = 99999")
        connection.execute("alter table raw.crimes add column beat varchar")
        newest = connection.execute("select max(load_id) from raw.crimes").fetchone()
        connection.execute(
            "insert into audit.load by name select * replace (88888 as load_id) from audit.load where load_id = ?",
            newest,
        )
        connection.execute(
            "insert into raw.crimes by name "
            "select * replace (88888 as load_id, 'north' as beat) from raw.crimes where load_id = ?",
            newest,
        )
    bring(settings)
    assert different_in_the_lake(settings, RAW) == []
    with connect(settings) as lake:
        assert lake.rows("select distinct beat from raw.crimes where beat is not null") == [("north",)]


@pytest.mark.usefixtures("history")
def test_a_view_that_changed_has_its_new_query(settings):
    bring(settings)
    with loading_connection(settings.warehouse) as connection:
        connection.execute(
            "create or replace view audit.pending_load as select load_id, source, extract_date from audit.load limit 3"
        )
    bring(settings)
    with connect(settings) as lake:
        assert lake.rows("select count(*) from audit.pending_load") == [(3,)]


@pytest.mark.usefixtures("history")
def test_a_load_whose_rows_were_lost_in_the_lake_is_appended_again(settings):
    bring(settings)
    with connect(settings) as lake:
        lake.execute("delete from raw.live_chats where load_id in (select max(load_id) from raw.live_chats)")
    assert bring(settings) == 1
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


def test_settings_with_which_figures_would_differ_are_refused(lake):
    lake.require_exact()
    for setting, value in (("spark.sql.session.timeZone", "Europe/London"), ("spark.sql.ansi.enabled", "false")):
        lake.execute(f"set {setting} = {value}")
        with pytest.raises(LakeError, match=rf"{setting} of Spark is {value}; expected .*Nothing was built"):
            lake.require_exact()


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


def test_what_a_killed_run_left_in_the_folder_is_removed_and_nothing_else(settings):
    left = settings.lake_folder / "raw.calls-ab12_x9z"
    other = settings.lake_folder / "of another program"
    for folder in (left, other):
        folder.mkdir(parents=True)
        (folder / "part-0.parquet").touch()
    clear_lake_folder(settings)
    assert (left.exists(), other.exists()) == (False, True)
    shutil.rmtree(other)
