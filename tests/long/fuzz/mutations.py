"""First files, and ways to change them that know lines, cells and the members of a workbook. Nothing is read here."""

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
HEADER = ["call_id", "segment_no", "line", "arrived_at", "queue_seconds", "disposition", "talk_seconds", "operator_id"]
ROWS = [
    [f"c{i}", f"{i}", "999", f"2022-10-30 0{i % 10}:0{i % 6}:00", f"{i}m 5s", "answered", "01:07", PERSONAL_TEXT]
    for i in range(9)
]
# Bytes that mean something in a text, and characters that are more than one byte or none.
_TEXT_PARTS = [
    *(b",", b";", b"\t", b"|", b"\r", b"\n", b"\r\n", b"\n\n", b" ", b'"', b'""', b'",', b',"'),
    *(b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x85", b"\x81", b"\xa0", b"\xc2\xa0"),
    *(b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff\xfe", b"Total", b"Grand total"),
]
_XML_VALUES = [
    *(b"", b" ", b"\xff", b"\xc3\xa9", b"yyyy-mm-dd hh:mm"),
    *b"0 1 -1 14 22 1904 s e b d n str inlineStr true A0 A1 ZZZZ9 XFD1048576 99999999999999999999 1e308 NaN".split(),
    *b"#N/A 44864.5 2958466 -44864 &#0; &lt; ../../x rId1 Sheet1 [h]:mm:ss".split(),
]
_TAG = re.compile(rb"<[^<>]*>")
_ATTRIBUTE = re.compile(rb'="([^"]*)"')
_TEXT = re.compile(rb">([^<]+)<")
# Cells so far away that a parser without limit of memory would end this process; a run has them in one apart.
_FAR = re.compile(rb"""\sr\s*=\s*["'][^"']*(?:[A-Za-z]{3}|\d{5})""")


def first_texts() -> list[bytes]:
    """Return small valid extracts of every delimiter, line end and encoding."""
    found = []
    dialects = ((",", "\n", "utf-8"), (";", "\r\n", "utf-8-sig"), ("\t", "\n", "utf-16"), ("|", "\r", "cp1252"))
    for delimiter, end, encoding in dialects:
        lines = [delimiter.join(row) for row in [HEADER, *ROWS]]
        found.append((end.join(lines) + end).encode(encoding))
        quoted = [delimiter.join(f'"{cell}"' for cell in row) for row in [HEADER, *ROWS]]
        quoted[3] = quoted[3].replace("answered", f'a "" b{end}c{delimiter} é')
        found.append((end.join(["Report of calls", "", *quoted, f"Total{delimiter}9"])).encode(encoding))
    return found


def first_workbooks() -> list[bytes]:
    """Return small valid workbooks: texts, numbers under formats, formulas, errors, titles, both date systems."""
    return [_workbook(from_1904=from_1904, plain=plain) for from_1904 in (False, True) for plain in (False, True)]


def _workbook(*, from_1904: bool, plain: bool) -> bytes:
    sink = io.BytesIO()
    workbook = xlsxwriter.Workbook(sink, {"in_memory": True, "date_1904": from_1904})
    sheet = workbook.add_worksheet("calls")
    first = 0 if plain else 2
    for place, row in enumerate([HEADER, *ROWS], first):
        for column, cell in enumerate(row):
            sheet.write_string(place, column, cell)
    if not plain:
        moment, day, span, clock = (
            workbook.add_format({"num_format": text})
            for text in ("yyyy-mm-dd hh:mm:ss", "dd/mm/yyyy", "[h]:mm:ss", "mm:ss")
        )
        workbook.add_worksheet("notes").write(0, 0, "nothing here")
        sheet.merge_range(0, 0, 0, 3, "Report of calls")
        for place in range(first + 1, first + 1 + len(ROWS)):
            sheet.write_number(place, 1, place, (None, day, span, moment)[place % 4])
            sheet.write_number(place, 3, 44_864 + place / 7, (moment, moment, day, span, None)[place % 5])
            sheet.write_number(place, 4, place / 100, (span, span, clock, day, None)[place % 5])
            sheet.write_formula(place, 6, "=1+1", span, value=place / 50 if place % 2 else "")
        sheet.write_number(first + 2, 4, -5, span)
        sheet.write_formula(first + 3, 5, "=NA()", value="#N/A")
        sheet.write_blank(first + 4, 5, None, day)
        sheet.write_boolean(first + 5, 1, True)
        sheet.write_datetime(first + 6, 4, datetime.time(0, 4, 56), clock)
        sheet.write(first + len(ROWS) + 2, 0, "Total")
    workbook.close()
    return sink.getvalue()


def changed_text(data: bytes, most: int, chance: random.Random, mutate: Mutate) -> bytes:
    """Return a text with some parts put in or taken out, a line repeated, or bytes changed."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        match chance.randrange(4):
            case 0:
                data = mutate(data, most)
            case 1:
                part = chance.choice(_TEXT_PARTS) * chance.choice((1, 1, 1, 2, 3, 60))
                data = data[:start] + part + data[start + chance.randrange(3) :]
            case 2:
                lines = data.splitlines(keepends=True)
                lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines or [b""]))
                data = b"".join(lines)
            case 3:
                data = data[:start] + data[min(end, start + 40) :]
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
    # Mostly a sheet, which holds most of what can be read in another way.
    name = chance.choice([name for name in members if "worksheets/" in name or chance.randrange(3) == 0] or [*members])
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
        if not _FAR.search(changed):
            try:
                expat.ParserCreate().Parse(changed, True)
                return changed
            except (expat.ExpatError, LookupError, ValueError):
                if chance.randrange(20) == 0:
                    return changed
    return xml


def _with_change(xml: bytes, chance: random.Random, mutate: Mutate) -> bytes:
    way = chance.choice(("bytes", "attribute", "text", "tag", "part"))
    pattern = {"attribute": _ATTRIBUTE, "text": _TEXT}.get(way, _TAG)
    found = list(pattern.finditer(xml))
    if way == "bytes" or not found:
        return mutate(xml, len(xml) + 200)
    match, other = chance.choice(found), chance.choice(found)
    if way in ("attribute", "text"):
        return xml[: match.start(1)] + chance.choice(_XML_VALUES) + xml[match.end(1) :]
    if way == "tag":
        return xml[: match.start()] + match[0] * chance.choice((0, 2)) + xml[match.end() :]
    # From one tag to another: taken out, or moved.
    low, high = min(match.start(), other.start()), max(match.end(), other.end())
    rest, at = xml[:low] + xml[high:], chance.choice(found).start()
    return rest[:at] + xml[low:high] * chance.randrange(2) + rest[at:]
