"""A purge that was killed as it removed what it had needed is finished."""

import json
import os

import pytest

from dagster_project.privacy.purging import finish_purge, is_unfinished
from dagster_project.settings import Settings

INTENT = {"begun_at": "2026-11-01T04:15:00+00:00", "name": "one", "reason": "schedule", "plan": {}, "is_complete": True}


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A data root with all that a purge has before it removes its folder."""
    settings = Settings(home=tmp_path, _env_file=None)
    (settings.purge_folder / "dbt").mkdir(parents=True)
    for name in ("dbt/manifest.json", "purged.duckdb", "part_load.parquet"):
        (settings.purge_folder / name).touch()
    (settings.purge_folder / "intent.json").write_text(json.dumps(INTENT))
    settings.certificates.mkdir()
    (settings.certificates / "one.json").touch()
    return settings


@pytest.mark.parametrize("step", range(1, 7))
def test_a_purge_killed_as_it_removes_its_folder_is_finished(settings, monkeypatch, step):
    left = step

    def killing(original):
        def call(*arguments, **options):
            nonlocal left
            left -= 1
            if not left:
                raise Killed
            return original(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, killing(getattr(os, name)))
        with pytest.raises(Killed):
            finish_purge(settings)
    assert is_unfinished(settings)
    said = finish_purge(settings)
    finished = f"a purge of {INTENT['begun_at']} that was interrupted is finished: {settings.certificates / 'one.json'}"
    # Of an empty folder, nothing is left to say.
    assert said == (None if step == 6 else finished)
    assert not is_unfinished(settings)
