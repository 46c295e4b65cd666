"""An erasure goes through every file of the data root and of backups, and names what it cannot read or write."""

import json

import pytest

from dagster_project.privacy import replacing
from dagster_project.publication.files import MANIFEST
from dagster_project.record.store import read
from tests.unit.erasing_helpers import erase_person
from tests.unit.loading_helpers import row

CRIME = "46/777777/22"


@pytest.fixture
def root(installation, monkeypatch):
    """A data root with a person in it."""
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    installation.land("2022-11-01", row("a", visitor=CRIME), row("b", visitor="bob"))
    installation.run()
    return installation


def erased(settings):
    """Erase the person; return the certificate, with the outcome in the record."""
    certificate = json.loads(erase_person(settings, CRIME).read_text())
    assert not settings.replacement_intent.exists()
    (outcome,) = (entry["outcome"] for entry in read(settings) if entry["action"] == "erase")
    assert outcome == ("done" if certificate["is_clean"] else "incomplete")
    return certificate


@pytest.mark.parametrize("content", ['{"tool": "backup 1.2"}', "[]", "x", '{"files": {}, "tables": {}}'])
def test_a_manifest_of_another_program_makes_no_publication(root, tmp_path, content):
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "warehouse.duckdb").write_bytes(root.settings.warehouse.read_bytes())
    folders = [backup, root.settings.home / "site", root.settings.home / "dbt"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / MANIFEST).write_text(content)
        (folder / "page.html").write_text(f"<p>{CRIME}</p>")
    certificate = erased(root.settings.model_copy(update={"backups": (backup,)}))
    assert certificate["is_clean"]
    assert certificate["held_before"]["files"] == {"site/page.html": 1, "dbt/page.html": 1}
    assert certificate["held_before"]["publications"] == {}
    for folder in folders:
        assert CRIME not in (folder / "page.html").read_text()
        assert (folder / MANIFEST).read_text() == content


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        ('{"files": [{"path"', "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"files": [{"path": "fcir.duckdb"}], "tables": {"gone": 1}}', "CatalogException"),
    ],
)
def test_a_publication_whose_manifest_is_damaged_is_rewritten_and_listed(root, content, damage):
    folder = root.settings.published / "20221101T000000Z-aaaaaaaa"
    folder.mkdir(parents=True)
    (folder / "page.html").write_text(f"<p>{CRIME}</p>")
    (folder / "fcir.duckdb").write_bytes(root.settings.warehouse.read_bytes())
    (folder / MANIFEST).write_text(content)
    certificate = erased(root.settings)
    assert certificate["remaining"]["unreadable"] == [f"{folder / MANIFEST} (damaged: {damage})"]
    assert certificate["remaining"]["publications"] == {}
    assert (folder / MANIFEST).read_text() == content
    assert CRIME not in (folder / "page.html").read_text()
