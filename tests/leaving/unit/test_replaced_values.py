"""Values are found and replaced in files of every kind, whole and nothing else."""

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import os
import re
import sqlite3
import subprocess
import sys
import tarfile
import urllib.parse
import zipfile
import zlib
from contextlib import closing
from functools import partial

import duckdb
import markupsafe
import pypdf
import pytest
import typst
from pypdf.annotations import FreeText, Link, Text
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    NameObject,
    NullObject,
    NumberObject,
    PdfObject,
    StreamObject,
    TextStringObject,
)

from dagster_project.extracts.pieces import BLANKS
from dagster_project.privacy.columns import Column
from dagster_project.privacy.files import UnreadableFile, files_below, noticing_damage
from dagster_project.privacy.replacing import DamagedIntent, read_intent
from dagster_project.privacy.rewriting import CannotRewrite, replace_values, require_unlocked, update_tables
from dagster_project.privacy.searching import DatabaseInUse, Hit, search
from dagster_project.privacy.texts import _pages, texts_of_pages
from dagster_project.privacy.values import Values, is_distinctive
from dagster_project.publication.html import packed
from dagster_project.settings import Settings

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


def write_rows(file, sql):
    """Write the rows of a query into a table of a DuckDB database, or into a Parquet file, by the file's name."""
    if file.suffix == ".duckdb":
        with duckdb.connect(str(file)) as connection:
            connection.execute(f"create table t as {sql}")
    else:
        duckdb.sql(sql).write_parquet(str(file), compression="zstd")


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
    "a.txt": lambda file: file.write_text(f"\ufeff{OLD} {IDENTIFIER}", encoding="utf-16-le"),
    "big.txt": lambda file: file.write_text(f"\ufeff{IDENTIFIER}\r\n{OLD}", encoding="utf-16-be", newline=""),
    "utf16.csv.gz": lambda file: file.write_bytes(gzip.compress(f"x,{OLD}\n".encode("utf-16"))),
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


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_text_in_utf16_stays_one(tmp_path, encoding):
    file = tmp_path / "a.csv"
    file.write_bytes(f"\ufeffname\r\n\u00e9 {IDENTIFIER}\r\n".encode(encoding))
    assert [hit.rows for hit in search(file, VALUES)] == [1]
    assert replace_values(file, VALUES)
    assert file.read_bytes() == f"\ufeffname\r\n\u00e9 {NEW}\r\n".encode(encoding)
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(UnreadableFile, match="cannot be decoded"):
        search(file, VALUES)


