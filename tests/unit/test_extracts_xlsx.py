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
from tests.unit.extract_helpers import NAMES, contract, faults, numbered, read, refusal, repacked, with_count

DATE, DATE_TIME, TIME, HOURS = "dd/mm/yyyy", "dd/mm/yyyy hh:mm:ss", "hh:mm:ss", "[h]:mm:ss"
MIDNIGHT = dt.datetime(2022, 10, 30)  # noqa: DTZ001 - Excel knows no time zone
MOMENT = dt.datetime(2022, 10, 30, 1, 2, 3)  # noqa: DTZ001
Cell = Any
SHEET = "xl/worksheets/sheet1.xml"


def written(
    folder: Path,
    rows: list[list[Cell]],
    *,
    first: tuple[int, int] = (0, 0),
    sheets: tuple[str, ...] = ("Data",),
    options: dict[str, Any] | None = None,
    header: tuple[str, ...] = NAMES,
) -> Path:
    """A workbook; a cell of (value, number format) gets that format, and every sheet the same rows."""
    path = folder / "visits_2022-10-30.xlsx"
    book = xlsxwriter.Workbook(path, {"strings_to_formulas": False, **(options or {})})
    formats: dict[str, Any] = {}
    for name in sheets:
        sheet = book.add_worksheet(name)
        for i, row in enumerate([list(header), *rows]):
            for j, cell in enumerate(row):
                value, shown = cell if isinstance(cell, tuple) else (cell, None)
                if shown is not None and shown not in formats:
                    formats[shown] = book.add_format({"num_format": shown})
                if value is not None:
                    sheet.write(first[0] + i, first[1] + j, value, formats.get(shown))
    book.close()
    return path


def changed(path: Path, member: str, change: Callable[[str], str], **extra: str) -> Path:
    """The workbook with one member rewritten and others added."""

    def rewrite(parts: dict[str, bytes]) -> None:
        parts[member] = change(parts[member].decode()).encode()
        parts.update({name: text.encode() for name, text in extra.items()})

    return repacked(path, rewrite)


def cell_of(folder: Path, column: str, cell: Cell, **more: Any) -> str | None:
    row = dict.fromkeys(NAMES, "x") | {column: cell}
    rows, _ = read(written(folder, [list(row.values())], **more))
    return rows[0].get(column)


def test_a_percentage_in_a_column_of_percentages_is_its_number(tmp_path):
    column = Column("share", CellType.DECIMAL, "", precision=5, scale=2, maximum=Decimal(100))
    ratio = replace(column, name="ratio", maximum=Decimal(1))
    under = replace(contract(), columns=(*contract().columns, column, ratio))
    cells = ["1", "a", MOMENT, 5, "b", (0.4712, "0%"), (0.47, "0%")]
    rows, _ = read(
        written(tmp_path, [cells, ["2", "a", MOMENT, 5, "b", 47.12, 0.47]], header=(*NAMES, "share", "ratio")), under
    )
    assert [(Decimal(row["share"]), row["ratio"]) for row in rows] == [(Decimal("47.12"), "0.47")] * 2


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (6001 / 7013, "0.00%", "85.57"),
        (6001 / 7013, "0%", "85.57"),
        (6001 / 7013, "0.000%", "85.570"),
        (1 - 0.0843, "0.00%", "91.57"),
        (0.1 + 0.7, "0.00%", "80.00"),
        (0.912345, "0.0000%", "91.2345"),
        (-0.00005, "0.00%", "-0.01"),
        (1e-300, "0.00%", "0.00"),
        (9.9e8, "0.00%", "99000000000.00"),
    ],
)
def test_a_percentage_has_the_decimals_of_its_column_unless_the_cell_shows_more(
    tmp_path, value, number_format, expected
):
    column = Column("share", CellType.DECIMAL, "", precision=5, scale=2, maximum=Decimal(100))
    under = replace(contract(), columns=(*contract().columns, column))
    cells = ["1", "a", MOMENT, 5, "b", (value, number_format)]
    rows, _ = read(written(tmp_path, [cells], header=(*NAMES, "share")), under)
    assert rows[0]["share"] == expected


