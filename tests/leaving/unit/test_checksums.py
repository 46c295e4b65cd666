"""Values that were changed by hand are found for good, and what fcir itself changes is no fault."""

import shutil
from dataclasses import replace
from datetime import datetime

import pytest

from dagster_project.contracts import CellType, Column
from dagster_project.privacy import replacing
from dagster_project.privacy.purged_rows import delete_marked
from dagster_project.privacy.rekeying import rotate_key
from dagster_project.recovery.history import save_history
from dagster_project.recovery.rebuild import rebuild
from dagster_project.verification.warehouse import verify_warehouse
from dagster_project.warehouse.checksums import CHECKSUMS
from dagster_project.warehouse.connection import loading_connection, transaction
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.tables import ensure_tables
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.loading_helpers import CONTRACTS, VISITS, row

MINUTES = "select visit_id, minutes, extract_date from raw.visits order by all"


@pytest.fixture(autouse=True)
def no_publications(monkeypatch):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})


@pytest.fixture
def two_days(installation):
    installation.land("2022-11-01", row("a", visitor="ann"), row("b of op-77-123", visitor="bob"))
    installation.run()
    installation.land("2022-11-02", row("c", day="2022-11-02", visitor="ann"), row("d", day="2022-11-02"))
    installation.run()
    save_history(installation.settings)
    return installation


def changed(root):
    """The files of the loads with other values, as `fcir verify` finds them."""
    findings = verify_warehouse(root.settings, CONTRACTS)[0]
    return [item.what.split(", ")[1] for item in findings if "have other values" in item.what]


def execute(root, sql):
    with loading_connection(root.settings.warehouse) as connection:
        connection.execute(sql)


def loads_with_checksum(root):
    return [load_id for (load_id,) in root.query(f"select load_id from {CHECKSUMS} order by load_id")]


@pytest.mark.parametrize(
    "change",
    [
        "update raw.visits set minutes = minutes + 1 where visit_id = 'c'",
        "update raw.visits set minutes = null where visit_id = 'c'",
        "update raw.visits set visitor = reverse(visitor) where visit_id = 'c'",
        "update raw.visits set source_row = 5 - source_row where extract_date = '2022-11-02'",
        # As many rows as before.
        "insert into raw.visits select * replace (9 as source_row) from raw.visits where visit_id = 'c';"
        "delete from raw.visits where visit_id = 'd'",
    ],
)
def test_a_value_changed_by_hand_is_found_for_good_and_a_rebuild_restores_it(two_days, change):
    before = two_days.query(MINUTES)
    assert verify_warehouse(two_days.settings, CONTRACTS)[0] == []
    execute(two_days, change)
    (finding,) = verify_warehouse(two_days.settings, CONTRACTS)[0]
    assert finding.place == "raw.visits"
    assert "rows of load 2, visits_2022-11-02.csv, have other values than were loaded" in finding.what
    assert finding.is_fault
    assert finding.calls_for_rebuild
    # A night, and an erasure from another load.
    two_days.land("2022-11-03")
    two_days.run()
    save_history(two_days.settings)
    erase_person(two_days.settings, "bob")
    assert changed(two_days) == ["visits_2022-11-02.csv"]
    with writer_lock(two_days.settings.lock_file):
        rebuild(two_days.settings, CONTRACTS)
    assert verify_warehouse(two_days.settings, CONTRACTS)[0] == []
    assert two_days.query(MINUTES) == before
    assert loads_with_checksum(two_days) == [1, 2]


@pytest.mark.parametrize("identifier", ["ann", "op-77-123"])
def test_an_erasure_is_no_change_by_hand_and_neither_is_a_backup_that_it_rewrote(two_days, tmp_path, identifier):
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(two_days.settings.warehouse, backup / "copy.duckdb")
    settings = two_days.settings.model_copy(update={"backups": (backup,)})
    before = two_days.query("from raw.visits order by all")
    erase_person(settings, identifier)
    assert two_days.query("from raw.visits order by all") != before
    assert changed(two_days) == []
    assert loads_with_checksum(two_days) == [1, 2]
    shutil.copy(backup / "copy.duckdb", settings.warehouse)
    assert changed(two_days) == []
    save_history(settings)
    execute(two_days, "update raw.visits set minutes = 0")
    assert changed(two_days) == ["visits_2022-11-01.csv", "visits_2022-11-02.csv"]


def test_a_new_key_is_no_change_by_hand(two_days):
    with writer_lock(two_days.settings.lock_file):
        rotate_key(two_days.settings, CONTRACTS, reason="yearly")
    assert changed(two_days) == []
    assert loads_with_checksum(two_days) == [1, 2]


def test_another_number_of_rows_is_one_finding(two_days):
    execute(two_days, "delete from raw.visits where visit_id = 'c'")
    (finding,) = verify_warehouse(two_days.settings, CONTRACTS)[0]
    assert "1 row of load 2" in finding.what


def test_purged_rows_are_no_change_by_hand(two_days):
    with loading_connection(two_days.settings.warehouse) as connection:
        connection.execute(
            "create temp table purged_row as select load_id, source_row from raw.visits where visit_id = 'a';"
            "create temp table held_row (load_id bigint, source_row bigint)"
        )
        with transaction(connection):
            delete_marked(connection, ["visits"], datetime(2026, 1, 1))  # noqa: DTZ001 (UTC without zone, as stored)
    assert changed(two_days) == []
    assert loads_with_checksum(two_days) == [2]
    save_history(two_days.settings)
    execute(two_days, "update raw.visits set minutes = 0 where extract_date = '2022-11-01'")
    assert changed(two_days) == ["visits_2022-11-01.csv"]


def test_a_new_column_of_a_contract_is_no_change_by_hand(two_days):
    wider = replace(VISITS, columns=(*VISITS.columns, Column("district", CellType.TEXT, "")))
    with loading_connection(two_days.settings.warehouse) as connection:
        ensure_tables(connection, [wider])
    assert changed(two_days) == []


def test_a_rebuild_computes_the_checksums_again(two_days):
    # As if an earlier version had read other values from the file.
    execute(two_days, f"update {CHECKSUMS} set checksum = '1' where load_id = 2")
    assert changed(two_days) == ["visits_2022-11-02.csv"]
    with writer_lock(two_days.settings.lock_file):
        rebuild(two_days.settings, CONTRACTS)
    assert changed(two_days) == []
    assert loads_with_checksum(two_days) == [1, 2]
