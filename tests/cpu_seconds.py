"""CPU seconds of each test file, and the limits that keep the suite at twenty minutes on two processors.

What a test costs is the CPU time of its process and of its ended children, from its first fixture to its last. Shared
data roots count for the suite, and for no file. With `--cpu-limits`, as in `make test-all`, a file or a suite above its
limit fails the run and is named, and `.lint/cpu_seconds.json` gets the seconds of every file.
"""

from __future__ import annotations

import json
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FILE_SECONDS, SUITE_SECONDS = 40, 1600
# What `_work` costs on the quiet machine that the limits were measured on; a slower or busy one has wider limits.
_WORK_SECONDS = 0.095
# The seconds of a file differ by as much between runs of one state: 38 to 58, beside Spark and on a busy machine.
_TOLERANCE = 1.6

shared = 0.0
"""CPU seconds that this process has spent on shared data roots."""


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _work() -> float:
    """Return the CPU seconds of a fixed piece of work."""
    before = cpu_seconds()
    sum(number * number % 7 for number in range(1_000_000))
    return cpu_seconds() - before


class CpuSeconds:
    """Plugin of pytest: measures in workers, sums and judges where they report to."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began, self._left_out = (0.0, 0.0), 0.0
        self._work = [_work()]
        self._files: Counter[str] = Counter()
        self._suite = 0.0

    def pytest_runtest_setup(self, item: pytest.Item) -> None:  # noqa: ARG002 - pytest's
        self._began = (cpu_seconds(), shared)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, nextitem: pytest.Item | None) -> Iterator[Any]:
        before = cpu_seconds()
        yield
        # Fixtures of the session end with its last test; the servers and browsers of them are of no file.
        self._left_out = 0.0 if nextitem else cpu_seconds() - before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:  # noqa: ARG002
        report = yield
        if report.when == "teardown":
            spent = cpu_seconds() - self._began[0] - (shared - self._began[1]) - self._left_out
            report.user_properties.append(("cpu_seconds", spent))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._files[report.nodeid.partition("::")[0]] += dict(report.user_properties).get("cpu_seconds", 0.0)

    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker has reported."""
        self._suite += node.workeroutput["cpu_seconds"]
        self._work += node.workeroutput["work"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._work.append(_work())
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput |= {"cpu_seconds": cpu_seconds(), "work": self._work}
            return
        self._suite += cpu_seconds() if not self._config.getoption("numprocesses", None) else 0.0
        file = Path(".lint/cpu_seconds.json")
        if self._config.getoption("--cpu-limits"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps({name: round(spent, 1) for name, spent in self._files.most_common()}, indent=1))
            if self.too_much() and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def too_much(self) -> list[str]:
        """Return the files and the suite above their limits."""
        slower = _TOLERANCE * max(1.0, sum(self._work) / len(self._work) / _WORK_SECONDS)
        found = [
            f"{name}: {spent:.0f} CPU seconds, at most {FILE_SECONDS * slower:.0f}"
            for name, spent in self._files.most_common()
            if spent > FILE_SECONDS * slower
        ]
        if self._suite > SUITE_SECONDS * slower:
            found.append(f"all tests: {self._suite:.0f} CPU seconds, at most {SUITE_SECONDS * slower:.0f}")
        return found

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        dearest = ", ".join(f"{name} {spent:.0f}" for name, spent in self._files.most_common(3))
        terminalreporter.write_line(f"{self._suite:.0f} CPU seconds; most in {dearest}")
        if self._config.getoption("--cpu-limits"):
            for line in self.too_much():
                terminalreporter.write_line(
                    f"TOO MUCH: {line}. Share a data root or a fixture (CONTRIBUTING.md, Tests)"
                )
