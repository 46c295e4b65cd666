"""Any order of deliveries gives the facts of their final state, and another night changes nothing.

Whatever happens on the way (late, partial, broken, doubled, withdrawn, empty files), the rule of the files is a few
lines here: a day whose folder holds a content that is not loaded is loaded as the folder stands, and nothing is ever
unloaded because a file has gone.
"""

from __future__ import annotations

import gzip
import os
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from dagster_project.contracts import load_contracts
from dagster_project.loading import pipeline
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.validation import ValidationResult
from dagster_project.warehouse.connection import open_read_only
from tests.compiled_project import CompiledProject, build_node, warehouse

# DELIVERY_HISTORIES=500 draws as many histories of three days; neighbours have a day between them.
HISTORIES = int(os.environ.get("DELIVERY_HISTORIES", "60"))
DAYS, STEPS, FIRST_DAY = 3, 4, date(2018, 10, 1)
BROKEN = b"this is no extract\n"
HEADERS = {
    "digital_contacts": "contact_id,received_at,contact_type,from_partner_force,is_test,linked_reference",
    "crimes": "crime_ref,updated_at,recorded_at,offence_code,status,district",
}
FACTS = ("fct_digital_contact", "fct_crime_status", "fct_crime")


@dataclass
class Day:
    """Files of a source and day in the landing folder, and the loaded ones."""

    source: str
    day: date
    files: dict[str, bytes] = field(default_factory=dict)
    loaded: dict[str, bytes] = field(default_factory=dict)
    rejections: int = 0
    corrections: int = 0

    def night(self) -> None:
        """Apply the documented rule of a nightly run to the files."""
        if all(content in self.loaded.values() for content in self.files.values()):
            return
        if BROKEN in self.files.values():
            self.rejections += 1
            return
        self.corrections += bool(self.loaded)
        self.loaded = dict(self.files)


def content(dice: random.Random, day: Day, number: int) -> bytes:
    """A file of a day: its own events, events of the days around it, and now and then a repeated or faulty row."""
    first = FIRST_DAY + timedelta(days=number * (DAYS + 1))
    lines = [HEADERS[day.source]]
    # A few names for each history: most events come in several extracts, each time with other values.
    for name in dice.sample(range(6), dice.choice([0, 1, 3, 5, 6])):
        event_day = first + timedelta(days=dice.randrange(DAYS)) if dice.random() < 0.3 else day.day
        at = f"{event_day} {dice.randrange(24):02}:{dice.randrange(60):02}:00"
        key = f"{number}-{name}"
        if day.source == "crimes":
            line = f"{key},{at},{first} 00:30:00,{dice.choice(['8N', '105A'])},recorded,{dice.choice(['North', ''])}"
        else:
            line = f"{key},{at},{dice.choice(['email', 'other'])},{dice.choice('YN')},{dice.choice('YN')},"
        lines += [line] * dice.choice([1, 1, 1, 1, 2])
        if dice.random() < 0.08:
            lines.append(line.replace(at, "yesterday"))
    packed = "\n".join([*lines, ""]).encode()
    return gzip.compress(packed, mtime=0) if dice.random() < 0.1 else packed


def change(dice: random.Random, day: Day, number: int, step: int) -> None:
    """What the sender of a day does between two nights; the last step leaves nothing broken."""

    def put(suffix: str, file: bytes) -> None:
        extension = "csv.gz" if file.startswith(b"\x1f\x8b") else "csv"
        day.files[f"{day.source}_{day.day}{suffix}.{extension}"] = file

    def broken() -> None:
        put(f"_broken{step}", BROKEN)

    names, is_last = sorted(day.files), step == STEPS - 1
    if is_last and BROKEN in day.files.values():
        # What was broken is taken away, and perhaps delivered whole.
        day.files = {name: file for name, file in day.files.items() if file != BROKEN}
        if dice.random() < 0.5:
            put("_whole", content(dice, day, number))
    elif not names:
        for part in range(dice.choice([0, 1, 1, 1, 2, 3])):
            put(f"_{part}" if part else "", content(dice, day, number))
        if not is_last and dice.random() < 0.1:
            broken()
    else:
        some, what = dice.choice(names), dice.random()
        if what < 0.15:  # a corrected file, which may have fewer rows, or none
            del day.files[some]
            put(f"_again{step}", content(dice, day, number))
        elif what < 0.25:  # the rest of a partial delivery
            put(f"_late{step}", content(dice, day, number))
        elif what < 0.30:  # the same content under another name, which may sort before it
            put(dice.choice(["_other", "-copy"]), day.files[some])
        elif what < 0.36:  # withdrawn
            del day.files[some]
        elif what < 0.42 and not is_last:
            broken()
        elif what < 0.46:  # back to the delivery that is loaded
            day.files = dict(day.loaded) or day.files


