"""A session of the engine for the tests of cells and rows."""

import pytest

from tests.unit.extracts.stays import connect


@pytest.fixture(scope="module")
def session():
    """A connection as loading has it."""
    with connect() as connection:
        yield connection
