"""Random histories of deliveries as files in a landing folder, and the final delivery of each.

A history has three days of its own and two sources. Whatever happens on the way (late, early, partial, shrunken,
broken, doubled, withdrawn, empty files), the rule of the files is a few lines here: a day whose folder holds a content
that is not loaded is loaded as the folder stands, and nothing is ever unloaded because a file has gone. What reads
them is not here.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from tests.reference.drafts import CSV, SOURCES, START, Column, Draft, Drawer, Row
from tests.reference.extract_files import written

HISTORIES = 150
DAYS = 3
STEPS = 4
# Neighbours have a day between them, so that an event of one can move out of its days without meeting the next.
FIRST_DAY = date(2018, 10, 1)

BROKEN = b"this is no extract\n"


@dataclass
class Day:
    """Files of a source and day in the landing folder, and the loaded ones."""

    source: str
    day: date
    files: dict[str, bytes] = field(default_factory=dict)
    loaded: dict[str, bytes] = field(default_factory=dict)
    rejections: int = 0
    corrections: int = 0

    def run(self) -> None:
        """Apply the documented rule of a nightly run to the files."""
        if all(content in self.loaded.values() for content in self.files.values()):
            return
        if BROKEN in self.files.values():
            self.rejections += 1
            return
        self.corrections += bool(self.loaded)
        self.loaded = dict(self.files)


class Deliveries:
    """All histories in one landing folder."""

    def __init__(self, seed: int) -> None:
        self._drawer = Drawer(seed)
        self._dice = self._drawer.rng
        self.days: list[Day] = []
        for number in range(HISTORIES):
            for source in self._dice.sample(list(START), 2):
                for offset in range(DAYS):
                    day = FIRST_DAY + timedelta(days=number * (DAYS + 1) + offset)
                    self.days.append(Day(source, day))

    def step(self, landing: Path, number: int) -> None:
        """Change what files in the folder as the senders do between two nights; the last step leaves nothing broken."""
        for day in self.days:
            before = dict(day.files)
            self._change(day, number)
            folder = landing / day.source
            folder.mkdir(parents=True, exist_ok=True)
            for name in before.keys() - day.files.keys():
                (folder / name).unlink()
            for name, content in day.files.items():
                if before.get(name) != content:
                    (folder / name).write_bytes(content)
            day.run()

    def write_final(self, landing: Path) -> None:
        """Write the final delivery: for each day the files that are loaded in the end."""
        for day in self.days:
            folder = landing / day.source
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in day.loaded.items():
                (folder / name).write_bytes(content)

    def _change(self, day: Day, number: int) -> None:
        dice = self._dice
        is_last = number == STEPS - 1
        if is_last and BROKEN in day.files.values():
            # Either what was broken is delivered whole, or it is taken away.
            if dice.random() < 0.5:
                day.files = {
                    name: self._file(day, packed=False) if name.endswith(".csv") else content
                    for name, content in day.files.items()
                    if content != BROKEN
                }
            else:
                day.files = {
                    name: self._file(day, packed=False) if content == BROKEN else content
                    for name, content in day.files.items()
                }
            return
        what = dice.random()
        names = sorted(day.files)
        if not names:
            if what < 0.6:
                for part in range(dice.choice([1, 1, 1, 2, 3])):
                    self._put(day, f"_{part}" if part else "", self._file(day))
            elif what < 0.65 and not is_last:
                self._put(day, "", BROKEN)
            return
        some = dice.choice(names)
        if what < 0.15:  # a corrected file, which may have fewer rows, or none
            day.files[some] = self._file(day, packed=some.endswith(".gz"))
        elif what < 0.25:  # the rest of a partial delivery
            self._put(day, f"_late{number}", self._file(day))
        elif what < 0.30:  # the same content under another name, which may sort before it
            self._put(day, dice.choice(["_again", "-copy"]), day.files[some], packed=some.endswith(".gz"))
        elif what < 0.36:  # withdrawn
            del day.files[some]
        elif what < 0.42 and not is_last:
            self._put(day, f"_broken{number}", BROKEN)
        elif what < 0.46:  # back to a delivery of before: the content that is loaded, as one of several files
            day.files = dict(day.loaded) or day.files

    def _put(self, day: Day, suffix: str, content: bytes, *, packed: bool | None = None) -> None:
        is_packed = content[:2] == b"\x1f\x8b" if packed is None else packed
        day.files[f"{day.source}_{day.day}{suffix}.csv{'.gz' if is_packed else ''}"] = content

    def _file(self, day: Day, *, packed: bool | None = None) -> bytes:
        """A file of the day: its own events, events of the days around it, and now and then a row that is faulty."""
        dice = self._dice
        first = FIRST_DAY + timedelta(days=(day.day - FIRST_DAY).days // (DAYS + 1) * (DAYS + 1))
        rows: list[Row] = []
        # A few names for each history: most events come in several extracts, each time with other values.
        for name in dice.sample(range(6), dice.choice([0, 1, 3, 5, 6])):
            event_day = first + timedelta(days=dice.randrange(DAYS)) if dice.random() < 0.3 else day.day
            row = self._drawer.row(day.source, event_day)
            row.values[next(iter(SOURCES[day.source]))] = f"{day.source[:2]}{first:%y%m%d}-{name}"
            rows.append(row)
            if dice.random() < 0.1:
                rows.append(row.copy())
            if dice.random() < 0.08:
                rows.append(row.copy())
                rows[-1].cells[START[day.source]] = "yesterday"
        columns = [Column(name, name) for name in SOURCES[day.source]]
        content = written(Draft(day.source, day.day, CSV, dice, columns, rows))
        is_packed = dice.random() < 0.1 if packed is None else packed
        return gzip.compress(content, mtime=0) if is_packed else content
