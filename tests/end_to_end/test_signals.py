"""Commands stopped by a signal end at once and report the state; killed ones report nothing.

Readers keep a whole publication, and the next run gives the figures of one that was not disturbed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.end_to_end.command import CALLS, Command, call, figures, land_correction, land_three_days

# Only a hanging run takes so long.
PATIENCE_SECONDS = 240
# What is promised.
STOPPED_WITHIN_SECONDS = 10
LOADED_TWICE = """
    select source, extract_date, file_name
    from audit.load
    where status in ('loaded', 'empty')
    group by all
    having count(*) > 1
"""

INT, TERM, HUP, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL


def stop_when(
    command: Command,
    has_come: Callable[[int], bool],
    number: signal.Signals,
    *arguments: str,
    to_group: bool = False,
    times: int = 1,
) -> subprocess.CompletedProcess[str]:
    """Start a command, send it a signal as soon as a condition holds, and require that it ends in time."""
    process = command.start(*(arguments or ["run"]), has_group=True)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and not has_come(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert process.poll() is None, process.communicate()
        for _ in range(times):
            # As Ctrl-C of a terminal does: the children get it too.
            (os.killpg if to_group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=STOPPED_WITHIN_SECONDS)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == (-number if number == KILL else 128 + number), out + err
    assert "Traceback" not in out + err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def waits_for_signals(pid: int) -> bool:
    """Whether a process has set its signal handlers, which it does first."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (TERM - 1) & 1)


def has_loaded(name: str) -> Callable[[int], bool]:
    """Whether a process has a native library of this name in its memory."""
    return lambda pid: name in Path(f"/proc/{pid}/maps").read_text()


def has_open(name: str) -> Callable[[int], bool]:
    """Whether a process or a child of it has a file of this name open."""

    def is_open(pid: int) -> bool:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        descriptors = [path for one in (pid, *children) for path in Path(f"/proc/{one}/fd").iterdir()]
        for descriptor in descriptors:
            try:
                if descriptor.readlink().name == name:
                    return True
            except FileNotFoundError:
                continue
        return False

    return is_open


def has_written(command: Command, name: str) -> Callable[[int], bool]:
    """Whether a file of this name is in a publication that is being written; the folder itself by an empty name."""
    return lambda _: any((command.home / "published").glob(f".partial*/{name}"))


def runs(command: Command) -> list[str]:
    """Return the status of all runs, as Dagster recorded them."""
    with closing(sqlite3.connect(command.home / "dagster" / "history" / "runs.db")) as connection:
        return [status for (status,) in connection.execute("select status from runs order by id")]


def test_run_stops_or_is_killed_in_every_phase_and_next_run_completes(undisturbed, tmp_path):
    command = Command(tmp_path / "home")
    land_three_days(command)
    for folder in ("secrets", "dbt"):
        shutil.copytree(undisturbed.home / folder, command.home / folder)
    published, built = command.home / "published", command.home / "dbt" / "run"

    def pointed_to() -> Path | None:
        return command.current.readlink() if command.current.is_symlink() else None

    def has_built(models: int) -> Callable[[int], bool]:
        return lambda _: sum(1 for _ in built.rglob("*.sql")) >= models

    def stop(
        has_come: Callable[[int], bool], number: signal.Signals, *, to_group: bool = False, times: int = 1
    ) -> None:
        shutil.rmtree(built, ignore_errors=True)
        before = pointed_to()
        done = stop_when(command, has_come, number, to_group=to_group, times=times)
        now = pointed_to()
        stands = "stopped; nothing was published" if now == before else f"stopped after publishing {now}"
        assert done.stderr == ("" if number == KILL else f"fcir: {stands}; run again: fcir run\n")

    # While modules are imported.
    stop(waits_for_signals, INT)
    stop(waits_for_signals, TERM, to_group=True)
    # While the first source is loaded, and while Great Expectations, which needs pandas, is imported to validate it.
    stop(lambda _: (command.home / "warehouse.duckdb").exists(), TERM, times=2)
    stop(has_loaded("pandas"), INT, to_group=True)
    stop(has_loaded("pandas"), KILL)
    # While dbt builds.
    stop(has_built(1), INT)
    stop(has_built(40), KILL)
    stop(has_built(60), HUP, to_group=True, times=2)
    # The lock is free at once.
    assert command.run("status").returncode == 0
    assert pointed_to() is None
    # While readers are pointed to the publication, or right after; a test of `fcir publish` stops before that.
    stop(lambda _: command.current.exists(), INT)
    assert command.damage() == []
    first, first_figures = pointed_to(), figures(command)
    assert first_figures["kpi_calls_monthly"]

    # While the second publication is written, of corrected deliveries.
    land_correction(command)
    stop(has_written(command, ""), KILL)
    assert pointed_to() == first
    assert command.damage() == []
    assert figures(command) == first_figures

    # The next run completes what is left, and clears what the killed ones left behind.
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert pointed_to() != first
    assert command.damage() == []
    assert figures(command) == figures(undisturbed)
    assert list(published.glob(".*")) == []
    # A publication that was killed while being written does not count: it has no folder.
    folders = [path.name for path in sorted(published.iterdir()) if not path.is_symlink()]
    assert command.published("select distinct run_id from marts.published_versions order by run_id") == [
        (name,) for name in folders
    ]
    assert command.warehouse(LOADED_TWICE) == []
    *stopped, last = runs(command)
    assert (set(stopped), last) == ({"FAILURE"}, "SUCCESS")
    assert "Nothing is new" in command.run("run").stdout


