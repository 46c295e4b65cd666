"""What commands find before they begin: a killed rebuild, a lost warehouse, the draft of a key."""

import json
import shutil

import pytest

from dagster_project.cli.person import prepare
from dagster_project.contracts import load_contracts
from dagster_project.loading.pipeline import load_or_create_key
from dagster_project.private_key import read_key
from dagster_project.recovery.history import save_history
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from dagster_project.writing import draft_of


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A data root with its key, and a copy of its audit."""
    settings = Settings(home=tmp_path / "home", _env_file=None)
    with writer_lock(settings.lock_file):
        load_or_create_key(settings, load_contracts(CONTRACTS))
        save_history(settings)
    return settings


def test_a_killed_rebuild_is_finished_before_the_key_is_changed(settings):
    folder = settings.home / "rebuild"
    folder.mkdir()
    shutil.copy(settings.warehouse, folder / "warehouse.duckdb")
    with loading_connection(folder / "warehouse.duckdb") as connection:
        connection.execute("create table audit.of_the_rebuild as select 1 as one")
    intent = {"begun_at": "20221101T000000Z", "reason": "", "without_missing": False, "is_complete": True}
    facts = {"loads": 0, "lost": [], "loaded_again": [], "audit_from": "nowhere"}
    (folder / "intent.json").write_text(json.dumps(intent | {"facts": facts}))
    prepare(settings, "fcir keys rotate")
    assert not folder.exists()
    with loading_connection(settings.warehouse) as connection:
        assert connection.execute("from audit.of_the_rebuild").fetchall() == [(1,)]


def test_the_draft_of_a_key_that_a_kill_left_is_finished_by_the_next_run(tmp_path):
    settings = Settings(home=tmp_path / "home", _env_file=None)
    draft = draft_of(settings.key_of_record)
    draft.parent.mkdir(parents=True)
    draft.write_text("4711")
    with writer_lock(settings.lock_file):
        load_or_create_key(settings, load_contracts(CONTRACTS))
    assert not draft.exists()
    assert read_key(settings.key_of_record)
