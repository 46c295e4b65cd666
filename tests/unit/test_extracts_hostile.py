"""Text files that are made, or have grown, to exhaust or mislead a reader; and names that do."""

from __future__ import annotations

import gzip
import hashlib
import io
import resource
from pathlib import Path

import pytest
from extract_helpers import HEADER, contract, faults, read, refusal

from dagster_project.extracts import reading
from dagster_project.extracts.csv import CsvReader
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.header import Headings
from dagster_project.extracts.jsonl import JsonLinesReader
from dagster_project.extracts.reading import open_extract

LINE = b"1,a,b,c,d\n"
CSV = HEADER.encode() + b"\n" + LINE
JSON = b'{"visit_id": "1", "room": "a", "begun_at": "b"}\n'
MEBIBYTE = 1 << 20


def written(folder: Path, data: bytes, name: str = "v.csv") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def packed(block: bytes, times: int) -> bytes:
    sink = io.BytesIO()
    with gzip.GzipFile(fileobj=sink, mode="wb", mtime=0) as stream:
        stream.write(CSV)
        for _ in range(times):
            stream.write(block)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("block", "codes"),
    [(LINE * 100_000, {"unsafe"}), (b"\n" * MEBIBYTE, {"unsafe"}), (b"x" * MEBIBYTE, {"unsafe", "line_too_long"})],
)
def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path, block, codes):
    data = packed(block, 300)
    before = resource.getrusage(resource.RUSAGE_SELF)
    error = refusal(written(tmp_path, data, "v.csv.gz"))
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert error.code in codes
    assert error.sha256 == hashlib.sha256(data).hexdigest()
    assert after.ru_maxrss - before.ru_maxrss < 64 << 10


@pytest.mark.parametrize(
    "behind", [bytes(2 * MEBIBYTE), gzip.compress(b"", mtime=0) * 200_000], ids=["padding", "empty members"]
)
def test_a_gzip_file_of_padding_or_empty_members_is_refused(tmp_path, behind):
    error = refusal(written(tmp_path, packed(LINE, 20) + behind, "v.csv.gz"))
    assert error.code == "unsafe"
    assert "pack it again" in str(error)


def test_a_gzip_file_of_many_parts_with_rows_is_read_whole(tmp_path):
    data = gzip.compress(CSV, mtime=0) + gzip.compress(LINE, mtime=0) * 2_000 + bytes(4096)
    rows, _ = read(written(tmp_path, data, "v.csv.gz"))
    assert len(rows) == 2_001


def test_honest_text_shrinks_less_than_a_bomb(tmp_path):
    text = "".join(f"{i},a,2022-10-30 01:{i % 60:02d}:{i * 7 % 60:02d},{i * 31 % 600},\n" for i in range(600_000))
    data = gzip.compress(HEADER.encode() + b"\n" + text.encode(), 9)
    assert len(text) > 16 * MEBIBYTE
    with open_extract(written(tmp_path, data, "v.csv.gz"), contract()) as extract:
        assert sum(table.num_rows for table in extract.batches()) == 600_000


