"""Tries faults on copies of a project: each in a child that was forked after the large libraries were imported."""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.long.faults.bank import Fault

_LIBRARIES = (
    "hypothesis", "duckdb", "pandas", "pyarrow.parquet", "sqlglot", "typer", "rich.console", "jinja2", "yaml",
    "pydantic_settings", "dagster", "dagster_dbt", "dbt.cli.main", "dbt.adapters.duckdb", "great_expectations",
    "xlsxwriter", "python_calamine", "docx", "pptx", "fontTools.ttLib", "pypdf", "sqlalchemy", "starlette.applications",
    "holidays", "markdown_it", "open_data_contract_standard.model", "xdist.plugin", "anyio.pytest_plugin", "alembic",
)  # fmt: skip
_NOT_COPIED = (".git", ".venv*", ".uv", "data", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".fuzz")
# Makes the session fixtures that depend on few modules; of those, a fault elsewhere leaves what they gave before.
_PREPARATION = """
import pytest

@pytest.mark.parametrize("name", ["parsed_project", "compiled_manifest"])
def test_the_project_is_parsed(name, request):
    assert request.getfixturevalue(name)
"""
_PARSED_FROM = (
    "dbt/", "expectations/",
    *(f"dagster_project/{part}" for part in ("transformation/", "warehouse/", "contracts/", "settings.py")),
)  # fmt: skip
_MEMORY = 10 * 2**30

# A fault, the test files to run, and the CPU seconds of the most expensive one.
Task = tuple[Fault, list[str], float]


class Result(NamedTuple):
    """What became of a fault: the test that found it, or why none did."""

    fault: Fault
    line: int | None
    test: str
    missed: str
    seconds: float


def import_libraries() -> None:
    """Import what most tests need, before the first fork; nothing of the product and of its tests."""
    for name in _LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    # A collection of garbage in a child would copy the pages of all these objects: a second each.
    gc.freeze()


