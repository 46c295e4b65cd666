"""First files, and ways to change them that know lines, cells and the members of a workbook. Nothing is read here."""

from __future__ import annotations

import datetime
import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable
from xml.parsers import expat

import xlsxwriter

from tests.long.fuzz.reader_rules import PERSONAL_TEXT

Mutate = Callable[[bytes, int], bytes]
"""Changes some bytes, and makes no more than so many of them."""

HEADER = ["call_id", "segment_no", "line", "arrived_at", "queue_seconds", "disposition", "talk_seconds", "operator_id"]
ROWS = [
    [f"c{i}", f"{i}", "999", f"2022-10-30 0{i % 10}:0{i % 6}:00", f"{i}m 5s", "answered", "01:07", PERSONAL_TEXT]
    for i in range(9)
]
# Bytes that mean something in a text, and characters that are more than one byte or none.
_TEXT_PARTS = [
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"|",
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xa0",
    b"\xc2\xa0",
    b"Total",
    b"Grand total",
    b"\xe2\x80\xa8",
    b"\xff\xfe",
    b"\x81",
    b"\x0b",
    b"\x0c",
    b"\x1c",
    b"\x85",
    b'",',
    b',"',
    b" ",
]
_XML_VALUES = [
    b"0",
    b"1",
    b"-1",
    b"",
    b"s",
    b"e",
    b"b",
    b"str",
    b"inlineStr",
    b"d",
    b"n",
    b"A1",
    b"XFD1048576",
    b"ZZZZ9",
    b"A0",
    b"99999999999999999999",
    b"1e308",
    b"NaN",
    b"#N/A",
    b"44864.5",
    b"2958466",
    b"-44864",
    b"&#0;",
    b"&lt;",
    b"\xff",
    b"../../x",
    b"true",
    b"14",
    b"22",
    b"yyyy-mm-dd hh:mm",
    b"[h]:mm:ss",
    b"1904",
    b"rId1",
    b"Sheet1",
    b"\xc3\xa9",
    b" ",
]
_TAG = re.compile(rb"<[^<>]*>")
_ATTRIBUTE = re.compile(rb'="([^"]*)"')
_TEXT = re.compile(rb">([^<]+)<")
# Cells so far away that a parser without limit of memory would end this process; a run has them in one apart.
_FAR = re.compile(rb"""\sr\s*=\s*["'][^"']*(?:[A-Za-z]{3}|\d{5})""")


def first_texts() -> list[bytes]:
    """Small valid extracts of every delimiter, line end and encoding."""
    found = []
    for delimiter, end, encoding in [
        (",", "\n", "utf-8"),
        (";", "\r\n", "utf-8-sig"),
        ("\t", "\n", "utf-16"),
        ("|", "\r", "cp1252"),
        (",", "\r\n", "utf-8"),
    ]:
        lines = [delimiter.join(row) for row in [HEADER, *ROWS]]
        found.append((end.join(lines) + end).encode(encoding))
        quoted = [delimiter.join(f'"{cell}"' for cell in row) for row in [HEADER, *ROWS]]
        quoted[3] = quoted[3].replace("answered", f'a "" b{end}c{delimiter} é')
        found.append((end.join(["Report of calls", "", *quoted, f"Total{delimiter}9"])).encode(encoding))
    return found


def first_workbooks() -> list[bytes]:
    """Small valid workbooks: texts, numbers under formats, formulas, errors, titles, both date systems."""
    return [_workbook(from_1904=from_1904, plain=plain) for from_1904 in (False, True) for plain in (False, True)]


