"""Extracts before they are written: typed rows, their spelling in each format, and what is expected of each row.

Nothing here knows how the project reads a file. What can be unusual or wrong with one is in `mutations.py`.
"""

import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from dagster_project.contracts import CellType
from tests.unit.extracts.stays import STAYS

CSV, CSV_GZ, XLSX, PARQUET, JSONL = "csv", "csv.gz", "xlsx", "parquet", "jsonl"
FORMS = (CSV, CSV_GZ, XLSX, PARQUET, JSONL)
DELIMITED, TEXTUAL, LINED = (CSV, CSV_GZ), (CSV, CSV_GZ, JSONL), (CSV, CSV_GZ, XLSX)
LONDON = ZoneInfo("Europe/London")
DEFAULT_FORCE, FORCES = "surrey", ("kent", "surrey", "essex")
DEFAULTS = {"force_code": DEFAULT_FORCE, "waited": Decimal(0), "is_regular": False}
# Part of every personal value and of whatever is not loaded, and of nothing else.
MARKER = "Wibblethorpe"
MOMENT = CellType.TIMESTAMP
_LINE_END = re.compile(r"\r\n|\r|\n")
# What stands for the value of a formula until it is taken out of the finished workbook.
_NO_VALUE = 987654321


class Misfit(Exception):
    """A mutation has nothing to work on in this draft."""


@dataclass(frozen=True)
class Cell:
    """A sheet cell: a number or date under a number format, a formula with its stored value, or text in two fonts."""

    value: Any
    shown_as: str = ""
    formula: str = ""
    is_rich: bool = False


@dataclass
class Row:
    """A row: what it means, how it is spelled where that is unusual, and what becomes of it."""

    values: dict[str, Any]
    cells: dict[str, Any] = field(default_factory=dict)
    """What stands in the file in place of a value."""
    verdict: tuple[str, str | None] | None = None
    """Reason code and column when it is quarantined."""
    is_ambiguous: bool = False
    line: Callable[[list[str], str], str] | None = None
    """Delimited text: the record from its cells and the delimiter."""
    record: Callable[[dict[str, Any]], str] | None = None
    """JSON Lines: the line from the record."""
    beyond: str = ""
    """Sheets: what stands to the right of the last column."""
    above: list[str] = field(default_factory=list)
    """Lines, or blank sheet rows, before it that are no rows."""
    is_touched: bool = False
    number: int = 0
    """Place in the file as a person counts it, once written."""

    def copy(self, **values: Any) -> "Row":
        return Row(self.values | values, dict(self.cells), is_touched=True)

    def loaded(self, columns: set[str]) -> dict[str, Any]:
        """The values of its columns once they are loaded from a file with these columns."""
        values = {name: self.values.get(name) if name in columns else None for name in STAYS_COLUMNS}
        filled = {name: DEFAULTS.get(name) if value is None else value for name, value in values.items()}
        return filled | {"is_dst_ambiguous": self.is_ambiguous}


STAYS_COLUMNS = {column.name: column for column in STAYS.columns}


