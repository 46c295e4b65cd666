import csv
import io
import random
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.contracts import CellType, Column
from dagster_project.extracts.csv import CsvReader
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.pieces import BLANKS
from dagster_project.extracts.reading import open_extract
from tests.unit.extract_helpers import (
    HEADER,
    NAMES,
    contract,
    faults,
    numbered,
    read,
    refusal,
    single_contract,
    written,
)


def test_every_contract_column_comes_as_text_and_null_where_the_file_lacks_it(tmp_path):
    path = written(tmp_path, f"{HEADER}\n007,R1,2022-10-30 01:00,17s,\n")
    with open_extract(path, contract()) as extract:
        (table,) = extract.batches()
    assert table.column_names == ["source_row", "fault", "fault_detail", "record_column", *NAMES, "day"]
    assert set(table.schema.types[1:]) == {pa.string()}
    cells = {"source_row": 2, "visit_id": "007", "room": "R1", "begun_at": "2022-10-30 01:00", "stay": "17s"}
    assert table.to_pylist() == [dict.fromkeys(table.column_names) | cells]


def test_headers_match_by_alias_and_without_case_spaces_and_dashes(tmp_path):
    rows, extract = read(written(tmp_path, "Ref-No, ROOM ,Begun At,Caller\n1,2,3,4\n"))
    assert rows == [{"source_row": 2, "visit_id": "1", "room": "2", "begun_at": "3"}]
    assert extract.found == ("visit_id", "room", "begun_at")
    assert extract.unknown_columns == ("Caller",)


def test_an_unknown_column_name_is_cut(tmp_path):
    _, extract = read(written(tmp_path, f"visit,room,begun_at,{'x' * 100}\n"))
    assert extract.unknown_columns == ("x" * 60,)


def test_an_address_in_an_unknown_column_name_is_not_one_that_a_page_of_log_lines_links(tmp_path):
    _, extract = read(written(tmp_path, f"{HEADER},https://e.example\n"))
    assert extract.unknown_columns == (r"https\u003a//e.example",)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(tmp_path, delimiter, end):
    lines = [HEADER, "1,a,b,c,d", '2,a,"b' + end + 'b",c,d', "3,a,b,c,d"]
    text = end.join(line.replace(",", delimiter) for line in lines) + end
    rows, _ = read(written(tmp_path, text))
    assert numbered(rows) == [(2, "1"), (3, "2"), (5, "3")]
    assert rows[1]["begun_at"] == f"b{end}b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEADER}", []),
        (f"{HEADER}\n1,a,b,c,d\n2,a,b,c,d", [(2, "1"), (3, "2")]),
        (
            f'Visits; all\n"run on",30/10/2022\n\n{HEADER}\n\n1,a,b,c,d\n , ,\n,,,,\n2,a,b,c,d\n Grand Total: ,2\n\n',
            [(6, "1"), (9, "2")],
        ),
        (f"{HEADER}\nTotal,a,b,c,d\n1,a,b,c,d\nTotal loss,a,b,c,d\n", [(2, "Total"), (3, "1"), (4, "Total loss")]),
        (f"{HEADER}\n1,a,b,c,d\n{HEADER}\n2,a,b,c,d\n", [(2, "1"), (3, "visit_id"), (4, "2")]),
        (f'{HEADER}\n1,a,b,c,d\n\ufeff"2","a",b,c,d\n', [(2, "1"), (3, "2")]),
    ],
    ids=["header only", "last line without end", "preamble, blanks, totals", "totals last", "first header", "mark"],
)
def test_rows_have_the_numbers_of_their_lines(tmp_path, text, expected):
    rows, _ = read(written(tmp_path, text))
    assert (numbered(rows), faults(rows)) == (expected, [])


@pytest.mark.parametrize("last", ["3,a", "3,a,b,c", '3,a,b,c,"d', '3,"a\nmore', '3,"a\nmore, and\nmore,', '"3'])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_last_record_that_is_cut_off_rejects_the_file(tmp_path, last, end):
    lines = [HEADER, "1,a,b,c,d", '2,"a",b,c,d', *last.split("\n")]
    error = refusal(written(tmp_path, end.join(lines)))
    assert error.code == "cut_off"
    assert "line 4" in str(error)
    rows, _ = read(written(tmp_path, end.join([*lines, ""])))
    assert numbered(rows)[:2] == [(2, "1"), (3, "2")]