def _workbook(*, from_1904: bool, plain: bool) -> bytes:
    sink = io.BytesIO()
    workbook = xlsxwriter.Workbook(sink, {"in_memory": True, "date_1904": from_1904})
    moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    day, span = workbook.add_format({"num_format": "dd/mm/yyyy"}), workbook.add_format({"num_format": "[h]:mm:ss"})
    clock = workbook.add_format({"num_format": "mm:ss"})
    sheet = workbook.add_worksheet("calls")
    first = 0
    if not plain:
        workbook.add_worksheet("notes").write(0, 0, "nothing here")
        sheet.merge_range(0, 0, 0, 3, "Report of calls")
        first = 2
    for column, name in enumerate(HEADER):
        sheet.write(first, column, name)
    for place, row in enumerate(ROWS, first + 1):
        for column, cell in enumerate(row):
            sheet.write_string(place, column, cell)
        if not plain:
            sheet.write_number(place, 1, place, (None, day, span, moment)[place % 4])
            sheet.write_number(place, 3, 44_864 + place / 7, (moment, moment, day, span, None)[place % 5])
            sheet.write_number(place, 4, place / 100, (span, span, clock, day, None)[place % 5])
            sheet.write_formula(place, 6, "=1+1", span, value=place / 50 if place % 2 else "")
    if not plain:
        sheet.write_number(first + 2, 4, -5, span)
        sheet.write_formula(first + 3, 5, "=NA()", value="#N/A")
        sheet.write_blank(first + 4, 5, None, day)
        sheet.write_boolean(first + 5, 1, True)
        sheet.write_datetime(first + 6, 4, datetime.time(0, 4, 56), clock)
        sheet.write(first + len(ROWS) + 2, 0, "Total")
    workbook.close()
    return sink.getvalue()


def changed_text(data: bytes, most: int, chance: random.Random, mutate: Mutate) -> bytes:
    """A text with some parts put in, lines moved or bytes changed."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        way = chance.randrange(5)
        if way == 0:
            data = mutate(data, most)
        elif way == 1:
            at = chance.randrange(len(data) + 1)
            data = data[:at] + chance.choice(_TEXT_PARTS) + data[at + chance.randrange(3) :]
        elif way == 2:
            lines = data.splitlines(keepends=True)
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines or [b""]))
            data = b"".join(lines)
        elif way == 3:
            start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
            data = data[:start] + data[min(end, start + 40) :]
        else:
            at = chance.randrange(len(data) + 1)
            data = data[:at] + chance.choice(_TEXT_PARTS) * chance.choice((2, 3, 60)) + data[at:]
    return data[:most]


def changed_workbook(data: bytes, most: int, chance: random.Random, mutate: Mutate) -> bytes:
    """A workbook with one of its members changed; sometimes the bytes of the container itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            members = {member.filename: container.read(member) for member in container.infolist()}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError):
        members = {}
    if not members or chance.randrange(10) == 0:
        return mutate(data, most)
    sheets = [name for name in members if "worksheets/" in name]
    told = [name for name in members if name.endswith(("sharedStrings.xml", "styles.xml", "workbook.xml", ".rels"))]
    name = chance.choice(
        chance.choice([sheets or list(members), sheets or list(members), told or list(members), list(members)])
    )
    if chance.randrange(40) == 0:
        del members[name]
    else:
        for _ in range(chance.choice((1, 1, 2, 5))):
            members[name] = _changed_xml(members[name], chance, mutate)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as container:
        for member, content in members.items():
            container.writestr(zipfile.ZipInfo(member), content)
    packed = sink.getvalue()
    return packed if len(packed) <= most else data


def _changed_xml(xml: bytes, chance: random.Random, mutate: Mutate) -> bytes:
    # XML that is none is refused at once, and teaches nothing more after some hundred times.
    for _ in range(8):
        changed = _with_change(xml, chance, mutate)
        if not _FAR.search(changed) and (_is_xml(changed) or chance.randrange(20) == 0):
            return changed
    return xml


def _is_xml(text: bytes) -> bool:
    try:
        expat.ParserCreate().Parse(text, True)
    except (expat.ExpatError, LookupError, ValueError):
        return False
    return True


def _with_change(xml: bytes, chance: random.Random, mutate: Mutate) -> bytes:
    way = chance.randrange(6)
    if way == 0:
        return mutate(xml, len(xml) + 200)
    pattern = {1: _ATTRIBUTE, 2: _ATTRIBUTE, 3: _TEXT}.get(way, _TAG)
    found = list(pattern.finditer(xml))
    if not found:
        return xml
    match = chance.choice(found)
    start, end = match.span(1 if pattern.groups else 0)
    if way <= 3:
        return xml[:start] + chance.choice(_XML_VALUES) + xml[end:]
    if way == 4:
        return xml[:start] + xml[end:] if chance.randrange(2) else xml[:end] + match[0] + xml[end:]
    # From one tag to another: taken out, or moved.
    other = chance.choice(found)
    low, high = min(start, other.start()), max(end, other.end())
    part, rest = xml[low:high], xml[:low] + xml[high:]
    if chance.randrange(2):
        return rest
    at = chance.choice(found).start()
    return rest[:at] + part + rest[at:]
