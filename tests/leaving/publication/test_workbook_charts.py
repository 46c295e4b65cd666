"""Charts of the workbook, and the CSV of each paper."""

import csv
import io
import re
from dataclasses import replace

import pytest

from dagster_project.publication.report.model import Event
from dagster_project.publication.spreadsheet import neutralised
from dagster_project.publication.tables import COLUMNS, render_csv
from tests.unit.publication.paper.test_forms import REPORT, SECTION, parts, whole
from tests.unit.publication.payloads import FORMULAS
from tests.unit.publication.reports import MONTHS, of_section, texts

__all__ = ["whole"]


def test_the_charts_of_a_workbook_have_the_marks_of_the_page():
    chart = replace(SECTION.charts[0], events=(Event(MONTHS[0], "Strike & <b>flood</b>"),))
    points = (replace(chart.points[0], verdict="worse"), chart.points[1])
    drawn = parts(of_section(REPORT, charts=(replace(chart, points=points),)))["xl/charts/chart1.xml"]
    assert re.findall(r"<c:val><c:numRef><c:f>'Chart data'!\$(.)\$", drawn) == ["D", "G", "H", "I", "J", "L"]
    assert drawn.count('<c:symbol val="square"/>') == drawn.count("<c:errBars>") == 1
    assert "Strike &amp; &lt;b&gt;flood&lt;/b&gt;" in drawn


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "http://example.org/x" + "x" * 40_000])
def test_a_chart_of_a_workbook_has_no_formula_but_its_numbers(text):
    charts = tuple(replace(chart, title=text[:99], finding=text[:99]) for chart in SECTION.charts)
    chart = parts(of_section(REPORT, charts=charts))["xl/charts/chart1.xml"]
    # Series refer to the sheet of numbers; a title is text.
    assert "<c:f>" not in chart[: chart.index("<c:plotArea>")]
    assert set(re.findall(r"<c:f>('?[^<!]*'?)!", chart)) == {"'Chart data'"}


def test_the_csv_has_every_figure_in_full_with_its_text_and_note(whole):
    table = whole.sections[0].table
    rows = list(csv.DictReader(io.StringIO(render_csv(whole.force_code, table, whole.notes))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["text"] for row in rows] == [text for row in texts(whole) for text in row]
    received = ("kent", "calls_999.received", "'=Received & <answered>", "2023-01", "January 2023")
    assert [*rows[1].values()] == [*received, "1234.5", "1,235", "true", whole.notes[0]]
    assert (rows[2]["value"], rows[2]["note"]) == ("", whole.notes[1])
    assert rows[2]["covers"] == "April 2022 to January 2023, since August 2022"
    assert (rows[3]["value"], rows[3]["is_provisional"], rows[3]["note"]) == ("1.155", "false", "")
    for text in FORMULAS:
        hostile = replace(table, rows=tuple(replace(row, label=text) for row in table.rows))
        lines = csv.reader(io.StringIO(render_csv(text, hostile, (text, text)).replace("\x00", ""), newline=""))
        assert all(neutralised(cell) == cell for line in lines for cell in line)
