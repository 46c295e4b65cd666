"""Certificates are compared with the record: a missing, changed or forged one is found."""

import json
from datetime import date

import pytest

from dagster_project.privacy import replacing
from dagster_project.privacy.held import HeldRows
from dagster_project.record import store
from dagster_project.record.certificates import differing_fields
from dagster_project.verification.certificates import verify_certificates
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.loading_helpers import row

CRIME, OTHER = "46/777777/22", "46/888888/22"
HELD = [HeldRows("visits", date(2022, 11, 1), date(2022, 11, 1), "case 1", 1)]


@pytest.fixture
def settings(installation, monkeypatch):
    """A data root with one erasure."""
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    installation.land("2022-11-01", row("a", visitor=CRIME), row("b", visitor=OTHER))
    installation.run()
    erase_person(installation.settings, CRIME, reason="request 4711", held=HELD)
    return installation.settings


def found(settings) -> list[str]:
    return [str(item) for item in verify_certificates(settings, list(store.read(settings))) if item.is_fault]


def the_certificate(settings):
    [file] = settings.certificates.iterdir()
    return file


def test_a_certificate_is_as_its_entry_says(settings):
    assert found(settings) == []
    # Another erasure changes neither; a reason that named the person is changed in both.
    store.append(settings, "run")
    erase_person(settings, OTHER, reason=f"asked about {CRIME}", held=HELD)
    erase_person(settings, CRIME, reason="request 4712", held=HELD)
    assert found(settings) == []
    assert store.faults(settings) == []


def test_a_later_erasure_may_change_what_a_certificate_lists(settings):
    settings.commentary.mkdir(exist_ok=True)
    named = settings.commentary / "notes.md"
    named.write_text(f"about {CRIME}")
    named.rename(named.with_name(f"{OTHER.replace('/', '_')}.md"))
    erase_person(settings, CRIME, reason="request 4712", held=HELD)
    before = {file: file.read_bytes() for file in settings.certificates.iterdir()}
    erase_person(settings, OTHER.replace("/", "_"), reason="request 4713", held=HELD)
    changed = [file for file, content in before.items() if file.read_bytes() != content]
    assert len(changed) == 1
    assert found(settings) == []
    assert store.faults(settings) == []
    # Another change of it is found.
    content = json.loads(changed[0].read_text())
    changed[0].write_text(json.dumps(content | {"keys": []}))
    assert len(found(settings)) == 1


def test_certificates_and_the_list_of_suppressed_people_are_private(settings):
    for folder in (settings.certificates, settings.suppression):
        assert [path for path in (folder, *folder.iterdir()) if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("certificate", "another"),
        ("reason", "another"),
        ("user", "bob"),
        ("login", "bob"),
        ("host", "another"),
        ("record", {"seq": 1, "hash": ""}),
        ("keys", []),
        ("is_clean", False),
        ("begun_at", "2020-01-01T00:00:00+00:00"),
        ("held_before", {}),
        ("despite_holds", []),
        ("what", "nothing"),
        ("has_lake_not_searched", True),
    ],
)
def test_a_changed_certificate_is_found(settings, field, value):
    file = the_certificate(settings)
    content = json.loads(file.read_text())
    assert content[field] != value
    file.write_text(json.dumps(content | {field: value}))
    [fault] = found(settings)
    assert str(file) in fault
    assert "differs from it in" in fault
    file.write_text(json.dumps({name: content[name] for name in content if name != field}))
    assert len(found(settings)) == 1


def test_fields_that_fcir_does_not_write_and_repeated_ones_are_found(settings):
    file = the_certificate(settings)
    text = file.read_text()
    for field in ("approved_by", "publications_rewritten", ""):
        file.write_text(json.dumps(json.loads(text) | {field: "x"}))
        [fault] = found(settings)
        assert "differs from it in fields that fcir does not write" in fault
    file.write_text(text.replace("{", '{"reason": "another",', 1))
    [fault] = found(settings)
    assert "is damaged, or not a file" in fault


def test_a_certificate_of_an_erasure_that_searched_for_the_identifier_has_that_field(settings):
    file = the_certificate(settings)
    content = json.loads(file.read_text())
    assert content["is_identifier_searched"] is True
    without = {name: value for name, value in content.items() if name != "is_identifier_searched"}
    for changed in (without, content | {"is_identifier_searched": []}):
        file.write_text(json.dumps(changed))
        [fault] = found(settings)
        assert "differs from it in is_identifier_searched" in fault


def test_a_certificate_whose_entry_does_not_say_what_was_searched_is_no_fault(settings):
    """As earlier versions wrote them."""
    content = json.loads(the_certificate(settings).read_text())
    [entry] = store.entries_of(settings, "erase")
    searched = ("is_identifier_searched", "has_lake_not_searched")
    of_before = entry | {"detail": {name: value for name, value in entry["detail"].items() if name not in searched}}
    assert differing_fields(content, of_before, None) == []
    for name in searched:
        del content[name]
        assert differing_fields(content, of_before, None) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1'])
def test_a_damaged_certificate_is_found(settings, text):
    the_certificate(settings).write_text(text)
    [fault] = found(settings)
    assert "is damaged, or not a file" in fault


def test_a_missing_certificate_is_found_unless_the_next_command_writes_it(settings):
    file = the_certificate(settings)
    file.unlink()
    [fault] = found(settings)
    assert "is missing" in fault
    settings.replacement_intent.write_text("{}")
    assert found(settings) == []


def test_a_link_and_a_forged_certificate_are_found(settings, tmp_path):
    file = the_certificate(settings)
    content = file.read_bytes()
    (settings.certificates / "20260101T000000Z-00000000.json").write_bytes(content)
    [fault] = found(settings)
    assert "belongs to no entry of the record: it was not written by fcir" in fault
    (settings.certificates / "20260101T000000Z-00000000.json").unlink()
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes(content)
    file.unlink()
    file.symlink_to(elsewhere)
    [fault] = found(settings)
    assert "is damaged, or not a file" in fault


def test_a_record_that_began_again_knows_the_certificates_of_the_one_before(settings):
    store.restart(settings, [], reason="the disk was lost")
    assert found(settings) == []
    for file in store.earlier_records(settings):
        file.unlink()
    [remark] = verify_certificates(settings, list(store.read(settings)))
    assert not remark.is_fault
    assert "which was lost and began again" in remark.what
