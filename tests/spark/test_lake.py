"""Rows reach the lake once and completely, whatever interrupts them; the job that compacts it leaves every row."""

import itertools
import shutil
import subprocess
import sys

import dagster as dg
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.definitions import definitions as load_definitions
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import clear_lake_folder, connect
from dagster_project.warehouse.spark import LakeError
from dagster_project.warehouse.tables import ensure_tables, root_id
from tests.spark.equality import different_in_the_lake

pytestmark = pytest.mark.long

RAW = [("raw", source) for source in sorted(load_contracts(CONTRACTS))]


@pytest.fixture
def settings(spark, three_days, tmp_path):
    """Another data root than that of the batches, on the same Spark: what the lake has of those must go."""
    return spark.model_copy(update={"home": three_days.copy(tmp_path / "home").home})


def change(settings: Settings, statements: str) -> None:
    """Run statements on the warehouse."""
    with loading_connection(settings.warehouse) as connection:
        connection.execute(statements)


def load(settings: Settings, columns: str = "") -> None:
    """Load the newest rows of crimes again under the next number, with some columns replaced."""
    newest = "load_id = (select max(load_id) from audit.load where source = 'crimes')"
    following = "(select max(load_id) + 1 from audit.load) as load_id"
    change(
        settings,
        f"insert into raw.crimes by name select * replace ({following} {columns}) from raw.crimes where {newest};"
        f"insert into audit.load by name select * replace ({following}) from audit.load where {newest}",
    )


def bring(settings: Settings, *, statements: int = 1000) -> int:
    """Append and mirror, with no more than so many statements on Spark; return the number of loads appended."""
    with connect(settings) as lake, loading_connection(settings.warehouse) as connection:
        execute, left = lake.cursor.execute, iter(range(statements))

        def interrupted(sql: str, **options: object) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt
            execute(sql, **options)

        lake.cursor.execute = interrupted
        appended = lake.append(connection)
        lake.mirror(connection, ["build", "contract", "correction", "load", "load_force", "pending_load"])
    return appended


def test_a_run_that_is_killed_at_any_statement_is_finished_by_the_next(settings):
    # Every seventh statement: each attempt goes further than the one before.
    for statements in itertools.count(4, 7):
        if statements % 2:
            load(settings)
        try:
            bring(settings, statements=statements)
            break
        except KeyboardInterrupt:
            continue
    assert statements > 4 + 5 * 7
    assert different_in_the_lake(settings, RAW) == []
    assert bring(settings) == 0


def test_rows_of_a_load_that_the_warehouse_has_no_more_are_deleted_and_those_that_no_load_accepted_stay_out(settings):
    bring(settings)
    newest = "load_id = (select max(load_id) from audit.load where source = 'crimes')"
    change(settings, f"delete from raw.crimes where {newest}; delete from audit.load where {newest}")
    bring(settings)
    assert different_in_the_lake(settings, RAW) == []
    change(settings, "insert into raw.crimes by name select * replace (99999 as load_id) from raw.crimes limit 1")
    assert bring(settings) == 0
    with connect(settings) as lake:
        assert lake.rows("select count(*) from raw.crimes where load_id = 99999") == [(0,)]


def test_a_column_that_is_new_in_a_contract_is_added(settings):
    bring(settings)
    change(settings, "alter table raw.crimes add column beat varchar")
    load(settings, ", 'north' as beat")
    bring(settings)
    assert different_in_the_lake(settings, RAW) == []
    with connect(settings) as lake:
        assert lake.rows("select distinct beat from raw.crimes where beat is not null") == [("north",)]
        # Data roots of other tests have no such column.
        lake.execute("drop table raw.crimes purge")


def test_a_view_that_changed_has_its_new_query(settings):
    bring(settings)
    change(settings, "create or replace view audit.pending_load as select load_id, source from audit.load limit 3")
    bring(settings)
    with connect(settings) as lake:
        assert lake.rows("select count(*) from audit.pending_load") == [(3,)]


def test_a_load_whose_rows_were_lost_in_the_lake_is_appended_again(settings):
    bring(settings)
    with connect(settings) as lake:
        lake.execute("delete from raw.live_chats where load_id in (select max(load_id) from raw.live_chats)")
    assert bring(settings) == 1
    assert different_in_the_lake(settings, RAW) == []


def test_loads_whose_rows_were_replaced_in_the_warehouse_are_appended_again(settings):
    bring(settings)
    change(settings, "update raw.crimes set crime_ref = -crime_ref; delete from audit.load_checksum")
    assert bring(settings) > 0
    assert different_in_the_lake(settings, RAW) == []


def test_the_lake_has_the_newest_build_until_another_is_recorded_or_something_changes_its_rows(settings):
    bring(settings)
    with connect(settings) as lake, loading_connection(settings.warehouse) as connection:
        assert lake.has_build(connection)
        lake.require_unchanged(connection)
        lake.execute("delete from raw.crimes where load_id in (select max(load_id) from raw.crimes)")
    with connect(settings) as lake, loading_connection(settings.warehouse) as connection:
        with pytest.raises(LakeError, match=r"raw\.crimes of the lake changed while dbt built.*builds everything"):
            lake.require_unchanged(connection)
        assert not lake.has_build(connection)
        lake.mirror(connection, ["build"])
        assert lake.has_build(connection)
        later = "'another' as run_id, built_at + interval 1 second as built_at"
        connection.execute(f"insert into audit.build select * replace ({later}) from audit.build")
        assert not lake.has_build(connection)


