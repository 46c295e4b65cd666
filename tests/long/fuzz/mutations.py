"""What can be unusual or wrong with a file, as tables of kinds: where each applies, and what comes of it."""

import codecs
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from tests.long.fuzz.drafts import (
    CSV_GZ,
    DELIMITED,
    FORMS,
    JSONL,
    LINED,
    MARKER,
    PARQUET,
    STAYS_COLUMNS,
    TEXTUAL,
    XLSX,
    Cell,
    Draft,
    Misfit,
    Row,
    local_of,
)

# Columns change before rows, so that a row gets its fault in a column of the file.
COLUMNS, ROWS, LAYOUT, BYTES = range(4)
# A time without a zone: of a clock in London, or of UTC as it is stored.
wall = datetime


@dataclass(frozen=True)
class Kind:
    """A way in which a file can differ from a plain one."""

    name: str
    apply: Callable[[Draft], object]
    slots: tuple[str, ...]
    """Kinds with a common slot exclude each other in a file."""
    forms: tuple[str, ...] = FORMS
    layer: int = ROWS
    is_harmless: bool = False
    """Whether every row is loaded."""


KINDS: dict[str, Kind] = {}


def enter(name: str, apply: Callable[..., object], *slots: str, **applies_to: Any) -> None:
    KINDS[name] = Kind(name, apply, slots, **applies_to)


def kind(*slots: str, **applies_to: Any) -> Callable[..., None]:
    """Enter the decorated function under its name."""
    return lambda function: enter(function.__name__, function, *slots, **applies_to)


NOT_SHEETS = (*DELIMITED, JSONL, PARQUET)
DATED = "dd/mm/yyyy hh:mm"
# Cells: what stands in a column, and the code for which the row is quarantined.
FAULTY_CELLS = (
    ("begun_at", "31/02/2023 10:00", "not_a_timestamp", FORMS),
    ("begun_at", "2023-03-28", "no_time_of_day", FORMS),
    ("begun_at", Cell(date(2023, 1, 10), "dd/mm/yyyy"), "no_time_of_day", (XLSX,)),
    ("begun_at", Cell(wall(2023, 3, 26, 1, 30), DATED), "time_never_existed", (XLSX,)),
    ("ended_at", "2001-01-01 10:00", "out_of_order", FORMS),
    ("nights", "0", "below_minimum", FORMS),
    ("nights", Cell(-5), "below_minimum", (XLSX,)),
    ("nights", 1e300, "not_an_integer", (JSONL,)),
    ("waited", "12,5", "not_seconds", FORMS),
    ("waited", float("inf"), "not_seconds", (JSONL,)),
    ("waited", Cell(-0.25, "[h]:mm:ss"), "below_minimum", (XLSX,)),
    ("longitude", "51.5", "above_maximum", FORMS),
    ("kind", "longer", "not_in_list", FORMS),
    ("kind", Cell("#REF!", formula="=#REF!"), "not_in_list", (XLSX,)),
    ("room", "12b", "not_of_form", FORMS),
    ("note", "07700900123", "looks_personal", FORMS),
    ("stay_id", "#N/A", "required_empty", FORMS),
    ("passport", "  ", "required_empty", FORMS),
    ("stay_id", 1e15, "digits_lost", (XLSX,)),
    ("note", "a\x00b", "unreadable_record", (JSONL, PARQUET)),
    ("note", {"a": 1}, "unreadable_record", (JSONL,)),
    ("waited", Cell(None, formula="=2*21"), "formula_without_value", (XLSX,)),
)
NOON = wall(2023, 3, 28, 11)
# What stands in a column, and what it means.
GOOD_CELLS = (
    ("begun_at", "2023-03-28T05:00:00.000 -0600", NOON, FORMS),
    ("begun_at", "45013.5", NOON, NOT_SHEETS),
    ("begun_at", Cell(wall(2023, 1, 10), DATED), wall(2023, 1, 10), (XLSX,)),
    ("nights", 2.0, 2, (JSONL, XLSX)),
    ("nights", Cell(39, "dd/mm/yyyy"), 39, (XLSX,)),
    ("waited", "1h 2m 3s", Decimal(3723), FORMS),
    ("waited", Cell(296 / 86400, "[h]:mm:ss"), Decimal(296), (XLSX,)),
    ("waited", Cell(42, formula="=2*21"), Decimal(42), (XLSX,)),
    ("kind", " SHORT stay\u00a0", "Short Stay", FORMS),
    ("stay_id", 123456789012, "123456789012", (JSONL, XLSX)),
    ("note", Cell("bold and plain", is_rich=True), "bold and plain", (XLSX,)),
    ("guest", Cell("#N/A", formula="=NA()"), None, (XLSX,)),
    ("guest", f"  {MARKER} 'O’Brien' \"Ж\" 🚓 ", f"{MARKER} 'O’Brien' \"Ж\" 🚓", TEXTUAL),  # noqa: RUF001 - the point
    ("force_code", "Kent", "kent", FORMS),
    ("force_code", "-", "surrey", FORMS),
    *(("note", text, text, NOT_SHEETS) for text in ("A🚓\u200d👮🏽", "A\x07\x1b[31m\x0b\x1c\x7fB", "A\x85B\u2028C")),
    *(
        ("note", text, text, FORMS)
        for text in ("=1+1", "one\ntwo", "a, b; c\td|e", '"quoted", ""twice""', "'; drop <b>")
    ),
)


