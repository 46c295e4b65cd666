"""Text files and names that exhaust or mislead a reader."""

import gzip
import hashlib
import io
import resource

import pytest

from dagster_project.extracts import reading
from dagster_project.extracts.csv import CsvReader
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.header import Headings
from dagster_project.extracts.jsonl import JsonLinesReader
from dagster_project.extracts.limits import LARGEST_EXTRACT
from dagster_project.extracts.reading import open_extract
from dagster_project.privacy.person import landing_files_with
from tests.unit.extract_helpers import HEADER, contract, faults, numbered, read, refusal, written
from tests.unit.loading_helpers import CONTRACTS

LINE = b"1,a,b,c,d\n"
CSV = HEADER.encode() + b"\n" + LINE
JSON = b'{"visit_id": "1", "room": "a", "begun_at": "b"}\n'
MEBIBYTE = 1 << 20


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


def test_ordinary_text_is_not_taken_for_a_bomb(tmp_path):
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
def test_a_header_of_a_million_columns_is_refused(tmp_path, head):
    data = b"\n".join([head, *[b"1,a,b" + b",1" * 50_000] * 3]) + b"\n"
    assert refusal(written(tmp_path, data)).code == "no_header"


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (CSV + b"1,a" + b",x" * 500_000 + b"\n" + LINE, {"too_many_cells"}),
        *(
            (CSV + b'"' * length + b"\n" + LINE, {"unreadable_record", "unbalanced_quote", "too_few_cells"})
            for length in (16 * MEBIBYTE, MEBIBYTE // 2, MEBIBYTE // 2 + 1)
        ),
        (CSV + b"2,\x00\x00,b,c,d\n" + LINE, {"unreadable_record"}),
    ],
    ids=["half a million cells", "16 MiB of quotes", "half a MiB", "and one", "NUL characters"],
)
def test_a_hostile_line_is_one_faulty_row(tmp_path, data, codes):
    rows, _ = read(written(tmp_path, data))
    ((line, code),) = faults(rows)
    assert (line, [row["source_row"] for row in rows]) == (3, [2, 3, 4])
    assert code in codes


def test_a_short_totals_row_is_left_out_below_a_faulty_row(tmp_path):
    rows, _ = read(written(tmp_path, CSV + b"x\n,,,,\nTotal,1\n"))
    assert [row["source_row"] for row in rows] == [2, 3]


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
def test_text_in_an_unknown_encoding_is_refused_by_name(tmp_path, data, name):
    error = refusal(written(tmp_path, data, name))
    assert error.code == "bad_encoding"
    assert "UTF-16" in str(error) or "byte-order mark" in str(error)


def test_a_last_byte_may_be_an_accent_of_windows_text(tmp_path):
    rows, _ = read(written(tmp_path, f"{CSV.decode()}2,a,b,c,é".encode("cp1252")))
    assert rows[1]["note"] == "é"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_that_ends_in_half_a_character_is_cut_off(tmp_path, encoding):
    data = f"{CSV.decode()}2,Café,b,c,é".encode(encoding)[:-1]
    assert refusal(written(tmp_path, data)).code == "cut_off"


def test_line_ends_may_be_mixed(tmp_path):
    data = HEADER.encode() + b"\r1,a,b,c,d\r\n2,a,b,c,d\n\r\n3,a,b,c,d\r\r4,a,b,c,d"
    rows, _ = read(written(tmp_path, data))
    assert numbered(rows) == [(2, "1"), (3, "2"), (5, "3"), (7, "4")]


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
        ("v.jsonl", b'{"visit_id": "1"}\n'),
        ("v.csv", b"visit_id,room,begun_at\n" + b"1,\x81\n"),
    ],
)
def test_a_refused_file_has_its_hash(tmp_path, name, data):
    error = refusal(written(tmp_path, data, name))
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
    with pytest.raises(UnreadableExtract) as caught, open_extract(path, contract()):
        pass
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


class LosingCsv(CsvReader):
    """Loses a row of a piece with quotes."""

    def _piece(self, records):
        del records.rows[3], records.starts[3]
        return super()._piece(records)


class JoiningCsv(CsvReader):
    """Loses a row of every piece, as if two lines were one."""

    def pieces(self, rows):
        for piece in super().pieces(rows):
            yield type(piece)(piece.table.slice(1), piece.last_label)


class LosingJson(JsonLinesReader):
    """Loses a record."""

    def _records(self):
        return (record for i, record in enumerate(super()._records()) if i != 3)


@pytest.mark.parametrize(
    ("reader", "data", "rows"),
    [
        (LosingCsv, CSV + LINE * 19 + b'1,5" x,b,c,d\n', 21),
        (JoiningCsv, CSV + LINE * 20, 21),
        (LosingJson, JSON * 20, 20),
    ],
)
def test_a_reader_that_loses_a_row_is_noticed(tmp_path, monkeypatch, reader, data, rows):
    kind = "jsonl" if reader is LosingJson else "csv"
    monkeypatch.setitem(reading.READERS, kind, reader)
    error = refusal(written(tmp_path, data, f"v.{kind}"))
    assert error.code == "count_differs"
    assert f"{rows - 1} rows were read" in str(error)
    assert f"there are {rows}" in str(error)


@pytest.mark.parametrize("end", ["", " ", ",", "\x0b", "\u2028"])
def test_a_file_without_line_ends_is_refused_without_its_cells(tmp_path, end):
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


def test_each_of_many_unknown_keys_is_looked_up_a_few_times_only(tmp_path, monkeypatch):
    looked_up = []
    known = Headings.column
    monkeypatch.setattr(Headings, "column", lambda self, text: looked_up.append(text) or known(self, text))
    keys = "".join(f', "k{i}": 1' for i in range(3000))
    assert len(read(written(tmp_path, JSON[:-2] + keys.encode() + b"}\n", "v.jsonl"))[0]) == 1
    assert len(looked_up) < 4 * 3000


@pytest.mark.parametrize(
    ("heading", "is_shown"),
    [
        ("remarks", True),
        ("line of 2023", True),
        ("07700 900123", False),
        ("someone@example.org", False),
        ("46/123/22 x", False),
    ],
)
def test_a_heading_that_looks_personal_is_named_by_its_position(tmp_path, heading, is_shown):
    _, extract = read(written(tmp_path, f"visit_id,room,begun_at,note,{heading}\n1,a,b,c,d\n"))
    assert extract.unknown_columns == (heading if is_shown else "(cell 5 of the header)",)


def test_a_key_that_looks_personal_is_named_by_its_number(tmp_path):
    line = b'{"visit_id": "1", "room": "a", "begun_at": "b", "remarks": 1, "07700 900123": 2}\n'
    _, extract = read(written(tmp_path, line, "v.jsonl"))
    assert extract.unknown_columns == ("remarks", "(unknown key 2)")


def test_a_file_full_of_holes_is_refused_and_not_read(installation):
    path = installation.land("2022-11-01", text="")
    with path.open("wb") as file:
        file.truncate(LARGEST_EXTRACT + 1)
    error = refusal(path)
    assert (error.code, error.sha256) == ("unsafe", None)
    assert "expected at most 64 GiB" in str(error)
    (delivery,) = installation.run().deliveries
    assert "expected at most 64 GiB" in delivery.reason
    assert landing_files_with(installation.settings, CONTRACTS, "someone").unreadable == [f"visits/{path.name}"]
