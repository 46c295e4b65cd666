"""Columns of decimals: bounds and messages, the same values in every format, and the type of the raw table."""

import gzip
import json
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from dagster_project.contracts import CellType, Column
from dagster_project.extracts.rows import fault_sentences
from tests.unit.judging_helpers import judge
from tests.unit.loading_helpers import VISITS, Installation

BOUNDS = {"minimum": Decimal("-8.65"), "maximum": Decimal("1.77"), "maximum_reason": "the United Kingdom ends there"}
LONGITUDE = Column("longitude", CellType.DECIMAL, "", precision=9, scale=6, **BOUNDS)
SCANS = replace(VISITS, source="scans", columns=(*VISITS.columns, LONGITUDE))
VALUES = [Decimal("-0.143517"), Decimal("0.5"), Decimal("1.77"), Decimal("-8.65"), Decimal(0), Decimal("0.000001")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("-8.650001", "below_minimum"),
        ("1.770001", "above_maximum"),
        ("999.5", "above_maximum"),
        ("1000.5", "not_a_decimal"),
        ("1,0", "not_a_decimal"),
        ("1e-3", "not_a_decimal"),
        (".5", "not_a_decimal"),
        ("0.1435171", "too_many_decimals"),
        ("07700900123", "looks_personal"),
    ],
)
def test_a_number_outside_the_column_has_its_reason(session, text, fault):
    row = {"visit_id": "a", "begun_at": "2022-11-01 10:00", "longitude": text}
    (judged,) = judge(session, [row], contract=SCANS)
    assert (judged["fault"], judged["fault_column"]) == (fault, "longitude")


def test_messages_state_the_digits_and_the_reason_of_the_maximum():
    sentences = fault_sentences(SCANS)
    digits = "(at most 3 before the point, 6 after it)"
    assert sentences["longitude", "not_a_decimal"] == f"longitude: not a number in decimal digits {digits}"
    assert sentences["longitude", "too_many_decimals"] == (
        f"longitude: more digits after the point than the contract allows {digits}"
    )
    assert sentences["longitude", "above_maximum"].endswith("(1.77: the United Kingdom ends there)")


def test_every_format_gives_the_same_decimals(tmp_path):
    installation = Installation(tmp_path / "home", {"scans": SCANS})
    folder = installation.settings.landing / "scans"
    folder.mkdir(parents=True)
    names = ("visit_id", "begun_at", "longitude")

    def of_day(day: int) -> list[tuple[str, str, Decimal]]:
        return [(f"v{place}", f"2022-11-0{day} 10:0{place}", value) for place, value in enumerate(VALUES)]

    text = "\n".join([",".join(names), *(f"{visit},{begun},{value:f}000" for visit, begun, value in of_day(1)), ""])
    (folder / "scans_2022-11-01.csv.gz").write_bytes(gzip.compress(text.encode()))
    with xlsxwriter.Workbook(folder / "scans_2022-11-02.xlsx") as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([names, *of_day(2)]):
            sheet.write_row(place, 0, [float(cell) if isinstance(cell, Decimal) else cell for cell in row])
    records = [dict(zip(names, (*row[:2], float(row[2])), strict=True)) for row in of_day(3)]
    (folder / "scans_2022-11-03.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    for day, kind in ((4, pa.decimal128(12, 8)), (5, pa.float64())):
        arrays = dict(zip(names, map(list, zip(*of_day(day), strict=True)), strict=True))
        numbers = pa.array(arrays.pop("longitude")).cast(kind)
        pq.write_table(pa.table({**arrays, "longitude": numbers}), folder / f"scans_2022-11-0{day}.parquet")
    installation.run(source="scans")
    assert [(entry[2], entry[4]) for entry in installation.audit()] == [("loaded", 6)] * 5
    by_day = "select extract_date, list(longitude order by visit_id) from raw.scans group by all order by all"
    assert [values for _, values in installation.query(by_day)] == [VALUES] * 5
    assert installation.query("select distinct typeof(longitude) from raw.scans") == [("DECIMAL(9,6)",)]
