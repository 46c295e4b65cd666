"""What holds for every test: files that a test has written are whole, so that no run waits for them to settle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def files_are_whole_at_once() -> Iterator[None]:
    """Tests of the settling itself state their own time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FCIR_SETTLE_SECONDS", "0")
        yield
