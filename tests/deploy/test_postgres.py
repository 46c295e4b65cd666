"""Dagster's storage on Postgres: the server for trials, who may use it, and its tables."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dagster_project.cli.storage import instance_configuration
from dagster_project.settings import PROJECT_ROOT, Settings, SettingsError, read_settings
from dagster_project.tools import postgres
from tests.deploy.postgres import Database, free_port, running_postgres
from tests.end_to_end.command import Command

# What every command of Dagster's does first.
PREPARE = (
    "import sys; from dagster_project.cli.jobs import prepare_dagster_home; "
    "from dagster_project.settings import read_settings; prepare_dagster_home(read_settings())"
)
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
