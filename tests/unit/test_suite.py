"""Rules of the test suite itself; CPU seconds are in `tests/cpu_seconds.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
# Lines of all tests, and of those that `.ci/run` runs; tests/leaving goes with what it tests, and is not counted.
ALL, OF_CI = 24_000, 22_000
# A condition on another process is waited for at its pipe; a test that cannot run fails and says what is missing.
REFUSED = {"sleep", "skip", "xfail", "importorskip", "perf_counter"}


def files() -> Iterator[Path]:
    return (path for path in sorted(TESTS.rglob("*.py")) if "leaving" not in path.relative_to(TESTS).parts)


def test_the_suite_does_not_grow():
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in files()}
    assert sum(lines.values()) <= ALL
    assert sum(count for path, count in lines.items() if path.relative_to(TESTS).parts[0] != "long") <= OF_CI


def test_no_test_sleeps_measures_time_or_is_skipped():
    found = [
        f"{path.relative_to(TESTS)}:{node.lineno}: {node.attr}"
        for path in files()
        if path.relative_to(TESTS).parts[0] != "long"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in REFUSED
    ]
    assert found == []
