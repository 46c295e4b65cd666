"""Parquet: how native values become text, which columns are read, and which files are refused."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.extracts import parquet, reading
from tests.unit.extracts.visits import read, refusal, rows_of, rows_or_code

MOMENT = dt.datetime(2022, 10, 30, 1, 2, 3, 456_000)  # noqa: DTZ001 - a naive column is what is tested
NOON = dt.datetime(2022, 7, 1, 12, tzinfo=dt.UTC)


def written(folder: Path, columns: dict[str, pa.Array | list], **options: object) -> Path:
    path = folder / "v.parquet"
    count = len(next(iter(columns.values())))
    base = {"visit_id": ["1"] * count, "room": ["a"] * count, "begun_at": ["b"] * count}
    pq.write_table(pa.table(base | columns), path, **options)
    return path


VALUES = {
    "text": (pa.array(["x ", "", None]), ["x", None, None]),
    "text view": (pa.array(["x", "y"], pa.string_view()), ["x", "y"]),
    "bytes of one length": (pa.array([b"ab"], pa.binary(2)), ["ab"]),
    "extension type": (pa.array(['{"a": 1}'], pa.json_()), ['{"a": 1}']),
    "nothing": (pa.nulls(2), [None, None]),
    "booleans": (pa.array([True, False, None]), ["true", "false", None]),
    "integers": (pa.array([1, -(2**63), None]), ["1", "-9223372036854775808", None]),
    "numbers": (pa.array([3.0, 0.1, -2.5, 296.5, 100.0, -0.0, None]), ["3", "0.1", "-2.5", "296.5", "100", "0", None]),
    "large and small numbers": (pa.array([1e20, 1e-7]), ["100000000000000000000", "0.0000001"]),
    "no numbers": (pa.array([float("nan"), float("inf"), float("-inf")]), [None, "inf", "-inf"]),
    "short numbers": (pa.array([0.1, 16777216.0], pa.float32()), ["0.1", "16777216"]),
    "half numbers": (pa.array([0.5, 100.0], pa.float16()), ["0.5", "100"]),
    "decimals": (pa.array([Decimal("3.00"), Decimal("1.50"), None], pa.decimal128(9, 2)), ["3", "1.50", None]),
    "small decimals": (pa.array([Decimal("0.00000001")], pa.decimal128(18, 8)), ["0.00000001"]),
    "days": (pa.array([dt.date(2022, 10, 30), None]), ["2022-10-30", None]),
    "times": (pa.array([MOMENT, None], pa.timestamp("us")), ["2022-10-30 01:02:03.456000", None]),
    "nanoseconds": (pa.array([1667091723456789999], pa.timestamp("ns")), ["2022-10-30 01:02:03.456789"]),
    "seconds": (pa.array([1667091723], pa.timestamp("s")), ["2022-10-30 01:02:03"]),
    "times of a zone": (pa.array([NOON], pa.timestamp("us", "Europe/London")), ["2022-07-01 12:00:00Z"]),
    "clock times": (pa.array([dt.time(0, 4, 56), dt.time(23, 59, 59, 5)]), ["0:04:56", "23:59:59.000005"]),
    "clock seconds": (pa.array([dt.time(1, 4, 56)], pa.time32("s")), ["1:04:56"]),
    "clock milliseconds": (pa.array([1500], pa.time32("ms")), ["0:00:01.500000"]),
    "clock nanoseconds": (pa.array([1_500_000_999], pa.time64("ns")), ["0:00:01.500000"]),
    "durations": (pa.array([dt.timedelta(hours=30, seconds=5), dt.timedelta(seconds=-61)]), ["30:00:05", "-0:01:01"]),
    **{
        f"beyond all calendars: {kind}": (pa.array([2**62, -(2**62), None], kind), [str(2**62), str(-(2**62)), None])
        for kind in (pa.timestamp("ms"), pa.timestamp("ms", "UTC"), pa.duration("ms"), pa.duration("s"))
    },
}


@pytest.mark.parametrize(("values", "expected"), VALUES.values(), ids=VALUES)
def test_native_values_become_text(tmp_path, values, expected):
    rows, _ = read(written(tmp_path, {"note": values}))
    assert [row.get("note") for row in rows] == expected


def test_columns_are_matched_like_headings_and_rows_numbered_over_row_groups(tmp_path):
    table = pa.table({"caller": [0] * 10, "Ref No": range(10), "ROOM": ["a"] * 10, "begun-at": ["b"] * 10})
    pq.write_table(table, tmp_path / "v.parquet", row_group_size=3)
    assert rows_of(tmp_path / "v.parquet") == [f"{i + 1} {i}|a|b" for i in range(10)]
    _, extract = read(tmp_path / "v.parquet")
    assert (extract.found, extract.unknown_columns) == (("visit_id", "room", "begun_at"), ("caller",))


def test_names_with_a_dot_or_of_structures_do_not_mix_up_columns(tmp_path):
    path = written(tmp_path, {"note": ["n"], "note.x": ["m"], "room_x": [{"room": "z", "note": "z"}]})
    assert rows_of(path) == ["1 1|a|b||n"]
    assert read(path)[1].unknown_columns == ("note.x", "room_x")


ROWS = {
    "text that is not UTF-8, and NUL": (
        {"note": pa.array([b"x", b"\xff\xfe", b"a\x00", None])},
        "1 1|a|b||x; 2 unreadable_record; 3 unreadable_record; 4 1|a|b",
    ),
    "totals": ({"visit_id": ["1", "Total"]}, "1 1|a|b"),
    "no totals": ({"visit_id": ["1", "2"], "room": ["a", "Total"]}, "1 1|a|b; 2 2|Total|b"),
    "lists": ({"note": [[1]]}, "nested_column"),
    "a column twice": ({"Visit": ["1"]}, "duplicate_column"),
}


@pytest.mark.parametrize(("columns", "expected"), ROWS.values(), ids=ROWS)
def test_a_table_has_these_rows_or_is_refused(tmp_path, columns, expected):
    assert rows_or_code(written(tmp_path, columns)) == expected


def test_a_table_without_the_columns_is_refused(tmp_path):
    pq.write_table(pa.table({"a": ["1"]}), tmp_path / "v.parquet")
    assert refusal(tmp_path / "v.parquet").code == "no_header"


def test_a_column_of_a_type_without_a_text_form_is_refused(tmp_path, monkeypatch):
    def as_text(*_):
        raise pa.ArrowNotImplementedError("no cast")

    monkeypatch.setattr(parquet, "as_text", as_text)
    monkeypatch.setitem(reading.READERS, "parquet", parquet.ParquetReader)
    error = refusal(written(tmp_path, {"note": [1]}))
    assert error.code == "unsupported_type"
    assert "the column visit_id is of type string, which cannot be written as text" in str(error)


def test_a_column_in_more_levels_than_are_read_is_not_called_damaged(tmp_path):
    deep = pa.array(["a"])
    for _ in range(100):
        deep = pa.ListArray.from_arrays([0, 1], deep)
    pq.write_table(pa.table({"visit_id": ["1"], "other": deep}), tmp_path / "v.parquet")
    error = refusal(tmp_path / "v.parquet")
    assert error.code == "nested_column"
    assert "in more levels than are read" in str(error)


def test_a_cut_damaged_or_encrypted_file_is_refused(tmp_path):
    path = written(tmp_path, {"note": ["x"] * 1000})
    data = path.read_bytes()
    for changed, code in {
        data[: len(data) // 2]: "cut_off",
        data[:100] + bytes(len(data) - 200) + data[-100:]: "corrupt",
        data[:-8] + b"\xff\xff\xff\x7f" + data[-4:]: "corrupt",
        b"PAR": "wrong_extension",
        b"PARE" + data[4:-4] + b"PARE": "encrypted",
        data[:-4] + b"PARE": "encrypted",
    }.items():
        path.write_bytes(changed)
        assert rows_or_code(path) == code


def test_damage_in_a_page_is_found_by_its_checksum(tmp_path):
    path = written(tmp_path, {"note": [f"text {i}" for i in range(1000)]}, compression="none", write_page_checksum=True)
    path.write_bytes(path.read_bytes().replace(b"text 7", b"text 8", 1))
    assert rows_or_code(path) == "corrupt"


def test_more_records_than_bytes_can_hold_are_refused(tmp_path):
    column = pa.repeat(pa.scalar("a"), 1_000_001).dictionary_encode()
    path = tmp_path / "v.parquet"
    pq.write_table(pa.table({"visit_id": column, "room": column, "begun_at": column}), path)
    assert rows_or_code(path) == "unsafe"
