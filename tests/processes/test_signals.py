"""A command that is stopped by a signal ends with 128 and its number, says what holds, and leaves whole files."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.roots import CALLS, DataRoot, Done, call, land_three_days

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
# A command that hangs would hang the tests.
HANGS_AFTER_SECONDS = 300

AT_IMPORT = """
import sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "dagster_project.cli.app":
            print("imports", flush=True)

sys.meta_path.insert(0, Finder())
from dagster_project.__main__ import main
main()
"""
"""Prints a line when it imports the commands; its signal handlers are set before."""

AT_AN_EVENT = """
import sys
name = sys.argv.pop(1)

def hook(event, arguments):
    if arguments and f"{event} {arguments[0]}".endswith(name):
        print("event", flush=True)

sys.addaudithook(hook)
from dagster_project.__main__ import main
main()
"""
"""Prints a line at an audit event of Python whose name and first argument end as the first argument says."""


@contextmanager
def disposition(handler: signal.Handlers) -> Iterator[None]:
    """Start processes with this disposition of SIGINT and SIGHUP, whatever `nohup` or a shell gave to the tests."""
    before = {number: signal.signal(number, handler) for number in (INT, HUP)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def stopped(root: DataRoot, *arguments: str, at: str, number: int, to_group: bool = False, **options) -> Done:
    """Start a command, send a signal when it prints a line that begins with `at`, and wait for its end."""
    with disposition(signal.SIG_DFL):
        process = root.start(*arguments, start_new_session=True, **options)
    with process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith(at):
                break
        # As Ctrl-C of a terminal does: its children get it too.
        (os.killpg if to_group else os.kill)(process.pid, number)
        try:
            out, err = process.communicate(timeout=HANGS_AFTER_SECONDS)
        finally:
            process.kill()
    assert "Traceback" not in out + err
    return Done(process.returncode, "".join(lines) + out, err)


def write_a_sentence(root: DataRoot) -> None:
    """Give `fcir publish` something to publish."""
    words = root.home / "commentary" / "kent" / "2022-10.md"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("A quiet month.\n", encoding="utf-8")


@pytest.fixture
def landed(compiled, tmp_path):
    root = DataRoot.knowing(compiled, tmp_path / "home")
    land_three_days(root)
    return root


@pytest.mark.parametrize(
    ("code", "at", "number", "to_group"),
    [
        pytest.param(AT_IMPORT, "imports", INT, False, id="at its start"),
        pytest.param(AT_IMPORT, "imports", TERM, True, id="at its start, with its children"),
        pytest.param(None, "sources      call_segments", TERM, False, id="while it loads"),
        pytest.param(None, "sources      crimes", HUP, True, id="while it loads and its terminal closes"),
    ],
)
def test_a_stopped_run_publishes_nothing_and_leaves_the_lock(landed, code, at, number, to_group):
    done = stopped(landed, "run", at=at, number=number, to_group=to_group, **({"code": code} if code else {}))
    # SIGHUP is passed on as SIGTERM by servers only.
    assert done.code == 128 + number
    assert done.err == "fcir: stopped; nothing was published; run again: fcir run\n"
    assert not landed.current.exists()
    assert landed.fcir("status").code == 0


def test_a_stopped_query_says_that_nothing_was_changed(three_days):
    endless = "select count(*) from range(1000000000000) where range % 7 = 3"
    limits = f"setrlimit {resource.RLIMIT_DATA}"
    for number, to_group in ((INT, True), (TERM, False), (HUP, True)):
        how = {"code": AT_AN_EVENT, "at": "event", "number": number, "to_group": to_group}
        done = stopped(three_days, limits, "query", endless, **how)
        assert (done.code, done.err) == (128 + number, "fcir: stopped; nothing was changed\n")


def test_a_stopped_check_says_that_nothing_was_changed(three_days, tmp_path):
    file = tmp_path / "call_segments_2022-11-02.csv"
    file.write_text("\n".join([CALLS, *(call(n, "2022-11-02") for n in range(200_000)), ""]))
    done = stopped(three_days, file.name, "check", str(file), code=AT_AN_EVENT, at="event", number=INT)
    assert (done.code, done.err) == (130, "fcir: stopped; nothing was changed\n")


def test_a_stopped_sample_leaves_no_files(tmp_path):
    root = DataRoot(tmp_path / "home")
    out = tmp_path / "sample"
    done = stopped(root, ".csv", "sample", "--out", str(out), code=AT_AN_EVENT, at="event", number=TERM)
    assert (done.code, done.err) == (143, "fcir: stopped; run again: fcir sample\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "number", "to_group"), [("index.html", INT, True), ("manifest.json", TERM, False)], ids=["pages", "end"]
)
def test_a_stopped_publication_leaves_a_whole_one_and_says_which(three_days, tmp_path, file, number, to_group):
    root = three_days.copy(tmp_path / "home")
    root.settings["FCIR_LOG_FORMAT"] = "json"
    write_a_sentence(root)
    before = root.current.readlink()
    done = stopped(root, file, "publish", code=AT_AN_EVENT, at="event", number=number, to_group=to_group)
    line = json.loads(done.err)
    now = root.current.readlink()
    stands = "stopped; nothing was published" if now == before else f"stopped after publishing {now}"
    assert (line["message"], line["exit_code"]) == (f"{stands}; run again: fcir publish", 128 + number)
    assert root.damage() == []


def test_a_signal_that_was_ignored_at_the_start_stops_a_run_if_it_is_an_interrupt(landed):
    with disposition(signal.SIG_IGN):
        process = landed.start("run", code=AT_IMPORT)
    with process:
        assert process.stdout.readline() == "imports\n"
        process.send_signal(HUP)
        process.send_signal(INT)
        _, err = process.communicate(timeout=HANGS_AFTER_SECONDS)
    assert process.returncode == 130
    assert err.startswith("fcir: stopped;")


def test_an_interruption_inside_a_callback_of_the_garbage_collector_is_not_printed(tmp_path):
    # As Dagster does, the program sets its own handler, which raises. A callback cannot raise, so Python prints it.
    program = """
import signal, weakref
from dagster_project.cli.signals import stop_on_signals

class Interrupted(BaseException): ...
class Referent: ...

def interrupt(*_): raise Interrupted

def wait(_):
    print("waits", flush=True)
    while True: pass

stop_on_signals(["run"])
signal.signal(signal.SIGINT, interrupt)
referent = Referent()
reference = weakref.ref(referent, wait)
del referent
while True: pass
"""
    done = stopped(DataRoot(tmp_path / "home"), code=program, at="waits", number=INT)
    assert (done.code, done.err) == (130, "fcir: stopped; nothing was published; run again: fcir run\n")
