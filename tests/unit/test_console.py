"""Lines of the console are in columns, and progress is for people only."""

import io
import logging
import sys

from dagster_project.console import LOGGER, step_line, with_progress
from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS


def test_messages_of_all_sources_begin_in_one_column():
    lines = [step_line("sources", name, "|") for name in (*load_contracts(CONTRACTS), "a")]
    assert len({line.index("|") for line in lines}) == 1


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


def test_a_person_sees_how_many_files_are_done(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(LOGGER, "handlers", [logging.NullHandler()])
    assert list(with_progress("search", "files", ["a", "b"])) == ["a", "b"]
    *lines, blank, end = terminal.getvalue().split("\r")
    assert [line.split() for line in lines] == [["search", "files", str(done), "of", "2"] for done in range(3)]
    assert (blank.strip(), end) == ("", "")
