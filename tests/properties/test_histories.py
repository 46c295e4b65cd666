"""Drawn deliveries over many nights: verdicts follow the documented rules, and what stands depends on no order."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from dagster_project.loading import pipeline
from dagster_project.validation import Outcome, ValidationResult
from tests.unit.loading.installation import VISITS, Installation

FIRST_DAY, DAYS, NIGHTS = date(2019, 3, 1), 60, 6
HEADER, BROKEN = "visit_id,begun_at,minutes,visitor\n", "this is no extract\n"
CODES = {
    "faulty_rows_are_within_limits",
    "faulty_rows_of_28_days_are_within_limits",
    "key_not_unique",
    "events_outside_day",
    "same_content_as_other_day",
    "no_header",
}
# Volume by weekday has its own tests.
CONTRACT = replace(VISITS, volume_floor=0.0)
Row = tuple[str, date, str]
"""Key, day of the event, minutes."""


@dataclass
class Delivery:
    """What the rules say about the files of a day, by the texts of the files alone."""

    day: date
    files: dict[str, str]
    read: int = 0
    faulty: int = 0
    superseded: int = 0
    judged: int = 0
    """Rows that load, of files that are not named late."""
    outside: int = 0
    """Of these, rows with an event that is more than a day from the extract date."""
    rows: list[tuple[str, str, int]] = field(default_factory=list)
    """Day, key and minutes of the rows that load: the last good one of each key."""

    def __post_init__(self) -> None:
        by_key: dict[str, list[tuple[str, Row]]] = defaultdict(list)
        # Files of one content count once.
        for text, name in {text: name for name, text in sorted(self.files.items(), reverse=True)}.items():
            for key, moment, minutes, _ in (line.split(",") for line in text.splitlines()[1:]):
                self.read += 1
                if minutes.isdigit():
                    by_key[key].append((name, (key, date.fromisoformat(moment[:10]), minutes)))
                else:
                    self.faulty += 1
        for key, found in by_key.items():
            found.sort(key=lambda each: each[0])
            kept = [found[0], *(later for before, later in pairwise(found) if later[1] != before[1])]
            self.superseded += len(kept) - 1
            name, (_, event, minutes) = kept[-1]
            self.rows.append((str(self.day), key, int(minutes)))
            if "_late" not in name:
                self.judged += 1
                self.outside += abs((event - self.day).days) > 1

    def codes(self, standing: dict[date, "Delivery"]) -> set[str]:
        """Why it is rejected, next to the deliveries that stand."""
        if BROKEN in self.files.values():
            return {"no_header"}
        codes = set()
        if self.faulty > 20 and self.faulty * 20 > self.read:
            codes.add("faulty_rows_are_within_limits")
        elif self.faulty * 20 > self.read:
            days = [self, *(other for day, other in standing.items() if 0 < (self.day - day).days < 28)]
            faulty, read = sum(each.faulty for each in days), sum(each.read for each in days)
            if faulty > 20 and faulty * 20 > read:
                codes.add("faulty_rows_of_28_days_are_within_limits")
        if self.superseded > 20 and self.superseded * 5 > self.read:
            codes.add("key_not_unique")
        if self.judged >= 20 and self.outside * 2 > self.judged:
            codes.add("events_outside_day")
        elsewhere = {text for day, other in standing.items() if day != self.day for text in other.files.values()}
        if any(text in elsewhere and text != HEADER for text in self.files.values()):
            codes.add("same_content_as_other_day")
        return codes


class History:
    """Files that arrive in a landing folder night by night, and which deliveries stand."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.files: dict[date, dict[str, str]] = defaultdict(dict)
        self.standing: dict[date, Delivery] = {}
        self.accepted_by_hand: dict[date, set[str]] = {}
        self.keys = 0
        folder.mkdir(parents=True)

    def deliver(self) -> None:
        """What arrives before a night: new days, corrections, further files, copies of other days."""
        for day in (FIRST_DAY + timedelta(days=offset) for offset in range(DAYS)):
            if self.chance.random() < 0.35:
                self._deliver(day)

    def _deliver(self, day: date) -> None:
        suffix, what = self.chance.choice(["", "", "", "_b", "_late", "_kent_late2"]), self.chance.random()
        others = [text for other, files in self.files.items() if other != day for text in files.values()]
        text = HEADER if what < 0.08 else BROKEN if what < 0.12 else self._text(day)
        if 0.12 <= what < 0.25 and others:
            text = self.chance.choice(others)
        # A broken file is replaced.
        for old in [old for old, there in self.files[day].items() if there == BROKEN]:
            del self.files[day][old]
            (self.folder / old).unlink()
        name = f"visits_{day}{suffix}.csv"
        self.files[day][name] = text
        (self.folder / name).write_text(text)

    def _text(self, day: date) -> str:
        choice = self.chance.choice
        shift, share = choice([0, 0, 0, 0, -1, 1, -2, 2, 40]), choice([0, 0, 0, 0.05, 0.08, 0.7])
        same = choice([0, 0, 0, 0.15, 0.4, 0.9])
        lines = []
        for _ in range(choice([5, 19, 20, 21, 40, 60])):
            self.keys += self.chance.random() >= same
            event = day + timedelta(days=shift if self.chance.random() < 0.6 else 0)
            minutes = "never" if self.chance.random() < share else str(self.chance.randint(1, 4))
            lines.append(f"v{self.keys},{event} 10:00,{minutes},x\n")
        return HEADER + "".join(lines)

    def night(self) -> dict[date, set[str]]:
        """Reason codes of each delivery that is new, by day; none where it is accepted."""
        decided: dict[date, set[str]] = {}
        for day, files in sorted(self.files.items()):
            standing, contents = self.standing.get(day), set(files.values())
            if not files or (standing and contents <= set(standing.files.values())):
                continue
            delivery = Delivery(day, dict(files))
            codes = set() if self.accepted_by_hand.get(day) == contents else delivery.codes(self.standing)
            decided[day] = codes
            if not codes:
                self.standing[day] = delivery
        return decided

    def rows(self) -> list[tuple[str, str, int]]:
        return sorted(row for delivery in self.standing.values() for row in delivery.rows)


