"""A person whom the record of actions names is erased from it, and every other change of it is still found."""

import json
from datetime import date

import pytest

from dagster_project.privacy import erasure, replacing
from dagster_project.privacy.erasure import erase, find_person
from dagster_project.privacy.held import HeldRows
from dagster_project.privacy.person import person_of
from dagster_project.privacy.unfinished import finish_replacement
from dagster_project.record import store
from dagster_project.verification.certificates import verify_certificates
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.loading_helpers import CONTRACTS, row

CRIME, OTHER = "46/777777/22", "46/888888/22"


@pytest.fixture
def root(installation, monkeypatch):
    """A data root whose record names two crimes in one reason."""
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    installation.land("2022-11-01", row("a", visitor=CRIME), row("b", visitor=OTHER))
    installation.run()
    for reason in ("first", f"asked about {CRIME} and {OTHER}", "last"):
        store.append(installation.settings, "purge", reason=reason)
    return installation


def reasons(root):
    return [entry["reason"] for entry in store.read(root.settings)]


def test_the_record_stays_whole_without_the_people_it_named(root):
    for identifier in (CRIME, OTHER):
        erase_person(root.settings, identifier)
        assert identifier not in root.settings.record_file.read_text()
        assert store.faults(root.settings) == []
    assert reasons(root)[0] == "first"
    assert [set(entry["detail"].get("redacted", {})) for entry in store.read(root.settings)][3:] == [{"2"}, {"2"}]


def test_an_erasure_that_changes_the_last_line_continues_from_it(root):
    store.append(root.settings, "purge", reason=f"asked about {CRIME} and {OTHER}")
    erase_person(root.settings, CRIME)
    *_, entry = store.read(root.settings)
    assert set(entry["detail"]["redacted"]) == {"2", "4"}
    assert "last_line" not in entry["detail"]
    store.append(root.settings, "purge", reason=f"not {OTHER}")
    erase_person(root.settings, OTHER)
    store.append(root.settings, "purge")
    assert [item for item in store.read(root.settings) if "last_line" in item["detail"]] == []
    assert store.faults(root.settings) == []


def test_the_certificate_and_the_record_name_the_held_rows_that_were_erased(root):
    settings = root.settings
    held = HeldRows("visits", date(2022, 11, 1), date(2022, 11, 2), "case 1", 2)
    with writer_lock(settings.lock_file):
        with loading_connection(settings.warehouse) as connection:
            person = person_of(settings, connection, CRIME)
        found = find_person(settings, CONTRACTS, person)
        certificate = erase(settings, person, reason="request 4711", found=found, held=[held])
    assert json.loads(certificate.read_text())["despite_holds"] == [held.as_json()]
    *_, entry = store.read(settings)
    assert entry["detail"]["rows_despite_holds"] == 2


def test_the_certificate_does_not_have_the_identifier_from_the_reason_of_a_hold(root, monkeypatch):
    held = HeldRows("visits", date(2022, 11, 1), date(2022, 11, 2), f"court case {CRIME}", 2)
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "replace_everywhere", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_person(root.settings, CRIME, held=[held])
    assert CRIME not in root.settings.replacement_intent.read_text()
    with writer_lock(root.settings.lock_file):
        finish_replacement(root.settings)
    certificate = erase_person(root.settings, CRIME, held=[held]).read_text()
    assert CRIME not in certificate
    assert json.loads(certificate)["despite_holds"] == [held.as_json() | {"reason": "court case ..."}]
    assert not [item for item in verify_certificates(root.settings, list(store.read(root.settings))) if item.is_fault]


def test_any_other_change_of_a_redacted_line_is_found(root):
    erase_person(root.settings, CRIME)
    file = root.settings.record_file
    whole = file.read_text()
    for change in (("asked about", "asked abour"), (OTHER, CRIME), ('"outcome":"done"', '"outcome":"dune"')):
        file.write_text(whole.replace(*change))
        assert any("changed after it was written" in fault for fault in store.faults(root.settings)), change


def test_a_redacted_line_that_is_back_as_it_was_written_is_found(root):
    file = root.settings.record_file
    before = file.read_bytes().splitlines(keepends=True)
    erase_person(root.settings, CRIME)
    after = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*before, *after[len(before) :]]))
    assert [fault for fault in store.faults(root.settings) if "entry 2: changed" in fault]
    # Erased again, it is as it should be.
    erase_person(root.settings, CRIME)
    assert CRIME not in file.read_text()
    assert store.faults(root.settings) == []


def test_a_line_that_was_changed_before_is_not_accepted_by_an_erasure(root):
    file = root.settings.record_file
    file.write_text(file.read_text().replace("asked about", "asked abour"))
    erase_person(root.settings, CRIME)
    assert CRIME not in file.read_text()
    assert [fault for fault in store.faults(root.settings) if "entry 2: changed" in fault]


def test_the_record_stays_whole_if_the_erasure_is_killed_after_it_changed_the_line(root, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "record_manifests", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_person(root.settings, CRIME)
    assert CRIME not in root.settings.record_file.read_text()
    with writer_lock(root.settings.lock_file):
        assert "is finished" in finish_replacement(root.settings)
    assert store.faults(root.settings) == []


def test_a_line_that_a_killed_erasure_did_not_reach_stays_as_the_one_before_left_it(root, monkeypatch):
    erase_person(root.settings, CRIME)
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "replace_everywhere", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_person(root.settings, OTHER)
    with writer_lock(root.settings.lock_file):
        assert "is finished" in finish_replacement(root.settings)
    assert OTHER in root.settings.record_file.read_text()
    assert store.faults(root.settings) == []
    erase_person(root.settings, OTHER)
    assert OTHER not in root.settings.record_file.read_text()
    assert store.faults(root.settings) == []
