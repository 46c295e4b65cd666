"""A browser, and the roots that it looks at: the publication of `golden`, and the UI over `troubled`."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.deploy.nginx import free_port
from tests.pages.looked import WIDE, Looked
from tests.roots import DataRoot

# Debian's Chromium on a busy machine of two cores takes up to 20 s for a page of the UI.
PATIENCE = 60_000


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, which a process can start once only."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as started:
        yield started


@contextmanager
def started_chromium(playwright: Playwright, *options: str) -> Iterator[Browser]:
    """Start Debian's Chromium, without a window: Playwright's own would be a download."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.fail("chromium is missing: apt-get install chromium, or name a Chromium by the variable CHROMIUM")
    started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *options])
    yield started
    started.close()


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium without special options."""
    with started_chromium(playwright) as started:
        yield started


@pytest.fixture(scope="session")
def published(request: pytest.FixtureRequest) -> Path:
    """The publication of the sample; `FCIR_PAGES_HOME` names a data root that was published already, instead of it."""
    if home := os.environ.get("FCIR_PAGES_HOME"):
        return DataRoot(Path(home)).current
    current: Path = request.getfixturevalue("golden").root.current
    return current


@pytest.fixture(scope="session")
def looked(browser: Browser, published: Path) -> Looked:
    """A wide window on it."""
    return Looked(browser.new_page(viewport=WIDE), published)


@pytest.fixture(scope="session")
def root(troubled, tmp_path_factory: pytest.TempPathFactory) -> DataRoot:
    """A copy of the root `troubled`, to which the UIs write."""
    return troubled.root.copy(tmp_path_factory.mktemp("pages") / "home")


@contextmanager
def running_ui(root: DataRoot, *options: str) -> Iterator[int]:
    """Run `fcir ui` on a free port; yield the port when it answers."""
    port = free_port()
    # Its own words are a few lines, which a pipe holds.
    process = root.start("ui", *options, "--port", str(port))
    try:
        while True:
            assert process.poll() is None, process.communicate()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=60):
                    break
            except OSError:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
        yield port
    finally:
        process.terminate()
        process.communicate()
