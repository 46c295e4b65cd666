"""Extracts before they are written: typed rows, their spelling in the file, and the expected result of each row.

Nothing here knows how the project reads a file. How a draft becomes bytes is for `extract_files`; what can be wrong
with it, for `tests/ingestion`.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.reference.history import CONTACT_TYPES, LONDON, SERVICES

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
DATE, MONTH = "date", "month"
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
        "cancel_code": Field(TEXT, values=("C1", "C2", "C3", "C4", "C5")),
        "report_channel": Field(
            TEXT, values=("999", "101", "online", "live_chat", "front_counter", "officer", "other")
        ),
        "district": Field(TEXT),
    },
    "published_figures": {
        "report_id": Field(TEXT, required=True, key=True),
        "published_on": Field(DATE),
        "section": Field(
            TEXT,
            required=True,
            key=True,
            values=("calls_999", "calls_101", "digital", "ocr", "live_chat", "crime"),
        ),
        "measure": Field(TEXT, required=True, key=True),
        "unit": Field(TEXT, required=True, values=("count", "percent", "duration")),
        "month": Field(MONTH, required=True, key=True),
        "published_value": Field(TEXT, required=True),
    },
}
START = {
    "call_segments": "arrived_at",
    "digital_contacts": "received_at",
    "online_crime_reports": "started_at",
    "live_chats": "requested_at",
    "crimes": "recorded_at",
}
# The time that tells the day to which a row belongs, where the description of a source has a better one than its start.
EVENT = {**START, "online_crime_reports": "submitted_at", "crimes": "updated_at"}

CSV, CSV_GZ, XLSX, PARQUET, JSONL = "csv", "csv.gz", "xlsx", "parquet", "jsonl"
FORMS = (CSV, CSV_GZ, XLSX, PARQUET, JSONL)
DELIMITED = (CSV, CSV_GZ)

DEFAULT_FORCE = "surrey"
REPEATED = ("duplicate_row", "superseded_row")
# Part of every personal value, and of nothing else.
MARKER = "Wibblethorpe"


# Shapes that the description of the sources states for texts that are not personal.
IDENTIFIERS = {"call_id", "contact_id", "submission_id", "duplicate_of", "chat_id", "report_id", "measure"}
GREATEST = {"segment_no": 999, "queue_seconds": 86_400, "talk_seconds": 86_400}


def fault_of(name: str, value: Any) -> str | None:
    """Reason code of a value that is read without fault and is too great or of another form than it may have."""
    if name in GREATEST and value is not None and value > GREATEST[name]:
        return "above_maximum"
    if not isinstance(value, str):
        return None
    if name in IDENTIFIERS:
        odd = any(c.isspace() or c == "@" or unicodedata.category(c) == "Cc" for c in value)
        return "not_of_form" if odd or len(value) > 64 else None
    if name == "offence_code":
        is_code = value.isascii() and all(c.isalnum() or c in "/. -" for c in value)
        return None if is_code and len(value) <= 16 else "not_of_form"
    if name == "district":
        is_name = all(unicodedata.category(c)[0] in "LMN" or c in " &'().,/-" for c in value)
        return None if is_name and len(value) <= 64 else "not_of_form"
    return None


class Misfit(Exception):
    """A mutation has nothing to work on in this draft; what it changed until then is in the expectation."""


@dataclass
class Row:
    """A row: what it means, how it is spelt where not in the style of the file, and what becomes of it."""

    values: dict[str, Any]
    cells: dict[str, Any] = field(default_factory=dict)
    """What stands in the file in place of a value: a text, or what only one format has."""
    verdict: tuple[str, str | None] | None = None
    """Reason code and column when it is quarantined."""
    is_ambiguous: bool = False
    disagrees: bool = False
    """Whether the offset column and the time disagree."""
    line: Callable[[list[str], str], str] | None = None
    """Delimited text: the record from its cells (quoted where needed) and the delimiter."""
    record: Callable[[dict[str, Any]], str] | None = None
    """JSON Lines: the line from the record."""
    beyond: str = ""
    """Sheets: what stands to the right of the last column."""
    above: list[str] = field(default_factory=list)
    """Lines (or blank sheet rows) before it that are no rows."""
    is_touched: bool = False
    number: int = 0
    """Place in the file as a person counts it, once written."""

    def copy(self) -> Row:
        """Return a copy of the row."""
        return Row(dict(self.values), dict(self.cells), is_ambiguous=self.is_ambiguous, is_touched=True)


@dataclass
class Column:
    """A column of the file: what it holds and what its heading is."""

    name: str
    header: str


@dataclass(repr=False)
class Draft:
    """One file before it is written."""

    source: str
    day: date
    form: str
    rng: random.Random
    columns: list[Column]
    rows: list[Row]
    moments: str = "iso_local"
    seconds: str = "plain"
    native: bool = True
    delimiter: str = ","
    newlines: tuple[str, ...] = ("\n",)
    quoting: str = "some"
    encoding: str = "utf-8"
    byte_order_mark: bytes = b""
    preamble: list[list[str]] = field(default_factory=list)
    below: list[list[str]] = field(default_factory=list)
    """Rows of cells below the data that are no data rows."""
    ends_with_newline: bool = True
    has_header: bool = True
    header_line: Callable[[list[str], str], str] | None = None
    """Delimited text: the header from its cells and the delimiter."""
    is_1904: bool = False
    left: int = 0
    """Empty sheet columns to the left."""
    sheet_hooks: list[Callable[[Any, Any], None]] = field(default_factory=list)
    """Get the workbook and the sheet before the data are written."""
    arrays: dict[str, Callable[[list[Any]], Any]] = field(default_factory=dict)
    """Parquet: column to what makes its array of the values."""
    parquet_options: dict[str, Any] = field(default_factory=dict)
    byte_hooks: list[Callable[[bytes], bytes]] = field(default_factory=list)
    suffix: str = ""
    """Part of the file's name behind the day."""
    extension: str = ""
    rejected: frozenset[str] = frozenset()
    """Codes, one of which must be the reason for refusing the file; empty: it is accepted."""
    unknown: list[str] = field(default_factory=list)
    """Columns that must be reported as not loaded."""
    is_to_load: bool = False
    """Whether every row must load, so that no change may make one faulty."""
    kinds: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """File name."""
        return f"{self.source}_{self.day}{self.suffix}.{self.extension or self.form}"

    @property
    def fields(self) -> dict[str, Field]:
        """The contract columns that the file has."""
        present = {column.name for column in self.columns}
        return {name: spec for name, spec in SOURCES[self.source].items() if name in present}

    def pick(self, wanted: Callable[[str, Field], bool]) -> str:
        """A column of the file that is wanted, by its name."""
        names = [name for name, spec in self.fields.items() if wanted(name, spec)]
        if not names:
            raise Misfit
        return self.rng.choice(names)

    def of_kind(self, *kinds: str) -> str:
        """A column of one of these kinds."""
        return self.pick(lambda _, spec: spec.kind in kinds and not spec.values)

    def column_for(self, text: str) -> tuple[str, str]:
        """A column that a text may stand in, and the value there: an open one, else a personal one with the marker."""
        try:
            return self.pick(
                lambda name, spec: (
                    spec.kind == TEXT and not (spec.values or spec.personal) and fault_of(name, text) is None
                )
            ), text
        except Misfit:
            return self.pick(lambda _, spec: spec.personal), f"{MARKER} {text}"

    def put(self, text: str) -> Row:
        """Put a text into a cell of a fresh row, which then means it."""
        column, value = self.column_for(text)
        return self.change(column, value, value)

    def fresh(self, wanted: Callable[[Row], bool] = lambda _: True) -> Row:
        """Return an unchanged row other than the last, and mark it as changed."""
        rows = [row for row in self.rows[:-1] if not row.is_touched and wanted(row)]
        if not rows:
            raise Misfit
        row = self.rng.choice(rows)
        row.is_touched = True
        return row

    def any_row(self) -> Row:
        """Return any row, changed or not."""
        if not self.rows:
            raise Misfit
        return self.rng.choice(self.rows)

    def last_rows(self, count: int) -> list[Row]:
        """The last rows, if nothing has happened to any of them."""
        rows = self.rows[-count:]
        if len(self.rows) < count + 3 or any(row.is_touched for row in rows):
            raise Misfit
        for row in rows:
            row.is_touched = True
        return rows

    def insert_after(self, row: Row, new: Row) -> None:
        """Put a row somewhere behind another one, but not last."""
        place = next(i for i, each in enumerate(self.rows) if each is row)
        self.rows.insert(self.rng.randrange(place + 1, len(self.rows)), new)

    def make_faulty(self, column: str, text: Any, code: str) -> Row:
        """Put a cell into a fresh row, for which it is quarantined."""
        row = self.fresh()
        row.cells[column], row.verdict = text, (code, column)
        return row

    def change(self, column: str, text: Any, value: Any) -> Row:
        """Put a cell into a fresh row, which then means another value; one that may not be makes the row faulty."""
        code = fault_of(column, value)
        if code and self.is_to_load:
            raise Misfit
        row = self.fresh()
        row.cells[column], row.values[column] = text, value
        row.verdict = (code, column) if code else None
        return row

    def text_of(self, row: Row, name: str) -> str:
        """Text of a cell."""
        if name in row.cells:
            return str(row.cells[name])
        value, spec = row.values.get(name), SOURCES[self.source].get(name)
        if value is None:
            return "" if self.rng.random() < 0.8 else self.rng.choice(NULL_WORDS)
        if name == "force_code" or spec is None:
            return str(value)
        if spec.kind == TRUTH:
            return self.rng.choice(("Y", "Yes", "true", "1") if value else ("N", "no", "False", "0"))
        if spec.kind == MOMENT:
            return spelt_moment(value, self, self.rng)
        if spec.kind == SECONDS:
            return spelt_seconds(value, self, self.rng)
        if spec.kind == DATE:
            return f"{value:%d/%m/%Y}" if self.rng.random() < 0.5 else value.isoformat()
        if spec.kind == MONTH:
            return f"{value:%Y-%m}"
        text = str(value)
        return text.upper() if spec.values and self.rng.random() < 0.1 else text