def test_a_share_of_many_decimals_is_a_number_in_a_column_of_many(tmp_path):
    column = Column("share", CellType.DECIMAL, "", precision=38, scale=30, maximum=Decimal(100))
    under = replace(contract(), columns=(*contract().columns, column))
    cells = ["1", "a", MOMENT, 5, "b", (9.1e8 / 7, "0.00%")]
    rows, _ = read(written(tmp_path, [cells], header=(*NAMES, "share")), under)
    assert Decimal(rows[0]["share"]) == 13_000_000_000


def test_an_identifier_of_which_excel_has_lost_digits_is_a_fault_of_its_row(tmp_path):
    rows, _ = read(written(tmp_path, [[1e15, "a", MOMENT, 5, "b"], ["1000000000000000", "a", MOMENT, 5, "b"]]))
    assert faults(rows) == [(2, "digits_lost")]
    assert rows[0]["record_column"] == "visit_id"
    assert rows[1]["visit_id"] == "1000000000000000"


def test_a_second_header_with_the_columns_in_other_places_rejects_the_file(tmp_path):
    for second in (["visit_id", "room", "begun_at", "note", "stay"], ["ROOM", "Visit-Id", "Begun At", "Stay", "Note"]):
        path = written(tmp_path, [["1", "a", MOMENT, 5, "b"], [], second, ["2", "a", MOMENT, "b", 5]])
        assert refusal(path).code == "second_header"
    rows, _ = read(written(tmp_path, [["1", "a", "b", 5, "b"], list(NAMES), ["2", "a", "b", 5, "b"]]))
    assert numbered(rows) == [(2, "1"), (3, "visit_id"), (4, "2")]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (" text ", "text"),
        ("007", "007"),
        (7, "7"),
        (12345678901, "12345678901"),
        (-3, "-3"),
        (0.5, "0.5"),
        (1e-7, "0.0000001"),
        (999_999_999_999_999, "999999999999999"),
        (True, "true"),
        (False, "false"),
        (3.0, "3"),
        ((3.0, "0.00"), "3"),
        ((0.0116, "0.00%"), "1.16%"),
        ((0.28999999999999998, "0%"), "29%"),
        ((0.011649, "#,##0.00%;-0.00%"), "1.16%"),
        ((-0.00125, "0.0 %"), "-0.1%"),
        ((0.5, '0.0"%"'), "0.5"),
        (("1.16%", "0.00%"), "1.16%"),
        ((1e14, "0.00%"), "100000000000000"),
        ((0.5, f"0.{'0' * 200}%"), "50.000000000000000%"),
        ((MOMENT, DATE_TIME), "2022-10-30 01:02:03"),
        ((MOMENT.replace(microsecond=456_000), DATE_TIME), "2022-10-30 01:02:03.456000"),
        ((MIDNIGHT, DATE), "2022-10-30"),
        ((dt.time(0, 4, 56), TIME), "0:04:56"),
        ((1.25, HOURS), "30:00:00"),
        ("=1+1", "=1+1"),
    ],
)
def test_cells_become_text(tmp_path, cell, expected):
    assert cell_of(tmp_path, "note", cell) == expected


@pytest.mark.parametrize("from_1904", [False, True])
@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (17, "17"),
        (296.5, "296.5"),
        ("4m 56s", "4m 56s"),
        ((dt.time(0, 4, 56), TIME), "0:04:56"),
        ((0, TIME), "0:00:00"),
        ((0, HOURS), "0:00:00"),
        ((1, HOURS), "24:00:00"),
        ((1.5, TIME), "36:00:00"),
        ((1.5, HOURS), "36:00:00"),
        ((0.0625, "mm:ss"), "1:30:00"),
        ((-0.5, TIME), "-0.5"),
        ((-0.5, HOURS), "-0.5"),
        ((-17, "0"), "-17"),
    ],
)
def test_a_duration_is_a_day_fraction_under_a_time_format(tmp_path, cell, expected, from_1904):
    assert cell_of(tmp_path, "stay", cell, options={"date_1904": from_1904}) == expected


