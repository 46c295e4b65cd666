from pathlib import Path

import pytest

from tests.unit.extract_helpers import faults, numbered, read, refusal, written

GOOD = '{"visit_id": "1", "room": "a", "begun_at": "b"}'


def records(folder: Path, *lines: str, end: str = "\n", last_end: str | None = None) -> Path:
    return written(folder, end.join(lines) + (end if last_end is None else last_end), "visits_2022-10-30.jsonl")


def test_numbers_keep_their_text_and_booleans_and_null_are_what_they_are(tmp_path):
    line = '{"visit_id": 12345678901234567890, "room": 1.50, "begun_at": 1e5, "stay": true, "note": null}'
    rows, extract = read(records(tmp_path, line))
    assert rows == [
        {"source_row": 1, "visit_id": "12345678901234567890", "room": "1.50", "begun_at": "100000", "stay": "true"}
    ]
    assert extract.found == ("visit_id", "room", "begun_at", "stay", "note")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1.0", "1"),
        ("-17.00", "-17"),
        ("1.5e3", "1500"),
        ("1E-3", "0.001"),
        ("10.05", "10.05"),
        ("100", "100"),
        ("1e400", "1e400"),
        ("1e9999999999999999999", "1e9999999999999999999"),
        ("NaN", "NaN"),
    ],
)
def test_numbers_have_neither_exponent_nor_a_point_where_they_are_whole(tmp_path, number, text):
    rows, _ = read(records(tmp_path, GOOD[:-1] + f', "stay": {number}}}'))
    assert rows[0]["stay"] == text


@pytest.mark.parametrize(
    "lines",
    [
        ['{"visit_id": 1, "Ref No": 2, "room": "a", "begun_at": "b"}'],
        [GOOD, '{"Ref No": 2}'],
        [GOOD] * 100 + ['{"VISIT ID": 2}'],
    ],
)
def test_two_keys_of_one_column_reject_the_file(tmp_path, lines):
    error = refusal(records(tmp_path, *lines))
    assert error.code == "duplicate_column"
    assert "visit_id" in str(error)


def test_keys_match_like_headers_and_unknown_ones_are_named(tmp_path):
    rows, extract = read(records(tmp_path, '{"Ref No": 1, "ROOM": 2, "begun at": 3, "caller": "x"}'))
    assert rows == [{"source_row": 1, "visit_id": "1", "room": "2", "begun_at": "3"}]
    assert extract.unknown_columns == ("caller",)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_are_ignored(tmp_path, end):
    rows, _ = read(records(tmp_path, "\ufeff", GOOD, "", "  ", GOOD, end=end))
    assert [row["source_row"] for row in rows] == [1, 2]


def test_keys_may_come_in_any_order_and_be_missing(tmp_path):
    rows, _ = read(records(tmp_path, GOOD, '{"begun_at": "x"}', '{"room": "y", "visit_id": "z", "day": "d"}'))
    assert rows[1:] == [
        {"source_row": 2, "begun_at": "x"},
        {"source_row": 3, "visit_id": "z", "room": "y", "day": "d"},
    ]


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        "1",
        "null",
        '"text"',
        '{"visit_id": 1',
        GOOD[:20],
        "nonsense",
        '{"visit_id": [1]}',
        '{"visit_id": {"a": 1}}',
        '{"visit_id": 1, "visit_id": 1}',
        '{"visit_id": "a\\u0000"}',
        '{"visit_id": "\\ud800"}',
        "[" * 100_000,
        '{"room": "' + "x" * (1 << 20) + '"}',
    ],
)
def test_a_record_that_is_not_an_object_of_single_values_is_a_fault(tmp_path, line):
    rows, _ = read(records(tmp_path, GOOD, line, GOOD))
    assert faults(rows) == [(2, "unreadable_record")]
    assert set(rows[1]) == {"source_row", "fault", "fault_detail"}


def test_nested_values_of_unknown_keys_do_no_harm(tmp_path):
    rows, _ = read(records(tmp_path, GOOD[:-1] + ', "extra": {"a": [1]}}'))
    assert faults(rows) == []


def test_a_required_column_that_no_record_has_rejects_the_file(tmp_path):
    error = refusal(records(tmp_path, '{"visit_id": 1, "room": 2}', '{"visit_id": 1}'))
    assert error.code == "missing_column"
    assert "begun_at" in str(error)


def test_a_required_column_that_a_late_record_has_is_found(tmp_path):
    rows, extract = read(records(tmp_path, *['{"visit_id": 1, "room": 2}'] * 100, GOOD))
    assert len(rows) == 101
    assert "begun_at" in extract.found


def test_a_totals_record_is_left_out(tmp_path):
    rows, _ = read(records(tmp_path, GOOD, '{"caller": null, "visit_id": "Total", "room": 1}'))
    assert [row["visit_id"] for row in rows] == ["1"]


def test_lines_over_many_blocks_keep_their_numbers(tmp_path):
    lines = [GOOD.replace('"1"', str(i)) for i in range(60_000)]
    rows, _ = read(records(tmp_path, *lines))
    assert numbered(rows) == [(i + 1, str(i)) for i in range(60_000)]


@pytest.mark.parametrize("kept", range(1, len(GOOD)))
def test_a_last_record_that_is_cut_off_rejects_the_file(tmp_path, kept):
    error = refusal(records(tmp_path, *[GOOD] * 3, GOOD[:kept], last_end=""))
    assert error.code == "cut_off"
    assert "the last record (4)" in str(error)


def test_a_last_record_cut_off_inside_a_character_rejects_the_file(tmp_path):
    path = records(tmp_path, GOOD, GOOD.replace('"a"', '"é"'))
    data = path.read_bytes()
    path.write_bytes(data[: data.index("é".encode()) + 1])
    assert refusal(path).code == "cut_off"


def test_a_single_cut_record_is_cut_off_and_other_text_is_refused(tmp_path):
    assert refusal(records(tmp_path, GOOD[:20], last_end="")).code == "cut_off"
    assert refusal(records(tmp_path, "visit_id,room", "1,a", last_end="")).code == "wrong_extension"


def test_a_last_record_without_a_line_end_is_read(tmp_path):
    assert len(read(records(tmp_path, GOOD, GOOD, last_end=""))[0]) == 2


def test_a_few_bad_bytes_are_faults_of_their_records(tmp_path):
    def record(room: bytes, key: bytes = b"note") -> bytes:
        return b'{"visit_id": "1", "room": "' + room + b'", "begun_at": "b\\u00e9", "' + key + b'": "x"}'

    lines = [record("éééééé".encode()), record(b"a\xe9"), record(b"a", b"caf\xe9"), record(b"a", b"x") + b"\xe9"]
    rows, extract = read(written(tmp_path, b"\n".join([*lines, b""]), "v.jsonl"))
    assert faults(rows) == [(2, "invalid_utf_8"), (3, "invalid_utf_8"), (4, "unreadable_record")]
    assert [row.get("record_column") for row in rows] == [None, "room", None, None]
    assert rows[2]["fault_detail"] == "in a key, or a value that is not loaded"
    assert extract.unknown_columns == ()
