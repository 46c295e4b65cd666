"""A purge that was killed as it removed what it had needed is finished; one beside a damaged database is planned."""

import json
import os

import pytest

from dagster_project.privacy import purging
from dagster_project.privacy.purged_rows import create_marks
from dagster_project.privacy.purging import finish_purge, is_unfinished, plan_purge
from dagster_project.privacy.replacing import DamagedIntent, Rewritten
from dagster_project.settings import Settings
from tests.leaving.unit.loading_helpers import CONTRACTS, row

INTENT = {"begun_at": "2026-11-01T04:15:00+00:00", "name": "one", "reason": "schedule", "plan": {}, "is_complete": True}


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A data root with all that a purge has before it removes its folder."""
    settings = Settings(home=tmp_path, _env_file=None)
    (settings.purge_folder / "dbt").mkdir(parents=True)
    for name in ("dbt/manifest.json", "purged.duckdb", "part_load.parquet"):
        (settings.purge_folder / name).touch()
    (settings.purge_folder / "intent.json").write_text(json.dumps(INTENT))
    settings.certificates.mkdir()
    (settings.certificates / "one.json").touch()
    return settings


def test_what_was_kept_as_damaged_goes_from_a_link_to_another_disk(settings, tmp_path_factory, monkeypatch):
    disk = tmp_path_factory.mktemp("disk")
    (disk / "20221101T000000Z").mkdir()
    (disk / "20221101T000000Z" / "warehouse.duckdb").touch()
    (settings.home / "damaged").symlink_to(disk)
    (settings.certificates / "one.json").unlink()
    monkeypatch.setattr(purging, "remove_elsewhere", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        finish_purge(settings)
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("step", range(1, 7))
def test_a_purge_killed_as_it_removes_its_folder_is_finished(settings, monkeypatch, step):
    left = step

    def killing(original):
        def call(*arguments, **options):
            nonlocal left
            left -= 1
            if not left:
                raise Killed
            return original(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, killing(getattr(os, name)))
        with pytest.raises(Killed):
            finish_purge(settings)
    assert is_unfinished(settings)
    said = finish_purge(settings)
    finished = f"a purge of {INTENT['begun_at']} that was interrupted is finished: {settings.certificates / 'one.json'}"
    # Of an empty folder, nothing is left to say.
    assert said == (None if step == 6 else finished)
    assert not is_unfinished(settings)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "one", "more": 1}'])
def test_a_purge_whose_intent_is_damaged_is_not_dropped(settings, content):
    (settings.purge_folder / "intent.json").write_text(content)
    (settings.certificates / "one.json").unlink()
    before = sorted(settings.purge_folder.rglob("*"))
    with pytest.raises(DamagedIntent, match=r"purge/intent.json: not readable .* purge again.*: mv "):
        finish_purge(settings)
    assert sorted(settings.purge_folder.rglob("*")) == before


def test_a_landing_file_with_rows_that_stay_is_not_one_to_delete(installation, monkeypatch):
    for day in ("2022-10-29", "2022-10-30"):
        installation.land(day, row(f"a{day}", day=day), row(f"b{day}", day=day))
    installation.run()

    def mark_some(connection, *_):
        create_marks(connection)
        connection.execute(
            "insert into purged_row select load_id, source_row, visit_id from raw.visits "
            "where extract_date = '2022-10-29' or visit_id = 'a2022-10-30'"
        )
        return []

    monkeypatch.setattr(purging, "mark_rows", mark_some)
    plan = plan_purge(installation.settings, CONTRACTS, {}, [])
    assert plan.landing == ("visits/visits_2022-10-29.csv",)
    assert plan.landing_with_others == ("visits/visits_2022-10-30.csv",)


def test_a_purge_passes_over_a_damaged_database_and_names_it_in_a_backup(installation, tmp_path, monkeypatch):
    installation.land("2022-10-30", row("v1", day="2022-10-30"))
    installation.run()

    def mark_all(connection, *_):
        create_marks(connection)
        connection.execute("insert into purged_row select load_id, source_row, visit_id from raw.visits")
        return []

    monkeypatch.setattr(purging, "mark_rows", mark_all)
    home, backup = installation.settings.home, tmp_path / "backup"
    warehouse = installation.settings.warehouse.read_bytes()
    for folder, content in (
        (home / "published" / "one", warehouse),
        (home / "damaged" / "20221101T000000Z", warehouse[:20_000]),
        (backup, warehouse[:20_000]),
    ):
        folder.mkdir(parents=True)
        (folder / "copy.duckdb").write_bytes(content)
    settings = installation.settings.model_copy(update={"backups": (backup,)})
    plan = plan_purge(settings, CONTRACTS, {}, [])
    assert (plan.publications, plan.backups) == (("published/one",), (str(backup / "copy.duckdb"),))


def test_the_certificate_of_a_purge_lists_what_was_not_changed(installation, monkeypatch):
    installation.land("2022-10-30", row("v1", day="2022-10-30"))
    installation.run()
    settings, manifest = installation.settings, installation.settings.published / "one" / "manifest.json"
    settings.purge_folder.mkdir()
    (settings.purge_folder / "intent.json").write_text(json.dumps(INTENT | {"plan": {"sources": []}}))
    rewritten = Rewritten([], {manifest: "damaged: JSONDecodeError", settings.home / "notes.7z": ""})
    monkeypatch.setattr(purging, "remove_elsewhere", lambda *_: rewritten)
    assert "is finished" in str(finish_purge(settings))
    certificate = json.loads((settings.certificates / "one.json").read_text())
    assert certificate["not_changed"] == [f"{manifest} (damaged: JSONDecodeError)", f"{settings.home / 'notes.7z'}"]
    assert not is_unfinished(settings)
