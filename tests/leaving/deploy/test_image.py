"""The builder of the image of `deploy/kubernetes` gets what a wheel is made of and nothing else."""

import shutil
import zipfile
from pathlib import Path

import pathspec
import pytest

from dagster_project.settings import PROJECT_ROOT
from tests.long.test_wheel import UV, built, call


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(PROJECT_ROOT, tmp_path_factory.mktemp("wheel"))


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
