"""Fixtures of the tests of loading."""

import pytest

from dagster_project.loading import pipeline
from dagster_project.validation import Outcome, ValidationResult
from tests.unit.loading.installation import Installation


def outcomes_of(_contract, violations, **_):
    """The outcomes that Great Expectations gives, without its document and its half second for each load."""
    outcomes = (Outcome(**vars(found), success=not found.failed_dates) for found in violations)
    return ValidationResult(tuple(outcomes), "{}")


@pytest.fixture(autouse=True, scope="module")
def quick_validation():
    """Leaves Great Expectations out; tests/unit/validation compares `outcomes_of` with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "validate", outcomes_of)
        yield


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path / "home")
