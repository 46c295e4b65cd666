"""Fixtures of all tests, and the installations that are made once for all of them."""

import fcntl
import gc
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dagster_project.settings import PROJECT_ROOT, Settings, read_settings
from dagster_project.transformation.project import ensure_manifest, target_path
from tests import cpu_seconds
from tests.compiled_engine import CompiledDbt
from tests.compiled_project import CompiledProject, compile_project, read_project
from tests.roots import DataRoot, Done, land_correction, land_three_days
from tests.troubled import SETTINGS as TROUBLED_SETTINGS
from tests.troubled import land_first_night, land_second_night

TESTS = Path(__file__).parent


class Troubled(NamedTuple):
    """The root with trouble, and what its two nights printed."""

    root: DataRoot
    first: Done
    second: Done


class Golden(NamedTuple):
    """The golden root, and what its night printed."""

    root: DataRoot
    night: Done


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switches of `make test-all` and `make kept-pages`."""
    parser.addoption("--cpu-limits", action="store_true", help="fail if a file or the suite takes too many CPU seconds")
    parser.addoption("--keep-pages", action="store_true", help="keep what the pages say now")


def pytest_configure(config: pytest.Config) -> None:
    """Measure CPU seconds."""
    config.pluginmanager.register(cpu_seconds.CpuSeconds(config))


@pytest.fixture(scope="session", autouse=True)
def files_are_whole_at_once() -> Iterator[None]:
    """Let no run wait for a quiet period; tests of it state their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FCIR_QUIET_SECONDS", "0")
        yield


def _fingerprint() -> str:
    """Hash everything that decides what is in a data root that tests share."""
    digest = hashlib.sha256((PROJECT_ROOT / "uv.lock").read_bytes())
    files = [*sorted(TESTS.glob("*.py")), *sorted(TESTS.glob("*/conftest.py"))]
    for folder in ("dagster_project", "dbt", "expectations"):
        files += [path for path in sorted((PROJECT_ROOT / folder).rglob("*")) if path.suffix not in ("", ".pyc")]
    for file in files:
        digest.update(str(file).encode() + file.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """Return a function that gives the folder of a name, filled once by the first worker; tests read or copy it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    if kept := os.environ.get("FCIR_KEPT_ROOTS"):
        shared = Path(kept) / _fingerprint()
        shared.mkdir(parents=True, exist_ok=True)
        # Those of the state before, too: a run of its tests may not have ended.
        for other in sorted(Path(kept).iterdir(), key=os.path.getmtime)[:-2]:
            shutil.rmtree(other, ignore_errors=True)

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / name
        with (shared / f"{name}.made").open("a+") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            if not mark.seek(0, os.SEEK_END):
                before = cpu_seconds.cpu_seconds()
                # Left by a worker that failed.
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                cpu_seconds.shared += cpu_seconds.cpu_seconds() - before
                mark.write("whole")
        return folder

    return made


@pytest.fixture(scope="session")
def parsed_project(made_once: Callable[..., Path]) -> Path:
    """The `dbt/` folder of a data root after parsing; a copy saves a first run 4 CPU seconds."""

    def parse(home: Path) -> None:
        ensure_manifest(Settings(home=home, _env_file=None))

    return target_path(Settings(home=made_once("parsed", parse), _env_file=None))


@pytest.fixture(scope="session")
def compiled_manifest(made_once: Callable[..., Path], parsed_project: Path) -> Path:
    """The manifest of the compiled project, for `tests/compiled_project.py`; read only."""

    def compiled(home: Path) -> None:
        compile_project(home, parsed=parsed_project)

    return target_path(Settings(home=made_once("compiled", compiled), _env_file=None)) / "manifest.json"


@pytest.fixture(scope="session")
def project(compiled_manifest: Path) -> CompiledProject:
    """The compiled project for a warehouse in memory."""
    return read_project(compiled_manifest, one_database=True)


@pytest.fixture(scope="session")
def compiled(compiled_manifest: Path, parsed_project: Path) -> Path:
    """Let `DataRoot.fcir` build compiled SQL in place of dbt; returns `dbt/` of a data root whose project is parsed."""
    CompiledDbt.project = read_project(compiled_manifest)
    return parsed_project


@pytest.fixture
def root(tmp_path: Path, compiled: Path) -> DataRoot:
    """An empty data root whose dbt project is parsed."""
    return DataRoot.knowing(compiled, tmp_path / "home")


@pytest.fixture(scope="session")
def three_days(made_once: Callable[..., Path], compiled: Path) -> DataRoot:
    """The small root: three days and a correction, loaded and published; a test changes a copy of it only."""

    def fill(folder: Path) -> None:
        root = DataRoot.knowing(compiled, folder / "home")
        land_three_days(root)
        land_correction(root)
        done = root.fcir("run")
        assert done.code == 0, done.out + done.err

    return DataRoot(made_once("three_days", fill) / "home")


@pytest.fixture(scope="session")
def troubled(made_once: Callable[..., Path], compiled: Path) -> Troubled:
    """The root with trouble after two nights (tests/troubled.py); a test changes a copy of it only."""

    def fill(folder: Path) -> None:
        root = DataRoot.knowing(compiled, folder / "home", TROUBLED_SETTINGS)
        land_first_night(root)
        nights = [root.fcir("run")]
        land_second_night(root)
        nights.append(root.fcir("run"))
        gc.collect()  # closes the databases of Dagster, whose files would vanish while a test reads them
        (folder / "nights.json").write_text(json.dumps([vars(night) for night in nights]), encoding="utf-8")

    folder = made_once("troubled", fill)
    nights = [Done(**night) for night in json.loads((folder / "nights.json").read_text(encoding="utf-8"))]
    return Troubled(DataRoot(folder / "home", TROUBLED_SETTINGS), *nights)


@pytest.fixture(scope="session")
def golden(made_once: Callable[..., Path], parsed_project: Path) -> Golden:
    """The golden root: six months of the sample, one run of `fcir` in a process of its own, with dbt and all."""

    def fill(folder: Path) -> None:
        root = DataRoot.knowing(parsed_project, folder / "home")
        written, done = root.process("sample", "--from", "2022-08-01"), root.process("run")
        assert (written.code, done.code) == (0, 0), written.err + done.out + done.err
        (folder / "night.json").write_text(json.dumps(vars(done)), encoding="utf-8")

    folder = made_once("golden", fill)
    return Golden(DataRoot(folder / "home"), Done(**json.loads((folder / "night.json").read_text(encoding="utf-8"))))


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
