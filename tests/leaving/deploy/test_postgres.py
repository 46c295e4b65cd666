"""Dagster's storage on Postgres: the server for trials, who may use it, and its tables."""

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dagster_project.cli.storage import StorageError, instance_configuration, require_postgres
from dagster_project.settings import PROJECT_ROOT, Settings, SettingsError, read_settings
from dagster_project.tools import postgres
from tests.leaving.deploy.postgres import Database, free_port, running_postgres
from tests.leaving.end_to_end.command import Command

# What every command of Dagster's does first.
PREPARE = (
    "import sys; from dagster_project.cli.jobs import prepare_dagster_home; "
    "from dagster_project.settings import read_settings; prepare_dagster_home(read_settings())"
)
# Marks days of an asset as loaded, and prints what the storage has of them.
WRITE = """
import json, sys
from contextlib import nullcontext
import dagster as dg
from dagster_project.cli.jobs import prepare_dagster_home
from dagster_project.defs.event_log import written_together
from dagster_project.settings import read_settings

how, *days = sys.argv[1:]
key = dg.AssetKey("loaded")
read_settings().home.mkdir(parents=True)
prepare_dagster_home(read_settings())

@dg.op
def load(context: dg.OpExecutionContext) -> None:
    with written_together(context.instance) if how == "together" else nullcontext():
        for day in days:
            context.log_event(dg.AssetMaterialization(key, partition=day))
        before = len(context.instance.fetch_materializations(key, limit=10_000).records)
        assert (before == 0) == (how == "together"), before

@dg.job
def nightly() -> None:
    load()

with dg.DagsterInstance.get() as instance:
    nightly.execute_in_process(instance=instance)
    records = instance.fetch_materializations(key, limit=10_000, ascending=True).records
    latest = instance.get_latest_materialization_event(key).asset_materialization.partition
    partitions = sorted(instance.get_materialized_partitions(key))
    print(json.dumps([len(records), [record.partition_key for record in records], latest, partitions]))
"""
TABLES = "select count(*) from information_schema.tables where table_schema = 'public'"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Database]:
    with running_postgres(home) as database:
        yield database


def test_a_second_start_finds_the_server_that_runs(server: Database, home: Path):
    assert postgres.start(Settings(home=home, _env_file=None), port=free_port()) == server.address
    assert server.rows("select 1") == [(1,)]


def test_data_and_password_are_private(server: Database, home: Path):
    assert [stat.S_IMODE(path.stat().st_mode) for path in (home / "postgres", home / "postgres" / "data")] == [
        0o700
    ] * 2
    files = [path for path in (home / "postgres").iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert "password" not in {path.name for path in files}
    assert server.rows("show listen_addresses") == [("127.0.0.1",)]
    assert server.rows("show unix_socket_directories") == [("",)]


def test_nobody_enters_without_the_password(server: Database, tmp_path: Path):
    import psycopg2

    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(server.address.partition("?")[0], passfile=str(tmp_path / "none"))
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(server.address.partition("?")[0], password="guess")  # noqa: S106 - a wrong one


def test_a_port_in_use_is_reported_before_anything_starts(server: Database, tmp_path: Path):
    port = int(server.rows("show port")[0][0])
    with pytest.raises(postgres.PostgresError, match=f"port {port} of 127.0.0.1 is in use; nothing was started"):
        postgres.start(Settings(home=tmp_path, _env_file=None), port=port)


def test_data_outlive_a_stop_and_the_password_stays(tmp_path: Path):
    with running_postgres(tmp_path) as database:
        database.rows("create table kept as select 1 as n")
    with running_postgres(tmp_path) as database:
        assert database.rows("select n from kept") == [(1,)]
    assert not postgres.stop(Settings(home=tmp_path, _env_file=None))


def test_processes_that_start_at_once_create_the_tables_once(server: Database, tmp_path: Path):
    empty = server.empty_one("begun_at_once")
    settings = {"FCIR_DAGSTER_STORAGE": empty.address}
    commands = [Command(tmp_path / name / "home", settings=settings) for name in ("one", "two", "three", "four")]
    for command in commands:
        command.home.mkdir(parents=True)
    started = [command.start(code=PREPARE) for command in commands]
    assert [(process.communicate()[1], process.returncode) for process in started] == [("", 0)] * 4
    assert empty.rows(TABLES)[0][0] > 20


def test_events_that_are_written_together_are_those_that_are_written_one_by_one(server: Database, tmp_path: Path):
    days = [f"2022-10-{day:02}" for day in range(1, 32)] * 20
    databases = [server.empty_one(f"events_{name}") for name in ("together", "alone")]
    stored = [
        json.loads(
            Command(tmp_path / str(n), settings={"FCIR_DAGSTER_STORAGE": database.address})
            .run(how, *days, code=WRITE)
            .stdout
        )
        for n, (how, database) in enumerate(zip(("together", "alone"), databases, strict=True))
    ]
    assert stored[0] == stored[1]
    assert stored[0] == [len(days), days, days[-1], sorted(set(days))]


def test_postgres_that_does_not_answer_ends_a_command_with_one_line(tmp_path: Path):
    pytest.importorskip("psycopg2")
    address = f"postgresql://fcir@127.0.0.1:{free_port()}/postgres?passfile={tmp_path / 'none'}"
    done = Command(tmp_path / "home", settings={"FCIR_DAGSTER_STORAGE": address}).run("ui", "--port", str(free_port()))
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "Connection refused" in line
    assert "Nothing was started. Start it (for trials: make postgres-up)" in line


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://fcir:secret@127.0.0.1:5433/postgres",
        "postgresql://fcir@127.0.0.1/postgres?password=secret",
        "postgresql://127.0.0.1/postgres",
        "postgresql://fcir@127.0.0.1",
        "mysql://fcir@127.0.0.1/postgres",
        "sqlite",
    ],
)
def test_an_address_with_a_password_or_without_a_database_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_DAGSTER_STORAGE", address)
    with pytest.raises(SettingsError, match="FCIR_DAGSTER_STORAGE: expected postgresql://") as refused:
        read_settings()
    assert "secret" not in str(refused.value)


def test_postgres_replaces_storage_and_limits_and_nothing_else():
    own = yaml.safe_load((PROJECT_ROOT / "deploy" / "dagster.yaml").read_bytes())
    address = "postgresql://fcir@/postgres?host=/run/postgresql"
    both = yaml.safe_load(instance_configuration(Settings(dagster_storage=address, _env_file=None)))
    assert {key for key in own | both if own.get(key) != both.get(key)} == {
        *("storage", "event_log_storage", "concurrency", "run_coordinator", "run_retries"),
    }
    assert "event_log_storage" not in both


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch):
    # As if it were not installed.
    monkeypatch.setitem(sys.modules, "dagster_postgres", None)
    with pytest.raises(
        StorageError, match=r"nothing was started\. Run: \.uv/bin/uv sync --locked --inexact --extra postgres"
    ):
        require_postgres(Settings(dagster_storage="postgresql://fcir@127.0.0.1/postgres", _env_file=None))


def test_a_code_server_needs_a_storage_that_roots_can_share(tmp_path: Path):
    done = Command(tmp_path / "home").run("code-server", "--port", str(free_port()))
    assert done.returncode == 2
    assert "FCIR_DAGSTER_STORAGE is not set; nothing was started" in done.stderr
