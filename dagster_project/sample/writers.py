"""Write the rows of one file in a given style: CSV, JSON Lines, XLSX and Parquet. Draws nothing."""

import csv
import datetime as dt
import io
import json
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xlsxwriter

from dagster_project.contracts import CellType
from dagster_project.sample.deliveries import WIDTH, Deliveries
from dagster_project.sample.draws import texts, where_true
from dagster_project.sample.styles import Durations, Names, Stamp, Style
from dagster_project.sample.timeline import DAY, NONE, Array, Timeline

_SHORT_NAMES = {"call_id": "UCID"}
_UNKNOWN_VALUES = {
    "caller_name": ("Sample Caller", "Sample, Caller", ""),
    "sender_email": ("sample@example.org", "sender@example.com", ""),
    "location_text": ("Caf\u00e9 Sample, High Street", "St Sample\u2019s Road", ""),
    "visitor_name": ("Sample Visitor", "", "S. Visitor"),
    "victim_name": ("Sample Victim", "", "S. Victim"),
}
_FORMATS = {
    Stamp.ISO: "%Y-%m-%dT%H:%M:%S",
    Stamp.SPACED: "%Y-%m-%d %H:%M:%S",
    Stamp.OFFSET: "%Y-%m-%dT%H:%M:%S",
    Stamp.ZULU: "%Y-%m-%dT%H:%M:%SZ",
    Stamp.BRITISH: "%d/%m/%Y %H:%M:%S",
    Stamp.BRITISH_MINUTES: "%d/%m/%Y %H:%M",
}
# Days from Excel's first serial date to 1970.
_EXCEL_EPOCH = 25_569
# A workbook contains its creation time; the current time would make every sample different.
_CREATED = dt.datetime(2023, 2, 1, 4, 0, tzinfo=dt.UTC)


def content_of(rows: Deliveries, *, style: Style, timeline: Timeline) -> bytes:
    """Return the bytes of a file of these rows."""
    table = _table(rows, style=style)
    if style.is_csv:
        content = _csv(table, style=style, timeline=timeline)
        return gzipped(content) if style.extension == "csv.gz" else content
    if style.extension == "jsonl":
        return _jsonl(table, style=style, timeline=timeline)
    if style.extension == "xlsx":
        return _xlsx(table, style=style, timeline=timeline)
    return _parquet(table, style=style, timeline=timeline)


def gzipped(content: bytes) -> bytes:
    """Compress without time or system in the header, which differ between Python versions."""
    packer = zlib.compressobj(4, zlib.DEFLATED, -zlib.MAX_WBITS)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    tail = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return header + packer.compress(content) + packer.flush() + tail


def _table(table: Deliveries, *, style: Style) -> Deliveries:
    """Give the rows of a file its columns, in their order; an unknown column is text."""
    without = {*style.without}
    types, columns = dict(table.types), dict(table.columns)
    names = [name for name in types if name not in without]
    names = names[style.turn :] + names[: style.turn]
    if style.unknown:
        names.insert(2, style.unknown)
        types[style.unknown] = CellType.TEXT
        values = [value or None for value in _UNKNOWN_VALUES[style.unknown]]
        columns[style.unknown] = np.array(values, dtype=object)[np.arange(len(table)) % len(values)]
    table.types = {name: types[name] for name in names}
    table.columns = {name: columns[name] for name in names}
    return table


def _spelled(name: str, names: Names) -> str:
    words = name.split("_")
    title = " ".join(words).title()
    return {
        Names.SNAKE: name,
        Names.TITLE: title,
        Names.SHORT: _SHORT_NAMES.get(name, title),
        Names.UPPER: name.upper(),
        Names.DASHED: "-".join(words),
        Names.CAMEL: words[0] + "".join(word.title() for word in words[1:]),
    }[names]


def _stamps(instants: Array, stamp: Stamp, *, timeline: Timeline) -> list[str]:
    clock = instants if stamp is Stamp.ZULU else timeline.local(instants)
    stamps: list[str] = pc.strftime(pa.array(clock, pa.timestamp("s")), _FORMATS[stamp]).to_pylist()
    if stamp is Stamp.OFFSET:
        zones = ["+01:00" if offset else "+00:00" for offset in timeline.offset(instants).tolist()]
        return [text + zone for text, zone in zip(stamps, zones, strict=True)]
    return stamps


@cache
def _duration(tenths: int, durations: Durations, thousands: bool) -> str:
    seconds, tenth = divmod(tenths, 10)
    minutes, second = divmod(seconds, 60)
    if durations is Durations.SECONDS:
        return (f"{seconds:,}" if thousands else f"{seconds}") + (f".{tenth}" if tenth else "")
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"
    if durations is Durations.CLOCK:
        return f"{minutes:02d}:{second:02d}"
    return f"{minutes}m {second}s" if minutes else f"{second}s"


def _texts(table: Deliveries, name: str, *, style: Style, timeline: Timeline) -> list[Any]:
    """Return the cells of a column as text, None for no value; a boolean is one if the style has no word for it."""
    kind, values = table.types[name], table.columns[name]
    if kind is CellType.TEXT:
        cells = values.copy()
    else:
        is_known = values != NONE
        cells = texts([None] * len(values))
        cells[is_known] = texts(_known(kind, values[is_known], style=style, timeline=timeline))
    for place, fault in table.faults.items():
        if name in fault:
            cells[place] = fault[name]
    return cells.tolist()


