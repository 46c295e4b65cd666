"""Which files of the landing folder are extracts or warnings, and which of them are still being written."""

import os
import time
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from dagster_project.loading import candidate, plan
from dagster_project.loading.landing import Landing, extract_dates_of, hold_back, scan
from tests.unit.loading.installation import DAY, HEADER, VISITS, Installation, rewrite, row, rows

HOUR = 3600


@pytest.mark.parametrize(
    ("name", "day"),
    [
        *((f"crimes_2022-10-30{end}", "2022-10-30") for end in (".csv", ".csv.gz", "_late.xlsx", " (1).parquet")),
        ("CRIMES_2022-10-30.JSONL", "2022-10-30"),
        ("crimes_2021-10-30_to_2022-10-30_a.csv", "2021-10-30 to 2022-10-30"),
        *((f"crimes_2022-10-30_to_{end}.csv", None) for end in ("2022-10-29", "2022-10-30", "2022-02-30", "later")),
        *((f"crimes_2022-10-30{end}", None) for end in ("0.csv", ".xls", ".csv.zip", "")),
        *((f"{begin}2022-10-30.csv", None) for begin in ("crimes-", "my_crimes_", "crimes")),
        *((f"crimes_{day}.csv", None) for day in ("2022-02-30", "20221030", "\uff12022-10-30")),
    ],
)
def test_the_name_of_an_extract_states_its_source_and_day(name, day):
    days = day and tuple(map(date.fromisoformat, day.split(" to ")))
    assert extract_dates_of(name, "crimes") == (days and (days * 2)[:2])


def test_a_system_may_stamp_its_files_with_the_day_after(tmp_path):
    installation = Installation(tmp_path / "home", replace(VISITS, extract_date_offset=-1))
    for stamp in (1, 3):
        installation.land(DAY + timedelta(stamp), *rows(DAY + timedelta(stamp - 1), 20))
    report = installation.run()
    assert [(item.extract_date, item.status) for item in report.deliveries] == [
        (DAY, "loaded"),
        (DAY + timedelta(2), "loaded"),
    ]
    missing = installation.query("select extract_date, reason from audit.load where status = 'missing_delivery'")
    named = f"no file visits_{DAY + timedelta(2)}*.EXT in the landing folder"
    assert missing[0] == (DAY + timedelta(1), named)
    names = installation.query("select file_name from audit.load where status = 'loaded' order by load_id")
    assert names == [(f"visits_{DAY + timedelta(stamp)}.csv",) for stamp in (1, 3)]


def landed(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


def listed(folder: Path, marked: tuple[str, ...] = ()) -> Landing:
    contracts = {name: replace(VISITS, source=name, needs_marker=name in marked) for name in ("crimes", "chats")}
    return scan(folder, contracts, last=date(2026, 6, 1))


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


def test_a_published_name_has_nothing_that_the_sender_added(tmp_path):
    ends = [".csv", "_J SMITH.csv", "_kent_LATE.xlsx", "_for Ann_corrected.csv.gz", "_late (2).xlsx"]
    landed(tmp_path, *(f"crimes/Crimes_2022-10-30{end}" for end in ends))
    names = [".csv", "_2.csv", "_corrected.csv.gz", "_late.xlsx", "_late_2.xlsx"]
    assert sorted(file.name for file in listed(tmp_path).files) == sorted(f"crimes_2022-10-30{name}" for name in names)


def test_every_other_entry_is_a_warning_that_does_not_name_it(tmp_path):
    others = ["notes.txt", "crimes_2014-03-31.csv", "crimes_2026-06-02.csv", "crimes_2022-11-05.csv.done"]
    landed(tmp_path, *(f"crimes/{name}" for name in (*others, "crimes_2014-04-01.csv", "crimes_2026-06-01.csv")))
    landed(tmp_path, "bodycam/bodycam_2022-10-30.csv", "loose_2022-10-30.csv", ".snapshot/crimes_2022-10-30.csv")
    crimes = tmp_path / "crimes"
    (crimes / "crimes_2022-11-01.csv").symlink_to(crimes / "notes.txt")
    (crimes / "crimes_2022-11-02.csv").mkdir()
    os.mkfifo(crimes / "crimes_2022-11-03.csv")
    # A marker that is a folder marks nothing.
    (crimes / "crimes_2014-04-01.csv.done").mkdir()
    found = listed(tmp_path)
    assert [(file.path.name, file.is_complete) for file in found.files] == [
        ("crimes_2014-04-01.csv", None),
        ("crimes_2026-06-01.csv", None),
    ]
    texts = {"not a folder of": 2, "not named crimes_": 1, "its extract date is outside": 2, "but NAME is not next": 1}
    texts |= {"not a regular file but": 3, "so it marks nothing": 1}
    assert {text: sum(text in warning for warning in map(str, found.warnings)) for text in texts} == texts
    warnings = " ".join(map(str, found.warnings))
    assert not any(name.split(".")[0] in warnings for name in (*others, "bodycam"))
    assert len(found.warnings) == 10


def test_a_folder_that_is_missing_a_link_or_closed_loads_nothing_and_says_so(tmp_path, monkeypatch):
    assert listed(tmp_path / "none") == Landing((), (), is_synthetic=False)
    elsewhere = landed(tmp_path / "elsewhere", "crimes_2022-10-30.csv")
    landing = landed(tmp_path / "landing", "chats/chats_2022-10-30.csv")
    (landing / "crimes").symlink_to(elsewhere)
    found = listed(landing)
    assert names_of(found) == ["chats_2022-10-30.csv"]
    assert [warning.partition(";")[0] for warning in map(str, found.warnings)] == ["crimes/: a link"]

    def refuse(_):
        # Root, who may run the tests, can list every folder.
        raise PermissionError(13, "Permission denied")

    folders = list(landing.iterdir())
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(folders) if path == landing else refuse(path))
    assert "chats/: cannot be listed (Permission denied); nothing in it is loaded" in map(str, listed(landing).warnings)


