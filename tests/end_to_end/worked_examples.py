"""Carry out worked examples of documentation pages in a copy of the project. No tests here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.end_to_end.command import PROJECT, Command

COPIED = ("dagster_project", "dbt", "expectations", "deploy", "pyproject.toml")
WITHOUT = shutil.ignore_patterns("__pycache__", "target", "logs", "*.duckdb*")


@dataclass(frozen=True)
class Block:
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


def files_of(page: Path) -> list[tuple[str, str]]:
    """Return each file that a page shows with its text, or the text to append."""
    return [(block.file, block.text) for block in blocks_of(page) if block.language in ("yaml", "sql", "csv")]


def edits_of(page: Path) -> list[tuple[str, str]]:
    """Return each file that a page edits, with a diff without line numbers."""
    return [(block.file, block.text) for block in blocks_of(page) if block.language == "diff"]


def copy_of_the_project(folder: Path, parsed_project: Path) -> Command:
    """Return the command with its own copy of the project and an empty data root."""
    project = folder / "project"
    for name in COPIED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, project / name, ignore=WITHOUT)
        else:
            shutil.copy(PROJECT / name, project / name)
    command = Command(folder / "home", project=project)
    command.know_the_project(parsed_project)
    return command


def append(project: Path, path: str, text: str) -> None:
    """Append a text to a file of a project, creating it if needed."""
    file = project / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + text)


def edit(project: Path, path: str, diff: str) -> None:
    """Apply a diff of a page, whose old lines must occur once in the file."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] != "+")
    new = "".join(line[1:] for line in lines if line[0] != "-")
    text = (project / path).read_text()
    assert text.count(old) == 1, f"{path} has these lines {text.count(old)} times: {old}"
    (project / path).write_text(text.replace(old, new))


def write_generated_files(project: Path) -> None:
    """Run the command of the pages that writes generated files."""
    subprocess.run(
        [sys.executable, "-m", "dagster_project.tools.generate"], cwd=project, check=True, capture_output=True
    )


def hashes(folder: Path) -> dict[str, str]:
    """Hash of every file below a folder."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return added, removed and changed files."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
