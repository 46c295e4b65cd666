"""Files that are still being written, removed or changed: their day is left for the next run."""

import os
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dagster_project.loading import candidate, plan
from dagster_project.loading.landing import Landing, hold_back, scan
from tests.unit.loading.installation import DAY, VISITS, Installation, row

HOUR = 3600


def landed(folder: Path, ages: dict[str, float], *, marked: tuple[str, ...] = ()) -> Landing:
    """The landing folder after files were written that many seconds ago."""
    for name, seconds in ages.items():
        path = folder / name.partition("_")[0] / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
        moment = time.time() - seconds
        os.utime(path, (moment, moment))
    return scan(folder, ["crimes", "chats"], first=date(2014, 4, 1), last=date(2026, 6, 1), marked=marked)


def names_of(files) -> list[str]:
    return [file.path.stem for file in files]


class Sleeper:
    """Stands for sleeping: does something else, and keeps the seconds."""

    def __init__(self, meanwhile=lambda: None) -> None:
        self.waits: list[float] = []
        self._meanwhile = meanwhile

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._meanwhile()


def test_young_files_are_waited_for_once_and_taken_when_unchanged(tmp_path):
    ages = dict.fromkeys(("crimes_2022-10-28.csv", "crimes_2022-10-29.csv", "chats_2022-10-30.csv"), 0)
    found, sleeper = landed(tmp_path, ages), Sleeper()
    kept = hold_back(found, quiet_seconds=5, wait_for=["crimes", "chats"], sleep=sleeper)
    assert (len(kept.files), kept.held, kept.warnings) == (3, (), ())
    assert len(sleeper.waits) == 1
    assert 0 < sleeper.waits[0] <= 5


def test_old_and_marked_files_and_those_of_other_sources_are_not_waited_for(tmp_path):
    ages = {"crimes_2022-10-30.csv": 0, "crimes_2022-10-30.csv.done": 0, "chats_2022-10-29.csv": 60}
    found, sleeper = landed(tmp_path, {**ages, "chats_2022-10-30.csv": 0}), Sleeper()
    kept = hold_back(found, quiet_seconds=60, wait_for=["crimes"], sleep=sleeper)
    assert names_of(kept.files) == ["chats_2022-10-29", "crimes_2022-10-30"]
    assert kept.held_days == {("chats", date(2022, 10, 30))}
    later = time.time_ns() + 61_000_000_000
    waiting = {"quiet_seconds": 60, "wait_for": ["crimes", "chats"], "sleep": sleeper}
    assert len(hold_back(found, **waiting, now_ns=lambda: later).files) == 3
    assert sleeper.waits == []
    assert hold_back(found, quiet_seconds=0) == found, "without a quiet period every file is complete"


def rewritten(path: Path) -> None:
    """Another content of the same size and time, as copying programs set them before they write."""
    status = path.stat()
    # The clock of a file system moves in steps of some milliseconds.
    while path.stat().st_ctime_ns == status.st_ctime_ns:
        path.write_text("y")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "change", [rewritten, Path.unlink, lambda path: path.write_text("more")], ids=["y", "goes", "grows"]
)
def test_a_file_that_changes_during_the_wait_holds_back_its_day(tmp_path, change):
    ages = {"crimes_2022-10-30_a.csv": HOUR, "crimes_2022-10-30_b.csv": 1_000_000, "crimes_2022-10-31.csv": HOUR}
    found = landed(tmp_path, ages)
    sleeper = Sleeper(lambda: change(tmp_path / "crimes" / "crimes_2022-10-30_b.csv"))
    kept = hold_back(found, quiet_seconds=5, wait_for=["crimes"], sleep=sleeper)
    assert names_of(kept.files) == ["crimes_2022-10-31"]
    assert names_of(kept.held) == ["crimes_2022-10-30_a", "crimes_2022-10-30_b"]
    (warning,) = kept.warnings
    assert warning.startswith("crimes/crimes_2022-10-30_b.csv: is still being written; crimes of 2022-10-30 is left")


