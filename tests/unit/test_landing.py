"""Which files of the landing folder are complete extracts; every other file is a warning."""

import os
import socket
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dagster_project.loading import candidate as candidates
from dagster_project.loading import plan as plans
from dagster_project.loading.landing import Landing, extract_date_of, hold_back, scan
from tests.unit.loading_helpers import VISITS, Installation, row

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
def test_the_name_of_an_extract_states_its_source_and_day(name, day):
    assert extract_date_of(name, "crimes") == (day and date.fromisoformat(day))


def landed(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


def listed(folder: Path, **arguments: object) -> Landing:
    return scan(folder, ["crimes", "chats"], first=FIRST, last=LAST, **arguments)


def names_of(landing: Landing) -> list[str]:
    return [file.path.name for file in landing.files]


def test_extracts_are_sorted_and_everything_else_is_a_warning(tmp_path):
    landing = landed(
        tmp_path,
        *("crimes/crimes_2022-10-31.csv", "crimes/crimes_2022-10-30_b.csv", "crimes/crimes_2022-10-30_a.csv"),
        *("crimes/notes.txt", "crimes/crimes_2014-03-31.csv", "crimes/crimes_2026-06-02.csv"),
        *("chats/chats_2022-10-30.csv", "bodycam/bodycam_2022-10-30.csv", "loose_2022-10-30.csv"),
        *(".snapshot/crimes_2022-10-30.csv", "SYNTHETIC"),
    )
    (landing / "crimes" / "crimes_2022-11-01.csv").symlink_to(landing / "crimes" / "notes.txt")
    (landing / "crimes" / "crimes_2022-11-02.csv").mkdir()
    os.mkfifo(landing / "crimes" / "crimes_2022-11-03.csv")
    found = listed(landing)
    extracts = ["crimes_2022-10-30_a.csv", "crimes_2022-10-30_b.csv", "crimes_2022-10-31.csv"]
    assert names_of(found) == ["chats_2022-10-30.csv", *extracts]
    assert found.is_synthetic
    for name in (
        *("notes.txt", "crimes_2014-03-31", "crimes_2026-06-02", "bodycam", "loose_2022-10-30"),
        *("crimes_2022-11-01", "crimes_2022-11-02", "crimes_2022-11-03"),
    ):
        assert [warning for warning in found.warnings if name in warning], name
    assert len(found.warnings) == 8


def test_a_missing_landing_folder_is_an_empty_one(tmp_path):
    found = listed(tmp_path / "none")
    assert (found.files, found.warnings, found.is_synthetic) == ((), (), False)


def test_a_hostile_name_cannot_write_to_the_terminal(tmp_path):
    landed(tmp_path, "crimes/\x1b[2Jcleared\nsecond line.csv")
    (warning,) = listed(tmp_path).warnings
    assert warning.isprintable()
    assert "second line" in warning


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    elsewhere = landed(tmp_path / "elsewhere", "crimes_2022-10-30.csv")
    landing = landed(tmp_path / "landing", "chats/chats_2022-10-30.csv")
    (landing / "crimes").symlink_to(elsewhere)
    found = listed(landing)
    assert names_of(found) == ["chats_2022-10-30.csv"]
    (warning,) = found.warnings
    assert warning.startswith("crimes/: a link")


def test_a_folder_that_cannot_be_listed_is_a_warning(tmp_path, monkeypatch):
    landed(tmp_path, "chats/chats_2022-10-30.csv", "crimes/crimes_2022-10-30.csv")
    unpatched = Path.iterdir

    def refusing(folder: Path) -> object:
        # Root, who may run the tests, can list every folder.
        if folder.name == "crimes":
            raise PermissionError(13, "Permission denied")
        return unpatched(folder)

    monkeypatch.setattr(Path, "iterdir", refusing)
    found = listed(tmp_path)
    assert names_of(found) == ["chats_2022-10-30.csv"]
    assert found.warnings == ("crimes/: cannot be listed (Permission denied); nothing in it is loaded",)


def test_a_socket_named_like_an_extract_is_a_warning(tmp_path, monkeypatch):
    landed(tmp_path, "crimes/crimes_2022-10-29.csv")
    # The path of a socket is limited to about 100 characters.
    monkeypatch.chdir(tmp_path / "crimes")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("crimes_2022-10-30.csv")
        found = listed(tmp_path)
    assert names_of(found) == ["crimes_2022-10-29.csv"]
    assert "not a regular file" in found.warnings[0]


def test_temporary_files_and_markers_are_ignored(tmp_path):
    landed(
        tmp_path,
        "crimes/crimes_2022-10-30.csv",
        "crimes/crimes_2022-10-30.csv.done",
        "crimes/.crimes_2022-10-30.csv.Xy12",
        "crimes/.done",
        "crimes/~$crimes_2022-10-30.xlsx",
        *(f"crimes/crimes_2022-10-30.csv{end}" for end in (".part", ".tmp", ".filepart", ".partial", ".swp", "~")),
        "crimes/crimes_2022-10-30.csv.CRDOWNLOAD",
    )
    found = listed(tmp_path)
    assert (names_of(found), found.warnings) == (["crimes_2022-10-30.csv"], ())


def test_a_marker_without_its_file_and_a_folder_as_marker_are_warnings(tmp_path):
    landed(tmp_path, "crimes/crimes_2022-10-30.csv.done", "crimes/crimes_2022-10-31.csv")
    (tmp_path / "crimes" / "crimes_2022-10-31.csv.done").mkdir()
    found = listed(tmp_path)
    assert [file.is_complete for file in found.files] == [None]
    assert len(found.warnings) == 2
    assert "crimes_2022-10-30.csv is not next to it" in found.warnings[0]


def aged(path: Path, seconds: float) -> Path:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))
    return path


