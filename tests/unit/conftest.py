"""Fixtures that several unit tests share."""

import pytest

from dagster_project.loading import pipeline
from tests.unit.judging_helpers import connect
from tests.unit.loading_helpers import Installation, quick_result


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
