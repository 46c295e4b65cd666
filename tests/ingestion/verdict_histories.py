"""Random deliveries over two months as files in a landing folder, and the expected verdict on each, every night.

The rules are the documented ones, applied to the texts of the files.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

FIRST_DAY = date(2019, 3, 1)
DAYS, NIGHTS = 70, 7
SOURCE = "visits"
HEADER = "visit_id,begun_at,minutes,visitor"
BROKEN = "this is no extract\n"

Row = tuple[str, date, str]
"""Key, day of the event, minutes."""


def rows_of(text: str) -> list[Row]:
    """The data rows of a file."""
    cells = [line.split(",") for line in text.splitlines()[1:]]
    return [(key, date.fromisoformat(moment[:10]), minutes) for key, moment, minutes, _ in cells]


@dataclass
class Facts:
    """Counts of a delivery."""

    read: int = 0
    faulty: int = 0
    superseded: int = 0
    judged: int = 0
    """Rows that load, of files that are not named late."""
    outside: int = 0
    """Of these, rows with an event that is more than a day from the extract date."""


def facts_of(day: date, files: dict[str, str]) -> Facts:
    """Counts of a delivery; files of one content count once, in the order of their names."""
    facts = Facts()
    by_key: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    seen: set[str] = set()
    for name, text in sorted(files.items()):
        if text in seen:
            continue
        seen.add(text)
        for row in rows_of(text):
            facts.read += 1
            if row[2].isdigit():
                by_key[row[0]].append((name, row))
            else:
                facts.faulty += 1
    for found in by_key.values():
        kept = [found[0], *(later for before, later in pairwise(found) if later[1] != before[1])]
        facts.superseded += len(kept) - 1
        name, (_, event, _) = kept[-1]
        if "_late" not in name:
            facts.judged += 1
            facts.outside += abs((event - day).days) > 1
    return facts


@dataclass
class Verdicts:
    """The loaded files, and the verdicts of a night."""

    loaded: dict[date, dict[str, str]] = field(default_factory=dict)
    accepted_by_hand: dict[date, frozenset[str]] = field(default_factory=dict)

    def night(self, files: dict[date, dict[str, str]]) -> dict[date, set[str]]:
        """Reason codes of each delivery that is new, by day; none where it is accepted."""
        decided: dict[date, set[str]] = {}
        for day in sorted(files):
            contents = set(files[day].values())
            if contents and not contents <= set(self.loaded.get(day, {}).values()):
                decided[day] = self._codes(day, files[day])
                if not decided[day]:
                    self.loaded[day] = dict(files[day])
        return decided

    def _codes(self, day: date, files: dict[str, str]) -> set[str]:
        if BROKEN in files.values():
            return {"no_header"}
        if self.accepted_by_hand.get(day) == frozenset(files.values()):
            return set()
        facts, codes = facts_of(day, files), set()
        if facts.faulty > 20 and facts.faulty * 20 > facts.read:
            codes.add("faulty_rows_are_within_limits")
        elif facts.faulty * 20 > facts.read:
            days = [facts, *(facts_of(d, f) for d, f in self.loaded.items() if 0 < (day - d).days < 28)]
            faulty, read = sum(each.faulty for each in days), sum(each.read for each in days)
            if faulty > 20 and faulty * 20 > read:
                codes.add("faulty_rows_of_28_days_are_within_limits")
        if facts.superseded > 20 and facts.superseded * 5 > facts.read:
            codes.add("key_not_unique")
        if facts.judged >= 20 and facts.outside * 2 > facts.judged:
            codes.add("events_outside_day")
        elsewhere = {text for other, loaded in self.loaded.items() if other != day for text in loaded.values()}
        if any(text in elsewhere and rows_of(text) for text in files.values()):
            codes.add("same_content_as_other_day")
        return codes


class History:
    """Files that arrive in a landing folder, night by night."""

    def __init__(self, seed: int, landing: Path) -> None:
        self._dice = random.Random(seed)
        self._folder = landing / SOURCE
        self._folder.mkdir(parents=True)
        self.files: dict[date, dict[str, str]] = defaultdict(dict)
        self._keys = 0

    def step(self) -> None:
        """What arrives before a night: new days, corrections, further files, copies of other days."""
        for offset in range(DAYS):
            day = FIRST_DAY + timedelta(days=offset)
            if self._dice.random() < 0.35:
                self._change(day)

    def _change(self, day: date) -> None:
        dice = self._dice
        suffix = dice.choice(["", "", "", "_b", "_late", "_kent_late2"])
        what = dice.random()
        others = [text for other, files in self.files.items() if other != day for text in files.values()]
        if what < 0.08:
            text = f"{HEADER}\n"
        elif what < 0.12:
            text = BROKEN
        elif what < 0.25 and others:
            text = dice.choice(others)
        else:
            text = self._text(day)
        name = f"{SOURCE}_{day}{suffix}.csv"
        # A broken file is replaced.
        for old in [old for old, there in self.files[day].items() if there == BROKEN]:
            del self.files[day][old]
            (self._folder / old).unlink()
        self.files[day][name] = text
        (self._folder / name).write_text(text)

    def _text(self, day: date) -> str:
        dice = self._dice
        count = dice.choice([5, 19, 20, 21, 40, 60])
        shift = dice.choice([0, 0, 0, 0, -1, 1, -2, 2, 40])
        share = dice.choice([0, 0, 0, 0.05, 0.08, 0.7])
        same = dice.choice([0, 0, 0, 0.15, 0.4, 0.9])
        lines = [HEADER]
        for _ in range(count):
            self._keys += dice.random() >= same
            event = day + timedelta(days=shift if dice.random() < 0.6 else 0)
            minutes = "never" if dice.random() < share else str(dice.randint(1, 4))
            lines.append(f"v{self._keys},{event} 10:00,{minutes},x")
        return "\n".join([*lines, ""])
