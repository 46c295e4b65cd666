"""Damaged files of a data root are named with the remedy, and a run repairs what can be made again."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from dagster_project.cli import damage, jobs
from dagster_project.cli.damage import find_damage, repair
from dagster_project.settings import Settings


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


def empty(file):
    os.truncate(file, 0)


def overwrite(file):
    file.write_bytes(bytes(range(255, 0, -1)) * 20)


def make_folder(file):
    file.unlink()
    file.mkdir()


def make_file(folder):
    shutil.rmtree(folder)
    folder.write_text("")


def point_nowhere(file):
    file.unlink()
    file.symlink_to("nowhere")


def make_other_database(file):
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table other (number integer)")


def make_readable(file):
    file.chmod(0o644)


def replace_key(file):
    file.write_text("ab" * 32)


@pytest.fixture
def root(three_days, tmp_path):
    return three_days.copy(tmp_path / "home")


@pytest.fixture
def settings(three_days, tmp_path):
    """A data root with nothing but Dagster's files."""
    shutil.copytree(three_days.home / "dagster", tmp_path / "home" / "dagster")
    return Settings(home=tmp_path / "home", _env_file=None)


REMEDY_KEY, REMEDY_VAULT, REMEDY_WAREHOUSE = (
    "install -m 600 COPY_OF_THE_KEYS {file}",
    "Restore its newest copy, or give everybody a new surrogate",
    "fcir rebuild; or restore the newest backup",
)


@pytest.mark.parametrize(
    ("name", "spoil", "code", "remedy"),
    [
        ("secrets/pseudonym.key", Path.unlink, 2, REMEDY_KEY),
        ("secrets/pseudonym.key", replace_key, 2, REMEDY_KEY),
        ("secrets/pseudonym.key", make_readable, 2, "chmod 600 {file}"),
        ("secrets/erased.key", Path.unlink, 2, REMEDY_KEY),
        ("secrets/people.duckdb", Path.unlink, 2, REMEDY_VAULT),
        ("secrets/people.duckdb", overwrite, 2, REMEDY_VAULT),
        ("warehouse.duckdb", overwrite, 1, REMEDY_WAREHOUSE),
        ("warehouse.duckdb", cut, 1, REMEDY_WAREHOUSE),
        ("warehouse.duckdb", empty, 1, REMEDY_WAREHOUSE),
        ("warehouse.lock", make_folder, 2, "mv {file} {file}.old"),
    ],
)
def test_a_file_that_cannot_be_made_again_stops_commands_with_its_remedy(root, name, spoil, code, remedy):
    file = root.home / name
    spoil(file)
    for verb in ("status", "run"):
        done = root.fcir(verb)
        assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
        assert done.err.startswith(f"fcir: {file}")
        assert remedy.format(file=file) in done.err


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        ("", make_file, "not a folder"),
        ("history/runs.db", overwrite, ""),
        ("history/runs.db", point_nowhere, "not a file"),
        ("history/runs.db", make_other_database, "no such table: runs"),
        ("history/runs/index.db", cut, ""),
        ("schedules/schedules.db", make_other_database, "no such table: jobs"),
    ],
)
def test_a_file_of_dagster_that_cannot_be_used_is_renamed(settings, name, spoil, found):
    path = settings.dagster_home / name
    spoil(path)
    [damaged] = repair(settings)
    assert damaged.file == path
    assert found in damaged.found
    assert not os.path.lexists(path)
    assert len(list(path.parent.glob(f"{path.name}.damaged-*"))) == 1
    assert find_damage(settings) == []


def test_a_file_of_dagster_that_may_not_be_written_is_renamed_and_a_data_root_for_reading_is_whole(
    settings, monkeypatch
):
    access, path = os.access, settings.dagster_home / "history" / "runs.db"
    # Root may write to everything.
    monkeypatch.setattr(os, "access", lambda file, mode: file != path and access(file, mode))
    [damaged] = repair(settings)
    assert (damaged.file, damaged.found) == (path, "this user may not write to it")
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    assert find_damage(settings) == []


def test_a_run_that_meets_damage_in_a_file_of_dagster_renames_it_and_runs_again(root, monkeypatch):
    settings = Settings(home=root.home, _env_file=None)
    file = settings.dagster_home / "history" / "runs" / "index.db"
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(bytes(range(256)) * 64)
    # As for a large file, which is not read in full when a run begins.
    monkeypatch.setattr(damage, "_READ_WHOLE_BYTES", 0)
    assert find_damage(settings) == []
    runs = []

    def run(*_arguments, planned, **_options):
        runs.append(planned)
        if len(runs) == 1:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return jobs.RunResult(True, (), ())

    monkeypatch.setattr(jobs, "_run_in_process", run)
    assert jobs.run_job(settings, "nightly").success
    assert len(runs) == 2
    assert len(list(file.parent.glob("index.db.damaged-*"))) == 1


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        ("current", point_nowhere, "points to nowhere, which does not exist"),
        ("current/manifest.json", cut, "not readable as a manifest"),
        ("current/fcir.duckdb", cut, "bytes, expected"),
    ],
)
def test_status_names_a_damaged_publication(root, name, spoil, found):
    file = root.home / "published" / name
    spoil(file)
    done = root.fcir("status")
    assert (done.code, done.err) == (1, "")
    assert f"warning: {file} is damaged (" in done.out
    assert found in done.out
    assert "Nothing is published yet" not in done.out


def test_a_run_makes_damaged_files_again_although_nothing_is_new(root, three_days):
    before = root.current.readlink()
    (root.current / "fcir.duckdb").write_bytes(b"rubbish")
    named = ("dagster/history/runs.db", "dagster/schedules/schedules.db", "marts.duckdb")
    for name in (*named, "dbt/column_lineage.json"):
        cut(root.home / name)
    assert root.fcir("status").code == 1
    done = root.fcir("run")
    assert (done.code, done.err) == (0, ""), done.out
    for name in named:
        assert f"warning: {root.home / name} is damaged (" in done.out
    assert root.current.readlink() != before
    assert root.damage() == []
    assert root.figures() == three_days.figures()
    whole = root.fcir("status")
    assert (whole.code, "is damaged" in whole.out) == (0, False)


def test_corrupt_rows_of_the_marts_are_named_with_the_command_that_makes_them_again(root):
    marts = root.home / "marts.duckdb"
    corrupt_rows(marts)
    done = root.fcir("trace", "calls_999.received", "2022-10")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"fcir: {marts} is damaged: ")
    assert done.err.endswith(f"mv {marts} {marts}.damaged && fcir run\n")


def corrupt_rows(file):
    """Change bytes in the blocks of a DuckDB file that hold rows, as a disk does: catalogue, size and time stay."""
    status = file.stat()
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        blocks = {
            block
            for schema, name in names
            for (block,) in connection.execute(
                "select block_id from pragma_storage_info(?)", [f"marts.{schema}.{name}"]
            ).fetchall()
            if block is not None and block >= 0
        }
    with file.open("r+b") as stream:
        for block in blocks:
            stream.seek(3 * 4096 + block * 262_144 + 8)
            stream.write(bytes(range(32)))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