@pytest.mark.parametrize(
    ("last", "count"),
    [
        ("3,a,b,c,d", 3),
        ('3,a,b,c,"d"', 3),
        ("(245 rows affected)", 3),
        ("\x1a", 3),
        ("Total,245", 2),
        ("3,a,b,c,d,,", 3),
        ('3,"a"x,b,c,d', 3),
        ("Report generated 31/10/2022, 09:15", 3),
        ("Rows,30", 3),
        ('"Rows: 30","x"', 3),
        (",30", 3),
        (",,", 2),
        (" ,\t", 2),
    ],
)
def test_a_last_line_that_is_no_cut_record_needs_no_end(tmp_path, last, count):
    rows, _ = read(written(tmp_path, f'{HEADER}\n1,a,b,c,d\n2,"a",b,c,d\n{last}'))
    assert len(rows) == count


@pytest.mark.parametrize(
    ("above", "last", "is_cut"),
    [
        ("CAD-22-0917", "CAD-22-10", True),
        ("03f-9b", "a-1", True),
        ("999", "999", True),
        ("kent", "kent", True),
        ("kent", "Rows", False),
        ("CAD-22-0917", "31/10/2022", False),
        ("CAD-22-0917", "note,a", True),
        ("CAD-22-0917", "Rows,30,31/10/2022", False),
    ],
)
@pytest.mark.parametrize("count", [1, 200_000])
def test_a_short_last_record_is_cut_off_if_its_cells_are_like_those_above(tmp_path, above, last, is_cut, count):
    path = written(tmp_path, HEADER + f"\n{above},a,b,c,d" * count + f"\n{last},a")
    if is_cut:
        assert refusal(path).code == "cut_off"
    else:
        rows, _ = read(path)
        assert faults(rows) == [(count + 2, "too_few_cells")]


@pytest.mark.parametrize(
    ("header", "last", "is_cut"),
    [
        (HEADER, "C-0000001,1,2022-10-30 10:0", True),
        (HEADER, "1,a", True),
        (f"\n{HEADER}\n\n,,", "1,a", True),
        (HEADER, "ward,a,2022-10-30 10:00,5", True),
        (HEADER, "ward,a,30/10/2022 10:00:00,5", True),
        ("room,visit_id,begun_at,stay", "ward,C-0000001,20", True),
        ("force_code,visit_id,room,begun_at", "kent,1000001,a", True),
        ("force_code,visit_id,room,begun_at", "Kent,C-00", True),
        (HEADER, "Rows: 0,x", False),
        (HEADER, "No calls,30 October", False),
        ("visit_id,begun_at,stay,room", "TRL,20221102,0", False),
        ("visit_id,begun_at,stay,room", "TRL,2022-11-02,0", False),
        ("visit_id,begun_at,stay,room", "TRL,02/11/2022,0", False),
        ("visit_id,begun_at,stay,room", "EOF,0,", False),
        (HEADER, "Rows,0,,", False),
        (HEADER, "End of report,1,", False),
        ("room,visit_id,begun_at,stay", "TRL,20221102,0", False),
        ("force_code,visit_id,room,begun_at", "TRL,C-0000001,0", False),
    ],
)
def test_a_single_short_record_is_cut_off_unless_it_is_a_trailer(tmp_path, header, last, is_cut):
    path = written(tmp_path, f"{header}\n{last}")
    under = replace(contract(), columns=(*contract().columns, Column("force_code", CellType.TEXT, "")))
    width, line = header.strip("\n,").count(",") + 1, header.count("\n") + 2
    if is_cut:
        error = refusal(path, under)
        assert error.code == "cut_off"
        assert f"(line {line}) is cut off: {last.count(',') + 1} cells instead of {width}" in str(error)
    else:
        rows, _ = read(path, under)
        assert faults(rows) == [(line, "too_few_cells")]


