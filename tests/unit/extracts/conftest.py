"""A session of the engine for the tests of cells and rows."""

import pytest

from dagster_project.warehouse.connection import dry_connection


@pytest.fixture(scope="module")
def session():
    """A connection as loading has it."""
    with dry_connection() as connection:
        yield connection
