"""Definitions for the tests of what Dagster shows."""

import dagster as dg
import pytest

from dagster_project.definitions import definitions as load_definitions
from dagster_project.settings import Settings


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    """The code location as a web server of this installation loads it."""
    assert not settings.warehouse.exists(), "the code location loads before there is a warehouse"
    return load_definitions()
