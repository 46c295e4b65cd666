"""The start of the command, before it can report errors as usual."""

import os
import subprocess
import sys

import pytest

from dagster_project import __main__ as start

APP = "dagster_project.cli.app"


@pytest.fixture
def importing(monkeypatch):
    """Return a function that lets the import of the command fail with an error."""

    def fail_with(error: Exception) -> None:
        class Finder:
            @staticmethod
            def find_spec(name, *_):
                if name == APP:
                    raise error

        monkeypatch.delitem(sys.modules, APP, raising=False)
        monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
        monkeypatch.setattr(start, "stop_on_signals", lambda _: None)

    return fail_with


@pytest.mark.parametrize(
    "error",
    [MemoryError(), ImportError("libarrow.so: failed to map segment from shared object: Cannot allocate memory")],
)
def test_a_command_without_memory_to_start_says_so(importing, error):
    importing(error)
    with pytest.raises(SystemExit, match=r"^fcir: too little memory to start\. Nothing was done\."):
        start.main()


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


def test_libraries_reserve_memory_for_one_thread(importing, monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    importing(MemoryError())
    with pytest.raises(SystemExit):
        start.main()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


def test_a_validation_without_memory_ends():
    script = (
        "import resource\n"
        "from pathlib import Path\n"
        "from dagster_project.validation.outcomes import validate\n"
        "status = Path('/proc/self/status').read_text()\n"
        "used = int(status.partition('VmData:')[2].split()[0]) << 10\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (used + (48 << 20),) * 2)\n"
        "try:\n"
        "    validate(None, [], run_id='', is_synthetic=False)\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "Cannot allocate memory\n", done.stderr


def test_another_failure_to_import_is_not_taken_for_a_want_of_memory(importing):
    importing(ImportError("no module named duckdb"))
    with pytest.raises(ImportError, match="no module named duckdb"):
        start.main()
