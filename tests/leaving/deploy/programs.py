"""Programs and packages that tests of `deploy/` need, and a wait for what they do."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

# A night of a small root takes 25 CPU seconds, and the machine may have other work.
PATIENCE = 600


def program(name: str) -> str:
    """The path of a program of the system."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if found is None:
        missing(name, "apt-get install nginx-light openssl systemd")
    return found


def missing(name: str, remedy: str) -> NoReturn:
    """Skip a test for which something is missing; fail it where FCIR_TEST_PROGRAMS is set, as in CI."""
    if os.environ.get("FCIR_TEST_PROGRAMS"):
        pytest.fail(f"{name} is missing: {remedy}")
    pytest.skip(f"{name} is missing: {remedy}")


def wait_for(what: str, is_so: Callable[[], object], *logs: Path) -> None:
    """Wait until something is so; if it never is, fail with the ends of the logs."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            ends = "\n".join(log.read_text(encoding="utf-8")[-3_000:] for log in logs)
            pytest.fail(f"{what}: not within {PATIENCE} s\n{ends}")
        time.sleep(0.2)
