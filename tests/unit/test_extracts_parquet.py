import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.extract_helpers import faults, read, refusal

UTC = dt.UTC
MOMENT = dt.datetime(2022, 10, 30, 1, 2, 3, 456_000)  # noqa: DTZ001 - a naive column is what is tested


def written(folder: Path, columns: dict[str, pa.Array | list]) -> Path:
    path = folder / "visits_2022-10-30.parquet"
    count = len(next(iter(columns.values())))
    base = {"visit_id": ["1"] * count, "room": ["a"] * count, "begun_at": ["b"] * count}
    pq.write_table(pa.table(base | columns), path)
    return path


def notes(folder: Path, values: pa.Array) -> list[str | None]:
    rows, _ = read(written(folder, {"note": values}))
    return [row.get("note") for row in rows]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["x ", "", None]), ["x", None, None]),
        (pa.array(["x", "y", "x"], pa.large_string()), ["x", "y", "x"]),
        (pa.array(["x", "y", "x"], pa.string_view()), ["x", "y", "x"]),
        (pa.array([b"x", None]), ["x", None]),
        (pa.array(["x", None, "x"]).dictionary_encode(), ["x", None, "x"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([1, -(2**63), None]), ["1", "-9223372036854775808", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (
            pa.array([3.0, 0.1, 1e20, 1e-7, -2.5, float("nan"), 12345678.0, 296.5, 100.0]),
            ["3", "0.1", "100000000000000000000", "0.0000001", "-2.5", None, "12345678", "296.5", "100"],
        ),
        (pa.array([0.1, 16777216.0], pa.float32()), ["0.1", "16777216"]),
        (pa.array([Decimal("3.00"), Decimal("1.50"), None], pa.decimal128(9, 2)), ["3", "1.50", None]),
        (pa.array([Decimal("0.00000001")], pa.decimal128(18, 8)), ["0.00000001"]),
        (pa.array([dt.date(2022, 10, 30), None]), ["2022-10-30", None]),
        (pa.array([dt.date(2022, 10, 30)], pa.date64()), ["2022-10-30"]),
        (pa.array([MOMENT, None], pa.timestamp("us")), ["2022-10-30 01:02:03.456000", None]),
        (pa.array([MOMENT], pa.timestamp("ns")), ["2022-10-30 01:02:03.456000"]),
        (pa.array([1667091723456789999], pa.timestamp("ns")), ["2022-10-30 01:02:03.456789"]),
        (pa.array([dt.datetime(2022, 10, 30)], pa.timestamp("s")), ["2022-10-30 00:00:00"]),  # noqa: DTZ001
        (
            pa.array([dt.datetime(2022, 7, 1, 12, tzinfo=UTC)], pa.timestamp("us", "Europe/London")),
            ["2022-07-01 12:00:00Z"],
        ),
        (pa.array([dt.time(0, 4, 56), dt.time(23, 59, 59, 5)]), ["0:04:56", "23:59:59.000005"]),
        (pa.array([dt.time(0, 4, 56)], pa.time32("s")), ["0:04:56"]),
        (pa.array([1500], pa.time32("ms")), ["0:00:01.500000"]),
        (pa.array([1_500_000_999], pa.time64("ns")), ["0:00:01.500000"]),
        (
            pa.array([dt.timedelta(hours=30, seconds=5), dt.timedelta(seconds=-61), None]),
            ["30:00:05", "-0:01:01", None],
        ),
        (pa.array([90], pa.duration("s")), ["0:01:30"]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_native_values_become_text(tmp_path, values, expected):
    assert notes(tmp_path, values) == expected


def test_names_match_like_headers_and_rows_are_numbered_over_row_groups(tmp_path):
    path = tmp_path / "v.parquet"
    table = pa.table({"caller": [0] * 10, "Ref No": range(10), "ROOM": ["a"] * 10, "begun-at": ["b"] * 10})
    pq.write_table(table, path, row_group_size=3)
    rows, extract = read(path)
    assert [(row["source_row"], row["visit_id"]) for row in rows] == [(i + 1, str(i)) for i in range(10)]
    assert extract.unknown_columns == ("caller",)
    assert extract.found == ("visit_id", "room", "begun_at")


def test_column_names_with_a_dot_or_of_structures_do_not_mix_up_columns(tmp_path):
    rows, extract = read(written(tmp_path, {"note": ["n"], "note.x": ["m"], "room_x": [{"room": "z", "note": "z"}]}))
    assert rows == [{"source_row": 1, "visit_id": "1", "room": "a", "begun_at": "b", "note": "n"}]
    assert extract.unknown_columns == ("note.x", "room_x")


def test_a_column_in_more_levels_than_are_read_is_not_called_damaged(tmp_path):
    deep = pa.array(["a"])
    for _ in range(100):
        deep = pa.ListArray.from_arrays([0, 1], deep)
    pq.write_table(pa.table({"visit_id": ["1"], "other": deep}), tmp_path / "v.parquet")
    error = refusal(tmp_path / "v.parquet")
    assert error.code == "nested_column"
    assert "lists or structures" in str(error)


@pytest.mark.parametrize("values", [[[1]], [{"a": 1}]])
def test_nested_values_of_a_contract_column_are_refused(tmp_path, values):
    error = refusal(written(tmp_path, {"note": values}))
    assert error.code == "nested_column"
    assert "note" in str(error)


def test_text_that_is_not_utf8_or_holds_nul_is_a_fault_of_its_row(tmp_path):
    rows, _ = read(written(tmp_path, {"note": pa.array([b"x", b"\xff\xfe", b"a\x00", None])}))
    assert faults(rows) == [(2, "unreadable_record"), (3, "unreadable_record")]
    assert rows[0]["note"] == "x"


def test_a_file_without_records_is_fine(tmp_path):
    assert read(written(tmp_path, {"note": []}))[0] == []


@pytest.mark.parametrize("kind", [pa.timestamp("ms"), pa.timestamp("ms", "UTC"), pa.duration("ms"), pa.duration("s")])
def test_a_time_beyond_all_calendars_does_not_wrap_around_into_another(tmp_path, kind):
    assert notes(tmp_path, pa.array([2**62, -(2**62), None], kind)) == [str(2**62), str(-(2**62)), None]


@pytest.mark.parametrize("totals", [{"visit_id": ["1", "Total"]}, {"visit_id": ["1", None], "room": ["a", "Total"]}])
def test_a_totals_record_is_known_by_its_first_filled_column(tmp_path, totals):
    rows, _ = read(written(tmp_path, totals))
    assert [row["visit_id"] for row in rows] == ["1"]


def test_missing_and_double_columns_are_refused(tmp_path):
    for names, code in (
        (("visit_id", "room"), "missing_column"),
        (("visit_id", "Visit", "room", "begun_at"), "duplicate_column"),
        (("a",), "no_header"),
    ):
        pq.write_table(pa.table({name: ["1"] for name in names}), tmp_path / "v.parquet")
        assert refusal(tmp_path / "v.parquet").code == code


def test_a_cut_or_damaged_file_is_refused(tmp_path):
    path = written(tmp_path, {"note": ["x"] * 1000})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert refusal(path).code == "cut_off"
    path.write_bytes(data[:100] + bytes(len(data) - 200) + data[-100:])
    assert refusal(path).code == "corrupt"


def test_an_encrypted_file_is_refused(tmp_path):
    path = written(tmp_path, {"note": ["x"]})
    path.write_bytes(b"PARE" + path.read_bytes()[4:-4] + b"PARE")
    assert refusal(path).code == "encrypted"
