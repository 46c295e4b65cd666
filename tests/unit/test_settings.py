"""Settings are read from the environment, by their names and the names of the version before."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.cli.storage import instance_configuration
from dagster_project.settings import Settings, SettingsError, read_settings


@pytest.mark.parametrize("name", ["FCIR_QUIET_SECONDS", "FCIR_SETTLE_SECONDS"])
def test_quiet_period_is_read_under_both_its_names(name, monkeypatch):
    for other in ("FCIR_QUIET_SECONDS", "FCIR_SETTLE_SECONDS"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "7")
    assert Settings(_env_file=None).quiet_seconds == 7
    assert Settings(quiet_seconds=0, _env_file=None).quiet_seconds == 0


@pytest.mark.parametrize("name", ["what?", "back\\slash", "line\nbreak"])
def test_a_data_root_that_duckdb_cannot_use_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match="DuckDB cannot use"):
        Settings(home=tmp_path / name, _env_file=None)


@pytest.mark.parametrize(("name", "message"), [("a%41", "%41, which"), ("a*", r"\*, which"), ("a[1]", r"\[, which")])
def test_a_data_root_whose_path_dagster_would_read_otherwise_is_refused(name, message, tmp_path):
    with pytest.raises(ValueError, match=f"the path has {message} Dagster"):
        Settings(home=tmp_path / name, _env_file=None)


@pytest.mark.parametrize("name", ["a b'c;\"d", "é%7#{{x}}]"])
def test_a_data_root_may_have_other_odd_characters_and_sends_nothing(name, tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / name, _env_file=None)
    assert settings.home.name == name
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    settings.dagster_home.mkdir(parents=True)
    (settings.dagster_home / "dagster.yaml").write_bytes(instance_configuration(settings))
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert not instance.telemetry_enabled


@pytest.mark.parametrize(
    "name",
    [
        "warehouse.duckdb",
        "marts.duckdb",
        "warehouse.lock",
        "secrets/pseudonym.key",
        "secrets/record.key",
        "record/record.jsonl",
        "record/head",
        "record/.lock",
        "suppression/suppressed.json",
        "suppression/intent.json",
        "purge/intent.json",
        "rebuild/intent.json",
        "dagster/dagster.yaml",
        "dbt/manifest.json",
        "published/current/manifest.json",
        "published_public/current/fcir.duckdb",
        "published_force/kent/current/manifest.json",
    ],
)
def test_a_named_pipe_in_place_of_a_file_is_named_and_not_opened(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    pipe = tmp_path / name
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    with pytest.raises(SettingsError, match=f"{re.escape(str(pipe))} is a named pipe") as refused:
        read_settings()
    _, source, target = shlex.split(str(refused.value).partition("Move it away: ")[2])
    Path(source).rename(target)
    Path(target).unlink()
    assert read_settings().home == tmp_path


def test_a_working_directory_that_was_deleted_is_named(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.delenv("FCIR_HOME", raising=False)
    with pytest.raises(SettingsError, match="FCIR_HOME: the path data is relative to the working directory, which was"):
        read_settings()


@pytest.mark.parametrize("name", ["warehouse.duckdb", "marts.duckdb"])
def test_a_link_in_place_of_a_database_is_named(name, tmp_path, monkeypatch):
    monkeypatch.setenv("FCIR_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / name).symlink_to(tmp_path / name)
    with pytest.raises(SettingsError, match=rf"/home/{name} is a link; .* mv {tmp_path}/{name} {tmp_path}/home/{name}"):
        read_settings()


def test_a_named_pipe_in_place_of_a_key_outside_the_data_root_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path / "home"))
    for name in ("FCIR_PSEUDONYM_KEY_FILE", "FCIR_RECORD_KEY_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
        assert read_settings().home == tmp_path / "home"
        os.mkfifo(tmp_path / name)
        with pytest.raises(SettingsError, match=f"{name} is a named pipe"):
            read_settings()
        (tmp_path / name).unlink()


def test_a_source_system_cannot_stop_commands_with_a_named_pipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    (tmp_path / "landing").mkdir()
    os.mkfifo(tmp_path / "landing" / "crimes")
    assert read_settings().home == tmp_path


@pytest.mark.parametrize("name", ["FCIR_QUIET_SECONDS", "FCIR_SETTLE_SECONDS"])
def test_a_fault_of_a_setting_with_two_names_is_named_once(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for other in ("FCIR_QUIET_SECONDS", "FCIR_SETTLE_SECONDS"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "abc")
    with pytest.raises(SettingsError, match=r"cannot be used: FCIR_(QUIET|SETTLE)_SECONDS: Input should be"):
        read_settings()


@pytest.mark.parametrize("sign", ["*", "[", "?", "\\"])
def test_a_folder_of_spark_that_is_a_pattern_is_refused(sign, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_SPARK_FOLDER", str(tmp_path / f"a{sign}b"))
    with pytest.raises(SettingsError, match="FCIR_SPARK_FOLDER: the path has "):
        read_settings()
