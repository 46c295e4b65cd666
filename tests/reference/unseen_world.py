"""Two forces over several runs: drawn events, files that spell them out, defects, corrections and rejected deliveries.

Drafts and defects are those of `tests/ingestion`; the figures that the loaded rows come to are for `measures`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.ingestion import cell_mutations, exotic_extracts, record_mutations  # noqa: F401 - enter their kinds
from tests.ingestion.mutation_kinds import KINDS
from tests.reference.drafts import (
    CSV,
    DEFAULT_FORCE,
    DELIMITED,
    FORMS,
    JSONL,
    MOMENT,
    PARQUET,
    REPEATED,
    SECONDS,
    START,
    XLSX,
    Column,
    Draft,
    Drawer,
    Misfit,
    Row,
    has_offset,
    local_of,
    readings_of,
    row_as_loaded,
)
from tests.reference.drafts import SOURCES as EVERY_SOURCE
from tests.reference.extract_files import written
from tests.reference.history import LONDON, SERVICES, History

FORCES = ("surrey", "sussex")
LAST_STEP = 3
SOURCES = {name: EVERY_SOURCE[name] for name in START}
Values = dict[str, Any]
# Each makes one row faulty, regardless of the others of the file.
DEFECTS = (
    "bad_timestamp",
    "time_of_day_missing",
    "hour_that_never_was",
    "required_cell_empty",
    "outside_the_closed_list",
    "negative_seconds",
    "segment_zero",
    "not_whole",
    "not_a_duration",
    "neither_yes_nor_no",
    "times_in_the_wrong_order",
    "cancelled_without_a_time",
    "offset_outside_its_list",
    "too_few_cells",
    "too_many_cells",
    "quote_that_is_not_closed",
    "line_that_is_no_object",
    "line_that_is_no_json",
)
REFUSALS = ("required_column_under_an_unknown_name", "extension_that_lies", "gzip_cut_off", "parquet_cut_off")
# How files differ that are read alike; one of each is drawn.
LAYOUTS = (
    exotic_extracts.ENCODINGS,
    exotic_extracts.DELIMITERS,
    exotic_extracts.LINE_ENDS,
    exotic_extracts.NAMES,
    exotic_extracts.ABOVE,
    exotic_extracts.BELOW,
    exotic_extracts.BETWEEN[:3],
)
CLOCK_CHANGES = (date(2022, 3, 27), date(2022, 10, 30), date(2023, 3, 26), date(2023, 10, 29))
MOST_DAYS_LATE = 70


@dataclass
class Delivery:
    """All files of a source and day from `step` on."""

    source: str
    day: date
    step: int
    drafts: list[Draft]
    status: str = "loaded"
    contents: dict[str, bytes] = field(default_factory=dict)
    """File name to content; also files whose content is that of another one."""


@dataclass
class World:
    """Everything that is delivered, in steps."""

    deliveries: list[Delivery]

    def at(self, step: int) -> dict[tuple[str, date], Delivery]:
        """The accepted delivery of each source and day after a step."""
        standing: dict[tuple[str, date], Delivery] = {}
        for delivery in sorted(self.deliveries, key=lambda each: each.step):
            if delivery.step <= step and delivery.status != "rejected":
                standing[delivery.source, delivery.day] = delivery
        return standing

    def write(self, landing: Path, step: int) -> None:
        """Write the files of a step into the landing folder."""
        for delivery in self.deliveries:
            if delivery.step == step:
                folder = landing / delivery.source
                folder.mkdir(parents=True, exist_ok=True)
                for name, content in delivery.contents.items():
                    path = folder / name
                    if not path.exists() or path.read_bytes() != content:
                        path.write_bytes(content)


@dataclass
class Judged:
    """A row of a delivery as it is read, and what becomes of it."""

    draft: Draft
    row: Row
    values: Values
    reason: str | None
    """Why it is quarantined; None: it loads."""

    @property
    def force(self) -> str | None:
        """The force that it counts for; None where it cannot be read."""
        if self.reason in (None, *REPEATED) or not any(c.name == "force_code" for c in self.draft.columns):
            return self.values["force_code"]
        column = self.row.verdict[1] if self.row.verdict else None
        return None if column in (None, "force_code") else self.values["force_code"]


def judged(delivery: Delivery) -> list[Judged]:
    """Every row of a delivery in order; of rows of one key the last counts, of equal ones the first."""
    rows = []
    for draft in sorted(delivery.drafts, key=lambda each: each.name):
        for row in draft.rows:
            code = row.verdict[0] if row.verdict else None
            rows.append(Judged(draft, row, row_as_loaded(draft, row), None if code in REPEATED else code))
    by_key: dict[tuple[Any, ...], list[Judged]] = defaultdict(list)
    for row in rows:
        if row.reason is None:
            by_key[key_of(delivery.source, row.values)].append(row)
    for same in by_key.values():
        contents = [{k: v for k, v in row.values.items() if k != "is_dst_ambiguous"} for row in same]
        is_one = all(content == contents[0] for content in contents)
        for row in same[1:] if is_one else same[:-1]:
            row.reason = "duplicate_row" if is_one else "superseded_row"
    return rows


def key_of(source: str, values: Values) -> tuple[Any, ...]:
    """Force and key of a row as read."""
    return (values["force_code"], *(values[name] for name, spec in SOURCES[source].items() if spec.key))


def history_of(world: World, step: int) -> History:
    """What is loaded after a step: rows of the accepted deliveries, and counts of those that were quarantined."""
    history = History(delivered={source: set() for source in SOURCES})
    for (source, day), delivery in sorted(world.at(step).items()):
        history.delivered[source].add(day)
        others = history.others[source].setdefault(day, {})
        for row in judged(delivery):
            if row.reason is None:
                history.rows[source].append({**row.values, "extract_date": day})
            else:
                is_repeated = row.reason in REPEATED
                loaded, faulty, repeated = others.get(row.force, (0, 0, 0))
                others[row.force] = (loaded, faulty + (not is_repeated), repeated + is_repeated)
    return history


def draw_world(seed: int, *, days: Iterable[date], clean_days: Iterable[date]) -> World:
    """Draw a world.

    Args:
        seed: fixes everything.
        days: extract dates with deliveries.
        clean_days: those of `days` that come in step 1, complete and without anything that fails a run.
    """
    draw = _Draw(seed, sorted(days), set(clean_days))
    for day in draw.days:
        for force in FORCES:
            draw.events(day, force)
    deliveries = [each for source in SOURCES for day in draw.days for each in draw.deliveries(source, day)]
    _assert_accepted_over_28_days(deliveries)
    return World(deliveries)


def _assert_accepted_over_28_days(deliveries: list[Delivery]) -> None:
    """Nothing is rejected for the faulty rows of the days before: it would be judged again whenever those change."""
    standing: dict[tuple[str, date], tuple[int, int]] = {}
    for delivery in sorted(deliveries, key=lambda each: (each.step, each.source, each.day)):
        if delivery.status == "rejected":
            continue
        reasons = [row.reason for row in judged(delivery)]
        own = len(reasons), sum(reason not in (None, *REPEATED) for reason in reasons)
        standing[delivery.source, delivery.day] = own
        days = [
            counts
            for (source, day), counts in standing.items()
            if source == delivery.source and 0 <= (delivery.day - day).days < 28
        ]
        read, faulty = (sum(counts) for counts in zip(*days, strict=True))
        assert own[1] * 20 <= own[0] or faulty <= 20 or faulty * 20 <= read, "draw another world"


class _Draw(Drawer):
    """Draws events with what is difficult about them, and the deliveries that they come in."""

    def __init__(self, seed: int, days: list[date], clean: set[date]) -> None:
        super().__init__(seed)
        self.days, self.clean = days, clean
        self.arrivals: dict[tuple[str, date], list[Values]] = defaultdict(list)
        self._written: dict[int, bytes] = {}

    def person(self) -> str:
        """A personal value in a form of its own, which `tests/end_to_end/test_unseen_force.py` looks for."""
        self._count += 1
        number = f"{self._count:06}"
        return self.rng.choice((f"07700 9{number[1:]}", f"OPZK{number}", f"CADX-{number}", f"45/{number}/23"))

    def _moment(self, day: date) -> datetime:
        """A moment of a local day; often near what is difficult: midnight, the clock change."""
        rng = self.rng
        start, end = (datetime(d.year, d.month, d.day, tzinfo=LONDON) for d in (day, day + timedelta(days=1)))
        length = int((end.astimezone(UTC) - start.astimezone(UTC)).total_seconds())
        if length != 86_400 and rng.random() < 0.5:
            second = rng.randrange(0, 3 * 3600 + 600)
        elif rng.random() < 0.1:
            second = rng.choice((0, 1, length - 1, length - 60, 59, 3600, length - 3600))
        else:
            second = rng.randrange(length)
        milliseconds = rng.choice((0, 0, 0, 500, 999, 123))
        return start.astimezone(UTC) + timedelta(seconds=second, milliseconds=milliseconds)

    def events(self, day: date, force: str) -> None:
        """Draw the events of a day and send them, some of them late or again."""
        rng = self.rng
        for number in range(rng.randrange(8, 16)):
            # The same identifiers in both forces: a key is unique within its force only.
            name = f"K{day.toordinal() % 10_000:04}-{number:02}" if rng.random() < 0.3 else self._new("K")
            for values in self._segments(day, name):
                self._send("call_segments", day, force, values)
        for _ in range(rng.randrange(5, 12)):
            self._send("digital_contacts", day, force, self._digital_contacts(day))
        for _ in range(rng.randrange(2, 7)):
            self._send("online_crime_reports", day, force, self._online_crime_reports(day))
        busy = self._moment(day)
        for _ in range(rng.randrange(4, 10)):
            self._send("live_chats", day, force, self._chat(day, busy))
        for _ in range(rng.randrange(2, 7)):
            for update, values in self._states(day):
                self._send("crimes", update, force, values)

    def _segments(self, day: date, name: str) -> Iterator[Values]:
        rng = self.rng
        first, count = 2 if rng.random() < 0.05 else 1, rng.choice((1, 1, 1, 2, 3))
        base = self._call_segments(day)
        for number in range(first, first + count):
            is_last = number == first + count - 1
            is_answered = rng.random() < (0.8 if is_last else 0.2)
            queue = rng.choice(
                (
                    Decimal(rng.randrange(30)),
                    Decimal(rng.choice(("9.999", "10", "89.999", "90", "0"))),
                    Decimal(rng.randrange(2_000_000)) / 1000,
                )
            )
            talk = rng.choice((None, Decimal(rng.randrange(4000)), Decimal(rng.randrange(4_000_000)) / 1000))
            others = ("abandoned", "disconnected") if is_last else ("transferred", "overflow")
            back = base["arrived_at"] + timedelta(seconds=rng.choice((0, 60, 1800, 5400, 40_000, 90_000)))
            offset = int((local_of(base["arrived_at"]) - base["arrived_at"].replace(tzinfo=None)).total_seconds()) // 60
            yield {
                **base,
                "call_id": name,
                "segment_no": number,
                "line": base["line"] if number == first else "other",
                "utc_offset_minutes": self._seldom(offset, 0.7),
                "queue_seconds": queue,
                "disposition": "answered" if is_answered else rng.choice(others),
                "talk_seconds": talk if is_answered else None,
                "called_back_at": None if is_answered else self._seldom(back, 0.5),
            }
            base["arrived_at"] += timedelta(seconds=int(queue) + int(talk or 0) + 1)

    def _chat(self, day: date, busy: datetime) -> Values:
        rng = self.rng
        requested = self._moment(day) if rng.random() < 0.4 else busy + timedelta(seconds=rng.randrange(2500))
        accepted = self._seldom(requested + timedelta(seconds=rng.choice((0, 5, 95, 600))), 0.8)
        ended = (accepted or requested) + timedelta(seconds=rng.choice((0, 60, 900, 2500, 4000)))
        operator = f"OPZK{rng.randrange(3):06}" if accepted and rng.random() < 0.9 else None
        times = {"requested_at": requested, "accepted_at": accepted, "ended_at": ended}
        return {**self._live_chats(day), **times, "operator_id": operator}

    def _states(self, day: date) -> Iterator[tuple[date, Values]]:
        """A crime on its day, then its changes on later ones."""
        rng = self.rng
        districts = (
            None,
            "Guildford",
            "Reigate & Banstead",
            "Môle Valley",
            "Spel, thorne (S)",
            "King\u2019s Elm/Bridge",
        )
        values = self._crimes(day)
        recorded = self._moment(day)
        values.update(
            recorded_at=recorded,
            updated_at=recorded,
            status="recorded",
            cancelled_at=None,
            cancel_code=None,
            offence_code=rng.choice(("8N", "105A", "28E", "ZZ9", "58C")),
            district=rng.choice(districts),
        )
        yield day, values
        for update in sorted(rng.sample(self.days, rng.choice((0, 1, 1, 2, 3)))):
            if update < day:
                continue
            updated = max(self._moment(update), values["updated_at"] + timedelta(hours=2))
            values = {**values, "updated_at": updated, "status": "recorded"}
            if rng.random() < 0.6:
                late = rng.choice((timedelta(0), timedelta(minutes=20), timedelta(days=2)))
                code = rng.choice((*SOURCES["crimes"]["cancel_code"].values, None))
                values.update(status="cancelled", cancelled_at=max(recorded, updated - late), cancel_code=code)
            elif rng.random() < 0.5:
                values.update(cancelled_at=None, cancel_code=None)
            yield update, values

    def _send(self, source: str, day: date, force: str, values: Values) -> None:
        """Deliver a row on its day; sometimes late, sometimes again and corrected in a later extract."""
        rng = self.rng
        later = [each for each in self.days if day < each <= day + timedelta(days=MOST_DAYS_LATE)][:4]
        extract = rng.choice(later) if later and rng.random() < 0.06 else day
        values = {**values, "force_code": force}
        self.arrivals[source, extract].append(values)
        for _ in range(2):
            again = [each for each in later if each > extract]
            if again and rng.random() < 0.08:
                extract, values = rng.choice(again), self._changed(source, values)
                self.arrivals[source, extract].append(values)

    def _changed(self, source: str, values: Values) -> Values:
        """Another version of a row."""
        rng = self.rng
        if source == "call_segments":
            changes = {"queue_seconds": values["queue_seconds"] + 7, "line": rng.choice(("999", "101", values["line"]))}
            if rng.random() < 0.4:
                changes["disposition"] = rng.choice(("answered", "abandoned"))
        elif source == "digital_contacts":
            earlier = timedelta(days=rng.choice((0, 0, 1, 31)))
            kinds = SOURCES[source]["contact_type"].values
            changes = {"contact_type": rng.choice(kinds), "received_at": values["received_at"] - earlier}
        elif source == "online_crime_reports":
            changes = {"service": rng.choice(SERVICES)}
        elif source == "live_chats":
            changes = {"ended_at": values["ended_at"] + timedelta(seconds=rng.randrange(900))}
        else:
            changes = {"offence_code": rng.choice(("8N", "105A", "28E"))}
        return {**values, **changes}

    def deliveries(self, source: str, day: date) -> list[Delivery]:
        """What is delivered of a source and day: at once or never, wrong at first, corrected, broken in the end."""
        rng = self.rng
        events = self.arrivals[source, day]
        rng.shuffle(events)
        is_clean = day in self.clean
        first = Delivery(source, day, 1 if is_clean else rng.choice((2, 2, 3)), self._drafts(source, day, events))
        found = [first]
        fate = rng.random()
        if is_clean:
            if fate < 0.15:
                found += self._correction(first)
        elif fate < 0.03:
            return []
        elif fate < 0.06:
            first.drafts, first.status = [self._draft(source, day, "", [], form=CSV)], "empty"
        elif fate < 0.10:
            first.drafts.append(self._refused(source, day, events))
            first.status = "rejected"
        elif fate < 0.13:
            first.drafts.append(self._faulty_file(source, day, events))
            first.status = "rejected"
        if first.step == 2 and not is_clean and rng.random() < 0.3:
            found += self._correction(first)
        last = found[-1]
        if last.status == "loaded" and last.step < LAST_STEP and not is_clean and rng.random() < 0.12:
            broken = [*last.drafts, self._refused(source, day, events)]
            found.append(Delivery(source, day, last.step + 1, broken, status="rejected"))
        for delivery in found:
            for draft in delivery.drafts:
                delivery.contents[draft.name] = self._content(draft)
        if found[-1].status == "loaded" and rng.random() < 0.1:
            copied = found[-1].drafts[0]
            found[-1].contents[f"{source}_{day}_zz_twin.{copied.extension or copied.form}"] = self._content(copied)
        return found

    def _content(self, draft: Draft) -> bytes:
        if id(draft) not in self._written:
            self._written[id(draft)] = written(draft)
        return self._written[id(draft)]

    def _drafts(self, source: str, day: date, events: list[Values]) -> list[Draft]:
        """One file or two, with rows that repeat or correct others, and with defects."""
        rng = self.rng
        count = rng.choice((1, 1, 1, 2))
        parts = [events[index::count] for index in range(count)]
        for part in parts:
            for values in rng.sample(part, min(len(part), rng.choice((0, 0, 1, 2)))):
                part.append(values if rng.random() < 0.5 else self._changed(source, values))
        if count == 2 and parts[0] and rng.random() < 0.5:
            parts[1].append(self._changed(source, parts[0][0]))
        drafts = []
        for suffix, part in zip(("", "_late"), parts, strict=False):
            drafts.append(self._draft(source, day, suffix, part))
            defects = rng.choice((0, 1) if day in self.clean else (0, 0, 0, 0, 1, 1, 2))
            fitting = [name for name in DEFECTS if KINDS[name].fits(drafts[-1])]
            self._apply(drafts[-1], rng.sample(fitting, len(fitting)), most=defects)
            self._dress(drafts[-1])
        return _at_most_two_of_a_key(drafts)

    def _draft(self, source: str, day: date, suffix: str, events: list[Values], *, form: str | None = None) -> Draft:
        """A file without defects in a drawn spelling."""
        rng = self.rng
        form = form or rng.choice((CSV, *FORMS) if events else (CSV, XLSX))
        draft = self.draft(source, form, day, rows=(0, 0))
        draft.suffix = suffix
        draft.columns = [
            Column(name, name)
            for name, spec in SOURCES[source].items()
            if spec.required or spec.required_when or rng.random() >= 0.06
        ]
        if any(values["force_code"] != DEFAULT_FORCE for values in events) or rng.random() < 0.5:
            draft.columns.append(Column("force_code", "force_code"))
        if rng.random() < 0.3:
            draft.columns.append(Column("person_note", "person note"))
        rng.shuffle(draft.columns)
        if form in (*DELIMITED, JSONL):
            draft.moments = rng.choice(("iso_z", "iso_offset", "iso_local", "iso_ms", "british", "serial"))
            if source != "crimes" and rng.random() < 0.15:
                draft.moments = "british_minutes"
        if form == PARQUET and draft.native:
            draft.moments = "iso_z" if rng.random() < 0.5 else "iso_ms"
        draft.is_1904 = form == XLSX and draft.native and rng.random() < 0.3
        draft.rows = [_as_read(draft, values) for values in events]
        for row in draft.rows:
            row.values["person_note"] = f"OPZK{rng.randrange(10**6):06}"
        return draft

    def _dress(self, draft: Draft) -> None:
        """Give a file a layout in which it means the same."""
        self._apply(draft, [self.rng.choice(axis) for axis in LAYOUTS], most=len(LAYOUTS))
        if draft.form == PARQUET and draft.native and draft.moments == "iso_z":
            zone = self.rng.choice(("UTC", "Europe/London"))
            for name, spec in draft.fields.items():
                if spec.kind == MOMENT and not any(name in row.cells for row in draft.rows):
                    draft.arrays[name] = lambda values, zone=zone: pa.array(values, pa.timestamp("us", tz=zone))

    def _apply(self, draft: Draft, names: list[str], *, most: int) -> None:
        """Apply the first of some kinds that the file fits and that leave each other alone."""
        taken: set[str] = set()
        applied = 0
        for kind in sorted((KINDS[name] for name in names if name), key=lambda each: each.layer):
            is_safe = kind.name != "times_in_the_wrong_order" or not _is_near_a_clock_change(draft.day)
            if is_safe and kind.fits(draft) and not kind.slots & taken and applied < most:
                with suppress(Misfit):
                    kind.apply(draft)
                    applied += 1
                    taken |= kind.slots

    def _refused(self, source: str, day: date, events: list[Values]) -> Draft:
        """A file that cannot be read, for which its whole delivery is rejected."""
        kind = KINDS[self.rng.choice(REFUSALS)]
        draft = self._draft(source, day, "_broken", events[:9], form=self.rng.choice(kind.forms))
        kind.apply(draft)
        return draft

    def _faulty_file(self, source: str, day: date, events: list[Values]) -> Draft:
        """A file of so many faulty rows that the whole delivery is rejected."""
        draft = self._draft(source, day, "_faulty", (events * 22)[:22], form=CSV)
        column = next(name for name, spec in SOURCES[source].items() if spec.required and spec.kind == MOMENT)
        for row in draft.rows:
            row.cells[column], row.verdict = "soon", ("not_a_timestamp", column)
        return draft

    def _correction(self, first: Delivery) -> list[Delivery]:
        """The day again: a file more, or all files under their old names with rows changed and withdrawn."""
        rng, source, day = self.rng, first.source, first.day
        good = [row.values for draft in first.drafts for row in draft.rows if row.verdict is None]
        if not good or any(not draft.rows for draft in first.drafts):
            return []
        if first.status == "loaded" and rng.random() < 0.5:
            added = [self._changed(source, values) for values in rng.sample(good, min(3, len(good)))]
            drafts = [*first.drafts, self._draft(source, day, "_corrected", added)]
        else:
            # Under the old names, so that no faulty file stays behind.
            kept = [self._changed(source, v) if rng.random() < 0.1 else v for v in good if rng.random() < 0.85]
            drafts = []
            for place, old in enumerate(first.drafts):
                part = kept[place :: len(first.drafts)] or good[:1]
                drafts.append(self._draft(source, day, old.suffix, part, form=old.extension or old.form))
        return [Delivery(source, day, LAST_STEP, _at_most_two_of_a_key(drafts))]


def _is_near_a_clock_change(day: date) -> bool:
    """Whether an extract may have times of a doubled hour, which can be read in another order."""
    return any(0 <= (day - change).days <= MOST_DAYS_LATE + 31 for change in CLOCK_CHANGES)


def _at_most_two_of_a_key(drafts: list[Draft]) -> list[Draft]:
    """Return the drafts without the third row of a key: the reason of the middle one of three is not specified."""
    seen: dict[tuple[Any, ...], int] = defaultdict(int)
    for draft in drafts:
        kept = []
        for row in draft.rows:
            if row.verdict is None:
                key = key_of(draft.source, row_as_loaded(draft, row))
                seen[key] += 1
                if seen[key] > 2:
                    continue
            kept.append(row)
        draft.rows = kept
    return drafts


def _as_read(draft: Draft, values: Values) -> Row:
    """A row with what it says in the spelling of its file: precision lost, doubled hour resolved."""
    row = Row(dict(values))
    columns = draft.fields
    is_offset_given = "utc_offset_minutes" in columns and values.get("utc_offset_minutes") is not None
    start = None
    for name in sorted(columns, key=lambda name: name != START[draft.source]):
        value = row.values.get(name)
        if value is None:
            continue
        if columns[name].kind == SECONDS and draft.seconds != "plain":
            row.values[name] = Decimal(int(value))
        if columns[name].kind != MOMENT:
            continue
        if draft.moments == "british_minutes":
            value = value.replace(second=0, microsecond=0)
        elif draft.moments != "iso_ms":
            value = value.replace(microsecond=0)
        readings = readings_of(local_of(value))
        if not has_offset(draft) and len(readings) == 2 and not (name == "arrived_at" and is_offset_given):
            later = [moment for moment in readings if start is None or moment >= start]
            # A reading that the row's own start rules out leaves the other one certain.
            row.is_ambiguous = row.is_ambiguous or len(later) != 1
            value = (later or readings)[0]
        row.values[name] = value
        start = value if name == START[draft.source] else start
    return row
