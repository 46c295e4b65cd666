"""When the sensor asks for a run, and when it does not."""

import fcntl
import json
import os
import time

import dagster as dg
import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.defs.automation import BY_COMMAND_LINE, new_deliveries
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.settings import CONTRACTS, read_settings
from tests.dagster import tiny_landing


@pytest.fixture
def landing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    return tmp_path / "landing"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def tick(landing, instance):
    """The sensor as the daemon calls it, a quarter of an hour after the last file was written."""

    def evaluate() -> dg.RunRequest | dg.SkipReason:
        for path in landing.rglob("*.csv"):
            moment = time.time() - 900
            if path.stat().st_mtime > moment:
                os.utime(path, (moment, moment))
        with dg.build_sensor_context(instance=instance) as context:
            return new_deliveries(context)

    return evaluate


def reason_of(result) -> str:
    """The reason why no run is asked for."""
    assert isinstance(result, dg.SkipReason)
    return result.skip_message or ""


def load(source: str, run_id: str) -> int:
    """Load the new deliveries of a source; return how many were rejected."""
    report = load_source(read_settings(), load_contracts(CONTRACTS), source, wanted=Range(), run_id=run_id)
    return len(report.rejected)


def test_an_empty_landing_folder_asks_for_nothing(landing, tick):
    assert not landing.exists()
    assert isinstance(tick(), dg.SkipReason)


def test_the_same_files_always_ask_for_the_same_run(landing, tick):
    tiny_landing.write(landing)
    first = tick()
    assert isinstance(first, dg.RunRequest)
    assert first.run_key == tick().run_key
    assert first.partition_key is None


def test_a_changed_or_added_file_asks_for_another_run(landing, tick):
    tiny_landing.write(landing)
    keys = {tick().run_key}
    changed = landing / "crimes" / f"crimes_{tiny_landing.DAYS[0]}.csv"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    keys.add(tick().run_key)
    (landing / "crimes" / f"crimes_{tiny_landing.MISSING}.csv").write_bytes(changed.read_bytes() + b"\n")
    keys.add(tick().run_key)
    assert len(keys) == 3


def test_other_files_ask_for_no_run(landing, tick):
    (landing / "crimes").mkdir(parents=True)
    (landing / "crimes" / "notes.txt").write_text("not an extract", encoding="utf-8")
    assert isinstance(tick(), dg.SkipReason)


def test_while_a_run_holds_the_warehouse_the_sensor_names_it_and_waits(landing, tick):
    tiny_landing.write(landing)
    holder = os.open(landing.parent / "warehouse.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.write(holder, json.dumps({"pid": 4711, "since": 0}).encode())
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert "4711" in reason_of(tick())
    finally:
        os.close(holder)
    assert isinstance(tick(), dg.RunRequest)


def test_a_warehouse_that_a_killed_run_left_without_tables_does_not_stop_the_sensor(landing, tick):
    tiny_landing.write(landing)
    duckdb.connect(str(landing.parent / "warehouse.duckdb")).close()
    assert isinstance(tick(), dg.RunRequest)


CRIMES = "crime_ref,updated_at,recorded_at,offence_code,status\n"


def test_a_rejected_delivery_starts_a_run_again_when_it_is_corrected_only(landing, tick):
    folder = landing / "crimes"
    folder.mkdir(parents=True)
    good, bad = folder / "crimes_2022-10-28.csv", folder / "crimes_2022-10-29.csv"
    good.write_text(CRIMES + "a,2022-10-28 08:00,2022-10-28 07:00,8N,recorded\n", encoding="utf-8")
    bad.write_text("not,a,header,of,crimes\n1,2,3,4,5\n", encoding="utf-8")
    keys = [tick().run_key]
    assert load("crimes", "first") == 1
    assert isinstance(tick(), dg.SkipReason)
    # The nightly run tries it again; it still starts no run.
    assert load("crimes", "second") == 1
    assert isinstance(tick(), dg.SkipReason)
    (folder / "crimes_2022-10-29_more.csv").write_text(CRIMES, encoding="utf-8")
    keys.append(tick().run_key)
    assert load("crimes", "third") == 1
    assert isinstance(tick(), dg.SkipReason)
    bad.write_text(CRIMES + "b,2022-10-29 08:00,2022-10-29 07:00,8N,recorded\n", encoding="utf-8")
    keys.append(tick().run_key)
    assert load("crimes", "fourth") == 0
    assert isinstance(tick(), dg.SkipReason)
    assert len(set(keys)) == 3


def test_a_file_that_is_put_back_after_a_correction_starts_a_run(landing, tick):
    folder = landing / "crimes"
    folder.mkdir(parents=True)
    file = folder / "crimes_2022-10-28.csv"
    versions = [CRIMES + f"{ref},2022-10-28 08:00,2022-10-28 07:00,8N,recorded\n" for ref in "ab"]
    keys = []
    for version, (run, text) in enumerate([("first", versions[0]), ("second", versions[1]), ("third", versions[0])]):
        file.write_text(text, encoding="utf-8")
        os.utime(file, (1_666_000_000 + version % 2, 1_666_000_000 + version % 2))
        keys.append(tick().run_key)
        assert load("crimes", run) == 0
    assert len(set(keys)) == 3


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_no_other_run_is_asked_for_while_one_is_queued_or_running(landing, tick, instance, status):
    tiny_landing.write(landing)
    run = dg.DagsterRun(job_name="nightly", run_id="0" * 32, status=status)
    instance.add_run(run)
    assert run.run_id in reason_of(tick())
    instance.report_run_failed(run)
    assert isinstance(tick(), dg.RunRequest)


def test_a_killed_run_of_the_command_line_does_not_stop_the_sensor(landing, tick, instance):
    tiny_landing.write(landing)
    instance.add_run(
        dg.DagsterRun(job_name="nightly", status=dg.DagsterRunStatus.STARTED, tags=BY_COMMAND_LINE, run_id="1" * 32)
    )
    assert isinstance(tick(), dg.RunRequest)


def test_a_run_of_another_root_does_not_stop_the_sensor(landing, tick, instance):
    tiny_landing.write(landing)
    tags = {"dagster/code_location": "essex"}
    instance.add_run(dg.DagsterRun(job_name="nightly", status=dg.DagsterRunStatus.STARTED, tags=tags, run_id="2" * 32))
    assert isinstance(tick(), dg.RunRequest)


def test_a_file_younger_than_a_minute_counts_only_with_its_marker(landing, instance):
    folder = landing / "crimes"
    folder.mkdir(parents=True)
    file = folder / "crimes_2022-10-28.csv"
    file.write_text(CRIMES, encoding="utf-8")
    with dg.build_sensor_context(instance=instance) as context:
        assert "1 delivery is not complete yet" in reason_of(new_deliveries(context))
        (folder / f"{file.name}.done").touch()
        assert isinstance(new_deliveries(context), dg.RunRequest)


def test_new_loads_of_a_member_ask_a_hub_for_one_run(landing, tick, monkeypatch, tmp_path):
    tiny_landing.write(landing)
    load("crimes", "run 1")
    monkeypatch.setenv("FCIR_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("FCIR_MEMBERS", str(tmp_path))
    assert isinstance(tick(), dg.RunRequest)
    load("crimes", "run 2")
    assert reason_of(tick()) == "no member has loads that were not taken in"
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    monkeypatch.delenv("FCIR_MEMBERS")
    load("live_chats", "run 3")
    monkeypatch.setenv("FCIR_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("FCIR_MEMBERS", str(tmp_path))
    first, second = tick(), tick()
    assert isinstance(first, dg.RunRequest)
    assert first.run_key == second.run_key
