"""Incomplete months are marked in every form, and a year to date that begins later is labelled once."""

import csv
import io
import re
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from dagster_project.publication.charts import draw
from dagster_project.publication.html import render_html
from dagster_project.publication.pdf import render_pdf
from dagster_project.publication.report.control_charts import chart_months
from dagster_project.publication.report.figures import table_of
from dagster_project.publication.report.model import Column, Point, Report, Row
from dagster_project.publication.report.months import missing_sources, paper_months
from dagster_project.publication.site.data import running_months
from dagster_project.publication.tables import render_csv
from dagster_project.publication.workbook import render_workbook
from tests.publication.reports import a_report, figure

CHART = a_report().sections[0].charts[0]


def points(kinds: str) -> tuple[Point, ...]:
    """A month a letter: `c` complete, `n` the first of a new formula, `p` provisional, `-` without a figure."""
    months = [date(2022 + (number + 3) // 12, (number + 3) % 12 + 1, 1) for number in range(len(kinds))]
    return tuple(
        Point(month, Decimal(100 + n), "1", kind == "p", None, n > 0 and kinds[n - 1] == "-", kind == "n")
        for n, (month, kind) in enumerate(zip(months, kinds, strict=True))
        if kind != "-"
    )


@pytest.mark.parametrize(
    ("kinds", "joined"),
    [
        *[("cccc", 3), ("cccp", 2), ("cpcc", 1), ("pccc", 2), ("cc-cc", 2), ("cpc-p", 0), ("cc--p", 1)],
        *[("ccnc", 2), ("cnnc", 1), ("cc-nc", 2)],
    ],
)
def test_a_line_joins_only_complete_months_that_follow_each_other(kinds, joined):
    drawn = draw(replace(CHART, points=points(kinds)))
    lines = re.findall(r'<g class="mark-line[^"]*".*?</g>', drawn, re.S)
    assert sum(path.count("L") for line in lines for path in re.findall(r' d="([^"]*)"', line)) == joined
    marks = drawn[drawn.index("mark-symbol") :]
    assert marks.count('fill="white"') == kinds.count("p")


def charted(kinds: str) -> list[list[object]]:
    """Months with value, provisional value and value by another formula, as the workbook's charts read them."""
    report = a_report()
    section = replace(report.sections[0], charts=(replace(CHART, points=points(kinds)),))
    made = CalamineWorkbook.from_filelike(io.BytesIO(render_workbook(replace(report, sections=(section,)))))
    head, *rows = made.get_sheet_by_name("Chart data").to_python()[4:]
    assert head[2:6] == ["Month", "Value", "Provisional value", "Value by another formula"]
    return [row[2:6] for row in rows]


def test_charts_of_the_workbook_separate_gaps_and_provisional_months():
    assert charted("cp-c") == [
        [date(2022, 4, 1), 100, "", ""],
        [date(2022, 5, 1), "", 101, ""],
        [date(2022, 6, 1), "", "", ""],
        [date(2022, 7, 1), 103, "", ""],
    ]


def test_charts_of_the_workbook_separate_the_months_of_each_formula():
    assert [row[1:] for row in charted("ccncnp")] == [
        [100, "", ""],
        [101, "", ""],
        ["", "", 102],
        ["", "", 103],
        [104, "", ""],
        ["", 105, ""],
    ]


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        ("No unusual change", "A measure (No unusual change; different formula since November 2022)"),
        ("", "A measure (different formula since November 2022)"),
    ],
)
def test_the_title_of_a_chart_of_the_workbook_names_a_change_of_formula(finding, expected):
    changed = replace(CHART, finding=finding, formula_note="different formula since November 2022")
    report = a_report()
    section = replace(report.sections[0], charts=(changed,))
    with zipfile.ZipFile(io.BytesIO(render_workbook(replace(report, sections=(section,))))) as book:
        drawing = book.read("xl/charts/chart1.xml").decode()
    assert re.findall("<a:t>(.*?)</a:t>", drawing) == [expected]


UNFINISHED = "January 2023 is not complete: 1 of 31 days is delivered by every source. Its figures are provisional."


@pytest.fixture(scope="module")
def unfinished() -> Report:
    return replace(a_report(), unfinished=UNFINISHED)


