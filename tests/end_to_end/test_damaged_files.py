"""`fcir status` and `fcir run` name damaged files of a data root and the remedy, also when nothing is new."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from dagster_project.cli import app, jobs
from dagster_project.cli import damage as damaged_files
from dagster_project.cli.damage import find_damage, repair
from dagster_project.record.store import append
from dagster_project.settings import Settings
from tests.end_to_end.command import CALLS, CHATS, CRIMES, Command, call, figures


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def overwrite(file: Path) -> None:
    file.write_bytes(bytes(range(255, 0, -1)) * 20)


def make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def lose(file: Path) -> None:
    file.unlink()


def make_readable(file: Path) -> None:
    file.chmod(0o644)


def replace_key(file: Path) -> None:
    file.write_text("ab" * 32)


def point_nowhere(pointer: Path) -> None:
    pointer.unlink()
    pointer.symlink_to("20200101T000000Z-00000000")


def corrupt_rows(file: Path) -> None:
    """Change bytes in the blocks of a DuckDB file that hold rows, as a disk does: catalogue, size and time stay."""
    status = file.stat()
    with duckdb.connect(str(file), read_only=True) as connection:
        blocks: set[int] = set()
        for schema, name in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall():
            storage = connection.execute(
                "select block_id from pragma_storage_info(?)", [f"marts.{schema}.{name}"]
            ).fetchall()
            blocks.update(block for (block,) in storage if block is not None and block >= 0)
    with file.open("r+b") as stream:
        for block in blocks:
            stream.seek(3 * 4096 + block * 262_144 + 8)
            stream.write(bytes(range(32)))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def command(undisturbed: Command, tmp_path: Path) -> Command:
    """A published data root of this test's own."""
    # With its times: files of a publication that are newer than its manifest are not taken over.
    shutil.copytree(undisturbed.home, tmp_path / "home", symlinks=True)
    return Command(tmp_path / "home")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("dagster/history/runs.db", overwrite),
        ("dagster/history/runs/index.db", cut),
        ("dagster/history/runs/*-*.db", empty),
        ("dagster/schedules/schedules.db", make_folder),
        ("dagster/dagster.yaml", overwrite),
    ],
)
def test_run_repairs_dagster_files_although_nothing_is_new(
    command: Command, name: str, damage: Callable[[Path], None]
) -> None:
    (file,) = command.home.glob(name)
    damage(file)
    result = command.run("status")
    assert (result.returncode, result.stderr) == (1, "")
    (line,) = [line for line in result.stdout.splitlines() if str(file) in line]
    assert line.startswith(f"warning: {file} is damaged (")
    assert line.endswith("Run: fcir run")
    repaired = command.run("run")
    assert (repaired.returncode, repaired.stderr) == (0, "")
    assert f"warning: {file} is damaged (" in repaired.stdout
    assert "Nothing is new" in repaired.stdout
    whole = command.run("status")
    assert (whole.returncode, str(file) in whole.stdout) == (0, False)
    if name.startswith("dagster"):
        assert len(list(file.parent.glob(f"{file.name}.damaged-*"))) == 1


def test_damage_that_a_run_meets_in_a_dagster_file_sets_it_aside_and_the_job_runs_again(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=command.home, _env_file=None)
    file = settings.dagster_home / "history" / "runs" / "index.db"
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(bytes(range(256)) * 64)
    # As for a large file, which is not read in full when a run begins.
    monkeypatch.setattr(damaged_files, "_CHECKED_WHOLE_BYTES", 0)
    assert find_damage(settings) == []
    runs = []

    def run(*_arguments: object, planned: object, **_options: object) -> jobs.RunResult:
        runs.append(planned)
        if len(runs) == 1:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return jobs.RunResult(True, (), ())

    monkeypatch.setattr(jobs, "_run_in_process", run)
    assert jobs.run_job(settings, "nightly").success
    assert len(runs) == 2
    assert len(list(file.parent.glob("index.db.damaged-*"))) == 1
    assert find_damage(settings, in_full=True) == []


def test_a_dagster_file_or_folder_that_may_not_be_written_is_set_aside(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=command.home, _env_file=None)
    assert find_damage(settings) == []
    access = os.access
    for name in ("history/runs.db", "history"):
        path = settings.dagster_home / name
        # Root may write to everything.
        monkeypatch.setattr(os, "access", lambda file, mode, path=path: file != path and access(file, mode))
        (found,) = repair(settings)
        assert (found.file, found.found) == (path, "this user may not write to it")
        assert not path.exists()
        assert len(list(path.parent.glob(f"{path.name}.damaged-*"))) == 1