@pytest.mark.parametrize("from_1904", [False, True])
def test_dates_come_out_right_in_both_date_systems(tmp_path, from_1904):
    rows = [["1", "a", (MOMENT, DATE_TIME), None, None], ["2", "a", 44864.5, None, (MIDNIGHT, DATE)]]
    found, extract = read(written(tmp_path, rows, options={"date_1904": from_1904}))
    assert [row["begun_at"] for row in found] == ["2022-10-30 01:02:03", "44864.5"]
    assert found[1]["note"] == "2022-10-30"
    assert extract.serial_days == (1462 if from_1904 else 0)


def test_a_whole_day_has_one_midnight_and_it_is_a_time_only_where_the_format_shows_one(tmp_path):
    formats = (DATE_TIME, DATE, 14, 22, '[$-809]dd mmmm yyyy "hrs"', "yyyy-mm-dd h:mm")
    rows, _ = read(written(tmp_path, [["1", "a", (MIDNIGHT, shown)] for shown in formats], first=(3, 2)))
    day, time = "2022-10-30", "2022-10-30 00:00:00"
    assert [row["begun_at"] for row in rows] == [time, day, day, time, day, time]


@pytest.mark.parametrize(("shown", "expected"), [(DATE_TIME, "2022-10-30 00:00:00"), (DATE, "2022-10-30")])
def test_midnight_in_a_workbook_of_one_date_format(tmp_path, shown, expected):
    assert cell_of(tmp_path, "begun_at", (MIDNIGHT, shown)) == expected


@pytest.mark.parametrize("from_1904", [False, True])
@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("stay", (39, DATE), "39"),
        ("stay", (39.5, DATE), "39.5"),
        ("stay", (296, DATE), "296"),
        ("stay", (1, DATE_TIME), "24:00:00"),
        ("begun_at", (44640.5, HOURS), "44640.5"),
        ("count", (2, DATE), "2"),
        ("count", (60, DATE), "60"),
        ("count", (61, DATE), "61"),
        ("count", (2, HOURS), "2"),
        ("count", (400, DATE_TIME), "400"),
    ],
)
def test_a_number_format_does_not_change_what_a_number_is(tmp_path, column, cell, expected, from_1904):
    row = {"visit_id": "x", "room": "x", "begun_at": "x", "stay": 5, "count": 5} | {column: cell}
    path = written(tmp_path, [list(row.values())], header=tuple(row), options={"date_1904": from_1904})
    assert read(path, with_count())[0][0][column] == expected


def test_a_column_of_dates_keeps_dates(tmp_path):
    path = written(tmp_path, [["1", "a", "b", (MIDNIGHT, DATE_TIME)]], header=("visit_id", "room", "begun_at", "day"))
    assert read(path)[0][0]["day"] == "2022-10-30"


def test_source_rows_are_sheet_rows_below_titles_and_blank_rows(tmp_path):
    path = tmp_path / "v.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.merge_range(2, 1, 3, 5, "Visits")
    for j, name in enumerate(NAMES):
        sheet.write(6, 2 + j, name)
    for i in (7, 9, 20):
        for j in range(5):
            sheet.write(i, 2 + j, f"{i}{j}")
    sheet.write(11, 3, "  ")
    sheet.write(22, 4, "Total")
    sheet.write(22, 5, 99)
    book.close()
    assert numbered(read(path)[0]) == [(8, "70"), (10, "90"), (21, "200")]


def test_a_number_before_the_word_total_makes_the_last_row_no_totals_row(tmp_path):
    rows, _ = read(written(tmp_path, [[1, *"abcd"], [2, "Total", *"bcd"]]))
    assert [row["visit_id"] for row in rows] == ["1", "2"]


def test_unknown_columns_are_named(tmp_path):
    path = written(tmp_path, [["1", "a", "b", "s"]], header=("visit", "room", "begun_at", "caller"))
    rows, extract = read(path)
    assert faults(rows) == []
    assert extract.unknown_columns == ("caller",)