class Sleeper:
    """Stands for sleeping: does something else, and keeps the seconds."""

    def __init__(self, meanwhile=lambda: None) -> None:
        self.waits: list[float] = []
        self._meanwhile = meanwhile

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._meanwhile()


def test_young_files_are_waited_for_once_and_taken_when_unchanged(tmp_path):
    landed(tmp_path, *(f"crimes/crimes_2022-10-{day}.csv" for day in (28, 29, 30)), "chats/chats_2022-10-30.csv")
    sleeper = Sleeper()
    kept = hold_back(listed(tmp_path), quiet_seconds=5, wait_for=["crimes", "chats"], sleep=sleeper)
    assert len(kept.files) == 4
    assert (kept.held, kept.warnings) == ((), ())
    (kept,) = sleeper.waits
    assert 0 < kept <= 5


def test_old_marked_and_other_files_are_not_waited_for(tmp_path):
    landed(tmp_path, "crimes/crimes_2022-10-30.csv", "chats/chats_2022-10-29.csv", "chats/chats_2022-10-30.csv")
    (tmp_path / "crimes" / "crimes_2022-10-30.csv.done").touch()
    aged(tmp_path / "chats" / "chats_2022-10-29.csv", 60)
    sleeper = Sleeper()
    kept = hold_back(listed(tmp_path), quiet_seconds=60, wait_for=["crimes"], sleep=sleeper)
    assert names_of(kept) == ["chats_2022-10-29.csv", "crimes_2022-10-30.csv"]
    assert kept.held_days == {("chats", date(2022, 10, 30))}
    later = time.time_ns() + 61_000_000_000
    kept = hold_back(
        listed(tmp_path), quiet_seconds=60, wait_for=["crimes", "chats"], sleep=sleeper, now_ns=lambda: later
    )
    assert len(kept.files) == 3
    assert sleeper.waits == []


