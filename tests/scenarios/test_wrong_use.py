"""Wrong use and configuration end a command with exit code 2 and one line that names the next step; nothing is done."""

from __future__ import annotations

import json
import re
import shlex
from importlib.metadata import version
from typing import Any

import pytest
from typer.main import get_command

from dagster_project.cli import status
from dagster_project.cli.app import app_of
from tests.cases import cases_of
from tests.roots import DataRoot

REASON = ("--reason", "why not")
WRONG = cases_of(__file__, file=__file__)["wrong"]


@pytest.fixture
def empty(tmp_path):
    return DataRoot(tmp_path / "home")


@pytest.mark.parametrize(("line", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use_ends_with_2_and_one_line(empty, line, message):
    done = empty.fcir(*shlex.split(line))
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert done.err.startswith("fcir: ")
    assert message in done.err
    assert line == "keys" or done.out == ""
    assert not empty.home.exists()


def test_errors_are_json_lines_with_a_json_log(empty):
    empty.settings["FCIR_LOG_FORMAT"] = "json"
    for arguments in (["run", "--fast"], ["run", "--from", "x"], ["measures"]):
        done = empty.fcir(*arguments)
        [line] = [json.loads(line) for line in done.err.splitlines()]
        assert (done.code, done.out, line["level"], line["exit_code"]) == (2, "", "error", 2)


def test_all_settings_that_are_not_valid_are_reported_at_once(empty):
    empty.settings |= {"FCIR_FORCE": "West Midlands", "FCIR_LOG_FORMAT": "xml", "FCIR_TARGET": "oracle"}
    done = empty.fcir("run")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert all(name in done.err for name in ("FCIR_FORCE", "FCIR_LOG_FORMAT", "FCIR_TARGET"))


def test_a_data_root_that_is_a_file_is_named(empty):
    empty.home.write_text("a file")
    for verb in ("run", "status"):
        done = empty.fcir(verb)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert f"{empty.home} is a file; nothing was done" in done.err


def test_an_error_of_the_system_names_the_file_what_stays_and_the_next_command(empty):
    empty.home.write_text("a file")
    done = empty.fcir("sample", "--out", str(empty.home / "extracts"))
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert str(empty.home) in done.err
    assert "[Errno" not in done.err
    assert "What was published before stays" in done.err
    assert "run again: fcir sample (a traceback: fcir --debug sample)" in done.err


def test_an_unexpected_error_is_one_line_without_its_text_and_debug_raises_it(empty, monkeypatch):
    def read_state(_):
        raise AttributeError("of 07700 900123")

    monkeypatch.setattr(status, "read_state", read_state)
    done = empty.fcir("status")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert re.match(r"fcir: unexpected AttributeError at test_wrong_use\.py:\d+\. .*fcir --debug status", done.err)
    assert "900123" not in done.err
    for arguments in (["--debug", "status"], ["status", "--debug"]):
        with pytest.raises(AttributeError):
            empty.fcir(*arguments)


def test_the_version_is_that_of_the_package_and_without_a_command_the_help_is_printed(empty):
    done = empty.fcir("--version")
    assert (done.code, done.out, done.err) == (0, f"fcir {version('fcir')}\n", "")
    done = empty.fcir()
    assert (done.code, done.err, "trace" in done.out) == (2, "", True)


def commands() -> dict[str, Any]:
    """Every command by its name; a command of a group by both names."""
    found = {}
    for name, verb in get_command(app_of()).commands.items():
        parts = getattr(verb, "commands", {})
        found |= {f"{name} {part}": command for part, command in parts.items()} or {name: verb}
    return found


def test_every_command_has_examples_in_its_help_that_are_valid_and_fit_a_screen():
    for name, command in commands().items():
        lines = [line.strip() for line in (command.help or "").splitlines() if line.startswith("  fcir")]
        assert lines, name
        assert max(map(len, lines)) <= 76, name
        for line in lines:
            arguments = shlex.split(re.split(" [<>] ", line)[0])[1:]
            words = name.split()
            assert arguments[: len(words)] == words
            context = command.make_context(name, arguments[len(words) :])
            assert context.allow_extra_args or context.args == [], line
