"""Tries faults on copies of a project: pytest runs files until a test fails that passes without the fault."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.long.faults.bank import Fault

_NOT_COPIED = (".git", ".venv*", ".uv", "data", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".lint")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.M)


class Result(NamedTuple):
    """What became of a fault: the test that found it, or why none did."""

    fault: Fault
    line: int | None
    test: str
    missed: str


class Copy:
    """A private copy of a project, in which one fault after another is tried."""

    def __init__(self, project: Path, folder: Path, seconds: float) -> None:
        """Copy the project into `folder`; tests of `seconds` CPU seconds may take thrice as many with a fault."""
        self.project, self._temporary, self._seconds = folder / "project", folder / "tmp", seconds
        skipped, ignore = shutil.ignore_patterns(*_NOT_COPIED), shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(
            project,
            self.project,
            ignore=lambda path, names: (skipped if Path(path) == project else ignore)(path, names),
            symlinks=True,
        )
        self._sound: set[str] = set()

    def try_fault(self, fault: Fault, files: list[str]) -> Result:
        """Run test files with the fault until a test fails that passes without it."""
        line, broken = fault.line_in(self.project), []
        while line and (left := [file for file in files if file not in broken]):
            with fault.put_in(self.project):
                test = self._first_failure(left, broken)
            if not test or self._is_sound(test):
                return Result(fault, line, test, f"by none of {len(left)} files")
            broken.append(test)
        return Result(fault, line, "", "no test" if line else "its line is gone")

    def _is_sound(self, test: str) -> bool:
        """Return whether a test passes without a fault; one that passes vouches for its file."""
        file = test.partition("::")[0]
        if file not in self._sound and not self._first_failure([test], []):
            self._sound.add(file)
        return file in self._sound

    def _first_failure(self, tests: list[str], broken: list[str]) -> str:
        """Return the first test that fails, or the last file if pytest does not end; empty if none does."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FCIR_", "DAGSTER_"))}
        most = int(60 + 3 * self._seconds)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no"),
                *(f"--deselect={test}" for test in broken),
                *tests,
            ],
            cwd=self.project,
            env=inherited | {"PYTHONPATH": str(self.project), "TMPDIR": str(self._temporary)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            # A process that does not end has found the fault.
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (most, most)),
        )
        found = _FAILED.search(done.stdout)
        return found[1] if found else "" if done.returncode in (0, 5) else tests[-1]