class Copy:
    """A private copy of a project, in which one fault after another is tried."""

    def __init__(self, project: Path, folder: Path, seconds: float) -> None:
        """Copy the project into `folder`. After `seconds` CPU seconds no test begins."""
        self.project, self.folder, self.seconds = folder / "project", folder, seconds
        skipped, ignore = shutil.ignore_patterns(*_NOT_COPIED), shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(
            project,
            self.project,
            ignore=lambda path, names: (skipped if Path(path) == project else ignore)(path, names),
            symlinks=True,
        )
        self.parsed = folder / "made"
        self.sound: set[str] = set()

    def prepare(self) -> None:
        """Parse and compile the dbt project once for all faults that do not change what it is made of."""
        test = self.project / "tests" / "unit" / "test_prepared_copy.py"
        test.parent.mkdir(exist_ok=True)
        test.write_text(_PREPARATION, encoding="utf-8")
        self._run([str(test)], [], 300)
        test.unlink()
        for mark in (self.folder / "tmp" / "pytest").glob("*.made"):
            shutil.copytree(mark.with_suffix(""), self.parsed / mark.stem, symlinks=True)
            shutil.copy(mark, self.parsed)

    def try_fault(self, fault: Fault, names: list[str], slowest: float) -> Result:
        """Run test files with the fault until a test fails that passes without it."""
        line, began = fault.line_in(self.project), time.monotonic()
        broken: list[str] = []
        patience = self.seconds + 3 * slowest
        while True:
            names = [name for name in names if name not in broken]
            if line is None or not names:
                return Result(fault, line, "", "its line is gone" if line is None else "no test", 0)
            with fault.put_in(self.project):
                test, missed = self._run(names, broken, patience, parsed=not fault.file.startswith(_PARSED_FROM))
            if not test or self._is_sound(test, patience):
                return Result(fault, line, test, missed, time.monotonic() - began)
            broken.append(test)

    def _is_sound(self, test: str, patience: float) -> bool:
        """Return whether a test passes without a fault; one that passes vouches for its file."""
        file = test.partition("::")[0]
        if file not in self.sound and not self._run([test], [], patience)[0]:
            self.sound.add(file)
        return file in self.sound

    def _run(self, tests: list[str], broken: list[str], patience: float, *, parsed: bool = True) -> tuple[str, str]:
        """Run tests in a child; return the first that fails or never ends, and why there is none."""
        events, temporary = self.folder / "events", self.folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        events.write_text("")
        made = self.parsed if parsed and self.parsed.exists() else None
        if not (child := os.fork()):
            self._be_child(tests, broken, _Watch(events, self.seconds, made))
        last: dict[str, Any] = {"at": time.monotonic(), "cpu": 0, "test": tests[0]}
        is_running, is_stuck = True, False
        try:
            # A test that never ends has found the fault; one that is known to be slow may take its time.
            while is_running and not is_stuck:
                time.sleep(0.2)
                used, is_running = _cpu_seconds(child), os.waitpid(child, os.WNOHANG) == (0, 0)
                last |= _last_event(events)
                is_stuck = used - last["cpu"] > patience or time.monotonic() - last["at"] > 10 * patience
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            if is_running:
                os.waitpid(child, 0)
        # A child that ended within a test, without a word, was ended by the fault.
        return ("", last["missed"]) if "missed" in last else (last["test"], "")

    def _be_child(self, tests: list[str], broken: list[str], watch: _Watch) -> None:
        try:
            os.setsid()
            _end_with_the_parent()
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            output = os.open(self.folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
                os.dup2(source, target)
            os.chdir(self.project)
            for name in [name for name in os.environ if name.startswith(("FCIR_", "DAGSTER_", "DBT_", "PYTEST_"))]:
                del os.environ[name]
            copy, temporary = str(self.project), str(self.folder / "tmp")
            os.environ |= {"PYTHONPATH": copy, "TMPDIR": temporary, "DAGSTER_DISABLE_TELEMETRY": "1"}
            # Neither the checkout of this command nor that of the environment may be imported in place of the copy.
            sys.path[:] = [copy, *(path for path in sys.path if path and not (Path(path) / "dagster_project").exists())]
            for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "dagster_project")]:
                del sys.modules[name]
            options = ["-x", "-p", "no:cacheprovider", f"--basetemp={temporary}/pytest"]
            pytest.main([*options, *(f"--deselect={test}" for test in broken), *tests], plugins=[watch])
        finally:
            os._exit(0)


def _end_with_the_parent() -> None:
    """Have Linux kill this process when its parent ends (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _cpu_seconds(process: int) -> float:
    """CPU seconds of a process and of its children that have ended, in Linux."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _last_event(file: Path) -> dict[str, Any]:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return next((json.loads(line) for line in reversed(lines) if line.endswith("\n")), {})


class _Watch:
    """Plugin of pytest: writes which test runs and which one fails."""

    def __init__(self, file: Path, seconds: float, made: Path | None) -> None:
        self.file, self.seconds, self.made = file, seconds, made
        self.order: list[Path] = []
        self.failed = False

    def write(self, **event: Any) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": time.monotonic(), "cpu": _cpu_seconds(os.getpid())} | event) + "\n")

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.order = [Path(argument.partition("::")[0]).resolve() for argument in session.config.args]
        if self.made:
            base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
            shutil.copytree(self.made, base, dirs_exist_ok=True, symlinks=True)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        yield
        # A conftest may have brought the longest to the front.
        items.sort(key=lambda item: self.order.index(item.path) if item.path in self.order else 0)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.write(test=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed and not self.failed:
            self.failed = True
            self.write(test=report.nodeid)

    pytest_collectreport = pytest_runtest_logreport

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        result = yield
        if _cpu_seconds(os.getpid()) > self.seconds and not self.failed:
            item.session.shouldstop = self.write(missed=f"not within {self.seconds:.0f} CPU seconds") or "too late"
        return result

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            self.write(missed="by none")


def work(copy: Copy, tasks: list[Task], todo: Any, done: Any) -> None:
    """Try the tasks whose indices `todo` gives, without end."""
    _end_with_the_parent()
    copy.prepare()
    while True:
        done.put(copy.try_fault(*tasks[todo.get()]))