def test_a_row_with_cells_beside_the_table_is_a_fault_as_in_delimited_text(tmp_path):
    rows, extract = read(written(tmp_path, [["1", *"abcd"], [None] * 5 + [None, "u"], ["2", *"abcd", "e"], ["3"]]))
    assert faults(rows) == [(3, "too_many_cells"), (4, "too_many_cells")]
    assert [row["source_row"] for row in rows] == [2, 3, 4, 5]
    assert extract.warnings == []


def with_rows(folder: Path, xml: str, strings: str = "") -> Path:
    """Two good rows, and rows of one's own between them."""
    path = written(folder, [["1", *"abcd"], ["2", *"abcd"]])
    changed(path, "xl/sharedStrings.xml", lambda text: text.replace("</sst>", strings + "</sst>"))

    def moved(found: re.Match[str]) -> str:
        return xml + re.sub(r'(r="[A-Z]*)3"', r'\g<1>9"', found[0])

    return changed(path, SHEET, lambda text: re.sub(r'<row r="3".*?</row>', moved, text))


@pytest.mark.parametrize(
    ("xml", "strings", "faulty"),
    [
        ('<row r="3"><c r="A3" t="s"><v>11</v></c></row>', "<si><t> </t></si>", None),
        ('<row r="3"><c r="A3" t="s"><v>11</v></c></row>', '<si><t xml:space="preserve">\u00a0&#160;</t></si>', None),
        ('<row r="3"><c r="A3" t="s"><v>11</v></c></row>', "<si/>", None),
        ('<row r="3"><c r="A3" t="s"><v>11</v></c></row>', "<si><r><t> </t></r><rPh><t>x</t></rPh></si>", None),
        ('<row r="3"><c r="A3" t="s"><v>11</v></c></row>', "<si><r><t> </t></r><r><t>x</t></r></si>", ()),
        ('<row r="3"><c r="A3" t="s"><v></v></c><c r="B3"/></row>', "", None),
        ('<row r="3"><c r="A3" t="inlineStr"><is><t> </t></is></c></row>', "", None),
        ('<row r="3"><c r="A3" t="inlineStr"><is><r><t>x</t></r></is></c></row>', "", ()),
        ('<row r="3"><c r="A3" t="str"><f>" "</f><v> </v></c></row>', "", None),
        ('<row r="3"><c r="A3" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="B3" t="e"><v>#N/A</v></c></row>', "", ()),
        ('<row r="3"><c r="A3" t="e"><v>#N/A</v></c><c r="B3"><v>7</v></c></row>', "", ()),
        ('<row r="3"><c r="Z3"><f>1+1</f></c></row>', "", None),
        ('<row r="3"><c r="A3"><f>1+1</f></c></row>', "", "formula_without_value"),
        ('<row r="3" s="1" customFormat="1"/><row r="4"/>', "", None),
    ],
)
def test_a_row_counts_when_a_cell_has_a_value(tmp_path, xml, strings, faulty):
    rows, _ = read(with_rows(tmp_path, xml, strings))
    assert [row["source_row"] for row in rows] == [2, *([] if faulty is None else [3]), 9]
    assert faults(rows) == ([(3, faulty)] if faulty else [])


def test_a_value_that_the_parser_does_not_see_rejects_the_file(tmp_path):
    path = with_rows(tmp_path, '<row r="3"><c r="C3"><v><![CDATA[7]]></v></c></row>')
    assert refusal(path).code == "count_differs"


def test_errors_below_the_last_value_are_rows(tmp_path):
    path = written(tmp_path, [["1", *"abcd"]])
    row = '<row r="5"><c r="A5" t="e"><v>#REF!</v></c></row>'
    changed(path, SHEET, lambda xml: xml.replace("</sheetData>", row + "</sheetData>"))
    assert [row["source_row"] for row in read(path)[0]] == [2, 5]


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: re.sub(r"<(/?)(?=\w)", r"<\1x:", xml).replace("xmlns=", "xmlns:x=", 1),
        lambda xml: re.sub(r'<(row|c) r="\w+"', r"<\1", xml),
        lambda xml: re.sub(r'(<row r="(\d+)".*?)</row>', r'\1<c r="XFD\2" s="0"/></row>', xml),
    ],
    ids=["prefixed names", "cells without positions", "columns formatted to the edge of the sheet"],
)
def test_a_sheet_may_be_written_in_other_ways(tmp_path, change):
    path = written(tmp_path, [[str(i), *"abcd"] for i in range(50)])
    changed(path, SHEET, change)
    assert [row["visit_id"] for row in read(path)[0]] == [str(i) for i in range(50)]


