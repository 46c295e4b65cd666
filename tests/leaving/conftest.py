"""Fixtures of all tests, and the installations that are made once for all of them."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagster_project.settings import Settings, read_settings
from dagster_project.transformation.project import ensure_manifest, target_path
from tests.leaving.end_to_end.command import Command, land_correction, land_three_days

# Files that take more than 90 seconds, the longest first: each runs whole in one worker.
_LONGEST = (
    "test_purge",
    "test_erasure",
    "test_faults",
    "test_unseen_force",
    "test_published_pages",
    "test_delivery_histories",
    "test_signals",
    "test_damaged_files",
    "test_command_line",
    "test_dagster_pages",
    "test_run_queue",
    "test_project",
    "test_published_versions",
    "test_small_histories",
    "test_month_shown",
    "test_sample_editions",
    "test_failed_renderings",
    "test_mutants",
    "test_equality",
    "test_proxied_ui",
    "test_public_edition",
    "test_new_source",
    "test_record_of_runs",
    "test_wheel",
    "test_incremental_equals_full_refresh",
    "test_new_measure",
    "test_sample",
    "test_rebuild",
    "test_peers",
    "test_mutated_run",
    "test_rebuild_rows",
    "test_nightly_run",
    "test_trace",
)
# Folders whose other files take more than a few seconds.
_SLOW = ("end_to_end", "pages", "dagster", "dbt", "reference", "ingestion", "mutation", "chaos", "benchmark")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that no worker begins one when the others have nothing left to do."""

    def rank(item: pytest.Item) -> int:
        if item.path.stem in _LONGEST:
            return _LONGEST.index(item.path.stem)
        folder = item.path.parent.name
        return len(_LONGEST) + (_SLOW.index(folder) if folder in _SLOW else len(_SLOW))

    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def files_are_whole_at_once() -> Iterator[None]:
    """Let no run wait for a quiet period; tests of it state their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FCIR_QUIET_SECONDS", "0")
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """Return a function that gives the folder of a name, filled once by the first worker; tests read or copy it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / name
        with (shared / f"{name}.made").open("a+") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            if not mark.seek(0, os.SEEK_END):
                # Left by a worker that failed.
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                mark.write("whole")
        return folder

    return made


@pytest.fixture(scope="session")
def parsed_project(made_once: Callable[..., Path]) -> Path:
    """The `dbt/` folder of a data root after parsing; a copy saves a first run 4 CPU seconds."""

    def parse(home: Path) -> None:
        ensure_manifest(Settings(home=home, _env_file=None))

    return target_path(Settings(home=made_once("parsed", parse), _env_file=None))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Iterator[Settings]:
    """Settings of an installation for one module, with nothing but the parsed project."""
    home: Path = tmp_path_factory.mktemp("home")
    shutil.copytree(parsed_project, home / "dbt")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("FCIR_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        patch.delenv("FCIR_FORCE", raising=False)
        yield read_settings()


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


@pytest.fixture(scope="session")
def undisturbed(made_once: Callable[..., Path], parsed_project: Path) -> Command:
    """Three days and a correction, loaded and published by one uninterrupted run; a test changes a copy of it only."""

    def fill(folder: Path) -> None:
        command = Command(folder / "home")
        command.know_the_project(parsed_project)
        land_three_days(command)
        land_correction(command)
        done = command.run("run")
        assert done.returncode == 0, done.stdout + done.stderr

    return Command(made_once("undisturbed", fill) / "home")
