"""A browser and an installation with a run, for the tests of what people see: `make test-pages`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from dagster_project.settings import PROJECT_ROOT
from tests.dagster import tiny_landing

_START = "from dagster_project.__main__ import main; main()"

# Loading the code location takes some 10 s of CPU, twice when two servers share a machine with other work.
_PATIENCE_SECONDS = 180


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window: Playwright's own would be a download."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.fail("chromium is missing: apt-get install chromium, or name a Chromium by the variable CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Path:
    """A data root after a nightly run with a missing and a rejected delivery."""
    home = tmp_path_factory.mktemp("pages") / "home"
    shutil.copytree(parsed_project, home / "dbt")
    tiny_landing.write(home / "landing")
    done = subprocess.run(
        [sys.executable, "-c", _START, "run"],
        cwd=home,
        env=_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return home


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[str]:
    """The address of `fcir ui --read-only` over that data root."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (home / "ui.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, "ui", "--read-only", "--port", str(port)],
            cwd=home,
            env=_environment(home),
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(f"{address}/server_info", process, home / "ui.log")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


def _environment(home: Path) -> dict[str, str]:
    own = {"FCIR_HOME": str(home), "FCIR_SITE_URL": "https://intranet.example/fcir"}
    return os.environ | own | {"PYTHONPATH": os.pathsep.join([str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")])}


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (an address of this machine)
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the web server did not come up:\n{log.read_text()}")