def test_a_file_written_under_its_old_size_and_time_is_held_back(tmp_path):
    file = landed(tmp_path, "crimes/crimes_2022-10-30.csv") / "crimes" / "crimes_2022-10-30.csv"
    aged(file, 1_000_000)
    status = file.stat()

    def write() -> None:
        # The clock of a file system moves in steps of some milliseconds.
        while file.stat().st_ctime_ns == status.st_ctime_ns:
            file.write_text("y")
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    kept = hold_back(listed(tmp_path), quiet_seconds=5, wait_for=["crimes"], sleep=Sleeper(write))
    assert kept.held_days == {("crimes", date(2022, 10, 30))}


@pytest.mark.parametrize("meanwhile", ["grows", "goes"])
def test_a_file_that_changes_during_the_wait_holds_back_its_day(tmp_path, meanwhile):
    landed(tmp_path, "crimes/crimes_2022-10-30_a.csv", "crimes/crimes_2022-10-30_b.csv", "crimes/crimes_2022-10-31.csv")
    aged(tmp_path / "crimes" / "crimes_2022-10-30_a.csv", 3600)
    written = tmp_path / "crimes" / "crimes_2022-10-30_b.csv"
    sleeper = Sleeper(lambda: written.write_text("more") if meanwhile == "grows" else written.unlink())
    kept = hold_back(listed(tmp_path), quiet_seconds=5, wait_for=["crimes"], sleep=sleeper)
    assert names_of(kept) == ["crimes_2022-10-31.csv"]
    assert [file.path.name for file in kept.held] == ["crimes_2022-10-30_a.csv", "crimes_2022-10-30_b.csv"]
    (warning,) = kept.warnings
    assert warning.startswith("crimes/crimes_2022-10-30_b.csv: is still being written")


def test_a_contract_may_require_a_marker_newer_than_the_file(tmp_path):
    landed(tmp_path, "crimes/crimes_2022-10-30.csv")
    aged(tmp_path / "crimes" / "crimes_2022-10-30.csv", 3600)
    options = {"quiet_seconds": 0.0, "wait_for": ["crimes"]}
    unmarked = hold_back(listed(tmp_path, marked=["crimes"]), **options)
    assert unmarked.files == ()
    assert "crimes_2022-10-30.csv.done" in unmarked.warnings[0]
    marker = tmp_path / "crimes" / "crimes_2022-10-30.csv.done"
    marker.touch()
    assert names_of(hold_back(listed(tmp_path, marked=["crimes"]), **options)) == ["crimes_2022-10-30.csv"]
    aged(marker, 7200)
    assert hold_back(listed(tmp_path, marked=["crimes"]), **options).files == ()


def test_a_file_time_in_the_future_does_not_hold_a_file_back_for_long(tmp_path):
    aged(landed(tmp_path, "crimes/crimes_2022-10-30.csv") / "crimes" / "crimes_2022-10-30.csv", -86_400)
    found = listed(tmp_path)
    later = time.time_ns() + 61_000_000_000
    assert names_of(hold_back(found, quiet_seconds=60, now_ns=lambda: later)) == ["crimes_2022-10-30.csv"]
    assert hold_back(found, quiet_seconds=60).files == ()
    # With both times in the future, it counts whether the file changes during the wait.
    ahead = replace(found.files[0], changed_ns=found.files[0].modified_ns)
    sleeper = Sleeper()
    kept = hold_back(replace(found, files=(ahead,)), quiet_seconds=2, wait_for=["crimes"], sleep=sleeper)
    assert (len(kept.files), sleeper.waits) == (1, [2.0])