def _cell(draft: Draft, column: str, cell: Any, code: str = "", value: Any = None, **others: Any) -> Row:
    row = draft.make_faulty(column, cell, code) if code else draft.put(column, cell, value)
    if code in ("unreadable_record", "formula_without_value"):
        row.verdict = (code, None)
    if column == "begun_at":
        # Other times of the row would be out of order.
        row.values |= {"kind": "999", "ended_at": None, "booked_at": None, "offset_minutes": None} | others
    return row


for column, cell, code, forms in FAULTY_CELLS:
    enter(f"{column} {cell!r:.40} {code}", partial(_cell, column=column, cell=cell, code=code), forms=forms)
for column, cell, value, forms in GOOD_CELLS:
    enter(
        f"{column} {cell!r:.40}", partial(_cell, column=column, cell=cell, value=value), forms=forms, is_harmless=True
    )


@kind()
def end_that_the_kind_requires(draft: Draft) -> None:
    row = draft.fresh("ended_at", lambda row: row.values["kind"] == "long")
    row.values["ended_at"], row.verdict = None, ("required_when", "ended_at")


# Records.
LINES = {
    "too few cells": (lambda cells, _: ["A", *cells[1:5]], "too_few_cells"),
    "too many cells": (lambda cells, _: [*cells, f"{MARKER} more"], "too_many_cells"),
    "a quote that is not closed": (lambda cells, _: [f'"{cells[0].strip(chr(34))}', *cells[1:]], "unbalanced_quote"),
    "text behind a closing quote": (lambda cells, _: [*cells[:3], '"a"b', *cells[4:]], "unbalanced_quote"),
    "a NUL character": (lambda cells, _: [*cells[:2], "a\x00b", *cells[3:]], "unreadable_record"),
    "a line of a mebibyte": (lambda cells, _: [*cells[:-1], "x" * 1_100_000], "unreadable_record"),
    "empty cells at the end": (lambda cells, _: [*cells, "", "  ", ""], ""),
}
RECORDS = {
    "no JSON": (lambda record: json.dumps(record).replace('"', "'"), "unreadable_record"),
    "no object": (lambda _: f'["{MARKER}"]', "unreadable_record"),
    "a key twice": (lambda record: f"{json.dumps(record)[:-1]}, {json.dumps(record)[1:]}", "unreadable_record"),
    "half a surrogate pair": (lambda record: json.dumps(record | {"other": "\ud83d"}), "unreadable_record"),
    "keys in another order": (lambda record: json.dumps(dict(reversed(record.items()))), ""),
}


def _record(draft: Draft, attribute: str, change: Any, code: str) -> None:
    row = draft.fresh()
    setattr(row, attribute, change)
    row.verdict = (code, None) if code else None


def _joined(change: Callable[[list[str], str], list[str]]) -> Callable[[list[str], str], str]:
    return lambda cells, delimiter: delimiter.join(change(cells, delimiter))


for name, (line, code) in LINES.items():
    change = partial(_record, attribute="line", change=_joined(line), code=code)
    enter(f"line: {name}", change, forms=DELIMITED, is_harmless=not code)
for name, (record, code) in RECORDS.items():
    change = partial(_record, attribute="record", change=record, code=code)
    enter(f"record: {name}", change, forms=(JSONL,), is_harmless=not code)
beyond = partial(_record, attribute="beyond", change=f"{MARKER} rang twice", code="too_many_cells")
enter("a cell beyond the last column", beyond, forms=(XLSX,))


