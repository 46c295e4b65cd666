"""The compiled project, once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.leaving.reference.compiled_project import CompiledProject, compile_project, read_compiled


@pytest.fixture(scope="session")
def compiled(made_once: Callable[..., Path]) -> Path:
    """Return the folder of the compiled project; read only."""
    return made_once("compiled", compile_project)


@pytest.fixture(scope="session")
def project(compiled: Path) -> CompiledProject:
    return read_compiled(compiled)
