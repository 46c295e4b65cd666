"""The heads in the copy of the audit show that entries were removed, and ordinary situations are no faults."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from dagster_project.cli import run
from dagster_project.record import store
from dagster_project.recovery.history import history_file, save_heads, save_history
from dagster_project.settings import Settings
from dagster_project.verification.warehouse import verify_warehouse
from dagster_project.warehouse.connection import loading_connection


@pytest.fixture
def settings(tmp_path):
    """A data root with two runs, of which the copy has the heads."""
    settings = Settings(home=tmp_path, _env_file=None)
    for _ in range(2):
        save_history(settings)
        append(settings, "run")
        save_history(settings)
    return settings


def append(settings, action, *, is_copied=False):
    with loading_connection(settings.warehouse) as connection:
        store.append(settings, action, connection=connection)
        if is_copied:
            save_heads(settings, connection)


def anchors_of(settings):
    return verify_warehouse(settings, {})[1]


def faults_of(settings):
    return store.faults(settings, anchors_of(settings))


def cut_the_last_entry(settings):
    """Remove it from the record, from its head and from the warehouse, which needs no key."""
    *lines, last = settings.record_file.read_bytes().splitlines(keepends=True)
    settings.record_file.write_bytes(b"".join(lines))
    before = json.loads(lines[-1])
    (settings.record / "head").write_text(json.dumps({name: before[name] for name in ("seq", "hash")}) + "\n")
    with loading_connection(settings.warehouse) as connection:
        connection.execute("delete from audit.record_head where seq = ?", [json.loads(last)["seq"]])


def test_an_entry_that_was_removed_everywhere_but_in_the_copy_is_found_also_after_the_next_run(settings):
    append(settings, "access", is_copied=True)
    assert faults_of(settings) == []
    cut_the_last_entry(settings)
    [fault] = faults_of(settings)
    assert fault.startswith(f"{history_file(settings)} names entry 3, and the record ends with entry 2")
    append(settings, "run")
    assert any("names another entry 3" in fault for fault in faults_of(settings))
    # Its last step writes the copy again.
    save_history(settings)
    assert any("names another entry 3" in fault for fault in faults_of(settings))
    store.restart(settings, anchors_of(settings), reason="the cause is known")
    assert [entry["seq"] for entry in store.read(settings)] == [4]
    assert faults_of(settings) == []


def test_a_lost_or_damaged_warehouse_does_not_hide_a_removed_entry(settings):
    append(settings, "access", is_copied=True)
    cut_the_last_entry(settings)
    settings.warehouse.write_bytes(b"no database" * 1000)
    assert any("names entry 3" in fault for fault in faults_of(settings))
    settings.warehouse.unlink()
    assert any("names entry 3" in fault for fault in faults_of(settings))


def test_an_accepted_delivery_gets_into_the_copy(settings, monkeypatch):
    monkeypatch.setattr(run, "waive", lambda *_: SimpleNamespace(content="x", reason="telephony was down"))
    run.accept_rejected(settings, ["call_segments/2022-10-30"], "telephony was down")
    cut_the_last_entry(settings)
    assert any("names entry 3" in fault for fault in faults_of(settings))


def test_an_older_copy_and_an_older_warehouse_are_no_faults(settings):
    older = {path: path.read_bytes() for path in (settings.warehouse, history_file(settings))}
    # A run that was killed before it wrote the copy.
    append(settings, "run")
    assert faults_of(settings) == []
    save_history(settings)
    newer = {path: path.read_bytes() for path in older}
    for restored in older:
        restored.write_bytes(older[restored])
        assert faults_of(settings) == []
        restored.write_bytes(newer[restored])
    settings.warehouse.write_bytes(older[settings.warehouse])
    append(settings, "run")
    save_history(settings)
    assert faults_of(settings) == []
    assert {anchor.head.seq for anchor in anchors_of(settings)} == {1, 2, 3, 4}


def test_a_restart_and_a_redacted_entry_are_no_faults(settings):
    content = settings.record_file.read_bytes()
    settings.record_file.write_bytes(content.replace(b'"run"', b'"ran"'))
    store.restart(settings, anchors_of(settings), reason="the cause is known")
    append(settings, "run", is_copied=True)
    assert faults_of(settings) == []
    with loading_connection(settings.warehouse) as connection:
        store.append(settings, "access", reason="about op-1", connection=connection)
        save_heads(settings, connection)
        redacted = store.redactions(settings, lambda line: line.replace(b"op-1", b"****"))
        settings.record_file.write_bytes(settings.record_file.read_bytes().replace(b"op-1", b"****"))
        store.append(settings, "erase", detail={"redacted": redacted}, connection=connection)
    save_history(settings)
    assert faults_of(settings) == []


def test_the_copy_of_another_data_root_says_nothing_about_this_one(settings, tmp_path):
    other = Settings(home=tmp_path / "other", _env_file=None)
    save_history(other)
    for _ in range(5):
        append(other, "run")
    save_history(other)
    assert {anchor.head.seq for anchor in anchors_of(other)} == set(range(1, 6))
    assert faults_of(other) == []
    shutil.copy(history_file(other), history_file(settings))
    assert faults_of(settings) == []
    save_history(settings)
    assert faults_of(settings) == []


def test_a_look_up_that_is_killed_leaves_a_whole_copy(settings, monkeypatch):
    def killed(*_):
        raise InterruptedError

    before = history_file(settings).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        append_killed = pytest.raises(InterruptedError)
        with append_killed, loading_connection(settings.warehouse) as connection:
            save_heads(settings, connection)
    assert history_file(settings).read_bytes() == before
    append(settings, "access", is_copied=True)
    assert [path.name for path in settings.history.iterdir()] == ["audit.duckdb"]
    assert history_file(settings).stat().st_mode & 0o077 == 0
    assert faults_of(settings) == []


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"no database" * 1000)])
def test_a_copy_that_cannot_be_read_stays_for_the_next_run(settings, spoil):
    spoil(history_file(settings))
    append(settings, "access", is_copied=True)
    assert faults_of(settings) == []
    assert [path.name for path in settings.history.iterdir()] in ([], ["audit.duckdb"])
    save_history(settings)
    assert {anchor.head.seq for anchor in anchors_of(settings)} == {1, 2, 3}
