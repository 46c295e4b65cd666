"""Charts of the workbook with the band of the year before."""

import io
import re
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from dagster_project.publication.report.model import Point, Report
from dagster_project.publication.workbook import render_workbook
from tests.leaving.publication2.reports import a_report, of_section

REPORT = a_report()
(SECTION,) = REPORT.sections
CHART = SECTION.charts[0]


def points(kinds: str) -> tuple[Point, ...]:
    """A month a letter: `c` complete, `n` the first of a new formula, `p` provisional, `s` marked, `-` none."""
    months = [date(2022 + (number + 3) // 12, (number + 3) % 12 + 1, 1) for number in range(len(kinds))]
    return tuple(
        Point(
            month,
            Decimal(100 + n),
            "1",
            is_provisional=kind == "p",
            verdict="worse" if kind == "s" else None,
            is_after_gap=n > 0 and kinds[n - 1] == "-",
            is_after_change=kind == "n",
        )
        for n, (month, kind) in enumerate(zip(months, kinds, strict=True))
        if kind != "-"
    )


def sheet(report: Report, name: str) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(render_workbook(report))).get_sheet_by_name(name).to_python()


def parts(report: Report) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(render_workbook(report))) as book:
        return {name: book.read(name).decode() for name in book.namelist() if name.endswith((".xml", ".rels"))}


@pytest.mark.parametrize(
    ("kinds", "rows"),
    [
        # Value, provisional value and value by another formula; gaps have an empty row.
        ("cp-c", [[100, "", ""], ["", 101, ""], ["", "", ""], [103, "", ""]]),
        ("ccncnp", [[100, "", ""], [101, "", ""], ["", "", 102], ["", "", 103], [104, "", ""], ["", 105, ""]]),
    ],
)
def test_charts_of_the_workbook_separate_gaps_provisional_months_and_formulas(kinds, rows):
    chart = replace(CHART, points=points(kinds), usual_from=date(2022, 6, 1), target=Decimal(7))
    report = of_section(REPORT, charts=(chart,))
    _, *found = sheet(report, "Chart data")[4:]
    assert [row[2:6] for row in found] == [[date(2022, 4 + n, 1), *row] for n, row in enumerate(rows)]
    assert [row[6:] for row in found[1:3]] == [["", "", "", 7], [1234, 0, 2468, 7]]
    names = re.findall("<c:tx><c:v>(.*?)</c:v>", parts(report)["xl/charts/chart1.xml"])
    other = ["Value by another formula"] if "n" in kinds else []
    assert names == [
        "Value",
        "Provisional value",
        *other,
        "Usual",
        "Expected from",
        "Expected to",
        "Target or benchmark",
    ]
