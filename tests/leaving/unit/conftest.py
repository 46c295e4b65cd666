"""Fixtures that several unit tests share."""

import itertools
from datetime import timedelta

import pytest

from dagster_project.clock import utc_now
from dagster_project.loading import acceptance, pipeline
from tests.leaving.unit.judging_helpers import connect
from tests.leaving.unit.loading_helpers import Installation, quick_result


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path / "home")


@pytest.fixture(scope="module")
def session():
    """A connection as loading has it."""
    with connect() as connection:
        yield connection


@pytest.fixture(autouse=True)
def quick_validation(monkeypatch):
    """Leaves Great Expectations out of loading; test_data_docs.py compares `quick_result` with it."""
    monkeypatch.setattr(pipeline, "validate", quick_result)


@pytest.fixture
def second_for_each_load(monkeypatch):
    """Gives every load a later time: runs of these tests take less than the second in which times are recorded."""
    start, seconds = utc_now(), itertools.count(1)
    monkeypatch.setattr(acceptance, "utc_now", lambda: start + timedelta(seconds=next(seconds)))
