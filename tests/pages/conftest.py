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
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.deploy.nginx import free_port
from tests.roots import DataRoot

# The smallest width of WCAG 2.2, 1.4.10 Reflow.
NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 900}
# A4 upright, in pixels of 1/96 inch.
PRINTED = {"width": 794, "height": 1123}

# Rules of WCAG 2.0 to 2.2, levels A and AA.
AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    # What passes is not listed part by part, which takes longer than the looking.
    "resultTypes": ["violations"],
    # No rule of these needs the text of stylesheets; axe would ask for them again, which a page from a disk may not.
    "preload": {"assets": ["media"]},
}
# Parts that scroll sideways, and that the keyboard does not reach.
UNREACHABLE = """[...document.querySelectorAll(".scroll, pre")].filter(
    part => part.scrollWidth > part.clientWidth && part.tabIndex < 0
).map(part => part.outerHTML.slice(0, 99))"""
# Debian's Chromium on a busy machine of two cores takes up to 20 s for a page of the UI.
PATIENCE = 60_000


class Looked:
    """A page of the browser, and what it asked for and complained of."""

    def __init__(self, page: Page, published: Path) -> None:
        self.page = page
        self.root = published.resolve()
        self.faults: list[str] = []
        """Requests to anything but files of the publication, and errors of its scripts."""
        inside = (self.root.as_uri(), "data:", "blob:")
        page.on("request", lambda request: request.url.startswith(inside) or self.faults.append(request.url))
        page.on("console", lambda said: said.type == "error" and self.faults.append(said.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, address: str) -> None:
        self.page.goto("about:blank")
        self.faults.clear()
        self.page.goto(f"{self.root.as_uri()}/{address}")

    def barriers(self) -> list[str]:
        """What keeps somebody out of the page that is open: found by axe, on a phone, and on paper."""
        page = self.page
        violations = Axe().run(page, options=AXE).response["violations"]
        found = [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in violations]
        for media, size in (("screen", NARROW), ("print", PRINTED)):
            page.emulate_media(media=media)
            page.set_viewport_size(size)
            width = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{media}: {width} pixels wide"] if width > size["width"] else []
            found += page.evaluate(UNREACHABLE) if media == "screen" else []
        page.emulate_media(media="screen")
        page.set_viewport_size(WIDE)
        return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, which a process can start once only."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Chromium, without a window: Playwright's own would be a download."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.fail("chromium is missing: apt-get install chromium, or name a Chromium by the variable CHROMIUM")
    started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    yield started
    started.close()


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
                urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=60).close()
                break
            except OSError:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
        yield port
    finally:
        process.terminate()
        process.communicate()