@pytest.mark.parametrize("count", [1, 200_000])
def test_a_last_record_is_not_cut_off_if_all_rows_have_fewer_cells_than_the_header(tmp_path, count):
    rows, _ = read(written(tmp_path, HEADER + "\nv1,a,2022-10-30 10:00,5" * (count + 1)))
    assert len(faults(rows)) == count + 1


def test_a_short_last_record_may_begin_with_a_column_that_is_not_in_the_contract(tmp_path):
    text = f"row_no,{HEADER}\n" + "".join(f"{number},v{number},a,b,c,d\n" for number in range(1, 500))
    assert refusal(written(tmp_path, text + "500,v5")).code == "cut_off"


def test_a_last_record_in_a_block_of_its_own_is_compared_with_the_block_before(tmp_path):
    text = HEADER + "\n" + "v1,room,2022,5,é\n" * 29_000
    text += f"v2,room,2022,5,{'x' * ((1 << 19) - len(text.encode()) - 16)}\n"
    assert len(text.encode()) == 1 << 19
    assert refusal(written(tmp_path, text + "v3,room")).code == "cut_off"
    rows, _ = read(written(tmp_path, text + "Rows,29001"))
    assert faults(rows) == [(29_003, "too_few_cells")]


LONG = "x" * (1 << 20)


@pytest.mark.parametrize(
    ("text", "expected", "last"),
    [
        (
            '1,a\x00,b,c,d\n2,"a,b,c,d\n3,\x00\n4,a,b,c,d\n',
            ["unreadable_record", "unbalanced_quote", "unreadable_record", None],
            "4abcd",
        ),
        (f"1,a,b,c,d\n2,a,b,c,{LONG}\n3,a,b,c,d\n", [None, "unreadable_record", None], "3abcd"),
        (
            '1,a,",c,d\n2,e,f,g,h\n3,i,",k,l\n4,m,"n\no, p",q,r\n',
            ["unbalanced_quote", None, "unbalanced_quote", None],
            ["4", "m", "n\no, p", "q", "r"],
        ),
        (
            '1,a,"b\n2,e,f,g,h\nj",k,l\n3,a,"one, two\nthree, four\nfive, six",c,d\n',
            ["unbalanced_quote", None, "too_few_cells", None],
            ["3", "a", "one, two\nthree, four\nfive, six", "c", "d"],
        ),
    ],
    ids=["NUL characters", "a line of a mebibyte", "two stray quotes", "stray quotes in broken rows"],
)
def test_a_faulty_record_spoils_no_other_row(tmp_path, text, expected, last):
    rows, _ = read(written(tmp_path, f"{HEADER}\n{text}"))
    assert [(row["source_row"], row.get("fault")) for row in rows] == list(enumerate(expected, 2))
    assert rows[-1] == {"source_row": len(rows) + 1} | dict(zip(NAMES, last, strict=True))


def test_a_second_header_with_more_columns_leaves_the_rows_above_it(tmp_path):
    rows, _ = read(written(tmp_path, "visit_id,room,begun_at,stay\n1,a,b,c\n2,a,b,c\n" + HEADER + "\n3,a,b,c,d\n"))
    assert numbered(rows) == [(2, "1"), (3, "2"), (4, None), (5, None)]
    assert faults(rows) == [(4, "too_many_cells"), (5, "too_many_cells")]


@pytest.mark.parametrize(
    "second",
    [
        "visit_id,room,begun_at,note,stay",
        "note,Ref No,room,stay,begun_at",
        "ROOM,Visit_ID,begun_at,stay,note",
        " _Begun - At ,room,visit_id,stay,note",
    ],
)
@pytest.mark.parametrize("count", [3, 200_000])
def test_a_second_header_with_the_columns_in_other_places_rejects_the_file(tmp_path, second, count):
    error = refusal(written(tmp_path, HEADER + "\n1,a,b,c,d" * count + f"\n{second}\n2,a,b,c,d\n"))
    assert error.code == "second_header"
    assert f"row {count + 2} " in str(error)