HOSTILE = [
    "visits_2022-10-30_\nnewline.csv",
    "visits_2022-10-30_'quo\"tes.csv",
    "visits_2022-10-30_*?[a-z].csv",
    "visits_2022-10-30_..%2f...csv",
    "visits_2022-10-30_\u202efdp.csv",
    os.fsdecode(b"visits_2022-10-30_\xff\xfe.csv"),
    "visits_2022-10-30_".ljust(251, "x") + ".csv",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_of_an_extract_loads_and_is_shown_escaped(installation, name):
    good = installation.land("2022-10-30", row("v1", day="2022-10-30"), "v2,2022-10-30 25:00,5,someone")
    good.rename(good.with_name(name))
    report = installation.run()
    (shown,) = [row[1] for row in installation.audit()]
    assert shown.isprintable()
    assert [row[2:] for row in installation.audit()] == [("loaded", 2, 1, 1)]
    assert [row[0] for row in installation.quarantine()] == [shown]
    assert all(warning.isprintable() for warning in report.warnings)
    assert installation.run().deliveries == ()


def test_a_file_removed_before_hashing_leaves_its_day_for_the_next_run(installation, monkeypatch):
    installation.land("2022-10-29", row("v1", day="2022-10-29"))
    going = installation.land("2022-10-30", row("v2", day="2022-10-30"))
    installation.land("2022-10-30", row("v3", day="2022-10-30"), suffix="_b")

    def hash_of(path: Path, **_: int) -> str:
        if path == going:
            raise FileNotFoundError(path)
        return "of " + path.name

    with monkeypatch.context() as patch:
        patch.setattr(plans, "sha256_of", hash_of)
        report = installation.run()
    assert installation.current() == [("2022-10-29", "v1", 5)]
    assert report.missing == ()
    assert "was removed or written to after the folder was listed" in report.warnings[0]
    installation.run()
    assert len(installation.current()) == 3


def test_a_file_removed_before_opening_leaves_its_day_for_the_next_run(installation, tmp_path, monkeypatch):
    installation.land("2022-10-29", row("v1", day="2022-10-29"))
    installation.land("2022-10-30", row("v2", day="2022-10-30"))
    going = installation.land("2022-10-30", row("v3", day="2022-10-30"), suffix="_b")
    opened = candidates.open_extract

    def opening(path: Path, *arguments: object) -> object:
        if path == going:
            path.rename(tmp_path / "taken.csv")
        return opened(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(candidates, "open_extract", opening)
        report = installation.run()
    assert installation.current() == [("2022-10-29", "v1", 5)]
    assert (report.rejected, report.missing) == ((), ())
    assert [row[0] for row in installation.audit()] == ["2022-10-29"]
    assert "visits_2022-10-30_b.csv: was removed" in report.warnings[0]
    (tmp_path / "taken.csv").rename(going)
    installation.run()
    assert len(installation.current()) == 3


@pytest.mark.parametrize("written", ["before it is opened", "while it is read"])
def test_half_of_a_file_that_is_written_again_after_it_was_listed_is_not_loaded(installation, monkeypatch, written):
    installation.land("2022-10-29", row("v1", day="2022-10-29"))
    installation.land("2022-10-30", row("v2", day="2022-10-30"))
    path = installation.land("2022-10-30", row("v3", day="2022-10-30"), row("v4", day="2022-10-30"), suffix="_b")
    whole, opened = path.read_bytes(), candidates.open_extract

    def opening(file: Path, *arguments: object) -> object:
        if file == path and written == "before it is opened":
            # Its sender pauses at the end of a row.
            path.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
        extract = opened(file, *arguments)
        if file == path and written == "while it is read":
            path.touch()
        return extract

    with monkeypatch.context() as patch:
        patch.setattr(candidates, "open_extract", opening)
        report = installation.run()
    assert installation.current() == [("2022-10-29", "v1", 5)]
    assert (report.rejected, report.missing) == ((), ())
    assert "visits_2022-10-30_b.csv: was removed or written to" in report.warnings[0]
    path.write_bytes(whole)
    installation.run()
    assert len(installation.current()) == 4


def test_a_file_that_may_not_be_read_rejects_its_delivery_with_the_reason(installation, monkeypatch):
    closed = installation.land("2022-10-30", row("v1", day="2022-10-30"))
    unpatched = os.open

    def refusing(path: object, *arguments: object, **named: object) -> int:
        # Root, who may run the tests, can open every file.
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return unpatched(path, *arguments, **named)

    monkeypatch.setattr(os, "open", refusing)
    (rejected,) = installation.run().rejected
    assert "cannot be opened: Permission denied" in (rejected.reason or "")


def test_a_day_that_is_held_back_is_neither_loaded_nor_missing(tmp_path):
    installation = Installation(tmp_path, {"visits": replace(VISITS, needs_marker=True)})
    for day in ("2022-10-29", "2022-10-31"):
        path = installation.land(day, row(f"v{day}", day=day))
        path.with_name(path.name + ".done").touch()
    installation.land("2022-10-30", row("v30", day="2022-10-30"))
    report = installation.run()
    assert [row[0] for row in installation.current()] == ["2022-10-29", "2022-10-31"]
    assert report.missing == ()
    assert "left for the next run" in report.warnings[0]


PERSONAL_NAMES = [
    f"crimes_2022-10-30{suffix}"
    for suffix in (
        *("_07700900123.csv", "_07700 900123.csv.gz", "_call-020-7946-0958.xlsx"),
        *(
            "_0044.7700900123_00447700900123.csv",
            " export of +44 (0)7700 900123 (2).csv",
            "_Smith07700900123.csv",
            "_tel+447700900123.csv",
        ),
        *("_07700_900123.csv", "_07700.900123.csv", ".csv.07700900123.done"),
        *("_07700.900.123.csv", "_07700_900_123.csv", "_447700900123.csv"),
        *("_AB123456C.jsonl", "_AB 12 34 56 C.csv", "_AB_12_34_56_C.csv"),
        *("_+33612345678.csv", "_+33 6 12 34 56 78.csv", "_+49-170-1234567.csv", "_+1 (212) 555-0123.csv"),
        *("_jane.doe@example.com.parquet", "_jane\uff20example.org.csv", "_jane@mu\u0308ller.de.csv"),
    )
] + ["statement of jane.doe@example.com.pdf"]


@pytest.mark.parametrize("name", PERSONAL_NAMES)
def test_a_file_with_a_personal_name_is_not_loaded_or_named(tmp_path, name):
    landed(tmp_path, f"crimes/{name}")
    found = listed(tmp_path)
    assert not found.files
    (warning,) = found.warnings
    assert warning.startswith("crimes/: an entry of 1 bytes written on ")
    assert not any(part in warning for part in ("7700", "7946", "jane", "123456", "12 34", "5678", "0123"))


def test_a_folder_whose_name_looks_personal_is_not_named(tmp_path):
    landed(tmp_path, "07700 900123/crimes_2022-10-30.csv")
    (warning,) = listed(tmp_path).warnings
    assert "not a folder of a known source" in warning
    assert "7700" not in warning


@pytest.mark.parametrize(
    "name",
    [
        "crimes_2022-01-30_20221031T041500Z.csv",
        "crimes_2022-01-30_part-01-20221031.csv",
        "crimes_2022-01-30_01-20221031.csv",
        "crimes_2022-01-30-031500.csv",
        "crimes_2022-07-31_0731_041500.csv",
        "crimes_2022-07-31+20220801.csv",
        "crimes_2022-07-31_T000000+0100.csv",
        "crimes_2022-07-31_31072022_041500.csv",
        "crimes_2022-01-30_v0123456.csv",
        "crimes_2022-01-30_batch000123456789.csv",
        "crimes_2022-01-30_0123456789012345.csv",
        "crimes_2022-01-30_8a9f3c21-77aa-4c1d-9b1e-0123456789ab.csv",
        "crimes_2022-01-30_AB1234567.csv",
    ],
)
def test_names_with_times_parts_and_numbers_of_batches_are_taken(tmp_path, name):
    landed(tmp_path, f"crimes/{name}")
    assert names_of(listed(tmp_path)) == [name]