@dataclass(frozen=True)
class Expectation:
    """Expected result of a file."""

    rejected: frozenset[str]
    rows_read: int
    loaded: dict[int, dict[str, Any]]
    """Row number to the values of its columns, as the description of the source reads them."""
    quarantined: dict[int, tuple[str, str | None]]
    """Row number to reason code and column."""
    unknown: tuple[str, ...]
    faulty_rows_over_limit: int
    """Faulty rows, where they are so many that the delivery as a whole is refused; else 0."""
    rows_after_extract_date: int
    rows_outside_day: int
    """Rows of other days than the extract date and its neighbours, where most of 20 or more are; else 0."""
    superseded_rows_over_limit: int
    offset_disagreements: int

    @property
    def is_judged_badly(self) -> bool:
        """Whether the delivery is rejected although it can be read."""
        return bool(self.faulty_rows_over_limit or self.rows_outside_day or self.superseded_rows_over_limit)


def expectation(draft: Draft) -> Expectation:
    """Return the expected result of the file of a written draft."""
    loaded = {row.number: row_as_loaded(draft, row) for row in draft.rows if row.verdict is None}
    good = [row for row in draft.rows if row.verdict is None]
    event = EVENT.get(draft.source, "")
    faulty = sum(bool(row.verdict) and row.verdict[0] not in REPEATED for row in draft.rows)
    times = [row.values.get(event) for row in good] if event in draft.fields else []
    outside = sum(moment is not None and abs((local_of(moment).date() - draft.day).days) > 1 for moment in times)
    is_judged = draft.source not in ("crimes", "published_figures") and "_late" not in draft.suffix.casefold()
    superseded = sum(bool(row.verdict) and row.verdict[0] == "superseded_row" for row in draft.rows)
    return Expectation(
        draft.rejected,
        len(draft.rows),
        loaded,
        {row.number: row.verdict for row in draft.rows if row.verdict},
        tuple(draft.unknown),
        faulty if faulty > 20 and faulty * 20 > len(draft.rows) else 0,
        sum(moment is not None and local_of(moment).date() > draft.day for moment in times),
        outside if is_judged and len(good) >= 20 and outside * 2 > len(good) else 0,
        superseded if superseded > 20 and superseded * 5 > len(draft.rows) else 0,
        sum(row.disagrees for row in good),
    )


