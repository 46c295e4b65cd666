"""Workbooks: how cells become text, which sheet and rows are read, and which containers are refused."""

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from dagster_project.contracts import CellType, Column
from dagster_project.extracts import reading, sheet, workbook
from dagster_project.extracts.xlsx import XlsxReader
from tests.unit.extracts.visits import NAMES, VISITS, read, refusal, repacked, rows_of, rows_or_code

DATE, DATE_TIME, TIME, HOURS = "dd/mm/yyyy", "dd/mm/yyyy hh:mm:ss", "hh:mm:ss", "[h]:mm:ss"
MIDNIGHT = dt.datetime(2022, 10, 30)  # noqa: DTZ001 - Excel knows no time zone
MOMENT = dt.datetime(2022, 10, 30, 1, 2, 3)  # noqa: DTZ001
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
SHARE = Column("share", CellType.DECIMAL, "", precision=5, scale=2, maximum=Decimal(100))
RATIO = Column("ratio", CellType.DECIMAL, "", precision=5, scale=2, maximum=Decimal(1))
FINE = Column("fine", CellType.DECIMAL, "", precision=38, scale=30, maximum=Decimal(100))
COUNT = Column("count", CellType.INTEGER, "")
WIDE = replace(VISITS, columns=(*VISITS.columns, SHARE, RATIO, FINE, COUNT))


def written(
    folder: Path,
    *rows: list[Any],
    header: tuple[str, ...] = NAMES,
    first: tuple[int, int] = (0, 0),
    sheets: tuple[str, ...] = ("Data",),
    from_1904: bool = False,
) -> Path:
    """A workbook; a cell of (value, number format) has that format, and every sheet has the same rows."""
    path = folder / "v.xlsx"
    book = xlsxwriter.Workbook(path, {"strings_to_formulas": False, "date_1904": from_1904})
    formats: dict[str, Any] = {}
    for name in sheets:
        page = book.add_worksheet(name)
        for i, row in enumerate([list(header), *rows]):
            for j, cell in enumerate(row):
                value, shown = cell if isinstance(cell, tuple) else (cell, None)
                if shown is not None and shown not in formats:
                    formats[shown] = book.add_format({"num_format": shown})
                if value is not None:
                    page.write(first[0] + i, first[1] + j, value, formats.get(shown))
    book.close()
    return path


def changed(path: Path, member: str, change: Callable[[str], str], **extra: str) -> Path:
    """The workbook with one member rewritten and others added."""

    def rewrite(parts: dict[str, bytes]) -> None:
        parts[member] = change(parts[member].decode()).encode()
        parts.update({name: text.encode() for name, text in extra.items()})

    return repacked(path, rewrite)


