"""A pipe in place of a file of a data root is a fault, and hangs no command."""

import os
import signal

import pytest

from dagster_project.loading.suppression import SuppressionError, read_suppression
from dagster_project.privacy.replacing import DamagedNote, read_note
from dagster_project.private_key import PrivateKeyError, read_key
from dagster_project.publication.files import manifest_of
from dagster_project.record.store import append, faults, read
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import (
    DatabaseUnreadable,
    create_private,
    marts_file,
    open_read_only,
    opening,
    reading_connection,
)
from dagster_project.warehouse.lock import holder_of
from dagster_project.warehouse.marts import is_damaged


@pytest.fixture(autouse=True)
def impatient():
    def hang(*_):
        raise AssertionError("the command waits for a pipe")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def pipe(tmp_path):
    """Return a function that puts a pipe in place of a file of the folder."""

    def put(name):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        os.mkfifo(file, 0o600)
        return file

    return put


def test_a_pipe_in_place_of_the_record_is_a_fault(tmp_path, pipe):
    settings = Settings(home=tmp_path, _env_file=None)
    append(settings, "run")
    pipe("record/record.jsonl")
    assert list(read(settings)) == []
    assert faults(settings) != []
    with pytest.raises(OSError, match="No such device"):
        append(settings, "run")
    pipe("record/head")
    assert faults(settings) != []


def test_a_pipe_in_place_of_a_key_a_list_a_manifest_or_the_lock_is_no_content(tmp_path, pipe):
    with pytest.raises(PrivateKeyError, match="not a key"):
        read_key(pipe("pseudonym.key"))
    pipe("suppressed.json")
    with pytest.raises(SuppressionError, match="not readable"):
        read_suppression(tmp_path)
    pipe("manifest.json")
    with pytest.raises(ValueError, match="Expecting value"):
        manifest_of(tmp_path)
    assert holder_of(pipe("warehouse.lock")) is None
    pipe("suppression/unfinished.json")
    with pytest.raises(DamagedNote, match="repeat what was interrupted: mv "):
        read_note(Settings(home=tmp_path, _env_file=None))


def test_a_pipe_in_place_of_a_database_is_damage(tmp_path, pipe):
    warehouse = tmp_path / "warehouse.duckdb"
    create_private(warehouse)
    marts = pipe(marts_file(warehouse).name)
    assert is_damaged(marts)
    with open_read_only(warehouse) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    pipe(warehouse.name)
    is_pipe = r"it is a pipe, not a file\. "
    with pytest.raises(DatabaseUnreadable, match=is_pipe + "Nothing"), opening(warehouse, "Nothing was done"):
        open_read_only(warehouse)
    with pytest.raises(DatabaseUnreadable, match=is_pipe + ".*fcir publish"), reading_connection(pipe("fcir.duckdb")):
        pass
