"""Permissions in the data root: everyone may read publications, only the user of `fcir` all other files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command import Command, land_three_days

PRIVATE = ("commentary", "dagster", "dbt", "landing", "secrets")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in [folder, *folder.rglob("*")] if not path.is_symlink() and mode(path) & 0o077]


def test_only_published_files_are_readable_by_others(sample):
    assert [mode(sample.home / name) for name in PRIVATE] == [0o700] * len(PRIVATE)
    for name in ("dagster", "dbt", "secrets"):
        assert open_to_others(sample.home / name) == []
    assert [mode(sample.home / name) for name in ("warehouse.duckdb", "marts.duckdb")] == [0o600, 0o600]
    published = [sample.home / "published", *(sample.home / "published").rglob("*")]
    assert [path for path in published if mode(path) not in (0o755, 0o644)] == []


@pytest.fixture
def command(tmp_path: Path, parsed_project: Path) -> Command:
    command = Command(tmp_path / "home")
    command.know_the_project(parsed_project)
    land_three_days(command)
    return command


def test_run_closes_open_dagster_folder(command):
    history = command.home / "dagster" / "history"
    history.mkdir(parents=True)
    (history / "old").write_text("of an earlier version", encoding="utf-8")
    for path in (history / "old", history, history.parent):
        path.chmod(0o777)
    (command.home / "landing").chmod(0o2770)
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is open to every user" not in done.stdout
    assert open_to_others(command.home / "dagster") == []
    assert mode(command.current / "index.html") == 0o644


def test_open_landing_folder_is_reported_once_and_kept(command):
    landing = command.home / "landing"
    landing.chmod(0o755)
    for arguments in (["run"], ["run"], ["status"]):
        output = command.run(*arguments).stdout
        assert output.count(f"warning: {landing} is open to every user of this machine (mode 0755)") == 1, output
        assert f"Close it: chmod o= {landing}" in output
    assert mode(landing) == 0o755
    subprocess.run(["chmod", "o=", landing], check=True)
    assert "is open to every user" not in command.run("status").stdout
