"""Files before their rows are read: what is opened, what the bytes are, encodings, compression, hashes, counts."""

import codecs
import errno
import gzip
import hashlib
import io
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.extracts import container
from dagster_project.extracts.csv import CsvReader
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.limits import LARGEST_EXTRACT
from dagster_project.extracts.pieces import Count
from dagster_project.extracts.reading import open_extract
from tests.unit.extracts.visits import CSV, HEADER, JSON, VISITS, read, refusal, rows_or_code, written

LINE = b"1,a,b,c,d\n"
MEBIBYTE = 1 << 20
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
PACKED = gzip.compress(CSV, mtime=0)
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
ENDLESS = b"x" * (17 * MEBIBYTE)
HALF_A_PAIR = codecs.BOM_UTF16_LE + CSV.decode().encode("utf-16-le") + b"\x00\xd8a\x00"
# Bytes that Windows-1252 does not have.
UNDEFINED = b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"
BAD = "3 invalid_utf_8 visit_id"


def parquet_bytes() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"visit_id": ["1"], "room": ["a"], "begun_at": ["b"]}), sink)
    return sink.getvalue().to_pybytes()


def zip_of(name: str, data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as container:
        container.writestr(name, data)
    return sink.getvalue()


def packed(block: bytes, times: int) -> bytes:
    sink = io.BytesIO()
    with gzip.GzipFile(fileobj=sink, mode="wb", mtime=0) as stream:
        stream.write(CSV)
        for _ in range(times):
            stream.write(block)
    return sink.getvalue()


REFUSED = {
    # The content is another one than the extension says.
    "gzip as csv": ("v.csv", PACKED, "wrong_extension", "means delimited text, but the content is gzip-compressed"),
    "csv as gzip": ("v.csv.gz", CSV, "wrong_extension", "means gzip-compressed delimited text, but the content is"),
    "Parquet with a key as csv": ("v.csv", b"PARE" + CSV, "wrong_extension", "the content is a Parquet file"),
    "csv as Parquet": ("v.parquet", CSV, "wrong_extension", "means a Parquet file"),
    "Parquet in gzip": ("v.csv.gz", gzip.compress(parquet_bytes()), "wrong_extension", "content is a Parquet file"),
    "zip as csv": ("v.csv", b"PK\x03\x04rest", "wrong_extension", "the content is a zip container"),
    "old workbook": ("v.xlsx", OLE + bytes(600), "wrong_extension", "workbook (xlsx), but the content is an encrypted"),
    "workbook with a password": ("v.xlsx", OLE + bytes(700) + ENCRYPTED, "encrypted", "without a password"),
    "JSON as csv": ("v.csv", JSON, "wrong_extension", "the content is JSON objects"),
    "csv as JSON": ("v.jsonl", CSV, "wrong_extension", "none of the first 2 lines is a JSON object"),
    "JSON in gzip": ("v.jsonl", gzip.compress(JSON), "wrong_extension", "means one JSON object a line"),
    "no workbook in the zip": ("v.xlsx", zip_of("a.xml", b"<x/>"), "wrong_extension", "holds no workbook"),
    # There is nothing in it.
    "no bytes": ("v.csv", b"", "empty_file", "the file is empty"),
    "no text in gzip": ("v.csv.gz", gzip.compress(b""), "empty_file", "the file has no text"),
    "line ends": ("v.csv", b"\r" * 1000, "empty_file", "the file has no text"),
    "blanks of UTF-16": ("v.csv", " \u00a0\t\n".encode("utf-16"), "empty_file", "the file has no text"),
    # It is no text.
    "NUL characters": ("v.csv", bytes(MEBIBYTE), "bad_encoding", "characters are NUL: UTF-16 without"),
    "UTF-16 without a mark": ("v.csv", CSV.decode().encode("utf-16-be"), "bad_encoding", "characters are NUL"),
    "UTF-16 with half a pair": ("v.jsonl", HALF_A_PAIR, "bad_encoding", "byte-order mark"),
    "a bad byte behind a mark": ("v.csv", b"\xef\xbb\xbf" + CSV + b"1,\xe9\n", "bad_encoding", "nor mostly UTF-8"),
    **{f"byte {byte}": ("v.csv", CSV + byte, "bad_encoding", "nor Windows-1252") for byte in UNDEFINED},
    "no line end": ("v.csv", CSV + ENDLESS, "line_too_long", "within 16 MiB; expected delimited text"),
    "no line end in UTF-16": ("v.csv", ENDLESS.decode().encode("utf-16"), "line_too_long", "16 MiB"),
    # Its end is missing, or its middle is damaged.
    "half a character": ("v.csv", CSV + "2,Café,é".encode()[:-1], "cut_off", "in the middle of a character"),
    "half a character of UTF-16": ("v.csv", "a,é".encode("utf-16")[:-1], "cut_off", "in the middle of a character"),
    "half a character behind a bad byte": ("v.csv", CSV + "éé".encode() + b"\n\xe9\n\xc3", "cut_off", "in the middle"),
    "a wrong checksum": ("v.csv.gz", PACKED[:-6] + b"\xff" + PACKED[-5:], "corrupt", "the compressed data is damaged"),
    # It unpacks to far more than its size, or is mostly padding.
    "a bomb of rows": ("v.csv.gz", packed(LINE * 100_000, 300), "unsafe", "unpacks to more than 100 times its size"),
    "padding": ("v.csv.gz", packed(LINE, 20) + bytes(2 * MEBIBYTE), "unsafe", "padding or empty members"),
}


@pytest.mark.parametrize(("name", "data", "code", "found"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_not_what_it_should_be_is_refused_with_its_hash(tmp_path, name, data, code, found):
    error = refusal(written(tmp_path, data, name))
    assert error.code == code
    assert found in str(error)
    assert error.sha256 == hashlib.sha256(data).hexdigest()


def test_a_cut_gzip_file_is_refused_wherever_it_is_cut(tmp_path):
    for length in range(11, len(PACKED)):
        assert rows_or_code(written(tmp_path, PACKED[:length], "v.csv.gz")) == "cut_off"


OPENED = {
    "a link": (lambda path: path.symlink_to(written(path.parent, CSV, "real.csv")), "not_a_file"),
    "a named pipe": (os.mkfifo, "not_a_file"),
    "a folder": (Path.mkdir, "not_a_file"),
    "nothing": (lambda _: None, "cannot_open"),
}


@pytest.mark.parametrize(("make", "code"), OPENED.values(), ids=OPENED)
def test_only_a_regular_file_is_opened(tmp_path, make, code):
    make(tmp_path / "v.csv")
    error = refusal(tmp_path / "v.csv")
    assert (error.code, error.sha256) == (code, None)


@pytest.mark.parametrize("name", ["v.txt", "v.csv.zip", "csv"])
def test_a_file_of_another_extension_is_not_opened(tmp_path, name):
    error = refusal(written(tmp_path, CSV, name))
    assert (error.code, error.sha256) == ("wrong_extension", None)
    assert "expected one of .csv, .csv.gz, .xlsx, .parquet, .jsonl" in str(error)


def test_a_file_of_holes_is_refused_and_not_read(tmp_path):
    path = written(tmp_path, b"")
    with path.open("wb") as file:
        file.truncate(LARGEST_EXTRACT + 1)
    error = refusal(path)
    assert (error.code, error.sha256) == ("unsafe", None)
    assert "has 64 GiB; expected at most 64 GiB" in str(error)


def test_a_disk_that_fails_is_no_fault_of_the_file(tmp_path, monkeypatch):
    class Failing(io.FileIO):
        def readinto(self, _):
            raise OSError(errno.EIO, "secret")

        read = readinto

    monkeypatch.setattr(container, "_opened", lambda path, _: Failing(path))
    error = refusal(written(tmp_path, CSV))
    assert (error.code, error.sha256) == ("cannot_read", None)
    assert "reading from the disk failed; deliver it again" in str(error)


def test_a_file_that_grows_while_it_is_read_or_since_it_was_listed_is_refused(tmp_path):
    path = written(tmp_path, CSV)
    status = path.stat()
    with open_extract(path, VISITS, (status.st_size, status.st_mtime_ns)) as extract:
        batches = extract.batches()
        next(batches)
        with path.open("ab") as more:
            more.write(LINE)
        with pytest.raises(UnreadableExtract) as caught:
            list(batches)
    assert caught.value.code == "changed_while_read"
    for listed in ((status.st_size, path.stat().st_mtime_ns), (path.stat().st_size, status.st_mtime_ns)):
        with pytest.raises(UnreadableExtract) as caught, open_extract(path, VISITS, listed):
            pass
        assert (caught.value.code, caught.value.sha256) == ("changed_while_read", None)


def test_a_file_is_closed_after_reading_and_after_a_refusal_and_a_replacement_does_not_disturb_it(tmp_path):
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    path = written(tmp_path, CSV)
    with open_extract(path, VISITS) as extract:
        written(tmp_path, CSV.replace(b"1,", b"9,"), "other").replace(path)
        (table,) = extract.batches()
    assert table.column("visit_id").to_pylist() == ["1"]
    refusal(written(tmp_path, b"nothing\n", "w.csv"))
    refusal(written(tmp_path, CSV, "w.parquet"))
    assert len(list(descriptors.iterdir())) == before


def test_any_name_is_one_line_of_a_message(tmp_path):
    for name, text in {"a\nb": r"a\nb", "a'\"*?[x]b": "a'\"*?[x]b", "a\u202e\udcffb": r"a\u202e\udcffb"}.items():
        _, extract = read(written(tmp_path, CSV, f"{name}.csv"))
        assert extract.file_name == f"{text}.csv"
        with pytest.raises(UnreadableExtract, match="no header found") as caught:
            read(written(tmp_path, b"nothing\n", f"{name}.csv"))
        assert str(caught.value).startswith(f"{text}.csv: ")
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "data", "count"),
    [
        ("V.CSV", CSV, 1),
        ("v.Csv.Gz", PACKED, 1),
        ("v.csv.gz", PACKED + gzip.compress(LINE, mtime=0) * 2_000 + bytes(4096), 2_001),
        # 17 MiB of rows.
        ("v.csv.gz", gzip.compress(CSV + b"".join(b"%d,a,%d,c,\n" % (i, i * i) for i in range(750_000))), 750_001),
    ],
)
def test_a_plain_or_compressed_text_is_read_whole(tmp_path, name, data, count):
    with open_extract(written(tmp_path, data, name), VISITS) as extract:
        assert sum(table.num_rows for table in extract.batches()) == count
    assert (extract.file_name, extract.format, extract.serial_days) == (name, "csv", 0)
    assert extract.sha256 == hashlib.sha256(data).hexdigest()


def text(*lines: str | bytes) -> bytes:
    return b"\n".join([HEADER.encode(), *(line.encode() if isinstance(line, str) else line for line in lines), b""])


MARK = codecs.BOM_UTF8
ENCODINGS = {
    "UTF-8 with a mark": (MARK + text("1,é,b,c,d"), "utf-8-sig", "2 1|é|b|c|d"),
    "UTF-16": (f"{HEADER}\n1,é£€,b,c,d\n".encode("utf-16"), "utf-16", "2 1|é£€|b|c|d"),
    "Windows-1252": (text("1,Café £5 €,b,c,d".encode("cp1252")), "cp1252", "2 1|Café £5 €|b|c|d"),
    "as many bad as good": (text("1,é,b,c,d", b"2,\xe9,b,c,d"), "cp1252", "2 1|Ã©|b|c|d; 3 2|é|b|c|d"),
    "a last accent": (CSV + b"2,a,b,c,\xe9", "cp1252", "2 1|a|b|c|d; 3 2|a|b|c|é"),
    "fewer bad than good": (text("1,éé,b,c,d", b"2,\xe9,b,c,d"), "utf-8", "2 1|éé|b|c|d; 3 invalid_utf_8 room"),
    # A sequence that is not completed is one bad character, as is each byte that begins none.
    "two bytes that begin none": (text("1,éé,b,c,d", b"2,\x80\x81,b,c,d"), "", "bad_encoding"),
    "replacements are good": (text("1,\ufffd\ufffd,b,c,d", b"\xe9,a,b,c,d"), "utf-8", f"2 1|\ufffd\ufffd|b|c|d; {BAD}"),
    "a bad byte behind a mark": (MARK + text("1,éé,b,c,d", b"\xe9,a,b,c,d"), "utf-8-sig", f"2 1|éé|b|c|d; {BAD}"),
    "another fault of the record": (text("1,éé,b,c,d", b"2,\xe9"), "utf-8", "2 1|éé|b|c|d; 3 too_few_cells"),
    "a cell that is not loaded": (b"x," + text("1,1,é,é,c,d", b"\xe9,2,,,,"), "utf-8", "2 1|é|é|c|d; 3 invalid_utf_8"),
}


@pytest.mark.parametrize(("data", "encoding", "expected"), ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("chunk", [4, 7, 1 << 19])
def test_the_encoding_is_that_of_most_characters_and_a_few_bad_bytes_are_faults(
    tmp_path, monkeypatch, data, encoding, expected, chunk
):
    monkeypatch.setattr(container, "_CHUNK", chunk)
    for path in (written(tmp_path, data), written(tmp_path, gzip.compress(data), "v.csv.gz")):
        assert rows_or_code(path) == expected
        if encoding:
            opened = container.open_file(path)
            opened.file.close()
            assert opened.encoding == encoding


def test_a_bad_byte_in_a_name_is_shown_as_one(tmp_path):
    rows, extract = read(written(tmp_path, b"caf\xe9," + text("1,1,éééé,b,c,d", b"1,1,\xe9,b,c,d", b"\xe9,2,,,,")))
    assert [row.get("fault_detail") for row in rows] == [None, None, "cell 1 of the row, which is not loaded"]
    assert extract.unknown_columns == ("caf\ufffd",)


def test_no_content_reaches_the_message_of_a_library(tmp_path):
    secret = b"07700900123"
    for name, data in {
        "v.xlsx": zip_of("xl/workbook.xml", b"<workbook><" + secret),
        "v.parquet": b"PAR1" + secret * 9 + b"PAR1",
        "v.csv": secret + b",a\x81\n",
        "v.jsonl": secret + b"\n",
    }.items():
        assert secret.decode() not in str(refusal(written(tmp_path, data, name)))


@pytest.mark.parametrize(
    ("others", "found"),
    [(0, "counted another way there are 9 (9 lines); none"), (2, "there are 7 (9 lines, 2 of them no rows); none")],
)
def test_rows_that_differ_from_a_second_count_reject_the_file(tmp_path, monkeypatch, others, found):
    monkeypatch.setattr(CsvReader, "count", lambda _: Count(9, others, "lines"))
    error = refusal(written(tmp_path, CSV))
    assert error.code == "count_differs"
    assert "v.csv: 1 rows were read, but " in str(error)
    assert found in str(error)
