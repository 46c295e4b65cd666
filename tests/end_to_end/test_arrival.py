"""The command and difficult landing folders: files being written, hostile names, links, mistyped dates."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.end_to_end.command import CALLS, Command, call


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path / "home")


HOSTILE = [
    "call_segments_2022-10-30_\x1b[2J\nnewline.csv",
    "call_segments_2022-10-30_'quo\"tes.csv",
    "call_segments_2022-10-30_*?[a-z]..csv",
    "call_segments_2022-10-30_\u202efdp.csv",
    os.fsdecode(b"call_segments_2022-10-30_\xff\xfe.csv"),
    "call_segments_2022-10-30_".ljust(251, "x") + ".csv",
]


def test_check_prints_hostile_file_names_safely(command):
    paths = [command.land(name, CALLS, call(n, "2022-10-30"), call(2, "soon")) for n, name in enumerate(HOSTILE, 10)]
    # One process for all: each costs a second.
    done = command.run("check", *map(str, paths))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert sum("would be loaded: 2 rows read, 1 good, 1 quarantined" in line for line in lines) == len(HOSTILE)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("name", ["none_\x1b[2J.csv", os.fsdecode(b"call_segments_2022-10-30_\xff.csv")])
def test_missing_file_with_hostile_name_is_one_printable_error(command, name):
    done = command.run("check", str(command.home / name))
    assert done.returncode == 2
    assert done.stderr.rstrip("\n").isprintable()


def test_check_rejects_links(command):
    real = command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    link = real.with_name("call_segments_2022-10-31.csv")
    link.symlink_to(real)
    done = command.run("check", str(link))
    assert done.returncode == 1
    assert "REJECTED" in done.stdout


def test_run_reports_file_being_written_and_ends_with_0(command):
    file = command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    command.settings["FCIR_QUIET_SECONDS"] = "0.5"
    is_over = threading.Event()

    def write() -> None:
        with file.open("a", encoding="utf-8") as stream:
            while not is_over.wait(0.05):
                stream.write(call(2, "2022-10-30") + "\n")
                stream.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = command.run("run")
        status = command.run("status")
    finally:
        is_over.set()
        writer.join()
    assert (done.returncode, done.stderr) == (0, "")
    assert "call_segments_2022-10-30.csv: is still being written" in done.stdout
    assert "Nothing is new but 1 delivery that is not complete" in done.stdout
    assert not command.current.exists()
    assert "1 delivery is not complete yet" in status.stdout


@pytest.mark.parametrize("text", ["20221101", "2022-02-30"])
def test_dates_in_other_formats_are_refused(command, text):
    done = command.run("run", "--from", text)
    assert (done.returncode, done.stderr) == (2, f"fcir: --from {text}: not a date; expected YYYY-MM-DD\n")