def drawings(report: Report) -> dict[str, str]:
    return {chart.key: draw(chart) for part in report.sections for chart in (*part.charts, *part.weekly_charts)}


def words(report: Report) -> dict[str, str]:
    """What each form says."""
    pdf = PdfReader(io.BytesIO(render_pdf(report, drawings(report))))
    book = CalamineWorkbook.from_filelike(io.BytesIO(render_workbook(report)))
    forms = {
        "page": re.sub(r"<[^>]+>", " ", render_html(report, drawings(report))),
        "pdf": " ".join(page.extract_text() for page in pdf.pages),
        "workbook": " ".join(
            str(cell) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row
        ),
    }
    return {form: re.sub(r"\s+", " ", text) for form, text in forms.items()}


def test_every_form_says_that_the_last_month_is_not_complete(unfinished):
    assert [form for form, text in words(unfinished).items() if UNFINISHED not in text] == []
    assert [form for form, text in words(a_report()).items() if "not complete" in text] == []


COLUMNS = (
    Column("2023-01", "Jan 2023", "January 2023"),
    Column("fytd", "Year to date", "April 2022 to January 2023"),
    Column("prev_fytd", "Last year to date", "April 2021 to January 2022"),
)
AUGUST, THIRTEENTH = date(2022, 8, 1), date(2022, 8, 13)


def row(label: str, *starts: date | None) -> Row:
    figures = [replace(figure("1", "1"), since=start) for start in starts]
    return Row(f"calls_999.{label}", label, "count", 0, (figure("1", "1"), *figures))


def test_a_start_that_all_rows_share_is_in_the_head_of_the_column():
    table = table_of("Calls", COLUMNS, [row("one", AUGUST, None), row("two", AUGUST, None)])
    assert [column.since for column in table.columns] == ["", "since August 2022", ""]
    assert [item.remark for item in table.rows] == ["", ""]


def test_a_row_without_a_figure_does_not_change_that():
    empty = Row("calls_999.none", "none", "count", 0, (figure("1", "1"), figure("\N{EN DASH}", None), figure("1", "1")))
    table = table_of("Calls", COLUMNS, [row("one", THIRTEENTH, None), empty])
    assert table.columns[1].since == "since 13 August 2022"


def test_rows_with_different_starts_have_remarks():
    table = table_of("Calls", COLUMNS, [row("one", AUGUST, THIRTEENTH), row("two", None, THIRTEENTH)])
    assert [column.since for column in table.columns] == ["", "", "since 13 August 2022"]
    assert [item.remark for item in table.rows] == ["year to date since August 2022", ""]


def test_every_form_shows_the_start_of_a_later_year_to_date():
    report = a_report()
    table = table_of("Calls", COLUMNS, [row("one", AUGUST, THIRTEENTH), row("two", None, THIRTEENTH)])
    own = replace(report, notes=(), sections=(replace(report.sections[0], table=table, charts=(), weekly_charts=()),))
    for form, text in words(own).items():
        assert text.count("year to date since August 2022") == 1, form
        assert text.count("since 13 August 2022") == 1, form
    covers = [line["covers"] for line in csv.DictReader(io.StringIO(render_csv(own.force_code, table, own.notes)))]
    of_year = "April 2022 to January 2023"
    of_year_before = "April 2021 to January 2022, since 13 August 2022"
    since_august = f"{of_year}, since August 2022"
    assert covers == ["January 2023", since_august, of_year_before, "January 2023", of_year, of_year_before]


@pytest.fixture
def marts(marts):
    marts.execute(
        """
        create table marts.report_months (
            force_code text, month_start date, days bigint, days_loaded bigint, is_default boolean,
            is_running boolean
        );
        create table marts.report_month_so_far (
            force_code text, measure text, month_start date, days bigint, days_loaded bigint, display_value text,
            per_day decimal(38, 6), compared_weeks bigint, compared_display_value text,
            compared_per_day decimal(38, 6)
        );
        create table marts.measures (
            measure text, section_title text, label text, unit text, decimals bigint, board_paper_order bigint
        );
        insert into marts.report_months values
            ('kent', '2022-12-01', 31, 31, true, false), ('kent', '2023-01-01', 31, 30, false, true),
            ('kent', '2023-02-01', 28, 0, false, true), ('essex', '2023-01-01', 31, 31, true, false);
        insert into marts.measures values
            ('calls_999.received', '999 calls', 'Received', 'count', 0, 1),
            ('calls_999.pct_not_answered', '999 calls', '% Not Answered', 'percent', 2, 2),
            ('crime.recorded_crime', 'Recorded and cancelled crime', 'Recorded', 'count', 0, 3);
        insert into marts.report_month_so_far values
            ('kent', 'crime.recorded_crime', '2023-01-01', 31, 31, '1,000', 32.26, 5, '90', 9.5),
            ('kent', 'calls_999.received', '2023-01-01', 31, 30, '28,000', 933.5, 52, '27,900', 930.4),
            ('kent', 'calls_999.pct_not_answered', '2023-01-01', 31, 30, '1.16%', null, null, null, null);
        """
    )
    return marts