def test_temporary_files_and_markers_are_ignored(tmp_path):
    names = [".crimes_2022-10-30.csv.Xy12", ".done", "~$crimes_2022-10-30.xlsx", "crimes_2022-10-30.csv.CRDOWNLOAD"]
    names += [f"crimes_2022-10-30.csv{end}" for end in (".part", ".tmp", ".filepart", ".partial", ".swp", "~", ".done")]
    landed(tmp_path, "crimes/crimes_2022-10-30.csv", *(f"crimes/{name}" for name in names))
    found = listed(tmp_path)
    assert (names_of(found), found.warnings) == (["crimes_2022-10-30.csv"], ())
    assert found.files[0].is_complete


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
    folder, *files = map(str, found.warnings)
    assert "1970-01-01 at 01:00:00 London time: not a folder of a known source" in folder
    assert [warning.partition(" of 1 bytes")[0] for warning in files] == ["crimes/: an entry"] * len(PERSONAL)
    assert not any(part in warning for warning in map(str, found.warnings) for part in PARTS)


def test_names_with_times_parts_and_numbers_of_batches_are_taken(tmp_path):
    ends = ["_20221031T041500Z", "_part-01-20221031", "_01-20221031", "-031500", "_0731_041500", "+20220801"]
    ends += ["_T000000+0100", "_31072022_041500", "_v0123456", "_batch000123456789", "_0123456789012345"]
    ends += ["_8a9f3c21-77aa-4c1d-9b1e-0123456789ab", "_AB1234567"]
    landed(tmp_path, *(f"crimes/crimes_2022-01-30{end}.csv" for end in ends))
    assert len(listed(tmp_path).files) == len(ends)


# -- files that are being written, removed or changed


def aged(folder: Path, ages: dict[str, float], *, marked: tuple[str, ...] = ()) -> Landing:
    """The landing folder after files were written that many seconds ago."""
    for name, seconds in ages.items():
        landed(folder, f"{name.partition('_')[0]}/{name}")
        os.utime(folder / name.partition("_")[0] / name, (time.time() - seconds,) * 2)
    return listed(folder, marked)


def test_young_files_are_waited_for_once_and_taken_when_unchanged(tmp_path):
    names = ("crimes_2022-10-28.csv", "crimes_2022-10-29.csv", "chats_2022-10-30.csv")
    found, waits = aged(tmp_path, dict.fromkeys(names, 0)), []
    kept = hold_back(found, quiet_seconds=5, wait_for=["crimes", "chats"], sleep=waits.append)
    assert (len(kept.files), kept.held, kept.warnings) == (3, (), ())
    assert len(waits) == 1
    assert 0 < waits[0] <= 5


def test_old_and_marked_files_and_those_of_other_sources_are_not_waited_for(tmp_path):
    ages = {"crimes_2022-10-30.csv": 0, "crimes_2022-10-30.csv.done": 0, "chats_2022-10-29.csv": 60}
    found, waits = aged(tmp_path, {**ages, "chats_2022-10-30.csv": 0}), []
    kept = hold_back(found, quiet_seconds=60, wait_for=["crimes"], sleep=waits.append)
    assert names_of(kept) == ["chats_2022-10-29.csv", "crimes_2022-10-30.csv"]
    assert kept.held_days == {("chats", date(2022, 10, 30))}
    later = partial(int, time.time_ns() + 61_000_000_000)
    waiting = {"quiet_seconds": 60, "wait_for": ["crimes", "chats"], "sleep": waits.append}
    assert len(hold_back(found, **waiting, now_ns=later).files) == 3
    assert waits == []
    assert hold_back(found, quiet_seconds=0) == found, "without a quiet period every file is complete"