def test_a_header_without_rows_is_fine(tmp_path):
    assert read(written(tmp_path, []))[0] == []


def test_the_one_sheet_whose_header_matches_is_read(tmp_path):
    path = tmp_path / "v.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Empty")
    other = book.add_worksheet("Summary")
    other.write_row(0, 0, ["visit_id", "room", "count"])
    data = book.add_worksheet("Data")
    data.write_row(0, 0, NAMES)
    data.write_row(1, 0, ["1", *"abcd"])
    book.add_chartsheet("Chart")
    book.close()
    assert [row["visit_id"] for row in read(path)[0]] == ["1"]


def test_two_sheets_that_match_are_refused_unless_the_contract_names_one(tmp_path):
    path = written(tmp_path, [["1", *"abcd"]], sheets=("One", "Two"))
    assert refusal(path).code == "ambiguous_sheet"
    assert len(read(path, contract(sheet="Two"))[0]) == 1
    assert refusal(path, contract(sheet="Three")).code == "no_sheet"


def test_sheets_that_do_not_match_are_refused_without_their_texts(tmp_path):
    for header, code, text in (
        (("visit_id", "room", "Mrs Smith"), "missing_column", "begun_at"),
        (("Mrs Smith", "x"), "no_header", ""),
        (("visit", "visit_id", "room", "begun_at"), "duplicate_column", ""),
    ):
        error = refusal(written(tmp_path, [], header=header))
        assert error.code == code
        assert text in str(error)
        assert "Smith" not in str(error)


def formula_sheet(folder: Path, cell: str) -> Path:
    path = written(folder, [["1", "a", "b", 5, "d"], ["2", "a", "b", 6, "d"]])
    return changed(path, SHEET, lambda xml: re.sub(r'<c r="D2"[^>]*><v>5</v></c>', cell, xml))


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="D2"><f>1+1</f></c>',
        '<c r="D2"><f>1+1</f><v></v></c>',
        '<c r="D2"><f>1+1</f><v/></c>',
        '<c r="D2"><f t="shared" si="0"/></c>',
    ],
)
def test_a_formula_whose_value_was_not_stored_is_a_fault(tmp_path, cell):
    rows, _ = read(formula_sheet(tmp_path, cell))
    assert faults(rows) == [(2, "formula_without_value")]
    assert rows[1]["stay"] == "6"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c r="D2"><f>1+1</f><v>2</v></c>', "2"),
        ('<c r="D2" t="str"><f>""</f><v></v></c>', None),
        ('<c r="D2" t="str"><f>"x"</f><v>x</v></c>', "x"),
        ('<c r="D2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
        ('<c r="D2" t="e"><f>XX!A1</f><v>#REF!</v></c>', "#REF!"),
        ("<c r='D2' t='e'><v>#NAME?</v></c>", "#NAME?"),
    ],
)
def test_a_formula_with_its_value_is_that_value(tmp_path, cell, expected):
    rows, _ = read(formula_sheet(tmp_path, cell))
    assert faults(rows) == []
    assert rows[0].get("stay") == expected


def test_a_row_of_formulas_without_values_is_not_blank(tmp_path):
    cells = "".join(f'<c r="{c}2"><f>1+1</f></c>' for c in "ABCDE")
    path = changed(
        written(tmp_path, [["1", *"abcd"]]),
        SHEET,
        lambda xml: re.sub(r'(<row r="2"[^>]*>).*?</row>', rf"\1{cells}</row>", xml),
    )
    assert faults(read(path)[0]) == [(2, "formula_without_value")]


def test_a_formula_in_an_unknown_column_does_no_harm(tmp_path):
    path = written(tmp_path, [["1", "a", "b", 987]], header=("visit_id", "room", "begun_at", "other"))
    changed(path, SHEET, lambda xml: xml.replace("<v>987</v>", "<f>1+1</f>"))
    assert faults(read(path)[0]) == []