def test_running_months_are_compared_with_the_days_before(marts):
    january, february = running_months(marts, "kent")
    assert (january.month, january.coverage) == (date(2023, 1, 1), "30 of 31 days")
    assert [(one["section_title"], one["label"], one["text"], one["before"]) for one in january.measures] == [
        ("999 calls", "Received", "934 a day", "52 weeks before: 930 a day"),
        ("999 calls", "% Not Answered", "1.16%", ""),
        ("Recorded and cancelled crime", "Recorded", "32.3 a day", "five weeks before: 9.5 a day"),
    ]
    assert [one["delivered"] for one in january.measures] == [
        "30 days delivered",
        "30 days delivered",
        "31 days delivered",
    ]
    assert (february.coverage, february.measures) == ("0 of 28 days", [])
    assert running_months(marts, "essex") == []
    # The site and the command line count the same days.
    papers = {one.month: one.coverage for one in paper_months(marts)["kent"]}
    assert [papers[one.month] for one in (january, february)] == [january.coverage, february.coverage]


def test_the_months_of_papers_state_the_default(marts):
    found = paper_months(marts)
    assert [(one.month.month, one.is_default, one.coverage) for one in found["kent"]] == [
        (12, True, ""),
        (1, False, "30 of 31 days"),
        (2, False, "0 of 28 days"),
    ]


def test_a_month_without_a_delivery_has_the_newest_chart_of_its_paper(marts):
    marts.execute(
        """
        create table marts.kpi_measure_spc_as_of as
        from (values
            ('kent', 'a.running', date '2023-01-01', date '2023-01-01'),
            ('kent', 'a.running', date '2023-02-01', date '2023-01-01'),
            ('kent', 'a.running', date '2023-02-01', date '2023-02-01'),
            ('kent', 'a.waiting', date '2023-01-01', date '2022-12-01'),
            ('kent', 'a.waiting', date '2023-01-01', date '2023-01-01'),
            ('kent', 'a.ended', date '2022-08-01', date '2022-08-01'),
            ('kent', 'a.waiting', date '2023-03-01', date '2023-03-01')
        ) as rows (force_code, measure, as_of_month, month_start);
        create table marts.kpi_measure_period as
        select distinct force_code, measure, month_start, 'month' as period, '1' as display_value
        from marts.kpi_measure_spc_as_of
        """
    )
    charts = chart_months(marts, "kent", date(2023, 2, 1))
    assert {measure: [row["month_start"].month for row in rows] for measure, rows in charts.items()} == {
        "a.running": [1, 2],
        "a.waiting": [12, 1],
    }


def test_a_source_is_missing_if_it_delivered_for_the_month_before_only(marts):
    assert missing_sources(marts, "kent", date(2023, 2, 1)) == ()
    marts.execute(
        """
        create table marts.kpi_completeness_monthly as
        from (values
            ('kent', 'crimes', date '2023-01-01', 31),
            ('kent', 'live_chats', date '2023-01-01', 31),
            ('kent', 'live_chats', date '2023-02-01', 0),
            ('kent', 'online_crime_reports', date '2023-01-01', 31),
            ('kent', 'online_crime_reports', date '2023-02-01', 1),
            ('kent', 'call_segments', date '2022-12-01', 31),
            ('kent', 'call_segments', date '2023-01-01', 0),
            ('essex', 'digital_contacts', date '2023-01-01', 31)
        ) as rows (force_code, source, month_start, days_loaded)
        """
    )
    assert missing_sources(marts, "kent", date(2023, 2, 1)) == ("crimes", "live_chats")