def test_a_lake_of_another_data_root_or_project_is_refused_before_anything_is_written(settings):
    bring(settings)
    with connect(settings) as lake, loading_connection(settings.warehouse) as connection:
        for (owner,) in lake.rows("show databases like 'fcir_root_*'"):
            lake.execute(f"drop schema {owner}")
        lake.execute("create schema fcir_root_another")
        other = pytest.raises(
            LakeError, match=r"belongs to another data root\. Nothing.*drop schema fcir_root_another;"
        )
        with other:
            lake.claim(connection, ["marts"])
        lake.execute("drop schema fcir_root_another")
        lake.execute("drop table audit.build")
        with pytest.raises(LakeError, match=r"schema audit of the lake has tables of another project"):
            lake.claim(connection, ["marts"])
        with pytest.raises(LakeError, match="are not those of this data root"):
            lake.require_built(connection)
        lake.mirror(connection, ["build"])
        lake.claim(connection, ["marts"])
        lake.require_built(connection)
        lake.release(connection)


def test_a_statement_of_a_killed_process_is_not_committed(settings):
    slow = "reflect('java.lang.Thread', 'sleep', cast(8000 as bigint))"
    code = (
        "import sys; from pathlib import Path; from dagster_project.settings import Settings; "
        "from dagster_project.warehouse.lake import connect\n"
        "settings = Settings(home=Path(sys.argv[1]), spark_port=int(sys.argv[2]), _env_file=None)\n"
        "with connect(settings) as lake:\n"
        "    poll = lake.cursor.poll\n"
        "    def reported(): status = poll(); print(status.operationState, flush=True); return status\n"
        "    lake.cursor.poll = reported\n"
        f'    lake.execute("insert into raw.slow select cast({slow} as string)")'
    )
    arguments = [sys.executable, "-c", code, str(settings.home), str(settings.spark_port)]
    with connect(settings) as lake:
        lake.execute("create or replace table raw.slow (slept string) using iceberg")
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
            # 1 is the state of a statement that runs. The server keeps a question for 5 of its 8 seconds.
            assert b"1\n" in iter(process.stdout.readline, b"")
            process.kill()
        lake.rows(f"select {slow}")
        assert lake.rows("select count(*) from raw.slow") == [(0,)]
        lake.execute("drop table raw.slow purge")


def test_settings_with_which_figures_would_differ_are_refused(spark):
    with connect(spark) as lake:
        lake.require_exact()
        for setting, value in (("spark.sql.session.timeZone", "Europe/London"), ("spark.sql.ansi.enabled", "false")):
            lake.execute(f"set {setting} = {value}")
            with pytest.raises(LakeError, match=rf"{setting} of Spark is {value}; expected .*Nothing was built"):
                lake.require_exact()


def test_what_a_killed_run_left_in_the_folder_is_removed_and_nothing_else(spark):
    left, other = spark.lake_folder / "fcir-raw.calls-ab12_x9z", spark.lake_folder / "of another program"
    for folder in (left, other):
        folder.mkdir(parents=True)
        (folder / "part-0.parquet").touch()
    clear_lake_folder(spark)
    assert (left.exists(), other.exists()) == (False, True)
    shutil.rmtree(other)


@pytest.fixture(scope="module")
def definitions(spark):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FCIR_HOME", str(spark.home))
        patch.setenv("FCIR_SPARK_PORT", str(spark.spark_port))
        found = {}
        for target in ("duckdb", "spark"):
            patch.setenv("FCIR_TARGET", target)
            found[target] = load_definitions()
        yield found


def test_the_lake_is_compacted_every_sunday_where_there_is_one_and_assets_name_their_engine(definitions):
    on_spark, on_duckdb = (definitions[target].get_repository_def() for target in ("spark", "duckdb"))
    schedule = on_spark.get_schedule_def("compact_lake_sunday")
    assert (schedule.job_name, schedule.cron_schedule) == ("compact_lake", "0 12 * * 0")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (on_spark.has_job("drop_lake"), on_duckdb.has_job("compact_lake")) == (True, False)
    specs = {target: definitions[target].resolve_all_asset_specs() for target in definitions}
    kinds = {
        target: [spec.kinds for spec in of if spec.key.path == ["marts", "fct_call"]] for target, of in specs.items()
    }
    assert kinds == {target: [{"dbt", target}] for target in definitions}


def test_a_table_that_is_compacted_has_one_file_and_all_rows(definitions, spark):
    with loading_connection(spark.warehouse) as connection:
        ensure_tables(connection, [])
        root = root_id(connection)
    with connect(spark) as lake:
        for schema in ("audit", "raw", "other"):
            lake.execute(f"create schema if not exists {schema}")
        lake.execute(f"create schema if not exists fcir_root_{root}")
        for table in ("raw.small", "other.small"):
            lake.execute(f"create or replace table {table} using iceberg as select 0 as number")
            for number in range(1, 6):
                lake.execute(f"insert into {table} select {number}")
    assert definitions["spark"].resolve_job_def("compact_lake").execute_in_process().success
    with connect(spark) as lake:
        files = {table: lake.rows(f"select count(*) from {table}.files") for table in ("raw.small", "other.small")}
        assert files == {"raw.small": [(1,)], "other.small": [(6,)]}, "a table of another project stays as it is"
        assert lake.rows("select count(*), sum(number) from raw.small") == [(6, 15)]
        # A statement of today may still be read; a week is kept.
        assert lake.rows("select count(*) > 6 from raw.small.snapshots") == [(True,)]
        for table in files:
            lake.execute(f"drop table {table} purge")