@pytest.mark.parametrize("name", ["v.csv", "v.jsonl"])
def test_one_line_of_a_hundred_megabytes_is_refused(tmp_path, name):
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(CSV if name.endswith("csv") else JSON)
        for _ in range(100):
            file.write(b"x" * MEBIBYTE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(path).code == "line_too_long"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


@pytest.mark.parametrize(
    "head",
    [
        b",".join(b"c%d" % i for i in range(1_000_000)),
        b",".join([b"x"] * 500_000),
        b"visit_id,room,begun_at" + b",x" * 500_000,
    ],
)
def test_a_header_of_a_million_columns_is_none(tmp_path, head):
    data = b"\n".join([head, *[b"1,a,b" + b",1" * 50_000] * 3]) + b"\n"
    assert refusal(written(tmp_path, data)).code == "no_header"


def test_a_row_of_half_a_million_cells_is_one_faulty_row(tmp_path):
    rows, _ = read(written(tmp_path, CSV + b"1,a" + b",x" * 500_000 + b"\n" + LINE))
    assert faults(rows) == [(3, "too_many_cells")]
    assert len(rows) == 3


@pytest.mark.parametrize("length", [16 * MEBIBYTE, MEBIBYTE // 2, MEBIBYTE // 2 + 1])
def test_a_line_of_quotes_is_one_faulty_row(tmp_path, length):
    rows, _ = read(written(tmp_path, CSV + b'"' * length + b"\n" + LINE))
    assert [code for _, code in faults(rows)] in (["unreadable_record"], ["unbalanced_quote"], ["too_few_cells"])
    assert [row["source_row"] for row in rows] == [2, 3, 4]


def test_quotes_on_every_line_cost_no_more_than_their_lines(tmp_path):
    lines = [b'1,"a,b,c,d\n', *[b'1,""b"",b,c,d\n'] * 20] * 500
    rows, _ = read(written(tmp_path, CSV + b"".join(lines)))
    assert [row["source_row"] for row in rows] == list(range(2, len(lines) + 3))
    assert len(faults(rows)) == len(lines)


def test_deep_json_is_a_faulty_row(tmp_path):
    deep = [b"[" * 1_000_000, b'{"a":' * 150_000, b'{"visit_id":' + b"[" * 400_000 + b"]" * 400_000 + b"}"]
    rows, _ = read(written(tmp_path, JSON + b"\n".join(deep) + b"\n" + JSON, "v.jsonl"))
    assert faults(rows) == [(n, "unreadable_record") for n in (2, 3, 4)]
    assert len(rows) == 5


@pytest.mark.parametrize(
    "data",
    [
        bytes(MEBIBYTE),
        CSV.decode().encode("utf-16-le"),
        CSV.decode().encode("utf-16-be"),
        b"\xff\xfe" + CSV.decode().encode("utf-16-le") + b"\x00\xd8a\x00",
    ],
)
@pytest.mark.parametrize("name", ["v.csv", "v.jsonl"])
def test_text_in_no_known_encoding_is_called_that(tmp_path, data, name):
    error = refusal(written(tmp_path, data, name))
    assert error.code == "bad_encoding"
    assert "UTF-16" in str(error) or "byte-order mark" in str(error)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_that_ends_in_half_a_character_is_cut_off(tmp_path, encoding):
    data = f"{CSV.decode()}2,Café,b,c,é".encode(encoding)[:-1]
    assert refusal(written(tmp_path, data)).code == "cut_off"


def test_one_accent_at_the_end_may_be_windows_text(tmp_path):
    rows, _ = read(written(tmp_path, f"{CSV.decode()}2,a,b,c,é".encode("cp1252")))
    assert rows[1]["note"] == "é"


def test_a_few_nul_characters_do_not_make_it_so(tmp_path):
    rows, _ = read(written(tmp_path, CSV + b"2,\x00\x00,b,c,d\n" + LINE))
    assert faults(rows) == [(3, "unreadable_record")]


def test_carriage_returns_alone_are_an_empty_file(tmp_path):
    assert refusal(written(tmp_path, b"\r" * 1000)).code == "empty_file"


def test_line_ends_may_be_mixed(tmp_path):
    data = HEADER.encode() + b"\r1,a,b,c,d\r\n2,a,b,c,d\n\r\n3,a,b,c,d\r\r4,a,b,c,d"
    rows, _ = read(written(tmp_path, data))
    assert [(row["source_row"], row["visit_id"]) for row in rows] == [(2, "1"), (3, "2"), (5, "3"), (7, "4")]


def test_mixed_line_ends_hold_over_blocks(tmp_path):
    lines = 200_000
    data = b"".join(b"%d,a,b,c,d" % i + (b"\r", b"\n", b"\r\n")[i * i % 7 % 3] for i in range(lines))
    rows, _ = read(written(tmp_path, HEADER.encode() + b"\r\n" + data))
    assert [row["source_row"] for row in rows] == list(range(2, lines + 2))


def test_bytes_behind_a_gzip_file_make_it_damaged_but_zeros_are_padding(tmp_path):
    data = gzip.compress(CSV, mtime=0)
    assert refusal(written(tmp_path, data + b"garbage", "v.csv.gz")).code == "corrupt"
    assert refusal(written(tmp_path, data + data[:15], "v.csv.gz")).code == "cut_off"
    assert len(read(written(tmp_path, data + bytes(512), "v.csv.gz"))[0]) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("v.csv", b"nothing\n"),
        ("v.csv", b"PK\x03\x04rest"),
        ("v.csv.gz", gzip.compress(CSV, mtime=0)[:-9]),
        ("v.csv", b"x" * (17 * MEBIBYTE)),
        ("v.xlsx", b"PK\x03\x04rest"),
        ("v.parquet", b"PAR1xxxx"),
        ("v.jsonl", b"1\n2\n"),
        ("v.csv", b"visit_id,room,begun_at\n" + b"1,\x81\n"),
    ],
)
def test_a_refused_file_has_its_hash(tmp_path, name, data):
    error = refusal(written(tmp_path, data, name))
    assert error.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_refused_while_its_rows_are_read_has_its_hash(tmp_path):
    data = b'{"visit_id": "1"}\n'
    error = refusal(written(tmp_path, data, "v.jsonl"))
    assert error.code == "missing_column"
    assert error.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_that_cannot_be_opened_has_none(tmp_path):
    assert refusal(tmp_path / "v.csv").sha256 is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb.csv", "a\\nb.csv"),
        ("a'\"b.csv", "a'\"b.csv"),
        ("a*?[x].csv", "a*?[x].csv"),
        ("..a..csv", "..a..csv"),
        ("a\x1b[31mb\x7f.csv", "a\\x1b[31mb\\x7f.csv"),
        ("a\u202evsc.csv", "a\\u202evsc.csv"),
        ("a\udcffb.csv", "a\\udcffb.csv"),
        ("a\\nb.csv", "a\\\\nb.csv"),
        ("caf\u00e9 x.csv", "caf\u00e9 x.csv"),
    ],
)
@pytest.mark.parametrize("data", [CSV, b"nothing\n", b"", b"PK\x03\x04"])
def test_any_name_is_one_line_of_a_message(tmp_path, name, shown, data):
    path = written(tmp_path, data, name)
    if data == CSV:
        with open_extract(path, contract()) as extract:
            assert extract.file_name == shown
            assert len(list(extract.batches())) == 1
        return
    with pytest.raises(UnreadableExtract) as caught:
        open_extract(path, contract())
    assert str(caught.value).startswith(shown + ": ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("v.csv", 'visit_id,room,begun_at,a\x1bb\u202e,"c\nd"\n'.encode()),
        ("v.jsonl", JSON[:-2] + b', "a\\u001bb\\u202e": 1, "c\\nd": 2}\n'),
    ],
)
def test_column_names_are_escaped_too(tmp_path, name, data):
    _, extract = read(written(tmp_path, data, name))
    assert extract.unknown_columns == ("a\\x1bb\\u202e", "c\\nd")


