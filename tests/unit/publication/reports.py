"""A small paper with one case of everything that a renderer has to show."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.charts import draw
from dagster_project.publication.html import PAGES
from dagster_project.publication.report import model
from dagster_project.publication.report.model import Block, Chart, Column, Figure, Measure, Point, Report, Row, Run

NOTES = ((None, 1, 2), *[(None, None, None)] * 3)
MONTHS = (date(2022, 12, 1), date(2023, 1, 1))
COLUMNS = (
    Column("2022-12", "Dec 2022", "December 2022"),
    Column("2023-01", "Jan 2023", "January 2023"),
    Column("fytd", "Year to date", "April 2022 to January 2023"),
)


def a_measure(**changes: object) -> Measure:
    measure = Measure(
        code="calls_101.pct_not_answered",
        section="calls_101",
        section_title="101 calls",
        section_order=2,
        label="% Not Answered",
        short_label="Share of 101 calls not answered",
        unit="count",
        decimals=0,
        better="neither",
        definition="",
        numerator=None,
        denominator=None,
        owner="",
        sources="calls",
        in_board_paper=True,
        is_headline=True,
        chart_type="judged",
        target_kind="benchmark",
    )
    return replace(measure, **changes)


def figure(text: str, value: str | None, note: int | None = None) -> Figure:
    return Figure(text, None if value is None else Decimal(value), is_provisional=note is not None, note=note)


def chart(measure: str, unit: str, values: list[str], **changes: Any) -> Chart:
    points = tuple(
        Point(month, Decimal(value), value, is_provisional=False) for month, value in zip(MONTHS, values, strict=True)
    )
    plain = Chart(
        measure=measure,
        title="A measure",
        finding="January 2023: worse than usual",
        alternative=f"{measure} by month",
        unit=unit,
        points=points,
        usual=Decimal(values[0]),
        lower_limit=Decimal(0),
        upper_limit=Decimal(values[0]) * 2,
        target=None,
        target_label="",
    )
    return replace(plain, **changes)


def a_report(**changes: Any) -> Report:
    rows = (
        ("received", "=Received & <answered>", "count", 0, ["1,234", "1,235", "\N{EN DASH}"], ["1234", "1234.5", None]),
        ("lost", "% Not Answered", "percent", 2, ["1.16%", "0.00%", "100.00%"], ["1.155", "0.0049", "100"]),
        ("queue", "Average Queuing Time", "duration", 0, ["17s", "1m 0s", "1h 2m 3s"], ["17.4", "59.5", "3723"]),
        ("ratio", "Chats an hour", "ratio", 2, ["1.50", "0.01", "-2.25"], ["1.5", "0.005", "-2.25"]),
    )
    # The first row has a note on its last two figures.
    table = model.Table(
        "999 calls, December 2022 to January 2023",
        COLUMNS,
        tuple(
            Row(f"calls_999.{name}", label, unit, decimals, tuple(map(figure, texts, values, notes)))
            for (name, label, unit, decimals, texts, values), notes in zip(rows, NOTES, strict=True)
        ),
    )
    target = {"target": Decimal(2), "target_label": "2% benchmark"}
    weeks = [Point(date(2023, 1, day), Decimal(1), "1.00%", False) for day in (16, 23)]
    section = model.Section(
        code="calls_999",
        title="999 calls",
        statements=(model.Statement("Received", "Rose."),),
        commentary=(
            Block("paragraph", (Run("Busy: "), Run("very", is_strong=True), Run(" <busy> #1 *", is_emphasised=True))),
            *(Block("bullet", (Run(text),)) for text in ("first", "second")),
        ),
        table=table,
        charts=(
            chart("calls_999.received", "count", ["1234", "1234.5"]),
            chart("calls_999.lost", "percent", ["1.155", "0.0049"], **target),
            chart("calls_999.queue", "duration", ["17.4", "59.5"]),
        ),
        weekly_charts=(
            chart("calls_999.lost", "percent", ["1", "1"], title="A measure by week", points=tuple(weeks), by="week"),
        ),
    )
    report = Report(
        force_code="kent",
        force_name="Kent Police & Co",
        months=MONTHS,
        data_until=date(2023, 1, 31),
        is_synthetic=True,
        main_points=(model.MainPoint("=Calls & <answered> rose by 1 (0.1%).", "calls_999.received", "calls_999"),),
        points_note="",
        matrix=_matrix(section.charts[0].points),
        exceptions=(
            model.ExceptionItem(
                label="=999 calls <received>",
                reason="Missed the target",
                comment=(Block("paragraph", (Run("=Why & <how> #1"),)),),
                action="@Act <now>",
                owner="+A & B",
                due="1 May 2023",
            ),
        ),
        no_exceptions="",
        front=(("Author", "=A & <B> #c *d*"), ("Contact", "not stated")),
        marking="OFFICIAL & <more> #1",
        revisions=(
            model.Revision(
                "=Calls <x>",
                "Dec 2022",
                figure("100", "100"),
                figure("102", "102"),
                "New or corrected deliveries",
                "count",
                0,
            ),
        ),
        revisions_note="1 figure of an earlier month has changed since the paper of December 2022.",
        publication="20230201T041500Z-0a1b2c3d",
        commentary=tuple(Block("number", (Run(text),)) for text in ("One thing.", "Another.")),
        sections=(section,),
        notes=("Provisional: of January 2023, 30 of 31 days are complete (96.8%).", "Nothing was delivered."),
        definitions=(model.Definition("999 calls", "Received", "999 calls received", "Calls, by month."),),
    )
    return replace(report, **changes)


def of_section(report: Report, **changes: Any) -> Report:
    """The report with other content in its section."""
    return replace(report, sections=(replace(report.sections[0], **changes),))


def _matrix(trend: tuple[Point, ...]) -> model.Matrix:
    received = model.Headline(
        measure="calls_999.received",
        label="=999 calls <received>",
        unit="count",
        decimals=0,
        figure=figure("1,235", "1234.5", 1),
        beside={
            "month_before": figure("1,234", "1234"),
            "year_before": figure("1,233", "1233", 2),
            "fytd": figure("2,469", "2469"),
            "prev_fytd": figure("-", None),
        },
        trend=trend,
        trend_words="High 1234.5 Jan, low 1234 Dec",
        trend_scale=None,
        verdict="Worse than usual",
        target="under 2%: missed; met in 3 of the last 12 months",
        target_side="under",
        target_value=Decimal(2),
        target_state="missed; met in 3 of the last 12 months",
        rest="needs about 94%",
        is_affected=True,
    )
    titles = {"label": "Measure", "figure": "Jan 2023", "month_before": "Dec 2022", "year_before": "Jan 2022"}
    titles |= {"fytd": "Year to date", "target": "Target", "rest": "Rest of the year", "trend": "Last 12 months"}
    return model.Matrix(columns=tuple(titles.items()), headlines=(received,))


def texts(report: Report) -> list[list[str]]:
    """The texts of the table of its section, row by row."""
    return [[item.text for item in row.figures] for row in report.sections[0].table.rows]


def drawings(report: Report) -> dict[str, str]:
    """The charts of a report as SVG, by their keys."""
    return {chart.key: draw(chart) for section in report.sections for chart in section.all_charts}


def a_frame() -> dict[str, Any]:
    """The values that a page of the site needs, for one beside the first page."""
    return {
        "root": "",
        "here": "explorer.html",
        "pages": PAGES,
        "data_until": date(2023, 1, 31),
        "is_synthetic": True,
    }
