"""The start of the command, before it can report errors as usual."""

import os
import subprocess
import sys

import pytest

from dagster_project import __main__ as start

APP = "dagster_project.cli.app"


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (MemoryError(), SystemExit, r"^fcir: too little memory to start\. Nothing was done\."),
        (ImportError("libarrow.so: Cannot allocate memory"), SystemExit, "^fcir: too little memory to start"),
        (ImportError("no module named duckdb"), ImportError, "no module named duckdb"),
    ],
)
def test_a_command_without_memory_to_start_says_so_and_libraries_reserve_it_for_one_thread(
    monkeypatch, error, raised, message
):
    class Finder:
        @staticmethod
        def find_spec(name, *_):
            if name == APP:
                raise error

    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.delitem(sys.modules, APP, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    stoppable: list[list[str]] = []
    monkeypatch.setattr(start, "stop_on_signals", stoppable.append)
    monkeypatch.setattr(sys, "argv", ["fcir", "query", "from t"])
    with pytest.raises(raised, match=message):
        start.main()
    assert stoppable == [["query", "from t"]]
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


def test_a_command_and_what_it_starts_leave_no_core_dump(tmp_path):
    script = (
        "import resource, subprocess, sys\n"
        "from dagster_project import __main__ as start\n"
        "hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
        "sys.argv = ['fcir', '--version']\n"
        "try:\n"
        "    start.main()\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "subprocess.run(['sh', '-c', 'ulimit -c'], check=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    version, limit, of_child = done.stdout.splitlines()
    assert version.startswith("fcir ")
    assert (limit, of_child) == ("(0, 0)", "0")
