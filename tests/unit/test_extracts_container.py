import gzip
import hashlib
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.extracts import container
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.reading import open_extract
from tests.unit.extract_helpers import HEADER, contract, read, refusal, written

CSV = f"{HEADER}\n1,a,b,c,d\n".encode()
JSON = b'{"visit_id": 1, "room": "a", "begun_at": "b"}\n'


def parquet_bytes() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"visit_id": ["1"], "room": ["a"], "begun_at": ["b"]}), sink)
    return sink.getvalue().to_pybytes()


def test_the_hash_is_of_the_bytes_of_the_file(tmp_path):
    data = gzip.compress(CSV, mtime=0)
    rows, extract = read(written(tmp_path, data, "v.csv.gz"))
    assert extract.sha256 == hashlib.sha256(data).hexdigest()
    assert (extract.file_name, extract.format, extract.serial_days) == ("v.csv.gz", "csv", 0)
    assert rows[0]["visit_id"] == "1"


def test_gzip_of_several_members_is_read_whole(tmp_path):
    data = gzip.compress(CSV, mtime=0) + gzip.compress(b"2,a,b,c,d\n")
    assert [row["visit_id"] for row in read(written(tmp_path, data, "v.csv.gz"))[0]] == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("v.csv", gzip.compress(CSV, mtime=0)),
        ("v.csv.gz", CSV),
        ("v.csv", parquet_bytes()),
        ("v.parquet", CSV),
        ("v.xlsx", CSV),
        ("v.xlsx", parquet_bytes()),
        ("v.csv.gz", gzip.compress(parquet_bytes(), mtime=0)),
        ("v.csv", b"PK\x03\x04rest"),
        ("v.csv", bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 600),
        ("v.xlsx", bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 600),
        ("v.csv", JSON),
        ("v.jsonl", CSV),
        ("v.jsonl", gzip.compress(JSON, mtime=0)),
        ("v.jsonl", b"[\n1,\n2\n]\n"),
        ("v.txt", CSV),
        ("v.csv.zip", CSV),
    ],
)
def test_a_wrong_extension_is_refused(tmp_path, name, data):
    error = refusal(written(tmp_path, data, name))
    assert error.code == "wrong_extension"


def test_the_error_names_the_extension_and_the_content(tmp_path):
    error = refusal(written(tmp_path, gzip.compress(CSV, mtime=0), "v.csv"))
    assert ".csv" in str(error)
    assert "gzip" in str(error)


@pytest.mark.parametrize("name", ["V.CSV", "v.Csv"])
def test_the_case_of_an_extension_does_not_matter(tmp_path, name):
    assert len(read(written(tmp_path, CSV, name))[0]) == 1


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf\r\n", b"   \t\n", b"\r" * 1000])
@pytest.mark.parametrize("name", ["v.csv", "v.jsonl"])
def test_an_empty_file_is_refused(tmp_path, name, data):
    assert refusal(written(tmp_path, data, name)).code == "empty_file"


@pytest.mark.parametrize(
    ("name", "data"),
    [("v.xlsx", b""), ("v.parquet", b""), ("v.csv.gz", b""), ("v.csv.gz", gzip.compress(b"", mtime=0))],
)
def test_a_file_without_bytes_is_refused(tmp_path, name, data):
    assert refusal(written(tmp_path, data, name)).code == "empty_file"


def test_a_cut_gzip_file_is_refused_wherever_it_is_cut(tmp_path):
    data = gzip.compress(CSV, mtime=0)
    for length in range(11, len(data)):
        assert refusal(written(tmp_path, data[:length], "v.csv.gz")).code == "cut_off"


def test_damage_in_a_gzip_file_is_found(tmp_path):
    data = bytearray(gzip.compress(CSV * 50, mtime=0))
    data[-6] ^= 0xFF
    assert refusal(written(tmp_path, bytes(data), "v.csv.gz")).code == "corrupt"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path.symlink_to(written(path.parent, CSV, "real.csv")), "not_a_file"),
        (os.mkfifo, "not_a_file"),
        (Path.mkdir, "not_a_file"),
        (lambda _: None, "cannot_open"),
    ],
    ids=["a link", "a named pipe", "a folder", "no file"],
)
def test_only_a_regular_file_is_read(tmp_path, make, code):
    make(tmp_path / "v.csv")
    assert refusal(tmp_path / "v.csv").code == code


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = written(tmp_path, CSV, "v.csv")
    with open_extract(path, contract()) as extract:
        batches = extract.batches()
        next(batches)
        with path.open("ab") as more:
            more.write(b"2,a,b,c,d\n")
        with pytest.raises(UnreadableExtract) as caught:
            list(batches)
    assert caught.value.code == "changed_while_read"


