"""Data roots shared by tests of whole runs; a test that changes one uses a copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Command, land_correction, land_three_days


@pytest.fixture(scope="session")
def undisturbed(made_once: Callable[..., Path], parsed_project: Path) -> Command:
    """Three days and a correction, loaded and published by one uninterrupted run."""

    def fill(folder: Path) -> None:
        command = Command(folder / "home")
        command.know_the_project(parsed_project)
        land_three_days(command)
        land_correction(command)
        done = command.run("run")
        assert done.returncode == 0, done.stdout + done.stderr

    return Command(made_once("undisturbed", fill) / "home")
