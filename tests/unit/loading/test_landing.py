"""Which files of the landing folder are extracts; every other entry is a warning or ignored."""

import os
import socket
from datetime import date
from pathlib import Path

import pytest

from dagster_project.loading.landing import Landing, extract_date_of, scan
from tests.unit.loading.installation import DAY, row


@pytest.mark.parametrize(
    ("name", "day"),
    [
        *((f"crimes_2022-10-30{end}", "2022-10-30") for end in (".csv", ".csv.gz", "_late.xlsx", " (1).parquet")),
        ("CRIMES_2022-10-30.JSONL", "2022-10-30"),
        *((f"crimes_2022-10-30{end}", None) for end in ("0.csv", ".xls", ".csv.zip", "")),
        *((f"{begin}2022-10-30.csv", None) for begin in ("crimes-", "my_crimes_", "crimes")),
        *((f"crimes_{day}.csv", None) for day in ("2022-02-30", "20221030", "\uff12022-10-30")),
    ],
)
def test_the_name_of_an_extract_states_its_source_and_day(name, day):
    assert extract_date_of(name, "crimes") == (day and date.fromisoformat(day))


def landed(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


def listed(folder: Path) -> Landing:
    return scan(folder, ["crimes", "chats"], first=date(2014, 4, 1), last=date(2026, 6, 1))


def names_of(landing: Landing) -> list[str]:
    return [file.path.name for file in landing.files]


def test_extracts_are_sorted_by_source_day_and_name_without_extension(tmp_path):
    names = ["crimes_2022-10-31.csv", "crimes_2022-10-30 (1).csv", "crimes_2022-10-30.csv", "crimes_2022-10-30.xlsx"]
    landed(tmp_path, *(f"crimes/{name}" for name in names), "chats/chats_2022-10-30.csv")
    found = listed(tmp_path)
    assert names_of(found) == ["chats_2022-10-30.csv", names[2], names[3], names[1], names[0]]
    assert (found.warnings, found.is_synthetic) == ((), False)
    landed(tmp_path, "SYNTHETIC")
    assert listed(tmp_path).is_synthetic


def test_every_other_entry_is_a_warning_that_names_it(tmp_path, monkeypatch):
    others = ["notes.txt", "crimes_2014-03-31.csv", "crimes_2026-06-02.csv", "crimes_2022-11-05.csv.done"]
    landed(tmp_path, *(f"crimes/{name}" for name in (*others, "crimes_2014-04-01.csv", "crimes_2026-06-01.csv")))
    landed(tmp_path, "bodycam/bodycam_2022-10-30.csv", "loose_2022-10-30.csv", ".snapshot/crimes_2022-10-30.csv")
    crimes = tmp_path / "crimes"
    (crimes / "crimes_2022-11-01.csv").symlink_to(crimes / "notes.txt")
    (crimes / "crimes_2022-11-02.csv").mkdir()
    os.mkfifo(crimes / "crimes_2022-11-03.csv")
    # A marker that is a folder marks nothing.
    (crimes / "crimes_2014-04-01.csv.done").mkdir()
    # The path of a socket is limited to about 100 characters.
    monkeypatch.chdir(crimes)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("crimes_2022-11-04.csv")
        found = listed(tmp_path)
    assert [(file.path.name, file.is_complete) for file in found.files] == [
        ("crimes_2014-04-01.csv", None),
        ("crimes_2026-06-01.csv", None),
    ]
    days = [f"crimes_2022-11-0{day}.csv" for day in (1, 2, 3, 4)]
    for name in (*others, *days, "bodycam", "loose_2022-10-30", "crimes_2014-04-01.csv.done"):
        assert len([warning for warning in found.warnings if name in warning]) == 1, name
    assert len(found.warnings) == 11


def test_a_folder_that_is_missing_a_link_or_closed_loads_nothing_and_says_so(tmp_path, monkeypatch):
    assert listed(tmp_path / "none") == Landing((), (), is_synthetic=False)
    elsewhere = landed(tmp_path / "elsewhere", "crimes_2022-10-30.csv")
    landing = landed(tmp_path / "landing", "chats/chats_2022-10-30.csv")
    (landing / "crimes").symlink_to(elsewhere)
    found = listed(landing)
    assert names_of(found) == ["chats_2022-10-30.csv"]
    assert [warning.partition(";")[0] for warning in found.warnings] == ["crimes/: a link"]

    def refuse(_):
        # Root, who may run the tests, can list every folder.
        raise PermissionError(13, "Permission denied")

    folders = list(landing.iterdir())
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(folders) if path == landing else refuse(path))
    assert "chats/: cannot be listed (Permission denied); nothing in it is loaded" in listed(landing).warnings


