"""A browser, and the publication of the golden root."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.pages.conftest import PATIENCE, started_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as started, started_chromium(started) as chromium:
        yield chromium


@pytest.fixture(scope="session")
def published(golden) -> Path:
    current: Path = golden.root.current
    return current
