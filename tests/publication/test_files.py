"""Which files of a publication are reused, and how a manifest lists files."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project.publication.files import failed_renderings, files_of, publication_before
from dagster_project.publication.pointer import point_to
from dagster_project.writing import link_or_copy

FILES = ["fcir.duckdb", "papers/kent/board_paper.html"]


def a_publication(published: Path, name: str, before: Path | None = None) -> Path:
    """A publication that readers are pointed to; with one before, its paper is that one's."""
    folder = published / name
    (folder / "papers" / "kent").mkdir(parents=True)
    with duckdb.connect(str(folder / FILES[0])) as connection:
        connection.execute("create table shown as select 1 as value")
    if before:
        link_or_copy(before / FILES[1], folder / FILES[1])
    else:
        (folder / FILES[1]).write_text("a paper", encoding="utf-8")
    manifest = {"files": files_of(folder, before)}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    point_to(published, name)
    return folder


def listed(folder: Path) -> dict[str, str]:
    files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    return {file["path"]: file["sha256"] for file in files}


@pytest.fixture
def published(tmp_path) -> Path:
    return tmp_path / "published"


def test_before_the_first_publication_there_is_none_to_reuse(published):
    published.mkdir()
    assert publication_before(published) is None


def test_unchanged_files_are_reused(published, caplog):
    first = a_publication(published, "1")
    second = a_publication(published, "2", first)
    assert publication_before(published) == second
    assert not caplog.records


def test_a_database_that_was_only_read_is_reused(published):
    folder = a_publication(published, "1")
    with duckdb.connect(str(folder / FILES[0]), read_only=True) as connection:
        connection.execute("from shown").fetchall()
    assert publication_before(published) == folder


def write_to_database(folder: Path) -> None:
    with duckdb.connect(str(folder / FILES[0])) as connection:
        connection.execute("update shown set value = 2")


def write_longer_paper(folder: Path) -> None:
    (folder / FILES[1]).write_text("another paper", encoding="utf-8")
    os.utime(folder / FILES[1], (0, 0))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_to_database, "1/fcir.duckdb: written to after it was published"),
        (lambda folder: (folder / FILES[1]).write_text("a pager"), f"1/{FILES[1]}: written to after it was published"),
        (write_longer_paper, f"1/{FILES[1]}: 13 bytes, expected 7"),
    ],
    ids=["a database", "a paper of equal length", "a longer paper with an old time"],
)
def test_a_publication_that_was_written_to_is_not_reused(published, caplog, write, message):
    write(a_publication(published, "1"))
    assert publication_before(published) is None
    assert message in caplog.text
    assert "databases read-only" in caplog.text


@pytest.mark.parametrize("missing", [*FILES, "manifest.json"])
def test_a_publication_that_lacks_a_file_is_not_reused(published, missing, caplog):
    (a_publication(published, "1") / missing).unlink()
    assert publication_before(published) is None
    found = "not readable as a manifest" if missing == "manifest.json" else "no such file"
    assert f"1/{missing}: {found}" in caplog.text


@pytest.mark.parametrize("content", ["{", "{}", '{"files": [{"path": "fcir.duckdb"}]}'])
def test_a_publication_with_a_damaged_manifest_is_not_reused(published, content, caplog):
    (a_publication(published, "1") / "manifest.json").write_text(content, encoding="utf-8")
    assert publication_before(published) is None
    assert "1/manifest.json: not readable as a manifest" in caplog.text


def test_a_manifest_has_the_size_and_the_hash_of_every_file(published):
    first = a_publication(published, "1")
    for folder in (first, a_publication(published, "2", first)):
        (folder / "manifest.json").rename(folder.with_suffix(".json"))
        files = files_of(folder)
        assert [file["path"] for file in files] == FILES
        for file in files:
            content = (folder / file["path"]).read_bytes()
            assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_reused_file_is_listed_with_its_published_hash(published):
    first = a_publication(published, "1")
    # Read again, the changed content would be listed as published.
    (first / FILES[1]).write_text("a pager", encoding="utf-8")
    second = a_publication(published, "2", first)
    assert listed(second)[FILES[1]] == hashlib.sha256(b"a paper").hexdigest()


def test_a_copy_is_hashed(published):
    first = a_publication(published, "1")
    second = published / "2"
    shutil.copytree(first, second, ignore=lambda *_: ["manifest.json"])
    (second / FILES[1]).write_text("a pager", encoding="utf-8")
    hashes = {file["path"]: file["sha256"] for file in files_of(second, first)}
    assert hashes == listed(first) | {FILES[1]: hashlib.sha256(b"a pager").hexdigest()}


@pytest.mark.parametrize("content", ["[]", '"text"', "null", '{"failed": 1}', "{", ""])
def test_a_damaged_manifest_names_no_failed_rendering(published, content):
    (a_publication(published, "second") / "manifest.json").write_text(content, encoding="utf-8")
    assert failed_renderings(published) == []


def test_failed_renderings_are_those_of_the_manifest(published):
    failed = [{"path": "explorer.html", "reason": "it took longer than 60 seconds"}]
    folder = a_publication(published, "second")
    (folder / "manifest.json").write_text(json.dumps({"failed": failed}), encoding="utf-8")
    assert failed_renderings(published) == failed
