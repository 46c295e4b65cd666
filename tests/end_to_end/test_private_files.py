"""Permissions in the data root: everyone may read publications, only the user of `fcir` all other files."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.end_to_end.command import CALLS, CHATS, CRIMES, Command

PRIVATE = ("commentary", "dagster", "dbt", "history", "landing", "record", "secrets")
# Made by an erasure, a purge, and fcir docs: the tests of these commands make them.
LATER = ("certificates", "data_docs", "suppression")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in [folder, *folder.rglob("*")] if not path.is_symlink() and mode(path) & 0o077]


def test_only_published_files_are_readable_by_others(sample):
    assert [mode(sample.home / name) for name in PRIVATE] == [0o700] * len(PRIVATE)
    for name in ("dagster", "dbt", "history", "record", "secrets", *LATER):
        assert not (sample.home / name).exists() or open_to_others(sample.home / name) == []
    assert [mode(sample.home / name) for name in ("warehouse.duckdb", "marts.duckdb")] == [0o600, 0o600]
    published = [sample.home / "published", *(sample.home / "published").rglob("*")]
    assert [path for path in published if mode(path) not in (0o755, 0o644)] == []


def test_run_closes_open_dagster_folder_and_reports_open_landing_folder(tmp_path, undisturbed):
    shutil.copytree(undisturbed.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    for source, header in (("call_segments", CALLS), ("live_chats", CHATS), ("crimes", CRIMES)):
        command.land(f"{source}_2022-11-01.csv", header)
    history, landing = command.home / "dagster" / "history", command.home / "landing"
    (history / "old").write_text("of an earlier version", encoding="utf-8")
    for path in (history / "old", history, history.parent):
        path.chmod(0o777)
    landing.chmod(0o755)
    for arguments in (["run"], ["run"], ["status"]):
        done = command.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count(f"warning: {landing} is open to every user of this machine (mode 0755)") == 1
        assert f"Close it: chmod o= {landing}" in done.stdout
    assert mode(landing) == 0o755
    assert open_to_others(command.home / "dagster") == []
    assert mode(command.current / "index.html") == 0o644
    landing.chmod(0o2770)
    for verb in ("run", "status"):
        assert "is open to every user" not in command.run(verb).stdout