@dataclass(repr=False)
class Draft:
    """One file before it is written."""

    form: str
    day: date
    chance: random.Random
    rows: list[Row]
    columns: list[tuple[str, str]]
    """Name and heading of each column."""
    moments: str
    is_native: bool
    """Whether values have the types of the format where it has some."""
    delimiter: str = ","
    newlines: tuple[str, ...] = ("\n",)
    quoting: str = "some"
    encoding: str = "utf-8"
    mark: bytes = b""
    preamble: list[list[str]] = field(default_factory=list)
    below: list[list[str]] = field(default_factory=list)
    """Rows of cells below the data that are no data rows."""
    ends_with_newline: bool = True
    is_1904: bool = False
    left: int = 0
    """Empty sheet columns to the left."""
    sheet_hook: Callable[[Any, Any], object] = lambda *_: None
    arrays: dict[str, Callable[[list[Any]], pa.Array]] = field(default_factory=dict)
    """Parquet: column to what makes its array of the values."""
    byte_hook: Callable[[bytes], bytes] = bytes
    extension: str = ""
    rejected: tuple[str, ...] = ()
    """Codes, one of which must be the reason for refusing the file; none: it is accepted."""
    unknown: list[str] = field(default_factory=list)
    """Columns that must be reported as not loaded."""
    kinds: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"stays_{self.day}.{self.extension or self.form}"

    @property
    def names(self) -> set[str]:
        """The contract columns that the file has."""
        return {name for name, _ in self.columns} & STAYS_COLUMNS.keys()

    def fresh(self, column: str = "", wanted: Callable[[Row], bool] = lambda _: True) -> Row:
        """Return an unchanged row other than the last of a file with the column, and mark it as changed."""
        rows = [row for row in self.rows[:-1] if not row.is_touched and wanted(row)]
        if not rows or (column and column not in self.names):
            raise Misfit
        row = self.chance.choice(rows)
        row.is_touched = True
        return row

    def any_row(self) -> Row:
        """Return any row, changed or not."""
        if not self.rows:
            raise Misfit
        return self.chance.choice(self.rows)

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
        self.rows.insert(self.chance.randrange(place + 1, len(self.rows)), new)

    def put(self, column: str, cell: Any, value: Any) -> Row:
        """Put a cell into a fresh row, which then means this value."""
        row = self.fresh(column)
        row.cells[column], row.values[column] = cell, value
        return row

    def make_faulty(self, column: str, cell: Any, code: str) -> Row:
        """Put a cell into a fresh row, for which it is quarantined."""
        row = self.fresh(column)
        row.cells[column], row.verdict = cell, (code, column)
        return row

    def text_of(self, row: Row, name: str) -> str:
        """Text of a cell."""
        if name in row.cells:
            return str(row.cells[name])
        value, kind = row.values.get(name), STAYS_COLUMNS[name].cell_type if name in STAYS_COLUMNS else None
        if value is None:
            return self.chance.choice(("", "", "NULL", "n/a", " - "))
        if kind is MOMENT:
            return self._moment(value)
        if kind is CellType.SECONDS:
            whole = int(value)
            return self.chance.choice((str(value), f"{value:,}", f"{whole // 60}:{whole % 60:02}", f"{whole}s"))
        if kind is CellType.BOOLEAN:
            return self.chance.choice(("Y", "yes", "True", "1") if value else ("n", "No", "FALSE", "0"))
        if kind is CellType.DATE:
            return self.chance.choice((f"{value:%d/%m/%Y}", str(value)))
        return f"{value:%Y-%m}" if kind is CellType.MONTH else str(value)

    def _moment(self, moment: datetime) -> str:
        wall = local_of(moment)
        spelled = {
            "iso_z": f"{moment.isoformat()}Z",
            "iso_offset": moment.replace(tzinfo=UTC).astimezone(LONDON).isoformat(),
            "iso_local": wall.isoformat(sep=self.chance.choice(" T")),
            "british": f"{wall:%d/%m/%Y %H:%M:%S}",
            "serial": f"{(wall - datetime(1899, 12, 30)) / timedelta(days=1):.10f}",  # noqa: DTZ001 (local)
        }
        return spelled[self.moments]


def local_of(moment: datetime) -> datetime:
    """Wall-clock time in London of a naive time in UTC."""
    return moment.replace(tzinfo=UTC).astimezone(LONDON).replace(tzinfo=None)


def drawn(chance: random.Random, form: str, day: date, number: int) -> Draft:
    """A draft without fault; its identifiers begin with a number of its own."""
    rows = [Row(_values(chance, day, f"{number}{i:03}")) for i in range(chance.randint(12, 20))]
    columns = [(name, name) for name in STAYS_COLUMNS if name != "force_code" or chance.random() < 0.3]
    is_native = chance.random() < 0.6
    moments = chance.choice(("iso_z", "iso_offset", "iso_local", "british", "serial"))
    # In a workbook a number would depend on the day that it counts from.
    moments = "iso_local" if form == XLSX and moments == "serial" else moments
    return Draft(form, day, random.Random(chance.random()), rows, columns, moments, is_native)


