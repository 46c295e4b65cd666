"""Programs of the system that tests of `deploy/` and of pages need. No tests here."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """Return the path of a program; without it, the test fails and names the packages."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if found is None:
        pytest.fail(f"{name} is missing: install the packages that .ci/run names")
    return found
