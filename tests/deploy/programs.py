"""Programs of the system that tests of `deploy/` and of pages need. No tests here."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """Return the path of a program; without it, skip the test, or fail it if FCIR_TEST_PROGRAMS is set, as in CI."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if found is None:
        end = pytest.fail if os.environ.get("FCIR_TEST_PROGRAMS") else pytest.skip
        end(f"{name} is missing: install the packages that .ci/run names")
    return found
