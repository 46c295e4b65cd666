"""Which files of the landing folder are extracts; the others are warned about, whatever their names."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from dagster_project.loading.landing import extract_date_of, scan

FIRST, LAST = date(2014, 4, 1), date(2026, 6, 1)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("crimes_2022-10-30.csv", "2022-10-30"),
        ("crimes_2022-10-30.csv.gz", "2022-10-30"),
        ("crimes_2022-10-30_late.xlsx", "2022-10-30"),
        ("crimes_2022-10-30 (1).parquet", "2022-10-30"),
        ("CRIMES_2022-10-30.JSONL", "2022-10-30"),
        ("crimes_2022-10-300.csv", None),
        ("crimes_2022-02-30.csv", None),
        ("crimes_20221030.csv", None),
        ("crimes-2022-10-30.csv", None),
        ("crimes_2022-10-30.xls", None),
        ("crimes_2022-10-30.csv.zip", None),
        ("crimes_2022-10-30.csv.part", None),
        ("live_chats_2022-10-30.csv", None),
        ("my_crimes_2022-10-30.csv", None),
        ("crimes_\uff12022-10-30.csv", None),
        ("crimes.csv", None),
    ],
)
def test_the_name_of_an_extract_tells_its_source_and_day(name, day):
    assert extract_date_of(name, "crimes") == (day and date.fromisoformat(day))


def landed(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


def test_extracts_come_by_source_day_and_name_and_everything_else_is_warned_about(tmp_path):
    landing = landed(
        tmp_path,
        "crimes/crimes_2022-10-31.csv",
        "crimes/crimes_2022-10-30_b.csv",
        "crimes/crimes_2022-10-30_a.csv",
        "crimes/notes.txt",
        "crimes/crimes_2014-03-31.csv",
        "crimes/crimes_2026-06-02.csv",
        "chats/chats_2022-10-30.csv",
        "bodycam/bodycam_2022-10-30.csv",
        "loose_2022-10-30.csv",
        ".snapshot/crimes_2022-10-30.csv",
        "SYNTHETIC",
    )
    (landing / "crimes" / "crimes_2022-11-01.csv").symlink_to(landing / "crimes" / "notes.txt")
    (landing / "crimes" / "crimes_2022-11-02.csv").mkdir()
    os.mkfifo(landing / "crimes" / "crimes_2022-11-03.csv")
    found = scan(landing, ["crimes", "chats"], first=FIRST, last=LAST)
    assert [file.path.name for file in found.files] == [
        "chats_2022-10-30.csv",
        "crimes_2022-10-30_a.csv",
        "crimes_2022-10-30_b.csv",
        "crimes_2022-10-31.csv",
    ]
    assert found.is_synthetic
    for name in (
        *("notes.txt", "crimes_2014-03-31", "crimes_2026-06-02", "bodycam", "loose_2022-10-30"),
        *("crimes_2022-11-01", "crimes_2022-11-02", "crimes_2022-11-03"),
    ):
        assert [warning for warning in found.warnings if name in warning], name
    assert len(found.warnings) == 8


def test_a_landing_folder_that_is_not_there_is_an_empty_one(tmp_path):
    found = scan(tmp_path / "none", ["crimes"], first=FIRST, last=LAST)
    assert (found.files, found.warnings, found.is_synthetic) == ((), (), False)


def test_a_hostile_name_cannot_write_to_the_terminal(tmp_path):
    landed(tmp_path, "crimes/\x1b[2Jcleared\nsecond line.csv")
    (warning,) = scan(tmp_path, ["crimes"], first=FIRST, last=LAST).warnings
    assert warning.isprintable()
    assert "second line" in warning
