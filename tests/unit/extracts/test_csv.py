"""Delimited text: what its rows are, which line is the header, and when its end is missing."""

import csv
import io
import random
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.contracts import CellType, Column
from dagster_project.extracts import container
from dagster_project.extracts.pieces import BLANKS
from dagster_project.extracts.reading import open_extract
from tests.cases import cases_of
from tests.unit.extracts.visits import HEADER, NAMES, VISITS, read, refusal, rows_of, rows_or_code, written

CASES = cases_of(__file__, H=HEADER, **{",Smith": ",Smith" * 21})
H = f"{HEADER}\n"
LONG = "x" * (1 << 20)


def test_every_contract_column_comes_as_text_and_null_where_the_file_lacks_it(tmp_path):
    with open_extract(written(tmp_path, f"{H}007,R1,2022-10-30 01:00,17s,\n2,a\n"), VISITS) as extract:
        (table,) = extract.batches()
    assert table.column_names == ["source_row", "fault", "fault_detail", "record_column", *NAMES, "day"]
    assert set(table.schema.types[1:]) == {pa.string()}
    cells = {"source_row": 2, "visit_id": "007", "room": "R1", "begun_at": "2022-10-30 01:00", "stay": "17s"}
    faulty = {"source_row": 3, "fault": "too_few_cells", "fault_detail": "2 instead of 5"}
    assert table.to_pylist() == [dict.fromkeys(table.column_names) | row for row in (cells, faulty)]


TABLES = CASES["tables"]
LARGE = {
    "a long line": (f"{H}2,a,b,c,{LONG}\n3,a,b,c,d\n", "2 unreadable_record; 3 3|a|b|c|d"),
    "half a million cells": (f"{H}1,a{',x' * 500_000}\n2,a,b,c,d\n", "2 too_many_cells; 3 2|a|b|c|d"),
    "16 mebibytes of quotes": (H + '"' * (16 << 20) + "\n2,a,b,c,d\n", "2 unreadable_record; 3 2|a|b|c|d"),
    "half a million cells behind the names": (f"visit_id,room,begun_at{',x' * 500_000}\n1,a,b\n", "no_header"),
    "49 lines of a preamble": ("x,y\n\n" * 49 + f"{H}1,a,b,c,d\n", "100 1|a|b|c|d"),
    "50 lines of a preamble": ("x,y\n" * 50 + f"{H}1,a,b,c,d\n", "no_header"),
}


@pytest.mark.parametrize(("text", "expected"), (TABLES | LARGE).values(), ids=TABLES | LARGE)
def test_a_text_has_these_rows_or_is_refused(tmp_path, text, expected):
    assert rows_or_code(written(tmp_path, text)) == expected


ENDS = CASES["ends"]


@pytest.mark.parametrize(("text", "end"), ENDS.values(), ids=ENDS)
def test_a_last_record_without_a_line_end_is_cut_off_if_it_is_like_a_part_of_a_row(tmp_path, text, end):
    under = replace(VISITS, columns=(*VISITS.columns, Column("force_code", CellType.TEXT, "")))
    path = written(tmp_path, text)
    if isinstance(end, int):
        error = refusal(path, under)
        assert error.code == "cut_off"
        found = "a quote is not closed" if '"' in text.splitlines()[end - 1] else "cells instead of"
        assert f"(line {end}) is cut off: " in str(error)
        assert found in str(error)
        assert rows_of(written(tmp_path, f"{text}\n"), under)
    else:
        assert rows_of(path, under)[-1].partition(" ")[2] == (end or "2|a|b|c|d")


@pytest.mark.parametrize(("last", "is_cut"), [("v3,room", True), ("Rows,9", False)])
def test_a_last_record_in_a_block_of_its_own_is_compared_with_the_block_before(tmp_path, monkeypatch, last, is_cut):
    text = H + "v1,room,2022,5,é\n" * 9
    monkeypatch.setattr(container, "_CHUNK", len(text.encode()))
    found = rows_or_code(written(tmp_path, text + last))
    assert found == "cut_off" if is_cut else found.endswith("; 11 too_few_cells")


@pytest.mark.parametrize(
    "second",
    [
        "visit_id,room,begun_at,note,stay,x",
        "note,Ref No,room,stay,begun_at,x",
        " _Begun - At ,room,visit_id,stay,note,x",
        "STRASSEN NR,room,visit id,begun at,stay,note",
    ],
)
@pytest.mark.parametrize("row", ["1,a,b,c,d,e", '1,a,"b b",c,d,e', ",,,,,", "é\udcff,é,b,c,d,e"])
def test_a_second_header_with_the_columns_in_other_places_rejects_the_file(tmp_path, second, row):
    lines = [f"{HEADER},straßen_nr", *[row] * 3, second, "2,a,b,c,d,e", ""]
    error = refusal(written(tmp_path, "\n".join(lines).encode(errors="surrogateescape")))
    assert error.code == "second_header"
    assert "row 5 is a header again" in str(error)