def test_a_replaced_file_does_not_disturb_the_reading_of_the_old_one(tmp_path):
    path = written(tmp_path, CSV, "v.csv")
    with open_extract(path, contract()) as extract:
        other = written(tmp_path, CSV.replace(b"1,", b"9,"), "other")
        other.replace(path)
        (table,) = extract.batches()
    assert table.column("visit_id").to_pylist() == ["1"]


def test_the_file_is_closed_after_reading_and_after_a_refusal(tmp_path):
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    read(written(tmp_path, CSV, "v.csv"))
    refusal(written(tmp_path, b"nothing\n", "w.csv"))
    refusal(written(tmp_path, CSV, "w.parquet"))
    assert len(list(descriptors.iterdir())) == before


def test_no_content_reaches_the_error_of_a_library(tmp_path):
    secret = b"07700900123"
    with zipfile.ZipFile(tmp_path / "v.xlsx", "w") as container:
        container.writestr("xl/workbook.xml", b"<workbook><" + secret)
    for path in (
        tmp_path / "v.xlsx",
        written(tmp_path, b"PAR1" + secret * 9 + b"PAR1", "v.parquet"),
        written(tmp_path, secret + b",a\x81\n", "v.csv"),
        written(tmp_path, secret + b"\n", "v.jsonl"),
    ):
        error = refusal(path)
        assert secret.decode() not in str(error)


def text(*lines: bytes) -> bytes:
    return b"\n".join([HEADER.encode(), *lines, b""])


@pytest.mark.parametrize(
    ("data", "bad", "expected"),
    [
        (text(b"1,a,b,c,d"), [], "utf-8"),
        (text(b"1,\xe9,b,c,d"), None, "cp1252"),
        (text(b"1,\xc3\xa9,b,c,d", b"2,\xe9,b,c,d"), None, "cp1252"),
        (text(b"1,\xc3\xa9\xc3\xa9,b,c,d", b"2,\xe9,b,c,d"), [3], "utf-8"),
        (text(b"1,\xc3\xa9\xc3\xa9,b,c,d", b"2,\xe9\xe9,b,c,d"), None, "cp1252"),
        # One sequence of three bytes that is not completed is one, as is each byte that begins none.
        (text(b"1,\xc3\xa9\xc3\xa9,b,c,d", b"2,\xe2\x82,b,c,d"), [3], "utf-8"),
        (text(b"1,\xc3\xa9\xc3\xa9,b,c,d", b"2,\x80\x81,b,c,d"), None, "bad"),
        (text("1,\ufffd\ufffd,b,c,d".encode(), b"2,\xe9,b,c,d"), [3], "utf-8"),
        # Windows-1252 does not have these bytes; as they are few, they are two faulty rows.
        (text("1,ééé,b,c,d".encode(), b"2,\x81,b,c,d", b"3,\x8d,b,c,d"), [3, 4], "utf-8"),
        (b"\xef\xbb\xbf" + text(b"1,\xc3\xa9,b,c,d", b"2,\xe9,b,c,d"), [3], "utf-8-sig"),
        (b"\xef\xbb\xbf" + text(b"1,\xe9,b,c,d", b"2,\xe9,b,c,d"), None, "bad"),
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("chunk", [4, 7, 1 << 19])
def test_a_few_bad_bytes_do_not_change_the_encoding(tmp_path, monkeypatch, data, bad, expected, is_packed, chunk):
    monkeypatch.setattr(container, "_CHUNK", chunk)
    path = tmp_path / f"visits_2022-10-30.csv{'.gz' if is_packed else ''}"
    path.write_bytes(gzip.compress(data) if is_packed else data)
    if expected == "bad":
        assert refusal(path).code == "bad_encoding"
        return
    with container.open_file(path).file, open_extract(path, contract()) as extract:
        assert extract._file.encoding == expected
        rows = [row for batch in extract.batches() for row in batch.to_pylist()]
    assert [row["source_row"] for row in rows if row["fault"]] == (bad or [])
    for row in rows:
        if row["fault"]:
            assert (row["fault"], row["record_column"]) == ("invalid_utf_8", "room")


def test_a_character_cut_off_at_the_end_is_not_a_bad_byte(tmp_path):
    path = written(tmp_path, text("1,éé,b,c,d".encode(), b"2,\xe9,b,c,d") + b"3,\xc3")
    assert refusal(path).code == "cut_off"