@kind("names", forms=(JSONL,))
def key_left_out(draft: Draft) -> None:
    row = draft.fresh()
    row.record = lambda record: json.dumps({key: value for key, value in record.items() if key != "stay_id"})
    row.verdict = ("required_empty", "stay_id")


@kind(forms=TEXTUAL, is_harmless=True)
def long_cells_over_several_blocks(draft: Draft) -> None:
    for length in (13_000, 9_000, 40_000):
        draft.put("note", text := f"{length}, " + "z" * length, text)


@kind("blank", forms=(*LINED, JSONL), is_harmless=True)
def blank_lines(draft: Draft) -> None:
    for _ in range(3):
        draft.any_row().above.append("")


@kind("blank", "delimiter", forms=DELIMITED, is_harmless=True)
def lines_of_delimiters(draft: Draft) -> None:
    for count in (1, 5, 30):
        draft.any_row().above.append(draft.delimiter * count)


@kind("tail", is_harmless=True)
def totals(draft: Draft) -> None:
    if draft.form == PARQUET and draft.columns[0][0] not in ("force_code", "stay_id"):
        # A total cannot stand in a column of another type.
        raise Misfit
    label = draft.chance.choice(("Total", "TOTALS", "grand total:"))
    draft.below = [[label, "17"]]
    if draft.form in TEXTUAL:
        draft.below += draft.chance.choice(([], [[""], [""]]))
        draft.ends_with_newline = draft.chance.random() < 0.5
    if draft.form in LINED and draft.chance.random() < 0.5:
        draft.below[0] = ["", " ", label, "17"]


@kind("tail", "cut", "rejected", forms=DELIMITED)
def half_a_row_at_the_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    end = draft.chance.choice(('"ha', "ha"))
    row.line = _joined(lambda cells, _: [*cells[:5], end])
    draft.ends_with_newline, draft.rejected = False, ("cut_off",)


@kind("tail", "cut", "line ends", "rejected", forms=(JSONL,), layer=LAYOUT)
def half_a_record_at_the_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    row.record = lambda record: json.dumps(record)[:-9]
    draft.ends_with_newline, draft.rejected = False, ("cut_off",)


# Repeated keys.
@kind()
def the_same_row_again(draft: Draft) -> None:
    row = draft.fresh()
    for _ in range(draft.chance.choice((1, 2))):
        draft.insert_after(row, again := row.copy())
        again.verdict = ("duplicate_row", None)


@kind()
def another_row_of_the_key(draft: Draft) -> None:
    row = draft.fresh()
    # The file may lack the other columns: then only the room tells the rows apart.
    changed = draft.chance.choice(({}, {"guest": f"{MARKER} other"}, {"waited": Decimal(7777)}))
    draft.insert_after(row, row.copy(room="1 B", **changed))
    row.verdict = ("superseded_row", None)


@kind(is_harmless=True)
def the_key_in_another_case_or_of_another_force(draft: Draft) -> None:
    row = draft.fresh()
    other = row.copy(stay_id=row.values["stay_id"].lower())
    if any(name == "force_code" for name, _ in draft.columns):
        other = row.copy(force_code="west-mercia")
    draft.insert_after(row, other)


# Columns.
def _renamed(draft: Draft, new: Callable[[str], str]) -> None:
    draft.columns = [(name, new(name) if name in STAYS_COLUMNS else heading) for name, heading in draft.columns]


@kind("names", layer=COLUMNS, is_harmless=True)
def headings_in_another_spelling(draft: Draft) -> None:
    spellings = (
        str.upper,
        lambda name: name.replace("_", " ").title(),
        lambda name: name.replace("_", ""),
        lambda name: f"  {name.replace('_', '-')} ",
        lambda name: name.replace("_", "\u00a0"),
        lambda name: name.replace("_", "\n" if draft.form in LINED else " "),
    )
    _renamed(draft, lambda name: draft.chance.choice(spellings)(name))


@kind("order", layer=COLUMNS, is_harmless=True)
def columns_in_another_order(draft: Draft) -> None:
    draft.chance.shuffle(draft.columns)


@kind(layer=COLUMNS, is_harmless=True)
def columns_that_are_not_in_the_contract(draft: Draft) -> None:
    for number in range(draft.chance.choice((1, 1, 150))):
        heading = f"caller surname {number}"
        draft.columns.insert(draft.chance.randrange(1, len(draft.columns) + 1), (heading, heading))
        draft.unknown.append(heading)
        for row in draft.rows:
            row.values[heading] = f"{MARKER} {number}"


