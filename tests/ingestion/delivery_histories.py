"""Random histories of deliveries as files in a landing folder, and the one delivery that each of them ends in.

A history has three days of its own and two sources. Whatever happens on the way (late, early, partial, shrunken,
broken, doubled, withdrawn, empty files), the rule of the files is a few lines here: a day whose folder holds a content
that is not loaded is loaded as the folder stands, and nothing is ever unloaded because a file has gone. What reads
them is not here.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

HISTORIES = 300
DAYS = 3
STEPS = 4
# Neighbours have a day between them, so that an event of one can move out of its days without meeting the next.
FIRST_DAY = date(2018, 10, 1)

Row = dict[str, object]
BROKEN = b"this is no extract\n"


def _at(dice: random.Random, day: date, *, after: datetime | None = None) -> datetime:
    if after is not None:
        return after + timedelta(seconds=dice.randint(0, 7200))
    return datetime(day.year, day.month, day.day, 3) + timedelta(seconds=dice.randint(0, 70_000))  # noqa: DTZ001


def _call(dice: random.Random, name: str, day: date) -> Row:
    return {
        "call_id": name,
        "segment_no": dice.randint(1, 2),
        "line": dice.choice(["999", "101", "other"]),
        "arrived_at": _at(dice, day),
        "queue_seconds": dice.randint(0, 99),
        "disposition": dice.choice(["answered", "abandoned", "transferred"]),
        "talk_seconds": dice.choice([60, 1.5, ""]),
        "caller_number": f"07700 {dice.randint(0, 5)}",
    }


def _contact(dice: random.Random, name: str, day: date) -> Row:
    return {
        "contact_id": name,
        "contact_type": dice.choice(["online_crime_report", "live_chat", "email", "other"]),
        "received_at": _at(dice, day),
        "from_partner_force": dice.choice(["Y", "N", ""]),
        "is_test": dice.choice(["N", "N", "Y"]),
    }


def _report(dice: random.Random, name: str, day: date) -> Row:
    started = _at(dice, day)
    return {
        "submission_id": name,
        "service": dice.choice(["report_a_crime", "rural_crime"]),
        "started_at": started,
        "submitted_at": _at(dice, day, after=started),
    }


def _chat(dice: random.Random, name: str, day: date) -> Row:
    requested = _at(dice, day)
    accepted = _at(dice, day, after=requested) if dice.random() < 0.7 else None
    return {
        "chat_id": name,
        "requested_at": requested,
        "accepted_at": accepted or "",
        "ended_at": _at(dice, day, after=accepted or requested),
        "operator_id": f"op {dice.randint(0, 3)}",
    }


def _crime(dice: random.Random, name: str, day: date) -> Row:
    recorded = _at(dice, day)
    is_cancelled = dice.random() < 0.3
    return {
        "crime_ref": name,
        "updated_at": _at(dice, day, after=recorded),
        "recorded_at": recorded,
        "offence_code": "105A",
        "status": "cancelled" if is_cancelled else "recorded",
        "cancelled_at": _at(dice, day, after=recorded) if is_cancelled else "",
        "cancel_code": dice.choice(["C1", "C4", ""]) if is_cancelled else "",
    }


SOURCES: dict[str, Callable[[random.Random, str, date], Row]] = {
    "call_segments": _call,
    "digital_contacts": _contact,
    "online_crime_reports": _report,
    "live_chats": _chat,
    "crimes": _crime,
}


@dataclass
class Day:
    """What lies in the landing folder for a source and day, and what of it is loaded."""

    source: str
    day: date
    lies: dict[str, bytes] = field(default_factory=dict)
    loaded: dict[str, bytes] = field(default_factory=dict)
    rejections: int = 0
    corrections: int = 0

    def run(self) -> None:
        """What a nightly run makes of the files, by the rule that is promised to whoever delivers."""
        if all(content in self.loaded.values() for content in self.lies.values()):
            return
        if BROKEN in self.lies.values():
            self.rejections += 1
            return
        self.corrections += bool(self.loaded)
        self.loaded = dict(self.lies)


class Deliveries:
    """All histories, side by side in one landing folder."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.days: list[Day] = []
        for number in range(HISTORIES):
            for source in self._dice.sample(list(SOURCES), 2):
                for offset in range(DAYS):
                    day = FIRST_DAY + timedelta(days=number * (DAYS + 1) + offset)
                    self.days.append(Day(source, day))

    def step(self, landing: Path, number: int) -> None:
        """Change what lies in the folder as the senders do between two nights; the last step leaves nothing broken."""
        for day in self.days:
            before = dict(day.lies)
            self._change(day, number)
            folder = landing / day.source
            folder.mkdir(parents=True, exist_ok=True)
            for name in before.keys() - day.lies.keys():
                (folder / name).unlink()
            for name, content in day.lies.items():
                if before.get(name) != content:
                    (folder / name).write_bytes(content)
            day.run()

    def write_final(self, landing: Path) -> None:
        """The canonical delivery: for each day the files that stand loaded in the end, and no others."""
        for day in self.days:
            folder = landing / day.source
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in day.loaded.items():
                (folder / name).write_bytes(content)

    def _change(self, day: Day, number: int) -> None:
        dice = self._dice
        is_last = number == STEPS - 1
        if is_last and BROKEN in day.lies.values():
            # Either what was broken is delivered whole, or it is taken away.
            if dice.random() < 0.5:
                day.lies = {name: self._file(day, packed=False) if name.endswith(".csv") else content
                            for name, content in day.lies.items() if content != BROKEN}  # fmt: skip
            else:
                day.lies = {name: self._file(day, packed=False) if content == BROKEN else content
                            for name, content in day.lies.items()}  # fmt: skip
            return
        what = dice.random()
        names = sorted(day.lies)
        if not names:
            if what < 0.6:
                for part in range(dice.choice([1, 1, 1, 2, 3])):
                    self._put(day, f"_{part}" if part else "", self._file(day))
            elif what < 0.65 and not is_last:
                self._put(day, "", BROKEN)
            return
        some = dice.choice(names)
        if what < 0.15:  # a corrected file, which may have fewer rows, or none
            day.lies[some] = self._file(day, packed=some.endswith(".gz"))
        elif what < 0.25:  # the rest of a partial delivery
            self._put(day, f"_late{number}", self._file(day))
        elif what < 0.30:  # the same content under another name, which may sort before it
            self._put(day, dice.choice(["_again", "-copy"]), day.lies[some], packed=some.endswith(".gz"))
        elif what < 0.36:  # withdrawn
            del day.lies[some]
        elif what < 0.42 and not is_last:
            self._put(day, f"_broken{number}", BROKEN)
        elif what < 0.46:  # back to a delivery of before: the content that is loaded, as one of several files
            day.lies = dict(day.loaded) or day.lies

    def _put(self, day: Day, suffix: str, content: bytes, *, packed: bool | None = None) -> None:
        is_packed = content[:2] == b"\x1f\x8b" if packed is None else packed
        day.lies[f"{day.source}_{day.day}{suffix}.csv{'.gz' if is_packed else ''}"] = content

    def _file(self, day: Day, *, packed: bool | None = None) -> bytes:
        """A file of the day: its own events, events of the days around it, and now and then a row that is faulty."""
        dice = self._dice
        first = FIRST_DAY + timedelta(days=(day.day - FIRST_DAY).days // (DAYS + 1) * (DAYS + 1))
        rows = []
        # A few names for each history: most events come in several extracts, each time with other values.
        for name in dice.sample(range(6), dice.choice([0, 1, 3, 5, 6])):
            event_day = first + timedelta(days=dice.randrange(DAYS)) if dice.random() < 0.3 else day.day
            rows.append(SOURCES[day.source](dice, f"{day.source[:2]}{first:%y%m%d}-{name}", event_day))
            if dice.random() < 0.1:
                rows.append(dict(rows[-1]))
            if dice.random() < 0.08:
                key = next(name for name in rows[-1] if name.endswith("_at"))
                rows.append(rows[-1] | {key: "yesterday"})
        header = list(SOURCES[day.source](random.Random(0), "", day.day))
        lines = [",".join(header), *(",".join(str(row[column]) for column in header) for row in rows), ""]
        content = "\n".join(lines).encode()
        is_packed = dice.random() < 0.1 if packed is None else packed
        return gzip.compress(content, mtime=0) if is_packed else content
