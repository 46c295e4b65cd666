"""The copy of the audit in history/: it can be restored, and tells which warehouse belongs to a data root."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from dagster_project.operations import rebuild as rebuilding
from dagster_project.operations.verify import verify_warehouse
from dagster_project.warehouse import history
from dagster_project.warehouse.connection import DatabaseUnreadable, loading_connection
from dagster_project.warehouse.history import (
    fault_of_copy,
    fault_of_warehouse,
    read_history,
    restore_audit,
    save_history,
    write_history,
)
from dagster_project.warehouse.tables import ensure_tables, root_id
from tests.unit.loading.conftest import outcomes_of
from tests.unit.loading.installation import DAY, VISITS, Installation, row


@pytest.fixture
def load(monkeypatch):
    """Makes a data root with one delivery, and a copy of its audit."""
    monkeypatch.setattr("dagster_project.loading.pipeline.validate", outcomes_of)

    def loaded(home) -> Installation:
        root = Installation(home)
        root.land(DAY, row("a"), row("b", "never"))
        root.run()
        save_history(root.settings)
        return root

    return loaded


def killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def fault_of(root: Installation) -> str | None:
    if not root.settings.warehouse.exists():
        return fault_of_warehouse(root.settings, None)
    with loading_connection(root.settings.warehouse) as connection:
        ensure_tables(connection, [])
        return fault_of_warehouse(root.settings, connection)


def without_surrogates(root: Installation) -> None:
    with loading_connection(root.settings.warehouse) as connection:
        connection.execute("alter table audit.quarantine drop column surrogates")
        write_history(connection, root.settings.history)


def test_a_restored_copy_has_what_the_audit_had(load, tmp_path):
    root = load(tmp_path / "home")
    kept = ("audit.load", "audit.quarantine", "audit.root", "audit.load_force")
    rows = {name: sorted(map(repr, root.query(f"from {name}"))) for name in kept}
    with loading_connection(tmp_path / "new.duckdb") as connection:
        ensure_tables(connection, [])
        restore_audit(connection, read_history(root.settings.history).tables)
        assert {name: sorted(map(repr, connection.execute(f"from {name}").fetchall())) for name in kept} == rows
        assert connection.execute("select count(*) from audit.build").fetchall() == [(0,)]


def test_only_the_newest_files_are_kept_and_an_unchanged_table_keeps_its_file(load, tmp_path):
    root = load(tmp_path / "home")
    before = read_history(root.settings.history).files
    root.land(DAY, row("c"))
    root.run()
    save_history(root.settings)
    after = read_history(root.settings.history).files
    assert after["audit.waiver"] == before["audit.waiver"]
    assert after["audit.load"] != before["audit.load"]
    assert sorted(path.name for path in root.settings.history.iterdir()) == sorted([*after.values(), "manifest.json"])
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in root.settings.history.iterdir())


def test_a_copy_that_was_being_written_does_not_replace_the_last_one(load, tmp_path, monkeypatch):
    root = load(tmp_path / "home")
    before = read_history(root.settings.history)
    root.land(DAY, row("c"))
    root.run()
    monkeypatch.setattr(history, "write_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        save_history(root.settings)
    assert read_history(root.settings.history) == before
    assert before.fault() is None


def test_a_rebuild_that_was_killed_does_not_leave_a_new_vault_to_the_warehouse_of_before(load, tmp_path, monkeypatch):
    root = load(tmp_path / "home")
    root.settings.vault.unlink()
    monkeypatch.setattr(rebuilding, "_put_in_place", killed)
    with pytest.raises(KeyboardInterrupt):
        rebuilding.rebuild(root.settings, root.contracts)
    assert not root.settings.vault.exists()
    monkeypatch.undo()
    rebuilding.rebuild(root.settings, root.contracts)
    assert root.query("select visitor from raw.visits") == [(2,)]
    assert root.query("select surrogates from audit.quarantine") == [([2],)]


def test_a_rebuild_finds_the_people_of_quarantined_rows_of_an_earlier_version(load, tmp_path):
    root = load(tmp_path / "home")
    without_surrogates(root)
    rebuilding.rebuild(root.settings, root.contracts)
    assert root.query("select surrogates from audit.quarantine") == [([1],)]


def test_a_rebuild_of_an_older_warehouse_has_the_loads_of_the_copy(load, tmp_path):
    root = load(tmp_path / "home")
    older = root.settings.warehouse.read_bytes()
    root.land(DAY, row("c"))
    root.run()
    save_history(root.settings)
    root.settings.warehouse.write_bytes(older)
    rebuilding.rebuild(root.settings, root.contracts)
    assert root.query("select status from audit.load order by load_id") == [("replaced",), ("loaded",)]


def test_a_rebuild_loads_files_for_the_days_of_a_changed_offset(load, tmp_path):
    root = load(tmp_path / "home")
    root.contracts = {"visits": replace(VISITS, extract_date_offset=-1)}
    (finding,) = verify_warehouse(root.settings, root.contracts)[0]
    assert (finding.what.partition(" by")[0], finding.needs_rebuild) == ("1 file loaded for another day than", True)
    rebuilding.rebuild(root.settings, root.contracts)
    assert fault_of(root) is None, "a run can load the files again"
    root.run()
    assert root.query("select extract_date, status from audit.load") == [(DAY - timedelta(1), "loaded")]
    assert verify_warehouse(root.settings, root.contracts)[0] == []


def test_a_list_of_the_erased_that_was_cut_off_is_written_again_from_the_vault(load, tmp_path):
    root = load(tmp_path / "home")
    (file,) = root.settings.history.glob("vault.erased-*")
    file.write_bytes(file.read_bytes()[:9])
    save_history(root.settings)
    assert read_history(root.settings.history).fault() is None


@pytest.mark.parametrize("state", ["missing", "empty", "older", "foreign", "earlier"])
def test_a_warehouse_that_is_not_the_one_is_refused_and_the_copy_stays(load, tmp_path, state):
    root = load(tmp_path / "home")
    warehouse = root.settings.warehouse
    older = warehouse.read_bytes()
    root.land(DAY, row("c"))
    root.run()
    save_history(root.settings)
    assert fault_of(root) is None
    if state != "earlier":
        warehouse.unlink()
    if state == "older":
        warehouse.write_bytes(older)
    elif state == "foreign":
        shutil.copy(load(tmp_path / "other").settings.warehouse, warehouse)
    elif state == "empty":
        with loading_connection(warehouse) as connection:
            ensure_tables(connection, [])
    elif state == "earlier":
        without_surrogates(root)
    said = {"older": "lacks 1 load", "foreign": "another data root", "earlier": "loaded by an earlier version"}
    said, copy = said.get(state, f"is {state}, although"), read_history(root.settings.history)
    assert said in fault_of(root)
    with pytest.raises(DatabaseUnreadable, match=f"{said}.*Nothing was done.*fcir rebuild"):
        save_history(root.settings)
    assert read_history(root.settings.history) == copy


@pytest.mark.parametrize(
    ("damage", "said"), [("remove", "is missing"), ("change", "was changed"), ("all", "missing, or")]
)
def test_a_copy_that_cannot_be_restored_is_found(load, tmp_path, damage, said):
    root = load(tmp_path / "home")
    folder = root.settings.history
    file = folder / read_history(folder).files["audit.load"]
    if damage == "all":
        (folder / "manifest.json").unlink()
    elif damage == "remove":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + b"x")
    with loading_connection(root.settings.warehouse) as connection:
        assert said in str(fault_of_copy(root.settings, connection))


def test_a_new_data_root_has_no_fault_and_an_id_of_its_own(load, tmp_path):
    assert fault_of(Installation(tmp_path / "new")) is None
    ids = set()
    for name in ("one", "two"):
        with loading_connection(load(tmp_path / name).settings.warehouse) as connection:
            ids.add(root_id(connection))
    with loading_connection(tmp_path / "warehouse.duckdb") as connection:
        assert root_id(connection) is None
    assert len(ids) == 2
