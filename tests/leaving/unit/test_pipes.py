"""What stands in place of files of the data root is named."""

import os
import re
import shlex
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.settings import INSTANCE, Settings, SettingsError, read_settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The data root of the environment, in a folder without a `.env` file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path / "home"))
    for name in ("FCIR_QUIET_SECONDS", "FCIR_SETTLE_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


PIPES = ("warehouse.duckdb", "secrets/pseudonym.key", "record/.lock", "suppression/intent.json", "dbt/manifest.json")
PIPES += ("published/earlier/manifest.json", "published_public/current/fcir.duckdb")
PIPES += tuple(f"published_force/kent/{name}" for name in ("current/page.html", "earlier/manifest.json"))


@pytest.mark.parametrize("name", PIPES)
def test_a_named_pipe_in_place_of_a_file_is_named_and_not_opened(name, home):
    pipe = home / name
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    with pytest.raises(SettingsError, match=f"{re.escape(str(pipe))} is a named pipe") as refused:
        read_settings()
    _, source, target = shlex.split(str(refused.value).partition("Move it away: ")[2])
    Path(source).rename(target)
    Path(target).unlink()
    assert read_settings().home == home


def test_a_named_pipe_in_place_of_a_key_elsewhere_is_named_and_one_of_a_source_system_stops_nothing(home, monkeypatch):
    (home / "landing").mkdir()
    os.mkfifo(home / "landing" / "crimes")
    for name in ("FCIR_PSEUDONYM_KEY_FILE", "FCIR_RECORD_KEY_FILE"):
        monkeypatch.setenv(name, str(home.parent / name))
        assert read_settings().home == home
        os.mkfifo(home.parent / name)
        with pytest.raises(SettingsError, match=f"{name} is a named pipe"):
            read_settings()
        (home.parent / name).unlink()


@pytest.mark.parametrize("name", ["warehouse.duckdb", "marts.duckdb"])
def test_a_link_in_place_of_a_database_is_named(name, home):
    (home / name).symlink_to(home.parent / name)
    with pytest.raises(SettingsError, match=rf"/home/{name} is a link; .* mv {home.parent}/{name} {home}/{name}"):
        read_settings()


@pytest.mark.parametrize("name", ["a b'c;\"d", "é%7#{{x}}]"])
def test_a_data_root_may_have_other_odd_characters_and_sends_nothing(name, tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / name, _env_file=None)
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    settings.dagster_home.mkdir(parents=True)
    (settings.dagster_home / "dagster.yaml").write_bytes(INSTANCE.read_bytes())
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert not instance.telemetry_enabled


def test_a_working_directory_that_was_deleted_is_named(home, monkeypatch):
    monkeypatch.chdir(home)
    home.rmdir()
    monkeypatch.delenv("FCIR_HOME")
    with pytest.raises(SettingsError, match="FCIR_HOME: the path data is relative to the working directory, which was"):
        read_settings()