# It must not come to stand last, where its cells would be too many.
@kind("order", "dropped", layer=COLUMNS, forms=LINED, is_harmless=True)
def column_without_a_heading(draft: Draft) -> None:
    draft.columns.insert(draft.chance.randrange(1, len(draft.columns)), ("nameless", ""))
    for row in draft.rows:
        row.values["nameless"] = MARKER


@kind("dropped", layer=COLUMNS, is_harmless=True)
def optional_column_left_out(draft: Draft) -> None:
    name = draft.chance.choice(("nights", "waited", "is_regular", "guest", "longitude"))
    draft.columns = [column for column in draft.columns if column[0] != name]


@kind("names", "dropped", "rejected", layer=COLUMNS)
def required_column_left_out_or_renamed(draft: Draft) -> None:
    lost, heading = draft.chance.choice(("stay_id", "kind", "begun_at", "passport")), draft.chance.choice(("", "else"))
    draft.columns = [(name, heading if name == lost else old) for name, old in draft.columns if name != lost or heading]
    draft.unknown += [heading] if heading else []
    draft.rejected = ("missing_column",)


@kind("names", "dropped", "rejected", layer=COLUMNS)
def column_that_occurs_twice(draft: Draft) -> None:
    name = draft.chance.choice(sorted(draft.names))
    draft.columns.append((name, f"{name} ".title()))
    draft.rejected = ("duplicate_column",)


@kind("many", layer=COLUMNS, forms=(*TEXTUAL, PARQUET), is_harmless=True)
def many_rows(draft: Draft) -> None:
    new = [row.values | {"stay_id": f"{row.values['stay_id']}-{i}"} for i in range(9) for row in draft.rows]
    draft.rows += map(Row, new)


@kind("tail", "many", layer=COLUMNS, forms=(*LINED, PARQUET), is_harmless=True)
def no_rows(draft: Draft) -> None:
    draft.rows = []


# Layout of text and sheets.
TITLES = [["Extract for the team"], ["Run", "", "by, the night; job"], [""], [f'Report "{MARKER}"', "a|b"]]
SETTINGS = {
    **{f"delimiter {sign!r}": (DELIMITED, "delimiter", {"delimiter": sign}) for sign in ";\t|"},
    "everything in quotes": (DELIMITED, "quoting", {"quoting": "all"}),
    "carriage returns": (TEXTUAL, "line ends", {"newlines": ("\r",)}),
    "line ends of Windows": (TEXTUAL, "line ends", {"newlines": ("\r\n",)}),
    "line ends of all kinds": (TEXTUAL, "line ends", {"newlines": ("\r\n", "\n", "\r", "\n", "\r\n", "\r", "\r")}),
    "no line end at the end": (TEXTUAL, "tail", {"ends_with_newline": False}),
    "a byte-order mark": (TEXTUAL, "encoding", {"mark": codecs.BOM_UTF8}),
    "UTF-16": (TEXTUAL, "encoding", {"encoding": "utf-16-le", "mark": codecs.BOM_UTF16_LE}),
    "UTF-16 of big ends": (TEXTUAL, "encoding", {"encoding": "utf-16-be", "mark": codecs.BOM_UTF16_BE}),
    "titles": (LINED, "preamble", {"preamble": TITLES}),
    "many titles": (LINED, "preamble", {"preamble": [[f"Remark {number}", MARKER] for number in range(40)]}),
    "blank lines above the header": (LINED, "preamble", {"preamble": [[""]] * 7}),
    "days counted from 1904": ((XLSX,), "1904", {"is_1904": True}),
    "empty columns to the left": ((XLSX,), "left", {"left": 3}),
}


