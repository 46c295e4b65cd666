"""JSON Lines: what a record is, how its values become text, and when the last one is cut off."""

import pytest

from dagster_project.extracts import jsonl
from dagster_project.extracts.header import Headings
from tests.unit.extracts.visits import JSON, read, refusal, rows_of, rows_or_code, written

GOOD = JSON.decode().strip()


def with_value(value: str, key: str = "stay") -> str:
    """A good record with another member."""
    return f'{GOOD[:-1]}, "{key}": {value}}}'


VALUES = {
    '"17s"': "17s",
    "1.50": "1.50",
    "1.0": "1",
    "10.05": "10.05",
    "1e5": "100000",
    "1.5e3": "1500",
    "1E-3": "0.001",
    "1e30": f"1{'0' * 30}",
    "1e31": "1e31",
    "1e-31": "1e-31",
    "1e9999999999999999999": "1e9999999999999999999",
    "NaN": "NaN",
    "true": "true",
    "null": "",
    '" "': "",
}


@pytest.mark.parametrize(("value", "text"), VALUES.items())
def test_values_become_text_without_an_exponent_and_without_a_point_where_they_are_whole(tmp_path, value, text):
    assert rows_of(written(tmp_path, with_value(value) + "\n", "v.jsonl")) == [f"1 1|a|b|{text}".rstrip("|")]


@pytest.mark.parametrize(
    "line",
    [
        *("[1]", "1", "null", '"text"', "nonsense", GOOD[:20], f"{GOOD},", f"{GOOD} x", GOOD.replace('"', "'")),
        *(with_value(value) for value in ("[1]", "[]", '{"a": 1}', '"a\\u0000"', '"\\ud800"', '"\\udfff"')),
        with_value("2", "visit_id"),
        with_value('"\\ud800"', "other"),
        '{"\\udfff": 1}',
        "[" * 100_000,
        '{"a":' * 50_000,
        f'{{"room": "{"x" * (1 << 20)}"}}',
    ],
)
@pytest.mark.parametrize("at_once", [1, 60, 32 << 20], ids=["line by line", "two lines", "all lines"])
def test_a_line_that_is_no_object_of_single_values_is_one_faulty_row(tmp_path, monkeypatch, line, at_once):
    monkeypatch.setattr(jsonl, "_CHARACTERS_AT_ONCE", at_once)
    path = written(tmp_path, f"{GOOD}\n{line}\n{GOOD}\n", "v.jsonl")
    assert rows_of(path) == ["1 1|a|b", "2 unreadable_record", "3 1|a|b"]


LATE = range(1, 61)
RECORDS = {
    "keys like headings": ('{"Ref No": 1, "ROOM": 2, "begun at": 3, "caller": "x"}\n', "1 1|2|3"),
    "blank lines": (f"\ufeff\n{GOOD}\n\n  \n{GOOD}\n", "1 1|a|b; 2 1|a|b"),
    "a column of a late record": ('{"visit_id": 1}\n' * 60 + GOOD, f"{'; '.join(f'{i} 1' for i in LATE)}; 61 1|a|b"),
    "totals": (f'{GOOD}\n{{"caller": null, "visit_id": "Total", "room": 1}}\n', "1 1|a|b"),
    "totals above a line that is no record": (
        f'{{"visit_id": "Total"}}\n{GOOD}\nx\n',
        "1 Total; 2 1|a|b; 3 unreadable_record",
    ),
    "records below fifty other lines": ("1\n" * 50 + GOOD, "wrong_extension"),
    "a required column that no record has": ('{"visit_id": 1, "room": 2}\n{"visit_id": 1}\n', "missing_column"),
    "two keys of a column": ('{"visit_id": 1, "Ref No": 2, "room": "a", "begun_at": "b"}\n', "duplicate_column"),
    "two keys in distant records": (f"{GOOD}\n" * 100 + '{"VISIT ID": 2}\n', "duplicate_column"),
}


@pytest.mark.parametrize(("text", "expected"), RECORDS.values(), ids=RECORDS)
def test_a_text_has_these_records_or_is_refused(tmp_path, text, expected):
    assert rows_or_code(written(tmp_path, text, "v.jsonl")) == expected


def test_a_last_record_is_cut_off_wherever_it_ends(tmp_path):
    for kept in range(1, len(GOOD)):
        for above in (0, 3):
            error = refusal(written(tmp_path, f"{GOOD}\n" * above + GOOD[:kept], "v.jsonl"))
            assert error.code == "cut_off"
            assert f"the last record ({above + 1}) is cut off: it is not valid JSON" in str(error)
    assert rows_of(written(tmp_path, f"{GOOD}\n{GOOD}", "v.jsonl")) == ["1 1|a|b", "2 1|a|b"]
    # Too deep to be decoded, which says nothing about its end.
    assert rows_of(written(tmp_path, f"{GOOD}\n{'[' * 100_000}", "v.jsonl")) == ["1 1|a|b", "2 unreadable_record"]


def test_a_few_bad_bytes_are_faults_of_their_records(tmp_path):
    def record(room: bytes, key: bytes = b"note") -> bytes:
        return b'{"visit_id": "1", "room": "' + room + b'", "begun_at": "b\\u00e9", "' + key + b'": "x"}'

    lines = [record("éééééé".encode()), record(b"a\xe9"), record(b"a", b"caf\xe9"), record(b"a", b"x") + b"\xe9"]
    rows, extract = read(written(tmp_path, b"\n".join([*lines, b""]), "v.jsonl"))
    assert [(row.get("fault"), row.get("record_column"), row.get("fault_detail")) for row in rows] == [
        (None, None, None),
        ("invalid_utf_8", "room", None),
        ("invalid_utf_8", None, "in a key, or a value that is not loaded"),
        ("unreadable_record", None, "not a JSON object"),
    ]
    assert rows[0]["begun_at"] == "bé"
    assert extract.unknown_columns == ()


def test_unknown_keys_are_named_unless_they_look_like_values_and_looked_up_a_few_times_only(tmp_path, monkeypatch):
    looked_up = []
    known = Headings.column
    monkeypatch.setattr(Headings, "column", lambda self, text: looked_up.append(text) or known(self, text))
    keys = {"remarks": 1, "07700 900123": 2, "a\\u001bb": 3, **{f"k{i}": 1 for i in range(3000)}}
    members = "".join(f', "{key}": {value}' for key, value in keys.items())
    _, extract = read(written(tmp_path, f"{GOOD}\n{GOOD[:-1]}{members}}}\n", "v.jsonl"))
    assert extract.found == ("visit_id", "room", "begun_at")
    assert extract.unknown_columns[:4] == ("remarks", "(unknown key 2)", r"a\x1bb", "k0")
    assert len(extract.unknown_columns) == 997
    assert len(looked_up) < 4 * 3000


def test_a_file_of_nested_records_is_told_to_be_flat(tmp_path):
    error = refusal(written(tmp_path, '{"visit_id": 1, "place": {"room": 2}, "tags": ["secret"]}\n', "v.jsonl"))
    assert str(error).endswith("found in the records: visit_id; 2 keys with objects or lists; expected flat records")
    assert error.unknown_columns == ("place (objects or lists)", "tags (objects or lists)")
