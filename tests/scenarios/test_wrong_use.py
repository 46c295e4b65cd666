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
from tests.roots import DataRoot

REASON = ("--reason", "why not")
WRONG = {
    "a word that is no date": ("run --from yesterday", "--from yesterday: not a date; expected YYYY-MM-DD"),
    "a day that does not exist": ("run --to 2022-02-30", "--to 2022-02-30: not a date"),
    "an age without a unit": ("status --max-age 26", "--max-age 26: expected a number of minutes, hours or days"),
    "a range from end to start": ("run --from 2022-11-02 --to 2022-11-01", "--from 2022-11-02 is after"),
    "an acceptance without a reason": ("run --accept crimes/2022-10-30", "--reason is required"),
    "a reason for nothing": ("run --reason why", "--reason belongs to an accepted delivery"),
    "an acceptance within a range": (
        "run --accept crimes/2022-10-30 --reason why --source crimes",
        "leave out --from, --to and --source",
    ),
    "an acceptance of nothing": ("run --accept crimes/2022-10-30 --reason why", "nothing is rejected"),
    "an acceptance that is a number": ("run --accept 1 --reason why", "--accept 1: expected SOURCE/DAY, for example"),
    "an acceptance of an unknown source": ("run --accept crime/2022-10-30 --reason why", "Did you mean crimes?"),
    "an unknown source": ("run --source bodycam", "no contract for source bodycam; known: call_segments, crimes"),
    "a source that is nearly one": ("run --source crime", "Did you mean crimes?"),
    "a file that is not there": ("check crimes_2022-10-30.csv", "crimes_2022-10-30.csv: no such file"),
    "a file of no source": (f"check {__file__}", "name the source with --source"),
    "a file that is left out": ("check", "Missing argument 'FILE...'. See: fcir check --help"),
    "a second scheduler": ("dagster dev", "dagster dev starts a scheduler of its own"),
    "a port that no machine has": ("ui --port 70000", "is not in the range 1<=x<=65535. See: fcir ui --help"),
    "an option that does not exist": ("run --fast", "No such option: --fast (Possible options: --to). See: fcir run"),
    "a command that does not exist": ("walk", "No such command 'walk'. See: fcir --help"),
    "a group without its command": ("keys", "A command is missing. See: fcir keys --help"),
    "a data root without a landing folder": ("run", "landing: no such folder; nothing was done"),
    "a publication that does not exist yet": ("measures", "nothing is published yet. Run: fcir run"),
}


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
