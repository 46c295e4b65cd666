"""The compiled project, once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reference.compiled_project import CompiledProject, compile_project, read_compiled


@pytest.fixture(scope="session")
def project(made_once: Callable[..., Path]) -> CompiledProject:
    return read_compiled(made_once("compiled", compile_project))