def land(landing: Path, days: list[Day], files_of: str) -> None:
    for day in days:
        folder = landing / day.source
        folder.mkdir(parents=True, exist_ok=True)
        files: dict[str, bytes] = getattr(day, files_of)
        for path in folder.glob(f"{day.source}_{day.day}*"):
            if path.name not in files:
                path.unlink()
        for name, file in files.items():
            if not (folder / name).exists() or (folder / name).read_bytes() != file:
                (folder / name).write_bytes(file)


def night(settings: Settings, name: str) -> int:
    """Load every source; return how many deliveries there were."""
    contracts = load_contracts(CONTRACTS)
    return sum(
        len(load_source(settings, contracts, source, wanted=Range(), run_id=name).deliveries) for source in HEADERS
    )


def facts(settings: Settings, project: CompiledProject) -> dict[str, list[tuple]]:
    with warehouse(loaded=settings.warehouse) as connection:
        for node in project.with_ancestors(FACTS):
            build_node(connection, node)
        return {
            name: connection.execute(f"select * exclude (load_id) from marts.{name} order by all").fetchall()
            for name in FACTS
        }


def loaded(settings: Settings) -> dict[str, list[tuple]]:
    """All rows that loading keeps."""
    with open_read_only(settings.warehouse) as connection:
        tables = "select table_schema || '.' || table_name from information_schema.tables where table_schema in "
        names = connection.execute(f"{tables} ('raw', 'audit') and table_type = 'BASE TABLE'").fetchall()
        return {name: connection.execute(f"from {name} order by all").fetchall() for (name,) in names}


def test_a_history_gives_what_its_final_delivery_gives(tmp_path, project, monkeypatch) -> None:
    # Expectations compare a delivery with those of the weeks before it, which differ between the two data roots.
    monkeypatch.setattr(pipeline, "count_violations", lambda *_: ())
    monkeypatch.setattr(pipeline, "validate", lambda *_, **__: ValidationResult((), "{}"))
    stepwise, at_once = (
        Settings(home=tmp_path / name, force="surrey", quiet_seconds=0, _env_file=None) for name in ("nights", "once")
    )
    dice = random.Random(20240229)
    numbered = [
        (number, Day(source, FIRST_DAY + timedelta(days=number * (DAYS + 1) + offset)))
        for number in range(HISTORIES)
        for source in HEADERS
        for offset in range(DAYS)
    ]
    days = [day for _, day in numbered]
    for step in range(STEPS):
        for number, day in numbered:
            change(dice, day, number, step)
            day.night()
        land(stepwise.landing, days, "files")
        assert night(stepwise, f"night {step}") > HISTORIES
    assert sum(day.corrections > 1 for day in days) > HISTORIES / 6
    assert sum(day.rejections > 0 for day in days) > HISTORIES / 3
    assert sum(day.files != day.loaded for day in days) > HISTORIES / 3, "withdrawn files, and copies"
    assert sum(not day.loaded for day in days) > HISTORIES / 6, "days that never came"
    land(at_once.landing, days, "loaded")
    night(at_once, "at once")
    found, expected = facts(stepwise, project), facts(at_once, project)
    assert [name for name in FACTS if found[name] != expected[name]] == []
    assert min(map(len, expected.values())) > HISTORIES
    before = loaded(stepwise)
    assert night(stepwise, "without news") == 0
    assert loaded(stepwise) == before