def test_a_contract_may_require_a_marker_that_is_not_older_than_the_file(tmp_path):
    file, marker = "crimes_2022-10-30.csv", "crimes_2022-10-30.csv.done"
    held = hold_back(landed(tmp_path, {file: HOUR}, marked=("crimes",)), quiet_seconds=0)
    assert held.files == ()
    assert f"requires a marker {marker}" in held.warnings[0]
    for age, files in ((0, 1), (2 * HOUR, 0)):
        found = landed(tmp_path, {file: HOUR, marker: age}, marked=("crimes",))
        assert len(hold_back(found, quiet_seconds=0).files) == files


def test_a_file_time_in_the_future_does_not_hold_a_file_back_for_long(tmp_path):
    found, later = landed(tmp_path, {"crimes_2022-10-30.csv": -24 * HOUR}), time.time_ns() + 61_000_000_000
    assert len(hold_back(found, quiet_seconds=60, now_ns=lambda: later).files) == 1
    assert hold_back(found, quiet_seconds=60).files == ()
    # With both times in the future, it counts whether the file changes during the wait.
    ahead = replace(found.files[0], changed_ns=found.files[0].modified_ns)
    sleeper = Sleeper()
    kept = hold_back(replace(found, files=(ahead,)), quiet_seconds=2, wait_for=["crimes"], sleep=sleeper)
    assert (len(kept.files), sleeper.waits) == (1, [2.0])


# -- in a run

LATER = DAY.replace(day=2)


def test_a_day_that_is_held_back_is_neither_loaded_nor_missing(tmp_path):
    installation = Installation(tmp_path, replace(VISITS, needs_marker=True))
    for day in (DAY, LATER, DAY.replace(day=3)):
        path = installation.land(day, row("v", day=day))
        if day != LATER:
            path.with_name(f"{path.name}.done").touch()
    report = installation.run()
    assert [day for day, *_ in installation.current()] == ["2022-11-01", "2022-11-03"]
    assert (report.missing, report.held, report.not_accepted([DAY, LATER])) == ((), (LATER,), (LATER,))


@pytest.mark.parametrize("moment", ["hashed, then gone", "opened, then gone", "cut, then opened", "touched when open"])
def test_half_of_a_delivery_whose_files_change_after_they_were_listed_is_not_loaded(installation, monkeypatch, moment):
    installation.land(DAY, row("v1"))
    installation.land(LATER, row("v2", day=LATER))
    path = installation.land(LATER, row("v3", day=LATER), row("v4", day=LATER), suffix="_b")
    whole, hashed, opened = path.read_bytes(), plan.sha256_of, candidate.open_extract

    def hashing(file: Path, **options: int) -> str:
        if file == path and moment == "hashed, then gone":
            path.unlink()
        return hashed(file, **options)

    def opening(file: Path, *arguments: object) -> object:
        if file == path and moment == "opened, then gone":
            path.unlink()
        if file == path and moment == "cut, then opened":
            # Its sender pauses at the end of a row.
            path.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
        extract = opened(file, *arguments)
        if file == path and moment == "touched when open":
            path.touch()
        return extract

    with monkeypatch.context() as patch:
        patch.setattr(plan, "sha256_of", hashing)
        patch.setattr(candidate, "open_extract", opening)
        report = installation.run()
    assert [visit for _, visit, _ in installation.current()] == ["v1"]
    assert (report.rejected, report.missing, report.held) == ((), (), (LATER,))
    left = f"visits/{path.name}: was removed or written to after the folder was listed; visits of {LATER} is left for"
    assert any(warning.startswith(left) for warning in report.warnings)
    path.write_bytes(whole)
    installation.run()
    assert len(installation.current()) == 4


def test_a_file_that_may_not_be_read_rejects_its_delivery_with_the_reason(installation, monkeypatch):
    closed, unpatched = installation.land(DAY, row("v1")), os.open

    def refusing(path: object, *arguments: object, **named: object) -> int:
        # Root, who may run the tests, can open every file.
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return unpatched(path, *arguments, **named)

    monkeypatch.setattr(os, "open", refusing)
    (rejected,) = installation.run().rejected
    assert "cannot be opened: Permission denied" in (rejected.reason or "")