def _values(chance: random.Random, day: date, number: str) -> dict[str, Any]:
    # Between three and eighteen, so that no time is in an hour of a clock change.
    begun = datetime.combine(day, time(3)) + timedelta(seconds=chance.randrange(15 * 3600))
    kind = chance.choice(("Short Stay", "long", "999"))

    def seldom(value: Any) -> Any:
        return value if chance.random() < 0.7 else None

    return {
        "force_code": chance.choice(FORCES),
        "stay_id": f"S{number}",
        "kind": kind,
        "begun_at": begun,
        "offset_minutes": seldom((local_of(begun) - begun) // timedelta(minutes=1)),
        "nights": seldom(chance.randint(1, 1999)),
        "waited": seldom(Decimal(chance.randrange(4000))),
        "longitude": seldom(Decimal(chance.randint(-8_650_000, 1_770_000)).scaleb(-6)),
        "ended_at": begun + timedelta(seconds=chance.randrange(3600)) if kind == "long" else None,
        "booked_at": seldom(begun - timedelta(days=chance.randrange(100))),
        "paid_on": seldom(day),
        "billed_for": seldom(day.replace(day=1)),
        "is_regular": seldom(chance.random() < 0.5),
        "room": seldom(f"{number} A"),
        "note": seldom(f"note {number}"),
        "desk": seldom("07700 900123"),
        "guest": seldom(f"{MARKER} {number}"),
        "passport": f"{MARKER} P{number}",
    }


def written(draft: Draft) -> bytes:
    """The content of the file; the rows of the draft get their numbers."""
    content = {XLSX: _xlsx, JSONL: _jsonl, PARQUET: _parquet}.get(draft.form, _csv)(draft)
    if draft.form == CSV_GZ:
        content = gzip.compress(content, compresslevel=1, mtime=0)
    return draft.byte_hook(content)


def _csv(draft: Draft) -> bytes:
    def quoted(text: str) -> str:
        needs = any(sign in text for sign in (draft.delimiter, '"', "\n", "\r"))
        if needs or draft.quoting == "all" or (draft.quoting == "some" and draft.chance.random() < 0.05):
            return '"' + text.replace('"', '""') + '"'
        return text

    rows: dict[int, Row] = {}
    lines = [draft.delimiter.join(map(quoted, cells)) for cells in draft.preamble]
    lines.append(draft.delimiter.join(quoted(heading) for _, heading in draft.columns))
    for row in draft.rows:
        lines.extend(row.above)
        cells = [quoted(draft.text_of(row, name)) for name, _ in draft.columns]
        rows[len(lines)] = row
        lines.append(row.line(cells, draft.delimiter) if row.line else draft.delimiter.join(cells))
    lines.extend(draft.delimiter.join(map(quoted, cells)) for cells in draft.below)
    ended, text, number = _ended(lines, draft), "", 1
    for place, line in enumerate(ended):
        if place in rows:
            # Counted from row to row: a blank line may share its line end with the line before.
            number += len(_LINE_END.findall(text))
            rows[place].number, text = number, ""
        text += line
    return draft.mark + "".join(ended).encode(draft.encoding)


def _ended(lines: list[str], draft: Draft) -> list[str]:
    """Lines with their ends."""
    ended = [line + draft.newlines[i % len(draft.newlines)] for i, line in enumerate(lines)]
    return ended if draft.ends_with_newline else [*ended[:-1], *lines[-1:]]


def _jsonl(draft: Draft) -> bytes:
    lines: list[str] = []
    for number, row in enumerate(draft.rows, 1):
        row.number = number
        lines.extend(row.above)
        record = {heading: _json_value(draft, row, name) for name, heading in draft.columns}
        lines.append(row.record(record) if row.record else json.dumps(record, ensure_ascii=draft.chance.random() < 0.5))
    for cells in draft.below:
        known = {heading: cell for (_, heading), cell in zip(draft.columns, cells, strict=False)}
        lines.append(json.dumps(known) if any(cells) else "")
    return draft.mark + "".join(_ended(lines, draft)).encode(draft.encoding)


def _json_value(draft: Draft, row: Row, name: str) -> Any:
    if name in row.cells:
        return row.cells[name]
    value = row.values.get(name)
    if value is None or not draft.is_native or isinstance(value, date):
        return None if value is None else draft.text_of(row, name)
    return float(value) if isinstance(value, Decimal) else value


def _parquet(draft: Draft) -> bytes:
    arrays = []
    for number, row in enumerate(draft.rows, 1):
        row.number = number
    for name, _ in draft.columns:
        values = [row.values.get(name) for row in draft.rows]
        kind = STAYS_COLUMNS[name].cell_type if name in STAYS_COLUMNS else CellType.TEXT
        if name in draft.arrays:
            array = draft.arrays[name](values)
        elif not draft.is_native or kind is CellType.MONTH or any(name in row.cells for row in draft.rows):
            array = pa.array([draft.text_of(row, name) or None for row in draft.rows], pa.string())
        elif kind is MOMENT:
            array = pa.array([value and local_of(value) for value in values], pa.timestamp("us"))
        else:
            array = pa.array(values)
        for cells in draft.below:
            text = cells[len(arrays)] if len(arrays) < len(cells) else None
            array = pa.concat_arrays([array, pa.array([text if array.type == pa.string() else None], array.type)])
        arrays.append(array)
    sink = io.BytesIO()
    options = {"row_group_size": draft.chance.choice((1, 11, 1000)), "use_dictionary": draft.chance.random() < 0.5}
    pq.write_table(pa.Table.from_arrays(arrays, names=[heading for _, heading in draft.columns]), sink, **options)
    return sink.getvalue()


def _xlsx(draft: Draft) -> bytes:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True, "date_1904": draft.is_1904})
    sheet = book.add_worksheet("Data")
    formats: dict[str, Any] = {"": None}

    def write(at: int, column: int, cell: Any) -> None:
        plain = cell if isinstance(cell, Cell) else Cell(cell)
        if plain.shown_as not in formats:
            formats[plain.shown_as] = book.add_format({"num_format": plain.shown_as})
        place, shown = (at, draft.left + column), formats[plain.shown_as]
        if plain.is_rich:
            sheet.write_rich_string(*place, book.add_format({"bold": True}), plain.value[:4], plain.value[4:])
        elif plain.formula:
            sheet.write_formula(*place, plain.formula, shown, _NO_VALUE if plain.value is None else plain.value)
        elif isinstance(plain.value, str):
            sheet.write_string(*place, plain.value)
        elif plain.value is not None:
            sheet.write(*place, plain.value, shown)

    draft.sheet_hook(book, sheet)
    above = [*draft.preamble, [heading for _, heading in draft.columns]]
    at = len(above) - 1
    for row in draft.rows:
        at += 1 + len(row.above)
        row.number = at + 1
        for column, (name, _) in enumerate(draft.columns):
            write(at, column, _sheet_value(draft, row, name))
        write(at, len(draft.columns) + 1, row.beyond or None)
    for first, table in ((0, above), (at + 1, draft.below)):
        for line, cells in enumerate(table):
            for column, cell in enumerate(cells):
                write(first + line, column, cell or None)
    book.close()
    return _without_values(sink.getvalue())


def _sheet_value(draft: Draft, row: Row, name: str) -> Any:
    value = row.values.get(name)
    kind = STAYS_COLUMNS[name].cell_type if name in STAYS_COLUMNS else CellType.TEXT
    if name in row.cells:
        return row.cells[name]
    if not draft.is_native or kind is CellType.MONTH or value is None:
        return draft.text_of(row, name)
    if kind is MOMENT:
        return Cell(local_of(value), "dd/mm/yyyy hh:mm:ss")
    return Cell(value, "dd/mm/yyyy") if kind is CellType.DATE else value


def _without_values(content: bytes) -> bytes:
    """The workbook without the values that stand for none; XlsxWriter always saves one."""
    none, out = f"<v>{_NO_VALUE}</v>".encode(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info, old.read(info).replace(none, b""))
    return out.getvalue()