CELLS: dict[str, list[tuple[Any, str]]] = {
    "note": [
        (" text ", "text"),
        (3.0, "3"),
        (0.5, "0.5"),
        (1e-7, "0.0000001"),
        (True, "true"),
        (False, "false"),
        ((0.0116, "0.00%"), "1.16%"),
        ((0.28999999999999998, 9), "29%"),
        ((0.011649, "#,##0.00%;-0.00%"), "1.16%"),
        ((-0.00125, "0.0 %"), "-0.1%"),
        ((0.5, '0.0"%"'), "0.5"),
        ((0.5, r"0.0\%"), "0.5"),
        ((1e14, "0.00%"), "100000000000000"),
        ((0.5, f"0.{'0' * 200}%"), "50.000000000000000%"),
        ((MOMENT, DATE_TIME), "2022-10-30 01:02:03"),
        ((MOMENT.replace(microsecond=456_000), DATE_TIME), "2022-10-30 01:02:03.456000"),
        ((MIDNIGHT, DATE), "2022-10-30"),
        ((dt.time(0, 4, 56), TIME), "0:04:56"),
        ((1.25, HOURS), "30:00:00"),
        ((0.25, DATE_TIME), "6:00:00"),
        ((MOMENT, TIME), "2022-10-30 01:02:03"),
    ],
    # A number is a day fraction if its format shows a time, and else a number.
    "stay": [
        (296.5, "296.5"),
        ((dt.time(0, 4, 56), TIME), "0:04:56"),
        ((0, HOURS), "0:00:00"),
        ((1e9, HOURS), "24000000000:00:00"),
        ((1, DATE_TIME), "24:00:00"),
        ((0.0625, 45), "1:30:00"),
        ((-0.5, HOURS), "-0.5"),
        ((39, DATE), "39"),
        ((61, 14), "61"),
    ],
    "count": [((2, DATE), "2"), ((60, DATE), "60"), ((61, DATE), "61"), ((2, HOURS), "2"), ((400, DATE_TIME), "400")],
    "begun_at": [
        ((44640.5, HOURS), "44640.5"),
        ((MOMENT, DATE_TIME), "2022-10-30 01:02:03"),
        ((MIDNIGHT, DATE_TIME), "2022-10-30 00:00:00"),
        ((MIDNIGHT, 22), "2022-10-30 00:00:00"),
        ((MIDNIGHT, DATE), "2022-10-30"),
        ((MIDNIGHT, 14), "2022-10-30"),
        ((MIDNIGHT, '[$-809]dd mmmm yyyy "hrs"'), "2022-10-30"),
    ],
    "day": [
        ((MIDNIGHT, DATE_TIME), "2022-10-30"),
        ((dt.date(9999, 12, 31), DATE), "9999-12-31"),
        ((4e6, DATE), "4000000"),
    ],
    # Shown as a percentage, it is one in a column of percentages: with the decimals of the column, or more if shown.
    "share": [
        ((0.4712, "0%"), "47.12"),
        (47.12, "47.12"),
        ((6001 / 7013, "0.00%"), "85.57"),
        ((6001 / 7013, "0.000%"), "85.570"),
        ((1 - 0.0843, "0.00%"), "91.57"),
        ((-0.00005, "0.00%"), "-0.01"),
        ((9.9e8, "0.00%"), "99000000000.00"),
        ((1e9, "0.00%"), "1000000000"),
    ],
    "ratio": [((0.47, "0%"), "0.47")],
    "fine": [((9.1e8 / 7, "0.00%"), "13000000000.000000000000000")],
}


@pytest.mark.parametrize("from_1904", [False, True])
@pytest.mark.parametrize("column", CELLS)
@pytest.mark.parametrize("left", [0, 2])
def test_cells_become_text(tmp_path, column, from_1904, left):
    header = (*NAMES[:3], *({column} - {*NAMES[:3]}))
    rows = [list((dict.fromkeys(header, "x") | {column: cell}).values()) for cell, _ in CELLS[column]]
    # Together, so that kinds of values and formats are mixed, and each in a workbook of its own.
    tables = [rows] if left or from_1904 else [rows, *([row] for row in rows)]
    found = [read(written(tmp_path, *t, header=header, first=(left, left), from_1904=from_1904), WIDE) for t in tables]
    texts = [text for _, text in CELLS[column]]
    assert [row[column] for row in found[0][0]] == texts
    assert not found[1:] or [alone[0][column] for alone, _ in found[1:]] == texts
    assert {extract.serial_days for _, extract in found} == {1462 if from_1904 else 0}


def test_an_identifier_of_which_excel_has_lost_digits_is_a_fault_of_its_row(tmp_path):
    path = written(tmp_path, [1e15, "a", "b"], [-1e15, "a", "b"], ["1000000000000000", "a", "b", 1e15])
    digits = "1000000000000000"
    assert rows_of(path) == ["2 digits_lost visit_id", "3 digits_lost visit_id", f"4 {digits}|a|b|{digits}"]


TABLES = {
    "a number before the word total": ([[1, *"abcd"], [2, "Total", *"bcd"]], "2 1|a|b|c|d; 3 2|Total|b|c|d"),
    "cells beside the table": (
        [["1", *"abcd"], [None] * 6 + ["u"], ["2", *"abcd", "e"], ["3", "x"]],
        "2 1|a|b|c|d; 3 too_many_cells; 4 too_many_cells; 5 3|x",
    ),
    "a second header": ([["1", *"abcd"], [], ["ROOM", "Visit-Id", "Begun At", "Stay", "Note"]], "second_header"),
}