def test_a_csv_reader_that_loses_a_row_is_found_out(tmp_path, monkeypatch):
    class Losing(CsvReader):
        def _piece(self, records):
            del records.rows[3], records.starts[3]
            return super()._piece(records)

    monkeypatch.setitem(reading.READERS, "csv", Losing)
    error = refusal(written(tmp_path, CSV + LINE * 19 + b'1,5" x,b,c,d\n'))
    assert error.code == "count_differs"
    assert "20 rows were read" in str(error)
    assert "there are 21" in str(error)


def test_a_csv_parser_that_joins_two_lines_is_found_out(tmp_path, monkeypatch):
    class Joining(CsvReader):
        def pieces(self, rows):
            for found in super().pieces(rows):
                yield type(found)(found.table.slice(1), found.last_label)

    monkeypatch.setitem(reading.READERS, "csv", Joining)
    assert refusal(written(tmp_path, CSV + LINE * 20)).code == "count_differs"


def test_a_json_reader_that_loses_a_line_is_found_out(tmp_path, monkeypatch):
    class Losing(JsonLinesReader):
        def _records(self):
            return (record for i, record in enumerate(super()._records()) if i != 3)

    monkeypatch.setitem(reading.READERS, "jsonl", Losing)
    assert refusal(written(tmp_path, JSON * 20, "v.jsonl")).code == "count_differs"


@pytest.mark.parametrize("end", ["", " ", ",", "\x0b", "\u2028"])
def test_a_file_that_lost_its_line_ends_is_no_empty_day_and_tells_no_cell(tmp_path, end):
    rows = "".join(f"{i},cell 7,2022-10-30 01:02:03,Mrs Smith,07700900123{end}" for i in range(3))
    error = refusal(written(tmp_path, f"{HEADER}{end}{rows}\n".encode()))
    assert error.code == "lost_line_ends"
    assert not {"Smith", "07700900123", "01:02:03"} & set(str(error).replace(",", " ").split())


def test_short_lines_below_a_wide_header_take_no_room_for_its_cells(tmp_path):
    data = f"{HEADER}{',' * 5000}x\n".encode() + b"a\n" * 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows, _ = read(written(tmp_path, data))
    assert faults(rows)[-1] == (100_001, "too_few_cells")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10


def test_a_totals_row_of_too_few_cells_is_left_out_below_faulty_rows(tmp_path):
    rows, _ = read(written(tmp_path, CSV + b"x\n,,,,\nTotal,1\n"))
    assert [row["source_row"] for row in rows] == [2, 3]


def test_a_record_of_ever_so_many_unknown_keys_is_looked_at_once(tmp_path, monkeypatch):
    looked_up = []
    known = Headings.column
    monkeypatch.setattr(Headings, "column", lambda self, text: looked_up.append(text) or known(self, text))
    keys = "".join(f', "k{i}": 1' for i in range(3000))
    assert len(read(written(tmp_path, JSON[:-2] + keys.encode() + b"}\n", "v.jsonl"))[0]) == 1
    assert len(looked_up) < 4 * 3000


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("remarks", "remarks"),
        ("line of 2023", "line of 2023"),
        ("07700 900123", "(cell 5 of the header)"),
        ("someone@example.org", "(cell 5 of the header)"),
        ("46/123/22 x", "(cell 5 of the header)"),
    ],
)
def test_a_heading_that_looks_like_a_persons_value_is_told_by_its_place(tmp_path, heading, told):
    lines = f"visit_id,room,begun_at,note,{heading}\n1,a,b,c,d\n"
    _, extract = read(written(tmp_path, lines.encode()))
    assert extract.unknown_columns == (told,)


def test_a_key_that_looks_like_a_persons_value_is_told_by_its_number(tmp_path):
    line = b'{"visit_id": "1", "room": "a", "begun_at": "b", "remarks": 1, "07700 900123": 2}\n'
    _, extract = read(written(tmp_path, line, "v.jsonl"))
    assert extract.unknown_columns == ("remarks", "(unknown key 2)")
