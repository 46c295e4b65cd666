"""The forecast of the space that a run needs."""

import shutil
from types import SimpleNamespace

import dagster as dg
import pytest

from dagster_project.defs.resources import Deliveries
from dagster_project.settings import Settings


def test_a_run_of_the_schedule_or_the_ui_needs_space_too(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99_000_000))
    settings = Settings(home=tmp_path, _env_file=None)
    settings.landing.mkdir()
    context = SimpleNamespace(has_partition_key=False, has_partition_key_range=False)
    with pytest.raises(dg.Failure, match="has 99 MB free, but fcir run needs about 100 MB") as failed:
        Deliveries().plan(context, SimpleNamespace(settings=settings, contracts={}))
    assert not failed.value.allow_retries