def row_as_loaded(draft: Draft, row: Row) -> dict[str, Any]:
    """The values of a row as the description of the source reads them."""
    present = draft.fields
    values: dict[str, Any] = {"is_dst_ambiguous": row.is_ambiguous}
    has_force = any(column.name == "force_code" for column in draft.columns)
    values["force_code"] = row.values["force_code"].lower() if has_force else DEFAULT_FORCE
    for name, spec in SOURCES[draft.source].items():
        value = row.values.get(name) if name in present else None
        if value is None:
            value = spec.default
        elif spec.kind == MOMENT:
            value = value.astimezone(UTC).replace(tzinfo=None)
        values[name] = value
    return values


def local_of(moment: datetime) -> datetime:
    """Wall-clock time in London, without a zone."""
    return moment.astimezone(LONDON).replace(tzinfo=None)


def readings_of(wall: datetime) -> list[datetime]:
    """The moments that a wall-clock time can mean: none in the spring gap, two in the hour that occurs twice."""
    moments = {wall.replace(tzinfo=LONDON, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(moment for moment in moments if local_of(moment) == wall)


def has_offset(draft: Draft) -> bool:
    """Whether the file's timestamps state their offset."""
    return draft.moments in ("iso_z", "iso_offset", "native_utc")


def at_precision(moment: datetime, draft: Draft) -> datetime:
    """The moment as far as the spelling goes."""
    if draft.moments == "british_minutes":
        return moment.replace(second=0, microsecond=0)
    return moment if draft.moments in ("iso_ms", "native_utc") else moment.replace(microsecond=0)


def spelt_moment(moment: datetime, draft: Draft, rng: random.Random) -> str:
    """Text of a timestamp."""
    moment = at_precision(moment, draft)
    wall = local_of(moment)
    return {
        "iso_z": lambda: f"{moment:%Y-%m-%dT%H:%M:%S}Z",
        "iso_offset": lambda: moment.astimezone(LONDON).isoformat(),
        "iso_local": lambda: wall.isoformat(sep=rng.choice(" T")),
        "iso_ms": lambda: wall.isoformat(sep=" ", timespec="milliseconds"),
        "british": lambda: f"{wall:%d/%m/%Y %H:%M:%S}",
        "british_minutes": lambda: f"{wall:%d/%m/%Y %H:%M}",
        "serial": lambda: serial_of(wall) if (wall.hour, wall.minute, wall.second) != (0, 0, 0) else wall.isoformat(),
    }[draft.moments]()


def serial_of(wall: datetime) -> str:
    """Excel serial number of a wall-clock time at whole seconds."""
    seconds = int((wall - datetime(1899, 12, 30)).total_seconds())  # noqa: DTZ001
    return f"{Decimal(seconds) / 86400:.10f}"


def spelt_seconds(value: Decimal, draft: Draft, rng: random.Random) -> str:
    """Text of a duration."""
    whole = int(value)
    if draft.seconds == "clock":
        hours = f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
        return hours if whole >= 3600 or rng.random() < 0.3 else f"{whole // 60}:{whole % 60:02}"
    if draft.seconds == "words":
        if whole >= 3600:
            return f"{whole // 3600}h {whole % 3600 // 60}m {whole % 60}s"
        return f"{whole // 60}m {whole % 60}s" if whole >= 60 else f"{whole}s"
    return f"{value:,}" if rng.random() < 0.5 else str(value)


class Drawer:
    """Draws drafts without fault; identifiers are unique over all of them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._count = 0

    def draft(self, source: str, form: str, day: date, *, rows: Sequence[int] = (14, 26)) -> Draft:
        """A clean draft in a plain style of its form."""
        rng = self.rng
        names = list(SOURCES[source])
        if rng.random() < 0.3:
            names.append("force_code")
        draft = Draft(
            source,
            day,
            form,
            random.Random(rng.getrandbits(64)),
            [Column(name, name) for name in names],
            [self.row(source, day) for _ in range(rng.randint(*rows))],
        )
        draft.native = rng.random() < 0.6
        draft.moments = rng.choice(("iso_z", "iso_offset", "iso_local", "british"))
        if form == XLSX or (form == PARQUET and draft.native):
            draft.moments = "iso_local"
        draft.seconds = rng.choice(("plain", "plain", "clock", "words"))
        return draft

    def row(self, source: str, day: date) -> Row:
        """A row of that day. No time of it lies between midnight and three: those hours are drawn on purpose only."""
        values = getattr(self, f"_{source}")(day)
        values["force_code"] = self.rng.choice(("kent", "surrey", "avon-and-somerset"))
        return Row(values)

    def _new(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count:06}"

    def person(self) -> str:
        """A personal value."""
        return f"{MARKER} {self._new('P')}"

    def _moment(self, day: date) -> datetime:
        start = datetime.combine(day, time(3), UTC)
        return start + timedelta(seconds=self.rng.randrange(15 * 3600))

    def _later(self, moment: datetime) -> datetime:
        return moment + timedelta(seconds=self.rng.randrange(1, 3600))

    def _seldom(self, value: Any, share: float = 0.3) -> Any:
        return value if self.rng.random() < share else None

    def _one_of(self, source: str, name: str) -> str:
        return self.rng.choice(SOURCES[source][name].values)

    def _call_segments(self, day: date) -> dict[str, Any]:
        arrived = self._moment(day)
        offset = int((local_of(arrived) - arrived.replace(tzinfo=None)).total_seconds()) // 60
        return {
            "call_id": self._new("C"),
            "segment_no": self.rng.randint(1, 3),
            "line": self._one_of("call_segments", "line"),
            "arrived_at": arrived,
            "utc_offset_minutes": self._seldom(offset, 0.7),
            "queue_seconds": Decimal(self.rng.randrange(4000)),
            "disposition": self._one_of("call_segments", "disposition"),
            "talk_seconds": self._seldom(Decimal(self.rng.randrange(1, 4000)), 0.8),
            "called_back_at": self._seldom(self._later(arrived)),
            "operator_id": self._seldom(self.person(), 0.8),
            "caller_number": self._seldom(self.person(), 0.8),
        }

    def _digital_contacts(self, day: date) -> dict[str, Any]:
        return {
            "contact_id": self._new("D"),
            "contact_type": self._one_of("digital_contacts", "contact_type"),
            "received_at": self._moment(day),
            "from_partner_force": self._seldom(self.rng.random() < 0.5, 0.8),
            "is_test": self._seldom(self.rng.random() < 0.2, 0.8),
            "linked_reference": self._seldom(self.person(), 0.7),
        }

    def _online_crime_reports(self, day: date) -> dict[str, Any]:
        started = self._moment(day)
        return {
            "submission_id": self._new("S"),
            "service": self._one_of("online_crime_reports", "service"),
            "started_at": self._seldom(started, 0.8),
            "submitted_at": self._later(started),
            "duplicate_of": self._seldom(self._new("S"), 0.2),
            "crime_ref": self._seldom(self.person(), 0.7),
        }

    def _live_chats(self, day: date) -> dict[str, Any]:
        requested = self._moment(day)
        accepted = self._seldom(self._later(requested), 0.7)
        return {
            "chat_id": self._new("H"),
            "requested_at": requested,
            "accepted_at": accepted,
            "ended_at": self._later(accepted or requested),
            "operator_id": self._seldom(self.person(), 0.8),
            "topic": self._seldom(self._one_of("live_chats", "topic"), 0.8),
            "created_incident": self._seldom(self.rng.random() < 0.5, 0.8),
        }

    def _crimes(self, day: date) -> dict[str, Any]:
        recorded = self._moment(day - timedelta(days=self.rng.randrange(30)))
        is_cancelled = self.rng.random() < 0.3
        return {
            "crime_ref": self.person(),
            "updated_at": self._moment(day),
            "recorded_at": recorded,
            "offence_code": self._new("O"),
            "status": "cancelled" if is_cancelled else "recorded",
            "cancelled_at": self._later(recorded) if is_cancelled else None,
            "cancel_code": self._one_of("crimes", "cancel_code") if is_cancelled else None,
            "report_channel": self._seldom(self._one_of("crimes", "report_channel"), 0.8),
            "district": self._seldom(self._new("District "), 0.8),
        }

    def _published_figures(self, day: date) -> dict[str, Any]:
        return {
            "report_id": self._new("R"),
            "published_on": self._seldom(day, 0.8),
            "section": self._one_of("published_figures", "section"),
            "measure": self._new("measure_"),
            "unit": self._one_of("published_figures", "unit"),
            "month": date(2022, self.rng.randint(1, 12), 1),
            "published_value": self.rng.choice(("35,634", "1.16%", "4m 56s", "17", "£1,024")),
        }
