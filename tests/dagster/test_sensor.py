"""When the sensor asks for a run, and when it keeps still."""

import fcntl
import json
import os

import dagster as dg
import pytest

from dagster_project.defs.automation import new_deliveries
from tests.dagster import tiny_landing


@pytest.fixture
def landing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    return tmp_path / "landing"


def tick() -> dg.RunRequest | dg.SkipReason:
    return new_deliveries(dg.build_sensor_context())


def test_an_empty_landing_folder_asks_for_nothing(landing):
    assert not landing.exists()
    assert isinstance(tick(), dg.SkipReason)


def test_the_same_files_ask_for_the_same_run_however_often_they_are_seen(landing):
    tiny_landing.write(landing)
    first = tick()
    assert isinstance(first, dg.RunRequest)
    assert first.run_key == tick().run_key
    assert first.partition_key is None


def test_a_changed_or_added_file_asks_for_another_run(landing):
    tiny_landing.write(landing)
    keys = {tick().run_key}
    changed = landing / "crimes" / f"crimes_{tiny_landing.DAYS[0]}.csv"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    keys.add(tick().run_key)
    (landing / "crimes" / f"crimes_{tiny_landing.MISSING}.csv").write_bytes(changed.read_bytes())
    keys.add(tick().run_key)
    assert len(keys) == 3


def test_a_file_that_is_no_extract_asks_for_nothing(landing):
    (landing / "crimes").mkdir(parents=True)
    (landing / "crimes" / "notes.txt").write_text("not an extract", encoding="utf-8")
    assert isinstance(tick(), dg.SkipReason)


def test_while_a_run_holds_the_warehouse_the_sensor_names_it_and_waits(landing):
    tiny_landing.write(landing)
    holder = os.open(landing.parent / "warehouse.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.write(holder, json.dumps({"pid": 4711, "since": 0}).encode())
        fcntl.flock(holder, fcntl.LOCK_EX)
        said = tick()
    finally:
        os.close(holder)
    assert isinstance(said, dg.SkipReason)
    assert "4711" in (said.skip_message or "")
    assert isinstance(tick(), dg.RunRequest)


def test_a_warehouse_that_a_killed_run_left_without_tables_does_not_stop_the_sensor(landing):
    import duckdb

    tiny_landing.write(landing)
    duckdb.connect(str(landing.parent / "warehouse.duckdb")).close()
    assert isinstance(tick(), dg.RunRequest)
