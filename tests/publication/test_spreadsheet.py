"""No cell of a published CSV file or workbook is evaluated, and figures stay as they are printed."""

import csv
import io
import re
import zipfile
from dataclasses import replace

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.publication.public_edition import _copy_out
from dagster_project.publication.report.model import Report
from dagster_project.publication.spreadsheet import neutralised, neutralised_sql
from dagster_project.publication.tables import render_csv
from dagster_project.publication.workbook import render_workbook
from tests.publication.payloads import FORMULAS, TEXTS
from tests.publication.reports import a_report


def in_sql(text: str) -> str:
    with duckdb.connect() as connection:
        query = f"select {neutralised_sql('x')} from (select ? as x)"  # noqa: S608 - of the project
        return connection.execute(query, [text]).fetchone()[0]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_evaluate_is_text_with_an_apostrophe(text):
    assert neutralised(text) == in_sql(text) == f"'{text}"


@pytest.mark.parametrize("text", TEXTS)
def test_figures_and_other_texts_stay_as_they_are(text):
    assert neutralised(text) == in_sql(text) == text


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from([*"=+-@\t\r\n 1,.%hms'a\xa0\u2003\u200b\ufeff\uff1d\uff20\ufe66"]), max_size=6))
def test_both_forms_of_the_rule_agree_on_every_text(text):
    assert neutralised(text) == in_sql(text)


def hostile(text: str) -> Report:
    """A paper with a text in every place that a workbook has."""
    report = a_report()
    (section,) = report.sections
    charts = tuple(replace(chart, title=text, finding=text, alternative=text) for chart in section.charts)
    rows = tuple(replace(row, label=text) for row in section.table.rows)
    columns = tuple(replace(column, title=f"{text}{place}") for place, column in enumerate(section.table.columns))
    table = replace(section.table, rows=rows, columns=columns, caption=text)
    return replace(
        report,
        force_code=text,
        force_name=text,
        sections=(replace(section, charts=charts, table=table),),
        notes=(text, text),
        definitions=tuple(replace(item, label=text, text=text) for item in report.definitions),
    )


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "=Sheet1!$A$1", "@SUM(1)", "http://example.org/x"])
def test_a_workbook_has_no_formula_and_no_link_but_its_own_contents(text):
    with zipfile.ZipFile(io.BytesIO(render_workbook(hostile(text)))) as book:
        parts = {name: book.read(name).decode() for name in book.namelist() if name.endswith((".xml", ".rels"))}
    sheets = "".join(content for name, content in parts.items() if name.startswith("xl/worksheets/"))
    assert "<f>" not in sheets
    assert set(re.findall(r"<hyperlink [^>]*location=\"'?([^'!]+)", sheets)) >= {"Notes", "Definitions"}
    assert 'TargetMode="External"' not in "".join(parts.values())
    charts = [content for name, content in parts.items() if name.startswith("xl/charts/chart")]
    assert charts
    for content in charts:
        # Series refer to the sheet of numbers; a title is text.
        assert "<c:f>" not in content[: content.index("<c:plotArea>")]
        assert set(re.findall(r"<c:f>('?[^<!]*'?)!", content)) == {"'Chart data'"}


@pytest.mark.parametrize("text", [item for item in FORMULAS if "\x00" not in item])
def test_no_cell_of_a_csv_file_is_a_formula(text):
    report = hostile(text)
    rows = list(
        csv.reader(io.StringIO(render_csv(report.force_code, report.sections[0].table, report.notes), newline=""))
    )
    cells = [cell for row in rows for cell in row]
    assert f"'{text}" in cells
    assert all(neutralised(cell) == cell for cell in cells)


def test_a_text_longer_than_a_cell_is_cut_rather_than_left_out():
    with zipfile.ZipFile(io.BytesIO(render_workbook(hostile("x" * 40_000)))) as book:
        assert f"<t>{'x' * 32_767}</t>" in book.read("xl/sharedStrings.xml").decode()


def test_the_axis_of_months_of_a_workbook_has_at_most_a_dozen_labels():
    report = a_report()
    (section,) = report.sections
    chart = section.charts[0]
    points = tuple(
        replace(chart.points[0], month=month)
        for month in (chart.points[0].month.replace(year=1903), chart.points[1].month)
    )
    report = replace(report, sections=(replace(section, charts=(replace(chart, points=points),)),))
    with zipfile.ZipFile(io.BytesIO(render_workbook(report))) as book:
        (unit,) = re.findall(r'<c:majorUnit val="(\d+)"', book.read("xl/charts/chart1.xml").decode())
    assert 119 * 12 / int(unit) <= 12


def test_the_tables_of_the_public_edition_have_no_formula_as_csv_and_every_text_as_parquet(tmp_path):
    with duckdb.connect() as connection:
        connection.execute(f"attach '{tmp_path / 'public.duckdb'}' as published; create schema published.marts")
        connection.execute("create table published.marts.counts (district varchar, month date, counted bigint)")
        values = [(text, "2023-01-01", -5) for text in [*FORMULAS, *TEXTS]]
        connection.executemany("insert into published.marts.counts values (?, ?, ?)", values)
        assert _copy_out(connection, tmp_path) == {"counts": len(values)}
        kept = connection.execute("select district from read_parquet(?)", [str(tmp_path / "parquet/counts.parquet")])
        assert sorted(row[0] for row in kept.fetchall()) == sorted(text for text, *_ in values)
    with (tmp_path / "csv/counts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line.replace("\0", "") for line in file))
    assert len(rows) == len(values)
    assert all(neutralised(cell) == cell for row in rows for cell in row.values())
    assert {row["counted"] for row in rows} == {"-5"}


def test_the_title_of_a_chart_names_the_month_of_its_verdict():
    with zipfile.ZipFile(io.BytesIO(render_workbook(a_report()))) as book:
        assert "A measure (January 2023: no unusual change)" in book.read("xl/charts/chart1.xml").decode()