@pytest.mark.parametrize(
    "second", ["Straßen-Nr,room,begun at,stay,VISIT ID", "STRASSEN NR,room,visit id,begun at,stay"]
)
@pytest.mark.parametrize("row", ["1,a,b,c,d", '1,a,"b\nb",c,d', ",a,b,c,d", ",,,,"])
def test_a_second_header_is_found_however_it_is_spelled(tmp_path, second, row):
    lines = ["visit_id,room,begun_at,stay,straßen_nr", *[row] * 3, second, row]
    assert refusal(written(tmp_path, "\n".join([*lines, ""]))).code == "second_header"


def test_a_second_header_is_found_beside_bytes_that_are_no_characters(tmp_path):
    lines = [HEADER, *["ééé,a,b,c,d"] * 300, "ROOM,Visit Id,begun_at,stay,note", "2,a,b,c,d", ""]
    data = "\n".join(lines).encode()
    assert refusal(written(tmp_path, data.replace(b"\n2,a", b"\n\xff2,a"))).code == "second_header"


def test_a_row_that_only_begins_like_a_header_is_a_row(tmp_path):
    rows, _ = read(written(tmp_path, f"{HEADER}\nroom,a,b,c,d\nvisit id,room,b,c,d\n"))
    assert [row["visit_id"] for row in rows] == ["room", "visit id"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (f"{HEADER}\n1,a,b,c,d\n2,{'x' * (17 << 20)}".encode(), "line_too_long"),
        (f'{HEADER},"more\n1,a,b,c,d,e"\n2,a,b,c,d,e\n'.encode(), "no_header"),
        (b'\n{"visit_id": 1}\n', "wrong_extension"),
        *((HEADER.encode() + b"\n1,a" + byte + b",b,c,d\n", "bad_encoding") for byte in (b"\x81", b"\x8d", b"\x8f")),
        *((HEADER.encode() + b"\n1,a" + byte + b",b,c,d\n", "bad_encoding") for byte in (b"\x90", b"\x9d")),
    ],
    ids=["endless line", "quote in the header", "JSON", *("\\x81", "\\x8d", "\\x8f", "\\x90", "\\x9d")],
)
def test_an_unreadable_file_is_refused(tmp_path, data, code):
    assert refusal(written(tmp_path, data)).code == code


def test_quoted_delimiters_and_doubled_quotes(tmp_path):
    rows, _ = read(written(tmp_path, f'{HEADER}\n1,"a, b","say ""hi""",5" pipe,\n'))
    assert rows == [{"source_row": 2, "visit_id": "1", "room": "a, b", "begun_at": 'say "hi"', "stay": '5" pipe'}]


@pytest.mark.parametrize("word", ["Total", "TOTALS", "grand total", "Total:", "Totals :"])
def test_a_totals_row_is_known_by_its_first_cell_with_text(tmp_path, word):
    rows, _ = read(written(tmp_path, f"{HEADER}\n1,a,b,c,d\n,{word},9,,\n"))
    assert [row["visit_id"] for row in rows] == ["1"]


def test_a_totals_row_alone_is_an_empty_day(tmp_path):
    rows, extract = read(written(tmp_path, f"{HEADER}\nTotal,0,,,\n"))
    assert rows == []
    assert extract.found == NAMES


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_header_in_the_last_line_needs_no_end(tmp_path, end):
    rows, extract = read(written(tmp_path, f"List of visits{end}{HEADER}"))
    assert rows == []
    assert extract.found == NAMES


def test_a_contract_of_one_column_needs_one_cell(tmp_path):
    rows, _ = read(written(tmp_path, "List of visits\nvisit_id\n7\n\n8\n"), single_contract())
    assert rows == [{"source_row": 3, "visit_id": "7"}, {"source_row": 5, "visit_id": "8"}]


def test_cells_are_trimmed_of_blanks_and_byte_order_marks_but_not_inside(tmp_path):
    rows, _ = read(written(tmp_path, f"\ufeff{HEADER}\n\ufeff\u00a01\u00a0, a  b ,\u2003x\u3000,\t,\ufeff\n"))
    assert rows == [{"source_row": 2, "visit_id": "1", "room": "a  b", "begun_at": "x"}]