def _set(draft: Draft, settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        setattr(draft, name, value)


for name, (forms, slot, settings) in SETTINGS.items():
    enter(name, partial(_set, settings=settings), slot, forms=forms, layer=LAYOUT, is_harmless=True)


@kind("sheets", forms=(XLSX,), layer=LAYOUT, is_harmless=True)
def other_sheets(draft: Draft) -> None:
    def add_sheets(book: Any, sheet: Any) -> None:
        book.add_worksheet("Notes").write_string(0, 0, f"{MARKER} made by the night job")
        book.add_worksheet("Empty")
        book.add_worksheet("Figures").write_row(0, 0, ["month", "overtime", 5])
        book.add_chartsheet("Chart")
        sheet.set_first_sheet()

    draft.sheet_hook = add_sheets


@kind("sheets", "rejected", forms=(XLSX,), layer=LAYOUT)
def two_sheets_with_the_header(draft: Draft) -> None:
    headings = [heading for _, heading in draft.columns]
    draft.sheet_hook = lambda book, _: book.add_worksheet("Second").write_row(0, 0, headings)
    draft.rejected = ("ambiguous_sheet",)


# Columns of Parquet in other types.
def _times(values: list[Any], unit: str, zone: str | None = None) -> pa.Array:
    return pa.array([value and (value if zone else local_of(value)) for value in values], pa.timestamp(unit, zone))


def _cast(values: list[Any], *kinds: pa.DataType) -> pa.Array:
    found = pa.array([int(value) if isinstance(value, bool | Decimal) else value for value in values])
    for kind in kinds:
        found = found.cast(kind)
    return found


ARRAYS = {
    "times of a zone": ("begun_at", lambda values: _times(values, "ms", "America/New_York")),
    "times of nanoseconds": ("ended_at", lambda values: _times(values, "ns")),
    "decimals": ("waited", lambda values: pa.array(values, pa.decimal128(20, 6))),
    "durations": ("waited", lambda values: _cast(values, pa.int64(), pa.duration("s"))),
    "clock times": ("waited", lambda values: _cast(values, pa.int32(), pa.time32("s"), pa.time64("us"))),
    "floats": ("nights", lambda values: _cast(values, pa.float64())),
    "flags as numbers": ("is_regular", lambda values: _cast(values, pa.uint64())),
    "times for dates": ("paid_on", lambda values: _cast(values, pa.date32(), pa.timestamp("ms"))),
    "dictionaries": ("kind", lambda values: pa.array(values).dictionary_encode()),
    "binary texts": ("room", lambda values: pa.array(values, pa.string()).cast(pa.binary())),
    "lists": ("room", lambda values: pa.array([["a"] for _ in values], pa.list_(pa.string()))),
}


def _typed(draft: Draft, column: str, array: Callable[[list[Any]], pa.Array], codes: tuple[str, ...] = ()) -> None:
    if column not in draft.names or column in draft.arrays or any(column in row.cells for row in draft.rows):
        raise Misfit
    draft.arrays[column] = array
    draft.rejected = codes or draft.rejected


for name, (column, array) in ARRAYS.items():
    codes = ("nested_column",) if name == "lists" else ()
    change, slots = partial(_typed, column=column, array=array, codes=codes), ("rejected",) if codes else ()
    enter(f"array: {name}", change, *slots, forms=(PARQUET,), layer=LAYOUT, is_harmless=not codes)


# Bytes.
@kind("encoding", "bytes", forms=TEXTUAL)
def bad_byte_in_utf_8(draft: Draft) -> None:
    """Read as Windows-1252 because of one byte, every other accent would become two letters."""
    rows = [draft.put("note", cell, cell) for cell in ("Žluťoučký kůň", "příliš žluťoučký")]
    # A sign that stands for the byte until the file is encoded.
    for row in (*rows, draft.make_faulty("note", "Caf\ue123", "invalid_utf_8")):
        row.record = lambda record: json.dumps(record, ensure_ascii=False)
    bad = draft.chance.choice((b"\xe9", b"\x81", b"\xe2\x82", b"\xf0\x9f\x98"))
    is_packed = draft.form == CSV_GZ

    def spoil(data: bytes) -> bytes:
        text = (gzip.decompress(data) if is_packed else data).replace("\ue123".encode(), bad)
        return gzip.compress(text, mtime=0) if is_packed else text

    draft.byte_hook = spoil


FILES = {
    "nothing": (FORMS, lambda _: b"", ("empty_file",)),
    "cut off": ((CSV_GZ, XLSX, PARQUET), lambda data: data[: len(data) * 2 // 3], ("cut_off", "corrupt")),
    "gzip padded with zeros": ((CSV_GZ,), lambda data: data + bytes(512), ()),
}


for name, (forms, change, codes) in FILES.items():
    slots = ("bytes", "rejected", "cut") if codes else ("bytes",)
    settings = {"byte_hook": change} | ({"rejected": codes} if codes else {})
    enter(f"file: {name}", partial(_set, settings=settings), *slots, forms=forms, layer=BYTES, is_harmless=not codes)


@kind("bytes", "rejected", "cut", layer=BYTES)
def extension_that_lies(draft: Draft) -> None:
    draft.extension = draft.chance.choice([form for form in FORMS if form != draft.form])
    draft.rejected = ("wrong_extension", "no_header")
