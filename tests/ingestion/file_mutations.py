"""Mutations of whole files: columns, headings, text around the data, encodings, containers, damage."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tests.ingestion.cell_mutations import start_alone
from tests.ingestion.mutation_kinds import BYTES, COLUMNS, LAYOUT, enter, kind
from tests.reference.drafts import (
    CSV,
    CSV_GZ,
    DATE,
    DELIMITED,
    JSONL,
    MARKER,
    MOMENT,
    NUMBER,
    PARQUET,
    REPEATED,
    SECONDS,
    SOURCES,
    START,
    TEXT,
    TRUTH,
    XLSX,
    Column,
    Draft,
    Misfit,
    Row,
    local_of,
)

CALLS = ("call_segments",)
TEXTUAL = (CSV, CSV_GZ, JSONL)
LINED = (CSV, CSV_GZ, XLSX)
HEADED = (CSV, CSV_GZ, XLSX, PARQUET)
# A preamble may name columns too, and then is the best header.
NO_HEADER = frozenset({"no_header", "missing_column"})
# Placeholder in a text for bytes that are not part of a character.
_STAND_IN = "\ue123"


def _respelt(name: str, draft: Draft) -> str:
    words = name.replace("_", " ")
    return draft.rng.choice(
        (
            name.upper(),
            words.title(),
            words,
            name.replace("_", "-"),
            name.replace("_", ""),
            f"  {name} ",
            words.replace(" ", "\u00a0"),
        )
    )


def _known_columns(draft: Draft) -> list[Column]:
    return [column for column in draft.columns if column.name in draft.fields or column.name == "force_code"]


@kind(layer=COLUMNS, slots=("names",))
def headings_in_another_spelling(draft: Draft) -> None:
    for column in _known_columns(draft):
        column.header = _respelt(column.name, draft)


@kind(layer=COLUMNS, slots=("names",), sources=CALLS)
def heading_by_an_alias(draft: Draft) -> None:
    if "call_id" not in draft.fields:
        raise Misfit
    column = next(column for column in draft.columns if column.name == "call_id")
    column.header = draft.rng.choice(("ucid", "UCID", "call uid", "Call-UID", "Call ID", "callid"))


@kind(layer=COLUMNS, slots=("order",))
def columns_in_another_order(draft: Draft) -> None:
    draft.rng.shuffle(draft.columns)


def _add_column(draft: Draft, header: str, place: int) -> None:
    draft.columns.insert(place, Column(header, header))
    for row in draft.rows:
        row.values[header] = f"{MARKER} {draft.rng.randrange(10**9)}"


@kind(layer=COLUMNS)
def added_column_with_personal_data(draft: Draft) -> None:
    header = f"caller surname {draft.rng.randrange(1000)}"
    _add_column(draft, header, draft.rng.randrange(1, len(draft.columns) + 1))
    draft.unknown.append(header)


# It must not come to stand last, where its cells would be too many.
@kind(layer=COLUMNS, forms=LINED, slots=("order", "dropped"))
def added_column_without_a_heading(draft: Draft) -> None:
    _add_column(draft, "", draft.rng.randrange(1, len(draft.columns)))


@kind(layer=COLUMNS, slots=("dropped",))
def dropped_optional_column(draft: Draft) -> None:
    name = draft.pick(lambda _, spec: not (spec.required or spec.required_when))
    draft.columns = [column for column in draft.columns if column.name != name]


@kind(layer=COLUMNS, slots=("dropped", "rejected"))
def dropped_required_column(draft: Draft) -> None:
    name = draft.pick(lambda _, spec: spec.required)
    draft.columns = [column for column in draft.columns if column.name != name]
    draft.rejected = frozenset({"missing_column"})


@kind(layer=COLUMNS, slots=("names", "rejected"))
def required_column_under_an_unknown_name(draft: Draft) -> None:
    name = draft.pick(lambda _, spec: spec.required)
    next(column for column in draft.columns if column.name == name).header = "something else"
    draft.rejected = frozenset({"missing_column"})


@kind(layer=COLUMNS, forms=(CSV, CSV_GZ, XLSX), slots=("names", "dropped", "rejected"))
def column_that_occurs_twice(draft: Draft) -> None:
    column = draft.rng.choice([column for column in draft.columns if column.name in SOURCES[draft.source]])
    again = Column(column.name, _respelt(column.name, draft))
    draft.columns.insert(draft.rng.randrange(len(draft.columns) + 1), again)
    draft.rejected = frozenset({"duplicate_column"})


@kind(layer=COLUMNS, slots=("names", "rejected"), sources=CALLS)
def name_and_alias_side_by_side(draft: Draft) -> None:
    draft.columns.append(Column("call_id", "UCID"))
    draft.rejected = frozenset({"duplicate_column"})


@kind(layer=COLUMNS, forms=HEADED, slots=("names", "headings", "rejected", "tail"))
def headings_left_out(draft: Draft) -> None:
    if draft.form == PARQUET:
        for number, column in enumerate(draft.columns):
            column.header = f"f{number}"
    draft.has_header = False
    draft.rejected = NO_HEADER


@kind(layer=COLUMNS, forms=DELIMITED, slots=("names", "headings", "rejected", "tail"))
def stray_quotes_in_header_and_row(draft: Draft) -> None:
    # Together they make a heading of the row between.
    draft.header_line = lambda cells, delimiter: delimiter.join([*cells, '"remarks'])
    draft.rows[0].line = lambda cells, delimiter: delimiter.join([*cells, 'none"'])
    draft.rows[0].is_touched = True
    draft.rejected = NO_HEADER


@kind(layer=LAYOUT, forms=DELIMITED, slots=("tail", "many", "headings"))
def header_that_lost_its_line_end(draft: Draft) -> None:
    if any(row.is_touched for row in draft.rows) or draft.unknown or not draft.rows:
        raise Misfit
    row = draft.rows.pop(0)
    draft.header_line = lambda headings, delimiter: delimiter.join(
        [*headings, *(draft.text_of(row, column.name) or "x" for column in draft.columns)]
    )
    for each in draft.rows:
        each.is_touched, each.verdict = True, ("too_few_cells", None)


@kind(layer=COLUMNS, forms=HEADED, slots=("tail",))
def header_and_no_rows(draft: Draft) -> None:
    draft.rows = []


@kind(layer=COLUMNS, forms=LINED, slots=("tail",))
def header_and_totals_only(draft: Draft) -> None:
    draft.rows, draft.below = [], [["Total", "0"]]


@kind(layer=COLUMNS, forms=(CSV, CSV_GZ, JSONL, PARQUET), slots=("many",))
def many_rows(draft: Draft) -> None:
    # So many that the text is longer than what readers take at once.
    key = next(iter(SOURCES[draft.source]))
    models = list(draft.rows)
    if not models:
        raise Misfit
    for number in range(6_000):
        row = draft.rng.choice(models)
        new = Row({**row.values, key: f"{row.values[key]}-{number}"})
        draft.rows.append(new)


@kind(layer=COLUMNS, slots=("many",))
def many_unknown_columns(draft: Draft) -> None:
    for number in range(150):
        header = f"extra {number:03}"
        draft.columns.append(Column(header, header))
        draft.unknown.append(header)


@kind(layer=COLUMNS, forms=LINED, slots=("names",))
def headings_over_two_lines(draft: Draft) -> None:
    for column in _known_columns(draft):
        column.header = column.name.replace("_", "\n").title()


@kind(layer=LAYOUT, forms=LINED, slots=("preamble",))
def preamble(draft: Draft) -> None:
    lines = [
        ["Extract for the performance team"],
        ["Run", "2023-01-01 04:00", "", "by the night job"],
        [f'Report "{MARKER} daily"'],
        [""],
        ["call_id, status, and other columns: see the manual"],
        ["Period:", "day; all forces", "a|b"],
        ["sep=;"],
        ["Report\nin two lines", "and\r\nmore"],
        ["Fields: call_id, segment_no, contact_id, received_at, chat_id, ended_at, crime_ref, status, section, unit"],
    ]
    draft.preamble = draft.rng.sample(lines, draft.rng.randint(1, 6))


@kind(layer=LAYOUT, forms=LINED, slots=("preamble",))
def long_preamble(draft: Draft) -> None:
    draft.preamble = [[f"Remark {number}", f"{MARKER}"] for number in range(40)]


@kind(layer=LAYOUT, forms=LINED, slots=("preamble",))
def blank_lines_above_the_header(draft: Draft) -> None:
    draft.preamble = [[""] for _ in range(draft.rng.randint(1, 7))]


def _layout(name: str, forms: tuple[str, ...], *slots: str, **settings: Any) -> None:
    """Add a kind: a setting of the draft that does not change its meaning."""

    def apply(draft: Draft) -> None:
        for setting, value in settings.items():
            setattr(draft, setting, value)

    enter(name, apply, layer=LAYOUT, forms=forms, slots=slots)


_layout("semicolons", DELIMITED, "delimiter", delimiter=";")
_layout("tabs", DELIMITED, "delimiter", delimiter="\t")
_layout("pipes", DELIMITED, "delimiter", delimiter="|")
_layout("everything_in_quotes", DELIMITED, quoting="all")
_layout("carriage_returns", TEXTUAL, "line ends", newlines=("\r",))
_layout("line_ends_of_windows", TEXTUAL, "line ends", newlines=("\r\n",))
_layout("line_ends_of_all_kinds", TEXTUAL, "line ends", newlines=("\r\n", "\n", "\r", "\n", "\r\n", "\r", "\r"))
_layout("no_line_end_at_the_end", TEXTUAL, "last line", ends_with_newline=False)
_layout("byte_order_mark", TEXTUAL, "encoding", byte_order_mark=codecs.BOM_UTF8)
_layout("utf_16_little_endian", TEXTUAL, "encoding", encoding="utf-16-le", byte_order_mark=codecs.BOM_UTF16_LE)
_layout("utf_16_big_endian", TEXTUAL, "encoding", encoding="utf-16-be", byte_order_mark=codecs.BOM_UTF16_BE)
_layout("days_counted_from_1904", (XLSX,), "1904", is_1904=True)


def _unescaped(record: dict[str, Any]) -> str:
    """Return a line of JSON whose characters are bytes and not escapes."""
    return json.dumps(record, ensure_ascii=False)


def _put_accents(draft: Draft, text: str) -> None:
    for _ in range(2):
        draft.put(f"{text}{draft.rng.randrange(10**9)}").record = _unescaped


@kind(layer=LAYOUT, forms=TEXTUAL, slots=("encoding", "unicode"))
def windows_1252(draft: Draft) -> None:
    _put_accents(draft, "Café–“£€”")  # noqa: RUF001 - the point
    draft.encoding = "cp1252"


@kind(layer=BYTES, forms=TEXTUAL, slots=("encoding", "rejected", "bytes"))
def bytes_of_no_encoding(draft: Draft) -> None:
    # More of them than there are characters beyond ASCII in any draft.
    _packed_hook(draft, lambda text: text[: len(text) // 2] + b"\x81\x8d\xff" * 5000 + text[len(text) // 2 :])
    draft.rejected = frozenset({"bad_encoding"})


@kind(forms=TEXTUAL, slots=("encoding", "unicode", "bytes"))
def a_bad_byte_in_a_text_of_utf_8(draft: Draft) -> None:
    """Read as Windows-1252 because of one byte, every other accent would become two letters."""
    _put_accents(draft, "Žluťoučký kůň é ")
    column = draft.pick(lambda _, spec: spec.kind == TEXT)
    row = draft.fresh()
    row.cells[column], row.verdict = f"Caf{_STAND_IN}", ("invalid_utf_8", column)
    row.record = _unescaped
    bad = draft.rng.choice((b"\xe9", b"\x81", b"\xe2\x82", b"\xf0\x9f\x98"))
    _packed_hook(draft, lambda text: text.replace(_STAND_IN.encode(), bad))


@kind(forms=TEXTUAL, slots=("encoding", "unicode", "bytes", "names"))
def a_bad_byte_in_a_column_that_is_not_loaded(draft: Draft) -> None:
    _put_accents(draft, "Žluťoučký kůň é ")
    unknown = [column.name for column in draft.columns if column.name not in (*SOURCES[draft.source], "force_code")]
    if not unknown:
        raise Misfit
    row = draft.fresh()
    row.cells[unknown[0]], row.verdict = f"Caf{_STAND_IN}", ("invalid_utf_8", None)
    row.record = _unescaped
    _packed_hook(draft, lambda text: text.replace(_STAND_IN.encode(), b"\xe9"))


@kind(layer=BYTES, forms=TEXTUAL, slots=("encoding", "rejected", "bytes"))
def utf_16_without_a_mark(draft: Draft) -> None:
    draft.encoding = draft.rng.choice(("utf-16-le", "utf-16-be"))
    draft.rejected = frozenset({"no_header", "bad_encoding", "wrong_extension", "empty_file"})


@kind(layer=BYTES, forms=TEXTUAL, slots=("encoding", "rejected", "bytes"))
def utf_16_cut_in_a_character(draft: Draft) -> None:
    draft.encoding, draft.byte_order_mark = "utf-16-le", codecs.BOM_UTF16_LE
    _packed_hook(draft, lambda text: text[:-1])
    draft.rejected = frozenset({"bad_encoding", "cut_off"})


def _packed_hook(draft: Draft, change: Callable[[bytes], bytes]) -> None:
    """Change the text of the file, inside the gzip container if it has one."""
    if draft.form == CSV_GZ:
        draft.byte_hooks.append(lambda data: gzip.compress(change(gzip.decompress(data)), mtime=0))
    else:
        draft.byte_hooks.append(change)


def _refused_bytes(draft: Draft, change: Callable[[bytes], bytes], *codes: str) -> None:
    draft.byte_hooks.append(change)
    draft.rejected = frozenset(codes)


def _refused(name: str, form: str, change: Callable[[bytes], bytes], *codes: str) -> None:
    """Add a kind: a file of a form whose changed bytes are refused for one of these reasons."""
    enter(
        name,
        lambda draft: _refused_bytes(draft, change, *codes),
        layer=BYTES,
        forms=(form,),
        slots=("rejected", "bytes"),
    )


def _cut_off(name: str, form: str, least: float, *codes: str) -> None:
    """Add a kind: a file of a form that ends after `least` to 95% of its bytes."""

    def apply(draft: Draft) -> None:
        share = draft.rng.uniform(least, 0.95)
        _refused_bytes(draft, lambda data: data[: int(len(data) * share)], *codes)

    enter(name, apply, layer=BYTES, forms=(form,), slots=("rejected", "bytes"))


def _inverted(data: bytes, start: int, end: int) -> bytes:
    return data[:start] + bytes(byte ^ 0xFF for byte in data[start:end]) + data[end:]


def _zip_of(name: str, content: bytes | str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as container:
        container.writestr(name, content)
    return out.getvalue()


@kind(forms=DELIMITED, slots=("encoding", "rejected", "bytes"))
def utf_8_cut_in_a_character(draft: Draft) -> None:
    # As Windows-1252 it would be valid, and every letter with an accent another one.
    text = f"Café {draft.rng.randrange(10**9)}"
    draft.put(text)
    _packed_hook(draft, lambda data: data + "Café".encode()[:-1])
    draft.rejected = frozenset({"cut_off"})


_cut_off("gzip_cut_off", CSV_GZ, 0.2, "cut_off")
# What is read before the damage shows may already be no text.
_refused(
    "gzip_damaged",
    CSV_GZ,
    lambda data: _inverted(data, len(data) // 2, len(data) // 2 + 8),
    *("corrupt", "cut_off", "bad_encoding"),
)
_refused("gzip_with_a_wrong_checksum", CSV_GZ, lambda data: _inverted(data, len(data) - 8, len(data) - 4), "corrupt")
_refused("gzip_before_rubbish", CSV_GZ, lambda data: data + b"rubbish " + MARKER.encode(), "corrupt")


@kind(layer=BYTES, forms=(CSV_GZ,), slots=("bytes",))
def gzip_of_two_members(draft: Draft) -> None:
    def divided(data: bytes) -> bytes:
        text = gzip.decompress(data)
        middle = len(text) // 3
        return gzip.compress(text[:middle], mtime=0) + gzip.compress(text[middle:], mtime=0)

    draft.byte_hooks.append(divided)


@kind(layer=BYTES, forms=(CSV_GZ,), slots=("bytes",))
def gzip_padded_with_zeros(draft: Draft) -> None:
    draft.byte_hooks.append(lambda data: data + bytes(512))


_refused("gzip_in_gzip", CSV_GZ, lambda data: gzip.compress(data, mtime=0), "wrong_extension")


@kind(layer=BYTES, slots=("rejected", "bytes"))
def extension_that_lies(draft: Draft) -> None:
    others = [form for form in ("csv", "csv.gz", "xlsx", "parquet", "jsonl") if form != draft.form]
    draft.extension = draft.rng.choice(others)
    draft.rejected = frozenset({"wrong_extension"})
    if (draft.form, draft.extension) == (JSONL, CSV):
        # The first line may be faulty, and then it is text like any other.
        draft.rejected |= {"no_header"}


@kind(layer=BYTES, slots=("bytes",))
def extension_in_capitals(draft: Draft) -> None:
    draft.extension = draft.form.upper()


@kind(layer=BYTES)
def odd_file_name(draft: Draft) -> None:
    draft.suffix = draft.rng.choice(
        (" (1)", " Copy of 'x' [a]*?", '_%s_"late"', "_new\nline", "_\u202egnp", ".csv", "--rows")
    )


@kind(layer=BYTES, slots=("rejected", "bytes"))
def empty_file(draft: Draft) -> None:
    nothing = gzip.compress(b"", mtime=0) if draft.form == CSV_GZ and draft.rng.random() < 0.5 else b""
    _refused_bytes(draft, lambda _: nothing, "empty_file")


@kind(layer=BYTES, forms=TEXTUAL, slots=("rejected", "bytes"))
def only_blank_lines(draft: Draft) -> None:
    text = draft.rng.choice((b"\n\n\n", b" \r\n\t\r\n", codecs.BOM_UTF8 + b"\n"))
    _refused_bytes(draft, lambda _: gzip.compress(text, mtime=0) if draft.form == CSV_GZ else text, "empty_file")


def _old_container(member: str) -> bytes:
    """Return a container of Office 97 with a member of this name."""
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(900) + member.encode("utf-16-le") + bytes(200)


def _with_macros(data: bytes) -> bytes:
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as container:
        container.writestr("xl/vbaProject.bin", MARKER)
    return out.getvalue()


_cut_off("workbook_cut_off", XLSX, 0.1, "corrupt", "cut_off")
_refused("workbook_with_a_password", XLSX, lambda _: _old_container("EncryptedPackage"), "encrypted")
_refused("workbook_of_the_old_kind", XLSX, lambda _: _old_container("Workbook"), "wrong_extension")
_refused("workbook_with_macros", XLSX, _with_macros, "unsafe")
_refused("parquet_with_a_key", PARQUET, lambda data: b"PARE" + data[4:-4] + b"PARE", "encrypted")


@kind(layer=BYTES, slots=("rejected", "bytes"))
def page_in_place_of_an_extract(draft: Draft) -> None:
    page = f"<!DOCTYPE html>\n<html><body>Please log in, {MARKER}</body></html>\n".encode()
    _refused_bytes(
        draft,
        lambda _: gzip.compress(page, mtime=0) if draft.form == CSV_GZ else page,
        "no_header" if draft.form in DELIMITED else "wrong_extension",
    )


@kind(layer=BYTES, forms=(CSV, CSV_GZ, JSONL, PARQUET), slots=("rejected", "bytes"))
def zip_in_place_of_an_extract(draft: Draft) -> None:
    _refused_bytes(draft, lambda data: _zip_of(draft.name, data), "wrong_extension")


_refused(
    "container_of_something_else",
    XLSX,
    lambda _: _zip_of("word/document.xml", f"<x>{MARKER}</x>"),
    "wrong_extension",
)
_cut_off("parquet_cut_off", PARQUET, 0.1, "cut_off", "corrupt")
# The length of the footer.
_refused("parquet_damaged", PARQUET, lambda data: data[:-8] + b"\xff\xff\xff\x7f" + data[-4:], "corrupt", "cut_off")


@kind(layer=BYTES, forms=(JSONL,), slots=("rejected", "bytes"))
def one_json_array(draft: Draft) -> None:
    array = json.dumps([MARKER, {"a": 1}], indent=draft.rng.choice((None, 1))).encode()
    _refused_bytes(draft, lambda _: array, "wrong_extension")


def _rewritten(data: bytes, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The workbook with every member changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def _without_shared_strings(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as container:
        shared = (
            container.read("xl/sharedStrings.xml").decode() if "xl/sharedStrings.xml" in container.namelist() else ""
        )
    texts = re.findall(r"<si>(.*?)</si>", shared, re.DOTALL)

    def change(name: str, part: bytes) -> bytes:
        if not name.startswith("xl/worksheets/sheet"):
            return part
        pattern = r'(<c [^>]*)t="s"><v>(\d+)</v></c>'
        return re.sub(
            pattern, lambda cell: f'{cell[1]}t="inlineStr"><is>{texts[int(cell[2])]}</is></c>', part.decode()
        ).encode()

    return _rewritten(data, change)


def _of_sheets(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def changed(name: str, part: bytes) -> bytes:
        return change(part) if name.startswith("xl/worksheets/sheet") else part

    return lambda data: _rewritten(data, changed)


def _prefixed(part: bytes) -> bytes:
    text = re.sub(rb"<(/?)(?=\w)", rb"<\1x:", part)
    return text.replace(b" xmlns=", b" xmlns:x=")


OTHER_WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "texts in the cells": _without_shared_strings,
    "names with a prefix": _of_sheets(_prefixed),
    "no dimension": _of_sheets(lambda part: re.sub(rb"<dimension[^>]*/>", b"", part)),
    "a dimension that is wrong": _of_sheets(lambda part: re.sub(rb'(<dimension ref=")[^"]*', rb"\1A1", part)),
    "a byte-order mark": _of_sheets(lambda part: codecs.BOM_UTF8 + part),
    "line ends between": _of_sheets(lambda part: part.replace(b"<row", b"\r\n  <row").replace(b"<c ", b"\n    <c ")),
    "single quotes": _of_sheets(
        lambda part: re.sub(rb"(<c|<row)([^>]*)", lambda m: m[1] + m[2].replace(b'"', b"'"), part)
    ),
    "absolute targets": lambda data: _rewritten(
        data,
        lambda name, part: part.replace(b'Target="worksheets', b'Target="/xl/worksheets') if "rels" in name else part,
    ),
    "nothing packed": lambda data: _rewritten(data, lambda _, part: part, zipfile.ZIP_STORED),
}


@kind(layer=BYTES, forms=(XLSX,), slots=("bytes",))
def workbook_of_another_writer(draft: Draft) -> None:
    draft.byte_hooks.append(OTHER_WRITERS[draft.rng.choice(list(OTHER_WRITERS))])


def _sheet(name: str, hook: Callable[[Any, Any], object]) -> None:
    """Add a kind: a change of a workbook and its sheet that does not change their meaning."""
    enter(name, lambda draft: draft.sheet_hooks.append(hook), layer=LAYOUT, forms=(XLSX,))


def _other_sheets(book: Any, sheet: Any) -> None:
    book.add_worksheet("Notes").write_string(0, 0, f"{MARKER} made by the night job")
    book.add_worksheet("Empty")
    book.add_worksheet("Figures").write_row(0, 0, ["month", "overtime", 5])
    sheet.set_first_sheet()


def _sheet_of_a_chart(book: Any, _: Any) -> None:
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=Data!$B$2:$B$5"})
    book.add_chartsheet("Chart").set_chart(chart)


def _filters_panes_and_remarks(_: Any, sheet: Any) -> None:
    sheet.autofilter(0, 0, 20, 5)
    sheet.freeze_panes(1, 1)
    sheet.write_comment(2, 2, f"{MARKER} rang twice")
    sheet.conditional_format(0, 0, 20, 5, {"type": "duplicate"})
    sheet.protect("password")


_sheet("other_sheets", _other_sheets)
_sheet("sheet_of_a_chart", _sheet_of_a_chart)
_sheet("filters_panes_and_remarks", _filters_panes_and_remarks)


@kind(layer=LAYOUT, forms=(XLSX,), slots=("rejected",))
def two_sheets_with_the_header(draft: Draft) -> None:
    headers = [column.header for column in draft.columns]
    draft.sheet_hooks.append(lambda book, _: book.add_worksheet("Second").write_row(0, 0, headers))
    draft.rejected = frozenset({"ambiguous_sheet"})


@kind(layer=LAYOUT, forms=(XLSX,), slots=("preamble",))
def merged_title_rows(draft: Draft) -> None:
    draft.preamble = [["Police contact"], [""], ["All forces"]]
    draft.sheet_hooks.append(lambda _, sheet: sheet.merge_range(0, draft.left, 1, draft.left + 4, ""))


@kind(layer=LAYOUT, forms=(XLSX,), slots=("preamble",))
def hidden_title_rows(draft: Draft) -> None:
    draft.preamble = [["Police contact"], ["Version", "3"]]
    draft.sheet_hooks.append(lambda _, sheet: [sheet.set_row(row, None, None, {"hidden": True}) for row in range(2)])


def _formats_of_whole_columns(book: Any, sheet: Any) -> None:
    dated = book.add_format({"num_format": "dd/mm/yyyy", "bg_color": "yellow"})
    sheet.set_column(0, 30, 12, book.add_format({"num_format": "@"}))
    for row in range(200, 220):
        sheet.write_blank(row, 3, None, dated)


_sheet("hidden_columns", lambda _, sheet: sheet.set_column(1, 2, None, None, {"hidden": True}))
_sheet("formats_of_whole_columns", _formats_of_whole_columns)


@kind(layer=LAYOUT, forms=(XLSX,))
def empty_columns_to_the_left(draft: Draft) -> None:
    draft.left = draft.rng.randint(1, 3)


def _typed(draft: Draft, name: str, array: Callable[[list[Any]], pa.Array]) -> None:
    """Give a column of a Parquet file an array of its own, if no cell of it is faulty."""
    if name in draft.arrays or any(name in row.cells for row in draft.rows):
        raise Misfit
    draft.arrays[name] = array


def _column(
    name: str, column: str, array: Callable[[list[Any]], pa.Array], *, sources: tuple[str, ...] = tuple(SOURCES)
) -> None:
    """Add a kind: an own array for a column, or for a column of a type."""

    def apply(draft: Draft) -> None:
        _typed(draft, column if column in SOURCES[draft.source] else draft.of_kind(column), array)

    enter(name, apply, layer=LAYOUT, forms=(PARQUET,), sources=sources)


def _walls(values: Sequence[Any]) -> list[Any]:
    return [value and local_of(value) for value in values]


def _integers(values: Sequence[Any], to: pa.DataType) -> pa.Array:
    return pa.array([None if value is None else int(value) for value in values], to)


@kind(layer=LAYOUT, forms=(PARQUET,), sources=tuple(START), slots=("parquet times",))
def parquet_times_with_a_zone(draft: Draft) -> None:
    zone = draft.rng.choice(("UTC", "Europe/London", "America/New_York", "+05:30"))
    unit = draft.rng.choice(("s", "ms", "us", "ns"))
    _typed(draft, draft.of_kind(MOMENT), lambda values: pa.array(values, pa.timestamp(unit, zone)))


_column(
    "parquet_times_of_nanoseconds",
    MOMENT,
    lambda values: pa.array(_walls(values), pa.timestamp("ns")),
    sources=tuple(START),
)


@kind(layer=LAYOUT, forms=(PARQUET,), sources=tuple(START), slots=("parquet times",))
def parquet_times_of_96_bits(draft: Draft) -> None:
    _typed(draft, draft.of_kind(MOMENT), lambda values: pa.array(_walls(values), pa.timestamp("ns")))
    draft.parquet_options["use_deprecated_int96_timestamps"] = True


_column("parquet_decimals", SECONDS, lambda values: pa.array(values, pa.decimal128(20, 6)), sources=CALLS)
_column(
    "parquet_durations", SECONDS, lambda values: _integers(values, pa.int64()).cast(pa.duration("s")), sources=CALLS
)
_column(
    "parquet_integers_as_floats",
    "segment_no",
    lambda values: pa.array(values, pa.int64()).cast(pa.float64()),
    sources=CALLS,
)


@kind(layer=LAYOUT, forms=(PARQUET,))
def parquet_dictionaries(draft: Draft) -> None:
    name = draft.pick(lambda _, spec: spec.kind == TEXT)
    _typed(draft, name, lambda values: pa.array(values, pa.string()).dictionary_encode())


@kind(layer=LAYOUT, forms=(PARQUET,))
def parquet_large_and_binary_texts(draft: Draft) -> None:
    name = draft.pick(lambda _, spec: spec.kind == TEXT)
    to = draft.rng.choice((pa.large_string(), pa.binary(), pa.string_view()))
    _typed(draft, name, lambda values: pa.array(values, pa.string()).cast(to))


@kind(layer=LAYOUT, forms=(PARQUET,))
def parquet_column_of_nothing(draft: Draft) -> None:
    kept = ("utc_offset_minutes", START.get(draft.source))
    name = draft.pick(lambda name, spec: not (spec.required or spec.required_when or name in kept))
    # A row that repeats another one may differ from it in this column alone.
    if any(row.verdict and (row.verdict[1] == name or row.verdict[0] in REPEATED) for row in draft.rows):
        raise Misfit
    _typed(draft, name, lambda values: pa.nulls(len(values), draft.rng.choice((pa.null(), pa.string(), pa.int32()))))
    for row in draft.rows:
        row.values[name] = None


@kind(layer=LAYOUT, forms=(PARQUET,))
def parquet_packed_otherwise(draft: Draft) -> None:
    draft.parquet_options.update(
        compression=draft.rng.choice(("zstd", "gzip", "none", "lz4", "brotli")),
        row_group_size=draft.rng.choice((1, 3, 1000)),
        data_page_version=draft.rng.choice(("1.0", "2.0")),
        use_dictionary=draft.rng.random() < 0.5,
    )


@kind(layer=LAYOUT, forms=(PARQUET,), slots=("rejected",))
def parquet_list_in_a_column(draft: Draft) -> None:
    name = draft.rng.choice(list(draft.fields))
    draft.arrays[name] = lambda values: pa.array([["a"] for _ in values], pa.list_(pa.string()))
    draft.rejected = frozenset({"nested_column"})


_column(
    "parquet_times_for_dates",
    DATE,
    lambda values: pa.array(values, pa.date32()).cast(pa.timestamp("ms")),
    sources=("published_figures",),
)


@kind(layer=LAYOUT, forms=(PARQUET,), sources=CALLS)
def parquet_times_of_day_for_durations(draft: Draft) -> None:
    to = draft.rng.choice((pa.time32("s"), pa.time32("ms"), pa.time64("us")))
    name = draft.of_kind(SECONDS)
    _typed(draft, name, lambda values: _integers(values, pa.int32()).cast(pa.time32("s")).cast(to))


@kind(layer=LAYOUT, forms=(PARQUET,), sources=("digital_contacts", "live_chats"))
def parquet_flags_as_numbers(draft: Draft) -> None:
    to = draft.rng.choice((pa.int8(), pa.uint64(), pa.float64()))
    _typed(draft, draft.of_kind(TRUTH), lambda values: _integers(values, to))


@kind(layer=LAYOUT, forms=(PARQUET,), sources=tuple(START), slots=("tail", "many"))
def parquet_dates_for_times(draft: Draft) -> None:
    name = draft.pick(lambda _, spec: spec.kind == MOMENT and spec.required)
    if any(row.is_touched for row in draft.rows) or name in draft.arrays:
        raise Misfit
    draft.arrays[name] = lambda values: pa.array([value.date() for value in values], pa.date32())
    for row in draft.rows:
        row.is_touched, row.verdict = True, ("no_time_of_day", name)


@kind(layer=LAYOUT, forms=(PARQUET,), sources=tuple(name for name in SOURCES if name != "crimes"), slots=("tail",))
def parquet_identifiers_as_numbers(draft: Draft) -> None:
    name = next(iter(SOURCES[draft.source]))
    numbers: dict[Any, int] = {}
    for row in draft.rows:
        numbers.setdefault(row.values.get(name), 10**15 + len(numbers))
    _typed(draft, name, lambda values: pa.array([int(value) for value in values], pa.int64()))
    for row in draft.rows:
        row.values[name] = str(numbers[row.values.get(name)])


@kind(layer=LAYOUT, forms=(PARQUET,), sources=tuple(START), slots=("parquet times",))
def parquet_times_in_the_doubled_hour(draft: Draft) -> None:
    start = START[draft.source]
    if not draft.native or start not in draft.fields:
        raise Misfit
    row = draft.fresh(lambda each: start not in each.cells)
    start_alone(draft, row, datetime(2022, 10, 30, 0, 30, tzinfo=UTC), None)
    row.is_ambiguous = True


@kind(layer=LAYOUT, forms=(PARQUET,))
def parquet_unknown_column_of_lists(draft: Draft) -> None:
    header = f"call history {draft.rng.randrange(1000)}"
    draft.columns.append(Column(header, header))
    draft.unknown.append(header)
    to = draft.rng.choice((pa.list_(pa.string()), pa.struct([("a", pa.string())]), pa.map_(pa.string(), pa.string())))
    value = [MARKER] if pa.types.is_list(to) else {"a": MARKER} if pa.types.is_struct(to) else [(MARKER, "a")]
    draft.arrays[header] = lambda values: pa.array([value for _ in values], to)


@kind(layer=LAYOUT, forms=(PARQUET,), sources=CALLS)
def parquet_numbers_of_all_widths(draft: Draft) -> None:
    numbers = (pa.int16(), pa.uint32(), pa.float32(), pa.decimal256(40, 2), pa.decimal128(19, 0))
    name, to = draft.pick(lambda _, spec: spec.kind in (SECONDS, NUMBER)), draft.rng.choice(numbers)
    _typed(draft, name, lambda values: _integers(values, pa.int64()).cast(to))


_column(
    "parquet_dates_of_64_bits",
    DATE,
    lambda values: pa.array(values, pa.date64()),
    sources=("published_figures",),
)


@kind(layer=LAYOUT, forms=(PARQUET,), slots=("tail",))
def parquet_texts_of_fixed_length(draft: Draft) -> None:
    name = next(iter(SOURCES[draft.source]))
    texts = [row.values.get(name) for row in draft.rows]
    if not texts or None in texts or len({len(text.encode()) for text in texts}) > 1:
        raise Misfit
    width = len(texts[0].encode())
    _typed(draft, name, lambda values: pa.array([value.encode() for value in values], pa.binary(width)))
