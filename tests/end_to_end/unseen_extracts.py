"""Extracts of forces and months that the project's sample does not hold: a drawn truth, and files that spell it out.

Everything here follows the description of the extracts alone: it shares no code with the project. What the figures are
is computed in `unseen_figures`.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

LONDON = ZoneInfo("Europe/London")
FORCES = ("surrey", "sussex")
DEFAULT_FORCE = "surrey"
LAST_STEP = 3

CONTACT_TYPES = (
    "online_crime_report", "live_chat", "asb_report", "road_traffic_report", "missing_person_report",
    "sexual_offence_report", "rural_crime_report", "contact_form", "email", "social_media", "other",
)  # fmt: skip
SERVICES = ("report_a_crime", "missing_person", "sexual_offence", "rural_crime")
CANCEL_CODES = ("C1", "C2", "C3", "C4", "C5")
NULL_WORDS = ("", "NULL", "null", "N/A", "n/a", "-", "#N/A", "#DIV/0!", "-9999", "  ")


@dataclass(frozen=True)
class Field:
    """A column: how its cells are typed (`kind`), and what the description demands of it."""

    kind: str
    required: bool = False
    required_when: tuple[str, str] | None = None
    """Column and value with which a cell is required."""
    key: bool = False
    personal: bool = False
    values: tuple[str, ...] = ()
    default: Any = None


TEXT, NUMBER, SECONDS, MOMENT, TRUTH = "text", "number", "seconds", "moment", "truth"
SOURCES: dict[str, dict[str, Field]] = {
    "call_segments": {
        "call_id": Field(TEXT, required=True, key=True),
        "segment_no": Field(NUMBER, required=True, key=True),
        "line": Field(TEXT, required=True, values=("999", "101", "switchboard", "other")),
        "arrived_at": Field(MOMENT, required=True),
        "utc_offset_minutes": Field(NUMBER),
        "queue_seconds": Field(SECONDS, required_when=("disposition", "answered")),
        "disposition": Field(
            TEXT, required=True, values=("answered", "abandoned", "transferred", "overflow", "disconnected")
        ),
        "talk_seconds": Field(SECONDS, default=Decimal(0)),
        "called_back_at": Field(MOMENT),
        "operator_id": Field(TEXT, personal=True),
        "caller_number": Field(TEXT, personal=True),
    },
    "digital_contacts": {
        "contact_id": Field(TEXT, required=True, key=True),
        "contact_type": Field(TEXT, required=True, values=CONTACT_TYPES),
        "received_at": Field(MOMENT, required=True),
        "from_partner_force": Field(TRUTH, default=False),
        "is_test": Field(TRUTH, default=False),
        "linked_reference": Field(TEXT, personal=True),
    },
    "online_crime_reports": {
        "submission_id": Field(TEXT, required=True, key=True),
        "service": Field(TEXT, required=True, values=SERVICES),
        "started_at": Field(MOMENT),
        "submitted_at": Field(MOMENT, required=True),
        "duplicate_of": Field(TEXT),
        "crime_ref": Field(TEXT, personal=True),
    },
    "live_chats": {
        "chat_id": Field(TEXT, required=True, key=True),
        "requested_at": Field(MOMENT, required=True),
        "accepted_at": Field(MOMENT),
        "ended_at": Field(MOMENT, required=True),
        "operator_id": Field(TEXT, personal=True),
        "topic": Field(TEXT, values=("general", "crime", "asb", "domestic_abuse", "missing_person", "other")),
        "created_incident": Field(TRUTH, default=False),
    },
    "crimes": {
        "crime_ref": Field(TEXT, required=True, key=True, personal=True),
        "updated_at": Field(MOMENT, required=True, key=True),
        "recorded_at": Field(MOMENT, required=True),
        "offence_code": Field(TEXT, required=True),
        "status": Field(TEXT, required=True, values=("recorded", "cancelled")),
        "cancelled_at": Field(MOMENT, required_when=("status", "cancelled")),
        "cancel_code": Field(TEXT, values=CANCEL_CODES),
        "report_channel": Field(
            TEXT, values=("999", "101", "online", "live_chat", "front_counter", "officer", "other")
        ),
        "district": Field(TEXT),
    },
}
START = {
    "call_segments": "arrived_at",
    "digital_contacts": "received_at",
    "online_crime_reports": "started_at",
    "live_chats": "requested_at",
    "crimes": "recorded_at",
}
ALIASES = {"call_id": ("UCID", "Call ID", "call-uid", "CALL_UID")}


@dataclass
class Row:
    """A row that a source system sends: its true values, and how it is spoilt if it is."""

    source: str
    force: str
    values: dict[str, Any]
    fault: str | None = None
    fault_column: str | None = None
    texts: dict[str, str] = field(default_factory=dict)
    """Cell texts that stand in the file instead of the values."""


@dataclass
class Style:
    """How one file spells its cells."""

    moments: str
    seconds: str
    native: bool
    columns: list[str]
    delimiter: str = ","
    newline: str = "\n"
    encoding: str = "utf-8"
    preamble: int = 0
    totals: bool = False


@dataclass
class File:
    """One file: its rows in order, and after writing the row number of each."""

    name: str
    form: str
    style: Style
    rows: list[Row]
    broken: str | None = None
    source: str = ""
    numbers: list[int] = field(default_factory=list)
    content: bytes = b""

    def required(self) -> list[str]:
        """Columns without which the file is refused."""
        return [name for name, spec in SOURCES[self.source].items() if spec.required]


@dataclass
class Delivery:
    """All files of a source and day as they lie there from `step` on."""

    source: str
    day: date
    step: int
    files: list[File]
    status: str = "loaded"
    twins: list[File] = field(default_factory=list)
    """Files whose content is that of another file of the day."""


def local_of(moment: datetime) -> datetime:
    """Wall-clock time in London, without a zone."""
    return moment.astimezone(LONDON).replace(tzinfo=None)


def readings_of(wall: datetime) -> list[datetime]:
    """The moments that a wall-clock time can mean: none in the spring gap, two in the hour that occurs twice."""
    moments = {wall.replace(tzinfo=LONDON, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(moment for moment in moments if local_of(moment) == wall)


def as_read(row: Row, file: File) -> dict[str, Any]:
    """What the row says in the spelling of its file: precision lost, doubled hour resolved, absent columns empty."""
    style, source = file.style, row.source
    result: dict[str, Any] = {"force_code": row.force if "force_code" in style.columns else DEFAULT_FORCE}
    ambiguous = False
    names = list(SOURCES[source])
    names.sort(key=lambda name: name != START[source])
    given = "utc_offset_minutes" in style.columns and row.values.get("utc_offset_minutes") is not None
    for name in names:
        spec = SOURCES[source][name]
        value = row.values.get(name) if name in style.columns else None
        if value is None:
            value = spec.default
        elif spec.kind == SECONDS and style.seconds in ("clock", "words", "fraction"):
            value = Decimal(int(value))
        elif spec.kind == MOMENT:
            value = at_precision(value, style)
            if not has_offset(style):
                readings = readings_of(local_of(value))
                start = result.get(START[source])
                if len(readings) == 2:
                    if name == "arrived_at" and given:
                        pass
                    else:
                        later = [moment for moment in readings if start is None or moment >= start]
                        # A reading that the row's own start rules out leaves the other one certain.
                        ambiguous = ambiguous or len(later) != 1
                        value = (later or readings)[0]
        result[name] = value
    result["is_dst_ambiguous"] = ambiguous
    return result


def has_offset(style: Style) -> bool:
    """Whether the file's timestamps state their offset."""
    return style.moments in ("iso_z", "iso_offset", "native_utc")


