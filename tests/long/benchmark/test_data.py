"""The synthetic extracts of the benchmark: the same bytes every time, and in them what their module says."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.long.benchmark.data import Extent, extent_of, write_extracts, write_night

# Both clock changes, and two sources with a day in two files.
_EXTENT = Extent(("kent",), date(2023, 3, 20), 12)


@pytest.fixture(scope="module")
def landing(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("landing")
    write_extracts(folder, _EXTENT)
    return folder


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.csv"))}


def _rows(folder: Path, source: str) -> list[tuple[str, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(
            "select * from read_csv(?, all_varchar = true, header = true, filename = true)",
            [str(folder / source / "*.csv")],
        ).fetchall()


def test_equal_parameters_give_equal_bytes(landing, tmp_path):
    write_extracts(tmp_path, _EXTENT)
    assert _bytes(tmp_path) == _bytes(landing)


def test_a_day_is_the_same_whatever_days_are_written_with_it(landing, tmp_path):
    write_extracts(tmp_path, Extent(_EXTENT.forces, _EXTENT.first, 6))
    written = _bytes(tmp_path)
    assert written == {name: content for name, content in _bytes(landing).items() if name in written}


def test_files_are_named_as_extracts_of_every_day(landing):
    for source in ("call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports"):
        names = [file.name for file in (landing / source).iterdir()]
        days = {re.fullmatch(rf"{source}_(\d{{4}}-\d\d-\d\d)(_more)?\.csv", name)[1] for name in names}
        assert len(days) == _EXTENT.days


def test_keys_repeat_and_rows_are_in_no_order(landing):
    calls = _rows(landing, "call_segments")
    keys = Counter((row[0], row[1]) for row in calls)
    assert 0 < sum(count - 1 for count in keys.values()) < len(calls) / 5
    first_file = [row[3] for row in calls if row[-1].endswith("call_segments_2023-03-20.csv")]
    assert first_file != sorted(first_file)


def test_a_call_may_have_segments_in_the_extract_of_the_next_day(landing):
    days: dict[str, set[str]] = {}
    for row in _rows(landing, "call_segments"):
        days.setdefault(row[0], set()).add(row[-1][-14:-4])
    assert any(len(found) > 1 for found in days.values())


def test_a_night_follows_the_days_and_corrects_some_of_them(landing, tmp_path):
    assert write_night(tmp_path, _EXTENT) >= 5
    night = _rows(tmp_path, "call_segments")
    assert all("_2023-04-01" in row[-1] for row in night)
    known = {(row[0], row[1]) for row in _rows(landing, "call_segments")}
    late = sum((row[0], row[1]) in known for row in night)
    assert 0 < late < len(night) / 10


def test_several_forces_are_in_one_file_with_a_column(tmp_path):
    write_extracts(tmp_path, Extent(("kent", "surrey"), date(2022, 10, 30), 1))
    rows = _rows(tmp_path, "live_chats")
    assert {row[0] for row in rows} == {"kent", "surrey"}


def test_the_largest_size_has_the_territorial_forces():
    assert len(extent_of("L").forces) == 43
