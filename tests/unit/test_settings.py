"""Settings are read from the environment, by their names and the names of the version before."""

from __future__ import annotations

import pytest

from dagster_project.settings import Settings


@pytest.mark.parametrize("name", ["FCIR_QUIET_SECONDS", "FCIR_SETTLE_SECONDS"])
def test_quiet_period_is_read_under_both_its_names(name, monkeypatch):
    for other in ("FCIR_QUIET_SECONDS", "FCIR_SETTLE_SECONDS"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "7")
    assert Settings(_env_file=None).quiet_seconds == 7
    assert Settings(quiet_seconds=0, _env_file=None).quiet_seconds == 0
