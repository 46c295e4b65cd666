"""The parsed dbt project of a data root: used again as long as the project is the same and at the same place."""

import pytest

from dagster_project.settings import Settings
from dagster_project.transformation import project


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def parses(monkeypatch, settings) -> list[str]:
    """The files that each parse found; its result is a manifest without nodes."""
    found = []

    def invoke(*_):
        folder = project.target_path(settings)
        found.append(" ".join(sorted(path.name for path in folder.iterdir())))
        for name in ("manifest.json", "partial_parse.msgpack"):
            (folder / name).write_text('{"nodes": {}}')

    monkeypatch.setattr(project, "invoke", invoke)
    monkeypatch.setattr(project, "fingerprint", lambda _: "one")
    return found


def test_a_changed_or_moved_project_is_parsed_from_scratch_and_an_unchanged_one_not_at_all(
    settings, tmp_path, monkeypatch, parses
):
    for _ in range(2):
        project.ensure_manifest(settings)
    assert parses == [""]
    monkeypatch.setattr(project, "fingerprint", lambda _: "two")
    project.ensure_manifest(settings)
    monkeypatch.setattr(project, "DBT_PROJECT", tmp_path / "version 2" / "dbt")
    assert not project.is_parsed(settings)
    project.ensure_manifest(settings)
    assert parses == ["", "manifest.json", "manifest.json"]
    assert project.is_parsed(settings)


def test_a_damaged_manifest_is_parsed_again(settings, parses):
    project.ensure_manifest(settings).write_text("{", encoding="utf-8")
    assert not project.is_parsed(settings)
    project.ensure_manifest(settings)
    assert len(parses) == 2
