"""A browser, and an installation with a run, for `make test-pages`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.dagster import tiny_landing
from tests.deploy.nginx import free_port
from tests.end_to_end.command import START, Command
from tests.pages.looked import WIDE, Looked

_SETTINGS = {"FCIR_SITE_URL": "https://intranet.example/fcir"}

# Loading the code location takes some 10 s of CPU, twice when two servers share a machine with other work.
_PATIENCE_SECONDS = 180


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, which a process can start once only."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Return a Chromium without special options."""
    with started_chromium(playwright) as started:
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
def published(request: pytest.FixtureRequest) -> Path:
    """The publication of the sample; `FCIR_PAGES_HOME` names a data root that was published already, instead of it."""
    if home := os.environ.get("FCIR_PAGES_HOME"):
        return Path(home) / "published" / "current"
    current: Path = request.getfixturevalue("sample").current
    return current


@pytest.fixture(scope="session")
def looked(browser: Browser, published: Path) -> Looked:
    """A wide window on it."""
    return Looked(browser.new_page(viewport=WIDE), published)


@pytest.fixture(scope="session")
def home(made_once: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Path:
    """A data root after a nightly run with a missing and a rejected delivery; the UI of a worker writes to its own."""

    def fill(folder: Path) -> None:
        command = Command(folder / "home", settings=_SETTINGS)
        command.know_the_project(parsed_project)
        tiny_landing.write(command.home / "landing")
        _name_pictures(command.home / "landing")
        done = command.run("run")
        assert done.returncode == 1, done.stdout + done.stderr

    home: Path = tmp_path_factory.mktemp("pages") / "home"
    shutil.copytree(made_once("pages", fill) / "home", home, symlinks=True)
    return home


# Of a sender who wants to know who reads them, or wants them to click. A slash cannot be part of a file's name.
PICTURE, LINK = "![seen](https:&#47;&#47;e.example&#47;a.png)", "[Sign in](https:&#47;&#47;e.example)"
COLUMNS = ("![seen](https://e.example/b.png)", "[Sign in](https://e.example)", "https://e.example/c", "<b>bold</b>")


def _name_pictures(landing: Path) -> None:
    """Name the rejected file, a file that is no extract, and columns so that Markdown would show links and pictures."""
    folder = landing / "call_segments"
    rejected = folder / f"call_segments_{tiny_landing.REJECTED}.csv"
    rejected.rename(rejected.with_stem(f"{rejected.stem}_{PICTURE}"))
    (folder / f"{LINK}.txt").write_text("", encoding="utf-8")
    accepted = folder / f"call_segments_{tiny_landing.DAYS[3]}.csv"
    header, *rows = accepted.read_text(encoding="utf-8").splitlines()
    lines = [",".join([header, *COLUMNS]), *(row + "," * len(COLUMNS) for row in rows)]
    accepted.write_text("\n".join([*lines, ""]), encoding="utf-8")


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[str]:
    """Return the address of `fcir ui --read-only` over that data root."""
    with running_ui(home, "--read-only", settings=_SETTINGS) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running_ui(home: Path, *options: str, settings: Mapping[str, str]) -> Iterator[int]:
    """Run `fcir ui` on a free port; yield the port when it answers."""
    port = free_port()
    log = home / f"ui-{port}.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "ui", *options, "--port", str(port)],
            cwd=home,
            env=Command(home, settings=settings).environment,
            stdout=said,
            stderr=said,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/server_info", process, log)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (an address of this machine)
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the web server did not come up:\n{log.read_text()}")