def test_both_engines_trim_the_same(tmp_path):
    cells = [f"{blank}x{blank}" for blank in BLANKS if blank not in "\n\r"]
    plain = "\n".join(f"1,{cell},b,c,d" for cell in cells)
    quoted = "\n".join(f'1,"{cell}",b,c,d' for cell in cells)
    filler = "0,a,b,c,d\n" * 60_000
    by_arrow, _ = read(written(tmp_path, f"{HEADER}\n{filler}{plain}\n"))
    by_module, _ = read(written(tmp_path, f"{HEADER}\n{filler}{quoted}\n"))
    assert by_arrow == by_module
    assert {row["room"] for row in by_arrow} == {"a", "x"}


def test_a_trailing_delimiter_adds_no_cell(tmp_path):
    rows, extract = read(written(tmp_path, f"{HEADER},\n1,a,b,c,d,\n2,a,b,c,d\n3,a,b,c,d,,,\n"))
    assert faults(rows) == []
    assert len(rows) == 3
    assert extract.unknown_columns == ()


def test_rows_of_the_wrong_number_of_cells_are_faults_without_content(tmp_path):
    rows, _ = read(written(tmp_path, f"{HEADER}\n1,secret\n2,a,b,c,d,secret\n3,a,b,c,d\n"))
    assert faults(rows) == [(2, "too_few_cells"), (3, "too_many_cells")]
    assert rows[0]["fault_detail"] == "2 instead of 5"
    assert "secret" not in str(rows)
    assert rows[2]["visit_id"] == "3"


def test_a_cell_of_half_a_mebibyte_is_read(tmp_path):
    rows, _ = read(written(tmp_path, f'{HEADER}\n1,a,b,c,"{"x" * (1 << 19)}"\n'))
    assert len(rows[0]["note"]) == 1 << 19


@pytest.mark.parametrize("row", ['2,"a,b,c,d', '2,a,b,c,"', '2,"a"x,b,c,d', '"2,a,b,c,d'])
@pytest.mark.parametrize("rest", ["3,a,b,c,d\n4,a,b,c,d\n", '3,"a",b,c,d\n4,a,b,c,d\n', '3,a,b,c,"d"\n4,"a,a",b,c,d\n'])
def test_a_stray_quote_loses_no_row(tmp_path, row, rest):
    rows, _ = read(written(tmp_path, f"{HEADER}\n1,a,b,c,d\n{row}\n{rest}"))
    assert faults(rows) == [(3, "unbalanced_quote")]
    assert numbered(rows) == [(2, "1"), (3, None), (4, "3"), (5, "4")]


@pytest.mark.parametrize("between", ["\n", "remark\n", "9,x\n"])
def test_two_stray_quotes_do_not_join_lines_that_are_not_rows(tmp_path, between):
    rows, _ = read(written(tmp_path, f'{HEADER}\n"1,0",a,"b,c,d\n{between}2,e,f,g,h\n3,i,j",k,"l,m"\n'))
    codes = {row["source_row"]: row.get("fault") for row in rows}
    assert codes.pop(3, None) == (None if between == "\n" else "too_few_cells")
    assert codes == {2: "unbalanced_quote", 4: None, 5: None}
    assert rows[-1]["begun_at"] == 'j"'


def test_a_header_that_lost_its_line_end_names_no_cell_of_the_row_behind_it(tmp_path):
    rows, extract = read(written(tmp_path, f"{HEADER},Ada Lovelace,a,b,c,d\n2,a,b,c,d\n3,a,b,c,d\n"))
    assert faults(rows) == [(2, "too_few_cells"), (3, "too_few_cells")]
    assert extract.unknown_columns == tuple(f"(cell {place} of the header)" for place in range(6, 11))


def test_an_unknown_heading_is_named_where_a_row_is_whole_or_none_is_there(tmp_path):
    for rest in ("1,a,b,c,d,e\n2,a\n", "", "Total,5\n"):
        assert read(written(tmp_path, f"{HEADER},Extra\n{rest}"))[1].unknown_columns == ("Extra",)