def at_precision(moment: datetime, style: Style) -> datetime:
    """The moment as far as the spelling goes."""
    if style.moments == "british_minutes":
        return moment.replace(second=0, microsecond=0)
    return moment if style.moments in ("iso_ms", "native_utc") else moment.replace(microsecond=0)


def spelt_moment(moment: datetime, style: Style, rng: random.Random) -> str:
    """Text of a timestamp."""
    moment = at_precision(moment, style)
    wall = local_of(moment)
    return {
        "iso_z": lambda: f"{moment:%Y-%m-%dT%H:%M:%S}Z",
        "iso_offset": lambda: moment.astimezone(LONDON).isoformat(),
        "iso_local": lambda: wall.isoformat(sep=rng.choice(" T")),
        "iso_ms": lambda: wall.isoformat(sep=" ", timespec="milliseconds"),
        "british": lambda: f"{wall:%d/%m/%Y %H:%M:%S}",
        "british_minutes": lambda: f"{wall:%d/%m/%Y %H:%M}",
        "serial": lambda: serial_of(wall) if (wall.hour, wall.minute, wall.second) != (0, 0, 0) else wall.isoformat(),
    }[style.moments]()


def serial_of(wall: datetime) -> str:
    """Excel serial number of a wall-clock time at whole seconds."""
    seconds = int((wall - datetime(1899, 12, 30)).total_seconds())  # noqa: DTZ001
    return f"{Decimal(seconds) / 86400:.10f}"


def spelt_seconds(value: Decimal, style: Style, rng: random.Random) -> str:
    """Text of a duration."""
    whole = int(value)
    if style.seconds == "clock":
        hours = f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
        return hours if whole >= 3600 or rng.random() < 0.3 else f"{whole // 60}:{whole % 60:02}"
    if style.seconds == "words":
        if whole >= 3600:
            return f"{whole // 3600}h {whole % 3600 // 60}m {whole % 60}s"
        return f"{whole // 60}m {whole % 60}s" if whole >= 60 else f"{whole}s"
    return f"{value:,}" if rng.random() < 0.5 else str(value)


def spelt(row: Row, name: str, style: Style, rng: random.Random) -> str:
    """Text of a cell."""
    if name in row.texts:
        return row.texts[name]
    if name == "force_code":
        return row.force if rng.random() < 0.8 else row.force.upper()
    if name not in SOURCES[row.source]:
        return f"Wibblethorpe {rng.randrange(10**6):06}"
    spec = SOURCES[row.source][name]
    value = row.values.get(name)
    if value is None:
        return rng.choice(NULL_WORDS)
    if spec.kind == TRUTH:
        return rng.choice(("Y", "yes", "True", "1", "TRUE") if value else ("N", "no", "False", "0", "fALSE"))
    if spec.kind == MOMENT:
        return spelt_moment(value, style, rng)
    if spec.kind == SECONDS:
        return spelt_seconds(value, style, rng)
    text = str(value)
    if spec.values and rng.random() < 0.2:
        text = text.upper() if rng.random() < 0.5 else text.title()
    return f" {text} " if rng.random() < 0.05 else text


