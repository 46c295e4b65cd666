"""Fixtures that the tests of loading share."""

from __future__ import annotations

import pytest
from loading_helpers import Installation

from dagster_project.loading import pipeline
from dagster_project.validation import ValidationResult


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path / "home")


@pytest.fixture
def without_expectations(monkeypatch):
    """Leaves Great Expectations out where a test is not about it: it costs half a second a load."""
    monkeypatch.setattr(pipeline, "count_violations", lambda *_: ())
    monkeypatch.setattr(pipeline, "validate", lambda *_, **__: ValidationResult((), "{}"))
