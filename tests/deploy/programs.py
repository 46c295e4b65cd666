"""Programs and packages that tests of `deploy/` need."""

import os
import shutil
from typing import NoReturn

import pytest


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
