"""dbt parses a data root again if its manifest is damaged, not if it was moved, and leaves the environment alone."""

import json
import os
import shutil

import pytest

from dagster_project.settings import Settings
from dagster_project.transformation.project import ensure_manifest, invoke, parse, read_manifest, target_path


@pytest.fixture
def moved(parsed_project, tmp_path) -> Settings:
    """A data root that was parsed elsewhere."""
    settings = Settings(home=tmp_path, _env_file=None)
    shutil.copytree(parsed_project, target_path(settings))
    return settings


def test_a_data_root_that_was_moved_is_not_parsed_again(moved, parsed_project):
    (target_path(moved) / "manifest.json").unlink()
    manifest = read_manifest(ensure_manifest(moved))
    assert manifest["nodes"].keys() == read_manifest(parsed_project / "manifest.json")["nodes"].keys()
    counts = json.loads((target_path(moved) / "perf_info.json").read_text(encoding="utf-8"))
    assert (counts["path_count"] > 300, counts["parsed_path_count"]) == (True, 0)


def test_damaged_files_are_parsed_again(moved, parsed_project):
    for name in ("manifest.json", "partial_parse.msgpack"):
        (target_path(moved) / name).write_bytes(b"{")
    manifest = read_manifest(ensure_manifest(moved))
    assert manifest["nodes"].keys() == read_manifest(parsed_project / "manifest.json")["nodes"].keys()


def test_dbt_leaves_the_environment_as_it_was(moved, monkeypatch):
    monkeypatch.setenv("FCIR_MEMORY_LIMIT", "1GB")
    before = dict(os.environ)
    parsed = parse(moved)
    assert dict(os.environ) == before
    invoke(moved, ["compile", "--select", "dim_force"], manifest=parsed)
    assert dict(os.environ) == before
