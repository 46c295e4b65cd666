"""A rebuilt warehouse has the loads, verdicts and rows of before."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from dagster_project.loading import landing
from dagster_project.record import store
from dagster_project.recovery import rebuild as recovery
from dagster_project.recovery.history import history_file, save_history
from dagster_project.recovery.intent import intent_file, read_intent
from dagster_project.recovery.rebuild import RowsMissing, finish_rebuild, rebuild
from dagster_project.verification.warehouse import verify_warehouse
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.tables import TableMismatch
from dagster_project.writing import FolderTaken
from tests.leaving.unit.loading_helpers import CONTRACTS, NO_HEADER, VISITS, Installation, row, visits

TUESDAY = date(2022, 11, 1)
pytestmark = pytest.mark.usefixtures("second_for_each_load")


def rebuilt(installation: Installation, **options):
    settings = installation.settings
    with writer_lock(settings.lock_file):
        if settings.warehouse.exists():
            save_history(settings)
            settings.warehouse.unlink()
        return rebuild(settings, CONTRACTS, **options)


def state(installation: Installation):
    return [
        sorted(installation.query(sql), key=repr)
        for sql in (
            "from audit.load",
            "from audit.quarantine",
            "from audit.load_force",
            "from audit.waiver",
            "from audit.correction",
            "from raw.visits where load_id in (select load_id from audit.load where status = 'loaded')",
        )
    ]


def test_corrections_waivers_repetitions_and_rejections_survive(installation):
    days = [TUESDAY + timedelta(days=number) for number in range(4)]
    installation.land(days[0], *visits(days[0], 5), row("v11010", 6), row("v11010", 7))
    installation.land(days[1], *visits(days[1], 30, faulty=25))
    installation.land(days[2], text=NO_HEADER)
    installation.run()
    installation.land(days[0], *visits(days[0], 5, minutes=9), row("v11010", 6))
    installation.land(days[0], row("late", 4), suffix="_late")
    installation.accept(days[1])
    installation.land(days[3], *visits(days[3], 3), row("v11013", 8, visitor="another"))
    installation.run()
    before = state(installation)
    statuses = {status for (status,) in installation.query("select status from audit.load")}
    assert statuses == {"loaded", "replaced", "rejected"}
    done = rebuilt(installation)
    assert (done.facts["lost"], done.facts["loaded_again"]) == ([], [])
    assert state(installation) == before
    findings, *_ = verify_warehouse(installation.settings, CONTRACTS)
    assert findings == []
    # Nothing is new, and the next load has the next number.
    assert installation.run().deliveries[0].extract_date == days[2]
    installation.land(days[3], *visits(days[3], 4))
    installation.run()
    ((newest,), (before_it,)) = installation.query("select load_id from audit.load order by 1 desc limit 2")
    assert newest > before_it


def test_pseudonyms_stay_the_same(installation):
    installation.land(TUESDAY, row("a", visitor="07700 900123"))
    installation.run()
    before = installation.query("select visitor from raw.visits")
    rebuilt(installation)
    assert installation.query("select visitor from raw.visits") == before


@pytest.fixture
def damaged(installation):
    """A data root of three days whose warehouse is no database any more; its state before."""
    days = [TUESDAY + timedelta(days=number) for number in range(3)]
    for day in days:
        installation.land(day, *visits(day, 4))
    installation.run()
    save_history(installation.settings)
    before = state(installation)
    overwrite(installation.settings.warehouse)
    return installation, before


def overwrite(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def rebuild_damaged(installation: Installation, **options):
    with writer_lock(installation.settings.lock_file):
        return rebuild(installation.settings, CONTRACTS, **options)


def test_the_audit_comes_from_the_damaged_file_if_that_can_be_read(damaged):
    installation, before = damaged
    done = rebuild_damaged(installation)
    assert done.facts["audit_from"] == "history/audit.duckdb"
    assert (done.damaged / "warehouse.duckdb").read_bytes().startswith(b"no database")
    assert rebuild_damaged(installation).facts["audit_from"] == "warehouse.duckdb"
    assert state(installation) == before


def test_missing_and_changed_files_are_named_and_refused_unless_asked_for(damaged):
    installation, before = damaged
    folder = installation.settings.landing / "visits"
    (folder / "visits_2022-11-01.csv").unlink()
    installation.land("2022-11-02", row("new"))
    (folder / "visits_2022-11-03.csv").rename(folder / "visits_2022-11-03_again.csv")
    with pytest.raises(RowsMissing) as refused:
        rebuild_damaged(installation)
    assert "visits/visits_2022-11-01.csv (4 rows): its file is not in the landing folder" in str(refused.value)
    assert "visits/visits_2022-11-02.csv (4 rows): its file has other content than was loaded" in str(refused.value)
    assert "2022-11-03" not in str(refused.value)
    assert "fcir rebuild --without-missing" in str(refused.value)
    assert read_intent(installation.settings) is None
    assert installation.settings.warehouse.read_bytes().startswith(b"no database")
    done = rebuild_damaged(installation, without_missing=True)
    assert done.facts["lost"] == ["visits/visits_2022-11-01.csv", "visits/visits_2022-11-02.csv"]
    assert state(installation)[-1] == [found for found in before[-1] if found in state(installation)[-1]]
    assert len(installation.current()) == 4
    installation.run()
    assert len(installation.current()) == 5


def test_a_column_that_became_personal_has_pseudonyms_after_a_rebuild(installation):
    clear = replace(VISITS, columns=tuple(replace(column, is_personal=False) for column in VISITS.columns))
    installation.contracts = {**CONTRACTS, "visits": clear}
    installation.land(TUESDAY, row("a", visitor="Jane Doe"))
    installation.run()
    installation.contracts = CONTRACTS
    installation.land("2022-11-02", row("b", day="2022-11-02", visitor="Jane Doe"))
    with pytest.raises(TableMismatch, match="clear values"):
        installation.run()

    with writer_lock(installation.settings.lock_file):
        rebuild(installation.settings, CONTRACTS)
    installation.run()

    ((visitors, pseudonyms),) = installation.query("select count(visitor), count(distinct visitor) from raw.visits")
    assert (visitors, pseudonyms) == (2, 1)
    assert not installation.query("from raw.visits where visitor = 'Jane Doe'")


def test_loads_under_another_version_of_the_contract_are_loaded_again(roots):
    member = roots["kent"]
    newer = {**CONTRACTS, "visits": replace(VISITS, version="2.0.0")}

    with writer_lock(member.settings.lock_file):
        save_history(member.settings)
        done = rebuild(member.settings, newer)
    member.contracts = newer
    member.run()

    assert done.facts["loaded_again"] == ["visits/visits_2022-11-01.csv"]
    assert member.query("select contract_version from audit.load where status = 'loaded'") == [("2.0.0",)]
    roots.run()
    roots.assert_same()


@pytest.mark.parametrize(
    "change",
    [
        "update audit.load set rows_read = rows_read + 1 where load_id = 1",
        "update audit.load set rows_quarantined = 1 where load_id = 1",
        "delete from audit.load where load_id = 2",
    ],
)
def test_an_audit_that_contradicts_itself_is_restored_from_its_copy(damaged, change):
    installation, before = damaged
    rebuild_damaged(installation)
    with loading_connection(installation.settings.warehouse) as connection:
        connection.execute(change)
    findings, *_ = verify_warehouse(installation.settings, CONTRACTS)
    assert any(finding.calls_for_rebuild for finding in findings)
    assert rebuild_damaged(installation).facts["audit_from"] == "history/audit.duckdb"
    assert verify_warehouse(installation.settings, CONTRACTS)[0] == []
    assert state(installation) == before


def test_a_clock_that_was_set_back_loses_no_load(damaged, monkeypatch):
    installation, before = damaged
    monkeypatch.setattr(landing, "london_today", lambda: TUESDAY)
    assert rebuild_damaged(installation).facts["lost"] == []
    assert state(installation) == before


@pytest.mark.parametrize("name", ["history", "history/audit.duckdb", "history/.audit.duckdb.draft"])
def test_what_is_in_the_place_of_the_copy_is_renamed(damaged, name):
    installation, _ = damaged
    settings = installation.settings
    rebuild_damaged(installation)
    path = settings.home / name
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("")
    else:
        path.unlink(missing_ok=True)
        path.mkdir()
    save_history(settings)
    assert verify_warehouse(settings, CONTRACTS)[0] == []
    assert len(list(path.parent.glob(f"{path.name}.damaged-*"))) == 1


@pytest.mark.parametrize("name", ["damaged", "rebuild"])
def test_a_file_in_place_of_a_folder_is_named_before_anything_is_changed(damaged, name):
    installation, before = damaged
    home = installation.settings.home
    (home / name).write_text("")
    content = installation.settings.warehouse.read_bytes()
    with pytest.raises(FolderTaken, match=re.escape(f"{home / name} is not a folder") + ".*run the command again: mv "):
        rebuild_damaged(installation)
    assert installation.settings.warehouse.read_bytes() == content
    assert read_intent(installation.settings) is None
    (home / name).unlink()
    rebuild_damaged(installation)
    assert state(installation) == before


def test_without_any_copy_of_the_audit_it_refuses_unless_asked_for(damaged):
    installation, _ = damaged
    overwrite(history_file(installation.settings))
    with pytest.raises(RowsMissing, match="versions of published figures would be lost"):
        rebuild_damaged(installation)
    assert rebuild_damaged(installation, without_missing=True).facts["audit_from"] == "nowhere"
    assert installation.audit() == []
    installation.run()
    assert len(installation.current()) == 12


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


def test_a_rebuild_killed_at_any_step_is_finished_with_the_same_rows(damaged, monkeypatch):
    """It ends in turn before each renamed or deleted file, each deleted folder, each read source, and the entry."""
    installation, before = damaged
    settings, stopped = installation.settings, 0
    steps = [
        (Path, "rename"),
        (Path, "replace"),
        (os, "unlink"),
        (os, "rmdir"),
        (recovery, "restore_from_landing"),
        (recovery, "append_once"),
    ]
    while True:
        left = stopped + 1

        def stop_at_last(original):
            def call(*arguments, **options):
                nonlocal left
                left -= 1
                if left == 0:
                    raise Killed
                return original(*arguments, **options)

            return call

        overwrite(settings.warehouse)
        with monkeypatch.context() as patch:
            for owner, name in steps:
                patch.setattr(owner, name, stop_at_last(getattr(owner, name)))
            try:
                rebuild_damaged(installation)
                break
            except Killed:
                stopped += 1
        with writer_lock(settings.lock_file):
            finish_rebuild(settings, CONTRACTS)
        if settings.warehouse.exists() and settings.warehouse.read_bytes().startswith(b"no database"):
            # It was killed before it had begun to change anything.
            rebuild_damaged(installation)
        assert state(installation) == before
        # Of a rebuild, at most an empty folder is left.
        assert not list(intent_file(settings).parent.glob("*"))
    assert stopped > 15
    assert state(installation) == before
    assert store.faults(settings) == []


def test_a_history_that_is_being_written_does_not_replace_the_last_one(damaged, monkeypatch):
    installation, _ = damaged
    rebuild_damaged(installation)
    settings = installation.settings
    before = history_file(settings).read_bytes()

    def stop(*_arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop)
        with pytest.raises(Killed):
            save_history(settings)
    assert history_file(settings).read_bytes() == before
    save_history(settings)
    assert [path.name for path in settings.history.iterdir()] == ["audit.duckdb"]
    assert {path.stat().st_mode & 0o077 for path in (settings.history, history_file(settings))} == {0}
