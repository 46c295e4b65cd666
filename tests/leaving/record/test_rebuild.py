"""A run names the command for a damaged warehouse, which gives the same figures; details: `test_rebuild_rows.py`."""

from __future__ import annotations

import shutil

from dagster_project.record import store
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from tests.leaving.end_to_end.command import Command, figures
from tests.leaving.end_to_end.erasing import ask, substitutes

AUDIT = "select * from audit.{} order by all"


def test_a_run_names_the_rebuild_which_gives_the_same_figures(undisturbed, tmp_path):
    shutil.copytree(undisturbed.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    kept = {name: command.warehouse(AUDIT.format(name)) for name in ("load", "correction", "quarantine", "load_force")}
    (command.home / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    refused = command.run("run")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "fcir rebuild" in refused.stderr
    done = command.run("rebuild", "--reason", "disk failed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the audit comes from history/audit.duckdb" in done.stdout
    assert figures(command) == figures(undisturbed)
    assert command.damage() == []
    assert {name: command.warehouse(AUDIT.format(name)) for name in kept} == kept
    settings = Settings(home=command.home, _env_file=None)
    [entry] = [entry for entry in store.read(settings) if entry["action"] == "rebuild"]
    assert (entry["reason"], entry["detail"]["lost"]) == ("disk failed", [])
    assert (command.home / entry["detail"]["damaged"] / "warehouse.duckdb").read_bytes().startswith(b"no database")
    assert not (command.home / "rebuild").exists()
    # Both publications are on record.
    names = [path.name for path in sorted((command.home / "published").glob("2*"))]
    assert command.warehouse("select run_id from audit.publication order by 1") == [(name,) for name in names]
    verified = command.run("verify")
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
    assert "is not damaged; nothing was done" in command.run("rebuild").stderr


def test_a_warehouse_that_is_lost_after_a_change_of_the_key_and_an_erasure_is_rebuilt(undisturbed, tmp_path):
    shutil.copytree(undisturbed.home, tmp_path / "home", symlinks=True)
    command, caller = Command(tmp_path / "home"), "07700 900012"
    for arguments in (("keys", "rotate"), ("erase", "--yes")):
        done = ask(command, *arguments, "--reason", "request 4711", identifier=caller)
        assert done.returncode == 0, done.stdout + done.stderr
    before, (erased,) = figures(command), substitutes(command.home, [caller]).values()
    (command.home / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    done = command.run("rebuild", "--reason", "disk failed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert figures(command) == before
    assert command.warehouse("select caller_number from raw.call_segments").count((erased,)) == 1
    verified = command.run("verify")
    assert verified.returncode == 0, verified.stdout


def test_a_rebuild_replaces_clear_values_of_a_column_that_became_personal(undisturbed, tmp_path):
    shutil.copytree(undisturbed.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    operators = "select operator_id from raw.live_chats order by all"
    before = command.warehouse(operators)
    # As a contract in which the operator is not personal loads them.
    with loading_connection(command.home / "warehouse.duckdb") as connection:
        connection.execute("update raw.live_chats set operator_id = 'op' || left(operator_id, 1)")
        connection.execute(
            "delete from audit.load_checksum "
            "where load_id in (select load_id from audit.load where source = 'live_chats')"
        )
        connection.execute("update audit.contract set personal_columns = '' where source = 'live_chats'")
    found = "clear values of earlier loads, and its contract states that it is personal"
    refused = command.run("run")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"raw.live_chats.operator_id has {found}" in refused.stderr
    assert "fcir rebuild" in refused.stderr
    verified = command.run("verify")
    assert (verified.returncode, f"raw.live_chats.operator_id: {found}" in verified.stdout) == (1, True)
    done = command.run("rebuild", "--reason", "operators are personal")
    assert done.returncode == 0, done.stdout + done.stderr
    assert command.warehouse(operators) == before
    assert figures(command) == figures(undisturbed)
    verified = command.run("verify")
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