@pytest.mark.parametrize(("rows", "expected"), TABLES.values(), ids=TABLES)
def test_a_sheet_has_these_rows_or_is_refused(tmp_path, rows, expected):
    assert rows_or_code(written(tmp_path, *rows)) == expected


def test_the_sheet_that_the_contract_names_is_read(tmp_path):
    path = written(tmp_path, ["1", *"abcd"], sheets=("One", "Two "))
    assert rows_or_code(path) == "ambiguous_sheet"
    assert rows_of(path, replace(VISITS, sheets=("Two",))) == ["2 1|a|b|c|d"]
    error = refusal(path, replace(VISITS, sheets=("Three",)))
    assert error.code == "no_sheet"
    assert "none of the 2 sheets is named Three" in str(error)


def test_a_sheet_without_the_header_is_refused_without_its_texts(tmp_path):
    error = refusal(written(tmp_path, header=("Mrs Smith", "x")))
    assert error.code == "no_header"
    assert "no header found in 1 sheets; looked at 1 rows with at most 2 cells" in str(error)
    assert "Smith" not in str(error)


def test_of_several_sheets_that_lack_a_column_the_closest_is_named_and_unknown_names_are_shown(tmp_path):
    path = tmp_path / "v.xlsx"

    def write(*headers: tuple[str, ...]) -> None:
        with xlsxwriter.Workbook(path) as book:
            for names in headers:
                book.add_worksheet().write_row(0, 0, names)

    write(("visit_id", "note"), ("visit_id", "room", "note"), ("visit_id", "stay"))
    assert "are missing: begun_at; found in row 1: visit_id, room, note" in str(refusal(path))
    write(("visit_id", "note"), NAMES)
    assert rows_of(path) == []
    _, extract = read(written(tmp_path, ["1", "a", "b", "s"], header=("visit", "room", "begun_at", "caller")))
    assert (extract.found, extract.unknown_columns) == (("visit_id", "room", "begun_at"), ("caller",))


SHARED = '<row r="3"><c r="A3" t="s"><v>11</v></c></row>'
FORMULA = "3 formula_without_value"
XML = {
    # Rows between row 2 and row 9: XML, a shared string that it may refer to, and what row 3 is.
    "blanks of Unicode": (SHARED, '<si><t xml:space="preserve">\u00a0&#160;</t></si>', None),
    "an empty string": (SHARED, "<si/>", None),
    "a reading aid": (SHARED, "<si><r><t> </t></r><rPh><t>x</t></rPh></si>", None),
    "text in a second font": (SHARED, "<si><r><t> </t></r><r><t>x</t></r></si>", "3 x"),
    "a blank in the cell": ('<row r="3"><c r="A3" t="inlineStr"><is><t>&#160; </t></is></c></row>', "", None),
    "characters as they are": ('<row r="3"><c><v><![CDATA[7]]></v></c></row>', "", "3 7"),
    "errors": ('<row r="3"><c r="A3" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>', "", "3 #DIV/0!"),
    "a formula in a column that is not loaded": ('<row r="3"><c r="Z3"><f>1+1</f></c></row>', "", None),
    "a formula without a value": ('<row r="3"><c r="A3"><f>1+1</f></c></row>', "", FORMULA),
    "one with an empty value": ('<row r="3"><c r="D3"><f>1+1</f><v/></c><c r="A3"><v>7</v></c></row>', "", FORMULA),
    "a formula with its value": ('<row r="3"><c r="A3"><f>1+1</f><v>2</v></c></row>', "", "3 2"),
    "a formula of no text": ('<row r="3"><c t="str"><f>""</f><v></v></c><c><v>7</v></c></row>', "", "3 |7"),
    "an error in single quotes": ("<row r='3'><c r='A3' t='e'><v>#NAME?</v></c></row>", "", "3 #NAME?"),
    "formats": ('<row r="3" s="1" customFormat="1"/><row r="4"/>', "", None),
}


