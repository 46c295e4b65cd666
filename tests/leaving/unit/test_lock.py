"""The lock of the warehouse: its holder, entering it again, and its release when a process is killed."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dagster_project.errors import UsageError
from dagster_project.warehouse import lock
from dagster_project.warehouse.lock import (
    WarehouseLocked,
    holder_of,
    killed_holder,
    note_step,
    reader_lock,
    writer_lock,
)

HOLDER = """
import sys
from pathlib import Path
from dagster_project.warehouse.lock import note_step, reader_lock, writer_lock
file = Path(sys.argv[2])
with reader_lock(file) if sys.argv[1] == "reader" else writer_lock(file, command="fcir run"):
    note_step(file, "loading crimes")
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(file: Path, kind: str = "writer") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is ended."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, kind, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0.1)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "home" / "warehouse.lock"


def test_a_reader_uses_the_lock_of_a_disk_that_is_mounted_read_only(file, monkeypatch):
    with writer_lock(file):
        pass
    original = os.open

    def on_read_only_disk(path, flags, *mode):
        if flags & os.O_RDWR:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return original(path, flags, *mode)

    monkeypatch.setattr(os, "open", on_read_only_disk)
    with reader_lock(file):
        pass
    with pytest.raises(OSError, match="Read-only"), writer_lock(file):
        pass


@pytest.mark.parametrize("enter", [writer_lock, reader_lock])
def test_a_second_process_gets_the_process_id_of_the_first(file, enter):
    with held_elsewhere(file) as process, pytest.raises(WarehouseLocked) as refused, enter(file):
        pass
    assert f"process {process.pid} " in str(refused.value)


def test_the_holder_may_enter_again_and_keeps_the_lock_until_it_leaves_last(file):
    program = HOLDER.replace('print("held", flush=True)\n    sys.stdin.read()', "pass")
    with writer_lock(file):
        with writer_lock(file), reader_lock(file):
            pass
        program = f"from dagster_project.warehouse import lock\nlock._PATIENCE_SECONDS = 0\n{program}"
        command = [sys.executable, "-c", program, "writer", str(file)]
        assert subprocess.run(command, capture_output=True, check=False).returncode
    with held_elsewhere(file):
        pass


def test_an_error_inside_releases_the_lock(file):
    with pytest.raises(ZeroDivisionError), writer_lock(file):
        _ = 1 / 0
    with held_elsewhere(file):
        pass


def test_readers_share_the_lock_and_keep_a_writer_out(file):
    with held_elsewhere(file, "reader"):
        assert (holder_of(file), killed_holder(file)) == (None, None)
        with reader_lock(file):
            pass
        with pytest.raises(WarehouseLocked), writer_lock(file):
            pass


def test_a_writer_waits_for_a_reader_of_some_milliseconds(file, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 30.0)
    with held_elsewhere(file, "reader") as process:
        process.stdin.close()
        with writer_lock(file):
            pass


def test_the_lock_file_is_private(file):
    with writer_lock(file):
        assert file.stat().st_mode & 0o077 == 0


def test_a_holder_says_what_it_does_and_since_when(file):
    assert holder_of(file) is None
    with held_elsewhere(file) as process:
        holder = holder_of(file)
        assert holder is not None
        assert (holder.pid, holder.command, holder.step) == (process.pid, "fcir run", "loading crimes")
        assert holder.since <= holder.step_since
        assert killed_holder(file) is None


def test_a_killed_holder_leaves_no_lock_and_is_known_until_the_next_one(file):
    with held_elsewhere(file) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed = killed_holder(file)
        assert killed is not None
        assert (killed.pid, killed.step) == (process.pid, "loading crimes")
        assert holder_of(file) is None
    with writer_lock(file):
        assert f'"pid": {os.getpid()}' in file.read_text()
    assert killed_holder(file) is None


def test_a_holder_that_a_signal_stopped_was_not_killed(file, monkeypatch):
    stopping = 'from dagster_project.cli.signals import stop_on_signals\nstop_on_signals(["run"])\n'
    monkeypatch.setattr(f"{__name__}.HOLDER", stopping + HOLDER)
    with held_elsewhere(file) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM
    assert killed_holder(file) is None


def test_a_step_is_noted_by_the_holder_alone(file):
    note_step(file, "nothing")
    assert not file.exists()
    with writer_lock(file, command="a long name of a command"):
        note_step(file, "a long name of a step")
        note_step(file, "short")
        assert '"step": "short"' in file.read_text()
    assert file.read_text() == ""


def test_a_record_that_is_damaged_names_no_holder(file):
    file.parent.mkdir(parents=True)
    file.write_text("{half")
    assert (holder_of(file), killed_holder(file)) == (None, None)


def test_the_lock_is_taken_on_a_full_disk(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    lock_file = tmp_path / "warehouse.lock"
    monkeypatch.setattr(os, "pwrite", full)
    with writer_lock(lock_file, command="fcir run"):
        note_step(lock_file, "loading crimes")
        assert subprocess.run(["flock", "--nonblock", str(lock_file), "true"], check=False).returncode == 1
    assert subprocess.run(["flock", "--nonblock", str(lock_file), "true"], check=False).returncode == 0


@pytest.mark.parametrize("has_run", [True, False])
def test_root_does_not_write_into_the_data_root_of_another_user(file, monkeypatch, has_run):
    file.parent.mkdir()
    if has_run:
        file.touch()
    owned = file if has_run else file.parent
    stat = Path.stat

    def stat_of(path, **options):
        found = stat(path, **options)
        return os.stat_result((*found[:4], 65534, *found[5:])) if path == owned else found

    monkeypatch.setattr(Path, "stat", stat_of)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with (
        pytest.raises(UsageError, match=r"belongs to the user .*Nothing was done\. Run the command as"),
        writer_lock(file),
    ):
        pass
    assert file.exists() == has_run
    with reader_lock(file):
        pass
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with writer_lock(file):
        pass
