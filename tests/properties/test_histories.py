"""Drawn deliveries over some nights: what stands of a day follows from its files alone, in any order."""

import os
import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from dagster_project.loading import pipeline
from tests.unit.loading.conftest import outcomes_of
from tests.unit.loading.installation import HEADER, VISITS, Installation, row

# Extracts of other days may be the same, no day is missing, and any number of rows may be faulty.
CONTRACT = replace(VISITS, cadence="irregular", faulty_rows_limit=10_000)
BROKEN = "this is no extract\n"
# HISTORY_DAYS=2000 draws as many.
NIGHTS, DAYS = 5, int(os.environ.get("HISTORY_DAYS", "40"))


@dataclass
class Day:
    """Files of a day in the landing folder and those that are loaded, by the end of their names."""

    day: date
    files: dict[str, str] = field(default_factory=dict)
    loaded: dict[str, str] = field(default_factory=dict)

    def change(self, draws: random.Random, night: int) -> None:
        """What its sender does before a night: broken files are replaced or removed in the end."""
        ends, what = ["", " (1)", "_b", "_late"], draws.random()
        if self.files and what < 0.15:
            del self.files[draws.choice(sorted(self.files))]
        elif self.files and what < 0.3:
            self.files[draws.choice(ends)] = self.files[draws.choice(sorted(self.files))]
        elif what < 0.45:
            self.files[draws.choice(ends)] = BROKEN
        elif what < 0.9:
            minutes = draws.choices(["1", "2", "", "x"], k=draws.randrange(8))
            lines = [row(draws.choice("abcd"), each, self.day) for each in minutes]
            self.files[draws.choice(ends)] = "\n".join([HEADER, *lines, ""])
        if night == NIGHTS - 1:
            self.files = {end: text for end, text in self.files.items() if text != BROKEN}

    @property
    def is_delivered(self) -> bool:
        return not set(self.files.values()) <= set(self.loaded.values())

    def rows(self) -> list[tuple[str, str, int | None]]:
        """The last good row of each key, in the order of the names; a content counts once."""
        by_key = {}
        for text in dict.fromkeys(text for _, text in sorted(self.loaded.items())):
            for visit, _, minutes, _ in (line.split(",") for line in text.splitlines()[1:]):
                if minutes != "x":
                    by_key[visit] = int(minutes) if minutes else None
        return [(str(self.day), visit, minutes) for visit, minutes in by_key.items()]


def deliver(root: Installation, day: Day, files: dict[str, str]) -> None:
    for path in (root.settings.landing / "visits").glob(f"visits_{day.day}*"):
        path.unlink()
    for end, text in files.items():
        root.land(day.day, text=text, suffix=end)


def test_what_stands_follows_from_the_files_of_each_day_and_from_no_order(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "validate", outcomes_of)
    draws, root = random.Random(2), Installation(tmp_path / "nights", CONTRACT)
    days = [Day(date(2019, 3, 1) + timedelta(number)) for number in range(DAYS)]
    for night in range(NIGHTS):
        expected = {}
        for day in days:
            day.change(draws, night)
            if day.is_delivered:
                expected[day.day] = BROKEN not in day.files.values()
                day.loaded = dict(day.files) if expected[day.day] else day.loaded
            deliver(root, day, day.files)
        report = root.run()
        assert {delivery.extract_date: delivery.is_accepted for delivery in report.deliveries} == expected
        assert sorted(root.current(), key=str) == sorted((row for day in days for row in day.rows()), key=str), night
    assert root.run().deliveries == ()
    at_once = Installation(tmp_path / "once", CONTRACT)
    for day in days:
        deliver(at_once, day, day.loaded)
    at_once.run()
    assert at_once.current() == root.current()
