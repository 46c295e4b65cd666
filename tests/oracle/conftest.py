"""The compiled project, once for all tests of a worker."""

from __future__ import annotations

import pytest
from compiled_project import CompiledProject, compile_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> CompiledProject:
    return compile_project(tmp_path_factory.mktemp("compiled"))
