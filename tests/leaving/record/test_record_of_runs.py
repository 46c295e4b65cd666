"""Runs and publications are entered into the record, by the job that does them.

Acceptances are in tests/end_to_end/test_command_line.py.
"""

from __future__ import annotations

import json
import shutil
from hashlib import sha256

import dagster as dg
import pytest

from dagster_project.defs.run_record import record_killed_run, record_run
from dagster_project.record import store
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection, open_read_only
from tests.leaving.end_to_end.command import Command
from tests.leaving.end_to_end.erasing import ask


@pytest.fixture
def command(undisturbed, tmp_path):
    shutil.copytree(undisturbed.home, tmp_path / "home", symlinks=True)
    return Command(tmp_path / "home")


@pytest.fixture
def settings(command):
    return Settings(home=command.home, _env_file=None)


def faults_of(settings):
    with open_read_only(settings.warehouse) as connection:
        anchors = store.anchors_in_warehouse(connection)
    assert anchors
    return store.faults(settings, anchors)


def test_a_run_enters_itself_and_the_hash_of_its_manifest(command, settings):
    manifest, run = store.read(settings)
    assert (manifest["action"], run["action"], run["outcome"]) == ("manifest", "run", "done")
    assert (run["detail"]["job"], run["detail"]["started_by"]) == ("nightly", "command line")
    folder = command.current.resolve()
    written = sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert manifest["detail"] == {"publication": f"published/{folder.name}", "sha256": written}
    assert faults_of(settings) == []


@pytest.mark.parametrize(
    "arguments", [("access",), ("erase", "--yes"), ("keys", "rotate")], ids=["access", "erase", "rotate"]
)
def test_an_older_copy_of_the_record_does_not_hide_who_was_looked_up(command, settings, tmp_path, arguments):
    shutil.copytree(settings.record, tmp_path / "older")
    done = ask(command, *arguments, "--reason", "request 4711", identifier="07700 900003")
    assert done.returncode == 0, done.stdout + done.stderr
    assert faults_of(settings) == []
    shutil.rmtree(settings.record)
    shutil.copytree(tmp_path / "older", settings.record)
    assert any("audit.record_head" in fault for fault in faults_of(settings))


def test_a_look_up_that_was_removed_from_the_record_and_the_warehouse_is_found_by_the_copy(command, settings):
    done = ask(command, "access", "--reason", "request 4711", identifier="07700 900003")
    assert done.returncode == 0, done.stdout + done.stderr
    assert command.run("verify").returncode == 0
    *lines, last = settings.record_file.read_bytes().splitlines(keepends=True)
    settings.record_file.write_bytes(b"".join(lines))
    seq, digest = (json.loads(lines[-1])[name] for name in ("seq", "hash"))
    (settings.record / "head").write_text(json.dumps({"seq": seq, "hash": digest}) + "\n")
    with loading_connection(settings.warehouse) as connection:
        connection.execute("delete from audit.record_head where seq = ?", [json.loads(last)["seq"]])
    found = command.run("verify")
    assert found.returncode == 1
    assert f"audit.duckdb names entry {seq + 1}, and the record ends with entry {seq}" in found.stdout


def test_nobody_sees_a_report_that_is_not_in_the_record(command, settings, tmp_path):
    out = tmp_path / "report.md"
    settings.key_of_record.chmod(0o644)
    done = ask(command, "access", "--reason", "request 4712", "--out", str(out), identifier="07700 900003")
    assert done.returncode == 2, done.stdout + done.stderr
    assert not out.exists()
    settings.key_of_record.chmod(0o600)
    out.symlink_to(tmp_path / "elsewhere")
    done = ask(command, "access", "--reason", "request 4712", "--out", str(out), identifier="07700 900003")
    assert done.returncode == 2
    assert "there is such a file" in done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_a_failed_run_names_its_failed_steps(tmp_path):
    settings = Settings(home=tmp_path, _env_file=None)
    with dg.instance_for_test() as instance:

        @dg.op
        def broken() -> None:
            raise dg.Failure("caller 07700 900123")

        @dg.job
        def publish() -> None:
            broken()

        run = publish.execute_in_process(instance=instance, raise_on_error=False).dagster_run
        record_run(settings, instance, run)
    [entry] = store.read(settings)
    assert (entry["action"], entry["outcome"], entry["detail"]["failed_steps"]) == ("publish", "failed", ["broken"])
    assert "07700" not in settings.record_file.read_text()


@pytest.mark.parametrize(
    ("tags", "started_by"),
    [
        ({"dagster/schedule_name": "nightly_0415"}, "schedule nightly_0415"),
        ({"dagster/sensor_name": "new_deliveries"}, "sensor new_deliveries"),
        ({}, "Dagster UI"),
    ],
)
def test_a_killed_run_is_entered_with_what_started_it(tmp_path, tags, started_by):
    settings = Settings(home=tmp_path, _env_file=None)
    record_killed_run(settings, dg.DagsterRun(job_name="nightly", run_id="r1", tags=tags))
    [entry] = store.read(settings)
    assert (entry["action"], entry["outcome"], entry["detail"]["started_by"]) == ("run", "killed", started_by)