def test_a_data_root_that_may_only_be_read_is_not_damaged(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    assert find_damage(Settings(home=command.home, _env_file=None)) == []


def replace_by_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("")


def replace_by_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/else")


def replace_by_another_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table other (number integer)")


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        ("", replace_by_file, "not a folder"),
        ("history", replace_by_file, "not a folder"),
        ("history/runs", replace_by_file, "not a folder"),
        ("schedules", replace_by_file, "not a folder"),
        ("history/runs.db", replace_by_dangling_link, "not a file"),
        ("history/runs.db", replace_by_another_database, "without the table runs"),
        ("history/runs/index.db", replace_by_another_database, "without the table event_logs"),
        ("schedules/schedules.db", replace_by_another_database, "without the table jobs"),
    ],
)
def test_what_dagster_cannot_use_as_its_storage_is_set_aside(
    command: Command, name: str, spoil: Callable[[Path], None], found: str
) -> None:
    settings = Settings(home=command.home, _env_file=None)
    path = settings.dagster_home / name
    spoil(path)
    (damage,) = repair(settings)
    assert (damage.file, damage.found) == (path, found)
    assert not os.path.lexists(path)
    assert find_damage(settings) == []


def test_a_night_runs_with_dagster_files_of_another_kind(command: Command) -> None:
    history = command.home / "dagster" / "history"
    replace_by_file(history / "runs")
    replace_by_another_database(history / "runs.db")
    published = command.run("publish")
    assert (published.returncode, published.stderr) == (0, ""), published.stdout
    assert f"warning: {history / 'runs'} is damaged (not a folder)" in published.stdout


def test_run_rebuilds_damaged_files_and_publishes_although_nothing_is_new(
    command: Command, undisturbed: Command
) -> None:
    before = command.current.readlink()
    damaged = {
        "dagster/history/runs.db": overwrite,
        "dagster/history/runs/index.db": empty,
        "dagster/schedules/schedules.db": cut,
        "marts.duckdb": cut,
        "published/current/fcir.duckdb": overwrite,
    }
    for name, damage in damaged.items():
        damage(command.home / name)
    for name in ("manifest.json", "partial_parse.msgpack", "column_lineage.json"):
        cut(command.home / "dbt" / name)
    done = command.run("run")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    for name in damaged:
        assert f"warning: {command.home / name} is damaged (" in done.stdout
    assert command.current.readlink() != before
    assert command.damage() == []
    assert figures(command) == figures(undisturbed)
    whole = command.run("status")
    assert (whole.returncode, "is damaged" in whole.stdout) == (0, False)


def test_corrupt_rows_of_the_marts_are_reported_with_the_command_that_rebuilds_them(command: Command) -> None:
    before = figures(command)
    marts = command.home / "marts.duckdb"
    corrupt_rows(marts)
    advice = f"mv {marts} {marts}.damaged && fcir run"
    trace = command.run("trace", "calls_999.received", "2022-10")
    assert (trace.returncode, trace.stdout) == (1, "")
    assert trace.stderr.startswith(f"fcir: {marts} is damaged: ")
    assert trace.stderr.endswith(f"{advice}\n")
    command.land("call_segments_2022-11-02.csv", CALLS, call(9, "2022-11-02"))
    for source, header in (("live_chats", CHATS), ("crimes", CRIMES)):
        command.land(f"{source}_2022-11-02.csv", header)
    failed = command.run("run")
    assert failed.returncode == 1
    assert f"{marts} is damaged. No data are lost" in failed.stdout + failed.stderr
    assert "COPY_OF_THE_WAREHOUSE" not in failed.stdout + failed.stderr
    marts.rename(f"{marts}.damaged")
    repaired = command.run("run")
    assert (repaired.returncode, repaired.stderr) == (0, "")
    assert command.damage() == []
    assert figures(command).keys() == before.keys()


@pytest.mark.parametrize(
    ("name", "damage", "found"),
    [
        ("current", point_nowhere, "points to 20200101T000000Z-00000000, which does not exist"),
        ("current/manifest.json", cut, "not readable as a manifest"),
        ("current/fcir.duckdb", cut, "bytes, expected"),
    ],
)
def test_status_reports_damaged_publication(
    command: Command, name: str, damage: Callable[[Path], None], found: str
) -> None:
    file = command.home / "published" / name
    damage(file)
    result = command.run("status")
    assert (result.returncode, result.stderr) == (1, "")
    assert f"warning: {file} is damaged (" in result.stdout
    assert found in result.stdout
    assert "Nothing is published yet" not in result.stdout