def test_temporary_files_and_markers_are_ignored(tmp_path):
    names = [".crimes_2022-10-30.csv.Xy12", ".done", "~$crimes_2022-10-30.xlsx", "crimes_2022-10-30.csv.CRDOWNLOAD"]
    names += [f"crimes_2022-10-30.csv{end}" for end in (".part", ".tmp", ".filepart", ".partial", ".swp", "~", ".done")]
    landed(tmp_path, "crimes/crimes_2022-10-30.csv", *(f"crimes/{name}" for name in names))
    found = listed(tmp_path)
    assert (names_of(found), found.warnings) == (["crimes_2022-10-30.csv"], ())
    assert found.files[0].is_complete


# -- hostile and personal names


def test_extracts_with_hostile_names_load_and_are_shown_escaped(installation):
    hostile = ["\nnewline", "'quo\"tes", "*?[a-z]", "..%2f..", "\u202efdp\x1b[2J", os.fsdecode(b"\xff\xfe"), "x" * 229]
    for number, end in enumerate(hostile):
        path = installation.land(DAY, row(f"v{number}"), "v,2022-11-01 25:00,5,someone", suffix=f"_{number}")
        path.rename(path.with_name(f"visits_{DAY}_{number}{end}.csv"))
        path.with_name(f"other{end}.csv").touch()
    report = installation.run()
    shown = [name for name, *_ in installation.loads()]
    assert all(name.isprintable() for name in (*shown, *report.warnings))
    assert len([warning for warning in report.warnings if "not named visits_YYYY-MM-DD" in warning]) == len(hostile)
    assert [load[1:] for load in installation.loads()] == [("loaded", 2, 1, 1)] * len(hostile)
    assert [name for name, *_ in installation.quarantine()] == shown
    assert installation.run().deliveries == ()


PERSONAL = [
    *("_07700900123.csv", "_07700 900123.csv.gz", "_call-020-7946-0958.xlsx", "_0044.7700900123_00447700900123.csv"),
    *(" export of +44 (0)7700 900123 (2).csv", "_Smith07700900123.csv", "_tel+447700900123.csv", "_07700_900123.csv"),
    *("_07700.900123.csv", ".csv.07700900123.done", "_07700.900.123.csv", "_07700_900_123.csv", "_447700900123.csv"),
    *("_AB123456C.jsonl", "_AB 12 34 56 C.csv", "_AB_12_34_56_C.csv", "_+33612345678.csv", "_+33 6 12 34 56 78.csv"),
    *("_+49-170-1234567.csv", "_+1 (212) 555-0123.csv", "_jane.doe@example.com.parquet", "_jane\uff20example.org.csv"),
    *("_jane@mu\u0308ller.de.csv", "_statement of jane.doe@example.com.pdf"),
]
PARTS = ("7700", "7946", "jane", "123456", "12 34", "12_34", "5678", "4567", "0123", "61234")


def test_files_and_folders_with_personal_names_are_not_loaded_or_named(tmp_path):
    landed(tmp_path, *(f"crimes/crimes_2022-10-30{end}" for end in PERSONAL), "07700 900123/crimes_2022-10-30.csv")
    os.utime(tmp_path / "07700 900123", (0, 0))
    found = listed(tmp_path)
    assert found.files == ()
    folder, *files = found.warnings
    assert "1970-01-01 at 01:00:00 London time: not a folder of a known source" in folder
    assert [warning.partition(" of 1 bytes")[0] for warning in files] == ["crimes/: an entry"] * len(PERSONAL)
    assert not any(part in warning for warning in found.warnings for part in PARTS)


def test_names_with_times_parts_and_numbers_of_batches_are_taken(tmp_path):
    ends = ["_20221031T041500Z", "_part-01-20221031", "_01-20221031", "-031500", "_0731_041500", "+20220801"]
    ends += ["_T000000+0100", "_31072022_041500", "_v0123456", "_batch000123456789", "_0123456789012345"]
    ends += ["_8a9f3c21-77aa-4c1d-9b1e-0123456789ab", "_AB1234567"]
    landed(tmp_path, *(f"crimes/crimes_2022-01-30{end}.csv" for end in ends))
    assert len(listed(tmp_path).files) == len(ends)
