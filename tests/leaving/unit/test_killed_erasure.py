"""An erasure that was killed is finished by a command with other settings; it names what it could not do."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from functools import partial

import pytest

from dagster_project.privacy import erasure, replacing
from dagster_project.privacy.erasure import erase, find_person
from dagster_project.privacy.person import person_of
from dagster_project.privacy.replacing import DamagedIntent
from dagster_project.privacy.searching import DatabaseInUse
from dagster_project.privacy.unfinished import finish_replacement
from dagster_project.publication.files import MANIFEST
from dagster_project.record.store import read
from dagster_project.verification.certificates import verify_certificates
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from tests.leaving.unit.loading_helpers import CONTRACTS, row

CRIME = "46/777777/22"


@pytest.fixture
def root(installation, monkeypatch):
    """A data root with a person in it."""
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    installation.land("2022-11-01", row("a", visitor=CRIME), row("b", visitor="bob"))
    installation.run()
    return installation


def erase_crime(settings, identifier=CRIME):
    with writer_lock(settings.lock_file):
        with loading_connection(settings.warehouse) as connection:
            person = person_of(settings, connection, identifier)
        return erase(settings, person, reason="request 4711", found=find_person(settings, CONTRACTS, person))


def finish(settings):
    with writer_lock(settings.lock_file):
        return finish_replacement(settings)


@pytest.mark.parametrize("is_gone", [False, True])
def test_backups_of_another_shell_are_finished_or_named(root, tmp_path, monkeypatch, is_gone):
    """The erasure is killed after it has rewritten a copied publication, before the manifest."""
    backup = tmp_path / "backup"
    folder = backup / "published" / "20221101T000000Z"
    folder.mkdir(parents=True)
    (folder / "page.html").write_text(f"<p>{CRIME}</p>")
    before = {"files": [{"path": "page.html", "bytes": 1, "sha256": "of before"}], "tables": {}}
    (folder / MANIFEST).write_text(json.dumps(before))
    with monkeypatch.context() as patch:
        patch.setattr(replacing, "_update_manifests", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_crime(root.settings.model_copy(update={"backups": (backup,)}))
    if is_gone:
        shutil.rmtree(backup)
    assert "is finished" in finish(root.settings)
    (certificate,) = map(json.loads, (file.read_text() for file in root.settings.certificates.iterdir()))
    assert certificate["is_clean"] is not is_gone
    assert certificate["remaining"]["unreadable"] == ([str(backup)] if is_gone else [])
    assert certificate["removed_files"] == []
    if not is_gone:
        (entry,) = json.loads((folder / MANIFEST).read_text())["files"]
        assert entry["sha256"] != "of before"


def test_a_damaged_intent_is_moved_to_where_the_next_erasure_rewrites_it(root, monkeypatch):
    settings = root.settings
    ((pseudonym,),) = root.query("select visitor from raw.visits where visit_id = 'a'")
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "replace_everywhere", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_crime(settings)
    intent = settings.replacement_intent
    intent.write_bytes(intent.read_bytes()[:-30])
    with pytest.raises(DamagedIntent) as raised:
        finish(settings)
    subprocess.run(str(raised.value).rpartition("interrupted: ")[2], shell=True, check=True)  # noqa: S602 (the advice)
    erase_crime(settings)
    (certificate,) = map(json.loads, (file.read_text() for file in settings.certificates.iterdir()))
    assert certificate["is_clean"]
    files = [file for file in settings.home.rglob("*") if file.is_file()]
    assert (settings.home / "intent.json.damaged") in files
    assert [file for file in files if pseudonym.encode() in file.read_bytes()] == []


def kill_after_the_entry(settings, monkeypatch, identifier=CRIME):
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "save_history", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_crime(settings, identifier)


def certificate_and_outcomes(settings):
    (certificate,) = map(json.loads, (file.read_text() for file in settings.certificates.iterdir()))
    entries = list(read(settings))
    assert verify_certificates(settings, entries) == []
    return certificate, [entry["outcome"] for entry in entries if entry["action"] == "erase"]


def test_an_erasure_that_left_something_and_was_killed_after_its_entry_is_not_certified_as_clean(root, monkeypatch):
    """What finishes it does not know the identifier in clear, so it does not find what is left."""
    identifier, settings = "op-77-123", root.settings
    settings.commentary.mkdir(exist_ok=True)
    (settings.commentary / f"note {identifier}.txt").write_text("x")
    kill_after_the_entry(settings, monkeypatch, identifier)
    finish(settings)
    certificate, outcomes = certificate_and_outcomes(settings)
    assert (certificate["is_clean"], certificate["is_identifier_searched"], outcomes) == (False, False, ["incomplete"])


def test_a_certificate_that_says_falsely_that_the_identifier_was_searched_is_found(root, monkeypatch):
    """What finishes an erasure that was killed before its entry does not know the identifier."""
    settings = root.settings
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "record_manifests", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_crime(settings)
    finish(settings)
    certificate, _ = certificate_and_outcomes(settings)
    assert certificate["is_identifier_searched"] is False
    [file] = settings.certificates.iterdir()
    file.write_text(json.dumps(certificate | {"is_identifier_searched": True}))
    [finding] = verify_certificates(settings, list(read(settings)))
    assert "differs from it in is_identifier_searched" in finding.what


def test_a_backup_that_is_gone_after_the_entry_is_certified_with_another_entry(root, tmp_path, monkeypatch):
    backup = tmp_path / "backup"
    backup.mkdir()
    kill_after_the_entry(root.settings.model_copy(update={"backups": (backup,)}), monkeypatch)
    backup.rmdir()
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "delete_intent", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            finish(root.settings)
    finish(root.settings)
    certificate, outcomes = certificate_and_outcomes(root.settings)
    assert (certificate["is_clean"], outcomes) == (False, ["done", "incomplete"])
    assert certificate["remaining"]["unreadable"] == [str(backup)]


def test_a_person_is_erased_from_a_warehouse_of_an_earlier_version(root):
    with loading_connection(root.settings.warehouse) as connection:
        for name in ("lake", "lake_owner", "load_checksum", "suppression_list"):
            connection.execute(f"drop table audit.{name}")
    erase_crime(root.settings)
    assert root.query("select count(*) from raw.visits where visit_id = 'a' and visitor is not null") == [(1,)]
    (certificate,) = root.settings.certificates.iterdir()
    assert json.loads(certificate.read_text())["is_clean"]


def test_nothing_is_begun_while_a_database_of_dagster_is_locked(root, monkeypatch):
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.05))
    folder = root.settings.dagster_home / "history"
    folder.mkdir(parents=True)
    before = root.query("select * from raw.visits order by all")
    with closing(sqlite3.connect(folder / "runs.db")) as other:
        other.execute("pragma journal_mode = wal")
        other.execute("create table t as select ? as note", [CRIME])
        other.commit()
        other.execute("insert into t values ('pending')")
        with pytest.raises(DatabaseInUse, match="Nothing was replaced"):
            erase_crime(root.settings)
        assert not root.settings.replacement_intent.exists()
        assert root.query("select * from raw.visits order by all") == before
        other.commit()
        erase_crime(root.settings)
        assert other.execute("select count(*) from t where note like '%777777%'").fetchall() == [(0,)]


def test_names_of_files_with_the_identifier_are_left_and_not_shown(root, tmp_path):
    backup, identifier = tmp_path / "REF-123456" / "copies", "REF-123456"
    (backup / identifier).mkdir(parents=True)
    (backup / identifier / "notes.tar").write_bytes(b"7z\xbc\xaf\x27\x1c")
    (backup / identifier / "notes.txt").write_text(identifier)
    folder = root.settings.commentary / identifier
    folder.mkdir(parents=True)
    (root.settings.commentary / f"{identifier}.md").write_text(f"About {identifier}.")
    settings = root.settings.model_copy(update={"backups": (backup,)})
    certificate = erase_crime(settings, identifier)
    assert identifier not in certificate.read_text()
    content = json.loads(certificate.read_text())
    assert content["held_before"]["files"] == {"commentary/....md": 1}
    hidden = str(backup).replace(identifier, "...")
    assert content["held_before"]["backups"] == {f"{hidden}/.../notes.txt": 1}
    remaining, commentary = content["remaining"], root.settings.commentary
    assert remaining["unreadable"] == [f"{hidden}/.../notes.tar"]
    assert remaining["names"] == [f"{commentary}/...", f"{commentary}/....md", f"{hidden}/...", hidden]
    assert (remaining["files"], remaining["backups"], content["is_clean"]) == ({}, {}, False)
    assert (root.settings.commentary / f"{identifier}.md").read_text() != f"About {identifier}."


@pytest.mark.parametrize("name", ["data_docs", "dbt", "dbt-spark", "published", "damaged"])
def test_folders_that_commands_write_are_searched_behind_links(root, tmp_path, name):
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "run_results.json").write_text(f'{{"message": "{CRIME}"}}')
    (root.settings.home / name).symlink_to(disk)
    certificate = json.loads(erase_crime(root.settings).read_text())
    assert certificate["held_before"]["files"] == {f"{name}/run_results.json": 1}
    assert CRIME not in (disk / "run_results.json").read_text()
