"""Lines of the console are in columns or JSON, and progress is for people only."""

import io
import json
import logging
import sys

import pytest

from dagster_project import console
from dagster_project.console import LOGGER, report_as, report_to_terminal, step_line
from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, LogFormat


@pytest.fixture
def printed(monkeypatch, capsys):
    """Return a function that gives the lines of everything that can be said, on both streams."""
    for name in ("handlers", "level", "propagate"):
        monkeypatch.setattr(LOGGER, name, getattr(LOGGER, name))

    def lines(form: LogFormat) -> list[str]:
        report_to_terminal(form)
        console.say("done\nwell", level="warning", rows=3)
        console.say("")
        console.note("200 rows", sys.stdout)
        console.step("sources", "crimes", "3 rows", rows=3)
        console.detail("a detail", n=1)
        console.warn("look", day="2022-11-01")
        console.print_error("it failed", code=1)
        report_as(LogFormat.TEXT)
        return "".join(capsys.readouterr()).splitlines()

    return lines


def test_people_read_lines_in_columns_with_marks_for_warnings_and_errors(printed):
    assert printed(LogFormat.TEXT) == [
        *("done", "well", "", "200 rows", "sources      crimes                   3 rows", "warning: look"),
        "fcir: it failed",
    ]
    lines = [step_line("sources", name, "|") for name in (*load_contracts(CONTRACTS), "a")]
    assert len({line.index("|") for line in lines}) == 1
    assert [*console.aligned(["a", "n"], [["xyz", "1"], ["", "23"]], right=["n"])] == ["a     n", "xyz   1", "     23"]


def test_a_log_collector_reads_an_object_a_line_with_time_level_and_fields(printed):
    lines = [json.loads(line) for line in printed(LogFormat.JSON)]
    assert all(line.pop("time").endswith("+00:00") for line in lines)
    assert lines == [
        {"level": "warning", "message": "done well", "rows": 3},
        {"level": "info", "message": "200 rows"},
        {"level": "info", "message": "sources crimes 3 rows", "stage": "sources", "name": "crimes", "rows": 3},
        {"level": "info", "message": "a detail", "n": 1},
        {"level": "warning", "message": "look", "day": "2022-11-01"},
        {"level": "error", "message": "it failed", "code": 1},
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_person_sees_how_many_files_are_done_and_a_log_does_not(monkeypatch, is_terminal):
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(LOGGER, "handlers", [logging.NullHandler()])
    for done in range(3):
        console.progress("search", "files", done, 2)
    shown = [line.split() for line in stream.getvalue().split("\r") if line.strip()]
    assert shown == [["search", "files", str(done), "of", "2"] for done in range(3)] * is_terminal