@pytest.fixture(autouse=True)
def quick_validation(monkeypatch):
    """Leaves Great Expectations out."""

    def outcomes(_contract, violations, **_):
        return ValidationResult(tuple(Outcome(**vars(f), success=not f.failed_dates) for f in violations), "{}")

    monkeypatch.setattr(pipeline, "validate", outcomes)


@pytest.mark.parametrize("seed", [1, 2])
def test_verdicts_and_rows_of_every_night_follow_the_rules_in_any_order(tmp_path, seed):
    root = Installation(tmp_path / "home", CONTRACT)
    history, counts = History(seed, root.settings.landing / "visits"), Counter()
    for night in range(NIGHTS):
        history.deliver()
        expected = history.night()
        report = root.run()
        found = {
            item.extract_date: {code for code in CODES if f"[{code}]" in item.reason or f"{code}:" in item.reason}
            if not item.is_accepted
            else set()
            for item in report.deliveries
        }
        assert found == expected, night
        failed = {
            (outcome.expectation.code or outcome.expectation.name, day)
            for outcome in report.outcomes
            for day in outcome.failed_dates
            if outcome.expectation.severity == "critical" and expected[day]
        }
        assert failed == {(code, day) for day, codes in expected.items() for code in codes if code != "no_header"}
        assert sorted(root.current()) == history.rows(), night
        counts.update(code for codes in expected.values() for code in codes)
        for day in [day for day, codes in expected.items() if codes and codes != {"no_header"}][::9]:
            root.accept(day)
            history.accepted_by_hand[day] = set(history.files[day].values())
    assert counts.keys() == CODES, f"take another seed: {counts}"

    # What stands at the end, delivered at once to another data root and accepted there.
    other = Installation(tmp_path / "other", CONTRACT)
    for delivery in history.standing.values():
        for name, text in delivery.files.items():
            other.land(delivery.day, text=text, suffix=name.removeprefix(f"visits_{delivery.day}").removesuffix(".csv"))
    for item in other.run().rejected:
        other.accept(item.extract_date)
    other.run()
    assert sorted(other.current()) == history.rows()