@pytest.mark.parametrize("name", ["a.duckdb", "a.parquet", "a.html"])
def test_many_values_are_found_and_replaced_too(tmp_path, name):
    file = tmp_path / name
    MAKERS[name](file)
    (before,) = {hit.rows for hit in search(file, MANY) if hit.column in ('"who"', "")}
    assert before == {"a.duckdb": 3, "a.parquet": 1, "a.html": 1}[name]
    assert replace_values(file, MANY)
    assert search(file, MANY) == []


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A SQLite database with a log that another connection has open, as `fcir ui` has those of Dagster."""
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.05))
    with closing(sqlite3.connect(tmp_path / "index.db")) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table event (note text)")
        connection.executemany("insert into event values (?)", [(f"{IDENTIFIER} {n} {'x' * 200}",) for n in range(500)])
        connection.commit()
        yield connection


def test_a_database_that_is_open_elsewhere_is_rewritten_with_its_log(tmp_path, opened):
    assert (tmp_path / "index.db-wal").stat().st_size
    for file in list(files_below(tmp_path)):
        replace_values(file, VALUES)
    assert [search(file, VALUES) for file in files_below(tmp_path)] == [[], [], []]
    opened.execute("insert into event values ('after')")
    opened.commit()
    assert opened.execute("pragma integrity_check").fetchall() == [("ok",)]
    with closing(sqlite3.connect(tmp_path / "index.db")) as another:
        rows = "select count(*) filter (where note like ?), count(*) from event"
        assert another.execute(rows, [f"{NEW}%"]).fetchall() == [(500, 501)]


def test_rows_that_only_the_log_still_has_are_removed(tmp_path, opened):
    opened.execute("update event set note = 'nothing'")
    opened.commit()
    opened.execute("vacuum")
    assert search(tmp_path / "index.db-wal", VALUES)
    for file in list(files_below(tmp_path)):
        replace_values(file, VALUES)
    assert [search(file, VALUES) for file in files_below(tmp_path)] == [[], [], []]


@pytest.mark.usefixtures("opened")
def test_the_log_of_a_database_that_this_user_may_not_read_is_not_readable(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("dagster_project.privacy.files.kind_of", refuse)
    with pytest.raises(UnreadableFile, match="cannot be decoded"):
        replace_values(tmp_path / "index.db-wal", VALUES)


@pytest.mark.parametrize("statement", ["select * from event", "insert into event values ('pending')"])
def test_a_locked_database_stops_what_would_rewrite_it(tmp_path, opened, statement):
    cursor = opened.execute(statement)
    cursor.fetchone()
    file = tmp_path / "index.db"
    with pytest.raises(DatabaseInUse, match=r"in use by another program, .* Nothing was replaced. Stop fcir ui"):
        require_unlocked(file, VALUES)
    with pytest.raises(DatabaseInUse):
        replace_values(file, VALUES)
    # One without the values may be locked.
    require_unlocked(file, Values({OTHER: NEW}))


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


@pytest.mark.parametrize("name", ["a.duckdb", "a.parquet", "a.txt"])
def test_identifiers_with_one_character_between_are_all_replaced(tmp_path, name):
    file, text = tmp_path / name, f"{IDENTIFIER},{IDENTIFIER} {IDENTIFIER} x{IDENTIFIER}"
    if name == "a.duckdb":
        with duckdb.connect(str(file)) as connection:
            connection.execute("create table t as select ? as note", [text])
    elif name == "a.parquet":
        duckdb.sql("select ? as note", params=[text]).write_parquet(str(file))
    else:
        file.write_text(text)
    assert replace_values(file, VALUES)
    assert search(file, VALUES) == []


NESTED = {
    "list": f"['{OLD}', 'x''y', null, 'null', 'a,b', ' z', 'by {IDENTIFIER}']",
    "list of lists": f"[['{OLD}'], ['']]",
    "array": f"array_value('{OLD}', 'a')",
    "struct": f"{{'who': '{OLD}', 'a b': 1.5, 'none': null::varchar}}",
    "list of structs": f"[{{'who': '{OLD}', 'n': 1}}]",
    "map": f"map(['{OLD}'], [1])",
    "JSON": f"""'{{"who": "{OLD}", "n": 1.50}}'::json""",
    "bytes": f"'{OLD}'::blob",
}


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("form", ["duckdb", "parquet"])
def test_nested_texts_are_found_and_replaced_whole(tmp_path, name, form):
    file = tmp_path / f"a.{form}"
    other = NESTED[name].replace(OLD, OTHER).replace(IDENTIFIER, OTHER)
    sql = f"select {NESTED[name]} as nested, 1 as n union all select {other}, range from range(3000)"
    write_rows(file, sql)
    assert [(hit.rows, hit.column) for hit in search(file, VALUES)] == [(1, '"nested"')]
    assert [(hit.rows, hit.column) for hit in search(file, MANY)] == [(1, '"nested"')]
    # Many values are replaced in whole cells only.
    with pytest.raises(UnreadableFile, match="nested column"):
        replace_values(file, MANY)
    assert replace_values(file, VALUES)
    assert search(file, VALUES) == []
    expected = (
        duckdb.sql(sql.replace(OLD, NEW).replace(IDENTIFIER, NEW)).project("n, nested::varchar").order("all").fetchall()
    )
    with duckdb.connect(str(file) if form == "duckdb" else ":memory:") as connection:
        after = connection.table("t") if form == "duckdb" else connection.read_parquet(str(file))
        assert after.project("n, nested::varchar").order("all").fetchall() == expected


def test_a_nested_text_that_cannot_be_replaced_is_not_readable(tmp_path):
    file = tmp_path / "a.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table t as select 'x' as note, ['a'::enum('a', 'b')] as who")
        connection.execute(f"create table u as select '{OLD}'::enum('{OLD}', 'a') as who")
    before = file.read_bytes()
    assert [hit.table for hit in search(file, VALUES)] == ['"main"."u"']
    with pytest.raises(UnreadableFile, match="nested column"):
        replace_values(file, VALUES)
    assert file.read_bytes() == before
    with duckdb.connect(str(file)) as connection:
        update_tables(connection, "a", [Hit(file, 1, '"main"."u"', Column('"who"', "ENUM('a')"))], VALUES)
        assert connection.execute("select cast(who as varchar) from u").fetchall() == [(OLD,)]


NESTED_NUMBERS = {
    "struct": "{'phone': 7700900123, 'n': 1}",
    "tuple": "row(1, 7700900123)",
    "list of structs": "[{'n': 1, 'phone': 7700900123::decimal(18, 2)}]",
    "map": "map(['phone'], [7700900123])",
    "keys of a map": "map([7700900123], ['phone'])",
    "union": "union_value(phone := 7700900123)",
    "list of lists": "[[1], [7700900123]]",
    "JSON": """'{"p":7700900123}'::json""",
    "array of JSON": "'[1,7700900123]'::json",
    "JSON in lines": """'{\n  "p": 7700900123\n}'::json""",
}


@pytest.mark.parametrize("name", NESTED_NUMBERS)
@pytest.mark.parametrize("form", ["duckdb", "parquet"])
def test_a_number_within_a_column_is_found(tmp_path, name, form):
    values = Values({OLD: NEW}, "07700900123", NEW)
    file, other = tmp_path / f"a.{form}", NESTED_NUMBERS[name].replace("7700900123", "77009001234")
    sql = f"select {NESTED_NUMBERS[name]} as nested, 'note' as note union all select {other}, 'other'"
    write_rows(file, sql)
    (hit,) = search(file, values, with_numbers=True)
    assert (hit.rows, hit.column) == (1, '"nested"')
    with duckdb.connect(str(file) if form == "duckdb" else ":memory:") as connection:
        rows = "t" if form == "duckdb" else f"read_parquet('{file}')"
        assert not hit.of.is_rewritable(connection, rows, values)
    assert search(file, values) == []


@pytest.mark.parametrize(
    "text", ['{"p":"07700-900-123"}', '{"balance":-7700900123}', '["0-7700900123"]', "-7700900123"]
)
@pytest.mark.parametrize("form", ["duckdb", "parquet"])
def test_a_number_with_dashes_in_json_is_another(tmp_path, text, form):
    file, values = tmp_path / f"a.{form}", Values({OLD: NEW}, "07700900123", NEW)
    write_rows(file, f"select '{text}'::json as j, {{'a': '{text}'::json}} as nested")
    assert search(file, values, with_numbers=True) == []


@pytest.mark.parametrize("form", ["duckdb", "parquet"])
def test_uuids_in_json_are_found(tmp_path, form):
    file, other = tmp_path / f"a.{form}", OTHER.replace("a", "1", 2)
    write_rows(
        file,
        f"select to_json(['{other}'::uuid::varchar, 'x_' || '{OLD}'::uuid || '_x', '{other}'::uuid::varchar]) as j",
    )
    for values in (VALUES, MANY, Values({other: NEW})):
        assert [hit.column for hit in search(file, values)] == ['"j"']
    assert search(file, Values({OTHER: NEW})) == []


@pytest.mark.parametrize("form", ["duckdb", "parquet"])
def test_a_uuid_stays_and_the_texts_beside_it_are_replaced(tmp_path, form):
    file = tmp_path / f"a.{form}"
    nested = f"{{'id': uuid '{OLD}'}}"
    sql = f"select '{OLD}'::uuid as who, {nested} as nested, to_json({nested}) as json, '{OLD}' as note"
    write_rows(file, sql)
    with pytest.raises(UnreadableFile, match="nested column"):
        replace_values(file, VALUES)
    left = [hit.column for hit in search(file, VALUES)]
    assert left == ['"who"', '"nested"', '"json"']
    before = file.read_bytes()
    with pytest.raises(UnreadableFile, match="nested column"):
        replace_values(file, VALUES)
    assert file.read_bytes() == before


def test_a_parquet_file_with_a_value_in_its_properties_only_loses_them(tmp_path):
    file = tmp_path / "a.parquet"
    duckdb.sql(f"copy (select 1 as n) to '{file}' (kv_metadata {{who: '{OLD}'}})")
    assert [(hit.table, hit.column) for hit in search(file, VALUES)] == [("", "")]
    assert replace_values(file, VALUES)
    assert search(file, VALUES) == []
    assert duckdb.read_parquet(str(file)).fetchall() == [(1,)]


MOMENTS = [
    "2022-10-30",
    "30/10/2022",
    "2022-10-30T12:30:45Z",
    "2022-10-30 12:30:45.123456",
    "2022-10-30 12:30+01:00",
    "12:30:45.123",
    "20221030T123045Z",
]


@pytest.mark.parametrize("text", ["1234", "2022-11", "108", "99,999.5", "Smith", "op-one", *MOMENTS])
def test_a_text_that_is_more_often_a_figure_or_a_word_is_not_looked_for_in_clear(text):
    assert not is_distinctive(text)
    assert Values({}, text, NEW).replace_in(f"a {text} b".encode()) == (f"a {text} b".encode(), 0)


@pytest.mark.parametrize(
    "text", ["07700900123", "07700 900 123", "46/1234/22", "op-77x", "2022-10-30-77", "30/10/2022/4"]
)
def test_a_number_of_a_person_is_looked_for_in_clear(text):
    assert is_distinctive(text)


def test_a_pdf_is_searched_and_not_rewritten(tmp_path):
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.7\n1 0 obj\nstream\n" + zlib.compress(f"({OLD})".encode()) + b"\nendstream\n")
    assert search(file, VALUES)
    with pytest.raises(CannotRewrite):
        replace_values(file, VALUES)


def test_the_text_of_a_pdf_is_searched_over_the_ends_of_its_lines(tmp_path):
    file = tmp_path / "a.pdf"
    lines = r"A long line before the reference \ 46/777777/22 \ and op-planted- \ 77x"
    file.write_bytes(typst.compile(lines.encode()))
    assert IDENTIFIER.encode() not in file.read_bytes()
    assert search(file, VALUES)
    assert search(file, Values({}, "op-planted-77x"))
    assert search(file, Values({}, "op-planted-77")) == []
    with pytest.raises(CannotRewrite):
        replace_values(file, VALUES)


def dictionary(**entries):
    """Return a dictionary of a PDF; texts are texts, and lists arrays."""
    return DictionaryObject({NameObject(f"/{name}"): of_pdf(value) for name, value in entries.items()})


def of_pdf(value):
    if isinstance(value, list):
        return ArrayObject(map(of_pdf, value))
    return value if isinstance(value, PdfObject) else TextStringObject(value)


def field_of_parts(writer, text):
    """Add a field whose value is that of the field two levels above it, as those that a page shows several times."""
    part = Text(text="x", rect=(10, 10, 90, 90))
    part[NameObject("/Parent")] = dictionary(Parent=dictionary(V=text))
    writer.add_annotation(0, part)


def choice(writer, text):
    part = Text(text="x", rect=(10, 10, 90, 90))
    part.update(dictionary(FT=NameObject("/Ch"), Opt=["other", [text, "shown"]]))
    writer.add_annotation(0, part)


def metadata_in_xml(writer, text):
    writer.xmp_metadata = f"<x:xmpmeta>{text}</x:xmpmeta>".encode("utf-16")


def outline_of_two(writer, text):
    writer.add_outline_item(title=text, page_number=0, parent=writer.add_outline_item(title="above", page_number=0))


BESIDE_THE_PAGES = {
    "metadata": lambda writer, text: writer.add_metadata({"/Title": text}),
    "an outline": lambda writer, text: writer.add_outline_item(title=text, page_number=0),
    "an outline of two levels": outline_of_two,
    "a comment": lambda writer, text: writer.add_annotation(0, FreeText(text=text, rect=(10, 10, 90, 90))),
    "a link": lambda writer, text: writer.add_annotation(0, Link(rect=(10, 10, 90, 90), url=f"tel:{text}")),
    "a field": field_of_parts,
    "a choice": choice,
    "a form without a field on a page": lambda writer, text: writer.root_object.update(
        dictionary(AcroForm=dictionary(Fields=[dictionary(V=text)]))
    ),
    "labels of pages": lambda writer, text: writer.root_object.update(
        dictionary(PageLabels=dictionary(Nums=[NumberObject(0), dictionary(P=text)]))
    ),
    "metadata in XML": metadata_in_xml,
    "the name of an attachment": lambda writer, text: writer.add_attachment(text, b"x"),
    "an attachment": lambda writer, text: writer.add_attachment("a.txt", text.encode("utf-16")),
}


@pytest.mark.parametrize("name", BESIDE_THE_PAGES)
@pytest.mark.parametrize("identifier", [IDENTIFIER, "+447700900123"])
def test_what_a_pdf_has_beside_its_pages_is_searched(tmp_path, name, identifier):
    file, writer = tmp_path / "a.pdf", pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    # With a letter that makes it UTF-16.
    BESIDE_THE_PAGES[name](writer, f"\u0142 {identifier}")
    writer.write(file)
    assert identifier.encode() not in file.read_bytes()
    assert search(file, Values({}, identifier))
    assert search(file, Values({}, identifier[:-1])) == []


def test_a_pdf_with_a_comment_that_is_null_is_searched(tmp_path):
    file, writer = tmp_path / "a.pdf", pypdf.PdfWriter()
    writer.add_blank_page(200, 200)[NameObject("/Annots")] = ArrayObject([NullObject()])
    writer.add_blank_page(200, 200)[NameObject("/Annots")] = NullObject()
    writer.write(file)
    assert search(file, VALUES) == []


def test_a_pdf_with_bytes_that_begin_like_a_text_is_searched(tmp_path):
    file, writer = tmp_path / "a.pdf", pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    palette = ByteStringObject(b"\xff\xfe\xff" * 3)
    writer.root_object.update(dictionary(Palette=[palette, ByteStringObject(b"\xff" + IDENTIFIER.encode())]))
    writer.write(file)
    assert search(file, VALUES)
    assert search(file, Values({OLD: NEW})) == []


def test_a_pdf_with_an_archive_in_it_is_not_readable(tmp_path):
    file, archive, writer = tmp_path / "a.pdf", io.BytesIO(), pypdf.PdfWriter()
    with zipfile.ZipFile(archive, "w") as new:
        new.writestr("a.txt", IDENTIFIER)
    writer.add_blank_page(200, 200)
    writer.add_attachment("a.zip", archive.getvalue())
    writer.write(file)
    with pytest.raises(UnreadableFile, match="packed"):
        search(file, VALUES)


UNSEARCHABLE = {
    "packed": b"PK\x03\x04" + IDENTIFIER[:3].encode(),
    "neither a text nor of a known kind": b"7z\xbc\xaf'\x1c\0\x04",
    "UnicodeDecodeError": b"\xff\xfe" + b"x" * 9,
}


def with_stream(file, content, *, text="", is_attached=False, **names):
    """Write a PDF of one page with a stream that is in no page, with these names, as an attachment or not."""
    writer, stream = pypdf.PdfWriter(io.BytesIO(typst.compile(rf"A page \ {text}".encode()))), StreamObject()
    stream.set_data(content)
    stream.update(dictionary(**{entry: NameObject(f"/{name}") for entry, name in names.items()}))
    made = writer._add_object(stream)
    if is_attached:
        writer.root_object.update(dictionary(AF=[dictionary(EF=dictionary(F=made))]))
    writer.write(file)
    return file


ATTACHED = [{"is_attached": True}, {"Type": "EmbeddedFile"}, {"Type": "Metadata"}]


@pytest.mark.parametrize("cause", UNSEARCHABLE)
@pytest.mark.parametrize("made", ATTACHED)
def test_a_pdf_is_not_readable_if_an_attachment_or_its_metadata_cannot_be_searched(tmp_path, cause, made):
    file = with_stream(tmp_path / "a.pdf", UNSEARCHABLE[cause], **made)
    for _ in range(2):
        with pytest.raises(UnreadableFile, match=rf"a.pdf cannot be decoded \({cause}\)"):
            search(file, VALUES)
    with_stream(file, UNSEARCHABLE[cause], text=IDENTIFIER, **made)
    assert search(file, VALUES)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        # It changes nothing.
        *((content, "Crypt") for content in UNSEARCHABLE.values()),
        (b"\x1f\x8b" + b"x" * 9, "Crypt"),
        (b"x", "JBIG2Decode"),
        (b"x", "Unknown"),
    ],
)
def test_a_pdf_is_searched_although_another_stream_such_as_a_font_cannot_be(tmp_path, content, name):
    file = with_stream(tmp_path / "a.pdf", content, Filter=name)
    assert search(file, VALUES) == []
    with_stream(file, content, text=IDENTIFIER, Filter=name)
    assert search(file, VALUES)
    with_stream(file, content, Filter=name, is_attached=True)
    with pytest.raises(UnreadableFile, match="cannot be decoded"):
        search(file, VALUES)


def test_texts_of_the_latest_pdf_files_are_kept(tmp_path):
    file, most = tmp_path / "a.pdf", _pages.cache_parameters()["maxsize"]
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(file)
    for number in range(most + 1):
        texts_of_pages(file, str(number))
    assert _pages.cache_info().currsize == most


def test_texts_of_a_pdf_are_kept_packed(tmp_path):
    (file := tmp_path / "a.pdf").write_bytes(typst.compile(b"#lorem(20000)"))
    kept, _ = _pages(file, "")
    assert 5 * len(kept) < len(texts_of_pages(file, "")[0])


def test_a_pdf_is_read_once_and_again_after_it_has_changed(tmp_path, monkeypatch):
    file, read = tmp_path / "a.pdf", []
    monkeypatch.setattr(pypdf, "PdfReader", lambda path, real=pypdf.PdfReader: read.append(path) or real(path))
    file.write_bytes(typst.compile(b"The reference op-planted-77x"))
    assert search(file, Values({}, IDENTIFIER)) == []
    assert search(file, Values({}, "op-planted-77x"))
    assert read == [file]
    file.write_bytes(typst.compile(rb"The reference 46\/777777\/22"))
    assert search(file, Values({}, IDENTIFIER))
    assert read == [file, file]


BLANK = "A|B_7 900003"
BLANK_SPELLINGS = {
    "a line break": "A|B_7\r\n  900003",
    "Markdown": r"A\|B\_7 900003",
    "a no-break space": "A|B_7\u00a0900003",
    "HTML": "A|B_7&nbsp;900003",
    "HTML with a break": "A|B_7<br />\n900003",
    "a form": "A%7CB_7+900003",
    "an address": "A%7cB_7%0D%0A900003",
    "JSON": r"A|B_7\n900003",
    "JSON in Unicode": r"A|B_7\u00a0900003",
    "a message": r"A|B_7\xa0900003",
    "any blank": f"A|B_7{BLANKS}900003",
    "any blank in JSON": f"A|B_7{json.dumps(BLANKS)[1:-1]}900003",
    "any blank in a message": f"A|B_7{ascii(BLANKS)[1:-1]}900003",
    "any blank in HTML": "A|B_7" + "".join(f"&#{ord(blank)};&#X{ord(blank):04X};" for blank in BLANKS) + "900003",
    "named blanks": "A|B_7&emsp;&thinsp;900003",
    "any blank in an address": f"A%7CB_7{urllib.parse.quote(BLANKS)}900003",
    "Markdown that is bold before it": "A|B_7** __900003",
}


@pytest.mark.parametrize("name", BLANK_SPELLINGS)
def test_an_identifier_with_a_blank_is_found_over_any_white_space(name):
    values, text = Values({}, BLANK, NEW), f"by {BLANK_SPELLINGS[name]}, and x{BLANK_SPELLINGS[name]}"
    expected = f"by {NEW}, and x{BLANK_SPELLINGS[name]}"
    assert values.replace_in(text.encode()) == (expected.encode(), 1)
    sql, parameters = values.expression("note")
    condition, of_condition = values.condition("note")
    query = f"select {sql}, {condition} from (select ? as note)"
    assert duckdb.execute(query, [*parameters, *of_condition, text]).fetchall() == [(expected, True)]


@pytest.mark.parametrize("identifier", ["o'brien77@x.uk", "+447700900123", "ob 7700900123"])
def test_a_file_of_backslashes_is_searched_at_once(identifier):
    """With patterns that try each split of the backslashes, it takes minutes."""
    values = Values({}, identifier, NEW)
    assert values.count_in(b"o" + b"\\" * 200_000 + b" brien77 447700900123 7700900123") == 0
    assert values.count_in(json.dumps(json.dumps(json.dumps(f"by {identifier}"))).encode()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p><b>A|B_7</b> 900003 <b>x</b></p>", f"<p><b>{NEW}</b> <b>x</b></p>"),
        ("<td>A|B_7</td>\n  <td>900003</td>", None),
        ("<li>A|B_7<br>900003</li>", f"<li>{NEW}</li>"),
    ],
)
def test_tags_around_an_identifier_stay_whole(text, expected):
    assert Values({}, BLANK, NEW).replace_in(text.encode())[0].decode() == (expected or text)


BEFORE_A_WORD = {
    "a message": r"by\xa0",
    "a message with Unicode": r"by\u2003",
    "a message beyond the first plane": r"by\U000e0020",
    "JSON in a message": r"by\\u00a0",
    "a colour": "\x1b[1;31m",
    "a colour in JSON": r"\u001b[31m",
    "HTML without a semicolon": "by&nbsp",
}


@pytest.mark.parametrize("name", BEFORE_A_WORD)
def test_an_identifier_is_a_word_after_a_character_that_is_escaped(name):
    text, expected = (f"{BEFORE_A_WORD[name]}{what}, xa0{IDENTIFIER}" for what in (IDENTIFIER, NEW))
    assert VALUES.replace_in(text.encode()) == (expected.encode(), 1)
    sql, parameters = VALUES.expression("note")
    query = f"select {sql} from (select ? as note)"
    assert duckdb.execute(query, [*parameters, text]).fetchall() == [(expected,)]


def test_an_apostrophe_of_xml_is_found():
    assert Values({}, "O'Brien-1234", NEW).replace_in(b"<p>O&apos;Brien-1234</p>") == (f"<p>{NEW}</p>".encode(), 1)


@pytest.mark.parametrize(
    "xml",
    [
        "<w:r><w:t>07700</w:t></w:r><w:r><w:br/></w:r><w:r><w:t>900003</w:t></w:r>",
        "<a:r><a:t>07700 90</a:t></a:r><a:r><a:t>0003</a:t></a:r>",
        "07700<text:line-break/>900003",
        "07700 900003 and <w:t>07700 90</w:t><w:t>0003</w:t>",
    ],
)
def test_a_document_with_an_identifier_in_several_pieces_cannot_be_rewritten(tmp_path, xml):
    file, values = tmp_path / "a.docx", Values({}, "07700 900003", NEW)
    with zipfile.ZipFile(file, "w") as new:
        new.writestr("word/document.xml", f"<w:p>{xml}</w:p>")
    before = file.read_bytes()
    assert search(file, values)
    with pytest.raises(CannotRewrite):
        replace_values(file, values)
    assert [path.read_bytes() for path in files_below(tmp_path)] == [before]


def test_words_of_different_cells_are_not_one_identifier(tmp_path):
    file = tmp_path / "a.xlsx"
    with zipfile.ZipFile(file, "w") as new:
        new.writestr("xl/sheet.xml", "<row><c><v>0770</v></c><c><v>0900003</v></c></row>")
    assert search(file, Values({}, "07700900003", NEW)) == []


ODD = 'O\'Neil "\u00e9" & <7712>'
SPELLINGS = {
    "as it is": ODD,
    "HTML": html.escape(ODD),
    "HTML of templates": str(markupsafe.escape(ODD)),
    "JSON": json.dumps({"note": f"first line\n{ODD}"}),
    "JSON within JSON": json.dumps(json.dumps({"note": f"first line\n{ODD}"})),
    "CSV": ODD.replace('"', '""'),
    "an address": f"papers%2F{urllib.parse.quote(ODD, safe='')}",
    "a message on a faulty cell": "".join(c if c.isalnum() or c == " " else f"\\u{ord(c):04x}" for c in ODD),
    "packed": f'<script class="data">{packed({"label": ODD, "all": [1, 2]})}</script>',
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_identifier_is_found_as_files_spell_it(tmp_path, name):
    values = Values({}, ODD, NEW)
    file = tmp_path / "a.html"
    file.write_text(SPELLINGS[name])
    assert search(file, values)
    assert replace_values(file, values)
    assert search(file, values) == []
    after = file.read_text()
    assert NEW in after or name == "packed"
    assert "7712" not in after
    if name == "packed":
        (data,) = re.findall(">(.+)<", after)
        assert json.loads(gzip.decompress(base64.b64decode(data))) == {"label": NEW, "all": [1, 2]}
    else:
        with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
            connection.execute("create table t as select ? as note", [SPELLINGS[name]])
        assert replace_values(tmp_path / "a.duckdb", values)
        with duckdb.connect(str(tmp_path / "a.duckdb"), read_only=True) as connection:
            assert connection.execute("from t").fetchall() == [(after,)]


@pytest.mark.parametrize("head", [b"\0" * 8 + b"DUCK", b"PAR1", b"SQLite format 3\0", b"PK\x03\x04", b"\x1f\x8b"])
def test_a_damaged_file_cannot_be_searched(tmp_path, head):
    file = tmp_path / "damaged"
    file.write_bytes(head + b"\xff" * 5000)
    with pytest.raises(UnreadableFile, match="cannot be decoded"):
        search(file, VALUES)


@pytest.mark.parametrize("suffix", ["gz", "zip", "tar", "tar.gz", "bz2", "xz"])
def test_a_packed_database_cannot_be_searched_and_stays_as_it_is(tmp_path, suffix):
    # A value replaced in its bytes would leave a database whose checksums are wrong.
    database(tmp_path / "a.duckdb")
    content, packed_file = (tmp_path / "a.duckdb").read_bytes(), tmp_path / f"a.duckdb.{suffix}"
    if "tar" in suffix:
        with tarfile.open(packed_file, "w:gz" if suffix.endswith("gz") else "w") as new:
            new.add(tmp_path / "a.duckdb", "a.duckdb")
    elif suffix == "zip":
        with zipfile.ZipFile(packed_file, "w") as new:
            new.writestr("a.duckdb", content)
    else:
        packed_file.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[suffix].compress(content))
    before = packed_file.read_bytes()
    for values in (VALUES, MANY):
        with pytest.raises(UnreadableFile, match="cannot be decoded"):
            replace_values(packed_file, values)
    assert packed_file.read_bytes() == before


def zipped(name, content):
    archived = io.BytesIO()
    with zipfile.ZipFile(archived, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr(name, content)
    return archived.getvalue()


TEXT = f"by {OLD}\n" * 50
NOISE = bytes(range(256)) * 4
NOT_KNOWN = {
    "warehouse.duckdb.gpg": b"\x8c\x0d\x04\x09" + NOISE,
    "warehouse.duckdb.enc": b"Salted__" + NOISE,
    "warehouse.duckdb.asc": b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n",
    "a.lzma": lzma.compress(TEXT.encode(), format=lzma.FORMAT_ALONE),
    "a.rar": b"Rar!\x1a\x07\x01\x00" + NOISE,
    "a.Z": b"\x1f\x9d\x90" + NOISE,
    "a.7z": b"7z\xbc\xaf\x27\x1c" + NOISE,
    "late.bin": TEXT.encode() * 10 + NOISE,
    "papers.zip": zipped("board_paper.docx", zipped("word/document.xml", TEXT)),
    "pdf.zip": zipped("board_paper.pdf", b"%PDF-1.7\n"),
    "encrypted.zip": zipped("a.gpg", NOISE),
    "zip.gz": gzip.compress(zipped("a.txt", TEXT)),
    "pdf.gz": gzip.compress(b"%PDF-1.7\n"),
    "utf16.csv": TEXT.encode("utf-16-le"),
    "utf32.csv": TEXT.encode("utf-32"),
    "utf32.zip": zipped("a.csv", TEXT.encode("utf-32")),
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_a_file_that_is_no_text_and_of_no_known_kind_is_not_readable(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(NOT_KNOWN[name])
    for values in (VALUES, MANY):
        with pytest.raises(UnreadableFile, match="cannot be decoded"):
            replace_values(file, values)
    assert file.read_bytes() == NOT_KNOWN[name]


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_a_pdf_with_such_a_file_attached_is_not_readable(tmp_path, name):
    file, writer = tmp_path / "a.pdf", pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_attachment(name, NOT_KNOWN[name])
    writer.write(file)
    with pytest.raises(UnreadableFile, match="cannot be decoded"):
        search(file, VALUES)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latin1.csv", f"Ren\xe9;{OTHER}\r\n".encode("latin-1")),
        ("terminal.log", "\x1b[1mbold\x1b[0m \u2713\n".encode() * 50_000),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + NOISE),
        ("font.woff2", b"wOF2" + NOISE),
        ("partial_parse.msgpack", b"\xde\x00" + NOISE),
        ("graph.gpickle", b"\x80\x04" + NOISE),
        ("paper.docx", zipped("word/media/image1.png", b"\x89PNG\r\n\x1a\n" + NOISE)),
        ("paper.pptx", zipped("ppt/printerSettings/printerSettings1.bin", NOISE)),
        ("empty.lock", b""),
    ],
)
def test_texts_in_any_encoding_and_what_has_no_values_are_readable(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert search(tmp_path / name, VALUES) == []


def zip_of(**options):
    archived = io.BytesIO()
    with zipfile.ZipFile(archived, "w", **options) as new:
        new.writestr("a.txt", f"{OLD} {IDENTIFIER}" * 50)
    return bytearray(archived.getvalue())


@pytest.mark.parametrize("damage", ["password", "method", "name", "offset", "lzma"])
def test_a_zip_that_python_cannot_read_is_not_readable(tmp_path, damage):
    content = zip_of(compression=zipfile.ZIP_LZMA if damage == "lzma" else zipfile.ZIP_DEFLATED)
    entry = content.rfind(b"PK\x01\x02")
    if damage == "lzma":
        content[60:70] = b"\xff" * 10
    else:
        # Bytes of the entry in the directory: flags, method (9 is Deflate64), offset.
        at, value = {"password": (8, 1), "method": (10, 9), "name": (9, 8), "offset": (42, 7)}[damage]
        content[entry + at] |= value
        if damage == "name":
            content[entry + 46] = 0xFF
    file = tmp_path / "a.zip"
    file.write_bytes(content)
    for read in (search, replace_values):
        with pytest.raises(UnreadableFile, match="cannot be decoded"):
            read(file, VALUES)
    assert file.read_bytes() == content


def test_texts_of_a_database_that_are_not_utf8_are_searched_and_replaced_too(tmp_path):
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table t (n integer, who text)")
        connection.execute(
            "insert into t values (1, cast(? as text)), (2, 'other')", [f"Ren\xe9 {OLD}".encode("latin-1")]
        )
        connection.commit()
    assert [hit.rows for hit in search(file, VALUES)] == [1]
    require_unlocked(file, VALUES)
    assert replace_values(file, VALUES)
    assert search(file, VALUES) == []
    with closing(sqlite3.connect(file)) as connection:
        connection.text_factory = bytes
        expected = [(1, f"Ren\xe9 {NEW}".encode("latin-1")), (2, b"other")]
        assert connection.execute("select * from t").fetchall() == expected


def test_a_database_that_is_damaged_stays_as_it_is(tmp_path):
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table t (who text unique)")
        connection.executemany("insert into t values (?)", [(f"{OLD} {n} {'x' * 500}",) for n in range(50)])
        connection.commit()
        (page,) = connection.execute("select rootpage from sqlite_master where type = 'index'").fetchone()
        (size,) = connection.execute("pragma page_size").fetchone()
    content = bytearray(file.read_bytes())
    # The search reads the table, the change also its index.
    content[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(content)
    assert search(file, VALUES)
    require_unlocked(file, VALUES)
    with pytest.raises(UnreadableFile, match="cannot be rewritten"):
        replace_values(file, VALUES)
    assert file.read_bytes() == content


@pytest.mark.parametrize("name", ["a.duckdb", "marts.duckdb.damaged-20221101T000000Z", "calls.parquet", "paper.xlsx"])
def test_a_file_whose_beginning_is_damaged_cannot_be_searched(tmp_path, name):
    # Its values are compressed, so its bytes do not show them.
    (tmp_path / name).write_bytes(bytes(5000))
    with pytest.raises(UnreadableFile, match="cannot be decoded"):
        search(tmp_path / name, VALUES)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (duckdb.OutOfMemoryException("failed to allocate data"), duckdb.OutOfMemoryException),
        (duckdb.IOException('Could not write file "x": No space left on device'), duckdb.IOException),
        (duckdb.IOException("Could not read enough bytes from file"), UnreadableFile),
        (duckdb.ConversionException("Could not convert"), UnreadableFile),
    ],
)
def test_a_machine_that_is_too_small_does_not_count_as_a_damaged_file(tmp_path, error, expected):
    file = tmp_path / "a.duckdb"
    file.write_bytes(b"whole")
    with pytest.raises(expected), noticing_damage(file):
        raise error
    assert file.read_bytes() == b"whole"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"action": "erase"}'])
def test_a_damaged_intent_is_named_with_what_to_do(tmp_path, content):
    settings = Settings(home=tmp_path, _env_file=None)
    settings.suppression.mkdir()
    settings.replacement_intent.write_text(content)
    with pytest.raises(DamagedIntent, match=r"suppression/intent.json: not readable .* interrupted: mv "):
        read_intent(settings)
