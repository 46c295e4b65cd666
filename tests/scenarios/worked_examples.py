"""Carry out the worked examples of documentation pages in a copy of the project. No tests here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from dagster_project.settings import PROJECT_ROOT
from tests.roots import DataRoot, Done

_COPIED = ("dagster_project", "dbt", "expectations", "deploy", "tests", "pyproject.toml", "uv.lock")
_WITHOUT = shutil.ignore_patterns("__pycache__", "target", "logs", "*.duckdb*", "leaving", "long")

RUN = """
from pathlib import Path
import os, shutil, sys
from dagster_project.settings import Settings
from dagster_project.transformation.project import ensure_manifest
from tests.compiled_engine import CompiledDbt
from tests.compiled_project import compile_project, read_project
from tests.roots import DataRoot
home = Path(os.environ["FCIR_HOME"])
ensure_manifest(Settings(home=home, _env_file=None))
compiled = home.with_name("compiled")
compile_project(compiled, parsed=home / "dbt")
CompiledDbt.project = read_project(compiled / "dbt" / "manifest.json")
done = DataRoot(home).fcir("run")
print(done.out, done.err)
sys.exit(done.code)
"""
"""Runs a night of the copy: compiled SQL in place of dbt halves what it costs."""


class Block(NamedTuple):
    """A fenced block of a page."""

    file: str
    """Last path of the project that the text before the block names."""
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    found, named = [], ""
    for before, language, text in re.findall(r"(.*?)^```(\w*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE):
        paths = re.findall(r"`((?:expectations|dbt)/[\w/.]+\.(?:ya?ml|sql|csv))`", before)
        named = paths[-1] if paths else named
        found.append(Block(named, language, text))
    return found


def copy_of_the_project(folder: Path, parsed: Path) -> DataRoot:
    """Return an empty data root whose commands run a copy of the project."""
    for name in _COPIED:
        source, target = PROJECT_ROOT / name, folder / "project" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_WITHOUT)
        else:
            shutil.copy(source, target)
    root = DataRoot.knowing(parsed, folder / "home")
    root.project = folder / "project"
    return root


def carry_out(project: Path, page: Path) -> set[str]:
    """Append the rows and files of a page, and apply its edits; return the changed files."""
    before = hashes(project)
    for example in re.findall(r"\]\((examples/\w+)/\)", page.read_text()):
        for path in sorted((page.parent / example).rglob("*.*")):
            file = project / str(path.relative_to(page.parent / example)).removesuffix(".append")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text((file.read_text() if file.exists() else "") + path.read_text())
    for block in blocks_of(page):
        file = project / block.file
        if block.language in ("yaml", "sql", "csv"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text((file.read_text() if file.exists() else "") + block.text)
        elif block.language == "diff":
            lines = block.text.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] != "+")
            new = "".join(line[1:] for line in lines if line[0] != "-")
            assert file.read_text().count(old) == 1, f"{block.file} must have these lines once: {old}"
            file.write_text(file.read_text().replace(old, new))
    return {path for path, digest in hashes(project).items() if before.get(path) != digest}


def write_generated_files(project: Path) -> set[str]:
    """Run the command of the pages that writes generated files; return the changed ones."""
    before = hashes(project)
    command = [sys.executable, "-m", "dagster_project.tools.generate"]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    return {path for path, digest in hashes(project).items() if before.get(path) != digest}


def run(root: DataRoot) -> Done:
    """Run a night."""
    return root.process(code=RUN)


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of every file by its path."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}
