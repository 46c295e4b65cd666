"""What holds for every test, and what is made once for all of them."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagster_project.settings import Settings
from dagster_project.transformation.project import ensure_manifest, target_path


@pytest.fixture(scope="session", autouse=True)
def files_are_whole_at_once() -> Iterator[None]:
    """Files that a test has written are whole, so that no run waits; tests of the settling state their own time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FCIR_SETTLE_SECONDS", "0")
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """Gives the folder of a name, filled by the worker that asks first while others wait. A test reads or copies it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / name
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                draft = tmp_path_factory.mktemp(name)
                fill(draft)
                draft.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def parsed_project(made_once: Callable[..., Path]) -> Path:
    """What a data root has in `dbt/` once the project is parsed: with a copy a first run spares 10 CPU seconds."""

    def parse(home: Path) -> None:
        ensure_manifest(Settings(home=home, _env_file=None))

    return target_path(Settings(home=made_once("parsed", parse), _env_file=None))
