"""A wheel holds all that a run needs: installed without the checkout, it publishes the paper of the sample.

The image of `deploy/kubernetes` is built from it, so the builder gets what a wheel is made of and nothing else.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pathspec
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


def ignored() -> pathspec.GitIgnoreSpec:
    """What the builder of the image does not get; the patterns mean the same in a .gitignore."""
    return pathspec.GitIgnoreSpec.from_lines((PROJECT_ROOT / ".dockerignore").read_text("utf-8").splitlines())


@pytest.mark.parametrize(
    "private",
    [
        "data/landing/calls.csv",
        "data/secrets/pseudonym.key",
        "data/warehouse.duckdb",
        ".env",
        ".env.kent",
        "login.env",
        "password",
        "deploy/kubernetes/login.env",
        "dagster_project/.env",
        ".venv/bin/python",
        ".venv-spark/bin/python",
        ".git/config",
        "dbt/target/manifest.json",
        "dbt/logs/dbt.log",
        "anything/else.csv",
    ],
)
def test_the_builder_of_the_image_gets_nothing_private(private: str) -> None:
    assert ignored().match_file(private)


def test_the_builder_of_the_image_gets_the_hashes_of_uv() -> None:
    [hashes] = (PROJECT_ROOT / ".ci").glob("uv-*.txt")
    assert not ignored().match_file(f".ci/{hashes.name}")


def test_the_builder_of_the_image_gets_all_that_the_wheel_is_made_of(wheel: Path, tmp_path: Path) -> None:
    context = tmp_path / "context"
    for name in ignored().match_tree_files(PROJECT_ROOT, negate=True):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT_ROOT / name, context / name)
    (tmp_path / "out").mkdir()
    image, checkout = (zipfile.ZipFile(file) for file in (built(context, tmp_path / "out"), wheel))
    assert {item.filename: item.CRC for item in image.infolist()} == {
        item.filename: item.CRC for item in checkout.infolist()
    }
    call(UV, "lock", "--check", "--quiet", "--project", context, cwd=tmp_path)
