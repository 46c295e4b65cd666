"""Files that are written for their owner only, and whole or not at all; texts and rows of SQL; days."""

import os
import stat

import duckdb
import pytest

from dagster_project.hashing import sha256_of
from dagster_project.sql import comments_on, count_rows, literal, quoted, rows_by, scalar, table
from dagster_project.writing import (
    FolderTaken,
    draft_of,
    link_or_copy,
    make_private_folder,
    private_files,
    readable_files,
    write_whole,
)


def mode(file) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_private_folder_is_private_with_all_its_files_and_a_file_in_its_place_is_named(tmp_path):
    folder, outside = tmp_path / "home" / "dagster", tmp_path / "a b"
    make_private_folder(folder)
    assert mode(folder) == 0o700
    outside.touch(0o644)
    (folder / "link").symlink_to(outside)
    (folder / "runs").mkdir()
    (folder / "runs" / "run.db").touch()
    paths = [folder / "runs" / "run.db", folder / "runs", folder]
    for path, opened in zip(paths, (0o644, 0o755, 0o755), strict=True):
        path.chmod(opened)
    make_private_folder(folder)
    assert [mode(path) for path in (*paths, outside)] == [0o600, 0o700, 0o700, 0o644]
    for taken in (outside, outside / "c"):
        with pytest.raises(FolderTaken, match=r"a b is not a folder.*mv '.*/a b' '.*/a b'\.old"):
            make_private_folder(taken)


def test_published_files_are_readable_in_a_process_of_private_files(tmp_path):
    @readable_files()
    def publish() -> None:
        (tmp_path / "published").mkdir()
        (tmp_path / "published" / "page").write_text("", encoding="utf-8")

    with private_files():
        publish()
        (tmp_path / "private").write_text("", encoding="utf-8")
    names = ("published", "published/page", "private")
    assert [mode(tmp_path / name) for name in names] == [0o755, 0o644, 0o600]


def test_a_file_is_replaced_as_a_whole_and_a_draft_that_is_a_link_is_not_followed(tmp_path):
    file, other = tmp_path / "intent.json", tmp_path / "other"
    for content in (b"a longer text", b"short"):
        write_whole(file, content)
    assert (file.read_bytes(), mode(file), [*tmp_path.iterdir()]) == (b"short", 0o600, [file])
    write_whole(file, b"for all", mode=0o644)
    link_or_copy(file, other)
    assert (mode(file), other.samefile(file)) == (0o644, True)
    draft_of(file).symlink_to(other)
    with pytest.raises(OSError, match="symbolic"):
        write_whole(file, b"through a link")
    assert other.read_bytes() == b"for all"


def test_a_hash_is_of_a_regular_file_of_limited_size(tmp_path):
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    file.write_bytes(b"abc")
    assert sha256_of(file, largest=3).startswith("ba7816bf")
    link.symlink_to(file)
    os.mkfifo(pipe)
    for path, largest in ((file, 2), (link, None), (pipe, None), (tmp_path, None)):
        with pytest.raises(OSError):  # noqa: PT011 (of the system)
            sha256_of(path, largest=largest)


def test_names_and_texts_of_sql_are_quoted_and_rows_have_names():
    assert (table("a b", 'c"d'), literal("it's")) == ('"a b"."c""d"', "'it''s'")
    with duckdb.connect() as connection:
        connection.execute("create table t as select unnest([1, 2, 3]) as n, n % 2 as odd")
        connection.execute(comments_on(quoted("t"), "it's; a table", {"n": "a number", "odd": ""}))
        comments = "select comment from duckdb_tables() union all select comment from duckdb_columns()"
        found = connection.execute(f"from ({comments}) where comment is not null").fetchall()
        assert found == [("it's; a table",), ("a number",)]
        assert (scalar(connection, "select 7 where ? = 1", [1]), scalar(connection, "from t where n > 3")) == (7, None)
        assert count_rows(connection, quoted("t")) == 3
        assert rows_by(connection, "odd", "from t where n < $most order by n", {"most": 9}) == {
            1: [{"n": 1, "odd": 1}, {"n": 3, "odd": 1}],
            0: [{"n": 2, "odd": 0}],
        }