def test_a_line_feed_in_a_header_is_not_a_line_end_of_a_file_with_carriage_returns(tmp_path):
    lines = [HEADER.replace("visit_id", '"visit\nid"'), *(f"{i},a,b,c,{'d' * 60_000}" for i in range(20)), ""]
    rows, _ = read(written(tmp_path, "\r".join(lines)))
    assert [row["source_row"] for row in rows] == list(range(3, 23))


def test_a_stray_quote_early_in_a_long_file_loses_no_row(tmp_path):
    body = "".join(f'{i},"a",b,c,d\n' if i % 2 else f"{i},a,b,c,d\n" for i in range(100_000))
    rows, _ = read(written(tmp_path, f'{HEADER}\nx,"a,b,c,d\n{body}'))
    assert faults(rows) == [(2, "unbalanced_quote")]
    assert [row["visit_id"] for row in rows[1:]] == [str(i) for i in range(100_000)]


def test_a_record_may_cross_the_blocks_that_are_read(tmp_path):
    body = "".join(f'{i},"a\na",b,c,d\n' for i in range(100_000))
    rows, _ = read(written(tmp_path, f"{HEADER}\n{body}"))
    assert faults(rows) == []
    assert [row["source_row"] for row in rows] == [2 + 2 * i for i in range(100_000)]


def test_line_numbers_hold_over_plain_and_quoted_blocks(tmp_path):
    rng = random.Random(7)
    lines = []
    for i in range(120_000):
        # Runs of plain lines are longer than a block, so that both engines take turns.
        if 40_000 < i < 41_000 and i % 3 == 0:
            lines.append(f'{i},"a,a",b,c,d')
        elif i % 30_011 == 0:
            lines.append("")
        elif i % 20_011 == 0:
            lines.append(f"{i},a")
        else:
            lines.append(f"{i},{rng.random()},b,c,d")
    rows, _ = read(written(tmp_path, "\n".join([HEADER, *lines]) + "\n"))
    assert [row["source_row"] for row in rows] == [i + 2 for i, line in enumerate(lines) if line]
    for row in rows:
        expected = lines[row["source_row"] - 2]
        assert row.get("visit_id") == (None if expected.count(",") == 1 else expected.split(",")[0])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path, encoding):
    rows, _ = read(written(tmp_path, f"{HEADER}\n1,Café £5 €,b,c,d\n".encode(encoding)))
    assert rows[0]["room"] == "Café £5 €"


def test_the_encoding_is_decided_by_the_whole_file(tmp_path):
    filler = "0,a,b,c,d\n" * 200_000
    rows, _ = read(written(tmp_path, f"{HEADER}\n1,é,b,c,d\n{filler}2,é,b,c,d\n".encode("cp1252")))
    assert (rows[0]["room"], rows[-1]["room"]) == ("é", "é")


def test_other_separators_of_unicode_do_not_end_a_line(tmp_path):
    rows, _ = read(written(tmp_path, f"{HEADER}\n1,a\u2028a,b\x0bb,c\x85c,d\x1ed\n2,a,b,c,d\n"))
    assert [row["source_row"] for row in rows] == [2, 3]
    assert rows[0]["room"] == "a\u2028a"


def test_a_missing_required_column_is_named_and_unknown_cells_are_only_counted(tmp_path):
    error = refusal(written(tmp_path, "Mrs Smith,visit_id,room,07700900000\n1,2,3,4\n"))
    assert error.code == "missing_column"
    assert all(text in str(error) for text in ("begun_at", "visit_id, room", "positions 1, 4"))
    assert not any(text in str(error) for text in ("Smith", "07700"))


def test_a_file_without_header_tells_no_cell(tmp_path):
    error = refusal(written(tmp_path, "Mrs Smith,1,2\nMr Jones,3,4\n"))
    assert error.code == "no_header"
    assert "Smith" not in str(error)
    assert "2 rows" in str(error)
    assert "3 cells" in str(error)