def with_rows(folder: Path, xml: str, strings: str = "") -> Path:
    """Two good rows, and rows of one's own between them."""
    path = written(folder, ["1", *"abcd"], ["2", *"abcd"])
    changed(path, STRINGS, lambda text: text.replace("</sst>", strings + "</sst>"))

    def moved(found: re.Match[str]) -> str:
        return xml + re.sub(r'(r="[A-Z]*)3"', r'\g<1>9"', found[0])

    return changed(path, SHEET, lambda text: re.sub(r'<row r="3".*?</row>', moved, text))


@pytest.mark.parametrize(("xml", "strings", "row"), XML.values(), ids=XML)
def test_a_row_counts_when_a_cell_has_a_value(tmp_path, xml, strings, row):
    good = ["2 1|a|b|c|d", *([row] if row else []), "9 2|a|b|c|d"]
    assert rows_of(with_rows(tmp_path, xml, strings)) == good


@pytest.mark.parametrize(
    ("row", "expected"),
    [('<c r="A5" t="e"><v>#REF!</v></c>', "5 #REF!"), ('<c r="B5"><f>1+1</f></c>', "5 formula_without_value")],
)
def test_errors_and_formulas_below_the_last_value_are_rows(tmp_path, row, expected):
    path = written(tmp_path, ["1", *"abcd"])
    changed(path, SHEET, lambda xml: xml.replace("</sheetData>", f'<row r="5">{row}</row></sheetData>'))
    assert rows_of(path) == ["2 1|a|b|c|d", expected]


def in_cells(parts: dict[str, bytes]) -> None:
    """Put shared strings into the cells, as other writers do."""
    texts = re.findall(r"<si>(.*?)</si>", parts[STRINGS].decode())
    cell = r't="s"><v>(\d+)</v>'
    parts[SHEET] = re.sub(cell, lambda v: f't="inlineStr"><is>{texts[int(v[1])]}</is>', parts[SHEET].decode()).encode()


def of_sheet(pattern: str, new: str) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.update({SHEET: re.sub(pattern, new, parts[SHEET].decode()).encode()})


def prefixed(parts: dict[str, bytes]) -> None:
    of_sheet(r"<(/?)(?=\w)", r"<\1x:")(parts)
    of_sheet(" xmlns=", " xmlns:x=")(parts)


WRITERS: dict[str, Callable[[dict[str, bytes]], None]] = {
    "prefixed names": prefixed,
    "cells without positions": of_sheet(r'<(row|c) r="\w+"', r"<\1"),
    "formats to the edge of the sheet": of_sheet(r'(<row r="(\d+)".*?)</row>', r'\1<c r="XFD\2" s="0"/></row>'),
    "texts in the cells": in_cells,
    "no dimension": of_sheet("<dimension[^>]*/>", ""),
    "line ends": of_sheet("<(row|c) ", r"\r\n <\1\n "),
    "single quotes": of_sheet(r'(<(?:row|c) r=)"(\w+)"', r"\1'\2'"),
    "absolute targets": lambda parts: parts.update(
        {"xl/_rels/workbook.xml.rels": parts["xl/_rels/workbook.xml.rels"].replace(b'"worksheets', b'"/xl/worksheets')}
    ),
    "capitals": lambda parts: parts.update({"xl/Worksheets/Sheet1.xml": parts.pop(SHEET)}),
}


@pytest.mark.parametrize("change", WRITERS.values(), ids=WRITERS)
def test_a_workbook_may_be_written_in_other_ways(tmp_path, change):
    path = repacked(written(tmp_path, *([str(i), *"abcd"] for i in range(50))), change)
    assert rows_of(path) == [f"{i + 2} {i}|a|b|c|d" for i in range(50)]


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def row_added(row: str) -> Callable[[str], str]:
    return replaced("</sheetData>", f"{row}</sheetData>")


