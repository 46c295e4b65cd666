"""Values are found and replaced in files of every kind, whole and nothing else."""

import gzip
import os
import sqlite3
import subprocess
import sys
import zipfile
import zlib

import duckdb
import pytest

from dagster_project.privacy.files import UnreadableFile, files_below, replace_values, search
from dagster_project.privacy.values import Values, is_distinctive

OLD, NEW, OTHER, IDENTIFIER = "0123456789abcdef" * 2, "f" * 32, "a" * 32, "46/777777/22"
VALUES = Values({OLD: NEW}, IDENTIFIER, NEW)
MANY = Values({OLD: NEW} | {f"{n:032x}": f"{n + 1000:032x}" for n in range(100)})


def database(file):
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema s")
        connection.execute(
            "create table s.t as select range as n, ? as who, 'seen by ' || ? as note from range(3)", [OLD, OLD]
        )
        connection.execute("create view s.v as select who from s.t")
        connection.execute("comment on column s.t.who is 'the person'")


def parquet(file):
    duckdb.sql("select range as n, if(range = 1, ?, ?) as who from range(3)", params=[OLD, OTHER]).write_parquet(
        str(file)
    )


def sqlite(file):
    with sqlite3.connect(file) as connection:
        connection.execute("create table t (n integer, who text, event blob)")
        connection.execute("insert into t values (1, ?, ?)", [f"by {OLD}", OLD.encode()])


def archive(file):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("xl/sheet.xml", f"<c>{OLD}</c><c>{IDENTIFIER}</c>" * 50)


MAKERS = {
    "a.duckdb": database,
    "a.parquet": parquet,
    "a.db": sqlite,
    "a.xlsx": archive,
    "a.csv.gz": lambda file: file.write_bytes(gzip.compress(f"x,{OLD}\n".encode())),
    "a.html": lambda file: file.write_text(f"<td>{OLD}</td> {OLD}0 {IDENTIFIER} x{IDENTIFIER}"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_values_are_found_and_replaced(tmp_path, name):
    file = tmp_path / name
    MAKERS[name](file)
    file.chmod(0o644)
    os.link(file, tmp_path / "link")
    assert search(file, VALUES)
    changed = []
    assert replace_values(file, VALUES, on_change=changed.append)
    assert changed == [file]
    assert search(file, VALUES) == []
    assert search(file, Values({NEW: OLD}))
    assert file.stat().st_mode & 0o777 == 0o644
    assert search(tmp_path / "link", VALUES) or name == "a.db"
    assert not replace_values(file, VALUES)
    assert [path.name for path in files_below(tmp_path)] == sorted([name, "link"])


@pytest.mark.parametrize("name", ["a.duckdb", "a.parquet", "a.html"])
def test_many_values_are_found_and_replaced_too(tmp_path, name):
    file = tmp_path / name
    MAKERS[name](file)
    (before,) = {hit.rows for hit in search(file, MANY) if hit.column in ('"who"', "")}
    assert before == {"a.duckdb": 3, "a.parquet": 1, "a.html": 1}[name]
    assert replace_values(file, MANY)
    assert search(file, MANY) == []


def test_a_database_keeps_its_views_and_comments_and_loses_deleted_rows(tmp_path):
    file = tmp_path / "a.duckdb"
    database(file)
    replace_values(file, VALUES)
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute("select distinct who from s.v").fetchall() == [(NEW,)]
        assert connection.execute("select distinct note from s.t").fetchall() == [(f"seen by {NEW}",)]
        comments = "select comment from duckdb_columns() where column_name = 'who' and comment is not null"
        assert connection.execute(comments).fetchall() == [("the person",)]


def test_a_database_without_the_values_loses_its_free_blocks_which_may_have_them(tmp_path):
    file = tmp_path / "a.duckdb"

    def blocks() -> tuple[int, int]:
        with duckdb.connect(str(file)) as connection:
            return connection.execute("select used_blocks, free_blocks from pragma_database_size()").fetchone()

    with duckdb.connect(str(file)) as connection:
        connection.execute("create table t as select md5(cast(range as varchar)) as who from range(200_000)")
        connection.execute("checkpoint")
        connection.execute("delete from t where true")
        connection.execute("checkpoint")
        connection.execute("create table other as select 1 as n")
    assert blocks()[1] > 0
    assert replace_values(file, VALUES)
    assert blocks()[1] == 0
    assert not replace_values(file, VALUES)


def test_a_database_that_a_reader_has_open_is_replaced(tmp_path):
    file = tmp_path / "a.duckdb"
    database(file)
    code = (
        "import duckdb, sys; reader = duckdb.connect(sys.argv[1], read_only=True); print(flush=True); input(); "
        "print(reader.execute('select distinct who from s.t').fetchall())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        reader.stdout.readline()
        assert replace_values(file, VALUES)
        assert search(file, VALUES) == []
        said, _ = reader.communicate("\n")
    assert said == f"{[(OLD,)]}\n"


def test_rows_of_a_parquet_file_are_ordered_again(tmp_path):
    parquet(file := tmp_path / "a.parquet")
    replace_values(file, VALUES, order=["who", "n"])
    assert duckdb.read_parquet(str(file)).fetchall() == [(0, OTHER), (2, OTHER), (1, NEW)]


def test_only_whole_words_are_the_identifier():
    text = f"{IDENTIFIER} x{IDENTIFIER} {IDENTIFIER}0 ({IDENTIFIER})".encode()
    assert VALUES.count_in(text) == 2
    replaced, count = VALUES.replace_in(text)
    assert count == 2
    assert replaced == f"{NEW} x{IDENTIFIER} {IDENTIFIER}0 ({NEW})".encode()


@pytest.mark.parametrize("text", ["1234", "2022-11", "108", "99,999.5", "Smith", "op-one"])
def test_a_text_that_is_more_often_a_figure_or_a_word_is_not_looked_for_in_clear(text):
    assert not is_distinctive(text)
    assert Values({}, text, NEW).replace_in(f"a {text} b".encode()) == (f"a {text} b".encode(), 0)


@pytest.mark.parametrize("text", ["07700900123", "07700 900 123", "46/1234/22", "op-77x"])
def test_a_number_of_a_person_is_looked_for_in_clear(text):
    assert is_distinctive(text)


def test_a_pdf_is_searched_and_not_rewritten(tmp_path):
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.7\n1 0 obj\nstream\n" + zlib.compress(f"({OLD})".encode()) + b"\nendstream\n")
    assert search(file, VALUES)
    with pytest.raises(UnreadableFile, match="a PDF cannot be rewritten"):
        replace_values(file, VALUES)


@pytest.mark.parametrize("head", [b"\0" * 8 + b"DUCK", b"PAR1", b"SQLite format 3\0", b"PK\x03\x04", b"\x1f\x8b"])
def test_a_damaged_file_cannot_be_searched(tmp_path, head):
    file = tmp_path / "damaged"
    file.write_bytes(head + b"\xff" * 5000)
    with pytest.raises(UnreadableFile, match="cannot be decoded"):
        search(file, VALUES)