def test_two_cells_of_one_column_reject_the_file(tmp_path):
    error = refusal(written(tmp_path, "visit_id,room,begun_at,Ref No\n1,2,3,4\n"))
    assert error.code == "duplicate_column"
    assert "visit_id (cells 1, 4)" in str(error)


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=8
) | st.sampled_from(["", " ", '"', '""', "a,b", "x\ny", "x\r\ny", "x\ry", '5" pipe', "'", "\\", "|;\t,"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_the_csv_module_writes_is_read_back(tmp_path, rows, delimiter, quoting, end):
    # The module quotes only the line breaks of its own line end.
    end = end if quoting == csv.QUOTE_ALL else "\r\n"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(NAMES)
    expected = []
    for i, row in enumerate(rows):
        # Every line break inside the cells before it moves a record down.
        start = len(list(io.StringIO(text.getvalue(), newline=""))) + 1
        writer.writerow([i, *row])
        cells = {name: cell.strip(BLANKS) for name, cell in zip(NAMES, [str(i), *row], strict=True)}
        expected.append({"source_row": start, **{name: cell for name, cell in cells.items() if cell}})
    assert read(written(tmp_path, text.getvalue()))[0] == expected


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]))
def test_a_quote_at_any_place_changes_one_row_at_most(tmp_path, data, quoting):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")
    writer.writerow(NAMES)
    for i in range(12):
        writer.writerow([i, data.draw(st.sampled_from(["", "a", "a b", "a,b"])), f"t{i}", 5, ""])
    whole = text.getvalue()
    clean, _ = read(written(tmp_path, whole))
    place = data.draw(st.integers(whole.index("\n") + 1, len(whole) - 1))
    mutated, _ = read(written(tmp_path, whole[:place] + '"' + whole[place:]))
    assert [row["source_row"] for row in mutated] == [row["source_row"] for row in clean]
    changed = whole.count("\n", 0, place) + 1
    assert [r for r in mutated if r["source_row"] != changed] == [r for r in clean if r["source_row"] != changed]


PLAIN_CELLS = [
    "a",
    "b c",
    "",
    "",
    " ",
    "\u00a0",
    "\ufeff",
    " x",
    "y\u2003",
    "é",
    "Total",
    "\x0b",
    "-",
    "\x85",
    "\u2028",
]
ODD_CELLS = [
    '""',
    '"q"',
    '" q "',
    '"a""b"',
    '""""',
    '"a,b"',
    '"a;b"',
    '"x\ny"',
    '"x\ry"',
    '5" pipe',
    '"a"x',
    'a"',
    '"',
    "\x00",
]


def rows_or_refusal(path):
    try:
        return read(path)[0]
    except UnreadableExtract as error:
        return error.code, str(error)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), delimiter=st.sampled_from([",", ";", "\t", "|"]))
def test_both_engines_read_the_same(tmp_path, data, delimiter):
    safe = st.sampled_from(PLAIN_CELLS + ODD_CELLS[: data.draw(st.sampled_from([0, 0, 6, len(ODD_CELLS)]))])
    line = st.lists(safe, min_size=5, max_size=5).map(delimiter.join)
    odd = st.sampled_from(["", delimiter * 4, " ", delimiter * 7, delimiter.join("abc"), delimiter.join("abcdefg")])
    lines = data.draw(st.lists(line | line | line | line | odd, max_size=12))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    last = data.draw(st.sampled_from(["", end]))
    path = written(tmp_path, end.join([HEADER.replace(",", delimiter), *lines]) + last)
    fast = rows_or_refusal(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CsvReader, "_plain_piece", lambda *_: None)
        slow = rows_or_refusal(path)
    assert fast == slow


@pytest.mark.parametrize("cell", ['"\t"', '"\ta"', '"a\t"', '" a "', '"a"'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_quoted_tab_at_an_end_of_a_cell_is_trimmed_under_tabs(tmp_path, cell, encoding):
    lines = [HEADER.replace(",", "\t"), f"1\t{cell}\tb\tc\td", "2\ta\tb\tc\td", ""]
    rows, _ = read(written(tmp_path, "\n".join(lines).encode(encoding)))
    assert rows[0].get("room") == (cell.strip('" \t') or None)
