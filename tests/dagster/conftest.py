"""Homes and definitions for the tests of what Dagster sees. Each home lives in a temporary folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.definitions import definitions as load_definitions
from dagster_project.settings import Settings, read_settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Iterator[Settings]:
    """Settings of an installation of the module's own, with nothing in it but the parsed project."""
    home: Path = tmp_path_factory.mktemp("home")
    shutil.copytree(parsed_project, home / "dbt")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("FCIR_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        patch.delenv("FCIR_FORCE", raising=False)
        yield read_settings()


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    """The code location as a web server of this installation loads it."""
    assert not settings.warehouse.exists(), "loading the code location has to work before anything is there"
    return load_definitions()
