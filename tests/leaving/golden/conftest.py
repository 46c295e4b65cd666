"""The golden root, for tests of what it publishes."""

import pytest

from tests.conftest import Golden
from tests.roots import DataRoot


@pytest.fixture(scope="session")
def sample(golden: Golden) -> DataRoot:
    """The golden root. It is read only."""
    return golden.root
