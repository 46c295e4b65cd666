"""The loaded sample, made once for these tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.leaving.end_to_end.command import Command


@pytest.fixture(scope="session")
def sample(made_once: Callable[..., Path], parsed_project: Path) -> Command:
    """A data root with the printed months of the sample, loaded; a test changes a copy of it only."""

    def first_run(folder: Path) -> None:
        command = Command(folder / "home")
        command.know_the_project(parsed_project)
        written, done = command.run("sample", "--from", "2022-08-01"), command.run("run")
        assert (written.returncode, done.returncode) == (0, 0), written.stderr + done.stdout + done.stderr
        (folder / "said").write_text(done.stdout + done.stderr, encoding="utf-8")

    return Command(made_once("sample", first_run) / "home")