@pytest.mark.parametrize("change", [partial(rewrite, text="y"), Path.unlink, lambda path: path.write_text("more")])
def test_a_file_that_changes_during_the_wait_holds_back_its_day(tmp_path, change):
    ages = {"crimes_2022-10-30_a.csv": HOUR, "crimes_2022-10-30_b.csv": 1_000_000, "crimes_2022-10-31.csv": HOUR}
    found = aged(tmp_path, ages)
    path = tmp_path / "crimes" / "crimes_2022-10-30_b.csv"
    kept = hold_back(found, quiet_seconds=5, wait_for=["crimes"], sleep=lambda _: change(path))
    assert names_of(kept) == ["crimes_2022-10-31.csv"]
    assert [file.path.name for file in kept.held] == ["crimes_2022-10-30_a.csv", "crimes_2022-10-30_b.csv"]
    (warning,) = map(str, kept.warnings)
    assert warning.startswith("crimes/crimes_2022-10-30_2.csv: is still being written; crimes of 2022-10-30 is left")


def test_a_contract_may_require_a_marker_that_is_not_older_than_the_file(tmp_path):
    file, marker = "crimes_2022-10-30.csv", "crimes_2022-10-30.csv.done"
    held = hold_back(aged(tmp_path, {file: HOUR}, marked=("crimes",)), quiet_seconds=0)
    assert held.files == ()
    assert "requires a marker NAME.done" in str(held.warnings[0])
    for age, files in ((0, 1), (2 * HOUR, 0)):
        found = aged(tmp_path, {file: HOUR, marker: age}, marked=("crimes",))
        assert len(hold_back(found, quiet_seconds=0).files) == files


def test_a_file_time_in_the_future_does_not_hold_a_file_back_for_long(tmp_path):
    found = aged(tmp_path, {"crimes_2022-10-30.csv": -24 * HOUR})
    assert len(hold_back(found, quiet_seconds=60, now_ns=partial(int, time.time_ns() + 61_000_000_000)).files) == 1
    assert hold_back(found, quiet_seconds=60).files == ()
    # With both times in the future, it counts whether the file changes during the wait.
    ahead = replace(found.files[0], changed_ns=found.files[0].modified_ns)
    waits: list[float] = []
    kept = hold_back(replace(found, files=(ahead,)), quiet_seconds=2, wait_for=["crimes"], sleep=waits.append)
    assert (len(kept.files), waits) == (1, [2.0])


# -- in a run

LATER = DAY.replace(day=2)


HALF = "\n".join([HEADER, row("v3", day=LATER), ""])
MOMENTS = {
    "gone, then hashed": (plan, "sha256_of", Path.unlink, True),
    "gone, then opened": (candidate, "open_extract", Path.unlink, True),
    # Its sender pauses at the end of a row.
    "cut, then opened": (candidate, "open_extract", lambda path: path.write_text(HALF), True),
    "opened, then touched": (candidate, "open_extract", Path.touch, False),
}


@pytest.mark.parametrize(("module", "name", "change", "is_before"), MOMENTS.values(), ids=MOMENTS)
def test_half_of_a_delivery_whose_files_change_after_they_were_listed_is_not_loaded(
    installation, monkeypatch, module, name, change, is_before
):
    installation.land(DAY, row("v1"))
    installation.land(LATER, row("v2", day=LATER))
    path = installation.land(LATER, row("v3", day=LATER), row("v4", day=LATER), suffix="_b")
    whole, unpatched = path.read_bytes(), getattr(module, name)

    def changing(file: Path, *arguments: object, **options: int) -> object:
        if file == path and is_before:
            change(path)
        result = unpatched(file, *arguments, **options)
        if file == path and not is_before:
            change(path)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(module, name, changing)
        report = installation.run()
    assert [visit for _, visit, _ in installation.current()] == ["v1"]
    assert (report.rejected, report.missing, report.held) == ((), (), (LATER,))
    assert report.not_accepted([DAY, LATER]) == (LATER,)
    left = f"visits/visits_{LATER}_2.csv: was removed or written to after the folder was listed; visits of {LATER} is "
    assert any(warning.startswith(left) for warning in map(str, report.warnings))
    path.write_bytes(whole)
    installation.run()
    assert len(installation.current()) == 4
