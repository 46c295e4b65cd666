"""Drafts as bytes, by writers of their own for each format; every row learns its number in the file."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from tests.reference.drafts import (
    CSV,
    CSV_GZ,
    DATE,
    JSONL,
    MOMENT,
    MONTH,
    NUMBER,
    SECONDS,
    SOURCES,
    TRUTH,
    XLSX,
    Draft,
    Row,
    local_of,
)

_LINE_END = re.compile(r"\r\n|\r|\n")
# What stands for the value of a formula until it is taken out of the finished workbook.
_NO_VALUE = 987654321


@dataclass(frozen=True)
class Number:
    """A sheet cell with a number under a number format."""

    value: float
    shown_as: str = "General"


@dataclass(frozen=True)
class Formula:
    """A sheet cell with a formula and the value that was saved for it; None: none was."""

    text: str
    value: str | float | None


@dataclass(frozen=True)
class Rich:
    """A sheet cell with text in two fonts."""

    bold: str
    plain: str


@dataclass(frozen=True)
class Wall:
    """A sheet cell with a date cell of this clock time."""

    value: Any
    shown_as: str = "dd/mm/yyyy hh:mm:ss"


def written(draft: Draft) -> bytes:
    """The content of the file; the rows of the draft get their numbers."""
    write = {CSV: _csv, CSV_GZ: _csv, XLSX: _xlsx, JSONL: _jsonl}.get(draft.form, _parquet)
    content = write(draft)
    if draft.form == CSV_GZ:
        content = gzip.compress(content, compresslevel=1, mtime=0)
    for hook in draft.byte_hooks:
        content = hook(content)
    return content


def _encoded(draft: Draft, text: str) -> bytes:
    return draft.byte_order_mark + text.encode(draft.encoding)


def quoted(text: str, draft: Draft) -> str:
    """A cell of delimited text, in quotes where it needs them or the style has them."""
    needs = any(sign in text for sign in (draft.delimiter, '"', "\n", "\r"))
    if needs or draft.quoting == "all" or (draft.quoting == "some" and draft.rng.random() < 0.05):
        return '"' + text.replace('"', '""') + '"'
    return text


def _csv(draft: Draft) -> bytes:
    lines: list[str] = []
    rows: dict[int, Row] = {}
    put = lines.append

    for cells in draft.preamble:
        put(draft.delimiter.join(quoted(cell, draft) for cell in cells))
    if draft.has_header:
        headings = [quoted(column.header, draft) for column in draft.columns]
        put(draft.header_line(headings, draft.delimiter) if draft.header_line else draft.delimiter.join(headings))
    for row in draft.rows:
        for line in row.above:
            put(line)
        cells = [quoted(draft.text_of(row, column.name), draft) for column in draft.columns]
        rows[len(lines)] = row
        put(row.line(cells, draft.delimiter) if row.line else draft.delimiter.join(cells))
    for cells in draft.below:
        put(draft.delimiter.join(quoted(cell, draft) for cell in cells))
    text, number = "", 1
    for place, line in enumerate(_ended(lines, draft)):
        if place in rows:
            # Counted from row to row: a blank line may share its line end with the line before.
            number += len(_LINE_END.findall(text))
            rows[place].number, text = number, ""
        text += line
    return _encoded(draft, "".join(_ended(lines, draft)))


def _ended(lines: list[str], draft: Draft) -> list[str]:
    """Lines with their ends."""
    ended = [line + draft.newlines[i % len(draft.newlines)] for i, line in enumerate(lines)]
    if not draft.ends_with_newline and lines:
        ended[-1] = lines[-1]
    return ended


def _jsonl(draft: Draft) -> bytes:
    lines: list[str] = []
    numbers = count(1)
    for row in draft.rows:
        lines.extend(row.above)
        row.number = next(numbers)
        record = {column.header: _json_value(draft, row, column.name) for column in draft.columns}
        text = row.record(record) if row.record else json.dumps(record, ensure_ascii=draft.rng.random() < 0.5)
        lines.append(text)
    for cells in draft.below:
        known = {column.header: cell for column, cell in zip(draft.columns, cells, strict=False)}
        lines.append(json.dumps(known) if any(cells) else "")
    return _encoded(draft, "".join(_ended(lines, draft)))


def _json_value(draft: Draft, row: Row, name: str) -> Any:
    if name in row.cells:
        return row.cells[name]
    value, spec = row.values.get(name), SOURCES[draft.source].get(name)
    if not draft.native or spec is None or spec.kind in (MOMENT, DATE, MONTH):
        return draft.text_of(row, name) if value is not None or draft.rng.random() < 0.5 else None
    if isinstance(value, Decimal):
        if draft.seconds != "plain":
            return draft.text_of(row, name)
        return int(value) if value == int(value) else float(value)
    if name in ("line", "report_channel") and value and value.isdigit():
        return int(value)
    return value


def _parquet(draft: Draft) -> bytes:
    for number, row in enumerate(draft.rows, start=1):
        row.number = number
    arrays = [_array(draft, column.name) for column in draft.columns]
    for cells in draft.below:
        texts = dict(zip(range(len(arrays)), cells, strict=False))
        arrays = [pa.concat_arrays([array, _cell(texts.get(i), array.type)]) for i, array in enumerate(arrays)]
    sink = io.BytesIO()
    table = pa.Table.from_arrays(arrays, names=[column.header for column in draft.columns])
    pq.write_table(table, sink, **{"row_group_size": 11, **draft.parquet_options})
    return sink.getvalue()


def _cell(text: str | None, kind: pa.DataType) -> pa.Array:
    try:
        return pa.array([text], pa.string()).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(1, kind)


def _array(draft: Draft, name: str) -> pa.Array:
    spec, values = SOURCES[draft.source].get(name), [row.values.get(name) for row in draft.rows]
    if name in draft.arrays:
        return draft.arrays[name](values)
    is_spelt = any(name in row.cells for row in draft.rows)
    if not draft.native or is_spelt or spec is None:
        return pa.array([draft.text_of(row, name) or None for row in draft.rows], pa.string())
    if spec.kind == MOMENT:
        return pa.array([value and local_of(value) for value in values], pa.timestamp("us"))
    if spec.kind == SECONDS:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if spec.kind == MONTH:
        return pa.array([value and f"{value:%Y-%m}" for value in values], pa.string())
    return pa.array(values, {NUMBER: pa.int64(), TRUTH: pa.bool_(), DATE: pa.date32()}.get(spec.kind, pa.string()))


def _xlsx(draft: Draft) -> bytes:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True, "date_1904": draft.is_1904})
    sheet = book.add_worksheet("Data")
    formats: dict[str, Any] = {}
    bold = book.add_format({"bold": True})

    def shown_as(code: str) -> Any:
        if code not in formats:
            formats[code] = book.add_format({"num_format": code})
        return formats[code]

    for hook in draft.sheet_hooks:
        hook(book, sheet)
    at = -1
    for at, cells in enumerate(draft.preamble):
        for column, cell in enumerate(cells):
            sheet.write_string(at, draft.left + column, cell)
    if draft.has_header:
        at += 1
        for column, heading in enumerate(draft.columns):
            sheet.write_string(at, draft.left + column, heading.header)
    for row in draft.rows:
        at += 1 + len(row.above)
        row.number = at + 1
        for column, heading in enumerate(draft.columns):
            value = _sheet_value(draft, row, heading.name)
            if isinstance(value, Rich):
                sheet.write_rich_string(at, draft.left + column, bold, value.bold, value.plain)
            else:
                _write_cell(sheet, at, draft.left + column, value, shown_as)
        _write_cell(sheet, at, draft.left + len(draft.columns) + 1, row.beyond, shown_as)
    for cells in draft.below:
        at += 1
        for column, cell in enumerate(cells):
            if cell:
                sheet.write_string(at, draft.left + column, cell)
    book.close()
    return _without_values(sink.getvalue())


def _sheet_value(draft: Draft, row: Row, name: str) -> Any:
    if name in row.cells:
        return row.cells[name]
    value, spec = row.values.get(name), SOURCES[draft.source].get(name)
    if not draft.native or spec is None or spec.kind == MONTH or value is None:
        return draft.text_of(row, name)
    if spec.kind == MOMENT:
        return Wall(local_of(value))
    if spec.kind == DATE:
        return Wall(value, "dd/mm/yyyy")
    if spec.kind == SECONDS:
        return Number(float(value)) if draft.seconds == "plain" else Number(float(value) / 86400, "[h]:mm:ss")
    if spec.kind == NUMBER or (name in ("line", "report_channel") and str(value).isdigit()):
        return Number(int(value))
    return value if spec.kind == TRUTH else draft.text_of(row, name)


def _write_cell(sheet: Any, row: int, column: int, value: Any, shown_as: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, Number):
        sheet.write_number(row, column, value.value, shown_as(value.shown_as) if value.shown_as != "General" else None)
    elif isinstance(value, Wall):
        sheet.write_datetime(row, column, value.value, shown_as(value.shown_as))
    elif isinstance(value, Formula):
        sheet.write_formula(row, column, value.text, None, _NO_VALUE if value.value is None else value.value)
    elif value:
        sheet.write_string(row, column, str(value))


def _without_values(content: bytes) -> bytes:
    """The workbook without the values that stand for none; XlsxWriter always saves one."""
    none = f"<v>{_NO_VALUE}</v>".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        members = {info: old.read(info) for info in old.infolist()}
        if not any(none in data for data in members.values()):
            return content
        for info, data in members.items():
            new.writestr(info, data.replace(none, b""))
    return out.getvalue()