@pytest.mark.parametrize(
    ("name", "damage", "code", "remedy"),
    [
        ("secrets/pseudonym.key", lose, 2, "install -m 600 COPY_OF_THE_KEY {file}"),
        ("secrets/pseudonym.key", cut, 2, "install -m 600 COPY_OF_THE_KEY {file}"),
        ("secrets/pseudonym.key", empty, 2, "install -m 600 COPY_OF_THE_KEY {file}"),
        ("secrets/pseudonym.key", make_folder, 2, "install -m 600 COPY_OF_THE_KEY {file}"),
        ("secrets/pseudonym.key", replace_key, 2, "install -m 600 COPY_OF_THE_KEY {file}"),
        ("secrets/pseudonym.key", make_readable, 2, "chmod 600 {file}"),
        ("warehouse.duckdb", overwrite, 1, "install -m 600 COPY_OF_THE_WAREHOUSE {file}"),
        ("warehouse.duckdb", cut, 1, "install -m 600 COPY_OF_THE_WAREHOUSE {file}"),
        ("warehouse.duckdb", empty, 1, "install -m 600 COPY_OF_THE_WAREHOUSE {file}"),
        ("warehouse.duckdb", make_folder, 1, "install -m 600 COPY_OF_THE_WAREHOUSE {file}"),
        ("warehouse.lock", make_folder, 2, "mv {file} {file}.old"),
    ],
)
def test_damaged_key_warehouse_or_lock_stops_commands_with_remedy(
    command: Command, name: str, damage: Callable[[Path], None], code: int, remedy: str
) -> None:
    file = command.home / name
    damage(file)
    for verb in ("status", "run"):
        done = command.run(verb)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
        assert done.stderr.startswith(f"fcir: {file}")
        assert remedy.format(file=file) in done.stderr


@pytest.mark.parametrize(
    ("message", "is_damage"),
    [
        ("[Errno 21] Is a directory: '/data/record/record.jsonl'", False),
        ("IO Error: Could not read enough bytes from file", True),
    ],
)
def test_a_folder_in_place_of_another_file_is_no_damage_of_the_warehouse(
    tmp_path: Path, message: str, is_damage: bool
) -> None:
    error = SimpleNamespace(cause=None, cls_name="Error", message=f"Error: {message}")
    data = SimpleNamespace(user_failure_data=None, error=error)
    event = SimpleNamespace(is_step_failure=True, step_key="publication", step_failure_data=data)
    result = SimpleNamespace(filter_events=lambda _: [event])
    (failure,) = jobs._failures(Settings(home=tmp_path, _env_file=None), result)  # type: ignore[arg-type]
    assert ("is damaged" in failure) == is_damage


def test_a_locked_file_of_dagster_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "a; b's"
    monkeypatch.setenv("FCIR_HOME", str(home))
    advice = app._advice_on_history("(sqlite3.OperationalError) database is locked")
    assert f"{home / 'dagster'};" in advice
    dagster = shlex.quote(str(home / "dagster"))
    assert f"(fuser -v {dagster}/*/*.db {dagster}/history/runs/*.db), then: fcir run" in advice
    assert app._advice_on_history("Out of Memory Error") == ""


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        (["--debug", "run", "--source", "crimes"], "run"),
        (["keys", "rotate", "--reason", "it was seen"], "keys rotate"),
        (["publish", "--edition", "public"], "publish --edition public"),
        (["query", "select 1"], "query"),
    ],
)
def test_an_error_of_the_system_names_the_command_to_run_again(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], again: str
) -> None:
    monkeypatch.setattr("sys.argv", ["fcir", *arguments])
    assert f"run again: fcir {again} (a traceback: fcir --debug {again})" in app._state_after_error()


def test_a_locale_without_the_characters_of_a_line_does_not_end_a_command(tmp_path: Path) -> None:
    command = Command(tmp_path / "home", settings={"PYTHONIOENCODING": "ascii"})
    append(Settings(home=command.home, _env_file=None), "accept", reason="Télécom outage")
    done = command.run("record")
    assert (done.returncode, done.stderr) == (0, "")
    assert "T\\xe9l\\xe9com outage" in done.stdout


@pytest.mark.parametrize("content", [bytes(range(128, 200)), b"this is rubbish\n"])
def test_invalid_environment_file_is_refused(command: Command, content: bytes) -> None:
    file = command.home.parent / ".env"
    file.write_bytes(content)
    done = command.run("status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"fcir: {file}: line 1 cannot be read")