def test_undisturbed_run_has_figures_to_compare(undisturbed):
    found = figures(undisturbed)
    assert len(found) > 20
    empty = {name for name, rows in found.items() if not rows}
    for name in ("fct_call", "fct_live_chat", "fct_crime", "kpi_calls_monthly", "kpi_measure_monthly", "board_paper"):
        assert name not in empty
    assert sum(len(rows) for rows in found.values()) > 500


def test_stopped_read_only_commands_report_no_change(undisturbed, tmp_path):
    endless = "select count(*) from range(1000000000000) where range % 7 = 3"
    for number, to_group in ((INT, True), (TERM, False), (TERM, True), (HUP, True)):
        done = stop_when(undisturbed, has_open("fcir.duckdb"), number, "query", endless, to_group=to_group)
        assert done.stderr == "fcir: stopped; nothing was changed\n"
    file = tmp_path / "call_segments_2022-11-02.csv"
    file.write_text("\n".join([CALLS, *(call(n, "2022-11-02") for n in range(200_000)), ""]))
    done = stop_when(undisturbed, has_open(file.name), INT, "check", str(file))
    assert done.stderr == "fcir: stopped; nothing was changed\n"


def test_stopped_sample_leaves_no_files(tmp_path):
    command = Command(tmp_path / "home")
    out = tmp_path / "sample"
    done = stop_when(command, lambda _: any(tmp_path.glob(".sample-*/content/*/*")), TERM, "sample", "--out", str(out))
    assert done.stderr == "fcir: stopped; run again: fcir sample\n"
    assert list(tmp_path.iterdir()) == []


def test_stopped_publication_is_reported_as_json(undisturbed, tmp_path):
    shutil.copytree(undisturbed.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home", settings={"FCIR_LOG_FORMAT": "json"})
    # Written to after it was published, so that nothing is taken over and all is rendered.
    (command.current / "index.html").touch()
    before = command.current.readlink()
    phases = {
        "": (TERM, False),
        "fcir.duckdb": (INT, True),
        "board_paper.pdf": (TERM, True),
        "index.html": (INT, False),
        "manifest.json": (TERM, False),
    }
    for name, (number, to_group) in phases.items():
        done = stop_when(command, has_written(command, name), number, "publish", to_group=to_group)
        line = json.loads(done.stderr)
        now = command.current.readlink()
        stands = "stopped; nothing was published" if now == before else f"stopped after publishing {now}"
        assert (line["message"], line["exit_code"]) == (f"{stands}; run again: fcir publish", 128 + number)
        assert now == before or name == "manifest.json"
    assert command.damage() == []


def test_ignored_sigint_stops_a_run_but_ignored_sighup_does_not(tmp_path):
    command = Command(tmp_path / "home")
    land_three_days(command)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (INT, HUP)}
    try:
        process = command.start("run")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    try:
        while process.poll() is None and not waits_for_signals(process.pid):
            time.sleep(0.005)
        process.send_signal(HUP)
        process.send_signal(INT)
        assert process.communicate(timeout=STOPPED_WITHIN_SECONDS)[1].startswith("fcir: stopped;")
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()


def test_an_interruption_inside_a_callback_of_the_garbage_collector_is_not_printed():
    # As Dagster does, the program sets its own handler, which raises. A callback cannot raise, so Python prints it.
    program = """
import signal, time, weakref
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
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "waits\n"
        process.send_signal(INT)
        out, err = process.communicate(timeout=STOPPED_WITHIN_SECONDS)
    assert (process.returncode, out, err) == (130, "", "fcir: stopped; nothing was published; run again: fcir run\n")
