"""Programs of the system that tests of `deploy/` run."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """The path of a program; without it a test is skipped, and fails where FCIR_TEST_PROGRAMS is set, as in CI."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if found is None:
        missing = f"{name} is missing: apt-get install nginx-light openssl systemd"
        if os.environ.get("FCIR_TEST_PROGRAMS"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found
