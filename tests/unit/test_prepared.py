"""What is made with the environment is taken by the first run of a data root, if it is of the project as it stands."""

import shutil
from pathlib import Path

import pytest

from dagster_project import prepared as preparing
from dagster_project.prepared import prepare
from dagster_project.publication import explorer
from dagster_project.publication.explorer import VEGA, write_vega
from dagster_project.settings import Settings
from dagster_project.transformation import project
from dagster_project.transformation.project import ensure_manifest, target_path


def forbid(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError(f"{name} was called")

    monkeypatch.setattr(module, name, made)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def prepared(tmp_path: Path, parsed_project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "prepared"
    shutil.copytree(parsed_project, folder)
    monkeypatch.setattr(explorer, "vega_bundle", lambda: "a library")
    prepare(folder)
    return folder


def test_a_first_run_takes_the_parsed_project(settings, prepared, monkeypatch):
    forbid(monkeypatch, project, "invoke")
    manifest = ensure_manifest(settings, prepared=prepared)
    assert manifest.read_bytes() == (prepared / "manifest.json").read_bytes()
    # dbt compares the files of the project with it, and parses those that differ.
    parsed = target_path(settings) / "partial_parse.msgpack"
    assert parsed.stat().st_mode & 0o777 == 0o600, "as private as what dbt writes there"
    assert ensure_manifest(settings, prepared=prepared / "gone") == manifest


@pytest.mark.parametrize("missing", ["manifest.json", "manifest.fingerprint", "partial_parse.msgpack"])
def test_what_is_not_complete_is_not_taken(settings, prepared, monkeypatch, missing):
    (prepared / missing).unlink()
    forbid(monkeypatch, project, "invoke")
    with pytest.raises(AssertionError, match="invoke was called"):
        ensure_manifest(settings, prepared=prepared)


def test_a_project_that_has_changed_since_is_parsed(settings, prepared, monkeypatch):
    forbid(monkeypatch, project, "invoke")
    monkeypatch.setattr(project, "fingerprint", lambda: "of another state")
    with pytest.raises(AssertionError, match="invoke was called"):
        ensure_manifest(settings, prepared=prepared)


def test_a_first_publication_takes_the_library_and_a_later_one_that_of_the_one_before(tmp_path, prepared, monkeypatch):
    forbid(monkeypatch, explorer, "vega_bundle")
    first, second = tmp_path / "first", tmp_path / "second"
    write_vega(first, before=tmp_path / "none", prepared=prepared)
    assert (first / VEGA).read_text(encoding="utf-8").endswith("a library")
    assert not (first / VEGA).samefile(prepared / VEGA), "what is published is not changed with the environment"
    write_vega(second, before=first, prepared=prepared)
    assert (second / VEGA).samefile(first / VEGA)


def test_a_library_of_another_version_is_made_anew(tmp_path, prepared, monkeypatch):
    monkeypatch.setattr(explorer, "version", lambda name: f"newer than any {name}")
    monkeypatch.setattr(explorer, "vega_bundle", lambda: "a newer library")
    write_vega(tmp_path / "first", prepared=prepared)
    assert (tmp_path / "first" / VEGA).read_text(encoding="utf-8").endswith("a newer library")


def test_preparing_again_makes_only_what_has_changed(prepared, monkeypatch):
    before = {file: file.read_bytes() for file in prepared.rglob("*") if file.is_file()}
    forbid(monkeypatch, project, "invoke")
    forbid(monkeypatch, explorer, "vega_bundle")
    prepare(prepared)
    assert {file: file.read_bytes() for file in prepared.rglob("*") if file.is_file()} == before
    (prepared / VEGA).unlink()
    monkeypatch.setattr(explorer, "vega_bundle", lambda: "the library again")
    prepare(prepared)
    assert (prepared / VEGA).read_text(encoding="utf-8").endswith("the library again")


def test_an_environment_that_cannot_be_written_to_is_good_without_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr(preparing, "PREPARED", tmp_path / "file" / "fcir")
    preparing.main()
    assert capsys.readouterr().err.startswith("Nothing was prepared, so first runs take some seconds longer: ")