BOOK, DOCTYPE = "xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "b">]>'
FORMATS = f'<numFmts><numFmt numFmtId="200" formatCode="{"[" * 900_000}"/></numFmts><fonts '
HOSTILE = {
    "a document type": (SHEET, replaced("<worksheet", "<!DOCTYPE x><worksheet"), {}, "unsafe"),
    "an entity": (BOOK, replaced("?>", f"?>{DOCTYPE}"), {}, "unsafe"),
    "NUL characters": (SHEET, str, {"xl/a.xml": "a\x00"}, "unsafe"),
    "macros": (SHEET, str, {"xl/vbaProject.bin": "x"}, "unsafe"),
    "a name twice": (SHEET, str, {"XL/workbook.xml": "x"}, "unsafe"),
    "many members": (SHEET, str, {f"xl/media/{i}.txt": "x" for i in range(1000)}, "unsafe"),
    "a member that unpacks to much": (SHEET, str, {"xl/media/bomb.txt": "x" * (4 << 20)}, "unsafe"),
    "two sheets of a member": (BOOK, replaced("</sheets>", '<sheet r:id="rId1"/></sheets>'), {}, "unsafe"),
    "a column beyond the last": (SHEET, replaced('r="E2"', 'r="XFE2"'), {}, "corrupt"),
    "half a sheet": (SHEET, lambda xml: xml[: len(xml) // 2], {}, "corrupt"),
    "an unknown encoding": (BOOK, replaced('"UTF-8"', '"none"'), {}, "corrupt"),
    "two rows of a number": (SHEET, row_added('<row r="2"><c r="A2"><v>1</v></c></row>'), {}, "corrupt"),
    "a number that is none": (SHEET, row_added("<row><c><v>seven</v></c></row>"), {}, "corrupt"),
    "a row beyond the last": (SHEET, row_added('<row r="1048577"/>'), {}, "corrupt"),
    "a number without end": (SHEET, row_added("<row><c><v>1e999</v></c></row>"), {}, "corrupt"),
    "an unseen value": (SHEET, row_added("<!--<row><c><v>7</v></c></row>-->"), {}, "count_differs"),
    # Searching them from each of their characters would take hours.
    "tags that do not end": (SHEET, row_added('<row r="3">' + "<v " * 250_000), {}, "corrupt"),
    "strings that do not end": (STRINGS, replaced("</sst>", "<si " * 250_000), {}, "corrupt"),
    "brackets that do not close": ("xl/styles.xml", replaced("<fonts ", FORMATS), {}, "rows"),
}


@pytest.mark.parametrize(("member", "change", "extra", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_or_damaged_workbook_is_refused(tmp_path, member, change, extra, code):
    found = rows_or_code(changed(written(tmp_path, ["1", *"abcd"]), member, change, **extra))
    assert found == {"rows": "2 1|a|b|c|d"}.get(code, code)


LIMITS = {
    # The least value of each limit with which a workbook of ten cells, one of them blank, is read.
    "members": ("_MEMBERS", lambda parts: len(parts), "unsafe"),
    "bytes": ("_BYTES", lambda parts: sum(map(len, parts.values())), "unsafe"),
    "bytes of a description": ("_OTHER_BYTES", lambda parts: len(parts["xl/theme/theme1.xml"]), "unsafe"),
    "texts": ("_STRINGS", lambda _: 10, "too_large"),
    "bytes of a row": ("_ROW_LIMIT", lambda parts: len(parts[SHEET].rpartition(b"<row")[2]), "too_large"),
}


@pytest.mark.parametrize(("name", "least", "code"), LIMITS.values(), ids=LIMITS)
def test_a_workbook_beyond_a_limit_is_refused(tmp_path, monkeypatch, name, least, code):
    path = written(tmp_path, ["1", "a", "b", " ", "d"])
    with zipfile.ZipFile(path) as container:
        limit = least({member: container.read(member) for member in container.namelist()})
    monkeypatch.setitem(reading.READERS, "xlsx", XlsxReader)
    module = sheet if name.startswith("_ROW") else workbook
    monkeypatch.setattr(module, name, limit)
    assert rows_or_code(path) == "2 1|a|b||d"
    monkeypatch.setattr(module, name, limit - 1)
    assert rows_or_code(path) == code
