"""A wheel holds all that a run needs: installed without the checkout, it publishes the paper of the sample."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.settings import PROJECT_ROOT

UV = str(PROJECT_ROOT / ".uv" / "bin" / "uv")


def call(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    """Standard output of a command that ends well; nothing of this process's Python and settings reaches it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FCIR_", "DAGSTER_", "DBT_", "PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(arguments, cwd=cwd, env=inherited | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return done.stdout


def built(source: Path, folder: Path) -> Path:
    """A wheel of a checkout."""
    call(UV, "build", "--wheel", "--quiet", "--out-dir", folder, source, cwd=folder)
    [wheel] = folder.glob("fcir-*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(PROJECT_ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The commands of an environment that holds the wheel, and its requirements as they are locked."""
    folder = wheel.parent
    requirements, environment = folder / "requirements.txt", folder / "venv"
    locked = ("--locked", "--no-default-groups", "--no-emit-project", "--quiet", "--project", PROJECT_ROOT)
    call(UV, "export", *locked, "--output-file", requirements, cwd=folder)
    call(UV, "venv", "--quiet", "--python", sys.executable, environment, cwd=folder)
    python = environment / "bin" / "python"
    call(UV, "pip", "install", "--quiet", "--python", python, "-r", requirements, wheel, cwd=folder)
    return environment / "bin"


def test_an_installed_wheel_publishes_the_paper_of_the_sample(installed: Path, tmp_path: Path) -> None:
    found = call(installed / "python", "-c", "import dagster_project; print(dagster_project.__file__)", cwd=tmp_path)
    assert Path(found.strip()).is_relative_to(installed.parent)
    home = tmp_path / "home"
    call(installed / "fcir", "sample", "--from", "2022-08-01", "--to", "2022-08-31", cwd=tmp_path, FCIR_HOME=str(home))
    output = call(installed / "fcir", "run", cwd=tmp_path, FCIR_HOME=str(home), FCIR_QUIET_SECONDS="0")
    assert "Month shown  August 2022" in output
    assert "999" in (home / "published" / "current" / "board_paper.html").read_text(encoding="utf-8")
