"""The lock of the warehouse: its holder, entering it again, and its release when a process is killed."""

import errno
import os
import signal
import subprocess
import sys
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
from dagster_project.cli.signals import stop_on_signals
from dagster_project.warehouse.lock import note_step, reader_lock, writer_lock
stop_on_signals(["run"])
file = Path(sys.argv[2])
with reader_lock(file) if sys.argv[1] == "reader" else writer_lock(file, command="fcir run"):
    note_step(file, "loading crimes")
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(file: Path, kind: str = "writer"):
    """Another process that holds the lock until it is ended."""
    command = [sys.executable, "-c", HOLDER, kind, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def is_free(file: Path) -> bool:
    return subprocess.run(["flock", "--nonblock", str(file), "true"], check=False).returncode == 0


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0.1)
    return tmp_path / "home" / "warehouse.lock"


def test_a_second_process_is_refused_with_the_first_and_can_ask_what_it_does_until_it_is_killed(file):
    assert holder_of(file) is None
    with held_elsewhere(file) as process:
        for enter in (writer_lock, reader_lock):
            with pytest.raises(WarehouseLocked, match=f"process {process.pid} "), enter(file):
                pass
        holder = holder_of(file)
        assert (holder.pid, holder.command, holder.step) == (process.pid, "fcir run", "loading crimes")
        assert (holder.since <= holder.step_since, killed_holder(file)) == (True, None)
        process.kill()
        process.wait()
        killed = killed_holder(file)
        assert (holder_of(file), killed.pid, killed.step) == (None, process.pid, "loading crimes")
    with writer_lock(file):
        assert f'"pid": {os.getpid()}' in file.read_text()
    assert killed_holder(file) is None
    with held_elsewhere(file) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM
    assert killed_holder(file) is None, "a signal stopped it"


def test_readers_share_the_lock_and_a_writer_waits_for_them_for_a_while(file, monkeypatch):
    with held_elsewhere(file, "reader") as process:
        assert (holder_of(file), killed_holder(file)) == (None, None)
        with reader_lock(file):
            pass
        with pytest.raises(WarehouseLocked, match="another process holds"), writer_lock(file):
            pass
        monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 30.0)
        process.stdin.close()
        with writer_lock(file):
            pass


def test_the_holder_may_enter_again_and_keeps_the_private_lock_until_it_leaves_last(file):
    with writer_lock(file):
        with writer_lock(file), reader_lock(file):
            pass
        assert not is_free(file)
        assert file.stat().st_mode & 0o077 == 0
    assert is_free(file)
    with pytest.raises(ZeroDivisionError), writer_lock(file):
        _ = 1 / 0
    assert is_free(file)


def test_a_step_is_noted_by_the_holder_alone_and_a_damaged_note_names_nobody(file):
    note_step(file, "nothing")
    assert not file.exists()
    with writer_lock(file, command="a long name of a command"):
        note_step(file, "a long name of a step")
        note_step(file, "short")
        assert '"step": "short"' in file.read_text()
    assert file.read_text() == ""
    file.write_text("{half")
    assert (holder_of(file), killed_holder(file)) == (None, None)
    file.unlink()
    file.mkdir()
    with pytest.raises(UsageError, match=r"is a folder; expected a file.*mv "), reader_lock(file):
        pass


def test_the_lock_is_taken_on_a_full_disk_and_read_on_a_disk_that_is_mounted_read_only(file, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with writer_lock(file, command="fcir run"):
            assert not is_free(file)
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


@pytest.mark.parametrize("has_run", [True, False])
def test_root_does_not_write_into_the_data_root_of_another_user(file, monkeypatch, has_run):
    file.parent.mkdir()
    if has_run:
        file.touch()
    owned, stat = file if has_run else file.parent, Path.stat

    def stat_of(path, **options):
        found = stat(path, **options)
        return os.stat_result((*found[:4], 65534, *found[5:])) if path == owned else found

    monkeypatch.setattr(Path, "stat", stat_of)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    refused = pytest.raises(UsageError, match=r"belongs to the user .*Nothing was done\. Run the command as")
    with refused, writer_lock(file):
        pass
    assert file.exists() == has_run
    with reader_lock(file):
        pass
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with writer_lock(file):
        pass
