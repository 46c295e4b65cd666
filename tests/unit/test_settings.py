"""Settings are read from the environment, by their names and the names of the version before."""

from __future__ import annotations

import dagster as dg
import pytest

from dagster_project.cli.storage import instance_configuration
from dagster_project.settings import Settings


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
