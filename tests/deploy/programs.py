"""Programs of the system that tests of `deploy/` and of pages need. No tests here."""

import shutil

import pytest


def program(name: str) -> str:
    """Return the path of a program; without it, the test fails and names the packages."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    return found or pytest.fail(f"{name} is missing: install the packages that .ci/run names")
