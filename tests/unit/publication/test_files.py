"""Which files of a publication are reused, how a manifest lists files, how publications are named and removed."""

import grp
import hashlib
import json
import os
import stat
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from dagster_project.publication import files
from dagster_project.publication.files import next_name, point_to, remove_old

DATABASE, PAPER = "fcir.duckdb", "papers/kent/board_paper.html"


@pytest.fixture
def published(tmp_path):
    return tmp_path / "published"


def a_publication(published, name, before=None):
    """A publication that readers are pointed to; with one before, its paper is that one's."""
    folder = published / name
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute("create table shown as select 1 as value")
    if before:
        files.take_over(before, folder, PAPER)
    else:
        files.write(folder, PAPER, b"a paper")
    (folder / "manifest.json").write_text(json.dumps({"files": files.files_of(folder, before)}), encoding="utf-8")
    point_to(published, name)
    return folder


def test_unchanged_files_are_reused_also_of_a_database_that_was_read(published, caplog):
    assert files.publication_before(published) is None
    second = a_publication(published, "2", a_publication(published, "1"))
    with duckdb.connect(str(second / DATABASE), read_only=True) as connection:
        connection.execute("from shown").fetchall()
    assert files.publication_before(published) == second
    assert not caplog.records


def write_to_database(folder):
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute("update shown set value = 2")


def manifest(text):
    return lambda folder: (folder / "manifest.json").write_text(text)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_to_database, "1/fcir.duckdb: written to after it was published"),
        (lambda folder: (folder / PAPER).write_text("a pager"), f"1/{PAPER}: written to after it was published"),
        (lambda folder: (folder / PAPER).write_text("another paper"), f"1/{PAPER}: 13 bytes, expected 7"),
        (lambda folder: (folder / PAPER).unlink(), f"1/{PAPER}: no such file"),
        (lambda folder: (folder / "manifest.json").unlink(), "1/manifest.json: not readable as a manifest"),
        (manifest('{"files": [{"path": "a\\u0000", "bytes": 1}]}'), "no such file"),
    ],
)
def test_a_publication_that_was_damaged_or_written_to_is_not_reused(published, caplog, write, message):
    write(a_publication(published, "1"))
    assert files.publication_before(published) is None
    assert message in caplog.text
    assert "databases read-only" in caplog.text


def test_a_manifest_has_the_size_and_the_hash_of_every_file(published):
    first = a_publication(published, "1")
    assert files.damaged_file(first) is None
    listed = json.loads((first / "manifest.json").read_bytes())["files"]
    assert [file["path"] for file in listed] == [DATABASE, PAPER]
    for file in listed:
        content = (first / file["path"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    # A copy is hashed; a file that is linked has its published hash, whatever it became.
    (first / PAPER).write_text("a pager", encoding="utf-8")
    copied, linked = published / "2", a_publication(published, "3", first)
    files.write(copied, PAPER, b"a copy")
    assert [file["sha256"] for file in files.files_of(copied, first)] == [hashlib.sha256(b"a copy").hexdigest()]
    assert files.files_of(linked, first)[-1]["sha256"] == hashlib.sha256(b"a paper").hexdigest()


def test_files_are_written_anew_and_never_through_a_link(published):
    first = a_publication(published, "1")
    second = a_publication(published, "2", first)
    assert files.take_over(first, second, PAPER, source=DATABASE).samefile(first / PAPER)
    files.write(second, PAPER, b"new")
    assert ((first / PAPER).read_bytes(), (second / PAPER).read_bytes()) == (b"a paper", b"new")
    (published / ".current-1").symlink_to("1")
    (published / ".partial-1" / "x").mkdir(parents=True)
    assert files.start_publication(published, "3") == published / ".partial-3"
    assert {path.name for path in published.iterdir()} == {"1", "2", "current", ".partial-3"}


def test_failed_renderings_are_those_of_the_manifest_if_it_is_in_order(published):
    assert files.failed_renderings(published) == []
    folder = a_publication(published, "second")
    for damaged in ("[]", "null", "{", ""):
        manifest(damaged)(folder)
        assert files.failed_renderings(published) == []
    failed = [{"path": "explorer.html", "reason": "it took longer than 60 seconds"}]
    manifest(json.dumps({"failed": failed}))(folder)
    assert files.failed_renderings(published) == failed


NOW = datetime(2022, 12, 5, 4, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("newest", "recorded", "second"),
    [
        ("20221205T041459Z-ffffffff", "", "20221205T041500Z"),
        # In the same second, or after the clock went back: a second after the newest.
        ("20221205T041500Z-ffffffff", None, "20221205T041501Z"),
        ("20221205T051500Z-ffffffff", None, "20221205T051501Z"),
        ("20221205T041500Z-ffffffff", "20221205T051500Z-ffffffff", "20221205T051501Z"),
        # Folders that are no publications do not count.
        (".partial-20231205T041500Z-ffffffff", None, "20221205T041500Z"),
    ],
)
def test_a_publication_is_named_later_than_all_before_it(tmp_path, monkeypatch, newest, recorded, second):
    monkeypatch.setattr(files, "utc_now", lambda: NOW)
    for folder in (newest, "20221101T041500Z-ffffffff"):
        (tmp_path / folder).mkdir()
    (tmp_path / "20231205T041500Z-ffffffff").touch()
    found, at = next_name(tmp_path, recorded, run_id="1f6a09c2-0000")
    assert (found, f"{at:%Y%m%dT%H%M%SZ}") == (f"{second}-1f6a09c2", second)
    assert next_name(tmp_path / "none", None, run_id="1f6a09c2")[1] == NOW < at + timedelta(seconds=1)


def test_only_folders_with_the_name_of_a_publication_count_and_are_removed(tmp_path):
    names = [f"202611{day:02}T060000Z-aaaaaaaa" for day in range(1, 18)]
    own = ["0-kept-for-the-inquiry", "@eaDir", f"{names[0]} (copy)", f"{names[1]}.bak"]
    for name in (*names, *own):
        (tmp_path / name).mkdir()
    (tmp_path / "current").symlink_to(names[0])
    remove_old(tmp_path, names[0])
    # The current one, and the newest of the others.
    assert {path.name for path in tmp_path.iterdir()} == {names[0], *names[-13:], *own, "current"}


@pytest.mark.parametrize("group", ["", grp.getgrgid(os.getgid()).gr_name])
def test_rows_of_events_are_for_a_group_and_pages_for_all(group, tmp_path):
    rows = ("parquet/fct_call/2022-10.parquet", "explorer/kent.day.js", DATABASE)
    for path in (*rows, "explorer/kent.week.js", PAPER):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("", encoding="utf-8")
        (tmp_path / path).chmod(0o644)
    files.keep_rows_for_analysts(tmp_path, group)
    modes = {str(path.relative_to(tmp_path)): stat.filemode(path.stat().st_mode) for path in tmp_path.rglob("*")}
    of_rows = "-rw-r-----" if group else "-rw-------"
    assert {modes[path] for path in rows} == {of_rows}
    assert {modes[path] for path in ("parquet", "parquet/fct_call")} == {"drwxr-x---" if group else "drwx------"}
    assert {modes[path] for path in ("explorer/kent.week.js", PAPER)} == {"-rw-r--r--"}
