"""The id of a data root tells whether a warehouse and a copy of its audit belong together."""

import re
import shutil

import pytest

from dagster_project.recovery.history import (
    anchors_in_copy,
    difference_from_copy,
    fault_of_warehouse,
    history_file,
    save_history,
)
from dagster_project.warehouse.connection import DatabaseUnreadable, loading_connection
from dagster_project.warehouse.roots import root_id
from dagster_project.warehouse.tables import ensure_tables
from tests.unit.loading.conftest import outcomes_of
from tests.unit.loading.installation import DAY, Installation, row

OTHER = "the copy of its audit in history/ is of another data root"


@pytest.fixture
def root(tmp_path, monkeypatch):
    return loaded(tmp_path / "home", monkeypatch)


def loaded(home, monkeypatch) -> Installation:
    """A data root with one delivery, and a copy of its audit."""
    monkeypatch.setattr("dagster_project.loading.pipeline.validate", outcomes_of)
    root = Installation(home)
    root.land(DAY, row("a"))
    root.run()
    save_history(root.settings)
    return root


def id_of(root: Installation) -> str | None:
    with loading_connection(root.settings.warehouse) as connection:
        ensure_tables(connection, [])
        return root_id(connection)


def test_a_new_warehouse_gets_an_id_that_stays_and_is_in_the_copy(root):
    first = id_of(root)
    assert re.fullmatch("[0-9a-f]{32}", str(first))
    root.land(DAY, row("b"))
    root.run()
    assert id_of(root) == first
    with loading_connection(root.settings.warehouse) as connection:
        connection.execute(f"attach '{history_file(root.settings)}' as history (read_only)")
        assert root_id(connection, "history") == first


def test_a_warehouse_without_its_tables_has_no_id(tmp_path):
    with loading_connection(tmp_path / "warehouse.duckdb") as connection:
        assert root_id(connection) is None


def test_the_warehouse_of_another_data_root_is_refused_and_leaves_the_copy(root, tmp_path, monkeypatch):
    other = loaded(tmp_path / "other", monkeypatch)
    shutil.copy(other.settings.warehouse, root.settings.warehouse)
    copy = history_file(root.settings).read_bytes()
    with loading_connection(root.settings.warehouse) as connection:
        assert fault_of_warehouse(root.settings, connection) == OTHER
        assert anchors_in_copy(root.settings, root_id(connection)) == []
    with pytest.raises(DatabaseUnreadable, match=OTHER):
        save_history(root.settings)
    assert history_file(root.settings).read_bytes() == copy


def test_a_copy_without_loads_is_replaced_by_that_of_a_new_warehouse(tmp_path, monkeypatch):
    root = Installation(tmp_path / "home")
    save_history(root.settings)
    for file in (root.settings.warehouse, root.settings.marts):
        file.unlink(missing_ok=True)
    root = loaded(tmp_path / "home", monkeypatch)
    with loading_connection(root.settings.warehouse) as connection:
        assert fault_of_warehouse(root.settings, connection) is None
        assert difference_from_copy(connection, root.settings) is None