def header_of(name: str, rng: random.Random) -> str:
    """A spelling of a column's name."""
    if name in ALIASES and rng.random() < 0.5:
        return rng.choice(ALIASES[name])
    kind = rng.randrange(5)
    return [name, name.upper(), name.replace("_", " ").title(), name.replace("_", "-"), name.replace("_", "")][kind]


def write(file: File, rng: random.Random) -> None:
    """Fill in content and row numbers of a file."""
    headers = [header_of(name, rng) for name in file.style.columns]
    if file.broken == "missing_column":
        required = [name for name in file.style.columns if name in file.required()]
        headers[file.style.columns.index(rng.choice(required))] = "something else"
    if file.form in ("csv", "csv.gz"):
        _write_csv(file, headers, rng)
    elif file.form == "jsonl":
        _write_jsonl(file, headers, rng)
    elif file.form == "parquet":
        _write_parquet(file, headers, rng)
    else:
        _write_xlsx(file, headers, rng)
    if file.broken == "lying_extension":
        file.content = gzip.compress(file.content, mtime=0)
    if file.broken == "cut_off":
        file.content = file.content[: len(file.content) // 2]


def _quoted(text: str, style: Style, rng: random.Random) -> str:
    if any(sign in text for sign in (style.delimiter, '"', "\n", "\r")) or rng.random() < 0.05:
        return '"' + text.replace('"', '""') + '"'
    return text


def _write_csv(file: File, headers: list[str], rng: random.Random) -> None:
    style, lines, file.numbers = file.style, [], []
    line = 1

    def put(text: str) -> int:
        nonlocal line
        at = line
        lines.append(text)
        line += text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
        return at

    for number in range(style.preamble):
        put(["Extract for performance team", "", "Run by the night job"][number % 3])
    put(style.delimiter.join(headers))
    for row in file.rows:
        cells = [_quoted(spelt(row, name, style, rng), style, rng) for name in style.columns]
        if row.fault == "too_few_cells":
            cells = cells[:-2]
        elif row.fault == "too_many_cells":
            cells = [*cells, "surplus"]
        elif row.fault == "unbalanced_quote":
            cells[1] = '"' + cells[1].strip('"')
        file.numbers.append(put(style.delimiter.join(cells)))
        if rng.random() < 0.02:
            put("")
    if style.totals:
        put(style.delimiter.join([rng.choice(("Total", "GRAND TOTAL", "totals")), str(len(file.rows))]))
    content = style.newline.join(lines) + (style.newline if rng.random() < 0.8 else "")
    file.content = content.encode(style.encoding)
    if file.form == "csv.gz":
        file.content = gzip.compress(file.content, mtime=0)


def _write_jsonl(file: File, headers: list[str], rng: random.Random) -> None:
    lines, file.numbers = [], []
    for number, row in enumerate(file.rows, start=1):
        file.numbers.append(number)
        if row.fault == "unreadable_record":
            lines.append(rng.choice(('["no", "object"]', '{"cut": ', "7")))
            continue
        record: dict[str, Any] = {}
        for name, header in zip(file.style.columns, headers, strict=True):
            text: Any = spelt(row, name, file.style, rng)
            value = row.values.get(name)
            if name not in row.texts and file.style.native:
                if value is None and name != "force_code" and name in SOURCES[row.source]:
                    if rng.random() < 0.5:
                        continue
                    text = None
                elif isinstance(value, bool | int):
                    text = value
                elif isinstance(value, Decimal) and file.style.seconds == "plain":
                    text = float(value) if value % 1 else int(value)
            record[header] = text
        lines.append(json.dumps(record, ensure_ascii=rng.random() < 0.5))
        if rng.random() < 0.03:
            lines.append("")
    file.content = ("\n".join(lines) + "\n").encode()


def _write_parquet(file: File, headers: list[str], rng: random.Random) -> None:
    style, file.numbers = file.style, list(range(1, len(file.rows) + 1))
    arrays: list[pa.Array] = []
    for name in style.columns:
        spec = SOURCES[file.rows[0].source].get(name) if file.rows else None
        values = [row.values.get(name) for row in file.rows]
        if style.native and spec and spec.kind == MOMENT:
            if style.moments == "native_utc":
                arrays.append(pa.array(values, pa.timestamp("us", tz=rng.choice(("UTC", "Europe/London")))))
            else:
                walls = [value and local_of(at_precision(value, style)) for value in values]
                arrays.append(pa.array(walls, pa.timestamp(rng.choice(("ms", "us", "ns")))))
        elif style.native and spec and spec.kind == NUMBER:
            arrays.append(pa.array(values, rng.choice((pa.int64(), pa.int32(), pa.float64()))))
        elif style.native and spec and spec.kind == SECONDS:
            kind = rng.choice((pa.float64(), pa.decimal128(18, 6)))
            if pa.types.is_floating(kind):
                values = [None if value is None else float(value) for value in values]
            arrays.append(pa.array(values, kind))
        elif style.native and spec and spec.kind == TRUTH:
            arrays.append(pa.array(values, pa.bool_()))
        elif style.native and spec and not any(name in row.texts for row in file.rows):
            array = pa.array(values, pa.string())
            arrays.append(array.dictionary_encode() if rng.random() < 0.3 else array)
        else:
            arrays.append(pa.array([spelt(row, name, style, rng) for row in file.rows], pa.string()))
    sink = io.BytesIO()
    pq.write_table(pa.table(dict(zip(headers, arrays, strict=True))), sink, row_group_size=13)
    file.content = sink.getvalue()


def _write_xlsx(file: File, headers: list[str], rng: random.Random) -> None:
    style, file.numbers = file.style, []
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True, "date_1904": style.moments == "cell_1904"})
    notes, sheet = (book.add_worksheet("Notes"), book.add_worksheet("Data"))
    notes.write_string(0, 0, "Made by the night job")
    when, span = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"}), book.add_format({"num_format": "[h]:mm:ss"})
    at = style.preamble
    if style.preamble:
        sheet.write_string(0, 0, "Extract for performance team")
    for column, header in enumerate(headers):
        sheet.write_string(at, column, header)
    for row in file.rows:
        at += 1 + (rng.random() < 0.03)
        file.numbers.append(at + 1)
        for column, name in enumerate(style.columns):
            value = row.values.get(name)
            spec = SOURCES[row.source].get(name)
            if spec is None or name in row.texts or value is None or not style.native:
                sheet.write_string(at, column, spelt(row, name, style, rng))
            elif spec.kind == MOMENT:
                sheet.write_datetime(at, column, local_of(at_precision(value, style)), when)
            elif spec.kind == SECONDS and style.seconds == "fraction":
                sheet.write_number(at, column, int(value) / 86400, span)
            elif spec.kind == SECONDS and style.seconds == "plain":
                sheet.write_number(at, column, float(value))
            elif spec.kind == TRUTH:
                sheet.write_boolean(at, column, value)
            elif spec.kind == NUMBER or (name in ("line", "report_channel") and str(value).isdigit()):
                sheet.write_number(at, column, int(value))
            else:
                sheet.write_string(at, column, spelt(row, name, style, rng))
    if style.totals:
        sheet.write_string(at + 1, 0, "Total")
        sheet.write_number(at + 1, 1, len(file.rows))
    book.close()
    file.content = sink.getvalue()