def same(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("member", "change", "extra", "code"),
    [
        (SHEET, lambda xml: xml.replace("<worksheet", "<!DOCTYPE x><worksheet", 1), {}, "unsafe"),
        ("xl/workbook.xml", lambda xml: xml.replace("?>", '?><!DOCTYPE x [<!ENTITY a "b">]>', 1), {}, "unsafe"),
        (SHEET, same, {"xl/vbaProject.bin": "x"}, "unsafe"),
        (SHEET, same, {"XL/workbook.xml": "x"}, "unsafe"),
        (SHEET, same, {f"xl/media/{i}.txt": "x" for i in range(1000)}, "unsafe"),
        (SHEET, same, {"xl/media/bomb.txt": "x" * (4 << 20)}, "unsafe"),
        (SHEET, lambda xml: xml.replace('r="E2"', 'r="XFD1048576"'), {}, "too_large"),
        (
            SHEET,
            lambda xml: xml.replace('<row r="2"', '<row r="900000"').replace('r="E2"', 'r="ZZ900000"'),
            {},
            "too_large",
        ),
        (SHEET, lambda xml: xml[: len(xml) // 2], {}, "corrupt"),
        ("xl/workbook.xml", lambda xml: xml[: len(xml) // 2], {}, "corrupt"),
        ("xl/styles.xml", lambda _: "<styleSheet", {}, "corrupt"),
        ("xl/workbook.xml", lambda xml: xml.replace('"UTF-8"', '"none"'), {}, "corrupt"),
    ],
)
def test_a_hostile_or_damaged_workbook_is_refused_before_it_is_parsed(tmp_path, member, change, extra, code):
    path = written(tmp_path, [["1", *"abcd"]])
    assert refusal(changed(path, member, change, **extra)).code == code


@pytest.mark.parametrize("place", [0, 60])
def test_a_number_too_large_for_its_format_of_durations_is_refused_by_its_row(tmp_path, place):
    rows: list[list[Cell]] = [[str(i), "a", "b", i, "d"] for i in range(61)]
    rows[place][3] = (1e9, "[h]:mm:ss")
    error = refusal(written(tmp_path, rows))
    assert error.code == "corrupt"
    assert f"row {place + 2} " in str(error)


def test_an_endless_description_of_a_workbook_is_refused(tmp_path):
    names = "".join(f"<n{i}/>" for i in range(3_500_000))
    error = refusal(changed(written(tmp_path, []), "xl/workbook.xml", same, **{"xl/names.xml": names}))
    assert error.code == "unsafe"
    assert "32 MiB" in str(error)


def test_a_few_distant_cells_are_allowed(tmp_path):
    path = written(tmp_path, [["1", *"abcd"], *([[]] * 150_000), ["2", *"abcd", *[None] * 50, "x"]])
    rows, _ = read(path)
    assert [row["source_row"] for row in rows] == [2, 150_003]


def test_a_zip_file_without_a_workbook_is_refused(tmp_path):
    path = tmp_path / "v.xlsx"
    with zipfile.ZipFile(path, "w") as container:
        container.writestr("word/document.xml", "<x/>")
    assert refusal(path).code == "wrong_extension"


def test_a_cut_workbook_is_refused(tmp_path):
    path = written(tmp_path, [["1", *"abcd"]])
    data = path.read_bytes()
    for length in (10, len(data) // 2, len(data) - 10):
        path.write_bytes(data[:length])
        assert refusal(path).code == "corrupt"


def test_damage_inside_a_workbook_is_refused(tmp_path):
    path = written(tmp_path, [[str(i), "a", "b", "c", "d"] for i in range(500)])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as container:
        offset = container.getinfo(SHEET).header_offset
    data[offset + 60 : offset + 100] = bytes(40)
    path.write_bytes(data)
    assert refusal(path).code == "corrupt"


def test_an_encrypted_workbook_is_not_taken_for_an_old_one(tmp_path):
    path = tmp_path / "v.xlsx"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(700) + "EncryptedPackage".encode("utf-16-le"))
    assert refusal(path).code == "encrypted"
