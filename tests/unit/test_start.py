"""The start of the command, before it can report errors as usual."""

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


def test_another_failure_to_import_is_not_taken_for_a_want_of_memory(importing):
    importing(ImportError("no module named duckdb"))
    with pytest.raises(ImportError, match="no module named duckdb"):
        start.main()