@dataclass
class World:
    """Everything that is delivered, in steps."""

    seed: int
    deliveries: list[Delivery]
    personal: set[str]

    def at(self, step: int) -> dict[tuple[str, date], Delivery]:
        """The accepted delivery of each source and day after a step."""
        standing: dict[tuple[str, date], Delivery] = {}
        for delivery in sorted(self.deliveries, key=lambda each: each.step):
            if delivery.step <= step and delivery.status != "rejected":
                standing[delivery.source, delivery.day] = delivery
        return standing

    def lay_down(self, landing: Path, step: int) -> None:
        """Write the files of a step into the landing folder."""
        for delivery in self.deliveries:
            if delivery.step == step:
                folder = landing / delivery.source
                folder.mkdir(parents=True, exist_ok=True)
                for file in [*delivery.files, *delivery.twins]:
                    path = folder / file.name
                    if not path.exists() or path.read_bytes() != file.content:
                        path.write_bytes(file.content)


def judged(delivery: Delivery) -> list[tuple[File, int, Row, dict[str, Any], str | None]]:
    """Every row of a delivery in order, as read, with the reason why it is quarantined (None: it loads)."""
    rows = []
    for file in sorted(delivery.files, key=lambda each: each.name):
        for number, row in zip(file.numbers, file.rows, strict=True):
            rows.append((file, number, row, as_read(row, file), row.fault))
    places: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for place, (_, _, row, values, fault) in enumerate(rows):
        if fault is None:
            places[key_of(row.source, values)].append(place)
    for same in places.values():
        if len(same) == 1:
            continue
        contents = [{k: v for k, v in rows[place][3].items() if k != "is_dst_ambiguous"} for place in same]
        if all(content == contents[0] for content in contents):
            losers, reason = same[1:], "duplicate_row"
        else:
            losers, reason = same[:-1], "superseded_row"
        for place in losers:
            rows[place] = (*rows[place][:4], reason)
    return rows


def _reject_with_the_days_before(deliveries: list[Delivery]) -> None:
    """Reject deliveries with more than 5 % faulty rows of which there are too many over the 28 days up to theirs."""
    standing: dict[tuple[str, date], tuple[int, int]] = {}
    for delivery in sorted(deliveries, key=lambda each: (each.step, each.source, each.day)):
        if delivery.status == "rejected":
            continue
        faults = [fault for *_, fault in judged(delivery)]
        own = len(faults), sum(fault not in (None, "duplicate_row", "superseded_row") for fault in faults)
        days = [own] + [
            counts
            for (source, day), counts in standing.items()
            if source == delivery.source and 0 < (delivery.day - day).days < 28
        ]
        read, faulty = (sum(counts) for counts in zip(*days, strict=True))
        if own[1] * 20 > own[0] and faulty > 20 and faulty * 20 > read:
            delivery.status = "rejected"
        else:
            standing[delivery.source, delivery.day] = own


def key_of(source: str, values: dict[str, Any]) -> tuple[Any, ...]:
    """Force and key of a row as read."""
    return (values["force_code"], *(values[name] for name, spec in SOURCES[source].items() if spec.key))


def draw_world(seed: int, *, days: Iterable[date], clean_days: Iterable[date], mended: bool = True) -> World:
    """Draw a world.

    Args:
        seed: fixes everything.
        days: extract dates with deliveries.
        clean_days: those of `days` that come in step 1, complete and without anything that fails a run.
        mended: whether there are corrected deliveries in step 3.
    """
    return _Draw(seed, sorted(days), set(clean_days), mended).world()