def _known(kind: CellType, values: Array, *, style: Style, timeline: Timeline) -> list[Any]:
    if kind is CellType.TIMESTAMP:
        return _stamps(values, style.stamp, timeline=timeline)
    if kind is CellType.SECONDS:
        return [_duration(value, style.durations, style.thousands) for value in values.tolist()]
    if kind is CellType.BOOLEAN:
        words = (style.no, style.yes) if style.yes else (False, True)
        return [words[value] for value in values.tolist()]
    return [str(value) for value in values.tolist()]


def _csv(table: Deliveries, *, style: Style, timeline: Timeline) -> bytes:
    columns = [
        [style.null if cell is None else cell for cell in _texts(table, name, style=style, timeline=timeline)]
        for name in table.types
    ]
    rows = [list(cells) for cells in zip(*columns, strict=True)]
    for place, fault in table.faults.items():
        if width := int(fault.get(WIDTH, 0)):
            rows[place] = rows[place][:width] if width < 0 else [*rows[place], *["0"] * width]
    # A row of one empty cell would be two quotes.
    above = [[line] if line else [] for line in style.preamble]
    header = [_spelled(name, style.names) for name in table.types]
    total = [[style.total, str(len(table)), *[""] * (len(columns) - 2)]] if style.total else []
    content = io.StringIO(newline="")
    csv.writer(content, delimiter=style.delimiter, lineterminator=style.newline).writerows(
        [*above, header, *rows, *total]
    )
    return content.getvalue().encode(style.encoding)


def _jsonl(table: Deliveries, *, style: Style, timeline: Timeline) -> bytes:
    names = [_spelled(name, style.names) for name in table.types]
    columns = [
        [style.null or None if cell is None else cell for cell in _texts(table, name, style=style, timeline=timeline)]
        for name in table.types
    ]
    records = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if style.omits_nulls:
        records = [{name: value for name, value in record.items() if value is not None} for record in records]
    return "".join([f"{json.dumps(record)}\n" for record in records]).encode()


def _xlsx(table: Deliveries, *, style: Style, timeline: Timeline) -> bytes:
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    workbook = xlsxwriter.Workbook(content, options)
    workbook.set_properties({"title": "Synthetic sample", "created": _CREATED.replace(tzinfo=None)})
    formats = {CellType.TIMESTAMP: workbook.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})}
    clock = workbook.add_format({"num_format": "[h]:mm:ss"})
    if style.durations is Durations.CLOCK:
        formats[CellType.SECONDS] = clock
    if style.cover_sheet:
        notes = workbook.add_worksheet("Notes")
        for row, line in enumerate(("Synthetic sample", "The rows are on the other sheet.")):
            notes.write_string(row, 0, line)
    sheet = workbook.add_worksheet("Extract")
    for row, line in enumerate(style.preamble):
        sheet.write_string(row, 0, line)
    top = len(style.preamble)
    for position, (name, kind) in enumerate(table.types.items()):
        sheet.write_string(top, position, _spelled(name, style.names))
        shown = formats.get(kind)
        for place, value in enumerate(_cell_values(table, name, style=style, timeline=timeline)):
            cell = table.faults.get(place, {}).get(name, value)
            if cell is None:
                cell = style.null or None
            sheet.write(top + 1 + place, position, cell, shown if isinstance(cell, int | float) else None)
    if style.total:
        sheet.write_string(top + 1 + len(table), 0, style.total)
        sheet.write_number(top + 1 + len(table), 1, len(table))
    workbook.close()
    return content.getvalue()


def _cell_values(table: Deliveries, name: str, *, style: Style, timeline: Timeline) -> list[Any]:
    """Return the values of a column as in a workbook: seconds, serial numbers of local time; None for no value."""
    kind, values = table.types[name], table.columns[name]
    if kind is CellType.TEXT:
        return values.tolist()
    missing = values == NONE
    if kind is CellType.TIMESTAMP:
        numbers = _EXCEL_EPOCH + timeline.local(np.where(missing, timeline.begin, values)) / DAY
    elif kind is CellType.SECONDS:
        numbers = values / 10 / DAY if style.durations is Durations.CLOCK else values / 10
    elif kind is CellType.BOOLEAN:
        numbers = values == 1 if style.yes == "TRUE" else np.where(values, style.yes, style.no)
    else:
        numbers = values
    return where_true(~missing, numbers).tolist()


def _parquet(table: Deliveries, *, style: Style, timeline: Timeline) -> bytes:
    arrays = {}
    for name, kind in table.types.items():
        values = table.columns[name]
        missing = values == NONE
        if kind is CellType.TEXT:
            array = pa.array(_texts(table, name, style=style, timeline=timeline), pa.string())
        elif kind is CellType.TIMESTAMP:
            clock = values if style.with_zone else timeline.local(np.where(missing, timeline.begin, values))
            zone = "UTC" if style.with_zone else None
            array = pa.array(clock * 1_000_000, pa.int64(), mask=missing).cast(pa.timestamp("us", zone))
        else:
            numbers = {CellType.BOOLEAN: values == 1, CellType.SECONDS: values / 10}.get(kind, values)
            array = pa.array(numbers, mask=missing)
        arrays[_spelled(name, style.names)] = array
    content = io.BytesIO()
    pq.write_table(pa.table(arrays), content)
    return content.getvalue()
