"""What can be unusual or wrong with a file, as tables of kinds: where each applies, and what comes of it."""

import codecs
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.properties.drafts import (
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
Mutation = Callable[[Draft], object]


@dataclass(frozen=True)
class Kind:
    """A way in which a file can differ from a plain one."""

    name: str
    apply: Mutation
    forms: tuple[str, ...]
    slots: frozenset[str]
    """Kinds with a common slot exclude each other in a file."""
    layer: int
    is_harmless: bool
    """Whether every row is loaded."""


KINDS: dict[str, Kind] = {}


def enter(
    name: str,
    apply: Mutation,
    *slots: str,
    forms: tuple[str, ...] = FORMS,
    layer: int = ROWS,
    is_harmless: bool = False,
) -> None:
    KINDS[name] = Kind(name, apply, forms, frozenset(slots), layer, is_harmless)


def kind(*slots: str, **applies_to: Any) -> Callable[[Mutation], Mutation]:
    """Enter the decorated function under its name, with the arguments of `enter`."""

    def decorate(function: Mutation) -> Mutation:
        enter(function.__name__, function, *slots, **applies_to)
        return function

    return decorate


# Cells: what a text or cell in a column means, or the code for which its row is quarantined.
TEXT = "text"
NOT_SHEETS = (*DELIMITED, JSONL, PARQUET)
FAULTY_CELLS: tuple[tuple[str, Any, str, tuple[str, ...]], ...] = (
    ("begun_at", "31/02/2023 10:00", "not_a_timestamp", FORMS),
    ("begun_at", "03/28/2023 10:00", "not_a_timestamp", FORMS),
    ("begun_at", "2023-03-28", "no_time_of_day", FORMS),
    ("begun_at", "2023-03-26 01:30:00", "time_never_existed", FORMS),
    ("begun_at", Cell(date(2023, 1, 10), "dd/mm/yyyy"), "no_time_of_day", (XLSX,)),
    ("begun_at", Cell("#REF!", formula="=#REF!"), "not_a_timestamp", (XLSX,)),
    ("begun_at", Cell(datetime(2023, 3, 26, 1, 30), "dd/mm/yyyy hh:mm"), "time_never_existed", (XLSX,)),  # noqa: DTZ001
    ("ended_at", "2001-01-01 10:00", "out_of_order", FORMS),
    ("booked_at", "2101-01-01 10:00", "out_of_order", FORMS),
    ("booked_at", "1900-01-01 00:00", "before_1900", FORMS),
    ("paid_on", "29/02/2023", "not_a_date", FORMS),
    ("paid_on", "2030-01-02", "above_maximum", FORMS),
    ("billed_for", "Jan 2023", "not_a_month", FORMS),
    ("nights", "0", "below_minimum", FORMS),
    ("nights", "1.5", "not_an_integer", FORMS),
    ("nights", Cell(-5), "below_minimum", (XLSX,)),
    ("nights", 1e300, "not_an_integer", (JSONL,)),
    ("waited", "12,5", "not_seconds", FORMS),
    ("waited", float("inf"), "not_seconds", (JSONL,)),
    ("waited", 10**400, "not_seconds", (JSONL,)),
    ("waited", Cell(-0.25, "[h]:mm:ss"), "below_minimum", (XLSX,)),
    ("longitude", "1.7700001", "too_many_decimals", FORMS),
    ("longitude", "51.5", "above_maximum", FORMS),
    ("longitude", "1e-3", "not_a_decimal", NOT_SHEETS),
    ("kind", "longer", "not_in_list", FORMS),
    ("kind", "\u200flong", "not_in_list", TEXTUAL),
    ("kind", Cell("#REF!", formula="=#REF!"), "not_in_list", (XLSX,)),
    ("offset_minutes", "30", "not_in_list", FORMS),
    ("is_regular", "U", "not_a_boolean", FORMS),
    ("room", "12b", "not_of_form", FORMS),
    ("note", "07700900123", "looks_personal", FORMS),
    ("stay_id", "#N/A", "required_empty", FORMS),
    ("passport", "  ", "required_empty", FORMS),
    ("stay_id", 1e15, "digits_lost", (XLSX,)),
    ("note", "a\x00b", "unreadable_record", (JSONL, PARQUET)),
    ("nights", [1], "unreadable_record", (JSONL,)),
    ("note", {"a": 1}, "unreadable_record", (JSONL,)),
    ("waited", Cell(None, formula="=2*21"), "formula_without_value", (XLSX,)),
)
NOON = datetime(2023, 3, 28, 11)  # noqa: DTZ001 (UTC)
GOOD_CELLS: tuple[tuple[str, Any, Any, tuple[str, ...]], ...] = (
    ("begun_at", "2023-03-28T12:00+01", NOON, FORMS),
    ("begun_at", "2023-03-28T05:00:00.000 -0600", NOON, FORMS),
    ("begun_at", "28/3/2023 12:00", NOON, FORMS),
    ("begun_at", "45013.5", NOON, NOT_SHEETS),
    ("begun_at", Cell(45013.5, "hh:mm:ss"), NOON, (XLSX,)),
    ("begun_at", "9999-12-31 23:59:59", datetime(9999, 12, 31, 23, 59, 59), FORMS),  # noqa: DTZ001
    ("begun_at", Cell(datetime(2023, 1, 10), "dd/mm/yyyy hh:mm"), datetime(2023, 1, 10), (XLSX,)),  # noqa: DTZ001
    ("paid_on", "15/3/2023", date(2023, 3, 15), FORMS),
    ("paid_on", "45000", date(2023, 3, 15), NOT_SHEETS),
    ("nights", "0,002", 2, FORMS),
    ("nights", 2.0, 2, (JSONL, XLSX)),
    ("nights", Cell(39, "dd/mm/yyyy"), 39, (XLSX,)),
    ("waited", "1,234.5", Decimal("1234.5"), FORMS),
    ("waited", "1h 2m 3s", Decimal(3723), FORMS),
    ("waited", Cell(296 / 86400, "[h]:mm:ss"), Decimal(296), (XLSX,)),
    ("waited", Cell(1.0, "[h]:mm:ss"), Decimal(86400), (XLSX,)),
    ("waited", Cell(42, formula="=2*21"), Decimal(42), (XLSX,)),
    ("longitude", "0.100000000", Decimal("0.1"), FORMS),
    ("kind", " SHORT stay\u00a0", "Short Stay", FORMS),
    ("offset_minutes", "060", 60, ()),
    ("stay_id", Cell(123456789012), "123456789012", (XLSX,)),
    ("stay_id", 123456789012, "123456789012", (JSONL,)),
    ("note", "A🚓\u200d👮🏽", "A🚓\u200d👮🏽", TEXTUAL),
    ("note", "A\x07\x1b[31m\x0b\x0c\x1c\x7fB", "A\x07\x1b[31m\x0b\x0c\x1c\x7fB", NOT_SHEETS),
    ("note", "A\x85B\u2028C", "A\x85B\u2028C", TEXTUAL),
    ("note", "=1+1", "=1+1", FORMS),
    ("note", "'; drop table x; --<b>{{ x }}", "'; drop table x; --<b>{{ x }}", FORMS),
    ("note", "one, two; three\tfour|five", "one, two; three\tfour|five", FORMS),
    ("note", '# "quoted", ""twice""', '# "quoted", ""twice""', FORMS),
    ("note", "one\ntwo", "one\ntwo", FORMS),
    ("note", Cell("bold and plain", is_rich=True), "bold and plain", (XLSX,)),
    ("guest", Cell("#N/A", formula="=NA()"), None, (XLSX,)),
    ("guest", f"  {MARKER} 'O’Brien' \"Ж\" 🚓 ", f"{MARKER} 'O’Brien' \"Ж\" 🚓", TEXTUAL),  # noqa: RUF001 - the point
    ("guest", f"{MARKER} {'y' * 20_000}", f"{MARKER} {'y' * 20_000}", FORMS),
    ("force_code", "Kent", "kent", FORMS),
    ("force_code", "-", "surrey", FORMS),
)


def _cell_kind(column: str, cell: Any, code: str = "", value: Any = None) -> Mutation:
    def apply(draft: Draft) -> None:
        if code:
            row = draft.make_faulty(column, cell, code)
            if code in ("unreadable_record", "formula_without_value"):
                row.verdict = (code, None)
            if column == "ended_at":
                return
        else:
            row = draft.put(column, cell, value)
        if column == "begun_at":
            # Other times of the row would be out of order.
            row.values |= {"kind": "999", "ended_at": None, "booked_at": None, "offset_minutes": None}

    return apply


for _column, _cell, _code, _forms in FAULTY_CELLS:
    enter(f"{_column} {_cell!r:.40} {_code}", _cell_kind(_column, _cell, code=_code), forms=_forms)
for _column, _cell, _value, _forms in GOOD_CELLS:
    enter(f"{_column} {_cell!r:.40}", _cell_kind(_column, _cell, value=_value), forms=_forms, is_harmless=True)


def _starts(draft: Draft, text: str, begun: datetime, **others: Any) -> Row:
    row = draft.fresh("begun_at")
    row.cells["begun_at"] = text
    row.values |= {
        "begun_at": begun,
        "booked_at": None,
        "kind": "999",
        "ended_at": None,
        "offset_minutes": None,
    } | others
    return row


@kind(forms=TEXTUAL, is_harmless=True)
def hour_that_occurs_twice(draft: Draft) -> None:
    _starts(draft, "30/10/2022 01:30", datetime(2022, 10, 30, 0, 30)).is_ambiguous = True  # noqa: DTZ001


@kind(forms=TEXTUAL, is_harmless=True)
def hour_that_occurs_twice_with_an_offset(draft: Draft) -> None:
    _starts(draft, "2022-10-30 01:30", datetime(2022, 10, 30, 1, 30), offset_minutes=0)  # noqa: DTZ001


@kind(forms=TEXTUAL, is_harmless=True)
def hour_that_occurs_twice_after_the_start(draft: Draft) -> None:
    end = datetime(2022, 10, 30, 1, 20)  # noqa: DTZ001
    row = _starts(draft, "2022-10-30T01:10Z", datetime(2022, 10, 30, 1, 10), ended_at=end)  # noqa: DTZ001
    row.cells["ended_at"] = "2022-10-30 01:20:00"


@kind()
def end_that_the_kind_requires(draft: Draft) -> None:
    row = draft.fresh("ended_at", lambda row: row.values["kind"] == "long")
    row.values["ended_at"], row.verdict = None, ("required_when", "ended_at")


# Records.
LINES: dict[str, tuple[Callable[[list[str], str], list[str]], str]] = {
    "too few cells": (lambda cells, _: ["A", *cells[1:5]], "too_few_cells"),
    "too many cells": (lambda cells, _: [*cells, f"{MARKER} more"], "too_many_cells"),
    "a delimiter that is not quoted": (lambda cells, sign: [f"A{sign}B", *cells[1:-1], "C"], "too_many_cells"),
    "a quote that is not closed": (lambda cells, _: [f'"{cells[0].strip(chr(34))}', *cells[1:]], "unbalanced_quote"),
    "text behind a closing quote": (lambda cells, _: [*cells[:3], '"a"b', *cells[4:]], "unbalanced_quote"),
    "a NUL character": (lambda cells, _: [*cells[:2], "a\x00b", *cells[3:]], "unreadable_record"),
    "a line of a mebibyte": (lambda cells, _: [*cells[:-1], "x" * 1_100_000], "unreadable_record"),
    "totals in the middle": (lambda *_: ["Total", "17"], "too_few_cells"),
    "empty cells at the end": (lambda cells, _: [*cells, "", "  ", ""], ""),
    "a byte-order mark": (lambda cells, _: [f"\ufeff{cells[0]}", *cells[1:]], ""),
}
RECORDS: dict[str, tuple[Callable[[dict[str, Any]], str], str]] = {
    "no JSON": (lambda record: json.dumps(record).replace('"', "'"), "unreadable_record"),
    "no object": (lambda _: f'["{MARKER}"]', "unreadable_record"),
    "text behind the object": (lambda record: f"{json.dumps(record)} x", "unreadable_record"),
    "a key twice": (lambda record: f"{json.dumps(record)[:-1]}, {json.dumps(record)[1:]}", "unreadable_record"),
    "half a surrogate pair": (lambda record: json.dumps(record | {"other": "\ud83d"}), "unreadable_record"),
    "deep nesting": (lambda _: "[" * 50_000, "unreadable_record"),
    "keys in another order": (lambda record: json.dumps(dict(reversed(record.items()))), ""),
}


def _record_kind(attribute: str, change: Any, code: str) -> Mutation:
    def apply(draft: Draft) -> None:
        row = draft.fresh()
        setattr(row, attribute, change)
        row.verdict = (code, None) if code else None

    return apply


def _joined(change: Callable[[list[str], str], list[str]]) -> Callable[[list[str], str], str]:
    return lambda cells, delimiter: delimiter.join(change(cells, delimiter))


for _name, (_line, _code) in LINES.items():
    enter(f"line: {_name}", _record_kind("line", _joined(_line), _code), forms=DELIMITED, is_harmless=not _code)
for _name, (_record, _code) in RECORDS.items():
    enter(f"record: {_name}", _record_kind("record", _record, _code), forms=(JSONL,), is_harmless=not _code)
enter("beyond", _record_kind("beyond", f"{MARKER} rang twice", "too_many_cells"), forms=(XLSX,))


@kind("names", forms=(JSONL,))
def key_left_out(draft: Draft) -> None:
    row = draft.fresh()
    row.record = lambda record: json.dumps({key: value for key, value in record.items() if key != "stay_id"})
    row.verdict = ("required_empty", "stay_id")


@kind(forms=DELIMITED)
def two_stray_quotes_rows_apart(draft: Draft) -> None:
    first = draft.fresh("note")
    behind = draft.rows[next(i for i, row in enumerate(draft.rows) if row is first) + 1 : -1]
    second = next((row for row in behind if not row.is_touched), None)
    if second is None:
        raise Misfit
    place = [name for name, _ in draft.columns].index("note")
    second.is_touched, second.values["note"], first.verdict = True, 'closed"', ("unbalanced_quote", None)
    first.line = _joined(lambda cells, _: [*cells[:place], '"open', *cells[place + 1 :]])
    second.line = _joined(lambda cells, _: [*cells[:place], 'closed"', *cells[place + 1 :]])


@kind(forms=TEXTUAL, is_harmless=True)
def long_cells_over_several_blocks(draft: Draft) -> None:
    # Readers take half a mebibyte at a time.
    for length in (400_000, 300_000, 390_000):
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


@kind("tail", "cut", forms=DELIMITED)
def half_a_row_at_the_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    end = draft.chance.choice(('"ha', "ha"))
    row.line = _joined(lambda cells, _: [*cells[:5], end])
    draft.ends_with_newline, draft.rejected = False, ("cut_off",)


@kind("tail", "cut", "line ends", forms=(JSONL,), layer=LAYOUT)
def half_a_record_at_the_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    row.record = lambda record: json.dumps(record)[:-9]
    draft.ends_with_newline, draft.rejected = False, ("cut_off",)


@kind("tail", forms=DELIMITED)
def half_a_record_with_a_line_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    row.line, row.verdict = _joined(lambda cells, _: cells[:5]), ("too_few_cells", None)


@kind("tail", forms=DELIMITED)
def zeros_at_the_end(draft: Draft) -> None:
    draft.any_row()
    draft.rows.append(Row({}, verdict=("unreadable_record", None), line=lambda *_: "\x00" * 100, is_touched=True))
    draft.ends_with_newline = False


# Repeated keys.
@kind()
def the_same_row_again(draft: Draft) -> None:
    row = draft.fresh()
    for _ in range(draft.chance.choice((1, 2))):
        draft.insert_after(row, again := row.copy())
        again.verdict = ("duplicate_row", None)


@kind()
def the_same_row_by_a_default(draft: Draft) -> None:
    row = draft.fresh()
    row.values["waited"] = None
    draft.insert_after(row, again := row.copy(waited=Decimal(0)))
    again.verdict = ("duplicate_row", None)


@kind()
def another_row_of_the_key(draft: Draft) -> None:
    row = draft.fresh()
    changed = draft.chance.choice(({"room": "1 B"}, {"guest": f"{MARKER} other"}, {"waited": Decimal(7777)}))
    draft.insert_after(row, row.copy(**changed))
    row.verdict = ("superseded_row", None)


@kind()
def three_rows_of_a_key(draft: Draft) -> None:
    row = draft.fresh()
    draft.insert_after(row, row.copy(room="3 C"))
    between = row.copy(room="2 B")
    draft.rows.insert(next(i for i, each in enumerate(draft.rows) if each is row) + 1, between)
    row.verdict = between.verdict = ("superseded_row", None)


@kind()
def a_faulty_row_of_the_key(draft: Draft) -> None:
    row = draft.fresh()
    draft.insert_after(row, other := row.copy())
    other.cells["kind"], other.verdict = "none of these", ("not_in_list", "kind")


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
    spellings: tuple[Callable[[str], str], ...] = (
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


@kind("dropped", "rejected", layer=COLUMNS)
def required_column_left_out(draft: Draft) -> None:
    name = draft.chance.choice(("stay_id", "kind", "begun_at", "passport"))
    draft.columns = [column for column in draft.columns if column[0] != name]
    draft.rejected = ("missing_column",)


@kind("names", "rejected", layer=COLUMNS)
def required_column_under_another_name(draft: Draft) -> None:
    _renamed(draft, lambda name: "something else" if name == "kind" else name)
    draft.rejected = ("missing_column",)


@kind("names", "dropped", "rejected", layer=COLUMNS)
def column_that_occurs_twice(draft: Draft) -> None:
    name, _ = draft.chance.choice(draft.columns)
    draft.columns.append((name, f"{name} ".title()))
    draft.rejected = ("duplicate_column",)


@kind("many", layer=COLUMNS, forms=(*TEXTUAL, PARQUET), is_harmless=True)
def many_rows(draft: Draft) -> None:
    # So many that the text is longer than what readers take at once.
    draft.rows += [
        Row(row.values | {"stay_id": f"{row.values['stay_id']}-{i}"}) for i in range(200) for row in draft.rows
    ]


@kind("tail", "many", layer=COLUMNS, forms=(*LINED, PARQUET), is_harmless=True)
def no_rows(draft: Draft) -> None:
    draft.rows = []


# Layout of text and sheets.
HIDDEN = {"hidden": True}
TITLES = [
    ["Extract for the team"],
    ["Run", "2023-01-01", "", "by, the night; job"],
    [""],
    [f'Report "{MARKER}"', "a|b"],
]
SETTINGS: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
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


def _settings(settings: dict[str, Any]) -> Mutation:
    return lambda draft: [setattr(draft, name, value) for name, value in settings.items()]


for _name, (_forms, _slot, _changed) in SETTINGS.items():
    enter(_name, _settings(_changed), _slot, forms=_forms, layer=LAYOUT, is_harmless=True)


def _other_sheets(book: Any, sheet: Any) -> None:
    book.add_worksheet("Notes").write_string(0, 0, f"{MARKER} made by the night job")
    book.add_worksheet("Empty")
    book.add_worksheet("Figures").write_row(0, 0, ["month", "overtime", 5])
    book.add_chartsheet("Chart")
    sheet.set_first_sheet()


def _dressed(book: Any, sheet: Any) -> None:
    dated = book.add_format({"num_format": "dd/mm/yyyy", "bg_color": "yellow"})
    sheet.set_column(0, 30, 12, book.add_format({"num_format": "@"}))
    sheet.set_column(1, 2, None, None, HIDDEN)
    for row in range(200, 220):
        sheet.write_blank(row, 3, None, dated)
    sheet.autofilter(0, 0, 20, 5)
    sheet.freeze_panes(1, 1)
    sheet.write_comment(2, 2, f"{MARKER} rang twice")
    sheet.protect("password")


for _name, _hook in {"other sheets": _other_sheets, "formats and remarks": _dressed}.items():
    _hooked: Mutation = lambda draft, hook=_hook: draft.sheet_hooks.append(hook)  # type: ignore[misc]  # noqa: E731
    enter(_name, _hooked, _name, forms=(XLSX,), layer=LAYOUT, is_harmless=True)


@kind("other sheets", "rejected", forms=(XLSX,), layer=LAYOUT)
def two_sheets_with_the_header(draft: Draft) -> None:
    headings = [heading for _, heading in draft.columns]
    draft.sheet_hooks.append(lambda book, _: book.add_worksheet("Second").write_row(0, 0, headings))
    draft.rejected = ("ambiguous_sheet",)


# Columns of Parquet in other types.
def _times(unit: str, zone: str | None = None) -> Callable[[list[Any]], pa.Array]:
    def array(values: list[Any]) -> pa.Array:
        return pa.array([value and (value if zone else local_of(value)) for value in values], pa.timestamp(unit, zone))

    return array


def _cast(*kinds: pa.DataType, whole: bool = True) -> Callable[[list[Any]], pa.Array]:
    def array(values: list[Any]) -> pa.Array:
        found = pa.array([int(value) if whole and value is not None else value for value in values])
        for kind in kinds:
            found = found.cast(kind)
        return found

    return array


ARRAYS: dict[str, tuple[str, Callable[[list[Any]], pa.Array]]] = {
    "times of a zone": ("begun_at", _times("ms", "America/New_York")),
    "times of nanoseconds": ("ended_at", _times("ns")),
    "times of seconds": ("booked_at", _times("s", "UTC")),
    "decimals": ("waited", lambda values: pa.array(values, pa.decimal128(20, 6))),
    "durations": ("waited", _cast(pa.int64(), pa.duration("s"))),
    "clock times": ("waited", _cast(pa.int32(), pa.time32("s"), pa.time64("us"))),
    "floats": ("nights", _cast(pa.int64(), pa.float64())),
    "short integers": ("nights", _cast(pa.int16())),
    "wide decimals": ("nights", _cast(pa.int64(), pa.decimal256(40, 2))),
    "flags as numbers": ("is_regular", _cast(pa.int64(), pa.uint64())),
    "dates of 64 bits": ("paid_on", _cast(pa.date64(), whole=False)),
    "times for dates": ("paid_on", _cast(pa.date32(), pa.timestamp("ms"), whole=False)),
    "dictionaries": ("kind", lambda values: pa.array(values).dictionary_encode()),
    "large texts": ("note", lambda values: pa.array(values, pa.large_string())),
    "binary texts": ("room", lambda values: pa.array(values, pa.string()).cast(pa.binary())),
    "texts in views": ("guest", lambda values: pa.array(values, pa.string_view())),
}


def _array_kind(column: str, array: Callable[[list[Any]], pa.Array]) -> Mutation:
    def apply(draft: Draft) -> None:
        if column not in draft.names or column in draft.arrays or any(column in row.cells for row in draft.rows):
            raise Misfit
        draft.arrays[column] = array

    return apply


for _name, (_column, _array) in ARRAYS.items():
    enter(f"array: {_name}", _array_kind(_column, _array), forms=(PARQUET,), layer=LAYOUT, is_harmless=True)


@kind(forms=(PARQUET,), layer=LAYOUT, is_harmless=True)
def column_of_nothing(draft: Draft) -> None:
    _array_kind("nights", lambda values: pa.nulls(len(values)))(draft)
    for row in draft.rows:
        row.values["nights"] = None


@kind("rejected", forms=(PARQUET,), layer=LAYOUT)
def list_in_a_column(draft: Draft) -> None:
    _array_kind("room", lambda values: pa.array([["a"] for _ in values], pa.list_(pa.string())))(draft)
    draft.rejected = ("nested_column",)


@kind(forms=(PARQUET,), layer=LAYOUT, is_harmless=True)
def unknown_column_of_lists(draft: Draft) -> None:
    draft.columns.append(("calls", "calls"))
    draft.unknown.append("calls")
    draft.arrays["calls"] = lambda values: pa.array([[MARKER] for _ in values], pa.list_(pa.string()))


# Bytes.
def _text_hook(draft: Draft, change: Callable[[bytes], bytes]) -> None:
    """Change the text of the file, inside the gzip container if it has one."""
    packed: Callable[[bytes], bytes] = lambda data: gzip.compress(change(gzip.decompress(data)), mtime=0)  # noqa: E731
    draft.byte_hooks.append(packed if draft.form == CSV_GZ else change)


# Placeholder in a text for bytes that are not part of a character.
STAND_IN = "\ue123"


@kind("encoding", "bytes", forms=TEXTUAL)
def bad_byte_in_utf_8(draft: Draft) -> None:
    """Read as Windows-1252 because of one byte, every other accent would become two letters."""
    for cell in ("Žluťoučký kůň", "příliš žluťoučký"):
        draft.put("note", cell, cell).record = lambda record: json.dumps(record, ensure_ascii=False)
    row = draft.make_faulty("note", f"Caf{STAND_IN}", "invalid_utf_8")
    row.record = lambda record: json.dumps(record, ensure_ascii=False)
    bad = draft.chance.choice((b"\xe9", b"\x81", b"\xe2\x82", b"\xf0\x9f\x98"))
    _text_hook(draft, lambda text: text.replace(STAND_IN.encode(), bad))


@kind("encoding", forms=TEXTUAL, is_harmless=True)
def windows_1252(draft: Draft) -> None:
    for cell in ("Café–“£€”", "Zoë"):  # noqa: RUF001 - the point
        draft.put("note", cell, cell).record = lambda record: json.dumps(record, ensure_ascii=False)
    # Cells that other kinds put there may have more signs than this encoding.
    for row in draft.rows:
        if any(not _fits(str(cell)) for cell in row.cells.values()):
            raise Misfit
    draft.encoding = "cp1252"


def _fits(text: str) -> bool:
    return text.encode("cp1252", "replace").decode("cp1252") == text


def _zip_of(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as container:
        container.writestr(name, data)
    return out.getvalue()


def _with_macros(data: bytes) -> bytes:
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as container:
        container.writestr("xl/vbaProject.bin", MARKER)
    return out.getvalue()


def _of_sheet(pattern: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Rewrite the XML of the sheet, as another program would write it."""

    def changed(data: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as container:
            for name in old.namelist():
                part = old.read(name)
                container.writestr(name, re.sub(pattern, new, part) if name.endswith("/sheet1.xml") else part)
        return out.getvalue()

    return changed


def _divided(data: bytes) -> bytes:
    text = gzip.decompress(data)
    return gzip.compress(text[:99], mtime=0) + gzip.compress(text[99:], mtime=0)


OLD = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(900)
PAGE = f"<!DOCTYPE html>\n<html><body>Please log in, {MARKER}</body></html>\n".encode()
FILES: dict[str, tuple[tuple[str, ...], Callable[[bytes], bytes], tuple[str, ...]]] = {
    "nothing": (FORMS, lambda _: b"", ("empty_file",)),
    "a zip file": ((*TEXTUAL, PARQUET), lambda data: _zip_of("stays.csv", data), ("wrong_extension",)),
    "gzip cut off": ((CSV_GZ,), lambda data: data[: len(data) * 2 // 3], ("cut_off",)),
    "gzip with a wrong checksum": ((CSV_GZ,), lambda data: data[:-8] + bytes(4) + data[-4:], ("corrupt",)),
    "gzip before rubbish": ((CSV_GZ,), lambda data: data + MARKER.encode(), ("corrupt",)),
    "gzip padded with zeros": ((CSV_GZ,), lambda data: data + bytes(512), ()),
    "gzip of two members": ((CSV_GZ,), _divided, ()),
    "a workbook cut off": ((XLSX,), lambda data: data[: len(data) // 2], ("corrupt",)),
    "a workbook with a password": ((XLSX,), lambda _: OLD + "EncryptedPackage".encode("utf-16-le"), ("encrypted",)),
    "a workbook of the old kind": ((XLSX,), lambda _: OLD, ("wrong_extension",)),
    "macros": ((XLSX,), _with_macros, ("unsafe",)),
    "no dimension": ((XLSX,), _of_sheet(b"<dimension[^>]*/>", b""), ()),
    "single quotes": ((XLSX,), _of_sheet(rb'(<(?:row|c) r=)"(\w+)"', rb"\1'\2'"), ()),
    "line ends between cells": ((XLSX,), _of_sheet(rb"<(row|c) ", rb"\r\n <\1\n "), ()),
    "Parquet cut off": ((PARQUET,), lambda data: data[: len(data) // 2], ("cut_off",)),
    "Parquet with a key": ((PARQUET,), lambda data: b"PARE" + data[4:-4] + b"PARE", ("encrypted",)),
    "a damaged footer": ((PARQUET,), lambda data: data[:-8] + b"\xff\xff\xff\x7f" + data[-4:], ("corrupt",)),
    "an array": ((JSONL,), lambda _: json.dumps([MARKER, {"a": 1}], indent=1).encode(), ("wrong_extension",)),
}


def _file_kind(change: Callable[[bytes], bytes], codes: tuple[str, ...]) -> Mutation:
    def apply(draft: Draft) -> None:
        draft.byte_hooks.append(change)
        draft.rejected = codes

    return apply


for _name, (_forms, _change, _codes) in FILES.items():
    _slots = ("bytes", "rejected", "cut") if _codes else ("bytes",)
    enter(f"file: {_name}", _file_kind(_change, _codes), *_slots, forms=_forms, layer=BYTES, is_harmless=not _codes)


@kind("bytes", "rejected", "cut", layer=BYTES)
def page_in_place_of_an_extract(draft: Draft) -> None:
    _text_hook(draft, lambda _: PAGE)
    draft.rejected = ("no_header",) if draft.form in DELIMITED else ("wrong_extension",)


@kind("bytes", "rejected", "encoding", forms=TEXTUAL, layer=BYTES)
def utf_16_without_a_mark(draft: Draft) -> None:
    draft.encoding, draft.rejected = "utf-16-le", ("bad_encoding",)


@kind("bytes", "rejected", "cut", layer=BYTES)
def extension_that_lies(draft: Draft) -> None:
    draft.extension = draft.chance.choice([form for form in FORMS if form != draft.form])
    draft.rejected = ("wrong_extension", "no_header")


@kind("bytes", layer=BYTES, is_harmless=True)
def extension_in_capitals(draft: Draft) -> None:
    draft.extension = draft.form.upper()