class _Draw:
    def __init__(self, seed: int, days: list[date], clean: set[date], mended: bool) -> None:
        self.rng = random.Random(seed)
        self.seed, self.days, self.clean, self.mended = seed, days, clean, mended
        self.arrivals: dict[tuple[str, date], list[Row]] = defaultdict(list)
        self.personal: set[str] = set()
        self.count = 0

    def world(self) -> World:
        for day in self.days:
            for force in FORCES:
                self._calls(day, force)
                self._contacts(day, force)
                self._reports(day, force)
                self._chats(day, force)
                self._crimes(day, force)
        deliveries = []
        for source in SOURCES:
            for day in self.days:
                deliveries.extend(self._deliveries(source, day))
        for delivery in deliveries:
            for file in delivery.files:
                for row in file.rows:
                    self._remember(row)
        _reject_with_the_days_before(deliveries)
        return World(self.seed, deliveries, self.personal | {"Wibblethorpe"})

    def _remember(self, row: Row) -> None:
        for name, spec in SOURCES[row.source].items():
            if spec.personal and row.values.get(name):
                self.personal.add(row.values[name])

    def _new(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count:07}"

    def _moment(self, day: date) -> datetime:
        """A moment of a local day; often near what is difficult: midnight, the clock change."""
        rng = self.rng
        start = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
        following = day + timedelta(days=1)
        end = datetime(following.year, following.month, following.day, tzinfo=LONDON).astimezone(UTC)
        length = int((end - start).total_seconds())
        changes = length != 86400
        kind = rng.random()
        if changes and kind < 0.5:
            second = rng.randrange(0, 3 * 3600 + 600)
        elif kind < 0.1:
            second = rng.choice((0, 1, length - 1, length - 60, 59, 3600, length - 3600))
        else:
            second = rng.randrange(length)
        return start + timedelta(seconds=second, milliseconds=rng.choice((0, 0, 0, 500, 999, 123)))

    def _send(self, source: str, day: date, force: str, values: dict[str, Any], *, change: Any) -> None:
        """Deliver a row on its day; sometimes late, sometimes again and corrected in a later extract."""
        rng = self.rng
        later = [each for each in self.days if day < each <= day + timedelta(days=70)][:4]
        first = day
        if later and rng.random() < 0.06:
            first = rng.choice(later)
        self.arrivals[source, first].append(Row(source, force, values))
        for _ in range(2):
            again = [each for each in later if each > first]
            if again and rng.random() < 0.08:
                first = rng.choice(again)
                values = change(dict(values))
                self.arrivals[source, first].append(Row(source, force, values))

    def _calls(self, day: date, force: str) -> None:
        rng = self.rng
        for index in range(rng.randrange(8, 16)):
            # The same identifiers in both forces: a key is unique within its force only.
            call_id = f"K{day.toordinal() % 10_000:04}-{index:02}" if rng.random() < 0.3 else self._new("K")
            line = rng.choice(("999", "999", "101", "101", "101", "switchboard", "other"))
            arrived = self._moment(day)
            caller = f"07700 9{rng.randrange(10**5):05}"
            segments = rng.choice((1, 1, 1, 2, 3))
            first = 2 if rng.random() < 0.05 else 1
            rows = []
            for number in range(first, first + segments):
                answered = rng.random() < (0.8 if number == first + segments - 1 else 0.2)
                queue = rng.choice((
                    Decimal(rng.randrange(0, 30)),
                    Decimal(rng.choice(("9.999", "10", "10.000", "89.999", "90", "0"))),
                    Decimal(rng.randrange(0, 2_000_000)) / 1000,
                ))  # fmt: skip
                talk = rng.choice((None, Decimal(rng.randrange(0, 4000)), Decimal(rng.randrange(4_000_000)) / 1000))
                disposition = "answered" if answered else rng.choice(
                    ("abandoned", "disconnected") if number == first + segments - 1 else ("transferred", "overflow")
                )  # fmt: skip
                back = None
                if not answered and rng.random() < 0.5:
                    back = arrived + timedelta(seconds=rng.choice((0, 60, 1800, 5400, 40000, 90000)))
                offset = local_of(arrived) - arrived.replace(tzinfo=None)
                rows.append({
                    "call_id": call_id, "segment_no": number, "line": line if number == first else "other",
                    "arrived_at": arrived,
                    "utc_offset_minutes": None if rng.random() < 0.3 else int(offset.total_seconds() // 60),
                    "queue_seconds": queue, "disposition": disposition, "talk_seconds": talk if answered else None,
                    "called_back_at": back,
                    "operator_id": f"OPZK{rng.randrange(10**4):04}" if answered else None, "caller_number": caller,
                })  # fmt: skip
                arrived = arrived + timedelta(seconds=int(queue) + int(talk or 0) + 1)

            def change(values: dict[str, Any]) -> dict[str, Any]:
                values["queue_seconds"] = values["queue_seconds"] + 7
                if rng.random() < 0.4:
                    values["disposition"] = rng.choice(("answered", "abandoned"))
                if rng.random() < 0.2:
                    values["line"] = rng.choice(("999", "101"))
                return values

            for values in rows:
                self._send("call_segments", day, force, values, change=change)

    def _contacts(self, day: date, force: str) -> None:
        rng = self.rng
        for _ in range(rng.randrange(5, 12)):
            values = {
                "contact_id": self._new("D"), "contact_type": rng.choice(CONTACT_TYPES),
                "received_at": self._moment(day), "from_partner_force": rng.choice((True, False, False, None, None)),
                "is_test": rng.choice((True, False, False, False, None, None)),
                "linked_reference": f"CADX-{rng.randrange(10**6):06}" if rng.random() < 0.5 else None,
            }  # fmt: skip

            def change(values: dict[str, Any]) -> dict[str, Any]:
                values["contact_type"] = rng.choice(CONTACT_TYPES)
                values["received_at"] = values["received_at"] - timedelta(days=rng.choice((0, 0, 1, 31)))
                return values

            self._send("digital_contacts", day, force, values, change=change)

    def _reports(self, day: date, force: str) -> None:
        rng = self.rng
        for _ in range(rng.randrange(2, 7)):
            submitted = self._moment(day)
            started = submitted - timedelta(seconds=rng.choice((0, 300, 2400, 5000))) if rng.random() < 0.8 else None
            values = {
                "submission_id": self._new("S"), "service": rng.choice((*SERVICES, "report_a_crime")),
                "started_at": started, "submitted_at": submitted,
                "duplicate_of": f"S{rng.randrange(10**7):07}" if rng.random() < 0.2 else None,
                "crime_ref": f"45/{rng.randrange(10**6):06}/23" if rng.random() < 0.4 else None,
            }  # fmt: skip

            def change(values: dict[str, Any]) -> dict[str, Any]:
                values["service"] = rng.choice(SERVICES)
                return values

            self._send("online_crime_reports", day, force, values, change=change)

    def _chats(self, day: date, force: str) -> None:
        rng = self.rng
        anchor = self._moment(day)
        for _ in range(rng.randrange(4, 10)):
            requested = self._moment(day) if rng.random() < 0.4 else anchor + timedelta(seconds=rng.randrange(0, 2500))
            accepted = requested + timedelta(seconds=rng.choice((0, 5, 95, 600))) if rng.random() < 0.8 else None
            ended = (accepted or requested) + timedelta(seconds=rng.choice((0, 60, 900, 2500, 4000)))
            operator = f"OPZK{rng.randrange(3):04}" if accepted and rng.random() < 0.9 else None
            values = {
                "chat_id": self._new("L"), "requested_at": requested, "accepted_at": accepted, "ended_at": ended,
                "operator_id": operator, "topic": rng.choice((None, *SOURCES["live_chats"]["topic"].values)),
                "created_incident": rng.choice((None, True, False)),
            }  # fmt: skip

            def change(values: dict[str, Any]) -> dict[str, Any]:
                values["ended_at"] = values["ended_at"] + timedelta(seconds=rng.randrange(0, 900))
                return values

            self._send("live_chats", day, force, values, change=change)

    def _crimes(self, day: date, force: str) -> None:
        rng = self.rng
        for _ in range(rng.randrange(2, 7)):
            self.count += 1
            recorded = self._moment(day)
            values: dict[str, Any] = {
                "crime_ref": f"45/{self.count:06}/23", "updated_at": recorded, "recorded_at": recorded,
                "offence_code": rng.choice(("8N", "105A", "28E", "ZZ9", "58C")), "status": "recorded",
                "cancelled_at": None, "cancel_code": None, "report_channel": rng.choice((None, "999", "online")),
                "district": rng.choice((None, "Guildford", "Reigate & Banstead", "Môle Valley",
                                        "Spel, thorne (S)", "King\u2019s Elm/Bridge")),
            }  # fmt: skip

            def change(values: dict[str, Any]) -> dict[str, Any]:
                values["offence_code"] = rng.choice(("8N", "105A", "28E"))
                return values

            self._send("crimes", day, force, values, change=change)
            for update in sorted(rng.sample(self.days, min(len(self.days), rng.choice((0, 1, 1, 2, 3))))):
                if update < day:
                    continue
                updated = max(self._moment(update), values["updated_at"] + timedelta(hours=2))
                values = {**values, "updated_at": updated}
                if rng.random() < 0.6:
                    lag = rng.choice((timedelta(0), timedelta(minutes=20), timedelta(days=2)))
                    values.update(
                        status="cancelled",
                        cancelled_at=max(recorded, updated - lag),
                        cancel_code=rng.choice((*CANCEL_CODES, *CANCEL_CODES, None)),
                    )
                elif rng.random() < 0.5:
                    values.update(status="recorded")
                else:
                    values.update(status="recorded", cancelled_at=None, cancel_code=None)
                self._send("crimes", update, force, values, change=change)

    def _deliveries(self, source: str, day: date) -> list[Delivery]:
        rng = self.rng
        rows = self.arrivals[source, day]
        rng.shuffle(rows)
        step = 1 if day in self.clean else rng.choice((2, 2, 3))
        files = self._files(source, day, rows, clean=day in self.clean)
        first = Delivery(source, day, step, files)
        deliveries = [first]
        fate = rng.random()
        if day in self.clean:
            if fate < 0.15:
                deliveries.extend(self._correction(first, step=LAST_STEP))
        elif fate < 0.03:
            return []
        elif fate < 0.06:
            first.files = [self._file(source, day, "", [])]
            first.status = "empty"
        elif fate < 0.10:
            first.status = "rejected"
            first.files[0].broken = rng.choice(("missing_column", "lying_extension", "cut_off"))
            if first.files[0].form == "jsonl" or not first.files[0].rows:
                first.files[0] = self._file(source, day, "", first.files[0].rows, form="csv", plain=True)
                first.files[0].broken = "missing_column"
            if first.files[0].form == "csv" and first.files[0].broken == "cut_off":
                first.files[0].broken = "missing_column"
        elif fate < 0.13:
            first.status = "rejected"
            spoilt = [Row(source, row.force, dict(row.values)) for row in rows[: len(rows) // 2]]
            spoilt = [*spoilt, *(Row(source, row.force, dict(row.values)) for row in rows[: 22 - len(spoilt)])]
            while len(spoilt) < 22:
                spoilt.append(Row(source, rows[0].force, dict(rows[0].values)))
            required = next(n for n, s in SOURCES[source].items() if s.required and s.kind == MOMENT)
            for row in spoilt:
                row.fault, row.fault_column, row.texts = "not_a_timestamp", required, {required: "soon"}
            first.files.append(self._file(source, day, "_spoilt", spoilt, form="csv", plain=True))
        if self.mended and first.step == 2 and day not in self.clean and rng.random() < 0.3:
            deliveries.extend(self._correction(first, step=LAST_STEP))
        if (
            self.mended
            and deliveries[-1].status == "loaded"
            and deliveries[-1].step < LAST_STEP
            and rng.random() < 0.12
        ):
            last = deliveries[-1]
            broken = self._file(source, day, "_zbroken", last.files[0].rows[:2], form="csv", plain=True)
            broken.broken = rng.choice(("missing_column", "lying_extension"))
            deliveries.append(Delivery(source, day, last.step + 1, [*last.files, broken], status="rejected"))
        for delivery in deliveries:
            for file in delivery.files:
                if not file.content:
                    write(file, rng)
        for delivery in deliveries:
            if delivery.status == "loaded" and delivery is deliveries[-1] and rng.random() < 0.1:
                original = delivery.files[0]
                stem = original.name[: len(source) + 11]
                twin = File(f"{stem}_zz_twin.{original.form}", original.form, original.style, [])
                twin.content = original.content
                delivery.twins.append(twin)
        return deliveries

    def _correction(self, first: Delivery, *, step: int) -> list[Delivery]:
        """The day once more: a file added, or all files written anew with rows changed and withdrawn."""
        rng = self.rng
        source, day = first.source, first.day
        good = [row for file in first.files for row in file.rows if row.fault is None]
        if not good:
            return []
        if first.status != "loaded" or rng.random() < 0.5:
            # A rewrite under the old names, so that no faulty file stays behind.
            kept = [Row(row.source, row.force, dict(row.values)) for row in good if rng.random() < 0.85] or good[:1]
            for row in kept:
                if rng.random() < 0.1:
                    self._tweak(row)
            names = [(file.form, file.name) for file in first.files]
            shares = [kept[index :: len(names)] or kept[:1] for index in range(len(names))]
            files = [
                self._file(source, day, "", share, form=form, name=name)
                for share, (form, name) in zip(shares, names, strict=True)
            ]
        else:
            rows = [Row(row.source, row.force, dict(row.values)) for row in rng.sample(good, min(3, len(good)))]
            for row in rows:
                self._tweak(row)
            files = [*first.files, self._file(source, day, "_corrected", rows)]
        self._without_mixed_twins(files)
        if not all(file.rows for file in files):
            return []
        return [Delivery(source, day, step, files)]

    def _tweak(self, row: Row) -> None:
        name, value = {
            "call_segments": ("queue_seconds", Decimal("33.25")),
            "digital_contacts": ("contact_type", "email"),
            "online_crime_reports": ("service", "rural_crime"),
            "live_chats": ("operator_id", "OPZK0001"),
            "crimes": ("offence_code", "105A"),
        }[row.source]
        row.values[name] = value

    def _files(self, source: str, day: date, rows: list[Row], *, clean: bool) -> list[File]:
        rng = self.rng
        count = rng.choice((1, 1, 1, 2))
        parts = [rows[index::count] for index in range(count)]
        suffixes = ["", "_late"][:count]
        files = []
        for suffix, part in zip(suffixes, parts, strict=True):
            part = list(part)
            for row in rng.sample(part, min(len(part), rng.choice((0, 0, 1, 2)))):
                # The same row once more, or another version of it further down.
                twin = Row(source, row.force, dict(row.values))
                if rng.random() < 0.5:
                    self._tweak(twin)
                part.append(twin)
            file = self._file(source, day, suffix, part)
            for _ in range(rng.choice((0, 0, 1, 2) if not clean else (0, 1))):
                if rows:
                    self._spoil(file, source, rng.choice(rows))
            files.append(file)
        if count == 2 and parts[0] and rng.random() < 0.5:
            twin = Row(source, parts[0][0].force, dict(parts[0][0].values))
            self._tweak(twin)
            files[1].rows.append(twin)
        self._without_mixed_twins(files)
        return files

    def _without_mixed_twins(self, files: list[File]) -> None:
        """At most two rows of a key: what the middle one of three is called is nobody's figure."""
        seen: dict[tuple[Any, ...], int] = defaultdict(int)
        for file in files:
            kept = []
            for row in file.rows:
                if row.fault is None:
                    key = key_of(row.source, as_read(row, file))
                    seen[key] += 1
                    if seen[key] > 2:
                        continue
                kept.append(row)
            file.rows = kept

    def _file(
        self, source: str, day: date, suffix: str, rows: list[Row], *, form: str | None = None,
        name: str | None = None, plain: bool = False,
    ) -> File:  # fmt: skip
        rng = self.rng
        form = form or rng.choice(("csv", "csv", "csv.gz", "jsonl", "xlsx", "parquet"))
        if not rows and form in ("jsonl", "parquet"):
            if name is None:
                form = "csv"
            else:
                rows = []
        spellings = ["iso_z", "iso_offset", "iso_local", "iso_ms", "british", "serial"]
        if source != "crimes":
            spellings.append("british_minutes")
        native = form in ("jsonl", "xlsx", "parquet") and rng.random() < 0.6
        moments = rng.choice(spellings)
        seconds = rng.choice(("plain", "plain", "clock", "words"))
        if native and form == "xlsx":
            moments, seconds = rng.choice(("cell", "cell", "cell_1904")), rng.choice(("plain", "fraction"))
        if native and form == "parquet":
            moments, seconds = rng.choice(("native_utc", "iso_local")), "plain"
        if form == "xlsx" and not native and moments == "serial":
            moments = "british"
        columns = ["force_code", *SOURCES[source]]
        for column, spec in SOURCES[source].items():
            if not (spec.required or spec.required_when) and rng.random() < (0.0 if plain else 0.06):
                columns.remove(column)
        if rng.random() < 0.3:
            columns.append("person_note")
        if all(row.force == DEFAULT_FORCE for row in rows) and rng.random() < 0.5:
            columns.remove("force_code")
        rng.shuffle(columns)
        style = Style(moments, seconds, native, columns)
        if form in ("csv", "csv.gz"):
            style.delimiter = rng.choice(",;\t|")
            style.newline = rng.choice(("\n", "\r\n", "\r"))
            style.encoding = rng.choice(("utf-8", "utf-8-sig", "utf-16", "cp1252"))
        if form in ("csv", "csv.gz", "xlsx") and not plain:
            style.preamble, style.totals = rng.choice((0, 0, 1, 3)), bool(rows) and rng.random() < 0.2
        stem = f"{source}_{day.isoformat()}{suffix}"
        return File(name or f"{stem}.{form}", form, style, list(rows), source=source)

    def _spoil(self, file: File, source: str, model: Row) -> None:
        """Add a row that has exactly one thing wrong."""
        rng = self.rng
        columns = SOURCES[source]
        force = model.force if "force_code" in file.style.columns else DEFAULT_FORCE
        row = Row(source, force, dict(model.values))
        if rng.random() < 0.7:
            name = next(iter(columns))
            row.values[name] = f"{row.values[name]}B"
        present = [name for name in columns if name in file.style.columns]
        moments = [name for name in present if columns[name].kind == MOMENT]
        options: list[tuple[str, str | None, str | None]] = []
        if not (file.form == "parquet" and file.style.native):
            for name in moments:
                options += [
                    ("not_a_timestamp", name, rng.choice(("31/02/2023 10:00", "2023-13-01T00:00:00", "03/28/2023 10:00",
                                                          "yesterday", "2023-03-28 24:00:00", "2023-03-28 10:61"))),
                    ("no_time_of_day", name, rng.choice(("2023-03-28", "28/03/2023"))),
                    ("time_never_existed", name, rng.choice(("2023-03-26 01:30:00", "26/03/2023 01:00",
                                                             "2022-03-27T01:59:59"))),
                ]  # fmt: skip
            for name in present:
                spec = columns[name]
                if spec.required:
                    options.append(("required_empty", name, rng.choice(NULL_WORDS)))
                if spec.kind == TRUTH:
                    options.append(("not_a_boolean", name, rng.choice(("maybe", "2", "ja"))))
                if spec.kind == SECONDS:
                    options.append(("not_seconds", name, rng.choice(("a while", "1:75:30", "12:99", "1.5.2", "1e3"))))
                    options.append(("below_minimum", name, rng.choice(("-5", "-0.5"))))
                if spec.kind == NUMBER and name == "segment_no":
                    options.append(("not_an_integer", name, rng.choice(("1.5", "two", "0x10", "1e1"))))
                    options.append(("below_minimum", name, rng.choice(("0", "-3"))))
                if name == "utc_offset_minutes":
                    options.append(("not_in_list", name, rng.choice(("30", "-60"))))
        if not file.style.native or file.form != "parquet":
            for name in present:
                if columns[name].values:
                    options.append(("not_in_list", name, rng.choice(("9999", "unknown", "ring ring"))))
        for name, other, forward in (
            ("called_back_at", "arrived_at", False), ("accepted_at", "requested_at", False),
            ("started_at", "submitted_at", True), ("cancelled_at", "recorded_at", False),
        ):  # fmt: skip
            if name in present and other in columns:
                options.append(("out_of_order", name, f"{other} {forward}"))
        options += [("required_when", name, None) for name in present if columns[name].required_when]
        if file.form in ("csv", "csv.gz"):
            options += [("too_few_cells", None, None), ("too_many_cells", None, None), ("unbalanced_quote", None, None)]
        if file.form == "jsonl":
            options += [("unreadable_record", None, None)]
        if not options:
            return
        wanted = rng.choice(sorted({option[0] for option in options}))
        fault, name, text = rng.choice([option for option in options if option[0] == wanted])
        row.fault, row.fault_column = fault, name
        if name is None and "district" in row.values:
            row.values["district"] = None
        if fault == "out_of_order":
            other, forward = str(text).split()
            shift = timedelta(days=3) if forward == "True" else -timedelta(days=3)
            row.values[name] = row.values[other] + shift
        elif fault == "required_when":
            other, value = columns[str(name)].required_when or ("", "")
            row.values.update({other: value, str(name): None})
        elif name is not None:
            row.texts[name] = str(text)
        place = rng.randrange(len(file.rows) + 1)
        file.rows.insert(place, row)
