"""What holds for every test, and what is made once for all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagster_project.settings import Settings
from dagster_project.transformation.project import ensure_manifest, target_path
from tests.end_to_end.command import Command

# Folders whose files take minutes; what is in none of them takes seconds.
_SLOW = ("pages", "end_to_end", "dbt", "dagster", "mutation", "reference", "ingestion", "benchmark")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files, so that no worker begins one when the others have nothing left to do."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return _SLOW.index(folder) if folder in _SLOW else len(_SLOW)

    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def files_are_whole_at_once() -> Iterator[None]:
    """Files that a test has written are whole, so that no run waits; tests of the settling state their own time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FCIR_QUIET_SECONDS", "0")
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """Gives the folder of a name, filled by the worker that asks first while others wait. A test reads or copies it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / name
        with (shared / f"{name}.made").open("a+") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            if not mark.seek(0, os.SEEK_END):
                # What a worker has left that failed.
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                mark.write("whole")
        return folder

    return made


@pytest.fixture(scope="session")
def parsed_project(made_once: Callable[..., Path]) -> Path:
    """What a data root has in `dbt/` once the project is parsed: with a copy a first run spares 4 CPU seconds."""

    def parse(home: Path) -> None:
        ensure_manifest(Settings(home=home, _env_file=None))

    return target_path(Settings(home=made_once("parsed", parse), _env_file=None))


@pytest.fixture(scope="session")
def sample(made_once: Callable[..., Path], parsed_project: Path) -> Command:
    """A data root with the printed months of the sample, loaded; a test that changes something does it in a copy."""

    def first_run(folder: Path) -> None:
        command = Command(folder / "home")
        command.know_the_project(parsed_project)
        written, done = command.run("sample", "--from", "2022-08-01"), command.run("run")
        assert (written.returncode, done.returncode) == (0, 0), written.stderr + done.stdout + done.stderr
        (folder / "said").write_text(done.stdout + done.stderr, encoding="utf-8")

    return Command(made_once("sample", first_run) / "home")
