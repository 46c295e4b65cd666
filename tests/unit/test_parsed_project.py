"""The parsed dbt project of a data root: used again as long as the project is the same and at the same place."""

import pytest

from dagster_project.settings import Settings
from dagster_project.transformation import project


@pytest.fixture
def parses(monkeypatch):
    """What each parse found of dbt's state; its result is an empty manifest."""
    found = []

    def invoke(settings, _):
        folder = project.target_path(settings)
        found.append((folder / "partial_parse.msgpack").exists())
        for name in ("manifest.json", "partial_parse.msgpack"):
            (folder / name).write_text("{}")

    monkeypatch.setattr(project, "invoke", invoke)
    monkeypatch.setattr(project, "_parsed_from", lambda: "one")
    return found


def test_a_changed_project_is_parsed_in_part_and_a_moved_one_from_scratch(tmp_path, monkeypatch, parses):
    settings = Settings(home=tmp_path / "home", _env_file=None)
    project.ensure_manifest(settings)
    project.ensure_manifest(settings)
    assert parses == [False]
    monkeypatch.setattr(project, "_parsed_from", lambda: "two")
    project.ensure_manifest(settings)
    assert parses == [False, True]
    monkeypatch.setattr(project, "DBT_PROJECT", tmp_path / "version 2" / "dbt")
    assert not project.is_parsed(settings)
    project.ensure_manifest(settings)
    assert parses == [False, True, False]
    assert project.is_parsed(settings)


def test_a_damaged_manifest_is_parsed_again(tmp_path, parses):
    settings = Settings(home=tmp_path / "home", _env_file=None)
    project.ensure_manifest(settings).write_text("{", encoding="utf-8")
    assert not project.is_parsed(settings)
    project.ensure_manifest(settings)
    assert parses == [False, True]
