"""What `fcir status` and a second run say while another process holds the warehouse, and after it was killed."""

from __future__ import annotations

import fcntl
import json
import os
import re
from functools import partial

import duckdb
import pytest

from dagster_project.loading import landing
from dagster_project.loading.landing import hold_back
from dagster_project.warehouse.lock import note_step, writer_lock
from tests.roots import CALLS, DataRoot, call
from tests.unit.warehouse.test_lock import held_elsewhere


@pytest.fixture
def empty(tmp_path):
    return DataRoot(tmp_path / "home")


def test_status_names_the_run_its_step_and_the_last_publication_and_later_that_it_was_killed(troubled, tmp_path):
    published = troubled.root.copy(tmp_path / "home")
    with held_elsewhere(published.home / "warehouse.lock") as other:
        done = published.fcir("status")
        json_log = DataRoot(published.home, {"FCIR_LOG_FORMAT": "json"}).fcir("status").out.splitlines()
    first, second, *_ = [line for line in done.out.splitlines() if not line.startswith("warning: ")]
    assert (done.code, done.err) == (1, ""), "deliveries need attention by the last publication"
    assert first.startswith(f"fcir run is running (process {other.pid}, started ")
    assert ": loading crimes, since " in first
    assert published.current.resolve().name in second
    [running] = [line for line in map(json.loads, json_log) if "step" in line]
    assert (running["pid"], running["command"], running["step"]) == (other.pid, "fcir run", "loading crimes")
    after = published.fcir("status").out
    assert f"fcir run (process {other.pid}" in after
    assert "was killed while loading crimes" in after
    assert re.search(r"^Last run +needs attention, ", after, re.MULTILINE)
    assert (
        "Run: fcir run"
        not in after.partition("was killed while loading crimes. Nothing is half loaded. Run: fcir run")[2]
    )


def test_status_of_a_first_run_says_that_nothing_is_published(empty):
    lock = empty.home / "warehouse.lock"
    with writer_lock(lock, command="fcir ui"):
        note_step(lock, "preparing the lineage UI")
        # A process closes the locks of a file that it opens a second time.
        done = empty.process("status")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"fcir ui is running (process {os.getpid()}, ")
    assert "preparing the lineage UI, since" in done.out
    assert "Nothing is published yet" in done.out


def test_status_without_data_says_what_to_do_and_writes_nothing(empty):
    done = empty.fcir("status")
    assert done.code == 0
    assert "Nothing is loaded yet, and there is no landing folder" in done.out
    late = empty.fcir("status", "--max-age", "26h")
    assert (late.code, "no run has ended well yet" in late.err + late.out) == (1, True)
    assert not empty.home.exists()


def test_a_second_run_ends_with_75_and_names_the_first(empty):
    empty.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    with (empty.home / "warehouse.lock").open("w+") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        first.write(json.dumps({"pid": os.getpid(), "since": 0}))
        first.flush()
        done = empty.process("run")
    assert (done.code, done.out, done.err.count("\n")) == (75, "", 1)
    assert f"process {os.getpid()} " in done.err
    assert not (empty.home / "warehouse.duckdb").exists()


def test_a_warehouse_that_another_program_has_open_is_named_with_the_process(empty):
    empty.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    with duckdb.connect(str(empty.home / "warehouse.duckdb")):
        done = empty.process("run")
    assert (done.code, done.out, done.err.count("\n")) == (75, "", 1)
    assert "is open in another program" in done.err
    assert f"PID {os.getpid()}" in done.err


def test_a_file_that_is_being_written_waits_for_the_next_run(empty, monkeypatch):
    file = empty.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    empty.settings["FCIR_QUIET_SECONDS"] = "300"
    write = partial(hold_back, sleep=lambda _: file.write_bytes(file.read_bytes() + b"\n"))
    monkeypatch.setattr(landing, "hold_back", write)
    done, status = empty.fcir("run"), empty.fcir("status")
    assert (done.code, done.err) == (0, "")
    assert "call_segments_2022-10-30.csv: is still being written" in done.out
    assert "Nothing is new but 1 delivery that is not complete" in done.out
    assert not empty.current.exists()
    assert "1 delivery is not complete yet" in status.out


def test_a_commentary_that_cannot_be_shown_needs_attention_until_it_is_corrected(three_days, tmp_path):
    copy = three_days.copy(tmp_path / "home")
    folder = copy.home / "commentary" / "kent"
    folder.mkdir(parents=True)
    month, defaults = folder / "2022-10.md", folder / "defaults.md"
    month.write_text("## Jane Smith\n\nWas ill.\n", encoding="utf-8")
    defaults.write_text("Text.\n", encoding="utf-8")
    for command in ("publish", "run", "status"):
        done = copy.fcir(command)
        named = [line for line in done.out.splitlines() if " was left out: " in line]
        assert (done.code, [line.split()[0] for line in named]) == (
            1,
            ["commentary/kent/2022-10.md", "commentary/kent/defaults.md"],
        )
        assert "2 files are not published. After correcting the cause (docs/runbook.md): fcir publish" in done.out
    # Viewers can read the manifest.
    assert "Jane" not in (copy.current / "manifest.json").read_text(encoding="utf-8")
    # Both are read again although no table has changed, and the reason is given again.
    defaults.unlink()
    done = copy.fcir("publish")
    assert (done.code, "heading 'Jane Smith' names no section" in done.out) == (1, True)
    month.write_text("A quiet month.\n", encoding="utf-8")
    assert (copy.fcir("publish").code, copy.fcir("status").code) == (0, 0)