def test_names_that_the_contract_lacks_are_shown_unless_they_look_like_values(tmp_path):
    shown = {
        "remarks": "remarks",
        "x" * 100: "x" * 60,
        "https://e.example": r"https\u003a//e.example",
        "a\x1bb\u202e": r"a\x1bb\u202e",
        '"c\nd"': r"c\nd",
        "07700 900123": "(cell {} of the header)",
        "someone@example.org": "(cell {} of the header)",
        "46/123/22 x": "(cell {} of the header)",
    }
    _, extract = read(written(tmp_path, ",".join([HEADER, *shown]) + "\n" + "," * 12 + "x\n"))
    assert extract.found == NAMES
    assert extract.unknown_columns == tuple(text.format(6 + place) for place, text in enumerate(shown.values()))


def test_a_header_that_lost_its_line_end_shows_no_cell_of_the_row_behind_it(tmp_path):
    names = f"{HEADER},Ada Lovelace,a"
    positions = "(cell 6 of the header)", "(cell 7 of the header)"
    shown = {
        "1,a,b,c,d\n2,a,b,c,d\n": positions,
        "1,a,b,c,d,e,f\n2,a\n": ("Ada Lovelace", "a"),
        "Total,5\n": ("Ada Lovelace", "a"),
        "": ("Ada Lovelace", "a"),
    }
    for rest, unknown in shown.items():
        assert read(written(tmp_path, f"{names}\n{rest}"))[1].unknown_columns == unknown


REASONS = CASES["reasons"]


@pytest.mark.parametrize(("text", "reason"), REASONS.items())
def test_the_reason_for_a_refused_header_shows_no_other_cell(tmp_path, text, reason):
    error = refusal(written(tmp_path, text))
    assert error.code == reason[0]
    assert reason[1] in str(error)
    assert not any(value in str(error) for value in ("Smith", "Jones", "07700", "01:02:03"))
    named = [text for text in error.unknown_columns if text in ("Mrs Smith", "07700900000")]
    assert named == ["Mrs Smith"] * text.startswith("Mrs Smith,visit_id")


def test_a_contract_of_one_column_needs_one_cell(tmp_path):
    under = replace(VISITS, columns=(VISITS.column("visit_id"),))
    assert rows_of(written(tmp_path, "List of visits\nvisit_id\n7\n\n8\n"), under) == ["3 7", "5 8"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_blank_is_trimmed_inside_quotes_too_and_also_where_it_is_the_delimiter(tmp_path, encoding):
    blanks = [blank for blank in BLANKS if blank not in "\n\r"]
    plain = [f"1\t{blank}x{blank}\tb" for blank in blanks if blank != "\t"]
    quoted = [f'1\t"{blank}x{blank}"\tb' for blank in blanks]
    for lines in (plain, quoted, ['1\t"\t"\tb']):
        text = "\n".join(["visit_id\troom\tbegun_at", *lines, ""])
        room = "x" if len(lines) > 1 else ""
        assert {row.partition(" ")[2] for row in rows_of(written(tmp_path, text.encode(encoding)))} == {f"1|{room}|b"}


PLAIN = ["a", "b c", "", "", " ", "\u00a0", "\ufeff", " x", "y\u2003", "é", "Total", "\x0b", "-", "\x85", "\u2028"]
ODD = ['""', '"q"', '" q "', '"a""b"', '"a,b"', '"a;b"', '"x\ny"', '"x\ry"', '5" pipe', '"a"x', '"', "\x00"]


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data(), delimiter=st.sampled_from([",", ";", "\t", "|"]))
def test_small_blocks_change_no_row(tmp_path, data, delimiter):
    cells = st.sampled_from(PLAIN + ODD[: data.draw(st.sampled_from([0, 0, 6, len(ODD)]))])
    line = st.lists(cells, min_size=5, max_size=5).map(delimiter.join)
    odd = st.sampled_from(["", delimiter * 4, " ", delimiter * 7, delimiter.join("abc"), delimiter.join("abcdefg")])
    lines = data.draw(st.lists(line | line | line | line | odd, max_size=12))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    last = data.draw(st.sampled_from(["", end]))
    path = written(tmp_path, end.join([HEADER.replace(",", delimiter), *lines]) + last)
    found = rows_or_code(path)
    with pytest.MonkeyPatch.context() as patch:
        # The size of a block.
        patch.setattr(container, "_CHUNK", data.draw(st.integers(40, 90)))
        assert not last or rows_or_code(path) == found


def test_a_quote_at_any_place_changes_one_row_at_most(tmp_path):
    chance = random.Random(7)
    for quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC):
        text = io.StringIO(newline="")
        writer = csv.writer(text, quoting=quoting, lineterminator="\n")
        writer.writerow(NAMES)
        writer.writerows([i, chance.choice(["", "a", "a b", "a,b"]), f"t{i}", 5, ""] for i in range(12))
        whole = text.getvalue()
        clean = rows_of(written(tmp_path, whole))
        for place in range(whole.index("\n") + 1, len(whole)):
            found = rows_of(written(tmp_path, whole[:place] + '"' + whole[place:]))
            changed = whole.count("\n", 0, place) - 1
            assert [row for i, row in enumerate(found) if i != changed] == clean[:changed] + clean[changed + 1 :]
            assert found[changed].split()[0] == clean[changed].split()[0]
